//! The public classes: one documented method per operation, in Ruby's forms.

use anyhow::Result;

use super::deviations::{ATTRIBUTE_ALIASES, ATTRIBUTES};
use super::methods::{Method, of_class};
use super::models::yard;
use super::{Body, WIDTH, header, options};
use crate::parts;
use crate::schema::{Field, Schema, Service};

/// Class, base and documentation. What has no service in the core is documented here.
pub const CLASSES: [(&str, &str, &str); 19] = [
    ("Daytona", "Service", "The client: creates, finds and manages sandboxes."),
    ("Sandbox", "Service", "A sandbox. Its attributes are what the server said last: {refresh} asks again."),
    ("Process", "ToolboxService", ""),
    ("SpawnedProcess", "ToolboxService", "A process started with {Process#spawn}."),
    ("FileSystem", "ToolboxService", ""),
    ("Git", "ToolboxService", ""),
    ("CodeInterpreter", "ToolboxService", ""),
    ("LspServer", "ToolboxService", "A language server of a sandbox, for a language and a project."),
    ("Network", "ToolboxService", ""),
    ("SnapshotService", "Service", "Snapshots: images with resources, which sandboxes are made from."),
    ("VolumeService", "Service", "Volumes: directories that sandboxes share and that outlive them."),
    ("SecretService", "Service", "Secrets: values that sandboxes use without having them."),
    ("ComputerUse", "ToolboxService", ""),
    ("ComputerUse::Mouse", "ToolboxService", ""),
    ("ComputerUse::Keyboard", "ToolboxService", ""),
    ("ComputerUse::Screenshot", "ToolboxService", ""),
    ("ComputerUse::Display", "ToolboxService", ""),
    ("ComputerUse::Recording", "ToolboxService", ""),
    ("ComputerUse::Accessibility", "ToolboxService", ""),
];

/// The documentation of a class.
pub fn documentation(schema: &Schema, class: &str, doc: &str) -> String {
    let own = class.rsplit("::").next().unwrap_or(class);
    let doc = schema.services.iter().find(|s| s.name.trim_end_matches("Service") == own).map_or(doc, |s| &s.doc);
    format!("{doc} Required arguments may be given by position or by keyword.")
}

/// The attributes that a class takes from a struct.
pub fn attributes<'a>(schema: &'a Schema, class: &str) -> impl Iterator<Item = &'a Field> {
    let (model, only) = ATTRIBUTES
        .iter()
        .find(|(name, ..)| *name == class)
        .map_or((None, &[] as &[_]), |(_, model, only)| (Some(*model), *only));
    options(schema, model).iter().filter(move |f| only.is_empty() || only.contains(&f.name.as_str()))
}

/// Other names of the attributes of a struct: the other one first.
pub fn attribute_aliases(model: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    ATTRIBUTE_ALIASES.iter().filter(move |(owner, ..)| *owner == model).map(|(_, other, name)| (*other, *name))
}

/// The source of one class.
pub fn class(schema: &Schema, name: &str, base: &str, doc: &str) -> Result<String> {
    let (nesting, own) = match name.split_once("::") {
        Some((outer, own)) => (vec!["module Daytona".to_owned(), format!("class {outer} < {base}")], own),
        None => (vec!["module Daytona".to_owned()], name),
    };
    let nesting: Vec<&str> = nesting.iter().map(String::as_str).collect();
    let mut body = Body::new(&header("core/src/ops"), &nesting);
    body.comment(&documentation(schema, name, doc));
    body.open(&format!("class {own} < {base}"));
    let mut first = true;
    if name == "ComputerUse" {
        parts(&mut body, &parts::of_desktop(schema)?);
        first = false;
    }
    for field in attributes(schema, name) {
        separate(&mut body, &mut first);
        body.tagged(&format!("@return [{}] {}", yard(&field.ty, field.optional), field.doc), "  ");
        body.open(&format!("def {}", field.name));
        body.line(&format!("@info.{}", field.name));
        body.close();
        let model = ATTRIBUTES.iter().find(|(class, ..)| *class == name).map_or("", |(_, model, _)| model);
        for (other, _) in attribute_aliases(model).filter(|(_, original)| *original == field.name) {
            body.line(&format!("alias {other} {}", field.name));
        }
    }
    let (public, private): (Vec<_>, Vec<_>) =
        of_class(schema, name)?.into_iter().partition(|method| !method.form.private);
    for one in &public {
        separate(&mut body, &mut first);
        method(&mut body, one);
    }
    if !private.is_empty() {
        body.blank();
        body.line("private");
    }
    for one in &private {
        body.blank();
        method(&mut body, one);
    }
    Ok(body.finish())
}

/// The services that a service has as attributes.
fn parts(body: &mut Body, parts: &[&Service]) {
    for part in parts {
        body.tagged(&format!("@return [{}] {}", own(part), part.doc), "  ");
        body.line(&format!("attr_reader :{}", part.id));
        body.blank();
    }
    body.comment("@param connection [Connection]");
    body.comment("@param sandbox [Sandbox]");
    body.comment("@api private");
    body.open("def initialize(connection, sandbox)");
    body.line("super");
    for part in parts {
        body.line(&format!("@{} = {}.new(connection, sandbox)", part.id, own(part)));
    }
    body.close();
}

fn own(part: &Service) -> &str {
    part.name.trim_end_matches("Service")
}

fn separate(body: &mut Body, first: &mut bool) {
    if !std::mem::take(first) {
        body.blank();
    }
}

fn method(body: &mut Body, method: &Method<'_>) {
    comment(body, method);
    let mut arguments: Vec<_> = method.arguments.iter().map(super::methods::Argument::declared).collect();
    if method.takes_block() {
        arguments.push("&block".to_owned());
    }
    let form = if method.both_forms() { "both_forms " } else { "" };
    if arguments.is_empty() {
        body.open(&format!("def {}", method.name));
    } else {
        body.list(&format!("{form}def {}(", method.name), &arguments, ")");
        body.depth += 1;
    }
    for line in method.form.before {
        if line.is_empty() { body.blank() } else { body.line(line) }
    }
    if method.form.instead.is_empty() {
        call(body, method);
    }
    match &method.result {
        Some(result) => result.split('\n').for_each(|line| statement(body, line)),
        None => {
            let args = if method.blobs { "args, blobs" } else { "args" };
            let timeout = if method.form.plain { "" } else { ", request_timeout: request_timeout" };
            body.line(&format!("invoke('{}', {args}{timeout})", method.op.id));
            body.line("nil");
        }
    }
    body.close();
    for alias in &method.aliases {
        if method.both_forms() {
            body.line(&format!("alias_both_forms :{alias}, :{}", method.name));
        } else {
            body.line(&format!("alias {alias} {}", method.name));
        }
    }
}

/// The result; where it is too long for a line, with a variable for the call in it.
fn statement(body: &mut Body, line: &str) {
    if body.fits(line) {
        return body.line(line);
    }
    let (start, name) = match (line.find("open_stream("), line.find("invoke(")) {
        (Some(start), _) => (start, "stream"),
        (None, Some(start)) => (start, "reply"),
        (None, None) => return body.line(line),
    };
    let end = start + line[start..].find(')').map_or(0, |end| end + 1);
    // What is made in a block must be made there.
    if line[..start].contains("{ ") {
        let (open, rest) = line.split_once("{ ").unwrap_or((line, ""));
        body.open(&format!("{open}do"));
        body.line(rest.trim_end_matches(" }"));
        body.close();
        return;
    }
    body.line(&format!("{name} = {}", &line[start..end]));
    body.line(&format!("{}{name}{}", &line[..start], &line[end..]));
}

fn call(body: &mut Body, method: &Method<'_>) {
    if method.blobs {
        body.line("blobs = []");
    }
    let mut entries = method.entries.clone();
    if !method.options.is_empty() {
        // The arguments of a method are one step further in than its statements.
        entries.push(nested("options", &method.options, body.depth + 1));
    }
    if entries.is_empty() {
        body.line("args = {}");
    } else {
        body.list("args = { ", &entries, " }");
    }
}

/// A hash in the hash of arguments, without what is nil. It is `depth` steps in.
pub fn nested(name: &str, inner: &[String], depth: usize) -> String {
    let line = format!("'{name}' => {{ {} }}.compact", inner.join(", "));
    // A comma may follow.
    if line.chars().count() + depth * 2 < WIDTH {
        return line;
    }
    let indent = "  ".repeat(depth);
    format!("'{name}' => {{\n{indent}  {}\n{indent}}}.compact", inner.join(&format!(",\n{indent}  ")))
}

fn comment(body: &mut Body, method: &Method<'_>) {
    body.comment(&method.doc);
    body.line("#");
    // Of several methods of an operation, the one that the example calls.
    let example = method.op.examples.get("ruby").filter(|code| code.contains(&format!(".{}", method.name)));
    if let Some(code) = example {
        body.line("# @example");
        code.lines().for_each(|line| body.line(format!("#   {line}").trim_end()));
        body.line("#");
    }
    // Another name of a parameter is told where the parameter is.
    for argument in method.arguments.iter().filter(|a| !a.doc.is_empty() || !other_name(method, &a.name)) {
        let text = format!("@param {} [{}] {}", argument.name, argument.yard, argument.doc);
        body.tagged(text.trim_end(), "  ");
    }
    if let Some((name, class, doc)) = method.block {
        body.tagged(&format!("@yieldparam {name} [{class}] {doc}"), "  ");
    }
    body.tagged(format!("@return [{}] {}", method.returns.yard, method.returns.doc).trim_end(), "  ");
    for (class, text) in &method.raises {
        body.tagged(format!("@raise [Sdk::{class}] {text}").trim_end(), "  ");
    }
    if method.form.private {
        body.line("# @api private");
    }
}

/// Whether it is only another name of a parameter.
fn other_name(method: &Method<'_>, name: &str) -> bool {
    method.arguments.iter().any(|a| a.doc.contains(&format!("`{name}:`")))
}
