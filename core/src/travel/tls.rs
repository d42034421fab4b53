//! One TLS configuration for everything the client opens: HTTP, WebSockets, proxies.
//!
//! Trusted are the certificates of the operating system (or of `SSL_CERT_FILE` and `SSL_CERT_DIR`, which replace them)
//! AND the Mozilla roots compiled in AND the authorities of [`Config::ca_cert`](crate::config::Config::ca_cert). So a
//! company's own authority works, and so does a container without any certificates. The system's certificates are read
//! once per process, for the first connection that needs them: hundreds of files, which a program that talks to the local engine
//! does without. Cryptography is *ring*, named explicitly: no process-wide provider is needed or installed.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, ConfigBuilder, RootCertStore, WantsVerifier};

use crate::error::{Error, ErrorKind, Result};
use crate::words::plain;

/// The TLS configuration of one client. Cheap to clone; clones share certificates and session tickets.
#[derive(Clone, Debug)]
pub struct Tls {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    builder: ConfigBuilder<ClientConfig, WantsVerifier>,
    /// Those that are trusted on top.
    authorities: RootCertStore,
    configs: OnceLock<Configs>,
}

#[derive(Debug)]
struct Configs {
    http: Arc<ClientConfig>,
    websocket: Arc<ClientConfig>,
}

impl Tls {
    /// Trusts the authorities in the PEM file `ca_cert` on top. The system's certificates are read when they are needed.
    ///
    /// # Errors
    /// `InvalidArgument` when `ca_cert` cannot be read or holds no certificate. Missing or broken system certificates are
    /// no error.
    pub fn new(ca_cert: Option<&Path>) -> Result<Self> {
        let mut authorities = RootCertStore::empty();
        if let Some(path) = ca_cert {
            add_authorities(path, &mut authorities)?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|e| Error::new(ErrorKind::Internal, "TLS cannot be set up").with_source(e))?;
        Ok(Self { shared: Arc::new(Shared { builder, authorities, configs: OnceLock::new() }) })
    }

    /// For HTTP: HTTP/2 and HTTP/1.1 are offered. Blocks briefly to read certificate files, the first time.
    pub fn for_http(&self) -> Arc<ClientConfig> {
        self.configs().http.clone()
    }

    /// For connections that are upgraded to a WebSocket: no application protocol is offered, so HTTP/1.1 it is. Blocks
    /// briefly to read certificate files, the first time.
    pub fn for_websocket(&self) -> Arc<ClientConfig> {
        self.configs().websocket.clone()
    }

    fn configs(&self) -> &Configs {
        let shared = &self.shared;
        shared.configs.get_or_init(|| {
            let mut roots = system_roots().clone();
            roots.roots.extend(shared.authorities.roots.iter().cloned());
            let websocket = shared.builder.clone().with_root_certificates(roots).with_no_client_auth();
            let mut http = websocket.clone();
            http.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
            Configs { http: Arc::new(http), websocket: Arc::new(websocket) }
        })
    }
}

fn system_roots() -> &'static RootCertStore {
    static ROOTS: OnceLock<RootCertStore> = OnceLock::new();
    if let Some(roots) = ROOTS.get() {
        return roots;
    }
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let native = rustls_native_certs::load_native_certs();
    for error in &native.errors {
        tracing::debug!(%error, "system certificates not read");
    }
    // System stores hold oddities no TLS library can parse; those are skipped.
    roots.add_parsable_certificates(native.certs);
    // Read before and not in there: a child that is forked while a thread reads would wait for that thread for ever.
    ROOTS.get_or_init(|| roots)
}

fn add_authorities(path: &Path, roots: &mut RootCertStore) -> Result<()> {
    let unusable = |why: &dyn std::fmt::Display| {
        Error::invalid_argument(format!(
            "ca_cert {:?} is not a usable PEM file of certificates: {}",
            path.display(),
            plain(&why.to_string()).trim_start_matches("I/O error: ")
        ))
    };
    let certificates: Vec<_> = CertificateDer::pem_file_iter(path)
        .and_then(|sections| sections.collect::<Result<_, _>>())
        .map_err(|e| unusable(&e))?;
    if certificates.is_empty() {
        return Err(unusable(&"it holds no certificate"));
    }
    for certificate in certificates {
        roots.add(certificate).map_err(|e| unusable(&e))?;
    }
    Ok(())
}
