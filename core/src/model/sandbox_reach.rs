//! What a sandbox reaches, and how its ports are reached.

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

/// Network rules of a sandbox; at least one must be given.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NetworkSettings {
    /// Whether to block all network access. Default: as it is.
    pub network_block_all: Option<bool>,
    /// Comma-separated IPv4 networks (CIDR) the sandbox may reach, at most ten; empty = none. Default: as it is.
    pub network_allow_list: Option<String>,
    /// Comma-separated domains the sandbox may reach; `*.example.com` for all below a name; empty = none. Default: as it is.
    pub domain_allow_list: Option<String>,
}

/// URL and token of a port of a sandbox.
#[derive(derive_more::Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PortPreviewUrl {
    /// Id of the sandbox.
    pub sandbox_id: String,
    /// URL of the port.
    pub url: String,
    /// Token for the header `X-Daytona-Preview-Token`.
    #[debug("[secret]")]
    pub token: String,
}

/// URL of a port of a sandbox that needs no other credentials.
#[derive(derive_more::Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SignedPortPreviewUrl {
    /// Id of the sandbox.
    pub sandbox_id: String,
    /// The port.
    pub port: i64,
    /// The token in the URL.
    #[debug("[secret]")]
    pub token: String,
    /// URL of the port.
    #[debug("[secret]")]
    pub url: String,
    /// When the URL expires, as ISO 8601.
    pub expires_at: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn previews_are_shown_without_what_opens_them() {
        let url = "http://127.1.2.3:80/sesame".to_owned();
        let signed = SignedPortPreviewUrl { token: "sesame".into(), url, ..Default::default() };
        let link = PortPreviewUrl { token: "sesame".into(), ..Default::default() };
        assert!(!format!("{signed:?} {link:?}").contains("sesame"));
    }
}
