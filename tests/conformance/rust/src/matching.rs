//! Whether a result is what a case expects.

use bytes::Bytes;
use serde_json::Value;

use crate::references;

/// A result: JSON, and the bytes it refers to by index.
#[derive(Debug)]
pub struct Outcome {
    pub value: Value,
    pub blobs: Vec<Bytes>,
}

/// Compares; the error says where and how they differ.
pub fn check(expected: &Value, outcome: &Outcome) -> Result<(), String> {
    compare(expected, Some(&outcome.value), &outcome.blobs, false, "result")
}

/// The same, but objects have no other keys than those given.
pub fn check_exactly(expected: &Value, outcome: &Outcome, place: &str) -> Result<(), String> {
    compare(expected, Some(&outcome.value), &outcome.blobs, true, place)
}

/// Compares a text with a text or matcher.
pub fn check_text(expected: &Value, text: &str, place: &str) -> Result<(), String> {
    compare(expected, Some(&Value::from(text)), &[], false, place)
}

fn compare(
    expected: &Value,
    actual: Option<&Value>,
    blobs: &[Bytes],
    exactly: bool,
    place: &str,
) -> Result<(), String> {
    let differs = || {
        let actual = actual.map_or("nothing".to_owned(), shortened);
        Err(format!("{place} is {actual}, expected {}", shortened(expected)))
    };
    if let Some(bytes) = references::bytes(expected) {
        return match blob(actual, blobs) {
            Some(blob) if *blob == bytes => Ok(()),
            Some(blob) => Err(format!("{place} is {} bytes: {:?}", blob.len(), &blob[..blob.len().min(100)])),
            None => differs(),
        };
    }
    if let Some((name, wanted)) = matcher(expected) {
        let met = match name {
            "$absent" => actual.is_none_or(Value::is_null),
            "$optional" => actual.is_none_or(Value::is_null) || compare(wanted, actual, blobs, exactly, place).is_ok(),
            "$type" => actual.is_some_and(|v| wanted == type_name(v)),
            "$contains" => actual.and_then(Value::as_str).is_some_and(|t| t.contains(wanted.as_str().unwrap_or("\0"))),
            "$regex" => {
                let pattern = regex::Regex::new(wanted.as_str().unwrap_or_default()).map_err(|e| e.to_string())?;
                actual.and_then(Value::as_str).is_some_and(|t| pattern.is_match(t))
            }
            "$begins" => {
                let (Some(wanted), Some(blob)) = (references::bytes(wanted), blob(actual, blobs)) else {
                    return differs();
                };
                blob.starts_with(&wanted)
            }
            "$length" => actual.and_then(Value::as_array).is_some_and(|l| wanted == l.len()),
            "$some" => actual
                .and_then(Value::as_array)
                .is_some_and(|l| l.iter().any(|v| compare(wanted, Some(v), blobs, exactly, place).is_ok())),
            _ => return Err(format!("there is no matcher {name}")),
        };
        return if met { Ok(()) } else { differs() };
    }
    match (expected, actual) {
        (Value::Object(expected), Some(Value::Object(actual))) => {
            if let Some(key) = actual.keys().find(|key| exactly && !expected.contains_key(*key)) {
                return Err(format!("{place} has {key}: {}", shortened(&actual[key])));
            }
            let place = |key| format!("{place}.{key}");
            expected.iter().try_for_each(|(key, value)| compare(value, actual.get(key), blobs, exactly, &place(key)))
        }
        (Value::Array(expected), Some(Value::Array(actual))) if expected.len() == actual.len() => expected
            .iter()
            .zip(actual)
            .enumerate()
            .try_for_each(|(i, (e, a))| compare(e, Some(a), blobs, exactly, &format!("{place}.{i}"))),
        (Value::Number(e), Some(Value::Number(a))) if e.as_f64() == a.as_f64() => Ok(()),
        (expected, Some(actual)) if expected == actual => Ok(()),
        (Value::Null, None) => Ok(()),
        _ => differs(),
    }
}

/// The bytes that a result refers to.
fn blob<'a>(actual: Option<&Value>, blobs: &'a [Bytes]) -> Option<&'a Bytes> {
    blobs.get(usize::try_from(actual?.as_u64()?).ok()?)
}

fn matcher(expected: &Value) -> Option<(&str, &Value)> {
    let object = expected.as_object().filter(|o| o.len() == 1)?;
    object.iter().next().filter(|(key, _)| key.starts_with('$')).map(|(key, value)| (key.as_str(), value))
}

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "list",
        Value::Object(_) => "object",
    }
}

fn shortened(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(400) {
        Some((end, _)) => format!("{}… ({} characters)", &text[..end], text.chars().count()),
        None => text,
    }
}
