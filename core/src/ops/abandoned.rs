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

use crate::cleanup::Unsettled;
use crate::client::DEFAULT_LIMIT;
use crate::error::Result;
use crate::model::ExecuteResponse;
use crate::toolbox::Toolbox;

/// Names the variable.
const VARIABLE: &str = "DAYTONA_CALL_ID";
/// Pause before the first look, in which others may join, and between further ones.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const PAUSE: Duration = Duration::from_millis(700);
/// Looks for a call that nobody waits for any more.
const LOOKS: u32 = 5;

/// Calls that were given up, by id, by sandbox.
#[derive(Default)]
pub(crate) struct Abandoned(Mutex<HashMap<String, HashMap<String, Waiting>>>);

/// A call that is to be looked for.
struct Waiting {
    /// Looks that are left.
    left: u32,
    /// Until the first look, a program that ends waits.
    unsettled: Option<Unsettled>,
}

impl Abandoned {
    fn calls<T>(&self, use_them: impl FnOnce(&mut HashMap<String, HashMap<String, Waiting>>) -> T) -> T {
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

    /// Has the command killed, however late it begins.
    fn kill(&self) {
        look_for(self.toolbox, &self.id, u32::MAX);
    }

    pub(crate) fn ended(mut self) {
        self.ended = true;
        let sandbox = self.toolbox.sandbox_id();
        self.toolbox.client.abandoned().calls(|calls| calls.get_mut(sandbox).map(|waiting| waiting.remove(&self.id)));
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if !self.ended {
            look_for(self.toolbox, &self.id, LOOKS);
        }
    }
}

/// Runs a command whose end is awaited even when it is no longer wanted: it is killed then, and the server's answer says
/// that it has ended.
pub(crate) async fn run_while(
    toolbox: &Toolbox,
    command: &str,
    unwanted: impl Future<Output = ()>,
) -> Result<ExecuteResponse> {
    let running = Running::new(toolbox);
    let mut body = json!({ "command": command });
    running.mark(&mut body);
    let mut answer = std::pin::pin!(async {
        toolbox.request(Method::POST, "/process/execute").await?.json(&body).read::<ExecuteResponse>().await
    });
    let outcome = tokio::select! {
        biased;
        outcome = &mut answer => outcome,
        () = unwanted => {
            running.kill();
            answer.await
        }
    };
    running.ended();
    outcome
}

fn look_for(toolbox: &Toolbox, id: &str, looks: u32) {
    let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
    let sandbox = toolbox.sandbox_id();
    let waiting = Waiting { left: looks, unsettled: Some(Unsettled::new()) };
    let first = toolbox.client.abandoned().calls(|calls| {
        let first = !calls.contains_key(sandbox);
        calls.entry(sandbox.to_owned()).or_default().insert(id.to_owned(), waiting);
        first
    });
    if first {
        runtime.spawn(look(toolbox.clone()));
    }
}

async fn look(toolbox: Toolbox) {
    // Should the task be dropped with its runtime, calls given up later are looked for by another.
    let _forget = Forget(&toolbox);
    let mut pause = FIRST_PAUSE;
    loop {
        tokio::time::sleep(pause).await;
        pause = PAUSE;
        let turn = toolbox.client.abandoned().calls(|calls| {
            let waiting = calls.get_mut(toolbox.sandbox_id())?;
            let turn: (Vec<_>, Vec<_>) =
                waiting.iter_mut().map(|(id, call)| (id.clone(), call.unsettled.take())).unzip();
            waiting.retain(|_, call| {
                call.left -= 1;
                call.left > 0
            });
            if turn.0.is_empty() {
                calls.remove(toolbox.sandbox_id());
            }
            Some(turn)
        });
        let Some((ids, unsettled)) = turn.filter(|(ids, _)| !ids.is_empty()) else { break };
        // Nobody is left to tell whether it worked; without a sandbox nothing is left to end.
        if kill(&toolbox, &ids).await.is_err_and(|error| error.is_not_found()) {
            break;
        }
        drop(unsettled);
    }
}

struct Forget<'a>(&'a Toolbox);

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        self.0.client.abandoned().calls(|calls| calls.remove(self.0.sandbox_id()));
    }
}

async fn kill(toolbox: &Toolbox, ids: &[String]) -> Result<()> {
    let body = json!({ "command": script(ids) });
    toolbox
        .client
        .run("process.exec", DEFAULT_LIMIT, async {
            let request = toolbox.request(Method::POST, "/process/execute").await?;
            request.json(&body).read::<ExecuteResponse>().await.map(drop)
        })
        .await
}

/// Kills all that has one of the ids. What is met may be starting more processes: again until nothing is left.
fn script(ids: &[String]) -> String {
    // Most servers have ended them, so one look at what processes there are is nearly always all.
    format!(
        "ids=' {ids} '\n\
         round=0\n\
         while [ \"$round\" -lt 100 ]; do\n\
         round=$((round + 1))\n\
         killed=$(grep -la '{VARIABLE}=' /proc/[0-9]*/environ 2>/dev/null | while IFS=/ read -r _ _ pid _; do\n\
         id=$(tr '\\000' '\\n' <\"/proc/$pid/environ\" 2>/dev/null | sed -n 's/^{VARIABLE}=//p')\n\
         case $ids in *\" $id \"*) kill -KILL \"$pid\" 2>/dev/null && echo \"$pid\";; esac\n\
         done)\n\
         [ -z \"$killed\" ] && break\n\
         done\n",
        ids = ids.join(" "),
    )
}
