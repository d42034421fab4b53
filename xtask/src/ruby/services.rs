//! Service classes: one method per operation.

use anyhow::{Result, bail};

use super::models::{encode, yard};
use super::{Body, WIDTH, field_name, header, options, struct_name};
use crate::names::RUBY;
use crate::schema::{Field, Op, Schema, Service, Type};

/// The source of one service class.
pub fn service(schema: &Schema, service: &Service) -> Result<String> {
    let mut body = Body::new(&header("core/src/ops"), &["module Daytona", "module Generated"]);
    body.comment(&format!("{} Required arguments may be given by position or by keyword.", service.doc));
    let base = if service.toolbox { "ToolboxService" } else { "Service" };
    body.open(&format!("class {} < {base}", service.name));
    for (i, op) in service.ops.iter().enumerate() {
        if i > 0 {
            body.blank();
        }
        method(&mut body, schema, op)?;
    }
    Ok(body.finish())
}

/// The method's name.
pub fn method_name(op: &Op) -> &str {
    RUBY.get(&op.id).unwrap_or(&op.name)
}

/// The name of a parameter.
pub fn param_name<'a>(op: &Op, field: &'a Field) -> &'a str {
    field_name(&op.id, &field.name)
}

/// The class a stream is wrapped in.
pub fn stream_class(name: &str) -> &str {
    match name {
        "Terminal" => "PtyHandle",
        name => name,
    }
}

fn method(body: &mut Body, schema: &Schema, op: &Op) -> Result<()> {
    let options = options(schema, op.options.as_deref());
    documentation(body, op, options);

    let positional = op.params.iter().map(|p| {
        let name = param_name(op, &p.field);
        if p.field.optional { format!("{name} = nil") } else { name.to_owned() }
    });
    let keywords = options.iter().map(|f| format!("{}: nil", f.name));
    let mut arguments: Vec<_> = positional.chain(keywords).collect();
    arguments.push("request_timeout: nil".to_owned());
    let stream = matches!(op.returns, Type::Stream { .. });
    if stream {
        arguments.push("&block".to_owned());
    }
    // A keyword form only makes sense where there is something to name.
    let form = if op.params.is_empty() { "" } else { "both_forms " };
    body.list(&format!("{form}def {}(", method_name(op)), &arguments, ")");
    body.depth += 1;

    let blobs = op.params.iter().map(|p| &p.field).chain(options).any(|f| carries_blobs(&f.ty));
    if blobs {
        body.line("blobs = []");
    }
    let mut entries = Vec::new();
    for param in &op.params {
        entries.push(format!("'{}' => {}", param.field.wire, encode(param_name(op, &param.field), &param.field)?));
    }
    if !options.is_empty() {
        let mut inner = Vec::new();
        for field in options {
            inner.push(format!("'{}' => {}", field.wire, encode(&field.name, field)?));
        }
        let line = format!("'options' => {{ {} }}.compact", inner.join(", "));
        // It stands one level below the method's lines, and a comma may follow.
        let room = body.depth * 2 + 3;
        entries.push(if line.chars().count() + room <= WIDTH {
            line
        } else {
            let indent = " ".repeat(body.depth * 2 + 2);
            format!("'options' => {{\n{indent}  {}\n{indent}}}.compact", inner.join(&format!(",\n{indent}  ")))
        });
    }
    if entries.is_empty() {
        body.line("args = {}");
    } else {
        body.list("args = { ", &entries, " }");
    }
    let extra = if blobs { "args, blobs" } else { "args" };
    let call = format!("'{}', {extra}, request_timeout: request_timeout", op.id);
    result(body, op, &call)?;
    body.close();
    Ok(())
}

fn documentation(body: &mut Body, op: &Op, options: &[Field]) {
    body.comment(&op.doc);
    body.line("#");
    for param in &op.params {
        let ty = yard(&param.field.ty, param.field.optional);
        body.line(&format!("# @param {} [{ty}]", param_name(op, &param.field)));
    }
    for field in options {
        body.tagged(&format!("@param {} [{}] {}", field.name, yard(&field.ty, field.optional), field.doc), "  ");
    }
    body.line("# @param request_timeout [Numeric, nil] Seconds the whole call may take; 0 = no limit.");
    if let Type::Stream { name } = &op.returns {
        let class = stream_class(name);
        body.line(&format!("# @yieldparam stream [{class}] Closed after the block."));
        body.line(&format!("# @return [{class}, Object] The open stream, or what the block returns."));
    } else if op.returns != Type::Unit {
        body.line(&format!("# @return [{}]", yard(&op.returns, false)));
    } else {
        body.line("# @return [void]");
    }
    body.tagged(&format!("@raise [Sdk::Error] {}", op.errors), "  ");
}

fn result(body: &mut Body, op: &Op, call: &str) -> Result<()> {
    match &op.returns {
        Type::Unit => {
            body.line(&format!("invoke({call})"));
            body.line("nil");
        }
        Type::Stream { name } => {
            chain(body, "stream", &format!("open_stream({call})"), |stream| {
                format!("{}.open({stream}, self, &block)", stream_class(name))
            });
        }
        returns => {
            let convert = match returns {
                Type::Struct { name } => format!("to_model({})", struct_name(name)),
                Type::List { of } => match &**of {
                    Type::Struct { name } => format!("to_models({})", struct_name(name)),
                    _ => "data".to_owned(),
                },
                Type::Bytes => "bytes".to_owned(),
                Type::Enum { .. } => bail!("{}: an enum as a result is not supported in Ruby", op.id),
                _ => "data".to_owned(),
            };
            chain(body, "reply", &format!("invoke({call})"), |reply| format!("{reply}.{convert}"));
        }
    }
    Ok(())
}

/// `then(call)` on one line, or with a variable in between where that is too long.
fn chain(body: &mut Body, variable: &str, call: &str, then: impl Fn(&str) -> String) {
    let line = then(call);
    if body.fits(&line) {
        return body.line(&line);
    }
    body.line(&format!("{variable} = {call}"));
    body.line(&then(variable));
}

fn carries_blobs(ty: &Type) -> bool {
    match ty {
        Type::Bytes | Type::Struct { .. } => true,
        Type::List { of } | Type::Map { of } => carries_blobs(of),
        _ => false,
    }
}
