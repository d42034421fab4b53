//! The public classes: their methods with the core's documentation, from one template for both sides.

use super::HEADER;
use super::imports::Imports;
use super::methods::{CLASSES, Class, Method};
use super::models::{read, write};
use super::parameters::PARAMETERS;
use super::text::{Text, docstring, fill, split, wrap};
use super::{Layout, annotation, with_error_classes};
use crate::deviations;
use crate::schema::{Field, Op, Service, Type};
use anyhow::{Context, Result, bail};

/// Operations as the methods of classes call them, without a public form of their own.
const RAW: &[&str] = &[
    "fs.download_file",
    "fs.download_to_path",
    "fs.open_download",
    "fs.open_upload",
    "fs.upload_file",
    "process.close_stdin",
    "process.get_spawned",
    "process.release_spawned",
    "process.signal_spawned",
    "process.stream_entrypoint_logs",
    "process.stream_output",
    "process.stream_session_command_logs",
    "process.wait_for_log",
    "process.wait_spawned",
    "snapshot.create",
    "snapshot.create_with_logs",
    "process.write_stdin",
];

const REQUEST_TIMEOUT: &str = "Seconds the call may take; 0 = no limit. Default: 60.";

/// One of the two sides, and what is written in it.
struct Side<'a> {
    layout: &'a Layout<'a>,
    asynchronous: bool,
}

/// Fails for an entry of the table that names nothing.
pub fn check(layout: &Layout) -> Result<()> {
    let known = |id: &str| layout.schema.ops().find(|op| op.id == id);
    for method in CLASSES.iter().flat_map(|class| class.methods) {
        let op = known(method.op).with_context(|| format!("there is no operation {:?}", method.op))?;
        let has = |name: &str| {
            op.params.iter().any(|p| p.field.name == name) || layout.options(op).iter().any(|f| f.name == name)
        };
        if let Some((name, _)) = method.arguments.iter().find(|(name, _)| !has(name)) {
            bail!("{} has no parameter {name:?}", op.id);
        }
    }
    if let Some(id) = RAW.iter().find(|id| known(id).is_none()) {
        bail!("there is no operation {id:?}");
    }
    Ok(())
}

/// The module of each class: its name and content.
pub fn files(layout: &Layout, asynchronous: bool) -> Result<Vec<(String, String)>> {
    let side = Side { layout, asynchronous };
    let mut files = Vec::new();
    for class in CLASSES {
        let service = layout.schema.services.iter().find(|s| s.id == class.service).context(class.name)?;
        let mut text = Text::new();
        let mut imports = Imports::default();
        if class.module == "sandbox" {
            side.raw_class(&mut text, &mut imports, service);
        }
        side.class(&mut text, &mut imports, class, service).with_context(|| class.name)?;
        let name = class.module;
        let mut head = Text::new();
        head.line(0, &format!("\"\"\"The methods of `{}`. {HEADER}\"\"\"", service.name));
        if !class.on.is_empty() {
            head.line(0, "# The operations behind them are not public.");
            head.line(0, "# pyright: reportPrivateUsage=false");
        }
        head.lines(0, "\nfrom __future__ import annotations\n");
        imports.write(&mut head, layout, asynchronous, &format!(".{name}"))?;
        files.push((format!("{name}.py"), head.finish() + &text.finish()));
    }
    Ok(files)
}

impl Side<'_> {
    fn name(&self, text: &str) -> String {
        let (prefix, wait) = if self.asynchronous { ("Async", "await ") } else { ("", "") };
        text.replace("{A}", prefix).replace("{await}", wait)
    }

    /// The operations of sandboxes, which the client and sandboxes share.
    fn raw_class(&self, text: &mut Text, imports: &mut Imports, service: &Service) {
        text.lines(0, "\n");
        text.line(0, &self.name(&format!("class {{A}}{}Ops({{A}}Service):", service.name)));
        imports.runtime("{A}Service");
        docstring(text, 1, &wrap(&service.doc, 1));
        text.lines(1, "\n__slots__ = ()");
        for op in &service.ops {
            self.raw(text, imports, op, &op.name);
        }
    }

    fn class(&self, text: &mut Text, imports: &mut Imports, class: &Class, service: &Service) -> Result<()> {
        text.lines(0, "\n");
        let base = if class.base.is_empty() { String::new() } else { format!("({})", class.base) };
        text.line(0, &self.name(&format!("class {{A}}{}{base}:", class.name)));
        imports.runtime(class.base);
        docstring(text, 1, &wrap(if class.doc.is_empty() { &service.doc } else { class.doc }, 1));
        text.line(0, "");
        for line in class.head {
            text.line(1, &self.name(line));
            imports.annotation(line);
        }
        for op in self.layout.schema.services.iter().flat_map(|service| &service.ops) {
            let other = if self.asynchronous { "sync" } else { "async" };
            let mut methods = class.methods.iter().filter(|m| m.op == op.id && m.side != other).peekable();
            let of_service = CLASSES.iter().filter(|c| c.service == service.id);
            let listed = of_service.flat_map(|c| c.methods).any(|m| m.op == op.id) || is_raw(op);
            if methods.peek().is_none()
                && class.on.is_empty()
                && op.id.starts_with(&format!("{}.", service.id))
                && !listed
            {
                self.method(text, imports, class, &Method::plain(), op)?;
            }
            for method in methods {
                self.method(text, imports, class, method, op)?;
            }
        }
        if class.on.is_empty() {
            for op in service.ops.iter().filter(|op| is_raw(op)) {
                self.raw(text, imports, op, &format!("_{}", op.name));
            }
        }
        Ok(())
    }

    fn method(&self, text: &mut Text, imports: &mut Imports, class: &Class, method: &Method, op: &Op) -> Result<()> {
        let options = self.layout.options(op);
        let deviations = deviations::language("python");
        let known = deviations.operation(&op.id).filter(|_| method.name.is_empty());
        let name = match method.name {
            "" => deviations.method(&op.id).unwrap_or(&op.name),
            name => name,
        };
        let aliases =
            method.aliases.iter().copied().chain(known.iter().flat_map(|k| k.aliases.iter().map(String::as_str)));
        let (sync, asynchronous) = method.signature.split_once(';').unwrap_or((method.signature, method.signature));
        let tokens: Vec<String> = match if self.asynchronous { asynchronous } else { sync } {
            "" => self.default_signature(op, class),
            own => own.split_whitespace().map(str::to_owned).collect(),
        };
        let mut parameters = Vec::new();
        let mut docs = Vec::new();
        let mut names = Vec::new();
        for token in &tokens {
            if token == "*" || token == "/" {
                parameters.push(token.clone());
                continue;
            }
            let (name, declared, doc) = self.parameter(op, token)?;
            imports.annotation(&declared);
            parameters.push(format!("{name}{}", self.name(&declared)));
            docs.push((name.clone(), doc));
            names.push(name);
        }
        parameters.insert(0, "self".to_owned());
        let returns = match method.returns {
            "" => annotation(&op.returns),
            own => self.name(own),
        };
        imports.annotation(if method.returns.is_empty() { &returns } else { method.returns });
        let waits = if self.asynchronous { !method.plain } else { method.coroutine };
        let (define, wait) = if waits { ("async def", "await ") } else { ("def", "") };
        for (own, result) in method.overloads {
            imports.runtime("overload");
            imports.annotation(own);
            imports.annotation(result);
            text.lines(1, "\n@overload");
            let mut own: Vec<String> = split(own).into_iter().map(|p| self.name(&p)).collect();
            own.insert(0, "self".to_owned());
            text.list(1, &format!("{define} {name}("), &own, &format!(") -> {}: ...", self.name(result)));
        }
        text.line(0, "");
        text.list(1, &format!("{define} {name}("), &parameters, &format!(") -> {returns}:"));
        docstring(text, 2, &self.doc(method, op, &docs, &returns));
        let argument = |field: &str| -> String {
            let given = class.receiver.iter().chain(method.arguments).rfind(|(name, _)| *name == field);
            match given {
                Some((_, expression)) => (*expression).to_owned(),
                None if names.iter().any(|name| name == field) => field.to_owned(),
                None => "None".to_owned(),
            }
        };
        for line in method.prepare {
            imports.runtime(line);
            text.line(2, &self.name(line));
        }
        let result = if !method.call.is_empty() {
            let (sync, asynchronous) = method.call.split_once(" ; ").unwrap_or((method.call, method.call));
            let call = if self.asynchronous { asynchronous } else { sync };
            imports.runtime(call);
            self.name(&format!("{wait}{call}"))
        } else if !class.on.is_empty() {
            let mut arguments: Vec<String> = op.params.iter().map(|p| argument(&p.field.name)).collect();
            arguments.extend(options.iter().map(|f| argument(&f.name)));
            // Seconds to wait: no limit has two forms.
            for given in &mut arguments {
                imports.runtime(given);
                if given == "timeout" && class.service == "sandbox" {
                    given.push_str(" or 0");
                }
            }
            while arguments.last().is_some_and(|argument| argument == "None") {
                arguments.pop();
            }
            let raw = if class.service == "sandbox" { op.name.clone() } else { format!("_{}", op.name) };
            self.name(&format!("{{await}}{}{raw}({})", class.on, arguments.join(", ")))
        } else {
            let limited = !names.iter().any(|name| name == "request_timeout");
            self.request(text, imports, op, limited, &argument)
        };
        if method.then.is_empty() {
            let give = if returns == "None" { "" } else { "return " };
            if !result.is_empty() {
                text.expression(2, &format!("{give}{result}"));
            }
        }
        for line in method.then {
            imports.runtime(line);
            text.expression(2, &self.name(line).replace("{}", &result));
        }
        for alias in aliases {
            text.line(0, "");
            text.list(1, &format!("{define} {alias}("), &parameters, &format!(") -> {returns}:"));
            docstring(text, 2, &[format!("The same as `{name}`.")]);
            let given: Vec<&str> = names.iter().map(String::as_str).collect();
            let mut keywords = false;
            let mut call = Vec::new();
            for token in &tokens {
                match token.as_str() {
                    "*" => keywords = true,
                    "/" => {}
                    token if keywords => call.push(format!("{token}={token}")),
                    token => call.push(token.to_owned()),
                }
            }
            debug_assert_eq!(given.len(), call.len());
            let give = if returns == "None" { "" } else { "return " };
            text.expression(2, &self.name(&format!("{give}{wait}self.{name}({})", call.join(", "))));
        }
        Ok(())
    }

    /// An operation as the core has it, for methods that do more with it.
    fn raw(&self, text: &mut Text, imports: &mut Imports, op: &Op, name: &str) {
        let options = self.layout.options(op);
        let mut parameters = vec!["self".to_owned()];
        for field in op.params.iter().map(|p| &p.field) {
            let optional = if field.optional { " | None = None" } else { "" };
            let ty = annotation(&field.ty);
            imports.annotation(&ty);
            parameters.push(format!("{}: {ty}{optional}", field.name));
        }
        for field in options {
            let ty = annotation(&field.ty);
            imports.annotation(&ty);
            parameters.push(format!("{}: {ty} | None = None", field.name));
        }
        let returns = match &op.returns {
            Type::Stream { .. } => {
                imports.annotation("{A}StreamHandle");
                self.name("{A}StreamHandle")
            }
            ty => annotation(ty),
        };
        imports.annotation(&returns);
        let define = if self.asynchronous { "async def" } else { "def" };
        text.line(0, "");
        text.list(1, &format!("{define} {name}("), &parameters, &format!(") -> {returns}:"));
        docstring(text, 2, &wrap(op.doc.split("\n\n").next().unwrap_or_default(), 2));
        let result = self.request(text, imports, op, true, &|name| name.to_owned());
        match &op.returns {
            Type::Unit => text.expression(2, &result),
            _ => text.expression(2, &format!("return {result}")),
        }
    }

    /// Writes the request of an operation; the expression of its result.
    fn request(
        &self,
        text: &mut Text,
        imports: &mut Imports,
        op: &Op,
        limited: bool,
        argument: &dyn Fn(&str) -> String,
    ) -> String {
        let options = self.layout.options(op);
        let sends = op.params.iter().any(|p| self.layout.has_bytes(&p.field.ty));
        let receives = self.layout.has_bytes(&op.returns);
        let mut entries: Vec<String> = op
            .params
            .iter()
            .map(|p| {
                let given = argument(&p.field.name);
                let written = write(self.layout, &p.field.ty, &given, &p.field.name);
                format!("\"{}\": {written}", p.field.wire)
            })
            .collect();
        if !options.is_empty() {
            let options: Vec<_> = options
                .iter()
                .map(|f| (f, argument(&f.name)))
                .filter(|(_, given)| given != "None")
                .map(|(f, given)| format!("\"{}\": {given}", f.wire))
                .collect();
            for given in &options {
                imports.runtime(given);
            }
            text.list(2, "optional = {", &options, "}");
            entries.push("\"options\": optional".to_owned());
        }
        if sends {
            text.line(2, "blobs: list[bytes] = []");
        }
        let args = if entries.is_empty() { "{}" } else { "args" };
        for entry in &entries {
            imports.runtime(entry);
        }
        if !entries.is_empty() {
            text.list(2, "args = {", &entries, "}");
        }
        let mut arguments = format!("\"{}\", {args}", op.id);
        let mut call = "_call";
        if sends || receives {
            call = "_call_with_bytes";
            arguments.push_str(if sends { ", blobs" } else { ", []" });
        }
        if !limited {
            arguments.push_str(", request_timeout=request_timeout");
        }
        match &op.returns {
            Type::Stream { .. } => self.name(&format!("{{await}}self._open({arguments})")),
            Type::Unit => self.name(&format!("{{await}}self.{call}({arguments})")),
            ty => {
                let value = read(self.layout, ty, "wire");
                imports.runtime(&value);
                // JSON has no types: what is returned as it came is declared.
                let result = match receives {
                    true => "wire, blobs".to_owned(),
                    false if value == "wire" => format!("wire: {}", annotation(ty)),
                    false => "wire".to_owned(),
                };
                text.line(2, &self.name(&format!("{result} = {{await}}self.{call}({arguments})")));
                value
            }
        }
    }

    /// The parameters of an operation in Python's order.
    fn default_signature(&self, op: &Op, class: &Class) -> Vec<String> {
        let options = self.layout.options(op);
        let params = op.params.iter().map(|p| &p.field.name);
        let given = params.filter(|name| !class.receiver.iter().any(|(known, _)| known == name));
        let mut tokens: Vec<String> = given.cloned().collect();
        tokens.extend(options.iter().map(|f| f.name.clone()));
        // An operation with a time limit of its own needs no other.
        if !options.iter().any(|f| f.name == "timeout") {
            tokens.extend(["*".to_owned(), "request_timeout".to_owned()]);
        }
        tokens
    }

    /// Name, annotation with default, and documentation of a parameter.
    fn parameter(&self, op: &Op, token: &str) -> Result<(String, String, String)> {
        let name = token.rsplit('.').next().unwrap_or(token);
        if name == "request_timeout" {
            return Ok((name.to_owned(), ": float | None = None".to_owned(), REQUEST_TIMEOUT.to_owned()));
        }
        let service = op.id.split('.').next().unwrap_or_default();
        let core = self.core(op, name);
        let mut keys = vec![token.to_owned()];
        if token == name {
            keys = vec![format!("{}.{name}", op.id), format!("{service}.{name}"), name.to_owned()];
            // A plain name is of what only Python has.
            keys.truncate(if core.is_some() { 2 } else { 3 });
        }
        let own = keys.iter().find_map(|key| PARAMETERS.iter().find(|p| p.key == *key));
        let Some(own) = own else {
            let Some((field, optional)) = core else { bail!("{}: there is no parameter {name}", op.id) };
            let ty = annotation(&field.ty);
            let declared = if optional { format!(": {ty} | None = None") } else { format!(": {ty}") };
            return Ok((name.to_owned(), declared, field.doc.clone()));
        };
        let mut declared = format!(": {}", own.annotation);
        if !own.default.is_empty() {
            declared.push_str(&format!(" = {}", own.default));
        }
        let doc = match own.doc {
            "" => core.map(|(field, _)| field.doc.clone()).unwrap_or_default(),
            doc => doc.to_owned(),
        };
        Ok((name.to_owned(), declared, doc))
    }

    /// The core's parameter, option, or field of a parameter; and whether it may be left out.
    fn core<'b>(&'b self, op: &'b Op, name: &str) -> Option<(&'b Field, bool)> {
        let params = op.params.iter().map(|p| &p.field).find(|f| f.name == name).map(|f| (f, f.optional));
        let options = || self.layout.options(op).iter().find(|f| f.name == name).map(|f| (f, true));
        let fields = || {
            op.params.iter().find_map(|p| match &p.field.ty {
                Type::Struct { name: of } => {
                    self.layout.item(of)?.fields.iter().find(|f| f.name == name).map(|f| (f, f.optional))
                }
                _ => None,
            })
        };
        params.or_else(options).or_else(fields)
    }

    fn doc(&self, method: &Method, op: &Op, parameters: &[(String, String)], returns: &str) -> Vec<String> {
        let mut lines = wrap(if method.doc.is_empty() { &op.doc } else { method.doc }, 2);
        let documented: Vec<_> = parameters.iter().filter(|(_, doc)| !doc.is_empty()).collect();
        if !documented.is_empty() {
            lines.extend([String::new(), "Args:".to_owned()]);
        }
        for (name, doc) in documented {
            let entry = format!("{name}: {}", doc.split_whitespace().collect::<Vec<_>>().join(" "));
            lines.extend(fill(&entry, 3, "    ").into_iter().map(|line| format!("    {line}")));
        }
        if !op.result.is_empty() && method.doc.is_empty() && returns != "None" {
            lines.extend([String::new(), "Returns:".to_owned()]);
            let result = op.result.split_whitespace().collect::<Vec<_>>().join(" ");
            lines.extend(fill(&result, 3, "").into_iter().map(|line| format!("    {line}")));
        }
        let errors = if method.errors.is_empty() { &op.errors } else { method.errors };
        let errors = with_error_classes(self.layout.schema, errors);
        lines.extend([String::new(), "Raises:".to_owned()]);
        lines.extend(fill(&errors, 3, "").into_iter().map(|line| format!("    {line}")));
        let example = op.examples.get(if self.asynchronous { "python_async" } else { "python" });
        if let Some(example) = example.filter(|_| method.doc.is_empty()) {
            lines.extend([String::new(), "Example:".to_owned()]);
            lines.extend(example.trim_end().lines().map(|line| match line {
                "" => String::new(),
                line => format!("    {line}"),
            }));
        }
        lines
    }
}

fn is_raw(op: &Op) -> bool {
    RAW.contains(&op.id.as_str())
}
