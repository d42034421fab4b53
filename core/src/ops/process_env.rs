//! The environment of processes to come, and what the sandbox uses right now.

use std::collections::BTreeMap;

use http::Method;

use super::Process;
use crate::client::DEFAULT_LIMIT;
use crate::error::{Error, Result};
use crate::model::{SandboxMetrics, UpdateEnvOptions};

impl Process {
    /// Changes the environment variables that processes started from now on find, and returns all of them. What already
    /// runs keeps its own. The change lasts until the sandbox stops.
    ///
    /// Variables are removed first, then set.
    ///
    /// # Errors
    /// `InvalidArgument` when nothing is to be changed, `Validation` for an invalid name or value, `NotFound` on servers up
    /// to 0.190.
    ///
    /// # Examples
    /// `life environment`
    pub async fn update_env(&self, options: UpdateEnvOptions) -> Result<BTreeMap<String, String>> {
        let UpdateEnvOptions { set, unset, unset_value_prefix } = &options;
        if set.is_none() && unset.is_none() && unset_value_prefix.is_none() {
            return Err(Error::invalid_argument(format!(
                "Give at least one of set, unset and {}.",
                self.toolbox.client.spelled("unset_value_prefix")
            )));
        }
        self.toolbox
            .client
            .run("process.update_env", DEFAULT_LIMIT, async {
                self.toolbox.request(Method::POST, "/env").await?.json(&options).read().await
            })
            .await
    }

    /// Returns what the sandbox uses right now. Use of the CPU is measured since the last call; the first says 0.
    ///
    /// # Errors
    /// `NotFound` on servers up to 0.190.
    ///
    /// # Examples
    /// `life metrics`
    pub async fn get_metrics_latest(&self) -> Result<SandboxMetrics> {
        self.toolbox
            .client
            .run("process.get_metrics_latest", DEFAULT_LIMIT, async {
                let now: SandboxMetrics = self.toolbox.request(Method::GET, "/system/metrics").await?.read().await?;
                Ok(now.completed())
            })
            .await
    }
}
