//! `/computeruse/recordings`: films of the screen, made by ffmpeg.
//!
//! A recording is its file: what its name does not tell is not kept. Only those under way are known besides. While one goes on
//! its file is in fragments, each of which can be played once it is written: whatever ends ffmpeg, a full disk or the end of the
//! sandbox, what was recorded until then is kept. What is stopped becomes a file with an index at its beginning.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::io::Read as _;
use std::path::{Path as FilePath, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::{HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::Child;
use tower_http::services::ServeFile;

use super::errors::not_started;
use super::{Purpose, with_screen};
use crate::compat::Compat;
use crate::environment::Variables;
use crate::errors::ApiError;
use crate::extract::{Json, Path};
use crate::{State, Toolbox};

/// Time that ffmpeg has to take the first picture, and to finish the file.
const PATIENCE: Duration = Duration::from_secs(20);

/// Time that putting a file into its last form may take.
const FINISHING: Duration = Duration::from_secs(60);

/// The length of a fragment in microseconds: what may be lost.
const FRAGMENT: &str = "1000000";

/// The part of a file that tells whether it is in fragments.
const HEAD: u64 = 4096;

/// The most recordings at once.
const LIMIT: usize = 4;

/// The longest label.
const LONGEST_LABEL: usize = 100;

/// The status of one that has ended before it was stopped.
const INTERRUPTED: &str = "failed";

/// The label when the client gives none.
const LABEL: &str = "session";

pub(super) fn routes() -> Router<Arc<Toolbox>> {
    Router::new()
        .route("/computeruse/recordings", get(list))
        .route("/computeruse/recordings/start", post(start))
        .route("/computeruse/recordings/stop", post(stop))
        .route("/computeruse/recordings/{id}", get(find).delete(delete))
        .route("/computeruse/recordings/{id}/download", get(download))
}

/// The recordings that go on. Locked for moments only, never while anybody waits for ffmpeg.
#[derive(Default)]
pub(super) struct Recordings {
    running: Mutex<BTreeMap<String, Running>>,
}

struct Running {
    stage: Stage,
    file: PathBuf,
    started: OffsetDateTime,
}

enum Stage {
    /// There is no picture yet.
    Begins,
    GoesOn(Child),
    /// Somebody finishes its file.
    Ends,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Recording {
    id: String,
    file_name: String,
    file_path: String,
    start_time: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_time: Option<String>,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    duration_seconds: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size_bytes: Option<u64>,
}

impl Recordings {
    /// Those that go on: one whose ffmpeg has ended by itself is over.
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Running>> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.retain(|_, one| match &mut one.stage {
            Stage::GoesOn(ffmpeg) => matches!(ffmpeg.try_wait(), Ok(None)),
            Stage::Begins | Stage::Ends => true,
        });
        running
    }

    /// Ends all of them, so that their files are complete.
    pub(super) async fn end_all(&self, toolbox: &Toolbox) {
        let ids: Vec<String> = self.lock().keys().cloned().collect();
        futures_util::future::join_all(ids.iter().map(|id| self.end(toolbox, id))).await;
    }

    /// Has ffmpeg finish the file of one that goes on; whether there is one.
    async fn end(&self, toolbox: &Toolbox, id: &str) -> bool {
        let taken = self.lock().get_mut(id).and_then(|one| match std::mem::replace(&mut one.stage, Stage::Ends) {
            Stage::GoesOn(ffmpeg) => Some((ffmpeg, one.file.clone())),
            other => {
                one.stage = other;
                None
            }
        });
        let Some((mut ffmpeg, file)) = taken else { return false };
        // Until then nobody takes its file for interrupted.
        let _place = Place { recordings: self, id };
        if let Some(mut input) = ffmpeg.stdin.take() {
            let _ = input.write_all(b"q").await;
        }
        if tokio::time::timeout(PATIENCE, ffmpeg.wait()).await.is_err() {
            let _ = ffmpeg.kill().await;
        }
        finish(toolbox, &file).await;
        true
    }
}

/// A recording that begins or ends, of which nothing is known any more once this is dropped: then its file tells all.
struct Place<'a> {
    recordings: &'a Recordings,
    id: &'a str,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut running = self.recordings.lock();
        if running.get(self.id).is_some_and(|one| !matches!(one.stage, Stage::GoesOn(_))) {
            running.remove(self.id);
        }
    }
}

/// Puts a file that is in fragments into its last form. It stays as it is where that fails, on a full disk for one.
async fn finish(toolbox: &Toolbox, file: &FilePath) {
    let Some(program) = toolbox.environment.which("ffmpeg") else { return };
    let whole = file.with_extension("whole");
    let mut command = toolbox.command(&program, None, &Variables::new());
    command.args(["-hide_banner", "-loglevel", "error", "-i"]).arg(file);
    command.args(["-c", "copy", "-movflags", "+faststart", "-f", "mp4", "-y"]).arg(&whole);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let done = tokio::process::Command::from(command).kill_on_drop(true).status();
    let is_whole = matches!(tokio::time::timeout(FINISHING, done).await, Ok(Ok(status)) if status.success());
    // The time of its last change tells when the recording ended.
    let kept = std::fs::metadata(file).and_then(|found| found.modified());
    let replaced = is_whole
        && kept
            .and_then(|time| std::fs::File::options().write(true).open(&whole)?.set_modified(time))
            .and_then(|()| std::fs::rename(&whole, file))
            .is_ok();
    if !replaced {
        let _ = std::fs::remove_file(&whole);
    }
}

fn directory(toolbox: &Toolbox) -> PathBuf {
    toolbox.config.home.join(".daytona/recordings")
}

#[derive(Deserialize)]
struct Start {
    label: Option<String>,
}

async fn start(toolbox: State, Json(Start { label }): Json<Start>) -> Result<Response, ApiError> {
    let label = label.filter(|label| !label.is_empty()).unwrap_or_else(|| LABEL.to_owned());
    let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | ' ');
    if label.chars().count() > LONGEST_LABEL || !label.chars().all(is_plain) || label.starts_with('.') {
        return Err(ApiError::new(
            StatusCode::BAD_REQUEST,
            "BAD_REQUEST",
            format!(
                "invalid label: {label:?} cannot be part of a file's name; use at most {LONGEST_LABEL} letters, digits, \
                 spaces, -, _ and ."
            ),
        ));
    }
    let display = toolbox.display()?;
    let size = with_screen(State::clone(&toolbox), Purpose::View, |screen| screen.size().map_err(|_| not_started()));
    let (width, height) = size.await?;
    let directory = directory(&toolbox);
    tokio::fs::create_dir_all(&directory).await.map_err(|error| ApiError::file(&error, &directory))?;
    let (id, started) = (uuid::Uuid::new_v4().to_string(), OffsetDateTime::now_utc());
    let stamp = started.format(format_description!("[year][month][day]_[hour][minute][second]")).unwrap_or_default();
    let file = directory.join(format!("{id}_{label}_{stamp}.mp4"));
    // Sizes of this format are even.
    let size = format!("{}x{}", width & !1, height & !1);
    let recordings = &toolbox.desktop.recordings;
    {
        let mut running = recordings.lock();
        if running.len() >= LIMIT {
            return Err(ApiError::too_many(LIMIT, "recordings at once", "stop one first"));
        }
        running.insert(id.clone(), Running { stage: Stage::Begins, file: file.clone(), started });
    }
    let _place = Place { recordings, id: &id };
    let ffmpeg = begin(&toolbox, &display, &size, &file).await?;
    let one = Running { stage: Stage::GoesOn(ffmpeg), file, started };
    let answer = describe_running(&id, &one);
    recordings.lock().insert(id.clone(), one);
    Ok((StatusCode::CREATED, axum::Json(answer)).into_response())
}

/// Starts ffmpeg and waits until it has taken the first picture.
async fn begin(toolbox: &Toolbox, display: &str, size: &str, file: &FilePath) -> Result<Child, ApiError> {
    let Some(program) = toolbox.environment.which("ffmpeg") else {
        let status = match toolbox.config.compat {
            Compat::Newest => StatusCode::SERVICE_UNAVAILABLE,
            Compat::V0_190 => StatusCode::BAD_REQUEST,
        };
        let message = "ffmpeg is not installed in this sandbox";
        return Err(ApiError::new(status, "RECORDING_FFMPEG_NOT_FOUND", message));
    };
    let mut command = toolbox.command(&program, None, &Variables::new());
    command.args(["-hide_banner", "-loglevel", "error", "-nostats", "-progress", "pipe:1"]);
    command.args(["-f", "x11grab", "-framerate", "30", "-video_size", size, "-i", display]);
    command.args(["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"]);
    command.args(["-movflags", "+empty_moov+default_base_moof", "-frag_duration", FRAGMENT, "-flush_packets", "1"]);
    command.args(["-f", "mp4", "-y"]).arg(file).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut command = tokio::process::Command::from(command);
    let mut ffmpeg =
        command.kill_on_drop(true).spawn().map_err(|error| ApiError::internal(format!("starting ffmpeg: {error}")))?;
    let output = ffmpeg.stdout.take().ok_or_else(|| ApiError::internal("ffmpeg has no output"))?;
    let mut lines = BufReader::new(output).lines();
    let first = async {
        while let Ok(Some(line)) = lines.next_line().await {
            if line.strip_prefix("frame=").is_some_and(|count| count.trim() != "0") {
                return true;
            }
        }
        false
    };
    if !tokio::time::timeout(PATIENCE, first).await.unwrap_or(false) {
        return Err(ApiError::internal("ffmpeg could not record the screen"));
    }
    // It goes on telling, and must not be held up by it.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    Ok(ffmpeg)
}

#[derive(Deserialize)]
struct Stop {
    id: String,
}

async fn stop(toolbox: State, Json(Stop { id }): Json<Stop>) -> Result<axum::Json<Recording>, ApiError> {
    let stopping = Arc::clone(&toolbox.0);
    // A client that goes away leaves no file half finished.
    tokio::spawn(async move {
        let recordings = &stopping.desktop.recordings;
        if !recordings.end(&stopping, &id).await {
            let interrupted = all(&stopping).into_iter().find(|one| one.id == id && one.status == INTERRUPTED);
            let file = PathBuf::from(interrupted.ok_or_else(|| not_found(&id))?.file_path);
            let one = Running { stage: Stage::Ends, file: file.clone(), started: OffsetDateTime::now_utc() };
            // Somebody else may be about to do the same.
            match recordings.lock().entry(id.clone()) {
                Entry::Vacant(place) => drop(place.insert(one)),
                Entry::Occupied(_) => return Err(not_found(&id)),
            }
            let _place = Place { recordings, id: &id };
            finish(&stopping, &file).await;
        }
        files(&stopping).into_iter().find(|one| one.id == id).map(axum::Json).ok_or_else(|| not_found(&id))
    })
    .await?
}

async fn list(toolbox: State) -> axum::Json<Value> {
    axum::Json(json!({ "recordings": all(&toolbox) }))
}

async fn find(toolbox: State, Path(id): Path<String>) -> Result<axum::Json<Recording>, ApiError> {
    all(&toolbox).into_iter().find(|one| one.id == id).map(axum::Json).ok_or_else(|| not_found(&id))
}

async fn delete(toolbox: State, Path(id): Path<String>) -> Result<StatusCode, ApiError> {
    let found = all(&toolbox).into_iter().find(|one| one.id == id).ok_or_else(|| not_found(&id))?;
    if found.status == "recording" {
        let (status, code) = match toolbox.config.compat {
            Compat::Newest => (StatusCode::CONFLICT, "RECORDING_STILL_ACTIVE"),
            Compat::V0_190 => (StatusCode::BAD_REQUEST, "BAD_REQUEST"),
        };
        return Err(ApiError::new(status, code, "cannot delete an active recording, stop it first"));
    }
    let path = PathBuf::from(&found.file_path);
    tokio::fs::remove_file(&path).await.map_err(|error| ApiError::file(&error, &path))?;
    Ok(StatusCode::NO_CONTENT)
}

async fn download(toolbox: State, Path(id): Path<String>, request: Request) -> Result<Response, ApiError> {
    let found = all(&toolbox).into_iter().find(|one| one.id == id).ok_or_else(|| not_found(&id))?;
    let path = PathBuf::from(&found.file_path);
    let served = ServeFile::new(&path).try_call(request).await.map_err(|error| ApiError::file(&error, &path))?;
    let mut response = served.map(Body::new).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("video/mp4"));
    Ok(response)
}

fn not_found(id: &str) -> ApiError {
    ApiError::not_found(format!("there is no recording {id}"))
}

/// All recordings, the oldest one first.
fn all(toolbox: &Toolbox) -> Vec<Recording> {
    let running = toolbox.desktop.recordings.lock();
    let mut found = files(toolbox);
    found.retain(|one| running.get(&one.id).is_none_or(|one| !matches!(one.stage, Stage::Begins)));
    for one in &mut found {
        if let Some(running) = running.get(&one.id) {
            *one = describe_running(&one.id, running);
        }
    }
    found.sort_by(|one, other| (&one.start_time, &one.id).cmp(&(&other.start_time, &other.id)));
    found
}

fn describe_running(id: &str, running: &Running) -> Recording {
    Recording {
        id: id.to_owned(),
        file_name: running.file.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        file_path: running.file.to_string_lossy().into_owned(),
        start_time: running.started.format(&Rfc3339).unwrap_or_default(),
        end_time: None,
        status: "recording",
        duration_seconds: None,
        size_bytes: None,
    }
}

/// The recordings in the directory, as if none went on.
fn files(toolbox: &Toolbox) -> Vec<Recording> {
    let Ok(entries) = std::fs::read_dir(directory(toolbox)) else { return Vec::new() };
    entries.flatten().filter_map(|entry| describe(&entry.path())).collect()
}

fn describe(path: &FilePath) -> Option<Recording> {
    let file_name = path.file_name()?.to_str()?.to_owned();
    let stem = file_name.strip_suffix(".mp4")?;
    let (id, rest) = stem.split_once('_')?;
    uuid::Uuid::parse_str(id).ok()?;
    // The label may hold underscores, too; the time has one itself.
    let stamp: String = rest.rsplitn(3, '_').take(2).collect::<Vec<_>>().into_iter().rev().collect();
    let format = format_description!("[year][month][day][hour][minute][second]");
    let started = time::PrimitiveDateTime::parse(&stamp, format).ok()?.assume_utc();
    let found = std::fs::symlink_metadata(path).ok().filter(std::fs::Metadata::is_file)?;
    let ended: OffsetDateTime = found.modified().unwrap_or(SystemTime::UNIX_EPOCH).into();
    Some(Recording {
        id: id.to_owned(),
        file_path: path.to_string_lossy().into_owned(),
        file_name,
        start_time: started.format(&Rfc3339).unwrap_or_default(),
        end_time: ended.format(&Rfc3339).ok(),
        status: if found.len() == 0 || is_in_fragments(path) { INTERRUPTED } else { "completed" },
        duration_seconds: Some((ended - started).as_seconds_f64().max(0.0)),
        size_bytes: Some(found.len()),
    })
}

/// Whether a file is as it was written while the recording went on.
fn is_in_fragments(path: &FilePath) -> bool {
    let mut head = Vec::new();
    let read = std::fs::File::open(path).and_then(|file| file.take(HEAD).read_to_end(&mut head));
    // The box of MP4 that says that fragments follow.
    read.is_ok() && head.windows(4).any(|part| part == b"mvex")
}
