//! Streams: what flows out of them, what is known at their beginning and at their end.
//!
//! All of it follows from the methods that the core offers: `next` says what flows, `write` that it can be written to,
//! `wait`, `finish` or `collect` what there is at the end, and every other plain question (`size`) what is known once it is open.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use syn::{Fields, ImplItem, Item, ReturnType, Type as SynType, Visibility};

use super::documentation::{plain, text};
use super::read::{Known, argument, read_type};
use super::{Field, Stream, StreamItem, Type};
use crate::names::{camel, snake};

/// The tags of frames by the kinds of their items: the constants of the bridge.
pub(super) fn tags(frames: &Path) -> Result<BTreeMap<String, u8>> {
    let file = syn::parse_file(&fs::read_to_string(frames)?)?;
    let constants = file.items.iter().filter_map(|item| match item {
        Item::Const(item) if matches!(item.vis, Visibility::Public(_)) => Some(item),
        _ => None,
    });
    constants
        .map(|item| {
            let syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Int(tag), .. }) = &*item.expr else {
                bail!("{} in {} is not a number", item.ident, frames.display())
            };
            Ok((item.ident.to_string().to_lowercase(), tag.base10_parse()?))
        })
        .collect()
}

/// The public structs with methods, by name: what operations may return as streams.
pub(super) fn names(files: &[(String, syn::File)]) -> BTreeSet<String> {
    files.iter().flat_map(|(_, file)| &file.items).filter_map(structure).map(|item| item.ident.to_string()).collect()
}

fn structure(item: &Item) -> Option<&syn::ItemStruct> {
    match item {
        Item::Struct(item) if matches!(item.vis, Visibility::Public(_)) => Some(item),
        _ => None,
    }
}

/// Describes the streams with these names.
pub(super) fn read(files: &[(String, syn::File)], used: &BTreeSet<String>, known: &Known) -> Result<Vec<Stream>> {
    let items: Vec<&Item> = files.iter().flat_map(|(_, file)| &file.items).collect();
    let enums: BTreeMap<String, &syn::ItemEnum> = items
        .iter()
        .filter_map(|item| match item {
            Item::Enum(item) => Some((item.ident.to_string(), item)),
            _ => None,
        })
        .collect();
    let structs: BTreeMap<String, &syn::ItemStruct> =
        items.iter().filter_map(|item| structure(item)).map(|item| (item.ident.to_string(), item)).collect();
    let mut streams = Vec::new();
    for name in used {
        let place = || format!("stream {name}");
        let doc = plain(&structs[name].attrs).with_context(place)?;
        let mut stream = Stream {
            name: name.clone(),
            doc,
            items: vec![],
            info: vec![],
            end: Type::Unit,
            collected: None,
            writes: false,
        };
        for function in methods(&items, name) {
            method(&mut stream, function, &enums, &structs, known).with_context(place)?;
        }
        streams.push(stream);
    }
    Ok(streams)
}

fn methods<'a>(items: &[&'a Item], name: &str) -> Vec<&'a syn::ImplItemFn> {
    let implementations = items.iter().filter_map(|item| match item {
        Item::Impl(item) if item.trait_.is_none() && named(&item.self_ty).as_deref() == Some(name) => Some(item),
        _ => None,
    });
    let functions = implementations.flat_map(|item| &item.items).filter_map(|item| match item {
        ImplItem::Fn(function) if matches!(function.vis, Visibility::Public(_)) => Some(function),
        _ => None,
    });
    functions.collect()
}

fn method(
    stream: &mut Stream,
    function: &syn::ImplItemFn,
    enums: &BTreeMap<String, &syn::ItemEnum>,
    structs: &BTreeMap<String, &syn::ItemStruct>,
    known: &Known,
) -> Result<()> {
    let name = function.sig.ident.to_string();
    let result = |ty: &ReturnType| match ty {
        ReturnType::Type(_, ty) => argument(ty, "Result").cloned(),
        ReturnType::Default => None,
    };
    match name.as_str() {
        "next" => {
            let inner = result(&function.sig.output);
            let item = inner.as_ref().and_then(|inner| argument(inner, "Option")).context("next gives no items")?;
            stream.items = flow(item, enums, structs, known)?;
        }
        "write" => stream.writes = true,
        "wait" | "finish" => {
            let end = result(&function.sig.output).with_context(|| format!("{name} gives no result"))?;
            stream.end = read_type(&end, known)?.0;
        }
        "collect" => {
            let all = result(&function.sig.output).context("collect gives no result")?;
            stream.collected = Some(read_type(&all, known)?.0);
        }
        // The same as the result of `wait`.
        "result" => {}
        _ => {
            // A question without arguments, answered at once.
            let asks = function.sig.asyncness.is_none() && function.sig.inputs.len() == 1;
            let ReturnType::Type(_, returns) = &function.sig.output else { return Ok(()) };
            let borrowed =
                matches!(function.sig.inputs.first(), Some(syn::FnArg::Receiver(me)) if me.reference.is_some());
            if asks && borrowed {
                let (ty, optional) = read_type(returns, known).with_context(|| name.clone())?;
                let doc = text(&function.attrs);
                stream.info.push(Field { wire: camel(&name), name, ty, optional, secret: false, doc });
            }
        }
    }
    Ok(())
}

/// The kinds of items: a variant each of an enum, a channel each of a log, or just one.
fn flow(
    ty: &SynType,
    enums: &BTreeMap<String, &syn::ItemEnum>,
    structs: &BTreeMap<String, &syn::ItemStruct>,
    known: &Known,
) -> Result<Vec<StreamItem>> {
    let name = named(ty).context("next gives items of a type without a name")?;
    if name == "Bytes" {
        return Ok(vec![StreamItem { name: String::new(), tag: 0, ty: Type::Bytes }]);
    }
    if let Some(events) = enums.get(&name) {
        return events.variants.iter().map(|variant| event(variant, known)).collect();
    }
    if let Some(chunk) = structs.get(&name) {
        let channel = chunk.fields.iter().find_map(|field| enums.get(&named(&field.ty)?));
        let channel = channel.with_context(|| format!("{name} has no channel"))?;
        return channel
            .variants
            .iter()
            .map(|variant| item(&snake(&variant.ident.to_string()), Type::Bytes, known))
            .collect();
    }
    let ty = read_type(ty, known)?.0;
    // `DirectoryProgress` -> `progress`
    let word = snake(&name).rsplit('_').next().unwrap_or_default().to_owned();
    Ok(vec![item(&word, ty, known)?])
}

fn event(variant: &syn::Variant, known: &Known) -> Result<StreamItem> {
    let Fields::Unnamed(fields) = &variant.fields else { bail!("{} carries nothing", variant.ident) };
    let [field] = fields.unnamed.iter().collect::<Vec<_>>()[..] else { bail!("{} carries several", variant.ident) };
    item(&snake(&variant.ident.to_string()), read_type(&field.ty, known)?.0, known)
}

fn item(name: &str, ty: Type, known: &Known) -> Result<StreamItem> {
    let tag = known.tags.get(name).copied();
    let tag =
        tag.with_context(|| format!("items of the kind {name:?} have no tag in bindings/bridge/src/frames.rs"))?;
    Ok(StreamItem { name: name.to_owned(), tag, ty })
}

fn named(ty: &SynType) -> Option<String> {
    let SynType::Path(path) = ty else { return None };
    path.path.segments.last().map(|segment| segment.ident.to_string())
}
