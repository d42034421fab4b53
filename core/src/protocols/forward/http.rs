//! HTTP to a forwarded port by way of its preview URL.
//!
//! The head of a connection's request gets the preview's host and token, and `Connection: close`, so that no second request
//! follows on the same connection; everything behind the head travels as it is. So bodies of any length and kind pass, and
//! what an upgrade turns the connection into. A server may answer before it has read the request, and close the connection: the
//! answer still arrives.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use daytona_port_frames::INTO_SANDBOX;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use url::{Position, Url};

use crate::client::Client;
use crate::error::{Error, ErrorKind, Result};
use crate::model::PortPreviewUrl;
use crate::travel::connect;

use super::{both_ways, broken};

/// The longest head of a request.
const HEAD_LIMIT: usize = 64 * 1024;

/// Time for a client to end its direction after the answer.
const LINGER: Duration = Duration::from_secs(10);

/// The end of a head.
const END: &[u8] = b"\r\n\r\n";

/// The answer to what is not HTTP.
const NOT_HTTP: &[u8] = b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n\
    Only HTTP/1.1 can be forwarded: this server offers no raw connections to ports of a sandbox.\n";

/// A preview URL and its token.
pub(super) struct HttpTarget {
    url: Url,
    token: String,
}

impl HttpTarget {
    pub(super) fn new(link: &PortPreviewUrl) -> Result<Self> {
        let url = Url::parse(&link.url)
            .map_err(|e| Error::new(ErrorKind::Unknown, "The server gives no usable preview URL").with_source(e))?;
        Ok(Self { url, token: link.token.clone() })
    }

    /// Carries one request, and what its connection becomes when it is upgraded.
    pub(super) async fn carry(&self, local: &mut TcpStream, client: &Client) -> Result<()> {
        let mut received = Vec::new();
        let end = loop {
            if let Some(at) = received.windows(END.len()).position(|part| part == END) {
                break at + END.len();
            }
            if received.len() > HEAD_LIMIT || !may_be_http(&received) {
                return local.write_all(NOT_HTTP).await.map_err(broken);
            }
            if local.read_buf(&mut received).await.map_err(broken)? == 0 {
                return Ok(());
            }
        };
        let host = &self.url[Position::BeforeHost..Position::AfterPort];
        let head = std::str::from_utf8(&received[..end]).ok().and_then(|head| sent_on(head, host, &self.token));
        let Some(SentOn { head, upgrades }) = head else {
            return local.write_all(NOT_HTTP).await.map_err(broken);
        };
        let dialling = connect::dial(&self.url, client.tls(), client.proxies());
        let mut server = TokioIo::new(connect::in_time(&self.url, connect::CONNECT_LIMIT, dialling).await?);
        server.write_all(head.as_bytes()).await.map_err(broken)?;
        server.write_all(&received[end..]).await.map_err(broken)?;
        if upgrades {
            return both_ways(local, &mut server).await;
        }
        let (mut from_local, mut to_local) = local.split();
        let (mut from_server, mut to_server) = tokio::io::split(server);
        let refused = AtomicBool::new(false);
        let request = async {
            // What the server does not read any more must not hold up the client.
            if let Err(Broken::Writing(_)) = copy(&mut from_local, &mut to_server, |_| {}).await {
                refused.store(true, Ordering::Relaxed);
                let _ = tokio::io::copy(&mut from_local, &mut tokio::io::sink()).await;
            }
            std::future::pending::<()>().await;
        };
        let answer = async {
            let mut answer = Answer::default();
            let copied = copy(&mut from_server, &mut to_local, |piece| answer.passed(piece)).await;
            match copied {
                _ if answer.is_whole() => {}
                Err(Broken::Reading(error) | Broken::Writing(error)) => return Err(broken(error)),
                // The write has met the reset.
                Ok(()) if refused.load(Ordering::Relaxed) => {
                    return Err(broken(std::io::ErrorKind::ConnectionReset.into()));
                }
                Ok(()) => {}
            }
            to_local.shutdown().await.map_err(broken)
        };
        tokio::select! {
            () = request => {}
            result = answer => result?,
        }
        // Closed with something unread, the connection would be reset, and the client might lose the answer.
        let rest = async { tokio::io::copy(local, &mut tokio::io::sink()).await };
        let _ = tokio::time::timeout(LINGER, rest).await;
        Ok(())
    }
}

/// Where copying failed.
enum Broken {
    Reading(std::io::Error),
    Writing(std::io::Error),
}

/// Copies one direction, and says when something was passed on.
async fn copy(
    reader: &mut (impl AsyncRead + Unpin),
    writer: &mut (impl AsyncWrite + Unpin),
    mut passed: impl FnMut(&[u8]),
) -> Result<(), Broken> {
    let mut buffer = vec![0; INTO_SANDBOX];
    loop {
        let read = reader.read(&mut buffer).await.map_err(Broken::Reading)?;
        if read == 0 {
            return Ok(());
        }
        writer.write_all(&buffer[..read]).await.map_err(Broken::Writing)?;
        // TLS may keep something back.
        writer.flush().await.map_err(Broken::Writing)?;
        passed(&buffer[..read]);
    }
}

/// How much of an answer has been passed on. One that is complete is one, however its connection ends.
enum Answer {
    Head(Vec<u8>),
    /// Bytes of the body that are missing.
    Length(u64),
    /// The last bytes of a body in chunks.
    Chunks(Vec<u8>),
    /// The end of the connection is that of the body, or this is not HTTP.
    UntilEnd,
}

impl Default for Answer {
    fn default() -> Self {
        Self::Head(Vec::new())
    }
}

impl Answer {
    /// The last chunk, which is empty, and the end of the trailers.
    const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

    fn passed(&mut self, piece: &[u8]) {
        match self {
            Self::Head(head) => {
                head.extend_from_slice(piece);
                let Some(end) = head.windows(END.len()).position(|part| part == END) else {
                    if head.len() > HEAD_LIMIT {
                        *self = Self::UntilEnd;
                    }
                    return;
                };
                let body = head.split_off(end + END.len());
                *self = Self::after(&String::from_utf8_lossy(head));
                self.passed(&body);
            }
            Self::Length(left) => *left = left.saturating_sub(piece.len() as u64),
            Self::Chunks(last) => {
                last.extend_from_slice(&piece[piece.len().saturating_sub(Self::LAST_CHUNK.len())..]);
                last.drain(..last.len().saturating_sub(Self::LAST_CHUNK.len()));
            }
            Self::UntilEnd => {}
        }
    }

    fn after(head: &str) -> Self {
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).unwrap_or_default();
        if status.starts_with('1') {
            return Self::default();
        }
        let mut framing = Self::UntilEnd;
        for (name, value) in lines.filter_map(|line| line.split_once(':')) {
            match (name.to_ascii_lowercase().as_str(), value.trim()) {
                ("transfer-encoding", value) if value.eq_ignore_ascii_case("chunked") => {
                    return Self::Chunks(Vec::new());
                }
                ("content-length", value) => framing = value.parse().map_or(Self::UntilEnd, Self::Length),
                _ => {}
            }
        }
        framing
    }

    fn is_whole(&self) -> bool {
        match self {
            Self::Length(left) => *left == 0,
            Self::Chunks(last) => last == Self::LAST_CHUNK,
            Self::Head(_) | Self::UntilEnd => false,
        }
    }
}

/// Whether this can be how a request begins: with a method.
fn may_be_http(received: &[u8]) -> bool {
    let method = received.split(|byte| *byte == b' ').next().unwrap_or_default();
    method.len() <= 32 && method.iter().all(|byte| byte.is_ascii_uppercase() || *byte == b'-')
}

/// A request's head as the preview gets it.
#[derive(Debug, PartialEq)]
struct SentOn {
    head: String,
    /// Whether it asks for another protocol.
    upgrades: bool,
}

/// `None` when it is not a head of HTTP/1.
fn sent_on(head: &str, host: &str, token: &str) -> Option<SentOn> {
    let mut lines = head.trim_end_matches("\r\n").split("\r\n");
    let request = lines.next().filter(|line| line.ends_with(" HTTP/1.1") || line.ends_with(" HTTP/1.0"))?;
    let fields: Vec<(&str, &str)> = lines.map(|line| line.split_once(':')).collect::<Option<_>>()?;
    let is = |field: &str, name: &str| field.eq_ignore_ascii_case(name);
    let upgrades = fields.iter().any(|(field, _)| is(field, "upgrade"));
    let mut sent = format!("{request}\r\nHost: {host}\r\n");
    for (field, value) in fields {
        if is(field, "host") {
            sent.push_str(&format!("X-Forwarded-Host:{value}\r\n"));
        } else if !is(field, "connection") && !is(field, "keep-alive") && !is(field, "x-daytona-preview-token") {
            sent.push_str(&format!("{field}:{value}\r\n"));
        }
    }
    let connection = if upgrades { "Upgrade" } else { "close" };
    sent.push_str(&format!("Connection: {connection}\r\nX-Daytona-Preview-Token: {token}\r\n"));
    sent.push_str("X-Daytona-Skip-Preview-Warning: true\r\n\r\n");
    Some(SentOn { head: sent, upgrades })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_gets_the_host_and_the_token_of_the_preview() {
        let head = "GET /a?b=c HTTP/1.1\r\nHost: localhost:3000\r\nX-Mine: 1\r\nConnection: keep-alive\r\n\r\n";
        let sent = sent_on(head, "3000-id.example", "t").unwrap();
        assert!(!sent.upgrades);
        assert_eq!(
            sent.head,
            "GET /a?b=c HTTP/1.1\r\nHost: 3000-id.example\r\nX-Forwarded-Host: localhost:3000\r\nX-Mine: 1\r\n\
             Connection: close\r\nX-Daytona-Preview-Token: t\r\nX-Daytona-Skip-Preview-Warning: true\r\n\r\n"
        );
    }

    #[test]
    fn an_upgrade_stays_one_and_other_protocols_are_refused() {
        let head = "GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";
        let SentOn { head: sent, upgrades } = sent_on(head, "h", "t").unwrap();
        assert!(upgrades && sent.contains("\r\nConnection: Upgrade\r\n") && !sent.contains("close"), "{sent}");
        assert_eq!(sent_on("SSH-2.0-OpenSSH\r\n\r\n", "h", "t"), None);
        assert!(may_be_http(b"") && may_be_http(b"PO") && may_be_http(b"GET / HTTP/1.1\r\n"));
        assert!(!may_be_http(b"SSH-2.0-OpenSSH_9.2\r\n") && !may_be_http(b"\x16\x03\x01"));
    }

    #[test]
    fn an_answer_is_whole_when_its_body_has_come() {
        let whole = |pieces: &[&str]| {
            let mut answer = Answer::default();
            pieces.iter().for_each(|piece| answer.passed(piece.as_bytes()));
            answer.is_whole()
        };
        let length = "HTTP/1.1 413 No\r\nContent-Length: 4\r\n\r\n";
        assert!(whole(&[length, "abcd"]) && whole(&["HTTP/1.1 100 Continue\r\n\r\n", length, "ab", "cd"]));
        assert!(!whole(&[length, "abc"]) && !whole(&[&length[..20]]));
        let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\n\r\n";
        assert!(whole(&[chunked, "1\r\na\r\n0", "\r\n", "\r\n"]) && !whole(&[chunked, "1\r\na\r\n"]));
        assert!(!whole(&["HTTP/1.1 200 OK\r\n\r\nuntil the end"]));
    }
}
