//! Secrets in sandboxes: which one a sandbox has under which variable, and changes while it runs.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use http::{Request, StatusCode, header};
use http_body_util::Full;
use hyper::body::Bytes;
use serde_json::{Value, json};

use crate::backend::{Feature, toolbox};
use crate::engine::Engine;
use crate::errors::{ApiError, ApiResult, in_words};
use crate::network::{self, PREFIX};
use crate::sandboxes::lifecycle::off_the_runtime;
use crate::sandboxes::registry::Entry;
use crate::sandboxes::sandbox::Sandbox;

/// The most secrets of a sandbox.
pub const MOST: usize = 100;

/// How long a sandbox may take to take over its variables.
const PATIENCE: Duration = Duration::from_secs(10);

/// Reads a list of objects, each of a variable and the name of a secret.
pub fn read(list: &[Value]) -> ApiResult<BTreeMap<String, String>> {
    let mut mounts = BTreeMap::new();
    for entry in list {
        let entry =
            entry.as_object().ok_or_else(|| ApiError::bad_request("each value in secrets must be an object"))?;
        for (variable, name) in entry {
            let name = name.as_str().ok_or_else(|| {
                ApiError::bad_request(format!("secrets: {variable:?} must be the name of a secret, a string"))
            })?;
            if !is_variable(variable) {
                return Err(ApiError::bad_request(format!(
                    "secrets contains an invalid variable name: {variable:?}. Use letters, digits and underscores, no digit first"
                )));
            }
            if mounts.insert(variable.clone(), name.to_owned()).is_some() {
                return Err(ApiError::bad_request(format!("secrets has {variable} twice")));
            }
        }
    }
    if mounts.len() > MOST {
        return Err(ApiError::bad_request(format!("secrets must contain no more than {MOST} elements")));
    }
    Ok(mounts)
}

fn is_variable(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

impl Engine {
    /// The ids of the secrets that a sandbox is to have, by their names.
    ///
    /// # Errors
    /// 404 for a name that no secret of the organization has, 400 for a variable that `env` has too, 501 where sandboxes cannot
    /// have secrets.
    pub fn resolve_secrets(
        &self,
        sandbox: &Sandbox,
        mounts: BTreeMap<String, String>,
    ) -> ApiResult<BTreeMap<String, String>> {
        if mounts.is_empty() {
            return Ok(mounts);
        }
        self.backend.check(Feature::Secrets)?;
        let owner = self.owner_of(sandbox);
        let resolve = |(variable, name): (String, String)| {
            if sandbox.env.contains_key(&variable) {
                return Err(ApiError::bad_request(format!("{variable} is in both env and secrets")));
            }
            let id = self.secrets.id_of(&owner, &name);
            id.map(|id| (variable, id)).ok_or_else(|| ApiError::not_found(format!("Secret with name {name} not found")))
        };
        mounts.into_iter().map(resolve).collect()
    }

    /// What a sandbox's variables hold in place of its secrets.
    pub fn placeholders(&self, sandbox: &Sandbox) -> BTreeMap<String, String> {
        let known = self.secrets.of(&self.owner_of(sandbox), sandbox.secrets.values());
        let placeholder =
            |(variable, id): (&String, &String)| Some((variable.clone(), known.get(id)?.placeholder.clone()));
        sandbox.secrets.iter().filter_map(placeholder).collect()
    }

    /// What a sandbox's requests are given. One that has been promised none has no need of the engine in their way.
    pub fn mounted_secrets(&self, sandbox: &Sandbox) -> network::Secrets {
        let known = self.secrets.of(&self.owner_of(sandbox), sandbox.secrets.values());
        network::Secrets::new(known.values().map(|secret| secret.for_network()).collect())
    }

    /// Gives a running sandbox's requests its secrets as they are now. Blocks briefly.
    pub fn give_secrets(&self, entry: &Entry) {
        if let Some(instance) = entry.instance() {
            instance.set_secrets(&mut || entry.with_record(|record| self.mounted_secrets(record)));
        }
    }

    /// Has every sandbox that has a secret follow its change or end.
    pub fn follow_secret(&self, id: &str) {
        for entry in self.registry.all() {
            if entry.with_record(|record| record.secrets.values().any(|mounted| mounted == id)) {
                self.give_secrets(&entry);
            }
        }
    }

    /// Replaces the secrets of a sandbox: its requests at once, the variables of what it starts from now on. One that started
    /// without any has them from its next start.
    pub async fn change_secrets(
        self: &Arc<Self>,
        entry: &Arc<Entry>,
        mounts: BTreeMap<String, String>,
    ) -> ApiResult<()> {
        let mounts = self.resolve_secrets(&entry.record(), mounts)?;
        self.change_stored(entry, |record| record.secrets = mounts).await?;
        let (engine, changed) = (Arc::clone(self), Arc::clone(entry));
        off_the_runtime(move || engine.give_secrets(&changed)).await?;
        self.show_placeholders(entry).await;
        Ok(())
    }

    /// Has what a running sandbox starts from now on see its placeholders. One that stands still is told when it goes on.
    pub async fn show_placeholders(&self, entry: &Entry) {
        if entry.instance().is_none_or(|instance| instance.is_frozen()) {
            return;
        }
        let (id, set) = entry.with_record(|record| (record.id.clone(), self.placeholders(record)));
        let change = json!({"set": set, "unsetValuePrefix": PREFIX}).to_string();
        let told = tokio::time::timeout(PATIENCE, self.change_environment(&id, change)).await;
        if let Err(error) = told.context("it does not answer").and_then(|told| told) {
            // It may be about to end. The next start has them all.
            tracing::warn!(
                sandbox = id,
                error = in_words(&error),
                "a sandbox did not take over its secrets' variables"
            );
        }
    }

    async fn change_environment(&self, id: &str, change: String) -> anyhow::Result<()> {
        let mut sender = toolbox::open(&*self.backend, id).await?;
        let request = Request::post("/env")
            .header(header::HOST, "toolbox")
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(change)))?;
        let status = sender.send(request).await?.status();
        if status != StatusCode::OK {
            bail!("it answers {status}");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mounts_are_variables_and_names() {
        let of = |list: Value| read(list.as_array().unwrap());
        let mounts = of(json!([{"KEY": "anthropic-prod"}, {"A": "a", "B": "a"}])).unwrap();
        assert_eq!(mounts.into_keys().collect::<Vec<_>>(), ["A", "B", "KEY"]);
        for list in [json!(["KEY"]), json!([{"KEY": 1}]), json!([{"A B": "a"}]), json!([{"A": "a"}, {"A": "b"}])] {
            assert!(of(list.clone()).is_err(), "{list}");
        }
    }
}
