//! Requests for a port inside a sandbox, by preview host or preview address (wire 1.3).
//!
//! A signed link carries its token in the URL: in the name of the host, or as the first segment of the path where
//! the host is a plain address. A browser is sent on to the URL without the token and shows it in a cookie from then
//! on; so is one that came with `DAYTONA_SANDBOX_AUTH_KEY` in the query. The cookie counts only for requests that the
//! preview's own pages make.

use std::net::Ipv4Addr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, StatusCode};

use crate::engine::Engine;
use crate::errors::proxy_error;
use crate::gateway::access::{self, Access, PRIVATE_PORTS};
use crate::gateway::credentials::{self, AUTH_COOKIE, AUTH_KEY, parameter};
use crate::gateway::preview_addresses::Preview;
use crate::gateway::proxy::{Target, forward, preflight, refuse, with_query};
use crate::gateway::warning;
use crate::secret;

/// The toolbox's own port; its preview host is the toolbox itself.
const TOOLBOX_PORT: u16 = 2280;

/// The web terminal's port; the toolbox serves it.
const TERMINAL_PORT: u16 = 22222;

/// How long a cookie is good for that stands for a preview token, in seconds (wire 1.3); for the web terminal, a working day.
const COOKIE_SECONDS: i64 = 3600;
const TERMINAL_COOKIE_SECONDS: i64 = 12 * 3600;

/// Where in a request the token of a signed link was.
enum Shown {
    Host,
    /// First in the path; the rest of it.
    Path(String),
    Cookie,
}

/// Middleware: takes requests for preview hosts before they reach any route.
pub async fn by_host(State(engine): State<Arc<Engine>>, mut request: Request, next: Next) -> Response {
    let Some(preview) = preview_host(&request) else { return next.run(request).await };
    let signed = engine.previews.sandbox(&preview.label, preview.port);
    let Some(sandbox_id) = signed else { return enter(&engine, preview.port, &preview.label, None, request).await };
    // The host goes on to the sandbox, and its token must not.
    credentials::replace(request.headers_mut(), &preview.label, &sandbox_id);
    let link = Some((preview.label.as_str(), Shown::Host));
    let mut response = enter(&engine, preview.port, &sandbox_id, link, request).await;
    if let Some(location) = response.headers_mut().get_mut(header::LOCATION) {
        let host = |label: &str| format!("{}-{label}.localhost", preview.port);
        let back = location.to_str().ok().map(|text| text.replace(&host(&sandbox_id), &host(&preview.label)));
        if let Some(back) = back.and_then(|text| text.parse().ok()) {
            *location = back;
        }
    }
    response
}

/// A request at the address of a preview.
pub async fn by_address(engine: &Engine, preview: Preview, ip: Ipv4Addr, request: Request) -> Response {
    let Preview { port, label } = preview;
    if !is_for(&request, ip, engine.port) {
        let message = format!("misdirected request: this preview is http://{ip}:{}, no other host", engine.port);
        return proxy_error(StatusCode::MISDIRECTED_REQUEST, &message, request.method(), request.uri().path());
    }
    let Some(sandbox_id) = engine.previews.sandbox(&label, port) else {
        return enter(engine, port, &label, None, request).await;
    };
    let rest = request.uri().path().strip_prefix('/').and_then(|path| path.strip_prefix(label.as_str()));
    match rest.filter(|rest| rest.is_empty() || rest.starts_with('/')) {
        Some(rest) => {
            // More than one slash would be another host in a redirect.
            let rest = format!("/{}", rest.trim_start_matches('/'));
            let link = Some((label.as_str(), Shown::Path(rest)));
            enter(engine, port, &sandbox_id, link, request).await
        }
        None => enter(engine, port, &sandbox_id, None, request).await,
    }
}

/// Lets a request into a port of a sandbox, if it may, with the link it showed so far.
async fn enter(
    engine: &Engine,
    port: u16,
    id_or_name: &str,
    link: Option<(&str, Shown)>,
    mut request: Request,
) -> Response {
    if let Some(answer) = preflight(&request) {
        return answer;
    }
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let entry = access::find(engine, id_or_name, request.headers()).await;
    let id = entry.as_ref().map(|entry| entry.with_record(|record| record.id.clone())).unwrap_or_default();
    let cookie_name = format!("{AUTH_COOKIE}{id}");
    let cookie = cookie_token(engine, port, &id, &cookie_name, request.headers());
    let link = link.or_else(|| Some((cookie.as_deref()?, Shown::Cookie)));
    let access = link.as_ref().map_or(Access::Port(port), |(token, _)| Access::Signed { token });
    let key = uri.query().and_then(|query| parameter(query, AUTH_KEY));
    let opened_by_query = key.is_some_and(|key| {
        entry.as_ref().is_some_and(|entry| entry.with_record(|record| secret::equal(key, &record.auth_token)))
    });
    let shown_host = host(&request).unwrap_or_default().to_owned();
    let query = match access::check(engine, entry.as_ref(), &mut request, access) {
        Ok(entered) => entered.query,
        Err(denied) => return refuse(&denied, &method, uri.path()),
    };
    let Some(entry) = entry else {
        return proxy_error(StatusCode::NOT_FOUND, "not found: no such sandbox", &method, uri.path());
    };
    let (path, location_prefix) = match &link {
        Some((token, Shown::Path(rest))) => (rest.clone(), format!("/{token}")),
        _ => (uri.path().to_owned(), String::new()),
    };
    let set_cookie = match &link {
        Some((token, Shown::Path(_))) => {
            engine.previews.end(token).map(|end| (token.to_string(), end.left().as_secs()))
        }
        // Also when a cookie opens it: the token must not stay in the address bar.
        None | Some((_, Shown::Cookie))
            if opened_by_query && is_page(&method, request.headers()) && may_have_cookie(port) =>
        {
            let seconds = if port == TERMINAL_PORT { TERMINAL_COOKIE_SECONDS } else { COOKIE_SECONDS };
            Some((engine.previews.sign(&id, port, seconds), seconds.unsigned_abs()))
        }
        _ => None,
    };
    let set_cookie = set_cookie.and_then(|(token, seconds)| {
        let attributes = format!("Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax");
        format!("{cookie_name}={token}; {attributes}").parse::<HeaderValue>().ok()
    });
    if let Some(cookie) = &set_cookie
        && is_page(&method, request.headers())
    {
        return send_on(with_query(path, query), cookie.clone());
    }
    if engine.preview_warning && !PRIVATE_PORTS.contains(&port) {
        let is_own = is_own_page(request.headers());
        let is_page = is_page(&method, request.headers());
        if let Some(answer) = warning::before(&request, is_page, is_own) {
            return answer;
        }
    }
    if let Some((token, _)) = &link
        && let Some(end) = engine.previews.end(token)
    {
        request.extensions_mut().insert(end);
    }
    let inside = match port {
        TOOLBOX_PORT => path,
        TERMINAL_PORT => format!("/web-terminal{path}"),
        _ => format!("/proxy/{port}{path}"),
    };
    let target = Target { entry, path_and_query: with_query(inside, query), location_prefix };
    let mut response = forward(engine, target, request, uri.path()).await;
    if let Some(cookie) = set_cookie {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    if let Some((token, Shown::Path(_))) = link {
        keep_token(response.headers_mut(), &format!("http://{shown_host}"), token);
    }
    response
}

/// Puts the token into a redirect that names the preview's host; one without a host has it already.
fn keep_token(headers: &mut HeaderMap, origin: &str, token: &str) {
    let location = headers.get(header::LOCATION).and_then(|value| value.to_str().ok());
    let Some(rest) = location.and_then(|location| location.strip_prefix(origin)) else { return };
    if !rest.is_empty() && !rest.starts_with('/') {
        return;
    }
    if let Ok(location) = format!("{origin}/{token}{rest}").parse() {
        headers.insert(header::LOCATION, location);
    }
}

/// Sends a browser to a preview's URL without what opened it.
fn send_on(location: String, cookie: HeaderValue) -> Response {
    let mut response = StatusCode::FOUND.into_response();
    let headers = response.headers_mut();
    headers.insert(header::SET_COOKIE, cookie);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    match location.parse() {
        Ok(location) => headers.insert(header::LOCATION, location),
        Err(_) => return StatusCode::BAD_REQUEST.into_response(),
    };
    response
}

/// Whether a browser may keep what opened a port. The toolbox is not for browsers.
fn may_have_cookie(port: u16) -> bool {
    port == TERMINAL_PORT || !PRIVATE_PORTS.contains(&port)
}

/// The token of a cookie that opens this port, on requests that the preview's own pages make or a person makes.
fn cookie_token(engine: &Engine, port: u16, id: &str, name: &str, headers: &HeaderMap) -> Option<String> {
    let is_ours = |token: &&str| engine.previews.in_cookie(token, port).is_some_and(|sandbox| sandbox == id);
    let token = credentials::cookies(headers, name).find(is_ours)?;
    (may_have_cookie(port) && is_own_page(headers)).then(|| token.to_owned())
}

fn is_own_page(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let host = text("host").unwrap_or_default();
    let from_here = |origin: &str| origin.split_once("://").is_some_and(|(_, from)| from == host);
    // A person who follows a link comes from elsewhere, too.
    let is_navigation = text("sec-fetch-mode") == Some("navigate");
    let site = text("sec-fetch-site").unwrap_or("none");
    headers.get(header::ORIGIN).is_none_or(|_| text("origin").is_some_and(from_here))
        && (is_navigation || matches!(site, "same-origin" | "none"))
}

/// Whether a browser asks for a page to show in a window.
fn is_page(method: &Method, headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let wants_html = text("accept").is_some_and(|types| types.contains("text/html"));
    let is_document = text("sec-fetch-dest").is_none_or(|dest| dest == "document");
    method == Method::GET && wants_html && is_document
}

/// The host a request names, with its port.
fn host(request: &Request) -> Option<&str> {
    let named = request.headers().get(header::HOST).map(|host| host.to_str().ok());
    named.unwrap_or_else(|| request.uri().authority().map(http::uri::Authority::as_str))
}

fn is_for(request: &Request, ip: Ipv4Addr, port: u16) -> bool {
    let name = host(request).unwrap_or_default();
    let uri = request.uri().authority().map(http::uri::Authority::as_str);
    let is_own = |name: &str| name == format!("{ip}:{port}") || (port == 80 && name == ip.to_string());
    // A request in the form for proxies names a host of its own.
    is_own(name) && uri.is_none_or(is_own)
}

/// Whether a request is for a port inside a sandbox, by its host.
pub fn is_preview(request: &Request) -> bool {
    preview_host(request).is_some()
}

/// `{port}-{id or token}` out of a host `{port}-{id or token}.localhost[:port]`.
fn preview_host(request: &Request) -> Option<Preview> {
    let host = host(request)?.split(':').next()?;
    let (label, domain) = host.split_once('.')?;
    let (port, id) = label.split_once('-')?;
    (domain == "localhost").then_some(())?;
    Some(Preview { port: port.parse().ok()?, label: id.to_owned() })
}
