//! The `generated` layer of the gem: models, enums, error classes, the public classes, and their RBS signatures.
//!
//! Formatter-clean and documented with YARD tags. Where Ruby differs from the schema is in the table `deviations`; what
//! is idiomatic beyond that (blocks, streams) is in the hand-written halves of the classes.

mod builder;
mod charts;
mod classes;
mod create;
mod deviations;
mod methods;
mod models;
mod signatures;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use anyhow::Result;

use crate::deviations::language;
use crate::names::snake;
use crate::output::Output;
use crate::schema::{Schema, Struct, Type};

/// Where generated Ruby goes.
const LIB: &str = "ruby/lib/daytona/generated";
/// Where generated signatures go.
const SIG: &str = "ruby/sig/generated";
/// Width of a line.
const WIDTH: usize = 120;
/// Enums that are symbols in Ruby; the others are strings.
const SYMBOLS: [&str; 2] = ["CodeLanguage", "LspLanguageId"];

/// Writes everything.
pub fn generate(schema: &Schema, output: &mut Output) -> Result<()> {
    methods::check(schema)?;
    let used = Used::of(schema);
    output.write(&format!("{LIB}/schema.rb"), schema_file(schema)?)?;
    output.write(&format!("{LIB}/errors.rb"), errors(schema))?;
    output.write(&format!("{LIB}/enums.rb"), enums(schema))?;
    let mut index = header("core/src/model");
    for item in models::all(schema).filter(|s| used.any(&s.name)) {
        let file = snake(struct_name(&item.name));
        output.write(&format!("{LIB}/models/{file}.rb"), models::model(item, &used)?)?;
        writeln!(index, "require_relative 'models/{file}'")?;
    }
    output.write(&format!("{LIB}/models.rb"), index)?;
    let mut index = header("core/src/ops");
    for (name, base, doc) in classes::CLASSES {
        let file = snake(&name.replace("::", ""));
        output.write(&format!("{LIB}/classes/{file}.rb"), classes::class(schema, name, base, doc)?)?;
        writeln!(index, "require_relative 'classes/{file}'")?;
    }
    output.write(&format!("{LIB}/classes.rb"), index)?;
    output.write(&format!("{LIB}/classes/image.rb"), builder::class(schema)?)?;
    output.write(&format!("{SIG}/image.rbs"), builder::signature(schema)?)?;
    output.write(&format!("{LIB}/create_params.rb"), create::classes(schema)?)?;
    output.write(&format!("{LIB}/charts.rb"), charts::classes(schema)?)?;
    output.write(&format!("{SIG}/charts.rbs"), charts::signatures(schema)?)?;
    output.write(&format!("{SIG}/schema.rbs"), signatures::schema())?;
    output.write(&format!("{SIG}/errors.rbs"), signatures::errors(schema))?;
    output.write(&format!("{SIG}/enums.rbs"), signatures::enums(schema))?;
    output.write(&format!("{SIG}/models.rbs"), signatures::models(schema, &used))?;
    output.write(&format!("{SIG}/classes.rbs"), signatures::classes(schema)?)
}

/// Which structs cross the boundary, and in which direction. Structs of options become keyword arguments.
struct Used {
    sent: BTreeSet<String>,
    received: BTreeSet<String>,
}

impl Used {
    fn of(schema: &Schema) -> Self {
        let mut used = Self { sent: BTreeSet::new(), received: BTreeSet::new() };
        for op in schema.services.iter().flat_map(|s| &s.ops) {
            for param in &op.params {
                reach(schema, &param.field.ty, &mut used.sent);
            }
            for field in options(schema, op.options.as_deref()) {
                reach(schema, &field.ty, &mut used.sent);
            }
            reach(schema, &op.returns, &mut used.received);
        }
        // Results of streams and of steps of images, read by the hand-written classes.
        for name in
            ["Context", "PtyResult", "ExecutionError", "ExecutionResult", "DirectoryProgress", "DirectoryResult"]
        {
            reach(schema, &Type::Struct { name: name.to_owned() }, &mut used.received);
        }
        // Made by callers, for parameters that are spelled out on the wire.
        used.sent.insert("PtySize".to_owned());
        used.sent.insert("ScreenshotOptions".to_owned());
        used.sent.insert(schema.config.name.clone());
        used.sent.extend(schema.parts.iter().map(|part| part.name.clone()));
        used
    }

    fn any(&self, name: &str) -> bool {
        self.sent.contains(name) || self.received.contains(name)
    }
}

fn reach(schema: &Schema, ty: &Type, found: &mut BTreeSet<String>) {
    match ty {
        Type::List { of } | Type::Map { of } => reach(schema, of, found),
        Type::Struct { name } if found.insert(name.clone()) => {
            for field in schema.structs.iter().filter(|s| &s.name == name).flat_map(|s| &s.fields) {
                reach(schema, &field.ty, found);
            }
        }
        _ => {}
    }
}

/// The fields of a struct of options.
fn options<'a>(schema: &'a Schema, name: Option<&str>) -> &'a [crate::schema::Field] {
    let found = schema.structs.iter().find(|s: &&Struct| Some(s.name.as_str()) == name);
    found.map_or(&[], |s| &s.fields)
}

fn schema_file(schema: &Schema) -> Result<String> {
    Ok(format!(
        "{}module Daytona\n  # Identifies the schema this package was generated from; the native library must have the same.\n  \
         SCHEMA_HASH = '{}'\nend\n",
        header("core/src"),
        schema.hash()?
    ))
}

fn errors(schema: &Schema) -> String {
    let mut body = Body::new(&header("core/src/error.rs"), &["module Daytona", "module Sdk"]);
    body.comment("The attributes of an error.");
    body.open("class Error < StandardError");
    for field in schema.error.fields.iter().filter(|field| field.name != "message") {
        body.tagged(&format!("@return [{}] {}", yard_of_error(field), field.doc), "  ");
        let name = field_name("ErrorInfo", &field.name);
        body.line(&format!("attr_reader :{name}"));
        if field.ty == Type::Bool {
            body.line(&format!("alias {name}? {name}"));
        }
        body.blank();
    }
    body.line("private");
    body.blank();
    body.open("def assign(info)");
    for field in schema.error.fields.iter().filter(|field| field.name != "message") {
        let value = match field.ty {
            Type::Map { .. } => format!("Headers.new(info['{}'])", field.wire),
            Type::Bool => format!("info['{}'] || false", field.wire),
            Type::List { ref of } if matches!(&**of, Type::Struct { .. }) => match &**of {
                Type::Struct { name } => {
                    format!("(info['{}'] || []).map {{ |item| {name}.from_wire(item) }}", field.wire)
                }
                _ => unreachable!("the guard says so"),
            },
            _ => format!("info['{}']", field.wire),
        };
        body.line(&format!("@{} = {value}", field_name("ErrorInfo", &field.name)));
    }
    body.close();
    body.close();
    body.blank();
    // A class must come after its parent.
    let mut done: BTreeSet<&str> = BTreeSet::from(["Unknown"]);
    let mut waiting: Vec<_> = schema.errors.iter().filter(|k| k.name != "Unknown").collect();
    while !waiting.is_empty() {
        let (ready, later): (Vec<_>, Vec<_>) =
            waiting.into_iter().partition(|k| k.parent.as_deref().is_none_or(|p| done.contains(p)));
        for kind in ready {
            body.comment(&kind.doc);
            body.line(&format!("class {} < {}; end", error_class(&kind.name), parent_class(kind.parent.as_deref())));
            body.blank();
            done.insert(&kind.name);
        }
        waiting = later;
    }
    body.comment("The class of each kind of error; kinds without an entry are plain {Error}s.");
    body.line("BY_KIND = {");
    let kinds: Vec<_> = schema.errors.iter().filter(|k| k.name != "Unknown").collect();
    for (i, kind) in kinds.iter().enumerate() {
        let comma = if i + 1 < kinds.len() { "," } else { "" };
        body.line(&format!("  '{}' => {}{comma}", kind.name, error_class(&kind.name)));
    }
    body.line("}.freeze");
    body.finish()
}

fn yard_of_error(field: &crate::schema::Field) -> String {
    match field.ty {
        Type::Map { .. } => "Headers".to_owned(),
        _ => models::yard(&field.ty, field.optional),
    }
}

fn enums(schema: &Schema) -> String {
    let mut body = Body::new(&header("core/src/model"), &["module Daytona"]);
    for (i, item) in schema.enums.iter().enumerate() {
        if i > 0 {
            body.blank();
        }
        body.comment(&format!("{} A value this version does not know is kept as it is.", item.doc));
        body.open(&format!("module {}", item.name));
        for value in &item.values {
            body.comment(&value.doc);
            body.line(&format!("{} = {}", constant(item, &value.name), literal(&item.name, &value.wire)));
            body.blank();
        }
        body.comment("All known values.");
        let names: Vec<_> = item.values.iter().map(|v| constant(item, &v.name)).collect();
        body.list("ALL = [", &names, "].freeze");
        body.close();
    }
    body.finish()
}

fn literal(name: &str, wire: &str) -> String {
    if SYMBOLS.contains(&name) { format!(":{wire}") } else { format!("'{wire}'") }
}

/// `UnknownChart` of `ChartType` -> `UNKNOWN`: the variants that only avoid a clash in Rust lose their suffix.
fn constant(item: &crate::schema::Enum, value: &str) -> String {
    if value.starts_with("Unknown") {
        return "UNKNOWN".to_owned();
    }
    if SYMBOLS.contains(&item.name.as_str()) {
        return value.to_uppercase();
    }
    snake(value).to_uppercase()
}

/// The class of a kind; the kind `Unknown` is the class above all.
fn error_class(kind: &str) -> String {
    if kind == "Unknown" { "Error".to_owned() } else { format!("{kind}Error") }
}

fn parent_class(parent: Option<&str>) -> String {
    parent.map_or_else(|| "Error".to_owned(), error_class)
}

fn struct_name(name: &str) -> &str {
    language("ruby").structure(name).and_then(|item| item.name.as_deref()).unwrap_or(name)
}

fn field_name<'a>(owner: &str, name: &'a str) -> &'a str {
    let ruby = language("ruby");
    ruby.field(owner, name).or_else(|| ruby.param(owner, name)).unwrap_or(name)
}

fn header(source: &str) -> String {
    format!("# frozen_string_literal: true\n\n# Generated by `cargo xtask codegen` from {source}; do not edit.\n\n")
}

/// Ruby source in the making: indented lines inside nested modules.
struct Body {
    text: String,
    depth: usize,
}

impl Body {
    fn new(header: &str, nesting: &[&str]) -> Self {
        let mut body = Self { text: header.to_owned(), depth: 0 };
        for module in nesting {
            body.open(module);
        }
        body
    }

    fn line(&mut self, line: &str) {
        let _ = writeln!(self.text, "{:indent$}{line}", "", indent = self.depth * 2);
    }

    fn blank(&mut self) {
        self.text.push('\n');
    }

    fn open(&mut self, line: &str) {
        self.line(line);
        self.depth += 1;
    }

    fn close(&mut self) {
        self.depth -= 1;
        self.line("end");
    }

    /// A comment, wrapped; blank lines stay.
    fn comment(&mut self, text: &str) {
        self.tagged(text, "");
    }

    /// A comment whose further lines are indented, as YARD wants it for tags.
    fn tagged(&mut self, text: &str, hang: &str) {
        for (i, paragraph) in text.split("\n\n").enumerate() {
            if i > 0 {
                self.line("#");
            }
            let room = WIDTH - self.depth * 2 - 2;
            let mut line = String::new();
            for word in paragraph.split_whitespace() {
                if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > room {
                    self.line(&format!("# {line}"));
                    line = format!("{hang}{word}");
                    continue;
                }
                if !line.is_empty() {
                    line.push(' ');
                }
                line.push_str(word);
            }
            if !line.is_empty() {
                self.line(&format!("# {line}"));
            }
        }
    }

    fn fits(&self, line: &str) -> bool {
        line.chars().count() + self.depth * 2 <= WIDTH
    }

    /// `open item, item, … close` on one line if it fits, else an item a line.
    fn list(&mut self, open: &str, items: &[String], close: &str) {
        let line = format!("{open}{}{close}", items.join(", "));
        if self.fits(&line) {
            return self.line(&line);
        }
        self.line(open.trim_end());
        self.depth += 1;
        for (i, item) in items.iter().enumerate() {
            let comma = if i + 1 < items.len() { "," } else { "" };
            self.line(&format!("{item}{comma}"));
        }
        self.depth -= 1;
        self.line(close.trim_start());
    }

    fn finish(mut self) -> String {
        while self.depth > 0 {
            self.close();
        }
        self.text
    }
}
