//! Sandboxes as a whole: create, find, list, start, stop, delete.

use std::collections::BTreeMap;
use std::time::Duration;

use http::Method;
use serde_json::json;
use tokio::sync::watch;

use super::Sandboxes;
use super::create_body::{add_contexts, create_body};
use super::making::Making;
use super::reach::{arrived, late};
use crate::client::DEFAULT_LIMIT;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{
    CreateOptions, CreateSandboxParams, DeleteOptions, FindOneOptions, ListPageOptions, ListSandboxesQuery,
    ListSandboxesResponse, PaginatedSandboxes, SandboxInfo, SandboxState, StopOptions, WaitOptions,
};
use crate::protocols::build_log::{Lines, follow};
use crate::protocols::building::SandboxBuild;
use crate::storage;
use crate::travel::deadline;
use crate::travel::http::segment;

/// Limit for the upload of an image's files when nothing else is said.
pub(super) const UPLOAD_LIMIT: Option<Duration> = Some(Duration::from_secs(30 * 60));

impl Sandboxes {
    /// Creates a sandbox and waits until it has started.
    ///
    /// If the call is cancelled or times out, the new sandbox is deleted, unless `keep` is set.
    ///
    /// # Parameters
    /// * `params`: What to create it from, and its settings.
    ///
    /// # Returns
    /// The sandbox.
    ///
    /// # Errors
    /// `Validation` when the server refuses the parameters, `Conflict` when the name is taken, `Timeout` when it does
    /// not start in time, `Unknown` when it fails to start. Once the sandbox exists, the error has its id.
    pub async fn create(&self, params: CreateSandboxParams, options: CreateOptions) -> Result<SandboxInfo> {
        self.make("sandbox.create", params, options, Lines::none()).await
    }

    /// Creates a sandbox, waits until it has started, and follows the log of the build of its image. Without a build there is
    /// no log.
    ///
    /// If the stream is closed before its end, the new sandbox is deleted, unless `keep` is set.
    ///
    /// # Parameters
    /// * `params`: What to create it from, and its settings.
    ///
    /// # Returns
    /// The sandbox in the making.
    ///
    /// # Errors
    /// As for `create`, from the stream.
    pub async fn create_with_logs(&self, params: CreateSandboxParams, options: CreateOptions) -> Result<SandboxBuild> {
        let (sandboxes, keep) = (self.clone(), options.keep.unwrap_or(false));
        Ok(SandboxBuild::begin(&self.client, keep, |lines| async move {
            sandboxes.make("sandbox.create_with_logs", params, options, lines).await
        }))
    }

    async fn make(
        &self,
        operation: &'static str,
        mut params: CreateSandboxParams,
        options: CreateOptions,
        lines: Lines,
    ) -> Result<SandboxInfo> {
        let limit = deadline::limit(options.timeout, DEFAULT_LIMIT);
        let contexts = params.contexts.take().unwrap_or_default();
        let mut body = create_body(params, &self.client)?;
        if !contexts.is_empty() {
            // Apart from the limit for the start, unless that is given.
            let limit = if options.timeout.is_some() { limit } else { UPLOAD_LIMIT };
            let hashes = self.client.run(operation, limit, storage::upload(&self.client, contexts, &lines)).await?;
            add_contexts(&mut body, hashes);
        }
        let mut making = Making::new(&self.client, operation, options.keep.unwrap_or(false));
        let result = self
            .client
            .run(operation, limit, async {
                let sandbox = making.request("/sandbox".to_owned(), body, self.client.limit(limit)).await?;
                if !options.wait_for_start.unwrap_or(true) {
                    return Ok(sandbox);
                }
                let started = [SandboxState::Started];
                if arrived(&sandbox, &started)? {
                    return Ok(sandbox);
                }
                // Servers wait for the start before they answer, but with the state from before (wire.md 2.2): mostly
                // one look is enough, and no event connection is needed.
                let (over, watched) = watch::channel(false);
                let log = follow(&self.client, format!("/sandbox/{}", segment(&sandbox.id)), &lines, watched);
                let waiting = async {
                    let outcome = match self.look(&sandbox.id).await {
                        Ok(sandbox) => self.reach(sandbox, &started).await,
                        failed => failed,
                    };
                    over.send_replace(true);
                    outcome
                };
                tokio::join!(waiting, log).0
            })
            .await;
        making.end(result).await
    }

    /// Returns the sandbox with this id or name.
    ///
    /// # Parameters
    /// * `id_or_name`: Id or name of the sandbox.
    ///
    /// # Returns
    /// The sandbox.
    ///
    /// # Errors
    /// `NotFound` when there is no such sandbox.
    pub async fn get(&self, id_or_name: &str) -> Result<SandboxInfo> {
        let path = sandbox_path(id_or_name, "")?;
        self.client.run("sandbox.get", DEFAULT_LIMIT, self.client.api(Method::GET, path).read()).await
    }

    /// Returns the sandbox with this id or name, or else the first one that has all these labels.
    ///
    /// # Returns
    /// The sandbox.
    ///
    /// # Errors
    /// `NotFound` when no sandbox matches, `InvalidArgument` when neither id nor labels are given.
    pub async fn find_one(&self, options: FindOneOptions) -> Result<SandboxInfo> {
        if let Some(id_or_name) = options.id_or_name.as_deref().filter(|s| !s.is_empty()) {
            return self.get(id_or_name).await;
        }
        let labels = options.labels.unwrap_or_default();
        if labels.is_empty() {
            return Err(Error::invalid_argument("find_one needs an id, a name or labels."));
        }
        let described = format!("{labels:?}");
        let query = ListSandboxesQuery { labels: Some(labels), limit: Some(1), ..Default::default() };
        let found = self.list(query).await?.items.into_iter().next().ok_or_else(|| {
            Error::new(ErrorKind::NotFound, format!("No sandbox found with labels {described}"))
                .in_operation("sandbox.find_one")
        })?;
        // List items lack some fields.
        self.get(&found.id).await
    }

    /// Lists sandboxes, one part at a time: pass `next_cursor` as `cursor` to get the next part.
    ///
    /// # Parameters
    /// * `query`: Filters, order, and where to continue.
    ///
    /// # Errors
    /// `Validation` when the server refuses a filter.
    pub async fn list(&self, query: ListSandboxesQuery) -> Result<ListSandboxesResponse> {
        self.client
            .run("sandbox.list", DEFAULT_LIMIT, async {
                let mut request = self
                    .client
                    .api(Method::GET, "/sandbox")
                    .query_opt("cursor", query.cursor)
                    .query_opt("limit", query.limit)
                    .query_opt("id", query.id)
                    .query_opt("name", query.name)
                    .query_opt("labels", labels_query(query.labels))
                    .query_opt("includeErroredDeleted", query.include_errored_deleted)
                    .query_opt("minCpu", query.min_cpu)
                    .query_opt("maxCpu", query.max_cpu)
                    .query_opt("minMemoryGiB", query.min_memory_gib)
                    .query_opt("maxMemoryGiB", query.max_memory_gib)
                    .query_opt("minDiskGiB", query.min_disk_gib)
                    .query_opt("maxDiskGiB", query.max_disk_gib)
                    .query_opt("isPublic", query.is_public)
                    .query_opt("isRecoverable", query.is_recoverable)
                    .query_opt("createdAtAfter", query.created_at_after)
                    .query_opt("createdAtBefore", query.created_at_before)
                    .query_opt("lastEventAfter", query.last_activity_after)
                    .query_opt("lastEventBefore", query.last_activity_before)
                    .query_opt("autoDestroyAtAfter", query.auto_destroy_at_after)
                    .query_opt("autoDestroyAtBefore", query.auto_destroy_at_before)
                    .query_opt("sort", query.sort.as_ref().map(plain))
                    .query_opt("order", query.order.as_ref().map(plain));
                for state in query.states.iter().flatten() {
                    request = request.query("states", plain(state));
                }
                let lists = [
                    ("snapshots", query.snapshots),
                    ("regionIds", query.targets),
                    ("sandboxClasses", query.sandbox_classes),
                ];
                for (name, values) in lists {
                    for value in values.into_iter().flatten() {
                        request = request.query(name, value);
                    }
                }
                request.read().await
            })
            .await
    }

    /// Returns one numbered page of sandboxes.
    ///
    /// The server numbers what there is at the time of the request: a program that goes through the pages while others create
    /// or delete sandboxes may miss some, or see some twice. Lists that continue at a cursor are not affected.
    ///
    /// # Errors
    /// `Validation` when the page or the limit is out of range.
    pub async fn list_page(&self, options: ListPageOptions) -> Result<PaginatedSandboxes> {
        self.client
            .run("sandbox.list_page", DEFAULT_LIMIT, async {
                self.client
                    .api(Method::GET, "/sandbox/paginated")
                    .query_opt("page", options.page)
                    .query_opt("limit", options.limit)
                    .query_opt("labels", labels_query(options.labels))
                    .read()
                    .await
            })
            .await
    }

    /// Starts a sandbox that is stopped, archived or paused, and waits until it has started.
    ///
    /// # Parameters
    /// * `id_or_name`: Id or name of the sandbox.
    ///
    /// # Errors
    /// `Validation` when its state does not allow it, `Timeout` when it takes too long.
    pub async fn start(&self, id_or_name: &str, options: WaitOptions) -> Result<SandboxInfo> {
        let path = sandbox_path(id_or_name, "/start")?;
        let limit = deadline::limit(options.timeout, DEFAULT_LIMIT);
        self.client
            .run("sandbox.start", limit, async {
                let sandbox = self.client.api(Method::POST, path).idempotent().read().await?;
                self.reach(sandbox, &[SandboxState::Started]).await
            })
            .await
            .map_err(|e| late(e, id_or_name))
    }

    /// Stops a sandbox and waits until it has stopped. Its files are kept; its processes end.
    ///
    /// # Parameters
    /// * `id_or_name`: Id or name of the sandbox.
    ///
    /// # Errors
    /// `Validation` when its state does not allow it, `Timeout` when it takes too long.
    pub async fn stop(&self, id_or_name: &str, options: StopOptions) -> Result<SandboxInfo> {
        let path = sandbox_path(id_or_name, "/stop")?;
        let limit = deadline::limit(options.timeout, DEFAULT_LIMIT);
        self.client
            .run("sandbox.stop", limit, async {
                let request = self.client.api(Method::POST, path).query("force", options.force.unwrap_or(false));
                let sandbox = request.idempotent().read().await?;
                self.reach(sandbox, &[SandboxState::Stopped, SandboxState::Destroyed]).await
            })
            .await
            .map_err(|e| late(e, id_or_name))
    }

    /// Deletes a sandbox with everything in it. Deleting one that is already being deleted is not an error.
    ///
    /// # Parameters
    /// * `id_or_name`: Id or name of the sandbox.
    ///
    /// # Errors
    /// `NotFound` when there is no such sandbox, `Conflict` while its state is changing.
    pub async fn delete(&self, id_or_name: &str, options: DeleteOptions) -> Result<SandboxInfo> {
        let path = sandbox_path(id_or_name, "")?;
        let limit = deadline::limit(options.timeout, DEFAULT_LIMIT);
        self.client
            .run("sandbox.delete", limit, async {
                let sandbox = match self.client.api(Method::DELETE, path).read().await {
                    Err(refusal) if refusal.kind() == ErrorKind::Conflict => {
                        let sandbox = self.look(id_or_name).await?;
                        if !matches!(sandbox.state, Some(SandboxState::Destroying | SandboxState::Destroyed)) {
                            return Err(refusal);
                        }
                        sandbox
                    }
                    other => other?,
                };
                if !options.wait.unwrap_or(false) {
                    return Ok(sandbox);
                }
                self.reach(sandbox, &[SandboxState::Destroyed]).await
            })
            .await
            .map_err(|e| late(e, id_or_name))
    }

    /// Waits until the sandbox has started.
    ///
    /// # Parameters
    /// * `id_or_name`: Id or name of the sandbox.
    ///
    /// # Errors
    /// `Timeout` when it takes too long, `Unknown` when the sandbox fails.
    pub async fn wait_for_start(&self, id_or_name: &str, options: WaitOptions) -> Result<SandboxInfo> {
        self.wait(id_or_name, options, "sandbox.wait_for_start", &[SandboxState::Started]).await
    }

    /// Waits until the sandbox has stopped or has been deleted.
    ///
    /// # Parameters
    /// * `id_or_name`: Id or name of the sandbox.
    ///
    /// # Errors
    /// `Timeout` when it takes too long, `Unknown` when the sandbox fails.
    pub async fn wait_for_stop(&self, id_or_name: &str, options: WaitOptions) -> Result<SandboxInfo> {
        self.wait(id_or_name, options, "sandbox.wait_for_stop", &[SandboxState::Stopped, SandboxState::Destroyed]).await
    }

    /// Moves a stopped sandbox to object storage. It returns at once; `start` brings the sandbox back.
    ///
    /// # Parameters
    /// * `id_or_name`: Id or name of the sandbox.
    ///
    /// # Errors
    /// `Validation` when its state does not allow it.
    pub async fn archive(&self, id_or_name: &str) -> Result<SandboxInfo> {
        let path = sandbox_path(id_or_name, "/archive")?;
        self.client.run("sandbox.archive", DEFAULT_LIMIT, self.client.api(Method::POST, path).read()).await
    }

    /// Brings a sandbox back from a recoverable error and waits until it has started.
    ///
    /// # Parameters
    /// * `id_or_name`: Id or name of the sandbox.
    ///
    /// # Errors
    /// `Validation` when its state does not allow it, `Timeout` when it takes too long.
    pub async fn recover(&self, id_or_name: &str, options: WaitOptions) -> Result<SandboxInfo> {
        let path = sandbox_path(id_or_name, "/recover")?;
        let limit = deadline::limit(options.timeout, DEFAULT_LIMIT);
        self.client
            .run("sandbox.recover", limit, async {
                let sandbox = self.client.api(Method::POST, path).read().await?;
                self.reach(sandbox, &[SandboxState::Started]).await
            })
            .await
            .map_err(|e| late(e, id_or_name))
    }
}

pub(super) fn sandbox_path(id_or_name: &str, rest: &str) -> Result<String> {
    if id_or_name.is_empty() {
        return Err(Error::invalid_argument("The sandbox id or name is empty."));
    }
    Ok(format!("/sandbox/{}{rest}", segment(id_or_name)))
}

/// Labels travel as one JSON parameter (wire.md 2.3).
fn labels_query(labels: Option<BTreeMap<String, String>>) -> Option<String> {
    labels.filter(|l| !l.is_empty()).map(|l| json!(l).to_string())
}

/// An enum of strings as it stands on the wire.
pub(super) fn plain(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(text)) => text,
        other => unreachable!("an enum of strings was written as {other:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_state_is_kept_as_it_came() {
        let info: SandboxInfo = serde_json::from_str(r#"{"id":"x","state":"meditating","novelty":1}"#).unwrap();
        assert_eq!(info.state, Some(SandboxState::Other("meditating".into())));
        assert_eq!(plain(&info.state), "meditating");
    }
}
