//! The secrets of one sandbox, as its connections put them in: which hosts each may be sent to, and the change of a request.
//!
//! A sandbox only ever holds placeholders. They are replaced where clients put credentials: in the values of headers, in what
//! `Authorization: Basic` encodes, and in the path and query of the URL. What is not on this list leaves as it came.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{self, HeaderName, HeaderValue};
use http::uri::PathAndQuery;
use http::{HeaderMap, Method, Uri, request};
use memchr::memmem;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::domains::Domains;

/// What every placeholder begins with.
pub const PREFIX: &str = "dtn_secret_";

/// Bytes that one request may grow by: placeholders are short, values are not.
const MOST_GROWTH: usize = 256 << 10;

/// Characters of a value that are encoded in a URL. Colons are part of some services' tokens and mean nothing in a path or query.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b':');
const FULLY_ENCODED: &AsciiSet = &ENCODED.add(b':');

/// The shortest value that is looked for in answers: others are part of much that has nothing to do with them.
const SHORTEST_HIDDEN: usize = 6;

/// Headers that say how a request travels.
const NEVER: [HeaderName; 6] =
    [header::HOST, header::CONNECTION, header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::UPGRADE, header::TE];

/// A secret that a sandbox has mounted.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret {
    /// Its name, for errors.
    pub name: String,
    /// What the sandbox has instead of the value.
    pub placeholder: String,
    /// The value.
    pub value: String,
    /// Whom it may be sent to; everybody when empty.
    pub hosts: Domains,
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secret").field("name", &self.name).finish_non_exhaustive()
    }
}

/// All secrets of a sandbox.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Secrets(Vec<Secret>);

/// Why a request with placeholders is not sent.
#[derive(Debug, PartialEq, Eq)]
pub enum Unfit {
    /// The value of the secret with this name cannot be part of a header.
    NoHeader(String),
    /// The request would become too large.
    TooLarge,
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoHeader(name) => {
                write!(
                    f,
                    "the value of secret {name} has line breaks or control characters, so it cannot be in a header"
                )
            }
            Self::TooLarge => write!(f, "the request's secrets are larger than {} KiB together", MOST_GROWTH >> 10),
        }
    }
}

impl Secrets {
    /// These.
    pub fn new(secrets: Vec<Secret>) -> Self {
        Self(secrets)
    }

    /// Whether any may be sent to a host: a name in lower case, without a dot at its end.
    pub fn are_for(&self, host: &str) -> bool {
        self.0.iter().any(|secret| secret.is_for(host))
    }

    /// Puts those in that may be sent to the host.
    ///
    /// # Errors
    /// Nothing of the request may be sent then.
    pub fn put_in(&self, host: &str, request: &mut request::Parts) -> Result<(), Unfit> {
        // Its answer would be the request.
        if request.method == Method::TRACE {
            return Ok(());
        }
        let mut putting = Putting { secrets: self.0.iter().filter(|secret| secret.is_for(host)).collect(), grown: 0 };
        putting.headers(&mut request.headers)?;
        putting.uri(&mut request.uri)
    }

    /// Puts placeholders back where the headers of the host's answer repeat values, as a redirect repeats the URL. Answers
    /// whether they did.
    pub fn take_out(&self, host: &str, headers: &mut HeaderMap) -> bool {
        let mut found = false;
        for secret in self.0.iter().filter(|secret| secret.is_for(host) && secret.value.len() >= SHORTEST_HIDDEN) {
            let forms = [
                secret.value.clone(),
                utf8_percent_encode(&secret.value, ENCODED).to_string(),
                utf8_percent_encode(&secret.value, FULLY_ENCODED).to_string(),
            ];
            for (name, value) in headers.iter_mut().filter(|(name, _)| !NEVER.contains(name)) {
                for form in &forms {
                    let Some(hidden) = replace(value.as_bytes(), form.as_bytes(), secret.placeholder.as_bytes()) else {
                        continue;
                    };
                    tracing::debug!(header = name.as_str(), secret = secret.name, "an answer repeats a secret");
                    *value = HeaderValue::from_bytes(&hidden).unwrap_or(HeaderValue::from_static(""));
                    found = true;
                }
            }
        }
        found
    }
}

/// A text with something in it replaced by something else; `None` where it is not in there.
fn replace(text: &[u8], from: &[u8], to: &[u8]) -> Option<Vec<u8>> {
    let mut rest = 0;
    let mut replaced = None::<Vec<u8>>;
    for place in memmem::find_iter(text, from) {
        let replaced = replaced.get_or_insert_default();
        replaced.extend_from_slice(&text[rest..place]);
        replaced.extend_from_slice(to);
        rest = place + from.len();
    }
    let mut replaced = replaced?;
    replaced.extend_from_slice(&text[rest..]);
    Some(replaced)
}

impl Secret {
    fn is_for(&self, host: &str) -> bool {
        self.hosts.is_empty() || self.hosts.contain(host)
    }
}

struct Putting<'a> {
    secrets: Vec<&'a Secret>,
    grown: usize,
}

impl Putting<'_> {
    fn headers(&mut self, headers: &mut HeaderMap) -> Result<(), Unfit> {
        for (name, value) in headers {
            if NEVER.contains(name) {
                continue;
            }
            let is_login = *name == header::AUTHORIZATION || *name == header::PROXY_AUTHORIZATION;
            if is_login && let Some(put) = self.basic(value)? {
                *value = put;
            } else if let Some(put) = self.replaced(value.as_bytes(), str::to_owned)? {
                *value = HeaderValue::from_bytes(&put).map_err(|_| self.no_header(value))?;
                value.set_sensitive(true);
            }
        }
        Ok(())
    }

    /// A login by name and password with what they encode replaced; `None` where there is nothing to replace.
    fn basic(&mut self, value: &HeaderValue) -> Result<Option<HeaderValue>, Unfit> {
        let bytes = value.as_bytes();
        let Some((scheme, encoded)) = bytes.split_at_checked(6) else { return Ok(None) };
        let Ok(login) = STANDARD.decode(encoded.trim_ascii()) else { return Ok(None) };
        if !scheme.eq_ignore_ascii_case(b"basic ") {
            return Ok(None);
        }
        let Some(put) = self.replaced(&login, str::to_owned)? else { return Ok(None) };
        let mut put = HeaderValue::from_str(&format!("Basic {}", STANDARD.encode(put))).expect("base64 is plain text");
        put.set_sensitive(true);
        Ok(Some(put))
    }

    fn uri(&mut self, uri: &mut Uri) -> Result<(), Unfit> {
        let Some(path) = uri.path_and_query() else { return Ok(()) };
        let encode = |value: &str| utf8_percent_encode(value, ENCODED).to_string();
        let Some(put) = self.replaced(path.as_str().as_bytes(), encode)? else { return Ok(()) };
        let mut parts = std::mem::take(uri).into_parts();
        parts.path_and_query = Some(PathAndQuery::from_maybe_shared(put).map_err(|_| Unfit::TooLarge)?);
        *uri = Uri::from_parts(parts).map_err(|_| Unfit::TooLarge)?;
        Ok(())
    }

    /// `None` where no placeholder is in the text.
    fn replaced(&mut self, text: &[u8], write: impl Fn(&str) -> String) -> Result<Option<Vec<u8>>, Unfit> {
        let mut put = None::<Vec<u8>>;
        for secret in &self.secrets {
            let before = put.as_deref().unwrap_or(text);
            let places = memmem::find_iter(before, secret.placeholder.as_bytes()).count();
            if places == 0 {
                continue;
            }
            let value = write(&secret.value);
            self.grown = self.grown.saturating_add(value.len().saturating_mul(places));
            if self.grown > MOST_GROWTH {
                return Err(Unfit::TooLarge);
            }
            put = replace(before, secret.placeholder.as_bytes(), value.as_bytes());
        }
        Ok(put)
    }

    /// The error that names the secret whose value is at fault.
    fn no_header(&self, value: &HeaderValue) -> Unfit {
        let is_in = |secret: &&&Secret| memmem::find(value.as_bytes(), secret.placeholder.as_bytes()).is_some();
        let is_at_fault = |secret: &&&Secret| HeaderValue::from_str(&secret.value).is_err();
        let named = self.secrets.iter().filter(is_in).find(is_at_fault);
        Unfit::NoHeader(named.map_or_else(String::new, |secret| secret.name.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets() -> Secrets {
        let secret = |name: &str, value: &str, hosts: &str| Secret {
            name: name.to_owned(),
            placeholder: format!("{PREFIX}{name}"),
            value: value.to_owned(),
            hosts: Domains::of(hosts),
        };
        Secrets::new(vec![
            secret("key", "s3cr:et/&", "api.example,*.wild.example"),
            secret("any", "everywhere", ""),
            secret("lines", "a\nb", "api.example"),
            secret("large", &"x".repeat(60 << 10), "api.example"),
        ])
    }

    fn put(host: &str, uri: &str, headers: &[(&str, &str)]) -> Result<(String, Vec<String>), Unfit> {
        let mut request = http::Request::builder().uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut parts = request.body(()).unwrap().into_parts().0;
        secrets().put_in(host, &mut parts)?;
        let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        Ok((parts.uri.to_string(), parts.headers.values().map(text).collect()))
    }

    #[test]
    fn placeholders_are_replaced_where_credentials_stand() {
        let login = format!("basic {}", STANDARD.encode("me:dtn_secret_key"));
        let headers = [
            ("x-api-key", "dtn_secret_key"),
            ("authorization", "Bearer dtn_secret_key"),
            ("proxy-authorization", login.as_str()),
            ("cookie", "a=dtn_secret_key; b=dtn_secret_any"),
        ];
        let (uri, values) = put("api.example", "/dtn_secret_key?k=dtn_secret_key", &headers).unwrap();
        assert_eq!(uri, "/s3cr:et%2F%26?k=s3cr:et%2F%26");
        let login = format!("Basic {}", STANDARD.encode("me:s3cr:et/&"));
        assert_eq!(values, ["s3cr:et/&", "Bearer s3cr:et/&", &login, "a=s3cr:et/&; b=everywhere"]);
        assert_eq!(put("a.wild.example", "/", &headers[..1]).unwrap().1, ["s3cr:et/&"]);
    }

    #[test]
    fn others_are_sent_the_placeholder() {
        let headers = [("x-api-key", "dtn_secret_key dtn_secret_any"), ("host", "dtn_secret_any")];
        for host in ["other.example", "wild.example", "api.example.evil.example"] {
            let (uri, values) = put(host, "/dtn_secret_key", &headers).unwrap();
            assert_eq!(
                (uri.as_str(), &values[0]),
                ("/dtn_secret_key", &"dtn_secret_key everywhere".to_owned()),
                "{host}"
            );
            assert_eq!(values[1], "dtn_secret_any", "how a request travels is not changed");
        }
        assert!(secrets().are_for("other.example"), "one may be sent to everybody");
    }

    #[test]
    fn what_cannot_be_put_in_is_told_without_the_value() {
        let error = put("api.example", "/", &[("x-api-key", "dtn_secret_lines")]).unwrap_err();
        assert!(error.to_string().contains("secret lines") && !error.to_string().contains("a\n"), "{error}");
        let many = "dtn_secret_large ".repeat(5);
        assert_eq!(put("api.example", "/", &[("x-api-key", many.as_str())]).unwrap_err(), Unfit::TooLarge);
        let shown = format!("{:?}", secrets());
        assert!(shown.contains("key") && !shown.contains("s3cr"), "{shown}");
    }

    #[test]
    fn an_answers_headers_have_placeholders() {
        let mut headers = HeaderMap::new();
        let value = |text: &'static str| HeaderValue::from_static(text);
        headers.insert(header::LOCATION, value("https://api.example/s3cr:et%2F%26?k=s3cr%3Aet%2F%26&x=1"));
        headers.insert("x-request-id", value("s3cr:et/&"));
        headers.insert("x-other", value("else"));
        assert!(!secrets().take_out("other.example", &mut headers), "it was not sent there");
        assert!(secrets().take_out("api.example", &mut headers));
        assert_eq!(headers[header::LOCATION], "https://api.example/dtn_secret_key?k=dtn_secret_key&x=1");
        assert_eq!((&headers["x-request-id"], &headers["x-other"]), (&value("dtn_secret_key"), &value("else")));
        assert!(!secrets().take_out("api.example", &mut headers));
    }

    #[test]
    fn a_request_that_is_answered_with_itself_keeps_its_placeholders() {
        let request = http::Request::builder().method(Method::TRACE).header("x-api-key", "dtn_secret_key");
        let mut parts = request.body(()).unwrap().into_parts().0;
        secrets().put_in("api.example", &mut parts).unwrap();
        assert_eq!(parts.headers["x-api-key"], "dtn_secret_key");
    }
}
