//! `${name}` references in steps, and bytes written as text.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Map, Value};

/// The values a case knows by name.
pub type Known = BTreeMap<String, Value>;

/// `value` with every reference replaced.
pub fn replace(value: &Value, known: &Known) -> Result<Value, String> {
    Ok(match value {
        Value::String(text) => replace_text(text, known)?,
        Value::Array(list) => Value::Array(list.iter().map(|v| replace(v, known)).collect::<Result<_, _>>()?),
        Value::Object(object) => {
            let mut replaced = Map::new();
            for (key, value) in object {
                let key = match replace_text(key, known)? {
                    Value::String(key) => key,
                    other => other.to_string(),
                };
                replaced.insert(key, replace(value, known)?);
            }
            Value::Object(replaced)
        }
        other => other.clone(),
    })
}

fn replace_text(text: &str, known: &Known) -> Result<Value, String> {
    let find = |name: &str| known.get(name).ok_or_else(|| format!("nothing is known as ${{{name}}}"));
    if let Some(name) = text.strip_prefix("${").and_then(|t| t.strip_suffix('}')).filter(|n| !n.contains('}')) {
        return find(name).cloned();
    }
    let mut replaced = String::new();
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        let Some(length) = rest[start..].find('}') else { break };
        replaced.push_str(&rest[..start]);
        match find(&rest[start + 2..start + length])? {
            Value::String(value) => replaced.push_str(value),
            other => replaced.push_str(&other.to_string()),
        }
        rest = &rest[start + length + 1..];
    }
    replaced.push_str(rest);
    Ok(Value::String(replaced))
}

/// The value at a path like `items.0.id`; the empty path is the whole.
pub fn at<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').filter(|key| !key.is_empty()).try_fold(value, |value, key| match value {
        Value::Array(list) => list.get(key.parse::<usize>().ok()?),
        Value::Object(object) => object.get(key),
        _ => None,
    })
}

/// The bytes of `{"$text": …}` or `{"$base64": …}`.
pub fn bytes(value: &Value) -> Option<Bytes> {
    let object = value.as_object().filter(|o| o.len() == 1)?;
    if let Some(text) = object.get("$text") {
        return Some(Bytes::copy_from_slice(text.as_str()?.as_bytes()));
    }
    STANDARD.decode(object.get("$base64")?.as_str()?).ok().map(Bytes::from)
}

/// `value` with its bytes moved to `attachments`, as the client reads them.
pub fn attach(value: &Value, attachments: &mut Vec<Bytes>) -> Value {
    if let Some(bytes) = bytes(value) {
        attachments.push(bytes);
        return Value::from(attachments.len() - 1);
    }
    match value {
        Value::Array(list) => list.iter().map(|v| attach(v, attachments)).collect(),
        Value::Object(object) => {
            Value::Object(object.iter().map(|(k, v)| (k.clone(), attach(v, attachments))).collect())
        }
        other => other.clone(),
    }
}
