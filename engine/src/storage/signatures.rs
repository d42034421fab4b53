//! Signature version 4 of requests, in a header or in the query, as S3's reference describes it.

use std::sync::LazyLock;

use hmac::{Hmac, KeyInit, Mac};
use http::request::Parts;
use http::{HeaderMap, header};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};
use sha2::{Digest, Sha256};
use time::macros::format_description;
use time::{Duration, PrimitiveDateTime};

use super::copying::SOURCE;
use super::failures::{Failure, Outcome};
use super::grants::{Grant, Issuer, Refused};
use crate::{clock, secret};

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// How far a client's clock may be off.
const MOST_SKEW: Duration = Duration::minutes(15);

/// How long a signed address may be valid.
const LONGEST_ADDRESS: i64 = 7 * 24 * 60 * 60;

/// What S3 leaves as it is in names and values.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The same in paths.
const ENCODED_IN_PATHS: &AsciiSet = &ENCODED.remove(b'/');

static EMPTY_HASH: LazyLock<String> = LazyLock::new(|| hash(b""));

/// The query of a request, decoded.
#[derive(Debug, Default)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Reads a query.
    pub fn read(query: Option<&str>) -> Self {
        let decode = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let pairs = query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
        let split = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        Self(split.map(|(name, value)| (decode(name), decode(value))).collect())
    }

    /// The value of a parameter.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Whether there is such a parameter.
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    fn canonical(&self) -> String {
        let signed = self.0.iter().filter(|(name, _)| name != "X-Amz-Signature");
        let encoded = signed.map(|(name, value)| (encode(name), encode(value)));
        let mut pairs: Vec<_> = encoded.collect();
        pairs.sort();
        pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
    }
}

/// Encodes a name or a value as S3 does.
pub fn encode(text: &str) -> String {
    percent_encode(text.as_bytes(), ENCODED).to_string()
}

/// How the body of a request is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Payload {
    /// Not at all.
    Unsigned,
    /// By the SHA-256 of its bytes, in hexadecimal digits.
    Hash(String),
    /// In chunks, each with a signature of its own.
    SignedChunks,
    /// In chunks without signatures.
    UnsignedChunks,
}

/// A request whose sender is known.
pub struct Signed {
    /// What its sender may use.
    pub grant: Grant,
    /// How its body is signed.
    pub payload: Payload,
    /// Signs the chunks of its body.
    pub chain: Chain,
}

/// What chunks are signed with: each signature depends on the one before.
pub struct Chain {
    key: Vec<u8>,
    date: String,
    scope: String,
    last: String,
}

impl Chain {
    /// Whether the next chunk, of which the SHA-256 is given in hexadecimal digits, has this signature.
    pub fn verify_chunk(&mut self, signature: &str, hash: &str) -> bool {
        let text = format!("{}\n{hash}", *EMPTY_HASH);
        self.verify("AWS4-HMAC-SHA256-PAYLOAD", &text, signature)
    }

    /// Whether the headers after the last chunk have this signature.
    pub fn verify_trailer(&mut self, signature: &str, trailer: &[u8]) -> bool {
        self.verify("AWS4-HMAC-SHA256-TRAILER", &hash(trailer), signature)
    }

    fn verify(&mut self, algorithm: &str, text: &str, signature: &str) -> bool {
        let text = format!("{algorithm}\n{}\n{}\n{}\n{text}", self.date, self.scope, self.last);
        let expected = hex(&mac(&self.key, text.as_bytes()));
        let equal = secret::equal(&expected, signature);
        self.last = expected;
        equal
    }
}

/// The parts of a signature, wherever they stood.
struct Presented<'a> {
    access_key: &'a str,
    /// `date/region/s3/aws4_request`
    scope: &'a str,
    signed_headers: &'a str,
    signature: &'a str,
    date: String,
    session_token: String,
    payload: Payload,
    /// For how many seconds, if it is an address that was signed.
    lasts: Option<i64>,
}

/// Finds out who sent a request, and that it is as they sent it.
///
/// # Errors
/// S3's, for requests without credentials, with those of others, with wrong signatures, and from other times.
pub fn verify(issuer: &Issuer, request: &Parts, query: &Query) -> Outcome<Signed> {
    let presented = match request.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()) {
        Some(authorization) => in_header(authorization, &request.headers)?,
        None if query.has("X-Amz-Signature") => in_query(query)?,
        None => return Err(Failure::access_denied("The request has no credentials")),
    };
    let grant = issuer.grant(presented.access_key, &presented.session_token).map_err(|refused| match refused {
        Refused::Unknown if presented.session_token.is_empty() => {
            Failure::forbidden("InvalidAccessKeyId", "These credentials are only valid with their session token")
        }
        Refused::Unknown => Failure::forbidden("InvalidAccessKeyId", "The credentials are not of this engine"),
        Refused::Expired => Failure::bad_request("ExpiredToken", "The credentials have expired; ask for new ones"),
    })?;
    check_time(&presented)?;
    let mut scope = presented.scope.splitn(4, '/');
    let (day, region) = (scope.next().unwrap_or_default(), scope.next().unwrap_or_default());
    if scope.next() != Some("s3") || scope.next() != Some("aws4_request") || !presented.date.starts_with(day) {
        return Err(malformed("its scope is not DATE/REGION/s3/aws4_request"));
    }
    let mut key = mac(format!("AWS4{}", issuer.secret(presented.access_key)).as_bytes(), day.as_bytes());
    for part in [region, "s3", "aws4_request"] {
        key = mac(&key, part.as_bytes());
    }
    let canonical = canonical_request(request, query, &presented)?;
    let text = format!("{ALGORITHM}\n{}\n{}\n{}", presented.date, presented.scope, hash(canonical.as_bytes()));
    let expected = hex(&mac(&key, text.as_bytes()));
    if !secret::equal(&expected, presented.signature) {
        return Err(Failure::forbidden(
            "SignatureDoesNotMatch",
            "The request is not as it was signed, or not with this secret",
        ));
    }
    let chain = Chain { key, date: presented.date, scope: presented.scope.to_owned(), last: expected };
    Ok(Signed { grant, payload: presented.payload, chain })
}

fn malformed(what: &str) -> Failure {
    Failure::bad_request("AuthorizationHeaderMalformed", format!("The signature cannot be read: {what}"))
}

fn in_header<'a>(authorization: &'a str, headers: &HeaderMap) -> Outcome<Presented<'a>> {
    let Some(fields) = authorization.strip_prefix(ALGORITHM) else {
        return Err(Failure::access_denied(format!("Requests are signed with {ALGORITHM}")));
    };
    let field = |name: &str| {
        let mut fields = fields.split(',').filter_map(|field| field.trim().split_once('='));
        fields.find(|(known, _)| *known == name).map(|(_, value)| value).ok_or_else(|| malformed(name))
    };
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let (access_key, scope) = field("Credential")?.split_once('/').ok_or_else(|| malformed("Credential"))?;
    let payload = match header("x-amz-content-sha256") {
        None => return Err(Failure::bad_request("InvalidRequest", "The header x-amz-content-sha256 is missing")),
        Some("UNSIGNED-PAYLOAD") => Payload::Unsigned,
        Some("STREAMING-UNSIGNED-PAYLOAD-TRAILER") => Payload::UnsignedChunks,
        Some("STREAMING-AWS4-HMAC-SHA256-PAYLOAD" | "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER") => {
            Payload::SignedChunks
        }
        Some(text) if text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
            Payload::Hash(text.to_ascii_lowercase())
        }
        Some(text) => return Err(Failure::not_implemented(&format!("x-amz-content-sha256: {text}"))),
    };
    Ok(Presented {
        access_key,
        scope,
        signed_headers: field("SignedHeaders")?,
        signature: field("Signature")?,
        date: header("x-amz-date").ok_or_else(|| malformed("the header x-amz-date is missing"))?.to_owned(),
        session_token: header("x-amz-security-token").unwrap_or_default().to_owned(),
        payload,
        lasts: None,
    })
}

fn in_query(query: &Query) -> Outcome<Presented<'_>> {
    let field = |name: &str| query.get(name).ok_or_else(|| malformed(&format!("{name} is missing")));
    if field("X-Amz-Algorithm")? != ALGORITHM {
        return Err(Failure::access_denied(format!("Requests are signed with {ALGORITHM}")));
    }
    let (access_key, scope) =
        field("X-Amz-Credential")?.split_once('/').ok_or_else(|| malformed("X-Amz-Credential"))?;
    let lasts = field("X-Amz-Expires")?.parse().ok().filter(|seconds| (1..=LONGEST_ADDRESS).contains(seconds));
    Ok(Presented {
        access_key,
        scope,
        signed_headers: field("X-Amz-SignedHeaders")?,
        signature: field("X-Amz-Signature")?,
        date: field("X-Amz-Date")?.to_owned(),
        session_token: query.get("X-Amz-Security-Token").unwrap_or_default().to_owned(),
        payload: Payload::Unsigned,
        lasts: Some(lasts.ok_or_else(|| malformed("X-Amz-Expires is not 1 to 604800 seconds"))?),
    })
}

fn check_time(presented: &Presented<'_>) -> Outcome<()> {
    let format = format_description!("[year][month][day]T[hour][minute][second]Z");
    let signed = PrimitiveDateTime::parse(&presented.date, format);
    let signed = signed.map_err(|_| malformed("its date is not YYYYMMDDThhmmssZ"))?.assume_utc();
    let age = clock::now() - signed;
    let too_old = presented.lasts.map_or(MOST_SKEW, Duration::seconds);
    if age > too_old && presented.lasts.is_some() {
        return Err(Failure::access_denied("The signed address has expired"));
    }
    if age > too_old || -age > MOST_SKEW {
        return Err(Failure::forbidden("RequestTimeTooSkewed", "The request's time is too far from the engine's"));
    }
    Ok(())
}

fn canonical_request(request: &Parts, query: &Query, presented: &Presented<'_>) -> Outcome<String> {
    let mut headers = String::new();
    let mut has_host = false;
    for name in presented.signed_headers.split(';') {
        has_host |= name == "host";
        headers.extend([name, ":", &header_value(request, name), "\n"]);
    }
    if !has_host {
        return Err(malformed("the header host is not signed"));
    }
    // Whoever was given a signed address to write to must not have it read another object.
    let is_address = presented.lasts.is_some();
    if is_address
        && request.headers.contains_key(SOURCE)
        && !presented.signed_headers.split(';').any(|name| name == SOURCE)
    {
        return Err(Failure::access_denied("The header x-amz-copy-source is not signed"));
    }
    let path: Vec<u8> = percent_decode_str(request.uri.path()).collect();
    let payload = match (&presented.payload, presented.lasts) {
        (Payload::Hash(hash), _) => hash,
        (_, Some(_)) => "UNSIGNED-PAYLOAD",
        // As it was sent.
        _ => request.headers.get("x-amz-content-sha256").and_then(|value| value.to_str().ok()).unwrap_or_default(),
    };
    Ok(format!(
        "{}\n{}\n{}\n{headers}\n{}\n{payload}",
        request.method,
        percent_encode(&path, ENCODED_IN_PATHS),
        query.canonical(),
        presented.signed_headers,
    ))
}

/// The values of a header as they are signed.
fn header_value(request: &Parts, name: &str) -> String {
    let values: Vec<_> = request
        .headers
        .get_all(name)
        .iter()
        .map(|value| String::from_utf8_lossy(value.as_bytes()).split_ascii_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    match request.uri.authority() {
        // HTTP/2 has the host in the address.
        Some(authority) if name == "host" && values.is_empty() => authority.to_string(),
        _ => values.join(","),
    }
}

fn mac(key: &[u8], text: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any key length will do");
    mac.update(text);
    mac.finalize().into_bytes().to_vec()
}

/// The SHA-256 of bytes in hexadecimal digits.
pub fn hash(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Bytes in lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example for a seed signature and its chunks in S3's public reference.
    #[test]
    fn chunks_are_signed_as_the_reference_does() {
        let mut key = mac(b"AWS4wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", b"20130524");
        for part in ["us-east-1", "s3", "aws4_request"] {
            key = mac(&key, part.as_bytes());
        }
        let mut chain = Chain {
            key,
            date: "20130524T000000Z".to_owned(),
            scope: "20130524/us-east-1/s3/aws4_request".to_owned(),
            last: "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9".to_owned(),
        };
        let first = hash(&[b'a'; 65536]);
        assert!(chain.verify_chunk("ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648", &first));
        let second = hash(&[b'a'; 1024]);
        assert!(chain.verify_chunk("0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497", &second));
        assert!(!chain.verify_chunk("0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497", &second));
    }

    #[test]
    fn queries_are_signed_in_the_order_of_their_encoded_names() {
        let query = Query::read(Some("prefix=a%2Fb&list-type=2&b=%20%2B+&X-Amz-Signature=1&acl"));
        assert_eq!(query.canonical(), "acl=&b=%20%2B%2B&list-type=2&prefix=a%2Fb");
        assert_eq!(query.get("prefix"), Some("a/b"));
        assert!(query.has("acl"));
    }
}
