//! `internal/api/generated.go`: how arguments travel, and the structs behind public types of another shape.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use anyhow::{Context, Result, bail};

use super::Package;
use super::imports::with_imports;
use super::options::is_time;
use super::types::Place;
use super::words::{filled, sentence};
use crate::schema::Type;

/// Where code that adds an argument stands.
#[derive(Clone, Copy)]
pub struct Scope {
    /// The variable of the call.
    pub call: &'static str,
    /// What stands before the functions of the package `api`.
    pub api: &'static str,
    pub indent: usize,
}

/// In a method of a public class.
pub const METHOD: Scope = Scope { call: "call", api: "api.", indent: 1 };
pub const ENCODER: Scope = Scope { call: "c", api: "", indent: 1 };

/// Whether a struct has changes: there an empty list takes away what is there, and only one that is nil leaves it as it is.
fn is_change(name: &str) -> bool {
    name.starts_with("Update") && name.ends_with("Params")
}

/// The encoder of a set of functional options.
pub fn of_options(set: &str) -> String {
    format!("{set}Options")
}

impl Package<'_> {
    /// The statement that adds a value under a name; its Go type decides how.
    pub fn add(&self, scope: Scope, wire: &str, ty: &str, value: &str, optional: bool) -> Result<String> {
        let tabs = "\t".repeat(scope.indent);
        let inner = Scope { indent: scope.indent + 1, ..scope };
        let Scope { call, api, .. } = scope;
        if let Some(of) = ty.strip_prefix('*') {
            let add = self.add(inner, wire, of, &format!("*{value}"), false)?;
            return Ok(format!("{tabs}if {value} != nil {{\n{add}{tabs}}}\n"));
        }
        let list = ty.starts_with("[]") || ty.starts_with("map[");
        if optional && list {
            // Empty contents are contents; an empty list or map is none.
            let given = if ty == "[]byte" { format!("{value} != nil") } else { format!("len({value}) > 0") };
            let add = self.add(inner, wire, ty, value, false)?;
            return Ok(format!("{tabs}if {given} {{\n{add}{tabs}}}\n"));
        }
        if optional && matches!(ty, "string" | "int") {
            // A plain value that is not set.
            let unset = if ty == "int" { "0" } else { "\"\"" };
            let add = self.add(inner, wire, ty, value, false)?;
            return Ok(format!("{tabs}if {value} != {unset} {{\n{add}{tabs}}}\n"));
        }
        let name = ty.rsplit('.').next().unwrap_or(ty);
        let is_enum = |name: &str| self.schema.enums.iter().any(|item| item.name == name);
        let is_struct = |name: &str| self.structs.values().any(|(_, go)| *go == name);
        let statement = match ty {
            "string" => format!("{call}.Text({wire:?}, {value})"),
            "bool" => format!("{call}.Bool({wire:?}, {value})"),
            "int" => format!("{call}.Int({wire:?}, {value})"),
            "float64" => format!("{call}.Float({wire:?}, {value})"),
            "time.Duration" => format!("{call}.Seconds({wire:?}, {value})"),
            "time.Time" => format!("{call}.Time({wire:?}, {value})"),
            "[]byte" => format!("{call}.Bytes({wire:?}, {value})"),
            "map[string]string" => format!("{call}.Map({wire:?}, {value})"),
            _ if list => {
                let of = ty.strip_prefix("[]").with_context(|| format!("arguments of type {ty} cannot be sent"))?;
                let name = of.rsplit('.').next().unwrap_or(of);
                if of == "string" || is_enum(name) {
                    format!("{api}Texts({call}, {wire:?}, {value})")
                } else if is_struct(name) {
                    format!("{api}List({call}, {wire:?}, {value}, (*{api}Call).{name})")
                } else {
                    bail!("arguments of type {ty} cannot be sent");
                }
            }
            _ if is_enum(name) => format!("{call}.Text({wire:?}, string({value}))"),
            _ if self.is_of_client(name) => format!("add{name}({call}, {wire:?}, {value})"),
            _ if is_struct(name) => {
                let pointer = value.strip_prefix('*').map_or_else(|| format!("&{value}"), str::to_owned);
                format!("{call}.{name}({wire:?}, {pointer})")
            }
            _ => bail!("arguments of type {ty} cannot be sent"),
        };
        Ok(format!("{tabs}{statement}\n"))
    }

    /// Whether a struct lives beside the client.
    pub fn is_of_client(&self, name: &str) -> bool {
        self.structs.values().any(|(place, go)| *place == Place::Daytona && *go == name)
    }

    /// The file of the package `api`.
    pub fn api(&self) -> Result<String> {
        let mut body = String::new();
        self.create_encoders(&mut body)?;
        for item in &self.schema.structs {
            if self.inputs.contains(item.name.as_str())
                && !matches!(self.structs[item.name.as_str()].0, Place::Daytona | Place::Apart)
            {
                self.encoder(&mut body, &item.name)?;
            }
        }
        let mut done = BTreeSet::new();
        for op in self.schema.services.iter().flat_map(|s| &s.ops) {
            for method in Self::methods(op) {
                let Some(of) = &op.options else { continue };
                let travels = method.takes.is_none_or(|names| names.contains(&"opts"));
                let as_struct = method.hidden && method.set.is_none();
                if travels && !as_struct {
                    let set = self.options(of, method.set)?;
                    if done.insert(set.name.clone()) {
                        self.options_encoder(&mut body, &set)?;
                    }
                } else if as_struct && done.insert(of.clone()) {
                    self.encoder(&mut body, of)?;
                }
            }
        }
        let mut structs = String::new();
        for item in &self.schema.structs {
            if self.structs[item.name.as_str()].0 == Place::Api && self.reached(&item.name) {
                self.print_struct(&mut structs, item)?;
            }
        }
        let body = format!(
            "\n// SchemaHash identifies the schema this package was generated from; the native library has one too.\n\
             const SchemaHash = {:?}\n{structs}{body}",
            self.schema.hash()?
        );
        Ok(with_imports("api", &body))
    }

    fn encoder(&self, out: &mut String, name: &str) -> Result<()> {
        let item = self.structure(name).with_context(|| name.to_owned())?;
        let (place, go) = self.structs[name];
        let ty = if place == Place::Api { go.to_owned() } else { format!("types.{go}") };
        writeln!(out, "\n// {go} adds a {go}.\nfunc (c *Call) {go}(name string, v *{ty}) {{\n\tc.Open(name)")?;
        for field in &item.fields {
            let (go, ty) = self.field(name, field)?;
            let value = format!("v.{go}");
            if is_change(name) && field.optional && ty.starts_with("[]") {
                let add = self.add(Scope { indent: 2, ..ENCODER }, &field.wire, &ty, &value, false)?;
                write!(out, "\tif {value} != nil {{\n{add}\t}}\n")?;
                continue;
            }
            out.push_str(&self.add(ENCODER, &field.wire, &ty, &value, field.optional)?);
        }
        out.push_str("\tc.Close()\n}\n");
        Ok(())
    }

    fn options_encoder(&self, out: &mut String, set: &super::options::Options) -> Result<()> {
        let encoder = of_options(&set.name);
        let doc = format!("{encoder} adds the options of {}.", set.users.first().unwrap_or(&set.name));
        write!(
            out,
            "\n{}func (c *Call) {encoder}(name string, o *options.{}) {{\n\tc.Open(name)\n",
            filled("", &doc),
            set.name
        )?;
        for field in &set.fields {
            let value = format!("o.{}", field.name);
            if let Some(source) = field.source {
                out.push_str(&self.add(ENCODER, &source.wire, &field.ty, &value, true)?);
            } else if let Some(spread) = field.ty.strip_prefix("*types.").and_then(|name| self.structure(name)) {
                // Options of the core that are one value in Go.
                writeln!(out, "\tif {value} != nil {{")?;
                for part in &spread.fields {
                    let (name, ty) = self.field_in(Place::Types, &spread.name, part)?;
                    let scope = Scope { indent: 2, ..ENCODER };
                    out.push_str(&self.add(scope, &part.wire, &ty, &format!("{value}.{name}"), false)?);
                }
                out.push_str("\t}\n");
            }
        }
        out.push_str("\tc.Close()\n}\n");
        Ok(())
    }

    /// The function that adds a struct which lives beside the client; nil is as good as an empty one.
    pub fn encoder_of_client(&self, out: &mut String, name: &str) -> Result<()> {
        let item = self.structure(name).with_context(|| name.to_owned())?;
        let (_, go) = self.structs[name];
        writeln!(
            out,
            "\nfunc add{go}(call *api.Call, name string, v *{go}) {{\n\tif v == nil {{\n\t\tv = new({go})\n\t}}\n\tcall.Open(name)"
        )?;
        for field in &item.fields {
            let (go, ty) = self.field(name, field)?;
            out.push_str(&self.add(METHOD, &field.wire, &ty, &format!("v.{go}"), field.optional)?);
        }
        out.push_str("\tcall.Close()\n}\n");
        Ok(())
    }

    /// Whether bytes are in a type.
    pub fn has_bytes(&self, ty: &Type) -> bool {
        match ty {
            Type::Bytes => true,
            Type::List { of } | Type::Map { of } => self.has_bytes(of),
            Type::Struct { name } => {
                self.structure(name).is_some_and(|item| item.fields.iter().any(|field| field.ty == Type::Bytes))
            }
            _ => false,
        }
    }

    /// Documentation of a field of a struct.
    pub fn field_doc(&self, name: &str, field: &crate::schema::Field) -> String {
        let doc = sentence(&field.doc);
        let doc = if is_time(field) { super::words::of_duration(&doc) } else { doc };
        match field.ty {
            Type::Bytes if !self.inputs.contains(name) => format!("{doc} This is its index among the attachments."),
            _ => doc,
        }
    }
}
