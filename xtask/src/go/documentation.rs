//! The comments of methods.

use super::Package;
use super::classes::Class;
use super::options::Options;
use super::services::{Gives, Parameter, go_name};
use super::words::{Names, exported, lower};
use crate::schema::{Op, Receiver, Type};

impl Package<'_> {
    /// What a method does, its parameters, options and errors.
    pub fn documentation(
        &self,
        name: &str,
        op: &Op,
        class: &Class,
        parameters: &[Parameter],
        options: Option<&Options>,
        gives: Gives,
    ) -> String {
        let mut names = Names::new(self.schema);
        for parameter in parameters {
            if let Some((field, ..)) = &parameter.travels {
                names.known.push((field.name.clone(), parameter.name.clone()));
            }
        }
        for field in options.into_iter().flat_map(|options| &options.fields) {
            if let Some(source) = field.source {
                names.known.push((source.name.clone(), field.function.clone()));
            }
        }
        for service in &self.schema.services {
            for other in service.ops.iter().filter(|other| other.id != op.id) {
                if let Some(first) = Self::methods(other).first()
                    && !names.known.iter().any(|(known, _)| *known == other.name)
                {
                    let go = if first.hidden { exported(&other.name) } else { go_name(other, first) };
                    names.known.push((other.name.clone(), go));
                }
            }
        }
        let mut doc = format!("{name} {}", lower(&names.text(&op.doc)));
        let copies = op.receiver == Receiver::Sandbox && op.updates.is_none();
        if class.name == "Sandbox" && !copies && matches!(&op.returns, Type::Struct { name } if name == "SandboxInfo") {
            doc.push_str("\n\nThe fields of the sandbox are updated.");
        }
        if gives == Gives::Channels {
            doc.push_str(
                " The text goes to channels, and characters are never cut. Both channels are closed when it returns. A nil \
                 channel discards its part; a full one makes the sender wait.",
            );
        }
        let documented: Vec<_> = parameters.iter().filter(|parameter| !parameter.doc.is_empty()).collect();
        if !documented.is_empty() || gives == Gives::Channels {
            doc.push_str("\n\nParameters:");
            for parameter in documented {
                doc.push_str(&format!("\n  - {}: {}", parameter.name, lower(&parameter.doc)));
            }
            if gives == Gives::Channels {
                doc.push_str("\n  - stdout, stderr: where the text of each output goes, or nil.");
            }
        }
        let functions: Vec<_> =
            options.into_iter().flat_map(|options| &options.fields).filter(|f| !f.function.is_empty()).collect();
        if !functions.is_empty() {
            doc.push_str("\n\nOptions:");
            for field in functions {
                doc.push_str(&format!("\n  - [options.{}]: {}", field.function, lower(&field.doc)));
            }
        }
        let said = |word: &str| op.doc.split([' ', '\n', ',']).any(|w| w.eq_ignore_ascii_case(word));
        if matches!(gives, Gives::Result | Gives::Pointers) && !op.result.is_empty() && !said("returns") {
            doc.push_str(&format!("\n\nIt returns {}", lower(&names.text(&op.result))));
        }
        if !op.errors.is_empty() && op.errors != "Only those of every request." {
            doc.push_str(&format!("\n\nErrors: {}", lower(&names.text(&op.errors))));
        }
        let shows = |code: &&String| code.contains(&format!(".{name}("));
        if let Some(code) = op.examples.get("go").filter(shows) {
            // Empty lines end a paragraph, which they must not do here.
            let code: Vec<String> =
                code.lines().filter(|l| !l.trim().is_empty()).map(|line| format!("\t{line}")).collect();
            doc.push_str(&format!("\n\nExample:\n\n{}", code.join("\n")));
        }
        doc
    }
}
