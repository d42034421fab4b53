//! Model classes, one file each.

use anyhow::{Result, bail};

use super::{Body, Used, field_name, header, struct_name};
use crate::schema::{Field, Struct, Type};

/// The source of one model class.
pub fn model(item: &Struct, used: &Used) -> Result<String> {
    let mut body = Body::new(&header("core/src/model"), &["module Daytona"]);
    body.comment(&item.doc);
    body.open(&format!("class {} < Model", struct_name(&item.name)));
    for field in &item.fields {
        body.tagged(&format!("@return [{}] {}", yard(&field.ty, field.optional), field.doc), "  ");
        body.line(&format!("attr_accessor :{}", field_name(&item.name, &field.name)));
        body.blank();
    }
    initializer(&mut body, item);
    if used.received.contains(&item.name) {
        body.blank();
        from_wire(&mut body, item)?;
    }
    if used.sent.contains(&item.name) {
        body.blank();
        to_wire(&mut body, item)?;
    }
    Ok(body.finish())
}

fn initializer(body: &mut Body, item: &Struct) {
    body.comment("Every argument is the attribute of the same name.");
    // Required ones first, each group in the order of the attributes.
    let names = |optional: bool| item.fields.iter().filter(move |f| f.optional == optional);
    let required = names(false).map(|f| format!("{}:", field_name(&item.name, &f.name)));
    let optional = names(true).map(|f| format!("{}: nil", field_name(&item.name, &f.name)));
    let arguments: Vec<_> = required.chain(optional).collect();
    body.list("def initialize(", &arguments, ")");
    body.depth += 1;
    body.line("super()");
    for field in &item.fields {
        let name = field_name(&item.name, &field.name);
        body.line(&format!("@{name} = {name}"));
    }
    body.close();
}

fn from_wire(body: &mut Body, item: &Struct) -> Result<()> {
    body.comment("@api private");
    let blobs = if item.fields.iter().any(|f| f.ty == Type::Bytes || nests(&f.ty)) { "blobs" } else { "_blobs" };
    body.open(&format!("def self.from_wire(data, {blobs})"));
    body.open("new(");
    for (i, field) in item.fields.iter().enumerate() {
        let comma = if i + 1 < item.fields.len() { "," } else { "" };
        let value = decode(&format!("data['{}']", field.wire), &field.ty, field.optional)?;
        body.line(&format!("{}: {value}{comma}", field_name(&item.name, &field.name)));
    }
    body.depth -= 1;
    body.line(")");
    body.close();
    Ok(())
}

fn to_wire(body: &mut Body, item: &Struct) -> Result<()> {
    body.comment("@api private");
    let blobs = if item.fields.iter().any(|f| f.ty == Type::Bytes || nests(&f.ty)) { "blobs" } else { "_blobs" };
    body.open(&format!("def to_wire({blobs})"));
    body.open("{");
    for (i, field) in item.fields.iter().enumerate() {
        let comma = if i + 1 < item.fields.len() { "," } else { "" };
        let value = encode(field_name(&item.name, &field.name), field)?;
        body.line(&format!("'{}' => {value}{comma}", field.wire));
    }
    body.depth -= 1;
    body.line("}.compact");
    body.close();
    Ok(())
}

fn nests(ty: &Type) -> bool {
    match ty {
        Type::List { of } | Type::Map { of } => nests(of),
        Type::Struct { .. } => true,
        _ => false,
    }
}

/// An expression that turns a JSON value into the type.
pub fn decode(value: &str, ty: &Type, optional: bool) -> Result<String> {
    Ok(match ty {
        Type::Bytes => format!("Wire.blob({value}, blobs)"),
        Type::Struct { name } => {
            format!("{value}&.then {{ |item| {}.from_wire(item, blobs) }}", struct_name(name))
        }
        Type::List { of } => match &**of {
            Type::Struct { name } => {
                let each = format!("map {{ |item| {}.from_wire(item, blobs) }}", struct_name(name));
                if optional { format!("{value}&.{each}") } else { format!("({value} || []).{each}") }
            }
            of if nests(of) => bail!("nested lists of models are not supported in Ruby"),
            _ if optional => value.to_owned(),
            _ => format!("{value} || []"),
        },
        Type::Map { of } if nests(of) => bail!("maps of models are not supported in Ruby"),
        Type::Map { .. } if !optional => format!("{value} || {{}}"),
        _ => value.to_owned(),
    })
}

/// An expression that turns the type into a JSON value.
pub fn encode(value: &str, field: &Field) -> Result<String> {
    let dot = if field.optional { "&." } else { "." };
    Ok(match &field.ty {
        Type::Bytes => format!("Wire.attach({value}, blobs)"),
        Type::Struct { name } if field.optional => {
            format!("{value}&.then {{ |item| {}.coerce(item).to_wire(blobs) }}", struct_name(name))
        }
        Type::Struct { name } => format!("{}.coerce({value}).to_wire(blobs)", struct_name(name)),
        Type::List { of } => match &**of {
            Type::Struct { name } => {
                format!("{value}{dot}map {{ |item| {}.coerce(item).to_wire(blobs) }}", struct_name(name))
            }
            of if nests(of) => bail!("nested lists of models are not supported in Ruby"),
            _ => value.to_owned(),
        },
        Type::Map { of } if **of == Type::String => format!("Wire.strings({value})"),
        Type::Map { .. } => bail!("only maps of strings can be sent from Ruby"),
        _ => value.to_owned(),
    })
}

/// The type in YARD's notation.
pub fn yard(ty: &Type, optional: bool) -> String {
    let name = match ty {
        Type::Unit => "nil".to_owned(),
        Type::String | Type::Bytes | Type::Enum { .. } => "String".to_owned(),
        Type::Bool => "Boolean".to_owned(),
        Type::Int => "Integer".to_owned(),
        Type::Float => "Numeric".to_owned(),
        Type::Json => "Object".to_owned(),
        Type::List { of } => format!("Array<{}>", yard(of, false)),
        Type::Map { of } => format!("Hash{{String => {}}}", yard(of, false)),
        Type::Struct { name } => struct_name(name).to_owned(),
        Type::Stream { name } => super::services::stream_class(name).to_owned(),
    };
    if optional { format!("{name}, nil") } else { name }
}
