//! The engine's time, and how the wire writes it: UTC, milliseconds, `Z`.
//!
//! Tests may move it ahead ([`advance`]): intervals, times to live, tokens and whatever else asks here then sees the time as
//! passed. What waits for a moment waits with [`sleep`], which wakes when time is moved past it. Programs inside sandboxes keep
//! the machine's time.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use tokio::sync::watch;

/// By how many milliseconds the engine's time is ahead of the machine's.
static AHEAD: AtomicI64 = AtomicI64::new(0);

/// Tells those who sleep that time was moved.
static MOVED: LazyLock<watch::Sender<()>> = LazyLock::new(|| watch::Sender::new(()));

/// Now.
pub fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc().saturating_add(time::Duration::milliseconds(ahead()))
}

/// Milliseconds since some moment of this process. Setting the machine's clock does not change it, so what is measured
/// in minutes is measured with this.
pub fn steady_millis() -> i64 {
    uptime_millis().saturating_add(ahead())
}

/// The same as if time had never been moved: for what concerns the engine's own process.
pub fn uptime_millis() -> i64 {
    static BEGUN: LazyLock<Instant> = LazyLock::new(Instant::now);
    i64::try_from(BEGUN.elapsed().as_millis()).unwrap_or(i64::MAX)
}

/// When this process first asked, in milliseconds since 1970: its start.
pub fn started_millis() -> i64 {
    static STARTED: LazyLock<i64> = LazyLock::new(|| millis(now()));
    *STARTED
}

/// By how many milliseconds time was moved ahead.
pub fn ahead() -> i64 {
    AHEAD.load(Ordering::Relaxed)
}

/// Moves time ahead.
pub fn advance(millis: i64) {
    AHEAD.fetch_add(millis, Ordering::Relaxed);
    MOVED.send_replace(());
}

/// Takes back what [`advance`] did.
pub fn take_back() {
    AHEAD.store(0, Ordering::Relaxed);
    MOVED.send_replace(());
}

/// Waits for so long in the engine's time, which begins with the call.
pub fn sleep(time: Duration) -> impl Future<Output = ()> + Send {
    let end = steady_millis().saturating_add(i64::try_from(time.as_millis()).unwrap_or(i64::MAX));
    let mut moved = MOVED.subscribe();
    async move {
        while let Ok(left @ 1..) = u64::try_from(end.saturating_sub(steady_millis())) {
            tokio::select! {
                () = tokio::time::sleep(Duration::from_millis(left)) => {}
                Ok(()) = moved.changed() => {}
            }
        }
    }
}

/// `2026-01-02T03:04:05.678Z`.
pub fn iso(time: OffsetDateTime) -> String {
    let format = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
    time.to_offset(time::UtcOffset::UTC).format(&format).unwrap_or_default()
}

/// Reads an ISO 8601 date-time with offset, or a date, which counts as its first moment in UTC.
pub fn parse(text: &str) -> Option<OffsetDateTime> {
    let date = || time::Date::parse(text, format_description!("[year]-[month]-[day]")).ok();
    OffsetDateTime::parse(text, &Rfc3339).ok().or_else(|| date().map(|date| date.midnight().assume_utc()))
}

/// Milliseconds since 1970.
pub fn millis(time: OffsetDateTime) -> i64 {
    i64::try_from(time.unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX)
}

/// The time a number of milliseconds after 1970.
pub fn from_millis(millis: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(millis) * 1_000_000).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}
