//! Which server's answers the toolbox gives.
//!
//! The newest contract is the default. A program that must run against an older server can be tried against that server's
//! answers, quirks included. Every difference has its name here, so that the rest of the toolbox asks a question instead of
//! comparing versions: [`Compat`] names the servers and answers for files, processes, sessions, terminals, interpreter and
//! git; [`answers`] has the statuses and error bodies, [`charts`] the charts.

pub(crate) mod answers;
mod charts;

use std::fmt;
use std::future::Future;
use std::str::FromStr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::errors::ApiError;

/// The server whose behaviour to show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Compat {
    /// The newest contract.
    #[default]
    #[serde(rename = "newest")]
    Newest,
    /// Release 0.190 of the server.
    #[serde(rename = "0.190")]
    V0_190,
}

impl Compat {
    /// Every server there is, the default first.
    pub const ALL: [Self; 2] = [Self::Newest, Self::V0_190];

    /// The name on the command line and in the environment.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Newest => "newest",
            Self::V0_190 => "0.190",
        }
    }

    const fn is_0_190(self) -> bool {
        matches!(self, Self::V0_190)
    }

    /// Runs what a request asks for. When its client leaves, the newest server stops it; 0.190 goes on to the end.
    pub(crate) async fn carry_out<T: Send + 'static>(
        self,
        work: impl Future<Output = Result<T, ApiError>> + Send + 'static,
    ) -> Result<T, ApiError> {
        match self {
            Self::Newest => work.await,
            Self::V0_190 => tokio::spawn(work).await?,
        }
    }
}

/// Files.
impl Compat {
    /// Uploads are written in place: what arrived of an interrupted one stays, and the old content is lost.
    pub(crate) const fn writes_uploads_in_place(self) -> bool {
        self.is_0_190()
    }

    /// An upload's part without a file name is no file.
    pub(crate) const fn wants_file_names(self) -> bool {
        self.is_0_190()
    }

    /// Only numbered fields (`files[0].path`) of a bulk upload belong together.
    pub(crate) const fn wants_numbered_fields(self) -> bool {
        self.is_0_190()
    }

    /// `depth` is not known: a list shows one level.
    pub(crate) const fn lists_one_level(self) -> bool {
        self.is_0_190()
    }

    /// Deleting a link that leads nowhere finds nothing.
    pub(crate) const fn looks_through_deleted_links(self) -> bool {
        self.is_0_190()
    }

    /// Moving a directory into itself removes it.
    pub(crate) const fn loses_what_moves_into_itself(self) -> bool {
        self.is_0_190()
    }

    /// Searching below a path that is not there finds nothing, which is no error.
    pub(crate) const fn finds_nothing_in_nothing(self) -> bool {
        self.is_0_190()
    }

    /// Bytes of a line that end the search of its file silently.
    pub(crate) const fn longest_searched_line(self) -> Option<usize> {
        if self.is_0_190() { Some(64 * 1024) } else { None }
    }

    /// The bits of a mode that are set; 0.190 drops set-id and sticky bits.
    pub(crate) const fn mode_bits(self) -> u32 {
        if self.is_0_190() { 0o777 } else { 0o7777 }
    }
}

/// Processes and programs.
impl Compat {
    /// The first JSON document of a body counts, whatever follows it.
    pub(crate) const fn ignores_trailing_json(self) -> bool {
        self.is_0_190()
    }

    /// Arguments of a program are words of the shell's language.
    pub(crate) const fn leaves_arguments_unquoted(self) -> bool {
        self.is_0_190()
    }

    /// A program without charts answers without artifacts.
    pub(crate) const fn omits_empty_artifacts(self) -> bool {
        self.is_0_190()
    }

    /// The chart as clients get it, if they do.
    pub(crate) fn chart(self, chart: serde_json::Value) -> Option<serde_json::Value> {
        match self {
            Self::Newest => Some(chart),
            Self::V0_190 => charts::as_0_190_decodes(chart),
        }
    }

    /// `POST /init` must have a token.
    pub(crate) const fn wants_a_token(self) -> bool {
        self.is_0_190()
    }
}

/// Sessions.
impl Compat {
    /// A command that ends the session's shell never ends itself: no exit code, and a log that goes on for ever.
    pub(crate) const fn forgets_commands_of_ended_shells(self) -> bool {
        self.is_0_190()
    }

    /// How long after its acceptance a command cannot be typed to, because its pipe is not there yet.
    pub(crate) const fn input_pipe_delay(self) -> Duration {
        if self.is_0_190() { Duration::from_millis(8) } else { Duration::ZERO }
    }

    /// How long after a command's end its exit code is a file without content.
    pub(crate) const fn exit_code_delay(self) -> Duration {
        if self.is_0_190() { Duration::from_millis(1) } else { Duration::ZERO }
    }

    /// Whether this log, read over a WebSocket without following it, ends before anything was sent: every third on 0.190.
    pub(crate) fn loses_log(self) -> bool {
        static READ: AtomicUsize = AtomicUsize::new(0);
        self.is_0_190() && READ.fetch_add(1, Ordering::Relaxed).is_multiple_of(3)
    }

    /// How long after a command's end a followed log ends.
    pub(crate) const fn end_of_log_delay(self) -> Duration {
        if self.is_0_190() { Duration::from_secs(1) } else { Duration::ZERO }
    }

    /// Lines are logged when they are complete: a prompt is not seen until the end.
    pub(crate) const fn logs_whole_lines_only(self) -> bool {
        self.is_0_190()
    }

    /// NUL bytes do not reach the log.
    pub(crate) const fn drops_nul(self) -> bool {
        self.is_0_190()
    }
}

/// Terminals and the interpreter.
impl Compat {
    /// Names of a terminal's variables may be anything.
    pub(crate) const fn takes_any_variables(self) -> bool {
        self.is_0_190()
    }

    /// Columns or rows missing from a resize are none at all, instead of the default.
    pub(crate) const fn resizes_to_nothing(self) -> bool {
        self.is_0_190()
    }

    /// A terminal's exit is told by the close frame alone, also to clients that ask for a message.
    pub(crate) const fn tells_exits_by_closing(self) -> bool {
        self.is_0_190()
    }

    /// Interpreted code runs on when its client leaves.
    pub(crate) const fn runs_abandoned_code(self) -> bool {
        self.is_0_190()
    }

    /// The output of child processes of interpreted code is not shown.
    pub(crate) const fn hides_output_of_children(self) -> bool {
        self.is_0_190()
    }
}

/// Git.
impl Compat {
    /// A clone that fails leaves a repository behind.
    pub(crate) const fn keeps_failed_clones(self) -> bool {
        self.is_0_190()
    }

    /// A fresh clone's branch does not know where it came from.
    pub(crate) const fn clones_without_upstream(self) -> bool {
        self.is_0_190()
    }

    /// Branches are neither made nor checked out while files are changed.
    pub(crate) const fn wants_clean_worktrees(self) -> bool {
        self.is_0_190()
    }

    /// `git://` is refused.
    pub(crate) const fn refuses_git_protocol(self) -> bool {
        self.is_0_190()
    }
}

/// Language servers.
impl Compat {
    /// Completions at the first line or character of a document are taken for requests without a position.
    pub(crate) const fn refuses_positions_of_zero(self) -> bool {
        self.is_0_190()
    }
}

impl fmt::Display for Compat {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for Compat {
    type Err = String;

    /// Reads a [`name`](Self::name).
    ///
    /// # Errors
    /// A sentence with the names there are.
    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|compat| compat.name() == text)
            .ok_or_else(|| format!("unknown compatibility '{text}': use newest or 0.190"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for compat in Compat::ALL {
            assert_eq!(compat.to_string().parse(), Ok(compat));
            assert_eq!(serde_json::to_value(compat).unwrap(), compat.name());
        }
        assert!("0.191".parse::<Compat>().unwrap_err().contains("0.190"));
    }
}
