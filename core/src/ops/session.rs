//! Sessions: shells whose state lasts from command to command, and their logs.

use http::Method;
use serde_json::json;

use super::Process;
use crate::client::DEFAULT_LIMIT;
use crate::deadline;
use crate::error::{Error, Result};
use crate::http::segment;
use crate::model::{
    Command, Session, SessionCommandLogsResponse, SessionExecuteRequest, SessionExecuteResponse, WaitOptions,
};
use crate::stream::log_demux::without_markers;
use crate::stream::logs::LogStream;

impl Process {
    /// Creates a session.
    ///
    /// # Errors
    /// `Conflict` when the id is taken, `Validation` when it is reserved.
    pub async fn create_session(&self, session_id: &str) -> Result<()> {
        if session_id.is_empty() {
            return Err(Error::invalid_argument("The session id is empty."));
        }
        let body = json!({ "sessionId": session_id });
        self.toolbox
            .client
            .run("process.create_session", DEFAULT_LIMIT, async {
                self.toolbox.request(Method::POST, "/process/session").await?.json(&body).done().await
            })
            .await
    }

    /// Returns a session with its commands.
    ///
    /// # Errors
    /// `NotFound` when there is none.
    pub async fn get_session(&self, session_id: &str) -> Result<Session> {
        let path = session_path(session_id, "")?;
        self.toolbox
            .client
            .run("process.get_session", DEFAULT_LIMIT, async {
                self.toolbox.request(Method::GET, path).await?.read().await
            })
            .await
    }

    /// Returns all sessions with their commands.
    ///
    /// # Errors
    /// Only those of every request.
    pub async fn list_sessions(&self) -> Result<Vec<Session>> {
        self.toolbox
            .client
            .run("process.list_sessions", DEFAULT_LIMIT, async {
                let sessions: Option<_> = self.toolbox.request(Method::GET, "/process/session").await?.read().await?;
                Ok(sessions.unwrap_or_default())
            })
            .await
    }

    /// Ends a session and every process in it.
    ///
    /// # Errors
    /// `NotFound` when there is none.
    pub async fn delete_session(&self, session_id: &str) -> Result<()> {
        let path = session_path(session_id, "")?;
        self.toolbox
            .client
            .run("process.delete_session", DEFAULT_LIMIT, async {
                self.toolbox.request(Method::DELETE, path).await?.done().await
            })
            .await
    }

    /// Runs a command in a session: waits for it, or with `run_async` returns its id at once.
    ///
    /// `timeout` limits the call and not the command, which goes on; default: no limit.
    ///
    /// # Errors
    /// `Validation` for an empty command, `NotFound` without such a session, `Timeout` after `timeout` seconds.
    pub async fn execute_session_command(
        &self,
        session_id: &str,
        request: SessionExecuteRequest,
        options: WaitOptions,
    ) -> Result<SessionExecuteResponse> {
        let path = session_path(session_id, "/exec")?;
        let limit = deadline::limit(options.timeout, None)?;
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

    /// Returns a command of a session.
    ///
    /// # Errors
    /// `NotFound` when there is none.
    pub async fn get_session_command(&self, session_id: &str, command_id: &str) -> Result<Command> {
        let path = command_path(session_id, command_id, "")?;
        self.toolbox
            .client
            .run("process.get_session_command", DEFAULT_LIMIT, async {
                self.toolbox.request(Method::GET, path).await?.read().await
            })
            .await
    }

    /// Returns the log of a command so far.
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

    /// Streams the log of a command from its beginning until the command ends.
    ///
    /// # Errors
    /// `NotFound` when there is no such command; while reading, `Connection` when the stream breaks.
    pub async fn stream_session_command_logs(&self, session_id: &str, command_id: &str) -> Result<LogStream> {
        let path = command_path(session_id, command_id, "/logs?follow=true")?;
        self.toolbox
            .client
            .run("process.stream_session_command_logs", DEFAULT_LIMIT, LogStream::open(&self.toolbox, path))
            .await
    }

    /// Sends input to a running asynchronous command; a line break is added when it does not end with one.
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
                self.toolbox.request(Method::POST, path).await?.json(&body).done().await
            })
            .await
    }

    /// Returns the session of the sandbox's entrypoint.
    ///
    /// # Errors
    /// `NotFound` when the sandbox has no entrypoint.
    pub async fn get_entrypoint_session(&self) -> Result<Session> {
        self.toolbox
            .client
            .run("process.get_entrypoint_session", DEFAULT_LIMIT, async {
                self.toolbox.request(Method::GET, "/process/session/entrypoint").await?.read().await
            })
            .await
    }

    /// Returns the log of the sandbox's entrypoint so far.
    ///
    /// # Errors
    /// `NotFound` when the sandbox has no entrypoint.
    pub async fn get_entrypoint_logs(&self) -> Result<SessionCommandLogsResponse> {
        let path = "/process/session/entrypoint/logs".to_owned();
        self.read_logs("process.get_entrypoint_logs", path).await
    }

    /// Streams the log of the sandbox's entrypoint from its beginning until it ends.
    ///
    /// # Errors
    /// `NotFound` when the sandbox has no entrypoint; while reading, `Connection` when the stream breaks.
    pub async fn stream_entrypoint_logs(&self) -> Result<LogStream> {
        let path = "/process/session/entrypoint/logs?follow=true".to_owned();
        self.toolbox
            .client
            .run("process.stream_entrypoint_logs", DEFAULT_LIMIT, LogStream::open(&self.toolbox, path))
            .await
    }

    async fn read_logs(&self, operation: &'static str, path: String) -> Result<SessionCommandLogsResponse> {
        self.toolbox
            .client
            .run(operation, DEFAULT_LIMIT, async {
                let response = self.toolbox.request(Method::GET, path).await?.send().await?;
                let content_type = response.headers().get(http::header::CONTENT_TYPE);
                let json = content_type.is_some_and(|t| t.as_bytes().starts_with(b"application/json"));
                let body = response.bytes().await.map_err(|e| crate::http::transport_error(&e))?;
                Ok(crate::stream::logs::from_body(&body, json))
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
