//! Changes of a sandbox as a whole: its size, pausing, copies.

use http::Method;
use serde_json::json;

use super::Sandboxes;
use super::making::Making;
use super::reach::{arrived, late};
use super::sandbox::sandbox_path;
use crate::client::DEFAULT_LIMIT;
use crate::error::{Error, Result};
use crate::model::{ForkOptions, Resources, SandboxInfo, SandboxState, WaitOptions};
use crate::travel::deadline;
use crate::travel::http::body as given;

impl Sandboxes {
    /// Changes CPU, memory and disk of the sandbox and waits until that is done. A running sandbox can be given more CPU and
    /// memory; its disk, and less of either, take a stopped one. A disk only grows.
    ///
    /// # Parameters
    /// * `id_or_name`: Id or name of the sandbox.
    /// * `resources`: What to change; what is not given stays as it is.
    ///
    /// # Errors
    /// `InvalidArgument` when GPUs are given, which cannot be changed, `Validation` when the server refuses a value or the
    /// sandbox's state does not allow it, `Timeout` when it takes too long.
    ///
    /// # Examples
    /// `life resize`
    pub async fn resize(&self, id_or_name: &str, resources: Resources, options: WaitOptions) -> Result<SandboxInfo> {
        if resources.gpu.is_some_and(|gpu| gpu != 0) {
            return Err(Error::invalid_argument("The GPUs of a sandbox cannot be changed: leave gpu out."));
        }
        let path = sandbox_path(id_or_name, "/resize")?;
        let limit = deadline::limit(options.timeout, DEFAULT_LIMIT);
        let Resources { cpu, memory, disk, .. } = resources;
        let body = given(json!({ "cpu": cpu, "memory": memory, "disk": disk }));
        self.client
            .run("sandbox.resize", limit, async {
                let sandbox = self.client.api(Method::POST, path).json(&body).read().await?;
                self.leave(sandbox, &SandboxState::Resizing).await
            })
            .await
            .map_err(|e| late(e, id_or_name))
    }

    /// Waits until a change of the sandbox's size is complete.
    ///
    /// # Parameters
    /// * `id_or_name`: Id or name of the sandbox.
    ///
    /// # Errors
    /// `Timeout` when it takes too long, `Unknown` when the sandbox fails.
    pub async fn wait_for_resize_complete(&self, id_or_name: &str, options: WaitOptions) -> Result<SandboxInfo> {
        let limit = deadline::limit(options.timeout, DEFAULT_LIMIT);
        self.client
            .run("sandbox.wait_for_resize_complete", limit, async {
                let sandbox = self.look(id_or_name).await?;
                self.leave(sandbox, &SandboxState::Resizing).await
            })
            .await
            .map_err(|e| late(e, id_or_name))
    }

    /// Freezes a started sandbox and waits until it is paused: its processes stand still and keep their memory. `start`
    /// lets them go on.
    ///
    /// # Parameters
    /// * `id_or_name`: Id or name of the sandbox.
    ///
    /// # Errors
    /// `UnprocessableEntity` when the server cannot pause this kind of sandbox, `Validation` when its state does not allow
    /// it, `Timeout` when it takes too long.
    ///
    /// # Examples
    /// `life pause`
    pub async fn pause(&self, id_or_name: &str, options: WaitOptions) -> Result<SandboxInfo> {
        let path = sandbox_path(id_or_name, "/pause")?;
        let limit = deadline::limit(options.timeout, DEFAULT_LIMIT);
        self.client
            .run("sandbox.pause", limit, async {
                let sandbox = self.client.api(Method::POST, path).read().await?;
                self.leave(sandbox, &SandboxState::Pausing).await
            })
            .await
            .map_err(|e| late(e, id_or_name))
    }

    /// Makes a snapshot of the sandbox's files, from which others can be made, and waits until that is done.
    ///
    /// # Parameters
    /// * `id_or_name`: Id or name of the sandbox.
    /// * `name`: Name of the snapshot, unique in the organization.
    ///
    /// # Errors
    /// `Conflict` when the name is taken, `Validation` when the sandbox's state does not allow it, `UnprocessableEntity` when
    /// the server cannot do it for this kind of sandbox, `Timeout` when it takes too long.
    pub async fn create_snapshot(&self, id_or_name: &str, name: &str, options: WaitOptions) -> Result<SandboxInfo> {
        if name.is_empty() {
            return Err(Error::invalid_argument("The name of the snapshot is empty."));
        }
        let path = sandbox_path(id_or_name, "/snapshot")?;
        let limit = deadline::limit(options.timeout, DEFAULT_LIMIT);
        self.client
            .run("sandbox.create_snapshot", limit, async {
                let sandbox = self.client.api(Method::POST, path).json(&json!({ "name": name })).read().await?;
                self.leave(sandbox, &SandboxState::Snapshotting).await
            })
            .await
            .map_err(|e| late(e, id_or_name))
    }

    /// Makes a new sandbox with the files and settings of this one, and waits until it has started. The local engine copies
    /// files only: nothing that runs or is in memory goes along.
    ///
    /// If the call is cancelled or times out, the copy is deleted, unless `keep` is set.
    ///
    /// # Parameters
    /// * `id_or_name`: Id or name of the sandbox to copy.
    ///
    /// # Errors
    /// `UnprocessableEntity` when the server cannot copy this kind of sandbox, `Conflict` when the name is taken,
    /// `Validation` when the sandbox's state does not allow it, `Timeout` when the copy does not start in time.
    ///
    /// # Examples
    /// `life fork`
    pub async fn fork(&self, id_or_name: &str, options: ForkOptions) -> Result<SandboxInfo> {
        let path = sandbox_path(id_or_name, "/fork")?;
        let limit = deadline::limit(options.timeout, DEFAULT_LIMIT);
        let body = given(json!({ "name": options.name }));
        let mut making = Making::new(&self.client, "sandbox.fork", options.keep.unwrap_or(false));
        let result = self
            .client
            .run("sandbox.fork", limit, async {
                let copy = making.request(path, body, self.client.limit(limit)).await?;
                let started = [SandboxState::Started];
                if arrived(&copy, &started)? {
                    return Ok(copy);
                }
                self.reach(copy, &started).await
            })
            .await;
        making.end(result).await
    }
}
