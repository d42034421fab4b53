//! Terminals: bytes both ways, until the process exits (wire.md 4.3, wire-additions 4.1).

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::Method;
use serde::Deserialize;
use serde_json::json;

use crate::error::{Error, ErrorKind, Result};
use crate::model::{PtyCreateOptions, PtyResult};
use crate::toolbox::Toolbox;
use crate::travel::http::{body, segment};
use crate::travel::ws::{KeepAlive, WsClose, WsMessage, WsReceiver, WsSender};

/// Tells the server that this client reads the `exited` control frame.
const EXIT_CONTROL: &str = "X-Daytona-Pty-Exit-Control";
/// Carries environment variables on `create-connect`.
const ENVS_PREFIX: &str = "X-Daytona-Pty-Envs~";
/// Servers close a connection that sends more than 64 KiB in one message.
const MAX_INPUT: usize = 32 * 1024;
/// Output that is kept until the server says that the terminal is connected, in bytes. Honest servers send next to none.
const MAX_EARLY: usize = 1 << 20;
/// Limit for the server to say that the terminal is connected.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// A connection to a terminal session. Dropping it leaves the session running.
pub struct Terminal {
    session_id: String,
    input: TerminalInput,
    output: TerminalOutput,
}

/// The writing half; clones write to the same terminal.
#[derive(Clone)]
pub struct TerminalInput {
    sender: WsSender,
    /// Whether the reader has met the end, or this side has closed the connection.
    ended: Arc<AtomicBool>,
}

/// The reading half.
pub struct TerminalOutput {
    receiver: WsReceiver,
    early: VecDeque<Bytes>,
    early_bytes: usize,
    result: Option<PtyResult>,
    ended: Arc<AtomicBool>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Control {
    r#type: String,
    status: String,
    error: Option<String>,
    exit_code: Option<i64>,
    exit_reason: Option<String>,
}

impl Terminal {
    pub(crate) async fn create(
        toolbox: &Toolbox,
        session_id: &str,
        rows: i64,
        cols: i64,
        options: &PtyCreateOptions,
    ) -> Result<Self> {
        let path = create_path(session_id, rows, cols, options.cwd.as_deref());
        let envs = options.envs.as_ref().filter(|envs| !envs.is_empty());
        let envs_token = envs.map(|envs| format!("{ENVS_PREFIX}{}", URL_SAFE_NO_PAD.encode(json!(envs).to_string())));
        let mut subprotocols = vec![EXIT_CONTROL];
        subprotocols.extend(envs_token.as_deref());
        match super::open(toolbox, &path, &subprotocols, KeepAlive::default()).await {
            // Servers before 0.197 know only the two-step form.
            Err(e) if e.status() == Some(404) => {}
            Err(e) => return Err(e),
            Ok(stream) => return Self::connected(session_id, stream.split()).await,
        }
        let body = body(json!({
            "id": session_id,
            "cols": cols,
            "rows": rows,
            "lazyStart": true,
            "cwd": options.cwd,
            "envs": options.envs,
        }));
        toolbox.request(Method::POST, "/process/pty").await?.json(&body).done().await?;
        Self::connect(toolbox, session_id, format!("/process/pty/{}/connect", segment(session_id))).await
    }

    pub(crate) async fn connect(toolbox: &Toolbox, session_id: &str, path: String) -> Result<Self> {
        let stream = super::open(toolbox, &path, &[EXIT_CONTROL], KeepAlive::default()).await?;
        Self::connected(session_id, stream.split()).await
    }

    async fn connected(session_id: &str, (sender, receiver): (WsSender, WsReceiver)) -> Result<Self> {
        let ended = Arc::new(AtomicBool::new(false));
        let mut output =
            TerminalOutput { receiver, early: VecDeque::new(), early_bytes: 0, result: None, ended: ended.clone() };
        tokio::time::timeout(CONNECT_LIMIT, output.wait_for_connection()).await.map_err(|_| {
            Error::new(
                ErrorKind::ConnectionTimeout,
                format!("The terminal {session_id:?} was not connected within {} s", CONNECT_LIMIT.as_secs()),
            )
        })??;
        Ok(Self { session_id: session_id.to_owned(), input: TerminalInput { sender, ended }, output })
    }

    /// Id of the session.
    pub fn session_id(&self) -> &str {
        &self.session_id
    }

    /// The two halves, so that writing never waits for reading.
    pub fn split(self) -> (TerminalInput, TerminalOutput) {
        (self.input, self.output)
    }

    /// The next output, or `None` when the process has exited. See [`TerminalOutput::next`].
    ///
    /// # Errors
    /// `Connection` when the connection breaks; the session goes on.
    pub async fn next(&mut self) -> Result<Option<Bytes>> {
        self.output.next().await
    }

    /// Writes input. See [`TerminalInput::write`].
    ///
    /// # Errors
    /// `Connection` or `Closed` when the terminal is gone.
    pub async fn write(&self, input: impl Into<Bytes>) -> Result<()> {
        self.input.write(input).await
    }

    /// Reads until the process exits, discarding output, and returns how it ended.
    ///
    /// # Errors
    /// `Connection` when the connection breaks; the session goes on.
    pub async fn wait(&mut self) -> Result<PtyResult> {
        while self.output.next().await?.is_some() {}
        Ok(self.output.result.clone().unwrap_or_default())
    }

    /// Closes the connection and leaves the session running.
    pub async fn disconnect(&self) {
        self.input.disconnect().await;
    }
}

impl TerminalInput {
    /// Writes input as if it were typed; waits while the connection is busy.
    ///
    /// # Errors
    /// `Closed` when the process has exited or the connection was closed, `Connection` when it broke.
    pub async fn write(&self, input: impl Into<Bytes>) -> Result<()> {
        let ended = || {
            Error::new(
                ErrorKind::Closed,
                "The connection to the terminal has ended: nothing can be written to it any more.",
            )
        };
        let mut input = input.into();
        while !input.is_empty() {
            // The connection may take some time to notice.
            if self.ended.load(Ordering::Acquire) {
                return Err(ended());
            }
            let piece = input.split_to(input.len().min(MAX_INPUT));
            self.sender
                .send_binary(piece)
                .await
                .map_err(|e| if e.kind() == ErrorKind::Closed { ended() } else { e })?;
        }
        Ok(())
    }

    /// Closes the connection and leaves the session running.
    pub async fn disconnect(&self) {
        self.ended.store(true, Ordering::Release);
        self.sender.close(1000, "").await;
    }
}

impl TerminalOutput {
    /// The next output, or `None` when the process has exited, however often it is asked. Nothing is lost when the future is
    /// dropped.
    ///
    /// # Errors
    /// `Connection` when the connection breaks; the session goes on.
    pub async fn next(&mut self) -> Result<Option<Bytes>> {
        let next = self.receive().await;
        if matches!(next, Ok(None)) {
            self.ended.store(true, Ordering::Release);
        }
        next
    }

    async fn receive(&mut self) -> Result<Option<Bytes>> {
        if let Some(early) = self.early.pop_front() {
            return Ok(Some(early));
        }
        loop {
            match self.receiver.recv().await {
                Ok(WsMessage::Binary(data)) if data.is_empty() => {}
                Ok(WsMessage::Binary(data)) => return Ok(Some(data)),
                Ok(WsMessage::Text(text)) => match control(&text) {
                    None => return Ok(Some(Bytes::copy_from_slice(text.as_bytes()))),
                    Some(control) => {
                        if control.status == "exited" {
                            self.result = Some(PtyResult { exit_code: control.exit_code, error: control.exit_reason });
                        }
                    }
                },
                Ok(WsMessage::Close(close)) => {
                    let result = self.result.take();
                    self.result = Some(result.unwrap_or_else(|| from_close(&close)));
                    return Ok(None);
                }
                // The process has exited and said how; a connection that is then cut short loses nothing.
                Err(_) if self.result.is_some() => return Ok(None),
                Err(error) => return Err(error),
            }
        }
    }

    /// The end of the process, once [`next`](Self::next) has returned `None`.
    pub fn result(&self) -> Option<&PtyResult> {
        self.result.as_ref()
    }

    /// Keeps output that came before the connection was announced.
    fn keep(&mut self, data: Bytes) -> Result<()> {
        self.early_bytes += data.len();
        if self.early_bytes > MAX_EARLY {
            return Err(Error::new(
                ErrorKind::Connection,
                format!("The server sent more than {MAX_EARLY} bytes before it said that the terminal is connected"),
            ));
        }
        if !data.is_empty() {
            self.early.push_back(data);
        }
        Ok(())
    }

    async fn wait_for_connection(&mut self) -> Result<()> {
        loop {
            match self.receiver.recv().await? {
                WsMessage::Binary(data) => self.keep(data)?,
                WsMessage::Text(text) => match control(&text) {
                    None => self.keep(Bytes::copy_from_slice(text.as_bytes()))?,
                    Some(Control { error: Some(error), .. }) => {
                        let kind =
                            if error.contains("not found") { ErrorKind::NotFound } else { ErrorKind::Connection };
                        return Err(Error::new(kind, error));
                    }
                    Some(control) if control.status == "exited" => {
                        self.result = Some(PtyResult { exit_code: control.exit_code, error: control.exit_reason });
                        return Ok(());
                    }
                    Some(_) => return Ok(()),
                },
                WsMessage::Close(close) => {
                    return Err(Error::new(
                        ErrorKind::Connection,
                        format!("The server closed the terminal before it was connected: {}", close.reason),
                    ));
                }
            }
        }
    }
}

fn create_path(session_id: &str, rows: i64, cols: i64, cwd: Option<&str>) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("id", session_id).append_pair("cols", &cols.to_string()).append_pair("rows", &rows.to_string());
    if let Some(cwd) = cwd {
        query.append_pair("cwd", cwd);
    }
    format!("/process/pty/create-connect?{}", query.finish())
}

/// A control frame; any other text is output.
fn control(text: &str) -> Option<Control> {
    serde_json::from_str::<Control>(text).ok().filter(|control| control.r#type == "control")
}

/// The end of a process, from the close frame (wire.md 4.3).
fn from_close(close: &WsClose) -> PtyResult {
    #[derive(Deserialize, Default)]
    #[serde(rename_all = "camelCase", default)]
    struct Reason {
        exit_code: Option<i64>,
        exit_reason: Option<String>,
        error: Option<String>,
    }
    match serde_json::from_str::<Reason>(&close.reason) {
        Ok(reason) => PtyResult { exit_code: reason.exit_code, error: reason.exit_reason.or(reason.error) },
        Err(_) if matches!(close.code, None | Some(1000 | 1005)) => PtyResult { exit_code: Some(0), error: None },
        Err(_) => PtyResult {
            exit_code: None,
            error: Some(match (&close.reason, close.code) {
                (reason, _) if !reason.is_empty() => reason.clone(),
                (_, Some(code)) => format!("closed with code {code}"),
                (_, None) => "closed".to_owned(),
            }),
        },
    }
}
