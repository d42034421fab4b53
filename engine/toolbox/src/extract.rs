//! How requests are read: JSON bodies, path segments and byte-exact query strings, all failing with an [`ApiError`].

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use http::request::Parts;
use percent_encoding::percent_decode;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::Toolbox;
use crate::errors::ApiError;

/// A JSON object, whatever the content type says; a field that is null counts as absent. Malformed or mistyped bodies answer
/// 400 `INVALID_REQUEST_BODY`.
pub(crate) struct Json<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<Arc<Toolbox>> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, toolbox: &Arc<Toolbox>) -> Result<Self, ApiError> {
        let body = Bytes::from_request(request, toolbox).await.map_err(|e| ApiError::invalid_body(e.body_text()))?;
        if body.is_empty() {
            return Err(ApiError::invalid_body("EOF"));
        }
        let not_an_object = |_| ApiError::invalid_body("it is not a JSON object");
        let mut documents = serde_json::Deserializer::from_slice(&body);
        let mut fields = serde_json::Map::deserialize(&mut documents).map_err(not_an_object)?;
        if !toolbox.config.compat.ignores_trailing_json() {
            documents.end().map_err(not_an_object)?;
        }
        fields.retain(|_, value: &mut Value| !value.is_null());
        let read = read_fields(fields).map(Json);
        #[cfg(feature = "fuzzing")]
        if crate::fuzzing::is_only_read() {
            return read.and(Err(ApiError::bad_request("nothing is done while fuzzing")));
        }
        read
    }
}

/// The fields of a JSON object as a type.
pub(crate) fn read_fields<T: DeserializeOwned>(fields: serde_json::Map<String, Value>) -> Result<T, ApiError> {
    serde_path_to_error::deserialize(fields).map_err(|error| {
        let field = error.path().to_string();
        ApiError::invalid_body(problem(&field, &error.into_inner().to_string()))
    })
}

/// The contract's words for an invalid field. `reported` is what the library says about its value.
fn problem(field: &str, reported: &str) -> String {
    if let Some(name) = reported.strip_prefix("missing field `").and_then(|rest| rest.split('`').next()) {
        return format!("{name} is required");
    }
    let Some((_, expected)) = reported.rsplit_once("expected ") else { return format!("{field} is not valid") };
    let expected = match expected {
        "u8" | "u16" | "u32" | "u64" => "a whole number, 0 or more",
        "i32" | "i64" => "a whole number",
        "a sequence" => "a list",
        "a map" => "an object",
        expected => expected,
    };
    format!("{field} must be {expected}")
}

/// A path parameter (or a tuple of them).
#[derive(FromRequestParts)]
#[from_request(via(axum::extract::Path), rejection(ApiError))]
pub(crate) struct Path<T>(pub(crate) T);

/// The query string, percent-decoded to BYTES: file names need not be UTF-8.
pub(crate) struct Query(Vec<(Vec<u8>, Vec<u8>)>);

impl Query {
    /// Decodes `raw`, the part of a URL after `?`; `+` is a space.
    pub(crate) fn parse(raw: &str) -> Self {
        let decode = |text: &str| {
            let spaced: Vec<u8> = text.bytes().map(|b| if b == b'+' { b' ' } else { b }).collect();
            percent_decode(&spaced).collect()
        };
        let pairs = raw.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(key), decode(value))
        });
        Self(pairs.collect())
    }

    fn bytes(&self, key: &str) -> Option<&[u8]> {
        self.0.iter().find(|(k, _)| k == key.as_bytes()).map(|(_, value)| value.as_slice())
    }

    /// The value of `key` as text; bytes that are not UTF-8 become U+FFFD.
    pub(crate) fn text(&self, key: &str) -> Option<String> {
        self.bytes(key).map(|value| String::from_utf8_lossy(value).into_owned())
    }

    /// The value of `key` as text, or 400 when it is absent or empty.
    pub(crate) fn required(&self, key: &str) -> Result<String, ApiError> {
        self.text(key)
            .filter(|value| !value.is_empty())
            .ok_or_else(|| ApiError::bad_request(format!("{key} is required")))
    }

    /// The value of `key` as a path, byte for byte; `None` when absent or empty.
    pub(crate) fn path(&self, key: &str) -> Option<PathBuf> {
        let value = self.bytes(key).filter(|value| !value.is_empty())?;
        Some(PathBuf::from(OsString::from_vec(value.to_vec())))
    }

    /// The value of `key` as a path, or 400 when it is absent or empty.
    pub(crate) fn required_path(&self, key: &str) -> Result<PathBuf, ApiError> {
        self.path(key).ok_or_else(|| ApiError::bad_request(format!("{key} is required")))
    }

    /// Whether `key` is literally `true`.
    pub(crate) fn is_true(&self, key: &str) -> bool {
        self.bytes(key) == Some(b"true")
    }

    /// The value of `key` as a number, or 400 when it is there and is not one.
    pub(crate) fn number<N: std::str::FromStr>(&self, key: &str) -> Result<Option<N>, ApiError> {
        match self.text(key).filter(|value| !value.is_empty()) {
            None => Ok(None),
            Some(value) => {
                value.parse().map(Some).map_err(|_| ApiError::bad_request(format!("invalid value for {key}: {value}")))
            }
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Query {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Self::parse(parts.uri.query().unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use super::problem;

    #[test]
    fn problems_name_the_field_and_what_it_must_be() {
        for (reported, said) in [
            ("invalid type: integer `1`, expected a string", "x must be a string"),
            ("invalid value: integer `-1`, expected u32", "x must be a whole number, 0 or more"),
            ("invalid type: string \"a\", expected a map", "x must be an object"),
            ("missing field `paths`", "paths is required"),
            ("something else", "x is not valid"),
        ] {
            assert_eq!(problem("x", reported), said);
        }
    }
}
