//! Tables that fit the terminal.

use comfy_table::{ContentArrangement, presets};
use std::fmt::Write as _;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{has_colours, printable};

/// Columns of a terminal that each column of a table needs at least. With less, a row is a block of lines.
const LEAST: usize = 8;

/// Rows below a heading. On a terminal it is as wide as that; elsewhere each row is one line, however long.
pub struct Table {
    heading: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these columns.
    pub fn new(heading: &[&'static str]) -> Self {
        Self { heading: heading.to_vec(), rows: Vec::new() }
    }

    /// Adds a row.
    pub fn row<T: Into<String>>(&mut self, cells: impl IntoIterator<Item = T>) {
        self.rows.push(cells.into_iter().map(|cell| printable(&cell.into()).replace(['\n', '\t'], " ")).collect());
    }

    /// The table as text.
    pub fn text(self) -> String {
        let width = width();
        if width.is_some_and(|width| usize::from(width) < LEAST * self.heading.len()) {
            return self.blocks();
        }
        let mut table = comfy_table::Table::new();
        table.load_style(presets::NOTHING);
        if let Some(width) = width {
            table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
        }
        table.set_header(&self.heading).add_rows(self.rows);
        for column in table.column_iter_mut() {
            column.set_padding((0, 2));
        }
        let mut text = String::new();
        for (number, line) in table.lines().enumerate() {
            let line = line.trim_end();
            let _ = if number == 0 && has_colours() {
                writeln!(text, "\x1b[1m{line}\x1b[0m")
            } else {
                writeln!(text, "{line}")
            };
        }
        text
    }

    /// Each row as a block of lines, one for each column.
    fn blocks(self) -> String {
        let heading = self.heading;
        let block = |row: Vec<String>| {
            let rows = heading.iter().map(|name| (*name).to_owned()).zip(row).map(|(name, value)| vec![name, value]);
            Self { heading: Vec::new(), rows: rows.collect() }.fields()
        };
        self.rows.into_iter().map(block).collect::<Vec<_>>().join("\n")
    }

    /// The rows as `name: value` lines, for a table that has one thing to tell of.
    pub fn fields(self) -> String {
        let width = self.rows.iter().filter_map(|row| row.first()).map(String::len).max().unwrap_or_default();
        let mut text = String::new();
        for row in self.rows.iter().filter(|row| row.get(1).is_some_and(|value| !value.is_empty())) {
            let _ = writeln!(text, "{:width$}  {}", row[0], row[1]);
        }
        text
    }
}

/// Columns of the terminal that standard output is.
fn width() -> Option<u16> {
    let size = rustix::termios::tcgetwinsize(std::io::stdout()).ok()?;
    // Some terminals know their size no better than this variable.
    let told = || std::env::var("COLUMNS").ok()?.parse().ok();
    Some(size.ws_col).filter(|columns| *columns > 0).or_else(told).filter(|columns| *columns > 0)
}

/// How long ago a time (ISO 8601) was, in words.
pub fn ago(time: Option<&str>) -> String {
    let Some(then) = time.and_then(|time| OffsetDateTime::parse(time, &Rfc3339).ok()) else {
        return String::new();
    };
    let seconds = (OffsetDateTime::now_utc() - then).whole_seconds().max(0);
    let (number, unit) = match seconds {
        0..60 => (seconds, "second"),
        60..3600 => (seconds / 60, "minute"),
        3600..86400 => (seconds / 3600, "hour"),
        _ => (seconds / 86400, "day"),
    };
    format!("{number} {unit}{} ago", if number == 1 { "" } else { "s" })
}

/// A number of bytes, readable.
pub fn size(bytes: i64) -> String {
    indicatif::HumanBytes(bytes.max(0) as u64).to_string()
}
