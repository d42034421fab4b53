//! Models: explicit classes with slots, and how they are read and written.

use super::text::{Text, WIDTH, docstring, fill, wrap};
use super::{HEADER, Layout, annotation, hand_written, is_time, name_of};
use crate::schema::{Field, Service, Struct, Type};

/// Further names of fields: struct, field, name.
const SYNONYMS: [(&str, &str, &str); 2] =
    [("ScreenshotOptions", "format", "fmt"), ("SessionExecuteRequest", "run_async", "var_async")];

/// The models that belong to a service.
pub fn file(layout: &Layout, service: &Service) -> String {
    let items: Vec<&Struct> = layout
        .schema
        .structs
        .iter()
        .chain(&layout.schema.parts)
        .filter(|s| layout.homes.get(s.name.as_str()) == Some(&service.id.as_str()))
        .filter(|s| hand_written(&s.name).is_none())
        .collect();
    let types: Vec<&Type> = items.iter().flat_map(|item| item.fields.iter().map(|f| &f.ty)).collect();
    let mut text = Text::new();
    text.line(0, &format!("\"\"\"What travels to and from `{}`. {HEADER}\"\"\"", service.id));
    if items.is_empty() {
        return text.finish();
    }
    let with_images = items.iter().any(|item| takes_image(item));
    let times = items.iter().any(|item| item.fields.iter().any(|field| is_time(&item.name, field)));
    let checking = if with_images || times { "TYPE_CHECKING, " } else { "" };
    text.lines(0, &format!("\nfrom __future__ import annotations\n\nfrom typing import {checking}Any\n"));
    let mut imports = layout.imports(&types, Some(&service.id));
    if with_images {
        imports.push("from ..._image_params import with_image".to_owned());
    }
    imports.push("from ..._model import Model".to_owned());
    if times {
        imports.push("from ..._times import moment".to_owned());
    }
    imports.sort();
    for line in imports {
        text.lines(0, &line);
    }
    if with_images || times {
        text.lines(0, "\nif TYPE_CHECKING:");
    }
    if times {
        text.lines(1, "from datetime import datetime");
    }
    if with_images {
        text.lines(0, if times { "\n    from ..image import Image" } else { "    from ..image import Image" });
    }
    for item in items {
        class(&mut text, layout, item);
    }
    text.finish()
}

fn class(text: &mut Text, layout: &Layout, item: &Struct) {
    let names: Vec<String> = item.fields.iter().map(|f| field_name(item, f)).collect();
    text.lines(0, "\n");
    text.line(0, &format!("class {}(Model):", item.name));
    let mut doc = wrap(&item.doc, 1);
    doc.extend([String::new(), "Attributes:".to_owned()]);
    for (field, name) in item.fields.iter().zip(&names) {
        let doc_of_field =
            if is_time(&item.name, field) { field.doc.replace(", ISO 8601", "") } else { field.doc.clone() };
        let also = synonym(&item.name, name).map(|also| format!(" May be given as `{also}`.")).unwrap_or_default();
        let entry = format!("{name}: {}{also}", doc_of_field.split_whitespace().collect::<Vec<_>>().join(" "));
        doc.extend(fill(&entry, 2, "    ").into_iter().map(|line| format!("    {line}")));
    }
    docstring(text, 1, &doc);
    text.line(0, "");
    let quoted: Vec<_> = names.iter().map(|n| format!("\"{n}\"")).collect();
    match quoted.as_slice() {
        [only] => text.line(1, &format!("__slots__ = ({only},)")),
        _ => text.list(1, "__slots__ = (", &quoted, ")"),
    }
    secrets(text, item, &names);
    text.line(0, "");
    // Required parameters come first, as Python demands.
    let parameter = |field: &Field, name: &String| {
        let ty = match field {
            field if is_image(item, field) => "str | Image".to_owned(),
            field if is_time(&item.name, field) => "datetime".to_owned(),
            field => annotation(&field.ty),
        };
        match (field.optional, &field.ty) {
            (false, _) => format!("{name}: {ty}"),
            (true, Type::Json) => format!("{name}: Any = None"),
            (true, _) => format!("{name}: {ty} | None = None"),
        }
    };
    let mut parameters = vec!["self".to_owned()];
    for optional in [false, true] {
        let fields = item.fields.iter().zip(&names).filter(|(f, _)| f.optional == optional);
        parameters.extend(fields.map(|(f, n)| parameter(f, n)));
    }
    let others: Vec<_> = item
        .fields
        .iter()
        .zip(&names)
        .filter_map(|(field, name)| Some((synonym(&item.name, name)?, name, annotation(&field.ty))))
        .collect();
    if !others.is_empty() {
        parameters.push("*".to_owned());
        parameters.extend(others.iter().map(|(also, _, ty)| format!("{also}: {ty} | None = None")));
    }
    text.list(1, "def __init__(", &parameters, ") -> None:");
    for name in &names {
        let value = synonym(&item.name, name).map(|also| format!("{name} if {name} is not None else {also}"));
        text.line(2, &format!("self.{name} = {}", value.as_ref().unwrap_or(name)));
    }
    for (also, name, ty) in others {
        text.lines(1, &format!("\n@property\ndef {also}(self) -> {ty} | None:\n    \"\"\"The same as `{name}`.\"\"\"\n    return self.{name}\n\n@{also}.setter\ndef {also}(self, value: {ty} | None) -> None:\n    self.{name} = value"));
    }
    if layout.read.contains_key(item.name.as_str()) {
        reader(text, layout, item, &names);
    }
    if layout.written.contains_key(item.name.as_str()) {
        writer(text, layout, item, &names);
    }
}

/// Another name of a field.
fn synonym(owner: &str, name: &str) -> Option<&'static str> {
    SYNONYMS.iter().find(|(of, field, _)| *of == owner && *field == name).map(|(.., also)| *also)
}

/// The fields that are not shown.
pub fn secrets(text: &mut Text, item: &Struct, names: &[String]) {
    let secret: Vec<String> = item
        .fields
        .iter()
        .zip(names)
        .filter(|(field, _)| field.secret)
        .map(|(_, name)| format!("\"{name}\""))
        .collect();
    if !secret.is_empty() {
        text.list(1, "_secrets = frozenset((", &secret, if secret.len() == 1 { ",))" } else { "))" });
    }
}

fn reader(text: &mut Text, layout: &Layout, item: &Struct, names: &[String]) {
    let blobs = layout.has_bytes(&Type::Struct { name: item.name.clone() });
    let extra = if blobs { ", blobs: list[bytes]" } else { "" };
    text.line(0, "");
    text.line(1, "@classmethod");
    text.line(1, &format!("def from_wire(cls, wire: dict[str, Any]{extra}) -> {}:", item.name));
    text.line(2, "\"\"\"Reads it from the core's JSON.\"\"\"");
    let arguments: Vec<_> = item
        .fields
        .iter()
        .zip(names)
        .map(|(field, name)| format!("{name}={}", read_field(layout, item, field)))
        .collect();
    if arguments.iter().any(|argument| argument.contains("get(")) {
        text.line(2, "get = wire.get");
    }
    let arguments: Vec<_> = arguments.into_iter().map(broken).collect();
    text.list(2, "return cls(", &arguments, ")");
}

/// An argument on several lines where it is too long for one, as the formatter has it.
fn broken(argument: String) -> String {
    if argument.len() + 13 <= WIDTH {
        return argument;
    }
    let indent = " ".repeat(12);
    argument.replace(" if get(", &format!("\n{indent}if get(")).replace(" else None", &format!("\n{indent}else None"))
}

fn read_field(layout: &Layout, item: &Struct, field: &Field) -> String {
    let wire = format!("wire[\"{}\"]", field.wire);
    let time = is_time(&item.name, field);
    let converted = if time { format!("moment({wire})") } else { read(layout, &field.ty, &wire) };
    if !field.optional {
        return converted;
    }
    let get = format!("get(\"{}\")", field.wire);
    match converted {
        // Nothing to convert: a missing value is None already.
        plain if plain == wire => get,
        converted => format!("{converted} if {get} is not None else None"),
    }
}

/// The expression that turns JSON into a value of this type.
pub fn read(layout: &Layout, ty: &Type, wire: &str) -> String {
    let blobs = if layout.has_bytes(ty) { ", blobs" } else { "" };
    match ty {
        Type::Struct { name } => format!("{name}.from_wire({wire}{blobs})"),
        Type::Enum { name } => format!("{name}({wire})"),
        Type::Bytes => format!("attached(blobs, {wire})"),
        Type::List { of } if needs_reading(of) => format!("[{} for item in {wire}]", read(layout, of, "item")),
        Type::Map { of } if needs_reading(of) => {
            format!("{{key: {} for key, item in {wire}.items()}}", read(layout, of, "item"))
        }
        _ => wire.to_owned(),
    }
}

fn needs_reading(ty: &Type) -> bool {
    match ty {
        Type::Struct { .. } | Type::Enum { .. } | Type::Bytes => true,
        Type::List { of } | Type::Map { of } => needs_reading(of),
        _ => false,
    }
}

fn writer(text: &mut Text, layout: &Layout, item: &Struct, names: &[String]) {
    let blobs = layout.has_bytes(&Type::Struct { name: item.name.clone() });
    let extra = if blobs { ", blobs: list[bytes]" } else { "" };
    text.line(0, "");
    text.line(1, &format!("def to_wire(self{extra}) -> dict[str, Any]:"));
    text.line(
        2,
        if blobs {
            "\"\"\"Writes it as the core's JSON; bytes are appended to `blobs`.\"\"\""
        } else {
            "\"\"\"Writes it as the core's JSON.\"\"\""
        },
    );
    let entries: Vec<_> = item
        .fields
        .iter()
        .zip(names)
        .map(|(field, name)| {
            let value = format!("self.{name}");
            let written = write(layout, &field.ty, &value, name);
            let written = match field.optional && written != value {
                true => format!("{written} if {value} is not None else None"),
                false => written,
            };
            let entry = format!("\"{}\": {written}", field.wire);
            if entry.len() + 12 < WIDTH {
                return entry;
            }
            let indent = " ".repeat(12);
            entry
                .replace(" if self.", &format!("\n{indent}if self."))
                .replace(" else None", &format!("\n{indent}else None"))
        })
        .collect();
    if takes_image(item) {
        text.list(2, "wire = {", &entries, "}");
        text.line(2, "return with_image(self.image, wire)");
    } else {
        text.list(2, "return {", &entries, "}");
    }
}

/// Whether an image may be given: its name, or an `Image`, which is a Dockerfile and its contexts in the core.
fn takes_image(item: &Struct) -> bool {
    ["image", "dockerfile", "contexts"].iter().all(|name| item.fields.iter().any(|field| field.name == *name))
}

fn is_image(item: &Struct, field: &Field) -> bool {
    field.name == "image" && takes_image(item)
}

/// The expression that turns a value of this type into JSON.
pub fn write(layout: &Layout, ty: &Type, value: &str, name: &str) -> String {
    let blobs = if layout.has_bytes(ty) { "blobs" } else { "" };
    match ty {
        Type::Struct { name: class } => format!("{class}.given(\"{name}\", {value}).to_wire({blobs})"),
        Type::Bytes => format!("attach(blobs, {value})"),
        Type::List { of } if needs_writing(of) => {
            format!("[{} for item in {value}]", write(layout, of, "item", name))
        }
        Type::Map { of } if needs_writing(of) => {
            format!("{{key: {} for key, item in {value}.items()}}", write(layout, of, "item", name))
        }
        _ => value.to_owned(),
    }
}

fn needs_writing(ty: &Type) -> bool {
    match ty {
        Type::Struct { .. } | Type::Bytes => true,
        Type::List { of } | Type::Map { of } => needs_writing(of),
        _ => false,
    }
}

fn field_name(item: &Struct, field: &Field) -> String {
    name_of(&item.name, &field.name, field.name.clone())
}
