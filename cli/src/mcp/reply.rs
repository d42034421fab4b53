//! What a tool gives back.

use serde::Serialize;
use serde_json::{Value, json};

/// The result of a tool: text for the model, the same as data for programs, pictures.
#[derive(Debug, Default)]
pub struct Reply {
    /// For the model.
    pub text: String,
    /// For programs; always an object.
    pub data: Value,
    /// For both.
    pub pictures: Vec<Picture>,
    /// Whether the tool failed.
    pub is_error: bool,
}

/// A picture, as base64.
#[derive(Debug)]
pub struct Picture {
    /// Content as base64.
    pub base64: String,
    /// Its type, for example `image/png`.
    pub media_type: &'static str,
}

/// Why a call could not be carried out.
#[derive(Debug)]
pub enum Refusal {
    /// No tool of this name is offered.
    UnknownTool(String),
    /// An argument is missing or wrong: the model can correct it.
    Argument(String),
    /// The operation failed.
    Failed(daytona::Error),
}

impl Reply {
    /// Text and data.
    ///
    /// # Panics
    /// Never: what tools give back can be written as JSON.
    pub fn new(text: impl Into<String>, data: impl Serialize) -> Self {
        let data = serde_json::to_value(data).unwrap_or_default();
        Self { text: text.into(), data, ..Self::default() }
    }

    /// Adds pictures.
    pub fn with_pictures(self, pictures: Vec<Picture>) -> Self {
        Self { pictures, ..self }
    }

    /// The same as a failure.
    pub fn failed(self, is_error: bool) -> Self {
        Self { is_error, ..self }
    }
}

impl From<daytona::Error> for Refusal {
    fn from(error: daytona::Error) -> Self {
        Self::Failed(error)
    }
}

impl Refusal {
    /// A failure as the model reads it, with what a program can act on.
    pub fn into_reply(self) -> Reply {
        let (text, error) = match self {
            Self::UnknownTool(name) => (format!("There is no tool {name:?}."), json!({ "kind": "NotFound" })),
            Self::Argument(text) => (text, json!({ "kind": "InvalidArgument", "retryable": false })),
            Self::Failed(error) => {
                let info = error.info();
                let data = json!({
                    "kind": info.kind, "status": info.status, "code": info.code, "requestId": info.request_id,
                    "sandboxId": info.sandbox_id, "retryable": info.retryable,
                });
                (error.to_string(), data)
            }
        };
        Reply::new(text, json!({ "error": error })).failed(true)
    }
}
