//! Enums with data: `#[serde(tag = "kind")] enum Event { Output { text: String }, Exit { code: i64 } }`.
//!
//! On the wire a variant is an object whose tag says which it is. Languages get a struct with the tag (an enum `EventKind`) and
//! the fields of all variants, optional, and know from its `variants` which go together.

use anyhow::{Context, Result, bail};
use syn::{Fields, ItemEnum, Visibility};

use super::attributes::Attributes;
use super::documentation::plain;
use super::read::{Known, read_field};
use super::{Enum, EnumValue, Field, Struct, Type, Variant};
use crate::names::snake;

/// Whether this is an enum with data.
pub(super) fn is(item: &ItemEnum) -> bool {
    let tagged = Attributes::read(&item.attrs).is_ok_and(|attributes| attributes.tag.is_some());
    tagged && matches!(item.vis, Visibility::Public(_))
}

/// The enum of its tags, and the struct of all its fields.
pub(super) fn read(item: &ItemEnum, known: &Known) -> Result<(Enum, Struct)> {
    let own = Attributes::read(&item.attrs)?;
    let (name, doc) = (item.ident.to_string(), plain(&item.attrs)?);
    let tag = own.tag.context("has no tag")?;
    let kind = format!("{name}Kind");
    let mut fields = vec![Field {
        name: snake(&tag),
        wire: tag,
        ty: Type::Enum { name: kind.clone() },
        optional: false,
        secret: false,
        doc: "Says which of the other fields there are.".to_owned(),
    }];
    let (mut values, mut variants) = (Vec::new(), Vec::new());
    for variant in &item.variants {
        let attributes = Attributes::read(&variant.attrs)?;
        let name = variant.ident.to_string();
        let doc = plain(&variant.attrs).with_context(|| name.clone())?;
        let wire = attributes.wire(&snake(&name), own.rename_all.as_deref());
        let rule = attributes.rename_all.as_deref().or(own.rename_all_fields.as_deref());
        let mut names = Vec::new();
        for field in named(&variant.fields).with_context(|| name.clone())? {
            let field_name = field.ident.as_ref().map(ToString::to_string).unwrap_or_default();
            let mut read =
                read_field(field, &field_name, rule, known).with_context(|| format!("{name}: field {field_name}"))?;
            read.optional = true;
            names.push(field_name);
            add(&mut fields, read).with_context(|| name.clone())?;
        }
        values.push(EnumValue { name, wire: wire.clone(), doc: doc.clone() });
        variants.push(Variant { wire, fields: names, doc });
    }
    let kinds = Enum { name: kind, doc: format!("Which `{name}` it is."), values };
    Ok((kinds, Struct { name, doc, fields, variants }))
}

fn named(fields: &Fields) -> Result<Vec<&syn::Field>> {
    match fields {
        Fields::Named(fields) => Ok(fields.named.iter().collect()),
        Fields::Unit => Ok(vec![]),
        Fields::Unnamed(_) => bail!("the fields of a variant need names"),
    }
}

/// Fields of the same name are one, which they can be if they are alike.
fn add(fields: &mut Vec<Field>, field: Field) -> Result<()> {
    match fields.iter_mut().find(|known| known.name == field.name || known.wire == field.wire) {
        None => fields.push(field),
        Some(known) if known.ty == field.ty && known.wire == field.wire && known.name == field.name => {
            known.secret |= field.secret;
            if known.doc != field.doc {
                known.doc = format!("{} {}", known.doc, field.doc);
            }
        }
        Some(_) => bail!("another variant has a field {} of another type", field.name),
    }
    Ok(())
}
