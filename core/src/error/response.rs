//! The error that an HTTP response stands for.

use super::{Error, ErrorKind, wording};
use crate::travel::rate_limits;

impl Error {
    /// The error a response stands for: message, code and kind from the body and status (wire.md 2.1, 3.0, 7).
    pub fn from_response(status: u16, headers: &http::HeaderMap, body: &[u8]) -> Self {
        let json: Option<serde_json::Value> = serde_json::from_slice(body).ok();
        let text = |key: &str| json.as_ref()?.get(key)?.as_str().map(str::to_owned);
        let message = text("message")
            .or_else(|| text("error"))
            .or_else(|| {
                // bulk-upload reports a list (wire.md 3.2)
                let errors = json.as_ref()?.get("errors")?.as_array()?;
                Some(errors.iter().filter_map(|e| e.as_str()).collect::<Vec<_>>().join(", "))
            })
            .filter(|m| !m.is_empty())
            .unwrap_or_else(|| {
                let reason = http::StatusCode::from_u16(status).ok().and_then(|s| s.canonical_reason());
                let known = format!("HTTP {status} {}", reason.unwrap_or("")).trim_end().to_owned();
                let text = String::from_utf8_lossy(body);
                let text = text.trim();
                if let Some(title) = wording::html(body) {
                    format!("{known}: the answer is a web page{}", titled(&title))
                } else if text.is_empty() || json.is_some() {
                    known
                } else {
                    text.chars().take(2000).collect()
                }
            });
        let code = text("code").or_else(|| text("error_code"));
        let source = text("source");
        let kind = match (&source, &code) {
            (Some(source), Some(code)) => ErrorKind::from_code(source, code),
            _ => None,
        }
        .unwrap_or_else(|| ErrorKind::from_status(status));
        let mut error = Self::new(kind, message);
        let info = &mut error.0;
        info.status = Some(status);
        info.code = code;
        info.source = source;
        for (name, value) in headers {
            // A cookie is a credential; it has no place in an error.
            if name != http::header::SET_COOKIE {
                info.headers.insert(name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned());
            }
        }
        info.request_id = request_id(headers);
        info.rate_limits = rate_limits::read(headers);
        info.retry_after = rate_limits::retry_after(status, headers, &info.rate_limits);
        error
    }
}

/// The server's id of a request, from the headers of its response.
pub(crate) fn request_id(headers: &http::HeaderMap) -> Option<String> {
    let value =
        ["x-request-id", "x-daytona-request-id", "x-amzn-trace-id", "cf-ray"].iter().find_map(|n| headers.get(*n))?;
    Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
}

/// The title of a web page, as part of a sentence.
pub(crate) fn titled(title: &str) -> String {
    if title.is_empty() { String::new() } else { format!(" titled {title:?}") }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_code_selects_a_class_only_with_its_source() {
        let body =
            br#"{"statusCode":408,"message":"late","code":"PROCESS_EXECUTION_TIMEOUT","source":"DAYTONA_DAEMON"}"#;
        let error = Error::from_response(408, &http::HeaderMap::new(), body);
        assert_eq!(error.kind(), ErrorKind::ProcessExecutionTimeout);
        assert!(error.is_timeout());
        let body = br#"{"statusCode":404,"message":"no","code":"FILE_NOT_FOUND"}"#;
        assert_eq!(Error::from_response(404, &http::HeaderMap::new(), body).kind(), ErrorKind::NotFound);
    }

    #[test]
    fn the_specific_retry_after_wins() {
        let mut headers = http::HeaderMap::new();
        headers.insert("retry-after", "1".parse().unwrap());
        headers.insert("retry-after-sandbox-create", "7".parse().unwrap());
        let error = Error::from_response(429, &headers, b"");
        assert_eq!(error.info().retry_after, Some(Duration::from_secs(7)));
        assert!(error.info().retryable);
    }

    #[test]
    fn an_empty_body_still_says_what_happened() {
        let error = Error::from_response(404, &http::HeaderMap::new(), b"");
        assert_eq!(error.to_string(), "HTTP 404 Not Found");
    }
}
