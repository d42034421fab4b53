//! The web terminal: a page with a terminal in it, at port 22222 of a sandbox's preview (additions 6.2).
//!
//! * The page and what it is made of are part of this program; nothing is loaded from elsewhere.
//! * [`socket`]: the page's connection to its terminal.
//!
//! Whoever may open the page may run anything in the sandbox. That is for the gateway to decide.

mod socket;

use std::sync::Arc;

use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{HeaderValue, header};

use crate::Toolbox;

/// What the page may do: run its own scripts and connect to where it comes from. xterm.js writes style elements.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; connect-src 'self'; \
                      img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// A file that was installed when this was built.
macro_rules! installed {
    ($path:literal) => {
        include_str!(concat!(env!("OUT_DIR"), "/page/node_modules/@xterm/", $path))
    };
}

const LICENSES: &str = concat!(
    "The page of the web terminal contains xterm.js and its addon-fit.\n\n# xterm.js\n\n",
    installed!("xterm/LICENSE"),
    "\n# addon-fit\n\n",
    installed!("addon-fit/LICENSE")
);

/// The files of the page, by name.
const FILES: [(&str, &str, &str); 7] = [
    ("", HTML, include_str!("page/index.html")),
    ("terminal.css", CSS, include_str!("page/terminal.css")),
    ("terminal.mjs", SCRIPT, include_str!("page/terminal.mjs")),
    ("xterm.css", CSS, installed!("xterm/css/xterm.css")),
    ("xterm.mjs", SCRIPT, installed!("xterm/lib/xterm.mjs")),
    ("addon-fit.mjs", SCRIPT, installed!("addon-fit/lib/addon-fit.mjs")),
    ("licenses.txt", "text/plain; charset=utf-8", LICENSES),
];

pub(crate) fn routes() -> Router<Arc<Toolbox>> {
    let router = Router::new().route("/web-terminal/socket", get(socket::open));
    FILES.into_iter().fold(router, |router, (name, kind, content)| {
        router.route(&format!("/web-terminal/{name}"), get(move || async move { file(kind, content) }))
    })
}

fn file(kind: &'static str, content: &'static str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (headers.map(|(name, value)| (name, HeaderValue::from_static(value))), content).into_response()
}
