//! Snapshots: create, find, list, activate, deactivate, delete.

use http::Method;
use serde_json::{Value, json};
use tokio::sync::watch;
use uuid::Uuid;

use super::Snapshots;
use super::create_body::add_contexts;
use super::sandbox::plain;
use crate::client::{Client, DEFAULT_LIMIT};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{
    CreateSnapshotOptions, CreateSnapshotParams, ListSnapshotsOptions, PaginatedSnapshots, Snapshot, SnapshotState,
};
use crate::protocols::build_log::{Lines, follow};
use crate::protocols::building::SnapshotBuild;
use crate::storage;
use crate::travel::backoff::Backoff;
use crate::travel::deadline;
use crate::travel::http::{body as given, segment};

/// Pauses between two looks at a snapshot's state. Each is about a 25th of the time waited so far.
const PAUSES: Backoff =
    Backoff::new(std::time::Duration::from_millis(25), std::time::Duration::from_secs(1)).growing(1.04);

impl Snapshots {
    /// Creates a snapshot from an image, which is fetched or built, and waits until it can be used. What is built goes on
    /// when the call is cancelled or times out.
    ///
    /// # Parameters
    /// * `params`: What to create it from, and its settings.
    ///
    /// # Returns
    /// The snapshot.
    ///
    /// # Errors
    /// `Validation` when the server refuses the parameters, `InvalidArgument` when a local file cannot be read, `Conflict`
    /// when the name is taken, `Timeout` when it takes too long, `Unknown` when its image cannot be fetched or built: the
    /// error says why.
    pub async fn create(&self, params: CreateSnapshotParams, options: CreateSnapshotOptions) -> Result<Snapshot> {
        self.make("snapshot.create", params, options, Lines::none()).await
    }

    /// Creates a snapshot from an image, which is fetched or built, and follows the log of that.
    ///
    /// # Parameters
    /// * `params`: What to create it from, and its settings.
    ///
    /// # Returns
    /// The snapshot in the making.
    ///
    /// # Errors
    /// As for `create`, from the stream.
    pub async fn create_with_logs(
        &self,
        params: CreateSnapshotParams,
        options: CreateSnapshotOptions,
    ) -> Result<SnapshotBuild> {
        let snapshots = self.clone();
        Ok(SnapshotBuild::begin(|lines| async move {
            snapshots.make("snapshot.create_with_logs", params, options, lines).await
        }))
    }

    /// Returns the snapshot with this id or name.
    ///
    /// # Parameters
    /// * `id_or_name`: Id or name of the snapshot.
    ///
    /// # Returns
    /// The snapshot.
    ///
    /// # Errors
    /// `NotFound` when there is no such snapshot.
    pub async fn get(&self, id_or_name: &str) -> Result<Snapshot> {
        self.client.run("snapshot.get", DEFAULT_LIMIT, self.look(id_or_name)).await
    }

    /// Returns one numbered page of snapshots.
    ///
    /// # Errors
    /// `Validation` when the page or the limit is out of range.
    pub async fn list(&self, options: ListSnapshotsOptions) -> Result<PaginatedSnapshots> {
        let request = self
            .client
            .api(Method::GET, "/snapshots")
            .query_opt("page", options.page)
            .query_opt("limit", options.limit)
            .query_opt("name", options.name)
            .query_opt("sort", options.sort)
            .query_opt("order", options.order)
            .query_opt("sourceSandboxId", options.source_sandbox_id);
        self.client.run("snapshot.list", DEFAULT_LIMIT, request.read()).await
    }

    /// Makes an inactive snapshot usable again.
    ///
    /// # Parameters
    /// * `id_or_name`: Id or name of the snapshot.
    ///
    /// # Returns
    /// The snapshot.
    ///
    /// # Errors
    /// `NotFound` when there is no such snapshot, `Validation` when its state does not allow it.
    pub async fn activate(&self, id_or_name: &str) -> Result<Snapshot> {
        let work = self.with_id(id_or_name, |id| self.client.api(Method::POST, path(&id, "/activate")).read());
        self.client.run("snapshot.activate", DEFAULT_LIMIT, work).await
    }

    /// Keeps a snapshot, but makes no sandboxes from it until it is activated.
    ///
    /// # Parameters
    /// * `id_or_name`: Id or name of the snapshot.
    ///
    /// # Errors
    /// `NotFound` when there is no such snapshot, `Validation` when its state does not allow it.
    pub async fn deactivate(&self, id_or_name: &str) -> Result<()> {
        let work = self.with_id(id_or_name, |id| self.client.api(Method::POST, path(&id, "/deactivate")).done());
        self.client.run("snapshot.deactivate", DEFAULT_LIMIT, work).await
    }

    /// Deletes a snapshot. Sandboxes that were made from it are not touched.
    ///
    /// # Parameters
    /// * `id_or_name`: Id or name of the snapshot.
    ///
    /// # Errors
    /// `NotFound` when there is no such snapshot, `Authorization` for one that belongs to everybody.
    pub async fn delete(&self, id_or_name: &str) -> Result<()> {
        let work = self.with_id(id_or_name, |id| self.client.api(Method::DELETE, path(&id, "")).done());
        self.client.run("snapshot.delete", DEFAULT_LIMIT, work).await
    }

    async fn look(&self, id_or_name: &str) -> Result<Snapshot> {
        if id_or_name.is_empty() {
            return Err(Error::invalid_argument("The snapshot id or name is empty."));
        }
        self.client.api(Method::GET, path(id_or_name, "")).read().await
    }

    /// Does something to the snapshot with this id or name: servers take only its id for that (wire-additions 2.4).
    async fn with_id<T, W>(&self, id_or_name: &str, work: impl Fn(String) -> W) -> Result<T>
    where
        W: Future<Output = Result<T>>,
    {
        if Uuid::try_parse(id_or_name).is_ok() {
            match work(id_or_name.to_owned()).await {
                // A name may look like an id.
                Err(error) if error.is_not_found() => {}
                other => return other,
            }
        }
        let snapshot = self.look(id_or_name).await?;
        work(snapshot.id).await
    }

    async fn make(
        &self,
        operation: &'static str,
        mut params: CreateSnapshotParams,
        options: CreateSnapshotOptions,
        lines: Lines,
    ) -> Result<Snapshot> {
        let limit = deadline::limit(options.timeout, None);
        let name = params.name.clone();
        let contexts = params.contexts.take().unwrap_or_default();
        let mut body = create_body(params, &self.client)?;
        let result = self
            .client
            .run(operation, limit, async {
                add_contexts(&mut body, storage::upload(&self.client, contexts, &lines).await?);
                let snapshot: Snapshot = self.client.api(Method::POST, "/snapshots").json(&body).read().await?;
                let (over, watched) = watch::channel(false);
                let log = follow(&self.client, path(&snapshot.id, ""), &lines, watched);
                let waiting = async {
                    let outcome = self.until_usable(snapshot, &lines).await;
                    over.send_replace(true);
                    outcome
                };
                let (outcome, ()) = tokio::join!(waiting, log);
                let snapshot = outcome?;
                lines.line(format!("Created snapshot {} ({})", snapshot.name, plain(&snapshot.state))).await;
                Ok(snapshot)
            })
            .await;
        result.map_err(|error| match deadline::has_passed(&error) {
            true => error.and(format!("Snapshot {name} goes on being made.")),
            false => error,
        })
    }

    async fn until_usable(&self, mut snapshot: Snapshot, lines: &Lines) -> Result<Snapshot> {
        let mut pauses = PAUSES;
        let mut told = None;
        loop {
            match &snapshot.state {
                SnapshotState::Active => return Ok(snapshot),
                SnapshotState::Error | SnapshotState::BuildFailed => {
                    let reason = snapshot.error_reason.as_deref().unwrap_or("no reason given");
                    let text = format!("Snapshot {} is in state {}: {reason}", snapshot.name, plain(&snapshot.state));
                    return Err(Error::new(ErrorKind::Unknown, text));
                }
                SnapshotState::Removing => {
                    return Err(Error::new(
                        ErrorKind::NotFound,
                        format!("Snapshot {} is being deleted", snapshot.name),
                    ));
                }
                state => {
                    if told.as_ref() != Some(state) {
                        lines.line(format!("Creating snapshot {} ({})", snapshot.name, plain(state))).await;
                        told = Some(state.clone());
                    }
                }
            }
            pauses.pause().await;
            snapshot = self.look(&snapshot.id).await?;
        }
    }
}

fn path(id_or_name: &str, rest: &str) -> String {
    format!("/snapshots/{}{rest}", segment(id_or_name))
}

/// The body of `POST /snapshots` (wire.md 2.7).
fn create_body(params: CreateSnapshotParams, client: &Client) -> Result<Value> {
    if params.name.is_empty() {
        return Err(Error::invalid_argument("The name of the snapshot is empty."));
    }
    let (image, mut dockerfile) = (params.image.filter(|image| !image.is_empty()), params.dockerfile);
    let named = client.spelled("image");
    match (&image, &dockerfile) {
        (None, None) => {
            return Err(Error::invalid_argument(format!("A snapshot is made from an image: give {named}.")));
        }
        (Some(_), Some(_)) => {
            let other = client.spelled("dockerfile");
            return Err(Error::invalid_argument(format!("Give either {named} or {other}, not both.")));
        }
        _ => {}
    }
    let mut entrypoint = params.entrypoint;
    if let (Some(text), Some(command)) = (&mut dockerfile, entrypoint.take_if(|_| image.is_none())) {
        // Servers take an entrypoint only beside the name of an image.
        *text = crate::Image::new(std::mem::take(text), Vec::new()).entrypoint(&command).dockerfile().to_owned();
    }
    let build = dockerfile.map(|dockerfile| {
        given(json!({
            "dockerfileContent": dockerfile,
            "contextHashes": params.context_hashes,
            "secrets": params.build_secrets,
            "keepFailedStep": params.keep_failed_step,
        }))
    });
    let resources = params.resources.unwrap_or_default();
    Ok(given(json!({
        "name": params.name,
        "imageName": image,
        "entrypoint": entrypoint,
        "buildInfo": build,
        "cpu": resources.cpu,
        "memory": resources.memory,
        "disk": resources.disk,
        "gpu": resources.gpu,
        "regionId": params.region_id.as_deref().or(client.target()),
        "sandboxClass": params.sandbox_class.as_ref().map(plain),
        "skipValidation": params.skip_validation,
    })))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Config;

    fn body(params: CreateSnapshotParams) -> Result<Value> {
        let config = Config { api_key: Some("k".into()), target: Some("eu".into()), ..Config::default() };
        create_body(params, &Client::new(config).unwrap())
    }

    #[test]
    fn an_entrypoint_is_a_field_beside_an_image_and_an_instruction_in_a_build() {
        let params = CreateSnapshotParams {
            name: "s".into(),
            image: Some("debian:12".into()),
            entrypoint: Some(vec!["sleep".into(), "1".into()]),
            ..Default::default()
        };
        let sent = body(params.clone()).unwrap();
        assert_eq!(
            sent,
            json!({"name": "s", "imageName": "debian:12", "entrypoint": ["sleep", "1"], "regionId": "eu"})
        );
        let built = CreateSnapshotParams { image: None, dockerfile: Some("FROM debian:12\n".into()), ..params };
        let sent = body(built).unwrap();
        assert_eq!(
            sent,
            json!({
                "name": "s",
                "buildInfo": {"dockerfileContent": "FROM debian:12\nENTRYPOINT [\"sleep\", \"1\"]\n"},
                "regionId": "eu",
            })
        );
    }

    #[test]
    fn contradictions_are_named() {
        let named = CreateSnapshotParams { name: "s".into(), ..Default::default() };
        let both = CreateSnapshotParams {
            image: Some("debian:12".into()),
            dockerfile: Some("FROM x\n".into()),
            ..named.clone()
        };
        for (params, word) in [(CreateSnapshotParams::default(), "name"), (named, "image"), (both, "either")] {
            assert!(body(params).unwrap_err().to_string().contains(word));
        }
    }
}
