//! Enums and structs: `pkg/types/generated.go`, and `pkg/daytona/generated_types.go` for those that live beside the client.

use std::fmt::Write as _;

use anyhow::{Context, Result, bail};

use super::Package;
use super::forms::{BESIDES, GETTERS, SPELLINGS};
use super::imports::with_imports;
use super::options::is_time;
use super::words::{comment, exported, filled, sentence, subject};
use crate::deviations;
use crate::schema::{Enum, Field, Struct, Type};

/// Where a struct lives.
#[derive(Clone, Copy, PartialEq)]
pub enum Place {
    /// In `pkg/types`.
    Types,
    /// In `pkg/daytona`, where the client is.
    Daytona,
    /// In `internal/api`, behind a public type of another shape.
    Api,
    /// In `pkg/types`, in forms of its own: `charts.rs`, `create.rs`.
    Apart,
}

impl<'a> Package<'a> {
    pub fn structure(&self, name: &str) -> Option<&'a Struct> {
        self.schema.structs.iter().find(|item| item.name == name)
    }

    /// Name and type of a field, the type as the package of its struct writes it. The name is `-` when Go leaves it out.
    pub fn field(&self, of: &str, field: &Field) -> Result<(String, String)> {
        let place = self.structs.get(of).map_or(Place::Daytona, |(place, _)| *place);
        self.field_in(place, of, field)
    }

    /// Name and type of a field, the type as another package writes it.
    pub fn field_in(&self, place: Place, of: &str, field: &Field) -> Result<(String, String)> {
        let deviation = deviations::language("go").field(of, &field.name);
        let (name, ty) = deviation.map_or((None, None), |text| match text.split_once(' ') {
            Some((name, ty)) => (Some(name), Some(ty)),
            None => (Some(text), None),
        });
        let name = name.map_or_else(|| exported(&field.name), str::to_owned);
        if let Some(ty) = ty {
            return Ok((name, ty.to_owned()));
        }
        let mut go = self.go_type(&field.ty, place)?;
        if field.ty == Type::Bytes && self.inputs.contains(of) {
            go = "[]byte".to_owned();
        }
        if is_time(field) {
            go = "time.Duration".to_owned();
        }
        let pointer =
            field.optional && !matches!(field.ty, Type::List { .. } | Type::Map { .. } | Type::Json) && go != "[]byte";
        Ok((name, if pointer { format!("*{go}") } else { go }))
    }

    /// A type as `pkg/daytona` writes it.
    pub fn public(&self, ty: &Type) -> Result<String> {
        if *ty == Type::Bytes {
            return Ok("[]byte".to_owned());
        }
        self.go_type(ty, Place::Daytona)
    }

    /// The type of a parameter.
    pub fn public_type(&self, field: &Field) -> Result<String> {
        self.public(&field.ty)
    }

    pub fn public_struct(&self, name: &str) -> Result<String> {
        self.go_type(&Type::Struct { name: name.to_owned() }, Place::Daytona)
    }

    pub fn go_type(&self, ty: &Type, from: Place) -> Result<String> {
        let inside = matches!(from, Place::Types | Place::Apart);
        let public = |name: &str| if inside { name.to_owned() } else { format!("types.{name}") };
        Ok(match ty {
            Type::String => "string".to_owned(),
            Type::Bool => "bool".to_owned(),
            // Bytes are the index of an attachment.
            Type::Int | Type::Bytes => "int".to_owned(),
            Type::Float => "float64".to_owned(),
            Type::Json => "any".to_owned(),
            Type::List { of } => format!("[]{}", self.go_type(of, from)?),
            Type::Map { of } => format!("map[string]{}", self.go_type(of, from)?),
            Type::Enum { name } => public(name),
            Type::Struct { name } => match (self.structs.get(name.as_str()), from) {
                (Some((Place::Apart, name)), _) if *name == super::create::STRUCT => "any".to_owned(),
                (Some((Place::Types | Place::Apart, name)), _) => public(name),
                (Some((Place::Api, name)), Place::Api) | (Some((Place::Daytona, name)), Place::Daytona) => {
                    (*name).to_owned()
                }
                (Some((Place::Api, name)), Place::Daytona) => format!("api.{name}"),
                (Some(_), _) => bail!("{name} cannot be used there"),
                (None, _) => bail!("there is no struct {name}"),
            },
            Type::Unit | Type::Stream { .. } => bail!("{ty:?} is only for results"),
        })
    }

    /// `pkg/types/generated.go`
    pub fn types(&self) -> Result<String> {
        let mut body = String::new();
        for item in &self.schema.enums {
            enumeration(&mut body, item)?;
        }
        for item in &self.schema.structs {
            if self.structs[item.name.as_str()].0 == Place::Types && self.reached(&item.name) {
                self.print_struct(&mut body, item)?;
                self.methods_of(&mut body, item)?;
                let secrets = item.fields.iter().filter(|field| field.secret);
                let secrets = secrets.map(|field| self.field(&item.name, field)).collect::<Result<Vec<_>>>()?;
                hide(&mut body, self.structs[item.name.as_str()].1, &secrets)?;
            }
        }
        self.config(&mut body)?;
        self.create_params(&mut body)?;
        self.charts(&mut body)?;
        Ok(with_imports("types", &body))
    }

    /// `pkg/daytona/generated_types.go`
    pub fn daytona(&self) -> Result<String> {
        let mut body =
            format!("\n// Version is the version of this package.\nconst Version = {:?}\n", env!("CARGO_PKG_VERSION"));
        for item in self.schema.enums.iter().filter(|item| item.name.starts_with("Sandbox")) {
            writeln!(
                body,
                "\n// {0} is [types.{0}].\ntype {0} = types.{0}\n\n// {1}\nconst (",
                item.name,
                sentence(&item.doc)
            )?;
            for value in &item.values {
                let constant = constant(item, &value.name);
                writeln!(body, "{}\t{constant} = types.{constant}", comment("\t", &sentence(&value.doc)))?;
            }
            body.push_str(")\n");
        }
        for item in &self.schema.structs {
            if self.structs[item.name.as_str()].0 == Place::Daytona && self.reached(&item.name) {
                self.print_struct(&mut body, item)?;
                if BESIDES.iter().any(|(of, ..)| *of == item.name) {
                    self.taking_over(&mut body, item)?;
                }
                if self.inputs.contains(item.name.as_str()) {
                    self.encoder_of_client(&mut body, &item.name)?;
                }
            }
        }
        self.settings(&mut body)?;
        Ok(with_imports("daytona", &body))
    }

    pub fn print_struct(&self, out: &mut String, item: &Struct) -> Result<()> {
        let (place, name) = self.structs[item.name.as_str()];
        let mut doc = subject(name, &sentence(&item.doc));
        let besides = BESIDES.iter().find(|(of, ..)| *of == item.name);
        if let Some((_, more, _)) = besides {
            write!(doc, "\n\n{more}")?;
        }
        write!(out, "\n{}type {name} struct {{\n", filled("", &doc))?;
        // What only travels from here needs no tags: it has an encoder.
        let tags = self.outputs.contains(item.name.as_str()) || place == Place::Types;
        let mut later =
            item.fields.iter().map(|field| Ok(self.field(&item.name, field)?.0)).collect::<Result<Vec<_>>>()?;
        for field in &item.fields {
            let (go, ty) = self.field(&item.name, field)?;
            later.remove(0);
            // Of several fields of the wire that are one in Go, the last counts.
            if go == "-" || later.contains(&go) {
                continue;
            }
            let nil = ty.starts_with(['*', '[']) || ty.starts_with("map") || ty == "any";
            let omit = if field.optional && nil { ",omitempty" } else { "" };
            let tag = if tags { format!(" `json:\"{}{omit}\"`", field.wire) } else { String::new() };
            writeln!(out, "{}\t{go} {ty}{tag}", filled("\t", &self.field_doc(&item.name, field)))?;
            if let Some(second) = self.spelling(item, field) {
                write!(out, "\t// {second} is {go}.\n\t{second} {ty} `json:\"-\"`\n")?;
            }
        }
        if let Some((_, _, fields)) = besides {
            out.push_str(fields);
        }
        out.push_str("}\n");
        Ok(())
    }

    /// What a handle takes over of an answer. Its id, by which every call names it, and what it has beside the wire's fields are
    /// never written again: a call may read them in one goroutine while another one refreshes the handle.
    fn taking_over(&self, out: &mut String, item: &Struct) -> Result<()> {
        let (_, name) = self.structs[item.name.as_str()];
        write!(out, "\nfunc (s *{name}) takeOver(said *{name}) {{\n")?;
        for field in &item.fields {
            let (go, _) = self.field(&item.name, field)?;
            if go != "-" && field.wire != "id" {
                writeln!(out, "\ts.{go} = said.{go}")?;
            }
        }
        out.push_str("}\n");
        Ok(())
    }

    fn spelling(&self, item: &Struct, field: &Field) -> Option<&'static str> {
        let id = format!("{}.{}", item.name, field.name);
        SPELLINGS.iter().find(|(of, _)| *of == id).map(|(_, name)| *name)
    }

    /// Reading of times and second spellings, and getters.
    fn methods_of(&self, out: &mut String, item: &Struct) -> Result<()> {
        let (_, name) = self.structs[item.name.as_str()];
        let receiver = name.chars().next().map(|c| c.to_ascii_lowercase()).context("a struct without name")?;
        let mut times: Vec<(String, Vec<&str>)> = Vec::new();
        let mut copies = String::new();
        for field in &item.fields {
            let (go, ty) = self.field(&item.name, field)?;
            if ty == "time.Time" {
                match times.iter_mut().find(|(name, _)| *name == go) {
                    // What came later in the wire's history counts first.
                    Some((_, wires)) => wires.insert(0, &field.wire),
                    None => times.push((go.clone(), vec![&field.wire])),
                }
            }
            if let Some(second) = self.spelling(item, field) {
                writeln!(copies, "\t{receiver}.{second} = {receiver}.{go}")?;
            }
        }
        if !times.is_empty() || !copies.is_empty() {
            writeln!(
                out,
                "\n// UnmarshalJSON reads the wire's form.\nfunc ({receiver} *{name}) UnmarshalJSON(data []byte) error {{"
            )?;
            writeln!(out, "\ttype plain {name}")?;
            if times.is_empty() {
                writeln!(out, "\terr := json.Unmarshal(data, (*plain)({receiver}))\n{copies}\treturn err\n}}")?;
            } else {
                out.push_str("\twire := struct {\n\t\t*plain\n");
                let width = times.iter().flat_map(|(_, wires)| wires).map(|wire| wire.len()).max().unwrap_or(0);
                for wire in times.iter().flat_map(|(_, wires)| wires) {
                    let title = crate::names::pascal(wire);
                    writeln!(out, "\t\t{title:width$} string `json:{wire:?}`")?;
                }
                write!(
                    out,
                    "\t}}{{plain: (*plain)({receiver})}}\n\tif err := json.Unmarshal(data, &wire); err != nil {{\n\t\treturn err\n\t}}\n"
                )?;
                for (go, wires) in &times {
                    let wires: Vec<String> =
                        wires.iter().map(|wire| format!("wire.{}", crate::names::pascal(wire))).collect();
                    writeln!(out, "\t{receiver}.{go} = parseTime({})", wires.join(", "))?;
                }
                write!(out, "{copies}\treturn nil\n}}\n")?;
            }
        }
        for field in &item.fields {
            let id = format!("{}.{}", item.name, field.name);
            let Some((_, getter)) = GETTERS.iter().find(|(of, _)| *of == id) else { continue };
            let (go, ty) = self.field(&item.name, field)?;
            if let Some(ty) = ty.strip_prefix('*') {
                writeln!(
                    out,
                    "\n// {getter} returns {go}, or the zero value when it is nil.\n\
                     func ({receiver} *{name}) {getter}() {ty} {{ return orEmpty(orEmpty({receiver}).{go}) }}\n\n\
                     // Has{go} tells whether there is {go}.\n\
                     func ({receiver} *{name}) Has{go}() bool {{ return orEmpty({receiver}).{go} != nil }}"
                )?;
            } else {
                writeln!(
                    out,
                    "\n// {getter} returns {go}.\nfunc ({receiver} *{name}) {getter}() {ty} {{ return orEmpty({receiver}).{go} }}"
                )?;
            }
        }
        Ok(())
    }
}

/// How a struct is printed that has secrets: names and types of their fields.
pub fn hide(out: &mut String, name: &str, secrets: &[(String, String)]) -> Result<()> {
    if secrets.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "\n// String describes it without its secrets.\nfunc (v {name}) String() string {{\n\ttype plain {name}"
    )?;
    for (field, ty) in secrets {
        match ty.as_str() {
            "string" => writeln!(out, "\tif v.{field} != \"\" {{\n\t\tv.{field} = \"***\"\n\t}}")?,
            "*string" => {
                writeln!(out, "\tif v.{field} != nil {{\n\t\tsecret := \"***\"\n\t\tv.{field} = &secret\n\t}}")?;
            }
            "map[string]string" => writeln!(out, "\tv.{field} = hidden(v.{field})")?,
            _ => bail!("{name}.{field} is a secret of type {ty}, which nothing hides"),
        }
    }
    writeln!(
        out,
        "\treturn fmt.Sprintf(\"%+v\", plain(v))\n}}\n\n// GoString does the same as String.\n\
         func (v {name}) GoString() string {{ return v.String() }}"
    )?;
    Ok(())
}

fn enumeration(out: &mut String, item: &Enum) -> Result<()> {
    let name = &item.name;
    let doc = format!("{}\n\nServers may send values that are not listed here.", subject(name, &sentence(&item.doc)));
    writeln!(out, "\n{}type {name} string\n\n// {}\nconst (", filled("", &doc), sentence(&item.doc))?;
    for value in &item.values {
        let constant = constant(item, &value.name);
        writeln!(out, "{}\t{constant} {name} = {:?}", comment("\t", &sentence(&value.doc)), value.wire)?;
    }
    out.push_str(")\n");
    Ok(())
}

fn constant(item: &Enum, value: &str) -> String {
    format!("{}{}", item.name, deviations::language("go").value(&item.name, value).unwrap_or(value))
}
