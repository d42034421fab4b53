//! Terminals.

use http::Method;
use serde::Deserialize;
use serde_json::json;

use super::Process;
use crate::client::DEFAULT_LIMIT;
use crate::error::{Error, Result};
use crate::model::{PtyCreateOptions, PtySessionInfo};
use crate::protocols::terminal::Terminal;
use crate::travel::http::segment;

impl Process {
    /// Creates a terminal session and connects to it.
    ///
    /// # Parameters
    /// * `session_id`: Id for the new session; it must not be in use.
    ///
    /// # Errors
    /// `Conflict` when the id is in use, `InvalidArgument` when a size is not between 1 and 1000, `Connection` when the
    /// terminal cannot be reached.
    ///
    /// # Examples
    /// `terminals create`
    pub async fn create_pty(&self, session_id: &str, options: PtyCreateOptions) -> Result<Terminal> {
        let (rows, cols) = (options.rows.unwrap_or(24), options.cols.unwrap_or(80));
        check_size(rows, cols)?;
        if session_id.is_empty() {
            return Err(Error::invalid_argument("The terminal's session id is empty."));
        }
        self.toolbox
            .client
            .run("process.create_pty", DEFAULT_LIMIT, Terminal::create(&self.toolbox, session_id, rows, cols, &options))
            .await
    }

    /// Connects to an existing terminal session. Output from before the connection is not shown.
    ///
    /// # Parameters
    /// * `session_id`: Id of the terminal session.
    ///
    /// # Errors
    /// `NotFound` when there is no such session, `Connection` when it cannot be reached.
    pub async fn connect_pty(&self, session_id: &str) -> Result<Terminal> {
        let path = pty_path(session_id, "/connect")?;
        self.toolbox
            .client
            .run("process.connect_pty", DEFAULT_LIMIT, Terminal::connect(&self.toolbox, session_id, path))
            .await
    }

    /// Returns all terminal sessions.
    ///
    /// # Returns
    /// The terminal sessions.
    ///
    /// # Errors
    /// Only those of every request.
    pub async fn list_pty_sessions(&self) -> Result<Vec<PtySessionInfo>> {
        #[derive(Deserialize)]
        struct List {
            sessions: Option<Vec<PtySessionInfo>>,
        }
        self.toolbox
            .client
            .run("process.list_pty_sessions", DEFAULT_LIMIT, async {
                let list: List = self.toolbox.request(Method::GET, "/process/pty").await?.read().await?;
                Ok(list.sessions.unwrap_or_default())
            })
            .await
    }

    /// Returns the state of a terminal session.
    ///
    /// # Parameters
    /// * `session_id`: Id of the terminal session.
    ///
    /// # Returns
    /// The terminal session.
    ///
    /// # Errors
    /// `NotFound` when there is no such session.
    pub async fn get_pty_session_info(&self, session_id: &str) -> Result<PtySessionInfo> {
        let path = pty_path(session_id, "")?;
        self.toolbox
            .client
            .run("process.get_pty_session_info", DEFAULT_LIMIT, async {
                self.toolbox.request(Method::GET, path).await?.read().await
            })
            .await
    }

    /// Changes the size of a terminal.
    ///
    /// # Parameters
    /// * `session_id`: Id of the terminal session.
    /// * `rows`: Lines, 1 to 1000.
    /// * `cols`: Columns, 1 to 1000.
    ///
    /// # Returns
    /// The terminal session with its new size.
    ///
    /// # Errors
    /// `InvalidArgument` when a size is not between 1 and 1000, `NotFound` or `Gone` when there is no such session.
    ///
    /// # Examples
    /// `terminals resize-kill`
    pub async fn resize_pty_session(&self, session_id: &str, rows: i64, cols: i64) -> Result<PtySessionInfo> {
        check_size(rows, cols)?;
        let path = pty_path(session_id, "/resize")?;
        let body = json!({ "cols": cols, "rows": rows });
        self.toolbox
            .client
            .run("process.resize_pty_session", DEFAULT_LIMIT, async {
                self.toolbox.request(Method::POST, path).await?.json(&body).read().await
            })
            .await
    }

    /// Kills the processes of a terminal session and removes the session.
    ///
    /// # Parameters
    /// * `session_id`: Id of the terminal session.
    ///
    /// # Errors
    /// `NotFound` when there is no such session.
    ///
    /// # Examples
    /// `terminals resize-kill`
    pub async fn kill_pty_session(&self, session_id: &str) -> Result<()> {
        let path = pty_path(session_id, "")?;
        self.toolbox
            .client
            .run("process.kill_pty_session", DEFAULT_LIMIT, async {
                self.toolbox.request(Method::DELETE, path).await?.done().await
            })
            .await
    }
}

fn pty_path(session_id: &str, rest: &str) -> Result<String> {
    if session_id.is_empty() {
        return Err(Error::invalid_argument("The terminal's session id is empty."));
    }
    Ok(format!("/process/pty/{}{rest}", segment(session_id)))
}

fn check_size(rows: i64, cols: i64) -> Result<()> {
    for (name, value) in [("rows", rows), ("cols", cols)] {
        if !(1..=1000).contains(&value) {
            return Err(Error::invalid_argument(format!("{name} is {value}: it must be 1 to 1000.")));
        }
    }
    Ok(())
}
