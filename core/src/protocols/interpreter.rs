//! Runs of the code interpreter (wire.md 4.4).

use std::time::Duration;

use serde::Deserialize;
use serde_json::json;
use tokio::time::Instant;

use crate::error::{Error, ErrorKind, Result};
use crate::model::{ExecutionError, ExecutionResult, RunCodeOptions};
use crate::ops::process::limits;
use crate::toolbox::Toolbox;
use crate::travel::http::{BODY_LIMIT, body};
use crate::travel::ws::{KeepAlive, WsClose, WsMessage, WsReceiver, WsSender};

const TIMED_OUT: &str =
    "Execution timed out: operation exceeded the configured `timeout`. Provide a larger value if needed.";
/// Time beyond the timeout for the server to interrupt and answer.
const INTERRUPT_GRACE: Duration = Duration::from_secs(5);

/// Something a run said.
#[derive(Debug, Clone, PartialEq)]
pub enum InterpreterEvent {
    /// Text on standard output.
    Stdout(String),
    /// Text on standard error.
    Stderr(String),
    /// The exception that ended the run.
    Error(ExecutionError),
}

/// The output of a run. Dropping it stops reading; the run itself continues in the sandbox.
pub struct InterpreterStream {
    /// Keeps the connection open for as long as output is read.
    _sender: WsSender,
    receiver: WsReceiver,
    deadline: Option<Instant>,
    ended: bool,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Message {
    r#type: String,
    text: String,
    name: String,
    value: String,
    traceback: String,
}

impl InterpreterStream {
    pub(crate) async fn open(toolbox: &Toolbox, code: &str, options: RunCodeOptions) -> Result<Self> {
        let (limit, timeout) = limits(options.timeout)?;
        let request = body(json!({
            "code": code,
            "contextId": options.context_id,
            "envs": options.envs,
            // 0 must be said: left out it would mean the server's default of 600 s.
            "timeout": timeout.or(options.timeout.map(|_| 0)),
        }));
        let stream = super::open(toolbox, "/process/interpreter/execute", &[], KeepAlive::ping()).await?;
        let (sender, receiver) = stream.split();
        sender.send_text(request.to_string()).await?;
        let deadline = limit.map(|limit| Instant::now() + limit + INTERRUPT_GRACE);
        Ok(Self { _sender: sender, receiver, deadline, ended: false })
    }

    /// The next event, or `None` when the run has ended. Nothing is lost when the future is dropped.
    ///
    /// # Errors
    /// `Timeout` when the run exceeded its timeout, `NotFound` for an unknown context, `Connection` when the stream
    /// breaks.
    pub async fn next(&mut self) -> Result<Option<InterpreterEvent>> {
        loop {
            if self.ended {
                return Ok(None);
            }
            let receive = self.receiver.recv();
            let message = match self.deadline {
                None => receive.await?,
                Some(deadline) => tokio::time::timeout_at(deadline, receive)
                    .await
                    .map_err(|_| Error::new(ErrorKind::Timeout, TIMED_OUT))??,
            };
            let text = match message {
                WsMessage::Text(text) => text.to_string(),
                WsMessage::Binary(data) => String::from_utf8_lossy(&data).into_owned(),
                WsMessage::Close(close) => {
                    ending(&close)?;
                    self.ended = true;
                    return Ok(None);
                }
            };
            let message: Message = serde_json::from_str(&text).map_err(|e| {
                Error::new(ErrorKind::Connection, "The interpreter sent something that is not a message").with_source(e)
            })?;
            match message.r#type.as_str() {
                "stdout" => return Ok(Some(InterpreterEvent::Stdout(message.text))),
                "stderr" => return Ok(Some(InterpreterEvent::Stderr(message.text))),
                "error" => {
                    let Message { name, value, traceback, .. } = message;
                    return Ok(Some(InterpreterEvent::Error(ExecutionError { name, value, traceback })));
                }
                // After `interrupted` the close code says whether it was a timeout.
                "control" if message.text == "completed" => self.ended = true,
                _ => {}
            }
        }
    }

    /// Reads the run to its end and collects what it said.
    ///
    /// # Errors
    /// As for [`next`](Self::next); `UnprocessableEntity` for more than 512 MiB of output.
    pub async fn collect(mut self) -> Result<ExecutionResult> {
        let mut result = ExecutionResult::default();
        while let Some(event) = self.next().await? {
            if result.stdout.len() + result.stderr.len() > BODY_LIMIT {
                return Err(Error::new(
                    ErrorKind::UnprocessableEntity,
                    format!(
                        "The program printed more than {} MiB, the most that is taken into memory. Read its output as a \
                         stream, or write it to a file.",
                        BODY_LIMIT >> 20
                    ),
                ));
            }
            match event {
                InterpreterEvent::Stdout(text) => result.stdout.push_str(&text),
                InterpreterEvent::Stderr(text) => result.stderr.push_str(&text),
                InterpreterEvent::Error(error) => result.error = Some(error),
            }
        }
        Ok(result)
    }
}

fn ending(close: &WsClose) -> Result<()> {
    match close.code {
        None | Some(1000 | 1005) => Ok(()),
        Some(4008) => Err(Error::new(ErrorKind::Timeout, TIMED_OUT)),
        Some(1008) if close.reason.contains("not found") => Err(Error::new(ErrorKind::NotFound, close.reason.clone())),
        Some(1008) => Err(Error::new(ErrorKind::Validation, close.reason.clone())),
        Some(code) => {
            let reason = if close.reason.is_empty() { "no reason given" } else { &close.reason };
            Err(Error::new(ErrorKind::Connection, format!("The interpreter closed with code {code}: {reason}")))
        }
    }
}
