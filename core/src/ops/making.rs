//! A sandbox in the making: what `create` and `fork` hold until they have succeeded.

use std::time::Duration;

use http::Method;
use serde_json::Value;
use tokio::task::JoinHandle;

use crate::cleanup::{self, Unsettled};
use crate::client::{Client, DEFAULT_LIMIT};
use crate::error::{Error, ErrorKind, Result};
use crate::model::SandboxInfo;
use crate::travel::deadline;

/// Time that a `create` that has timed out waits for the deletion of its sandbox before it returns.
const GRACE: Duration = Duration::from_secs(10);

/// The sandbox that a call has made so far. When it is dropped, as happens to a cancelled call, the sandbox is deleted in
/// the background, unless it is to be kept.
pub(super) struct Making {
    client: Client,
    /// The operation that makes it.
    operation: &'static str,
    keep: bool,
    state: State,
}

enum State {
    /// There is nothing to delete.
    Settled,
    /// The request is under way, as a task of its own: its answer is not lost when the call is given up.
    Requested(JoinHandle<Result<SandboxInfo>>, Unsettled),
    /// There is a sandbox, with this id.
    Made(String, Unsettled),
}

impl Making {
    pub(super) fn new(client: &Client, operation: &'static str, keep: bool) -> Self {
        Self { client: client.clone(), operation, keep, state: State::Settled }
    }

    /// Sends the request.
    pub(super) async fn request(&mut self, path: String, body: Value, limit: Option<Duration>) -> Result<SandboxInfo> {
        // Finding the server may take its time; nothing is made meanwhile.
        self.client.endpoint().await?;
        let client = self.client.clone();
        let limit = limit.and_then(|limit| DEFAULT_LIMIT.map(|default| default.max(limit)));
        let operation = self.operation;
        let task = tokio::spawn(deadline::in_trace(async move {
            let request = client.api(Method::POST, path).json(&body).read();
            deadline::within(&client, operation, limit, Box::pin(request)).await
        }));
        self.state = State::Requested(task, Unsettled::new());
        let State::Requested(task, _) = &mut self.state else { unreachable!("set above") };
        let answer = task.await.unwrap_or_else(|e| Err(Error::new(ErrorKind::Internal, e.to_string())));
        self.state = match &answer {
            Ok(sandbox) => State::Made(sandbox.id.clone(), Unsettled::new()),
            Err(_) => State::Settled,
        };
        answer
    }

    /// The end of the call: what has succeeded belongs to the caller, what has timed out is deleted, and any other
    /// failure leaves the sandbox to be looked at. Every error names it.
    pub(super) async fn end(mut self, result: Result<SandboxInfo>) -> Result<SandboxInfo> {
        let error = match result {
            Ok(sandbox) => {
                if !self.keep {
                    cleanup::note_made(&self.client, &sandbox.id);
                }
                self.state = State::Settled;
                return Ok(sandbox);
            }
            Err(error) => error,
        };
        let id = match &self.state {
            State::Made(id, _) => Some(id.clone()),
            State::Settled | State::Requested(..) => None,
        };
        if !error.is_timeout() || self.keep {
            self.state = State::Settled;
            return Err(match id {
                Some(id) if error.is_timeout() => {
                    error.and(format!("Sandbox {id} goes on starting.")).about_sandbox(&id)
                }
                Some(id) => error.about_sandbox(&id),
                None => error,
            });
        }
        let deleted = match self.undo("its creation took too long") {
            Some(deleting) => tokio::time::timeout(GRACE, deleting).await.is_ok(),
            None => false,
        };
        Err(match id {
            Some(id) if deleted => error.and(format!("Sandbox {id} has been deleted.")).about_sandbox(&id),
            Some(id) => error.and(format!("Sandbox {id} is being deleted.")).about_sandbox(&id),
            None => error,
        })
    }

    /// Deletes what has been made, in the background.
    fn undo(&mut self, why: &'static str) -> Option<JoinHandle<()>> {
        let client = self.client.clone();
        match std::mem::replace(&mut self.state, State::Settled) {
            State::Settled => None,
            State::Made(id, unsettled) => cleanup::spawn(async move {
                cleanup::delete(&client, &id, why).await;
                drop(unsettled);
            }),
            State::Requested(task, unsettled) => cleanup::spawn(async move {
                if let Ok(Ok(sandbox)) = task.await {
                    cleanup::delete(&client, &sandbox.id, why).await;
                }
                drop(unsettled);
            }),
        }
    }
}

impl Drop for Making {
    fn drop(&mut self) {
        if !self.keep {
            self.undo("its creation was cancelled");
        }
    }
}
