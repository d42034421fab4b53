//! The proxy in front of sandboxes (wire 1.3): `/toolbox/{id}/…`, and the way on for previews.
//!
//! Bodies stream both ways with the slower side setting the pace; an upgraded connection becomes a raw
//! tunnel; a client that goes away ends the request upstream. Each request gets its own connection to
//! the sandbox's socket, so a stopped and restarted sandbox is never reached through an old one.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use daytona_toolbox::connections::Connection;
use daytona_toolbox::hop_by_hop;
use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, StatusCode, Uri, Version};
use http_body_util::BodyExt;
use hyper_util::rt::TokioIo;

use crate::accounts::caller::Caller;
use crate::accounts::deeds;
use crate::backend::toolbox;
use crate::control::audit::{self, Recording};
use crate::engine::Engine;
use crate::errors::proxy_error;
use crate::gateway::access::{self, Access, Denied, Entered};
use crate::gateway::previews::LinkEnd;
use crate::sandboxes::registry::{Entry, OpenRequest};
use crate::sandboxes::sandbox;
use crate::sandboxes::traces::Following;
use crate::testing::messages::{Heard, Recorded};

/// Bytes copied at a time from a client into its tunnel: mostly keys typed and small messages.
const UPSTREAM_BUFFER: usize = 16 * 1024;

/// Bytes copied at a time to a client from its tunnel: logs and terminals are read as fast as they can be.
const DOWNSTREAM_BUFFER: usize = 64 * 1024;

/// Where a request is to go.
pub struct Target {
    /// The sandbox.
    pub entry: Arc<Entry>,
    /// Path and query as the toolbox sees them.
    pub path_and_query: String,
    /// The prefix for the path of a redirect.
    pub location_prefix: String,
}

/// `ANY /toolbox/{id}/{rest}`.
pub async fn toolbox(State(engine): State<Arc<Engine>>, mut request: Request) -> Response {
    if let Some(answer) = preflight(&request) {
        return answer;
    }
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let rest = uri.path().strip_prefix("/toolbox/").unwrap_or_default();
    let Some((id, rest)) = rest.split_once('/') else {
        return proxy_error(StatusCode::NOT_FOUND, "not found: no such path", &method, uri.path());
    };
    let rest = format!("/{rest}");
    let entry = access::find(&engine, id, request.headers()).await;
    let access = access::check(&engine, entry.as_ref(), &mut request, Access::Toolbox { path: &rest });
    let Entered { query, caller } = match access {
        Ok(entered) => entered,
        Err(denied) => return refuse(&denied, &method, uri.path()),
    };
    let Some(entry) = entry else {
        let message = format!("not found: sandbox {id} not found");
        return proxy_error(StatusCode::NOT_FOUND, &message, &method, uri.path());
    };
    let location_prefix = format!("/toolbox/{id}");
    let recording = record(&engine, &entry, caller, &method, &rest, &request);
    let following = Following::begin(request.headers(), &method, &rest).map(|following| (following, entry.clone()));
    let target = Target { entry, path_and_query: with_query(rest, query), location_prefix };
    let response = forward(&engine, target, request, uri.path()).await;
    if let Some((following, entry)) = following {
        following.end(engine.as_ref(), &entry, response.status().as_u16());
    }
    if let Some(recording) = recording {
        recording.end(response.status().as_u16(), None, None);
    }
    response
}

/// Writes to the audit log what a request does in a sandbox.
fn record(
    engine: &Arc<Engine>,
    entry: &Entry,
    caller: Option<Caller>,
    method: &Method,
    path: &str,
    request: &Request,
) -> Option<Recording> {
    let (id, organization_id) = entry.with_record(|record| (record.id.clone(), engine.owner_of(record)));
    let deed = deeds::of_toolbox(method, path, &id)?;
    let text =
        |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let connection = request.extensions().get::<Arc<Connection>>();
    let peer = connection.and_then(|connection| connection.peer());
    let caller = Caller {
        organization_id,
        ip: peer.map(|peer| peer.to_string()).unwrap_or_default(),
        user_agent: text("user-agent"),
        source: text("x-daytona-source"),
        // Whoever has the sandbox's own token or a signed address has no name.
        ..caller.unwrap_or_else(|| Caller { user_id: "sandbox-token".to_owned(), ..Caller::default() })
    };
    Some(Recording::begin(engine, &caller, &deed, &audit::metadata(method, request.headers())))
}

/// A path with its query.
pub fn with_query(path: String, query: Option<String>) -> String {
    match query {
        Some(query) => format!("{path}?{query}"),
        None => path,
    }
}

/// The answer to those who may not enter.
pub fn refuse(denied: &Denied, method: &Method, path: &str) -> Response {
    proxy_error(denied.status(), denied.message(), method, path)
}

/// Sends the request to the sandbox and its answer back.
pub async fn forward(engine: &Engine, target: Target, request: Request, shown_path: &str) -> Response {
    let (method, origin) = (request.method().clone(), cors_origin(request.headers()));
    let (state, id) = target.entry.with_record(|record| (record.state, record.id.clone()));
    if state != sandbox::State::Started {
        let message = format!("bad request: sandbox {id} is {}: start it first", state.name());
        return proxy_error(StatusCode::BAD_REQUEST, &message, &method, shown_path);
    }
    let open = counts_as_activity(request.headers()).then(|| target.entry.open_request());
    let mut response = match exchange(engine, &id, &target.path_and_query, request, open).await {
        Ok(response) => response,
        Err(error) if error.downcast_ref().is_some_and(hyper::Error::is_user) => {
            // The client's request, not the sandbox, broke the exchange.
            proxy_error(StatusCode::BAD_REQUEST, "bad request: the body could not be read", &method, shown_path)
        }
        Err(error) => {
            tracing::info!(error = format!("{error:#}"), sandbox = id, "the toolbox could not be reached");
            StatusCode::BAD_GATEWAY.into_response()
        }
    };
    prefix_location(response.headers_mut(), &target.location_prefix);
    if let Some(origin) = origin {
        allow_origin(response.headers_mut(), origin);
    }
    response
}

fn counts_as_activity(headers: &HeaderMap) -> bool {
    headers.get("x-daytona-skip-last-activity-update").is_none_or(|value| value != "true")
}

async fn exchange(
    engine: &Engine,
    sandbox_id: &str,
    path_and_query: &str,
    mut request: Request,
    open: Option<OpenRequest>,
) -> anyhow::Result<Response> {
    let link_end = request.extensions_mut().remove::<LinkEnd>();
    let recorded = request.extensions_mut().remove::<Recorded>();
    let upgrade = is_upgrade(request.headers()).then(|| hyper::upgrade::on(&mut request));
    let mut sender = toolbox::open(&*engine.backend, sandbox_id).await?;

    *request.uri_mut() = path_and_query.parse::<Uri>()?;
    *request.version_mut() = Version::HTTP_11;
    prepare_headers(request.headers_mut(), upgrade.is_some());
    let mut response = sender.send(request).await?;

    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        if let Some(client) = upgrade {
            let upstream = hyper::upgrade::on(&mut response);
            tokio::spawn(async move {
                let ended = async {
                    match link_end {
                        Some(end) => end.wait().await,
                        None => std::future::pending().await,
                    }
                };
                tokio::select! {
                    () = tunnel(client, upstream, open, recorded) => {}
                    () = ended => {}
                }
            });
        }
        return Ok(response.map(Body::new).into_response());
    }
    hop_by_hop::remove(response.headers_mut());
    // The request stays open until its answer has been read or given up.
    let (parts, body) = response.into_parts();
    let body = body.map_frame(move |frame| {
        let _ = &open;
        frame
    });
    Ok(Response::from_parts(parts, Body::new(body)))
}

/// Copies bytes between two upgraded connections until either ends.
async fn tunnel(
    client: hyper::upgrade::OnUpgrade,
    upstream: hyper::upgrade::OnUpgrade,
    open: Option<OpenRequest>,
    recorded: Option<Recorded>,
) {
    let (Ok(client), Ok(upstream)) = tokio::join!(client, upstream) else { return };
    let (mut client, mut upstream) = (TokioIo::new(client), TokioIo::new(upstream));
    // Either side may go away at any time; that is how tunnels end.
    let (up, down) = (UPSTREAM_BUFFER, DOWNSTREAM_BUFFER);
    let _ = match recorded {
        None => tokio::io::copy_bidirectional_with_sizes(&mut client, &mut upstream, up, down).await,
        Some(recorded) => {
            let mut client = Heard::new(client, recorded);
            tokio::io::copy_bidirectional_with_sizes(&mut client, &mut upstream, up, down).await
        }
    };
    drop(open);
}

fn is_upgrade(headers: &HeaderMap) -> bool {
    let connection = headers.get_all(header::CONNECTION).iter().filter_map(|value| value.to_str().ok());
    let mut options = connection.flat_map(|value| value.split(','));
    headers.contains_key(header::UPGRADE) && options.any(|option| option.trim().eq_ignore_ascii_case("upgrade"))
}

fn prepare_headers(headers: &mut HeaderMap, upgrading: bool) {
    let upgrade = headers.get(header::UPGRADE).cloned();
    hop_by_hop::remove(headers);
    if let Some(protocol) = upgrade.filter(|_| upgrading) {
        headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(header::UPGRADE, protocol);
    }
    if !headers.contains_key(header::HOST) {
        headers.insert(header::HOST, HeaderValue::from_static("localhost"));
    }
}

fn prefix_location(headers: &mut HeaderMap, prefix: &str) {
    let location = headers.get(header::LOCATION).and_then(|value| value.to_str().ok());
    let Some(path) = location.filter(|path| path.starts_with('/') && !path.starts_with("//")) else { return };
    if let Ok(value) = HeaderValue::from_str(&format!("{prefix}{path}")) {
        headers.insert(header::LOCATION, value);
    }
}

fn cors_origin(headers: &HeaderMap) -> Option<HeaderValue> {
    let disabled = headers.get("x-daytona-disable-cors").is_some_and(|value| value == "true");
    headers.get(header::ORIGIN).filter(|_| !disabled).cloned()
}

fn allow_origin(headers: &mut HeaderMap, origin: HeaderValue) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
}

/// The answer to a browser that asks before it sends.
pub fn preflight(request: &Request) -> Option<Response> {
    let headers = request.headers();
    let asks = request.method() == Method::OPTIONS && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    let origin = cors_origin(headers).filter(|_| asks)?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    let answer = response.headers_mut();
    allow_origin(answer, origin);
    for (asked, allowed) in [
        (header::ACCESS_CONTROL_REQUEST_METHOD, header::ACCESS_CONTROL_ALLOW_METHODS),
        (header::ACCESS_CONTROL_REQUEST_HEADERS, header::ACCESS_CONTROL_ALLOW_HEADERS),
    ] {
        if let Some(value) = headers.get(asked) {
            answer.insert(allowed, value.clone());
        }
    }
    Some(response)
}
