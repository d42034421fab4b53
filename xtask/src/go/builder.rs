//! `pkg/daytona/generated_image.go`: the steps of images.

use std::fmt::Write as _;

use anyhow::{Result, bail};

use super::Package;
use super::imports::with_imports;
use super::words::{Names, exported, filled, lower, unexported};
use crate::deviations::{self, ListForm};
use crate::schema::{Field, Schema, Step, Type};

/// The class, and the set of options that pip has in all of its steps.
const CLASS: &str = "DockerImage";
pub const PIP: &str = "PipInstall";

impl Package<'_> {
    /// The file of the steps.
    pub fn image(&self) -> Result<String> {
        let mut body = String::new();
        for (step, form) in steps(self.schema) {
            method(&mut body, self.schema, step, &form)?;
        }
        Ok(with_imports("daytona", &body))
    }
}

/// The steps, and their forms.
pub fn steps(schema: &Schema) -> impl Iterator<Item = (&Step, deviations::Step)> {
    let go = deviations::language("go");
    schema.image.steps.iter().filter_map(|step| go.step(&step.name).map(|form| (step, form)))
}

/// The method of a step, or the function that starts.
pub fn name_of(step: &Step, form: &deviations::Step) -> String {
    form.name.clone().unwrap_or_else(|| exported(&step.name))
}

fn method(out: &mut String, schema: &Schema, step: &Step, form: &deviations::Step) -> Result<()> {
    let mut names = Names::new(schema);
    for (other, form) in steps(schema) {
        names.known.push((other.name.clone(), name_of(other, &form)));
    }
    let mut declared: Vec<(String, String)> = Vec::new();
    let mut call = vec![format!("{:?}", step.name)];
    let mut docs = String::new();
    for (i, param) in step.params.iter().enumerate() {
        let field = &param.field;
        let name = unexported(form.param(&field.name));
        names.known.push((field.name.clone(), name.clone()));
        let (ty, value) = parameter(&name, field, form.list.filter(|_| i == 0), step.params.len() == 1)?;
        write!(docs, "\n  - {name}: {}", lower(&names.text(form.doc(field))))?;
        declared.push((name, ty));
        call.push(value);
    }
    match step.option_fields.as_slice() {
        [] => {}
        [field] => {
            let name = unexported(&field.name);
            names.known.push((field.name.clone(), name.clone()));
            write!(docs, "\n  - {name}: {}", lower(&names.text(form.doc(field))))?;
            call.push(format!("map[string]any{{{:?}: given({name})}}", field.wire));
            declared.push((name, "...bool".to_owned()));
        }
        _ => {
            write!(docs, "\n  - opts: see [options.{PIP}].")?;
            call.push("pip(opts)".to_owned());
            declared.push(("opts".to_owned(), format!("...func(*options.{PIP})")));
        }
    }
    let name = name_of(step, form);
    let mut doc = format!("{name} {}\n\nParameters:{docs}", lower(&names.text(&step.doc)));
    if !step.errors.is_empty() {
        write!(doc, "\n\nErrors, which Err returns: {}", lower(&names.text(&step.errors)))?;
    }
    let (on, receiver) =
        if step.starts { (format!("new({CLASS})"), String::new()) } else { ("d".to_owned(), format!("(d *{CLASS}) ")) };
    writeln!(
        out,
        "\n{}func {receiver}{name}({}) *{CLASS} {{\n\treturn {on}.step({})\n}}",
        filled("", &doc),
        joined(&declared),
        call.join(", ")
    )?;
    Ok(())
}

/// `source, destination string`
fn joined(declared: &[(String, String)]) -> String {
    let mut parts = Vec::new();
    for (i, (name, ty)) in declared.iter().enumerate() {
        let same = declared.get(i + 1).is_some_and(|(_, next)| next == ty);
        parts.push(if same { name.clone() } else { format!("{name} {ty}") });
    }
    parts.join(", ")
}

/// The type of a parameter, and what travels for it.
fn parameter(name: &str, field: &Field, list: Option<ListForm>, alone: bool) -> Result<(String, String)> {
    Ok(match (&field.ty, list) {
        (Type::String, None) if field.optional && alone => ("*string".to_owned(), name.to_owned()),
        (Type::String, None) if field.optional => ("string".to_owned(), format!("orNil({name})")),
        (Type::String, None) => ("string".to_owned(), name.to_owned()),
        (Type::List { of }, list) => {
            let item = match **of {
                Type::String | Type::Json => "string",
                Type::Int => "int",
                _ => bail!("{name}: a list of another type"),
            };
            let dots = if list == Some(ListForm::Rest) { "..." } else { "[]" };
            (format!("{dots}{item}"), format!("append([]{item}{{}}, {name}...)"))
        }
        (ty, _) => bail!("{name}: {ty:?} is not supported in a step"),
    })
}
