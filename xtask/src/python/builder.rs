//! Images, put together step by step: a method for each step, on top of a hand-written base.

use anyhow::{Result, bail};

use super::text::{Text, docstring, fill, wrap};
use super::{HEADER, with_error_classes};
use crate::deviations::{self, ListForm};
use crate::schema::{Field, Schema, Step, Type};

/// Defaults of options that are not `None`.
const DEFAULTS: [(&str, &str, &str); 2] =
    [("extra_options", "str", "\"\""), ("optional_dependencies", "Sequence[str]", "()")];

/// The content of `image.py`.
pub fn file(schema: &Schema) -> Result<String> {
    let builder = &schema.image;
    let mut text = Text::new();
    text.line(0, &format!("\"\"\"The steps of images. {HEADER}\"\"\""));
    text.lines(
        0,
        "\nfrom __future__ import annotations\n\nfrom typing import TYPE_CHECKING\n\nfrom .._image import ImageBuilder, listed\n",
    );
    text.lines(
        0,
        "if TYPE_CHECKING:\n    from collections.abc import Mapping, Sequence\n    from os import PathLike\n\n    from \
         typing_extensions import Self\n\n    from .._types import SupportedPythonSeries\n\n",
    );
    text.line(0, &format!("class {}(ImageBuilder):", builder.name));
    let mut lines = wrap(&builder.doc, 1);
    example(&mut lines, builder.examples.get("python"));
    docstring(&mut text, 1, &lines);
    text.lines(1, "\n__slots__ = ()");
    for step in &builder.steps {
        if let Some(form) = deviations::language("python").step(&step.name) {
            method(&mut text, schema, step, &form)?;
        }
    }
    Ok(text.finish())
}

fn example(lines: &mut Vec<String>, code: Option<&String>) {
    let Some(code) = code else { return };
    lines.extend([String::new(), "Example:".to_owned()]);
    lines.extend(code.trim_end().lines().map(|line| match line {
        "" => String::new(),
        line => format!("    {line}"),
    }));
}

/// A parameter as it is declared, its documentation, and what travels for it.
struct Parameter {
    name: String,
    declared: String,
    doc: String,
    value: String,
}

fn method(text: &mut Text, schema: &Schema, step: &Step, form: &deviations::Step) -> Result<()> {
    let mut parameters = Vec::new();
    for (i, param) in step.params.iter().enumerate() {
        parameters.push(parameter(&param.field, form, form.list.filter(|_| i == 0))?);
    }
    let arguments: Vec<String> = parameters.iter().map(|parameter| parameter.value.clone()).collect();
    let mut call = vec![format!("\"{}\"", step.name)];
    call.extend(arguments);
    let mut others = Vec::new();
    for field in &step.option_fields {
        let mut option = option(field, form)?;
        if let Some(other) = form.also.get(&field.name) {
            // The other name stands in its place, and it comes last, by keyword.
            option.value = format!("listed({other}, {})", option.name);
            let declared = option.declared.replacen(&option.name, other, 1);
            let doc = format!("{}; the same as `{}`.", option.doc.trim_end_matches('.'), option.name);
            parameters.push(Parameter { name: other.clone(), declared, doc, value: String::new() });
            call.push(format!("{}={}", field.wire, option.value));
            others.push(option);
        } else {
            call.push(format!("{}={}", field.wire, option.value));
            parameters.push(option);
        }
    }
    let mut declared: Vec<String> = parameters.iter().map(|parameter| parameter.declared.clone()).collect();
    if !others.is_empty() {
        declared.push("*".to_owned());
        declared.extend(others.iter().map(|parameter| parameter.declared.clone()));
    }
    parameters.extend(others);
    text.line(0, "");
    let (on, returns) = if step.starts {
        text.line(1, "@staticmethod");
        (format!("{}()", schema.image.name), schema.image.name.as_str())
    } else {
        declared.insert(0, "self".to_owned());
        ("self".to_owned(), "Self")
    };
    let name = form.name.as_ref().unwrap_or(&step.name);
    text.list(1, &format!("def {name}("), &declared, &format!(") -> {returns}:"));
    docstring(text, 2, &documentation(schema, step, &parameters));
    text.expression(2, &format!("return {on}._step({})", call.join(", ")));
    Ok(())
}

fn documentation(schema: &Schema, step: &Step, parameters: &[Parameter]) -> Vec<String> {
    let mut lines = wrap(&step.doc, 2);
    lines.extend([String::new(), "Args:".to_owned()]);
    for Parameter { name, doc, .. } in parameters {
        let entry = format!("{name}: {}", doc.split_whitespace().collect::<Vec<_>>().join(" "));
        lines.extend(fill(&entry, 3, "    ").into_iter().map(|line| format!("    {line}")));
    }
    if !step.errors.is_empty() {
        lines.extend([String::new(), "Raises:".to_owned()]);
        let errors = with_error_classes(schema, &step.errors);
        lines.extend(fill(&errors, 3, "").into_iter().map(|line| format!("    {line}")));
    }
    lines
}

fn parameter(field: &Field, form: &deviations::Step, list: Option<ListForm>) -> Result<Parameter> {
    let name = form.param(&field.name).to_owned();
    let doc = form.doc(field).to_owned();
    let mut value = name.clone();
    let declared = match (&field.ty, list) {
        (Type::String, None) => {
            let text = match field.name.as_str() {
                "python_version" => "SupportedPythonSeries | str",
                _ if Step::is_path(field) => "str | PathLike[str]",
                _ => "str",
            };
            let none = if field.optional { " | None = None" } else { "" };
            format!("{name}: {text}{none}")
        }
        (Type::Map { .. }, None) => format!("{name}: Mapping[str, str]"),
        (Type::List { of }, list) => match (&**of, list) {
            (Type::Json, Some(ListForm::Rest)) => format!("*{name}: str | list[str]"),
            (of, Some(ListForm::Rest)) => {
                value = format!("listed(*{name})");
                let of = super::annotation(of);
                format!("*{name}: {of} | list[{of}]")
            }
            (of, None) => format!("{name}: Sequence[{}]", super::annotation(of)),
            (_, Some(ListForm::OrOne)) => bail!("{name}: Python has no form for a list or one item"),
        },
        (ty, _) => bail!("{name}: {ty:?} is not supported in a step"),
    };
    Ok(Parameter { name, declared, doc, value })
}

fn option(field: &Field, form: &deviations::Step) -> Result<Parameter> {
    let name = form.param(&field.name).to_owned();
    let mut value = name.clone();
    let own = DEFAULTS.iter().find(|(option, ..)| *option == field.name);
    let is_list = matches!(field.ty, Type::List { .. });
    if is_list {
        value = format!("listed({name})");
    }
    let declared = match (own, &field.ty) {
        (Some((_, ty, default)), _) => format!("{name}: {ty} = {default}"),
        (None, Type::Bool) => format!("{name}: bool = False"),
        (None, Type::String) => format!("{name}: str | None = None"),
        (None, Type::List { .. }) => format!("{name}: str | list[str] | None = None"),
        (None, ty) => bail!("{name}: {ty:?} is not supported as an option of a step"),
    };
    Ok(Parameter { name, declared, doc: form.doc(field).to_owned(), value })
}
