//! Sandboxes as a whole: create, find, list, start, stop, delete, wait, settings.

use std::collections::BTreeMap;
use std::time::Duration;

use http::Method;
use serde_json::json;

use super::Sandboxes;
use super::making::Making;
use crate::client::{Client, DEFAULT_LIMIT};
use crate::deadline;
use crate::error::{Error, ErrorKind, Result};
use crate::http::segment;
use crate::model::{
    CreateOptions, CreateSandboxParams, DeleteOptions, FindOneOptions, ListPageOptions, ListSandboxesQuery,
    ListSandboxesResponse, NetworkSettings, PaginatedSandboxes, PortPreviewUrl, SandboxInfo, SandboxState,
    SignedPortPreviewUrl, StopOptions, WaitOptions,
};

/// Label that fixes the language of `code_run` (wire.md 2.2).
pub(crate) const LANGUAGE_LABEL: &str = "code-toolbox-language";

/// First wait between two looks at a sandbox's state; grows gently to [`POLL_MAX`].
const POLL_FIRST: Duration = Duration::from_millis(50);
const POLL_MAX: Duration = Duration::from_secs(1);
/// While events arrive a look now and then is enough.
const POLL_WITH_EVENTS: Duration = Duration::from_secs(1);

impl Sandboxes {
    /// Creates a sandbox and waits until it has started.
    ///
    /// A call that is cancelled or times out deletes what it has made, unless `keep` is set.
    ///
    /// # Errors
    /// `Validation` for parameters the server refuses, `Conflict` when the name is taken, `Timeout` when it does not
    /// start in time, `Unknown` when it fails to start. Once there is a sandbox, the error has its id.
    pub async fn create(&self, params: CreateSandboxParams, options: CreateOptions) -> Result<SandboxInfo> {
        let limit = deadline::limit(options.timeout, DEFAULT_LIMIT)?;
        let body = create_body(params, &self.client)?;
        let mut making = Making::new(&self.client, options.keep.unwrap_or(false));
        let result = self
            .client
            .run("sandbox.create", limit, async {
                let sandbox = making.request(body, self.client.limit(limit)).await?;
                if !options.wait_for_start.unwrap_or(true) {
                    return Ok(sandbox);
                }
                let started = [SandboxState::Started];
                if arrived(&sandbox, &started)? {
                    return Ok(sandbox);
                }
                // Servers wait for the start before they answer, but with the state from before (wire.md 2.2): mostly
                // one look is enough, and no event connection is needed.
                let sandbox = self.look(&sandbox.id).await?;
                self.reach(sandbox, &started).await
            })
            .await;
        making.end(result).await
    }

    /// Returns the sandbox with this id or name.
    ///
    /// # Errors
    /// `NotFound` when there is none.
    pub async fn get(&self, id_or_name: &str) -> Result<SandboxInfo> {
        let path = sandbox_path(id_or_name, "")?;
        self.client.run("sandbox.get", DEFAULT_LIMIT, self.client.api(Method::GET, path).read()).await
    }

    /// Returns the sandbox with this id or name, or the first that has all these labels.
    ///
    /// # Errors
    /// `NotFound` when there is none, `InvalidArgument` when neither id nor labels are given.
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

    /// Lists sandboxes, a part at a time: pass `next_cursor` as `cursor` to continue.
    ///
    /// # Errors
    /// `Validation` for a filter the server refuses.
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

    /// Lists one numbered page of sandboxes.
    ///
    /// # Errors
    /// `Validation` when page or limit are out of range.
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

    /// Starts a stopped sandbox and waits until it has started.
    ///
    /// # Errors
    /// `Validation` when its state does not allow it, `Timeout` when it takes too long.
    pub async fn start(&self, id_or_name: &str, options: WaitOptions) -> Result<SandboxInfo> {
        let path = sandbox_path(id_or_name, "/start")?;
        let limit = deadline::limit(options.timeout, DEFAULT_LIMIT)?;
        self.client
            .run("sandbox.start", limit, async {
                let sandbox = self.client.api(Method::POST, path).idempotent().read().await?;
                self.reach(sandbox, &[SandboxState::Started]).await
            })
            .await
            .map_err(|e| late(e, id_or_name))
    }

    /// Stops a sandbox and waits until it has stopped. Its files are kept, its processes end.
    ///
    /// # Errors
    /// `Validation` when its state does not allow it, `Timeout` when it takes too long.
    pub async fn stop(&self, id_or_name: &str, options: StopOptions) -> Result<SandboxInfo> {
        let path = sandbox_path(id_or_name, "/stop")?;
        let limit = deadline::limit(options.timeout, DEFAULT_LIMIT)?;
        self.client
            .run("sandbox.stop", limit, async {
                let request = self.client.api(Method::POST, path).query("force", options.force.unwrap_or(false));
                let sandbox = request.idempotent().read().await?;
                self.reach(sandbox, &[SandboxState::Stopped, SandboxState::Destroyed]).await
            })
            .await
            .map_err(|e| late(e, id_or_name))
    }

    /// Deletes a sandbox with everything in it. One that is being deleted already stays so, which is no error.
    ///
    /// # Errors
    /// `NotFound` when there is none, `Conflict` while its state changes.
    pub async fn delete(&self, id_or_name: &str, options: DeleteOptions) -> Result<SandboxInfo> {
        let path = sandbox_path(id_or_name, "")?;
        let limit = deadline::limit(options.timeout, DEFAULT_LIMIT)?;
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
    /// # Errors
    /// `Timeout` when it takes too long, `Unknown` when the sandbox fails.
    pub async fn wait_for_start(&self, id_or_name: &str, options: WaitOptions) -> Result<SandboxInfo> {
        self.wait(id_or_name, options, "sandbox.wait_for_start", &[SandboxState::Started]).await
    }

    /// Waits until the sandbox has stopped or is gone.
    ///
    /// # Errors
    /// `Timeout` when it takes too long, `Unknown` when the sandbox fails.
    pub async fn wait_for_stop(&self, id_or_name: &str, options: WaitOptions) -> Result<SandboxInfo> {
        self.wait(id_or_name, options, "sandbox.wait_for_stop", &[SandboxState::Stopped, SandboxState::Destroyed]).await
    }

    /// Moves a stopped sandbox to object storage.
    ///
    /// # Errors
    /// `Validation` when its state does not allow it.
    pub async fn archive(&self, id_or_name: &str) -> Result<SandboxInfo> {
        let path = sandbox_path(id_or_name, "/archive")?;
        self.client.run("sandbox.archive", DEFAULT_LIMIT, self.client.api(Method::POST, path).read()).await
    }

    /// Brings a sandbox back from a recoverable error and waits until it has started.
    ///
    /// # Errors
    /// `Validation` when its state does not allow it, `Timeout` when it takes too long.
    pub async fn recover(&self, id_or_name: &str, options: WaitOptions) -> Result<SandboxInfo> {
        let path = sandbox_path(id_or_name, "/recover")?;
        let limit = deadline::limit(options.timeout, DEFAULT_LIMIT)?;
        self.client
            .run("sandbox.recover", limit, async {
                let sandbox = self.client.api(Method::POST, path).read().await?;
                self.reach(sandbox, &[SandboxState::Started]).await
            })
            .await
            .map_err(|e| late(e, id_or_name))
    }

    /// Replaces the labels and returns them.
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

    /// Sets the minutes without activity after which the sandbox stops; 0 = never.
    ///
    /// # Errors
    /// `InvalidArgument` for a negative number.
    pub async fn set_auto_stop_interval(&self, id_or_name: &str, interval: i64) -> Result<()> {
        self.set_interval("sandbox.set_auto_stop_interval", id_or_name, "autostop", interval, 0).await
    }

    /// Sets the minutes stopped after which the sandbox is archived; 0 = the longest the server allows.
    ///
    /// # Errors
    /// `InvalidArgument` for a negative number.
    pub async fn set_auto_archive_interval(&self, id_or_name: &str, interval: i64) -> Result<()> {
        self.set_interval("sandbox.set_auto_archive_interval", id_or_name, "autoarchive", interval, 0).await
    }

    /// Sets the minutes stopped after which the sandbox is deleted; 0 = at once, negative = never.
    ///
    /// # Errors
    /// `NotFound` when there is no such sandbox.
    pub async fn set_auto_delete_interval(&self, id_or_name: &str, interval: i64) -> Result<()> {
        self.set_interval("sandbox.set_auto_delete_interval", id_or_name, "autodelete", interval, i64::MIN).await
    }

    /// Tells the server that the sandbox is in use, so that it does not stop for lack of activity.
    ///
    /// # Errors
    /// `NotFound` when there is no such sandbox.
    pub async fn refresh_activity(&self, id_or_name: &str) -> Result<()> {
        let path = sandbox_path(id_or_name, "/last-activity")?;
        let request = self.client.api(Method::POST, path).idempotent();
        self.client.run("sandbox.refresh_activity", DEFAULT_LIMIT, request.done()).await
    }

    /// Changes the network rules.
    ///
    /// # Errors
    /// `Validation` when no rule is given.
    pub async fn update_network_settings(&self, id_or_name: &str, settings: NetworkSettings) -> Result<SandboxInfo> {
        let path = sandbox_path(id_or_name, "/network-settings")?;
        let request = self.client.api(Method::POST, path).json(&settings);
        self.client.run("sandbox.update_network_settings", DEFAULT_LIMIT, request.read()).await
    }

    /// Returns the URL of a port of the sandbox, and the token it needs unless the sandbox is public.
    ///
    /// # Errors
    /// `Validation` when the port is not 1 to 65535.
    pub async fn get_preview_link(&self, id_or_name: &str, port: i64) -> Result<PortPreviewUrl> {
        let path = sandbox_path(id_or_name, &format!("/ports/{port}/preview-url"))?;
        self.client.run("sandbox.get_preview_link", DEFAULT_LIMIT, self.client.api(Method::GET, path).read()).await
    }

    /// Returns a URL of a port of the sandbox that needs no further authentication, valid for `expires_in_seconds`
    /// (1 to 86400; default 60).
    ///
    /// # Errors
    /// `Validation` when the port or the time is out of range.
    pub async fn create_signed_preview_url(
        &self,
        id_or_name: &str,
        port: i64,
        expires_in_seconds: Option<i64>,
    ) -> Result<SignedPortPreviewUrl> {
        let path = sandbox_path(id_or_name, &format!("/ports/{port}/signed-preview-url"))?;
        let request = self.client.api(Method::GET, path).query_opt("expiresInSeconds", expires_in_seconds);
        self.client.run("sandbox.create_signed_preview_url", DEFAULT_LIMIT, request.read()).await
    }

    /// Ends a signed preview URL before its time.
    ///
    /// # Errors
    /// `NotFound` when there is no such sandbox.
    pub async fn expire_signed_preview_url(&self, id_or_name: &str, port: i64, token: &str) -> Result<()> {
        let path = format!("/ports/{port}/signed-preview-url/{}/expire", segment(token));
        let path = sandbox_path(id_or_name, &path)?;
        let request = self.client.api(Method::POST, path).hiding(token);
        self.client.run("sandbox.expire_signed_preview_url", DEFAULT_LIMIT, request.done()).await
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

    async fn wait(
        &self,
        id_or_name: &str,
        options: WaitOptions,
        operation: &'static str,
        targets: &[SandboxState],
    ) -> Result<SandboxInfo> {
        let limit = deadline::limit(options.timeout, DEFAULT_LIMIT)?;
        self.client
            .run(operation, limit, async {
                let sandbox = self.look(id_or_name).await?;
                self.reach(sandbox, targets).await
            })
            .await
            .map_err(|e| late(e, id_or_name))
    }

    /// Waits until the sandbox is in one of `targets`: by events where the server offers them, by looking otherwise.
    async fn reach(&self, mut sandbox: SandboxInfo, targets: &[SandboxState]) -> Result<SandboxInfo> {
        if arrived(&sandbox, targets)? {
            return Ok(sandbox);
        }
        let mut changes = self.client.events().await?.map(|hub| hub.subscribe(&sandbox.id));
        // What happened before the subscription is not pushed: the first look comes at once.
        sandbox = self.look(&sandbox.id).await?;
        let mut pause = POLL_FIRST;
        while !arrived(&sandbox, targets)? {
            match &mut changes {
                Some(changes) => {
                    // A socket that is not connected is no reason to look less often.
                    let pause = if changes.is_connected() { POLL_WITH_EVENTS } else { next_pause(&mut pause) };
                    tokio::select! {
                        () = tokio::time::sleep(pause) => {}
                        _ = changes.changed() => {}
                    }
                }
                None => tokio::time::sleep(next_pause(&mut pause)).await,
            }
            sandbox = self.look(&sandbox.id).await?;
        }
        Ok(sandbox)
    }

    /// The sandbox now; one that is not found any more is `destroyed`.
    async fn look(&self, id_or_name: &str) -> Result<SandboxInfo> {
        match self.client.api(Method::GET, sandbox_path(id_or_name, "")?).read().await {
            Err(e) if e.is_not_found() => Ok(SandboxInfo {
                id: id_or_name.to_owned(),
                state: Some(SandboxState::Destroyed),
                ..Default::default()
            }),
            other => other,
        }
    }
}

/// Names the sandbox when the time is over.
fn late(error: Error, id_or_name: &str) -> Error {
    if deadline::has_passed(&error) { error.context(format!("Sandbox {id_or_name}")) } else { error }
}

/// The wait before the next look; each one is a little longer.
fn next_pause(pause: &mut Duration) -> Duration {
    let now = *pause;
    *pause = pause.mul_f64(1.2).min(POLL_MAX);
    now
}

/// Whether the sandbox is where it should be; an error when it will not get there.
fn arrived(sandbox: &SandboxInfo, targets: &[SandboxState]) -> Result<bool> {
    let Some(state) = &sandbox.state else { return Ok(false) };
    if targets.contains(state) {
        return Ok(true);
    }
    if state.is_failure() {
        let reason = sandbox.error_reason.as_deref().unwrap_or("no reason given");
        return Err(Error::new(
            ErrorKind::Unknown,
            format!("Sandbox {} is in state {}: {reason}", sandbox.id, plain(state)),
        ));
    }
    if *state == SandboxState::Destroyed {
        return Err(Error::new(ErrorKind::NotFound, format!("Sandbox {} does not exist any more", sandbox.id)));
    }
    Ok(false)
}

/// The body of `POST /sandbox` (wire.md 2.2, wire-additions 2.1).
fn create_body(params: CreateSandboxParams, client: &Client) -> Result<serde_json::Value> {
    let conflict = |a: &str, b: &str| {
        let (a, b) = (client.spelled(a), client.spelled(b));
        Err(Error::invalid_argument(format!("Give either {a} or {b}, not both.")))
    };
    if params.snapshot.is_some() && params.image.is_some() {
        return conflict("snapshot", "image");
    }
    if params.dockerfile.is_some() && (params.snapshot.is_some() || params.image.is_some()) {
        return conflict("dockerfile", if params.image.is_some() { "image" } else { "snapshot" });
    }
    for (name, value) in [
        ("auto_stop_interval", params.auto_stop_interval),
        ("auto_archive_interval", params.auto_archive_interval),
        ("auto_pause_interval", params.auto_pause_interval),
        ("ttl_minutes", params.ttl_minutes),
    ] {
        if let Some(value) = value.filter(|v| *v < 0) {
            return Err(Error::invalid_argument(format!(
                "{} is {value}: it must be a number of minutes, 0 or more.",
                client.spelled(name)
            )));
        }
    }
    let ephemeral = params.ephemeral.unwrap_or(false);
    if ephemeral && params.auto_delete_interval.is_some_and(|v| v != 0) {
        return conflict("ephemeral", "auto_delete_interval");
    }
    let language = params.language.unwrap_or_else(|| "python".to_owned());
    if !matches!(language.as_str(), "python" | "typescript" | "javascript") {
        return Err(Error::invalid_argument(format!(
            "The language {language:?} is not supported: use python, typescript or javascript."
        )));
    }
    let mut labels = params.labels.unwrap_or_default();
    labels.insert(LANGUAGE_LABEL.to_owned(), language);
    let dockerfile = params.dockerfile.or_else(|| params.image.map(|image| format!("FROM {image}\n")));
    let mut body = json!({
        "env": params.env_vars.unwrap_or_default(),
        "labels": labels,
        "volumes": params.volumes.unwrap_or_default(),
    });
    let mut set = |name: &str, value: serde_json::Value| {
        if !value.is_null() {
            body[name] = value;
        }
    };
    set("name", json!(params.name));
    set("snapshot", json!(params.snapshot));
    set("user", json!(params.user));
    set("public", json!(params.public));
    set("autoStopInterval", json!(params.auto_stop_interval));
    set("autoArchiveInterval", json!(params.auto_archive_interval));
    set("autoDeleteInterval", json!(if ephemeral { Some(0) } else { params.auto_delete_interval }));
    set("autoPauseInterval", json!(params.auto_pause_interval));
    set("ttlMinutes", json!(params.ttl_minutes));
    set("networkBlockAll", json!(params.network_block_all));
    set("networkAllowList", json!(params.network_allow_list));
    set("domainAllowList", json!(params.domain_allow_list));
    set("linkedSandbox", json!(params.linked_sandbox));
    set("target", json!(params.target.as_deref().or(client.target())));
    if let Some(dockerfile) = dockerfile {
        set(
            "buildInfo",
            match params.context_hashes {
                Some(hashes) => json!({ "dockerfileContent": dockerfile, "contextHashes": hashes }),
                None => json!({ "dockerfileContent": dockerfile }),
            },
        );
    }
    if let Some(resources) = params.resources {
        set("cpu", json!(resources.cpu));
        set("memory", json!(resources.memory));
        set("disk", json!(resources.disk));
        set("gpu", json!(resources.gpu));
    }
    Ok(body)
}

fn sandbox_path(id_or_name: &str, rest: &str) -> Result<String> {
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
fn plain(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(text)) => text,
        other => unreachable!("an enum of strings was written as {other:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Config;

    fn client() -> Client {
        Client::new(Config { api_key: Some("k".into()), ..Config::default() }).unwrap()
    }

    #[test]
    fn an_ephemeral_sandbox_is_deleted_when_it_stops() {
        let params = CreateSandboxParams { ephemeral: Some(true), ..Default::default() };
        assert_eq!(create_body(params, &client()).unwrap()["autoDeleteInterval"], 0);
    }

    #[test]
    fn a_bare_create_sends_what_servers_expect() {
        let body = create_body(CreateSandboxParams::default(), &client()).unwrap();
        assert_eq!(body, json!({"env": {}, "labels": {LANGUAGE_LABEL: "python"}, "volumes": []}));
    }

    #[test]
    fn contradictions_are_named() {
        let both = CreateSandboxParams { snapshot: Some("a".into()), image: Some("b".into()), ..Default::default() };
        assert!(create_body(both, &client()).unwrap_err().to_string().contains("snapshot"));
        let language = CreateSandboxParams { language: Some("cobol".into()), ..Default::default() };
        assert!(create_body(language, &client()).unwrap_err().to_string().contains("cobol"));
    }

    #[test]
    fn an_unknown_state_is_kept_as_it_came() {
        let info: SandboxInfo = serde_json::from_str(r#"{"id":"x","state":"meditating","novelty":1}"#).unwrap();
        assert_eq!(info.state, Some(SandboxState::Other("meditating".into())));
        assert_eq!(plain(&info.state), "meditating");
    }
}
