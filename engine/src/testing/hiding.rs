//! Takes out of recordings what opens something: by the names of fields, parameters and variables, and wherever the same text turns up
//! again, in other bodies, in outputs and in files.

use std::borrow::Cow;
use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use memchr::memmem;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

/// What stands for a credential.
pub const HIDDEN: &str = "[hidden]";

/// Fields whose texts open something.
const FIELDS: [&str; 12] = [
    "accessKey",
    "accessToken",
    "apiKey",
    "authToken",
    "password",
    "privateKey",
    "secret",
    "secretKey",
    "sessionToken",
    "signingKey",
    "sshPassword",
    "token",
];

/// Fields with variables.
const VARIABLES: [&str; 2] = ["env", "envs"];

/// Parts of the names of variables that hold secrets.
const TELLING: [&str; 6] = ["TOKEN", "SECRET", "PASSWORD", "PASSWD", "CREDENTIAL", "PRIVATE"];

/// Parameters whose values open something.
const PARAMETERS: [&str; 3] = ["DAYTONA_SANDBOX_AUTH_KEY", "signature", "token"];

/// Shorter texts are hidden where they stand only: they would be found in everything.
const SHORTEST: usize = 8;

/// Texts that open something.
#[derive(Default)]
pub struct Secrets(BTreeSet<String>);

impl Secrets {
    /// Adds a text, unless it is too short to be told from others.
    pub fn add(&mut self, text: &str) {
        if text.len() >= SHORTEST && text != HIDDEN {
            self.0.insert(text.to_owned());
        }
    }

    /// The texts as they may be written, the longest first: one may be a part of another.
    pub fn written(&self) -> Vec<String> {
        let mut all = BTreeSet::new();
        for text in &self.0 {
            let quoted = Value::from(text.as_str()).to_string();
            all.insert(quoted[1..quoted.len() - 1].to_owned());
            all.insert(utf8_percent_encode(text, NON_ALPHANUMERIC).to_string());
            all.insert(text.clone());
        }
        let mut all: Vec<_> = all.into_iter().collect();
        all.sort_by_key(|text| std::cmp::Reverse(text.len()));
        all
    }
}

/// Hides what the names in an entry of a recording tell, and adds it to the secrets.
pub fn hide_named(entry: &mut Value, secrets: &mut Secrets) {
    let is_cut = entry["truncated"] == true;
    for body in ["request", "response"] {
        let text = |name: &str| entry.pointer(&format!("/{body}/{name}")).and_then(Value::as_str).unwrap_or_default();
        let kind = text("type").to_owned();
        let document = serde_json::from_str::<Value>(text("text")).ok();
        // Nobody can look into one that was cut off, maybe within a character.
        if is_cut && document.is_none() && kind.starts_with("application/json") {
            entry[body] = json!({"type": kind, "text": HIDDEN});
        }
        let Some(mut document) = document.filter(|document| document.is_object() || document.is_array()) else {
            continue;
        };
        let before = document.clone();
        in_document(&mut document, secrets);
        if document != before {
            entry[body]["text"] = document.to_string().into();
        }
    }
    if let Some(payload) = entry.get_mut("payload") {
        in_document(payload, secrets);
    }
    // A message, for example what the interpreter is to run.
    if entry["type"] == "text"
        && let Some(Ok(mut document)) = entry["text"].as_str().map(serde_json::from_str::<Value>)
    {
        let before = document.clone();
        in_document(&mut document, secrets);
        if document != before {
            entry["text"] = document.to_string().into();
        }
    }
    if let Some(path) = entry.get_mut("path").filter(|path| path.is_string()) {
        *path = in_path(path.as_str().unwrap_or_default(), secrets).into();
    }
    if let Some(location) = entry.pointer_mut("/headers/location") {
        *location = in_path(location.as_str().unwrap_or_default(), secrets).into();
    }
}

fn in_document(document: &mut Value, secrets: &mut Secrets) {
    match document {
        Value::Array(items) => items.iter_mut().for_each(|item| in_document(item, secrets)),
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(text) if FIELDS.contains(&name.as_str()) => hide(text, secrets),
                    Value::Object(variables) if VARIABLES.contains(&name.as_str()) => {
                        let telling = variables.iter_mut().filter(|(name, _)| is_telling(name));
                        telling.for_each(|(_, value)| hide_texts(value, secrets));
                    }
                    Value::Object(build) if name == "buildInfo" => {
                        if let Some(given) = build.get_mut("secrets") {
                            hide_texts(given, secrets);
                        }
                        in_document(value, secrets);
                    }
                    other => in_document(other, secrets),
                }
            }
        }
        _ => {}
    }
}

/// Whether the name of a variable says that it is a secret.
fn is_telling(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    name.ends_with("KEY") || TELLING.iter().any(|part| name.contains(part))
}

fn hide_texts(value: &mut Value, secrets: &mut Secrets) {
    match value {
        Value::String(text) => hide(text, secrets),
        Value::Array(items) => items.iter_mut().for_each(|item| hide_texts(item, secrets)),
        Value::Object(fields) => fields.values_mut().for_each(|field| hide_texts(field, secrets)),
        _ => {}
    }
}

fn hide(text: &mut String, secrets: &mut Secrets) {
    if !text.is_empty() {
        secrets.add(text);
        HIDDEN.clone_into(text);
    }
}

/// A path and query without the values of parameters that open something.
fn in_path(path: &str, secrets: &mut Secrets) -> String {
    let Some((path, query)) = path.split_once('?') else { return path.to_owned() };
    let hidden = query.split('&').map(|pair| match pair.split_once('=') {
        Some((name, value)) if PARAMETERS.contains(&name) => {
            secrets.add(value);
            format!("{name}={HIDDEN}")
        }
        _ => pair.to_owned(),
    });
    format!("{path}?{}", hidden.collect::<Vec<_>>().join("&"))
}

/// The lines of a recording without the secrets, wherever they are.
pub fn hide_everywhere(lines: Vec<String>, secrets: &Secrets) -> Vec<String> {
    let written = secrets.written();
    let hidden = |line: String| match serde_json::from_str::<Value>(&line) {
        Ok(mut entry) => {
            in_texts(&mut entry, &written);
            entry.to_string()
        }
        Err(_) => line,
    };
    lines.into_iter().map(hidden).collect()
}

fn in_texts(value: &mut Value, written: &[String]) {
    match value {
        Value::String(text) => {
            for secret in written.iter().filter(|secret| text.contains(secret.as_str())).collect::<Vec<_>>() {
                *text = text.replace(secret.as_str(), HIDDEN);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| in_texts(item, written)),
        Value::Object(fields) => {
            for (name, field) in std::mem::take(fields) {
                let (mut name, mut field) = (Value::from(name), field);
                match &mut field {
                    Value::String(text) if name == "base64" => in_base64(text, written),
                    other => in_texts(other, written),
                }
                in_texts(&mut name, written);
                fields.insert(name.as_str().unwrap_or_default().to_owned(), field);
            }
        }
        _ => {}
    }
}

fn in_base64(text: &mut String, written: &[String]) {
    let Ok(mut bytes) = STANDARD.decode(text.as_bytes()) else { return };
    let mut changed = false;
    for secret in written {
        if let Cow::Owned(hidden) = without(&bytes, secret.as_bytes()) {
            (bytes, changed) = (hidden, true);
        }
    }
    if changed {
        *text = STANDARD.encode(bytes);
    }
}

fn without<'a>(bytes: &'a [u8], secret: &[u8]) -> Cow<'a, [u8]> {
    let mut places = memmem::find_iter(bytes, secret).peekable();
    if places.peek().is_none() {
        return bytes.into();
    }
    let (mut hidden, mut from) = (Vec::with_capacity(bytes.len()), 0);
    for place in places {
        hidden.extend_from_slice(&bytes[from..place]);
        hidden.extend_from_slice(HIDDEN.as_bytes());
        from = place + secret.len();
    }
    hidden.extend_from_slice(&bytes[from..]);
    hidden.into()
}

/// Whether something that was sent is what was recorded, where anything may stand for what was hidden.
pub fn fits(recorded: &Value, sent: &Value) -> bool {
    match (recorded, sent) {
        (Value::String(recorded), Value::String(sent)) => text_fits(recorded, sent),
        (Value::Array(recorded), Value::Array(sent)) => {
            recorded.len() == sent.len() && recorded.iter().zip(sent).all(|(recorded, sent)| fits(recorded, sent))
        }
        (Value::Object(recorded), Value::Object(sent)) => {
            let same = |(name, field)| sent.get(name).is_some_and(|sent| fits(field, sent));
            recorded.len() == sent.len() && recorded.iter().all(same)
        }
        _ => recorded == sent,
    }
}

/// The same of texts.
pub fn text_fits(recorded: &str, sent: &str) -> bool {
    let Some((first, more)) = recorded.split_once(HIDDEN) else { return recorded == sent };
    let Some(mut rest) = sent.strip_prefix(first) else { return false };
    let mut more = more;
    while let Some((part, others)) = more.split_once(HIDDEN) {
        let Some(place) = rest.find(part) else { return false };
        (rest, more) = (&rest[place + part.len()..], others);
    }
    rest.ends_with(more)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hidden(mut entry: Value) -> (Value, Secrets) {
        let mut secrets = Secrets::default();
        hide_named(&mut entry, &mut secrets);
        (entry, secrets)
    }

    #[test]
    fn what_opens_something_is_hidden_by_its_name() {
        let path = "/f?path=x&signature=v1_s&DAYTONA_SANDBOX_AUTH_KEY=k";
        let body = json!({
            "buildInfo": {"dockerfileContent": "FROM x", "secrets": {"npm": "one"}},
            "env": {"PATH": "/bin", "OPENAI_API_KEY": "two", "db_password": "three"},
            "secrets": [{"KEY": "name-of-a-secret"}],
            "password": "four",
            "nextToken": "a page",
        });
        let (entry, _) =
            hidden(json!({"path": path, "request": {"text": body.to_string()}, "payload": [{"token": "five"}]}));
        assert_eq!(entry["path"], "/f?path=x&signature=[hidden]&DAYTONA_SANDBOX_AUTH_KEY=[hidden]");
        assert_eq!(entry["payload"], json!([{"token": "[hidden]"}]));
        let body: Value = serde_json::from_str(entry["request"]["text"].as_str().unwrap()).unwrap();
        let expected = json!({
            "buildInfo": {"dockerfileContent": "FROM x", "secrets": {"npm": "[hidden]"}},
            "env": {"PATH": "/bin", "OPENAI_API_KEY": "[hidden]", "db_password": "[hidden]"},
            "secrets": [{"KEY": "name-of-a-secret"}],
            "password": "[hidden]",
            "nextToken": "a page",
        });
        assert_eq!(body, expected);
    }

    #[test]
    fn bodies_without_secrets_stay_as_they_were() {
        let text = "{ \"b\": 1,  \"a\": \"x\" }";
        let (entry, _) = hidden(json!({"request": {"text": text}, "response": {"text": "token: x"}}));
        assert_eq!((&entry["request"]["text"], &entry["response"]["text"]), (&json!(text), &json!("token: x")));
    }

    #[test]
    fn a_document_that_was_cut_off_is_hidden() {
        let cut = json!({"type": "application/json", "text": "{\"password\": \"sesame\", \"code\": \""});
        let whole = json!({"type": "application/json", "text": "{}"});
        let (entry, _) = hidden(json!({"request": cut, "response": whole, "truncated": true}));
        assert_eq!((&entry["request"]["text"], &entry["response"]), (&json!(HIDDEN), &whole));
    }

    #[test]
    fn a_hidden_text_is_hidden_wherever_it_turns_up() {
        let secret = "se\"same/+open";
        let (_, secrets) = hidden(json!({"payload": {"password": secret}}));
        let binary = STANDARD.encode([b"\xff", secret.as_bytes(), b"\xff"].concat());
        let lines = [
            json!({"kind": "output", "text": format!("it is {secret}")}),
            json!({"response": {"text": json!({"result": secret}).to_string()}}),
            json!({"path": "/x?q=se%22same%2F%2Bopen"}),
            json!({"response": {"base64": binary}}),
            json!({"payload": {secret: 1}}),
        ];
        let shown = hide_everywhere(lines.iter().map(Value::to_string).collect(), &secrets);
        let all = shown.join("\n");
        assert!(!all.contains("same"), "{all}");
        assert!(all.contains("it is [hidden]") && all.contains("?q=[hidden]"), "{all}");
        let line: Value = serde_json::from_str(&shown[3]).unwrap();
        let bytes = STANDARD.decode(line["response"]["base64"].as_str().unwrap()).unwrap();
        assert_eq!(bytes, b"\xff[hidden]\xff");
    }

    #[test]
    fn short_texts_are_hidden_where_they_stand_only() {
        let (entry, secrets) = hidden(json!({"payload": {"password": "test"}}));
        assert_eq!(entry["payload"]["password"], HIDDEN);
        let line = json!({"text": "a test"}).to_string();
        assert_eq!(hide_everywhere(vec![line.clone()], &secrets), [line]);
    }

    #[test]
    fn anything_stands_for_what_was_hidden() {
        for (recorded, sent, same) in [
            ("a", "a", true),
            ("a", "ab", false),
            ("[hidden]", "anything", true),
            ("a [hidden] b [hidden]", "a 1 b 2", true),
            ("a [hidden] b", "a 1 c", false),
            ("a[hidden]a", "a", false),
        ] {
            assert_eq!(text_fits(recorded, sent), same, "{recorded} {sent}");
        }
        assert!(fits(&json!({"a": ["[hidden]", 1]}), &json!({"a": ["x", 1]})));
        assert!(!fits(&json!({"a": 1}), &json!({"a": 1, "b": 2})));
        assert!(!fits(&json!({"a": [1, 2]}), &json!({"a": [1]})));
    }
}
