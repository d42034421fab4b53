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

    /// A whole number, also when written like `1.0`.
    pub fn integer(&mut self, name: &str) -> Option<i64> {
        self.read(name, "an integer number", |value| {
            let whole = || value.as_f64().filter(|number| number.fract() == 0.0 && number.abs() < 9e15);
            value.as_i64().or_else(|| whole().map(|number| number as i64))
        })
    }

    /// An object whose values are strings.
    pub fn string_map(&mut self, name: &str) -> Option<BTreeMap<String, String>> {
        self.read(name, "an object of strings", |value| {
            let entries = value.as_object()?.iter();
            entries.map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
        })
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
