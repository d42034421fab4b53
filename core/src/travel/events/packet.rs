//! Packets of Engine.IO 4 and Socket.IO 5, as far as the gateway uses them (wire-additions.md 3.1, 3.2).

use std::time::Duration;

use serde_json::Value;

/// Answer to an Engine.IO ping.
pub(super) const PONG: &str = "3";
/// Leaves the namespace.
pub(super) const DISCONNECT: &str = "41";

/// A packet from the server.
#[derive(Debug, PartialEq)]
pub(crate) enum Packet {
    /// The transport is open; nothing at all for this long means it is dead.
    Open { silence_limit: Duration },
    /// The namespace accepted the credentials.
    Connected,
    /// The namespace refused the credentials, with the server's words.
    Refused(String),
    /// Must be answered with [`PONG`].
    Ping,
    /// An event of interest.
    State(StateChange),
    /// The server ends the connection.
    Disconnected,
    /// Everything else.
    Other,
}

/// A sandbox is now in this state.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct StateChange {
    pub sandbox_id: String,
    pub state: String,
    /// The sandbox as far as the server tells it.
    pub document: Value,
    /// Why it changed, where the server tells it.
    pub why: Why,
}

/// Why a sandbox changed, and whose request it was.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Why {
    pub cause: Option<String>,
    pub actor: Option<String>,
}

/// The packet that presents the credentials.
pub(super) fn connect_packet(token: &str) -> String {
    format!("40{}", serde_json::json!({ "token": token }))
}

impl Packet {
    pub fn parse(text: &str) -> Self {
        let (engine, rest) = text.split_at_checked(1).unwrap_or(("", ""));
        match engine {
            "0" => Self::Open { silence_limit: silence_limit(rest) },
            "1" => Self::Disconnected,
            "2" => Self::Ping,
            "4" => Self::parse_message(rest),
            _ => Self::Other,
        }
    }

    fn parse_message(text: &str) -> Self {
        let (kind, rest) = text.split_at_checked(1).unwrap_or(("", ""));
        let rest = without_namespace(rest);
        match kind {
            "0" => Self::Connected,
            "1" => Self::Disconnected,
            "2" => event(rest).map_or(Self::Other, Self::State),
            "4" => {
                let reason = serde_json::from_str(rest).unwrap_or(Value::Null);
                Self::Refused(reason["message"].as_str().unwrap_or("no reason given").to_owned())
            }
            _ => Self::Other,
        }
    }
}

/// pingInterval + pingTimeout of the OPEN packet, which are milliseconds.
fn silence_limit(open: &str) -> Duration {
    let open: Value = serde_json::from_str(open).unwrap_or(Value::Null);
    let milliseconds = |key: &str, default| open[key].as_u64().unwrap_or(default);
    Duration::from_millis(milliseconds("pingInterval", 25_000).saturating_add(milliseconds("pingTimeout", 20_000)))
}

fn without_namespace(text: &str) -> &str {
    if !text.starts_with('/') {
        return text;
    }
    text.split_once(',').map_or("", |(_, rest)| rest)
}

/// `[id]["name", payload]`, if it is one of the two that carry a sandbox's state.
fn event(text: &str) -> Option<StateChange> {
    let json = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let arguments: Vec<Value> = serde_json::from_str(json).ok()?;
    let [Value::String(name), payload, ..] = &arguments[..] else { return None };
    let document = if payload["sandbox"].is_object() { &payload["sandbox"] } else { payload };
    if !matches!(name.as_str(), "sandbox.state.updated" | "sandbox.created") {
        return None;
    }
    let text = |value: &Value| value.as_str().filter(|s| !s.is_empty()).map(str::to_owned);
    // The sandbox itself wins over what stands beside it (wire-additions.md 3.2).
    let sandbox_id = text(&payload["sandbox"]["id"]).or_else(|| text(&payload["id"]))?;
    let state = [&payload["sandbox"]["state"], &payload["newState"], &payload["state"]].into_iter().find_map(text)?;
    let why = Why { cause: text(&payload["cause"]), actor: text(&payload["actor"]["id"]) };
    Some(StateChange { sandbox_id, state, document: document.clone(), why })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(id: &str, state: &str) -> Packet {
        Packet::State(StateChange {
            sandbox_id: id.into(),
            state: state.into(),
            document: Value::Null,
            why: Why::default(),
        })
    }

    /// A packet without the rest of a sandbox.
    fn parse(text: &str) -> Packet {
        match Packet::parse(text) {
            Packet::State(change) => Packet::State(StateChange { document: Value::Null, ..change }),
            packet => packet,
        }
    }

    #[test]
    fn the_state_of_the_sandbox_wins_over_the_new_state_beside_it() {
        let both = r#"42["sandbox.state.updated",{"sandbox":{"id":"a","state":"started"},"newState":"starting"}]"#;
        assert_eq!(parse(both), state("a", "started"));
        let beside = r#"42["sandbox.state.updated",{"sandbox":{"id":"a"},"oldState":"x","newState":"stopped"}]"#;
        assert_eq!(parse(beside), state("a", "stopped"));
    }

    #[test]
    fn a_created_sandbox_may_come_bare_or_wrapped_and_with_namespace_and_id() {
        assert_eq!(parse(r#"42["sandbox.created",{"id":"a","state":"s"}]"#), state("a", "s"));
        assert_eq!(parse(r#"42/x,17["sandbox.created",{"sandbox":{"id":"a","state":"s"}}]"#), state("a", "s"));
    }

    #[test]
    fn what_is_not_understood_is_ignored() {
        for text in ["", "4", "42", "42[", "42[]", "42[1]", r#"42["sandbox.created"]"#, "43[]", "6", "é", "4é", "9"] {
            assert_eq!(Packet::parse(text), Packet::Other, "{text:?}");
        }
        assert_eq!(Packet::parse(r#"42["volume.created",{"id":"a","state":"s"}]"#), Packet::Other);
        assert_eq!(Packet::parse(r#"42["sandbox.created",{"id":7,"state":"s"}]"#), Packet::Other);
    }

    #[test]
    fn the_handshake_packets_are_understood() {
        let open = Packet::parse(r#"0{"sid":"s","upgrades":[],"pingInterval":300,"pingTimeout":200}"#);
        assert_eq!(open, Packet::Open { silence_limit: Duration::from_millis(500) });
        assert_eq!(Packet::parse(r#"40{"sid":"s"}"#), Packet::Connected);
        assert_eq!(Packet::parse(r#"44{"message":"no"}"#), Packet::Refused("no".into()));
        assert_eq!(Packet::parse("1"), Packet::Disconnected);
        assert_eq!(Packet::parse("41"), Packet::Disconnected);
        assert_eq!(Packet::parse("2"), Packet::Ping);
        assert_eq!(connect_packet("a\"b"), r#"40{"token":"a\"b"}"#);
    }
}
