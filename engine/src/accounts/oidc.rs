//! Tokens of an OpenID Connect issuer.
//!
//! The issuer's keys are fetched at the start, from time to time, and when a token names one that is not known. A token is taken when
//! one of them signed it with RS256, PS256 or ES256, for this audience, and its time has come and is not over.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{self, RsaPublicKeyComponents, UnparsedPublicKey};
use serde::Deserialize;
use serde_json::Value;

use crate::clock;
use crate::outgoing::Client;

/// How often keys are fetched again.
const REFRESH: Duration = Duration::from_secs(600);

/// The shortest time between two fetches: tokens of strangers must not make the engine ask all the time.
const AT_MOST_EVERY: Duration = Duration::from_secs(5);

/// Seconds by which clocks may differ.
const LEEWAY: i64 = 60;

/// The longest token.
const LONGEST: usize = 16 << 10;

/// The most keys that an issuer has.
const MOST_KEYS: usize = 64;

/// Users whose last login is remembered.
const MOST_LOGINS: usize = 10_000;

/// Whose tokens are taken.
#[derive(Debug, Clone)]
pub struct Issuer {
    /// Its URL, exactly as its tokens name it.
    pub url: String,
    /// The audience that tokens must be for.
    pub audience: String,
    /// The client that programs log in with.
    pub client_id: String,
}

/// A person that an issuer vouches for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    pub id: String,
    pub name: String,
    /// Empty unless the issuer has verified it.
    pub email: String,
    /// Whether this token is another one than the last.
    pub logged_in: bool,
    /// When the token is over, in milliseconds since 1970.
    pub good_until: i64,
}

enum Key {
    Rsa { n: Vec<u8>, e: Vec<u8> },
    P256(Vec<u8>),
}

/// The issuer and its keys.
pub struct Oidc {
    pub issuer: Issuer,
    client: Client,
    keys: RwLock<HashMap<String, Key>>,
    fetched: tokio::sync::Mutex<Option<Instant>>,
    logins: Mutex<HashMap<String, i64>>,
}

/// A token's claims.
#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Value,
    exp: i64,
    #[serde(default)]
    nbf: i64,
    #[serde(default)]
    iat: i64,
    #[serde(default)]
    email: String,
    #[serde(default)]
    email_verified: Value,
    #[serde(default)]
    name: String,
}

impl Oidc {
    /// An issuer whose keys are not known yet.
    pub fn new(issuer: Issuer) -> Self {
        Self {
            issuer,
            // Whoever started the engine chose the address.
            client: Client::new(None),
            keys: RwLock::default(),
            fetched: tokio::sync::Mutex::new(None),
            logins: Mutex::default(),
        }
    }

    /// Fetches the keys from time to time, until dropped.
    pub async fn keep_current(&self) {
        loop {
            self.refresh().await;
            tokio::time::sleep(REFRESH).await;
        }
    }

    /// Fetches the keys, unless that was done a moment ago.
    pub async fn refresh(&self) {
        let mut fetched = self.fetched.lock().await;
        if fetched.is_some_and(|at| at.elapsed() < AT_MOST_EVERY) {
            return;
        }
        match self.fetch().await {
            Ok(keys) => *self.keys.write().unwrap_or_else(PoisonError::into_inner) = keys,
            Err(error) => {
                tracing::warn!(
                    error = format!("{error:#}"),
                    issuer = self.issuer.url,
                    "the issuer's keys could not be fetched"
                );
            }
        }
        *fetched = Some(Instant::now());
    }

    async fn fetch(&self) -> Result<HashMap<String, Key>> {
        #[derive(Deserialize)]
        struct Discovery {
            issuer: String,
            jwks_uri: String,
        }
        #[derive(Deserialize)]
        struct Keys {
            keys: Vec<Value>,
        }
        let place = format!("{}/.well-known/openid-configuration", self.issuer.url.trim_end_matches('/'));
        let found: Discovery =
            serde_json::from_slice(&self.client.get(&place).await?).context("reading the discovery document")?;
        if found.issuer != self.issuer.url {
            bail!("the issuer calls itself {}", found.issuer);
        }
        let keys: Keys =
            serde_json::from_slice(&self.client.get(&found.jwks_uri).await?).context("reading the keys")?;
        Ok(keys.keys.iter().take(MOST_KEYS).filter_map(read_key).collect())
    }

    /// Whether this may be a token whose key is not known yet.
    pub fn may_be_new(&self, token: &str) -> bool {
        let known = |kid: &String| self.keys.read().unwrap_or_else(PoisonError::into_inner).contains_key(kid);
        header(token).is_some_and(|(_, kid)| !known(&kid))
    }

    /// Whether a token says that the issuer made it for this engine. Nothing is verified: it may be over, or not be known yet.
    pub fn is_for_here(&self, token: &str) -> bool {
        header(token).is_some() && claims(token).is_some_and(|claims| self.is_ours(&claims))
    }

    fn is_ours(&self, claims: &Claims) -> bool {
        let audience = &self.issuer.audience;
        let is_for_us = match &claims.aud {
            Value::String(one) => one == audience,
            Value::Array(all) => all.iter().any(|one| one.as_str() == Some(audience)),
            _ => false,
        };
        is_for_us && claims.iss == self.issuer.url
    }

    /// The person a token is of.
    pub fn verify(&self, token: &str) -> Option<Person> {
        let (algorithm, kid) = header(token)?;
        let (signed, signature) = token.rsplit_once('.')?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        {
            let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
            if !is_signed(keys.get(&kid)?, &algorithm, signed.as_bytes(), &signature) {
                return None;
            }
        }
        let claims = claims(token)?;
        let now = clock::now().unix_timestamp();
        let is_now = claims.exp.saturating_add(LEEWAY) > now && claims.nbf.saturating_sub(LEEWAY) <= now;
        // Nobody from outside is whoever started the engine.
        let is_other =
            !claims.sub.is_empty() && claims.sub != crate::accounts::model::OPERATOR && !claims.sub.contains('/');
        if !self.is_ours(&claims) || !is_now || !is_other {
            return None;
        }
        let verified = claims.email_verified == Value::Bool(true) || claims.email_verified == "true";
        let logged_in = self.is_new_login(&claims.sub, claims.iat);
        Some(Person {
            name: if claims.name.is_empty() { claims.email.clone() } else { claims.name },
            email: if verified { claims.email } else { String::new() },
            id: claims.sub,
            logged_in,
            good_until: claims.exp.saturating_add(LEEWAY).saturating_mul(1000),
        })
    }

    fn is_new_login(&self, user: &str, issued_at: i64) -> bool {
        let mut logins = self.logins.lock().unwrap_or_else(PoisonError::into_inner);
        if logins.len() >= MOST_LOGINS {
            logins.clear();
        }
        let last = logins.get(user).copied().unwrap_or(i64::MIN);
        if issued_at > last {
            logins.insert(user.to_owned(), issued_at);
        }
        issued_at > last
    }
}

/// Algorithm and key of a token, if it looks like one.
fn header(token: &str) -> Option<(String, String)> {
    #[derive(Deserialize)]
    struct Header {
        alg: String,
        #[serde(default)]
        kid: String,
    }
    if token.len() > LONGEST || token.bytes().filter(|byte| *byte == b'.').count() != 2 {
        return None;
    }
    let bytes = URL_SAFE_NO_PAD.decode(token.split('.').next()?).ok()?;
    let header: Header = serde_json::from_slice(&bytes).ok()?;
    Some((header.alg, header.kid))
}

/// What a token says, true or not.
fn claims(token: &str) -> Option<Claims> {
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    serde_json::from_slice(&claims).ok()
}

fn read_key(key: &Value) -> Option<(String, Key)> {
    if key["use"].as_str().is_some_and(|purpose| purpose != "sig") {
        return None;
    }
    let bytes = |name: &str| URL_SAFE_NO_PAD.decode(key[name].as_str()?.trim_end_matches('=')).ok();
    let kid = key["kid"].as_str().unwrap_or_default().to_owned();
    let key = match key["kty"].as_str()? {
        "RSA" => Key::Rsa { n: bytes("n")?, e: bytes("e")? },
        "EC" if key["crv"] == "P-256" => {
            let (x, y) = (bytes("x")?, bytes("y")?);
            // Uncompressed points begin with 4.
            (x.len() == 32 && y.len() == 32).then(|| Key::P256([&[4], x.as_slice(), y.as_slice()].concat()))?
        }
        _ => return None,
    };
    Some((kid, key))
}

fn is_signed(key: &Key, algorithm: &str, message: &[u8], signature: &[u8]) -> bool {
    match (key, algorithm) {
        (Key::Rsa { n, e }, "RS256") => {
            RsaPublicKeyComponents { n, e }.verify(&signature::RSA_PKCS1_2048_8192_SHA256, message, signature).is_ok()
        }
        (Key::Rsa { n, e }, "PS256") => {
            RsaPublicKeyComponents { n, e }.verify(&signature::RSA_PSS_2048_8192_SHA256, message, signature).is_ok()
        }
        (Key::P256(point), "ES256") => {
            UnparsedPublicKey::new(&signature::ECDSA_P256_SHA256_FIXED, point).verify(message, signature).is_ok()
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use ring::rand::SystemRandom;
    use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
    use serde_json::json;

    use super::*;

    struct Bench {
        oidc: Oidc,
        key: EcdsaKeyPair,
    }

    impl Bench {
        fn new() -> Self {
            let random = SystemRandom::new();
            let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
            let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref(), &random).unwrap();
            let (url, audience) = ("https://issuer.example".to_owned(), "daytona".to_owned());
            let oidc = Oidc::new(Issuer { url, audience, client_id: String::new() });
            let point = key.public_key().as_ref();
            let (x, y) = (URL_SAFE_NO_PAD.encode(&point[1..33]), URL_SAFE_NO_PAD.encode(&point[33..]));
            let known = read_key(&json!({"kty": "EC", "crv": "P-256", "kid": "k", "x": x, "y": y})).unwrap();
            oidc.keys.write().unwrap().extend([known]);
            Self { oidc, key }
        }

        fn token(&self, header: &Value, claims: &Value) -> String {
            let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
            let signed = format!("{}.{}", encode(header), encode(claims));
            let signature = self.key.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
            format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
        }
    }

    fn claims() -> Value {
        let now = clock::now().unix_timestamp();
        json!({"iss": "https://issuer.example", "aud": ["x", "daytona"], "sub": "u1", "exp": now + 600, "iat": now,
            "email": "u@example.com", "email_verified": true, "name": "U"})
    }

    #[test]
    fn a_token_of_the_issuer_is_taken_and_its_first_use_is_a_login() {
        let bench = Bench::new();
        let token = bench.token(&json!({"alg": "ES256", "kid": "k"}), &claims());
        let person = bench.oidc.verify(&token).unwrap();
        assert_eq!((person.id.as_str(), person.email.as_str(), person.logged_in), ("u1", "u@example.com", true));
        assert!(!bench.oidc.verify(&token).unwrap().logged_in);
        let mut unverified = claims();
        unverified["email_verified"] = json!(false);
        let token = bench.token(&json!({"alg": "ES256", "kid": "k"}), &unverified);
        assert_eq!(bench.oidc.verify(&token).unwrap().email, "");
    }

    #[test]
    fn whatever_is_not_right_about_a_token_it_is_refused() {
        let bench = Bench::new();
        let header = json!({"alg": "ES256", "kid": "k"});
        for (name, value) in [
            ("iss", json!("https://other.example")),
            ("aud", json!("other")),
            ("exp", json!(1)),
            ("nbf", json!(i64::MAX)),
            ("sub", json!("local")),
            ("sub", json!("")),
            ("sub", json!("a/b")),
        ] {
            let mut wrong = claims();
            wrong[name] = value;
            assert_eq!(bench.oidc.verify(&bench.token(&header, &wrong)), None, "{name}");
        }
        let good = bench.token(&header, &claims());
        for algorithm in ["none", "HS256", "RS256", "PS256"] {
            assert_eq!(bench.oidc.verify(&bench.token(&json!({"alg": algorithm, "kid": "k"}), &claims())), None);
        }
        let other = Bench::new();
        assert_eq!(other.oidc.verify(&good), None, "another key");
        assert_eq!(bench.oidc.verify(&good.replace('.', "")), None);
        let unknown = bench.token(&json!({"alg": "ES256", "kid": "other"}), &claims());
        assert!(bench.oidc.may_be_new(&unknown) && !bench.oidc.may_be_new(&good) && !bench.oidc.may_be_new("dtn_key"));
    }
}
