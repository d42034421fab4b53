//! Images, put together step by step: a method for each step, beside the hand-written half of the class.

use anyhow::{Result, bail};

use super::methods::raises;
use super::models::yard;
use super::signatures::rbs;
use super::{Body, header, signatures};
use crate::deviations::{self, ListForm, language};
use crate::schema::{Field, Schema, Step, Type};

/// Defaults of options that are not nil.
const DEFAULTS: [(&str, &str); 3] = [("extra_options", "''"), ("optional_dependencies", "[]"), ("pre", "false")];

/// A parameter as it is declared, in YARD and in RBS, and what travels for it.
struct Parameter {
    name: String,
    declared: String,
    yard: String,
    rbs: String,
    doc: String,
    value: String,
}

/// The source of the class.
pub fn class(schema: &Schema) -> Result<String> {
    let builder = &schema.image;
    let mut body = Body::new(&header("core/src/image"), &["module Daytona"]);
    body.comment(&builder.doc);
    if let Some(code) = builder.examples.get("ruby") {
        body.line("#");
        body.line("# @example");
        code.lines().for_each(|line| body.line(format!("#   {line}").trim_end()));
    }
    body.open(&format!("class {}", builder.name));
    body.open("class << self");
    let (starts, steps): (Vec<_>, Vec<_>) = steps(schema).partition(|(step, _)| step.starts);
    for (i, (step, form)) in starts.iter().chain(&steps).enumerate() {
        if i == starts.len() {
            body.close();
        }
        if i > 0 {
            body.blank();
        }
        method(&mut body, schema, step, form)?;
    }
    Ok(body.finish())
}

/// The signatures of the class.
pub fn signature(schema: &Schema) -> Result<String> {
    let mut body = Body::new(&signatures::header("core/src/image"), &["module Daytona"]);
    body.open(&format!("class {}", schema.image.name));
    for (step, form) in steps(schema) {
        let on = if step.starts { "self." } else { "" };
        let parameters = parameters(step, &form)?;
        let rbs: Vec<_> = parameters.into_iter().map(|parameter| parameter.rbs).collect();
        let prefix = format!("def {on}{}: ", form.name.as_ref().unwrap_or(&step.name));
        signatures::overload(&mut body, &prefix, "(", &rbs, &format!(") -> {}", schema.image.name));
    }
    Ok(body.finish())
}

fn steps(schema: &Schema) -> impl Iterator<Item = (&Step, deviations::Step)> {
    schema.image.steps.iter().filter_map(|step| language("ruby").step(&step.name).map(|form| (step, form)))
}

fn method(body: &mut Body, schema: &Schema, step: &Step, form: &deviations::Step) -> Result<()> {
    let parameters = parameters(step, form)?;
    body.comment(&step.doc);
    body.line("#");
    for Parameter { name, yard, doc, .. } in &parameters {
        body.tagged(&format!("@param {name} [{yard}] {doc}"), "  ");
    }
    let itself = if step.starts { "" } else { " This image." };
    body.line(&format!("# @return [{}]{itself}", schema.image.name));
    for (class, text) in raises(schema, &step.errors) {
        body.tagged(&format!("@raise [Sdk::{class}] {text}"), "  ");
    }
    let declared: Vec<_> = parameters.iter().map(|parameter| parameter.declared.clone()).collect();
    body.list(&format!("def {}(", form.name.as_ref().unwrap_or(&step.name)), &declared, ")");
    body.depth += 1;
    let mut call = vec![format!("'{}'", step.name)];
    call.extend(parameters.iter().filter(|parameter| !parameter.value.is_empty()).map(|p| p.value.clone()));
    let on = if step.starts { "new.__send__(:step, " } else { "step(" };
    body.list(on, &call, ")");
    body.close();
    Ok(())
}

fn parameters(step: &Step, form: &deviations::Step) -> Result<Vec<Parameter>> {
    let mut found = Vec::new();
    let alone = step.params.len() == 1;
    for (i, param) in step.params.iter().enumerate() {
        let list = form.list.filter(|_| i == 0);
        found.push(parameter(&param.field, form, list, alone)?);
    }
    for field in &step.option_fields {
        let name = form.param(&field.name).to_owned();
        let doc = form.doc(field).to_owned();
        let is_list = matches!(field.ty, Type::List { .. });
        let own = DEFAULTS.iter().find(|(option, _)| *option == field.name);
        let plain = field.ty == Type::Bool || own.is_some();
        let default = own.map_or(if plain { "false" } else { "nil" }, |(_, default)| default);
        let mut yards = yard(&field.ty, false);
        let mut ty = rbs(&field.ty, false);
        if is_list && !plain {
            (yards, ty) = (format!("{yards}, String, nil"), format!("({ty} | String)?"));
        } else if !plain {
            (yards, ty) = (format!("{yards}, nil"), format!("{ty}?"));
        }
        let option = |name: &str, doc: String, value: String| Parameter {
            name: name.to_owned(),
            declared: format!("{name}: {default}"),
            yard: yards.clone(),
            rbs: format!("?{name}: {ty}"),
            doc,
            value,
        };
        let mut value = if is_list { format!("[*{name}]") } else { name.clone() };
        if let Some(other) = form.also.get(&field.name) {
            value = format!("[*{other}, *{name}]");
            let doc = format!("{}; the same as {name}.", doc.trim_end_matches('.'));
            found.push(option(other, doc, String::new()));
        }
        found.push(option(&name, doc, format!("{}: {value}", field.wire)));
    }
    Ok(found)
}

fn parameter(field: &Field, form: &deviations::Step, list: Option<ListForm>, alone: bool) -> Result<Parameter> {
    let name = form.param(&field.name).to_owned();
    let doc = form.doc(field).to_owned();
    let mut value = name.clone();
    let mut declared = name.clone();
    let (mut yard, mut ty) = match &field.ty {
        Type::String if Step::is_path(field) => ("String, Pathname".to_owned(), "path".to_owned()),
        Type::String => ("String".to_owned(), "String".to_owned()),
        Type::Map { .. } => {
            value = format!("Wire.strings({name}).to_a");
            ("Hash".to_owned(), "Hash[untyped, untyped]".to_owned())
        }
        Type::List { of } if list == Some(ListForm::Rest) => {
            declared = format!("*{name}");
            if **of != Type::Json {
                value = format!("{name}.flatten");
            }
            let of = if **of == Type::Json { "String".to_owned() } else { rbs(of, false) };
            (format!("Array<{of}, Array<{of}>>"), format!("*({of} | Array[{of}])"))
        }
        Type::List { of } if list.is_none() => {
            (format!("Array<{}>", yard(of, false)), format!("Array[{}]", rbs(of, false)))
        }
        ty => bail!("{name}: {ty:?} is not supported in a step"),
    };
    let mut rbs = format!("{ty} {name}");
    if field.optional {
        yard.push_str(", nil");
        ty.push('?');
        let keyword = !alone;
        declared = if keyword { format!("{name}: nil") } else { format!("{name} = nil") };
        rbs = if keyword { format!("?{name}: {ty}") } else { format!("?{ty} {name}") };
    }
    Ok(Parameter { name, declared, yard, rbs, doc, value })
}
