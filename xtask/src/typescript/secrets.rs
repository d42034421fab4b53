//! The fields of results that consoles do not show.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::text::{WIDTH, header};
use crate::schema::{Schema, Type};

/// The content of `secrets.ts`.
pub fn secrets(schema: &Schema) -> String {
    let mut out = header("core/src/model");
    out.push_str("/** The fields of the results of operations that are secret, at any depth. */\n");
    out.push_str("export const SECRETS: Readonly<Record<string, readonly string[]>> = {\n");
    for op in schema.ops() {
        let mut fields = BTreeSet::new();
        collect(schema, &op.returns, &mut Vec::new(), &mut fields);
        if !fields.is_empty() {
            let fields: Vec<_> = fields.iter().map(|field| format!("'{field}'")).collect();
            let line = format!("  '{}': [{}],", op.id, fields.join(", "));
            assert!(line.len() <= WIDTH, "{line} does not fit on a line");
            let _ = writeln!(out, "{line}");
        }
    }
    out + "};\n"
}

fn collect<'a>(schema: &'a Schema, ty: &'a Type, inside: &mut Vec<&'a str>, fields: &mut BTreeSet<String>) {
    match ty {
        Type::List { of } | Type::Map { of } => collect(schema, of, inside, fields),
        Type::Struct { name } if !inside.contains(&name.as_str()) => {
            inside.push(name);
            for field in schema.structure(name).iter().flat_map(|item| &item.fields) {
                if field.secret {
                    fields.insert(field.wire.clone());
                }
                collect(schema, &field.ty, inside, fields);
            }
            inside.pop();
        }
        _ => {}
    }
}
