//! Uploads of objects in parts.

use axum::body::{Body, Bytes};
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use uuid::Uuid;

use super::BUCKET;
use super::bodies::Arrived;
use super::conditions::Replacing;
use super::documents::{self, Element};
use super::failures::{Failure, Outcome};
use super::grants::{Grant, Key};
use super::index::{Headers, Object, Part};
use super::requests::{Call, MAX_ENTRIES, headers_of, iso, now, quoted, xml};
use super::signatures::{self, Signed};

/// The highest number of a part.
const MAX_PART: u32 = 10_000;

/// The least bytes of a part that is not the last.
const MIN_PART_BYTES: u64 = 5 << 20;

impl Call<'_> {
    pub(super) async fn begin(&self, key: Key) -> Outcome<Response> {
        let headers = headers_of(&self.parts.headers)?;
        let id = Uuid::new_v4().simple().to_string();
        let mut answer = Element::new("InitiateMultipartUploadResult");
        answer.text("Bucket", BUCKET).text("Key", key.name()).text("UploadId", &id);
        self.stored(move |storage| storage.index.begin(&id, &key, &headers)).await?;
        Ok(xml(answer))
    }

    pub(super) fn part_number(&self) -> Outcome<u32> {
        let number = self.query.get("partNumber").and_then(|text| text.parse().ok());
        number.filter(|number| (1..=MAX_PART).contains(number)).ok_or_else(|| {
            Failure::bad_request("InvalidArgument", format!("partNumber must be a number from 1 to {MAX_PART}"))
        })
    }

    pub(super) async fn put_part(&self, id: &str, key: Key, signed: Signed, body: Body) -> Outcome<Response> {
        let number = self.part_number()?;
        // Before its body is received.
        self.upload(id, &key).await?;
        let most = self.quota(&signed.grant)?;
        let Arrived { segment, etag } = self.receive(&key, most, signed, body).await?;
        let quoted = quoted(&etag);
        let part = Part { segment: segment.clone(), etag, modified: now() };
        let id = id.to_owned();
        let added = self.stored(move |storage| storage.index.add_part(&id, &key, number, &part, most)).await;
        match added {
            Ok(Some(replaced)) => self.discard(replaced.into_iter().map(|part| part.segment).collect()).await,
            Ok(None) => {
                self.discard(vec![segment]).await;
                return Err(Failure::no_such_upload());
            }
            Err(failure) => {
                self.discard(vec![segment]).await;
                return Err(failure);
            }
        }
        Ok(([(header::ETAG, quoted)], "").into_response())
    }

    pub(super) async fn upload(&self, id: &str, key: &Key) -> Outcome<Headers> {
        let (id, key) = (id.to_owned(), key.clone());
        self.stored(move |storage| storage.index.upload(&id, &key)).await?.ok_or_else(Failure::no_such_upload)
    }

    pub(super) async fn list_parts(&self, id: &str, key: Key) -> Outcome<Response> {
        self.upload(id, &key).await?;
        let mut list = Element::new("ListPartsResult");
        list.text("Bucket", BUCKET).text("Key", key.name()).text("UploadId", id);
        let after = self.query.get("part-number-marker").and_then(|text| text.parse().ok()).unwrap_or(0);
        let id = id.to_owned();
        let parts = self.stored(move |storage| storage.index.parts(&id)).await?;
        let mut rest = parts.into_iter().filter(|(number, _)| *number > after);
        let shown: Vec<_> = rest.by_ref().take(MAX_ENTRIES).collect();
        let truncated = rest.next().is_some();
        list.value("MaxParts", MAX_ENTRIES).value("IsTruncated", truncated);
        if let Some((last, _)) = shown.last().filter(|_| truncated) {
            list.value("NextPartNumberMarker", last);
        }
        for (number, part) in shown {
            list.group("Part", |entry| {
                entry.value("PartNumber", number).text("LastModified", &iso(part.modified));
                entry.text("ETag", &quoted(&part.etag)).value("Size", part.segment.size);
            });
        }
        Ok(xml(list))
    }

    pub(super) async fn list_uploads(&self, grant: &Grant) -> Outcome<Response> {
        let prefix = self.prefix(grant)?;
        let mut list = Element::new("ListMultipartUploadsResult");
        list.text("Bucket", BUCKET).text("Prefix", prefix.text()).value("IsTruncated", false);
        for upload in self.stored(move |storage| storage.index.uploads(&prefix)).await? {
            list.group("Upload", |entry| {
                entry.text("Key", &upload.key).text("UploadId", &upload.id).text("Initiated", &iso(upload.begun));
            });
        }
        Ok(xml(list))
    }

    pub(super) async fn complete(&self, id: &str, key: Key, request: Bytes) -> Outcome<Response> {
        let named = documents::completed_parts(&request)?;
        if named.is_empty() {
            return Err(Failure::bad_request("MalformedXML", "An object has at least one part"));
        }
        if named.windows(2).any(|pair| pair[0].0 >= pair[1].0) {
            return Err(Failure::bad_request("InvalidPartOrder", "The parts are not in the order of their numbers"));
        }
        let replacing = Replacing::read(&self.parts.headers)?;
        let headers = self.upload(id, &key).await?;
        let owned = id.to_owned();
        let mut parts = self.stored(move |storage| storage.index.parts(&owned)).await?;
        let (mut segments, mut digests) = (Vec::new(), Vec::new());
        let last = named.len() - 1;
        for (position, (number, etag)) in named.iter().enumerate() {
            let part = parts.remove(number).filter(|part| part.etag == *etag).ok_or_else(|| {
                Failure::bad_request("InvalidPart", format!("There is no part {number} with the ETag {etag}"))
            })?;
            if position < last && part.segment.size < MIN_PART_BYTES {
                let text = format!("Part {number} has less than 5 MiB and is not the last");
                return Err(Failure::bad_request("EntityTooSmall", text));
            }
            digests.extend(unhex(&part.etag));
            segments.push(part.segment);
        }
        let etag = format!("{}-{}", signatures::hex(&md5::compute(&digests).0), named.len());
        let size = segments.iter().map(|segment| segment.size).sum();
        let mut answer = Element::new("CompleteMultipartUploadResult");
        answer.text("Location", &format!("{}/{BUCKET}/{}", self.engine.origin, key.name()));
        answer.text("Bucket", BUCKET).text("Key", key.name()).text("ETag", &quoted(&etag));
        let object = Object { size, etag, modified: now(), headers, segments };
        let id = id.to_owned();
        let unnamed = self.stored(move |storage| storage.index.complete(&id, &key, &object, &replacing)).await?;
        self.discard(unnamed.ok_or_else(Failure::no_such_upload)?).await;
        Ok(xml(answer))
    }

    pub(super) async fn abort(&self, id: &str, key: Key) -> Outcome<Response> {
        let id = id.to_owned();
        let unnamed = self.stored(move |storage| storage.index.abort(&id, &key)).await?;
        self.discard(unnamed.ok_or_else(Failure::no_such_upload)?).await;
        Ok(StatusCode::NO_CONTENT.into_response())
    }
}

fn unhex(text: &str) -> Vec<u8> {
    let digits = (0..text.len() / 2).map(|index| text.get(2 * index..2 * index + 2));
    digits.flatten().filter_map(|pair| u8::from_str_radix(pair, 16).ok()).collect()
}
