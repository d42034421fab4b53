//! Sessions: shells whose state lasts from command to command, and their logs.

use std::time::Duration;

use http::Method;
use serde::de::DeserializeOwned;
use serde_json::json;
use tokio::time::Instant;

use super::Process;
use crate::client::DEFAULT_LIMIT;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{
    Command, Session, SessionCommandLogsResponse, SessionExecuteRequest, SessionExecuteResponse, WaitOptions,
};
use crate::protocols::log_demux::without_markers;
use crate::protocols::logs::LogStream;
use crate::travel::backoff::Backoff;
use crate::travel::deadline;
use crate::travel::http::segment;

/// Time within which a server must have recorded how a command ended.
const SETTLE_LIMIT: Duration = Duration::from_secs(5);
/// Time within which an accepted command must open its input.
const INPUT_LIMIT: Duration = Duration::from_secs(10);
/// Pauses between attempts.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_millis(250);

impl Process {
    /// Creates a session: a shell that keeps its directory and variables from command to command.
    ///
    /// # Parameters
    /// * `session_id`: Id for the new session; it must not be in use.
    ///
    /// # Errors
    /// `Conflict` when the id is in use, `Validation` when it is reserved.
    ///
    /// # Examples
    /// `processes sessions`
    pub async fn create_session(&self, session_id: &str) -> Result<()> {
        if session_id.is_empty() {
            return Err(Error::invalid_argument("The session id is empty."));
        }
        let body = json!({ "sessionId": session_id });
        self.toolbox
            .client
            .run("process.create_session", DEFAULT_LIMIT, async {
                let request = self.toolbox.request(Method::POST, "/process/session").await?;
                request.json(&body).about("session", session_id).done().await
            })
            .await
    }

    /// Returns a session with its commands.
    ///
    /// # Parameters
    /// * `session_id`: Id of the session.
    ///
    /// # Returns
    /// The session.
    ///
    /// # Errors
    /// `NotFound` when there is no such session or command.
    pub async fn get_session(&self, session_id: &str) -> Result<Session> {
        let path = session_path(session_id, "")?;
        self.toolbox.client.run("process.get_session", DEFAULT_LIMIT, self.read_settled(&path)).await
    }

    /// Returns all sessions with their commands.
    ///
    /// # Returns
    /// The sessions.
    ///
    /// # Errors
    /// Only those of every request.
    pub async fn list_sessions(&self) -> Result<Vec<Session>> {
        self.toolbox
            .client
            .run("process.list_sessions", DEFAULT_LIMIT, async {
                let sessions: Option<_> = self.read_settled("/process/session").await?;
                Ok(sessions.unwrap_or_default())
            })
            .await
    }

    /// Deletes a session and ends every process in it.
    ///
    /// # Parameters
    /// * `session_id`: Id of the session.
    ///
    /// # Errors
    /// `NotFound` when there is no such session or command.
    pub async fn delete_session(&self, session_id: &str) -> Result<()> {
        let path = session_path(session_id, "")?;
        self.toolbox
            .client
            .run("process.delete_session", DEFAULT_LIMIT, async {
                self.toolbox.request(Method::DELETE, path).await?.done().await
            })
            .await
    }

    /// Runs a command in a session and waits until it ends, or returns at once if the request says `run_async`.
    ///
    /// When `timeout` passes, the call ends but the command keeps running.
    ///
    /// # Parameters
    /// * `session_id`: Id of the session.
    /// * `request`: The command and how to run it.
    /// * `options.timeout`: Seconds to wait for the command; 0 = no limit. Default: no limit.
    ///
    /// # Errors
    /// `Validation` for an empty command, `NotFound` when there is no such session, `Timeout` after `timeout` seconds.
    ///
    /// # Examples
    /// `processes sessions`
    pub async fn execute_session_command(
        &self,
        session_id: &str,
        request: SessionExecuteRequest,
        options: WaitOptions,
    ) -> Result<SessionExecuteResponse> {
        let path = session_path(session_id, "/exec")?;
        let limit = deadline::limit(options.timeout, None);
        self.toolbox
            .client
            .run("process.execute_session_command", limit, async {
                let mut response: SessionExecuteResponse =
                    self.toolbox.request(Method::POST, path).await?.json(&request).read().await?;
                response.output = response.output.map(|output| without_markers(&output));
                Ok(response)
            })
            .await
    }

    /// Returns the state of a command of a session.
    ///
    /// # Parameters
    /// * `session_id`: Id of the session.
    /// * `command_id`: Id of the command.
    ///
    /// # Returns
    /// The command.
    ///
    /// # Errors
    /// `NotFound` when there is no such session or command.
    pub async fn get_session_command(&self, session_id: &str, command_id: &str) -> Result<Command> {
        let path = command_path(session_id, command_id, "")?;
        self.toolbox.client.run("process.get_session_command", DEFAULT_LIMIT, self.read_settled(&path)).await
    }

    /// Returns what a command has written so far.
    ///
    /// # Parameters
    /// * `session_id`: Id of the session.
    /// * `command_id`: Id of the command.
    ///
    /// # Errors
    /// `NotFound` when there is no such command.
    pub async fn get_session_command_logs(
        &self,
        session_id: &str,
        command_id: &str,
    ) -> Result<SessionCommandLogsResponse> {
        let path = command_path(session_id, command_id, "/logs")?;
        self.read_logs("process.get_session_command_logs", path).await
    }

    /// Streams what a command writes, from its start until it ends.
    ///
    /// # Parameters
    /// * `session_id`: Id of the session.
    /// * `command_id`: Id of the command.
    ///
    /// # Errors
    /// `NotFound` when there is no such command; while reading, `Connection` when the stream breaks.
    pub async fn stream_session_command_logs(&self, session_id: &str, command_id: &str) -> Result<LogStream> {
        let path = command_path(session_id, command_id, "/logs")?;
        self.toolbox
            .client
            .run("process.stream_session_command_logs", DEFAULT_LIMIT, LogStream::follow(&self.toolbox, path))
            .await
    }

    /// Sends text to the standard input of a running asynchronous command. A line break is added if the text does not
    /// end with one. If the command has not opened its input yet, the call waits for it.
    ///
    /// # Parameters
    /// * `session_id`: Id of the session.
    /// * `command_id`: Id of the command.
    /// * `data`: Text to send.
    ///
    /// # Errors
    /// `Gone` (`CommandAlreadyCompleted`, `SessionEnded`) when the command or its session has ended, `NotFound` when
    /// there is no such command.
    pub async fn send_session_command_input(&self, session_id: &str, command_id: &str, data: &str) -> Result<()> {
        let path = command_path(session_id, command_id, "/input")?;
        let body = json!({ "data": data });
        self.toolbox
            .client
            .run("process.send_session_command_input", DEFAULT_LIMIT, async {
                let begun = Instant::now();
                let mut pauses = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
                loop {
                    let request = self.toolbox.request(Method::POST, path.clone()).await?.json(&body);
                    let Err(error) = request.done().await else { return Ok(()) };
                    if error.kind() != ErrorKind::InternalServer {
                        return Err(error);
                    }
                    // Servers up to 0.190 answer so before a command has opened its input, which was not taken then and is
                    // sent again, and after it has ended.
                    let unopened = error.to_string().contains("open input pipe");
                    let patience = if unopened { pauses.take() } else { SETTLE_LIMIT };
                    if let Some(code) = self.ended_within(session_id, command_id, patience).await? {
                        return Err(Error::new(
                            ErrorKind::CommandAlreadyCompleted,
                            format!("The command {command_id:?} has ended with exit code {code}: it takes no input."),
                        ));
                    }
                    if !unopened || begun.elapsed() > INPUT_LIMIT {
                        return Err(error);
                    }
                }
            })
            .await
    }

    /// Returns the session of the sandbox's entrypoint.
    ///
    /// # Returns
    /// The session.
    ///
    /// # Errors
    /// `NotFound` when the sandbox has no entrypoint.
    pub async fn get_entrypoint_session(&self) -> Result<Session> {
        self.toolbox
            .client
            .run("process.get_entrypoint_session", DEFAULT_LIMIT, self.read_settled("/process/session/entrypoint"))
            .await
    }

    /// Returns what the sandbox's entrypoint has written so far.
    ///
    /// # Errors
    /// `NotFound` when the sandbox has no entrypoint.
    pub async fn get_entrypoint_logs(&self) -> Result<SessionCommandLogsResponse> {
        let path = "/process/session/entrypoint/logs".to_owned();
        self.read_logs("process.get_entrypoint_logs", path).await
    }

    /// Streams what the sandbox's entrypoint writes, from its start until it ends.
    ///
    /// # Errors
    /// `NotFound` when the sandbox has no entrypoint; while reading, `Connection` when the stream breaks.
    pub async fn stream_entrypoint_logs(&self) -> Result<LogStream> {
        let path = "/process/session/entrypoint/logs".to_owned();
        self.toolbox
            .client
            .run("process.stream_entrypoint_logs", DEFAULT_LIMIT, LogStream::follow(&self.toolbox, path))
            .await
    }

    /// The exit code of a command, if it shows within `patience`.
    async fn ended_within(&self, session_id: &str, command_id: &str, patience: Duration) -> Result<Option<i64>> {
        let until = Instant::now() + patience;
        loop {
            let command = self.get_session_command(session_id, command_id).await?;
            if command.exit_code.is_some() || Instant::now() >= until {
                return Ok(command.exit_code);
            }
            tokio::time::sleep_until(until.min(Instant::now() + LONGEST_PAUSE / 5)).await;
        }
    }

    /// Reads what tells how commands ended. Servers up to 0.190 answer with an error while they are writing that down.
    async fn read_settled<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        let begun = Instant::now();
        let mut pauses = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
        loop {
            let outcome = self.toolbox.request(Method::GET, path).await?.read().await;
            match outcome {
                Err(error)
                    if error.kind() == ErrorKind::InternalServer
                        && error.to_string().contains("exit code")
                        && begun.elapsed() < SETTLE_LIMIT =>
                {
                    pauses.pause().await;
                }
                outcome => return outcome,
            }
        }
    }

    async fn read_logs(&self, operation: &'static str, path: String) -> Result<SessionCommandLogsResponse> {
        self.toolbox
            .client
            .run(operation, DEFAULT_LIMIT, async {
                let response = self.toolbox.request(Method::GET, path).await?.send().await?;
                let json = response.is_json();
                let body = response.whole().await?;
                Ok(crate::protocols::logs::from_body(&body, json))
            })
            .await
    }
}

fn session_path(session_id: &str, rest: &str) -> Result<String> {
    if session_id.is_empty() {
        return Err(Error::invalid_argument("The session id is empty."));
    }
    Ok(format!("/process/session/{}{rest}", segment(session_id)))
}

fn command_path(session_id: &str, command_id: &str, rest: &str) -> Result<String> {
    if command_id.is_empty() {
        return Err(Error::invalid_argument("The command id is empty."));
    }
    session_path(session_id, &format!("/command/{}{rest}", segment(command_id)))
}
