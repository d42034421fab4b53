//! Moving time ahead, so that what takes a day happens in a moment, and in the same order.
//!
//! Time goes from one interval that ends to the next; each acts, and is waited for, before time goes on. So a sandbox that stops
//! after 15 minutes and is deleted 30 minutes later is gone after 45, as if nobody had moved anything.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::clock;
use crate::engine::Engine;
use crate::errors::{ApiError, ApiResult};
use crate::sandboxes::intervals::{Due, next};
use crate::sandboxes::registry::Entry;
use crate::sandboxes::sandbox::{State, iso, now_millis};

/// The most that time is moved at once: ten years.
const MOST: Duration = Duration::from_secs(10 * 366 * 24 * 60 * 60);

/// How often a change under way is looked at.
const POLL: Duration = Duration::from_millis(2);

/// The engine's time.
pub fn document() -> Value {
    json!({"now": clock::iso(clock::now()), "aheadSeconds": clock::ahead() / 1000})
}

/// A number of seconds, or numbers with units: `90s`, `30m`, `1h30m`, `7d`, `500ms`.
pub fn read_duration(value: &Value) -> ApiResult<Duration> {
    let time = match value {
        Value::Number(seconds) => seconds.as_f64().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()),
        Value::String(text) => parse(text),
        _ => None,
    };
    time.filter(|time| *time <= MOST).ok_or_else(|| {
        ApiError::bad_request(format!(
            "advance must be a number of seconds or text like \"30m\" or \"1d12h\", at most 10 years: {value}"
        ))
    })
}

fn parse(text: &str) -> Option<Duration> {
    let (mut rest, mut total) = (text.trim(), Duration::ZERO);
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(digits);
        let letters = tail.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(letters);
        let seconds = match unit {
            "ms" => 0.001,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            "d" => 86_400.0,
            _ => return None,
        };
        total += Duration::try_from_secs_f64(number.parse::<f64>().ok()? * seconds).ok()?;
        rest = tail.trim_start();
    }
    Some(total)
}

impl Engine {
    /// Moves time ahead and returns what intervals did meanwhile: `{"at", "sandboxId", "action"}`, oldest first.
    pub async fn advance(self: &Arc<Self>, time: Duration) -> Vec<Value> {
        let _acting = self.testing.acting.lock().await;
        let (mut left, mut done) = (i64::try_from(time.as_millis()).unwrap_or(i64::MAX), Vec::new());
        // An action that fails would be due for ever.
        let mut failed = HashSet::new();
        self.settled().await;
        loop {
            let now = now_millis();
            let dues = self.registry.all().into_iter().filter_map(|entry| entry_next(entry, now));
            let dues =
                dues.filter(|(entry, _, due): &(Arc<Entry>, i64, Due)| !failed.contains(&(entry_id(entry), *due)));
            let soonest = dues.min_by_key(|(_, millis, _)| *millis);
            let Some((entry, millis, due)) = soonest.filter(|(_, millis, _)| *millis <= left) else {
                clock::advance(left);
                return done;
            };
            let step = millis.max(0);
            clock::advance(step);
            left -= step;
            let id = entry_id(&entry);
            // It may have been used meanwhile.
            if !entry_next(Arc::clone(&entry), now_millis()).is_some_and(|(_, millis, next)| millis <= 0 && next == due)
            {
                continue;
            }
            match self.act(Arc::clone(&entry), due).await {
                Ok(()) => done.push(json!({"at": iso(now_millis()), "sandboxId": id, "action": due.name()})),
                Err(error) => {
                    tracing::debug!(%error, ?due, "an interval's action was not carried out");
                    failed.insert((id, due));
                }
            }
            self.settled().await;
        }
    }

    /// Waits until nothing changes any sandbox.
    async fn settled(&self) {
        while self.registry.all().iter().any(|entry| entry.is_changing()) {
            tokio::time::sleep(POLL).await;
        }
    }

    /// Deletes a sandbox, whatever is changing it, and waits until it is gone.
    pub async fn delete_for_certain(self: &Arc<Self>, entry: Arc<Entry>) -> ApiResult<()> {
        loop {
            self.give_up(&entry).await;
            match self.destroy(Arc::clone(&entry)) {
                Ok(change) => return change.completed().await,
                Err(_) if matches!(entry.with_record(|record| record.state), State::Destroyed) => return Ok(()),
                Err(_) if entry.is_changing() => tokio::time::sleep(POLL).await,
                Err(error) => return Err(error),
            }
        }
    }
}

fn entry_id(entry: &Entry) -> String {
    entry.with_record(|record| record.id.clone())
}

fn entry_next(entry: Arc<Entry>, now: i64) -> Option<(Arc<Entry>, i64, Due)> {
    let (idle, resting) = (entry.idle_millis(), entry.resting_millis());
    let (millis, due) = entry.with_record(|record| next(record, idle, resting, now))?;
    Some((entry, millis, due))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_people_write_them() {
        let read = |value: Value| read_duration(&value).map(|time| time.as_millis()).ok();
        assert_eq!(read(json!(1.5)), Some(1500));
        assert_eq!(read(json!("30m")), Some(1_800_000));
        assert_eq!(read(json!("1d 12h30m")), Some(131_400_000));
        assert_eq!(read(json!("250ms")), Some(250));
        for wrong in
            [json!("30"), json!("m"), json!("-1s"), json!("1w"), json!(""), json!(-1), json!(null), json!("9999999d")]
        {
            assert_eq!(read(wrong.clone()), None, "{wrong}");
        }
    }
}
