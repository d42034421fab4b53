//! Plays what a server said in a recorded connection to a client that says the same ([`super::messages`]).
//!
//! The server's messages come in their order, as soon as the client has said what it had said before them. What a client sends as bytes may be
//! cut differently; anything stands for what was hidden. Who says something else is told so, and the connection ends.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use memchr::memmem;
use serde_json::Value;
use tokio::time::timeout;

use super::hiding::{HIDDEN, fits};
use super::messages;
use super::replay::{Replay, without_marks};

/// How long a client may take to answer that the connection ends.
const PATIENCE: Duration = Duration::from_secs(10);

/// Bytes that a client may be ahead of the recording.
const MOST_AHEAD: usize = 64 << 20;

/// A message of the recording.
pub struct Line {
    /// Its entry.
    pub entry: Value,
    /// Requests that come before it, and decide what it is: of a new size, for example.
    pub after: Vec<usize>,
}

/// Plays a connection.
async fn play(mut socket: WebSocket, lines: Vec<Line>, replay: &Replay) {
    let mut answered = replay.answered();
    let mut heard = Heard::default();
    for Line { entry, after } in lines {
        while !after.iter().all(|index| replay.is_answered(*index)) {
            tokio::select! {
                changed = answered.changed() => if changed.is_err() { return },
                told = socket.recv() => if !heard.take(told) { return },
            }
        }
        if entry["truncated"] == true {
            return end(socket, close_code::ERROR, "The recording has no more of this message").await;
        }
        if entry["from"] == "client" {
            if !entry["close"].is_null() {
                while heard.take(socket.recv().await) {}
                return;
            }
            loop {
                match heard.has(&entry) {
                    Some(true) => break,
                    Some(false) => {
                        return end(socket, close_code::POLICY, "The recording has other input at this place").await;
                    }
                    None => {}
                }
                let told = socket.recv().await;
                if !heard.take(told) {
                    return;
                }
            }
        } else if entry["ended"] == true {
            // It broke off.
            return;
        } else if !entry["close"].is_null() {
            let code = entry["close"]["code"].as_u64().and_then(|code| u16::try_from(code).ok());
            let reason = entry["close"]["reason"].as_str().unwrap_or_default();
            return end(socket, code.unwrap_or(close_code::NORMAL), reason).await;
        } else if socket.send(message(&entry, replay)).await.is_err() {
            return;
        }
    }
    end(socket, close_code::AWAY, "The recording ends here").await;
}

fn message(entry: &Value, replay: &Replay) -> Message {
    match String::from_utf8(replay.said_here(messages::bytes_of(entry))) {
        Ok(text) if entry["type"] == "text" => Message::Text(text.into()),
        Ok(text) => Message::Binary(text.into()),
        Err(error) => Message::Binary(error.into_bytes().into()),
    }
}

/// Ends the connection when the client has read all of it.
async fn end(mut socket: WebSocket, code: u16, reason: &str) {
    let frame = CloseFrame { code, reason: reason.into() };
    let goodbye = async {
        if socket.send(Message::Close(Some(frame))).await.is_ok() {
            while let Some(Ok(_)) = socket.recv().await {}
        }
    };
    // Who does not read any more is not waited for.
    let _ = timeout(PATIENCE, goodbye).await;
}

/// What a client said that the recording has not come to.
#[derive(Default)]
struct Heard {
    bytes: Vec<u8>,
    /// Ends of its messages in the bytes, so that documents are compared as such.
    ends: Vec<usize>,
    /// Something was hidden, so whatever comes before what is expected next stands for it.
    is_open: bool,
}

impl Heard {
    /// Takes a message; `false` when there are no more, or too many.
    fn take(&mut self, told: Option<Result<Message, axum::Error>>) -> bool {
        match told {
            Some(Ok(Message::Text(text))) => self.add(text.as_bytes()),
            Some(Ok(Message::Binary(bytes))) => self.add(&bytes),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            Some(Ok(Message::Close(_)) | Err(_)) | None => return false,
        }
        self.bytes.len() <= MOST_AHEAD
    }

    fn add(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        self.ends.push(self.bytes.len());
    }

    /// Takes out what was recorded next: whether the client said it, or `None` while that is not known.
    fn has(&mut self, entry: &Value) -> Option<bool> {
        let expected = messages::bytes_of(entry);
        let document = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).ok().filter(Value::is_object);
        if entry["type"] == "text"
            && let Some(expected) = document(&expected)
        {
            let end = *self.ends.first()?;
            let said = document(&self.bytes[..end]);
            self.drop(end);
            return Some(said.is_some_and(|said| fits(&without_marks(&expected), &without_marks(&said))));
        }
        let mut rest = expected.as_slice();
        let mut at = 0;
        let mut is_open = self.is_open;
        while !rest.is_empty() {
            if let Some(after) = rest.strip_prefix(HIDDEN.as_bytes()) {
                (rest, is_open) = (after, true);
                continue;
            }
            let part = &rest[..memmem::find(rest, HIDDEN.as_bytes()).unwrap_or(rest.len())];
            let said = &self.bytes[at..];
            at += match is_open {
                true => memmem::find(said, part)?,
                false if said.starts_with(part) => 0,
                false if part.starts_with(said) => return None,
                false => return Some(false),
            } + part.len();
            (rest, is_open) = (&rest[part.len()..], false);
        }
        self.is_open = is_open;
        self.drop(at);
        Some(true)
    }

    fn drop(&mut self, length: usize) {
        self.bytes.drain(..length);
        self.ends = self.ends.iter().filter(|end| **end > length).map(|end| end - length).collect();
    }
}

/// Plays in a task of its own, which ends with the connection.
pub fn begin(
    upgrade: axum::extract::ws::WebSocketUpgrade,
    protocol: Option<&str>,
    lines: Vec<Line>,
    replay: Arc<Replay>,
) -> axum::response::Response {
    let upgrade = match protocol {
        Some(protocol) => upgrade.protocols([protocol.to_owned()]),
        None => upgrade,
    };
    upgrade.on_upgrade(move |socket| async move { play(socket, lines, &replay).await })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn entry(kind: &str, text: &str) -> Value {
        json!({"type": kind, "text": text})
    }

    fn heard(parts: &[&str]) -> Heard {
        let mut heard = Heard::default();
        parts.iter().for_each(|part| heard.add(part.as_bytes()));
        heard
    }

    #[test]
    fn bytes_may_be_cut_differently_and_must_be_the_same() {
        let mut all = heard(&["ec", "ho 1\rexi"]);
        assert_eq!(all.has(&entry("binary", "echo 1")), Some(true));
        assert_eq!(all.has(&entry("binary", "")), Some(true));
        assert_eq!(all.has(&entry("binary", "\rexit")), None);
        all.add(b"t");
        assert_eq!(all.has(&entry("binary", "\rexit")), Some(true));
        assert_eq!(all.bytes, b"");
        assert_eq!(heard(&["echo 2"]).has(&entry("binary", "echo 1")), Some(false));
        assert_eq!(heard(&["x"]).has(&entry("binary", "echo 1")), Some(false));
    }

    #[test]
    fn anything_stands_for_what_was_hidden() {
        let mut all = heard(&["login ses", "ame -v"]);
        assert_eq!(all.has(&entry("binary", "login [hidden]")), Some(true));
        assert_eq!(all.has(&entry("binary", "\r")), None);
        all.add(b"\rls");
        assert_eq!(all.has(&entry("binary", "\r")), Some(true));
        assert_eq!(all.has(&entry("binary", "ls")), Some(true));
        assert_eq!(heard(&["a 1 b 2 c"]).has(&entry("binary", "a [hidden] b [hidden] c")), Some(true));
    }

    #[test]
    fn documents_are_compared_by_what_they_say() {
        let mut all = heard(&["{\"code\":\"1\",\"envs\":{\"A\":\"x\"}}", "{\"code\":\"2\"}"]);
        assert_eq!(all.has(&entry("text", "{\"envs\": {\"A\": \"[hidden]\"}, \"code\": \"1\"}")), Some(true));
        assert_eq!(all.has(&entry("text", "{\"code\": \"3\"}")), Some(false));
        assert_eq!(all.has(&entry("text", "{\"code\": \"3\"}")), None);
    }
}
