//! `pkg/daytona/generated_<class>.go`: the methods of the public classes, one for each operation and more where the table of
//! deviations says so.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use anyhow::{Context, Result, bail};

use super::Package;
use super::classes::{Class, PARTS, caller, class, class_of};
use super::encoders::{METHOD, of_options};
use super::forms::{MAPS, METHODS};
use super::imports::with_imports;
use super::options::{Options, is_time};
use super::words::{Names, exported, filled, lower, of_duration, subject, uncapitalised, unexported};
use crate::deviations;
use crate::schema::{Field, Op, Service, Type, Update};

/// A method of an operation.
pub struct Method {
    pub on: Option<&'static str>,
    pub name: &'static str,
    pub takes: Option<&'static [&'static str]>,
    pub set: Option<&'static str>,
    pub gives: Gives,
    pub hidden: bool,
}

/// What a method makes of the result.
#[derive(Clone, Copy, PartialEq)]
pub enum Gives {
    /// Nothing else.
    Result,
    /// Pointers instead of structs.
    Pointers,
    /// Maps instead of structs, as this type.
    Maps(&'static str),
    /// One field of it.
    Field(&'static str),
    /// What this function makes of it, and the result type. It may look at the options: `o`.
    Through(&'static str, &'static str),
    /// The stream's text, sent to two channels.
    Channels,
    /// Nothing: the parameter is the new value of the object's own field. This is what nil stands for.
    Sets(&'static str),
    /// What the method before it gives.
    Alias,
}

/// A parameter that stands for its id or name.
const SNAPSHOT: &str = "*types.Snapshot";

/// A parameter of a method, and how it travels.
pub struct Parameter<'a> {
    pub name: String,
    pub ty: String,
    pub doc: String,
    /// What travels: the field, the expression for it, and whether it is one of the options.
    pub travels: Option<(&'a Field, String, bool)>,
    /// It takes any number of values, of which the first counts.
    variadic: bool,
}

impl<'a> Package<'a> {
    /// The methods of an operation, aliases behind what they stand for.
    pub fn methods(op: &Op) -> Vec<Method> {
        const NONE: Method = Method { on: None, name: "", takes: None, set: None, gives: Gives::Result, hidden: false };
        match METHODS.iter().find(|(id, _)| *id == op.id) {
            Some((_, methods)) => methods.iter().map(|method| Method { ..*method }).collect(),
            None => vec![NONE],
        }
    }

    /// Every set of options, those of the table first.
    pub fn all_options(&self) -> Result<Vec<Options<'a>>> {
        let mut sets: Vec<Options> = Vec::new();
        for set in super::forms::SETS {
            if !sets.iter().any(|known| known.name == set.name) {
                sets.push(self.options(set.of, Some(set.name))?);
            }
        }
        if let Some(set) = sets.iter_mut().find(|set| set.name == super::builder::PIP) {
            let steps = super::builder::steps(self.schema).filter(|(step, _)| step.option_fields.len() > 1);
            set.users.extend(steps.map(|(step, form)| format!("DockerImage.{}", super::builder::name_of(step, &form))));
        }
        for service in &self.schema.services {
            for op in &service.ops {
                let Some(of) = options_of(op) else { continue };
                for method in Self::methods(op) {
                    let taken = method.takes.is_none_or(|names| names.contains(&"opts"));
                    if !taken || method.gives == Gives::Alias || (method.hidden && method.set.is_none()) {
                        continue;
                    }
                    let set = self.options(of, method.set)?;
                    let index = sets.iter().position(|known| known.name == set.name).unwrap_or_else(|| {
                        sets.push(set);
                        sets.len() - 1
                    });
                    let on = method.on.map_or_else(|| class_of(service), str::to_owned);
                    let name = if method.hidden { exported(&op.name) } else { go_name(op, &method) };
                    sets[index].users.push(format!("{on}.{name}"));
                }
            }
        }
        Ok(sets)
    }

    /// The file of each class.
    pub fn services(&self) -> Result<Vec<(String, String)>> {
        let mut bodies: BTreeMap<String, String> = BTreeMap::new();
        let mut maps = BTreeSet::from_iter(MAPS.iter().copied());
        for service in &self.schema.services {
            for op in &service.ops {
                let methods = Self::methods(op);
                for (i, method) in methods.iter().enumerate() {
                    let class = method.on.map_or_else(|| class_of(service), str::to_owned);
                    let body = bodies.entry(class.clone()).or_default();
                    if method.gives == Gives::Alias {
                        let original = methods[..i].iter().rev().find(|m| m.gives != Gives::Alias);
                        let original = original.with_context(|| format!("{}: an alias of nothing", op.id))?;
                        let original = methods
                            .iter()
                            .take(i)
                            .rfind(|m| {
                                m.gives != Gives::Alias
                                    && m.on.map_or_else(|| class_of(service), str::to_owned) == class
                            })
                            .unwrap_or(original);
                        self.alias(body, service, op, &class, method, original).with_context(|| op.id.clone())?;
                    } else {
                        self.method(body, service, op, &class, method).with_context(|| op.id.clone())?;
                    }
                    if let (Gives::Maps(_), Some(name)) = (method.gives, struct_in(&op.returns)) {
                        self.maps_of(name, &mut maps)?;
                    }
                }
            }
        }
        let mut files: Vec<(String, String)> = Vec::new();
        for (name, methods) in bodies {
            let mut body = self.declaration(&name)?;
            body.push_str(&methods);
            let class = name;
            files.push((format!("pkg/daytona/generated_{}.go", file_name(&class)), with_imports("daytona", &body)));
        }
        let mut body = String::new();
        for name in maps {
            self.map(&mut body, name)?;
        }
        files.push(("pkg/daytona/generated_maps.go".to_owned(), with_imports("daytona", &body)));
        Ok(files)
    }

    /// The struct of a class, and how to get to its parts.
    fn declaration(&self, name: &str) -> Result<String> {
        let own = class(name)?;
        let Some(service) = self.schema.services.iter().find(|service| class_of(service) == name && !own.own) else {
            return Ok(String::new());
        };
        let mut doc = subject(name, &service.doc);
        if service.ops.iter().any(|op| Self::methods(op).iter().any(|method| method.name.ends_with("Typed"))) {
            doc.push_str(
                "\n\nThe methods whose name ends with Typed return structs; their twins return the same as maps.",
            );
        }
        let mut out = format!("\n{}type {name} struct {{\n\tcaller api.Caller\n}}\n", filled("", &doc));
        let (whole, parts) = PARTS;
        for part in parts.iter().filter(|_| service.name == whole) {
            let of = self.schema.services.iter().find(|service| class_of(service) == format!("{part}Service"));
            let doc = &of.with_context(|| format!("there is no service {part}"))?.doc;
            let receiver = own.receiver;
            writeln!(
                out,
                "\n{}func ({receiver} *{name}) {part}() *{part}Service {{\n\treturn &{part}Service{{caller: {receiver}.caller}}\n}}",
                filled("", &format!("{part} returns {}", lower(doc)))
            )?;
        }
        Ok(out)
    }

    fn method(&self, out: &mut String, service: &Service, op: &'a Op, on: &str, method: &Method) -> Result<()> {
        let class = class(on)?;
        let name = go_name(op, method);
        let parameters = self.parameters(op, class, method)?;
        let options = match options_of(op) {
            Some(of) if method.takes.is_none_or(|names| names.contains(&"opts")) => Some(self.options(of, method.set)?),
            _ => None,
        };
        let mut signature = String::from("ctx context.Context");
        for parameter in &parameters {
            let dots = if parameter.variadic { "..." } else { "" };
            write!(signature, ", {} {dots}{}", parameter.name, parameter.ty)?;
        }
        if method.gives == Gives::Channels {
            signature.push_str(", stdout, stderr chan<- string");
        }
        let set = options.as_ref().map(|options| options.name.clone());
        let own = method.hidden.then(|| self.hidden_options(op, method)).transpose()?.flatten();
        if let Some(own) = &own {
            write!(signature, ", o {own}")?;
        } else if let Some(set) = &set {
            write!(signature, ", opts ...func(*options.{set})")?;
        }
        let doc = if method.hidden {
            format!("{name} runs the operation {}.", op.id)
        } else {
            self.documentation(&name, op, class, &parameters, options.as_ref(), method.gives)
        };
        let (results, last) = self.result(op, method)?;
        let receiver = class.receiver;
        writeln!(out, "\n{}func ({receiver} *{on}) {name}({signature}) {results} {{", filled("", &doc))?;
        // Values that are not pointers must be set where what is not given is not the zero value.
        for field in options.iter().flat_map(|options| &options.fields).filter(|_| own.is_none()) {
            if field.ty == "bool" && field.doc.contains("Default: true") {
                let set = &options.as_ref().map(|options| options.name.as_str()).unwrap_or_default();
                writeln!(out, "\topts = append([]func(*options.{set}){{options.{}(true)}}, opts...)", field.function)?;
            }
        }
        let looks = matches!(method.gives, Gives::Through(function, _) if function.contains("o."));
        let applied = if own.is_none() && set.is_some() && (op.options.is_none() || looks) {
            out.push_str("\to := options.Apply(opts...)\n");
            "o"
        } else {
            "options.Apply(opts...)"
        };
        if let (Gives::Sets(nil), Some(parameter)) = (method.gives, parameters.first()) {
            writeln!(out, "\tvalue := orElse({}, {nil})", parameter.name)?;
        }
        writeln!(out, "\tcall := {}.Op({:?})", caller(on, service), op.id)?;
        // In the schema's order, those the class stands for among them.
        for param in op.params.iter().filter(|param| !param.field.optional) {
            let field = &param.field;
            let own = self.public_type(field)?;
            let given = parameters
                .iter()
                .find(|p| p.travels.as_ref().is_some_and(|(of, _, option)| of.name == field.name && !option));
            let (value, ty) = if let Some(Parameter { ty, travels: Some((_, value, _)), .. }) = given {
                match method.gives {
                    Gives::Sets(_) => ("value".to_owned(), own),
                    _ => (value.clone(), ty.clone()),
                }
            } else if let Some((_, value)) = class.bound.iter().find(|(name, _)| *name == field.name) {
                ((*value).to_owned(), own)
            } else if parameters.iter().any(|p| p.name == "sandbox") && field.name == "id_or_name" {
                ("sandbox.ID".to_owned(), own)
            } else {
                bail!("{name} does not take {}", field.name);
            };
            out.push_str(&self.argument(field, &value, &ty)?);
        }
        for parameter in &parameters {
            if let Some((field, value, false)) = &parameter.travels
                && field.optional
            {
                out.push_str(&self.argument(field, value, &parameter.ty)?);
            }
        }
        let optional: Vec<_> =
            parameters.iter().filter_map(|p| p.travels.as_ref().filter(|t| t.2).map(|t| (t, p))).collect();
        if let Some(own) = &own {
            let (encoder, value) = match own.strip_prefix("*options.") {
                Some(set) => (of_options(set), "o"),
                None => (own.trim_start_matches("api.").to_owned(), "&o"),
            };
            writeln!(out, "\tcall.{encoder}(\"options\", {value})")?;
        } else if let Some(set) = &set {
            if op.options.is_some() {
                writeln!(out, "\tcall.{}(\"options\", {applied})", of_options(set))?;
            } else {
                for field in &self.options(&op.id, method.set)?.fields {
                    if let Some(source) = field.source {
                        out.push_str(&self.argument(source, &format!("o.{}", field.name), &field.ty)?);
                    }
                }
            }
        } else if !optional.is_empty() {
            out.push_str("\tcall.Open(\"options\")\n");
            for ((field, value, _), parameter) in optional {
                out.push_str(&self.argument(field, value, &parameter.ty)?);
            }
            out.push_str("\tcall.Close()\n");
        }
        writeln!(out, "{last}}}")?;
        Ok(())
    }

    /// The statement that adds an argument.
    fn argument(&self, field: &Field, value: &str, ty: &str) -> Result<String> {
        if ty == "any" && field.ty == (Type::Struct { name: super::create::STRUCT.to_owned() }) {
            return Ok(format!("\tcall.{}({:?}, {value})\n", super::create::STRUCT, field.wire));
        }
        if ty == SNAPSHOT {
            return Ok(format!("\tcall.Snapshot({:?}, {value})\n", field.wire));
        }
        if let Some(name) = ty.strip_prefix('*').filter(|name| self.is_of_client(name)) {
            return Ok(format!("\tadd{name}(call, {:?}, {value})\n", field.wire));
        }
        // A plain value that is a parameter is always given.
        let optional = field.optional && (ty.starts_with('[') || ty.starts_with("map"));
        self.add(METHOD, &field.wire, ty, value, optional)
    }

    /// The options of a hidden method: a set when the table names one, else the struct as it travels.
    fn hidden_options(&self, op: &Op, method: &Method) -> Result<Option<String>> {
        let Some(of) = &op.options else { return Ok(None) };
        Ok(Some(match method.set {
            Some(set) => format!("*options.{set}"),
            None => format!("api.{of}"),
        }))
    }

    pub fn parameters(&self, op: &'a Op, class: &Class, method: &Method) -> Result<Vec<Parameter<'a>>> {
        let names = Names::new(self.schema);
        let make = |field: &'a Field, wanted: &str, name: &str, option: bool| -> Result<Parameter<'a>> {
            let time = is_time(field);
            let mut ty = self.public_type(field)?;
            let list = ty.starts_with('[') || ty.starts_with("map");
            ty = ty.trim_start_matches('*').to_owned();
            if time {
                ty = "time.Duration".to_owned();
            }
            if wanted.starts_with('*') && !list {
                ty.insert(0, '*');
            }
            let variadic = wanted.starts_with("...");
            let value = if variadic { format!("given({name})") } else { name.to_owned() };
            let mut doc = if time { of_duration(&names.text(&field.doc)) } else { names.text(&field.doc) };
            if ty == "any" && field.name == "params" {
                doc = format!("{doc} It is {}", super::create::ANY_OF);
            }
            if let Gives::Sets(nil) = method.gives {
                doc.push_str(&format!(" nil stands for {nil}."));
            }
            Ok(Parameter { name: name.to_owned(), ty, doc, travels: Some((field, value, option)), variadic })
        };
        let Some(takes) = method.takes else {
            return op
                .params
                .iter()
                .map(|param| &param.field)
                .filter(|field| !class.bound.iter().any(|(name, _)| *name == field.name))
                .filter(|field| !field.optional)
                .map(|field| make(field, &field.name, &unexported(&field.name), false))
                .collect();
        };
        let mut parameters = Vec::new();
        for wanted in takes.iter().filter(|wanted| **wanted != "opts") {
            let (field, name) = wanted.split_once(" as ").unwrap_or((wanted, ""));
            let field = field.trim_start_matches(['*', '.']);
            // A type of its own is behind the name.
            let (name, ty) = name.split_once(' ').unwrap_or((name, ""));
            let name = if name.is_empty() { unexported(field) } else { name.to_owned() };
            if let Some(param) = op.params.iter().find(|param| param.field.name == field) {
                let mut parameter = make(&param.field, wanted, &name, false)?;
                if !ty.is_empty() {
                    parameter.doc = format!("The {name}.");
                    ty.clone_into(&mut parameter.ty);
                }
                parameters.push(parameter);
            } else if let Some(of) = op.options.as_deref().and_then(|options| self.structure(options))
                && let Some(field) = of.fields.iter().find(|f| f.name == field)
            {
                parameters.push(make(field, wanted, &name, true)?);
            } else if field == "sandbox" {
                let doc = "The sandbox; its fields are updated.".to_owned();
                parameters.push(Parameter { name, ty: "*Sandbox".to_owned(), doc, travels: None, variadic: false });
            } else {
                bail!("{} has no parameter {field}", op.id);
            }
        }
        Ok(parameters)
    }

    fn result(&self, op: &Op, method: &Method) -> Result<(String, String)> {
        let ty = &op.returns;
        let (call, results) = match ty {
            Type::Unit => ("api.Run(ctx, call)".to_owned(), "error".to_owned()),
            Type::Bytes => ("api.Content(ctx, call)".to_owned(), "([]byte, error)".to_owned()),
            Type::Stream { .. } => ("api.Open(ctx, call)".to_owned(), "(*api.Stream, error)".to_owned()),
            Type::Struct { name } => {
                let go = self.public_struct(name)?;
                (format!("api.Object[{go}](ctx, call)"), format!("(*{go}, error)"))
            }
            _ => {
                let go = self.public(ty)?;
                let helper = if self.has_bytes(ty) { "Attached" } else { "Value" };
                (format!("api.{helper}[{go}](ctx, call)"), format!("({go}, error)"))
            }
        };
        let plain = format!("\treturn {call}\n");
        Ok(match method.gives {
            Gives::Result | Gives::Alias => (results, plain),
            Gives::Through(function, results) => (results.to_owned(), format!("\treturn {function}({call})\n")),
            Gives::Channels => ("error".to_owned(), format!("\treturn toChannels(ctx, stdout, stderr)({call})\n")),
            Gives::Sets(_) => {
                let Some(Update::FieldFromParam { field, .. }) = &op.updates else { bail!("{} sets nothing", op.id) };
                let item = self.structure("SandboxInfo").context("SandboxInfo")?;
                let field = item.fields.iter().find(|known| known.name == *field).context("a field")?;
                let (go, _) = self.field("SandboxInfo", field)?;
                (results, format!("\treturn set(&s.{go}, value, {call})\n"))
            }
            Gives::Pointers => {
                let results = results.replace("[]", "[]*");
                (results, format!("\treturn pointers({call})\n"))
            }
            Gives::Field(name) => {
                let Type::Struct { name: of } = ty else { bail!("the result of {} has no fields", op.id) };
                let item = self.structure(of).with_context(|| of.clone())?;
                let field = item.fields.iter().find(|field| field.name == name).with_context(|| name.to_owned())?;
                let (go, ty) = self.field(of, field)?;
                let last = format!(
                    "\tfound, err := {call}\n\tif err != nil {{\n\t\treturn nil, err\n\t}}\n\treturn found.{go}, nil\n"
                );
                (format!("({ty}, error)"), last)
            }
            Gives::Maps(result) => {
                let name = struct_in(ty).with_context(|| format!("the result of {} has no fields", op.id))?;
                let value = if matches!(ty, Type::List { .. }) {
                    format!("maps(found, {}Map)", uncapitalised(name))
                } else {
                    format!("{}Map(*found)", uncapitalised(name))
                };
                let last = format!(
                    "\tfound, err := {call}\n\tif err != nil {{\n\t\treturn nil, err\n\t}}\n\treturn {value}, nil\n"
                );
                (format!("({result}, error)"), last)
            }
        })
    }

    fn alias(
        &self,
        out: &mut String,
        service: &Service,
        op: &'a Op,
        on: &str,
        alias: &Method,
        original: &Method,
    ) -> Result<()> {
        let class = class(on)?;
        let takes = Method { takes: alias.takes.or(original.takes), ..*original };
        let parameters = self.parameters(op, class, &takes)?;
        let (results, _) = self.result(op, original)?;
        let mut signature = String::from("ctx context.Context");
        let mut arguments = String::from("ctx");
        for parameter in &parameters {
            write!(signature, ", {} {}", parameter.name, parameter.ty)?;
            write!(arguments, ", {}", parameter.name)?;
        }
        if options_of(op).is_some() && takes.takes.is_none_or(|names| names.contains(&"opts")) {
            bail!("{}: an alias with options", service.id);
        }
        let (name, receiver, original) = (alias.name, class.receiver, go_name(op, original));
        writeln!(
            out,
            "\n// {name} does the same as [{on}.{original}].\nfunc ({receiver} *{on}) {name}({signature}) {results} {{\n\
             \treturn {receiver}.{original}({arguments})\n}}"
        )?;
        Ok(())
    }
}

/// The options struct of an operation, or the operation itself when parameters of it are optional.
pub fn options_of(op: &Op) -> Option<&str> {
    match &op.options {
        Some(options) => Some(options),
        None if op.params.iter().any(|param| param.field.optional) => Some(&op.id),
        None => None,
    }
}

pub fn go_name(op: &Op, method: &Method) -> String {
    match method.name {
        "" => deviations::language("go").method(&op.id).map_or_else(|| exported(&op.name), str::to_owned),
        name => name.to_owned(),
    }
}

/// The struct of a result or of its items.
pub fn struct_in(ty: &Type) -> Option<&str> {
    match ty {
        Type::Struct { name } => Some(name),
        Type::List { of } => struct_in(of),
        _ => None,
    }
}

/// `FileSystemService` -> `file_system`
fn file_name(class: &str) -> String {
    crate::names::snake(class.strip_suffix("Service").unwrap_or(class))
}
