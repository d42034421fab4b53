//! Services: one method per operation, from one template for both sides.

use super::models::{read, write};
use super::text::{Text, docstring, fill, wrap};
use super::{HEADER, Layout, annotation};
use crate::names::PYTHON;
use crate::schema::{Field, Op, Service, Struct, Type};

const REQUEST_TIMEOUT: &str = "Seconds the call may take; 0 = no limit. Default: 60.";

/// The operations of a service.
pub fn file(layout: &Layout, service: &Service, asynchronous: bool) -> String {
    let prefix = if asynchronous { "Async" } else { "" };
    let mut types: Vec<&Type> = Vec::new();
    for op in &service.ops {
        types.extend(op.params.iter().map(|p| &p.field.ty));
        types.extend(options(layout, op).iter().map(|f| &f.ty));
        types.push(&op.returns);
    }
    let streams = service.ops.iter().any(|op| matches!(op.returns, Type::Stream { .. }));
    let mut text = Text::new();
    text.line(0, &format!("\"\"\"The operations of `{}`. {HEADER}\"\"\"", service.id));
    text.lines(0, "\nfrom __future__ import annotations\n");
    let runtime = if asynchronous { "_async" } else { "_sync" };
    let mut names = vec![format!("{prefix}Service")];
    if streams {
        names.push(format!("{prefix}StreamHandle"));
    }
    let mut imports = layout.imports(&types, None);
    imports.push(format!("from ...{runtime}.runtime import {}", names.join(", ")));
    let sends = service.ops.iter().any(|op| op.params.iter().any(|p| p.field.ty == Type::Bytes));
    let receives = service.ops.iter().any(|op| op.returns == Type::Bytes);
    let attachments: Vec<_> =
        [("attach", sends), ("attached", receives)].iter().filter(|(_, used)| *used).map(|(name, _)| *name).collect();
    if !attachments.is_empty() {
        imports.push(format!("from ..._model import {}", attachments.join(", ")));
    }
    imports.sort();
    for line in imports {
        text.lines(0, &line);
    }
    text.lines(0, "\n");
    text.line(0, &format!("class {prefix}{}Ops({prefix}Service):", service.name));
    docstring(&mut text, 1, &wrap(&service.doc, 1));
    text.line(0, "");
    text.line(1, "__slots__ = ()");
    for op in &service.ops {
        method(&mut text, layout, op, asynchronous);
    }
    text.finish()
}

fn options<'a>(layout: &Layout<'a>, op: &Op) -> &'a [Field] {
    let item: Option<&'a Struct> = op.options.as_deref().and_then(|name| layout.item(name));
    item.map_or(&[], |item| &item.fields)
}

fn method(text: &mut Text, layout: &Layout, op: &Op, asynchronous: bool) {
    let options = options(layout, op);
    let name = PYTHON.get(&op.id).unwrap_or(&op.name);
    // An operation with a time limit of its own needs no other.
    let limited = options.iter().any(|f| f.name == "timeout");
    let mut parameters = vec!["self".to_owned()];
    let parameter = |field: &Field, optional: bool| {
        let ty = annotation(&field.ty);
        if optional { format!("{}: {ty} | None = None", field.name) } else { format!("{}: {ty}", field.name) }
    };
    parameters.extend(op.params.iter().map(|p| parameter(&p.field, p.field.optional)));
    parameters.extend(options.iter().map(|f| parameter(f, true)));
    if !limited {
        parameters.extend(["*".to_owned(), "request_timeout: float | None = None".to_owned()]);
    }
    let prefix = if asynchronous { "Async" } else { "" };
    let returns = match &op.returns {
        Type::Stream { .. } => format!("{prefix}StreamHandle"),
        ty => annotation(ty),
    };
    text.line(0, "");
    let define = if asynchronous { "async def" } else { "def" };
    text.list(1, &format!("{define} {name}("), &parameters, &format!(") -> {returns}:"));
    docstring(text, 2, &doc(layout, op, options, limited));
    body(text, layout, op, options, limited, if asynchronous { "await " } else { "" });
}

fn body(text: &mut Text, layout: &Layout, op: &Op, options: &[Field], limited: bool, wait: &str) {
    let sends = op.params.iter().any(|p| layout.has_bytes(&p.field.ty));
    let receives = layout.has_bytes(&op.returns);
    let mut entries: Vec<String> = op
        .params
        .iter()
        .map(|p| format!("\"{}\": {}", p.field.wire, write(layout, &p.field.ty, &p.field.name, &p.field.name)))
        .collect();
    if !options.is_empty() {
        let options: Vec<_> = options.iter().map(|f| format!("\"{}\": {}", f.wire, f.name)).collect();
        text.list(2, "options = {", &options, "}");
        entries.push("\"options\": options".to_owned());
    }
    if sends {
        text.line(2, "blobs: list[bytes] = []");
    }
    let args = if entries.is_empty() { "{}" } else { "args" };
    if !entries.is_empty() {
        text.list(2, "args = {", &entries, "}");
    }
    let mut arguments = format!("\"{}\", {args}", op.id);
    let mut call = "_call";
    if sends || receives {
        call = "_call_with_bytes";
        arguments.push_str(if sends { ", blobs" } else { ", []" });
    }
    if !limited {
        arguments.push_str(", request_timeout=request_timeout");
    }
    match &op.returns {
        Type::Stream { .. } => text.line(2, &format!("return {wait}self._open({arguments})")),
        Type::Unit => text.line(2, &format!("{wait}self.{call}({arguments})")),
        ty => {
            let value = read(layout, ty, "wire");
            let call = format!("{wait}self.{call}({arguments})");
            // JSON has no types: what is returned as it came is declared.
            let result = match receives {
                true => "wire, blobs".to_owned(),
                false if value == "wire" => format!("wire: {}", annotation(ty)),
                false => "wire".to_owned(),
            };
            text.line(2, &format!("{result} = {call}"));
            text.line(2, &format!("return {value}"));
        }
    }
}

fn doc(layout: &Layout, op: &Op, options: &[Field], limited: bool) -> Vec<String> {
    let mut lines = wrap(&op.doc, 2);
    let mut entries: Vec<String> = options.iter().map(|f| format!("{}: {}", f.name, f.doc)).collect();
    if !limited {
        entries.push(format!("request_timeout: {REQUEST_TIMEOUT}"));
    }
    lines.extend([String::new(), "Args:".to_owned()]);
    for entry in entries {
        let entry = entry.split_whitespace().collect::<Vec<_>>().join(" ");
        lines.extend(fill(&entry, 3, "    ").into_iter().map(|line| format!("    {line}")));
    }
    let mut errors = op.errors.split_whitespace().collect::<Vec<_>>().join(" ");
    for kind in &layout.schema.errors {
        let class =
            if kind.name == "Unknown" { "DaytonaError".to_owned() } else { format!("Daytona{}Error", kind.name) };
        errors = errors.replace(&format!("`{}`", kind.name), &format!("`{class}`"));
    }
    lines.extend([String::new(), "Raises:".to_owned()]);
    lines.extend(fill(&errors, 3, "").into_iter().map(|line| format!("    {line}")));
    lines
}
