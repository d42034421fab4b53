//! Other libraries' errors in words that help: what is wrong, and what to do about it.

use std::error::Error as StdError;
use std::io;

use super::{Error, ErrorKind};
use crate::words::plain;

/// The parser's text without the place: nobody sees the JSON.
fn without_place(text: &str) -> String {
    text.rsplit_once(" at line ").map_or(text, |(before, _)| before).to_owned()
}

/// Says what is wrong with a JSON value: `it must be a string, not 5`.
pub fn json(error: &serde_json::Error) -> String {
    let text = without_place(&error.to_string());
    for kind in ["invalid type: ", "invalid value: ", "invalid length "] {
        if let Some((found, expected)) = text.strip_prefix(kind).and_then(|rest| rest.split_once(", expected ")) {
            return format!("it must be {}, not {}", wanted(expected), given(found));
        }
    }
    if let Some(field) = text.strip_prefix("missing field ") {
        return format!("it lacks {}", field.replace('`', "\""));
    }
    if error.is_eof() {
        return "it ends too early".to_owned();
    }
    if error.is_syntax() {
        return "it is not JSON".to_owned();
    }
    text
}

/// A type that was expected, as people call it.
fn wanted(expected: &str) -> &str {
    match expected {
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number, 0 or more",
        "f32" | "f64" => "a number",
        "a sequence" => "a list",
        "a map" => "an object",
        other if other.starts_with("struct ") || other.starts_with("enum ") => "an object",
        other => other,
    }
}

/// A value that was found instead.
fn given(found: &str) -> String {
    match found {
        "map" => "an object".to_owned(),
        "sequence" => "a list".to_owned(),
        "unit value" => "null".to_owned(),
        found => ["integer ", "floating point ", "string ", "boolean ", "character "]
            .iter()
            .find_map(|kind| found.strip_prefix(kind))
            .unwrap_or(found)
            .replace('`', ""),
    }
}

/// A connection that could not be made or that broke. `place` is host and port, `via` the proxy.
pub(crate) fn connection(place: &str, via: Option<&str>, connecting: bool, error: &(dyn StdError + 'static)) -> Error {
    let through = via.map(|proxy| format!(" through the proxy {proxy}")).unwrap_or_default();
    let why = reason(error);
    let message = if connecting || why.wrong_protocol {
        format!("Cannot connect to {place}{through}: {}.", why.what)
    } else {
        format!("The connection to {place}{through} broke: {}.", why.what)
    };
    let error = Error::new(ErrorKind::Connection, message);
    match why.advice {
        Some(advice) if connecting || why.wrong_protocol => error.and(advice),
        _ => error,
    }
}

struct Reason {
    what: String,
    advice: Option<&'static str>,
    /// Something else than what was expected is spoken there.
    wrong_protocol: bool,
}

fn reason(error: &(dyn StdError + 'static)) -> Reason {
    let mut causes: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(cause) = next {
        if let Some(tls) = find_tls(cause) {
            return tls_reason(tls);
        }
        if let Some(http) = cause.downcast_ref::<hyper::Error>()
            && http.is_incomplete_message()
        {
            let what = "the other side closed it before it answered".to_owned();
            return Reason { what, advice: None, wrong_protocol: false };
        }
        if let Some(http) = cause.downcast_ref::<hyper::Error>()
            && http.is_parse()
        {
            return Reason {
                what: "what answers there does not speak HTTP".to_owned(),
                advice: Some("Does its URL have to begin with https://?"),
                wrong_protocol: true,
            };
        }
        let text = plain(&cause.to_string());
        // Wrappers tend to repeat the text of what they wrap.
        if !causes.iter().any(|known| known.contains(&text)) {
            causes.push(text);
        }
        if let Some(io) = cause.downcast_ref::<io::Error>()
            && let Some(reason) = io_reason(io)
        {
            return reason;
        }
        next = cause.source();
    }
    let causes = causes.join(": ");
    if causes.contains("dns error") || causes.contains("lookup address") {
        let advice = Some("Check the host in DAYTONA_API_URL, and the network.");
        return Reason { what: "the name of the host is not known".to_owned(), advice, wrong_protocol: false };
    }
    Reason { what: causes, advice: None, wrong_protocol: false }
}

fn io_reason(error: &io::Error) -> Option<Reason> {
    if let Some(reason) = error.get_ref().and_then(|inner| io_reason(inner.downcast_ref()?)) {
        return Some(reason);
    }
    let (what, advice) = match error.kind() {
        io::ErrorKind::ConnectionRefused => (
            "nothing listens there (connection refused)",
            Some(
                "Check that the server runs and that DAYTONA_API_URL is right; DAYTONA_API_URL=local starts an engine on this machine.",
            ),
        ),
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionAborted => {
            ("the other side closed it", None)
        }
        io::ErrorKind::UnexpectedEof => ("the other side closed it early", None),
        io::ErrorKind::TimedOut => ("there was no answer", Some("Check the network and its proxy (HTTPS_PROXY).")),
        io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable => {
            ("there is no way to it in the network", Some("Check the network and its proxy (HTTPS_PROXY)."))
        }
        _ => return None,
    };
    Some(Reason { what: what.to_owned(), advice, wrong_protocol: false })
}

fn find_tls<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a rustls::Error> {
    // I/O errors wrap one another on the way up, without being each other's source.
    let inside = || find_tls(error.downcast_ref::<io::Error>()?.get_ref()?);
    error.downcast_ref().or_else(inside)
}

fn tls_reason(error: &rustls::Error) -> Reason {
    use rustls::CertificateError as Certificate;

    let reason = |what: &str, advice| Reason { what: what.to_owned(), advice: Some(advice), wrong_protocol: false };
    match error {
        rustls::Error::InvalidMessage(_) => {
            reason("what answers there does not speak TLS", "Does its URL have to begin with http://?")
        }
        rustls::Error::InvalidCertificate(certificate) => match certificate {
            Certificate::UnknownIssuer => reason(
                "its certificate is from an authority that is not trusted",
                "Give the authority's certificate as the client's CA certificate, or in SSL_CERT_FILE.",
            ),
            Certificate::Expired | Certificate::ExpiredContext { .. } => {
                reason("its certificate has expired", "Check the clock of this machine, or renew the certificate.")
            }
            Certificate::NotValidForName | Certificate::NotValidForNameContext { .. } => {
                reason("its certificate is for another host", "Use the name in the certificate in DAYTONA_API_URL.")
            }
            other => reason(&format!("its certificate is not accepted ({other})"), "Check the server's certificate."),
        },
        other => reason(&format!("TLS failed ({other})"), "Check the server's TLS settings."),
    }
}

/// The title of an HTML page, if it is one.
pub(crate) fn html(body: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(&body[..body.len().min(16 * 1024)]);
    let start = text.trim_start().get(..text.trim_start().len().min(15)).unwrap_or_default().to_ascii_lowercase();
    if !start.starts_with("<!doctype html") && !start.starts_with("<html") {
        return None;
    }
    let lower = text.to_ascii_lowercase();
    let title = lower.find("<title").and_then(|tag| Some(tag + lower[tag..].find('>')? + 1)).and_then(|begin| {
        let end = begin + lower[begin..].find("</title")?;
        Some(text[begin..end].split_whitespace().collect::<Vec<_>>().join(" "))
    });
    Some(title.unwrap_or_default().chars().take(100).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused<T: serde::de::DeserializeOwned>(text: &str) -> String {
        json(&serde_json::from_str::<T>(text).err().unwrap())
    }

    #[test]
    fn json_is_judged_without_words_of_its_parser() {
        assert_eq!(refused::<String>("5"), "it must be a string, not 5");
        assert_eq!(refused::<i64>("\"x\""), "it must be a whole number, not \"x\"");
        assert_eq!(refused::<Vec<String>>("{\"a\": 1}"), "it must be a list, not an object");
        assert_eq!(refused::<f64>("null"), "it must be a number, not null");
        assert_eq!(refused::<String>("<html>"), "it is not JSON");
        assert_eq!(refused::<String>("\"a"), "it ends too early");
    }

    #[test]
    fn a_page_is_told_by_its_title() {
        assert_eq!(html(b"\n<!DOCTYPE html><html><head><TITLE lang=en>Sign\n in</TITLE>"), Some("Sign in".to_owned()));
        assert_eq!(html(b"<html>"), Some(String::new()));
        assert_eq!(html(b"{}"), None);
    }
}
