//! Names in the conventions of each language, and the ONE table of deviations from them.

/// Names that differ from the language's convention, by operation id (`process.exec`) or struct field
/// (`ExecuteResponse.exit_code`). Everything not listed follows the convention.
pub struct Deviations(&'static [(&'static str, &'static str)]);

impl Deviations {
    /// The special name, if there is one.
    pub fn get(&self, id: &str) -> Option<&'static str> {
        self.0.iter().find(|(key, _)| *key == id).map(|(_, name)| *name)
    }
}

/// Python.
pub const PYTHON: Deviations = Deviations(&[]);

/// TypeScript.
pub const TYPESCRIPT: Deviations = Deviations(&[("process.exec", "executeCommand")]);

/// Ruby.
pub const RUBY: Deviations = Deviations(&[]);

/// Go.
pub const GO: Deviations = Deviations(&[("process.exec", "ExecuteCommand")]);

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
