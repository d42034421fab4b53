//! For tests of programs that use sandboxes: time that can be moved, faults, a clean start, known sandboxes.
//!
//! `/api/testing` is there only when the engine was started with `--testing`, and for holders of the API key only.
//!
//! | route | does |
//! |---|---|
//! | `GET /testing/clock` | the engine's time: `{"now", "aheadSeconds"}` |
//! | `POST /testing/clock` | moves it: `{"advance": "30m"}`, or a number of seconds; answers when all that was due has happened |
//! | `GET`, `PUT`, `POST`, `DELETE /testing/faults` | the rules that are left; replaces, adds to, removes them ([`faults`]) |
//! | `POST /testing/seed` | makes sandboxes: `{"sandboxes": [{…, "state"}]}` ([`seed`]) |
//! | `POST`, `DELETE /testing/recording` | begins a recording; ends it: `{"recording"}` ([`recording`]) |
//! | `POST /testing/recording/page` | turns a recording, `{"recording"}`, into a `{"page"}` |
//! | `POST /testing/reset` | deletes all sandboxes, removes all faults, takes back what moved the clock |

mod breaking;
mod changes;
mod clock;
pub mod faults;
mod hiding;
mod hiding_across;
pub mod messages;
mod playing;
pub mod recording;
pub mod replay;
mod seed;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

pub use self::breaking::break_as_asked;
pub use self::changes::look_at;
use self::faults::{Rule, Rules};
use self::recording::Recorder;
pub use self::recording::observe;
use self::replay::Replay;
use crate::control::validation;
use crate::engine::Engine;
use crate::errors::{ApiError, ApiResult};

/// The largest recording that is turned into a page, in bytes.
const LARGEST_RECORDING: usize = 128 << 20;

type Shared = State<Arc<Engine>>;

/// What tests asked for.
pub struct Testing {
    /// Whether tests may ask for anything.
    pub enabled: bool,
    rules: Mutex<Rules>,
    /// How much longer the next start takes, in milliseconds.
    start_delay: AtomicU64,
    /// Keeps what happens, when asked to.
    pub recorder: Arc<Recorder>,
    /// The recording that is answered from instead.
    pub replay: Option<Arc<Replay>>,
    /// Held while intervals are acted on, so that time does not move meanwhile.
    pub acting: tokio::sync::Mutex<()>,
}

impl Testing {
    /// With the faults it begins with, and the recording that is answered from.
    pub fn new(enabled: bool, rules: Vec<Rule>, recorder: Arc<Recorder>, replay: Option<Arc<Replay>>) -> Self {
        Self {
            enabled,
            rules: Mutex::new(Rules(rules)),
            start_delay: AtomicU64::new(0),
            recorder,
            replay,
            acting: tokio::sync::Mutex::default(),
        }
    }

    fn rules(&self) -> MutexGuard<'_, Rules> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes the start that asks take as long as a fault says; only the first one after it.
    pub async fn delay_start(&self) {
        match self.start_delay.swap(0, Ordering::AcqRel) {
            0 => {}
            millis => tokio::time::sleep(Duration::from_millis(millis)).await,
        }
    }
}

/// The routes, for an engine that has them.
pub fn routes() -> Router<Arc<Engine>> {
    Router::new()
        .route("/testing/clock", get(read_clock).post(move_clock))
        .route("/testing/faults", get(list_faults).put(replace_faults).post(add_faults).delete(remove_faults))
        .route("/testing/seed", post(seed::seed))
        .route("/testing/recording", post(start_recording).delete(stop_recording))
        .route("/testing/recording/page", post(recording_page).layer(DefaultBodyLimit::max(LARGEST_RECORDING)))
        .route("/testing/reset", post(reset))
}

async fn read_clock() -> Json<Value> {
    Json(clock::document())
}

async fn move_clock(State(engine): Shared, body: Bytes) -> ApiResult<Json<Value>> {
    let body = validation::object(&body)?;
    let time = clock::read_duration(body.get("advance").unwrap_or(&Value::Null))?;
    let done = engine.advance(time).await;
    let mut answer = clock::document();
    answer["done"] = Value::Array(done);
    Ok(Json(answer))
}

async fn list_faults(State(engine): Shared) -> Json<Value> {
    Json(json!(engine.testing.rules().0))
}

async fn replace_faults(State(engine): Shared, body: Bytes) -> ApiResult<Json<Value>> {
    let rules = read_rules(&body)?;
    engine.testing.rules().0 = rules;
    Ok(list_faults(State(engine)).await)
}

async fn add_faults(State(engine): Shared, body: Bytes) -> ApiResult<Json<Value>> {
    let rules = read_rules(&body)?;
    engine.testing.rules().0.extend(rules);
    Ok(list_faults(State(engine)).await)
}

async fn remove_faults(State(engine): Shared) -> StatusCode {
    engine.testing.rules().0.clear();
    StatusCode::NO_CONTENT
}

fn read_rules(body: &[u8]) -> ApiResult<Vec<Rule>> {
    faults::parse(body).map_err(|error| ApiError::bad_request(format!("The faults cannot be read: {error}")))
}

async fn start_recording(State(engine): Shared) -> StatusCode {
    engine.testing.recorder.start(&engine);
    StatusCode::NO_CONTENT
}

async fn stop_recording(State(engine): Shared) -> ApiResult<Json<Value>> {
    changes::look_at_all(&engine).await;
    engine.testing.recorder.keep_out(&engine);
    let recorder = Arc::clone(&engine.testing.recorder);
    let recording = tokio::task::spawn_blocking(move || recorder.stop()).await;
    let recording = recording.map_err(|error| ApiError::internal(&error))?;
    let recording = recording.ok_or_else(|| ApiError::not_found("Nothing is being recorded"))?;
    Ok(Json(json!({"recording": recording})))
}

async fn recording_page(body: Bytes) -> ApiResult<Json<Value>> {
    let body = validation::object(&body)?;
    let recording = body.get("recording").and_then(Value::as_str);
    let recording = recording.ok_or_else(|| ApiError::bad_request("recording must be a string"))?;
    Ok(Json(json!({"page": replay::page(recording)})))
}

async fn reset(State(engine): Shared) -> ApiResult<StatusCode> {
    let _acting = engine.testing.acting.lock().await;
    engine.testing.rules().0.clear();
    engine.testing.start_delay.store(0, Ordering::Release);
    let going: Vec<_> = engine
        .registry
        .all()
        .into_iter()
        .map(|entry| {
            let engine = Arc::clone(&engine);
            tokio::spawn(async move { engine.delete_for_certain(entry).await })
        })
        .collect();
    for task in going {
        task.await.map_err(|error| ApiError::internal(&error))??;
    }
    crate::clock::take_back();
    Ok(StatusCode::NO_CONTENT)
}
