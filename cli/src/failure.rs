//! What a command may end with: errors, exit codes, and how they are told.

use std::fmt::Display;
use std::io::Write as _;
use std::process::ExitCode;

use daytona::ErrorKind;
use serde_json::json;

use crate::output::{Format, escaped, printable};

/// Something failed that has no code of its own.
const FAILED: u8 = 1;
/// The command line itself is wrong.
const USAGE: u8 = 2;
const AUTHENTICATION: u8 = 3;
const NOT_FOUND: u8 = 4;
const CONFLICT: u8 = 5;
const TIMEOUT: u8 = 6;
const CONNECTION: u8 = 7;
const RATE_LIMIT: u8 = 8;
/// A program ran longer than its timeout, as `timeout` reports it.
const PROGRAM_TIMEOUT: u8 = 124;
/// A program could not be run at all: nothing below this is mistaken for its own exit code.
const NOT_RUN: u8 = 125;
/// Ended by a signal: this and its number.
const SIGNAL: u8 = 128;
const SIGPIPE: u8 = 13;

/// The exit codes, for the documentation.
pub const EXIT_CODES: &[(&str, &str)] = &[
    ("0", "success"),
    (
        "1",
        "it failed, and no other code fits; also what a server refuses as a bad request, which may be an argument or a state",
    ),
    ("2", "the command line or an argument is wrong, as this program can tell without a server"),
    ("3", "not logged in, or not allowed"),
    ("4", "there is no such sandbox, file, session, …"),
    ("5", "it exists already, or its state does not allow this now"),
    ("6", "it took longer than `--timeout`"),
    ("7", "the server cannot be reached"),
    ("8", "too many requests"),
    ("124", "`exec`, `run`, `code`: the program ran longer than `--timeout` and was killed"),
    (
        "125",
        "`exec`, `run`, `code`, `session exec`, `ssh`, `pty`, `attach`: the program could not be run or followed, for whatever \
         reason but a wrong command line",
    ),
    ("129 to 143", "ended by a signal: 130 after Ctrl-C, 141 when nobody reads the output any more"),
];

/// The end of a command that did not succeed.
#[derive(Debug)]
pub enum Failure {
    /// An operation failed.
    Api(daytona::Error),
    /// The command line or an argument is wrong.
    Usage(String),
    /// There are no credentials.
    NotLoggedIn(String),
    /// Anything else.
    Other(String),
    /// A program was run and ended with this code; it has said itself what went wrong.
    Program(u8),
    /// A program could not be run or followed.
    NotRun(Box<Failure>),
    /// This signal ended it.
    Signal(u8),
    /// Nobody reads the output any more.
    ClosedPipe,
}

/// The result of a command.
pub type Done<T = ()> = Result<T, Failure>;

impl Failure {
    /// A failure told by a sentence.
    pub fn other(message: impl Display) -> Self {
        Self::Other(message.to_string())
    }

    /// A wrong argument, told by a sentence.
    pub fn usage(message: impl Display) -> Self {
        Self::Usage(message.to_string())
    }

    /// The same for a command whose exit code is that of the program it runs. A wrong command line stays one.
    pub fn not_run(self) -> Self {
        match self {
            Self::Program(_) | Self::NotRun(_) | Self::Signal(_) | Self::ClosedPipe | Self::Usage(_) => self,
            other => Self::NotRun(Box::new(other)),
        }
    }

    fn code(&self) -> u8 {
        match self {
            Self::Api(error) => api_code(error.kind()),
            Self::Usage(_) => USAGE,
            Self::NotLoggedIn(_) => AUTHENTICATION,
            Self::Other(_) => FAILED,
            Self::Program(code) => *code,
            Self::NotRun(inner) => match &**inner {
                Self::Api(error) if error.kind() == ErrorKind::ProcessExecutionTimeout => PROGRAM_TIMEOUT,
                _ => NOT_RUN,
            },
            Self::Signal(number) => SIGNAL + number,
            Self::ClosedPipe => SIGNAL + SIGPIPE,
        }
    }

    /// Tells it on standard error and returns the exit code.
    pub fn report(&self, format: Format) -> ExitCode {
        let code = self.code();
        if let Some(message) = self.message() {
            let told = match format {
                // Messages of servers and sandboxes are theirs.
                Format::Table => printable(&format!("Error: {message}\n")),
                Format::Json | Format::Yaml => {
                    let mut error = match self.api() {
                        Some(error) => serde_json::to_value(error.info()).unwrap_or_default(),
                        None => json!({ "kind": self.kind(), "message": message, "retryable": false }),
                    };
                    error["exitCode"] = code.into();
                    // Headers are for support, not for programs.
                    error.as_object_mut().map(|fields| fields.remove("headers"));
                    escaped(format!("{}\n", json!({ "error": error })))
                }
            };
            // Where nobody reads it there is nobody to tell.
            let _ = std::io::stderr().write_all(told.as_bytes());
        }
        ExitCode::from(code)
    }

    fn api(&self) -> Option<&daytona::Error> {
        match self {
            Self::Api(error) => Some(error),
            Self::NotRun(inner) => inner.api(),
            _ => None,
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Usage(_) => "InvalidArgument",
            Self::NotLoggedIn(_) => "Authentication",
            Self::Signal(_) => "Cancelled",
            Self::NotRun(inner) => inner.kind(),
            _ => "Unknown",
        }
    }

    /// What it says, unless the program that was run has said it.
    pub fn message(&self) -> Option<String> {
        match self {
            Self::Api(error) => Some(error.to_string()),
            Self::Usage(message) | Self::NotLoggedIn(message) | Self::Other(message) => Some(message.clone()),
            Self::NotRun(inner) => inner.message(),
            Self::Signal(_) => Some("interrupted".to_owned()),
            Self::Program(_) | Self::ClosedPipe => None,
        }
    }
}

fn api_code(kind: ErrorKind) -> u8 {
    let codes = [
        (ErrorKind::InvalidArgument, USAGE),
        (ErrorKind::Authentication, AUTHENTICATION),
        (ErrorKind::Authorization, AUTHENTICATION),
        (ErrorKind::NotFound, NOT_FOUND),
        (ErrorKind::Gone, NOT_FOUND),
        (ErrorKind::Conflict, CONFLICT),
        (ErrorKind::Timeout, TIMEOUT),
        (ErrorKind::Connection, CONNECTION),
        (ErrorKind::RateLimit, RATE_LIMIT),
    ];
    codes.iter().find(|(above, _)| kind.is(*above)).map_or(FAILED, |(_, code)| *code)
}

impl From<daytona::Error> for Failure {
    fn from(error: daytona::Error) -> Self {
        Self::Api(error)
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::BrokenPipe { Self::ClosedPipe } else { Self::other(error) }
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Other(daytona_engine::in_words(&error))
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        Self::other(error)
    }
}
