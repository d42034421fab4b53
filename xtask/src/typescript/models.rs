//! Enums and models. Models are interfaces, because the bridge's JSON has their very shape.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::struct_name;
use super::text::{WIDTH, Words, comment, header, import, ts_type};
use crate::names::snake;
use crate::schema::{Enum, Schema, Struct, Type};

/// The content of `enums.ts`.
pub fn enums(schema: &Schema, words: &Words) -> String {
    let mut out = header("core/src/model");
    out.push_str("/** Values a newer server adds arrive as they are. */\n");
    out.push_str("type OpenString = string & Record<never, never>;\n");
    for Enum { name, doc, values } in &schema.enums {
        let _ = writeln!(out, "\n{}export const {name} = {{", comment(&words.text(doc), 0));
        for value in values {
            let shouted = !value.wire.contains(char::is_lowercase);
            let key = if shouted { value.wire.clone() } else { snake(&value.wire).to_uppercase() }.replace('-', "_");
            let _ = writeln!(out, "{}  {key}: '{}',", comment(&words.text(&value.doc), 2), value.wire);
        }
        out.push_str("} as const;\n");
        let values = format!("(typeof {name})[keyof typeof {name}]");
        let line = format!("export type {name} = {values} | OpenString;");
        if line.len() <= WIDTH {
            let _ = writeln!(out, "{line}");
        } else {
            let _ = writeln!(out, "export type {name} =\n  | {values}\n  | OpenString;");
        }
    }
    out
}

/// The content of `models.ts`.
pub fn models(schema: &Schema, words: &Words) -> String {
    let mut body = String::new();
    let mut used = BTreeSet::new();
    for Struct { name, doc, fields, .. } in schema.structs.iter().chain([&schema.config]) {
        let _ = writeln!(body, "\n{}export interface {} {{", comment(&words.text(doc), 0), struct_name(name));
        for field in fields {
            let mark = if field.optional { "?" } else { "" };
            let text = comment(&words.text(&field.doc), 2);
            let _ = writeln!(body, "{text}  {}{mark}: {};", field.wire, ts_type(&field.ty));
            enum_names(&field.ty, &mut used);
        }
        if *name == schema.config.name {
            body.push_str("  /** @deprecated The same as `apiUrl`. */\n  serverUrl?: string;\n");
            body.push_str("  /** @deprecated Former place of `otelEnabled`: `{ otelEnabled: true }`. */\n");
            body.push_str("  // biome-ignore lint/suspicious/noExplicitAny: it is documented like this\n");
            body.push_str("  _experimental?: Record<string, any>;\n");
        }
        body.push_str("}\n");
    }
    error_details(&mut body, schema, words);
    format!(
        "{}{}{body}",
        header("core/src/model"),
        import("import type", &used.into_iter().collect::<Vec<_>>(), "./enums.js")
    )
}

/// What an error tells besides its message, status, headers and code, which every error is made with.
fn error_details(body: &mut String, schema: &Schema, words: &Words) {
    body.push_str("\n/** What an error tells besides its message. */\nexport interface ErrorDetails {\n");
    for field in
        schema.error.fields.iter().filter(|f| !["message", "status", "headers", "code"].contains(&f.name.as_str()))
    {
        let text = comment(&words.text(&field.doc), 2);
        let _ = writeln!(body, "{text}  {}?: {};", field.wire, ts_type(&field.ty));
    }
    body.push_str("  /** What caused it: the reason of the signal for a cancelled call. */\n  cause?: unknown;\n}\n");
}

/// The content of `queries.ts`: what tells a query from labels.
pub fn queries(schema: &Schema) -> String {
    let mut out = header("core/src/model");
    out.push_str(
        "import type { ListSandboxesQuery } from './models.js';\n\n/** The fields of a query for sandboxes. */\n",
    );
    out.push_str("export const LIST_SANDBOXES_QUERY: ReadonlySet<string> = new Set<keyof ListSandboxesQuery>([\n");
    for field in schema.structure("ListSandboxesQuery").iter().flat_map(|query| &query.fields) {
        let _ = writeln!(out, "  '{}',", field.wire);
    }
    out + "]);\n"
}

fn enum_names(ty: &Type, names: &mut BTreeSet<String>) {
    match ty {
        Type::List { of } | Type::Map { of } => enum_names(of, names),
        Type::Enum { name } => {
            names.insert(name.clone());
        }
        _ => {}
    }
}
