//! Images, put together step by step: a method for each step, on top of a hand-written base.

use std::fmt::Write as _;

use anyhow::{Result, bail};

use super::text::{Words, comment, header, import, ts_type, wrapped};
use super::{struct_name, table};
use crate::deviations::{self, ListForm};
use crate::names::camel;
use crate::schema::{Field, Schema, Step, Type};

/// The type of the version of Python: its series, or any text.
const SERIES: &str = "SupportedPythonSeries | (string & Record<never, never>)";

/// The content of `image.ts`.
pub fn image(schema: &Schema, words: &Words) -> Result<String> {
    let builder = &schema.image;
    let steps: Vec<_> =
        builder.steps.iter().filter_map(|step| table().step(&step.name).map(|form| (step, form))).collect();
    let mut models: Vec<String> = steps
        .iter()
        .filter(|(step, _)| step.option_fields.len() > 1)
        .filter_map(|(step, _)| step.options.as_deref())
        .map(struct_name)
        .collect();
    models.sort();
    models.dedup();
    let mut out = header("core/src/image");
    out.push_str("import { ImageBuilder, type SupportedPythonSeries } from '../image-builder.js';\n");
    out.push_str(&import("import type", &models, "./models.js"));
    let mut doc: Vec<_> = builder.doc.split("\n\n").map(|text| wrapped(&words.text(text))).collect();
    if let Some(code) = builder.examples.get("typescript") {
        doc.push(format!("@example\n{code}"));
    }
    write!(out, "\n{}export class {} extends ImageBuilder {{", comment(&doc.join("\n\n"), 0), builder.name)?;
    for (i, (step, form)) in steps.iter().enumerate() {
        out.push_str(if i > 0 { "\n" } else { "" });
        out.push('\n');
        method(&mut out, &builder.name, words, step, form)?;
    }
    out.push_str("}\n");
    Ok(out.replace("\n\n\n", "\n\n"))
}

fn method(out: &mut String, class: &str, words: &Words, step: &Step, form: &deviations::Step) -> Result<()> {
    let mut parameters = Vec::new();
    let mut tags = Vec::new();
    let mut call = vec![format!("'{}'", step.name)];
    for (i, param) in step.params.iter().enumerate() {
        let field = &param.field;
        let name = camel(form.param(&field.name));
        let (declared, value) = parameter(&name, field, form.list.filter(|_| i == 0))?;
        tags.push(wrapped(&format!("@param {name} - {}", words.text(form.doc(field)))));
        parameters.push(declared);
        call.push(value);
    }
    match (&step.options, step.option_fields.as_slice()) {
        (None, _) => {}
        (Some(_), [field]) => {
            tags.push(wrapped(&format!("@param {} - {}", field.wire, words.text(form.doc(field)))));
            parameters.push(format!("{}?: {}", field.wire, ts_type(&field.ty)));
            call.push(format!("{{ {} }}", field.wire));
        }
        (Some(options), _) => {
            let options = struct_name(options);
            tags.push(format!("@param options - All options: see {{@link {options}}}."));
            parameters.push(format!("options?: {options}"));
            call.push("options".to_owned());
        }
    }
    if !step.errors.is_empty() {
        tags.push(wrapped(&format!("@throws {}", words.errors(&step.errors))));
    }
    out.push_str(&comment(&format!("{}\n\n{}", wrapped(&words.text(&step.doc)), tags.join("\n")), 2));
    let name = camel(form.name.as_ref().unwrap_or(&step.name));
    let (before, on) = if step.starts { ("static ", format!("new {class}()")) } else { ("", "this".to_owned()) };
    writeln!(out, "  {before}{name}({}): {class} {{", parameters.join(", "))?;
    writeln!(out, "    return {on}.step({});\n  }}", call.join(", "))?;
    Ok(())
}

/// How a parameter is declared, and what travels for it.
fn parameter(name: &str, field: &Field, list: Option<ListForm>) -> Result<(String, String)> {
    let mark = if field.optional { "?" } else { "" };
    Ok(match (&field.ty, list) {
        (Type::String, None) => {
            let ty = if field.name == "python_version" { SERIES } else { "string" };
            (format!("{name}{mark}: {ty}"), name.to_owned())
        }
        (Type::Map { .. }, None) => {
            (format!("{name}: Record<string, string>"), format!("Object.entries({name} ?? {{}})"))
        }
        (Type::List { of }, list) => {
            let item = if **of == Type::Json { "(string | string[])".to_owned() } else { ts_type(of) };
            match list {
                None => (format!("{name}: {item}[]"), name.to_owned()),
                Some(ListForm::Rest) => (format!("...{name}: {item}[]"), name.to_owned()),
                Some(ListForm::OrOne) => (format!("{name}: {item} | {item}[]"), format!("[{name}].flat()")),
            }
        }
        (ty, _) => bail!("{name}: {ty:?} is not supported in a step"),
    })
}
