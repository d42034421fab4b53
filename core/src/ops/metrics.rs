//! What a sandbox used over some time (wire-additions.md 5.2).

use std::collections::BTreeMap;
use std::time::Duration;

use http::Method;
use serde::Deserialize;
use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcOffset};

use super::Sandboxes;
use super::sandbox::sandbox_path;
use crate::client::DEFAULT_LIMIT;
use crate::error::{Error, Result};
use crate::model::{MetricsOptions, SandboxMetrics};

/// How far back to look when nothing is said.
const SPAN: Duration = Duration::from_secs(3600);

/// Puts a value into its field.
type Setter = fn(&mut SandboxMetrics, f64);

/// The wire's names, and the values they are.
const NAMES: [(&str, Setter); 10] = [
    ("daytona.sandbox.cpu.utilization", |at, value| at.cpu_used_pct = value),
    ("daytona.sandbox.cpu.limit", |at, value| at.cpu_count = value),
    ("daytona.sandbox.memory.usage", |at, value| at.mem_used = value as i64),
    ("daytona.sandbox.memory.limit", |at, value| at.mem_total = value as i64),
    ("daytona.sandbox.memory.cache", |at, value| at.mem_cache = value as i64),
    ("daytona.sandbox.memory.utilization", |at, value| at.mem_used_pct = value),
    ("daytona.sandbox.filesystem.usage", |at, value| at.disk_used = value as i64),
    ("daytona.sandbox.filesystem.total", |at, value| at.disk_total = value as i64),
    ("daytona.sandbox.filesystem.available", |at, value| at.disk_available = value as i64),
    ("daytona.sandbox.filesystem.utilization", |at, value| at.disk_used_pct = value),
];

#[derive(Deserialize)]
struct Measured {
    #[serde(default)]
    series: Vec<Series>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Series {
    metric_name: String,
    #[serde(default)]
    data_points: Vec<Point>,
}

#[derive(Deserialize)]
struct Point {
    timestamp: String,
    #[serde(default)]
    value: f64,
}

impl Sandboxes {
    /// Returns what the sandbox used over some time, oldest first. The local engine measures a running sandbox every few
    /// seconds and remembers an hour.
    ///
    /// # Parameters
    /// * `id_or_name`: Id or name of the sandbox.
    ///
    /// # Errors
    /// `InvalidArgument` when a time is not ISO 8601, `Validation` when the server refuses them.
    ///
    /// # Examples
    /// `life metrics`
    pub async fn get_metrics(&self, id_or_name: &str, options: MetricsOptions) -> Result<Vec<SandboxMetrics>> {
        let path = sandbox_path(id_or_name, "/telemetry/metrics")?;
        let end = options.end.as_deref().map_or_else(|| Ok(OffsetDateTime::now_utc()), |text| read("end", text))?;
        let start = options.start.as_deref().map_or_else(|| Ok(end - SPAN), |text| read("start", text))?;
        self.client
            .run("sandbox.get_metrics", DEFAULT_LIMIT, async {
                let mut request =
                    self.client.api(Method::GET, path).query("from", written(start)).query("to", written(end));
                for (name, _) in NAMES {
                    request = request.query("metricNames", name);
                }
                Ok(by_moment(request.read().await?))
            })
            .await
    }
}

/// The series put together by their moments.
fn by_moment(measured: Measured) -> Vec<SandboxMetrics> {
    // By time: the same moment can be written in several ways. What is not a time comes last, by its text.
    let mut moments: BTreeMap<Result<OffsetDateTime, String>, SandboxMetrics> = BTreeMap::new();
    for Series { metric_name, data_points } in measured.series {
        let Some((_, set)) = NAMES.iter().find(|(name, _)| *name == metric_name) else { continue };
        for Point { timestamp, value } in data_points {
            let moment = OffsetDateTime::parse(&timestamp, &Rfc3339).map_err(|_| timestamp.clone());
            let at = moments.entry(moment).or_default();
            at.timestamp = timestamp;
            set(at, value);
        }
    }
    moments.into_values().map(SandboxMetrics::completed).collect()
}

impl SandboxMetrics {
    /// With what follows from the rest, where the server leaves it out.
    pub(super) fn completed(mut self) -> Self {
        fn percent(used: i64, total: i64) -> f64 {
            if total > 0 { used as f64 / total as f64 * 100.0 } else { 0.0 }
        }
        if self.mem_used_pct == 0.0 {
            self.mem_used_pct = percent(self.mem_used, self.mem_total);
        }
        if self.disk_used_pct == 0.0 {
            self.disk_used_pct = percent(self.disk_used, self.disk_total);
        }
        if self.disk_available == 0 {
            self.disk_available = self.disk_total.saturating_sub(self.disk_used).max(0);
        }
        self
    }
}

/// The time in UTC.
fn read(name: &str, text: &str) -> Result<OffsetDateTime> {
    let time = OffsetDateTime::parse(text, &Rfc3339).ok();
    time.and_then(|time| time.checked_to_offset(UtcOffset::UTC))
        .ok_or_else(|| Error::invalid_argument(format!("{name} is {text:?}: give a time like 2026-01-31T12:00:00Z.")))
}

fn written(time: OffsetDateTime) -> String {
    time.format(&Rfc3339).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_are_put_together_by_moment() {
        let measured = serde_json::from_value(serde_json::json!({ "series": [
            { "metricName": "daytona.sandbox.cpu.limit", "dataPoints": [{ "timestamp": "b", "value": 2 }] },
            { "metricName": "daytona.sandbox.memory.usage",
              "dataPoints": [{ "timestamp": "b", "value": 7.0 }, { "timestamp": "a", "value": 5 }] },
            { "metricName": "of a later version", "dataPoints": [{ "timestamp": "c", "value": 1 }] },
        ] }))
        .unwrap();
        let found = by_moment(measured);
        let seen: Vec<_> = found.iter().map(|at| (at.timestamp.as_str(), at.cpu_count, at.mem_used)).collect();
        assert_eq!(seen, [("a", 0.0, 5), ("b", 2.0, 7)]);
    }

    #[test]
    fn what_a_server_leaves_out_is_computed() {
        let given = SandboxMetrics {
            mem_total: 200,
            mem_used: 50,
            disk_total: 10,
            disk_used: 4,
            disk_used_pct: 41.0,
            ..Default::default()
        };
        let found = given.completed();
        assert_eq!((found.mem_used_pct, found.disk_used_pct, found.disk_available), (25.0, 41.0, 6));
        assert_eq!(SandboxMetrics::default().completed(), SandboxMetrics::default());
    }

    #[test]
    fn moments_are_in_the_order_of_time_however_they_are_written() {
        let point = |timestamp: &str, value: i64| serde_json::json!({ "timestamp": timestamp, "value": value });
        let measured = serde_json::from_value(serde_json::json!({ "series": [
            { "metricName": "daytona.sandbox.memory.usage", "dataPoints": [
                point("2026-01-31T12:00:00.5Z", 3), point("2026-01-31T12:00:00Z", 2), point("2026-01-31T12:59:59+02:00", 1),
                point("later", 4) ] },
            { "metricName": "daytona.sandbox.memory.limit", "dataPoints": [point("2026-01-31T12:00:00.000Z", 9)] },
        ] }))
        .unwrap();
        let seen: Vec<_> = by_moment(measured).iter().map(|at| (at.mem_used, at.mem_total)).collect();
        assert_eq!(seen, [(1, 0), (2, 9), (3, 0), (4, 0)]);
    }

    #[test]
    fn a_time_is_taken_in_utc_or_refused() {
        assert_eq!(written(read("start", "2026-01-31T12:00:00+02:00").unwrap()), "2026-01-31T10:00:00Z");
        for text in ["yesterday", "2026-01-31", "9999-12-31T23:59:59-10:00"] {
            let error = read("end", text).unwrap_err();
            assert!(error.to_string().contains(text), "{error}");
        }
    }
}
