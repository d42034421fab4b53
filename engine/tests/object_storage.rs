//! The object storage keeps what was uploaded, whole, and shows it to nobody else. Needs root.

mod harness;

use std::path::Path;

use harness::{Engine, wait_for};
use hmac::{Hmac, KeyInit, Mac};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::signal::Signal;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use time::macros::format_description;

const MIB: usize = 1 << 20;

/// What is encoded in the query of a signed address.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What `/object-storage/push-access` has given.
#[derive(Clone)]
struct Access {
    key: String,
    secret: String,
    token: String,
    organization: String,
    bucket: String,
}

impl Access {
    async fn of(engine: &Engine) -> Self {
        let (status, given) = engine.get("/api/object-storage/push-access").await;
        assert_eq!(status, StatusCode::OK, "{given}");
        assert_eq!(given["storageUrl"], engine.origin);
        assert_eq!(given["region"], "us-east-1");
        let text = |name: &str| given[name].as_str().expect(name).to_owned();
        Self {
            key: text("accessKey"),
            secret: text("secret"),
            token: text("sessionToken"),
            organization: text("organizationId"),
            bucket: text("bucket"),
        }
    }

    fn path(&self, name: &str) -> String {
        format!("/{}/{}/{name}", self.bucket, self.organization)
    }

    /// A request signed as Signature version 4 says. The query is in the order of its names, and encoded.
    fn request(&self, engine: &Engine, method: Method, path: &str, query: &str, body: Vec<u8>) -> RequestBuilder {
        let now = OffsetDateTime::now_utc();
        self.request_at(engine, now, method, path, query, body)
    }

    fn request_at(
        &self,
        engine: &Engine,
        time: OffsetDateTime,
        method: Method,
        path: &str,
        query: &str,
        body: Vec<u8>,
    ) -> RequestBuilder {
        let date = time.format(format_description!("[year][month][day]T[hour][minute][second]Z")).unwrap();
        let host = engine.origin.trim_start_matches("http://");
        let hash = hex(&Sha256::digest(&body));
        let headers = [
            ("host", host),
            ("x-amz-content-sha256", &hash),
            ("x-amz-date", &date),
            ("x-amz-security-token", &self.token),
        ];
        let lines: String = headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
        let names = headers.map(|(name, _)| name).join(";");
        let canonical = format!("{method}\n{path}\n{query}\n{lines}\n{names}\n{hash}");
        let scope = format!("{}/us-east-1/s3/aws4_request", &date[..8]);
        let signature = self.sign(&date, &scope, &canonical);
        let credential = format!("Credential={}/{scope}", self.key);
        engine
            .anonymous(method, &if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") })
            .header("x-amz-content-sha256", &hash)
            .header("x-amz-date", &date)
            .header("x-amz-security-token", &self.token)
            .header(
                "authorization",
                format!("AWS4-HMAC-SHA256 {credential}, SignedHeaders={names}, Signature={signature}"),
            )
            .body(body)
    }

    /// An address that lets whoever has it do one thing for ten minutes. `signed` are the headers that the request must have.
    fn presigned(&self, engine: &Engine, method: &Method, path: &str, signed: &[(&str, &str)]) -> String {
        let date = OffsetDateTime::now_utc();
        let date = date.format(format_description!("[year][month][day]T[hour][minute][second]Z")).unwrap();
        let host = engine.origin.trim_start_matches("http://");
        let headers = [&[("host", host)], signed].concat();
        let lines: String = headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
        let names: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
        let scope = format!("{}/us-east-1/s3/aws4_request", &date[..8]);
        let encode = |text: &str| percent_encode(text.as_bytes(), ENCODED).to_string();
        let query = [
            ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"),
            ("X-Amz-Credential", &format!("{}/{scope}", self.key)),
            ("X-Amz-Date", &date),
            ("X-Amz-Expires", "600"),
            ("X-Amz-Security-Token", &self.token),
            ("X-Amz-SignedHeaders", &names.join(";")),
        ];
        let query = query.map(|(name, value)| format!("{name}={}", encode(value))).join("&");
        let canonical = format!("{method}\n{path}\n{query}\n{lines}\n{}\nUNSIGNED-PAYLOAD", names.join(";"));
        format!("{}{path}?{query}&X-Amz-Signature={}", engine.origin, self.sign(&date, &scope, &canonical))
    }

    fn sign(&self, date: &str, scope: &str, canonical: &str) -> String {
        let text = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{}", hex(&Sha256::digest(canonical)));
        let mut key = format!("AWS4{}", self.secret).into_bytes();
        for part in scope.split('/') {
            key = mac(&key, part);
        }
        hex(&mac(&key, &text))
    }

    async fn send(
        &self,
        engine: &Engine,
        method: Method,
        path: &str,
        query: &str,
        body: Vec<u8>,
    ) -> (StatusCode, String) {
        answer(self.request(engine, method, path, query, body).send().await.expect("the engine answers")).await
    }

    async fn put(&self, engine: &Engine, name: &str, body: &[u8]) {
        let (status, text) = self.send(engine, Method::PUT, &self.path(name), "", body.to_vec()).await;
        assert_eq!(status, StatusCode::OK, "{text}");
    }

    async fn get(&self, engine: &Engine, name: &str) -> Option<Vec<u8>> {
        let request = self.request(engine, Method::GET, &self.path(name), "", Vec::new());
        let response = request.send().await.expect("the engine answers");
        (response.status() == StatusCode::OK).then_some(())?;
        Some(response.bytes().await.expect("a whole answer").to_vec())
    }

    async fn begin(&self, engine: &Engine, name: &str) -> String {
        let (status, text) = self.send(engine, Method::POST, &self.path(name), "uploads=", Vec::new()).await;
        assert_eq!(status, StatusCode::OK, "{text}");
        inner(&text, "UploadId").to_owned()
    }

    async fn part(&self, engine: &Engine, name: &str, id: &str, number: u32, body: &[u8]) -> String {
        let query = format!("partNumber={number}&uploadId={id}");
        let request = self.request(engine, Method::PUT, &self.path(name), &query, body.to_vec());
        let response = request.send().await.expect("the engine answers");
        assert_eq!(response.status(), StatusCode::OK);
        response.headers()["etag"].to_str().unwrap().to_owned()
    }

    async fn complete(&self, engine: &Engine, name: &str, id: &str, etags: &[String]) -> (StatusCode, String) {
        let parts: String = (1..)
            .zip(etags)
            .map(|(number, etag)| format!("<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>"))
            .collect();
        let body = format!("<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>").into_bytes();
        self.send(engine, Method::POST, &self.path(name), &format!("uploadId={id}"), body).await
    }
}

async fn answer(response: Response) -> (StatusCode, String) {
    (response.status(), response.text().await.expect("a whole answer"))
}

fn inner<'a>(xml: &'a str, name: &str) -> &'a str {
    let rest = xml.split_once(&format!("<{name}>")).unwrap_or_else(|| panic!("no {name} in {xml}")).1;
    rest.split_once("</").unwrap().0
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn segments(directory: &Path) -> usize {
    std::fs::read_dir(directory.join("objects/segments")).unwrap().count()
}

#[tokio::test]
async fn objects_are_put_read_listed_and_deleted() {
    let engine = Engine::start().await;
    let access = Access::of(&engine).await;
    access.put(&engine, "a/context.tar", b"one").await;
    access.put(&engine, "a/context.tar", b"other").await;
    access.put(&engine, "b/context.tar", b"").await;
    assert_eq!(access.get(&engine, "a/context.tar").await.unwrap(), b"other");
    assert_eq!(access.get(&engine, "b/context.tar").await.unwrap(), b"");
    assert_eq!(access.get(&engine, "c/context.tar").await, None);
    let (status, _) = access.send(&engine, Method::HEAD, &access.path("c/context.tar"), "", Vec::new()).await;
    assert_eq!(status, StatusCode::NOT_FOUND);

    let range = access.request(&engine, Method::GET, &access.path("a/context.tar"), "", Vec::new());
    let response = range.header("range", "bytes=1-2").send().await.unwrap();
    assert_eq!(response.status(), StatusCode::PARTIAL_CONTENT);
    assert_eq!(response.headers()["content-range"], "bytes 1-2/5");
    assert_eq!(response.text().await.unwrap(), "th");

    let bucket = format!("/{}", access.bucket);
    let query = format!("delimiter=%2F&list-type=2&max-keys=1&prefix={}%2F", access.organization);
    let (_, text) = access.send(&engine, Method::GET, &bucket, &query, Vec::new()).await;
    assert_eq!(inner(&text, "IsTruncated"), "true");
    let next = inner(&text, "NextContinuationToken").replace('=', "%3D");
    let query = format!("continuation-token={next}&{query}");
    let (_, text) = access.send(&engine, Method::GET, &bucket, &query, Vec::new()).await;
    assert!(text.contains(&format!("<Prefix>{}/b/</Prefix>", access.organization)), "{text}");
    assert_eq!(inner(&text, "IsTruncated"), "false");

    for _ in 0..2 {
        let (status, _) = access.send(&engine, Method::DELETE, &access.path("a/context.tar"), "", Vec::new()).await;
        assert_eq!(status, StatusCode::NO_CONTENT);
    }
    assert_eq!(access.get(&engine, "a/context.tar").await, None);
    // Only the one object that is left has bytes.
    assert_eq!(segments(engine.directory.path()), 1);
}

#[tokio::test]
async fn uploads_in_parts_belong_to_one_object_and_appear_when_they_are_complete() {
    let engine = Engine::start().await;
    let access = Access::of(&engine).await;
    let id = access.begin(&engine, "big").await;
    let (first, last) = (vec![b'1'; 5 * MIB], b"the rest".to_vec());
    let mut etags = vec![access.part(&engine, "big", &id, 1, &first).await];
    // Sent again, as after a broken connection.
    assert_eq!(access.part(&engine, "big", &id, 1, &first).await, etags[0]);
    etags.push(access.part(&engine, "big", &id, 2, &last).await);
    assert_eq!(access.get(&engine, "big").await, None);

    let (status, text) = access.complete(&engine, "other", &id, &etags).await;
    assert_eq!((status, inner(&text, "Code")), (StatusCode::NOT_FOUND, "NoSuchUpload"));
    let swapped = [etags[1].clone(), etags[0].clone()];
    assert_eq!(inner(&access.complete(&engine, "big", &id, &swapped).await.1, "Code"), "InvalidPart");

    let (status, text) = access.complete(&engine, "big", &id, &etags).await;
    assert_eq!(status, StatusCode::OK, "{text}");
    assert!(inner(&text, "ETag").ends_with("-2&quot;"), "{text}");
    assert_eq!(access.get(&engine, "big").await.unwrap(), [first, last].concat());
    assert_eq!(access.complete(&engine, "big", &id, &etags).await.0, StatusCode::NOT_FOUND);

    let id = access.begin(&engine, "small").await;
    let etags = [access.part(&engine, "small", &id, 1, b"a").await, access.part(&engine, "small", &id, 2, b"b").await];
    assert_eq!(inner(&access.complete(&engine, "small", &id, &etags).await.1, "Code"), "EntityTooSmall");
    let query = format!("uploadId={id}");
    let (status, _) = access.send(&engine, Method::DELETE, &access.path("small"), &query, Vec::new()).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    assert_eq!(segments(engine.directory.path()), 2);
}

#[tokio::test]
async fn nobody_reads_or_writes_what_their_credentials_are_not_for() {
    let engine = Engine::start().await;
    let access = Access::of(&engine).await;
    access.put(&engine, "ours", b"secret").await;
    let code = async |access: &Access, path: &str, query: &str| {
        let (status, text) = access.send(&engine, Method::GET, path, query, Vec::new()).await;
        assert!(status.is_client_error(), "{path}: {status}");
        inner(&text, "Code").to_owned()
    };
    let foreign = format!("/{}/another-organization/ours", access.bucket);
    assert_eq!(code(&access, &foreign, "").await, "AccessDenied");
    let climbing = format!("/{}/{}/../another-organization/ours", access.bucket, access.organization);
    assert!(
        access
            .send(&engine, Method::PUT, &climbing.replace("..", "%2E%2E"), "", b"x".to_vec())
            .await
            .0
            .is_client_error()
    );
    assert_eq!(code(&access, &format!("/{}", access.bucket), "list-type=2").await, "AccessDenied");
    assert_eq!(code(&access, &format!("/{}", access.bucket), "prefix=another-organization%2F").await, "AccessDenied");

    let ours = access.path("ours");
    let wrong_secret = Access { secret: "wrong".to_owned(), ..access.clone() };
    assert_eq!(code(&wrong_secret, &ours, "").await, "SignatureDoesNotMatch");
    let other_key = Access { key: Access::of(&engine).await.key, ..access.clone() };
    assert_eq!(code(&other_key, &ours, "").await, "InvalidAccessKeyId");
    let no_token = Access { token: String::new(), ..access.clone() };
    assert_eq!(code(&no_token, &ours, "").await, "InvalidAccessKeyId");

    let earlier = OffsetDateTime::now_utc() - time::Duration::minutes(20);
    let old = access.request_at(&engine, earlier, Method::GET, &ours, "", Vec::new());
    assert_eq!(inner(&answer(old.send().await.unwrap()).await.1, "Code"), "RequestTimeTooSkewed");
    let changed = access.request(&engine, Method::PUT, &ours, "", b"signed".to_vec()).body("changed");
    assert_eq!(inner(&answer(changed.send().await.unwrap()).await.1, "Code"), "XAmzContentSHA256Mismatch");
    // Neither without credentials nor with the API key.
    let (status, text) = answer(engine.anonymous(Method::GET, &ours).send().await.unwrap()).await;
    assert_eq!((status, inner(&text, "Code")), (StatusCode::FORBIDDEN, "AccessDenied"));
    let with_key = answer(engine.request(Method::GET, &ours).send().await.unwrap()).await;
    assert_eq!(with_key.0, StatusCode::FORBIDDEN);
    assert_eq!(access.get(&engine, "ours").await.unwrap(), b"secret");
    // The next engine's credentials are others.
    let engine = engine.restart_after(Signal::SIGTERM).await;
    assert_eq!(access.get(&engine, "ours").await, None);
    assert_eq!(Access::of(&engine).await.get(&engine, "ours").await.unwrap(), b"secret");
}

#[tokio::test]
async fn an_address_to_write_to_copies_only_what_was_signed() {
    let engine = Engine::start().await;
    let access = Access::of(&engine).await;
    access.put(&engine, "kept", b"kept for its owner").await;
    let (kept, given) = (access.path("kept"), access.path("given"));
    let put = async |address: &str, source: Option<&str>, body: &str| {
        let request = engine.client.put(address).body(body.to_owned());
        let request = source.iter().fold(request, |request, source| request.header("x-amz-copy-source", *source));
        answer(request.send().await.unwrap()).await
    };
    let plain = access.presigned(&engine, &Method::PUT, &given, &[]);
    let (status, text) = put(&plain, Some(&kept), "").await;
    assert_eq!((status, inner(&text, "Code")), (StatusCode::FORBIDDEN, "AccessDenied"), "{text}");
    assert_eq!(access.get(&engine, "given").await, None);
    // The same address writes what is sent to it.
    assert_eq!(put(&plain, None, "sent").await.0, StatusCode::OK);
    assert_eq!(access.get(&engine, "given").await.unwrap(), b"sent");
    // One that was signed for a copy makes that, and no other.
    let copy = access.presigned(&engine, &Method::PUT, &given, &[("x-amz-copy-source", &kept)]);
    assert_eq!(put(&copy, Some(&given), "").await.0, StatusCode::FORBIDDEN);
    assert_eq!(put(&copy, Some(&kept), "").await.0, StatusCode::OK);
    assert_eq!(access.get(&engine, "given").await.unwrap(), b"kept for its owner");
}

#[tokio::test]
async fn a_killed_engine_keeps_what_it_acknowledged_and_nothing_half_made() {
    let engine = Engine::start().await;
    let access = Access::of(&engine).await;
    access.put(&engine, "kept", b"kept").await;
    let id = access.begin(&engine, "parts").await;
    let etag = access.part(&engine, "parts", &id, 1, b"part").await;
    // An upload that has begun and never ends.
    let (mut bytes, body) = tokio::io::duplex(64);
    let length = 10 * MIB;
    let stream = reqwest::Body::wrap_stream(futures_util::stream::unfold(body, async |mut body| {
        let mut piece = vec![0; 64];
        let read = tokio::io::AsyncReadExt::read(&mut body, &mut piece).await.ok().filter(|read| *read > 0)?;
        piece.truncate(read);
        Some((Ok::<_, std::io::Error>(piece), body))
    }));
    let unfinished = access.request(&engine, Method::PUT, &access.path("half"), "", Vec::new()).body(stream);
    let sending = tokio::spawn(unfinished.header("content-length", length).send());
    tokio::io::AsyncWriteExt::write_all(&mut bytes, b"the beginning").await.unwrap();
    let directory = engine.directory.path().to_owned();
    wait_for(|| (segments(&directory) == 3).then_some(())).await;

    let engine = engine.restart_after(Signal::SIGKILL).await;
    assert!(sending.await.unwrap().is_err());
    assert_eq!(segments(engine.directory.path()), 2);
    let access = Access::of(&engine).await;
    assert_eq!(access.get(&engine, "kept").await.unwrap(), b"kept");
    assert_eq!(access.get(&engine, "half").await, None);
    let (status, text) = access.complete(&engine, "parts", &id, &[etag]).await;
    assert_eq!(status, StatusCode::OK, "{text}");
    assert_eq!(access.get(&engine, "parts").await.unwrap(), b"part");
}

#[tokio::test]
async fn a_full_disk_is_said_and_nothing_is_left_of_what_did_not_fit() {
    let directory = tempfile::tempdir().unwrap();
    mount(Some("tmpfs"), directory.path(), Some("tmpfs"), MsFlags::empty(), Some("size=128m,mode=700")).unwrap();
    let place = directory.path().to_owned();
    let engine = Engine::start_in(directory, &[]).await;
    let access = Access::of(&engine).await;
    // Room for one look at the room, and not for another.
    let free = nix::sys::statvfs::statvfs(&place).map(|disk| disk.blocks_available() * disk.fragment_size()).unwrap();
    let filler = std::fs::File::create(place.join("filler")).unwrap();
    let size = i64::try_from(free).unwrap() - i64::try_from(24 * MIB).unwrap();
    nix::fcntl::fallocate(&filler, nix::fcntl::FallocateFlags::empty(), 0, size).unwrap();
    let (status, text) = access.send(&engine, Method::PUT, &access.path("big"), "", vec![0; 24 * MIB]).await;
    assert_eq!((status, inner(&text, "Code")), (StatusCode::INSUFFICIENT_STORAGE, "InsufficientStorage"));
    assert_eq!(segments(&place), 0);
    access.put(&engine, "small", &vec![1; MIB]).await;
    assert_eq!(access.get(&engine, "small").await.unwrap(), vec![1; MIB]);
    let directory = engine.end(Signal::SIGTERM).await;
    umount2(directory.path(), MntFlags::MNT_DETACH).unwrap();
}

#[tokio::test]
async fn conditions_on_objects_hold_or_the_request_changes_nothing() {
    let engine = Engine::start().await;
    let access = Access::of(&engine).await;
    let ask = async |method: Method, path: &str, header: (&str, &str), body: &[u8]| {
        let request = access.request(&engine, method, path, "", body.to_vec()).header(header.0, header.1);
        let response = request.send().await.unwrap();
        let etag = response.headers().get("etag").map(|etag| etag.to_str().unwrap().to_owned());
        (response.status().as_u16(), etag.unwrap_or_default())
    };
    let path = access.path("one");
    let none = ("if-none-match", "*");
    let (status, first) = ask(Method::PUT, &path, none, b"first").await;
    assert_eq!(status, 200);
    assert_eq!(ask(Method::PUT, &path, none, b"second").await.0, 412);
    assert_eq!(ask(Method::PUT, &access.path("two"), ("if-match", &first), b"second").await.0, 404);
    assert_eq!(access.get(&engine, "one").await.unwrap(), b"first");
    let (status, second) = ask(Method::PUT, &path, ("if-match", &first), b"second").await;
    assert_eq!(status, 200);
    assert_eq!(ask(Method::PUT, &path, ("if-match", &first), b"third").await.0, 412);
    assert_eq!(ask(Method::PUT, &path, ("if-none-match", &first), b"third").await.0, 501);
    assert_eq!(access.get(&engine, "one").await.unwrap(), b"second");
    for method in [Method::GET, Method::HEAD] {
        assert_eq!(ask(method.clone(), &path, ("if-none-match", &second), b"").await, (304, second.clone()));
        assert_eq!(ask(method.clone(), &path, ("if-match", &second), b"").await, (200, second.clone()));
        assert_eq!(ask(method.clone(), &path, ("if-match", &first), b"").await.0, 412);
        let past = ("if-unmodified-since", "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(ask(method, &path, past, b"").await.0, 412);
    }

    // Of those that write at the same time one does.
    let path = access.path("race");
    let racing = (0..8).map(|number| ask(Method::PUT, &path, none, if number % 2 == 0 { b"even" } else { b"odd" }));
    let statuses = futures_util::future::join_all(racing).await.into_iter().map(|(status, _)| status);
    let mut statuses: Vec<_> = statuses.collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 412, 412, 412, 412, 412, 412, 412]);

    // Nor does an upload in parts replace what it must not; it can still be completed otherwise.
    let id = access.begin(&engine, "race").await;
    let etags = [access.part(&engine, "race", &id, 1, b"parts").await];
    let document = format!(
        "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{}</ETag></Part></CompleteMultipartUpload>",
        etags[0]
    );
    let query = format!("uploadId={id}");
    let request = access.request(&engine, Method::POST, &path, &query, document.into_bytes());
    let (status, text) = answer(request.header(none.0, none.1).send().await.unwrap()).await;
    assert_eq!((status, inner(&text, "Code")), (StatusCode::PRECONDITION_FAILED, "PreconditionFailed"));
    assert_eq!(access.complete(&engine, "race", &id, &etags).await.0, StatusCode::OK);
    assert_eq!(access.get(&engine, "race").await.unwrap(), b"parts");
    assert_eq!(segments(engine.directory.path()), 2);
}

#[tokio::test]
async fn what_this_storage_cannot_do_is_said() {
    let engine = Engine::start().await;
    let access = Access::of(&engine).await;
    let (status, text) = access.send(&engine, Method::GET, &access.path("a"), "acl=", Vec::new()).await;
    assert_eq!((status, inner(&text, "Code")), (StatusCode::NOT_IMPLEMENTED, "NotImplemented"));
}

#[tokio::test]
async fn objects_are_copied_within_their_organization() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path().to_owned();
    let engine = Engine::start_in(directory, &[]).await;
    let access = Access::of(&engine).await;
    access.put(&engine, "one", b"content").await;
    let copy = async |to: &str, headers: &[(&str, &str)]| {
        let request = access.request(&engine, Method::PUT, to, "", Vec::new());
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let (status, text) = answer(request.send().await.unwrap()).await;
        let code = text.split_once("<Code>").map(|(_, rest)| rest.split_once('<').unwrap().0.to_owned());
        (status.as_u16(), code)
    };
    let (one, two) = (access.path("one"), access.path("two"));
    let source = ("x-amz-copy-source", one.as_str());
    assert_eq!(copy(&two, &[source]).await, (200, None));
    assert_eq!(access.get(&engine, "two").await.unwrap(), b"content");

    let refused = |status, code: &str| (status, Some(code.to_owned()));
    let other = ("x-amz-copy-source", "/daytona-volume-builds/another/one");
    assert_eq!(copy(&two, &[other]).await, refused(403, "AccessDenied"));
    assert_eq!(copy("/daytona-volume-builds/another/two", &[source]).await, refused(403, "AccessDenied"));
    assert_eq!(copy(&two, &[("x-amz-copy-source", "nothing")]).await, refused(400, "InvalidArgument"));
    let missing = access.path("none");
    assert_eq!(copy(&two, &[("x-amz-copy-source", &missing)]).await, refused(404, "NoSuchKey"));
    assert_eq!(copy(&one, &[source]).await, refused(400, "InvalidRequest"));
    let replacing = ("x-amz-metadata-directive", "REPLACE");
    assert_eq!(copy(&one, &[source, replacing, ("content-type", "text/x")]).await, (200, None));
    let conditional = ("x-amz-copy-source-if-match", "\"other\"");
    assert_eq!(copy(&two, &[source, conditional]).await, refused(412, "PreconditionFailed"));

    // Each keeps its bytes when the other goes, and none stay when both are gone.
    access.send(&engine, Method::DELETE, &one, "", Vec::new()).await;
    assert_eq!(access.get(&engine, "two").await.unwrap(), b"content");
    let engine = Engine::start_in(engine.end(Signal::SIGKILL).await, &[]).await;
    let access = Access::of(&engine).await;
    assert_eq!(access.get(&engine, "two").await.unwrap(), b"content");
    access.send(&engine, Method::DELETE, &two, "", Vec::new()).await;
    assert_eq!(segments(&place), 0);
}
