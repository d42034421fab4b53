//! A method of a class: its parameters in TypeScript's order, its documentation and its call of the operation.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use anyhow::{Context, Result, bail};

use super::deviations::{self, Outcome};
use super::text::{WIDTH, Words, comment, ts_type, wrapped};
use super::{op_name, struct_name, table};
use crate::names::camel;
use crate::schema::{Field, Op, Receiver, Schema, Type, Update};

/// What a file has to import.
#[derive(Default)]
pub struct Imports {
    pub models: BTreeSet<String>,
    /// File and name.
    pub others: BTreeSet<(String, String)>,
}

/// A parameter of a method.
struct Parameter {
    name: String,
    ty: String,
    optional: bool,
    doc: String,
    role: Role,
}

/// What a parameter stands for.
#[derive(PartialEq)]
enum Role {
    /// A parameter of the operation, with its value in JSON.
    Argument(String),
    /// One of the options.
    Option,
    /// Seconds, or all options.
    Timeout,
    /// All options.
    Options,
    /// All options, required.
    Record,
}

/// Writes the method of an operation.
pub struct Method<'a> {
    schema: &'a Schema,
    words: &'a Words,
    op: &'a Op,
    /// The type of the options.
    options: String,
    outcome: Option<&'static Outcome>,
    parameters: Vec<Parameter>,
}

impl<'a> Method<'a> {
    pub fn new(schema: &'a Schema, words: &'a Words, op: &'a Op, imports: &mut Imports) -> Result<Self> {
        imports.others.insert(("../service.js".to_owned(), "type CallOptions".to_owned()));
        let outcome = deviations::OUTCOMES.iter().find(|outcome| outcome.op == op.id);
        for (file, name) in outcome.map(|outcome| outcome.imports).unwrap_or_default() {
            if *file == "./models.js" {
                imports.models.insert((*name).to_owned());
            } else {
                imports.others.insert(((*file).to_owned(), (*name).to_owned()));
            }
        }
        let options = match (outcome.map(|outcome| outcome.options).unwrap_or_default(), &op.options) {
            ("", Some(name)) => {
                imports.models.insert(struct_name(name));
                format!("{} & CallOptions", struct_name(name))
            }
            ("", None) => "CallOptions".to_owned(),
            (special, _) => special.to_owned(),
        };
        let mut method = Self { schema, words, op, options, outcome, parameters: Vec::new() };
        for name in method.order() {
            let parameters = method.parameter(&name, imports).with_context(|| format!("{}: {name}", op.id))?;
            method.parameters.extend(parameters);
        }
        Ok(method)
    }

    /// The names of the parameters, options among them.
    fn order(&self) -> Vec<String> {
        if let Some((_, order)) = deviations::ORDERS.iter().find(|(id, _)| *id == self.op.id) {
            return order.iter().map(|name| (*name).to_owned()).collect();
        }
        let mut order: Vec<_> = self.op.given().map(|field| field.name.clone()).collect();
        let positional = table().operation(&self.op.id).map(|entry| entry.positional.as_slice()).unwrap_or_default();
        order.extend_from_slice(positional);
        let special = self.outcome.is_some_and(|outcome| !outcome.options.is_empty());
        if positional.iter().all(|name| name != "timeout") {
            let timeout = !special && self.option("timeout").is_some();
            order.push(if timeout { "timeout" } else { "options" }.to_owned());
        }
        order
    }

    fn option(&self, name: &str) -> Option<&'a Field> {
        self.schema.options(self.op).iter().find(|field| field.name == name)
    }

    /// What is given for a name in the order.
    fn parameter(&self, name: &str, imports: &mut Imports) -> Result<Vec<Parameter>> {
        if let Some(param) = self.op.params.iter().find(|param| param.field.name == name) {
            return Ok(self.argument(&param.field, imports));
        }
        let (name, ty, doc, role) = if let Some(name) = name.strip_prefix('*') {
            let ty = self.op.options.as_deref().map(struct_name).context("the operation has no options")?;
            (name.to_owned(), ty, "What to change.".to_owned(), Role::Record)
        } else if name == "options" {
            let record = self.parameters.iter().any(|parameter| parameter.role == Role::Record);
            let (ty, doc) = if record || self.options == "CallOptions" {
                ("CallOptions", "A signal that aborts the call, and a limit for its requests.".to_owned())
            } else {
                let ty = self.options.trim_end_matches(" & CallOptions");
                (self.options.as_str(), format!("All options: see {{@link {ty}}}."))
            };
            (name.to_owned(), ty.to_owned(), doc, Role::Options)
        } else {
            let field = self.option(name).context("it is neither a parameter nor an option")?;
            let doc = self.words.text(&field.doc);
            if name == "timeout" {
                imports.others.insert(("../timeout.js".to_owned(), "type Seconds".to_owned()));
                let options = self.op.options.as_deref().map(struct_name).unwrap_or_default();
                (name.to_owned(), format!("Seconds<{options}>"), format!("{doc} Or all options."), Role::Timeout)
            } else {
                let object = matches!(field.ty, Type::Map { .. } | Type::Struct { .. });
                if object && self.parameters.iter().all(|parameter| matches!(parameter.role, Role::Argument(_))) {
                    bail!("an object in this place would be taken for all options");
                }
                struct_names(&field.ty, &mut imports.models);
                (field.wire.clone(), ts_type(&field.ty), doc, Role::Option)
            }
        };
        let optional = role != Role::Record;
        Ok(vec![Parameter { name, ty, optional, doc, role }])
    }

    /// What is given for a parameter of the operation.
    fn argument(&self, field: &Field, imports: &mut Imports) -> Vec<Parameter> {
        let Field { wire, ty, optional, .. } = field;
        let doc = self.words.text(&field.doc);
        let id = format!("{}.{}", self.op.id, field.name);
        let Some(conversion) = deviations::CONVERSIONS.iter().find(|conversion| conversion.param == id) else {
            struct_names(ty, &mut imports.models);
            let role = Role::Argument(wire.clone());
            return vec![Parameter { name: wire.clone(), ty: ts_type(ty), optional: *optional, doc, role }];
        };
        let (file, names) = conversion.imports;
        imports.others.extend(names.iter().map(|name| (format!("../{file}.js"), (*name).to_owned())));
        let mut value = if conversion.value == wire { wire.clone() } else { format!("{wire}: {}", conversion.value) };
        let given = conversion.given.iter().map(|(name, ty, own)| {
            let structs = self.schema.structs.iter().map(|item| struct_name(&item.name));
            imports.models.extend(structs.filter(|name| ty.split(" | ").any(|part| part == name)));
            let doc = if own.is_empty() { doc.clone() } else { (*own).to_owned() };
            // The first stands for all of them.
            let role = Role::Argument(std::mem::take(&mut value));
            Parameter { name: (*name).to_owned(), ty: (*ty).to_owned(), optional: *optional, doc, role }
        });
        given.collect()
    }

    /// The option in whose place all options may be given.
    fn first_option(&self) -> Option<usize> {
        let first = self.parameters.iter().position(|parameter| !matches!(parameter.role, Role::Argument(_)))?;
        (self.parameters[first].role == Role::Option).then_some(first)
    }

    /// Writes the method.
    pub fn write(&self, out: &mut String, class: &str, imports: &mut Imports) -> Result<()> {
        let name = op_name(self.op);
        if let Some((_, stream)) = deviations::LIVE.iter().find(|(id, _)| *id == self.op.id) {
            return self.live(out, &name, stream, imports);
        }
        out.push_str(&comment(&self.documentation(&[]), 2));
        let returns = self.returns(imports);
        let body = self.body(imports)?;
        // Nothing may be thrown but as a rejection.
        let asynchronous = if body.contains("await ") { "async " } else { "" };
        for overload in self.overloads() {
            signature(out, &format!("  {asynchronous}{name}"), &overload, &returns, ";")?;
        }
        signature(out, &format!("  {asynchronous}{name}"), &self.implementation(), &returns, " {")?;
        writeln!(out, "{body}  }}")?;
        let own = format!("{class}.{name}");
        for alias in table().operation(&self.op.id).map(|entry| entry.aliases.as_slice()).unwrap_or_default() {
            self.forward(out, alias, &own, &format!("this.{name}"), imports)?;
        }
        Ok(())
    }

    /// Writes a method that returns what there is now, or gives it to handlers as it comes.
    fn live(&self, out: &mut String, name: &str, stream: &str, imports: &mut Imports) -> Result<()> {
        imports.others.insert(("../log-stream.js".to_owned(), "type TextHandler".to_owned()));
        let handlers = [
            "@param onStdout - Takes standard output, live; the call then resolves at its end.",
            "@param onStderr - Takes standard error, live.",
        ];
        out.push_str(&comment(&self.documentation(&handlers), 2));
        let given: Vec<_> = self.parameters.iter().filter(|parameter| parameter.role != Role::Options).collect();
        let with = |more: &[&str]| -> Vec<String> {
            given.iter().map(|given| given.declaration()).chain(more.iter().map(|more| (*more).to_owned())).collect()
        };
        let name = format!("  {name}");
        signature(out, &name, &with(&["options?: CallOptions"]), &self.returns(imports), ";")?;
        let live = ["onStdout: TextHandler", "onStderr: TextHandler", "options?: CallOptions"];
        signature(out, &name, &with(&live), "void", ";")?;
        let any = ["onStdout?: TextHandler | CallOptions", "onStderr?: TextHandler", "options?: CallOptions"];
        signature(out, &name, &with(&any), "unknown", " {")?;
        let args: Vec<_> = given.iter().map(|parameter| parameter.name.as_str()).collect();
        let args = if args.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", args.join(", ")) };
        let id = &self.op.id;
        writeln!(out, "    if (typeof onStdout !== 'function') {{")?;
        writeln!(out, "      return this.invoke('{id}', {args}, onStdout);\n    }}")?;
        writeln!(out, "    return this.forward('{stream}', {args}, onStdout, onStderr, options);\n  }}")?;
        Ok(())
    }

    /// Writes a method that is the same as another.
    pub fn forward(&self, out: &mut String, name: &str, link: &str, target: &str, imports: &mut Imports) -> Result<()> {
        let names: Vec<_> = self.parameters.iter().map(|parameter| parameter.name.as_str()).collect();
        out.push('\n');
        out.push_str(&comment(&format!("The same as {{@link {link}}}."), 2));
        signature(out, &format!("  {name}"), &self.implementation(), &self.returns(imports), " {")?;
        writeln!(out, "    return {target}({});\n  }}", names.join(", "))?;
        Ok(())
    }

    /// Signatures besides that of the implementation, which TypeScript then does not show.
    fn overloads(&self) -> Vec<Vec<String>> {
        let Some(first) = self.first_option().filter(|first| first + 1 < self.parameters.len()) else {
            return Vec::new();
        };
        let all: Vec<_> = self.parameters.iter().map(Parameter::declaration).collect();
        let mut with_options = all[..first].to_vec();
        with_options.push(format!("options?: {}", self.options));
        vec![with_options, all]
    }

    fn implementation(&self) -> Vec<String> {
        let first = self.first_option();
        let declaration = |(i, parameter): (usize, &Parameter)| {
            if Some(i) == first {
                format!("{}?: {} | ({})", parameter.name, parameter.ty, self.options)
            } else {
                parameter.declaration()
            }
        };
        self.parameters.iter().enumerate().map(declaration).collect()
    }

    fn documentation(&self, more_parameters: &[&str]) -> String {
        let mut text = self.words.text(&self.op.doc);
        let mut tags = Vec::new();
        let first = self.first_option();
        for (i, Parameter { name, doc, .. }) in self.parameters.iter().enumerate() {
            let more = if Some(i) == first { " Or all options." } else { "" };
            if !doc.is_empty() {
                tags.push(wrapped(&format!("@param {name} - {doc}{more}")));
            }
        }
        tags.extend(more_parameters.iter().map(|text| (*text).to_owned()));
        if !self.op.result.is_empty() && self.op.updates != Some(Update::Receiver) {
            tags.push(wrapped(&format!("@returns {}", self.words.text(&self.op.result))));
        }
        if !self.op.errors.is_empty() {
            tags.push(wrapped(&format!("@throws {}", self.words.errors(&self.op.errors))));
        }
        if let Some(code) = self.op.examples.get("typescript") {
            tags.push(format!("@example\n{code}"));
        }
        if !tags.is_empty() {
            let _ = write!(text, "\n\n{}", tags.join("\n"));
        }
        text
    }

    fn returns(&self, imports: &mut Imports) -> String {
        if self.op.updates == Some(Update::Receiver) {
            return "void".to_owned();
        }
        if let Some(outcome) = self.outcome {
            return outcome.returns.to_owned();
        }
        struct_names(&self.op.returns, &mut imports.models);
        match &self.op.returns {
            Type::Bytes => "Buffer".to_owned(),
            other => ts_type(other),
        }
    }

    /// The statements, and how the options get there.
    fn body(&self, imports: &mut Imports) -> Result<String> {
        let Self { op, parameters, .. } = self;
        let mut args = Vec::new();
        if let Some(supplied) = &op.supplied {
            args.push(match op.receiver {
                Receiver::Sandbox => format!("{}: this.id", camel(supplied)),
                _ => format!("{}: this.toJSON()", camel(supplied)),
            });
        }
        args.extend(parameters.iter().filter_map(|parameter| match &parameter.role {
            Role::Argument(value) if !value.is_empty() => Some(value.clone()),
            _ => None,
        }));
        let args = if args.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", args.join(", ")) };

        let named: Vec<_> = parameters.iter().filter(|p| p.role == Role::Option).map(|p| p.name.as_str()).collect();
        let rest = parameters.iter().find(|p| matches!(p.role, Role::Timeout | Role::Options));
        let record = parameters.iter().find(|p| p.role == Role::Record);
        let options = match (named.as_slice(), rest, record) {
            ([], Some(rest), Some(record)) => format!("{{ ...{}, ...{} }}", record.name, rest.name),
            ([], Some(rest), None) if rest.role == Role::Options => rest.name.clone(),
            ([], Some(rest), None) => format!("withTimeout({})", rest.name),
            (named, rest, None) => {
                let rest = rest.map_or("undefined", |rest| rest.name.as_str());
                format!("withTimeout({rest}, {{ {} }})", named.join(", "))
            }
            _ => bail!("{}: its form is not understood", op.id),
        };
        let converted = options.starts_with("withTimeout");
        if converted {
            imports.others.insert(("../timeout.js".to_owned(), "withTimeout".to_owned()));
        }
        // What is thrown while arguments are converted must be a rejection, too.
        let throws =
            converted || parameters.iter().any(|p| matches!(&p.role, Role::Argument(value) if value.contains('(')));
        // On one line, or with as much before it as it takes.
        let args_first = [format!("const args = {args};")];
        let given_first = [format!("const given = {options};")];
        let both = [args_first[0].clone(), given_first[0].clone()];
        let steps = if converted { &given_first } else { &args_first };
        let layouts: [(&[String], &str, &str); 3] = [
            (&[], &args, &options),
            (steps, if converted { &args } else { "args" }, if converted { "given" } else { &options }),
            (&both, "args", "given"),
        ];
        for (before, args, options) in layouts {
            let statements = self.statements(&self.call(args, options, imports), throws);
            let lines: Vec<_> = before.iter().chain(&statements).collect();
            if lines.iter().all(|line| line.len() + 4 <= WIDTH) {
                return Ok(lines.iter().map(|line| format!("    {line}\n")).collect());
            }
        }
        bail!("{}: its body does not fit on a line", op.id)
    }

    fn call(&self, args: &str, options: &str, imports: &mut Imports) -> String {
        let id = &self.op.id;
        if self.op.updates == Some(Update::Receiver) {
            return format!("this.update('{id}', {args}, {options})");
        }
        if let Some(outcome) = self.outcome {
            return format!("this.{}('{id}', {args}, {options})", outcome.run);
        }
        match &self.op.returns {
            Type::Stream { name } => {
                let file = format!("../{}.js", crate::names::snake(name).replace('_', "-"));
                imports.others.insert((file, name.clone()));
                format!("this.open('{id}', {args}, {options}, {name})")
            }
            Type::Bytes => format!("this.invokeForBytes('{id}', {args}, {options})"),
            returns => match bytes_fields(self.schema, returns).as_slice() {
                [] => format!("this.invoke('{id}', {args}, {options})"),
                fields => {
                    let fields: Vec<_> = fields.iter().map(|f| format!("'{f}'")).collect();
                    format!("this.invoke('{id}', {args}, {options}, [{}])", fields.join(", "))
                }
            },
        }
    }

    fn statements(&self, call: &str, throws: bool) -> Vec<String> {
        let typed = call.replacen("invoke(", &format!("invoke<{}>(", ts_type(&self.op.returns)), 1);
        match &self.op.updates {
            Some(Update::FieldFromResult { field }) => vec![
                format!("const result = await {typed};"),
                format!("this.set('{}', result);", camel(field)),
                "return result;".to_owned(),
            ],
            Some(Update::FieldFromParam { field, param }) => {
                vec![format!("await {call};"), format!("this.set('{}', {});", camel(field), camel(param))]
            }
            _ if throws => vec![format!("return await {call};")],
            _ => vec![format!("return {call};")],
        }
    }
}

impl Parameter {
    fn declaration(&self) -> String {
        format!("{}{}: {}", self.name, if self.optional { "?" } else { "" }, self.ty)
    }
}

fn signature(out: &mut String, name: &str, parameters: &[String], returns: &str, end: &str) -> Result<()> {
    let line = format!("{name}({}): Promise<{returns}>{end}", parameters.join(", "));
    if line.len() <= WIDTH {
        writeln!(out, "{line}")?;
        return Ok(());
    }
    writeln!(out, "{name}(")?;
    for parameter in parameters {
        writeln!(out, "    {parameter},")?;
    }
    writeln!(out, "  ): Promise<{returns}>{end}")?;
    Ok(())
}

/// The structs that a type is made of.
fn struct_names(ty: &Type, names: &mut BTreeSet<String>) {
    match ty {
        Type::List { of } | Type::Map { of } => struct_names(of, names),
        Type::Struct { name } => {
            names.insert(struct_name(name));
        }
        _ => {}
    }
}

/// The fields of the result that hold bytes. They are found by name, at any depth.
fn bytes_fields(schema: &Schema, ty: &Type) -> Vec<String> {
    match ty {
        Type::List { of } | Type::Map { of } => bytes_fields(schema, of),
        Type::Struct { name } => {
            let fields = schema.structure(name).map(|item| item.fields.as_slice()).unwrap_or_default();
            let bytes = fields.iter().filter(|f| f.ty == Type::Bytes).map(|f| f.wire.clone());
            let inner = fields.iter().filter(|f| f.ty != *ty).flat_map(|f| match &f.ty {
                // Only what a struct holds itself or in a list of other structs; recursion ends at its own type.
                Type::List { of } if matches!(&**of, Type::Struct { name: inner } if inner == name) => Vec::new(),
                ty => bytes_fields(schema, ty),
            });
            bytes.clone().chain(inner).collect()
        }
        _ => Vec::new(),
    }
}
