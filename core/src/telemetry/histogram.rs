//! Durations of operations, counted.

use std::collections::HashMap;
use std::time::Duration;

use super::names::Names;
use super::otlp;

/// Upper bounds of the buckets, in milliseconds: those of the OpenTelemetry SDKs.
const BOUNDS: [f64; 15] =
    [0.0, 5.0, 10.0, 25.0, 50.0, 75.0, 100.0, 250.0, 500.0, 750.0, 1000.0, 2500.0, 5000.0, 7500.0, 10000.0];

/// The durations of all operations since the beginning.
#[derive(Default)]
pub(super) struct Histograms {
    /// Of the calls that succeeded, and of those that failed.
    by_name: HashMap<Names, [Series; 2]>,
    /// Whether something was counted since it was last read.
    pub(super) changed: bool,
}

#[derive(Default, Clone)]
struct Series {
    counts: [u64; BOUNDS.len() + 1],
    number: u64,
    sum: f64,
    least: f64,
    most: f64,
}

impl Histograms {
    pub(super) fn add(&mut self, names: &Names, succeeded: bool, took: Duration) {
        self.changed = true;
        if !self.by_name.contains_key(names) {
            self.by_name.insert(names.clone(), Default::default());
        }
        let Some(series) = self.by_name.get_mut(names) else { return };
        let series = &mut series[usize::from(!succeeded)];
        let milliseconds = took.as_secs_f64() * 1e3;
        series.least = if series.number == 0 { milliseconds } else { series.least.min(milliseconds) };
        series.most = series.most.max(milliseconds);
        series.number += 1;
        series.sum += milliseconds;
        series.counts[BOUNDS.iter().position(|bound| milliseconds <= *bound).unwrap_or(BOUNDS.len())] += 1;
    }

    /// Everything from `start` to `now`, both in nanoseconds since 1970.
    pub(super) fn read(&mut self, source: &str, start: u64, now: u64) -> Vec<otlp::Metric> {
        self.changed = false;
        let metric = |(names, series): (&Names, &[Series; 2])| {
            let point = |(status, series): (&str, &Series)| otlp::HistogramDataPoint {
                start_time_unix_nano: start,
                time_unix_nano: now,
                count: series.number,
                sum: Some(series.sum),
                bucket_counts: series.counts.to_vec(),
                explicit_bounds: BOUNDS.to_vec(),
                attributes: vec![
                    otlp::attribute("component", &names.component),
                    otlp::attribute("method", &names.method),
                    otlp::attribute("status", status),
                ],
                min: Some(series.least),
                max: Some(series.most),
            };
            let points = ["success", "error"].into_iter().zip(series).filter(|(_, series)| series.number > 0);
            otlp::Metric {
                name: names.metric(source),
                description: format!("Duration of {}", names.span()),
                unit: "ms".to_owned(),
                histogram: Some(otlp::Histogram {
                    data_points: points.map(point).collect(),
                    temporality: otlp::CUMULATIVE,
                }),
            }
        };
        self.by_name.iter().map(metric).collect()
    }
}
