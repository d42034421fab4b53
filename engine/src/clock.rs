//! Wall-clock time as the wire writes it: UTC, milliseconds, `Z`.

use std::sync::LazyLock;
use std::time::Instant;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;

/// Now.
pub fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}

/// Milliseconds since some moment of this process. Setting the machine's clock does not change it, so what is measured
/// in minutes is measured with this.
pub fn steady_millis() -> i64 {
    static BEGUN: LazyLock<Instant> = LazyLock::new(Instant::now);
    i64::try_from(BEGUN.elapsed().as_millis()).unwrap_or(i64::MAX)
}

/// When this process first asked, in milliseconds since 1970: its start.
pub fn started_millis() -> i64 {
    static STARTED: LazyLock<i64> = LazyLock::new(|| millis(now()));
    *STARTED
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
