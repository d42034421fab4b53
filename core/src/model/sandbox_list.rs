//! Finding sandboxes, and lists of them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_with::{As, NoneAsEmptyString, skip_serializing_none};

use super::{SandboxInfo, SandboxState};

/// Options of `find_one`; either an id or name, or labels are required.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FindOneOptions {
    /// Id or name of the sandbox.
    pub id_or_name: Option<String>,
    /// Labels the sandbox must have, all of them.
    pub labels: Option<BTreeMap<String, String>>,
}

/// Options of the page form of `list`.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ListPageOptions {
    /// Labels the sandboxes must have, all of them.
    pub labels: Option<BTreeMap<String, String>>,
    /// Number of the page, from 1. Default: 1.
    pub page: Option<i64>,
    /// Sandboxes per page, 1 to 200. Default: 100.
    pub limit: Option<i64>,
}

/// A page of sandboxes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PaginatedSandboxes {
    /// The sandboxes of this page.
    pub items: Vec<SandboxInfo>,
    /// Number of sandboxes on all pages.
    pub total: i64,
    /// Number of this page, from 1.
    pub page: i64,
    /// Number of pages.
    pub total_pages: i64,
}

/// Field that a list of sandboxes is sorted by.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SandboxListSortField {
    /// By name.
    Name,
    /// By CPU cores.
    Cpu,
    /// By memory.
    MemoryGib,
    /// By disk.
    DiskGib,
    /// By last activity.
    LastActivityAt,
    /// By creation.
    CreatedAt,
    /// A field this version does not know.
    #[serde(untagged)]
    Other(String),
}

/// Direction of a sort.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SandboxListSortDirection {
    /// Smallest first.
    Asc,
    /// Largest first.
    Desc,
    /// A direction this version does not know.
    #[serde(untagged)]
    Other(String),
}

/// Filters and order of a list of sandboxes. A sandbox must match all filters that are given.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ListSandboxesQuery {
    /// Cursor of the next part: `next_cursor` of the previous response.
    pub cursor: Option<String>,
    /// Sandboxes per request, 1 to 200. Default: 100.
    pub limit: Option<i64>,
    /// Prefix of the id; upper and lower case are the same.
    pub id: Option<String>,
    /// Prefix of the name; upper and lower case are the same.
    pub name: Option<String>,
    /// Labels the sandboxes must have, all of them.
    pub labels: Option<BTreeMap<String, String>>,
    /// Whether to include failed sandboxes that are being deleted. Default: false.
    pub include_errored_deleted: Option<bool>,
    /// States to include. Default: all.
    pub states: Option<Vec<SandboxState>>,
    /// Snapshots the sandboxes were created from. Default: all.
    pub snapshots: Option<Vec<String>>,
    /// Regions the sandboxes run in. Default: all.
    pub targets: Option<Vec<String>>,
    /// Kinds of sandboxes to include. Default: all.
    pub sandbox_classes: Option<Vec<String>>,
    /// Smallest number of CPU cores.
    pub min_cpu: Option<f64>,
    /// Largest number of CPU cores.
    pub max_cpu: Option<f64>,
    /// Smallest memory in GiB.
    pub min_memory_gib: Option<f64>,
    /// Largest memory in GiB.
    pub max_memory_gib: Option<f64>,
    /// Smallest disk in GiB.
    pub min_disk_gib: Option<f64>,
    /// Largest disk in GiB.
    pub max_disk_gib: Option<f64>,
    /// True for public sandboxes only, false for private ones only.
    pub is_public: Option<bool>,
    /// True for recoverable sandboxes only, false for all others only.
    pub is_recoverable: Option<bool>,
    /// Earliest time of creation, ISO 8601.
    pub created_at_after: Option<String>,
    /// Latest time of creation, ISO 8601.
    pub created_at_before: Option<String>,
    /// Earliest time of last use, ISO 8601.
    pub last_activity_after: Option<String>,
    /// Latest time of last use, ISO 8601.
    pub last_activity_before: Option<String>,
    /// Earliest time of planned deletion, ISO 8601.
    pub auto_destroy_at_after: Option<String>,
    /// Latest time of planned deletion, ISO 8601.
    pub auto_destroy_at_before: Option<String>,
    /// Field to sort by. Default: last activity.
    pub sort: Option<SandboxListSortField>,
    /// Direction. Default: descending.
    pub order: Option<SandboxListSortDirection>,
}

/// One part of a list of sandboxes.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ListSandboxesResponse {
    /// The sandboxes. Servers leave out `env`, `volumes` and `build_info` here.
    pub items: Vec<SandboxInfo>,
    /// Cursor of the next part; missing at the end of the list.
    #[serde(deserialize_with = "As::<NoneAsEmptyString>::deserialize")]
    pub next_cursor: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_cursor_is_the_end_of_a_list() {
        for (body, expected) in [
            (r#"{"nextCursor": ""}"#, None),
            (r#"{"nextCursor": null}"#, None),
            ("{}", None),
            (r#"{"nextCursor": "c"}"#, Some("c")),
        ] {
            let part: ListSandboxesResponse = serde_json::from_str(body).unwrap();
            assert_eq!(part.next_cursor.as_deref(), expected, "{body}");
        }
    }
}
