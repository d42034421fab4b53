//! Commands to run while an image is built.

use serde::Deserialize;

/// A command to run while an image is built.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged, expecting = "a string, or a list of strings")]
pub enum ImageCommand {
    /// A command of the shell.
    Shell(String),
    /// A program and its arguments, which the shell leaves as they are.
    Program(Vec<String>),
}

impl From<&str> for ImageCommand {
    fn from(command: &str) -> Self {
        Self::Shell(command.to_owned())
    }
}

impl From<String> for ImageCommand {
    fn from(command: String) -> Self {
        Self::Shell(command)
    }
}

impl<S: Into<String>> From<Vec<S>> for ImageCommand {
    fn from(arguments: Vec<S>) -> Self {
        Self::Program(arguments.into_iter().map(Into::into).collect())
    }
}
