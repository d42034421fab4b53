//! What sandboxes do by themselves: they stop or pause when nobody uses them, are archived or deleted when they have been stopped
//! for long, and go when their time to live is over.
//!
//! Activity is what the wire counts (1.3): requests to the toolbox and to previews, for as long as they are open, unless they
//! say otherwise, and `POST /sandbox/{id}/last-activity`. It is measured by a clock that nobody sets.

use std::sync::Arc;
use std::time::Duration;

use crate::engine::Engine;
use crate::errors::ApiResult;
use crate::sandboxes::cause::{self, Cause};
use crate::sandboxes::registry::Entry;
use crate::sandboxes::sandbox::{Sandbox, State, now_millis};

/// How often intervals are checked.
const TICK: Duration = Duration::from_secs(1);

impl Engine {
    /// Acts on intervals until dropped.
    pub async fn tick(self: Arc<Self>) {
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.backend.tick().await;
            let _acting = self.testing.acting.lock().await;
            let now = now_millis();
            for entry in self.registry.all() {
                let (idle, resting) = (entry.idle_millis(), entry.resting_millis());
                let Some(action) = entry.with_record(|record| due(record, idle, resting, now)) else { continue };
                let engine = Arc::clone(&self);
                // Busy sandboxes answer 409 and are looked at again next time.
                tokio::spawn(async move {
                    if let Err(error) = engine.act(entry, action).await {
                        tracing::debug!(%error, ?action, "an interval's action was not carried out");
                    }
                });
            }
        }
    }

    /// Does what an interval asks for.
    pub async fn act(self: &Arc<Self>, entry: Arc<Entry>, action: Due) -> ApiResult<()> {
        let is_over = |record: &Sandbox| record.auto_destroy_at.is_some_and(|at| now_millis() >= at);
        let (id, owner, over) = entry.with_record(|record| (record.id.clone(), self.owner_of(record), is_over(record)));
        let (word, cause) = match action {
            Due::Stop => ("stop", Cause::AUTO_STOP),
            Due::Pause => ("update", Cause::AUTO_PAUSE),
            Due::Archive => ("archive", Cause::AUTO_ARCHIVE),
            Due::Destroy if over => ("delete", Cause::TIME_TO_LIVE),
            Due::Destroy => ("delete", Cause::AUTO_DELETE),
        };
        let reason = cause.reason();
        cause::within(cause, self.carry_out(entry, action)).await?;
        self.audit.by_engine(&owner, word, &id, reason);
        Ok(())
    }

    async fn carry_out(self: &Arc<Self>, entry: Arc<Entry>, action: Due) -> ApiResult<()> {
        match action {
            Due::Stop => self.stop(entry, false)?.completed().await,
            Due::Pause => self.pause(entry).await.map(drop),
            Due::Archive => self.archive(entry)?.completed().await,
            Due::Destroy => {
                self.give_up(&entry).await;
                self.destroy(entry)?.completed().await
            }
        }
    }
}

/// The action that an interval asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Due {
    /// Stop it.
    Stop,
    /// Freeze it.
    Pause,
    /// Put its files away.
    Archive,
    /// Delete it.
    Destroy,
}

impl Due {
    /// Its name for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Pause => "pause",
            Self::Archive => "archive",
            Self::Destroy => "delete",
        }
    }
}

/// Which interval of a sandbox is over, if any. It was idle and has not been running for so many milliseconds; `now` is
/// the wall clock's, which a time to live ends by.
fn due(record: &Sandbox, idle: i64, resting: i64, now: i64) -> Option<Due> {
    next(record, idle, resting, now).and_then(|(millis, due)| (millis <= 0).then_some(due))
}

/// The interval of a sandbox that is over first, and in how many milliseconds; of several that are over, the one that asks
/// for most.
pub fn next(record: &Sandbox, idle: i64, resting: i64, now: i64) -> Option<(i64, Due)> {
    let left = |minutes: i64, passed: i64| minutes.saturating_mul(60_000).saturating_sub(passed);
    let (mut ends, state) = (Vec::new(), record.state);
    if let Some(at) = record.auto_destroy_at {
        ends.push((at.saturating_sub(now), Due::Destroy));
    }
    if state == State::Started && record.auto_stop_interval > 0 {
        ends.push((left(record.auto_stop_interval, idle), Due::Stop));
    }
    if state == State::Started && record.auto_pause_interval > 0 {
        ends.push((left(record.auto_pause_interval, idle), Due::Pause));
    }
    if matches!(state, State::Stopped | State::Archived) && record.auto_delete_interval >= 0 {
        ends.push((left(record.auto_delete_interval, resting), Due::Destroy));
    }
    if state == State::Stopped && record.auto_archive_interval > 0 {
        ends.push((left(record.auto_archive_interval, resting), Due::Archive));
    }
    ends.into_iter().min_by_key(|(millis, _)| (*millis).max(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::create;
    use crate::sandboxes::snapshot;

    const MINUTE: i64 = 60_000;

    fn sandbox(body: serde_json::Value, state: State) -> Sandbox {
        let mut sandbox = create::read(body.as_object().unwrap(), &snapshot::find_default).unwrap();
        (sandbox.state, sandbox.created_at, sandbox.stopped_at) = (state, 0, Some(0));
        sandbox
    }

    #[test]
    fn a_started_sandbox_stops_after_minutes_without_activity() {
        let started = sandbox(serde_json::json!({"autoStopInterval": 5}), State::Started);
        assert_eq!(due(&started, 5 * MINUTE - 1, i64::MAX, i64::MAX), None);
        assert_eq!(due(&started, 5 * MINUTE, 0, 0), Some(Due::Stop));
        let never = sandbox(serde_json::json!({"autoStopInterval": 0}), State::Started);
        assert_eq!(due(&never, i64::MAX, i64::MAX, i64::MAX), None);
        let pausing = sandbox(serde_json::json!({"autoPauseInterval": 5}), State::Started);
        assert_eq!(due(&pausing, 5 * MINUTE - 1, i64::MAX, i64::MAX), None);
        assert_eq!(due(&pausing, 5 * MINUTE, 0, 0), Some(Due::Pause));
    }

    #[test]
    fn a_stopped_sandbox_is_archived_or_destroyed_after_its_interval() {
        let stopped = sandbox(serde_json::json!({"autoDeleteInterval": 5, "autoArchiveInterval": 2}), State::Stopped);
        assert_eq!(due(&stopped, i64::MAX, 2 * MINUTE - 1, i64::MAX), None);
        assert_eq!(due(&stopped, 0, 2 * MINUTE, 0), Some(Due::Archive));
        assert_eq!(due(&stopped, 0, 5 * MINUTE, 0), Some(Due::Destroy));
        let kept = sandbox(serde_json::json!({}), State::Archived);
        assert_eq!(due(&kept, i64::MAX, i64::MAX, i64::MAX), None);
    }

    #[test]
    fn time_to_live_ends_a_sandbox_in_any_state() {
        for state in [State::Started, State::Stopped, State::Error] {
            let mut limited = sandbox(serde_json::json!({"autoStopInterval": 0, "autoArchiveInterval": 0}), state);
            limited.auto_destroy_at = create::destroy_at(3, 0);
            assert_eq!(due(&limited, 0, 0, 3 * MINUTE - 1), None);
            assert_eq!(due(&limited, 0, 0, 3 * MINUTE), Some(Due::Destroy));
        }
    }
}
