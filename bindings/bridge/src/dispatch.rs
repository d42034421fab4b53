//! What the generated op table is made of: reading arguments, finding the service, writing results.

use bytes::Bytes;
use daytona::model::Blob;
use daytona::{Client, Error, Result, Toolbox};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::stream::{Reader, Stream, Writer};
use crate::{Completion, Payload};

/// The envelope of every operation's parameters.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", bound = "A: DeserializeOwned")]
struct Envelope<A> {
    target: Option<Target>,
    request_timeout: Option<f64>,
    args: A,
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
    pub(crate) fn read(client: Client, op: &str, params: Payload) -> Result<Self> {
        let envelope: Envelope<A> = Blob::attach(params.blobs, || {
            serde_path_to_error::deserialize(&mut serde_json::Deserializer::from_slice(&params.json))
        })
        .map_err(|e| {
            let place = e.path().to_string();
            let argument = place.strip_prefix("args.").unwrap_or(&place);
            let argument = argument.strip_prefix("options.").unwrap_or(argument);
            Error::invalid_argument(format!("The argument {argument:?} of {op} is not usable"))
                .with_source(e.into_inner())
        })?;
        let client = match envelope.request_timeout {
            Some(timeout) => client.with_request_timeout(timeout)?,
            None => client,
        };
        Ok(Self { client, target: envelope.target, args: envelope.args })
    }

    pub(crate) fn toolbox(&self) -> Result<Toolbox> {
        let target = self
            .target
            .as_ref()
            .ok_or_else(|| Error::invalid_argument("The operation needs a sandbox, but no target was given."))?;
        Toolbox::new(&self.client, &target.id, &target.url)
    }
}

/// The completion for a value.
pub(crate) fn value<T: Serialize>(value: &T) -> Result<Completion> {
    let (json, blobs) = Blob::detach(|| serde_json::to_vec(value));
    let json = json.map_err(|e| Error::new(daytona::ErrorKind::Internal, "The result is not JSON").with_source(e))?;
    Ok(Completion::Ok(Payload { json: json.into(), blobs }))
}

/// The completion for an open stream.
pub(crate) fn stream(opened: impl Into<Opened>) -> Result<Completion> {
    let Opened { reader, writer, info } = opened.into();
    Ok(Completion::Stream(Stream::new(reader, writer), Payload::json(info)))
}

/// The halves of a stream and what is known about it, as JSON.
pub(crate) struct Opened {
    pub(crate) reader: Option<Reader>,
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
        let params = Payload::json(Bytes::from(format!(r#"{{"args": {args}}}"#)));
        Parsed::<Args>::read(client, "process.exec", params).err().unwrap().to_string()
    }

    #[test]
    fn an_argument_of_the_wrong_type_is_named() {
        let error = refused(r#"{"command": 5}"#);
        assert!(error.contains(r#""command" of process.exec"#) && error.contains("integer `5`"), "{error}");
        let error = refused(r#"{"command": "x", "options": {"env": {"A": null}}}"#);
        assert!(error.contains(r#""env.A""#), "{error}");
    }
}
