//! Faults that tests ask for: a list of rules. The first rule that matches a request and is not used up applies.
//!
//! `/health` and `/testing` never fail: clients find the engine by the one and tests get rid of faults by the other.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A fault and the requests it is for.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// HTTP method; nothing = any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Text the path and query must contain.
    #[serde(default)]
    pub path: String,
    /// Matching requests to let pass first.
    #[serde(default)]
    pub skip: u32,
    /// Requests the rule applies to; 0 = all.
    #[serde(default = "once")]
    pub times: u32,
    /// The fault.
    #[serde(rename = "do")]
    pub fault: Fault,
}

fn once() -> u32 {
    1
}

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Fault {
    /// The connection breaks.
    Drop(Moment),
    /// The request waits for so many seconds.
    Delay(Seconds),
    /// Another answer is given.
    Answer(Answer),
    /// The connection breaks after so many bytes of the answer behind its head.
    Cut(u64),
    /// The sandbox of the request takes so many seconds longer to start; otherwise the next one that starts.
    SlowStart(Seconds),
    /// The processes of the request's sandbox die before the request arrives.
    Kill(bool),
}

/// When a connection breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Moment {
    /// Before the request is looked at.
    Before,
    /// After it was carried out.
    After,
}

/// At least 0, and finite.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, Serialize)]
#[serde(try_from = "f64")]
pub struct Seconds(f64);

impl TryFrom<f64> for Seconds {
    type Error = String;

    fn try_from(seconds: f64) -> Result<Self, String> {
        match std::time::Duration::try_from_secs_f64(seconds) {
            Ok(_) => Ok(Self(seconds)),
            Err(_) => Err(format!("{seconds} is not a valid number of seconds")),
        }
    }
}

impl From<Seconds> for std::time::Duration {
    fn from(seconds: Seconds) -> Self {
        Self::try_from_secs_f64(seconds.0).unwrap_or_default()
    }
}

/// An answer instead of the engine's own.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// HTTP status, 200 to 599.
    pub status: u16,
    /// Headers.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Body.
    #[serde(default)]
    pub body: String,
    /// Whether the request is carried out first, so that only its answer is lost.
    #[serde(default)]
    pub committed: bool,
}

/// Reads rules out of JSON.
///
/// # Errors
/// When it is not a list of rules.
pub fn parse(json: &[u8]) -> Result<Vec<Rule>, String> {
    let rules: Vec<Rule> = serde_json::from_slice(json).map_err(|error| error.to_string())?;
    let answers = rules.iter().filter_map(|rule| match &rule.fault {
        Fault::Answer(answer) => Some(answer),
        _ => None,
    });
    for answer in answers {
        if !(200..600).contains(&answer.status) {
            return Err(format!("{} is not a status from 200 to 599", answer.status));
        }
        for (name, value) in &answer.headers {
            if name.parse::<http::HeaderName>().is_err() || value.parse::<http::HeaderValue>().is_err() {
                return Err(format!("{name:?} cannot be sent as a header with the value {value:?}"));
            }
        }
    }
    Ok(rules)
}

/// The rules that are left.
#[derive(Debug, Default)]
pub struct Rules(pub Vec<Rule>);

impl Rules {
    /// The fault for a request, used up by it.
    pub fn take(&mut self, method: &str, path: &str) -> Option<Fault> {
        let matches = |rule: &Rule| {
            rule.method.as_deref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(method)) && path.contains(&rule.path)
        };
        let index = self.0.iter().position(matches)?;
        let rule = &mut self.0[index];
        if rule.skip > 0 {
            rule.skip -= 1;
            return None;
        }
        let fault = rule.fault.clone();
        match rule.times {
            0 => {}
            1 => drop(self.0.remove(index)),
            _ => rule.times -= 1,
        }
        Some(fault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_applies_to_the_requests_it_names_and_is_used_up() {
        let mut rules = Rules(parse(br#"[{"method": "POST", "path": "/x", "skip": 1, "do": {"cut": 3}}]"#).unwrap());
        assert_eq!(rules.take("GET", "/x"), None);
        assert_eq!(rules.take("POST", "/y"), None);
        assert_eq!(rules.take("POST", "/x"), None);
        assert_eq!(rules.take("POST", "/x"), Some(Fault::Cut(3)));
        assert_eq!(rules.take("POST", "/x"), None);
    }

    #[test]
    fn rules_that_make_no_sense_are_refused() {
        for wrong in [
            r#"{}"#,
            r#"[{"do": {"delay": -1}}]"#,
            r#"[{"do": {"answer": {"status": 99}}}]"#,
            r#"[{"do": {"answer": {"status": 500, "headers": {"a b": "c"}}}}]"#,
            r#"[{"to": {"cut": 1}}]"#,
        ] {
            assert!(parse(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }
}
