//! The base of the class of a desktop, which has its services.

use anyhow::Result;

use super::text::{Words, comment, header};
use crate::names::snake;
use crate::parts;
use crate::schema::Schema;

/// Name of the class and of its file.
pub const SERVICES: (&str, &str) = ("ComputerUseServices", "./computer-use-services");

pub fn services(schema: &Schema, words: &Words) -> Result<String> {
    let parts = parts::of_desktop(schema)?;
    let mut imports: Vec<_> = parts
        .iter()
        .map(|part| format!("import {{ {0} }} from './{1}.js';\n", part.name, snake(&part.name).replace('_', "-")))
        .collect();
    imports.sort();
    let field = |part: &&crate::schema::Service| {
        format!("{}  readonly {}: {};\n", comment(&words.text(&part.doc), 2), part.id, part.name)
    };
    let made =
        |part: &&crate::schema::Service| format!("    this.{} = new {}(connection, target);\n", part.id, part.name);
    Ok(header("core/src/ops")
        + "import type { Connection } from '../connection.js';\nimport { Service, type Target } from '../service.js';\n"
        + &imports.concat()
        + "\n/** A desktop with what is done on it. */\n"
        + &format!("export abstract class {} extends Service {{\n", SERVICES.0)
        + &parts.iter().map(field).collect::<String>()
        + "\n  /** @internal */\n  constructor(connection: Connection, target: Target) {\n    super(connection, target);\n"
        + &parts.iter().map(made).collect::<String>()
        + "  }\n}\n")
}
