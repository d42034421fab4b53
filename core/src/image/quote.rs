//! Texts as a shell and a Dockerfile both read them.

use crate::error::{Error, Result};

use super::instructions;

/// Fails for a value that cannot stand on one line of a Dockerfile.
pub(super) fn one_line(what: &str, value: &str) -> Result<()> {
    if value.contains(['\n', '\r', '\0']) {
        return Err(Error::invalid_argument(format!(
            "The {what} has more than one line, which a Dockerfile cannot hold: {value:?}."
        )));
    }
    Ok(())
}

/// A word for a shell.
pub(super) fn shell(word: &str) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || "@%+=:,./_-".contains(c);
    if !word.is_empty() && word.chars().all(safe) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\"'\"'"))
}

/// An array as JSON, with spaces behind the commas.
pub(super) fn array(words: &[String]) -> String {
    let words: Vec<_> = words.iter().map(|word| json(word)).collect();
    format!("[{}]", words.join(", "))
}

fn json(word: &str) -> String {
    serde_json::Value::from(word).to_string()
}

/// The instruction for a command of the shell.
pub(super) fn run(command: &str, escape: Escape) -> String {
    let command = command.trim_end_matches(['\n', '\r', ' ', '\t']).trim_start_matches(['\n', '\r']);
    if !command.contains('\n') || instructions::is_one(&format!("RUN {command}"), escape) {
        return format!("RUN {command}");
    }
    let mut mark = "EOF".to_owned();
    while command.lines().any(|line| line.trim() == mark) {
        mark.push('_');
    }
    // Quoted, so that the shell that runs the script is the only one that reads it.
    format!("RUN <<'{mark}'\n{command}\n{mark}")
}

/// The instruction for a program with its arguments.
pub(super) fn run_program(arguments: &[String]) -> String {
    // Only the form without a shell can hold several lines.
    if arguments.iter().any(|argument| argument.contains(['\n', '\r'])) {
        return format!("RUN {}", array(arguments));
    }
    let quoted: Vec<_> = arguments
        .iter()
        .map(|argument| {
            let mut text = String::from("\"");
            for c in argument.chars() {
                if "\\\"$`".contains(c) {
                    text.push('\\');
                }
                text.push(c);
            }
            text.push('"');
            text
        })
        .collect();
    format!("RUN {}", quoted.join(" "))
}

/// `COPY` or `ADD` of paths as the caller writes them, globs and variables included.
pub(super) fn paths(instruction: &str, source: &str, destination: &str) -> String {
    if [source, destination].iter().any(|path| path.contains(char::is_whitespace)) {
        return format!("{instruction} {}", array(&[source.to_owned(), destination.to_owned()]));
    }
    format!("{instruction} {source} {destination}")
}

/// The character that takes away the meaning of the next one in a Dockerfile.
#[derive(Clone, Copy, PartialEq)]
pub(super) struct Escape(char);

impl Escape {
    /// The one that the first lines of a Dockerfile set, a backslash by default.
    pub(super) fn of(dockerfile: &str) -> Self {
        for line in dockerfile.lines() {
            let Some(directive) = line.trim_start().strip_prefix('#') else { break };
            let Some((name, value)) = directive.split_once('=') else { break };
            if name.trim().eq_ignore_ascii_case("escape") && value.trim() == "`" {
                return Self('`');
            }
        }
        Self('\\')
    }

    pub(super) fn character(self) -> char {
        self.0
    }

    /// A value of `ENV` or `WORKDIR`: as a shell would have it, unless a Dockerfile reads that differently.
    pub(super) fn value(self, value: &str) -> String {
        if value.contains(['\'', '\\', '`']) { self.double(value) } else { shell(value) }
    }

    /// A value between double quotes.
    pub(super) fn double(self, value: &str) -> String {
        format!("\"{}\"", self.escaped(value, "\"$"))
    }

    /// `COPY` of a file of the context, whatever its name.
    pub(super) fn copy(self, source: &str, destination: &str) -> String {
        // First for the pattern, then for the words.
        let source: String =
            source.chars().flat_map(|c| "\\*?[".contains(c).then_some('\\').into_iter().chain([c])).collect();
        let words = [source.as_str(), destination].map(|word| self.escaped(word, "\"'$"));
        format!("COPY {}", array(&words))
    }

    fn escaped(self, text: &str, special: &str) -> String {
        text.chars()
            .flat_map(|c| (c == self.0 || special.contains(c)).then_some(self.0).into_iter().chain([c]))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_where_a_shell_needs_it() {
        for (word, quoted) in [
            ("numpy", "numpy"),
            ("numpy>=1.0", "'numpy>=1.0'"),
            ("https://x/simple", "https://x/simple"),
            ("it's", "'it'\"'\"'s'"),
            ("", "''"),
        ] {
            assert_eq!(shell(word), quoted);
        }
    }

    #[test]
    fn a_file_of_any_name_is_copied_as_what_it_is() {
        let escape = Escape::of("");
        assert_eq!(escape.copy("a/b c.txt", "/x y"), r#"COPY ["a/b c.txt", "/x y"]"#);
        assert_eq!(escape.copy("$a[1]*.txt", "/$b"), r#"COPY ["\\$a\\\\[1]\\\\*.txt", "/\\$b"]"#);
        assert_eq!(escape.copy("it's", "/d"), r#"COPY ["it\\'s", "/d"]"#);
    }

    #[test]
    fn the_first_lines_of_a_dockerfile_set_the_escape_character() {
        assert_eq!(Escape::of("# syntax=docker/dockerfile:1\n# escape=`\nFROM x").character(), '`');
        assert_eq!(Escape::of("# comment\n# escape=`\nFROM x").character(), '\\');
        assert_eq!(Escape::of("# escape=`\n").double(r"C:\a`b$c"), r#""C:\a``b`$c""#);
    }
}
