//! The SDK version a request states, which decides the format of session logs (wire sections 1.2 and 4.1).

use http::HeaderMap;

/// Header carrying the version.
const VERSION_HEADER: &str = "x-daytona-sdk-version";
/// WebSocket subprotocol prefix carrying the version where headers cannot be set.
pub(crate) const VERSION_PROTOCOL: &str = "X-Daytona-SDK-Version~";
/// Header of raw clients that want both streams although they state no version.
const SPLIT_HEADER: &str = "x-daytona-split-output";

/// First version that reads logs as JSON with separate streams.
const SPLIT_JSON: Version = Version(0, 167, 0);
/// First version that reads raw logs with stream markers.
const MARKERS: Version = Version(0, 27, 0);
/// First version whose sessions start in the work directory.
const WORK_DIR_SESSIONS: Version = Version(0, 103, 0);

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Version(u64, u64, u64);

/// How a client wants to read session logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// JSON with the raw log and both streams apart.
    Split,
    /// Raw text with stream markers.
    Marked,
    /// Text with the markers removed.
    Combined,
}

/// The SDK that sent the request, as far as it says so.
pub(crate) struct SdkVersion {
    stated: Option<String>,
    parsed: Option<Version>,
    split_requested: bool,
}

impl SdkVersion {
    /// Reads the headers of a request or WebSocket upgrade.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let from_protocol = || {
            headers
                .get_all("sec-websocket-protocol")
                .iter()
                .filter_map(|value| value.to_str().ok())
                .flat_map(|value| value.split(','))
                .find_map(|protocol| protocol.trim().strip_prefix(VERSION_PROTOCOL).map(str::to_owned))
        };
        let stated = text(VERSION_HEADER).filter(|version| !version.is_empty()).or_else(from_protocol);
        Self {
            parsed: stated.as_deref().and_then(parse),
            stated,
            split_requested: text(SPLIT_HEADER).as_deref() == Some("true"),
        }
    }

    /// The log format this client reads.
    pub(crate) fn log_format(&self) -> LogFormat {
        match (&self.stated, self.parsed) {
            (Some(stated), _) if stated.contains("dev") => LogFormat::Split,
            (_, Some(version)) if version >= SPLIT_JSON => LogFormat::Split,
            (_, Some(version)) if version >= MARKERS => LogFormat::Marked,
            (_, Some(_)) => LogFormat::Combined,
            (Some(_), None) => LogFormat::Marked,
            (None, None) if self.split_requested => LogFormat::Marked,
            (None, None) => LogFormat::Combined,
        }
    }

    /// Whether this client expects sessions to start in the home directory.
    pub(crate) fn sessions_start_at_home(&self) -> bool {
        self.parsed.is_some_and(|version| version < WORK_DIR_SESSIONS)
    }
}

/// `v1.2.3`, `1.2.3-alpha.1`, `1.2` and the like.
fn parse(text: &str) -> Option<Version> {
    let core = text.trim_start_matches('v').split(['-', '+']).next()?;
    let mut parts = core.split('.').map(|part| part.parse::<u64>().ok());
    let major = parts.next()??;
    let minor = parts.next().unwrap_or(Some(0))?;
    let patch = parts.next().unwrap_or(Some(0))?;
    parts.next().is_none().then_some(Version(major, minor, patch))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format(version: Option<&str>) -> LogFormat {
        let mut headers = HeaderMap::new();
        if let Some(version) = version {
            headers.insert(VERSION_HEADER, version.parse().unwrap());
        }
        SdkVersion::of(&headers).log_format()
    }

    #[test]
    fn every_era_of_clients_gets_the_log_format_it_reads() {
        assert_eq!(format(Some("v0.190.0")), LogFormat::Split);
        assert_eq!(format(Some("0.167.0")), LogFormat::Split);
        assert_eq!(format(Some("0.0.0-dev")), LogFormat::Split);
        assert_eq!(format(Some("0.226.1-alpha.1")), LogFormat::Split);
        assert_eq!(format(Some("0.166.9")), LogFormat::Marked);
        assert_eq!(format(Some("0.26.0")), LogFormat::Combined);
        assert_eq!(format(Some("unknown")), LogFormat::Marked);
        assert_eq!(format(None), LogFormat::Combined);
    }
}
