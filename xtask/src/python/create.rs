//! The parameters of `create`: one struct in the core, a class for each thing that a sandbox is made from in Python.

use super::text::{Text, docstring, fill};
use super::{HEADER, annotation, name_of};
use crate::schema::{Field, Schema, Type};
use anyhow::{Context, Result};

const STRUCT: &str = "CreateSandboxParams";
/// What a sandbox is made from: not for every class.
const SOURCES: [&str; 4] = ["snapshot", "image", "build_secrets", "resources"];
/// What an image object says.
const OF_IMAGE: [&str; 3] = ["dockerfile", "contexts", "context_hashes"];
/// Second names of fields.
const SECOND: [(&str, &str); 3] = [("user", "str"), ("env", "dict[str, str]"), ("envs", "dict[str, str]")];

/// The module of the classes.
pub fn file(schema: &Schema) -> Result<String> {
    let item = schema.structure(STRUCT).context(STRUCT)?;
    let (sources, base): (Vec<&Field>, Vec<&Field>) = item
        .fields
        .iter()
        .filter(|f| !OF_IMAGE.contains(&f.name.as_str()))
        .partition(|f| SOURCES.contains(&f.name.as_str()));
    let mut text = Text::new();
    text.line(0, &format!("\"\"\"The parameters of `create`. {HEADER}\"\"\""));
    text.lines(0, "\nfrom __future__ import annotations\n\nfrom typing import TYPE_CHECKING\n\nfrom .._arguments import environment\nfrom .models.sandbox import CreateSandboxParams\n\nif TYPE_CHECKING:\n    from typing import TypedDict\n\n    from typing_extensions import Unpack\n\n    from .enums import CodeLanguage\n    from .image import Image\n    from .models.sandbox import Resources, VolumeMount\n");
    text.line(1, "class BaseFields(TypedDict, total=False):");
    text.line(2, "\"\"\"The parameters of `CreateSandboxBaseParams`.\"\"\"");
    text.line(0, "");
    for (name, ty) in base.iter().map(|f| (name(f), ty(f))).chain(second()) {
        text.line(2, &format!("{name}: {ty} | None"));
    }
    text.lines(1, "\nclass CreateFields(BaseFields, total=False):");
    text.line(2, "\"\"\"What `create` takes as keywords.\"\"\"");
    text.line(0, "");
    for field in &sources {
        text.line(2, &format!("{}: {} | None", name(field), ty(field)));
    }
    class(&mut text, "CreateSandboxBaseParams", "How to create a sandbox, whatever it is made from.", STRUCT, &base);
    text.line(0, "");
    let mut parameters = vec!["self".to_owned(), "*".to_owned()];
    let optional = base.iter().map(|f| (name(f), ty(f))).chain(second());
    parameters.extend(optional.map(|(name, ty)| format!("{name}: {ty} | None = None")));
    text.list(1, "def __init__(", &parameters, ") -> None:");
    let arguments: Vec<String> = base
        .iter()
        .map(|f| match name(f).as_str() {
            "os_user" => "os_user=user if os_user is None else os_user".to_owned(),
            "env_vars" => "env_vars=environment(env_vars, env, envs)".to_owned(),
            name => format!("{name}={name}"),
        })
        .collect();
    text.list(2, "super().__init__(", &arguments, ")");
    for (from, required) in [("Snapshot", false), ("Image", true)] {
        let image = from == "Image";
        let own: Vec<&Field> = sources.iter().copied().filter(|f| (f.name == "snapshot") != image).collect();
        let summary = format!(
            "How to create a sandbox from {} {}: the fields of `CreateSandboxBaseParams`, and",
            if image { "an" } else { "a" },
            from.to_lowercase()
        );
        class(&mut text, &format!("CreateSandboxFrom{from}Params"), &summary, "CreateSandboxBaseParams", &own);
        text.line(0, "");
        let mut parameters = vec!["self".to_owned(), "*".to_owned()];
        parameters.extend(own.iter().map(|f| match required && f.name == "image" {
            true => format!("{}: {}", name(f), ty(f)),
            false => format!("{}: {} | None = None", name(f), ty(f)),
        }));
        parameters.push("**base: Unpack[BaseFields]".to_owned());
        text.list(1, "def __init__(", &parameters, ") -> None:");
        text.line(2, "super().__init__(**base)");
        for field in own {
            text.line(2, &format!("self.{0} = {0}", name(field)));
        }
    }
    Ok(text.finish())
}

fn class(text: &mut Text, name_of_class: &str, summary: &str, base: &str, fields: &[&Field]) {
    text.lines(0, "\n");
    text.line(0, &format!("class {name_of_class}({base}):"));
    let mut lines = vec![summary.to_owned(), String::new(), "Attributes:".to_owned()];
    for field in fields {
        let mut doc = field.doc.split_whitespace().collect::<Vec<_>>().join(" ");
        match name(field).as_str() {
            "os_user" => doc.push_str(" May be given as `user`."),
            "env_vars" => doc.push_str(" May be given as `env` or `envs`."),
            _ => {}
        }
        let entry = fill(&format!("{}: {doc}", name(field)), 2, "    ");
        lines.extend(entry.into_iter().map(|line| format!("    {line}")));
    }
    docstring(text, 1, &lines);
    text.lines(1, "\n__slots__ = ()");
}

fn second() -> impl Iterator<Item = (String, String)> {
    SECOND.iter().map(|(name, ty)| ((*name).to_owned(), (*ty).to_owned()))
}

fn name(field: &Field) -> String {
    name_of(STRUCT, &field.name, field.name.clone())
}

fn ty(field: &Field) -> String {
    match (&field.ty, field.name.as_str()) {
        // Text is taken for an enum.
        (Type::Enum { name }, _) => format!("{name} | str"),
        (Type::String, "image") => "str | Image".to_owned(),
        (Type::String, "language") => "CodeLanguage | str".to_owned(),
        (ty, _) => annotation(ty),
    }
}
