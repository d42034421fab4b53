//! Builds under way: a sandbox or a snapshot in the making, with the lines of its log.

use futures_util::FutureExt;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::build_log::{Lines, QUEUE};
use crate::cleanup;
use crate::client::Client;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{BuildLine, SandboxInfo, Snapshot};
use crate::travel::deadline::in_trace;

/// A snapshot in the making. Dropping it ends the waiting; the server goes on.
pub struct SnapshotBuild {
    building: Building<Snapshot>,
}

impl SnapshotBuild {
    pub(crate) fn begin<W>(work: impl FnOnce(Lines) -> W) -> Self
    where
        W: Future<Output = Result<Snapshot>> + Send + 'static,
    {
        Self { building: Building::begin(work) }
    }

    /// The next line of the log, then `None` when the snapshot can be used. Nothing is lost when the future is dropped.
    ///
    /// # Errors
    /// Whatever ended the build.
    pub async fn next(&mut self) -> Result<Option<BuildLine>> {
        self.building.next().await
    }

    /// The snapshot, once [`next`](Self::next) has returned `None`.
    pub fn result(&self) -> Option<&Snapshot> {
        self.building.result.as_ref()
    }

    /// Waits until the snapshot can be used.
    ///
    /// # Errors
    /// Whatever ended the build.
    pub async fn finish(mut self) -> Result<Snapshot> {
        while self.next().await?.is_some() {}
        Ok(self.building.result.take().unwrap_or_default())
    }
}

/// A sandbox in the making, whose image is built first. Dropping it before its end deletes the sandbox.
pub struct SandboxBuild {
    building: Building<SandboxInfo>,
    client: Client,
    keep: bool,
}

impl SandboxBuild {
    pub(crate) fn begin<W>(client: &Client, keep: bool, work: impl FnOnce(Lines) -> W) -> Self
    where
        W: Future<Output = Result<SandboxInfo>> + Send + 'static,
    {
        Self { building: Building::begin(work), client: client.clone(), keep }
    }

    /// The next line of the log, then `None` when the sandbox has started. Nothing is lost when the future is dropped.
    ///
    /// # Errors
    /// Whatever ended the build.
    pub async fn next(&mut self) -> Result<Option<BuildLine>> {
        self.building.next().await
    }

    /// The sandbox, once [`next`](Self::next) has returned `None`.
    pub fn result(&self) -> Option<&SandboxInfo> {
        self.building.result.as_ref()
    }

    /// Waits until the sandbox has started.
    ///
    /// # Errors
    /// Whatever ended the build.
    pub async fn finish(mut self) -> Result<SandboxInfo> {
        while self.next().await?.is_some() {}
        Ok(self.building.result.take().unwrap_or_default())
    }
}

impl Drop for SandboxBuild {
    fn drop(&mut self) {
        // While it is being made, the work itself deletes it.
        if let Some(sandbox) = self.building.unread()
            && !self.keep
        {
            let client = self.client.clone();
            cleanup::spawn(async move {
                cleanup::delete(&client, &sandbox.id, "nobody waited for it any more").await;
            });
        }
    }
}

/// What is being built.
struct Building<T> {
    work: JoinHandle<Result<T>>,
    lines: mpsc::Receiver<BuildLine>,
    result: Option<T>,
    ended: bool,
}

impl<T: Send + 'static> Building<T> {
    fn begin<W>(work: impl FnOnce(Lines) -> W) -> Self
    where
        W: Future<Output = Result<T>> + Send + 'static,
    {
        let (sender, lines) = mpsc::channel(QUEUE);
        Self { work: tokio::spawn(in_trace(work(Lines::to(sender)))), lines, result: None, ended: false }
    }

    async fn next(&mut self) -> Result<Option<BuildLine>> {
        // Ends when the work does.
        if let Some(line) = self.lines.recv().await {
            return Ok(Some(line));
        }
        if !self.ended {
            let done = (&mut self.work).await;
            self.ended = true;
            let done = done.unwrap_or_else(|e| Err(Error::new(ErrorKind::Internal, "The build failed").with_source(e)));
            self.result = Some(done?);
        }
        Ok(None)
    }

    /// What has been made, when nobody has heard of it.
    fn unread(&mut self) -> Option<T> {
        if self.ended {
            return None;
        }
        (&mut self.work).now_or_never()?.ok()?.ok()
    }
}

impl<T> Drop for Building<T> {
    fn drop(&mut self) {
        self.work.abort();
    }
}
