//! Names that an operation does not know, and the place of a value that it cannot use.
//!
//! Both look at the JSON alone, with what the schema says of it: readers that follow a type and take notes would be written anew
//! for each of the many types, and together they are megabytes of a library.

use std::borrow::Cow;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// The names of an object's members, and of those in them. What is `None` may have any, or is no object.
pub(crate) struct Names(pub(crate) &'static [(&'static str, Option<&'static Names>)]);

/// The path of the first member that has no name here: `args.options.tmeout`.
pub(crate) fn unknown(json: &[u8], names: &'static Names) -> Option<String> {
    let (mut path, mut found) = (Vec::new(), None);
    let mut json = serde_json::Deserializer::from_slice(json);
    // It has been read before: there is nothing wrong with it.
    let _ = Walk { names, path: &mut path, found: &mut found }.deserialize(&mut json);
    found
}

struct Walk<'a> {
    names: &'static Names,
    path: &'a mut Vec<Cow<'static, str>>,
    found: &'a mut Option<String>,
}

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("any value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<Cow<'de, str>>()? {
            match self.names.0.iter().find(|(known, _)| *known == name) {
                Some((known, Some(names))) => {
                    self.path.push(Cow::Borrowed(known));
                    map.next_value_seed(Walk { names, path: &mut *self.path, found: &mut *self.found })?;
                    self.path.pop();
                }
                Some((_, None)) => {
                    map.next_value::<IgnoredAny>()?;
                }
                None => {
                    if self.found.is_none() {
                        self.path.push(Cow::Owned(name.into_owned()));
                        *self.found = Some(self.path.join("."));
                        self.path.pop();
                    }
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        for index in 0.. {
            self.path.push(Cow::Owned(index.to_string()));
            let item = Walk { names: self.names, path: &mut *self.path, found: &mut *self.found };
            let more = seq.next_element_seed(item)?;
            self.path.pop();
            if more.is_none() {
                break;
            }
        }
        Ok(())
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }
}

/// The path of the value at which an error was met: `args.options.env.A`, `args.files[0].destination`.
pub(crate) fn place(json: &[u8], error: &serde_json::Error) -> String {
    let lines = json.split_inclusive(|byte| *byte == b'\n');
    let before: usize = lines.take(error.line().saturating_sub(1)).map(<[u8]>::len).sum();
    Scan { json, at: 0, end: before + error.column() }.value("").unwrap_or_default()
}

/// A walk over JSON up to a place in it.
struct Scan<'a> {
    json: &'a [u8],
    at: usize,
    end: usize,
}

impl Scan<'_> {
    /// Goes over a value; its path, or that of one in it, when the place is there.
    fn value(&mut self, path: &str) -> Option<String> {
        self.space();
        let here = || Some(path.to_owned());
        match self.json.get(self.at) {
            None => here(),
            Some(b'{' | b'[') if self.at >= self.end => here(),
            Some(open @ (b'{' | b'[')) => {
                let object = *open == b'{';
                self.at += 1;
                for index in 0.. {
                    self.space();
                    match self.json.get(self.at) {
                        None => return here(),
                        Some(b'}' | b']') => break,
                        Some(b',') => {
                            self.at += 1;
                            self.space();
                        }
                        Some(_) => {}
                    }
                    let inner = if object {
                        let name = self.name();
                        if path.is_empty() { name } else { format!("{path}.{name}") }
                    } else {
                        format!("{path}[{index}]")
                    };
                    let before = self.at;
                    if let Some(found) = self.value(&inner) {
                        return Some(found);
                    }
                    if self.at == before {
                        return here();
                    }
                }
                self.at += 1;
                (self.at >= self.end).then(|| path.to_owned())
            }
            Some(b'"') => {
                self.text();
                (self.at >= self.end).then(|| path.to_owned())
            }
            Some(_) => {
                while self.json.get(self.at).is_some_and(|byte| !b",]} \t\r\n".contains(byte)) {
                    self.at += 1;
                }
                (self.at >= self.end).then(|| path.to_owned())
            }
        }
    }

    /// The name of a member, and the colon behind it.
    fn name(&mut self) -> String {
        let begun = self.at;
        self.text();
        let name = self.json.get(begun..self.at).unwrap_or_default();
        let name = serde_json::from_slice(name).unwrap_or_else(|_| String::from_utf8_lossy(name).into_owned());
        self.space();
        if self.json.get(self.at) == Some(&b':') {
            self.at += 1;
        }
        name
    }

    fn text(&mut self) {
        self.at += 1;
        while let Some(byte) = self.json.get(self.at) {
            match byte {
                b'\\' => self.at += 2,
                b'"' => break,
                _ => self.at += 1,
            }
        }
        self.at = (self.at + 1).min(self.json.len());
    }

    fn space(&mut self) {
        while self.json.get(self.at).is_some_and(u8::is_ascii_whitespace) {
            self.at += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPTIONS: Names = Names(&[("timeout", None), ("env", None)]);
    const FILE: Names = Names(&[("destination", None)]);
    const ARGS: Names = Names(&[("files", Some(&FILE)), ("options", Some(&OPTIONS))]);
    const ALL: Names = Names(&[("args", Some(&ARGS))]);

    #[test]
    fn a_name_that_is_not_known_is_found_wherever_it_is() {
        for (json, expected) in [
            (
                r#"{"args": {"files": [{"destination": "a"}], "options": {"timeout": 1.5, "env": {"any": "thing"}}}}"#,
                None,
            ),
            (r#"{"args": {"options": null}}"#, None),
            (r#"{"args": {"options": {"tmeout": {"deep": [1]}}}}"#, Some("args.options.tmeout")),
            (r#"{"args": {"files": [{"destination": "a"}, {"to": "b"}]}}"#, Some("args.files.1.to")),
            (r#"{"argz": 1, "args": {}}"#, Some("argz")),
        ] {
            assert_eq!(unknown(json.as_bytes(), &ALL).as_deref(), expected, "{json}");
        }
    }

    #[test]
    fn the_place_of_an_error_is_found() {
        #[derive(serde::Deserialize)]
        #[allow(dead_code, reason = "only read")]
        struct All {
            args: Args,
        }
        #[derive(serde::Deserialize)]
        #[allow(dead_code, reason = "only read")]
        struct Args {
            command: Option<String>,
            files: Option<Vec<std::collections::BTreeMap<String, String>>>,
            needed: u8,
        }
        for (json, expected) in [
            (r#"{"args": {"command": 5, "needed": 1}}"#, "args.command"),
            (r#"{"args": {"command": {"a": 1}, "needed": 1}}"#, "args.command"),
            (r#"{"args": {"needed": "x"}}"#, "args.needed"),
            (r#"{"args": {"needed": -1}}"#, "args.needed"),
            (r#"{"args": {"files": [{"a\"b": "c"}, {"d": null}], "needed": 1}}"#, "args.files[1].d"),
            ("{\"args\": {\n\"command\": \"x\"}\n}", "args"),
            (r#"{}"#, ""),
            (r#"{"args": "#, "args"),
        ] {
            let error = serde_json::from_str::<All>(json).err().unwrap();
            assert_eq!(place(json.as_bytes(), &error), expected, "{json}: {error}");
        }
    }
}
