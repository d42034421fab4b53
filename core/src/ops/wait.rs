//! Waiting for what a process brings about: a port that listens, a line in a log.

use std::time::Duration;

use http::Method;
use regex::bytes::{Regex, RegexBuilder};
use serde::Deserialize;

use super::Process;
use super::spawn::{log_channel, process_of_session};
use crate::client::DEFAULT_LIMIT;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{ProcessInfo, WaitForLogOptions, WaitOptions};
use crate::protocols::log_demux::LogChannel;
use crate::protocols::logs::{LogChunk, LogStream};
use crate::travel::backoff::Backoff;
use crate::travel::deadline;
use crate::travel::http::segment;

/// Pauses between two looks at a port.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);
/// Longest part of an unfinished line that is kept, in bytes.
const LONGEST_LINE: usize = 64 * 1024;

impl Process {
    /// Waits until something in the sandbox listens on a TCP port.
    ///
    /// # Parameters
    /// * `port`: TCP port, 1 to 65535.
    ///
    /// # Errors
    /// `InvalidArgument` when the port is not between 1 and 65535, `Timeout` when nothing listens in time.
    ///
    /// # Examples
    /// `processes waits`
    pub async fn wait_for_port(&self, port: i64, options: WaitOptions) -> Result<()> {
        let port = u16::try_from(port).ok().filter(|port| *port != 0).ok_or_else(|| {
            Error::invalid_argument(format!("{port} is not a valid port: it must be between 1 and 65535."))
        })?;
        let limit = deadline::limit(options.timeout, DEFAULT_LIMIT);
        self.toolbox
            .client
            .run("process.wait_for_port", limit, async {
                let mut pauses = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE).growing(1.5);
                while !self.listens(port).await? {
                    pauses.pause().await;
                }
                Ok(())
            })
            .await
            .map_err(|e| late(e, limit, || format!("Nothing listened on port {port}")))
    }

    /// Waits until a command of a session has written a line that contains `pattern`, and returns that line. Lines from
    /// before the call count too. An unfinished line, such as a prompt, is found as well, except on servers up to
    /// 0.190, which log a line when it ends.
    ///
    /// # Parameters
    /// * `session_id`: Id of the session that runs the command.
    /// * `command_id`: Id of the command.
    /// * `pattern`: Text to look for, or a regular expression with the option `regex`.
    ///
    /// # Returns
    /// The line.
    ///
    /// # Errors
    /// `InvalidArgument` for an invalid regular expression, `NotFound` when there is no such command,
    /// `CommandAlreadyCompleted` when it ends without such a line, `Timeout` when the line does not come in time.
    ///
    /// # Examples
    /// `processes waits`
    pub async fn wait_for_log(
        &self,
        session_id: &str,
        command_id: &str,
        pattern: &str,
        options: WaitForLogOptions,
    ) -> Result<String> {
        let wanted = expression(pattern, options.regex.unwrap_or(false))?;
        let channel = log_channel(options.channel.as_ref())?;
        let limit = deadline::limit(options.timeout, DEFAULT_LIMIT);
        let path = format!("/process/session/{}/command/{}/logs", segment(session_id), segment(command_id));
        self.toolbox
            .client
            .run("process.wait_for_log", limit, async {
                let mut log = LogStream::follow(&self.toolbox, path).await?.only(channel);
                if let Some(process_id) = process_of_session(session_id) {
                    log = log.of_process(ProcessInfo {
                        id: process_id.to_owned(),
                        session_id: session_id.to_owned(),
                        command_id: command_id.to_owned(),
                        ..ProcessInfo::default()
                    });
                }
                let mut lines = [Line::default(), Line::default()];
                while let Some(LogChunk { channel, data }) = log.next().await? {
                    if let Some(line) = lines[channel as usize].push(&data, &wanted) {
                        return Ok(line);
                    }
                }
                let last = String::from_utf8_lossy(&lines[LogChannel::Stderr as usize].last).into_owned();
                let last = if last.is_empty() { String::from_utf8_lossy(&lines[0].last).into_owned() } else { last };
                Err(Error::new(
                    ErrorKind::CommandAlreadyCompleted,
                    format!("The command ended without a line with {pattern:?}; its last line: {last:?}"),
                ))
            })
            .await
            .map_err(|e| late(e, limit, || format!("No line with {pattern:?} came")))
    }

    async fn listens(&self, port: u16) -> Result<bool> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct InUse {
            is_in_use: bool,
        }
        #[derive(Deserialize)]
        struct Ports {
            ports: Option<Vec<u16>>,
        }
        // The server tells of a single port only in this range, and of the others once a second (wire.md 3.7).
        if (3000..=9999).contains(&port) {
            let path = format!("/port/{port}/in-use");
            let answer: InUse = self.toolbox.request(Method::GET, path).await?.read().await?;
            return Ok(answer.is_in_use);
        }
        let listening: Ports = self.toolbox.request(Method::GET, "/port").await?.read().await?;
        Ok(listening.ports.unwrap_or_default().contains(&port))
    }
}

/// Says what was waited for when the time is over.
fn late(error: Error, limit: Option<Duration>, what: impl FnOnce() -> String) -> Error {
    match limit {
        Some(limit) if deadline::has_passed(&error) => {
            error.saying(format!("{} within {} s.", what(), limit.as_secs_f64()))
        }
        _ => error,
    }
}

fn expression(pattern: &str, regex: bool) -> Result<Regex> {
    if pattern.is_empty() {
        return Err(Error::invalid_argument("The pattern is empty."));
    }
    let source = if regex { pattern.to_owned() } else { regex::escape(pattern) };
    RegexBuilder::new(&source).build().map_err(|e| {
        // Its last line says what is wrong; those before draw where.
        let reason = e.to_string();
        let reason = reason.lines().last().unwrap_or_default().trim_start_matches("error: ");
        Error::invalid_argument(format!("{pattern:?} is not a valid regular expression: {reason}."))
    })
}

/// The line that an output is in the middle of.
#[derive(Default)]
struct Line {
    text: Vec<u8>,
    /// The last line that ended.
    last: Vec<u8>,
}

impl Line {
    /// Takes output; answers the first line in which `wanted` is found.
    fn push(&mut self, data: &[u8], wanted: &Regex) -> Option<String> {
        for piece in data.split_inclusive(|byte| *byte == b'\n') {
            let ended = piece.ends_with(b"\n");
            self.text.extend_from_slice(piece.strip_suffix(b"\n").unwrap_or(piece));
            if wanted.is_match(&self.text) {
                return Some(String::from_utf8_lossy(&self.text).trim_end_matches('\r').to_owned());
            }
            if ended {
                self.last = std::mem::take(&mut self.text);
            } else if self.text.len() > LONGEST_LINE {
                self.text.drain(..self.text.len() - LONGEST_LINE / 2);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_found_wherever_the_log_is_cut() {
        let log = b"starting\nListening on http://127.0.0.1:8000/ (quit)\nmore\n";
        let wanted = expression("on http://127.0.0.1:8000/ (", false).unwrap();
        for cut in 0..=log.len() {
            let mut line = Line::default();
            let found = [&log[..cut], &log[cut..]].into_iter().find_map(|piece| line.push(piece, &wanted)).unwrap();
            assert!(found.starts_with("Listening on http://127.0.0.1:8000/ ("), "cut at {cut}: {found}");
        }
    }

    #[test]
    fn a_prompt_without_line_end_is_found() {
        let wanted = expression(r"^ready> $", true).unwrap();
        assert_eq!(Line::default().push(b"hello\nready> ", &wanted).as_deref(), Some("ready> "));
        assert!(expression("(", true).unwrap_err().to_string().contains("\"(\""));
    }
}
