//! The tree of what the programs of a desktop show (wire.md 3.8).

use serde::{Deserialize, Serialize};

/// A rectangle on the screen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AccessibilityBounds {
    /// Pixels from the left edge of the screen.
    pub x: i64,
    /// Pixels from the top edge of the screen.
    pub y: i64,
    /// Width in pixels.
    pub width: i64,
    /// Height in pixels.
    pub height: i64,
}

/// Something that a program shows: a window, a button, a text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AccessibilityNode {
    /// Id for the other operations, as long as the program shows it.
    pub id: String,
    /// Its kind, such as `push button`.
    pub role: String,
    /// Its name, such as a button's label.
    pub name: String,
    /// More about it than its name says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Where it is on the screen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bounds: Option<AccessibilityBounds>,
    /// Its states, such as `focused` and `enabled`.
    #[serde(deserialize_with = "super::null_as_default")]
    pub states: Vec<String>,
    /// What can be done to it, such as `click`.
    #[serde(deserialize_with = "super::null_as_default")]
    pub actions: Vec<String>,
    /// What is inside it.
    #[serde(deserialize_with = "super::null_as_default")]
    pub children: Vec<AccessibilityNode>,
}

/// A part of the accessibility tree.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AccessibilityTreeOptions {
    /// `focused` for the program in front, `pid` for one with this process id, `all` for all. Default: `focused`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// Process id of the program for the scope `pid`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid: Option<i64>,
    /// Levels below the root; 0 = the root only, -1 = all. Default: -1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_depth: Option<i64>,
}

/// What a program shows, as a tree.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AccessibilityTreeResponse {
    /// The program, or the desktop with all of them.
    pub root: AccessibilityNode,
    /// Whether there was more than fits.
    pub truncated: bool,
}

/// What to look for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AccessibilityFindOptions {
    /// `focused` for the program in front, `pid` for one with this process id, `all` for all. Default: `focused`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// Process id of the program for the scope `pid`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid: Option<i64>,
    /// Kind, such as `push button`. Default: any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// Name, compared as `name_match` says. Default: any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `exact`, `substring` (whatever the case) or `regex`. Default: `substring`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name_match: Option<String>,
    /// States that it must have, all of them. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub states: Option<Vec<String>>,
    /// The most results, 1 to 1000. Default: 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<i64>,
}

/// What was found, without what is inside.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AccessibilityNodesResponse {
    /// The nodes, in the order of the tree.
    #[serde(deserialize_with = "super::null_as_default")]
    pub matches: Vec<AccessibilityNode>,
    /// Whether there were more.
    pub truncated: bool,
}

/// What to do to a node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AccessibilityInvokeOptions {
    /// One of its actions. Default: its first one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
}
