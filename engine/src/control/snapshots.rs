//! Snapshots (wire 2.7).

use std::cmp::Ordering;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Path, RawQuery, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use daytona_images::{Base, Cancel, Change, Compared};
use daytona_toolbox::Compat;
use futures_util::{StreamExt, stream};
use serde_json::{Map, Value, json};
use tokio::sync::Semaphore;

use crate::accounts::caller;
use crate::backend::Feature;
use crate::control::build_logs;
use crate::control::create;
use crate::control::query::{Order, Parameters, read_sort};
use crate::control::validation::{self, Fields};
use crate::engine::Engine;
use crate::errors::{ApiError, ApiResult};
use crate::sandboxes::lifecycle::off_the_runtime;
use crate::sandboxes::sandbox::REGIONS;
use crate::sandboxes::snapshot;
use crate::snapshots::images::CancelOnDrop;
use crate::snapshots::record::{self, Snapshot, SnapshotState};

type Shared = State<Arc<Engine>>;

/// Snapshots on a page when the client says nothing.
const PAGE: u64 = 100;

/// Differences in one answer.
const MOST_DIFFERENCES: usize = 10_000;

/// Bytes of a refused archive that are read for the answer to arrive.
const MOST_READ_OVER: usize = 64 << 20;

/// How long comparing may take.
const COMPARE_LIMIT: Duration = Duration::from_secs(60);

/// Comparisons at once: they read all that two images have.
static COMPARISONS: Semaphore = Semaphore::const_new(2);

/// All of them.
pub fn routes() -> Router<Arc<Engine>> {
    Router::new()
        .route("/snapshots", get(list).post(create))
        .route("/snapshots/{id}", get(one).delete(delete))
        .route("/snapshots/{id}/diff", get(compare))
        .route("/snapshots/{id}/archive", get(export).put(import))
        .route("/snapshots/{id}/activate", post(activate))
        .route("/snapshots/{id}/deactivate", post(deactivate))
        .route("/snapshots/{id}/build-logs", get(build_logs::of_snapshot))
        .route("/snapshots/{id}/build-logs-url", get(build_logs::url_of_snapshot))
}

/// `GET /snapshots?page&limit&name&sourceSandboxId&sort&order`.
async fn list(State(engine): Shared, RawQuery(query): RawQuery) -> ApiResult<Json<Value>> {
    let parameters = Parameters::read(query.as_deref())?;
    let page = parameters.number("page", 1, u64::from(u32::MAX))?.unwrap_or(1);
    let limit = parameters.number("limit", 1, 200)?.unwrap_or(PAGE);
    let (field, order) = read_sort(&parameters, &["name", "state", "lastUsedAt", "createdAt"], "lastUsedAt")?;
    let name = parameters.text("name").map(str::to_lowercase);
    let source = parameters.text("sourceSandboxId");
    let mut found = engine.snapshots.all();
    found.extend(engine.backend.check(Feature::Desktop).is_ok().then(snapshot::desktop_record));
    found.retain(|snapshot| snapshot.failed_step_of.is_none());
    found.retain(|snapshot| name.as_ref().is_none_or(|name| snapshot.name.to_lowercase().contains(name)));
    found.retain(|snapshot| source.is_none_or(|source| snapshot.source_sandbox_id.as_deref() == Some(source)));
    found.sort_by(|one, other| in_order(one, other, field, order));
    let total = found.len() as u64;
    let skipped = usize::try_from((page - 1) * limit).unwrap_or(usize::MAX);
    let items = found.iter().skip(skipped).take(usize::try_from(limit).unwrap_or(usize::MAX));
    let items: Vec<Value> = items.map(|snapshot| snapshot.document(&engine.identity)).collect();
    Ok(Json(json!({"items": items, "total": total, "page": page, "totalPages": total.div_ceil(limit)})))
}

/// Everybody's snapshots come last, as do those that were never used; what is equal is sorted newest first.
fn in_order(one: &Snapshot, other: &Snapshot, field: &str, order: Order) -> Ordering {
    let by_field = match field {
        "name" => order.apply(one.name.cmp(&other.name)),
        "state" => order.apply(one.state.name().cmp(other.state.name())),
        "createdAt" => order.apply(one.created_at.cmp(&other.created_at)),
        _ => match (one.last_used_at, other.last_used_at) {
            (Some(one), Some(other)) => order.apply(one.cmp(&other)),
            (one, other) => one.is_none().cmp(&other.is_none()),
        },
    };
    let newest = || other.created_at.cmp(&one.created_at).then_with(|| one.id.cmp(&other.id));
    one.general.cmp(&other.general).then(by_field).then_with(newest)
}

/// `GET /snapshots/{id or name}`.
async fn one(State(engine): Shared, Path(id): Path<String>) -> ApiResult<Json<Value>> {
    let snapshot = engine.snapshots.find(&id);
    let snapshot = snapshot.ok_or_else(|| ApiError::not_found(format!("Snapshot with name {id} not found")))?;
    Ok(Json(snapshot.document(&engine.identity)))
}

/// `POST /snapshots`: 200 with the snapshot `pending`.
async fn create(State(engine): Shared, body: Bytes) -> ApiResult<Json<Value>> {
    let mut snapshot = read(&validation::object(&body)?)?;
    let organization_id = caller::current()?.organization_id.clone();
    // Records of the first organization are as they were before there were others.
    snapshot.organization_id = Some(organization_id).filter(|id| *id != engine.identity.organization_id);
    engine.create_snapshot(snapshot).await.map(Json)
}

fn read(body: &Map<String, Value>) -> ApiResult<Snapshot> {
    let mut fields = Fields::new(body);
    let name = fields.display_name("name");
    let image = fields.string("imageName").filter(|image| !image.is_empty());
    let entrypoint = fields.array("entrypoint");
    let cpu = fields.amount("cpu");
    let gpu = fields.amount("gpu");
    let memory = fields.amount("memory");
    let disk = fields.amount("disk");
    let build = fields.object("buildInfo");
    let region = fields.string("regionId").filter(|region| !region.is_empty());
    let class = fields.string("sandboxClass");
    fields.finish()?;
    let name = read_name(name)?;
    if gpu.is_some_and(|count| count > 0) {
        return Err(ApiError::not_implemented("GPU support"));
    }
    if class.as_deref().is_some_and(|class| class != "container") {
        return Err(ApiError::not_implemented("A sandbox class other than container"));
    }
    if region.is_some_and(|region| !REGIONS.contains(&region.as_str())) {
        return Err(ApiError::not_found("Region not found"));
    }
    let entrypoint = entrypoint.map(|words| {
        let texts: Option<Vec<String>> = words.iter().map(|word| word.as_str().map(str::to_owned)).collect();
        texts.ok_or_else(|| ApiError::bad_request("each value in entrypoint must be a string"))
    });
    let entrypoint = entrypoint.transpose()?;
    let size = create::sizes(cpu, memory, disk)?;
    let build_info = build.map(create::read_build).transpose()?;
    let refused = match (&image, &build_info) {
        (Some(_), Some(_)) => Err("Cannot specify an image name when using a build info entry"),
        (None, Some(_)) if entrypoint.is_some() => Err("Cannot specify an entrypoint when using a build info entry"),
        (None, None) => Err("Must specify an image name when not using a build info entry"),
        _ => Ok(()),
    };
    refused.map_err(ApiError::bad_request)?;
    if image.as_ref().is_some_and(|image| image.contains(char::is_whitespace)) {
        return Err(ApiError::bad_request("Invalid image name: it must not contain blanks"));
    }
    Ok(Snapshot {
        image_name: image,
        build_info,
        entrypoint,
        cpu: size.cpu,
        memory: size.memory,
        disk: size.disk,
        ..record::new(name)
    })
}

fn read_name(name: Option<String>) -> ApiResult<String> {
    let name = name.filter(|name| !name.is_empty());
    let name = name.ok_or_else(|| ApiError::bad_request("name should not be empty"))?;
    if !is_name(&name) {
        let text =
            "Invalid snapshot name format. May contain letters, digits, dots, colons, slashes, underscores and dashes";
        return Err(ApiError::bad_request(text));
    }
    Ok(name)
}

fn is_name(name: &str) -> bool {
    name.split('/')
        .all(|part| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || "._-:".contains(c)))
}

/// `GET /snapshots/{id or name}/diff?with`: the files that another snapshot has otherwise. A route of this engine alone.
async fn compare(State(engine): Shared, Path(id): Path<String>, RawQuery(query): RawQuery) -> ApiResult<Json<Value>> {
    let parameters = Parameters::read(query.as_deref())?;
    let with = parameters.text("with").ok_or_else(|| ApiError::bad_request("with should not be empty"))?.to_owned();
    let [one, other] = [&id, &with].map(|name| {
        let found = engine.snapshots.find(name);
        let found = found.ok_or_else(|| ApiError::not_found(format!("Snapshot with name {name} not found")))?;
        if found.state == SnapshotState::Active && !found.has_files {
            return Ok(found);
        }
        let what = if found.has_files { "made from a sandbox" } else { found.state.name() };
        Err(ApiError::bad_request(format!("Snapshot {name} is {what}: only those of images can be compared")))
    });
    let (one, other) = (one?, other?);
    // Given up with the request, or when it takes too long.
    let cancel = Cancel::default();
    let _given_up = CancelOnDrop(cancel.clone());
    let _turn = COMPARISONS.acquire().await.map_err(|error| ApiError::internal(&error))?;
    let compared = off_the_runtime(move || {
        let [one, other] = [&one, &other].map(|snapshot| match &snapshot.image {
            Some(image) => (image.base, image.layers.as_slice()),
            None => (Base::Default, [].as_slice()),
        });
        engine.images.store.compare(one, other, MOST_DIFFERENCES, &cancel)
    });
    let Ok(compared) = tokio::time::timeout(COMPARE_LIMIT, compared).await else {
        let text = format!("Comparing takes longer than {} s: compare smaller images", COMPARE_LIMIT.as_secs());
        return Err(ApiError::bad_request(text));
    };
    let Compared { differences, more } = compared?.map_err(|error| ApiError::bad_request(error.to_string()))?;
    let items = differences.iter().map(|found| {
        let change = match found.change {
            Change::Added => "added",
            Change::Removed => "removed",
            Change::Changed => "changed",
        };
        json!({"path": found.path.to_string_lossy(), "change": change})
    });
    Ok(Json(json!({"items": items.collect::<Vec<_>>(), "total": differences.len(), "more": more})))
}

/// `GET /snapshots/{id or name}/archive`: its image as a tar with an OCI layout. A route of this engine alone, as is its opposite.
async fn export(State(engine): Shared, Path(id): Path<String>) -> ApiResult<Response> {
    let snapshot = engine.snapshots.find(&id);
    let snapshot = snapshot.ok_or_else(|| ApiError::not_found(format!("Snapshot with name {id} not found")))?;
    let pieces = engine.export_snapshot(snapshot).await?;
    let pieces = stream::unfold(pieces, async |mut pieces| Some((pieces.recv().await?, pieces)));
    Ok(([(header::CONTENT_TYPE, "application/x-tar")], Body::from_stream(pieces)).into_response())
}

/// `PUT /snapshots/{name}/archive?cpu&memory&disk`: a snapshot of the image in the body, an OCI layout or what `docker save` writes.
async fn import(
    State(engine): Shared,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
    body: Body,
) -> ApiResult<Json<Value>> {
    let snapshot = read_import(&engine, name, query.as_deref());
    match snapshot {
        Ok(snapshot) => engine.import_snapshot(snapshot, body.into_data_stream()).await.map(Json),
        Err(error) => {
            // Whoever is still sending would not read why.
            read_over(body).await;
            Err(error)
        }
    }
}

/// Reads a body that is not wanted, unless it is large.
async fn read_over(body: Body) {
    let mut pieces = body.into_data_stream();
    let mut left = MOST_READ_OVER;
    while let Some(Ok(piece)) = pieces.next().await {
        left = left.saturating_sub(piece.len());
        if left == 0 {
            return;
        }
    }
}

/// The snapshot that an archive is to become.
fn read_import(engine: &Engine, name: String, query: Option<&str>) -> ApiResult<Snapshot> {
    let parameters = Parameters::read(query)?;
    let amount = |name: &str| -> ApiResult<Option<i64>> {
        let number = parameters.number(name, 1, u64::from(u32::MAX))?;
        Ok(number.and_then(|number| i64::try_from(number).ok()))
    };
    let size = create::sizes(amount("cpu")?, amount("memory")?, amount("disk")?)?;
    let name = read_name(Some(name))?;
    if engine.snapshots.find(&name).is_some() {
        return Err(ApiError::conflict(format!("Snapshot with name \"{name}\" already exists for this organization")));
    }
    let organization_id = caller::current()?.organization_id.clone();
    Ok(Snapshot {
        organization_id: Some(organization_id).filter(|id| *id != engine.identity.organization_id),
        image_name: Some(name.clone()),
        cpu: size.cpu,
        memory: size.memory,
        disk: size.disk,
        ..record::new(name)
    })
}

/// Releases before 0.204 took ids only.
fn check_id(engine: &Engine, id: &str) -> ApiResult<()> {
    match engine.compat {
        Compat::V0_190 if uuid::Uuid::parse_str(id).is_err() => {
            Err(ApiError::bad_request("Validation failed (uuid is expected)"))
        }
        _ => Ok(()),
    }
}

/// `DELETE /snapshots/{id or name}`: 200, empty, with the snapshot on its way out.
async fn delete(State(engine): Shared, Path(id): Path<String>) -> ApiResult<StatusCode> {
    check_id(&engine, &id)?;
    engine.remove_snapshot(&id).await?;
    Ok(StatusCode::OK)
}

/// `POST /snapshots/{id or name}/activate`: 200 with the snapshot.
async fn activate(State(engine): Shared, Path(id): Path<String>) -> ApiResult<Json<Value>> {
    check_id(&engine, &id)?;
    engine.activate_snapshot(&id).await.map(Json)
}

/// `POST /snapshots/{id or name}/deactivate`: 204.
async fn deactivate(State(engine): Shared, Path(id): Path<String>) -> ApiResult<StatusCode> {
    check_id(&engine, &id)?;
    engine.deactivate_snapshot(&id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /sandbox/{id}/snapshot`: 200 with the sandbox `snapshotting`.
pub async fn of_sandbox(State(engine): Shared, Path(id): Path<String>, body: Bytes) -> ApiResult<Json<Value>> {
    let entry = engine.registry.get(&id)?;
    let body = validation::object(&body)?;
    let mut fields = Fields::new(&body);
    let name = fields.display_name("name");
    let memory = fields.boolean("includeMemory");
    fields.finish()?;
    let name = read_name(name)?;
    if memory == Some(true) {
        return Err(ApiError::not_implemented("Keeping a sandbox's memory in a snapshot"));
    }
    engine.snapshot_sandbox(entry, name).await.map(Json)
}
