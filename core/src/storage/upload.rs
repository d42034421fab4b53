//! Uploading contexts.

use std::io::{self, Write};

use bytes::{Bytes, BytesMut};
use futures_util::stream::{FuturesOrdered, StreamExt};
use http::Method;
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

use super::bucket::Bucket;
use super::context::{Archive, Written};
use crate::cleanup;
use crate::client::Client;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Context, PushAccessCredentials};
use crate::protocols::build_log::Lines;

/// Bytes of a part, unless there would be more than [`MOST_PARTS`].
const PART: usize = 8 << 20;
/// Parts that an object may have.
const MOST_PARTS: u64 = 10_000;
/// Parts on their way at the same time.
const AT_ONCE: usize = 4;

/// Parts of a hundred that are sent between two lines about it.
const STEP: u64 = 10;

/// `GET /object-storage/push-access` (wire.md 2.7).
pub(crate) async fn push_access(client: &Client) -> Result<PushAccessCredentials> {
    client.api(Method::GET, "/object-storage/push-access").read().await
}

/// Uploads the contexts that are not there yet, and returns their hashes in order. Nothing is asked for without contexts. `lines`
/// tells how far it is.
///
/// # Errors
/// `InvalidArgument` when a file cannot be read, and whatever the object storage refuses.
pub(crate) async fn upload(client: &Client, contexts: Vec<Context>, lines: &Lines) -> Result<Vec<String>> {
    if contexts.is_empty() {
        return Ok(Vec::new());
    }
    // Read first: what is missing here needs nobody else.
    let archives = list(contexts).await?;
    send_all(client, push_access(client).await?, archives, lines).await
}

/// The same with credentials that are here already.
pub(crate) async fn upload_to(
    client: &Client,
    access: PushAccessCredentials,
    contexts: Vec<Context>,
    lines: &Lines,
) -> Result<Vec<String>> {
    send_all(client, access, list(contexts).await?, lines).await
}

async fn list(contexts: Vec<Context>) -> Result<Vec<(Archive, Written)>> {
    let mut archives = Vec::new();
    for context in contexts {
        archives.push(blocking(move || named(Archive::list(&context)?)).await?);
    }
    Ok(archives)
}

async fn send_all(
    client: &Client,
    access: PushAccessCredentials,
    archives: Vec<(Archive, Written)>,
    lines: &Lines,
) -> Result<Vec<String>> {
    let organization = access.organization_id.clone();
    let bucket = Bucket::new(client, access)?;
    let mut hashes = Vec::new();
    for (archive, written) in archives {
        send(&bucket, &organization, archive, &written, lines).await?;
        hashes.push(written.hash);
    }
    Ok(hashes)
}

/// An archive with what it will be when it is written.
fn named(archive: Archive) -> Result<(Archive, Written)> {
    let written = archive.write(io::sink())?;
    let written = written.ok_or_else(|| Error::new(ErrorKind::Internal, "The archive cannot be written."))?;
    Ok((archive, written))
}

async fn send(bucket: &Bucket, organization: &str, archive: Archive, expected: &Written, lines: &Lines) -> Result<()> {
    let key = format!("{organization}/{}/context.tar", expected.hash);
    let name = archive.name();
    if bucket.has(&key).await? {
        lines.line(format!("{name} is uploaded already")).await;
        return Ok(());
    }
    lines.line(format!("Uploading {name}: {} bytes", expected.size)).await;
    let size = part_size(expected.size);
    let (sender, mut parts) = mpsc::channel(1);
    let packing = tokio::spawn(blocking(move || {
        let written = archive.write(Parts { sender, part: BytesMut::new(), size })?;
        Ok((written, archive))
    }));
    let whole = async {
        let (written, archive) = packing.await.map_err(|e| internal("Packing failed").with_source(e))??;
        match written {
            Some(written) if written == *expected => Ok(()),
            _ => Err(archive.changed()),
        }
    };
    let first = parts.recv().await;
    if expected.size <= size as u64 {
        // Should there be more, packing ends instead of waiting.
        drop(parts);
        whole.await?;
        return bucket.put(&key, first.unwrap_or_default()).await;
    }
    let upload = Unfinished { id: Some(bucket.begin(&key).await?), bucket: bucket.clone(), key };
    let id = upload.id.as_deref().unwrap_or_default();
    let (mut sending, mut tags, mut number) = (FuturesOrdered::new(), Vec::new(), 0);
    let mut told = 0;
    let mut next = first;
    while let Some(part) = next {
        number += 1;
        sending.push_back(bucket.put_part(&upload.key, id, number, part));
        while sending.len() >= AT_ONCE {
            tags.extend(sending.next().await.transpose()?);
        }
        let done = (tags.len() as u64 * size as u64).saturating_mul(100) / expected.size.max(1);
        if done / STEP > told {
            told = done / STEP;
            lines.line(format!("Uploading {name}: {} %", told * STEP)).await;
        }
        next = loop {
            tokio::select! {
                part = parts.recv() => break part,
                Some(tag) = sending.next() => tags.push(tag?),
            }
        };
    }
    while let Some(tag) = sending.next().await {
        tags.push(tag?);
    }
    drop(sending);
    whole.await?;
    bucket.complete(&upload.key, id, &tags).await?;
    upload.finish();
    Ok(())
}

/// Bytes of each part of an archive of this size.
fn part_size(size: u64) -> usize {
    PART.max(usize::try_from(size.div_ceil(MOST_PARTS)).unwrap_or(PART))
}

/// An upload in parts, which is given up when it is dropped.
struct Unfinished {
    bucket: Bucket,
    key: String,
    id: Option<String>,
}

impl Unfinished {
    fn finish(mut self) {
        self.id = None;
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some(id) = self.id.take() {
            let (bucket, key) = (self.bucket.clone(), std::mem::take(&mut self.key));
            // Nobody is left to tell whether it worked; storages remove what is left.
            cleanup::spawn(async move { drop(bucket.abort(&key, &id).await) });
        }
    }
}

/// Cuts what is written into parts, and waits until one is taken before it makes the next.
struct Parts {
    sender: mpsc::Sender<Bytes>,
    part: BytesMut,
    size: usize,
}

impl Parts {
    fn send(&mut self) -> io::Result<()> {
        let part = self.part.split().freeze();
        self.sender.blocking_send(part).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

impl Write for Parts {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(self.size - self.part.len());
        if self.part.capacity() == 0 {
            self.part.reserve(taken.max(64 * 1024));
        }
        self.part.extend_from_slice(&bytes[..taken]);
        if self.part.len() == self.size {
            self.send()?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.part.is_empty() { Ok(()) } else { self.send() }
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    spawn_blocking(work).await.unwrap_or_else(|e| Err(internal("Packing failed").with_source(e)))
}

fn internal(what: &str) -> Error {
    Error::new(ErrorKind::Internal, what)
}
