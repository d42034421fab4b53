//! Names in the conventions of each language.

use crate::deviations;

/// The names of one language that differ from its convention.
pub struct Names(&'static str);

impl Names {
    /// The special name of an operation (`process.exec`), a parameter of one, a struct, field, value or service, if there is
    /// one. A hidden method begins with an underscore, a struct that has another home than it should is `home.Name`.
    pub fn get(&self, id: &str) -> Option<&'static str> {
        let language = deviations::language(self.0);
        if let Some(op) = language.operation(id) {
            let name = id.split('.').next_back().unwrap_or_default();
            return match (op.hand_written, self.0) {
                (true, "python") => Some(format!("_{name}").leak()),
                _ => op.name.as_deref(),
            };
        }
        if let Some(item) = language.structure(id) {
            return item.name.as_deref();
        }
        let param = id.rsplit_once('.').and_then(|(op, param)| language.param(op, param));
        let name =
            || [&language.fields, &language.values, &language.services].into_iter().find_map(|names| names.get(id));
        param.or_else(|| name().map(String::as_str))
    }
}

pub const PYTHON: Names = Names("python");
pub const RUBY: Names = Names("ruby");
pub const UNIFFI: Names = Names("uniffi");

/// `exec_command` -> `execCommand`.
pub fn camel(name: &str) -> String {
    let mut out = String::new();
    let mut upper = false;
    for c in name.chars() {
        if c == '_' {
            upper = true;
        } else if upper {
            out.extend(c.to_uppercase());
            upper = false;
        } else {
            out.push(c);
        }
    }
    out
}

/// `exec_command` -> `ExecCommand`.
pub fn pascal(name: &str) -> String {
    let camel = camel(name);
    let mut chars = camel.chars();
    chars.next().map(|c| c.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

/// `ExecCommand` -> `exec_command`.
pub fn snake(name: &str) -> String {
    let mut out = String::new();
    for (i, c) in name.chars().enumerate() {
        if c.is_uppercase() {
            if i > 0 {
                out.push('_');
            }
            out.extend(c.to_lowercase());
        } else {
            out.push(c);
        }
    }
    out
}
