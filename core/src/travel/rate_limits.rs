//! The limits of requests that servers tell in headers (wire.md 7).
//!
//! For each throttler a server sends `X-RateLimit-Limit-{throttler}`, `-Remaining-` and `-Reset-` (seconds) with its answers, and
//! `Retry-After-{throttler}` (seconds) with a refusal. The plain headers belong to a throttler without a name.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use http::HeaderMap;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;
use tokio::time::Instant;

use crate::model::RateLimit;

/// The name of what has none.
const UNNAMED: &str = "default";

/// More throttlers than any server has.
const MOST: usize = 32;

/// What the headers of a response tell, ordered by throttler.
pub(crate) fn read(headers: &HeaderMap) -> Vec<RateLimit> {
    let mut limits: BTreeMap<&str, RateLimit> = BTreeMap::new();
    for (name, value) in headers {
        let name = name.as_str();
        let of = |prefix: &str| match name.strip_prefix(prefix)? {
            "" => Some(UNNAMED),
            rest => rest.strip_prefix('-').filter(|throttler| !throttler.is_empty()),
        };
        let read: (_, fn(&mut RateLimit, f64)) = if let Some(throttler) = of("x-ratelimit-limit") {
            (throttler, |limit, number| limit.limit = Some(number as i64))
        } else if let Some(throttler) = of("x-ratelimit-remaining") {
            (throttler, |limit, number| limit.remaining = Some(number as i64))
        } else if let Some(throttler) = of("x-ratelimit-reset") {
            (throttler, |limit, number| limit.reset = Some(number.ceil() as i64))
        } else if let Some(throttler) = of("retry-after").filter(|throttler| *throttler != UNNAMED) {
            (throttler, |limit, number| limit.retry_after = Some(number.ceil() as i64))
        } else {
            continue;
        };
        if let Some(number) = value.to_str().ok().and_then(number).filter(|_| limits.len() < MOST) {
            let (throttler, set) = read;
            let limit = limits.entry(throttler).or_default();
            limit.throttler = throttler.to_owned();
            set(limit, number);
        }
    }
    limits.into_values().collect()
}

/// Time until a retry: the longest `Retry-After-{throttler}`, else `Retry-After` in seconds or as a date, else the end of
/// the window whose requests are used up.
pub(crate) fn retry_after(status: u16, headers: &HeaderMap, limits: &[RateLimit]) -> Option<Duration> {
    let plain = || {
        let text = headers.get(http::header::RETRY_AFTER)?.to_str().ok()?;
        seconds(text).or_else(|| until(text))
    };
    let used_up = || {
        let limits = limits.iter().filter(|limit| status == 429 && limit.remaining == Some(0));
        limits.filter_map(|limit| limit.reset).max().map(whole)
    };
    let specific = || limits.iter().filter_map(|limit| limit.retry_after).max().map(whole);
    specific().or_else(plain).or_else(used_up)
}

fn whole(seconds: i64) -> Duration {
    Duration::from_secs(seconds.max(0).cast_unsigned())
}

fn number(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|number: &f64| number.is_finite() && *number >= 0.0)
}

fn seconds(text: &str) -> Option<Duration> {
    Some(Duration::try_from_secs_f64(number(text)?).unwrap_or(Duration::MAX))
}

/// Time from now to a date as HTTP writes them.
fn until(date: &str) -> Option<Duration> {
    let date = OffsetDateTime::parse(date.trim(), &Rfc2822).ok()?;
    Some((date - OffsetDateTime::now_utc()).try_into().unwrap_or_default())
}

/// What a client was told last, by throttler.
#[derive(Debug, Default)]
pub(crate) struct Told(Mutex<BTreeMap<String, (Instant, RateLimit)>>);

impl Told {
    /// Remembers what the headers of a response tell.
    pub(crate) fn remember(&self, headers: &HeaderMap) {
        let limits = read(headers);
        if limits.is_empty() {
            return;
        }
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for limit in limits {
            if told.len() < MOST || told.contains_key(&limit.throttler) {
                told.insert(limit.throttler.clone(), (Instant::now(), limit));
            }
        }
    }

    /// The limits whose window is not over, with the seconds that are left now.
    pub(crate) fn current(&self) -> Vec<RateLimit> {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        told.retain(|_, (since, limit)| {
            // What never ends stays as it was told.
            let lasts = limit.reset.max(limit.retry_after).and_then(|lasts| u64::try_from(lasts).ok());
            lasts.is_none_or(|lasts| since.elapsed() < Duration::from_secs(lasts))
        });
        let left = |(since, limit): &(Instant, RateLimit)| {
            let gone = i64::try_from(since.elapsed().as_secs()).unwrap_or(i64::MAX);
            let left = |seconds: i64| seconds.saturating_sub(gone).max(0);
            RateLimit { reset: limit.reset.map(left), retry_after: limit.retry_after.map(left), ..limit.clone() }
        };
        told.values().map(left).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        lines.iter().map(|(name, value)| ((*name).parse().unwrap(), value.parse().unwrap())).collect::<HeaderMap>()
    }

    #[test]
    fn every_documented_header_is_read() {
        let told = read(&headers(&[
            ("x-ratelimit-limit-sandbox-create", "300"),
            ("x-ratelimit-remaining-sandbox-create", "0"),
            ("x-ratelimit-reset-sandbox-create", "42"),
            ("retry-after-sandbox-create", "42"),
            ("x-ratelimit-limit", "10"),
            ("x-ratelimit-remaining-authenticated", "nine"),
            ("retry-after", "7"),
        ]));
        let create = RateLimit {
            throttler: "sandbox-create".to_owned(),
            limit: Some(300),
            remaining: Some(0),
            reset: Some(42),
            retry_after: Some(42),
        };
        let unnamed = RateLimit { throttler: UNNAMED.to_owned(), limit: Some(10), ..RateLimit::default() };
        assert_eq!(told, [unnamed, create]);
    }

    #[test]
    fn a_refusal_without_retry_after_waits_for_the_next_window() {
        let used_up = headers(&[("x-ratelimit-remaining-a", "0"), ("x-ratelimit-reset-a", "3")]);
        assert_eq!(retry_after(429, &used_up, &read(&used_up)), Some(Duration::from_secs(3)));
        assert_eq!(retry_after(200, &used_up, &read(&used_up)), None);
        let date = headers(&[("retry-after", "Sun, 06 Nov 1994 08:49:37 GMT")]);
        assert_eq!(retry_after(503, &date, &[]), Some(Duration::ZERO));
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_forgets_limits_whose_window_is_over() {
        let told = Told::default();
        told.remember(&headers(&[("x-ratelimit-limit-a", "5"), ("x-ratelimit-reset-a", "10")]));
        tokio::time::advance(Duration::from_secs(4)).await;
        assert_eq!(told.current()[0].reset, Some(6));
        tokio::time::advance(Duration::from_secs(7)).await;
        assert_eq!(told.current(), []);
    }
}
