//! `pkg/options/generated.go`: functional options.

use std::fmt::Write as _;

use anyhow::{Result, bail};

use super::Package;
use super::forms::SETS;
use super::imports::with_imports;
use super::types::Place;
use super::words::{Names, exported, filled, lower, of_duration, uncapitalised, unexported};
use crate::names::pascal;
use crate::schema::{Field, Type};

/// A set of functional options: a struct, and functions that set its fields.
pub struct Set {
    /// The options struct, or the operation whose parameters are optional.
    pub of: &'static str,
    pub name: &'static str,
    /// The functions, by field; none for an empty name.
    pub functions: &'static [(&'static str, &'static str)],
    pub plain: &'static [&'static str],
    pub without: &'static [&'static str],
    pub extra: &'static [Extra],
}

/// A field of a set that does not travel.
pub struct Extra {
    pub field: &'static str,
    pub ty: &'static str,
    pub function: &'static str,
    pub doc: &'static str,
}

/// A set as it is printed.
pub struct Options<'a> {
    pub name: String,
    pub fields: Vec<OptionField<'a>>,
    /// The methods that take it.
    pub users: Vec<String>,
}

/// A field of a set.
pub struct OptionField<'a> {
    /// What it stands for; nothing for one that does not travel.
    pub source: Option<&'a Field>,
    pub name: String,
    pub ty: String,
    /// The function that sets it, or nothing.
    pub function: String,
    pub doc: String,
}

impl<'a> Package<'a> {
    /// The set of options for a struct or operation, under this name where several belong to it.
    pub fn options(&self, of: &str, name: Option<&str>) -> Result<Options<'a>> {
        let (fields, default): (Vec<&'a Field>, String) = if let Some(item) = self.structure(of) {
            (item.fields.iter().collect(), of.strip_suffix("Options").unwrap_or(of).to_owned())
        } else {
            let op = self.schema.services.iter().flat_map(|s| &s.ops).find(|op| op.id == of);
            let Some(op) = op else { bail!("there is no options struct and no operation {of}") };
            (op.params.iter().map(|p| &p.field).filter(|f| f.optional).collect(), pascal(&op.name))
        };
        let set = SETS.iter().find(|set| set.of == of && name.is_none_or(|name| set.name == name));
        if set.is_none() && name.is_some() {
            bail!("{of} has no set of options {name:?}");
        }
        let set_name = set.map_or(default, |set| set.name.to_owned());
        let mut options = Options { fields: Vec::new(), users: Vec::new(), name: set_name };
        for name in set.into_iter().flat_map(|set| set.functions.iter().map(|(name, _)| name).chain(set.plain)) {
            if !fields.iter().any(|field| field.name == *name) {
                bail!("{of} has no field {name}");
            }
        }
        for field in fields {
            if set.is_some_and(|set| set.without.contains(&field.name.as_str())) {
                continue;
            }
            let (go_name, mut ty) = self.field_in(Place::Daytona, of, field)?;
            if set.is_some_and(|set| set.plain.contains(&field.name.as_str())) {
                ty = ty.trim_start_matches('*').to_owned();
            }
            let function = set.and_then(|set| set.functions.iter().find(|(name, _)| *name == field.name));
            let function = function.map_or_else(
                || format!("With{}{}", options.name, exported(&field.name)),
                |(_, function)| (*function).to_owned(),
            );
            let mut doc = Names::new(self.schema).text(&field.doc);
            if doc.is_empty() {
                doc = format!("The {}.", field.name.replace('_', " "));
            }
            if is_time(field) {
                doc = of_duration(&doc);
                ty = ty.replace("float64", "time.Duration");
            }
            options.fields.push(OptionField { source: Some(field), name: go_name, ty, function, doc });
        }
        for extra in set.into_iter().flat_map(|set| set.extra) {
            options.fields.push(OptionField {
                source: None,
                name: extra.field.to_owned(),
                ty: extra.ty.to_owned(),
                function: extra.function.to_owned(),
                doc: extra.doc.to_owned(),
            });
        }
        Ok(options)
    }

    /// The file of all sets.
    pub fn options_file(&self) -> Result<String> {
        let mut body = String::new();
        for set in self.all_options()? {
            print(&mut body, &set)?;
        }
        Ok(with_imports("options", &body))
    }
}

/// Whether a field is a length of time, which travels in seconds.
pub fn is_time(field: &Field) -> bool {
    field.ty == Type::Float && field.doc.starts_with("Seconds")
}

fn print(out: &mut String, set: &Options) -> Result<()> {
    let name = &set.name;
    let users = set.users.join(" and ");
    let doc = format!("{name} holds the options of {}.", if users.is_empty() { "a call" } else { &users });
    write!(out, "\n{}type {name} struct {{\n", filled("", &doc))?;
    for field in &set.fields {
        writeln!(out, "{}\t{} {}", filled("\t", &field.doc), field.name, field.ty)?;
    }
    out.push_str("}\n");
    for field in set.fields.iter().filter(|field| !field.function.is_empty()) {
        let function = &field.function;
        let (parameter, ty, value) = setter(field);
        write!(
            out,
            "\n{}func {function}({parameter} {ty}) func(*{name}) {{\n\treturn func(o *{name}) {{ o.{} = {value} }}\n}}\n",
            filled("", &format!("{function} {}", sets(&field.doc))),
            field.name,
        )?;
    }
    Ok(())
}

/// The parameter of a function that sets a field, its type, and what it makes of it.
fn setter(field: &OptionField) -> (String, String, String) {
    let parameter = field.source.map_or_else(|| uncapitalised(&field.name), |source| unexported(&source.name));
    if let Some(of) = field.ty.strip_prefix("[]") {
        return (parameter.clone(), format!("...{of}"), format!("append(o.{}, {parameter}...)", field.name));
    }
    match field.ty.strip_prefix('*') {
        Some(ty) => (parameter.clone(), ty.to_owned(), format!("&{parameter}")),
        None => (parameter.clone(), field.ty.clone(), parameter),
    }
}

/// `Whether it is.` -> `tells whether it is.`, `Working directory.` -> `sets the working directory.`
fn sets(doc: &str) -> String {
    if doc.starts_with("Whether ") {
        return format!("tells {}", lower(doc));
    }
    if doc.starts_with("How ") {
        return format!("sets {}", lower(doc));
    }
    format!("sets the {}", lower(doc.strip_prefix("The ").unwrap_or(doc)))
}
