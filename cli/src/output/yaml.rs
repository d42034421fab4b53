//! YAML of JSON values: block style, strings quoted where another reader could take them for something else.

use std::fmt::Write as _;

use serde_json::Value;

/// One document.
pub fn write(value: &Value) -> String {
    let mut text = String::new();
    node(&mut text, value, 0);
    if text.starts_with('\n') {
        text.remove(0);
    }
    text.push('\n');
    text
}

/// Writes a value behind `key:` or `-`.
fn node(text: &mut String, value: &Value, indent: usize) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (key, value) in fields {
                let _ = write!(text, "\n{:indent$}{}:", "", scalar(key));
                below(text, value, indent);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for item in items {
                let _ = write!(text, "\n{:indent$}-", "");
                below(text, item, indent);
            }
        }
        Value::Object(_) => text.push_str("{}"),
        Value::Array(_) => text.push_str("[]"),
        Value::String(string) => text.push_str(&scalar(string)),
        other => text.push_str(&other.to_string()),
    }
}

fn below(text: &mut String, value: &Value, indent: usize) {
    let nested = match value {
        Value::Object(fields) => !fields.is_empty(),
        Value::Array(items) => !items.is_empty(),
        _ => false,
    };
    if !nested {
        text.push(' ');
    }
    node(text, value, indent + 2);
}

/// A string as it is where that is safe, else in double quotes, whose escapes JSON and YAML share.
fn scalar(string: &str) -> String {
    let begins_plain = string.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_' || c == '/');
    let is_plain = string.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/'));
    let lower = string.to_ascii_lowercase();
    let is_word = matches!(lower.as_str(), "y" | "n" | "yes" | "no" | "on" | "off" | "true" | "false" | "null");
    if begins_plain && is_plain && !is_word { string.to_owned() } else { Value::from(string).to_string() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::write;

    #[test]
    fn values_keep_their_kind_and_place() {
        let value =
            json!({"name": "box", "cpu": 1, "on": "no", "labels": {"a": "1", "b c": ""}, "list": [{"x": []}, "y z"]});
        let expected = "cpu: 1\nlabels:\n  a: \"1\"\n  \"b c\": \"\"\nlist:\n  -\n    x: []\n  - \"y z\"\nname: box\n\"on\": \"no\"\n";
        assert_eq!(write(&value), expected);
        assert_eq!(write(&json!([])), "[]\n");
    }
}
