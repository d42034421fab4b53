//! Certificates, keys and tokens, and what a toolbox is given at its start.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use anyhow::{Context, Result};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use daytona_toolbox::Compat;
use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use subtle::ConstantTimeEq;
use time::{Duration, OffsetDateTime};

/// The name in every certificate, and the one that clients ask for. Nobody looks it up: a certificate is known by its bytes.
pub const SERVER_NAME: &str = "toolbox.daytona.internal";

/// A secret that opens something: 256 random bits as text.
///
/// It cannot be compared with `==`, and neither `Debug` nor an error shows it.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Token(String);

impl Token {
    /// A new one.
    pub fn random() -> Self {
        let mut bytes = [0u8; 32];
        getrandom::fill(&mut bytes).expect("the kernel has random bytes");
        Self(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// Whether `other` is this token, in a time that does not tell where they differ.
    pub fn matches(&self, other: &[u8]) -> bool {
        self.0.as_bytes().ct_eq(other).into()
    }

    /// The text, for the one who has to send it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[token]")
    }
}

/// The certificate by which one side knows the other; no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate(CertificateDer<'static>);

impl Certificate {
    /// The certificate with this DER encoding.
    pub fn from_der(der: Vec<u8>) -> Self {
        Self(der.into())
    }

    /// The DER encoding.
    pub fn der(&self) -> &CertificateDer<'static> {
        &self.0
    }
}

impl Serialize for Certificate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Certificate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        bytes(deserializer).map(Self::from_der)
    }
}

/// A certificate and its private key.
#[derive(Serialize, Deserialize)]
pub struct Identity {
    certificate: Certificate,
    key: Key,
}

/// A private key, as PKCS #8.
struct Key(Vec<u8>);

impl Serialize for Key {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        bytes(deserializer).map(Self)
    }
}

fn bytes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    let text = String::deserialize(deserializer)?;
    // What is wrong with it would repeat a part of a key.
    STANDARD.decode(text).map_err(|_| serde::de::Error::custom("not base64"))
}

impl Identity {
    /// Makes a key and a certificate for it that no authority has signed: it is known by its bytes.
    ///
    /// # Errors
    /// When the kernel has no random bytes.
    pub fn make() -> Result<Self> {
        let key = KeyPair::generate().context("making a key")?;
        let mut parameters = CertificateParams::new(vec![SERVER_NAME.to_owned()]).context("naming a certificate")?;
        let now = OffsetDateTime::now_utc();
        // Nobody checks the times, and clocks differ.
        parameters.not_before = now - Duration::days(1);
        parameters.not_after = now + Duration::days(3650);
        let certificate = parameters.self_signed(&key).context("signing a certificate")?;
        Ok(Self { certificate: Certificate(certificate.der().clone()), key: Key(key.serialize_der()) })
    }

    /// The certificate, which the other side has to know.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    pub(crate) fn key(&self) -> PrivateKeyDer<'static> {
        PrivatePkcs8KeyDer::from(self.key.0.clone()).into()
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Identity { .. }")
    }
}

/// The sandbox that a toolbox is to serve.
#[derive(Clone, derive_more::Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Start {
    /// Id of the sandbox.
    pub sandbox_id: String,
    /// Home directory of the sandbox's user, which can be written. Default: `/home/daytona`.
    #[serde(default = "home")]
    pub home: PathBuf,
    /// Where relative paths and commands begin. Default: the home.
    #[serde(default)]
    pub work_dir: Option<PathBuf>,
    /// Variables of every program, in addition to those of the image.
    #[debug(skip)]
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// The command that runs in the entrypoint session; none when empty.
    #[serde(default)]
    pub entrypoint: Vec<String>,
    /// The version that the toolbox tells. Default: that of the program.
    #[serde(default = "version")]
    pub version: String,
    /// The server whose answers to give.
    #[serde(default)]
    pub compat: Compat,
}

fn home() -> PathBuf {
    PathBuf::from("/home/daytona")
}

fn version() -> String {
    env!("CARGO_PKG_VERSION").to_owned()
}

impl Start {
    /// A sandbox with defaults.
    pub fn new(sandbox_id: impl Into<String>) -> Self {
        Self {
            sandbox_id: sandbox_id.into(),
            home: home(),
            work_dir: None,
            env: BTreeMap::new(),
            entrypoint: Vec::new(),
            version: version(),
            compat: Compat::default(),
        }
    }
}

/// What a toolbox is given at its start.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Grant {
    /// Certificate and key to show.
    pub identity: Identity,
    /// The token to ask for.
    pub token: Token,
    /// The sandbox to serve. Without one, the toolbox waits until it is adopted.
    #[serde(default)]
    pub sandbox: Option<Start>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_shown_by_nothing_but_their_documents() {
        let token = Token::random();
        let mut sandbox = Start::new("the-sandbox");
        sandbox.env.insert("PASSWORD".to_owned(), "hunter2".to_owned());
        let grant = Grant { identity: Identity::make().unwrap(), token: token.clone(), sandbox: Some(sandbox) };
        let shown = format!("{grant:?}");
        assert!(!shown.contains(token.reveal()) && !shown.contains("hunter2"), "{shown}");
        let read: Grant = serde_json::from_value(serde_json::to_value(&grant).unwrap()).unwrap();
        assert!(read.token.matches(token.reveal().as_bytes()));
        assert_eq!(read.identity.certificate(), grant.identity.certificate());
    }

    #[test]
    fn a_token_matches_only_itself() {
        let token = Token::random();
        let text = token.reveal().to_owned();
        assert_eq!(text.len(), 43);
        assert!(token.matches(text.as_bytes()));
        assert!(!token.matches(b""));
        assert!(!token.matches(&text.as_bytes()[1..]));
        assert!(!token.matches(Token::random().reveal().as_bytes()));
    }

    #[test]
    fn a_broken_key_is_not_repeated_in_the_error() {
        let document = r#"{"certificate": "AAAA", "key": "secret?"}"#;
        let error = serde_json::from_str::<Identity>(document).unwrap_err().to_string();
        assert!(error.contains("not base64") && !error.contains("secret"), "{error}");
    }
}
