//! When an engine ends.

use std::time::Duration;

use daytona_discovery as discovery;
use tokio::signal::unix::Signal;

use crate::engine::Engine;
use crate::isolation;

/// When an engine that nobody uses ends.
pub(super) struct Idle {
    pub(super) limit: Duration,
    /// The clients that keep it from being idle.
    pub(super) clients: Option<discovery::Clients>,
}

impl Idle {
    /// How long the engine has to stay unused before it ends; `None` when it has been for long enough.
    pub(super) fn left(&self, engine: &Engine) -> Option<Duration> {
        let started = || engine.registry.all().iter().any(|entry| entry.instance().is_some());
        let connected = || self.clients.as_ref().is_some_and(|c| c.connected() || engine.activity.has_clients());
        if started() || connected() {
            engine.activity.touch();
        }
        let idle = Duration::from_millis(engine.activity.idle_millis().unsigned_abs());
        self.limit.checked_sub(idle).filter(|left| !left.is_zero())
    }
}

pub(super) async fn wait_for_end(
    engine: &Engine,
    idle: &Idle,
    owner: Option<&isolation::Watched>,
    [terminate, interrupt]: &mut [Signal; 2],
) -> &'static str {
    let idle = async {
        if idle.limit.is_zero() {
            std::future::pending::<()>().await;
        }
        while let Some(left) = idle.left(engine) {
            tokio::time::sleep(left.clamp(Duration::from_millis(10), Duration::from_secs(1))).await;
        }
    };
    let ended = async {
        match owner {
            Some(owner) => owner.wait().await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
        () = idle => "idle",
        () = ended => "its owner's end",
    }
}
