//! Reading a builder: a class of the core whose methods return the object itself, so that they can follow one another.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use syn::{FnArg, GenericParam, ImplItem, Item, Pat, ReturnType, Type as SynType, Visibility, WherePredicate};

use super::documentation::{Sections, optional_sections};
use super::read::{Known, argument, read_type};
use super::{Builder, Field, Param, Passing, Step, Struct, Type};
use crate::names::camel;

/// The constructor, which takes the parts of an object as they are.
const CONSTRUCTOR: &str = "new";

/// Reads the steps of a builder: its public functions that return the object.
pub(super) fn read(path: &Path, name: &str, structs: &[Struct], known: &Known) -> Result<Builder> {
    let file = syn::parse_file(&fs::read_to_string(path)?)?;
    let class = file.items.iter().find_map(|item| match item {
        Item::Struct(item) if item.ident == name => Some(item),
        _ => None,
    });
    let class = class.with_context(|| format!("{} has no struct {name}", path.display()))?;
    let documented = optional_sections(&class.attrs).with_context(|| name.to_owned())?;
    let mut steps = Vec::new();
    for item in &file.items {
        let Item::Impl(item) = item else { continue };
        let SynType::Path(of) = &*item.self_ty else { continue };
        if item.trait_.is_some() || !of.path.is_ident(name) {
            continue;
        }
        for function in &item.items {
            let ImplItem::Fn(function) = function else { continue };
            let public = matches!(function.vis, Visibility::Public(_));
            if !public || function.sig.ident == CONSTRUCTOR {
                continue;
            }
            let step = read_step(function, structs, known);
            steps.extend(step.with_context(|| format!("{}: {}", path.display(), function.sig.ident))?);
        }
    }
    if steps.is_empty() {
        bail!("{} has no steps of {name}", path.display());
    }
    let doc = documented.text;
    Ok(Builder { name: name.to_owned(), doc, steps, example: documented.example, examples: BTreeMap::new() })
}

/// A step; nothing for a function that does not return the object.
fn read_step(function: &syn::ImplItemFn, structs: &[Struct], known: &Known) -> Result<Option<Step>> {
    let ReturnType::Type(_, returns) = &function.sig.output else { return Ok(None) };
    let result = argument(returns, "Result");
    let itself = |ty: &SynType| matches!(ty, SynType::Path(path) if path.path.is_ident("Self"));
    if !itself(result.unwrap_or(returns)) {
        return Ok(None);
    }
    let documented = optional_sections(&function.attrs)?;
    if result.is_some() && documented.errors.is_empty() {
        bail!("can fail, but has no section `# Errors`");
    }
    let mut docs = documented.params.into_iter();
    let mut params = Vec::new();
    let mut options = None;
    for arg in &function.sig.inputs {
        let FnArg::Typed(arg) = arg else { continue };
        let Pat::Ident(pattern) = &*arg.pat else { bail!("a parameter is not a plain name") };
        let name = pattern.ident.to_string();
        if name == "options" {
            let (Type::Struct { name }, false) = read_type(&arg.ty, known)? else { bail!("options must be a struct") };
            options = Some(name);
            continue;
        }
        if options.is_some() {
            bail!("the options are not the last parameter");
        }
        let doc = match docs.next() {
            Some((documented, doc)) if documented == name => doc,
            _ => bail!("the parameter `{name}` is not documented: add it to the list `# Parameters`"),
        };
        let (ty, optional, passing) = read_param(&arg.ty, function, known).with_context(|| name.clone())?;
        let field = Field { wire: camel(&name), name, ty, optional, secret: false, doc };
        params.push(Param { field, passing });
    }
    let fields = structs.iter().find(|item| Some(&item.name) == options.as_ref());
    let mut option_fields = fields.map(|item| item.fields.clone()).unwrap_or_default();
    Sections::describe(docs, &mut option_fields)?;
    Ok(Some(Step {
        name: function.sig.ident.to_string(),
        doc: documented.text,
        starts: function.sig.receiver().is_none(),
        fails: result.is_some(),
        errors: documented.errors,
        params,
        options,
        option_fields,
    }))
}

/// The type of a parameter, whether it may be missing, and the way the core takes it.
fn read_param(ty: &SynType, function: &syn::ImplItemFn, known: &Known) -> Result<(Type, bool, Passing)> {
    let list = |of| Type::List { of: Box::new(of) };
    match ty {
        SynType::Reference(reference) => match &*reference.elem {
            SynType::Slice(slice) => Ok((list(read_type(&slice.elem, known)?.0), false, Passing::Borrowed)),
            elem => Ok((read_type(elem, known)?.0, false, Passing::Borrowed)),
        },
        SynType::Path(path) if is_generic(path, function) => Ok((items(function)?, false, Passing::Owned)),
        _ => match read_type(ty, known)? {
            (Type::String, true) => Ok((Type::String, true, Passing::OptionBorrowed)),
            (ty, optional) => bail!("{ty:?}, optional: {optional}: the type is not supported in a step"),
        },
    }
}

fn is_generic(path: &syn::TypePath, function: &syn::ImplItemFn) -> bool {
    function.sig.generics.params.iter().any(|param| match param {
        GenericParam::Type(param) => path.path.is_ident(&param.ident),
        _ => false,
    })
}

/// What a generic parameter is, by its bounds: texts, commands, or texts by name.
fn items(function: &syn::ImplItemFn) -> Result<Type> {
    let clause = function.sig.generics.where_clause.as_ref().ok_or_else(|| anyhow!("a type without bounds"))?;
    let bounds: Vec<String> = clause
        .predicates
        .iter()
        .map(|predicate| match predicate {
            WherePredicate::Type(predicate) => quote::quote!(#predicate).to_string().replace(' ', ""),
            _ => String::new(),
        })
        .collect();
    let has = |bound: &str| bounds.iter().any(|known| known == bound);
    if has("I:IntoIterator<Item=(K,V)>") {
        return Ok(Type::Map { of: Box::new(Type::String) });
    }
    let of = if has("I::Item:Into<ImageCommand>") {
        Type::Json
    } else if has("I::Item:Into<String>") || has("I::Item:AsRef<str>") {
        Type::String
    } else {
        bail!("its bounds are {}, which codegen does not understand", bounds.join(", "))
    };
    Ok(Type::List { of: Box::new(of) })
}
