//! Reading typed fields out of a JSON object, collecting every complaint before answering.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::errors::{ApiError, ApiResult};

/// The fields of one request body.
pub struct Fields<'a> {
    body: &'a Map<String, Value>,
    complaints: Vec<String>,
}

impl<'a> Fields<'a> {
    /// Starts reading.
    pub fn new(body: &'a Map<String, Value>) -> Self {
        Self { body, complaints: Vec::new() }
    }

    /// All complaints as one 400, joined as the wire joins them.
    pub fn finish(self) -> ApiResult<()> {
        if self.complaints.is_empty() { Ok(()) } else { Err(ApiError::bad_request(self.complaints.join(", "))) }
    }

    fn read<T>(&mut self, name: &str, kind: &str, read: impl FnOnce(&'a Value) -> Option<T>) -> Option<T> {
        let value = self.body.get(name).filter(|value| !value.is_null())?;
        let read = read(value);
        if read.is_none() {
            self.complaints.push(format!("{name} must be {kind}"));
        }
        read
    }

    /// A string.
    pub fn string(&mut self, name: &str) -> Option<String> {
        self.read(name, "a string", |value| value.as_str().map(str::to_owned))
    }

    /// `true` or `false`.
    pub fn boolean(&mut self, name: &str) -> Option<bool> {
        self.read(name, "a boolean value", Value::as_bool)
    }

    /// A number; fractions are cut off.
    pub fn number(&mut self, name: &str) -> Option<i64> {
        self.read(name, "a number conforming to the specified constraints", |value| {
            let in_range = || value.as_f64().filter(|number| number.abs() < 9e15);
            value.as_i64().or_else(|| in_range().map(|number| number as i64))
        })
    }

    /// A number of at least 0. Of a value that is no number both are said, as validators do.
    pub fn amount(&mut self, name: &str) -> Option<i64> {
        let value = self.body.get(name).filter(|value| !value.is_null())?;
        if !value.as_f64().is_some_and(|number| number >= 0.0) {
            self.complaints.push(format!("{name} must not be less than 0"));
        }
        self.number(name)
    }

    /// An object of texts. Values of other kinds are taken as they are written in JSON, as the platform does.
    pub fn string_map(&mut self, name: &str) -> Option<BTreeMap<String, String>> {
        self.read(name, "an object", |value| {
            let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            Some(value.as_object()?.iter().map(|(key, value)| (key.clone(), text(value))).collect())
        })
    }

    /// A name people read, in which neither markup nor links belong.
    pub fn display_name(&mut self, name: &str) -> Option<String> {
        let value = self.string(name)?;
        if is_plain_name(&value) {
            return Some(value);
        }
        self.complaints.push(format!("{name} must not contain HTML tags, URLs, or control characters"));
        None
    }

    /// An array.
    pub fn array(&mut self, name: &str) -> Option<&'a Vec<Value>> {
        self.read(name, "an array", Value::as_array)
    }

    /// An object.
    pub fn object(&mut self, name: &str) -> Option<&'a Map<String, Value>> {
        self.read(name, "an object", Value::as_object)
    }
}

fn is_plain_name(name: &str) -> bool {
    let has_tag = name.find('<').is_some_and(|begin| name[begin..].contains('>'));
    let has_link = name.contains("://") || name.to_ascii_lowercase().contains("www.");
    let has_control = name.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'));
    !(has_tag || has_link || has_control)
}

/// Reads a request body as a JSON object; an empty body counts as `{}`.
pub fn object(body: &[u8]) -> ApiResult<Map<String, Value>> {
    if body.trim_ascii().is_empty() {
        return Ok(Map::new());
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(ApiError::bad_request("The request body must be a JSON object")),
        Err(error) => Err(ApiError::bad_request(format!("The request body is not valid JSON: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain_but_may_be_odd() {
        for name in ["a/b", "a\nb", " ", "ü", &"x".repeat(300), "1 < 2", "a > b"] {
            assert!(is_plain_name(name), "{name:?}");
        }
        for name in ["<b>x</b>", "https://example.com", "www.example.com", "a\u{0}b", "a\u{1b}[1m"] {
            assert!(!is_plain_name(name), "{name:?}");
        }
    }
}
