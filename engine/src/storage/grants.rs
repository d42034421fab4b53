//! Who may use the object storage, and for which keys (wire 2.7).
//!
//! Credentials are made for one organization, last for an hour, and are not kept anywhere: the secret and the session token
//! follow from a key that the engine makes anew at each start. A [`Key`] and a [`Prefix`] can only be made through a [`Grant`], so nothing
//! in the storage is read or written without the organization's prefix having been checked.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::{clock, secret};

/// How long credentials last, in seconds.
const LIFETIME: i64 = 60 * 60;

/// The longest name of an object, in bytes, as in S3.
const MAX_KEY_BYTES: usize = 1024;

/// What a client needs to sign its requests.
pub struct Credentials {
    /// Names these credentials.
    pub access_key: String,
    /// Signs requests.
    pub secret: String,
    /// Sent along; says for whom and until when.
    pub session_token: String,
}

/// The right to use the objects of one organization.
#[derive(Debug, Clone)]
pub struct Grant {
    prefix: String,
}

/// The beginning of names that may be listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prefix(String);

impl Prefix {
    /// The whole beginning, with the organization's prefix.
    pub fn text(&self) -> &str {
        &self.0
    }
}

/// The name of an object that may be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key(String);

impl Key {
    /// The whole name, with the organization's prefix.
    pub fn name(&self) -> &str {
        &self.0
    }

    /// The beginning of the names of all objects of the same organization.
    pub fn whole(&self) -> Prefix {
        let end = self.0.find('/').map_or(self.0.len(), |slash| slash + 1);
        Prefix(self.0[..end].to_owned())
    }
}

impl Grant {
    /// The right of an organization itself.
    pub fn of(organization_id: &str) -> Self {
        Self { prefix: format!("{organization_id}/") }
    }

    /// The organization's id.
    pub fn organization_id(&self) -> &str {
        self.prefix.trim_end_matches('/')
    }

    /// The name of an object, if it is one of the organization's.
    pub fn key(&self, name: &str) -> Option<Key> {
        let fits = name.len() <= MAX_KEY_BYTES && name.len() > self.prefix.len();
        (fits && name.starts_with(&self.prefix)).then(|| Key(name.to_owned()))
    }

    /// The beginning of names to list, if all of them are the organization's.
    pub fn listing(&self, prefix: &str) -> Option<Prefix> {
        prefix.starts_with(&self.prefix).then(|| Prefix(prefix.to_owned()))
    }
}

/// Makes credentials and knows them again.
pub struct Issuer {
    key: String,
}

impl Default for Issuer {
    fn default() -> Self {
        Self { key: secret::token(64) }
    }
}

impl Issuer {
    /// New credentials for an organization.
    pub fn issue(&self, organization_id: &str) -> Credentials {
        self.issue_until(organization_id, clock::now().unix_timestamp() + LIFETIME)
    }

    fn issue_until(&self, organization_id: &str, expires: i64) -> Credentials {
        let access_key = format!("DTN{}", secret::token(17).to_ascii_uppercase());
        let grant = format!("{expires}.{organization_id}");
        let proof = self.mac(&["session", &access_key, &grant]);
        let session_token = format!("{}.{}", URL_SAFE_NO_PAD.encode(grant), URL_SAFE_NO_PAD.encode(proof));
        Credentials { secret: self.secret(&access_key), access_key, session_token }
    }

    /// The secret that belongs to an access key, whether it was ever issued or not: only its session token says that.
    pub fn secret(&self, access_key: &str) -> String {
        STANDARD.encode(self.mac(&["secret", access_key]))
    }

    /// The right that a session token gives to the holder of an access key.
    ///
    /// # Errors
    /// When the token is not this key's or not this engine's, or its time is over.
    pub fn grant(&self, access_key: &str, session_token: &str) -> Result<Grant, Refused> {
        let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).ok();
        let (grant, proof) = session_token.split_once('.').ok_or(Refused::Unknown)?;
        let (grant, proof) = decode(grant).zip(decode(proof)).ok_or(Refused::Unknown)?;
        let grant = String::from_utf8(grant).map_err(|_| Refused::Unknown)?;
        self.keyed(&["session", access_key, &grant]).verify_slice(&proof).map_err(|_| Refused::Unknown)?;
        let (expires, organization_id) = grant.split_once('.').ok_or(Refused::Unknown)?;
        let expires: i64 = expires.parse().map_err(|_| Refused::Unknown)?;
        if clock::now().unix_timestamp() >= expires {
            return Err(Refused::Expired);
        }
        Ok(Grant::of(organization_id))
    }

    fn mac(&self, parts: &[&str]) -> Vec<u8> {
        self.keyed(parts).finalize().into_bytes().to_vec()
    }

    fn keyed(&self, parts: &[&str]) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.key.as_bytes()).expect("any key length will do");
        for part in parts {
            mac.update(part.as_bytes());
            mac.update(&[0]);
        }
        mac
    }
}

/// Why credentials give no right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// They are not of this engine.
    Unknown,
    /// Their time is over.
    Expired,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_open_the_objects_of_their_organization_only() {
        let issuer = Issuer::default();
        let credentials = issuer.issue("ours");
        let grant = issuer.grant(&credentials.access_key, &credentials.session_token).unwrap();
        assert_eq!(grant.key("ours/hash/context.tar").unwrap().name(), "ours/hash/context.tar");
        for foreign in ["theirs/hash/context.tar", "ours", "ours/", "oursx/a", "/ours/a", ""] {
            assert!(grant.key(foreign).is_none(), "{foreign}");
        }
        assert_eq!(grant.listing("ours/").unwrap().text(), "ours/");
        for foreign in ["theirs/", "ours", ""] {
            assert!(grant.listing(foreign).is_none(), "{foreign}");
        }
    }

    #[test]
    fn what_was_not_issued_or_is_over_is_refused() {
        let issuer = Issuer::default();
        let (ours, other) = (issuer.issue("ours"), issuer.issue("ours"));
        let refused = |issuer: &Issuer, key: &str, token: &str| issuer.grant(key, token).unwrap_err();
        assert_eq!(refused(&issuer, &other.access_key, &ours.session_token), Refused::Unknown);
        assert_eq!(refused(&Issuer::default(), &ours.access_key, &ours.session_token), Refused::Unknown);
        for token in ["", ".", "a.b", "bm8.bm8"] {
            assert_eq!(refused(&issuer, &ours.access_key, token), Refused::Unknown, "{token}");
        }
        let over = issuer.issue_until("ours", clock::now().unix_timestamp());
        assert_eq!(refused(&issuer, &over.access_key, &over.session_token), Refused::Expired);
    }
}
