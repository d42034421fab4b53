//! Access: the API key on the control plane, and the ways into a sandbox (wire 1.3).

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use daytona_toolbox::connections::Connection;
use hmac::{Hmac, KeyInit, Mac};
use http::Method;
use sha2::Sha256;

use crate::accounts::rate_limits::Throttler;
use crate::engine::Engine;
use crate::errors::ApiError;
use crate::gateway::credentials::{self, bearer, parameter, without};
use crate::sandboxes::registry::Entry;
use crate::{clock, secret};

/// Sent by clients that show a token.
const ORGANIZATION: &str = "x-daytona-organization-id";

/// Ports that stay private on public sandboxes: web terminal, toolbox, recordings.
pub const PRIVATE_PORTS: [u16; 3] = [22222, 2280, 33333];

/// The target of a request.
pub enum Access<'a> {
    /// The toolbox, at this path.
    Toolbox {
        /// The toolbox's path, percent-encoded, without the query.
        path: &'a str,
    },
    /// A port the sandbox's programs listen on.
    Port(u16),
    /// A port the caller has a signed link to, with this token.
    Signed {
        /// The link's token.
        token: &'a str,
    },
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

/// Middleware: the control plane is for holders of the API key, and for as many requests as it allows.
pub async fn require_api_key(State(engine): State<Arc<Engine>>, request: Request, next: Next) -> Response {
    let known = bearer(request.headers()).is_some_and(|token| secret::equal(token, &engine.api_key));
    let verdict = if known {
        let throttler = Throttler::of(request.method(), request.uri().path());
        engine.rate_limits.count(throttler, &engine.identity.organization_id)
    } else {
        let connection = request.extensions().get::<Arc<Connection>>();
        let peer = connection.and_then(|connection| connection.peer()).map(|peer| peer.to_string());
        engine.rate_limits.count(Throttler::Anonymous, peer.as_deref().unwrap_or_default())
    };
    let mut response = if verdict.as_ref().is_some_and(|verdict| !verdict.allowed) {
        ApiError::too_many_requests().into_response()
    } else if known {
        engine.activity.count_connection(request.extensions());
        next.run(request).await
    } else {
        ApiError::invalid_credentials().into_response()
    };
    if let Some(verdict) = verdict {
        verdict.tell(response.headers_mut());
    }
    response
}

/// Middleware: an API key opens no account, a token does. Clients name the organization with a token, and only then.
pub async fn require_token(request: Request, next: Next) -> Response {
    match request.headers().contains_key(ORGANIZATION) {
        true => next.run(request).await,
        false => ApiError::invalid_credentials().into_response(),
    }
}

/// Decides whether a request may enter a sandbox, and removes every credential from it, needed or not.
///
/// The result is the query to forward. An unknown sandbox is entered with the API key only, so that
/// nobody else learns which sandboxes exist.
pub fn check(
    engine: &Engine,
    entry: Option<&Arc<Entry>>,
    request: &mut Request,
    access: Access<'_>,
) -> Result<Option<String>, Denied> {
    let auth_token = entry.map(|entry| entry.with_record(|record| record.auth_token.clone()));
    let token = match access {
        Access::Signed { token } => token,
        Access::Toolbox { .. } | Access::Port(_) => "",
    };
    let presented = credentials::take(request, &[&engine.api_key, auth_token.as_deref().unwrap_or_default(), token]);
    let query = request.uri().query().map(str::to_owned);
    if matches!(access, Access::Signed { .. }) {
        return Ok(query);
    }
    if let Access::Port(port) = access
        && entry.is_some_and(|entry| entry.with_record(|record| record.public))
        && !PRIVATE_PORTS.contains(&port)
    {
        return Ok(query);
    }
    if presented.bearer.as_deref().is_some_and(|token| secret::equal(token, &engine.api_key)) {
        return Ok(query);
    }
    let is_token = |token: &String| auth_token.as_ref().is_some_and(|expected| secret::equal(token, expected));
    if presented.preview_token.as_ref().is_some_and(is_token) || presented.auth_key.as_ref().is_some_and(is_token) {
        return Ok(query);
    }
    let mut tried = presented.any();
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
    fn form_encoding_is_undone() {
        assert_eq!(form_decode("a+b%2F%C3%BC.txt").as_deref(), Some("a b/ü.txt"));
        assert_eq!(form_decode("%zz"), None);
    }
}
