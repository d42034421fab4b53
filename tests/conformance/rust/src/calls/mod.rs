//! Each operation of the schema as a Rust program calls it: nothing but the client's public API.

#[rustfmt::skip]
mod generated;
mod streams;

use bytes::Bytes;
use daytona::model::Blob;
use daytona::{Client, Error, Toolbox};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::case::Reading;
use crate::matching::Outcome;
use crate::references;

/// Why a call has no result.
pub enum Failure {
    /// The client said so.
    Client(Error),
    /// The case is wrong.
    Case(String),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Client(error)
    }
}

type Called = Result<Outcome, Failure>;

/// A call as a case describes it.
pub struct Request {
    pub args: Value,
    pub input: Vec<String>,
    pub pieces: Vec<Bytes>,
    pub detach: bool,
    pub read: Option<Reading>,
}

/// Makes the call. Dropping the future cancels it.
pub async fn call(client: &Client, toolbox: Option<&Toolbox>, op: &str, request: &Request) -> Called {
    let args = Arguments::new(&request.args);
    let (service, name) = op.split_once('.').unwrap_or_default();
    match service {
        "sandbox" => return generated::sandbox(&client.sandboxes(), name, &args, request).await,
        "snapshot" => return generated::snapshot(&client.snapshots(), name, &args, request).await,
        "volume" => return generated::volume(&client.volumes(), name, &args, request).await,
        "secret" => return generated::secret(&client.secrets(), name, &args, request).await,
        _ => {}
    }
    let toolbox = toolbox.ok_or_else(|| Failure::Case(format!("{op} needs a sandbox")))?;
    match service {
        "process" => generated::process(&toolbox.process(), name, &args, request).await,
        "fs" => generated::fs(&toolbox.fs(), name, &args, request).await,
        "git" => generated::git(&toolbox.git(), name, &args, request).await,
        "lsp" => generated::lsp(&toolbox.lsp_servers(), name, &args, request).await,
        "network" => generated::network(&toolbox.network(), name, &args, request).await,
        "computer_use" => generated::computer_use(&toolbox.computer_use(), name, &args, request).await,
        "mouse" => generated::mouse(&toolbox.mouse(), name, &args, request).await,
        "keyboard" => generated::keyboard(&toolbox.keyboard(), name, &args, request).await,
        "screenshot" => generated::screenshot(&toolbox.screenshot(), name, &args, request).await,
        "display" => generated::display(&toolbox.display(), name, &args, request).await,
        "recording" => generated::recording(&toolbox.recording(), name, &args, request).await,
        "accessibility" => generated::accessibility(&toolbox.accessibility(), name, &args, request).await,
        "code_interpreter" => generated::code_interpreter(&toolbox.code_interpreter(), name, &args, request).await,
        _ => Err(unknown(op)),
    }
}

/// The arguments of a call by their names.
struct Arguments {
    json: Value,
    attachments: Vec<Bytes>,
}

impl Arguments {
    fn new(args: &Value) -> Self {
        let mut attachments = Vec::new();
        let json = references::attach(args, &mut attachments);
        Self { json, attachments }
    }

    /// The argument `name`; a missing one is read as null.
    fn get<T: DeserializeOwned>(&self, name: &str) -> Result<T, Failure> {
        let value = self.json.get(name).cloned().unwrap_or_default();
        Blob::attach(self.attachments.clone(), || serde_json::from_value(value)).map_err(|e| match e.to_string() {
            // A Rust program cannot give it. The bridge refuses it in the same words for the others.
            text if text.starts_with("invalid value: ") => Failure::Client(Error::invalid_argument(text)),
            text => Failure::Case(format!("argument {name}: {text}")),
        })
    }

    /// A text argument.
    fn text(&self, name: &str) -> Result<String, Failure> {
        self.get(name)
    }

    /// The optional arguments.
    fn options<T: DeserializeOwned + Default>(&self) -> Result<T, Failure> {
        Ok(self.get::<Option<T>>("options")?.unwrap_or_default())
    }
}

/// A result as cases compare it.
fn value<T: Serialize>(result: T) -> Called {
    let (value, blobs) = Blob::detach(|| serde_json::to_value(result));
    Ok(Outcome { value: value.map_err(|e| Failure::Case(e.to_string()))?, blobs })
}

fn unknown(op: &str) -> Failure {
    Failure::Case(format!("this runner does not know the operation {op}"))
}
