//! `HEALTHCHECK`, which is kept for others.

use crate::dockerfile::{Command, Flag};

/// A health check in the form of image configurations.
pub(super) fn healthcheck(check: Option<&Command>, flags: &[Flag]) -> serde_json::Value {
    let test = match check {
        None => vec!["NONE".to_owned()],
        Some(Command::Shell(text)) => vec!["CMD-SHELL".to_owned(), text.clone()],
        Some(Command::Exec(words)) => [&["CMD".to_owned()][..], words].concat(),
    };
    let mut check = serde_json::json!({ "Test": test });
    for (flag, name) in [
        ("interval", "Interval"),
        ("timeout", "Timeout"),
        ("start-period", "StartPeriod"),
        ("start-interval", "StartInterval"),
    ] {
        let value = flags.iter().find(|known| known.name == flag).and_then(|flag| flag.value.as_deref());
        if let Some(nanoseconds) = value.and_then(nanoseconds) {
            check[name] = nanoseconds.into();
        }
    }
    let retries =
        flags.iter().find(|flag| flag.name == "retries").and_then(|flag| flag.value.as_deref()?.parse::<u64>().ok());
    if let Some(retries) = retries {
        check["Retries"] = retries.into();
    }
    check
}

/// A duration as `1m30s` or `500ms`.
fn nanoseconds(text: &str) -> Option<u64> {
    let (mut total, mut rest) = (0.0, text);
    while !rest.is_empty() {
        let digits = rest.find(|letter: char| !letter.is_ascii_digit() && letter != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let units = [("ms", 1e6), ("us", 1e3), ("ns", 1.0), ("s", 1e9), ("m", 60e9), ("h", 3600e9)];
        let (unit, factor) = units.into_iter().find(|(unit, _)| rest.starts_with(unit))?;
        total += number * factor;
        rest = &rest[unit.len()..];
    }
    Some(total as u64)
}
