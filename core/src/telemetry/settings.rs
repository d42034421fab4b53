//! What the environment says about telemetry: the standard `OTEL_*` variables.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, header};
use url::Url;

use super::sampler::Sampler;

/// Where collectors listen.
const DEFAULT_ENDPOINT: &str = "http://localhost:4318";

/// Where and how telemetry is sent.
#[derive(Clone)]
pub(super) struct Settings {
    /// `None` when spans are not sent.
    pub(super) traces: Option<Target>,
    /// `None` when metrics are not sent.
    pub(super) metrics: Option<Target>,
    /// Limit of one request to a collector, and of a flush.
    pub(super) timeout: Duration,
    pub(super) gzip: bool,
    /// Time for which spans are collected before they are sent.
    pub(super) span_delay: Duration,
    pub(super) metric_interval: Duration,
    /// Spans that may wait; more are dropped.
    pub(super) queue_size: usize,
    pub(super) sampler: Sampler,
    /// Further attributes of the resource.
    pub(super) resource: Vec<(String, String)>,
    /// PEM file with the certificate authority of the collector.
    pub(super) certificate: Option<String>,
}

/// A collector's address for one kind of telemetry.
#[derive(Clone)]
pub(super) struct Target {
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
}

impl Settings {
    /// Reads the environment. `gzip` says whether requests are compressed unless it says so.
    pub(super) fn read(gzip: bool) -> Self {
        let names = std::env::vars_os().filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)));
        Self::from(&names.filter(|(name, _)| name.starts_with("OTEL_")).collect(), gzip)
    }

    fn from(environment: &HashMap<String, String>, gzip: bool) -> Self {
        let get = |name: &str| environment.get(name).map(|value| value.trim()).filter(|value| !value.is_empty());
        let otlp = |signal: &str, name: &str| {
            get(&format!("OTEL_EXPORTER_OTLP_{signal}_{name}")).or_else(|| get(&format!("OTEL_EXPORTER_OTLP_{name}")))
        };
        let milliseconds = |name: &str, default| {
            get(name)
                .and_then(|text| text.parse().ok())
                .map_or(default, |number: u64| Duration::from_millis(number.max(1)))
        };
        let disabled = get("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true"));
        let target = |signal: &str, path: &str| {
            if disabled || get(&format!("OTEL_{signal}_EXPORTER")) == Some("none") {
                return None;
            }
            let url = match get(&format!("OTEL_EXPORTER_OTLP_{signal}_ENDPOINT")) {
                Some(url) => url.to_owned(),
                None => {
                    let base = get("OTEL_EXPORTER_OTLP_ENDPOINT").unwrap_or(DEFAULT_ENDPOINT);
                    format!("{}/v1/{path}", base.trim_end_matches('/'))
                }
            };
            let parsed = Url::parse(&url).ok().filter(|u| matches!(u.scheme(), "http" | "https") && u.has_host());
            if parsed.is_none() {
                // The URL is not told: it may have a password in it.
                tracing::warn!(
                    signal,
                    "the endpoint for telemetry is not a URL with http:// or https://: nothing is sent"
                );
            }
            Some(Target { url: parsed?, headers: headers(otlp(signal, "HEADERS").unwrap_or_default()) })
        };
        if let Some(protocol) = get("OTEL_EXPORTER_OTLP_PROTOCOL").filter(|protocol| *protocol != "http/protobuf") {
            tracing::warn!(protocol, "telemetry is sent as http/protobuf: other protocols are not supported");
        }
        Self {
            traces: target("TRACES", "traces"),
            metrics: target("METRICS", "metrics"),
            timeout: milliseconds("OTEL_EXPORTER_OTLP_TIMEOUT", Duration::from_secs(10)),
            gzip: get("OTEL_EXPORTER_OTLP_COMPRESSION").map_or(gzip, |compression| compression == "gzip"),
            span_delay: milliseconds("OTEL_BSP_SCHEDULE_DELAY", Duration::from_secs(5)),
            metric_interval: milliseconds("OTEL_METRIC_EXPORT_INTERVAL", Duration::from_secs(60)),
            queue_size: get("OTEL_BSP_MAX_QUEUE_SIZE").and_then(|text| text.parse().ok()).unwrap_or(2048).max(1),
            sampler: Sampler::named(get("OTEL_TRACES_SAMPLER"), get("OTEL_TRACES_SAMPLER_ARG")),
            resource: pairs(get("OTEL_RESOURCE_ATTRIBUTES").unwrap_or_default()),
            certificate: get("OTEL_EXPORTER_OTLP_CERTIFICATE").map(str::to_owned),
        }
    }

    /// The certificate authority, or the client's where that is not given.
    pub(super) fn authority<'a>(&'a self, client: Option<&'a str>) -> Option<&'a Path> {
        self.certificate.as_deref().or(client).map(Path::new)
    }
}

/// `a=b,c=d`, percent-encoded.
fn pairs(text: &str) -> Vec<(String, String)> {
    let pair = |entry: &str| {
        let (name, value) = entry.split_once('=')?;
        let decode = |text: &str| {
            let text = text.trim().replace('+', "%2B").replace('&', "%26").replace('=', "%3D");
            url::form_urlencoded::parse(text.as_bytes()).next().map(|(text, _)| text.into_owned())
        };
        Some((decode(name)?, decode(value).unwrap_or_default()))
    };
    text.split(',').filter_map(pair).collect()
}

/// Headers for the collector, which may be credentials.
fn headers(text: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs(text) {
        if let (Ok(name), Ok(mut value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            value.set_sensitive(true);
            headers.insert(name, value);
        }
    }
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Settings {
        Settings::from(&variables.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect(), false)
    }

    #[test]
    fn an_endpoint_is_a_base_and_that_of_one_kind_is_whole() {
        let settings = read(&[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://collector.example/base/"),
            ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://metrics.example/in"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "api-key=a%20b+c%3D=, x=1"),
        ]);
        let traces = settings.traces.unwrap();
        assert_eq!(traces.url.as_str(), "https://collector.example/base/v1/traces");
        assert_eq!(
            (&traces.headers["api-key"], &traces.headers["x"]),
            (&"a b+c==".parse().unwrap(), &"1".parse().unwrap())
        );
        assert!(traces.headers["api-key"].is_sensitive());
        assert_eq!(settings.metrics.unwrap().url.as_str(), "http://metrics.example/in");
        assert_eq!(read(&[]).traces.unwrap().url.as_str(), "http://localhost:4318/v1/traces");
    }

    #[test]
    fn telemetry_can_be_switched_off_as_a_whole_and_by_kind() {
        let off = read(&[("OTEL_SDK_DISABLED", "true")]);
        assert!(off.traces.is_none() && off.metrics.is_none());
        let spans = read(&[("OTEL_METRICS_EXPORTER", "none")]);
        assert!(spans.traces.is_some() && spans.metrics.is_none());
        assert!(read(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4317")]).traces.is_none());
    }
}
