//! Commands and code.

use std::time::Duration;

use http::Method;
use serde_json::json;

use super::Process;
use super::abandoned::Running;
use super::fs::check_nul;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{CodeRunOptions, ExecOptions, ExecuteResponse};
use crate::travel::deadline;
use crate::travel::http::body;

/// Extra time for the call on top of the command's timeout.
const GRACE: Duration = Duration::from_secs(5);

impl Process {
    /// Runs a shell command and returns its exit code and output.
    ///
    /// When the call is cancelled or `timeout` passes, the command is killed with everything it started. The
    /// environment variable `DAYTONA_CALL_ID` holds the id of the call.
    ///
    /// # Parameters
    /// * `command`: Command line, run by the shell.
    ///
    /// # Errors
    /// `Validation` for an empty command, `Timeout` (`ProcessExecutionTimeout`) after `timeout` seconds.
    ///
    /// # Examples
    /// `processes exec`
    pub async fn exec(&self, command: &str, options: ExecOptions) -> Result<ExecuteResponse> {
        check_nul("command", command)?;
        let (limit, timeout) = limits(options.timeout)?;
        let body = body(json!({ "command": command, "cwd": options.cwd, "envs": options.env, "timeout": timeout }));
        self.toolbox
            .client
            .run("process.exec", limit, async {
                let mut response = self.run_to_its_end("/process/execute", body).await?;
                // `artifacts` is documented for commands, too, in every language; servers do not send it.
                let stdout = response.result.clone();
                response.artifacts.get_or_insert_default().stdout = stdout;
                Ok(response)
            })
            .await
            .map_err(|e| self.killed(e, &format!("The command {}", shortened(command)), options.timeout))
    }

    /// Runs a program and returns its exit code, output and charts.
    ///
    /// Each run is a new process; use the code interpreter to keep variables between runs. When the call is cancelled
    /// or `timeout` passes, the program is killed with everything it started.
    ///
    /// # Parameters
    /// * `code`: Source code of the program.
    /// * `language`: Language of the program: `python`, `typescript` or `javascript`.
    ///
    /// # Errors
    /// `Validation` for another language, `Timeout` (`ProcessExecutionTimeout`) after `timeout` seconds.
    ///
    /// # Examples
    /// `processes code-run`
    pub async fn code_run(&self, code: &str, language: &str, options: CodeRunOptions) -> Result<ExecuteResponse> {
        let (limit, timeout) = limits(options.timeout)?;
        let body = body(json!({
            "code": code,
            "language": language,
            "argv": options.argv,
            "envs": options.env,
            "timeout": timeout,
        }));
        self.toolbox
            .client
            .run("process.code_run", limit, async {
                let mut response = self.run_to_its_end("/process/code-run", body).await?;
                // `artifacts.stdout` is documented in every language; servers do not send it.
                let stdout = response.result.clone();
                response.artifacts.get_or_insert_default().stdout = stdout;
                Ok(response)
            })
            .await
            .map_err(|e| self.killed(e, "The program", options.timeout))
    }

    /// Makes the error the same whether the server or this side noticed that the time was over.
    fn killed(&self, error: Error, what: &str, timeout: Option<Duration>) -> Error {
        let Some(timeout) = timeout.filter(|timeout| !timeout.is_zero()) else { return error };
        // A limit for every request is not the command's, although the command is killed with it.
        let here = deadline::has_passed(&error) && !self.toolbox.client.limits_requests();
        if !here && error.kind() != ErrorKind::ProcessExecutionTimeout && error.status() != Some(408) {
            return error;
        }
        let timeout = timeout.as_secs_f64();
        let unit = if timeout == 1.0 { "second" } else { "seconds" };
        error
            .with_kind(ErrorKind::ProcessExecutionTimeout)
            .with_status(408)
            .saying(format!("{what} ran longer than its timeout of {timeout} {unit} and was killed."))
    }

    /// Sends a request that runs something. Given up before the answer, what runs is ended in the sandbox.
    async fn run_to_its_end(&self, path: &str, mut body: serde_json::Value) -> Result<ExecuteResponse> {
        let running = Running::new(&self.toolbox);
        running.mark(&mut body);
        let response = self.toolbox.request(Method::POST, path).await?.json(&body).read().await;
        running.ended();
        response
    }
}

/// A command as errors quote it.
fn shortened(command: &str) -> String {
    const MOST: usize = 200;
    let short: String = command.chars().take(MOST).collect();
    if short.len() < command.len() { format!("{short:?}…") } else { format!("{command:?}") }
}

/// The call's limit and the whole seconds the server is told. The server knows only whole seconds, so a fraction is
/// rounded up there and kept exactly here.
pub(crate) fn limits(timeout: Option<Duration>) -> Result<(Option<Duration>, Option<u32>)> {
    let Some(limit) = deadline::limit(timeout, None) else { return Ok((None, None)) };
    let whole = limit.as_secs_f64().ceil();
    if whole > f64::from(u32::MAX) {
        return Err(Error::invalid_argument(format!("The timeout {whole} s is too long; 0 means no limit.")));
    }
    let fraction = limit.subsec_nanos() != 0;
    Ok((Some(if fraction { limit } else { limit + GRACE }), Some(whole as u32)))
}

/// One word of the shell's language, whatever is in it.
pub(crate) fn quote(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fraction_of_a_second_is_kept_here_and_rounded_up_there() {
        let half = Duration::from_millis(500);
        assert_eq!(limits(Some(half)).unwrap(), (Some(half), Some(1)));
        assert_eq!(limits(Some(Duration::from_secs(2))).unwrap(), (Some(Duration::from_secs(7)), Some(2)));
        assert_eq!(limits(Some(Duration::ZERO)).unwrap(), (None, None));
        assert!(limits(Some(Duration::MAX)).unwrap_err().to_string().contains("too long"));
    }
}
