//! TLS 1.3 between two sides that know each other's certificate.
//!
//! There are no authorities: a client accepts the one certificate it was told of, byte for byte, and the server proves that it
//! has its key. Names and times in it are not looked at, so clocks may differ.

use std::io;
use std::sync::Arc;

use anyhow::{Context, Result};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::version::TLS13;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, OtherError, PeerMisbehaved, ServerConfig,
    SignatureScheme,
};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

pub use crate::identity::SERVER_NAME;
use crate::identity::{Certificate, Identity};

/// Sessions that a server remembers, so that a client's next connection costs it less.
const SESSIONS: usize = 64;

/// What a server shows.
///
/// # Errors
/// When the key does not belong to the certificate, or is none.
pub fn server(identity: &Identity) -> Result<Arc<ServerConfig>> {
    let mut config = ServerConfig::builder_with_provider(ring::default_provider().into())
        .with_protocol_versions(&[&TLS13])?
        .with_no_client_auth()
        .with_single_cert(vec![identity.certificate().der().clone()], identity.key())
        .context("the certificate and its key cannot be used")?;
    config.session_storage = rustls::server::ServerSessionMemoryCache::new(SESSIONS);
    config.send_tls13_tickets = 1;
    Ok(Arc::new(config))
}

/// What a client accepts.
///
/// # Errors
/// When the TLS library refuses its own defaults.
pub fn client(pinned: &Certificate) -> Result<Arc<ClientConfig>> {
    let provider = Arc::new(ring::default_provider());
    let verifier = Pinned { certificate: pinned.der().clone(), provider: Arc::clone(&provider) };
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// Establishes TLS with the server at the other end.
///
/// # Errors
/// `InvalidData` with [`AnotherCertificate`] when it shows another one, and those of the connection.
pub async fn connect(connector: &TlsConnector, tcp: TcpStream) -> io::Result<TlsStream<TcpStream>> {
    let name = ServerName::try_from(SERVER_NAME).expect("a valid name");
    connector.connect(name, tcp).await.map_err(|error| {
        let reason = error.get_ref().and_then(|reason| reason.downcast_ref::<Error>());
        match reason {
            // The library shows its words to nobody but programmers.
            Some(Error::InvalidCertificate(CertificateError::Other(_))) => {
                io::Error::new(io::ErrorKind::InvalidData, AnotherCertificate)
            }
            _ => error,
        }
    })
}

/// The other side showed another certificate than the pinned one.
#[derive(Debug, thiserror::Error)]
#[error("the other side showed another certificate than its own: it is not the one that was meant")]
pub struct AnotherCertificate;

#[derive(Debug)]
struct Pinned {
    certificate: CertificateDer<'static>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        shown: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        // Certificates are public: how long this takes tells nothing.
        if *shown == self.certificate {
            return Ok(ServerCertVerified::assertion());
        }
        let other = OtherError(Arc::new(AnotherCertificate));
        Err(Error::InvalidCertificate(CertificateError::Other(other)))
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        // TLS 1.2 is not offered.
        Err(PeerMisbehaved::SelectedUnofferedCipherSuite.into())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
