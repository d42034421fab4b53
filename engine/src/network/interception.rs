//! Connections of TLS to the hosts that a sandbox's secrets are sent to: the engine ends them in the host's place, and begins
//! one to the host itself.
//!
//! The host is who its certificate says, by the authorities that the machine trusts, whatever address the sandbox chose and
//! whatever it answers to names itself. Requests in one connection are for the one host that its client named first.

use std::io::{self, Cursor};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::authority::{Authority, HTTP2};
use super::splice::{Passage, reset};
use super::web::{self, Side};
use crate::outgoing;

/// How long a handshake may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// What every client of HTTP/2 sends first.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Stands in for hosts, for all sandboxes of an engine.
pub struct Interceptor {
    authority: Authority,
    upstream: TlsConnector,
    /// The same for hosts that may speak HTTP/2.
    upstream_of_many: TlsConnector,
}

impl std::fmt::Debug for Interceptor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Interceptor").finish_non_exhaustive()
    }
}

impl Interceptor {
    /// Makes an authority, and reads those of the machine. Blocks.
    pub fn new() -> Result<Self> {
        let speaking = |protocols: &[&[u8]]| -> Result<TlsConnector> {
            let mut config = outgoing::connector()?.config().as_ref().clone();
            config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
            Ok(Arc::new(config).into())
        };
        Ok(Self {
            authority: Authority::new()?,
            // A host that speaks HTTP/2 alone says so then, instead of waiting.
            upstream: speaking(&[b"http/1.1"])?,
            upstream_of_many: speaking(&[HTTP2, b"http/1.1"])?,
        })
    }

    /// The certificate that sandboxes have to trust.
    pub fn certificate(&self) -> &str {
        &self.authority.pem
    }

    /// The same, after those of the authorities that the machine trusts.
    pub fn certificates(&self) -> String {
        let mut all = String::new();
        for certificate in rustls_native_certs::load_native_certs().certs {
            all.push_str("-----BEGIN CERTIFICATE-----\n");
            for line in STANDARD.encode(&certificate).as_bytes().chunks(64) {
                all.extend(line.iter().map(|byte| char::from(*byte)));
                all.push('\n');
            }
            all.push_str("-----END CERTIFICATE-----\n");
        }
        all + &self.authority.pem
    }

    /// Has the other end of a connection prove that it is the host with this name. `many`: it may speak HTTP/2.
    pub async fn connect(&self, name: &str, stream: TcpStream, many: bool) -> Result<TlsStream<TcpStream>> {
        let host = ServerName::try_from(name.to_owned()).context("its name is not valid")?;
        let upstream = if many { &self.upstream_of_many } else { &self.upstream };
        timeout(PATIENCE, upstream.connect(host, stream)).await.context("TLS took too long")?.context("TLS failed")
    }
}

/// Whether both ends of a connection agreed on HTTP/2.
pub fn is_of_many(tls: &rustls::CommonState) -> bool {
    tls.alpn_protocol() == Some(HTTP2)
}

/// Passes on the requests of a connection that began with `hello`, for the host of this name.
pub async fn pass(client: TcpStream, hello: Vec<u8>, name: String, passage: Passage, interceptor: Arc<Interceptor>) {
    let end = client.as_fd().try_clone_to_owned();
    let acceptor = TlsAcceptor::from(Arc::clone(&interceptor.authority.server));
    let (from, to) = client.into_split();
    let stream = tokio::io::join(Cursor::new(hello).chain(from), to);
    let stream = match timeout(PATIENCE, acceptor.accept(stream)).await {
        Ok(Ok(stream)) if stream.get_ref().1.server_name().is_some_and(|again| again.eq_ignore_ascii_case(&name)) => {
            stream
        }
        // Most often a client that trusts a certificate of its own choice only.
        _ => return end.iter().for_each(reset),
    };
    let is_of_many = is_of_many(stream.get_ref().1);
    let (mut from, to) = tokio::io::split(stream);
    let mut begun = Vec::new();
    // Some do not say in TLS what they speak, and know that the host speaks HTTP/2.
    let many = match is_of_many {
        true => Ok(Ok(true)),
        false => timeout(PATIENCE, begins_many(&mut from, &mut begun)).await,
    };
    let Ok(Ok(many)) = many else { return end.iter().for_each(reset) };
    let stream = tokio::io::join(Cursor::new(begun).chain(from), to);
    web::serve(stream, end, passage, Side::Encrypted { name, interceptor, many }).await;
}

/// Whether a connection begins as those of HTTP/2 do (RFC 9113, section 3.4). What was read is in `begun`.
async fn begins_many(from: &mut (impl AsyncRead + Unpin), begun: &mut Vec<u8>) -> io::Result<bool> {
    while begun.len() < PREFACE.len() && PREFACE.starts_with(begun) {
        let mut more = [0; PREFACE.len()];
        match from.read(&mut more[begun.len()..]).await? {
            0 => break,
            read => begun.extend_from_slice(&more[begun.len()..][..read]),
        }
    }
    Ok(begun == PREFACE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn connections_of_http_2_are_told_by_their_beginning_and_nothing_is_lost() {
        for (sent, many) in [
            (&b"GET / HTTP/1.1\r\n"[..], false),
            (b"P", false),
            (b"PRI * HTTP/1.1\r\nHost: x\r\n\r\n", false),
            (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nframes", true),
            (b"", false),
        ] {
            let mut from = in_pieces(sent);
            let mut begun = Vec::new();
            assert_eq!(begins_many(&mut from, &mut begun).await.unwrap(), many, "{sent:?}");
            from.read_to_end(&mut begun).await.unwrap();
            assert_eq!(begun, sent);
        }
    }

    /// Bytes that come in two pieces.
    fn in_pieces(sent: &[u8]) -> impl AsyncRead + Unpin {
        let (first, second) = sent.split_at(sent.len() / 2);
        Cursor::new(first.to_vec()).chain(Cursor::new(second.to_vec()))
    }
}
