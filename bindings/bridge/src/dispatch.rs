//! What the generated op table is made of: reading arguments, finding the service, writing results.

use std::time::Duration;

use bytes::Bytes;
use daytona::model::Blob;
use daytona::telemetry::TraceContext;
use daytona::{Client, Error, Result, Toolbox, wording};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::names::{self, Names};
use crate::reader::Source;
use crate::stream::{Stream, Writer};
use crate::{Completion, Payload};

/// The envelope of every operation's parameters.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", bound = "A: DeserializeOwned")]
struct Envelope<A> {
    target: Option<Target>,
    #[serde(default, with = "daytona::model::seconds")]
    request_timeout: Option<Duration>,
    trace: Option<Trace>,
    args: A,
}

/// The span that the caller is in, as it travels.
#[derive(Deserialize)]
struct Trace {
    parent: String,
    #[serde(default)]
    state: Option<String>,
}

/// The sandbox a toolbox operation is for.
#[derive(Deserialize)]
struct Target {
    id: String,
    #[serde(default)]
    url: String,
}

/// An operation's arguments and the client or toolbox it goes to.
pub(crate) struct Parsed<A> {
    pub(crate) client: Client,
    target: Option<Target>,
    pub(crate) args: A,
}

impl<A: DeserializeOwned> Parsed<A> {
    pub(crate) fn read(client: Client, op: &'static str, params: Payload, names: &'static Names) -> Result<Self> {
        let read = Blob::attach(params.blobs, || serde_json::from_slice::<Envelope<A>>(&params.json));
        let Envelope { target, request_timeout, trace, args } =
            read.map_err(|error| unusable(&client, op, &params.json, &error))?;
        refuse_unknown(&client, op, &params.json, names)?;
        let client = match request_timeout {
            Some(timeout) => client.with_request_timeout(timeout),
            None => client,
        };
        let client = match trace.and_then(|t| TraceContext::parse(&t.parent, t.state.as_deref())) {
            Some(parent) => client.with_trace_parent(parent),
            None => client,
        };
        Ok(Self { client, target, args })
    }

    pub(crate) fn toolbox(&self) -> Result<Toolbox> {
        let target = self
            .target
            .as_ref()
            .ok_or_else(|| Error::invalid_argument("The operation needs a sandbox, but no target was given."))?;
        Toolbox::new(&self.client, &target.id, &target.url)
    }
}

/// The error for arguments that cannot be read.
fn unusable(client: &Client, op: &'static str, json: &[u8], error: &serde_json::Error) -> Error {
    let op = client.operation_name(op);
    let why = wording::json(error);
    match argument(&names::place(json, error)).as_str() {
        // The place of a missing argument is where the others are.
        "" | "." | "args" => Error::invalid_argument(format!("The arguments of {op} are not usable: {why}.")),
        argument => Error::invalid_argument(format!("The argument {argument:?} of {op} is not usable: {why}.")),
    }
}

/// Fails for an argument that the operation does not know.
fn refuse_unknown(client: &Client, op: &'static str, json: &[u8], names: &'static Names) -> Result<()> {
    let Some(argument) = names::unknown(json, names).and_then(|path| given(&path, json)) else { return Ok(()) };
    let (argument, op) = (spelled(client, &argument), client.operation_name(op));
    Err(Error::invalid_argument(format!("{op} does not know {argument:?}. Check how it is spelled.")))
}

/// An argument that an operation does not know. Operations without options are given empty ones.
fn given(path: &str, json: &[u8]) -> Option<String> {
    if path != "args.options" {
        return Some(argument(path));
    }
    let request: serde_json::Value = serde_json::from_slice(json).ok()?;
    request["args"]["options"].as_object()?.keys().next().cloned()
}

/// An argument as the caller knows it: options are arguments like the others.
fn argument(path: &str) -> String {
    let argument = path.strip_prefix("args.").unwrap_or(path);
    ["options.", "params.", "query."]
        .iter()
        .find_map(|group| argument.strip_prefix(group))
        .unwrap_or(argument)
        .to_owned()
}

/// The argument in the caller's language. What follows it are keys and numbers of the caller's own.
fn spelled(client: &Client, argument: &str) -> String {
    let end = argument.find(['.', '[']).unwrap_or(argument.len());
    format!("{}{}", client.spelled(&argument[..end]), &argument[end..])
}

/// The completion for a value.
pub(crate) fn value<T: Serialize>(value: &T) -> Result<Completion> {
    let (json, blobs) = Blob::detach(|| serde_json::to_vec(value));
    let json = json.map_err(|e| Error::new(daytona::ErrorKind::Internal, "The result is not JSON").with_source(e))?;
    Ok(Completion::Ok(Payload::new(json, blobs)))
}

/// The completion for bytes, in pieces.
pub(crate) fn bytes(pieces: Vec<Bytes>) -> Result<Completion> {
    Ok(Completion::Ok(Payload::bytes(pieces)))
}

/// The completion for an open stream.
pub(crate) fn stream(opened: impl Into<Opened>) -> Result<Completion> {
    let Opened { source, writer, info } = opened.into();
    Ok(Completion::Stream(Stream::new(source, writer), Payload::json(info)))
}

/// The halves of a stream and what is known about it, as JSON.
pub(crate) struct Opened {
    pub(crate) source: Option<Source>,
    pub(crate) writer: Option<Writer>,
    pub(crate) info: Bytes,
}

#[cfg(test)]
mod tests {
    use daytona::Config;
    use daytona::model::ExecOptions;

    use super::*;

    #[derive(Debug, Deserialize)]
    struct Args {
        #[allow(dead_code, reason = "only read")]
        command: String,
        #[serde(default)]
        #[allow(dead_code, reason = "only read")]
        options: ExecOptions,
    }

    fn refused(args: &str) -> String {
        let client = Client::new(Config { api_key: Some("k".into()), ..Config::default() }).unwrap();
        const OPTIONS: Names = Names(&[("cwd", None), ("env", None), ("timeout", None)]);
        const ARGS: Names = Names(&[("command", None), ("options", Some(&OPTIONS))]);
        const ALL: Names = Names(&[("args", Some(&ARGS)), ("target", None), ("requestTimeout", None)]);
        let params = Payload::json(Bytes::from(format!(r#"{{"args": {args}}}"#)));
        Parsed::<Args>::read(client, "process.exec", params, &ALL).err().unwrap().to_string()
    }

    #[test]
    fn an_argument_of_the_wrong_type_is_named() {
        let error = refused(r#"{"command": 5}"#);
        assert!(error.contains(r#""command" of process.exec"#) && error.contains("a string, not 5"), "{error}");
        let error = refused(r#"{"command": "x", "options": {"env": {"A": null}}}"#);
        assert!(error.contains(r#""env.A""#), "{error}");
        for wrong in ["-1", "-0.5", "\"soon\""] {
            let error = refused(&format!(r#"{{"command": "x", "options": {{"timeout": {wrong}}}}}"#));
            assert!(error.contains(r#""timeout" of process.exec"#), "{error}");
        }
    }

    #[test]
    fn an_argument_that_is_not_known_is_named() {
        let error = refused(r#"{"command": "x", "options": {"tmeout": 3}}"#);
        assert_eq!(error, "process.exec does not know \"tmeout\". Check how it is spelled.");
    }
}
