//! The answer of a command that was waited for: `{"exitCode": …, "result": …}`.
//!
//! Output of any size is answered without a second copy of it: as JSON, a byte can take six.

use std::io;

use axum::body::{Body, Bytes};
use axum::response::{IntoResponse, Response};
use http::header;
use serde::Serialize;

use crate::execute::{Output, into_text};

/// The output up to which an answer is one piece, in bytes.
const WHOLE: usize = 1 << 20;

/// How much output is made JSON at a time, in bytes.
const PIECE: usize = 64 << 10;

/// The parts of an answer besides the output.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Outcome<A> {
    pub(crate) exit_code: i32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) artifacts: Option<A>,
}

#[derive(Serialize)]
struct Whole<A> {
    #[serde(flatten)]
    outcome: Outcome<A>,
    result: String,
}

impl<A: Serialize> Outcome<A> {
    /// The answer with this output; what is not UTF-8 becomes U+FFFD.
    pub(crate) fn with(self, output: Output) -> Response {
        if output.bytes.len() <= WHOLE {
            return axum::Json(Whole { outcome: self, result: into_text(output.bytes) }).into_response();
        }
        let mut head = serde_json::to_string(&self).unwrap_or_default();
        // The last brace makes room for one more member.
        head.pop();
        head.push_str(r#","result":""#);
        let pieces = Pieces { output, at: 0 }.map(|piece| io::Result::Ok(Bytes::from(piece)));
        let parts =
            std::iter::once(Ok(Bytes::from(head))).chain(pieces).chain(std::iter::once(Ok(Bytes::from(r#""}"#))));
        let body = Body::from_stream(futures_util::stream::iter(parts));
        ([(header::CONTENT_TYPE, "application/json")], body).into_response()
    }
}

/// The inside of a JSON string, piece by piece. The output is held until the last has been taken or given up.
struct Pieces {
    output: Output,
    at: usize,
}

impl Iterator for Pieces {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        let rest = &self.output.bytes[self.at..];
        if rest.is_empty() {
            return None;
        }
        let piece = &rest[..rest.len().min(PIECE)];
        // A character that the piece cuts off belongs to the next one; it has four bytes at most.
        let whole = match std::str::from_utf8(piece) {
            Err(error) if error.error_len().is_none() && piece.len() < rest.len() => error.valid_up_to(),
            // Damaged bytes come first: whether the end is cut off is looked at from there on.
            Err(_) if piece.len() < rest.len() => piece.len() - cut_off(piece),
            _ => piece.len(),
        };
        self.at += whole;
        let quoted = serde_json::to_string(&String::from_utf8_lossy(&piece[..whole])).unwrap_or_default();
        Some(quoted[1..quoted.len() - 1].to_owned())
    }
}

/// How many bytes at the end begin a character that is not complete.
fn cut_off(piece: &[u8]) -> usize {
    (1..=3.min(piece.len()))
        .find(|length| {
            let end = &piece[piece.len() - length..];
            end[0] >= 0xC0 && std::str::from_utf8(end).is_err_and(|error| error.error_len().is_none())
        })
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn answered(bytes: Vec<u8>) -> serde_json::Value {
        let response = Outcome { exit_code: 7, artifacts: Some([1]) }.with(Output::from(bytes));
        let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        serde_json::from_slice(&body).unwrap()
    }

    #[tokio::test]
    async fn large_output_is_the_same_text_as_small_output() {
        for unit in ["x\0\"\\\n", "aä€🦀", "\u{1F980}"] {
            let text = format!("a{}", unit.repeat(3 * WHOLE / unit.len()));
            let answer = answered(text.clone().into_bytes()).await;
            assert_eq!((&answer["exitCode"], &answer["artifacts"][0]), (&7.into(), &1.into()));
            assert!(answer["result"] == text, "{unit}");
        }
    }

    #[tokio::test]
    async fn what_is_not_text_is_replaced_the_same_at_every_size() {
        let bytes: Vec<u8> = (0..=u8::MAX).chain([0xF0, 0x9F, b'a', 0xE2, 0x82]).cycle().take(2 * WHOLE + 1).collect();
        let expected = String::from_utf8_lossy(&bytes).into_owned();
        assert!(answered(bytes).await["result"] == expected);
    }
}
