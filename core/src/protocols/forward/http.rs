//! HTTP to a forwarded port by way of its preview URL.
//!
//! The head of a connection's request gets the preview's host and token, and `Connection: close`, so that no second request
//! follows on the same connection; everything behind the head travels as it is. So bodies of any length and kind pass, and
//! what an upgrade turns the connection into.

use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use url::{Position, Url};

use crate::client::Client;
use crate::error::{Error, ErrorKind, Result};
use crate::model::PortPreviewUrl;
use crate::travel::connect;

use super::{both_ways, broken};

/// The longest head of a request.
const HEAD_LIMIT: usize = 64 * 1024;

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
        // Whoever has sent a request may end that direction. Servers would take it for the end of the connection.
        let (mut from_local, mut to_local) = local.split();
        let (mut from_server, mut to_server) = tokio::io::split(server);
        let request = async {
            match tokio::io::copy(&mut from_local, &mut to_server).await {
                Ok(_) => std::future::pending().await,
                Err(error) => Err(broken(error)),
            }
        };
        tokio::select! {
            result = request => result,
            copied = tokio::io::copy(&mut from_server, &mut to_local) => copied.map(drop).map_err(broken),
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
}
