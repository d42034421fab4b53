//! Ends in the sandbox what calls that were given up have started there.
//!
//! Not every server ends a command when its client hangs up. So the processes of a call carry an environment variable
//! with the call's id, and when the call is dropped before its answer, everything that has the variable is killed. The
//! command may begin only after that, on a busy server: so it is looked for some more times. One task per sandbox looks
//! for all calls together, so that a storm of them costs no more than a few.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use http::Method;
use serde_json::json;

use super::spawn::signal_script;
use crate::client::{DEFAULT_LIMIT, Toolbox};
use crate::error::Result;
use crate::model::ExecuteResponse;

/// Names the variable.
const VARIABLE: &str = "DAYTONA_CALL_ID";
/// Pause before the first look, in which others may join, and between further ones.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const PAUSE: Duration = Duration::from_millis(700);
/// Looks for each call.
const LOOKS: u8 = 5;
/// Calls looked for at once, so that the script stays short.
const AT_ONCE: usize = 500;

/// Calls that were given up, by sandbox, with the number of looks that are left.
#[derive(Default)]
pub(crate) struct Abandoned(Mutex<HashMap<String, Vec<(String, u8)>>>);

impl Abandoned {
    fn calls<T>(&self, use_them: impl FnOnce(&mut HashMap<String, Vec<(String, u8)>>) -> T) -> T {
        use_them(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A command that runs in the sandbox. Dropped before [`ended`](Self::ended), it is ended there.
pub(crate) struct Running<'a> {
    toolbox: &'a Toolbox,
    id: String,
    ended: bool,
}

impl<'a> Running<'a> {
    pub(crate) fn new(toolbox: &'a Toolbox) -> Self {
        Self { toolbox, id: uuid::Uuid::new_v4().to_string(), ended: false }
    }

    /// Adds the variable to those the body of the request has.
    pub(crate) fn mark(&self, body: &mut serde_json::Value) {
        if body["envs"].is_null() {
            body["envs"] = json!({});
        }
        body["envs"][VARIABLE] = json!(self.id);
    }

    pub(crate) fn ended(mut self) {
        self.ended = true;
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let sandbox = self.toolbox.sandbox_id().to_owned();
        let id = std::mem::take(&mut self.id);
        let first = self.toolbox.client.abandoned().calls(|calls| match calls.get_mut(&sandbox) {
            Some(waiting) => {
                waiting.push((id, LOOKS));
                false
            }
            None => {
                calls.insert(sandbox.clone(), vec![(id, LOOKS)]);
                true
            }
        });
        if first {
            runtime.spawn(look(self.toolbox.clone(), sandbox));
        }
    }
}

async fn look(toolbox: Toolbox, sandbox: String) {
    // Should the task be dropped with its runtime, calls given up later are looked for by another.
    let _forget = Forget { toolbox: &toolbox, sandbox: &sandbox };
    let mut pause = FIRST_PAUSE;
    loop {
        tokio::time::sleep(pause).await;
        pause = PAUSE;
        let ids = toolbox.client.abandoned().calls(|calls| {
            let waiting = calls.entry(sandbox.clone()).or_default();
            let ids: Vec<_> = waiting.iter().take(AT_ONCE).map(|(id, _)| id.clone()).collect();
            for (_, left) in waiting.iter_mut().take(AT_ONCE) {
                *left -= 1;
            }
            // Those that have not had their turn come first next time.
            let turn = waiting.len().min(AT_ONCE);
            waiting.rotate_left(turn);
            waiting.retain(|(_, left)| *left > 0);
            if ids.is_empty() {
                calls.remove(&sandbox);
            }
            ids
        });
        // Nobody is left to tell whether it worked; without a sandbox nothing is left to end.
        if ids.is_empty() || kill(&toolbox, &ids).await.is_err_and(|error| error.is_not_found()) {
            break;
        }
    }
}

struct Forget<'a> {
    toolbox: &'a Toolbox,
    sandbox: &'a str,
}

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        self.toolbox.client.abandoned().calls(|calls| calls.remove(self.sandbox));
    }
}

async fn kill(toolbox: &Toolbox, ids: &[String]) -> Result<()> {
    let body = json!({ "command": signal_script(VARIABLE, ids, "KILL") });
    toolbox
        .client
        .run("process.exec", DEFAULT_LIMIT, async {
            let request = toolbox.request(Method::POST, "/process/execute").await?;
            request.json(&body).read::<ExecuteResponse>().await.map(drop)
        })
        .await
}

/// Runs a command whose end can be awaited even when it is no longer wanted: `wanted` says whether it is. When it
/// becomes unwanted, the command is killed, and the server's answer says that it has ended.
pub(crate) async fn run_while(
    toolbox: &Toolbox,
    command: &str,
    unwanted: impl Future<Output = ()>,
) -> Result<ExecuteResponse> {
    let running = Running::new(toolbox);
    let id = running.id.clone();
    let mut body = json!({ "command": command });
    running.mark(&mut body);
    let mut answer = std::pin::pin!(async {
        toolbox.request(Method::POST, "/process/execute").await?.json(&body).read::<ExecuteResponse>().await
    });
    let outcome = tokio::select! {
        biased;
        outcome = &mut answer => outcome,
        () = unwanted => {
            let killing = async {
                loop {
                    // Whether it worked shows in the answer; the command may not have begun yet.
                    let _ = kill(toolbox, std::slice::from_ref(&id)).await;
                    tokio::time::sleep(PAUSE).await;
                }
            };
            tokio::select! {
                outcome = answer => outcome,
                never = killing => never,
            }
        }
    };
    running.ended();
    outcome
}
