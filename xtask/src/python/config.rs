//! The configuration of a client.

use super::text::{Text, docstring, fill, wrap};
use super::{HEADER, annotation};
use crate::schema::{Schema, Struct, Type};

/// Parameters that are no fields, and what they are for.
const BESIDES: [(&str, &str, &str); 3] = [
    ("server_url", "str", "Former name of `api_url`."),
    ("connection_pool_maxsize", "int", "Accepted and without effect: the number of connections is not capped."),
    ("_experimental", "dict[str, Any]", "Former place of `otel_enabled`: `{\"otelEnabled\": True}`."),
];

/// Fields that are paths.
const PATHS: [&str; 3] = ["ca_cert", "local_binary", "local_state_dir"];

/// The module of the class.
pub fn file(schema: &Schema) -> String {
    let config = &schema.config;
    let mut text = Text::new();
    text.line(0, &format!("\"\"\"Where a client connects to and as whom. {HEADER}\"\"\""));
    text.lines(0, "\nfrom __future__ import annotations\n\nfrom os import fspath\nfrom typing import TYPE_CHECKING, Any\n\nfrom .._model import Model\n\nif TYPE_CHECKING:\n    from os import PathLike\n\n");
    text.line(0, "class DaytonaConfig(Model):");
    attributes(&mut text, config);
    text.line(0, "");
    let names = config.fields.iter().map(|field| field.name.as_str()).chain(["_experimental"]);
    let names: Vec<String> = names.map(|name| format!("\"{name}\"")).collect();
    text.list(1, "__slots__ = (", &names, ")");
    super::models::secrets(&mut text, config, &config.fields.iter().map(|f| f.name.clone()).collect::<Vec<_>>());
    text.line(0, "");
    let mut parameters = vec!["self".to_owned(), "*".to_owned()];
    for field in &config.fields {
        let path = PATHS.contains(&field.name.as_str());
        let ty = if path { "str | PathLike[str]".to_owned() } else { annotation(&field.ty) };
        parameters.push(format!("{}: {ty} | None = None", field.name));
    }
    parameters.extend(BESIDES.iter().map(|(name, ty, _)| format!("{name}: {ty} | None = None")));
    text.list(1, "def __init__(", &parameters, ") -> None:");
    let mut doc = vec!["Makes a configuration.".to_owned(), String::new(), "Args:".to_owned()];
    for (name, _, what) in BESIDES {
        doc.extend(fill(&format!("{name}: {what}"), 3, "    ").into_iter().map(|line| format!("    {line}")));
    }
    docstring(&mut text, 2, &doc);
    for field in &config.fields {
        let name = &field.name;
        let value = match name.as_str() {
            "api_url" => "api_url or server_url".to_owned(),
            path if PATHS.contains(&path) => format!("None if {path} is None else fspath({path})"),
            name => name.to_owned(),
        };
        text.line(2, &format!("self.{name} = {value}"));
    }
    text.line(2, "self._experimental = _experimental");
    text.lines(1, "\ndef to_wire(self) -> dict[str, Any]:");
    text.line(2, "\"\"\"Writes it as the core's JSON.\"\"\"");
    let entries = config.fields.iter().map(|field| (field.wire.as_str(), field.name.as_str()));
    let entries = entries.chain([("_experimental", "_experimental")]);
    let entries: Vec<String> = entries.map(|(wire, name)| format!("\"{wire}\": self.{name}")).collect();
    text.list(2, "return {", &entries, "}");
    text.finish()
}

fn attributes(text: &mut Text, config: &Struct) {
    let mut doc = wrap(&config.doc, 1);
    doc.extend([String::new(), "Attributes:".to_owned()]);
    for field in &config.fields {
        let entry = format!("{}: {}", field.name, field.doc.split_whitespace().collect::<Vec<_>>().join(" "));
        doc.extend(fill(&entry, 2, "    ").into_iter().map(|line| format!("    {line}")));
    }
    docstring(text, 1, &doc);
}

/// The base class of the errors, and how an exception is made of the core's JSON.
pub fn error(text: &mut Text, schema: &Schema) {
    let name = |name: &str| super::name_of("ErrorInfo", name, name.to_owned());
    let fields: Vec<_> = schema.error.fields.iter().map(|field| (field, name(&field.name))).collect();
    text.lines(0, "\n\nclass DaytonaError(Exception):");
    let mut doc = vec!["Base of all errors of this package.".to_owned(), String::new(), "Attributes:".to_owned()];
    doc.push("    kind: Kind of the error, as in the name of its class.".to_owned());
    for (field, name) in &fields {
        let also = if name == "message" { " Also `str(error)`." } else { "" };
        let entry = format!("{name}: {}{also}", field.doc.split_whitespace().collect::<Vec<_>>().join(" "));
        doc.extend(fill(&entry, 2, "    ").into_iter().map(|line| format!("    {line}")));
    }
    docstring(text, 1, &doc);
    text.lines(1, "\nkind: str = \"Unknown\"\n\ndef __init_subclass__(cls) -> None:\n    cls.kind = cls.__name__.removeprefix(\"Daytona\").removesuffix(\"Error\")\n");
    // The first ones are parameters.
    let given = ["message", "status_code", "headers", "error_code"];
    text.lines(1, "def __init__(\n    self,\n    message: str,\n    status_code: int | None = None,\n    headers: Mapping[str, Any] | None = None,\n    error_code: str | None = None,\n) -> None:");
    text.line(2, "super().__init__(message)");
    for (field, name) in &fields {
        let ty = annotation(&field.ty);
        text.line(
            2,
            &match (name.as_str(), &field.ty) {
                ("headers", _) => "self.headers: Headers = Headers(headers)".to_owned(),
                (name, _) if given.contains(&name) && field.optional => format!("self.{name}: {ty} | None = {name}"),
                (name, _) if given.contains(&name) => format!("self.{name}: {ty} = {name}"),
                (name, Type::Bool) => format!("self.{name}: bool = False"),
                (name, Type::List { .. }) => format!("self.{name}: {ty} = []"),
                (name, _) => format!("self.{name}: {ty} | None = None"),
            },
        );
    }
    text.lines(1, "\n@property\ndef code(self) -> str | None:\n    \"\"\"The same as `error_code`.\"\"\"\n    return self.error_code");
}

/// The function that makes an exception; it comes after the classes.
pub fn error_from_wire(text: &mut Text, layout: &super::Layout) {
    let schema = layout.schema;
    text.lines(0, "\n\ndef error_from_wire(text: str) -> DaytonaError:");
    text.lines(1, "\"\"\"The exception for an error of the core, given as JSON.\"\"\"\ninfo: dict[str, Any] = loads(text)\nkind = info[\"kind\"]\nerror = KINDS.get(kind, DaytonaError)(info[\"message\"], info.get(\"status\"), info.get(\"headers\"), info.get(\"code\"))\nerror.kind = kind");
    for field in &schema.error.fields {
        if !["message", "status", "headers", "code"].contains(&field.name.as_str()) {
            if let Some(item) = listed(&field.ty) {
                // Most errors have none, and then the models are not loaded.
                text.line(1, &format!("if items := info.get(\"{}\"):", field.wire));
                let home = layout.homes.get(item).copied().unwrap_or_default();
                text.line(2, &format!("from .models.{home} import {item}\n"));
                text.line(2, &format!("error.{} = [{item}.from_wire(item) for item in items]", field.name));
                continue;
            }
            let default = if field.ty == Type::Bool { ", False" } else { "" };
            text.line(1, &format!("error.{} = info.get(\"{}\"{default})", field.name, field.wire));
        }
    }
    text.line(1, "return error");
}

/// The struct that a list is of.
fn listed(ty: &Type) -> Option<&str> {
    match ty {
        Type::List { of } => match &**of {
            Type::Struct { name } => Some(name),
            _ => None,
        },
        _ => None,
    }
}

/// The structs that errors have lists of.
pub fn in_errors(schema: &Schema) -> Vec<&str> {
    schema.error.fields.iter().filter_map(|field| listed(&field.ty)).collect()
}
