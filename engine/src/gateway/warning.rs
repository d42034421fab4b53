//! The page that warns a browser before it shows what a sandbox serves, where the engine is told to (wire 1.3).

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, StatusCode};

use crate::gateway::credentials::{cookies, parameter};

/// Skips the page, on the requests of programs.
const SKIP: &str = "x-daytona-skip-preview-warning";

/// Where the page's button leads.
const ACCEPT: &str = "/accept-daytona-preview-warning";

/// Says that the page has been read; for a day.
const COOKIE: &str = "daytona-preview-warning-accepted";
const COOKIE_SECONDS: u32 = 86_400;

/// What the page may do: nothing but its button.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; \
                      frame-ancestors 'none'";

/// The page, or the answer to its button; `None` when the request goes on to the sandbox.
///
/// `is_page`: a browser asks for a page to show. `is_own`: the request comes from the preview's own pages.
pub fn before(request: &Request, is_page: bool, is_own: bool) -> Option<Response> {
    let uri = request.uri();
    if request.method() == Method::POST && uri.path() == ACCEPT && is_own {
        let back = uri.query().and_then(|query| parameter(query, "redirect")).and_then(super::access::form_decode);
        return Some(accepted(&back.unwrap_or_default()));
    }
    (is_page && !has_accepted(request.headers())).then(|| {
        let target = uri.path_and_query().map_or("/", |target| target.as_str());
        page(target)
    })
}

fn has_accepted(headers: &HeaderMap) -> bool {
    headers.get(SKIP).is_some_and(|value| value == "true") || cookies(headers, COOKIE).any(|value| value == "true")
}

fn accepted(back: &str) -> Response {
    // Anything else could name another host; browsers leave out tabs.
    let is_path = back.starts_with('/')
        && !back.starts_with("//")
        && !back.contains(|letter: char| letter == '\\' || letter.is_ascii_control());
    let location = HeaderValue::from_str(if is_path { back } else { "/" });
    let cookie = format!("{COOKIE}=true; Path=/; Max-Age={COOKIE_SECONDS}; HttpOnly; SameSite=Lax");
    let (Ok(location), Ok(cookie)) = (location, cookie.parse::<HeaderValue>()) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    (StatusCode::SEE_OTHER, [(header::LOCATION, location), (header::SET_COOKIE, cookie)]).into_response()
}

fn page(target: &str) -> Response {
    let target: String = target.bytes().map(encoded).collect();
    let html = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Preview</title>\
         <style>body{{font:16px system-ui,sans-serif;max-width:36em;margin:4em auto;padding:0 1em}}</style>\
         <h1>This page comes from a sandbox</h1>\
         <p>A program in a sandbox serves it. Do not enter passwords or other secrets unless you know whose it is.</p>\
         <form method=\"post\" action=\"{ACCEPT}?redirect={target}\"><button>Show the page</button></form></html>"
    );
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "same-origin"),
    ];
    (headers, html).into_response()
}

/// A byte in the value of a query's parameter, which is in an attribute as well.
fn encoded(byte: u8) -> String {
    match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'/' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: Method, target: &str) -> Request {
        let mut request = Request::new(axum::body::Body::empty());
        *request.method_mut() = method;
        *request.uri_mut() = target.parse().unwrap();
        request
    }

    #[test]
    fn the_button_leads_back_and_nowhere_else() {
        for (redirect, location) in [
            ("%2Fa%3Fb%3Dc", "/a?b=c"),
            ("%2F%2Fevil.example", "/"),
            ("%2F%5Cevil.example", "/"),
            ("%2F%09%2Fevil.example", "/"),
            ("https%3A%2F%2Fevil.example", "/"),
        ] {
            let request = request(Method::POST, &format!("{ACCEPT}?redirect={redirect}"));
            let response = before(&request, false, true).unwrap();
            assert_eq!(response.headers()[header::LOCATION], location);
            assert!(before(&request, false, false).is_none(), "other pages cannot press it");
        }
    }

    #[test]
    fn programs_and_those_who_have_accepted_see_no_page() {
        let mut asked = request(Method::GET, "/a?b=%22");
        assert!(before(&asked, false, true).is_none());
        assert!(before(&asked, true, true).is_some());
        asked.headers_mut().insert(SKIP, HeaderValue::from_static("true"));
        assert!(before(&asked, true, true).is_none());
        asked.headers_mut().remove(SKIP);
        let cookie = format!("a=b; {COOKIE}=true");
        asked.headers_mut().insert(header::COOKIE, cookie.parse().unwrap());
        assert!(before(&asked, true, true).is_none());
    }
}
