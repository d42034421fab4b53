//! The credentials a request carries, and taking them out of it.
//!
//! Programs in a sandbox see the requests that reach them, so none of those may tell the engine's key or the sandbox's
//! token: neither where the wire puts them nor in a cookie, a referrer or a list of subprotocols.

use axum::extract::Request;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::uri::PathAndQuery;

use crate::gateway::access::form_decode;

/// Carries a sandbox's preview token.
const PREVIEW_TOKEN: &str = "x-daytona-preview-token";

/// The query parameter for clients that cannot set headers.
pub const AUTH_KEY: &str = "DAYTONA_SANDBOX_AUTH_KEY";

/// The prefix of the names of cookies that open a preview; the sandbox's id follows (wire 1.3).
pub const AUTH_COOKIE: &str = "daytona-sandbox-auth-";

/// The credentials of a request.
pub struct Credentials {
    /// The token of `Authorization: Bearer`.
    pub bearer: Option<String>,
    /// The value of `X-Daytona-Preview-Token`.
    pub preview_token: Option<String>,
    /// The value of the query parameter `DAYTONA_SANDBOX_AUTH_KEY`.
    pub auth_key: Option<String>,
}

impl Credentials {
    /// Whether the request presented any.
    pub fn any(&self) -> bool {
        self.bearer.is_some() || self.preview_token.is_some() || self.auth_key.is_some()
    }
}

/// The token of `Authorization: Bearer`.
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Takes the credentials out of a request, and whatever else contains one of `secrets`.
pub fn take(request: &mut Request, secrets: &[&str]) -> Credentials {
    let query = request.uri().query();
    let credentials = Credentials {
        bearer: bearer(request.headers()).map(str::to_owned),
        preview_token: request.headers().get(PREVIEW_TOKEN).and_then(|token| Some(token.to_str().ok()?.to_owned())),
        auth_key: query.and_then(|query| parameter(query, AUTH_KEY)).map(str::to_owned),
    };
    if let Some(cleaned) = query.map(|query| clean_query(query, secrets)) {
        replace_query(request, cleaned.as_deref());
    }
    clean_headers(request.headers_mut(), secrets);
    credentials
}

/// The values of the cookies with a name.
pub fn cookies<'a>(headers: &'a HeaderMap, name: &str) -> impl Iterator<Item = &'a str> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.filter(move |(key, _)| *key == name).map(|(_, value)| value)
}

/// Writes `by` for `secret` wherever a header has it.
pub fn replace(headers: &mut HeaderMap, secret: &str, by: &str) {
    for value in headers.values_mut() {
        let replaced = value.to_str().ok().filter(|text| text.contains(secret)).map(|text| text.replace(secret, by));
        if let Some(replaced) = replaced.and_then(|text| text.parse().ok()) {
            *value = replaced;
        }
    }
}

/// The first value of a query's parameter, as it was sent.
pub fn parameter<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    query.split('&').find_map(|pair| pair.split_once('=').filter(|(key, _)| *key == name).map(|(_, value)| value))
}

/// A query without a parameter; `None` when nothing is left.
pub fn without(query: &str, name: &str) -> Option<String> {
    keep(query, |pair| pair.split('=').next() != Some(name))
}

fn keep(query: &str, keeps: impl Fn(&str) -> bool) -> Option<String> {
    let kept: Vec<_> = query.split('&').filter(|pair| keeps(pair)).collect();
    (!kept.is_empty()).then(|| kept.join("&"))
}

fn clean_query(query: &str, secrets: &[&str]) -> Option<String> {
    keep(query, |pair| {
        let decoded = form_decode(pair).unwrap_or_else(|| pair.to_owned());
        decoded.split('=').next() != Some(AUTH_KEY)
            && !mentions(decoded.as_bytes(), secrets)
            && !mentions(pair.as_bytes(), secrets)
    })
}

fn replace_query(request: &mut Request, query: Option<&str>) {
    let path = request.uri().path();
    let target = query.map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"));
    let mut parts = request.uri().clone().into_parts();
    // A valid target stays valid when a part of its query is removed.
    if let Ok(target) = target.parse::<PathAndQuery>() {
        parts.path_and_query = Some(target);
    }
    if let Ok(uri) = parts.try_into() {
        *request.uri_mut() = uri;
    }
}

fn clean_headers(headers: &mut HeaderMap, secrets: &[&str]) {
    headers.remove(PREVIEW_TOKEN);
    let told: Vec<HeaderName> = headers
        .keys()
        .filter(|name| {
            *name == header::COOKIE || headers.get_all(*name).iter().any(|value| tells(name, value, secrets))
        })
        .cloned()
        .collect();
    for name in told {
        let kept: Vec<_> = headers.get_all(&name).iter().filter_map(|value| clean(&name, value, secrets)).collect();
        headers.remove(&name);
        for value in kept {
            headers.append(&name, value);
        }
    }
}

/// The remaining part of a header's value.
fn clean(name: &HeaderName, value: &HeaderValue, secrets: &[&str]) -> Option<HeaderValue> {
    if !tells(name, value, secrets) && !mentions(value.as_bytes(), &[AUTH_COOKIE]) {
        return Some(value.clone());
    }
    // Of lists, the other items stay.
    let separator = match *name {
        header::COOKIE => "; ",
        header::SEC_WEBSOCKET_PROTOCOL => ", ",
        _ => return None,
    };
    let items = value.to_str().ok()?.split(separator.trim()).map(str::trim);
    let is_ours = |item: &str| *name == header::COOKIE && item.starts_with(AUTH_COOKIE);
    let kept: Vec<_> =
        items.filter(|item| !item.is_empty() && !is_ours(item) && !mentions(item.as_bytes(), secrets)).collect();
    (!kept.is_empty()).then(|| kept.join(separator).parse().ok())?
}

/// Whether a header's value contains a secret, plainly or as user name or password.
fn tells(name: &HeaderName, value: &HeaderValue, secrets: &[&str]) -> bool {
    let text = value.as_bytes();
    let encoded = text.split_at_checked(6).filter(|(scheme, _)| scheme.eq_ignore_ascii_case(b"basic "));
    let decoded = encoded.filter(|_| *name == header::AUTHORIZATION).and_then(|(_, text)| STANDARD.decode(text).ok());
    mentions(text, secrets) || decoded.is_some_and(|text| mentions(&text, secrets))
}

fn mentions(text: &[u8], secrets: &[&str]) -> bool {
    secrets.iter().any(|secret| !secret.is_empty() && text.windows(secret.len()).any(|part| part == secret.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(uri: &str, headers: &[(&'static str, &'static str)]) -> Request {
        let mut request = Request::new(axum::body::Body::empty());
        *request.uri_mut() = uri.parse().unwrap();
        for (name, value) in headers {
            request.headers_mut().append(*name, value.parse().unwrap());
        }
        request
    }

    #[test]
    fn removing_a_parameter_keeps_the_others_as_they_were() {
        assert_eq!(without("a=%20b&DAYTONA_SANDBOX_AUTH_KEY=x&c", AUTH_KEY).as_deref(), Some("a=%20b&c"));
        assert_eq!(without("DAYTONA_SANDBOX_AUTH_KEY=x", AUTH_KEY), None);
    }

    #[test]
    fn secrets_go_wherever_they_stand_and_nothing_else_does() {
        let mut sent = request(
            "/p%2F?a=%20b&DAYTONA_SANDBOX_AUTH_KEY=other&DAYTONA%5FSANDBOX_AUTH_KEY=s3same&x=s3s%61me&c",
            &[
                ("authorization", "Bearer s3same"),
                ("cookie", "a=1; b=s3same; c=3"),
                ("cookie", "d=4; daytona-sandbox-auth-x=1"),
                ("referer", "http://x/?DAYTONA_SANDBOX_AUTH_KEY=s3same"),
                ("sec-websocket-protocol", "chat, token.s3same,v2"),
                ("x-daytona-preview-token", "other"),
                ("x-mine", "1"),
            ],
        );
        let taken = take(&mut sent, &["s3same"]);
        assert_eq!(taken.bearer.as_deref(), Some("s3same"));
        assert_eq!((taken.preview_token.as_deref(), taken.auth_key.as_deref()), (Some("other"), Some("other")));
        assert_eq!(sent.uri(), "/p%2F?a=%20b&c");
        let left: Vec<_> = sent.headers().iter().map(|(n, v)| format!("{n}: {}", v.to_str().unwrap())).collect();
        assert!(!left.iter().any(|line| line.contains("s3same")), "{left:?}");
        for kept in ["cookie: a=1; c=3", "cookie: d=4", "sec-websocket-protocol: chat, v2", "x-mine: 1"] {
            assert!(left.iter().any(|line| line == kept), "{kept} of {left:?}");
        }
    }

    #[test]
    fn a_password_that_is_a_secret_does_not_reach_a_program() {
        // x:s3same and x:its-own
        let mut sent = request("/", &[("authorization", "basic eDpzM3NhbWU=")]);
        take(&mut sent, &["s3same"]);
        assert!(sent.headers().is_empty());
        let mut sent = request("/", &[("authorization", "Basic eDppdHMtb3du")]);
        take(&mut sent, &["s3same"]);
        assert_eq!(sent.headers()["authorization"], "Basic eDppdHMtb3du");
    }

    #[test]
    fn a_programs_own_credentials_reach_it() {
        let mut sent = request("/?key=1", &[("authorization", "Bearer its-own"), ("cookie", "session=1")]);
        take(&mut sent, &["s3same"]);
        assert_eq!(sent.uri(), "/?key=1");
        assert_eq!(sent.headers()["authorization"], "Bearer its-own");
        assert_eq!(sent.headers()["cookie"], "session=1");
    }
}
