//! What can go wrong, in words for the author of a Dockerfile.

use std::fmt;
use std::io;
use std::path::Path;

use crate::Image;
use crate::credentials::hidden;

/// Why there is no image.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The Dockerfile cannot be read.
    #[error("the Dockerfile is not valid: line {line}: {reason}")]
    Dockerfile {
        /// The line, counted from 1.
        line: usize,
        /// What is wrong.
        reason: String,
    },
    /// A command ended with a failure.
    #[error("{instruction} (line {line}) {exit}{}", tail(.last_lines))]
    Run {
        /// The line of the Dockerfile, counted from 1.
        line: usize,
        /// The instruction as written.
        instruction: String,
        /// How the command ended.
        exit: Exit,
        /// The end of what it printed.
        last_lines: Vec<String>,
        /// The file system as the command left it, where that is to be kept.
        left: Option<Box<Image>>,
    },
    /// Another instruction failed.
    #[error("{instruction} (line {line}): {reason}")]
    Instruction {
        /// The line of the Dockerfile, counted from 1.
        line: usize,
        /// The instruction as written.
        instruction: String,
        /// Why.
        reason: String,
    },
    /// An image cannot be had from where it is.
    #[error("the image {reference} {reason}")]
    Image {
        /// The image's name as given.
        reference: String,
        /// Why.
        reason: String,
    },
    /// A registry is not there, or not any more.
    #[error("{0}")]
    Unreachable(String),
    /// Content that is not accepted: broken, hostile, or beyond a limit.
    #[error("{0}")]
    Refused(String),
    /// The disk has too little room.
    #[error(
        "only {free} bytes are left on the local engine's disk, of which {reserve} are kept free: remove images, snapshots or \
         sandboxes that are of no use any more"
    )]
    NoRoom {
        /// Bytes that are free.
        free: u64,
        /// Bytes that nothing here takes.
        reserve: u64,
    },
    /// The caller gave up.
    #[error("the build was cancelled")]
    Cancelled,
    /// The store's files could not be worked on.
    #[error("{what}: {error}")]
    Io {
        /// What was attempted.
        what: String,
        /// The system's answer.
        error: io::Error,
    },
}

impl Error {
    /// The same, as the failure of an instruction; one that tells more already stays.
    pub(crate) fn at(self, line: usize, instruction: &str) -> Self {
        match self {
            known @ (Self::Dockerfile { .. } | Self::Run { .. } | Self::Instruction { .. } | Self::Cancelled) => known,
            other => {
                let reason = hidden(&other.to_string()).into_owned();
                Self::Instruction { line, instruction: hidden(instruction).into_owned(), reason }
            }
        }
    }
}

fn tail(lines: &[String]) -> String {
    if lines.is_empty() { String::new() } else { format!(":\n{}", lines.join("\n")) }
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// With an exit code.
    Code(i32),
    /// By a signal.
    Signal(i32),
}

impl fmt::Display for Exit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(formatter, "ended with exit code {code}"),
            Self::Signal(9) => write!(formatter, "was killed (signal 9), which happens at the memory limit"),
            Self::Signal(signal) => write!(formatter, "was ended by signal {signal}"),
        }
    }
}

/// Says what was attempted.
pub(crate) trait Attempt<T> {
    fn attempt(self, what: impl fmt::Display) -> Result<T, Error>;

    fn at_path(self, what: &str, path: &Path) -> Result<T, Error>
    where
        Self: Sized,
    {
        self.attempt(format_args!("{what} {}", path.display()))
    }
}

impl<T, E: Into<io::Error>> Attempt<T> for Result<T, E> {
    fn attempt(self, what: impl fmt::Display) -> Result<T, Error> {
        self.map_err(|error| Error::Io { what: what.to_string(), error: error.into() })
    }
}
