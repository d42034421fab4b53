//! The arguments of a call, read tolerantly: names in `camelCase` or `snake_case`, numbers and booleans also as text.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::reply::Refusal;

/// The arguments of a call.
pub struct Arguments(BTreeMap<String, Value>);

impl Arguments {
    /// Arguments as they came.
    pub fn new(given: Map<String, Value>) -> Self {
        let known = given.into_iter().filter(|(_, value)| !value.is_null());
        Self(known.map(|(name, value)| (camel(&name), value)).collect())
    }

    /// A text that must be there. It may be empty.
    pub fn text(&self, name: &str) -> Result<String, Refusal> {
        self.optional_text(name)?.ok_or_else(|| missing(name))
    }

    /// A text.
    pub fn optional_text(&self, name: &str) -> Result<Option<String>, Refusal> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(Value::Number(number)) => Ok(Some(number.to_string())),
            Some(other) => Err(wrong(name, "a text", other)),
        }
    }

    /// A text that is not empty.
    pub fn optional_name(&self, name: &str) -> Result<Option<String>, Refusal> {
        Ok(self.optional_text(name)?.filter(|text| !text.is_empty()))
    }

    /// A number.
    pub fn number(&self, name: &str) -> Result<Option<f64>, Refusal> {
        let number = match self.0.get(name) {
            None => return Ok(None),
            Some(Value::Number(number)) => number.as_f64(),
            Some(Value::String(text)) => text.trim().parse().ok(),
            Some(_) => None,
        };
        match number.filter(|number: &f64| number.is_finite()) {
            Some(number) => Ok(Some(number)),
            None => Err(wrong(name, "a number", &self.0[name])),
        }
    }

    /// A whole number.
    pub fn whole(&self, name: &str) -> Result<Option<i64>, Refusal> {
        match self.number(name)? {
            None => Ok(None),
            Some(number) if number.fract() == 0.0 && number.abs() < 9e15 => Ok(Some(number as i64)),
            Some(_) => Err(wrong(name, "a whole number", &self.0[name])),
        }
    }

    /// A whole number that must be there.
    pub fn needed_whole(&self, name: &str) -> Result<i64, Refusal> {
        self.whole(name)?.ok_or_else(|| missing(name))
    }

    /// Yes or no.
    pub fn flag(&self, name: &str) -> Result<Option<bool>, Refusal> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(Value::String(text)) if matches!(text.as_str(), "true" | "false") => Ok(Some(text == "true")),
            Some(other) => Err(wrong(name, "true or false", other)),
        }
    }

    /// Texts by name.
    pub fn texts(&self, name: &str) -> Result<Option<BTreeMap<String, String>>, Refusal> {
        self.structure(name, "an object of texts")
    }

    /// Anything else.
    pub fn structure<T: DeserializeOwned>(&self, name: &str, what: &str) -> Result<Option<T>, Refusal> {
        let Some(value) = self.0.get(name) else { return Ok(None) };
        // Some clients send what is nested as text.
        let read = match value {
            Value::String(text) => serde_json::from_str(text),
            other => serde_json::from_value(other.clone()),
        };
        read.map(Some).map_err(|_| wrong(name, what, value))
    }
}

fn missing(name: &str) -> Refusal {
    Refusal::Argument(format!("{name} is missing."))
}

/// The value itself may be a secret.
fn wrong(name: &str, what: &str, value: &Value) -> Refusal {
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    };
    Refusal::Argument(format!("{name} is {kind}, but must be {what}."))
}

fn camel(name: &str) -> String {
    let mut spelled = String::with_capacity(name.len());
    let mut raise = false;
    for c in name.chars() {
        match c {
            '_' if !spelled.is_empty() => raise = true,
            c if std::mem::take(&mut raise) => spelled.extend(c.to_uppercase()),
            c => spelled.push(c),
        }
    }
    spelled
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn both_spellings_and_texts_of_numbers_are_understood() {
        let Value::Object(given) = json!({"file_path": "/x", "checkServer": "true", "port": "80", "id": null}) else {
            unreachable!()
        };
        let arguments = Arguments::new(given);
        assert_eq!(arguments.text("filePath").unwrap(), "/x");
        assert_eq!(arguments.flag("checkServer").unwrap(), Some(true));
        assert_eq!(arguments.whole("port").unwrap(), Some(80));
        assert!(arguments.text("id").is_err());
        assert!(arguments.whole("filePath").is_err());
    }
}
