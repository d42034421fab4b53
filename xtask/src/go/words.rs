//! Go's names, and documentation as a Gopher reads it.

use crate::names::pascal;
use crate::schema::{ErrorKind, Schema};

/// Columns of a comment's line.
const WIDTH: usize = 120;

/// `session_id` -> `SessionID`
pub fn exported(name: &str) -> String {
    name.split('_').map(|word| if is_initialism(word) { word.to_uppercase() } else { pascal(word) }).collect()
}

/// `session_id` -> `sessionID`
pub fn unexported(name: &str) -> String {
    match name.split_once('_') {
        Some((first, rest)) => format!("{first}{}", exported(rest)),
        None => name.to_owned(),
    }
}

fn is_initialism(word: &str) -> bool {
    matches!(word, "id" | "url" | "cpu" | "gpu" | "png" | "api")
}

/// Names that stand in documentation, by what Go calls them.
pub struct Names<'a> {
    pub kinds: &'a [ErrorKind],
    pub known: Vec<(String, String)>,
}

impl<'a> Names<'a> {
    pub fn new(schema: &'a Schema) -> Self {
        Self { kinds: &schema.errors, known: Vec::new() }
    }

    /// A text without Markdown, with the names that stand between backticks as Go has them.
    pub fn text(&self, doc: &str) -> String {
        let doc = doc.replace("`timeout` seconds", "`timeout`").replace("[`", "`").replace("`]", "`");
        let mut out = String::new();
        for (i, part) in doc.split('`').enumerate() {
            if i % 2 == 0 {
                out.push_str(part);
            } else if let Some((_, name)) = self.known.iter().find(|(name, _)| name == part) {
                out.push_str(name);
            } else if self.kinds.iter().any(|kind| kind.name == part) {
                out.push_str(&format!("Err{part}"));
            } else {
                out.push_str(&field_name(part));
            }
        }
        out
    }
}

/// A documentation text without Markdown, with the names of fields as Go has them.
pub fn sentence(doc: &str) -> String {
    let doc = doc.replace("[`", "`").replace("`]", "`");
    doc.split('`').enumerate().map(|(i, part)| if i % 2 == 1 { field_name(part) } else { part.to_owned() }).collect()
}

/// What Go calls a field that the core's documentation names.
fn field_name(name: &str) -> String {
    let is_name = name.contains('_') && name.chars().all(|c| c == '_' || c.is_ascii_lowercase());
    if is_name { exported(name) } else { name.to_owned() }
}

/// The documentation of a time, which Go does not give in seconds.
pub fn of_duration(doc: &str) -> String {
    let doc = doc.strip_prefix("Seconds").map_or_else(|| doc.to_owned(), |rest| format!("Time{rest}"));
    let Some((before, after)) = doc.split_once("Default: ") else { return doc };
    let digits = after.chars().take_while(char::is_ascii_digit).count();
    let Ok(seconds) = after[..digits].parse::<u32>() else { return doc };
    let time = if seconds >= 600 { format!("{} minutes", seconds / 60) } else { format!("{seconds} seconds") };
    format!("{before}Default: {time}{}", &after[digits..])
}

/// `Name is a thing.` from `A thing.`, `Name: the rest.` from anything else.
pub fn subject(name: &str, doc: &str) -> String {
    let is = ["A ", "An ", "The "].iter().any(|article| doc.starts_with(article));
    format!("{name}{} {}", if is { " is" } else { ":" }, lower(doc))
}

/// `LogChannel` -> `logChannel`
pub fn uncapitalised(name: &str) -> String {
    let mut chars = name.chars();
    chars.next().map(|first| first.to_lowercase().chain(chars).collect()).unwrap_or_default()
}

/// With a small letter at the beginning, unless it is an abbreviation or a class name.
pub fn lower(text: &str) -> String {
    let mut chars = text.chars();
    match (chars.next(), chars.clone().next()) {
        (Some(first), Some(second)) if !second.is_uppercase() && !is_class(text) => {
            first.to_lowercase().chain(chars).collect()
        }
        _ => text.to_owned(),
    }
}

/// Whether a text begins with a name such as `ErrNotFound` rather than with a sentence.
fn is_class(text: &str) -> bool {
    let word = text.split([' ', ',', ';']).next().unwrap_or_default();
    word.chars().skip(1).any(char::is_uppercase)
}

/// Lines of columns, as gofmt aligns them.
pub fn aligned(indent: &str, rows: &[Vec<String>]) -> String {
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(String::len).max().unwrap_or(0);
    let mut out = String::new();
    for row in rows {
        out.push_str(indent);
        for (column, cell) in row.iter().enumerate() {
            let pad = if column + 1 < row.len() { width(column) + 1 - cell.len() } else { 0 };
            out.push_str(&format!("{cell}{}", " ".repeat(pad)));
        }
        out.push('\n');
    }
    out
}

/// A comment of the lines as they are.
pub fn comment(indent: &str, text: &str) -> String {
    text.lines().map(|line| format!("{indent}// {line}").trim_end().to_owned() + "\n").collect()
}

/// A comment whose paragraphs are filled; those that begin with `  - ` are items of a list, those with a tab are code.
pub fn filled(indent: &str, text: &str) -> String {
    let mut out = String::new();
    for (i, paragraph) in text.split("\n\n").enumerate() {
        if i > 0 {
            out.push_str(&format!("{indent}//\n"));
        }
        if paragraph.starts_with('\t') {
            out.extend(paragraph.lines().map(|line| format!("{indent}//{line}\n")));
            continue;
        }
        for (j, block) in paragraph.split("\n  - ").enumerate() {
            let (first, hang) = if j > 0 { ("  - ", "    ") } else { ("", "") };
            let mut line = format!("{indent}// {first}");
            let mut empty = true;
            for word in block.split_whitespace() {
                if !empty && line.chars().count() + 1 + word.chars().count() > WIDTH {
                    out.push_str(&format!("{line}\n"));
                    line = format!("{indent}// {hang}");
                    empty = true;
                }
                if !empty {
                    line.push(' ');
                }
                line.push_str(word);
                empty = false;
            }
            out.push_str(&format!("{line}\n"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{filled, of_duration};

    #[test]
    fn times_are_not_told_in_seconds() {
        assert_eq!(
            of_duration("Seconds to wait; 0 = no limit. Default: 60."),
            "Time to wait; 0 = no limit. Default: 60 seconds."
        );
        assert_eq!(of_duration("Seconds it may take. Default: 1800."), "Time it may take. Default: 30 minutes.");
        assert_eq!(of_duration("Seconds it may take. Default: no limit."), "Time it may take. Default: no limit.");
    }

    #[test]
    fn lists_are_as_gofmt_writes_them() {
        assert_eq!(filled("", "Options:\n  - A: b\nc.\n  - D."), "// Options:\n//   - A: b c.\n//   - D.\n");
    }
}
