//! One execution over a WebSocket: request in, messages out, a close code that tells how it ended.
//!
//! A timeout interrupts the code as Ctrl+C would and kills the worker when that does not help within [`GRACE`]; so does a client
//! that leaves.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{self, WebSocket, close_code};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use serde::Deserialize;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::context::{Context, Turn};
use super::worker::{Message, Request, Worker};
use crate::compat::Compat;
use crate::environment::{self, Variables};
use crate::errors::reason;
use crate::{Toolbox, websocket};

/// Close code of an execution that ran out of time (wire section 4.4).
const TIMED_OUT: u16 = 4008;
/// Time limit when the request gives none.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(600);
/// How long interrupted code may take to end.
const GRACE: Duration = Duration::from_secs(2);
/// Stands for "no time limit".
const FOREVER: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ExecuteRequest {
    #[serde(default)]
    code: String,
    context_id: Option<String>,
    timeout: Option<i64>,
    envs: Option<Variables>,
}

/// The close frame that ends an execution; `None` when the client is gone.
type Goodbye = Option<(u16, String)>;

fn close(code: u16, reason: impl Into<String>) -> Goodbye {
    Some((code, reason.into()))
}

/// Serves one connection: reads the request, waits for the context, runs the code, closes.
pub(super) async fn serve(socket: WebSocket, toolbox: Arc<Toolbox>) {
    let (mut sink, mut stream) = socket.split();
    let goodbye = execute(&mut sink, &mut stream, &toolbox).await;
    if let (Some((code, reason)), Ok(socket)) = (goodbye, sink.reunite(stream)) {
        websocket::close(socket, code, reason).await;
    }
}

type Sink = SplitSink<WebSocket, ws::Message>;
type Stream = SplitStream<WebSocket>;

async fn execute(sink: &mut Sink, stream: &mut Stream, toolbox: &Arc<Toolbox>) -> Goodbye {
    let Some(first) = first_message(stream).await else {
        return close(close_code::PROTOCOL, "failed to read first message");
    };
    let Ok(request) = serde_json::from_slice::<ExecuteRequest>(&first) else {
        return close(close_code::PROTOCOL, "invalid JSON payload");
    };
    if request.code.trim().is_empty() {
        return close(close_code::POLICY, "code is required");
    }
    let timeout = match request.timeout {
        None => DEFAULT_TIMEOUT,
        Some(0) => FOREVER,
        Some(seconds) => match u64::try_from(seconds) {
            Ok(seconds) => Duration::from_secs(seconds).min(FOREVER),
            Err(_) => return close(close_code::POLICY, "timeout must be greater than or equal to 0"),
        },
    };
    let envs = request.envs.unwrap_or_default();
    if let Err(error) = environment::check(&envs) {
        return close(close_code::POLICY, truncated(error.message));
    }
    let id = request.context_id.as_deref();
    let Some(context) = Context::find(toolbox, id) else {
        return close(close_code::POLICY, truncated(format!("context not found: {}", id.unwrap_or_default())));
    };
    let mut turn = tokio::select! {
        turn = context.turn() => match turn {
            Some(turn) => turn,
            None => return close(close_code::POLICY, "too many executions are waiting for this context"),
        },
        () = context.deleted() => return close(close_code::AWAY, "context shutdown"),
        () = departure(stream) => return None,
    };
    if let Err(reason) = prepare(&mut turn, toolbox, &context) {
        return close(close_code::ERROR, truncated(reason));
    }
    let Some(worker) = turn.worker.as_mut() else { return close(close_code::AWAY, "worker process ended") };
    let request = Request { code: &request.code, envs: &envs };
    let deadline = Instant::now() + timeout;
    let compat = toolbox.config.compat;
    let run = Run { sink, stream, context: &context, deadline, phase: Phase::Running, compat };
    let (worker_survives, goodbye) = run.until_done(worker, &request).await;
    if !worker_survives {
        *turn.worker = None;
    }
    goodbye
}

/// Close reasons hold at most 123 bytes (RFC 6455 section 5.5).
fn truncated(mut reason: String) -> String {
    let mut end = reason.len().min(123);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    reason.truncate(end);
    reason
}

async fn first_message(stream: &mut Stream) -> Option<Vec<u8>> {
    loop {
        match stream.next().await? {
            Ok(ws::Message::Text(text)) => return Some(text.as_str().as_bytes().to_vec()),
            Ok(ws::Message::Binary(bytes)) => return Some(bytes.to_vec()),
            Ok(ws::Message::Ping(_) | ws::Message::Pong(_)) => {}
            Ok(ws::Message::Close(_)) | Err(_) => return None,
        }
    }
}

/// Completes when the client leaves; reading is also what answers its pings.
async fn departure(stream: &mut Stream) {
    while let Some(Ok(message)) = stream.next().await {
        if matches!(message, ws::Message::Close(_)) {
            return;
        }
    }
}

/// Makes sure there is a live worker.
fn prepare(turn: &mut Turn, toolbox: &Toolbox, context: &Context) -> Result<(), String> {
    if turn.worker.as_mut().is_some_and(Worker::is_alive) {
        return Ok(());
    }
    match Worker::start(toolbox, &context.cwd) {
        Ok(worker) => {
            *turn.worker = Some(worker);
            Ok(())
        }
        Err(error) if context.id == super::DEFAULT => Err(format!("failed to get default context: {}", reason(&error))),
        Err(error) => Err(format!("failed to start context: {}", reason(&error))),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Running,
    /// Interrupted because time was up.
    TimedOut,
    /// Nobody is listening.
    Abandoned,
}

struct Run<'a> {
    sink: &'a mut Sink,
    stream: &'a mut Stream,
    context: &'a Context,
    /// When the present phase must be over.
    deadline: Instant,
    phase: Phase,
    compat: Compat,
}

impl Run<'_> {
    /// Runs the code. Answers whether the worker can be used again, and how to close.
    async fn until_done(mut self, worker: &mut Worker, request: &Request<'_>) -> (bool, Goodbye) {
        if worker.submit(request).await.is_err() {
            return (false, close(close_code::AWAY, "worker process ended"));
        }
        loop {
            tokio::select! {
                message = worker.next() => match message {
                    Some(message) => if let Some(goodbye) = self.pass_on(worker, message).await {
                        return (true, goodbye);
                    },
                    None => return (false, self.when_dead()),
                },
                () = sleep_until(self.deadline) => match self.phase {
                    Phase::Running => self.interrupt(worker, Phase::TimedOut),
                    Phase::TimedOut | Phase::Abandoned => return (false, self.when_dead()),
                },
                () = self.context.deleted() => return (false, close(close_code::AWAY, "context shutdown")),
                () = departure(self.stream), if self.phase != Phase::Abandoned => {
                    self.abandon(worker);
                }
            }
        }
    }

    fn abandon(&mut self, worker: &Worker) {
        if self.compat.runs_abandoned_code() {
            self.phase = Phase::Abandoned;
        } else {
            self.interrupt(worker, Phase::Abandoned);
        }
    }

    fn interrupt(&mut self, worker: &Worker, phase: Phase) {
        worker.interrupt();
        self.phase = phase;
        self.deadline = Instant::now() + GRACE;
    }

    fn when_dead(&self) -> Goodbye {
        match self.phase {
            Phase::Running => close(close_code::AWAY, "worker process ended"),
            Phase::TimedOut => close(TIMED_OUT, ""),
            Phase::Abandoned => None,
        }
    }

    /// Gives a message to the client. Answers how to close when it was the last.
    async fn pass_on(&mut self, worker: &Worker, message: Message) -> Option<Goodbye> {
        if self.phase != Phase::Abandoned {
            let text = serde_json::to_string(&message).unwrap_or_default();
            match timeout_at(self.deadline, self.sink.send(ws::Message::Text(text.into()))).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => self.abandon(worker),
                // A client that does not read cannot buy the code more time; what is sent from here on is lost to it.
                Err(_) => self.abandon(worker),
            }
        }
        if message.kind != "control" {
            return None;
        }
        Some(match self.phase {
            Phase::Abandoned => None,
            Phase::TimedOut => close(TIMED_OUT, ""),
            Phase::Running if message.text == "interrupted" => close(TIMED_OUT, ""),
            Phase::Running => close(close_code::NORMAL, ""),
        })
    }
}
