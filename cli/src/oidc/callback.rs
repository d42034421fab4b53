//! The address of this machine at which the browser ends, with the code (RFC 8252, 7.3).
//!
//! Any page and any program here can call it. Who does not know the state of this login is told so and changes nothing.

use std::convert::Infallible;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use url::Url;

use crate::failure::{Done, Failure};

/// How long a caller has for its request. Browsers open connections that they do not use.
const REQUEST_LIMIT: Duration = Duration::from_secs(10);

/// The wait after a connection that could not be accepted.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

const PATH: &str = "/callback";

/// What the browser brought.
#[derive(Debug, PartialEq, Eq)]
pub enum Brought {
    /// A code that is exchanged for tokens.
    Code(String),
    /// The issuer's refusal, in its words.
    Refusal(String),
}

/// Listens for the browser.
pub struct Callback {
    listener: TcpListener,
    /// Where browsers look first that know `localhost` by both its addresses.
    listener_v6: Option<TcpListener>,
    port: u16,
}

impl Callback {
    /// Listens at a port, 0 for any that is free.
    ///
    /// # Errors
    /// When it is taken.
    pub async fn listen(port: u16) -> Done<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(|error| {
            Failure::other(format!(
                "Port {port} of this machine, at which the browser ends, cannot be used ({error}): choose another with \
                 --callback-port, if the issuer allows that, or log in with an API key: daytona login --api-key -"
            ))
        })?;
        let port = listener.local_addr()?.port();
        let listener_v6 = TcpListener::bind((Ipv6Addr::LOCALHOST, port)).await.ok();
        Ok(Self { listener, listener_v6, port })
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("http://localhost:{}{PATH}", self.port)
    }

    /// Waits for the browser. It has its answer when this returns.
    pub async fn wait(&self, state: &str, issuer: &str) -> Brought {
        let (state, issuer): (Arc<str>, Arc<str>) = (state.into(), issuer.into());
        let mut served = JoinSet::new();
        loop {
            tokio::select! {
                accepted = self.accept() => {
                    match accepted {
                        Ok(stream) => drop(served.spawn(serve(stream, state.clone(), issuer.clone()))),
                        // A caller that has gone again, or too many open files: the browser may come yet.
                        Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
                    }
                }
                Some(brought) = served.join_next() => {
                    if let Ok(Some(brought)) = brought {
                        return brought;
                    }
                }
            }
        }
    }

    async fn accept(&self) -> std::io::Result<TcpStream> {
        let over_v6 = async {
            match &self.listener_v6 {
                Some(listener) => listener.accept().await,
                None => std::future::pending().await,
            }
        };
        let accepted = tokio::select! {
            accepted = self.listener.accept() => accepted,
            accepted = over_v6 => accepted,
        };
        Ok(accepted?.0)
    }
}

/// Answers one request, and returns what it brought.
async fn serve(stream: TcpStream, state: Arc<str>, issuer: Arc<str>) -> Option<Brought> {
    let brought = Arc::new(Mutex::new(None));
    let answer = service_fn(|request: Request<hyper::body::Incoming>| {
        let target = request.uri().path_and_query().map_or("", |target| target.as_str());
        let found = Url::parse(&format!("http://localhost{target}")).ok().and_then(|url| read(&url, &state, &issuer));
        let response = page(found.as_ref());
        *brought.lock().unwrap_or_else(PoisonError::into_inner) = found;
        async { Ok::<_, Infallible>(response) }
    });
    let connection = http1::Builder::new()
        .keep_alive(false)
        .timer(TokioTimer::new())
        .header_read_timeout(REQUEST_LIMIT)
        .serve_connection(TokioIo::new(stream), answer);
    // One that broke has brought what it brought.
    let _ = tokio::time::timeout(2 * REQUEST_LIMIT, connection).await;
    brought.lock().unwrap_or_else(PoisonError::into_inner).take()
}

/// What a URL brings that the browser was sent to: nothing, unless it belongs to this login.
pub fn read(url: &Url, state: &str, issuer: &str) -> Option<Brought> {
    let one = |name: &str| {
        let mut all = url.query_pairs().filter(|(key, _)| key == name);
        all.next().filter(|_| all.next().is_none()).map(|(_, value)| value.into_owned())
    };
    // One that says who it is must be who was asked (RFC 9207).
    if url.path() != PATH || one("state")? != state || one("iss").is_some_and(|name| name != issuer) {
        return None;
    }
    if let Some(error) = one("error") {
        let why = one("error_description").map(|why| format!(": {why}")).unwrap_or_default();
        return Some(Brought::Refusal(format!("{error}{why}")));
    }
    one("code").filter(|code| !code.is_empty()).map(Brought::Code)
}

fn page(brought: Option<&Brought>) -> Response<Full<Bytes>> {
    let (status, text) = match brought {
        Some(Brought::Code(_)) => (StatusCode::OK, "You can close this page and go on in the terminal."),
        Some(Brought::Refusal(_)) => (StatusCode::OK, "You are not logged in. The terminal says why."),
        None => (StatusCode::BAD_REQUEST, "This does not belong to the login that is waited for."),
    };
    let page = format!("<!doctype html><meta charset=utf-8><title>Daytona</title><p>{text}</p>\n");
    let mut response = Response::new(Full::new(Bytes::from(page)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_belongs_to_the_login_is_taken() {
        let issuer = "https://issuer.example";
        let brought = |target: &str| read(&format!("http://localhost{target}").parse().unwrap(), "s", issuer);
        assert_eq!(brought("/callback?code=c&state=s"), Some(Brought::Code("c".to_owned())));
        assert_eq!(
            brought("/callback?code=c&state=s&iss=https%3A%2F%2Fissuer.example"),
            Some(Brought::Code("c".to_owned()))
        );
        assert_eq!(
            brought("/callback?error=access_denied&error_description=no&state=s"),
            Some(Brought::Refusal("access_denied: no".to_owned()))
        );
        for target in [
            "/callback?code=c&state=other",
            "/callback?code=c",
            "/callback?code=c&state=s&state=s",
            "/callback?code=c&state=s&iss=https%3A%2F%2Fother.example",
            "/callback?error=access_denied&state=other",
            "/callback?code=&state=s",
            "/elsewhere?code=c&state=s",
        ] {
            assert_eq!(brought(target), None, "{target}");
        }
    }
}
