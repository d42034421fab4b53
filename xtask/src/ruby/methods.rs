//! The methods of the public classes: the schema's operations in the forms that the table of deviations gives them.

use anyhow::{Result, anyhow, bail};

use super::deviations::{
    self, ATTRIBUTE_ALIASES, ATTRIBUTES, Arg, Block, ENVIRONMENT, Form, SHORTHANDS, SYNONYMS, Shape,
};
use super::models::{encode, yard};
use super::signatures::{argument, rbs};
use super::{field_name, options, struct_name};
use crate::deviations::language;
use crate::schema::{Field, Op, Receiver, Schema, Type, Update};

/// A method, ready to be printed as Ruby and as RBS.
pub struct Method<'a> {
    pub op: &'a Op,
    pub form: &'a Form,
    pub name: String,
    pub aliases: Vec<String>,
    pub doc: String,
    pub arguments: Vec<Argument>,
    pub blobs: bool,
    /// Entries of the hash of arguments, and of the options in it.
    pub entries: Vec<String>,
    pub options: Vec<String>,
    /// The expression it returns. `None`: nothing.
    pub result: Option<String>,
    pub returns: Returns,
    pub block: Option<Block>,
    pub raises: Vec<(String, String)>,
}

/// A parameter.
#[derive(Clone)]
pub struct Argument {
    pub name: String,
    pub kind: Kind,
    pub yard: String,
    pub rbs: String,
    pub doc: String,
}

#[derive(Clone, PartialEq)]
pub enum Kind {
    Required,
    Position(String),
    Keyword(String),
}

impl Argument {
    /// As it stands in `def`.
    pub fn declared(&self) -> String {
        match &self.kind {
            Kind::Required => self.name.clone(),
            Kind::Position(default) => format!("{} = {default}", self.name),
            Kind::Keyword(default) => format!("{}: {default}", self.name),
        }
    }
}

/// What a method returns, in the notations of YARD and RBS.
pub struct Returns {
    pub yard: String,
    pub rbs: String,
    pub doc: String,
}

impl Method<'_> {
    /// Whether required arguments may be given by keyword, too.
    pub fn both_forms(&self) -> bool {
        !self.form.plain && !self.form.private && self.arguments.iter().any(|a| !matches!(a.kind, Kind::Keyword(_)))
    }

    /// Whether it takes a block.
    pub fn takes_block(&self) -> bool {
        self.block.is_some() || self.result.as_ref().is_some_and(|result| result.contains("block"))
    }
}

/// The class whose method an operation is unless the table says otherwise.
fn class_of(op: &Op) -> &'static str {
    match op.receiver {
        Receiver::Daytona => "Daytona",
        Receiver::Sandbox => "Sandbox",
        Receiver::Snapshot => "SnapshotService",
        Receiver::Volume => "VolumeService",
        Receiver::Secret => "SecretService",
        Receiver::Process => "Process",
        Receiver::Fs => "FileSystem",
        Receiver::Git => "Git",
        Receiver::CodeInterpreter => "CodeInterpreter",
        Receiver::LspServer => "LspServer",
        Receiver::Network => "Network",
        Receiver::ComputerUse => "ComputerUse",
        Receiver::Mouse => "ComputerUse::Mouse",
        Receiver::Keyboard => "ComputerUse::Keyboard",
        Receiver::Screenshot => "ComputerUse::Screenshot",
        Receiver::Display => "ComputerUse::Display",
        Receiver::Recording => "ComputerUse::Recording",
        Receiver::Accessibility => "ComputerUse::Accessibility",
        Receiver::SpawnedProcess => "SpawnedProcess",
    }
}

/// All methods of a class, in the order of the schema.
pub fn of_class<'a>(schema: &'a Schema, class: &str) -> Result<Vec<Method<'a>>> {
    let mut methods = Vec::new();
    for op in schema.ops() {
        for form in forms(op) {
            if (if form.class.is_empty() { class_of(op) } else { form.class }) == class {
                methods.push(method(schema, op, form).map_err(|error| anyhow!("{}: {error}", op.id))?);
            }
        }
    }
    Ok(methods)
}

static PLAIN: Form = super::deviations::FORM;

fn forms(op: &Op) -> Vec<&'static Form> {
    let found: Vec<_> = deviations::forms().filter(|form| form.op == op.id).collect();
    if found.is_empty() { vec![&PLAIN] } else { found }
}

/// Fails for entries of the table that name nothing.
pub fn check(schema: &Schema) -> Result<()> {
    for form in deviations::forms() {
        let Some(op) = schema.ops().find(|op| op.id == form.op) else {
            bail!("the table of Ruby's methods has {}, which is not an operation", form.op);
        };
        if let Some(arg) = form.args.iter().find(|arg| arg.types.is_none() && !in_schema(schema, op, arg)) {
            bail!("{} has no parameter {}", form.op, arg.name);
        }
    }
    let structs = ATTRIBUTES.iter().map(|(_, item, _)| item);
    let structs = structs.chain(ATTRIBUTE_ALIASES.iter().chain(SYNONYMS).map(|(item, ..)| item));
    let mut structs = structs.chain(SHORTHANDS.iter().map(|(item, _)| item));
    match structs.find(|name| schema.structure(name).is_none()) {
        Some(name) => bail!("the tables of Ruby have {name}, which is not a struct"),
        None => Ok(()),
    }
}

/// The class a stream is wrapped in.
pub fn stream_class(name: &str) -> &str {
    match name {
        "Terminal" => "PtyHandle",
        name => name,
    }
}

fn method<'a>(schema: &'a Schema, op: &'a Op, form: &'static Form) -> Result<Method<'a>> {
    let mut plan = Parts::default();
    let deviations = language("ruby").operation(&op.id);
    for arg in form.args.iter().filter(|arg| !in_schema(schema, op, arg)) {
        plan.own(arg)?;
    }
    for param in &op.params {
        let arg = form.args.iter().find(|arg| arg.name == param.field.name);
        if arg.is_some_and(|arg| arg.shape == Shape::Spread) {
            plan.spread(schema, &param.field)?;
            continue;
        }
        if arg.is_none() && form.class.is_empty() && op.supplied.as_ref() == Some(&param.field.name) {
            plan.entries.push(supplied(op, &param.field)?);
            continue;
        }
        let kind = if param.field.optional { Kind::Position("nil".to_owned()) } else { Kind::Required };
        let entry = plan.field(op, &param.field, arg, kind)?;
        plan.entries.push(entry);
    }
    for field in schema.options(op) {
        let arg = form.args.iter().find(|arg| arg.name == field.name);
        let nil = "nil".to_owned();
        let positional = deviations.is_some_and(|entry| entry.positional.contains(&field.name));
        let kind = if positional { Kind::Position(nil) } else { Kind::Keyword(nil) };
        let entry = plan.field(op, field, arg, kind)?;
        plan.options.push(entry);
    }
    let mut arguments = plan.arguments;
    if !form.plain {
        arguments.push(Argument {
            name: "request_timeout".to_owned(),
            kind: Kind::Keyword("nil".to_owned()),
            yard: "Numeric, nil".to_owned(),
            rbs: "Numeric?".to_owned(),
            doc: "Seconds the whole call may take; 0 = no limit.".to_owned(),
        });
    }
    // Required first, then by position, then by keyword.
    arguments.sort_by_key(|argument| match argument.kind {
        Kind::Required => 0,
        Kind::Position(_) => 1,
        Kind::Keyword(_) => 2,
    });
    let name = match (form.name, language("ruby").method(&op.id)) {
        ("", Some(name)) => name,
        ("", None) => &op.name,
        (name, _) => name,
    };
    let doc = if form.doc.is_empty() { op.doc.clone() } else { form.doc.to_owned() };
    let doc = if form.note.is_empty() { doc } else { format!("{doc}\n\n{}", form.note) };
    let errors = if form.errors.is_empty() { &op.errors } else { form.errors };
    let mut aliases: Vec<String> = form.aliases.iter().map(|alias| (*alias).to_owned()).collect();
    if form.name.is_empty() {
        aliases.extend(deviations.iter().flat_map(|entry| entry.aliases.clone()));
    }
    let blobs = plan.entries.iter().chain(&plan.options).any(|entry| entry.contains("blobs"));
    Ok(Method {
        op,
        form,
        name: name.to_owned(),
        aliases,
        doc,
        arguments,
        blobs,
        entries: plan.entries,
        options: plan.options,
        result: result(op, form, blobs)?,
        returns: returns(op, form),
        block: block(op, form),
        raises: raises(schema, errors),
    })
}

/// The entry of what the receiver knows of itself.
fn supplied(op: &Op, field: &Field) -> Result<String> {
    let value = match op.receiver {
        Receiver::Sandbox => "id",
        Receiver::SpawnedProcess | Receiver::LspServer => "info.to_wire([])",
        other => bail!("{other:?} supplies nothing in Ruby"),
    };
    Ok(format!("'{}' => {value}", field.wire))
}

fn in_schema(schema: &Schema, op: &Op, arg: &Arg) -> bool {
    let mut fields = op.params.iter().map(|p| &p.field).chain(schema.options(op));
    fields.any(|field| field.name == arg.name)
}

/// Parameters and what is sent, as they come together.
#[derive(Default)]
struct Parts {
    arguments: Vec<Argument>,
    entries: Vec<String>,
    options: Vec<String>,
}

impl Parts {
    /// A parameter that only Ruby has.
    fn own(&mut self, arg: &Arg) -> Result<()> {
        let Some((yard, rbs)) = arg.types else { bail!("{} needs types", arg.name) };
        let Some(kind) = kind(arg.shape) else { bail!("{} is not in the schema", arg.name) };
        let (name, doc) = (arg.name.to_owned(), arg.doc.to_owned());
        self.arguments.push(Argument { name, kind, yard: yard.to_owned(), rbs: rbs.to_owned(), doc });
        Ok(())
    }

    /// The fields of a struct, by keyword.
    fn spread(&mut self, schema: &Schema, field: &Field) -> Result<()> {
        let Type::Struct { name } = &field.ty else { bail!("{} is not a struct", field.name) };
        let mut inner = Vec::new();
        for field in options(schema, Some(name)) {
            let kind = Kind::Keyword("nil".to_owned());
            self.arguments.push(Argument {
                name: field.name.clone(),
                kind,
                yard: yard(&field.ty, field.optional),
                rbs: argument(&field.ty, field.optional),
                doc: field.doc.clone(),
            });
            inner.push(format!("'{}' => {}", field.wire, encode(&field.name, field)?));
        }
        self.entries.push(super::classes::nested(&field.wire, &inner, 4));
        Ok(())
    }

    /// A parameter or option; returns its entry.
    fn field(&mut self, op: &Op, field: &Field, arg: Option<&Arg>, default: Kind) -> Result<String> {
        let name = field_name(&op.id, &field.name);
        let mut value = name.to_owned();
        if arg.is_none_or(|arg| arg.shape != Shape::Hidden) {
            let kind = arg.and_then(|arg| kind(arg.shape)).unwrap_or(default);
            let types = arg.and_then(|arg| arg.types).map(|(yard, rbs)| (yard.to_owned(), rbs.to_owned()));
            let (yard, rbs) = types.unwrap_or_else(|| {
                // A constant as default: there is always a value.
                let optional = field.optional;
                (yard(&field.ty, optional), argument(&field.ty, optional))
            });
            let mut also: Vec<&str> = arg.map(|arg| arg.also.to_vec()).unwrap_or_default();
            if matches!(field.ty, Type::Map { .. }) && ENVIRONMENT.contains(&name) {
                also.extend(ENVIRONMENT.iter().filter(|other| **other != name));
            }
            let mut doc = arg.map(|arg| arg.doc).filter(|doc| !doc.is_empty()).unwrap_or(&field.doc).to_owned();
            if !also.is_empty() {
                let names: Vec<_> = also.iter().map(|name| format!("`{name}:`")).collect();
                doc = format!("{doc} Also {}.", names.join(", ")).trim().to_owned();
            }
            self.synonyms(name, kind, &yard, &rbs, doc, &also, &mut value);
        }
        if let Some(arg) = arg.filter(|arg| !arg.sent.is_empty()) {
            return Ok(format!("'{}' => {}", field.wire, arg.sent));
        }
        if let Some(arg) = arg.filter(|arg| !arg.value.is_empty()) {
            arg.value.clone_into(&mut value);
        }
        if value.contains(' ') && matches!(&field.ty, Type::List { .. } | Type::Struct { .. }) && nests(&field.ty) {
            value = format!("({value})");
        }
        Ok(format!("'{}' => {}", field.wire, encode(&value, field)?))
    }

    /// A parameter with its other names. One by position is the default of its other name; of several by keyword, the
    /// first that is given counts.
    #[expect(clippy::too_many_arguments, reason = "what a parameter is")]
    fn synonyms(
        &mut self,
        name: &str,
        kind: Kind,
        yard: &str,
        rbs: &str,
        doc: String,
        also: &[&str],
        value: &mut String,
    ) {
        let optional =
            |text: &str, none: &str| if text.ends_with(none) { text.to_owned() } else { format!("{text}{none}") };
        let other = |name: &str, kind: Kind| Argument {
            name: name.to_owned(),
            kind,
            yard: optional(yard, ", nil"),
            rbs: optional(rbs, "?"),
            doc: String::new(),
        };
        if also.is_empty() {
            let (yard, rbs) = (yard.to_owned(), rbs.to_owned());
            return self.arguments.push(Argument { name: name.to_owned(), kind, yard, rbs, doc });
        }
        if matches!(kind, Kind::Keyword(_)) {
            self.arguments.push(Argument { doc, ..other(name, kind.clone()) });
            self.arguments.extend(also.iter().map(|also| other(also, kind.clone())));
            *value = [&[name], also].concat().join(" || ");
        } else {
            self.arguments.push(Argument { doc, ..other(name, Kind::Position("nil".to_owned())) });
            self.arguments.extend(also.iter().map(|also| other(also, Kind::Keyword(name.to_owned()))));
            also[0].clone_into(value);
        }
    }
}

fn kind(shape: Shape) -> Option<Kind> {
    match shape {
        Shape::Schema | Shape::Hidden | Shape::Spread => None,
        Shape::Required => Some(Kind::Required),
        Shape::Position(default) => Some(Kind::Position(default.to_owned())),
        Shape::Keyword(default) => Some(Kind::Keyword(default.to_owned())),
    }
}

fn nests(ty: &Type) -> bool {
    match ty {
        Type::List { of } | Type::Map { of } => nests(of),
        Type::Struct { .. } => true,
        _ => false,
    }
}

/// The expression a method returns, over the call; `None`: it returns nothing.
fn result(op: &Op, form: &Form, blobs: bool) -> Result<Option<String>> {
    if !form.instead.is_empty() {
        return Ok(Some(form.instead.to_owned()));
    }
    let args = if blobs { "args, blobs" } else { "args" };
    let timeout = if form.plain { "" } else { ", request_timeout: request_timeout" };
    let call = format!("'{}', {args}{timeout}", op.id);
    let plain = match &op.returns {
        Type::Stream { name } => {
            let block = if form.result == "{}" { ", &block" } else { "" };
            format!("{}.open(open_stream({call}), self{block})", stream_class(name))
        }
        Type::Unit => format!("invoke({call})"),
        returns => {
            let convert = match returns {
                Type::Struct { name } => format!("to_model({})", struct_name(name)),
                Type::List { of } => match &**of {
                    Type::Struct { name } => format!("to_models({})", struct_name(name)),
                    _ => "data".to_owned(),
                },
                Type::Bytes => "bytes".to_owned(),
                Type::Enum { .. } => bail!("an enum as a result is not supported in Ruby"),
                _ => "data".to_owned(),
            };
            format!("invoke({call}).{convert}")
        }
    };
    if form.result == "{}" && form.class.is_empty() {
        match &op.updates {
            Some(Update::Receiver) => return Ok(Some(format!("update({plain})"))),
            Some(Update::FieldFromResult { field }) => return Ok(Some(format!("info.{field} = {plain}"))),
            Some(Update::FieldFromParam { field, param }) => {
                return Ok(Some(format!("{plain}\ninfo.{field} = {param}")));
            }
            None => {}
        }
    }
    if op.returns == Type::Unit {
        if form.result == "{}" {
            return Ok(None);
        }
        return Ok(Some(format!("{plain}\n{}", form.result)));
    }
    Ok(Some(form.result.replace("{}", &plain)))
}

fn block(op: &Op, form: &Form) -> Option<Block> {
    match &op.returns {
        _ if form.block.is_some() => form.block,
        Type::Stream { name } if form.result == "{}" || form.result.contains("block") => {
            let class = match stream_class(name) {
                "LogStream" => "LogStream",
                "InterpreterStream" => "InterpreterStream",
                "FileReader" => "FileReader",
                "FileWriter" => "FileWriter",
                "PortForward" => "PortForward",
                _ => return None,
            };
            Some(("stream", class, "Closed after the block."))
        }
        _ => None,
    }
}

fn returns(op: &Op, form: &Form) -> Returns {
    let (yard, rbs, doc) = match (&form.returns, &op.returns) {
        (Some((yard, rbs, doc)), _) => ((*yard).to_owned(), (*rbs).to_owned(), *doc),
        (None, _) if form.class.is_empty() && op.updates == Some(Update::Receiver) => {
            ("self".to_owned(), "self".to_owned(), "")
        }
        (None, Type::Unit) if form.class.is_empty() && op.updates.is_some() => {
            let param = op.params.iter().find(|param| op.supplied.as_ref() != Some(&param.field.name));
            let ty = param.map_or(&Type::Unit, |param| &param.field.ty);
            (yard(ty, false), rbs(ty, false), "")
        }
        (None, Type::Unit) => ("void".to_owned(), "void".to_owned(), ""),
        (None, Type::Stream { name }) => {
            let class = stream_class(name).to_owned();
            (class.clone(), class, "")
        }
        (None, ty) => (yard(ty, false), rbs(ty, false), ""),
    };
    let told = form.returns.is_none() && !["void", "self"].contains(&yard.as_str());
    let doc = if told && doc.is_empty() && block(op, form).is_none() { op.result.as_str() } else { doc };
    let (yard, doc) = match form.block {
        _ if op.returns != Type::Unit && block(op, form).is_some() && !yard.contains("Object") && doc.is_empty() => {
            (format!("{yard}, Object"), "What was opened, or what the block returns.")
        }
        _ => (yard, doc),
    };
    Returns { yard, rbs, doc: doc.to_owned() }
}

/// The classes of errors and when they are raised, from the schema's "`Kind` when …, `Kind` when …".
pub fn raises(schema: &Schema, errors: &str) -> Vec<(String, String)> {
    let text = errors.split_whitespace().collect::<Vec<_>>().join(" ");
    let known = |name: &str| schema.errors.iter().any(|kind| kind.name == name);
    // Odd pieces are in backticks.
    let pieces: Vec<_> = text.split('`').collect();
    let mut found: Vec<(String, String)> = Vec::new();
    let mut lead = String::new();
    for (i, piece) in pieces.iter().enumerate() {
        if i % 2 == 0 {
            let current = found.last_mut().map_or(&mut lead, |(_, text)| text);
            current.push_str(piece);
            continue;
        }
        let current = found.last_mut().map_or(&mut lead, |(_, text)| text);
        if !known(piece) {
            current.push_str(&format!("`{piece}`"));
            continue;
        }
        let before = current.trim_end();
        let outside = current.matches('(').count() == current.matches(')').count();
        if before.is_empty() || before.ends_with([',', ';', '.']) && outside {
            // What stands between a semicolon and the kind says when.
            let when = match before.rsplit_once(';') {
                Some((rest, when)) if when.ends_with(',') => {
                    let (rest, when) = (rest.to_owned(), when.trim().to_owned());
                    *current = rest;
                    when
                }
                _ => String::new(),
            };
            let when = if when.is_empty() { when } else { format!("{when} ") };
            found.push((super::error_class(piece), when));
        } else {
            current.push_str(&format!("{{Sdk::{}}}", super::error_class(piece)));
        }
    }
    let mut all = Vec::new();
    if !lead.trim().is_empty() {
        all.push(("Error".to_owned(), sentence(&lead)));
    }
    for (class, text) in found {
        // Of two classes for the same, each is listed.
        match text.trim_start().strip_prefix("or {Sdk::").and_then(|rest| rest.split_once('}')) {
            Some((other, text)) => all.extend([class, other.to_owned()].map(|class| (class, sentence(text)))),
            None => all.push((class, sentence(&text))),
        }
    }
    all
}

/// Capitalized, with a full stop.
pub fn sentence(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let text = text.trim().trim_end_matches([',', ';', '.']).replace(",,", ",");
    let mut chars = text.chars();
    match chars.next() {
        Some(first) => format!("{}{}.", first.to_uppercase(), chars.as_str()),
        None => text,
    }
}
