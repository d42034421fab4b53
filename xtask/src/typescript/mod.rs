//! The generated layer of the TypeScript package: the classes users see, models, enums and error classes.

mod builder;
mod charts;
mod classes;
mod desktop;
mod deviations;
mod errors;
mod method;
mod models;
mod secrets;
mod text;

use anyhow::Result;

use self::text::{Words, header};
use crate::deviations::{Language, language};
use crate::names::camel;
use crate::schema::{Op, Schema};

/// The files of `node/src/generated`, by name.
pub fn generate(schema: &Schema) -> Result<Vec<(String, String)>> {
    let words = Words::new(schema);
    let mut files = vec![
        ("schema.ts".to_owned(), hash(schema)?),
        ("enums.ts".to_owned(), models::enums(schema, &words)),
        ("models.ts".to_owned(), models::models(schema, &words)),
        ("queries.ts".to_owned(), models::queries(schema)),
        ("secrets.ts".to_owned(), secrets::secrets(schema)),
        ("charts.ts".to_owned(), charts::charts(schema, &words)?),
        ("image.ts".to_owned(), builder::image(schema, &words)?),
        ("errors.ts".to_owned(), errors::errors(schema, &words)?),
    ];
    files.extend(classes::classes(schema, &words)?);
    files.push(("computer-use-services.ts".to_owned(), desktop::services(schema, &words)?));
    files.push(("index.ts".to_owned(), classes::index()));
    Ok(files)
}

fn hash(schema: &Schema) -> Result<String> {
    let mut out = header("core/src");
    out.push_str("/** Identifies the schema this package was built from; the native library must have the same. */\n");
    out.push_str(&format!("export const SCHEMA_HASH = '{}';\n", schema.hash()?));
    Ok(out)
}

/// What `schema/deviations.toml` says of the language.
fn table() -> &'static Language {
    language("typescript")
}

/// The method of an operation.
fn op_name(op: &Op) -> String {
    table().method(&op.id).map_or_else(|| camel(&op.name), str::to_owned)
}

/// The type of a struct.
fn struct_name(name: &str) -> String {
    table().structure(name).and_then(|item| item.name.as_deref()).unwrap_or(name).to_owned()
}

/// The class of an error kind.
fn error_class(kind: &str) -> String {
    if kind == "Unknown" { "DaytonaError".to_owned() } else { format!("Daytona{kind}Error") }
}
