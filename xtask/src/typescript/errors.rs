//! The error classes.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use anyhow::{Result, bail};

use super::error_class;
use super::text::{Words, comment, header};
use crate::schema::Schema;

/// The content of `errors.ts`.
pub fn errors(schema: &Schema, words: &Words) -> Result<String> {
    let mut out = header("core/src/error.rs");
    out.push_str("import { DaytonaError } from '../daytona-error.js';\n");
    // A class comes after the one it extends.
    let mut done = BTreeSet::from(["Unknown".to_owned()]);
    while done.len() < schema.errors.len() {
        let before = done.len();
        for kind in &schema.errors {
            let parent = kind.parent.as_deref().unwrap_or("Unknown");
            if !done.contains(&kind.name) && done.contains(parent) {
                let text = comment(&words.text(&kind.doc), 0);
                let (class, base) = (error_class(&kind.name), error_class(parent));
                writeln!(out, "\n{text}export class {class} extends {base} {{}}")?;
                done.insert(kind.name.clone());
            }
        }
        if done.len() == before {
            bail!("the parents of the error kinds form a circle");
        }
    }
    out.push_str("\n/** The class of each kind of error. */\n");
    out.push_str("export const errorClasses: Readonly<Record<string, typeof DaytonaError>> = {\n");
    for kind in &schema.errors {
        writeln!(out, "  {}: {},", kind.name, error_class(&kind.name))?;
    }
    out.push_str("};\n");
    Ok(out)
}
