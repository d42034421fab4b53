//! The operations: which one a request asks for, and what it does. Names and answers are those of S3's public reference.

use std::fmt::Display;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use percent_encoding::percent_decode_str;
use time::OffsetDateTime;
use time::macros::format_description;
use uuid::Uuid;

use super::bodies::{self, Arrived, Left};
use super::conditions::{Conditions, Replacing, Verdict};
use super::copying;
use super::documents::{self, Element};
use super::failures::{Failure, Outcome};
use super::grants::{Grant, Key, Prefix};
use super::index::{Headers, Object};
use super::segments::{self, Reading, Segment};
use super::signatures::{self, Payload, Query, Signed};
use super::{BUCKET, REGION, Storage};
use crate::accounts::quota;
use crate::clock;
use crate::engine::Engine;

/// The largest XML body, in bytes: ten thousand parts with their checksums.
const MAX_DOCUMENT: usize = 4 << 20;

/// The most entries of a list, and of a request to delete.
pub(super) const MAX_ENTRIES: usize = 1000;

/// The most bytes of what a client says about an object.
const MAX_METADATA: usize = 2 << 10;

/// How much is read from the disk at once, in bytes.
const READ_BYTES: usize = 256 << 10;

const METADATA: &str = "x-amz-meta-";

/// What is asked about objects and buckets beyond this storage.
const ELSEWHERE: [&str; 24] = [
    "accelerate",
    "acl",
    "analytics",
    "attributes",
    "cors",
    "encryption",
    "intelligent-tiering",
    "inventory",
    "legal-hold",
    "lifecycle",
    "logging",
    "metrics",
    "notification",
    "object-lock",
    "ownershipControls",
    "policy",
    "publicAccessBlock",
    "replication",
    "requestPayment",
    "restore",
    "retention",
    "select",
    "tagging",
    "website",
];

/// Answers every request below the bucket.
pub async fn serve(State(engine): State<Arc<Engine>>, request: Request<Body>) -> Response {
    let (parts, body) = request.into_parts();
    let is_head = parts.method == Method::HEAD;
    let mut response = carry_out(&engine, &parts, body).await.unwrap_or_else(Failure::into_response);
    if is_head && !response.status().is_success() {
        *response.body_mut() = Body::empty();
    }
    let id = Uuid::new_v4().simple().to_string();
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert("x-amz-request-id", id);
    }
    response
}

async fn carry_out(engine: &Arc<Engine>, parts: &Parts, body: Body) -> Outcome<Response> {
    let query = Query::read(parts.uri.query());
    let signed = signatures::verify(&engine.storage.issuer, parts, &query)?;
    engine.activity.count_connection(&parts.extensions);
    let path = percent_decode_str(parts.uri.path()).decode_utf8();
    let path = path.map_err(|_| Failure::bad_request("InvalidURI", "The path is not UTF-8"))?;
    let (bucket, name) = path.trim_start_matches('/').split_once('/').unwrap_or((path.trim_start_matches('/'), ""));
    let call = Call { engine: Arc::clone(engine), parts, query: &query };
    if let Some(what) = ELSEWHERE.iter().find(|what| query.has(what)) {
        return Err(Failure::not_implemented(&format!("?{what}")));
    }
    match (bucket, name) {
        ("", _) => call.on_all(),
        (BUCKET, "") => call.on_bucket(signed, body).await,
        _ => {
            let key = signed.grant.key(name).ok_or_else(foreign)?;
            call.on_object(key, signed, body).await
        }
    }
}

pub(super) fn foreign() -> Failure {
    Failure::access_denied("The credentials are for names that begin with their organization's id and a slash")
}

fn method_not_allowed(method: &Method) -> Failure {
    Failure::not_implemented(&format!("{method} here"))
}

pub(super) struct Call<'a> {
    pub(super) engine: Arc<Engine>,
    pub(super) parts: &'a Parts,
    pub(super) query: &'a Query,
}

impl Call<'_> {
    /// Does what waits for the disk where that holds nobody up.
    pub(super) async fn stored<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Storage) -> anyhow::Result<T> + Send + 'static,
    ) -> Outcome<T> {
        let engine = Arc::clone(&self.engine);
        let done = tokio::task::spawn_blocking(move || work(&engine.storage)).await;
        Ok(done.map_err(|error| Failure::internal(&error))??)
    }

    pub(super) async fn discard(&self, segments: Vec<Segment>) {
        let directory = self.engine.storage.segments.clone();
        let _ = tokio::task::spawn_blocking(move || segments::remove(&directory, &segments)).await;
    }

    fn on_all(&self) -> Outcome<Response> {
        if self.parts.method != Method::GET {
            return Err(method_not_allowed(&self.parts.method));
        }
        let mut document = Element::new("ListAllMyBucketsResult");
        document.group("Buckets", |buckets| {
            buckets.group("Bucket", |bucket| {
                bucket.text("Name", BUCKET).text("CreationDate", &self.engine.started_at);
            });
        });
        Ok(xml(document))
    }

    async fn on_bucket(&self, signed: Signed, body: Body) -> Outcome<Response> {
        match (&self.parts.method, self.query) {
            (&Method::HEAD, _) => Ok(([("x-amz-bucket-region", REGION)], "").into_response()),
            (&Method::GET, query) if query.has("location") => Ok(xml(Element::new("LocationConstraint"))),
            (&Method::GET, query) if query.has("versioning") => Ok(xml(Element::new("VersioningConfiguration"))),
            (&Method::GET, query) if query.has("versions") => Err(Failure::not_implemented("?versions")),
            (&Method::GET, query) if query.has("uploads") => self.list_uploads(&signed.grant).await,
            (&Method::GET, _) => self.list(&signed.grant).await,
            (&Method::POST, query) if query.has("delete") => {
                let grant = signed.grant.clone();
                self.delete_all(&grant, document(signed, &self.parts.headers, body).await?).await
            }
            (&Method::PUT, _) => Err(Failure::bucket_exists()),
            (method, _) => Err(method_not_allowed(method)),
        }
    }

    async fn on_object(&self, key: Key, signed: Signed, body: Body) -> Outcome<Response> {
        let is_copy = self.parts.headers.contains_key(copying::SOURCE);
        match (&self.parts.method, self.query.get("uploadId")) {
            (&Method::PUT, Some(id)) if is_copy => self.copy_part(id, key, signed).await,
            (&Method::PUT, None) if is_copy => self.copy(key, signed).await,
            (&Method::GET, Some(id)) => self.list_parts(id, key).await,
            (&Method::PUT, Some(id)) => self.put_part(id, key, signed, body).await,
            (&Method::DELETE, Some(id)) => self.abort(id, key).await,
            (&Method::POST, Some(id)) => {
                self.complete(id, key, document(signed, &self.parts.headers, body).await?).await
            }
            (&Method::GET | &Method::HEAD, None) => self.get(key).await,
            (&Method::PUT, None) => self.put(key, signed, body).await,
            (&Method::DELETE, None) => self.delete(key).await,
            (&Method::POST, None) if self.query.has("uploads") => self.begin(key).await,
            (method, _) => Err(method_not_allowed(method)),
        }
    }

    /// The bytes that the organization of an object may have.
    pub(super) fn quota(&self, grant: &Grant) -> Outcome<u64> {
        let organization = quota::active(&self.engine, grant.organization_id());
        let organization = organization.map_err(|error| Failure::access_denied(error.message))?;
        Ok(u64::try_from(quota::of(&organization, "objectStorageQuota")).unwrap_or(0).saturating_mul(1 << 30))
    }

    pub(super) async fn receive(&self, key: &Key, most: u64, signed: Signed, body: Body) -> Outcome<Arrived> {
        let directory = self.engine.storage.segments.clone();
        let owned = key.clone();
        let used = self.stored(move |storage| storage.index.bytes(&owned)).await?;
        let left = Left { bytes: most.saturating_sub(used), of: most };
        bodies::receive(directory, &self.parts.headers, &signed.payload, signed.chain, left, body).await
    }

    async fn put(&self, key: Key, signed: Signed, body: Body) -> Outcome<Response> {
        let headers = headers_of(&self.parts.headers)?;
        let replacing = Replacing::read(&self.parts.headers)?;
        let most = self.quota(&signed.grant)?;
        if replacing != Replacing::Anything {
            // Before the body is received, and again when it is there.
            let named = key.clone();
            replacing.check(self.stored(move |storage| storage.index.object(&named)).await?.as_ref())?;
        }
        let Arrived { segment, etag } = self.receive(&key, most, signed, body).await?;
        let quoted = quoted(&etag);
        let object = Object { size: segment.size, etag, modified: now(), headers, segments: vec![segment.clone()] };
        match self.stored(move |storage| storage.index.put_if(&key, &object, most, &replacing)).await {
            Ok(replaced) => self.discard(replaced.map(|object| object.segments).unwrap_or_default()).await,
            Err(failure) => {
                self.discard(vec![segment]).await;
                return Err(failure);
            }
        }
        Ok(([(header::ETAG, quoted)], "").into_response())
    }

    async fn get(&self, key: Key) -> Outcome<Response> {
        let found = self.stored(move |storage| {
            storage.index.note_use(key.name())?;
            storage.index.object(&key)
        });
        let found = found.await?;
        let object = found.ok_or_else(|| Failure::not_found("NoSuchKey", "There is no such object"))?;
        let verdict = Conditions::read(&self.parts.headers, "").judge(&object);
        if verdict == Verdict::Fail {
            return Err(Failure::precondition_failed());
        }
        let mut response = Response::new(Body::empty());
        let headers = response.headers_mut();
        let kind = object.headers.content_type.as_deref().unwrap_or("binary/octet-stream");
        let modified = http_date(object.modified);
        let etag = quoted(&object.etag);
        let named = [
            (header::CONTENT_TYPE, kind),
            (header::ETAG, &etag),
            (header::LAST_MODIFIED, &modified),
            (header::ACCEPT_RANGES, "bytes"),
        ];
        for (name, value) in named {
            headers.extend(HeaderValue::from_str(value).map(|value| (name, value)));
        }
        for (name, value) in &object.headers.metadata {
            let name = HeaderName::try_from(format!("{METADATA}{name}"));
            headers.extend(name.ok().zip(HeaderValue::from_str(value).ok()));
        }
        if verdict == Verdict::NotModified {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            return Ok(response);
        }
        let (mut offset, mut length) = (0, object.size);
        if let Some(range) = self.parts.headers.get(header::RANGE).and_then(|value| value.to_str().ok())
            && let Some((first, last)) = read_range(range, object.size)?
        {
            (offset, length) = (first, last - first + 1);
            let shown = format!("bytes {first}-{last}/{}", object.size);
            headers.extend(HeaderValue::from_str(&shown).map(|value| (header::CONTENT_RANGE, value)));
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        }
        response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        if self.parts.method == Method::GET {
            let reading = Reading::new(&self.engine.storage.segments, object.segments, offset, length);
            *response.body_mut() = streamed(reading);
        }
        Ok(response)
    }

    async fn delete(&self, key: Key) -> Outcome<Response> {
        let deleted = self.stored(move |storage| storage.index.delete(&key)).await?;
        self.discard(deleted.map(|object| object.segments).unwrap_or_default()).await;
        Ok(StatusCode::NO_CONTENT.into_response())
    }

    async fn delete_all(&self, grant: &Grant, request: Bytes) -> Outcome<Response> {
        let (names, quiet) = documents::deleted_keys(&request)?;
        if names.len() > MAX_ENTRIES {
            return Err(Failure::bad_request("MalformedXML", "At most 1000 objects are deleted at once"));
        }
        let mut answer = Element::new("DeleteResult");
        for name in names {
            let deleted = match grant.key(&name) {
                Some(key) => self.delete(key).await.is_ok(),
                None => {
                    answer.group("Error", |error| {
                        error
                            .text("Key", &name)
                            .text("Code", "AccessDenied")
                            .text("Message", "Not this organization's");
                    });
                    continue;
                }
            };
            if !deleted {
                answer.group("Error", |error| {
                    error.text("Key", &name).text("Code", "InternalError").text("Message", "Not deleted");
                });
            } else if !quiet {
                answer.group("Deleted", |entry| {
                    entry.text("Key", &name);
                });
            }
        }
        Ok(xml(answer))
    }

    pub(super) fn prefix(&self, grant: &Grant) -> Outcome<Prefix> {
        grant.listing(self.query.get("prefix").unwrap_or_default()).ok_or_else(foreign)
    }
}

/// Reads the small body of a request, and checks that it is the one that was signed.
async fn document(signed: Signed, headers: &HeaderMap, body: Body) -> Outcome<Bytes> {
    let body = Limited::new(body, MAX_DOCUMENT).collect().await;
    let body = body.map_err(|_| Failure::bad_request("IncompleteBody", "The body is too large or ended too early"))?;
    let body = body.to_bytes();
    match signed.payload {
        Payload::Hash(hash) if hash != signatures::hash(&body) => {
            Err(Failure::bad_request("XAmzContentSHA256Mismatch", "The body is not the one that was signed"))
        }
        Payload::Hash(_) | Payload::Unsigned => Ok(body),
        Payload::SignedChunks | Payload::UnsignedChunks => {
            let kind = headers.get("x-amz-content-sha256").and_then(|value| value.to_str().ok()).unwrap_or_default();
            Err(Failure::not_implemented(&format!("{kind} for documents")))
        }
    }
}

pub(super) fn headers_of(headers: &HeaderMap) -> Outcome<Headers> {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let mut made = Headers { content_type, ..Headers::default() };
    for (name, value) in headers {
        if let Some(name) = name.as_str().strip_prefix(METADATA) {
            let value =
                value.to_str().map_err(|_| Failure::bad_request("InvalidArgument", "Metadata must be ASCII"))?;
            made.metadata.insert(name.to_owned(), value.to_owned());
        }
    }
    let size: usize = made.metadata.iter().map(|(name, value)| name.len() + value.len()).sum();
    if size > MAX_METADATA {
        return Err(Failure::bad_request("MetadataTooLarge", "An object has at most 2048 bytes of metadata"));
    }
    Ok(made)
}

/// The first and the last byte of a range; `None` for what is none, which is ignored.
pub(super) fn read_range(range: &str, size: u64) -> Outcome<Option<(u64, u64)>> {
    let Some((first, last)) = range.strip_prefix("bytes=").and_then(|range| range.split_once('-')) else {
        return Ok(None);
    };
    let range = match (first.parse::<u64>(), last.parse::<u64>()) {
        (Ok(first), Ok(last)) if first > last => return Ok(None),
        (Ok(first), Ok(last)) => (first, last.min(size.saturating_sub(1))),
        (Ok(first), Err(_)) if last.is_empty() => (first, size.saturating_sub(1)),
        (Err(_), Ok(length)) if first.is_empty() && length > 0 => (size.saturating_sub(length), size.saturating_sub(1)),
        _ => return Ok(None),
    };
    if range.0 >= size { Err(Failure::invalid_range(size)) } else { Ok(Some(range)) }
}

/// The bytes of an object, read where that holds nobody up and no faster than they are taken.
fn streamed(mut reading: Reading) -> Body {
    use std::io::Read;
    let (pieces, arriving) = tokio::sync::mpsc::channel::<std::io::Result<Bytes>>(4);
    tokio::task::spawn_blocking(move || {
        loop {
            let mut piece = vec![0; READ_BYTES];
            let read = match reading.read(&mut piece) {
                Ok(0) => return,
                Ok(read) => {
                    piece.truncate(read);
                    Ok(piece.into())
                }
                Err(error) => Err(error),
            };
            let failed = read.is_err();
            if pieces.blocking_send(read).is_err() || failed {
                return;
            }
        }
    });
    Body::from_stream(futures_util::stream::unfold(arriving, async |mut arriving| {
        let piece = arriving.recv().await?;
        Some((piece, arriving))
    }))
}

pub(super) fn xml(document: Element) -> Response {
    ([(header::CONTENT_TYPE, "application/xml")], document.finish()).into_response()
}

pub(super) fn quoted(etag: impl Display) -> String {
    format!("\"{etag}\"")
}

pub(super) fn now() -> i64 {
    clock::millis(clock::now())
}

pub(super) fn iso(millis: i64) -> String {
    clock::iso(clock::from_millis(millis))
}

fn http_date(millis: i64) -> String {
    let format =
        format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT");
    let time: OffsetDateTime = clock::from_millis(millis);
    time.format(&format).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_http_says() {
        assert_eq!(read_range("bytes=0-4", 10).unwrap(), Some((0, 4)));
        assert_eq!(read_range("bytes=5-", 10).unwrap(), Some((5, 9)));
        assert_eq!(read_range("bytes=5-100", 10).unwrap(), Some((5, 9)));
        assert_eq!(read_range("bytes=-3", 10).unwrap(), Some((7, 9)));
        assert_eq!(read_range("bytes=-30", 10).unwrap(), Some((0, 9)));
        assert_eq!(read_range("lines=1-2", 10).unwrap(), None);
        assert_eq!(read_range("bytes=4-2", 10).unwrap(), None);
        assert!(read_range("bytes=10-", 10).is_err());
        assert!(read_range("bytes=0-0", 0).is_err());
    }

    #[test]
    fn times_are_written_as_http_does() {
        assert_eq!(http_date(784_111_777_000), "Sun, 06 Nov 1994 08:49:37 GMT");
    }
}
