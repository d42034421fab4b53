//! Files (wire section 3.2, additions 4.3).
//!
//! Relative paths start at the work directory and `~` is a plain name. Paths are bytes: names that are not UTF-8 work
//! wherever a path travels in a query string or a multipart field; in JSON answers they are shown with U+FFFD. No file
//! is ever held in memory as a whole. Whatever may block runs on a blocking thread.

mod attributes;
mod bulk_download;
mod bulk_upload;
mod change;
mod download;
mod find;
mod glob;
mod incoming;
mod list;
mod ranges;
mod replace;
mod search;
mod upload;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::routing::{get, post};

use crate::Toolbox;
use crate::errors::ApiError;

pub(crate) fn routes() -> Router<Arc<Toolbox>> {
    Router::new()
        .route("/files", get(list::list).delete(change::delete))
        .route("/files/", get(list::list).delete(change::delete))
        .route("/files/info", get(list::info))
        .route("/files/folder", post(change::create_folder))
        .route("/files/move", post(change::move_file))
        .route("/files/permissions", post(change::set_permissions))
        .route("/files/search", get(search::search))
        .route("/files/find", get(find::find))
        .route("/files/replace", post(replace::replace))
        .route("/files/download", get(download::download))
        .route("/files/upload", post(upload::upload))
        .route("/files/upload-v2", post(upload::upload_v2))
        .route("/files/bulk-download", post(bulk_download::bulk_download))
        .route("/files/bulk-upload", post(bulk_upload::bulk_upload))
}

/// Runs `work` on a blocking thread.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    tokio::task::spawn_blocking(work).await?
}

/// Tells blocking work that nobody waits for its result any more.
#[derive(Clone, Default)]
struct Abandoned(Arc<AtomicBool>);

impl Abandoned {
    fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Runs long `work` on a blocking thread; it is told when the request is dropped.
async fn abandonable<T: Send + 'static>(
    work: impl FnOnce(&Abandoned) -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    struct SetOnDrop(Abandoned);
    impl Drop for SetOnDrop {
        fn drop(&mut self) {
            self.0.0.store(true, Ordering::Relaxed);
        }
    }
    let abandoned = Abandoned::default();
    let _guard = SetOnDrop(abandoned.clone());
    blocking(move || work(&abandoned)).await
}
