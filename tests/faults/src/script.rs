//! What a script says.

use std::collections::BTreeMap;

use serde::Deserialize;

/// A fault and the requests it is for.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// HTTP method; nothing = any.
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
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fault {
    /// The connection is reset.
    Drop(Drop),
    /// The request waits for so many seconds.
    Delay(f64),
    /// The proxy answers itself.
    Answer(Answer),
    /// The answer ends early.
    Cut(Cut),
    /// The answer comes in pieces of so many bytes.
    Split(usize),
    /// The close frame of a WebSocket comes so many seconds late.
    Linger(f64),
    /// A client that hangs up does not end what it asked for.
    Orphan(bool),
}

/// When a connection is reset.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Drop {
    /// Before the request is passed on.
    Before,
    /// After it was carried out.
    After,
}

/// An answer of the proxy's own.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Headers beside `Content-Length` and `Connection`.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Body.
    #[serde(default)]
    pub body: String,
}

/// Where an answer ends early.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cut {
    /// Bytes passed on behind the answer's head.
    pub after: usize,
    /// Whether the connection is closed instead of reset.
    #[serde(default)]
    pub politely: bool,
}

impl Fault {
    /// The fault in words, for the log of requests.
    pub fn describe(&self) -> String {
        match self {
            Self::Drop(Drop::Before) => "drop before".to_owned(),
            Self::Drop(Drop::After) => "drop after".to_owned(),
            Self::Delay(seconds) => format!("delay {seconds}"),
            Self::Answer(answer) => format!("answer {}", answer.status),
            Self::Cut(cut) => format!("cut {}", cut.after),
            Self::Split(size) => format!("split {size}"),
            Self::Linger(seconds) => format!("linger {seconds}"),
            Self::Orphan(orphan) => format!("orphan {orphan}"),
        }
    }
}

/// Reads a script.
///
/// # Errors
/// When it is not a list of rules.
pub fn parse(json: &str) -> Result<Vec<Rule>, serde_json::Error> {
    serde_json::from_str(json)
}

/// The rules that are left.
#[derive(Debug)]
pub(crate) struct Script(Vec<Rule>);

impl Script {
    pub(crate) fn new(rules: Vec<Rule>) -> Self {
        Self(rules)
    }

    /// The fault for a request, used up by it.
    pub(crate) fn take(&mut self, method: &str, path: &str) -> Option<Fault> {
        let matches = |rule: &Rule| rule.method.as_deref().is_none_or(|m| m == method) && path.contains(&rule.path);
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
