//! From physical to logical lines: continuations joined, comments left out, here-documents attached.

use super::heredoc::{self, HereDoc};
use crate::Error;

/// An instruction's text before it is taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    /// The number of its first physical line, counted from 1.
    pub(crate) number: usize,
    pub(crate) text: String,
    pub(crate) documents: Vec<HereDoc>,
}

/// The escape character and the logical lines of a Dockerfile.
pub(super) fn logical(text: &str) -> Result<(char, Vec<Line>), Error> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let physical: Vec<&str> = text.lines().collect();
    let escape = escape_directive(&physical)?;
    let mut lines = Vec::new();
    let mut next = 0;
    while next < physical.len() {
        let number = next + 1;
        let first = physical[next].trim_start();
        next += 1;
        if first.is_empty() || first.starts_with('#') {
            continue;
        }
        let mut joined = String::new();
        let mut current = first;
        loop {
            let Some(open) = continued(current, escape) else {
                joined.push_str(current);
                break;
            };
            joined.push_str(open);
            // Comments and empty lines between the parts are not part of it.
            let more = physical[next..].iter().position(|line| !is_left_out(line));
            let Some(more) = more else {
                next = physical.len();
                break;
            };
            current = physical[next + more];
            next += more + 1;
        }
        let mut documents = heredoc::openings(&joined, escape);
        for document in &mut documents {
            loop {
                let Some(line) = physical.get(next) else {
                    let reason = format!("the here-document {:?} has no end", document.name);
                    return Err(Error::Dockerfile { line: number, reason });
                };
                next += 1;
                let line = if document.chomp { line.trim_start_matches('\t') } else { line };
                if line == document.name {
                    break;
                }
                document.content.push_str(line);
                document.content.push('\n');
            }
        }
        lines.push(Line { number, text: joined.trim_end().to_owned(), documents });
    }
    Ok((escape, lines))
}

fn is_left_out(line: &str) -> bool {
    let line = line.trim();
    line.is_empty() || line.starts_with('#')
}

/// The line without the character that continues it, if it ends so.
fn continued(line: &str, escape: char) -> Option<&str> {
    let line = line.trim_end_matches([' ', '\t']);
    line.strip_suffix(escape)
}

/// The `escape` directive: one of the comments at the very top.
fn escape_directive(lines: &[&str]) -> Result<char, Error> {
    for (index, line) in lines.iter().enumerate() {
        let Some((name, value)) = line.trim_start().strip_prefix('#').and_then(|comment| comment.split_once('='))
        else {
            break;
        };
        match (name.trim().to_ascii_lowercase().as_str(), value.trim()) {
            ("escape", "`") => return Ok('`'),
            ("escape", "\\") => return Ok('\\'),
            ("escape", other) => {
                let reason = format!("the escape character is \\ or `, not {other:?}");
                return Err(Error::Dockerfile { line: index + 1, reason });
            }
            (name, _) if name.contains(' ') => break,
            _ => {}
        }
    }
    Ok('\\')
}
