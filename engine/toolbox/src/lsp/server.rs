//! A started server. Its program is started again when it has ended, with its documents open; one that says nothing in the
//! time a request may take is killed.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use http::StatusCode;
use serde_json::{Value, json};
use tokio::sync::Mutex;
use tokio::time::{sleep, timeout};

use super::changes::{self, Files};
use super::connection::{Connection, Failure};
use super::documents::{Documents, Problem, Shown, uri};
use super::program::{Language, Program};
use crate::Toolbox;
use crate::errors::ApiError;

/// How long a request may take, the start of the program included. SDKs wait ten seconds longer.
const LIMIT: Duration = Duration::from_secs(50);
/// The variable of the sandbox's environment that says otherwise, in seconds.
const LIMIT_VARIABLE: &str = "DAYTONA_LSP_TIMEOUT";

/// How often a request is made that the program gave up because something changed.
const ATTEMPTS: u32 = 4;
/// The pause before the next attempt.
const PAUSE: Duration = Duration::from_millis(100);
/// How long no further problems are published before they are taken for complete.
const SETTLED: Duration = Duration::from_secs(1);

/// A code of the protocol: the content was changed meanwhile.
const CONTENT_MODIFIED: i64 = -32801;
/// A code of the protocol: the server cancelled the request, which may be made again.
const SERVER_CANCELLED: i64 = -32802;
/// A code of the protocol: there is no such method.
const METHOD_NOT_FOUND: i64 = -32601;

/// A request of the protocol, the capability that says whether a program answers it, and what it is in words.
#[derive(Clone, Copy)]
pub(super) struct Feature {
    method: &'static str,
    capability: &'static str,
    words: &'static str,
}

const fn feature(method: &'static str, capability: &'static str, words: &'static str) -> Feature {
    Feature { method, capability, words }
}

pub(super) const COMPLETION: Feature = feature("textDocument/completion", "completionProvider", "completion");
pub(super) const DOCUMENT_SYMBOLS: Feature =
    feature("textDocument/documentSymbol", "documentSymbolProvider", "listing the symbols of a document");
pub(super) const WORKSPACE_SYMBOLS: Feature =
    feature("workspace/symbol", "workspaceSymbolProvider", "searching the symbols of a project");
pub(super) const HOVER: Feature = feature("textDocument/hover", "hoverProvider", "hover");
pub(super) const DEFINITION: Feature = feature("textDocument/definition", "definitionProvider", "finding definitions");
pub(super) const REFERENCES: Feature = feature("textDocument/references", "referencesProvider", "finding references");
pub(super) const RENAME: Feature = feature("textDocument/rename", "renameProvider", "renaming");
const DIAGNOSTIC: Feature = feature("textDocument/diagnostic", "diagnosticProvider", "diagnostics");
const FORMATTING: Feature = feature("textDocument/formatting", "documentFormattingProvider", "formatting");

pub(super) struct Server {
    language: Language,
    project: PathBuf,
    main: Seat,
    formatter: Seat,
    stopped: AtomicBool,
}

/// The place of a program, whether it runs or not.
#[derive(Default)]
struct Seat {
    state: Mutex<State>,
    /// The running program, to be ended by whoever has waited too long for the state.
    running: std::sync::Mutex<Option<Arc<Connection>>>,
}

#[derive(Default)]
struct State {
    /// The running program and its name.
    live: Option<(Arc<Connection>, String)>,
    documents: Documents,
    files: Files,
}

/// A program that is prepared for a request.
struct Prepared {
    connection: Arc<Connection>,
    name: String,
    shown: Shown,
}

impl Server {
    pub(super) fn new(language: Language, project: PathBuf) -> Self {
        let (main, formatter) = (Seat::default(), Seat::default());
        Self { language, project, main, formatter, stopped: AtomicBool::new(false) }
    }

    /// Starts the program, unless it runs.
    pub(super) async fn start(&self, toolbox: &Arc<Toolbox>) -> Result<(), ApiError> {
        let work = async {
            let mut state = self.main.state.lock().await;
            self.ready(toolbox, &self.main, &mut state).await.map(drop)
        };
        self.in_time(toolbox, &self.main, work).await
    }

    /// Ends the programs, and whatever is being asked of them.
    pub(super) async fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
        for seat in [&self.main, &self.formatter] {
            let running = seat.running().take();
            if let Some(connection) = running {
                connection.stop().await;
            }
        }
    }

    pub(super) async fn open(&self, toolbox: &Arc<Toolbox>, path: &Path) -> Result<(), ApiError> {
        let work = self.prepare(toolbox, &self.main, Some((path, true)));
        self.in_time(toolbox, &self.main, work).await.map(drop)
    }

    pub(super) async fn close(&self, toolbox: &Arc<Toolbox>, path: &Path) -> Result<(), ApiError> {
        let work = async {
            for seat in [&self.main, &self.formatter] {
                let mut state = seat.state.lock().await;
                let State { live, documents, .. } = &mut *state;
                if let Some((connection, _)) = live {
                    // One that has ended has nothing open.
                    let _ = documents.close(connection, path).await;
                }
            }
            Ok(())
        };
        self.in_time(toolbox, &self.main, work).await
    }

    /// Asks about a document; `parameters` are those besides its name.
    pub(super) async fn ask(
        &self,
        toolbox: &Arc<Toolbox>,
        feature: Feature,
        path: &Path,
        parameters: Value,
    ) -> Result<Value, ApiError> {
        self.ask_at(toolbox, &self.main, feature, path, parameters).await
    }

    /// Searches the project.
    pub(super) async fn search(&self, toolbox: &Arc<Toolbox>, query: &str) -> Result<Value, ApiError> {
        let work = async {
            // TypeScript knows no project before it has one of its files.
            if self.language != Language::Python && self.main.state.lock().await.documents.is_empty() {
                let project = self.project.clone();
                let files = tokio::task::spawn_blocking(move || changes::look(&project)).await?;
                if let Some(file) = changes::any(&files, self.language.endings()) {
                    // One that cannot be read is none.
                    let _ = self.prepare(toolbox, &self.main, Some((&file, false))).await;
                }
            }
            self.answer(toolbox, &self.main, WORKSPACE_SYMBOLS, None, json!({"query": query})).await
        };
        self.in_time(toolbox, &self.main, work).await
    }

    /// The edits that format a document, by the program's own formatter or one beside it.
    pub(super) async fn format(
        &self,
        toolbox: &Arc<Toolbox>,
        path: &Path,
        parameters: Value,
    ) -> Result<Value, ApiError> {
        let seat = match Program::formatter(toolbox, self.language) {
            Some(_) => &self.formatter,
            None => &self.main,
        };
        self.ask_at(toolbox, seat, FORMATTING, path, parameters).await
    }

    /// The problems of a document: asked for, or as they are published by programs that only do that.
    pub(super) async fn diagnose(&self, toolbox: &Arc<Toolbox>, path: &Path) -> Result<Value, ApiError> {
        let work = async {
            let prepared = self.prepare(toolbox, &self.main, Some((path, false))).await?;
            if offers(&prepared.connection, DIAGNOSTIC) {
                let parameters = json!({});
                let report = self.answer(toolbox, &self.main, DIAGNOSTIC, Some(path), parameters).await?;
                return Ok(report.get("items").cloned().unwrap_or_default());
            }
            let Prepared { connection, shown, .. } = prepared;
            let before = connection.published(path).0;
            if shown == Shown::Now || before == 0 {
                while connection.published(path).0 == before && !connection.has_ended() {
                    connection.next_publication().await;
                }
                while timeout(SETTLED, connection.next_publication()).await.is_ok() && !connection.has_ended() {}
            }
            Ok(connection.published(path).1)
        };
        self.in_time(toolbox, &self.main, work).await
    }

    async fn ask_at(
        &self,
        toolbox: &Arc<Toolbox>,
        seat: &Seat,
        feature: Feature,
        path: &Path,
        parameters: Value,
    ) -> Result<Value, ApiError> {
        let work = self.answer(toolbox, seat, feature, Some(path), parameters);
        self.in_time(toolbox, seat, work).await
    }

    /// Asks the program of a seat; again when it ends meanwhile.
    async fn answer(
        &self,
        toolbox: &Arc<Toolbox>,
        seat: &Seat,
        feature: Feature,
        path: Option<&Path>,
        mut parameters: Value,
    ) -> Result<Value, ApiError> {
        if let Some(path) = path {
            parameters["textDocument"] = json!({"uri": uri(path)});
        }
        let mut ended_before = false;
        let mut attempts = 0;
        loop {
            attempts += 1;
            let Prepared { connection, name, .. } = self.prepare(toolbox, seat, path.map(|path| (path, false))).await?;
            if !offers(&connection, feature) {
                return Err(not_supported(feature, &name));
            }
            match connection.request(feature.method, parameters.clone()).await {
                Ok(answer) => return Ok(answer),
                Err(Failure::Ended) if !ended_before => ended_before = true,
                Err(Failure::Refused(CONTENT_MODIFIED | SERVER_CANCELLED, _)) if attempts < ATTEMPTS => {
                    sleep(PAUSE).await;
                }
                Err(failure) => return Err(failed(failure, feature, &name)),
            }
        }
    }

    /// Makes the program of a seat ready for a request: it runs, and knows the document and the files that changed.
    async fn prepare(
        &self,
        toolbox: &Arc<Toolbox>,
        seat: &Seat,
        document: Option<(&Path, bool)>,
    ) -> Result<Prepared, ApiError> {
        let mut state = seat.state.lock().await;
        let mut ended_before = false;
        loop {
            let (connection, name) = self.ready(toolbox, seat, &mut state).await?;
            match self.show(&mut state, &connection, document).await {
                Ok(shown) => return Ok(Prepared { connection, name, shown }),
                Err(Problem::Answer(error)) => return Err(error),
                Err(Problem::Server(_)) if !ended_before => ended_before = true,
                Err(Problem::Server(failure)) => return Err(failed(failure, COMPLETION, &name)),
            }
        }
    }

    async fn show(
        &self,
        state: &mut State,
        connection: &Connection,
        document: Option<(&Path, bool)>,
    ) -> Result<Shown, Problem> {
        let project = self.project.clone();
        let files = tokio::task::spawn_blocking(move || changes::look(&project)).await.map_err(ApiError::from)?;
        let changed = changes::between(&state.files, &files);
        if !changed.is_empty() {
            connection.notify("workspace/didChangeWatchedFiles", changes::events(&changed)).await?;
            // What is open counts more for servers than what is on disk.
            for (path, _) in &changed {
                state.documents.refresh(connection, self.language, path).await?;
            }
            // At last: whoever waits may leave before.
            state.files = files;
        }
        match document {
            Some((path, opened)) => state.documents.show(connection, self.language, path, opened).await,
            None => Ok(Shown::Before),
        }
    }

    /// The running program of a seat: started when it does not run, with what was open before.
    async fn ready(
        &self,
        toolbox: &Arc<Toolbox>,
        seat: &Seat,
        state: &mut State,
    ) -> Result<(Arc<Connection>, String), ApiError> {
        if self.stopped.load(Ordering::Relaxed) {
            return Err(not_started(self.language, &self.project));
        }
        if let Some((connection, name)) = state.live.as_ref().filter(|(connection, _)| !connection.has_ended()) {
            return Ok((Arc::clone(connection), name.clone()));
        }
        let program = {
            let (toolbox, language, project) = (Arc::clone(toolbox), self.language, self.project.clone());
            let formats = std::ptr::eq(seat, &self.formatter);
            let find = move || match formats {
                true => Program::formatter(&toolbox, language)
                    .map_or_else(|| Program::find(&toolbox, language, &project), Ok),
                false => Program::find(&toolbox, language, &project),
            };
            tokio::task::spawn_blocking(find).await??
        };
        let project = self.project.clone();
        state.files = tokio::task::spawn_blocking(move || changes::look(&project)).await?;
        let connection = Arc::new(Connection::start(toolbox, &program, &self.project.to_string_lossy()).await?);
        *seat.running() = Some(Arc::clone(&connection));
        if let Err(Problem::Server(failure)) = state.documents.open_again(&connection, self.language).await {
            return Err(failed(failure, COMPLETION, &program.name));
        }
        if self.stopped.load(Ordering::Relaxed) {
            connection.kill();
            return Err(not_started(self.language, &self.project));
        }
        state.live = Some((Arc::clone(&connection), program.name.clone()));
        Ok((connection, program.name))
    }

    /// Does something within the time of a request. A program that has said nothing meanwhile is ended: it hangs.
    async fn in_time<T>(
        &self,
        toolbox: &Toolbox,
        seat: &Seat,
        work: impl Future<Output = Result<T, ApiError>>,
    ) -> Result<T, ApiError> {
        let limit = toolbox.environment.get(LIMIT_VARIABLE).and_then(|value| value.to_str()?.parse().ok());
        let limit =
            limit.filter(|seconds| *seconds > 0.0).and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        let limit = limit.unwrap_or(LIMIT);
        let begun = Instant::now();
        let Ok(outcome) = timeout(limit, work).await else {
            let silent = seat.running().take_if(|connection| connection.silent_since(begun));
            if let Some(connection) = silent {
                connection.kill();
            }
            return Err(ApiError::new(
                StatusCode::REQUEST_TIMEOUT,
                "REQUEST_TIMEOUT",
                format!(
                    "request timeout: the language server for {} did not answer in {} seconds; {LIMIT_VARIABLE} in the \
                     sandbox's environment gives it more time",
                    self.language.name(),
                    limit.as_secs_f64()
                ),
            ));
        };
        outcome
    }
}

impl Seat {
    fn running(&self) -> std::sync::MutexGuard<'_, Option<Arc<Connection>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn offers(connection: &Connection, feature: Feature) -> bool {
    !matches!(connection.capabilities().get(feature.capability), None | Some(Value::Null | Value::Bool(false)))
}

fn not_supported(feature: Feature, name: &str) -> ApiError {
    ApiError::new(
        StatusCode::NOT_IMPLEMENTED,
        "NOT_IMPLEMENTED",
        format!("not implemented: {} is not supported by this server ({name})", feature.words),
    )
}

fn failed(failure: Failure, feature: Feature, name: &str) -> ApiError {
    match failure {
        Failure::Ended => ApiError::internal(format!("the language server {name} has ended")),
        Failure::Busy => {
            ApiError::bad_request(format!("too many requests wait for the language server {name}: make fewer at once"))
        }
        Failure::Refused(METHOD_NOT_FOUND, _) => not_supported(feature, name),
        Failure::Refused(_, message) => ApiError::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "UNPROCESSABLE_ENTITY",
            format!("unprocessable entity: the language server {name} refused it: {message}"),
        ),
    }
}

pub(super) fn not_started(language: Language, project: &Path) -> ApiError {
    ApiError::new(
        StatusCode::BAD_REQUEST,
        "LSP_SERVER_NOT_INITIALIZED",
        format!(
            "bad request: the language server for {} in {} is not started: start it first",
            language.name(),
            project.display()
        ),
    )
}
