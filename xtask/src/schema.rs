//! The schema: everything the languages need to know, read from the core's sources.
//!
//! `core/src/model` gives the types, `core/src/ops` the operations, `core/src/protocols` the streams and `core/src/error.rs`
//! the error kinds. The model is kept to what every language can express; anything else is refused, with its place.

mod attributes;
mod builder;
mod documentation;
mod read;
mod shape;
mod streams;
mod tagged;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use anyhow::{Result, anyhow};
use serde::Serialize;

use crate::deviations::Deviations;

/// The whole schema.
#[derive(Serialize)]
pub struct Schema {
    pub errors: Vec<ErrorKind>,
    pub enums: Vec<Enum>,
    pub structs: Vec<Struct>,
    pub streams: Vec<Stream>,
    pub services: Vec<Service>,
    /// How to put an image together.
    pub image: Builder,
    /// Structs that some languages have for a part of a struct of options, which callers there give in one piece.
    #[serde(skip)]
    pub parts: Vec<Struct>,
    /// How to make a client.
    pub config: Struct,
    /// What an error tells besides its kind.
    pub error: Struct,
}

/// An error kind; the classes of every language follow it.
#[derive(Serialize)]
pub struct ErrorKind {
    pub name: String,
    pub parent: Option<String>,
    /// The HTTP statuses that stand for it, as ranges.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub statuses: Vec<(u16, u16)>,
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
    /// Where the core has an enum with data: its variants. The first field is the tag, and every other is there only in some of
    /// them, so all of those are optional. A language may offer the variants as types of their own.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub variants: Vec<Variant>,
}

/// A variant of an enum with data.
#[derive(Serialize)]
pub struct Variant {
    /// Value of the tag on the wire.
    pub wire: String,
    /// Its fields, by their names in the core.
    pub fields: Vec<String>,
    pub doc: String,
}

/// A field of a struct or a parameter of an operation.
#[derive(Serialize, Clone)]
pub struct Field {
    /// In the core, snake_case.
    pub name: String,
    /// In JSON.
    pub wire: String,
    #[serde(rename = "type")]
    pub ty: Type,
    /// Whether it may be missing.
    pub optional: bool,
    /// Whether its value is hidden wherever the struct is shown: `Debug`, `repr`, `inspect`, logs. The mark in the core is
    /// `#[debug("[secret]")]`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub secret: bool,
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
    /// One of [`Schema::streams`].
    Stream {
        name: String,
    },
}

/// A stream that an operation opens.
#[derive(Serialize)]
pub struct Stream {
    pub name: String,
    pub doc: String,
    /// The kinds of items that flow out of it. Without any, nothing is read from it.
    pub items: Vec<StreamItem>,
    /// Fields of the JSON that is known once it is open.
    pub info: Vec<Field>,
    /// JSON at its end.
    pub end: Type,
    /// Result of reading it to its end, where that is a struct of its own.
    pub collected: Option<Type>,
    /// Whether bytes are written to it.
    pub writes: bool,
}

/// A kind of item of a stream.
#[derive(Serialize)]
pub struct StreamItem {
    /// `stdout`, `stderr`, `error`, `progress`; empty where all items are bytes without frames.
    pub name: String,
    /// The tag of its frames; 0 where there are none.
    pub tag: u8,
    /// Bytes, text or a struct as JSON.
    #[serde(rename = "type")]
    pub ty: Type,
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
    /// The result in words: the `# Returns` part of the documentation, or else what the documentation of its type says.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub result: String,
    /// The `# Errors` part of the documentation.
    pub errors: String,
    /// Public class that offers it.
    pub receiver: Receiver,
    /// Name of the parameter that the receiver fills in with what it is, if there is one: `id_or_name` or `process`.
    pub supplied: Option<String>,
    /// The receiver's own fields that it changes.
    pub updates: Option<Update>,
    /// Positional parameters.
    pub params: Vec<Param>,
    /// The struct of optional parameters, if there is one. In JSON it is the object `options`.
    pub options: Option<String>,
    /// The fields of that struct, as this operation documents them.
    #[serde(skip)]
    pub option_fields: Vec<Field>,
    pub returns: Type,
    /// File and region of its example below `examples/<language>`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub example: Option<String>,
    /// The example's code by language: `go`, `python`, `python_async`, `ruby`, `typescript`.
    #[serde(skip)]
    pub examples: BTreeMap<&'static str, String>,
}

/// The public class that offers an operation.
#[derive(Serialize, Clone, Copy, PartialEq, Debug)]
#[serde(rename_all = "snake_case")]
pub enum Receiver {
    /// The client.
    Daytona,
    /// A sandbox, whose id it supplies.
    Sandbox,
    /// The snapshots of a client.
    Snapshot,
    /// The volumes of a client.
    Volume,
    /// The secrets of a client.
    Secret,
    /// The commands of a sandbox.
    Process,
    /// The files of a sandbox.
    Fs,
    /// The Git repositories of a sandbox.
    Git,
    /// The code interpreter of a sandbox.
    CodeInterpreter,
    /// A language server, whose language and project it supplies.
    LspServer,
    /// What a sandbox does on the network.
    Network,
    /// The desktop of a sandbox.
    ComputerUse,
    /// The mouse of a desktop.
    Mouse,
    /// The keyboard of a desktop.
    Keyboard,
    /// Pictures of a desktop.
    Screenshot,
    /// The displays and windows of a desktop.
    Display,
    /// Recordings of a desktop.
    Recording,
    /// What the programs on a desktop show.
    Accessibility,
    /// A process started with `spawn`, whose description it supplies.
    SpawnedProcess,
}

/// Change of the receiver's own fields by an operation.
#[derive(Serialize, PartialEq, Debug)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Update {
    /// The result is the receiver as it is now: all its fields are taken from it.
    Receiver,
    /// The result is the new value of one field.
    FieldFromResult { field: String },
    /// A parameter is the new value of one field, once the operation has succeeded.
    FieldFromParam { field: String, param: String },
}

#[derive(Serialize)]
pub struct Param {
    #[serde(flatten)]
    pub field: Field,
    /// The way the core takes it.
    #[serde(skip)]
    pub passing: Passing,
}

/// A class whose methods, the steps, change the object and return it.
#[derive(Serialize, Default)]
pub struct Builder {
    pub name: String,
    pub doc: String,
    pub steps: Vec<Step>,
    /// File and region of its example below `examples/<language>`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub example: Option<String>,
    /// The example's code by language.
    #[serde(skip)]
    pub examples: BTreeMap<&'static str, String>,
}

/// A step of a builder, or how to start.
#[derive(Serialize)]
pub struct Step {
    /// In the core, snake_case.
    pub name: String,
    pub doc: String,
    /// Whether it makes a new object.
    pub starts: bool,
    /// Whether it can fail.
    pub fails: bool,
    /// The `# Errors` part of the documentation.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub errors: String,
    /// Positional parameters. A list of JSON is one of commands: each a text, or a list of texts.
    pub params: Vec<Param>,
    /// The struct of optional parameters, if there is one: the last argument.
    pub options: Option<String>,
    /// The fields of that struct, as this step documents them.
    #[serde(skip)]
    pub option_fields: Vec<Field>,
}

/// Parameters of steps that are paths: languages take their own kind of paths for them, too.
const PATHS: [&str; 5] = ["context_dir", "local_path", "path", "pyproject_toml", "requirements_txt"];

impl Step {
    /// Whether a parameter is a path.
    pub fn is_path(param: &Field) -> bool {
        PATHS.contains(&param.name.as_str())
    }
}

/// The way the core takes a parameter.
#[derive(Clone, Copy, PartialEq)]
pub enum Passing {
    /// `T`
    Owned,
    /// `&str`
    Borrowed,
    /// `Option<&str>`
    OptionBorrowed,
}

/// Parts of structs: name, struct, fields, documentation.
const PARTS: [(&str, &str, &[&str], &str); 1] =
    [("CodeRunParams", "CodeRunOptions", &["argv", "env"], "Arguments and environment of a program.")];

impl Schema {
    /// The schema as it is checked in, with what languages do differently.
    pub fn to_json(&self, deviations: &Deviations) -> Result<String> {
        let mut value = serde_json::to_value(self)?;
        let hash = self.hash()?;
        let object = value.as_object_mut().ok_or_else(|| anyhow!("the schema is not an object"))?;
        object.insert("hash".to_owned(), hash.into());
        object.insert("deviations".to_owned(), serde_json::to_value(deviations)?);
        Ok(serde_json::to_string_pretty(&value)? + "\n")
    }

    /// Adds the parts of structs.
    pub fn take_parts(&mut self) -> Result<()> {
        for (name, of, fields, doc) in PARTS {
            let item = self.structure(of).ok_or_else(|| anyhow!("{name} is a part of {of}, which there is not"))?;
            let own = fields.iter().map(|name| item.fields.iter().find(|field| field.name == *name).cloned());
            let fields = own.collect::<Option<_>>().ok_or_else(|| anyhow!("{name}: {of} lacks one of its fields"))?;
            self.parts.push(Struct { name: name.to_owned(), doc: doc.to_owned(), fields, variants: vec![] });
        }
        Ok(())
    }

    /// Describes the results of operations that do not do it themselves, by their types.
    fn describe_results(&mut self) {
        let Self { structs, streams, services, .. } = self;
        let docs = |name: &str| {
            let of_struct = structs.iter().find(|item| item.name == name).map(|item| item.doc.as_str());
            of_struct.or_else(|| streams.iter().find(|item| item.name == name).map(|item| item.doc.as_str()))
        };
        for op in services.iter_mut().flat_map(|service| &mut service.ops).filter(|op| op.result.is_empty()) {
            let ty = match &op.returns {
                Type::Stream { name } => {
                    let stream = streams.iter().find(|item| item.name == *name);
                    stream.and_then(|stream| stream.collected.as_ref()).unwrap_or(&op.returns)
                }
                ty => ty,
            };
            if let Type::Struct { name } | Type::Stream { name } = ty {
                let doc = docs(name).unwrap_or_default();
                let end = doc.find(['.', ':', ',', '(']).unwrap_or(doc.len());
                op.result = format!("{}.", doc[..end].trim_end());
            }
        }
    }

    /// The struct of this name.
    pub fn structure(&self, name: &str) -> Option<&Struct> {
        self.structs.iter().find(|item| item.name == name)
    }

    /// All operations, in order.
    pub fn ops(&self) -> impl Iterator<Item = &Op> {
        self.services.iter().flat_map(|service| &service.ops)
    }

    /// The optional parameters of an operation.
    pub fn options<'a>(&self, op: &'a Op) -> &'a [Field] {
        &op.option_fields
    }
}

impl Op {
    /// The parameters that the caller gives: all but the one that the receiver supplies.
    pub fn given(&self) -> impl Iterator<Item = &Field> {
        let fields = self.params.iter().map(|param| &param.field);
        fields.filter(|field| self.supplied.as_ref() != Some(&field.name))
    }
}
