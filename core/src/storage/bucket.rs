//! The few requests to an object storage that an upload needs.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use time::OffsetDateTime;
use url::Url;

use super::signature::{UNSIGNED, sign};
use crate::client::Client;
use crate::error::{Error, ErrorKind, Result};
use crate::model::PushAccessCredentials;
use crate::travel::http::{Attempt, Body, Outgoing, Response, segment, shown};
use crate::travel::retry::{self, Failure};

/// A bucket, reached with short-lived credentials.
#[derive(Clone)]
pub(super) struct Bucket {
    client: Client,
    access: PushAccessCredentials,
    url: Url,
}

/// An answer that was taken into memory.
struct Answer {
    headers: HeaderMap,
    body: Bytes,
}

impl Bucket {
    pub(super) fn new(client: &Client, access: PushAccessCredentials) -> Result<Self> {
        let url = access.bucket_url()?;
        Ok(Self { client: client.clone(), access, url })
    }

    /// Whether there is an object of this name. Who may not look takes it for missing.
    pub(super) async fn has(&self, key: &str) -> Result<bool> {
        match self.request(Method::HEAD, key, &[], Bytes::new()).await {
            Ok(_) => Ok(true),
            Err(error) if error.is_not_found() || error.kind() == ErrorKind::Authorization => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Stores an object.
    pub(super) async fn put(&self, key: &str, content: Bytes) -> Result<()> {
        self.request(Method::PUT, key, &[], content).await.map(drop)
    }

    /// Begins an object of several parts, and returns the id of the upload.
    pub(super) async fn begin(&self, key: &str) -> Result<String> {
        let answer = self.request(Method::POST, key, &[("uploads", String::new())], Bytes::new()).await?;
        let text = String::from_utf8_lossy(&answer.body);
        element(&text, "UploadId").map(str::to_owned).ok_or_else(|| unexpected("began no upload"))
    }

    /// Stores a part, and returns its tag. Parts are numbered from 1.
    pub(super) async fn put_part(&self, key: &str, upload: &str, number: usize, content: Bytes) -> Result<String> {
        let query = [("partNumber", number.to_string()), ("uploadId", upload.to_owned())];
        let answer = self.request(Method::PUT, key, &query, content).await?;
        let tag = answer.headers.get(header::ETAG).and_then(|tag| tag.to_str().ok());
        tag.map(str::to_owned).ok_or_else(|| unexpected("gave no tag for a part"))
    }

    /// Makes one object of the parts.
    pub(super) async fn complete(&self, key: &str, upload: &str, tags: &[String]) -> Result<()> {
        let mut body = "<CompleteMultipartUpload>".to_owned();
        for (index, tag) in tags.iter().enumerate() {
            let tag = tag.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;");
            body.push_str(&format!("<Part><PartNumber>{}</PartNumber><ETag>{tag}</ETag></Part>", index + 1));
        }
        body.push_str("</CompleteMultipartUpload>");
        let answer = self.request(Method::POST, key, &[("uploadId", upload.to_owned())], body.into()).await?;
        // This request may fail after its status was sent.
        let text = String::from_utf8_lossy(&answer.body);
        match element(&text, "Code") {
            Some(code) if text.contains("<Error>") => Err(refused(StatusCode::OK, code, &text)),
            _ => Ok(()),
        }
    }

    /// Gives up an object of several parts.
    pub(super) async fn abort(&self, key: &str, upload: &str) -> Result<()> {
        self.request(Method::DELETE, key, &[("uploadId", upload.to_owned())], Bytes::new()).await.map(drop)
    }

    /// Sends a request until it is answered. Each may be repeated: what it does twice, it does once.
    async fn request(
        &self,
        method: Method,
        key: &str,
        query: &[(&'static str, String)],
        body: Bytes,
    ) -> Result<Answer> {
        let mut url = self.url.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.extend(key.split('/'));
        }
        let mut backoff = retry::backoff();
        let mut number = 0;
        loop {
            number += 1;
            let named = shown(&url, None);
            let attempt = Attempt::begin(&method, &named, number);
            let request = self.signed(&method, &url, query, body.clone())?;
            let (failure, error) = match self.client.http().send(request).await {
                Ok(response) => {
                    attempt.answered(response.status(), response.headers());
                    match answer(response).await {
                        Ok(answer) => return Ok(answer),
                        Err(error) => (Failure::Answered, error),
                    }
                }
                Err(failure) => {
                    let error = failure.error();
                    attempt.failed(&error);
                    (Failure::NotSent, error)
                }
            };
            let error = error.in_request(&method, &named).context("The object storage");
            let overloaded = error.status().is_some_and(|status| status >= 500);
            let failure = if overloaded { Failure::NotSent } else { failure };
            let Some(wait) = retry::delay(&method, failure, &error, number, true, &mut backoff) else {
                return Err(error);
            };
            tokio::time::sleep(wait).await;
        }
    }

    fn signed(&self, method: &Method, url: &Url, query: &[(&'static str, String)], body: Bytes) -> Result<Outgoing> {
        let signed = sign(&self.access, method, url, query, OffsetDateTime::now_utc());
        let mut url = url.clone();
        if !query.is_empty() {
            // Written as it was signed.
            let query: Vec<_> = query.iter().map(|(name, value)| format!("{name}={}", segment(value))).collect();
            url.set_query(Some(&query.join("&")));
        }
        let mut request = Outgoing::new(method.clone(), url);
        let mut set = |name: &'static str, value: &str, secret: bool| -> Result<()> {
            let mut value = HeaderValue::from_str(value)
                .map_err(|_| unexpected("gave credentials with characters that no header can carry"))?;
            value.set_sensitive(secret);
            request.headers.insert(HeaderName::from_static(name), value);
            Ok(())
        };
        set("authorization", &signed.authorization, true)?;
        set("x-amz-date", &signed.date, false)?;
        set("x-amz-content-sha256", UNSIGNED, false)?;
        if !self.access.session_token.is_empty() {
            set("x-amz-security-token", &self.access.session_token, true)?;
        }
        if *method == Method::PUT {
            set("content-type", "application/x-tar", false)?;
        }
        request.body = Body::Whole(body);
        Ok(request)
    }
}

async fn answer(response: Response) -> Result<Answer> {
    let (status, headers) = (response.status(), response.headers().clone());
    let body = response.whole().await?;
    if status.is_success() {
        return Ok(Answer { headers, body });
    }
    let text = String::from_utf8_lossy(&body);
    Err(refused(status, element(&text, "Code").unwrap_or_default(), &text))
}

/// The error for a refusal, whose reason is XML.
fn refused(status: StatusCode, code: &str, text: &str) -> Error {
    let message = element(text, "Message").unwrap_or_default();
    let why = match (code, message) {
        ("", "") => format!("it answered {status}"),
        (code, "") => code.to_owned(),
        ("", message) => message.to_owned(),
        (code, message) => format!("{message} ({code})"),
    };
    let body = serde_json::json!({ "message": why, "code": code }).to_string();
    Error::from_response(status.as_u16(), &HeaderMap::new(), body.as_bytes())
}

fn unexpected(what: &str) -> Error {
    Error::new(ErrorKind::Unknown, format!("The object storage {what}."))
}

/// The text of the first element of this name.
fn element<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    rest.split_once(&format!("</{name}>")).map(|(inner, _)| inner)
}
