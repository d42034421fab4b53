//! `pkg/daytona/generated_maps.go`: the maps that stand for structs in the methods that older programs call.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use anyhow::{Context, Result};

use super::Package;
use super::forms::MAP_KEYS;
use super::services::struct_in;
use super::words::uncapitalised;
use crate::schema::Type;

impl<'a> Package<'a> {
    /// The struct and those in its fields.
    pub fn maps_of(&self, name: &'a str, maps: &mut BTreeSet<&'a str>) -> Result<()> {
        if maps.insert(name) {
            let item = self.structure(name).with_context(|| name.to_owned())?;
            for field in &item.fields {
                if let Some(inner) = struct_in(&field.ty) {
                    self.maps_of(inner, maps)?;
                }
            }
        }
        Ok(())
    }

    /// The function that makes a map of a struct.
    pub fn map(&self, out: &mut String, name: &str) -> Result<()> {
        let item = self.structure(name).with_context(|| name.to_owned())?;
        let function = format!("{}Map", uncapitalised(name));
        let ty = self.public_struct(name)?;
        let mut entries = Vec::new();
        let mut unless_nil = String::new();
        for field in &item.fields {
            let (go, go_type) = self.field(name, field)?;
            if go_type.starts_with('*') {
                writeln!(unless_nil, "\tif value.{go} != nil {{\n\t\tresult[{:?}] = *value.{go}\n\t}}", field.wire)?;
                continue;
            }
            let id = format!("{name}.{}", field.name);
            let value = match (&field.ty, struct_in(&field.ty)) {
                (Type::List { .. }, Some(inner)) => format!("maps(value.{go}, {}Map)", uncapitalised(inner)),
                _ => format!("value.{go}"),
            };
            let further = MAP_KEYS.iter().filter(|(of, _)| *of == id).map(|(_, key)| *key);
            for key in [field.wire.as_str()].into_iter().chain(further) {
                entries.push(format!("{key:?}: {value}"));
            }
        }
        writeln!(out, "\n// {function} is the map that stands for {}.", with_article(name))?;
        writeln!(out, "func {function}(value {ty}) map[string]any {{")?;
        if unless_nil.is_empty() {
            writeln!(out, "\treturn map[string]any{{{}}}\n}}", entries.join(", "))?;
        } else {
            writeln!(out, "\tresult := map[string]any{{{}}}\n{unless_nil}\treturn result\n}}", entries.join(", "))?;
        }
        Ok(())
    }
}

fn with_article(name: &str) -> String {
    format!("{} {name}", if name.starts_with(['A', 'E', 'I', 'O', 'U']) { "an" } else { "a" })
}
