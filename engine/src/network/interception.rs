//! Connections of TLS to the hosts that a sandbox's secrets are sent to: the engine ends them in the host's place, and begins
//! one to the host itself.
//!
//! The host is who its certificate says, by the authorities that the machine trusts, whatever address the sandbox chose and
//! whatever it answers to names itself. Requests in one connection are for the one host that its client named first.

use std::io::Cursor;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::ServerName;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::authority::Authority;
use super::splice::{Passage, reset};
use super::web::{self, Side};
use crate::outgoing;

/// How long a handshake may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// Stands in for hosts, for all sandboxes of an engine.
pub struct Interceptor {
    authority: Authority,
    upstream: TlsConnector,
}

impl std::fmt::Debug for Interceptor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Interceptor").finish_non_exhaustive()
    }
}

impl Interceptor {
    /// Makes an authority, and reads those of the machine. Blocks.
    pub fn new() -> Result<Self> {
        Ok(Self { authority: Authority::new()?, upstream: outgoing::connector()? })
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

    /// Has the other end of a connection prove that it is the host with this name.
    pub async fn connect(&self, name: &str, stream: TcpStream) -> Result<TlsStream<TcpStream>> {
        let host = ServerName::try_from(name.to_owned()).context("its name is not valid")?;
        timeout(PATIENCE, self.upstream.connect(host, stream)).await.context("TLS took too long")?.context("TLS failed")
    }
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
    web::serve(stream, end, passage, Side::Encrypted { name, interceptor }).await;
}
