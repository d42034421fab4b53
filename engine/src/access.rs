//! Who may use what: the API key on the control plane, and the ways into a sandbox (wire 1.3).

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, Method, header};
use sha2::Sha256;

use crate::engine::Engine;
use crate::errors::ApiError;
use crate::registry::Entry;
use crate::{clock, secret};

/// Carries a sandbox's preview token.
const PREVIEW_TOKEN: &str = "x-daytona-preview-token";

/// The query parameter for clients that cannot set headers.
const AUTH_KEY: &str = "DAYTONA_SANDBOX_AUTH_KEY";

/// Ports that stay private on public sandboxes: web terminal, toolbox, recordings.
const PRIVATE_PORTS: [u16; 3] = [22222, 2280, 33333];

/// What a request wants to reach.
pub enum Access<'a> {
    /// The toolbox, at this path.
    Toolbox {
        /// The toolbox's path, percent-encoded, without the query.
        path: &'a str,
    },
    /// A port the sandbox's programs listen on.
    Port(u16),
}

/// Why a sandbox is not entered.
pub enum Denied {
    /// The request carried no credentials.
    Missing,
    /// The credentials are not this sandbox's or this engine's.
    Wrong,
}

impl Denied {
    /// The wire's text.
    pub fn message(&self) -> &'static str {
        match self {
            Self::Missing => {
                "unauthorized: missing authentication: provide a preview access token (via header, query \
                 parameter, or cookie) or use an API key or JWT"
            }
            Self::Wrong => "unauthorized: authentication failed: invalid credentials",
        }
    }
}

/// Middleware: the control plane is for holders of the API key.
pub async fn require_api_key(State(engine): State<Arc<Engine>>, request: Request, next: Next) -> Response {
    match bearer(request.headers()) {
        Some(token) if secret::equal(token, &engine.api_key) => next.run(request).await,
        _ => ApiError::invalid_credentials().into_response(),
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Lets a request into a sandbox and removes the credentials that were used from it.
///
/// The result is the query to forward. An unknown sandbox is entered with the API key only, so that
/// nobody else learns which sandboxes exist.
pub fn check(
    engine: &Engine,
    entry: Option<&Arc<Entry>>,
    request: &mut Request,
    access: Access<'_>,
) -> Result<Option<String>, Denied> {
    let query = request.uri().query().map(str::to_owned);
    let preview_token = request.headers_mut().remove(PREVIEW_TOKEN);
    if let Access::Port(port) = access
        && entry.is_some_and(|entry| entry.with_record(|record| record.public))
        && !PRIVATE_PORTS.contains(&port)
    {
        return Ok(query);
    }
    let bearer = bearer(request.headers()).map(str::to_owned);
    if bearer.as_deref().is_some_and(|token| secret::equal(token, &engine.api_key)) {
        request.headers_mut().remove(header::AUTHORIZATION);
        return Ok(query);
    }
    let is_token =
        |token: &str| entry.is_some_and(|entry| entry.with_record(|record| secret::equal(token, &record.auth_token)));
    if preview_token.as_ref().and_then(|token| token.to_str().ok()).is_some_and(is_token) {
        return Ok(query);
    }
    let auth_key = query.as_deref().and_then(|query| parameter(query, AUTH_KEY));
    if auth_key.is_some_and(is_token) {
        return Ok(query.as_deref().and_then(|query| without(query, AUTH_KEY)));
    }
    let mut tried = bearer.is_some() || preview_token.is_some() || auth_key.is_some();
    if let (Access::Toolbox { path }, Some(query)) = (access, query.as_deref())
        && let Some(signature) = parameter(query, "signature")
    {
        tried = true;
        if entry.is_some_and(|entry| is_signed(entry, request.method(), path, query, signature)) {
            let query = without(query, "signature").and_then(|query| without(&query, "expires"));
            return Ok(query);
        }
    }
    Err(if tried { Denied::Wrong } else { Denied::Missing })
}

fn parameter<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    query.split('&').find_map(|pair| pair.split_once('=').filter(|(key, _)| *key == name).map(|(_, value)| value))
}

fn without(query: &str, name: &str) -> Option<String> {
    let kept: Vec<_> = query.split('&').filter(|pair| pair.split('=').next() != Some(name)).collect();
    (!kept.is_empty()).then(|| kept.join("&"))
}

/// Checks a pre-signed file URL (additions 4.3).
fn is_signed(entry: &Entry, method: &Method, path: &str, query: &str, signature: &str) -> bool {
    let expected = match (method, path) {
        (&Method::GET, "/files/download") | (&Method::POST, "/files/upload-v2") => method.as_str(),
        _ => return false,
    };
    let Some(expires) = parameter(query, "expires").and_then(|text| text.parse::<i64>().ok()) else { return false };
    if expires != 0 && clock::now().unix_timestamp() > expires {
        return false;
    }
    let Some(file) = parameter(query, "path").and_then(form_decode) else { return false };
    let key = entry.with_record(|record| record.signing_key.clone());
    secret::equal(signature, &file_signature(&key, expected, &file, expires))
}

fn file_signature(key: &str, method: &str, path: &str, expires: i64) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).expect("any key length will do");
    mac.update(format!("v1:files:{method}:{path}:{expires}").as_bytes());
    format!("v1_{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}

/// Undoes form encoding: `+` is a space, `%XX` a byte; `None` when that is not UTF-8.
pub fn form_decode(text: &str) -> Option<String> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits = [bytes.next()?, bytes.next()?];
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            other => other,
        });
    }
    String::from_utf8(decoded).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_signatures_are_the_ones_clients_compute() {
        let download = file_signature("test-key", "GET", "/home/user/data.bin", 1_700_000_000);
        assert_eq!(download, "v1_1_ND9R9VmrIVuaol4U7phhHwqTu4zQeKwqvES_-O_GU");
        let upload = file_signature("test-key", "POST", "a b/ü.txt", 0);
        assert_eq!(upload, "v1_Ai-K0tJm_bwNOsGNy0YMW_l6XkSAkVurw0U-Pr_H27M");
    }

    #[test]
    fn removing_a_parameter_keeps_the_others_as_they_were() {
        assert_eq!(without("a=%20b&DAYTONA_SANDBOX_AUTH_KEY=x&c", AUTH_KEY).as_deref(), Some("a=%20b&c"));
        assert_eq!(without("DAYTONA_SANDBOX_AUTH_KEY=x", AUTH_KEY), None);
    }

    #[test]
    fn form_encoding_is_undone() {
        assert_eq!(form_decode("a+b%2F%C3%BC.txt").as_deref(), Some("a b/ü.txt"));
        assert_eq!(form_decode("%zz"), None);
    }
}
