//! Results: tables for people, JSON and YAML for programs.
//!
//! A result in JSON or YAML is one value on standard output, with the field names of the API (`docs/command-line.md`). Notes
//! to people go to standard error, and only with tables. Control characters from a server never reach a terminal.

mod progress;
mod table;
mod yaml;

use std::fmt::Write as _;
use std::io::{IsTerminal as _, Write};

use clap::{Args, ValueEnum};
use serde::Serialize;

use crate::failure::{Done, Failure};

pub use progress::Progress;
pub use table::{Table, ago, size};

/// The form of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// For people.
    #[default]
    Table,
    /// One JSON value.
    Json,
    /// One YAML document.
    Yaml,
}

/// A form that can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Machine {
    Json,
    Yaml,
}

/// How a result is printed.
#[derive(Debug, Clone, Default, Args)]
pub struct FormatArguments {
    /// Print the result as yaml or json
    #[arg(long, value_enum, value_name = "FORMAT")]
    format: Option<Machine>,
    /// Print the result and errors as JSON: short for --format json
    #[arg(long, conflicts_with = "format")]
    json: bool,
}

/// The same where the short form is documented.
#[derive(Debug, Clone, Default, Args)]
pub struct ShortFormatArguments {
    /// Print the result as yaml or json
    #[arg(short, long, value_enum, value_name = "FORMAT")]
    format: Option<Machine>,
    /// Print the result and errors as JSON: short for --format json
    #[arg(long, conflicts_with = "format")]
    json: bool,
}

impl FormatArguments {
    /// The form that was asked for.
    pub fn chosen(&self) -> Format {
        chosen(self.format, self.json)
    }
}

impl ShortFormatArguments {
    /// The form that was asked for.
    pub fn chosen(&self) -> Format {
        chosen(self.format, self.json)
    }
}

fn chosen(format: Option<Machine>, json: bool) -> Format {
    match format {
        _ if json => Format::Json,
        Some(Machine::Json) => Format::Json,
        Some(Machine::Yaml) => Format::Yaml,
        None => Format::Table,
    }
}

/// Where a command's result goes.
pub struct Output {
    format: Format,
}

impl Output {
    /// Standard output in this form.
    pub fn new(format: Format) -> Self {
        Self { format }
    }

    /// Whether a program reads the result.
    pub fn is_for_programs(&self) -> bool {
        self.format != Format::Table
    }

    /// Prints a result: as data, or as the text that `table` makes of it.
    ///
    /// # Errors
    /// When standard output cannot be written to.
    pub fn result(&mut self, value: &impl Serialize, table: impl FnOnce() -> String) -> Done {
        let text = match self.format {
            Format::Table => table(),
            Format::Json => escaped(format!("{}\n", serde_json::to_string_pretty(value)?)),
            Format::Yaml => escaped(yaml::write(&serde_json::to_value(value)?)),
        };
        self.bytes(text.as_bytes())
    }

    /// Prints bytes as they are.
    ///
    /// # Errors
    /// When standard output cannot be written to.
    pub fn bytes(&mut self, bytes: &[u8]) -> Done {
        raw(bytes)
    }

    /// Prints bytes of a program's standard error as they are.
    ///
    /// # Errors
    /// When standard error cannot be written to.
    pub fn error_bytes(&mut self, bytes: &[u8]) -> Done {
        Ok(std::io::stderr().write_all(bytes)?)
    }

    /// Tells people something that is not part of the result.
    pub fn note(&self, text: impl AsRef<str>) {
        if !self.is_for_programs() {
            tell(text.as_ref());
        }
    }

    /// A bar for work that takes long, on standard error.
    pub fn progress(&self, what: &str) -> Progress {
        Progress::new(what, !self.is_for_programs() && std::io::stderr().is_terminal() && moves_cursor())
    }

    /// Everything has been printed.
    ///
    /// # Errors
    /// When standard output cannot be written to.
    pub fn finish(&mut self) -> Done {
        std::io::stdout().flush().map_err(unwritable)
    }
}

/// Writes a line to standard error, without what could steer a terminal.
pub fn tell(line: &str) {
    // Where nobody reads it there is nobody to tell.
    let _ = writeln!(std::io::stderr(), "{}", printable(line));
}

/// Writes bytes to standard output at once.
///
/// # Errors
/// When it cannot be written to.
pub fn raw(bytes: &[u8]) -> Done {
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(bytes).and_then(|()| stdout.flush()).map_err(unwritable)
}

/// Why standard output did not take something.
pub fn unwritable(error: std::io::Error) -> Failure {
    match Failure::from(error) {
        Failure::Other(why) => Failure::other(format!("standard output cannot be written to: {why}")),
        closed => closed,
    }
}

/// A value of an enum of strings as the API writes it, for people.
pub fn word(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => printable(&word),
        _ => String::new(),
    }
}

/// Text without what could steer a terminal: names and messages come from others.
pub fn printable(text: &str) -> String {
    text.chars().map(|c| if steers(c) { '\u{fffd}' } else { c }).collect()
}

/// JSON, or YAML with strings as JSON has them, whose strings hold nothing that could steer a terminal: JSON itself escapes only
/// what is older than Unicode.
pub fn escaped(text: String) -> String {
    if !text.contains(steers) {
        return text;
    }
    text.chars().fold(String::with_capacity(text.len() + 16), |mut all, c| {
        if steers(c) {
            let _ = write!(all, "\\u{:04x}", u32::from(c));
        } else {
            all.push(c);
        }
        all
    })
}

/// Whether it is a control character, or one that turns the direction of what follows.
fn steers(c: char) -> bool {
    (c.is_control() && c != '\n' && c != '\t') || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Whether colours are wanted: a terminal, and neither `NO_COLOR` nor a terminal that has none.
pub fn has_colours() -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    std::io::stdout().is_terminal() && !set("NO_COLOR") && moves_cursor()
}

/// Whether a terminal does more than show text below text.
pub fn moves_cursor() -> bool {
    std::env::var_os("TERM").is_none_or(|terminal| terminal != "dumb")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_steers_no_terminal_and_stays_what_it_is() {
        let value = serde_json::json!({ "name": "a\u{9b}31m\u{202e}b\u{7f}", "lines": "c\nd" });
        for text in [escaped(value.to_string()), escaped(yaml::write(&value))] {
            assert!(!text.contains(steers), "{text:?}");
        }
        assert_eq!(serde_json::from_str::<serde_json::Value>(&escaped(value.to_string())).unwrap(), value);
    }
}
