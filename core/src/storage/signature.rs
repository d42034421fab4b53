//! Signatures of requests to an object storage: Amazon's version 4, over everything but the content, which TLS or the
//! loopback interface protects.

use std::fmt::Write as _;

use http::Method;
use ring::{digest, hmac};
use time::OffsetDateTime;
use url::Url;

use crate::model::PushAccessCredentials;
use crate::travel::http::segment;

pub(super) const UNSIGNED: &str = "UNSIGNED-PAYLOAD";

/// The headers of a signed request.
pub(super) struct Signed {
    pub(super) authorization: String,
    pub(super) date: String,
}

/// Signs a request with the headers `host`, `x-amz-content-sha256`, `x-amz-date` and, if there is a token,
/// `x-amz-security-token`. The query is in the order of its names.
pub(super) fn sign(
    access: &PushAccessCredentials,
    method: &Method,
    url: &Url,
    query: &[(&str, String)],
    now: OffsetDateTime,
) -> Signed {
    let date = format!(
        "{:04}{:02}{:02}T{:02}{:02}{:02}Z",
        now.year(),
        u8::from(now.month()),
        now.day(),
        now.hour(),
        now.minute(),
        now.second()
    );
    let day = &date[..8];
    let scope = format!("{day}/{}/s3/aws4_request", access.region());
    let query: Vec<_> = query.iter().map(|(name, value)| format!("{}={}", segment(name), segment(value))).collect();
    let mut headers = format!("host:{}\nx-amz-content-sha256:{UNSIGNED}\nx-amz-date:{date}\n", host(url));
    let mut names = "host;x-amz-content-sha256;x-amz-date".to_owned();
    if !access.session_token.is_empty() {
        let _ = writeln!(headers, "x-amz-security-token:{}", access.session_token);
        names.push_str(";x-amz-security-token");
    }
    let request = format!("{method}\n{}\n{}\n{headers}\n{names}\n{UNSIGNED}", url.path(), query.join("&"));
    let digest = hex(digest::digest(&digest::SHA256, request.as_bytes()).as_ref());
    let text = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{digest}");
    let region = access.region();
    let mut key = format!("AWS4{}", access.secret).into_bytes();
    for part in [day, &region, "s3", "aws4_request"] {
        key = mac(&key, part);
    }
    let signature = hex(&mac(&key, &text));
    Signed {
        authorization: format!(
            "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={names}, Signature={signature}",
            access.access_key
        ),
        date,
    }
}

/// The header `host` of a request to `url`.
pub(super) fn host(url: &Url) -> String {
    let name = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| name.to_owned(), |port| format!("{name}:{port}"))
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec()
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_signed_as_others_sign_it() {
        let access = PushAccessCredentials {
            access_key: "AKIAIOSFODNN7EXAMPLE".into(),
            secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".into(),
            session_token: "a/token+=".into(),
            storage_url: "http://127.0.0.1:9000".into(),
            bucket: "bucket".into(),
            region: Some("eu-west-1".into()),
            ..Default::default()
        };
        let url = Url::parse("http://127.0.0.1:9000/bucket/org/0123/context.tar").unwrap();
        let query = [("partNumber", "2".to_owned()), ("uploadId", "a b/c".to_owned())];
        let now = OffsetDateTime::from_unix_timestamp(1_369_353_600).unwrap();
        let signed = sign(&access, &Method::PUT, &url, &query, now);
        assert_eq!(signed.date, "20130524T000000Z");
        assert_eq!(
            signed.authorization,
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/eu-west-1/s3/aws4_request, \
             SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-security-token, \
             Signature=53e9b8e2ffb25837cf4b2022153e42892242aab5da1e0fa76373c587b0d54dad"
        );
    }
}
