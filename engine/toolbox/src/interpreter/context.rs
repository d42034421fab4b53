//! A context: the state of one Python worker, used by one client at a time in the order they came.

use std::sync::Arc;

use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::sync::{Mutex, OwnedMutexGuard, OwnedSemaphorePermit, Semaphore, watch};
use uuid::Uuid;

use super::DEFAULT;
use super::worker::Worker;
use crate::Toolbox;

/// Executions that may wait for a context or run in it.
const QUEUE_DEPTH: usize = 128;

/// Wire name `InterpreterContext`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ContextInfo {
    id: String,
    cwd: String,
    created_at: String,
    active: bool,
    language: &'static str,
}

pub(super) struct Context {
    pub(super) id: String,
    pub(super) cwd: String,
    created_at: OffsetDateTime,
    worker: Arc<Mutex<Option<Worker>>>,
    places: Arc<Semaphore>,
    deleted: watch::Sender<bool>,
}

/// The right to use a context's worker, which is started on first use and after it died.
pub(super) struct Turn {
    pub(super) worker: OwnedMutexGuard<Option<Worker>>,
    _place: OwnedSemaphorePermit,
}

impl Context {
    /// A context with a fresh id.
    pub(super) fn new(cwd: String) -> Arc<Self> {
        Self::with_id(Uuid::new_v4().to_string(), cwd)
    }

    fn with_id(id: String, cwd: String) -> Arc<Self> {
        let (deleted, _) = watch::channel(false);
        Arc::new(Self {
            id,
            cwd,
            created_at: OffsetDateTime::now_utc(),
            worker: Arc::default(),
            places: Arc::new(Semaphore::new(QUEUE_DEPTH)),
            deleted,
        })
    }

    /// The context a request names, the default one when it names none. `None` when there is no such context.
    pub(super) fn find(toolbox: &Toolbox, id: Option<&str>) -> Option<Arc<Self>> {
        let id = id.filter(|id| !id.is_empty()).unwrap_or(DEFAULT);
        let mut table = toolbox.contexts.table();
        if id == DEFAULT {
            let cwd = toolbox.config.work_dir.to_string_lossy().into_owned();
            let default = table.entry(DEFAULT.to_owned()).or_insert_with(|| Self::with_id(DEFAULT.to_owned(), cwd));
            return Some(Arc::clone(default));
        }
        table.get(id).cloned()
    }

    pub(super) fn info(&self) -> ContextInfo {
        ContextInfo {
            id: self.id.clone(),
            cwd: self.cwd.clone(),
            created_at: self.created_at.format(&Rfc3339).unwrap_or_default(),
            active: !*self.deleted.borrow(),
            language: "python",
        }
    }

    /// Waits for the context to be free. `None` at once when too many are waiting.
    pub(super) async fn turn(&self) -> Option<Turn> {
        let place = Arc::clone(&self.places).try_acquire_owned().ok()?;
        let worker = Arc::clone(&self.worker).lock_owned().await;
        Some(Turn { worker, _place: place })
    }

    /// Completes when the context is deleted.
    pub(super) async fn deleted(&self) {
        let mut deleted = self.deleted.subscribe();
        // The sender lives as long as `self`.
        let _ = deleted.wait_for(|deleted| *deleted).await;
    }

    /// Ends the worker; executions in progress or waiting learn of it.
    pub(super) async fn delete(&self) {
        self.deleted.send_replace(true);
        self.worker.lock().await.take();
    }
}
