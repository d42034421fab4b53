//! Access: the API key on the control plane, and the ways into a sandbox (wire 1.3).

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use daytona_toolbox::connections::Connection;
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, Method, StatusCode};
use serde_json::json;
use sha2::Sha256;

use crate::accounts::audit::Deed;
use crate::accounts::caller::{self, Caller};
use crate::accounts::permissions;
use crate::accounts::rate_limits::Throttler;
use crate::engine::Engine;
use crate::errors::ApiError;
use crate::gateway::credentials::{self, bearer, parameter, without};
use crate::sandboxes::registry::Entry;
use crate::{clock, secret};

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
    /// The key does not allow it.
    Forbidden,
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
            Self::Forbidden => "forbidden: this takes the permission write:sandboxes",
        }
    }

    /// The answer's status.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Missing | Self::Wrong => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
        }
    }
}

/// Middleware: the control plane is for those who are known, for what they may do, and for as many requests as it allows.
pub async fn admit(State(engine): State<Arc<Engine>>, request: Request, next: Next) -> Response {
    let connection = request.extensions().get::<Arc<Connection>>();
    let peer = connection.and_then(|connection| connection.peer()).map(|peer| peer.to_string()).unwrap_or_default();
    if let Some(token) = bearer(request.headers()) {
        engine.accounts.learn(token).await;
    }
    let caller = bearer(request.headers()).ok_or_else(ApiError::invalid_credentials);
    let caller = caller.and_then(|token| engine.accounts.authenticate(token, request.headers()));
    let (method, path) = (request.method(), request.uri().path());
    let verdict = match &caller {
        Ok(caller) => engine.rate_limits.count(Throttler::of(method, path), &caller.organization_id),
        Err(_) => engine.rate_limits.count(Throttler::Anonymous, &peer),
    };
    let caller = match &verdict {
        Some(verdict) if !verdict.allowed => Err(ApiError::too_many_requests()),
        _ => caller,
    };
    let permitted = caller.and_then(|caller| {
        permissions::needed(method, path).map_or(Ok(()), |permission| caller.require(permission))?;
        // Time is everybody's.
        if path.starts_with("/testing") && !caller.operator {
            return Err(ApiError::forbidden());
        }
        Ok(Caller { ip: peer, ..caller })
    });
    let mut response = match permitted {
        Ok(caller) => {
            if caller.logged_in {
                let deed = Deed { action: "login", target_type: "user", target_id: Some(caller.user_id.clone()) };
                engine.audit.end(engine.audit.begin(&caller, &deed, &json!({})), 200, None, None);
            }
            engine.activity.count_connection(request.extensions());
            caller::within(Arc::new(caller), next.run(request)).await
        }
        Err(error) => error.into_response(),
    };
    if let Some(verdict) = verdict {
        verdict.tell(response.headers_mut());
    }
    response
}

/// Middleware: an API key opens no account, a token does.
pub async fn require_person(request: Request, next: Next) -> Response {
    match caller::known().is_some_and(|caller| caller.person) {
        true => next.run(request).await,
        false => ApiError::invalid_credentials().into_response(),
    }
}

/// A request that may enter a sandbox.
pub struct Entered {
    /// The query to forward.
    pub query: Option<String>,
    /// Whose it is; nobody's with a link or the sandbox's own token.
    pub caller: Option<Caller>,
}

/// The sandbox that a request names: by id, else by name in the organization of whoever sends it.
pub async fn find(engine: &Engine, id_or_name: &str, headers: &HeaderMap) -> Option<Arc<Entry>> {
    let token = bearer(headers).unwrap_or_default();
    engine.accounts.learn(token).await;
    if let Some(entry) = engine.registry.by_id(id_or_name) {
        return Some(entry);
    }
    let caller = known_caller(engine, token, headers);
    engine.registry.find_in(id_or_name, caller.as_ref().map(|caller| caller.organization_id.as_str()))
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
) -> Result<Entered, Denied> {
    let auth_token = entry.map(|entry| entry.with_record(|record| record.auth_token.clone()));
    let token = match access {
        Access::Signed { token } => token,
        Access::Toolbox { .. } | Access::Port(_) => "",
    };
    let bearer = bearer(request.headers()).unwrap_or_default().to_owned();
    let caller = known_caller(engine, &bearer, request.headers());
    // A program's own token is its own. One for this engine is not, even where it opens nothing (any more).
    let key = if caller.is_some() || engine.accounts.is_for_here(&bearer) { bearer.as_str() } else { "" };
    let secrets = [&engine.api_key, key, auth_token.as_deref().unwrap_or_default(), token];
    let presented = credentials::take(request, &secrets);
    let query = request.uri().query().map(str::to_owned);
    let stranger = |query| Ok(Entered { query, caller: None });
    if matches!(access, Access::Signed { .. }) {
        return stranger(query);
    }
    if let Access::Port(port) = access
        && entry.is_some_and(|entry| entry.with_record(|record| record.public))
        && !PRIVATE_PORTS.contains(&port)
    {
        return stranger(query);
    }
    if let Some(caller) = caller {
        let is_own = |entry: &Arc<Entry>| entry.with_record(|record| engine.owner_of(record) == caller.organization_id);
        // To others the sandbox does not exist, which they are told as everybody without credentials is.
        if !caller.operator && !entry.is_some_and(is_own) {
            return Err(Denied::Wrong);
        }
        return match caller.may("write:sandboxes") {
            true => Ok(Entered { query, caller: Some(caller) }),
            false => Err(Denied::Forbidden),
        };
    }
    let is_token = |token: &String| auth_token.as_ref().is_some_and(|expected| secret::equal(token, expected));
    if presented.preview_token.as_ref().is_some_and(is_token) || presented.auth_key.as_ref().is_some_and(is_token) {
        return stranger(query);
    }
    let mut tried = presented.any();
    if let (Access::Toolbox { path }, Some(query)) = (access, query.as_deref())
        && let Some(signature) = parameter(query, "signature")
    {
        tried = true;
        if entry.is_some_and(|entry| is_signed(entry, request.method(), path, query, signature)) {
            return stranger(without(query, "signature").and_then(|query| without(&query, "expires")));
        }
    }
    Err(if tried { Denied::Wrong } else { Denied::Missing })
}

/// Whose key or token this is, if it is one. The engine's own key opens every sandbox.
fn known_caller(engine: &Engine, token: &str, headers: &HeaderMap) -> Option<Caller> {
    if token.is_empty() {
        return None;
    }
    if secret::equal(token, &engine.api_key) {
        return engine.accounts.authenticate(token, &HeaderMap::new()).ok();
    }
    engine.accounts.authenticate(token, headers).ok()
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
