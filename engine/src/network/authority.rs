//! The engine's own certificate authority: it stands in for the hosts that a sandbox's secrets are sent to.
//!
//! It is made when the first sandbox with secrets starts, and its key never leaves the engine's memory. Only sandboxes that
//! start with secrets trust it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use time::OffsetDateTime;

/// Names whose certificates are kept; all are made again when there are more.
const KEPT: usize = 512;

/// How long a certificate is kept, and how long it and the authority are valid. Clocks differ by less than an hour.
const KEPT_FOR: Duration = Duration::from_secs(24 * 60 * 60);
const VALID: time::Duration = time::Duration::days(90);
const AUTHORITY_VALID: time::Duration = time::Duration::days(3650);
const CLOCKS_DIFFER: time::Duration = time::Duration::hours(1);

/// What TLS calls HTTP/2.
pub const HTTP2: &[u8] = b"h2";

/// Makes certificates. Its key is not shown.
#[derive(Debug)]
pub struct Authority {
    /// Its own certificate.
    pub pem: String,
    /// Serves any name.
    pub server: Arc<ServerConfig>,
}

impl Authority {
    /// A new one.
    pub fn new() -> Result<Self> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.distinguished_name.push(DnType::OrganizationName, "Daytona local engine");
        params.distinguished_name.push(DnType::CommonName, "Daytona local engine: secrets of sandboxes");
        let now = OffsetDateTime::now_utc();
        (params.not_before, params.not_after) = (now - CLOCKS_DIFFER, now + AUTHORITY_VALID);
        let pem = params.self_signed(&key)?.pem();
        let leaf = KeyPair::generate()?;
        let signing = rustls::crypto::ring::sign::any_ecdsa_type(&PrivateKeyDer::Pkcs8(leaf.serialize_der().into()))?;
        let certificates = Certificates { issuer: Issuer::new(params, key), leaf, signing, made: Mutex::default() };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut server = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .context("setting up TLS")?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(certificates));
        // The first one that the client offers: HTTP/2 for those that speak nothing else, as clients of gRPC.
        server.alpn_protocols = vec![b"http/1.1".to_vec(), HTTP2.to_vec()];
        Ok(Self { pem, server: Arc::new(server) })
    }
}

struct Certificates {
    issuer: Issuer<'static, KeyPair>,
    /// The key of all certificates, which only sandboxes see.
    leaf: KeyPair,
    signing: Arc<dyn rustls::sign::SigningKey>,
    made: Mutex<HashMap<String, (Instant, Arc<CertifiedKey>)>>,
}

impl std::fmt::Debug for Certificates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Certificates").finish_non_exhaustive()
    }
}

impl Certificates {
    fn of(&self, name: &str) -> Result<Arc<CertifiedKey>> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, certificate)) = made.get(name).filter(|(at, _)| at.elapsed() < KEPT_FOR) {
            return Ok(Arc::clone(certificate));
        }
        let mut params = CertificateParams::new([name.to_owned()])?;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = true;
        let now = OffsetDateTime::now_utc();
        (params.not_before, params.not_after) = (now - CLOCKS_DIFFER, now + VALID);
        let certificate = params.signed_by(&self.leaf, &self.issuer)?;
        let certificate = Arc::new(CertifiedKey::new(vec![certificate.der().clone()], Arc::clone(&self.signing)));
        if made.len() >= KEPT {
            made.clear();
        }
        made.insert(name.to_owned(), (Instant::now(), Arc::clone(&certificate)));
        Ok(certificate)
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let name = hello.server_name()?.to_ascii_lowercase();
        match self.of(&name) {
            Ok(certificate) => Some(certificate),
            Err(error) => {
                tracing::warn!(error = format!("{error:#}"), name, "no certificate could be made");
                None
            }
        }
    }
}
