//! The schema: everything the languages need to know, read from the core's sources.
//!
//! `core/src/model` gives the types, `core/src/ops` the operations, `core/src/error.rs` the error kinds. The model is kept
//! to what every language can express; anything else is refused here, with the place.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use serde::Serialize;
use sha2::{Digest, Sha256};
use syn::{Attribute, Expr, Fields, FnArg, ImplItem, Item, Lit, Meta, Pat, PathArguments, ReturnType, Type as SynType};

use crate::names::{camel, snake};

/// The whole schema.
#[derive(Serialize)]
pub struct Schema {
    pub errors: Vec<ErrorKind>,
    pub enums: Vec<Enum>,
    pub structs: Vec<Struct>,
    pub services: Vec<Service>,
}

/// An error kind; the classes of every language follow it.
#[derive(Serialize)]
pub struct ErrorKind {
    pub name: String,
    pub parent: Option<String>,
    pub doc: String,
}

/// An enum of strings. Unknown values are kept as they are.
#[derive(Serialize)]
pub struct Enum {
    pub name: String,
    pub doc: String,
    pub values: Vec<EnumValue>,
}

#[derive(Serialize)]
pub struct EnumValue {
    /// In the core, PascalCase.
    pub name: String,
    /// On the wire.
    pub wire: String,
    pub doc: String,
}

#[derive(Serialize)]
pub struct Struct {
    pub name: String,
    pub doc: String,
    pub fields: Vec<Field>,
}

/// A field of a struct or a parameter of an operation.
#[derive(Serialize)]
pub struct Field {
    /// In the core, snake_case.
    pub name: String,
    /// In JSON.
    pub wire: String,
    #[serde(rename = "type")]
    pub ty: Type,
    /// Whether it may be missing.
    pub optional: bool,
    pub doc: String,
}

#[derive(Serialize, Clone, PartialEq, Debug)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Type {
    Unit,
    String,
    Bool,
    Int,
    Float,
    Json,
    Bytes,
    List {
        of: Box<Type>,
    },
    Map {
        of: Box<Type>,
    },
    Struct {
        name: String,
    },
    Enum {
        name: String,
    },
    /// `Terminal`, `LogStream`, `InterpreterStream`, `FileReader`, `FileWriter` or `DirectoryTransfer`.
    Stream {
        name: String,
    },
}

/// A group of operations.
#[derive(Serialize)]
pub struct Service {
    /// Type in the core.
    pub name: String,
    /// First half of the operations' ids.
    pub id: String,
    /// Whether its operations are for one sandbox's toolbox.
    pub toolbox: bool,
    pub doc: String,
    pub ops: Vec<Op>,
}

#[derive(Serialize)]
pub struct Op {
    /// In the core, snake_case.
    pub name: String,
    /// In the op table: `process.exec`.
    pub id: String,
    pub doc: String,
    /// The `# Errors` part of the documentation.
    pub errors: String,
    /// Positional parameters.
    pub params: Vec<Param>,
    /// The struct of optional parameters, if there is one. In JSON it is the object `options`.
    pub options: Option<String>,
    pub returns: Type,
}

#[derive(Serialize)]
pub struct Param {
    #[serde(flatten)]
    pub field: Field,
    /// How the core takes it.
    #[serde(skip)]
    pub passing: Passing,
}

/// How the core takes a parameter.
#[derive(Clone, Copy, PartialEq)]
pub enum Passing {
    /// `T`
    Owned,
    /// `&str`
    Borrowed,
    /// `Option<&str>`
    OptionBorrowed,
}

const STREAMS: [&str; 6] =
    ["Terminal", "LogStream", "InterpreterStream", "FileReader", "FileWriter", "DirectoryTransfer"];

impl Schema {
    /// Reads the core's sources.
    pub fn read(core: &Path) -> Result<Self> {
        let model = parse_dir(&core.join("model"))?;
        let mut known = Known::default();
        for (_, file) in &model {
            for item in &file.items {
                match item {
                    Item::Struct(item) if item.ident != "Blob" => {
                        known.structs.insert(item.ident.to_string());
                    }
                    Item::Enum(item) => {
                        known.enums.insert(item.ident.to_string());
                    }
                    _ => {}
                }
            }
        }
        let mut schema =
            Self { errors: errors(&core.join("error.rs"))?, enums: vec![], structs: vec![], services: vec![] };
        for (name, file) in &model {
            for item in &file.items {
                match item {
                    Item::Struct(item) if item.ident != "Blob" => {
                        let parsed = read_struct(item, &known);
                        schema.structs.push(parsed.with_context(|| format!("model/{name}: {}", item.ident))?);
                    }
                    Item::Enum(item) => {
                        let parsed = read_enum(item);
                        schema.enums.push(parsed.with_context(|| format!("model/{name}: {}", item.ident))?);
                    }
                    _ => {}
                }
            }
        }
        let ops = parse_dir(&core.join("ops"))?;
        for (_, file) in &ops {
            for item in &file.items {
                if let Item::Struct(item) = item
                    && matches!(item.vis, syn::Visibility::Public(_))
                {
                    let name = item.ident.to_string();
                    let toolbox = item.fields.iter().any(|f| f.ident.as_ref().is_some_and(|i| i == "toolbox"));
                    let id = match name.as_str() {
                        "Sandboxes" => "sandbox".to_owned(),
                        "FileSystem" => "fs".to_owned(),
                        other => snake(other),
                    };
                    schema.services.push(Service { name, id, toolbox, doc: doc(&item.attrs), ops: vec![] });
                }
            }
        }
        for (name, file) in &ops {
            for item in &file.items {
                let Item::Impl(item) = item else { continue };
                let SynType::Path(self_type) = &*item.self_ty else { continue };
                let Some(self_type) = self_type.path.get_ident().map(ToString::to_string) else { continue };
                let Some(service) = schema.services.iter_mut().find(|s| s.name == self_type) else { continue };
                for function in &item.items {
                    let ImplItem::Fn(function) = function else { continue };
                    if !matches!(function.vis, syn::Visibility::Public(_)) || function.sig.asyncness.is_none() {
                        continue;
                    }
                    let op = read_op(function, &service.id, &known);
                    service.ops.push(op.with_context(|| format!("ops/{name}: {}", function.sig.ident))?);
                }
            }
        }
        Ok(schema)
    }

    /// The schema as it is checked in. Its hash is compiled into the native libraries and the packages.
    pub fn to_json(&self) -> Result<String> {
        let mut value = serde_json::to_value(self)?;
        let hash = self.hash()?;
        value.as_object_mut().ok_or_else(|| anyhow!("the schema is no object"))?.insert("hash".to_owned(), hash.into());
        Ok(serde_json::to_string_pretty(&value)? + "\n")
    }

    /// Identifies the schema.
    pub fn hash(&self) -> Result<String> {
        let digest = Sha256::digest(serde_json::to_vec(self)?);
        Ok(digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect())
    }
}

#[derive(Default)]
struct Known {
    structs: BTreeSet<String>,
    enums: BTreeSet<String>,
}

fn parse_dir(dir: &Path) -> Result<Vec<(String, syn::File)>> {
    let mut paths: Vec<_> = fs::read_dir(dir)?.map(|e| e.map(|e| e.path())).collect::<Result<_, _>>()?;
    paths.sort();
    paths
        .into_iter()
        .filter(|p| p.extension().is_some_and(|e| e == "rs"))
        .map(|path| {
            let file = syn::parse_file(&fs::read_to_string(&path)?).with_context(|| path.display().to_string())?;
            Ok((path.file_name().unwrap_or_default().to_string_lossy().into_owned(), file))
        })
        .collect()
}

fn errors(path: &Path) -> Result<Vec<ErrorKind>> {
    let file = syn::parse_file(&fs::read_to_string(path)?)?;
    let mut kinds = Vec::new();
    for item in &file.items {
        match item {
            Item::Enum(item) if item.ident == "ErrorKind" => {
                kinds = item
                    .variants
                    .iter()
                    .map(|v| ErrorKind { name: v.ident.to_string(), parent: None, doc: doc(&v.attrs) })
                    .collect();
            }
            Item::Impl(item) => {
                let parent = item.items.iter().find_map(|f| match f {
                    ImplItem::Fn(f) if f.sig.ident == "parent" => Some(f),
                    _ => None,
                });
                let Some(parent) = parent else { continue };
                let Some(syn::Stmt::Expr(Expr::Match(body), _)) = parent.block.stmts.first() else {
                    bail!("ErrorKind::parent is not a single match");
                };
                for arm in &body.arms {
                    let (Pat::Path(from), Expr::Call(to)) = (&arm.pat, &*arm.body) else { continue };
                    let Some(Expr::Path(to)) = to.args.first() else { continue };
                    let name = |path: &syn::Path| path.segments.last().map(|s| s.ident.to_string());
                    let (from, to) = (name(&from.path), name(&to.path));
                    if let Some(kind) = kinds.iter_mut().find(|k| Some(&k.name) == from.as_ref()) {
                        kind.parent = to;
                    }
                }
            }
            _ => {}
        }
    }
    if kinds.is_empty() {
        bail!("no ErrorKind in {}", path.display());
    }
    Ok(kinds)
}

fn read_struct(item: &syn::ItemStruct, known: &Known) -> Result<Struct> {
    let Fields::Named(fields) = &item.fields else { bail!("only structs with named fields are supported") };
    let rule = serde_value(&item.attrs, "rename_all").unwrap_or_default();
    let fields = fields
        .named
        .iter()
        .map(|field| {
            let name = field.ident.as_ref().map(ToString::to_string).unwrap_or_default();
            let (ty, optional) = read_type(&field.ty, known).with_context(|| format!("field {name}"))?;
            let wire = serde_value(&field.attrs, "rename").unwrap_or_else(|| rename(&name, &rule));
            let doc = doc(&field.attrs);
            if doc.is_empty() {
                bail!("field {name} has no documentation");
            }
            Ok(Field { name, wire, ty, optional, doc })
        })
        .collect::<Result<_>>()?;
    Ok(Struct { name: item.ident.to_string(), doc: doc(&item.attrs), fields })
}

fn read_enum(item: &syn::ItemEnum) -> Result<Enum> {
    let rule = serde_value(&item.attrs, "rename_all").unwrap_or_default();
    let mut values = Vec::new();
    for variant in &item.variants {
        if !variant.fields.is_empty() {
            if serde_flag(&variant.attrs, "untagged") {
                continue;
            }
            bail!("{}: only plain variants are supported", variant.ident);
        }
        let name = variant.ident.to_string();
        let wire = serde_value(&variant.attrs, "rename").unwrap_or_else(|| rename(&snake(&name), &rule));
        values.push(EnumValue { name, wire, doc: doc(&variant.attrs) });
    }
    Ok(Enum { name: item.ident.to_string(), doc: doc(&item.attrs), values })
}

fn read_op(function: &syn::ImplItemFn, service: &str, known: &Known) -> Result<Op> {
    let name = function.sig.ident.to_string();
    let (text, errors) = split_errors(&doc(&function.attrs));
    if text.is_empty() || errors.is_empty() {
        bail!("needs documentation with an `# Errors` section");
    }
    let mut params = Vec::new();
    let mut options = None;
    for arg in &function.sig.inputs {
        let FnArg::Typed(arg) = arg else { continue };
        let Pat::Ident(pattern) = &*arg.pat else { bail!("a parameter is not a plain name") };
        let param = pattern.ident.to_string();
        let (ty, optional) = read_type(&arg.ty, known).with_context(|| format!("parameter {param}"))?;
        if param == "options" {
            let Type::Struct { name } = ty else { bail!("options must be a struct") };
            options = Some(name);
            continue;
        }
        let passing = match &*arg.ty {
            SynType::Reference(_) => Passing::Borrowed,
            SynType::Path(path) if optional && is_borrowed(path) => Passing::OptionBorrowed,
            _ => Passing::Owned,
        };
        let field = Field { wire: camel(&param), name: param, ty, optional, doc: String::new() };
        params.push(Param { field, passing });
    }
    let ReturnType::Type(_, returns) = &function.sig.output else { bail!("returns nothing") };
    let inner = argument(returns, "Result").ok_or_else(|| anyhow!("does not return a Result"))?;
    let (returns, _) = read_type(inner, known)?;
    Ok(Op { id: format!("{service}.{name}"), name, doc: text, errors, params, options, returns })
}

fn is_borrowed(path: &syn::TypePath) -> bool {
    let Some(segment) = path.path.segments.last() else { return false };
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else { return false };
    matches!(arguments.args.first(), Some(syn::GenericArgument::Type(SynType::Reference(_))))
}

/// The type, and whether it is an `Option`.
fn read_type(ty: &SynType, known: &Known) -> Result<(Type, bool)> {
    if let Some(inner) = argument(ty, "Option") {
        return Ok((read_type(inner, known)?.0, true));
    }
    if let Some(inner) = argument(ty, "Vec") {
        return Ok((Type::List { of: Box::new(read_type(inner, known)?.0) }, false));
    }
    let ty = match ty {
        SynType::Reference(reference) => return read_type(&reference.elem, known),
        SynType::Tuple(tuple) if tuple.elems.is_empty() => Type::Unit,
        SynType::Path(path) => {
            let segment = path.path.segments.last().ok_or_else(|| anyhow!("an empty path"))?;
            match segment.ident.to_string().as_str() {
                "String" | "str" => Type::String,
                "bool" => Type::Bool,
                "i64" => Type::Int,
                "f64" => Type::Float,
                "Json" => Type::Json,
                "Blob" => Type::Bytes,
                "BTreeMap" => {
                    let PathArguments::AngleBracketed(arguments) = &segment.arguments else { bail!("a bare map") };
                    let Some(syn::GenericArgument::Type(value)) = arguments.args.iter().nth(1) else {
                        bail!("a map without value type")
                    };
                    Type::Map { of: Box::new(read_type(value, known)?.0) }
                }
                name if known.structs.contains(name) => Type::Struct { name: name.to_owned() },
                name if known.enums.contains(name) => Type::Enum { name: name.to_owned() },
                name if STREAMS.contains(&name) => Type::Stream { name: name.to_owned() },
                name => bail!("the type {name} is not supported on the boundary"),
            }
        }
        _ => bail!("this type is not supported on the boundary"),
    };
    Ok((ty, false))
}

fn argument<'a>(ty: &'a SynType, outer: &str) -> Option<&'a SynType> {
    let SynType::Path(path) = ty else { return None };
    let segment = path.path.segments.last().filter(|s| s.ident == outer)?;
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else { return None };
    match arguments.args.first() {
        Some(syn::GenericArgument::Type(inner)) => Some(inner),
        _ => None,
    }
}

fn rename(name: &str, rule: &str) -> String {
    match rule {
        "camelCase" => camel(name),
        _ => name.to_owned(),
    }
}

/// The documentation, paragraphs kept, one leading space removed.
fn doc(attrs: &[Attribute]) -> String {
    let lines: Vec<_> = attrs
        .iter()
        .filter_map(|attr| match &attr.meta {
            Meta::NameValue(meta) if meta.path.is_ident("doc") => match &meta.value {
                Expr::Lit(lit) => match &lit.lit {
                    Lit::Str(text) => Some(text.value()),
                    _ => None,
                },
                _ => None,
            },
            _ => None,
        })
        .map(|line| line.strip_prefix(' ').unwrap_or(&line).to_owned())
        .collect();
    lines.join("\n").trim().to_owned()
}

fn split_errors(doc: &str) -> (String, String) {
    let (text, errors) = doc.split_once("# Errors").unwrap_or((doc, ""));
    (text.trim().to_owned(), errors.trim().to_owned())
}

fn serde_value(attrs: &[Attribute], key: &str) -> Option<String> {
    let mut found = None;
    each_serde(attrs, |meta| {
        if meta.path.is_ident(key) {
            let text: syn::LitStr = meta.value()?.parse()?;
            found = Some(text.value());
        } else if meta.input.peek(syn::Token![=]) {
            let _: Expr = meta.value()?.parse()?;
        }
        Ok(())
    });
    found
}

fn serde_flag(attrs: &[Attribute], key: &str) -> bool {
    let mut found = false;
    each_serde(attrs, |meta| {
        found |= meta.path.is_ident(key);
        if meta.input.peek(syn::Token![=]) {
            let _: Expr = meta.value()?.parse()?;
        }
        Ok(())
    });
    found
}

fn each_serde(attrs: &[Attribute], mut visit: impl FnMut(syn::meta::ParseNestedMeta) -> syn::Result<()>) {
    for attr in attrs.iter().filter(|a| a.path().is_ident("serde")) {
        // What this reader does not understand is serde's business.
        let _ = attr.parse_nested_meta(&mut visit);
    }
}
