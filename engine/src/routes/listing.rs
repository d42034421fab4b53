//! `GET /sandbox` with cursor, filters and sorting, and the older `GET /sandbox/paginated` (wire 2.3).

use std::cmp::Ordering;
use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::clock;
use crate::engine::Engine;
use crate::errors::{ApiError, ApiResult};
use crate::sandbox::Sandbox;

use super::sandboxes::read_boolean;

/// Every state clients may filter by (wire 2.4), whether this engine has it or not.
const STATES: [&str; 22] = [
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
    "destroyed",
];

/// The query's parameters; arrays are repeated keys, with or without brackets.
struct Parameters(Vec<(String, String)>);

impl Parameters {
    fn read(query: Option<&str>) -> ApiResult<Self> {
        let pairs = query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
        let read = pairs.map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let decode = crate::access::form_decode;
            let name = decode(name)?;
            let base = name.split('[').next().unwrap_or(&name).to_owned();
            Some((base, decode(value)?))
        });
        let read: Option<Vec<_>> = read.collect();
        read.map(Self).ok_or_else(|| ApiError::bad_request("The query is not valid UTF-8"))
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }

    fn all(&self, name: &str) -> Vec<&str> {
        self.0.iter().filter(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value.as_str()).collect()
    }

    fn number(&self, name: &str, minimum: u64, maximum: u64) -> ApiResult<Option<u64>> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let Ok(number) = text.parse::<i128>() else {
            return Err(ApiError::bad_request(format!("{name} must be an integer number")));
        };
        if number < i128::from(minimum) {
            return Err(ApiError::bad_request(format!("{name} must not be less than {minimum}")));
        }
        if number > i128::from(maximum) {
            return Err(ApiError::bad_request(format!("{name} must not be greater than {maximum}")));
        }
        Ok(u64::try_from(number).ok())
    }

    fn boolean(&self, name: &str) -> ApiResult<Option<bool>> {
        self.text(name).map(|text| read_boolean(name, text)).transpose()
    }

    fn time(&self, name: &str) -> ApiResult<Option<i64>> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let time = clock::parse(text);
        time.map(clock::millis)
            .map(Some)
            .ok_or_else(|| ApiError::bad_request(format!("{name} must be a Date instance")))
    }
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

/// What a list is narrowed to.
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
        let states = owned("states");
        if let Some(state) = states.iter().find(|state| *state == "destroyed" || !STATES.contains(&state.as_str())) {
            let valid = STATES.iter().filter(|state| **state != "destroyed").copied().collect::<Vec<_>>().join(", ");
            tracing::debug!(state, "a list was asked for with an unknown state");
            return Err(ApiError::bad_request(format!(
                "each value in states must be one of the following values: {valid}"
            )));
        }
        let labels = match parameters.text("labels").map(serde_json::from_str) {
            None => Map::new(),
            Some(Ok(Value::Object(labels))) => labels,
            Some(_) => return Err(ApiError::bad_request("labels must be a JSON object")),
        };
        parameters.boolean("includeErroredDeleted")?;
        Ok(Self {
            id: parameters.text("id").map(str::to_lowercase),
            name: parameters.text("name").map(str::to_lowercase),
            labels,
            states,
            snapshots: owned("snapshots"),
            regions: owned(regions),
            classes: owned("sandboxClasses"),
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
        let one_of = |wanted: &[String], value: &str| wanted.is_empty() || wanted.iter().any(|known| known == value);
        let has_labels = self
            .labels
            .iter()
            .all(|(name, value)| sandbox.labels.get(name).is_some_and(|found| value.as_str() == Some(found.as_str())));
        let unrestricted = self.auto_destroy.minimum.is_none() && self.auto_destroy.maximum.is_none();
        prefix(&self.id, &sandbox.id)
            && prefix(&self.name, &sandbox.name)
            && has_labels
            && one_of(&self.states, sandbox.state.name())
            && one_of(&self.snapshots, sandbox.snapshot.as_deref().unwrap_or_default())
            && one_of(&self.regions, &sandbox.target)
            && one_of(&self.classes, "container")
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
    let mut found: Vec<_> =
        records.filter(|record| filter.accepts(record)).map(|record| (sort_value(&record, field), record)).collect();
    found.sort_by(|left, right| order.compare((&left.0, &left.1.id), (&right.0, &right.1.id)));
    found
}

#[derive(Debug, Clone, Copy)]
enum Order {
    Ascending,
    Descending,
}

impl Order {
    fn compare(self, left: (&SortValue, &String), right: (&SortValue, &String)) -> Ordering {
        match self {
            Self::Ascending => left.cmp(&right),
            Self::Descending => right.cmp(&left),
        }
    }
}

fn read_sort<'a>(parameters: &'a Parameters, fields: &[&'a str], default: &'a str) -> ApiResult<(&'a str, Order)> {
    let field = parameters.text("sort").unwrap_or(default);
    if !fields.contains(&field) {
        return Err(ApiError::bad_request(format!("sort must be one of the following values: {}", fields.join(", "))));
    }
    match parameters.text("order") {
        None | Some("desc") => Ok((field, Order::Descending)),
        Some("asc") => Ok((field, Order::Ascending)),
        Some(_) => Err(ApiError::bad_request("order must be one of the following values: asc, desc")),
    }
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
            order.compare((value, &record.id), (&cursor.sort_value, &cursor.id)) == Ordering::Greater
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
