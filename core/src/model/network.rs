//! What a sandbox tried on the network.

use serde::{Deserialize, Serialize};

/// What a sandbox tried on the network since it started, and the lists that would allow it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NetworkLog {
    /// The last attempts that differ, the latest last; the same attempt again is counted.
    pub entries: Vec<NetworkAttempt>,
    /// Number of earlier attempts that are not kept.
    pub dropped: i64,
    /// Comma-separated names that the sandbox reached for, for `domain_allow_list`.
    pub domain_allow_list: String,
    /// Comma-separated networks (CIDR) of the addresses that no name led to, for `network_allow_list`.
    pub network_allow_list: String,
    /// Whether the two lists would allow everything that a list can allow. False when there was more than lists may hold.
    pub complete: bool,
}

/// Something that a sandbox tried on the network.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NetworkAttempt {
    /// How: `dns`, `tls`, `http`, `tcp`, `udp`, `icmp` or `other`.
    pub protocol: String,
    /// Name that was asked for, or that led to the address.
    pub name: Option<String>,
    /// IP address.
    pub address: Option<String>,
    /// Port.
    pub port: Option<i64>,
    /// Whether it was allowed.
    pub allowed: bool,
    /// What decided: `"default"`, `"network_block_all"`, `"network_allow_list"`, `"domain_allow_list"`, `"unreachable"` (the
    /// machine, other sandboxes, addresses that no sandbox reaches), `"private_network"`, `"no_name"`, `"hidden_name"`,
    /// `"other_address"` (not resolved for the name) or `"too_many"` (connections).
    pub rule: String,
    /// When for the first time, ISO 8601.
    pub first_at: String,
    /// When for the last time, ISO 8601.
    pub last_at: String,
    /// How often.
    pub count: i64,
}
