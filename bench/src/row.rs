//! A measurement and the table of all of them.

use std::io::BufRead;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

/// Processor time of a call that follows another one.
pub const SEQUENTIAL_CPU: &str = "exec, one after the other: CPU";

/// How many times the core's processor time a call may take in each package.
const SHARES: [(&str, f64); 5] =
    [("python", 1.25), ("python asyncio", 1.35), ("go", 1.35), ("typescript", 1.6), ("ruby", 1.6)];

/// One measured value.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Row {
    /// Who was measured: `rust`, `python`, `engine`, …
    pub subject: String,
    /// What was measured.
    pub name: String,
    /// The value.
    pub value: f64,
    /// Its unit. A unit of speed (`MB/s`) and the share of a bare client (`%`) are better when higher, all others when
    /// lower.
    pub unit: String,
    /// The value to reach.
    #[serde(default)]
    pub target: Option<f64>,
    /// The same with a bare HTTP client of the language, in the same run.
    #[serde(default)]
    pub bare: Option<f64>,
}

impl Row {
    /// A row without target and comparison.
    pub fn new(subject: &str, name: &str, value: f64, unit: &str) -> Self {
        Self { subject: subject.into(), name: name.into(), value, unit: unit.into(), target: None, bare: None }
    }

    /// With the value to reach.
    pub fn target(self, target: f64) -> Self {
        Self { target: Some(target), ..self }
    }

    /// With the value of a bare HTTP client.
    pub fn bare(self, bare: f64) -> Self {
        Self { bare: Some(bare), ..self }
    }

    /// Writes the row for `daytona-bench table`.
    pub fn emit(&self) -> Result<()> {
        println!("{}", serde_json::to_string(self)?);
        Ok(())
    }

    fn more_is_better(&self) -> bool {
        matches!(self.unit.as_str(), "MB/s" | "%")
    }

    fn verdict(&self) -> &'static str {
        match self.target {
            None => "",
            Some(target) if self.more_is_better() == (self.value >= target) || self.value == target => "ok",
            Some(_) => "MISSED",
        }
    }
}

/// Calls of the packages, compared with those of the core in the same run: what a language costs on top.
fn shares_of_core(rows: &[Row]) -> Vec<Row> {
    let of = |subject: &str| rows.iter().find(|row| row.subject == subject && row.name == SEQUENTIAL_CPU);
    let Some(core) = of("rust core") else { return Vec::new() };
    let share = |(subject, most): &(&str, f64)| {
        let name = format!("{SEQUENTIAL_CPU}, times that of the core");
        of(subject).map(|row| Row::new(subject, &name, row.value / core.value, "x").target(*most))
    };
    SHARES.iter().filter_map(share).collect()
}

/// Reads rows, one JSON object a line, and prints them aligned.
pub fn print_table(lines: impl BufRead) -> Result<()> {
    let mut table = vec![["subject", "measured", "value", "target", "", "bare", "ratio"].map(String::from)];
    let read = |line: std::io::Result<String>| {
        let line = line?;
        serde_json::from_str::<Row>(&line).with_context(|| format!("not a row: {line}"))
    };
    let rows = lines.lines().map(read).collect::<Result<Vec<_>>>()?;
    for row in rows.iter().cloned().chain(shares_of_core(&rows)) {
        let bound = |target| format!("{} {target}", if row.more_is_better() { ">=" } else { "<=" });
        table.push([
            row.subject.clone(),
            row.name.clone(),
            format!("{} {}", number(row.value), row.unit),
            row.target.map(number).map(bound).unwrap_or_default(),
            row.verdict().to_owned(),
            row.bare.map(number).unwrap_or_default(),
            row.bare.map(|bare| format!("{:.2}", row.value / bare)).unwrap_or_default(),
        ]);
    }
    let widths: Vec<_> =
        (0..table[0].len()).map(|column| table.iter().map(|row| row[column].len()).max().unwrap_or(0)).collect();
    for row in table {
        let mut text = String::new();
        for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
            // Words to the left, numbers to the right.
            let padding = " ".repeat(width - cell.len());
            match column {
                0 | 1 | 4 => text.extend([cell, padding.as_str(), "  "]),
                _ => text.extend([padding.as_str(), cell, "  "]),
            }
        }
        println!("{}", text.trim_end());
    }
    Ok(())
}

/// Three significant digits.
fn number(value: f64) -> String {
    let decimals = match value.abs() {
        v if v >= 100.0 => 0,
        v if v >= 10.0 => 1,
        v if v >= 1.0 => 2,
        _ => 3,
    };
    format!("{value:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speeds_must_be_high_and_times_low() {
        let verdict = |value, unit, target| Row::new("s", "n", value, unit).target(target).verdict();
        assert_eq!(verdict(301.0, "MB/s", 300.0), "ok");
        assert_eq!(verdict(299.0, "MB/s", 300.0), "MISSED");
        assert_eq!(verdict(119.0, "us", 120.0), "ok");
        assert_eq!(verdict(120.0, "us", 120.0), "ok");
        assert_eq!(verdict(121.0, "us", 120.0), "MISSED");
        assert_eq!(Row::new("s", "n", 1.0, "us").verdict(), "");
    }

    #[test]
    fn packages_are_compared_with_the_core_of_the_same_run() {
        let row = |subject: &str, value| Row::new(subject, SEQUENTIAL_CPU, value, "us");
        let rows = [row("python", 150.0), row("rust core", 100.0), row("ruby", 170.0), row("bridge", 110.0)];
        let shares = shares_of_core(&rows);
        let told: Vec<_> = shares.iter().map(|row| (row.subject.as_str(), row.value, row.verdict())).collect();
        assert_eq!(told, [("python", 1.5, "MISSED"), ("ruby", 1.7, "MISSED")]);
        assert!(shares_of_core(&rows[..1]).is_empty(), "there is nothing to compare it with");
    }

    #[test]
    fn numbers_have_three_digits() {
        assert_eq!([1234.0, 123.4, 12.34, 1.234, 0.1234].map(number), ["1234", "123", "12.3", "1.23", "0.123"]);
    }
}
