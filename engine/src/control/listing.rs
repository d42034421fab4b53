//! `GET /sandbox` with cursor, filters and sorting, and the older `GET /sandbox/paginated` (wire 2.3).

use std::cmp::Ordering;
use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::accounts::caller;
use crate::engine::Engine;
use crate::errors::{ApiError, ApiResult};
use crate::sandboxes::sandbox::Sandbox;

use super::query::{Order, Parameters, read_sort};

/// Every state clients may filter by (wire 2.4), whether this engine has it or not.
const STATES: [&str; 21] = [
    "creating",
    "restoring",
    "destroying",
    "started",
    "stopped",
    "starting",
    "stopping",
    "error",
    "build_failed",
    "pending_build",
    "building_snapshot",
    "unknown",
    "pulling_snapshot",
    "archived",
    "archiving",
    "resizing",
    "snapshotting",
    "forking",
    "pausing",
    "paused",
    "resuming",
];

/// Kinds of sandboxes.
const CLASSES: [&str; 4] = ["linux-vm", "container", "android", "windows"];

/// Kinds of GPUs.
const GPU_TYPES: [&str; 8] = ["H100", "H200", "RTX-PRO-6000", "RTX-4090", "RTX-5090", "MI355X", "B200", "B300"];

/// Values that are all among those there are.
fn one_of(values: Vec<String>, valid: &[&str]) -> ApiResult<Vec<String>> {
    if values.iter().all(|value| valid.contains(&value.as_str())) {
        return Ok(values);
    }
    Err(ApiError::bad_request(format!("each value must be one of the following values: {}", valid.join(", "))))
}

/// A closed range; an absent end is open.
struct Range<T> {
    minimum: Option<T>,
    maximum: Option<T>,
}

impl<T: PartialOrd> Range<T> {
    fn contains(&self, value: &T) -> bool {
        self.minimum.as_ref().is_none_or(|minimum| value >= minimum)
            && self.maximum.as_ref().is_none_or(|maximum| value <= maximum)
    }
}

/// The filters of a list.
struct Filter {
    id: Option<String>,
    name: Option<String>,
    labels: Map<String, Value>,
    states: Vec<String>,
    snapshots: Vec<String>,
    regions: Vec<String>,
    classes: Vec<String>,
    cpu: Range<u64>,
    memory: Range<u64>,
    disk: Range<u64>,
    gpu: Range<u64>,
    public: Option<bool>,
    recoverable: Option<bool>,
    created: Range<i64>,
    last_event: Range<i64>,
    auto_destroy: Range<i64>,
}

impl Filter {
    fn read(parameters: &Parameters, regions: &str) -> ApiResult<Self> {
        let owned = |name: &str| parameters.all(name).into_iter().map(str::to_owned).collect::<Vec<_>>();
        let sizes = |what: &str, least| {
            let minimum = parameters.number(&format!("min{what}"), least, u64::MAX)?;
            let maximum = parameters.number(&format!("max{what}"), least, u64::MAX)?;
            ApiResult::Ok(Range { minimum, maximum })
        };
        let times = |what: &str| {
            let minimum = parameters.time(&format!("{what}After"))?;
            let maximum = parameters.time(&format!("{what}Before"))?;
            ApiResult::Ok(Range { minimum, maximum })
        };
        let states = one_of(owned("states"), &STATES)?;
        one_of(owned("gpuType"), &GPU_TYPES)?;
        let labels = match parameters.text("labels").map(serde_json::from_str) {
            None => Map::new(),
            Some(Ok(Value::Object(labels))) => labels,
            Some(_) => return Err(ApiError::bad_request("Invalid labels JSON format")),
        };
        parameters.boolean("includeErroredDeleted")?;
        Ok(Self {
            id: parameters.text("id").map(str::to_lowercase),
            name: parameters.text("name").map(str::to_lowercase),
            labels,
            states,
            snapshots: owned("snapshots"),
            regions: owned(regions),
            classes: one_of(owned("sandboxClasses"), &CLASSES)?,
            cpu: sizes("Cpu", 1)?,
            memory: sizes("MemoryGiB", 1)?,
            disk: sizes("DiskGiB", 1)?,
            gpu: sizes("Gpu", 0)?,
            public: parameters.boolean("isPublic")?,
            recoverable: parameters.boolean("isRecoverable")?,
            created: times("createdAt")?,
            last_event: times("lastEvent")?,
            auto_destroy: times("autoDestroyAt")?,
        })
    }

    fn accepts(&self, sandbox: &Sandbox) -> bool {
        let prefix = |wanted: &Option<String>, value: &str| {
            wanted.as_ref().is_none_or(|wanted| value.to_lowercase().starts_with(wanted))
        };
        let among = |wanted: &[String], value: &str| wanted.is_empty() || wanted.iter().any(|known| known == value);
        let has_labels = self
            .labels
            .iter()
            .all(|(name, value)| sandbox.labels.get(name).is_some_and(|found| value.as_str() == Some(found.as_str())));
        let unrestricted = self.auto_destroy.minimum.is_none() && self.auto_destroy.maximum.is_none();
        prefix(&self.id, &sandbox.id)
            && prefix(&self.name, &sandbox.name)
            && has_labels
            && among(&self.states, sandbox.state.name())
            && among(&self.snapshots, sandbox.snapshot.as_deref().unwrap_or_default())
            && among(&self.regions, &sandbox.target)
            && among(&self.classes, "container")
            && self.cpu.contains(&sandbox.cpu)
            && self.memory.contains(&sandbox.memory)
            && self.disk.contains(&sandbox.disk)
            && self.gpu.contains(&0)
            && self.public.is_none_or(|public| public == sandbox.public)
            && self.recoverable.is_none_or(|recoverable| recoverable == sandbox.recoverable)
            && self.created.contains(&sandbox.created_at)
            && self.last_event.contains(&sandbox.last_activity_at)
            && (unrestricted || sandbox.auto_destroy_at.is_some_and(|at| self.auto_destroy.contains(&at)))
    }
}

/// A value sandboxes are sorted by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged)]
enum SortValue {
    Number(i64),
    Text(String),
}

fn sort_value(sandbox: &Sandbox, field: &str) -> SortValue {
    let number = |value: u64| SortValue::Number(i64::try_from(value).unwrap_or(i64::MAX));
    match field {
        "id" => SortValue::Text(sandbox.id.clone()),
        "name" => SortValue::Text(sandbox.name.clone()),
        "state" => SortValue::Text(sandbox.state.name().to_owned()),
        "snapshot" => SortValue::Text(sandbox.snapshot.clone().unwrap_or_default()),
        "region" => SortValue::Text(sandbox.target.clone()),
        "cpu" => number(sandbox.cpu),
        "memoryGib" => number(sandbox.memory),
        "diskGib" => number(sandbox.disk),
        "updatedAt" => SortValue::Number(sandbox.updated_at),
        "createdAt" => SortValue::Number(sandbox.created_at),
        _ => SortValue::Number(sandbox.last_activity_at),
    }
}

/// Where the next page begins: after this sandbox.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Cursor {
    sort_value: SortValue,
    id: String,
}

impl Cursor {
    fn decode(text: &str) -> ApiResult<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).or_else(|_| STANDARD.decode(text));
        let cursor = bytes.ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
        cursor.ok_or_else(|| ApiError::bad_request(format!("Invalid cursor provided: {text}")))
    }

    fn encode(&self) -> String {
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(self).unwrap_or_default())
    }
}

/// The sandboxes a filter accepts, with the values they are sorted by, in order.
fn sorted(engine: &Engine, filter: &Filter, field: &str, order: Order) -> Vec<(SortValue, Sandbox)> {
    let records = engine.registry.all().into_iter().map(|entry| entry.record());
    let records = records.filter(|record| caller::sees(&engine.owner_of(record)));
    let mut found: Vec<_> =
        records.filter(|record| filter.accepts(record)).map(|record| (sort_value(&record, field), record)).collect();
    found.sort_by(|left, right| order.apply((&left.0, &left.1.id).cmp(&(&right.0, &right.1.id))));
    found
}

/// `GET /sandbox`.
pub async fn list(State(engine): State<Arc<Engine>>, RawQuery(query): RawQuery) -> ApiResult<Json<Value>> {
    let parameters = Parameters::read(query.as_deref())?;
    let limit = parameters.number("limit", 1, 200)?.unwrap_or(100) as usize;
    let fields = ["name", "cpu", "memoryGib", "diskGib", "lastActivityAt", "createdAt"];
    let (field, order) = read_sort(&parameters, &fields, "lastActivityAt")?;
    let filter = Filter::read(&parameters, "regionIds")?;
    let cursor = parameters.text("cursor").map(Cursor::decode).transpose()?;
    let mut found = sorted(&engine, &filter, field, order);
    if let Some(cursor) = cursor {
        found.retain(|(value, record)| {
            order.apply((value, &record.id).cmp(&(&cursor.sort_value, &cursor.id))) == Ordering::Greater
        });
    }
    let has_more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| has_more);
    let next = next.map(|(value, record)| Cursor { sort_value: value.clone(), id: record.id.clone() }.encode());
    let items: Vec<_> = found.iter().map(|(_, record)| record.list_item(&engine.identity)).collect();
    Ok(Json(json!({ "items": items, "nextCursor": next })))
}

/// `GET /sandbox/paginated`.
pub async fn paginated(State(engine): State<Arc<Engine>>, RawQuery(query): RawQuery) -> ApiResult<Json<Value>> {
    let parameters = Parameters::read(query.as_deref())?;
    let page = parameters.number("page", 1, u64::from(u32::MAX))?.unwrap_or(1) as usize;
    let limit = parameters.number("limit", 1, 200)?.unwrap_or(100) as usize;
    let fields = ["id", "name", "state", "snapshot", "region", "updatedAt", "createdAt", "lastActivityAt"];
    let (field, order) = read_sort(&parameters, &fields, "createdAt")?;
    let filter = Filter::read(&parameters, "regions")?;
    let found = sorted(&engine, &filter, field, order);
    let on_page = found.iter().skip((page - 1).saturating_mul(limit)).take(limit);
    let items: Vec<_> = on_page.map(|(_, record)| record.document(&engine.identity)).collect();
    let pages = found.len().div_ceil(limit);
    Ok(Json(json!({ "items": items, "total": found.len(), "page": page, "totalPages": pages })))
}
