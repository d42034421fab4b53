//! Model classes, one file each.

use anyhow::{Result, bail};

use super::classes::attribute_aliases;
use super::deviations::{RECEIVED_AS, SHORTHANDS, SYNONYMS};
use super::{Body, Used, field_name, header, struct_name};
use crate::schema::{Field, Schema, Struct, Type};

/// The structs that classes are written for: those of the model, and the configuration.
pub fn all(schema: &Schema) -> impl Iterator<Item = &Struct> {
    schema.structs.iter().chain(&schema.parts).chain([&schema.config])
}

/// The source of one model class.
pub fn model(item: &Struct, used: &Used) -> Result<String> {
    let mut body = Body::new(&header("core/src/model"), &["module Daytona"]);
    body.comment(&item.doc);
    body.open(&format!("class {} < Model", struct_name(&item.name)));
    for field in &item.fields {
        body.tagged(&format!("@return [{}] {}", yard(&field.ty, field.optional), field.doc), "  ");
        let name = field_name(&item.name, &field.name);
        body.line(&format!("attr_accessor :{name}"));
        for (other, _) in attribute_aliases(&item.name).filter(|(_, attribute)| *attribute == name) {
            body.line(&format!("alias {other} {name}"));
        }
        for other in synonyms(&item.name, name) {
            body.line(&format!("alias {other} {name}"));
            body.line(&format!("alias {other}= {name}="));
        }
        body.blank();
    }
    initializer(&mut body, item);
    if let Some((_, attribute)) = SHORTHANDS.iter().find(|(owner, _)| *owner == item.name) {
        body.blank();
        body.comment(&format!("@return [{}] Also of its {attribute} alone.", struct_name(&item.name)));
        body.line("# @api private");
        body.open("def self.coerce(value)");
        body.line(&format!("super(value.is_a?(String) ? {{ {attribute}: value }} : value)"));
        body.close();
    }
    if used.received.contains(&item.name) {
        body.blank();
        from_wire(&mut body, item)?;
    }
    if used.sent.contains(&item.name) {
        body.blank();
        to_wire(&mut body, item)?;
    }
    let secrets: Vec<_> = item.fields.iter().filter(|f| f.secret).map(|f| field_name(&item.name, &f.name)).collect();
    if !secrets.is_empty() {
        body.blank();
        body.line("private");
        body.blank();
        body.open("def hidden_names");
        body.line(&format!("%i[{}]", secrets.join(" ")));
        body.close();
    }
    Ok(body.finish())
}

/// Other names by which an attribute can be given and read.
pub fn synonyms(owner: &str, name: &str) -> impl Iterator<Item = &'static str> {
    SYNONYMS.iter().filter(move |(item, _, attribute)| *item == owner && *attribute == name).map(|(_, other, _)| *other)
}

fn initializer(body: &mut Body, item: &Struct) {
    body.comment("Every argument is the attribute of the same name.");
    // Required ones first, each group in the order of the attributes.
    let names = |optional: bool| item.fields.iter().filter(move |f| f.optional == optional);
    let required = names(false).map(|f| format!("{}:", field_name(&item.name, &f.name)));
    let optional = names(true).map(|f| format!("{}: nil", field_name(&item.name, &f.name)));
    let others = SYNONYMS.iter().filter(|(owner, ..)| *owner == item.name).map(|(_, other, _)| format!("{other}: nil"));
    let arguments: Vec<_> = required.chain(optional).chain(others).collect();
    body.list("def initialize(", &arguments, ")");
    body.depth += 1;
    body.line("super()");
    for field in &item.fields {
        let name = field_name(&item.name, &field.name);
        let others: Vec<_> = synonyms(&item.name, name).collect();
        // False is a value, too.
        let value = match others.as_slice() {
            // A word of the language, too.
            [] if name == "end" => "binding.local_variable_get(:end)".to_owned(),
            [] => name.to_owned(),
            others if field.ty == Type::Bool => format!("[{name}, {}].compact.first", others.join(", ")),
            others => format!("{name} || {}", others.join(" || ")),
        };
        body.line(&format!("@{name} = {value}"));
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

/// The class of a struct as callers meet it.
pub fn class_name(name: &str) -> &str {
    RECEIVED_AS.iter().find(|(item, ..)| *item == name).map_or_else(|| struct_name(name), |(_, class, _)| class)
}

/// An expression that makes an object of a struct's JSON.
fn received(name: &str, value: &str) -> String {
    match RECEIVED_AS.iter().find(|(item, ..)| *item == name) {
        Some((.., expression)) => expression.replace("{}", value),
        None => format!("{}.from_wire({value}, blobs)", struct_name(name)),
    }
}

/// An expression that turns a JSON value into the type.
pub fn decode(value: &str, ty: &Type, optional: bool) -> Result<String> {
    Ok(match ty {
        Type::Bytes => format!("Wire.blob({value}, blobs)"),
        Type::Struct { name } => {
            format!("{value}&.then {{ |item| {} }}", received(name, "item"))
        }
        Type::List { of } => match &**of {
            Type::Struct { name } => {
                let each = format!("map {{ |item| {} }}", received(name, "item"));
                if optional { format!("{value}&.{each}") } else { format!("({value} || []).{each}") }
            }
            of if nests(of) => bail!("nested lists of models are not supported in Ruby"),
            _ if optional => value.to_owned(),
            _ => format!("{value} || []"),
        },
        Type::Map { of } => match &**of {
            Type::Struct { name } if !optional => {
                format!("({value} || {{}}).transform_values {{ |item| {} }}", received(name, "item"))
            }
            of if nests(of) => bail!("this map of models is not supported in Ruby"),
            _ if optional => value.to_owned(),
            _ => format!("{value} || {{}}"),
        },
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
        Type::Struct { name } => class_name(name).to_owned(),
        Type::Stream { name } => super::methods::stream_class(name).to_owned(),
    };
    if optional { format!("{name}, nil") } else { name }
}
