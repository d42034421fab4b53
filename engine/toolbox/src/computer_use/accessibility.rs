//! `/computeruse/a11y`: what the programs on the desktop show, and doing something to it.
//!
//! AT-SPI is spoken by Python and Debian's library, in a process that is started when it is first asked for: the engine's own
//! program stays free of a D-Bus client. One question at a time; a process that does not answer is ended, and the next question
//! starts another.

use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::{get, post};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout};
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::trajectories::{self, Target};
use super::{Purpose, with_screen};
use crate::environment::Variables;
use crate::errors::ApiError;
use crate::extract::{Json, Query};
use crate::{State, Toolbox};

/// The program that asks.
const SCRIPT: &str = include_str!("accessibility.py");

/// The Python that has Debian's bindings.
pub(super) const PYTHON: &str = "/usr/bin/python3";

/// Time for an answer.
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) fn routes() -> Router<Arc<Toolbox>> {
    Router::new()
        .route("/computeruse/a11y/tree", get(tree))
        .route("/computeruse/a11y/find", post(find))
        .route("/computeruse/a11y/node/focus", post(focus))
        .route("/computeruse/a11y/node/invoke", post(invoke))
        .route("/computeruse/a11y/node/value", post(set_value))
}

type Answer = Result<axum::Json<Value>, ApiError>;

/// The process that asks, once there has been a question.
#[derive(Default)]
pub(super) struct Asker {
    process: Mutex<Option<Process>>,
}

struct Process {
    _child: Child,
    questions: ChildStdin,
    answers: tokio::io::Lines<BufReader<ChildStdout>>,
}

impl Asker {
    /// Ends the process.
    pub(super) async fn end(&self) {
        *self.process.lock().await = None;
    }

    /// The answer to a question: `ok` or `error`.
    pub(super) async fn ask(&self, toolbox: &Toolbox, question: &Value) -> Result<Value, ApiError> {
        let mut place = self.process.lock().await;
        // Taken out: a question that is given up leaves no answer behind for the next one.
        let mut process = match place.take() {
            Some(process) => process,
            None => Process::start(toolbox).await?,
        };
        let answer = process.ask(&format!("{question}\n")).await?;
        *place = Some(process);
        Ok(answer)
    }
}

impl Process {
    async fn start(toolbox: &Toolbox) -> Result<Self, ApiError> {
        let mut command = toolbox.command(PYTHON.as_ref(), None, &Variables::new());
        // Without what the sandbox's user has put in Python's way.
        command.args(["-I", "-c", SCRIPT]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let spawned = tokio::process::Command::from(command).kill_on_drop(true).spawn();
        let mut child = spawned.map_err(|error| unavailable(&format!("{PYTHON}: {error}")))?;
        let (Some(questions), Some(answers)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(unavailable("the process has no pipes"));
        };
        let mut process = Self { _child: child, questions, answers: BufReader::new(answers).lines() };
        process.answer().await?;
        Ok(process)
    }

    async fn ask(&mut self, question: &str) -> Result<Value, ApiError> {
        self.questions.write_all(question.as_bytes()).await.map_err(|_| unavailable("the process has ended"))?;
        self.answer().await
    }

    async fn answer(&mut self) -> Result<Value, ApiError> {
        let line = match timeout(PATIENCE, self.answers.next_line()).await {
            Ok(Ok(Some(line))) => line,
            Ok(_) => return Err(unavailable("the accessibility bus does not answer")),
            Err(_) => return Err(unavailable("a program does not answer")),
        };
        serde_json::from_str(&line).map_err(|error| ApiError::internal(format!("accessibility: {error}")))
    }
}

fn unavailable(why: &str) -> ApiError {
    let message = format!("The desktop's accessibility service is not available: {why}");
    ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "A11Y_UNAVAILABLE", message)
}

fn invalid(what: String) -> ApiError {
    ApiError::new(StatusCode::BAD_REQUEST, "A11Y_INVALID_REQUEST", what)
}

async fn ask(toolbox: State, question: Value) -> Answer {
    toolbox.display()?;
    // Without a desktop that runs there is nobody to ask.
    with_screen(State::clone(&toolbox), Purpose::View, |_| Ok(()))
        .await
        .map_err(|error| unavailable(&error.message))?;
    let answer = toolbox.desktop.accessibility.ask(&toolbox, &question).await?;
    let Some(error) = answer.get("error") else { return Ok(axum::Json(answer["ok"].clone())) };
    let message = error["message"].as_str().unwrap_or_default();
    let (status, code) = match error["code"].as_str().unwrap_or_default() {
        "A11Y_NODE_NOT_FOUND" => (StatusCode::NOT_FOUND, "A11Y_NODE_NOT_FOUND"),
        "A11Y_NO_ACCESSIBLE_ROOT" => (StatusCode::NOT_FOUND, "A11Y_NO_ACCESSIBLE_ROOT"),
        "A11Y_ACTION_NOT_SUPPORTED" => (StatusCode::BAD_REQUEST, "A11Y_ACTION_NOT_SUPPORTED"),
        "A11Y_INVALID_REQUEST" => (StatusCode::BAD_REQUEST, "A11Y_INVALID_REQUEST"),
        _ => (StatusCode::INTERNAL_SERVER_ERROR, "A11Y_INTERNAL"),
    };
    Err(ApiError::new(status, code, message))
}

/// 400 unless the scope is known, and has its process id where it needs one.
fn check_scope(scope: Option<&str>, pid: Option<i64>) -> Result<(), ApiError> {
    match (scope.unwrap_or("focused"), pid) {
        ("focused" | "all" | "", _) | ("pid", Some(_)) => Ok(()),
        ("pid", None) => Err(invalid("the scope pid needs a pid".to_owned())),
        (other, _) => Err(ApiError::new(
            StatusCode::BAD_REQUEST,
            "A11Y_INVALID_SCOPE",
            format!("scope is {other:?}; it must be focused, pid or all"),
        )),
    }
}

async fn tree(toolbox: State, query: Query) -> Answer {
    let (scope, pid) = (query.text("scope"), query.number::<i64>("pid")?);
    check_scope(scope.as_deref(), pid)?;
    let depth = query.number::<i64>("maxDepth")?.unwrap_or(-1);
    if depth < -1 {
        return Err(invalid(format!("maxDepth is {depth}; it must be -1 or more")));
    }
    ask(toolbox, json!({ "op": "tree", "scope": scope, "pid": pid, "maxDepth": depth })).await
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Find {
    scope: Option<String>,
    pid: Option<i64>,
    role: Option<String>,
    name: Option<String>,
    name_match: Option<String>,
    states: Option<Vec<String>>,
    limit: Option<i64>,
}

async fn find(toolbox: State, Json(request): Json<Find>) -> Answer {
    check_scope(request.scope.as_deref(), request.pid)?;
    if let Some(limit) = request.limit.filter(|limit| !(1..=1000).contains(limit)) {
        return Err(invalid(format!("limit is {limit}; it must be from 1 to 1000")));
    }
    let Find { scope, pid, role, name, name_match, states, limit } = request;
    let question = json!({
        "op": "find", "scope": scope, "pid": pid, "role": role, "name": name, "nameMatch": name_match,
        "states": states, "limit": limit,
    });
    ask(toolbox, question).await
}

#[derive(Deserialize)]
struct Node {
    id: String,
}

async fn focus(toolbox: State, Json(Node { id }): Json<Node>) -> Answer {
    act_on(toolbox, &id, json!({ "action": "focus" }), json!({ "op": "focus", "id": id })).await
}

/// Does something to a node. A trajectory that is being recorded gets it.
async fn act_on(toolbox: State, id: &str, told: Value, question: Value) -> Answer {
    let asked = ask(State::clone(&toolbox), question);
    trajectories::recorded(&toolbox, told, Target::Node(id.to_owned()), asked).await
}

#[derive(Deserialize)]
struct Invoke {
    id: String,
    action: Option<String>,
}

async fn invoke(toolbox: State, Json(Invoke { id, action }): Json<Invoke>) -> Answer {
    let told = json!({ "action": "invoke", "name": action });
    act_on(toolbox, &id, told, json!({ "op": "invoke", "id": id, "action": action })).await
}

#[derive(Deserialize)]
struct SetValue {
    id: String,
    value: String,
}

async fn set_value(toolbox: State, Json(SetValue { id, value }): Json<SetValue>) -> Answer {
    let told = json!({ "action": "set_value", "value": value });
    act_on(toolbox, &id, told, json!({ "op": "value", "id": id, "value": value })).await
}
