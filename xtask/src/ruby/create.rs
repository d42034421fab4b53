//! The parameters of `create`: the core's struct, and a class for each thing that a sandbox is made from.

use anyhow::{Context, Result};

use super::models::yard;
use super::{Body, header};
use crate::schema::Schema;

const STRUCT: &str = "CreateSandboxParams";
const BASE: &str = "CreateSandboxBaseParams";

/// The classes, what they are for, and their own attributes; the first may be required.
const FORMS: [(&str, &str, &[&str], bool); 2] = [
    (
        "CreateSandboxFromSnapshotParams",
        "Creates a sandbox from a snapshot: the default one unless named.",
        &["snapshot"],
        false,
    ),
    (
        "CreateSandboxFromImageParams",
        "Creates a sandbox from an image.",
        &["image", "build_secrets", "resources"],
        true,
    ),
];

/// The source of the classes.
pub fn classes(schema: &Schema) -> Result<String> {
    let item = schema.structure(STRUCT).context(STRUCT)?;
    let mut body = Body::new(&header("core/src/model"), &["module Daytona"]);
    body.comment(&format!(
        "Parameters of every way to create a sandbox: the attributes of {{{STRUCT}}}, and a timeout."
    ));
    body.open(&format!("class {BASE} < {STRUCT}"));
    body.comment("@return [Numeric, nil] Seconds to wait for the sandbox to start, unless `create` is told otherwise.");
    body.line("attr_accessor :timeout");
    body.blank();
    body.comment("Every argument is the attribute of the same name.");
    body.open("def initialize(timeout: nil, **attributes)");
    body.line("super(**attributes)");
    body.line("@timeout = timeout");
    body.close();
    body.close();
    for (name, doc, own, required) in FORMS {
        body.blank();
        body.comment(doc);
        body.open(&format!("class {name} < {BASE}"));
        let mut arguments = Vec::new();
        for (i, attribute) in own.iter().enumerate() {
            let field = item.fields.iter().find(|field| field.name == *attribute).context(*attribute)?;
            let given = required && i == 0;
            body.tagged(&format!("@param {attribute} [{}] {}", yard(&field.ty, !given), field.doc), "  ");
            arguments.push(format!("{attribute}:{}", if given { "" } else { " nil" }));
        }
        body.comment(&format!("@param attributes Attributes of {{{BASE}}}."));
        body.open(&format!("def initialize({}, **attributes)", arguments.join(", ")));
        body.line("super");
        body.close();
        body.close();
    }
    Ok(body.finish())
}
