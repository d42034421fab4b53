//! Settings of a sandbox that can be changed: labels, intervals, who may see it, network rules.

use std::collections::BTreeMap;

use http::Method;
use serde_json::json;

use super::Sandboxes;
use super::create_body::secret_mounts;
use super::sandbox::sandbox_path;
use crate::client::DEFAULT_LIMIT;
use crate::error::{Error, Result};
use crate::model::{NetworkSettings, SandboxInfo};

impl Sandboxes {
    /// Replaces all labels of the sandbox and returns the new ones.
    ///
    /// # Parameters
    /// * `id_or_name`: Id or name of the sandbox.
    /// * `labels`: The new labels; those that are not given are removed.
    ///
    /// # Returns
    /// The labels of the sandbox now.
    ///
    /// # Errors
    /// `NotFound` when there is no such sandbox.
    pub async fn set_labels(
        &self,
        id_or_name: &str,
        labels: BTreeMap<String, String>,
    ) -> Result<BTreeMap<String, String>> {
        #[derive(serde::Deserialize)]
        struct Labels {
            labels: BTreeMap<String, String>,
        }
        let path = sandbox_path(id_or_name, "/labels")?;
        let body = json!({ "labels": labels });
        self.client
            .run("sandbox.set_labels", DEFAULT_LIMIT, async {
                let answer: Labels = self.client.api(Method::PUT, path).json(&body).read().await?;
                Ok(answer.labels)
            })
            .await
    }

    /// Sets after how many minutes without activity the sandbox stops.
    ///
    /// # Parameters
    /// * `id_or_name`: Id or name of the sandbox.
    /// * `interval`: Minutes without activity; 0 = it never stops by itself.
    ///
    /// # Errors
    /// `InvalidArgument` for a negative number.
    pub async fn set_auto_stop_interval(&self, id_or_name: &str, interval: i64) -> Result<()> {
        self.set_interval("sandbox.set_auto_stop_interval", id_or_name, "autostop", interval, 0).await
    }

    /// Sets after how many minutes the stopped sandbox is archived.
    ///
    /// # Parameters
    /// * `id_or_name`: Id or name of the sandbox.
    /// * `interval`: Minutes since it stopped; 0 = the longest time the server allows.
    ///
    /// # Errors
    /// `InvalidArgument` for a negative number.
    pub async fn set_auto_archive_interval(&self, id_or_name: &str, interval: i64) -> Result<()> {
        self.set_interval("sandbox.set_auto_archive_interval", id_or_name, "autoarchive", interval, 0).await
    }

    /// Sets after how many minutes the stopped sandbox is deleted.
    ///
    /// # Parameters
    /// * `id_or_name`: Id or name of the sandbox.
    /// * `interval`: Minutes since it stopped; 0 = it is deleted as soon as it stops, negative = never.
    ///
    /// # Errors
    /// `NotFound` when there is no such sandbox.
    pub async fn set_auto_delete_interval(&self, id_or_name: &str, interval: i64) -> Result<()> {
        self.set_interval("sandbox.set_auto_delete_interval", id_or_name, "autodelete", interval, i64::MIN).await
    }

    /// Sets after how many minutes without activity the sandbox is paused.
    ///
    /// # Parameters
    /// * `id_or_name`: Id or name of the sandbox.
    /// * `interval`: Minutes without activity; 0 = it is never paused by itself.
    ///
    /// # Errors
    /// `InvalidArgument` for a negative number, `UnprocessableEntity` when the server cannot pause this kind of sandbox,
    /// `NotFound` on servers up to 0.190.
    pub async fn set_auto_pause_interval(&self, id_or_name: &str, interval: i64) -> Result<()> {
        self.set_interval("sandbox.set_auto_pause_interval", id_or_name, "autopause", interval, 0).await
    }

    /// Sets how long the sandbox exists from now on. Then it is deleted, whatever its state.
    ///
    /// # Parameters
    /// * `id_or_name`: Id or name of the sandbox.
    /// * `ttl_minutes`: Minutes from now; 0 = it is kept.
    ///
    /// # Errors
    /// `InvalidArgument` for a negative number, `NotFound` on servers up to 0.190.
    pub async fn set_ttl(&self, id_or_name: &str, ttl_minutes: i64) -> Result<SandboxInfo> {
        if ttl_minutes < 0 {
            return Err(Error::invalid_argument(format!(
                "The time to live {ttl_minutes} is not usable: it must be a number of minutes, 0 or more."
            )));
        }
        let path = sandbox_path(id_or_name, &format!("/ttl/{ttl_minutes}"))?;
        self.client.run("sandbox.set_ttl", DEFAULT_LIMIT, self.client.api(Method::POST, path).read()).await
    }

    /// Sets whether previews of the sandbox's ports need no authentication.
    ///
    /// # Parameters
    /// * `id_or_name`: Id or name of the sandbox.
    /// * `is_public`: True: whoever knows the address may open a preview.
    ///
    /// # Errors
    /// `NotFound` when there is no such sandbox.
    pub async fn set_public(&self, id_or_name: &str, is_public: bool) -> Result<SandboxInfo> {
        let path = sandbox_path(id_or_name, &format!("/public/{is_public}"))?;
        let request = self.client.api(Method::POST, path).idempotent();
        self.client.run("sandbox.set_public", DEFAULT_LIMIT, request.read()).await
    }

    /// Tells the server that the sandbox is in use, which restarts the time after which it stops by itself.
    ///
    /// # Parameters
    /// * `id_or_name`: Id or name of the sandbox.
    ///
    /// # Errors
    /// `NotFound` when there is no such sandbox.
    pub async fn refresh_activity(&self, id_or_name: &str) -> Result<()> {
        let path = sandbox_path(id_or_name, "/last-activity")?;
        let request = self.client.api(Method::POST, path).idempotent();
        self.client.run("sandbox.refresh_activity", DEFAULT_LIMIT, request.done()).await
    }

    /// Changes which networks and domains the sandbox may reach.
    ///
    /// # Parameters
    /// * `id_or_name`: Id or name of the sandbox.
    /// * `settings`: The new rules; at least one must be given.
    ///
    /// # Errors
    /// `Validation` when no rule is given.
    pub async fn update_network_settings(&self, id_or_name: &str, settings: NetworkSettings) -> Result<SandboxInfo> {
        let path = sandbox_path(id_or_name, "/network-settings")?;
        let request = self.client.api(Method::POST, path).json(&settings);
        self.client.run("sandbox.update_network_settings", DEFAULT_LIMIT, request.read()).await
    }

    /// Replaces the secrets of the sandbox. Requests have them at once, the environment of processes that are started from then
    /// on. A sandbox that started without secrets has them from its next start.
    ///
    /// # Parameters
    /// * `id_or_name`: Id or name of the sandbox.
    /// * `secrets`: Variables of the environment, each with the name of a secret; empty = none.
    ///
    /// # Errors
    /// `NotFound` when there is no such secret, and on servers up to 0.195, `Validation` when a variable's name is not valid.
    ///
    /// # Examples
    /// `secrets manage`
    pub async fn update_secrets(&self, id_or_name: &str, secrets: BTreeMap<String, String>) -> Result<SandboxInfo> {
        let path = sandbox_path(id_or_name, "/secrets")?;
        let request = self.client.api(Method::PUT, path).json(&json!({ "secrets": secret_mounts(secrets) }));
        self.client.run("sandbox.update_secrets", DEFAULT_LIMIT, request.read()).await
    }

    async fn set_interval(
        &self,
        operation: &'static str,
        id_or_name: &str,
        route: &str,
        interval: i64,
        least: i64,
    ) -> Result<()> {
        if interval < least {
            return Err(Error::invalid_argument(format!(
                "The interval {interval} is not usable: it must be a number of minutes, 0 or more."
            )));
        }
        let path = sandbox_path(id_or_name, &format!("/{route}/{interval}"))?;
        self.client.run(operation, DEFAULT_LIMIT, self.client.api(Method::POST, path).idempotent().done()).await
    }
}
