//! An operation's way through the bridge.

use std::sync::Arc;

use bytes::Bytes;
use daytona::model::Blob;
use daytona_bridge::{Call, Client, Completion, Payload, Sink, Stream, future};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::DaytonaError;

/// Where a service's operations go: a client and, for a toolbox, its sandbox.
pub(crate) struct Target {
    pub(crate) client: Arc<Client>,
    /// `{"id", "url"}` of the sandbox.
    pub(crate) sandbox: Option<Value>,
}

impl Target {
    /// Runs an operation that answers a value. `args` runs where bytes become attachments.
    pub(crate) async fn call<T: DeserializeOwned>(
        &self,
        op: &str,
        args: impl FnOnce() -> Value,
    ) -> Result<T, DaytonaError> {
        match self.run(op, args).await? {
            Completion::Ok(payload) => read(payload),
            _ => Err(DaytonaError::new("Internal", format!("{op} has opened a stream"))),
        }
    }

    /// Runs an operation that opens a stream; with what is known about it.
    pub(crate) async fn open(&self, op: &str, args: impl FnOnce() -> Value) -> Result<(Stream, Payload), DaytonaError> {
        match self.run(op, args).await? {
            Completion::Stream(stream, info) => Ok((stream, info)),
            _ => Err(DaytonaError::new("Internal", format!("{op} has opened no stream"))),
        }
    }

    async fn run(&self, op: &str, args: impl FnOnce() -> Value) -> Result<Completion, DaytonaError> {
        let (json, blobs) = Blob::detach(|| {
            let mut envelope = json!({ "args": args() });
            if let Some(sandbox) = &self.sandbox {
                envelope["target"] = sandbox.clone();
            }
            envelope.to_string()
        });
        let payload = Payload::new(json, blobs);
        complete(|sink| self.client.start(op, payload, sink)).await
    }
}

/// Runs a call to its end. Dropping the future cancels it.
pub(crate) async fn complete(start: impl FnOnce(Box<dyn Sink>) -> Call) -> Result<Completion, DaytonaError> {
    let (sink, completion) = future();
    let _call = start(sink);
    match completion.await {
        Completion::Error(envelope) => Err(DaytonaError::from_envelope(&envelope)),
        Completion::Cancelled => Err(DaytonaError::new("Cancelled", "The call was cancelled.")),
        completion => Ok(completion),
    }
}

/// The value in a payload.
pub(crate) fn read<T: DeserializeOwned>(payload: Payload) -> Result<T, DaytonaError> {
    let (json, blobs) = payload.claim();
    let json = if json.is_empty() { Bytes::from_static(b"null") } else { json };
    Blob::attach(blobs, || serde_json::from_slice(&json))
        .map_err(|e| DaytonaError::new("Internal", format!("The result is not what this library expects: {e}")))
}
