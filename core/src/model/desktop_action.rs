//! Several actions on a desktop at once, and what they leave (wire.md 3.8).

use serde::{Deserialize, Serialize};

use super::ScreenshotResponse;

/// Something to do on the desktop. Each action needs its own fields; the others are ignored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DesktopAction {
    /// What to do: `move` (`x`, `y`), `click` (`x`, `y`), `drag` (`x`, `y`, `end_x`, `end_y`), `scroll` (`x`, `y`,
    /// `direction`), `mouse_down`, `mouse_up`, `type` (`text`), `press` (`key`), `hotkey` (`keys`), `key_down` (`key`),
    /// `key_up` (`key`) or `wait` (`milliseconds`).
    pub action: String,
    /// Pixels from the left edge of the screen. Buttons are pressed and released where the pointer is without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub x: Option<i64>,
    /// Pixels from the top edge of the screen. Buttons are pressed and released where the pointer is without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub y: Option<i64>,
    /// Pixels from the left edge of the screen, where a drag ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_x: Option<i64>,
    /// Pixels from the top edge of the screen, where a drag ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_y: Option<i64>,
    /// The button: `left`, `middle` or `right`. Default: `left`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub button: Option<String>,
    /// How often to click, 1 to 10. Default: 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clicks: Option<i64>,
    /// Keys held meanwhile by `click`, `drag`, `scroll` and `press`: `ctrl`, `shift`, `alt`, `cmd`. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub modifiers: Option<Vec<String>>,
    /// Where the wheel turns: `up`, `down`, `left` or `right`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub direction: Option<String>,
    /// Clicks of the wheel, 1 to 100. Default: 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount: Option<i64>,
    /// The text to type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Milliseconds between characters, up to 10,000. Default: 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delay: Option<i64>,
    /// A character, or the name of a key such as `enter`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Keys with `+` between them, such as `ctrl+s`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keys: Option<String>,
    /// Milliseconds to wait, up to 10,000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub milliseconds: Option<i64>,
}

/// How to end several actions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ActOptions {
    /// Milliseconds without a change after which the screen is at rest, up to 5,000. Default: 200.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quiet_ms: Option<i64>,
    /// Milliseconds to wait for that, up to 20,000; then the picture is taken anyway. Default: 3,000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit_ms: Option<i64>,
    /// Whether to take a picture of the screen. Default: true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub screenshot: Option<bool>,
    /// Whether the mouse pointer is in the picture. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub show_cursor: Option<bool>,
    /// Format of the picture: `png`, `jpeg` or `webp`. Default: `png`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// Quality of a JPEG, 1 to 100. Default: 85.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quality: Option<i64>,
    /// Size of the picture as a part of the screen's, 0.1 to 1. Default: 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scale: Option<f64>,
}

/// The desktop after several actions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ActResponse {
    /// How many actions were done.
    pub actions: i64,
    /// Whether the screen came to rest within the time for it.
    pub at_rest: bool,
    /// The screen then, unless no picture was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub screenshot: Option<ScreenshotResponse>,
}

/// The name of a trajectory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TrajectoryOptions {
    /// The page's heading, at most 100 characters. Default: `Trajectory`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
}

/// A record of what is done on the desktop: a page in the sandbox, for a browser.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Trajectory {
    /// Id.
    pub id: String,
    /// Path of the page in the sandbox. It is one HTML file, which loads nothing else.
    pub file_path: String,
    /// Time when it began, ISO 8601.
    pub start_time: String,
    /// Time when it ended, ISO 8601.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_time: Option<String>,
    /// How many actions are in the page.
    pub actions: i64,
    /// Size of the page in bytes.
    pub size_bytes: i64,
    /// Why later actions are not in the page, when that is so: it is full, or the sandbox's disk is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// How many earlier pages were removed when this one began, when that is so: the last 50 are kept, of at most 512 MiB
    /// together, for 7 days.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub removed: Option<i64>,
}
