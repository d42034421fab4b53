//! Object storage: where clients put the contexts of builds (wire 2.7 and 5), spoken to as S3.
//!
//! | file | subject |
//! |---|---|
//! | `grants` | credentials, and which objects they are for |
//! | `segments` | bytes on the disk |
//! | `index` | which objects there are |
//! | `signatures` | who sent a request, and whether it is as they sent it |
//! | `bodies` | what arrives, decoded and checked |
//! | `conditions` | what an object must be for a request to be carried out |
//! | `copying` | objects made from others |
//! | `requests` | the operations of S3 that clients use |
//! | `uploads` | those of uploads in parts |
//! | `listing` | lists of objects |
//! | `documents` | their XML |
//! | `failures` | their errors |
//!
//! There is one bucket. Bytes reach the disk before an object names them, and an object appears whole or not at all, also when
//! the engine is killed. S3's own names are those of its public reference.

mod bodies;
mod conditions;
mod copying;
mod documents;
mod failures;
mod grants;
mod index;
mod listing;
mod requests;
mod segments;
mod signatures;
mod uploads;

use std::collections::HashSet;
use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use axum::Router;
use axum::routing::any;

use self::grants::{Credentials, Grant, Issuer};
use self::index::{Index, Object};
use self::segments::{Reading, Writing};
use crate::clock;
use crate::engine::Engine;

/// The one bucket.
pub const BUCKET: &str = "daytona-volume-builds";

/// Days after which an object goes that nobody has used. Clients look for a context and upload it anew where it is missing.
const CONTEXT_DAYS: i64 = 30;

/// How often unused ones are looked for.
const PRUNE_EVERY: Duration = Duration::from_secs(60 * 60);

/// The region, which clients sign for.
pub const REGION: &str = "us-east-1";

/// The objects of an engine.
pub struct Storage {
    issuer: Issuer,
    index: Index,
    /// Where segments are.
    segments: PathBuf,
}

impl Storage {
    /// Opens or creates the storage below the state directory, and removes what an engine that was killed has left.
    pub fn open(state_dir: &Path) -> Result<Self> {
        let directory = state_dir.join("objects");
        let segments = directory.join("segments");
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&segments).context("creating the object storage")?;
        let index = Index::open(&directory.join("index.db"))?;
        let storage = Self { issuer: Issuer::default(), index, segments };
        if let Err(error) = storage.tidy() {
            tracing::warn!(error = crate::in_words(&error), "leftovers of the object storage are kept");
        }
        Ok(storage)
    }

    /// Removes segments without a name.
    fn tidy(&self) -> Result<()> {
        self.index.forget_old_uploads()?;
        let named: HashSet<_> = self.index.segments()?.into_iter().map(|segment| segment.file).collect();
        for entry in fs::read_dir(&self.segments)? {
            let entry = entry?;
            if entry.file_name().to_str().is_none_or(|name| !named.contains(name)) {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }

    /// New credentials for the objects of an organization.
    pub fn credentials(&self, organization_id: &str) -> Credentials {
        self.issuer.issue(organization_id)
    }

    /// Removes every object of an organization, and its uploads. Blocks.
    pub fn remove_all_of(&self, organization_id: &str) -> Result<()> {
        let Some(prefix) = Grant::of(organization_id).listing(&format!("{organization_id}/")) else { return Ok(()) };
        segments::remove(&self.segments, &self.index.delete_all(&prefix)?);
        Ok(())
    }

    /// Removes contexts that no client has uploaded, listed or built with for [`CONTEXT_DAYS`]. Blocks.
    pub fn prune(&self) -> Result<()> {
        self.index.forget_old_uploads()?;
        let oldest = clock::millis(clock::now()).saturating_sub(CONTEXT_DAYS * 24 * 60 * 60 * 1000);
        segments::remove(&self.segments, &self.index.delete_unused(oldest)?);
        Ok(())
    }

    /// The file of the context that clients have uploaded under a hash: an uncompressed tar archive. `None` when they have
    /// not. Blocks.
    ///
    /// The file is removed when the same context is uploaded anew or deleted; what was opened before stays readable.
    pub fn context(&self, organization_id: &str, hash: &str) -> Result<Option<PathBuf>> {
        let Some(key) = Grant::of(organization_id).key(&format!("{organization_id}/{hash}/context.tar")) else {
            return Ok(None);
        };
        loop {
            let Some(object) = self.index.object(&key)? else { return Ok(None) };
            self.index.note_use(key.name())?;
            if let [only] = &object.segments[..] {
                return Ok(Some(self.segments.join(&only.file)));
            }
            // It was uploaded in parts.
            let mut writing = Writing::begin(&self.segments)?;
            let mut reading = Reading::new(&self.segments, object.segments.clone(), 0, object.size);
            std::io::copy(&mut reading, &mut writing).context("joining the parts of a context")?;
            let (segment, _) = writing.finish()?;
            let joined = Object { segments: vec![segment.clone()], ..object.clone() };
            if self.index.exchange(&key, &object, &joined)? {
                segments::remove(&self.segments, &object.segments);
            } else {
                segments::remove(&self.segments, &[segment]);
            }
        }
    }
}

impl Engine {
    /// Removes what nobody uses from time to time, until dropped.
    pub async fn prune_objects(self: Arc<Self>) {
        loop {
            let engine = Arc::clone(&self);
            match tokio::task::spawn_blocking(move || engine.storage.prune()).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::warn!(error = crate::in_words(&error), "unused contexts are left"),
                Err(error) => tracing::warn!(%error, "unused contexts were not looked for"),
            }
            clock::sleep(PRUNE_EVERY).await;
        }
    }
}

/// The bucket's routes: clients address it by path.
pub fn routes() -> Router<Arc<Engine>> {
    let bucket = format!("/{BUCKET}");
    Router::new()
        .route("/", any(requests::serve))
        .route(&bucket, any(requests::serve))
        .route(&format!("{bucket}/"), any(requests::serve))
        .route(&format!("{bucket}/{{*key}}"), any(requests::serve))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::storage::index::Headers;

    #[test]
    fn a_context_is_one_file_even_when_it_was_uploaded_in_parts() {
        let directory = tempfile::tempdir().unwrap();
        let storage = Storage::open(directory.path()).unwrap();
        let segments: Vec<_> = ["con", "", "text"]
            .iter()
            .map(|text| {
                let mut writing = Writing::begin(&storage.segments).unwrap();
                writing.write_all(text.as_bytes()).unwrap();
                writing.finish().unwrap().0
            })
            .collect();
        let key = Grant::of("ours").key("ours/hash/context.tar").unwrap();
        let object = Object { size: 7, etag: String::new(), modified: 0, headers: Headers::default(), segments };
        storage.index.put(&key, &object, u64::MAX).unwrap();
        let path = storage.context("ours", "hash").unwrap().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "context");
        assert_eq!(storage.context("ours", "hash").unwrap(), Some(path));
        assert_eq!(fs::read_dir(&storage.segments).unwrap().count(), 1);
        assert_eq!(storage.context("ours", "other").unwrap(), None);
        assert_eq!(storage.context("theirs", "hash").unwrap(), None);
    }

    #[test]
    fn what_nobody_uses_or_may_have_any_more_goes() {
        let directory = tempfile::tempdir().unwrap();
        let storage = Storage::open(directory.path()).unwrap();
        let put = |name: &str, most: u64| {
            let mut writing = Writing::begin(&storage.segments).unwrap();
            writing.write_all(b"context").unwrap();
            let segments = vec![writing.finish().unwrap().0];
            let object = Object { size: 7, etag: String::new(), modified: 0, headers: Headers::default(), segments };
            let key = Grant::of(name.split('/').next().unwrap()).key(name).unwrap();
            storage.index.put(&key, &object, most).map(|_| key)
        };
        let key = put("ours/old/context.tar", 14).unwrap();
        put("ours/new/context.tar", 14).unwrap();
        let refused = put("ours/much/context.tar", 14).unwrap_err();
        assert!(refused.downcast_ref::<index::QuotaExceeded>().is_some(), "{refused}");
        put("theirs/new/context.tar", 14).unwrap();
        put("ours/new/context.tar", 14).expect("it replaces one");
        assert_eq!(storage.index.bytes(&key).unwrap(), 14);

        storage.index.set_used(&key, 0);
        storage.prune().unwrap();
        assert_eq!(storage.context("ours", "old").unwrap(), None);
        assert!(storage.context("ours", "new").unwrap().is_some());
        storage.remove_all_of("ours").unwrap();
        assert_eq!(storage.context("ours", "new").unwrap(), None);
        assert!(storage.context("theirs", "new").unwrap().is_some());
    }
}
