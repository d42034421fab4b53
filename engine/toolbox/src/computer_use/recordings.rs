//! `/computeruse/recordings`: films of the screen, made by ffmpeg.
//!
//! A recording is its file: what its name does not tell is not kept. Only those under way are known besides. While one goes on
//! its file is in fragments, each of which can be played once it is written: whatever ends ffmpeg, a full disk or the end of the
//! sandbox, what was recorded until then is kept. What is stopped becomes a file with an index at its beginning.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path as FilePath, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
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
use tokio::sync::Mutex;
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

/// The recordings that go on.
#[derive(Default)]
pub(super) struct Recordings {
    running: Mutex<BTreeMap<String, Running>>,
}

struct Running {
    ffmpeg: Child,
    file: PathBuf,
    started: OffsetDateTime,
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
    /// Ends all of them, so that their files are complete.
    pub(super) async fn end_all(&self, toolbox: &Toolbox) {
        // Held meanwhile: nobody takes a file for interrupted that is still being written.
        let mut running = self.running.lock().await;
        let ended = std::mem::take(&mut *running).into_values().map(|one| one.end(toolbox));
        futures_util::future::join_all(ended).await;
    }
}

impl Running {
    /// Whether ffmpeg still runs.
    fn goes_on(&mut self) -> bool {
        matches!(self.ffmpeg.try_wait(), Ok(None))
    }

    /// Has ffmpeg finish the file.
    async fn end(mut self, toolbox: &Toolbox) {
        if let Some(mut input) = self.ffmpeg.stdin.take() {
            let _ = input.write_all(b"q").await;
        }
        if tokio::time::timeout(PATIENCE, self.ffmpeg.wait()).await.is_err() {
            let _ = self.ffmpeg.kill().await;
        }
        finish(toolbox, &self.file).await;
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
    let mut running = toolbox.desktop.recordings.running.lock().await;
    running.retain(|_, one| one.goes_on());
    if running.len() >= LIMIT {
        return Err(ApiError::too_many(LIMIT, "recordings at once", "stop one first"));
    }
    let directory = directory(&toolbox);
    tokio::fs::create_dir_all(&directory).await.map_err(|error| ApiError::file(&error, &directory))?;
    let (id, started) = (uuid::Uuid::new_v4().to_string(), OffsetDateTime::now_utc());
    let stamp = started.format(format_description!("[year][month][day]_[hour][minute][second]")).unwrap_or_default();
    let file = directory.join(format!("{id}_{label}_{stamp}.mp4"));
    // Sizes of this format are even.
    let size = format!("{}x{}", width & !1, height & !1);
    let ffmpeg = begin(&toolbox, &display, &size, &file).await?;
    let one = Running { ffmpeg, file, started };
    let answer = describe_running(&id, &one);
    running.insert(id, one);
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
        let mut running = stopping.desktop.recordings.running.lock().await;
        match running.remove(&id) {
            Some(running) => running.end(&stopping).await,
            None => {
                let interrupted = files(&stopping).into_iter().find(|one| one.id == id && one.status == INTERRUPTED);
                let interrupted = interrupted.ok_or_else(|| not_found(&id))?;
                finish(&stopping, FilePath::new(&interrupted.file_path)).await;
            }
        }
        files(&stopping).into_iter().find(|one| one.id == id).map(axum::Json).ok_or_else(|| not_found(&id))
    })
    .await?
}

async fn list(toolbox: State) -> axum::Json<Value> {
    axum::Json(json!({ "recordings": all(&toolbox).await }))
}

async fn find(toolbox: State, Path(id): Path<String>) -> Result<axum::Json<Recording>, ApiError> {
    all(&toolbox).await.into_iter().find(|one| one.id == id).map(axum::Json).ok_or_else(|| not_found(&id))
}

async fn delete(toolbox: State, Path(id): Path<String>) -> Result<StatusCode, ApiError> {
    let found = all(&toolbox).await.into_iter().find(|one| one.id == id).ok_or_else(|| not_found(&id))?;
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
    let found = all(&toolbox).await.into_iter().find(|one| one.id == id).ok_or_else(|| not_found(&id))?;
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
async fn all(toolbox: &Toolbox) -> Vec<Recording> {
    let mut running = toolbox.desktop.recordings.running.lock().await;
    // One whose ffmpeg has ended by itself is over.
    running.retain(|_, one| one.goes_on());
    let mut found = files(toolbox);
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
