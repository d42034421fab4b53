//! Objects and parts of uploads that are made from other objects.

use std::io::{self, Read, Write};

use axum::response::Response;
use http::HeaderMap;
use percent_encoding::percent_decode_str;

use super::conditions::{Conditions, Verdict};
use super::documents::Element;
use super::failures::{Failure, Outcome};
use super::grants::{Grant, Key};
use super::index::{Object, Part};
use super::requests::{self, Call};
use super::segments::{self, Reading, Segment, Writing};
use super::signatures::{self, Signed};
use super::{BUCKET, Storage};
use crate::isolation;

/// Names the object that is copied.
pub const SOURCE: &str = "x-amz-copy-source";

/// The most that is copied at once, in bytes, as in S3.
const MAX_BYTES: u64 = 5 << 30;

/// How often an object is looked for again that was replaced while it was copied.
const ATTEMPTS: usize = 5;

/// How much is copied between two looks at the room on the disk, in bytes.
const ROOM_STEP: u64 = 16 << 20;

impl Call<'_> {
    /// `PUT` of an object with [`SOURCE`]. Nothing is copied on the disk: both name the same bytes.
    pub(super) async fn copy(&self, key: Key, signed: Signed) -> Outcome<Response> {
        let headers = &self.parts.headers;
        let source = source(headers, &signed.grant)?;
        let replaces = match text(headers, "x-amz-metadata-directive").unwrap_or("COPY") {
            "COPY" => false,
            "REPLACE" => true,
            other => {
                let text = format!("x-amz-metadata-directive is COPY or REPLACE, not {other:?}");
                return Err(Failure::bad_request("InvalidArgument", text));
            }
        };
        if source.name() == key.name() && !replaces {
            let text = "An object is copied to itself only with other metadata: x-amz-metadata-directive: REPLACE";
            return Err(Failure::bad_request("InvalidRequest", text));
        }
        let given = if replaces { Some(requests::headers_of(headers)?) } else { None };
        let conditions = Conditions::read(headers, &format!("{SOURCE}-"));
        let most = self.quota(&signed.grant)?;
        let copied = self.stored(move |storage| {
            let linked = linked(storage, &source, &conditions)?;
            let (known, segments) = match linked {
                Ok(linked) => linked,
                Err(failure) => return Ok(Err(failure)),
            };
            let modified = requests::now();
            let headers = given.unwrap_or(known.headers);
            let object = Object { size: known.size, etag: known.etag, modified, headers, segments };
            match storage.index.put(&key, &object, most) {
                Ok(replaced) => {
                    let old = replaced.map(|object| object.segments).unwrap_or_default();
                    segments::remove(&storage.segments, &old);
                    Ok(Ok((object.etag, modified)))
                }
                Err(error) => {
                    segments::remove(&storage.segments, &object.segments);
                    Err(error)
                }
            }
        });
        let (etag, modified) = copied.await??;
        Ok(answer("CopyObjectResult", &etag, modified))
    }

    /// `PUT` of a part with [`SOURCE`], all of it or a range of its bytes.
    pub(super) async fn copy_part(&self, id: &str, key: Key, signed: Signed) -> Outcome<Response> {
        let number = self.part_number()?;
        self.upload(id, &key).await?;
        let headers = &self.parts.headers;
        let source = source(headers, &signed.grant)?;
        let range = text(headers, "x-amz-copy-source-range").map(str::to_owned);
        let conditions = Conditions::read(headers, &format!("{SOURCE}-"));
        let most = self.quota(&signed.grant)?;
        let id = id.to_owned();
        let copied = self.stored(move |storage| {
            let part = match copied(storage, &source, &conditions, range.as_deref()) {
                Ok(part) => part,
                Err(failure) => return Ok(Err(failure)),
            };
            let (segment, etag, modified) = (part.segment.clone(), part.etag.clone(), part.modified);
            let added = storage.index.add_part(&id, &key, number, &part, most);
            let unused = match &added {
                Ok(Some(replaced)) => replaced.as_ref().map(|part| part.segment.clone()),
                _ => Some(segment),
            };
            segments::remove(&storage.segments, unused.as_slice());
            Ok(added?.map(|_| (etag, modified)).ok_or_else(Failure::no_such_upload))
        });
        let (etag, modified) = copied.await??;
        Ok(answer("CopyPartResult", &etag, modified))
    }
}

fn answer(name: &'static str, etag: &str, modified: i64) -> Response {
    let mut document = Element::new(name);
    document.text("LastModified", &requests::iso(modified)).text("ETag", &requests::quoted(etag));
    requests::xml(document)
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// The object that a request names as its source, if the credentials are for it.
fn source(headers: &HeaderMap, grant: &Grant) -> Outcome<Key> {
    let invalid = || Failure::bad_request("InvalidArgument", format!("{SOURCE} is bucket/name, percent-encoded"));
    let given = text(headers, SOURCE).ok_or_else(invalid)?;
    let (path, version) = given.split_once('?').map_or((given, None), |(path, query)| (path, Some(query)));
    if version.is_some_and(|query| query != "versionId=null") {
        return Err(Failure::not_implemented("Copying a version"));
    }
    let path = percent_decode_str(path).decode_utf8().map_err(|_| invalid())?;
    let (bucket, name) = path.trim_start_matches('/').split_once('/').ok_or_else(invalid)?;
    let key = Some(name).filter(|_| bucket == BUCKET).and_then(|name| grant.key(name));
    key.ok_or_else(requests::foreign)
}

fn found(storage: &Storage, source: &Key, conditions: &Conditions) -> anyhow::Result<Outcome<Object>> {
    storage.index.note_use(source.name())?;
    let Some(object) = storage.index.object(source)? else {
        return Ok(Err(Failure::not_found("NoSuchKey", "There is no such object to copy")));
    };
    if conditions.judge(&object) != Verdict::Hold {
        return Ok(Err(Failure::precondition_failed()));
    }
    Ok(Ok(object))
}

/// An object and other names for its bytes.
fn linked(storage: &Storage, source: &Key, conditions: &Conditions) -> anyhow::Result<Outcome<(Object, Vec<Segment>)>> {
    let mut attempts = 0;
    loop {
        let object = match found(storage, source, conditions)? {
            Ok(object) => object,
            Err(failure) => return Ok(Err(failure)),
        };
        if object.size > MAX_BYTES {
            let text = "At most 5 GiB are copied at once: copy the object in parts";
            return Ok(Err(Failure::bad_request("InvalidRequest", text)));
        }
        attempts += 1;
        match segments::link(&storage.segments, &object.segments) {
            Ok(segments) => return Ok(Ok((object, segments))),
            // It was replaced or joined meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound && attempts < ATTEMPTS => {}
            Err(error) => return Ok(Err(error.into())),
        }
    }
}

/// A part with an object's bytes.
fn copied(storage: &Storage, source: &Key, conditions: &Conditions, range: Option<&str>) -> Outcome<Part> {
    let object = found(storage, source, conditions)??;
    let (first, last) = match range {
        None => (0, object.size),
        Some(range) => {
            let read = requests::read_range(range, object.size)?;
            let (first, last) = read.ok_or_else(|| {
                Failure::bad_request("InvalidArgument", "x-amz-copy-source-range is bytes=FIRST-LAST")
            })?;
            (first, last + 1)
        }
    };
    if last - first > MAX_BYTES {
        return Err(Failure::bad_request("InvalidRequest", "A part has at most 5 GiB"));
    }
    let mut writing = Writing::begin(&storage.segments)?;
    let (mut position, mut piece) = (first, vec![0; 1 << 18]);
    let mut reading = Reading::new(&storage.segments, object.segments, first, last - first);
    let mut room_until = first;
    loop {
        if position >= room_until {
            if isolation::room(&storage.segments)? < ROOM_STEP {
                return Err(Failure::no_room());
            }
            room_until = position + ROOM_STEP;
        }
        let read = reading.read(&mut piece)?;
        if read == 0 {
            break;
        }
        writing.write_all(&piece[..read])?;
        position += read as u64;
    }
    let (segment, md5) = writing.finish()?;
    Ok(Part { segment, etag: signatures::hex(&md5), modified: requests::now() })
}
