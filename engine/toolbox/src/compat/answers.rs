//! The statuses and bodies by which release 0.190 answers failures.
//!
//! Its routes have four shapes of errors, none of which says its `source`, and the codes are those of the status alone: clients
//! see `NotFound` where the newest contract tells `FileNotFound`. What it does not serve is listed too.

use axum::Json;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{Method, StatusCode, Uri, header};
use serde_json::json;

use super::Compat;
use crate::errors::ApiError;

/// A failure with another status: method, path (`*` stands for one segment), code, a part of its message (empty = any), status.
type Difference = (&'static str, &'static str, &'static str, &'static str, StatusCode);

const BAD_REQUEST: StatusCode = StatusCode::BAD_REQUEST;
const NOT_FOUND: StatusCode = StatusCode::NOT_FOUND;
const INTERNAL: StatusCode = StatusCode::INTERNAL_SERVER_ERROR;

/// Failures with another status.
const DIFFERENCES: &[Difference] = &[
    ("DELETE", "/files", "FILE_ACCESS_DENIED", "", BAD_REQUEST),
    ("POST", "/files/*", "FILE_ACCESS_DENIED", "", BAD_REQUEST),
    ("POST", "/process/session", "BAD_REQUEST", "too long", INTERNAL),
    ("POST", "/process/session/*/exec", "NOT_FOUND", "", INTERNAL),
    ("POST", "/process/session/*/exec", "SESSION_ENDED", "", INTERNAL),
    ("POST", "/process/session/*/command/*/input", "SESSION_ENDED", "", INTERNAL),
    ("POST", "/process/session/*/command/*/input", "COMMAND_ALREADY_COMPLETED", "", INTERNAL),
    ("POST", "/process/interpreter/context", "BAD_REQUEST", "working directory", INTERNAL),
    ("POST", "/git/clone", "GIT_BRANCH_NOT_FOUND", "", INTERNAL),
    ("POST", "/git/clone", "GIT_TRANSPORT_FAILED", "", INTERNAL),
    ("POST", "/git/branches", "GIT_BRANCH_EXISTS", "", INTERNAL),
    ("POST", "/git/branches", "BAD_REQUEST", "not a valid branch name", INTERNAL),
    ("POST", "/git/checkout", "GIT_DIRTY_WORKTREE", "", NOT_FOUND),
    ("POST", "/git/add", "NOT_FOUND", "", INTERNAL),
    ("POST", "/git/push", "GIT_PUSH_REJECTED", "", INTERNAL),
    ("POST", "/git/push", "GIT_REMOTE_REJECTED", "", INTERNAL),
];

/// Routes that came later.
const LATER_ROUTES: [&str; 19] = [
    "/computeruse/act",
    "/computeruse/trajectories/start",
    "/computeruse/trajectories/stop",
    "/files/upload-v2",
    "/git/init",
    "/git/reset",
    "/git/restore",
    "/git/remotes",
    "/git/config",
    "/git/config/user",
    "/git/credentials",
    "/env",
    "/lsp/definition",
    "/lsp/diagnostics",
    "/lsp/formatting",
    "/lsp/hover",
    "/lsp/references",
    "/lsp/rename",
    "/system/metrics",
];

/// The one route that came later but looks like another: a terminal of this name.
const LATER_TERMINAL_ROUTE: &str = "/process/pty/create-connect";

/// Prefixes of messages by their status.
const PREFIXES: [(StatusCode, &str, &str); 8] = [
    (StatusCode::BAD_REQUEST, "bad request: ", "BAD_REQUEST"),
    (StatusCode::UNAUTHORIZED, "unauthorized: ", "UNAUTHORIZED"),
    (StatusCode::FORBIDDEN, "forbidden: ", "FORBIDDEN"),
    (StatusCode::NOT_FOUND, "not found: ", "NOT_FOUND"),
    (StatusCode::REQUEST_TIMEOUT, "request timeout: ", "REQUEST_TIMEOUT"),
    (StatusCode::CONFLICT, "conflict: ", "CONFLICT"),
    (StatusCode::GONE, "gone: ", "GONE"),
    (StatusCode::UNPROCESSABLE_ENTITY, "unprocessable entity: ", "UNPROCESSABLE_ENTITY"),
];

/// Middleware in place of [`crate::errors::render`]: refuses what is not served yet and gives every [`ApiError`] its body.
pub(crate) async fn render(request: Request, next: Next) -> Response {
    let (method, uri) = (request.method().clone(), request.uri().clone());
    if let Some(answer) = unserved(&method, &uri) {
        return answer;
    }
    let mut response = next.run(request).await;
    match response.extensions_mut().remove::<ApiError>() {
        Some(error) => failure(&method, uri.path(), error),
        None => response,
    }
}

/// The answer to a request whose handler is not asked.
fn unserved(method: &Method, uri: &Uri) -> Option<Response> {
    let path = uri.path();
    if path == LATER_TERMINAL_ROUTE && method == Method::GET {
        return Some((NOT_FOUND, Json(json!({ "error": "PTY session not found" }))).into_response());
    }
    if path.starts_with("/proxy/") {
        let has_slash = path.trim_start_matches("/proxy/").contains('/');
        return (!has_slash).then(|| redirect(method, uri, &format!("{path}/")));
    }
    if path.starts_with("/web-terminal/") {
        // Not the toolbox's: there it is a server of its own.
        return None;
    }
    // An encoded slash is a slash, so such an id is two segments.
    let splits_an_id = path.to_ascii_lowercase().contains("%2f");
    let is_ours = path.starts_with("/port/") && path.ends_with("/connect");
    if method == Method::HEAD || splits_an_id || is_ours || LATER_ROUTES.contains(&path) {
        return Some(unknown_route());
    }
    let bare = path.strip_suffix('/').filter(|bare| !bare.is_empty() && *bare != "/files")?;
    Some(redirect(method, uri, bare))
}

fn unknown_route() -> Response {
    (NOT_FOUND, "404 page not found").into_response()
}

fn redirect(method: &Method, uri: &Uri, path: &str) -> Response {
    let target = uri.query().map_or(path.to_owned(), |query| format!("{path}?{query}"));
    let location = [(header::LOCATION, target.clone())];
    if method == Method::GET {
        let page = format!("<a href=\"{target}\">Moved Permanently</a>.\n\n");
        let kind = [(header::CONTENT_TYPE, "text/html; charset=utf-8")];
        return (StatusCode::MOVED_PERMANENTLY, location, kind, page).into_response();
    }
    (StatusCode::TEMPORARY_REDIRECT, location).into_response()
}

/// The status, code and message of a failure.
fn translate(method: &Method, path: &str, mut error: ApiError) -> ApiError {
    let difference = DIFFERENCES.iter().find(|(verb, pattern, code, says, _)| {
        method == *verb && matches(pattern, path) && error.code == *code && error.message.contains(says)
    });
    if let Some((.., status)) = difference {
        error.status = *status;
    }
    if error.code != "INVALID_REQUEST_BODY" {
        let known = PREFIXES.iter().find(|(status, ..)| *status == error.status);
        error.code = known.map_or("INTERNAL_SERVER_ERROR", |(.., code)| code);
        if let Some((_, prefix, _)) = known.filter(|_| bare(&error.message) == error.message) {
            error.message.insert_str(0, prefix);
        }
    }
    error
}

/// A message without the prefix of its type.
fn bare(message: &str) -> &str {
    let prefixes = PREFIXES.iter().map(|(_, prefix, _)| *prefix).chain(["internal server error: "]);
    prefixes.into_iter().find_map(|prefix| message.strip_prefix(prefix)).unwrap_or(message)
}

fn failure(method: &Method, path: &str, error: ApiError) -> Response {
    if error.message == crate::errors::UNKNOWN_ROUTE {
        return unknown_route();
    }
    let error = translate(method, path, error);
    let status = error.status;
    if path == "/files/bulk-download" || path.starts_with("/process/pty") {
        return (status, Json(json!({ "error": bare(&error.message) }))).into_response();
    }
    let is_exec = matches("/process/session/*/exec", path);
    let is_bare = ["/files", "/port", "/lsp/", "/init", "/process/interpreter/"].iter().any(|at| path.starts_with(at));
    if is_bare || (is_exec && error.code == "INVALID_REQUEST_BODY") {
        return status.into_response();
    }
    if is_exec || (path == "/process/session" && status == INTERNAL) {
        let message = if is_exec && !error.message.starts_with("failed to execute command: ") {
            format!("failed to execute command: {}", error.message)
        } else {
            error.message
        };
        let body = json!({
            "statusCode": status.as_u16(), "message": message, "timestamp": "0001-01-01T00:00:00Z", "path": "",
        });
        return (status, Json(body)).into_response();
    }
    (status, Json(error.body(method, path, Compat::V0_190))).into_response()
}

/// Whether `path` has the pattern's segments.
fn matches(pattern: &str, path: &str) -> bool {
    let (mut pattern, mut path) = (pattern.split('/'), path.split('/'));
    loop {
        match (pattern.next(), path.next()) {
            (None, None) => return true,
            (Some(wanted), Some(segment)) if wanted == "*" || wanted == segment => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_one_segment() {
        assert!(matches("/process/session/*/exec", "/process/session/s/exec"));
        assert!(!matches("/process/session/*/exec", "/process/session/s/t/exec"));
        assert!(!matches("/files/*", "/files"));
    }

    #[test]
    fn differences_apply_to_their_route_alone() {
        let denied = || ApiError::new(StatusCode::FORBIDDEN, "FILE_ACCESS_DENIED", "permission denied: x");
        assert_eq!(translate(&Method::POST, "/files/folder", denied()).status, StatusCode::BAD_REQUEST);
        let read = translate(&Method::GET, "/files/info", denied());
        assert_eq!((read.status, read.code), (StatusCode::FORBIDDEN, "FORBIDDEN"));
        assert_eq!(read.message, "forbidden: permission denied: x");
    }
}
