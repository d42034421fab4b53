//! The tools.
//!
//! A tool is an entry of [`TOOLS`] and a function. By default the documented twelve are offered; the rest comes in sets, because
//! models choose worse the longer the list is.

mod code;
mod computer;
mod directories;
mod files;
mod git;
mod processes;
mod programs;
mod sandboxes;
mod sdk;
mod search;

use std::future::Future;
use std::pin::Pin;

use serde_json::{Map, Value, json};

use super::arguments::Arguments;
use super::reply::{Refusal, Reply};
use super::server::Server;

pub use files::{Content, read};

/// The set that is offered by default.
const DEFAULT_SET: &str = "default";
/// The tool that finds sandboxes.
const LIST_SANDBOXES: &str = "list_sandboxes";
/// The set of what works on this machine's files, which is offered only where some are shared.
const DIRECTORIES_SET: &str = "directories";
/// All sets at once.
const ALL_SETS: &str = "all";

/// What a tool may change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Nothing.
    Reads,
    /// It adds something or changes it in a way that can be undone.
    Writes,
    /// It may remove or overwrite something.
    Destroys,
}

/// A call on its way.
pub type Call<'a> = Pin<Box<dyn Future<Output = Result<Reply, Refusal>> + Send + 'a>>;

/// Tells the client how far a call has come: a number that grows, and the last thing that happened.
pub type Report<'a> = &'a (dyn Fn(f64, String) + Send + Sync);

/// A tool.
pub struct Tool {
    /// Name.
    pub name: &'static str,
    /// Name for people.
    pub title: &'static str,
    /// Set it belongs to.
    pub set: &'static str,
    /// What it may change.
    pub access: Access,
    /// What it does, for the model.
    pub description: &'static str,
    /// Its arguments.
    pub parameters: &'static [Parameter],
    run: for<'a> fn(&'a Server, Arguments, Report<'a>) -> Call<'a>,
}

/// An argument of a tool.
pub struct Parameter {
    name: &'static str,
    kind: Kind,
    is_required: bool,
    description: &'static str,
}

enum Kind {
    Text,
    /// Between these, both included.
    Number(Option<i64>, Option<i64>),
    Flag,
    Texts,
    Object,
    Objects,
    Strings,
    OneOf(&'static [&'static str]),
}

const fn required(name: &'static str, kind: Kind, description: &'static str) -> Parameter {
    Parameter { name, kind, is_required: true, description }
}

const fn optional(name: &'static str, kind: Kind, description: &'static str) -> Parameter {
    Parameter { name, kind, is_required: false, description }
}

/// The sandbox of a call, which most tools take.
const ID: Parameter = optional("id", Kind::Text, "Sandbox id or name");

/// Makes an entry's function of an `async fn`.
macro_rules! run {
    ($function:path) => {
        |server, arguments, report| Box::pin($function(server, arguments, report))
    };
}
use run;

/// Every tool, in the order they are listed.
static TOOLS: &[&[Tool]] = &[
    sandboxes::TOOLS,
    files::TOOLS,
    programs::TOOLS,
    git::TOOLS,
    code::TOOLS,
    search::TOOLS,
    processes::TOOLS,
    directories::TOOLS,
];

fn all() -> impl Iterator<Item = &'static Tool> {
    TOOLS.iter().chain(computer::TOOLS).copied().flatten()
}

/// The tools a server offers.
#[derive(Debug, Clone)]
pub struct Selection {
    names: Vec<&'static str>,
    is_read_only: bool,
}

impl Selection {
    /// The tools of these sets, or with these names; without any, the default ones. Those for directories come with a directory
    /// that is shared.
    ///
    /// # Errors
    /// A sentence, for a name that is neither, and for tools that cannot be offered.
    pub fn new(wanted: &[String], read_only: bool, shares_directory: bool) -> Result<Self, String> {
        let default = [DEFAULT_SET.to_owned()];
        let wanted = if wanted.is_empty() { &default } else { wanted };
        for word in wanted {
            if word != ALL_SETS && !all().any(|tool| tool.set == word || tool.name == word) {
                return Err(format!("there is no tool or set {word:?}; sets: {}", sets().join(", ")));
            }
            let is_named = |tool: &Tool| tool.set == DIRECTORIES_SET && (tool.set == word || tool.name == word);
            if !shares_directory && all().any(is_named) {
                return Err(format!("{word} needs a directory of this machine: --share DIRECTORY"));
            }
        }
        let is_wanted = |tool: &&Tool| {
            wanted.iter().any(|word| word == ALL_SETS || word == tool.set || word == tool.name)
                // What makes no sandbox must find those that exist.
                || (read_only && tool.name == LIST_SANDBOXES)
                || (shares_directory && tool.set == DIRECTORIES_SET)
        };
        let is_allowed = |tool: &&Tool| {
            (!read_only || tool.access == Access::Reads) && (shares_directory || tool.set != DIRECTORIES_SET)
        };
        Ok(Self {
            names: all().filter(is_wanted).filter(is_allowed).map(|tool| tool.name).collect(),
            is_read_only: read_only,
        })
    }

    /// Whether nothing may be changed.
    pub fn is_read_only(&self) -> bool {
        self.is_read_only
    }

    /// The tools themselves.
    pub fn tools(&self) -> impl Iterator<Item = &'static Tool> {
        all().filter(|tool| self.names.contains(&tool.name))
    }
}

/// The names of the sets.
pub fn sets() -> Vec<&'static str> {
    let mut sets = vec![DEFAULT_SET, ALL_SETS];
    for tool in all() {
        if !sets.contains(&tool.set) {
            sets.push(tool.set);
        }
    }
    sets
}

/// Carries out a call.
///
/// # Errors
/// `UnknownTool` for a tool that is not offered.
pub async fn call(
    server: &Server,
    name: &str,
    given: Map<String, Value>,
    report: Report<'_>,
) -> Result<Reply, Refusal> {
    let Some(tool) = server.options.selection.tools().find(|tool| tool.name == name) else {
        return Err(Refusal::UnknownTool(name.to_owned()));
    };
    let _under_way = server.calls.read().await;
    let arguments = Arguments::new(given);
    let id = arguments.optional_name("id").ok().flatten();
    let done = (tool.run)(server, arguments, report).await;
    if let Err(Refusal::Failed(_)) = &done {
        // It may have stopped or gone: the next call looks.
        server.forget(id.as_deref()).await;
    }
    done
}

impl Tool {
    /// The JSON schema of its arguments.
    pub fn schema(&self) -> Map<String, Value> {
        let properties: Map<_, _> =
            self.parameters.iter().map(|parameter| (parameter.name.to_owned(), parameter.schema())).collect();
        let required: Vec<_> = self.parameters.iter().filter(|p| p.is_required).map(|p| p.name).collect();
        let mut schema = Map::new();
        schema.insert("type".to_owned(), json!("object"));
        schema.insert("properties".to_owned(), Value::Object(properties));
        if !required.is_empty() {
            schema.insert("required".to_owned(), json!(required));
        }
        schema
    }
}

impl Parameter {
    fn schema(&self) -> Value {
        let mut schema = match &self.kind {
            Kind::Text => json!({ "type": "string" }),
            Kind::Number(least, most) => {
                let mut schema = json!({ "type": "number" });
                if let Some(least) = least {
                    schema["minimum"] = json!(least);
                }
                if let Some(most) = most {
                    schema["maximum"] = json!(most);
                }
                schema
            }
            Kind::Flag => json!({ "type": "boolean" }),
            Kind::Texts => json!({ "type": "object", "additionalProperties": { "type": "string" } }),
            Kind::Object => json!({ "type": "object" }),
            Kind::Objects => json!({ "type": "array", "items": { "type": "object" } }),
            Kind::Strings => json!({ "type": "array", "items": { "type": "string" } }),
            Kind::OneOf(words) => json!({ "type": "string", "enum": words }),
        };
        if !self.description.is_empty() {
            schema["description"] = json!(self.description);
        }
        schema
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_left_alone_unless_a_directory_is_shared() {
        let offered = |wanted: &str, shared: bool| {
            let wanted: Vec<_> = wanted.split_whitespace().map(str::to_owned).collect();
            let selection = Selection::new(&wanted, false, shared).ok()?;
            Some(selection.tools().any(|tool| tool.set == DIRECTORIES_SET))
        };
        assert_eq!((offered("all", false), offered("", false)), (Some(false), Some(false)));
        assert_eq!((offered("all", true), offered("", true)), (Some(true), Some(true)));
        assert_eq!((offered("directories", false), offered("upload_directory", false)), (None, None));
    }

    #[test]
    fn the_default_tools_are_few_and_short() {
        let selection = Selection::new(&[], false, false).unwrap();
        let listed: Vec<_> =
            selection.tools().map(|tool| json!([tool.name, tool.title, tool.description, tool.schema()])).collect();
        assert!(listed.len() <= 12, "{}", listed.len());
        // A token is at least three bytes of such text.
        let length = json!(listed).to_string().len();
        assert!(length <= 3 * 3000, "{length} bytes");
    }

    #[test]
    fn a_server_that_only_reads_offers_nothing_that_changes_anything() {
        let selection = Selection::new(&["all".to_owned()], true, true).unwrap();
        assert!(selection.tools().all(|tool| tool.access == Access::Reads));
        assert!(!selection.tools().any(|tool| tool.name == "execute_command"));
        assert!(Selection::new(&["nonsense".to_owned()], false, false).is_err());
    }
}
