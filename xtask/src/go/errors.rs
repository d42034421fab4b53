//! `pkg/errors/generated.go`: kinds, and the classes with their hierarchy.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::{Context, Result};

use super::HEADER;
use super::words::{comment, lower, sentence};
use crate::schema::{ErrorKind, Schema};

/// The file.
pub fn errors(schema: &Schema) -> Result<String> {
    let kinds = &schema.errors;
    let mut out =
        format!("{HEADER}package errors\n\n// The kinds of errors, to be asked for with errors.Is.\nconst (\n");
    for kind in kinds {
        let doc = format!("Err{}: {}", kind.name, lower(&sentence(&kind.doc)));
        writeln!(out, "{}\tErr{} Kind = {:?}", comment("\t", &doc), kind.name, kind.name)?;
    }
    out.push_str(")\n\n// Parent returns the more general kind, or \"\" when there is none.\nfunc (k Kind) Parent() Kind {\n\tswitch k {\n");
    let mut parents: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for kind in kinds {
        if let Some(parent) = &kind.parent {
            parents.entry(parent).or_default().push(&kind.name);
        }
    }
    for (parent, children) in &parents {
        let children: Vec<String> = children.iter().map(|name| format!("Err{name}")).collect();
        writeln!(out, "\tcase {}:\n\t\treturn Err{parent}", children.join(", "))?;
    }
    out.push_str("\t}\n\treturn \"\"\n}\n");
    let classes: Vec<&ErrorKind> = kinds.iter().filter(|kind| kind.name != "Unknown").collect();
    for kind in &classes {
        let (class, base) = (class(&kind.name), class(kind.parent.as_deref().unwrap_or_default()));
        let doc = format!("{class}: {}", lower(&sentence(&kind.doc)));
        writeln!(
            out,
            "\n{}type {class} struct {{\n\t*{base}\n}}\n\n// Unwrap returns the error as the more general one.\n\
             func (e *{class}) Unwrap() error {{ return e.{base} }}",
            comment("", &doc)
        )?;
    }
    out.push_str(
        "\n// classify returns the error as the class of its kind; unknown kinds stay what they are.\n\
         func classify(e *DaytonaError) error {\n\tswitch e.Kind {\n",
    );
    for kind in &classes {
        writeln!(out, "\tcase Err{}:\n\t\treturn {}", kind.name, construct(kinds, &kind.name)?)?;
    }
    out.push_str("\t}\n\treturn e\n}\n");
    Ok(out)
}

/// `&DaytonaFileNotFoundError{&DaytonaNotFoundError{e}}`
fn construct(kinds: &[ErrorKind], name: &str) -> Result<String> {
    let kind = kinds.iter().find(|kind| kind.name == name).with_context(|| format!("there is no kind {name}"))?;
    let inner = match &kind.parent {
        Some(parent) => construct(kinds, parent)?,
        None => "e".to_owned(),
    };
    Ok(format!("&{}{{{inner}}}", class(name)))
}

fn class(kind: &str) -> String {
    format!("Daytona{kind}Error")
}
