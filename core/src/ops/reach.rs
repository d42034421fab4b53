//! Waiting until a sandbox is in the state it should be in.

use std::time::Duration;

use http::Method;

use super::Sandboxes;
use super::sandbox::{plain, sandbox_path};
use crate::client::DEFAULT_LIMIT;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{SandboxInfo, SandboxState, WaitOptions};
use crate::travel::backoff::Backoff;
use crate::travel::deadline;

/// Pauses between two looks at a sandbox's state while no events arrive. Each is about a 25th of the time waited so far, so a
/// change is noticed at most 4 % late.
const PAUSES: Backoff = Backoff::new(Duration::from_millis(25), Duration::from_secs(1)).growing(1.04);
/// While events arrive a look now and then is enough.
const POLL_WITH_EVENTS: Duration = Duration::from_secs(1);

impl Sandboxes {
    pub(super) async fn wait(
        &self,
        id_or_name: &str,
        options: WaitOptions,
        operation: &'static str,
        targets: &[SandboxState],
    ) -> Result<SandboxInfo> {
        let limit = deadline::limit(options.timeout, DEFAULT_LIMIT);
        self.client
            .run(operation, limit, async {
                let sandbox = self.look(id_or_name).await?;
                self.reach(sandbox, targets).await
            })
            .await
            .map_err(|e| late(e, id_or_name))
    }

    /// Waits until the sandbox is in one of `targets`.
    pub(super) async fn reach(&self, sandbox: SandboxInfo, targets: &[SandboxState]) -> Result<SandboxInfo> {
        self.until(sandbox, |sandbox| arrived(sandbox, targets)).await
    }

    /// Waits until the sandbox is in another state than `state`, which a change has while it is under way.
    pub(super) async fn leave(&self, sandbox: SandboxInfo, state: &SandboxState) -> Result<SandboxInfo> {
        self.until(sandbox, |sandbox| Ok(arrived(sandbox, &[])? || sandbox.state.as_ref().is_some_and(|s| s != state)))
            .await
    }

    /// Waits until `done`: by events where the server offers them, by looking otherwise.
    async fn until(
        &self,
        mut sandbox: SandboxInfo,
        done: impl Fn(&SandboxInfo) -> Result<bool>,
    ) -> Result<SandboxInfo> {
        if done(&sandbox)? {
            return Ok(sandbox);
        }
        let mut changes = self.client.event_hub().await?.map(|hub| hub.subscribe(&sandbox.id));
        // Changes from before the subscription are not pushed, so the first look comes at once.
        sandbox = self.look(&sandbox.id).await?;
        let mut pauses = PAUSES;
        while !done(&sandbox)? {
            match &mut changes {
                Some(changes) => {
                    // A socket that is not connected is no reason to look less often.
                    let pause = if changes.is_connected() { POLL_WITH_EVENTS } else { pauses.take() };
                    tokio::select! {
                        () = tokio::time::sleep(pause) => {}
                        _ = changes.changed() => {}
                    }
                }
                None => pauses.pause().await,
            }
            sandbox = self.look(&sandbox.id).await?;
        }
        Ok(sandbox)
    }

    /// The sandbox now; one that is not found any more is `destroyed`.
    pub(super) async fn look(&self, id_or_name: &str) -> Result<SandboxInfo> {
        match self.client.api(Method::GET, sandbox_path(id_or_name, "")?).read().await {
            Err(e) if e.is_not_found() => Ok(SandboxInfo {
                id: id_or_name.to_owned(),
                state: Some(SandboxState::Destroyed),
                ..Default::default()
            }),
            other => other,
        }
    }
}

/// Names the sandbox when the time is over.
pub(super) fn late(error: Error, id_or_name: &str) -> Error {
    if deadline::has_passed(&error) { error.context(format!("Sandbox {id_or_name}")) } else { error }
}

/// Whether the sandbox is where it should be; an error when it will not get there.
pub(super) fn arrived(sandbox: &SandboxInfo, targets: &[SandboxState]) -> Result<bool> {
    let Some(state) = &sandbox.state else { return Ok(false) };
    if targets.contains(state) {
        return Ok(true);
    }
    if state.is_failure() {
        let reason = sandbox.error_reason.as_deref().unwrap_or("no reason given");
        return Err(Error::new(
            ErrorKind::Unknown,
            format!("Sandbox {} is in state {}: {reason}", sandbox.id, plain(state)),
        ));
    }
    if *state == SandboxState::Destroyed {
        return Err(Error::new(ErrorKind::NotFound, format!("Sandbox {} does not exist any more", sandbox.id)));
    }
    Ok(false)
}
