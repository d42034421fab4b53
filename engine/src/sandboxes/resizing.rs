//! Changing how much of the machine a sandbox gets.
//!
//! Processors and memory of a running sandbox change at once, to more only: less memory than its programs have would kill
//! them. A stopped one may be given less, too. A disk grows while nobody uses it, and never shrinks.

use std::sync::Arc;

use serde_json::Value;

use crate::accounts::quota;
use crate::backend::{Feature, Resources};
use crate::engine::Engine;
use crate::errors::{ApiError, ApiResult, in_words};
use crate::fault;
use crate::sandboxes::lifecycle::to_the_end;
use crate::sandboxes::registry::Entry;
use crate::sandboxes::sandbox::{DesiredState, Sandbox, State};
use crate::sandboxes::snapshot::MAX_RESOURCES;

/// The size that is asked for: processors, GiB of memory, GiB of disk. What is missing stays.
#[derive(Debug, Clone, Copy, Default)]
pub struct NewSize {
    /// Processors.
    pub cpu: Option<i64>,
    /// GiB.
    pub memory: Option<i64>,
    /// GiB.
    pub disk: Option<i64>,
}

/// A size that a sandbox may have.
struct Size {
    cpu: u64,
    memory: u64,
    disk: u64,
}

impl NewSize {
    /// The size of the sandbox afterwards; why not, otherwise.
    fn of(self, record: &Sandbox) -> ApiResult<Size> {
        let running = record.state == State::Started;
        let checked = |name: &str, wanted: Option<i64>, now: u64, most: u64, may_shrink: bool, may_grow: bool| {
            let Some(wanted) = wanted else { return Ok(now) };
            let Some(wanted) = u64::try_from(wanted).ok().filter(|wanted| *wanted > 0) else {
                return Err(ApiError::bad_request(format!("{name} must not be less than 1")));
            };
            let refused = |why: &str| {
                Err(ApiError::bad_request(format!("{name} cannot be changed from {now} to {wanted}: {why}")))
            };
            if wanted > most {
                let text = format!("{name} request {wanted} exceeds maximum allowed per sandbox ({most})");
                return Err(ApiError::bad_request(text));
            }
            match wanted.cmp(&now) {
                std::cmp::Ordering::Less if !may_shrink && name == "Disk" => refused("a disk only grows"),
                std::cmp::Ordering::Less if !may_shrink => refused("stop the sandbox to give it less"),
                std::cmp::Ordering::Greater if !may_grow => refused("stop the sandbox to give it more disk"),
                _ => Ok(wanted),
            }
        };
        Ok(Size {
            cpu: checked("CPU", self.cpu, record.cpu, MAX_RESOURCES.cpu, !running, true)?,
            memory: checked("Memory", self.memory, record.memory, MAX_RESOURCES.memory, !running, true)?,
            disk: checked("Disk", self.disk, record.disk, MAX_RESOURCES.disk, false, !running)?,
        })
    }
}

impl Engine {
    /// `POST /sandbox/{id}/resize`: answers with the sandbox of the new size.
    pub async fn resize(self: &Arc<Self>, entry: Arc<Entry>, wanted: NewSize) -> ApiResult<Value> {
        if wanted.cpu.or(wanted.memory).or(wanted.disk).is_none() {
            return Err(ApiError::bad_request("At least one of cpu, memory or disk must be provided"));
        }
        self.backend.check(Feature::Resize)?;
        let operation = entry.begin()?;
        let before = entry.with_record(|record| record.state);
        match before {
            State::Started | State::Stopped => {}
            State::Paused | State::Archived | State::Error | State::BuildFailed | State::Destroyed => {
                let text = format!("Sandbox is {}: it must be started or stopped to be resized", before.name());
                return Err(ApiError::bad_request(text));
            }
            _ => return Err(ApiError::state_change_in_progress()),
        }
        let size = entry.with_record(|record| wanted.of(record))?;
        let resized = Sandbox { cpu: size.cpu, memory: size.memory, disk: size.disk, ..entry.record() };
        let promise = quota::promise(self, &resized)?;
        let engine = Arc::clone(self);
        to_the_end(async move {
            // Until the record says it.
            let _promise = promise;
            let entry = Arc::clone(&operation.entry);
            let (old, desired) = entry.with_record(|record| {
                (Resources { cpu: record.cpu, memory_gib: record.memory, disk_gib: record.disk }, record.desired_state)
            });
            // A running one is not shown as resizing: requests to it go on.
            if before == State::Stopped {
                drop(engine.change(&entry, |record| {
                    record.state = State::Resizing;
                    record.desired_state = DesiredState::Resized;
                }));
            }
            fault::step("resize.begun");
            let limited = match entry.instance() {
                Some(instance) => {
                    let new = Resources { cpu: size.cpu, memory_gib: size.memory, disk_gib: size.disk };
                    let resized = Arc::clone(&instance).resize(new).await;
                    if resized.is_err() {
                        // Of a change that fails, nothing is left.
                        drop(instance.resize(old).await);
                    }
                    resized
                }
                None => Ok(()),
            };
            fault::step("resize.limited");
            let running = before == State::Started;
            let resized = limited.is_ok();
            let cause = operation.entry.cause();
            let updated = engine.registry.settle(operation, |record| {
                if resized {
                    (record.cpu, record.memory, record.disk) = (size.cpu, size.memory, size.disk);
                }
                if !running {
                    (record.state, record.desired_state) = (before, desired);
                }
            });
            let id = updated.after.id.clone();
            engine.tell(&updated.before, &updated.after, &cause);
            limited.map_err(|error| ApiError::internal(&in_words(&error)))?;
            match updated.stored.wait().await {
                Ok(()) => Ok(engine.document(&entry)),
                Err(error) => {
                    // It holds now, and is written again until it is stored.
                    engine.keep(id.clone(), engine.registry.store_again(&id));
                    Err(ApiError::not_stored(&error))
                }
            }
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::create;
    use crate::sandboxes::snapshot;

    fn of(wanted: NewSize, state: State) -> Result<(u64, u64, u64), String> {
        let mut record = create::read(&serde_json::Map::new(), &snapshot::find_default).unwrap();
        (record.state, record.cpu, record.memory, record.disk) = (state, 2, 2, 3);
        wanted.of(&record).map(|size| (size.cpu, size.memory, size.disk)).map_err(|error| error.message)
    }

    #[test]
    fn a_running_sandbox_gets_more_and_a_stopped_one_less_too() {
        let (more, less) =
            (NewSize { cpu: Some(3), ..Default::default() }, NewSize { memory: Some(1), ..Default::default() });
        assert_eq!(of(more, State::Started), Ok((3, 2, 3)));
        assert!(of(less, State::Started).unwrap_err().contains("Memory cannot be changed from 2 to 1"));
        assert_eq!(of(less, State::Stopped), Ok((2, 1, 3)));
    }

    #[test]
    fn a_disk_grows_while_nobody_uses_it() {
        let (more, less) =
            (NewSize { disk: Some(5), ..Default::default() }, NewSize { disk: Some(1), ..Default::default() });
        assert!(of(more, State::Started).unwrap_err().contains("stop the sandbox"));
        assert_eq!(of(more, State::Stopped), Ok((2, 2, 5)));
        assert!(of(less, State::Stopped).unwrap_err().contains("only grows"));
        let same = NewSize { disk: Some(3), cpu: Some(4), ..Default::default() };
        assert_eq!(of(same, State::Started), Ok((4, 2, 3)));
    }

    #[test]
    fn impossible_sizes_are_named() {
        for (wanted, name) in [(0, "less than 1"), (-1, "less than 1"), (99, "exceeds maximum")] {
            let error = of(NewSize { cpu: Some(wanted), ..Default::default() }, State::Stopped).unwrap_err();
            assert!(error.contains("CPU") && error.contains(name), "{error}");
        }
    }
}
