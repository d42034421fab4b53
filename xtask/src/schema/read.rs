//! Reading the core's sources.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use syn::{Expr, Fields, FnArg, ImplItem, Item, Pat, PathArguments, ReturnType, Type as SynType, Visibility};

use super::attributes::Attributes;
use super::documentation::{Sections, plain, sections};
use super::{
    Builder, Enum, EnumValue, ErrorKind, Field, Op, Param, Passing, Receiver, Schema, Service, Struct, Type, Update,
    builder, streams, tagged,
};
use crate::names::{camel, snake};

/// The operation that finds a sandbox by its id instead of acting on one that has been found.
const FINDS_SANDBOX: &str = "sandbox.get";
/// The operation on a sandbox whose result is another one.
const COPIES_SANDBOX: &str = "fork";
/// Fields that must be marked as secrets, whatever struct they are in.
const SECRETS: [&str; 7] = ["api_key", "env", "env_vars", "envs", "jwt_token", "password", "token"];

/// The names that types may refer to.
#[derive(Default)]
pub(super) struct Known {
    structs: BTreeSet<String>,
    enums: BTreeSet<String>,
    streams: BTreeSet<String>,
    /// The tags of frames, by the kinds of the items in them.
    pub(super) tags: BTreeMap<String, u8>,
}

impl Schema {
    /// Reads the core's sources, and from the bridge's `frames` how items of streams are told apart.
    pub fn read(core: &Path, frames: &Path) -> Result<Self> {
        let model = parse(&core.join("model"))?;
        let protocols = parse(&core.join("protocols"))?;
        let ops = parse(&core.join("ops"))?;
        let mut known = Known { streams: streams::names(&protocols), ..Known::default() };
        known.tags = streams::tags(frames).context("reading the tags of frames")?;
        for item in model.iter().flat_map(|(_, file)| &file.items) {
            match item {
                Item::Struct(item) if is_model(item) => known.structs.insert(item.ident.to_string()),
                Item::Enum(item) if tagged::is(item) => known.structs.insert(item.ident.to_string()),
                Item::Enum(item) if is_public(&item.vis) => known.enums.insert(item.ident.to_string()),
                _ => false,
            };
        }
        let mut schema = Self {
            errors: errors(&core.join("error.rs"))?,
            enums: vec![],
            structs: vec![],
            streams: vec![],
            services: vec![],
            image: Builder::default(),
            parts: vec![],
            // Each package says itself which one is calling, and how its operations are called.
            config: outside(&core.join("config.rs"), "Config", &["source", "operation_names", "experimental"], &known)?,
            // The kind is the class.
            error: outside(&core.join("error.rs"), "ErrorInfo", &["kind"], &known)?,
        };
        for (place, file) in &model {
            for item in &file.items {
                match item {
                    Item::Struct(item) if is_model(item) => {
                        let parsed = read_struct(item, &known);
                        schema.structs.push(parsed.with_context(|| format!("{place}: {}", item.ident))?);
                    }
                    Item::Enum(item) if tagged::is(item) => {
                        let parsed = tagged::read(item, &known).with_context(|| format!("{place}: {}", item.ident))?;
                        schema.enums.push(parsed.0);
                        schema.structs.push(parsed.1);
                    }
                    Item::Enum(item) if is_public(&item.vis) => {
                        let parsed = read_enum(item);
                        schema.enums.push(parsed.with_context(|| format!("{place}: {}", item.ident))?);
                    }
                    _ => {}
                }
            }
        }
        for (place, file) in &ops {
            for item in &file.items {
                if let Item::Struct(item) = item
                    && is_public(&item.vis)
                {
                    schema.services.push(read_service(item).with_context(|| format!("{place}: {}", item.ident))?);
                }
            }
        }
        for (place, file) in &ops {
            for item in &file.items {
                let Item::Impl(item) = item else { continue };
                let SynType::Path(self_type) = &*item.self_ty else { continue };
                let Some(service) = schema.services.iter_mut().find(|s| self_type.path.is_ident(&s.name)) else {
                    continue;
                };
                for function in &item.items {
                    let ImplItem::Fn(function) = function else { continue };
                    if !is_public(&function.vis) || function.sig.asyncness.is_none() {
                        continue;
                    }
                    let op = read_op(function, service, &known, &schema.structs);
                    service.ops.push(op.with_context(|| format!("{place}: {}", function.sig.ident))?);
                }
            }
        }
        let used = schema.ops().filter_map(|op| match &op.returns {
            Type::Stream { name } => Some(name.clone()),
            _ => None,
        });
        schema.streams = streams::read(&protocols, &used.collect(), &known)?;
        schema.describe_results();
        schema.image = builder::read(&core.join("image/mod.rs"), "Image", &schema.structs, &known)?;
        Ok(schema)
    }
}

fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

/// Whether a struct of the model is one for every language. A `Blob` is bytes there.
fn is_model(item: &syn::ItemStruct) -> bool {
    is_public(&item.vis) && item.ident != "Blob"
}

/// All sources below a directory, by path, in order.
fn parse(directory: &Path) -> Result<Vec<(String, syn::File)>> {
    let mut paths = Vec::new();
    collect(directory, &mut paths).with_context(|| directory.display().to_string())?;
    paths.sort();
    paths
        .into_iter()
        .map(|path| {
            let file = syn::parse_file(&fs::read_to_string(&path)?).with_context(|| path.display().to_string())?;
            let place = path.strip_prefix(directory.parent().unwrap_or(directory)).unwrap_or(&path);
            Ok((place.display().to_string(), file))
        })
        .collect()
}

fn collect(directory: &Path, paths: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, paths)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            paths.push(path);
        }
    }
    Ok(())
}

/// A struct outside the model, without some fields.
fn outside(path: &Path, name: &str, without: &[&str], known: &Known) -> Result<Struct> {
    let file = syn::parse_file(&fs::read_to_string(path)?)?;
    let found = file.items.iter().find_map(|item| match item {
        Item::Struct(item) if item.ident == name => Some(item),
        _ => None,
    });
    let mut item = found.with_context(|| format!("{} has no struct {name}", path.display()))?.clone();
    if let Fields::Named(fields) = &mut item.fields {
        let named = std::mem::take(&mut fields.named);
        let wanted = |field: &syn::Field| field.ident.as_ref().is_some_and(|name| !without.iter().any(|of| name == of));
        fields.named = named.into_iter().filter(wanted).collect();
    }
    read_struct(&item, known).with_context(|| name.to_owned())
}

fn errors(path: &Path) -> Result<Vec<ErrorKind>> {
    let file = syn::parse_file(&fs::read_to_string(path)?)?;
    let mut kinds = Vec::new();
    for item in &file.items {
        match item {
            Item::Enum(item) if item.ident == "ErrorKind" => {
                for variant in &item.variants {
                    let name = variant.ident.to_string();
                    let doc = plain(&variant.attrs).with_context(|| format!("error kind {name}"))?;
                    kinds.push(ErrorKind { name, parent: None, statuses: vec![], doc });
                }
            }
            Item::Impl(item) => {
                let name = |path: &syn::Path| path.segments.last().map(|s| s.ident.to_string());
                for arm in arms(item, "parent")? {
                    let (Pat::Path(from), Expr::Call(to)) = (&arm.pat, &*arm.body) else { continue };
                    let Some(Expr::Path(to)) = to.args.first() else { continue };
                    let (from, to) = (name(&from.path), name(&to.path));
                    if let Some(kind) = kinds.iter_mut().find(|k| Some(&k.name) == from.as_ref()) {
                        kind.parent = to;
                    }
                }
                for arm in arms(item, "from_status")? {
                    let Expr::Path(to) = &*arm.body else {
                        bail!("ErrorKind::from_status has an arm that is not a kind")
                    };
                    let to = name(&to.path);
                    if let Some(kind) = kinds.iter_mut().find(|k| Some(&k.name) == to.as_ref()) {
                        kind.statuses = statuses(&arm.pat)?;
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

/// The arms of a method of `ErrorKind` that is one match.
fn arms<'a>(item: &'a syn::ItemImpl, method: &str) -> Result<&'a [syn::Arm]> {
    let method = item.items.iter().find_map(|f| match f {
        ImplItem::Fn(f) if f.sig.ident == method => Some(f),
        _ => None,
    });
    match method.map(|method| method.block.stmts.first()) {
        None => Ok(&[]),
        Some(Some(syn::Stmt::Expr(Expr::Match(body), _))) => Ok(&body.arms),
        Some(_) => bail!("a method of ErrorKind is not a single match"),
    }
}

/// The statuses of a pattern, as ranges; none for `_`.
fn statuses(pattern: &Pat) -> Result<Vec<(u16, u16)>> {
    let number = |expression: &Expr| match expression {
        Expr::Lit(syn::ExprLit { lit: syn::Lit::Int(number), .. }) => Ok(number.base10_parse::<u16>()?),
        _ => bail!("ErrorKind::from_status has a pattern that is not a number"),
    };
    Ok(match pattern {
        Pat::Wild(_) => vec![],
        Pat::Lit(lit) => vec![(number(&Expr::Lit(lit.clone()))?, number(&Expr::Lit(lit.clone()))?)],
        Pat::Or(or) => or.cases.iter().map(statuses).collect::<Result<Vec<_>>>()?.concat(),
        Pat::Range(syn::PatRange { start: Some(start), end: Some(end), .. }) => vec![(number(start)?, number(end)?)],
        _ => bail!("ErrorKind::from_status has a pattern that codegen does not understand"),
    })
}

fn read_struct(item: &syn::ItemStruct, known: &Known) -> Result<Struct> {
    let Fields::Named(fields) = &item.fields else { bail!("only structs with named fields are supported") };
    let own = Attributes::read(&item.attrs)?;
    let fields = fields
        .named
        .iter()
        .map(|field| {
            let name = field.ident.as_ref().map(ToString::to_string).unwrap_or_default();
            read_field(field, &name, own.rename_all.as_deref(), known).with_context(|| format!("field {name}"))
        })
        .collect::<Result<_>>()?;
    Ok(Struct { name: item.ident.to_string(), doc: plain(&item.attrs)?, fields, variants: vec![] })
}

/// Reads a field. `rule` renames it.
pub(super) fn read_field(field: &syn::Field, name: &str, rule: Option<&str>, known: &Known) -> Result<Field> {
    let attributes = Attributes::read(&field.attrs)?;
    let (ty, optional) = match attributes.seconds {
        // Languages have seconds, and so has the wire.
        true if is_duration(&field.ty) => (Type::Float, true),
        true => bail!("only an Option<Duration> travels as seconds"),
        false => read_type(&field.ty, known)?,
    };
    if SECRETS.contains(&name) && !attributes.secret {
        bail!("must be marked as a secret: #[debug(\"[secret]\")]");
    }
    Ok(Field {
        name: name.to_owned(),
        wire: attributes.wire(name, rule),
        ty,
        optional,
        secret: attributes.secret,
        doc: plain(&field.attrs)?,
    })
}

fn read_enum(item: &syn::ItemEnum) -> Result<Enum> {
    let own = Attributes::read(&item.attrs)?;
    let mut values = Vec::new();
    for variant in &item.variants {
        let attributes = Attributes::read(&variant.attrs)?;
        let name = variant.ident.to_string();
        if !variant.fields.is_empty() {
            // A value this version does not know is kept as it came.
            if attributes.untagged {
                continue;
            }
            bail!("{name}: only plain variants are supported");
        }
        let wire = attributes.wire(&snake(&name), own.rename_all.as_deref());
        let doc = plain(&variant.attrs).with_context(|| name.clone())?;
        values.push(EnumValue { name, wire, doc });
    }
    Ok(Enum { name: item.ident.to_string(), doc: plain(&item.attrs)?, values })
}

fn read_service(item: &syn::ItemStruct) -> Result<Service> {
    let name = item.ident.to_string();
    let field = item.fields.iter().next().and_then(|field| field.ident.as_ref()).map(ToString::to_string);
    let toolbox = match field.as_deref() {
        Some("toolbox") => true,
        Some("client") => false,
        _ => bail!("a service holds a `client` or the `toolbox` of a sandbox"),
    };
    let id = match name.as_str() {
        "Sandboxes" => "sandbox".to_owned(),
        "FileSystem" => "fs".to_owned(),
        "Snapshots" => "snapshot".to_owned(),
        "LspServers" => "lsp".to_owned(),
        "Volumes" => "volume".to_owned(),
        "Secrets" => "secret".to_owned(),
        "RecordingService" => "recording".to_owned(),
        other => snake(other),
    };
    Ok(Service { name, id, toolbox, doc: plain(&item.attrs)?, ops: vec![] })
}

fn read_op(function: &syn::ImplItemFn, service: &Service, known: &Known, structs: &[Struct]) -> Result<Op> {
    let name = function.sig.ident.to_string();
    let documented = sections(&function.attrs)?;
    let mut docs = documented.params.iter().cloned();
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
        let doc = match docs.next() {
            Some((documented, doc)) if documented == param => doc,
            Some((other, _)) => bail!("`# Parameters` has `{other}` where the parameter is `{param}`"),
            None => bail!("the parameter `{param}` is not documented: add it to the list `# Parameters`"),
        };
        let passing = match &*arg.ty {
            SynType::Reference(_) => Passing::Borrowed,
            SynType::Path(path) if optional && is_borrowed(path) => Passing::OptionBorrowed,
            _ => Passing::Owned,
        };
        let field = Field { wire: camel(&param), name: param, ty, optional, secret: false, doc };
        params.push(Param { field, passing });
    }
    let fields = structs.iter().find(|item| Some(&item.name) == options.as_ref());
    let mut option_fields = fields.map(|item| item.fields.clone()).unwrap_or_default();
    Sections::describe(docs, &mut option_fields)?;
    let ReturnType::Type(_, returns) = &function.sig.output else { bail!("returns nothing") };
    let inner = argument(returns, "Result").ok_or_else(|| anyhow!("does not return a Result"))?;
    let (returns, optional) = read_type(inner, known)?;
    if optional {
        bail!("an optional result is not supported: return a struct with an optional field");
    }
    let id = format!("{}.{name}", service.id);
    let (receiver, supplied) = receiver(&id, service, &params)?;
    let updates = updates(&name, receiver, &params, &returns, structs);
    Ok(Op {
        id,
        name,
        doc: documented.text,
        result: documented.returns,
        errors: documented.errors,
        receiver,
        supplied,
        updates,
        params,
        options,
        option_fields,
        returns,
        example: documented.example,
        examples: BTreeMap::new(),
    })
}

/// Which public class offers an operation, and the parameter it supplies.
fn receiver(id: &str, service: &Service, params: &[Param]) -> Result<(Receiver, Option<String>)> {
    let first = params.first().map(|param| param.field.name.as_str());
    Ok(match (service.id.as_str(), first) {
        ("sandbox", Some("id_or_name")) if id != FINDS_SANDBOX => (Receiver::Sandbox, Some("id_or_name".to_owned())),
        ("sandbox", _) => (Receiver::Daytona, None),
        ("process", Some("process")) => (Receiver::SpawnedProcess, Some("process".to_owned())),
        ("process", _) => (Receiver::Process, None),
        ("fs", _) => (Receiver::Fs, None),
        ("git", _) => (Receiver::Git, None),
        ("code_interpreter", _) => (Receiver::CodeInterpreter, None),
        ("lsp", Some("server")) => (Receiver::LspServer, Some("server".to_owned())),
        ("network", _) => (Receiver::Network, None),
        ("snapshot", _) => (Receiver::Snapshot, None),
        ("volume", _) => (Receiver::Volume, None),
        ("secret", _) => (Receiver::Secret, None),
        ("computer_use", _) => (Receiver::ComputerUse, None),
        ("mouse", _) => (Receiver::Mouse, None),
        ("keyboard", _) => (Receiver::Keyboard, None),
        ("screenshot", _) => (Receiver::Screenshot, None),
        ("display", _) => (Receiver::Display, None),
        ("recording", _) => (Receiver::Recording, None),
        ("accessibility", _) => (Receiver::Accessibility, None),
        (other, _) => bail!("the service {other} has no receiver in xtask/src/schema/read.rs"),
    })
}

/// An operation on a sandbox that returns one has updated it; `set_x` sets the field `x`.
fn updates(name: &str, receiver: Receiver, params: &[Param], returns: &Type, structs: &[Struct]) -> Option<Update> {
    if receiver != Receiver::Sandbox {
        return None;
    }
    if name == COPIES_SANDBOX {
        return None;
    }
    if *returns == (Type::Struct { name: "SandboxInfo".to_owned() }) {
        return Some(Update::Receiver);
    }
    let info = structs.iter().find(|item| item.name == "SandboxInfo")?;
    let field = name.strip_prefix("set_")?;
    let field = info.fields.iter().find(|known| known.name == field)?;
    let value = params.iter().map(|param| &param.field).find(|param| param.ty == field.ty)?;
    let (field, param) = (field.name.clone(), value.name.clone());
    Some(match returns {
        Type::Unit => Update::FieldFromParam { field, param },
        _ => Update::FieldFromResult { field },
    })
}

fn is_borrowed(path: &syn::TypePath) -> bool {
    let Some(segment) = path.path.segments.last() else { return false };
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else { return false };
    matches!(arguments.args.first(), Some(syn::GenericArgument::Type(SynType::Reference(_))))
}

/// The type, and whether it is an `Option`.
pub(super) fn read_type(ty: &SynType, known: &Known) -> Result<(Type, bool)> {
    if let Some(inner) = argument(ty, "Option") {
        return Ok((required(inner, known)?, true));
    }
    if let Some(inner) = argument(ty, "Vec") {
        return Ok((Type::List { of: Box::new(required(inner, known)?) }, false));
    }
    let ty = match ty {
        SynType::Reference(reference) => return read_type(&reference.elem, known),
        SynType::Tuple(tuple) if tuple.elems.is_empty() => Type::Unit,
        SynType::Path(path) => {
            let segment = path.path.segments.last().ok_or_else(|| anyhow!("an empty path"))?;
            match segment.ident.to_string().as_str() {
                "String" | "str" => Type::String,
                "bool" => Type::Bool,
                "i64" | "u64" | "u16" => Type::Int,
                "f64" => Type::Float,
                "Json" => Type::Json,
                "Blob" => Type::Bytes,
                "BTreeMap" => {
                    let PathArguments::AngleBracketed(arguments) = &segment.arguments else { bail!("a bare map") };
                    let Some(syn::GenericArgument::Type(value)) = arguments.args.iter().nth(1) else {
                        bail!("a map without value type")
                    };
                    Type::Map { of: Box::new(required(value, known)?) }
                }
                name if known.structs.contains(name) => Type::Struct { name: name.to_owned() },
                name if known.enums.contains(name) => Type::Enum { name: name.to_owned() },
                name if known.streams.contains(name) => Type::Stream { name: name.to_owned() },
                name => bail!("the type {name} is not supported on the boundary"),
            }
        }
        _ => bail!("this type is not supported on the boundary"),
    };
    Ok((ty, false))
}

fn is_duration(ty: &SynType) -> bool {
    matches!(argument(ty, "Option"), Some(SynType::Path(path)) if path.path.is_ident("Duration"))
}

/// The type inside another one.
fn required(ty: &SynType, known: &Known) -> Result<Type> {
    match read_type(ty, known)? {
        (ty, false) => Ok(ty),
        (_, true) => bail!("an `Option` inside another type is not supported"),
    }
}

pub(super) fn argument<'a>(ty: &'a SynType, outer: &str) -> Option<&'a SynType> {
    let SynType::Path(path) = ty else { return None };
    let segment = path.path.segments.last().filter(|s| s.ident == outer)?;
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else { return None };
    match arguments.args.first() {
        Some(syn::GenericArgument::Type(inner)) => Some(inner),
        _ => None,
    }
}
