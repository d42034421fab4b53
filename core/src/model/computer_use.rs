//! The desktop of a sandbox (wire.md 3.8).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A program of the desktop.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DesktopProcess {
    /// Whether it runs.
    #[serde(alias = "Running")]
    pub running: bool,
    /// Its place in the order of starting: low numbers start first.
    #[serde(alias = "Priority")]
    pub priority: i64,
    /// Whether it is started again when it ends by itself.
    #[serde(alias = "AutoRestart")]
    pub auto_restart: bool,
    /// Its process id, when it runs.
    #[serde(alias = "Pid", skip_serializing_if = "Option::is_none")]
    pub pid: Option<i64>,
}

/// The desktop after it has been started.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ComputerUseStartResponse {
    /// The outcome in words.
    pub message: String,
    /// The programs of the desktop by name: `xvfb`, `xfce4`, `x11vnc`, `novnc`.
    pub status: BTreeMap<String, DesktopProcess>,
}

/// The desktop after it has been stopped.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ComputerUseStopResponse {
    /// The outcome in words.
    pub message: String,
    /// The programs of the desktop by name.
    pub status: BTreeMap<String, DesktopProcess>,
}

/// Whether the desktop runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ComputerUseStatusResponse {
    /// `active` when every program of the desktop runs, `partial` when some do, `inactive` when none does.
    pub status: String,
}

/// Whether a program of the desktop runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ProcessStatusResponse {
    /// The program.
    pub process_name: String,
    /// Whether it runs.
    pub running: bool,
}

/// A program of the desktop after it has been started again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ProcessRestartResponse {
    /// The outcome in words.
    pub message: String,
    /// The program.
    pub process_name: String,
}

/// The standard output of a program of the desktop.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ProcessLogsResponse {
    /// The program.
    pub process_name: String,
    /// Its standard output, or the end of it.
    pub logs: String,
}

/// The standard error of a program of the desktop.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ProcessErrorsResponse {
    /// The program.
    pub process_name: String,
    /// Its standard error, or the end of it.
    pub errors: String,
}

/// The place of the mouse pointer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MousePositionResponse {
    /// Pixels from the left edge of the screen.
    pub x: i64,
    /// Pixels from the top edge of the screen.
    pub y: i64,
}

/// The place of the mouse pointer after a click.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MouseClickResponse {
    /// Pixels from the left edge of the screen.
    pub x: i64,
    /// Pixels from the top edge of the screen.
    pub y: i64,
}

/// The place of the mouse pointer after a drag.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MouseDragResponse {
    /// Pixels from the left edge of the screen.
    pub x: i64,
    /// Pixels from the top edge of the screen.
    pub y: i64,
}

/// A way to click.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MouseClickOptions {
    /// The button: `left`, `middle` or `right`. Default: `left`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub button: Option<String>,
    /// Whether to click twice. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub double: Option<bool>,
    /// How often to click, 1 to 10, instead of `double`. Servers up to 0.205 ignore it. Default: 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clicks: Option<i64>,
    /// Keys held meanwhile: `ctrl`, `shift`, `alt`, `cmd`. Servers up to 0.205 ignore them. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub modifiers: Option<Vec<String>>,
}

/// A way to drag.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MouseDragOptions {
    /// The button: `left`, `middle` or `right`. Default: `left`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub button: Option<String>,
    /// Keys held meanwhile: `ctrl`, `shift`, `alt`, `cmd`. Servers up to 0.205 ignore them. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub modifiers: Option<Vec<String>>,
}

/// A way to scroll.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MouseScrollOptions {
    /// Clicks of the wheel, 1 to 100. Default: 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount: Option<i64>,
    /// Keys held meanwhile: `ctrl`, `shift`, `alt`, `cmd`. Servers up to 0.205 ignore them. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub modifiers: Option<Vec<String>>,
}

/// Where to press or release a mouse button.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MouseButtonOptions {
    /// Pixels from the left edge of the screen. Default: where the pointer is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub x: Option<i64>,
    /// Pixels from the top edge of the screen. Default: where the pointer is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub y: Option<i64>,
    /// The button: `left`, `middle` or `right`. Default: `left`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub button: Option<String>,
}

/// A way to type.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct KeyboardTypeOptions {
    /// Milliseconds between characters. Default: 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delay: Option<i64>,
}

/// A way to press a key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct KeyboardPressOptions {
    /// Keys held meanwhile: `ctrl`, `shift`, `alt`, `cmd`. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub modifiers: Option<Vec<String>>,
}

/// A part of the screen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ScreenshotRegion {
    /// Pixels from the left edge of the screen.
    pub x: i64,
    /// Pixels from the top edge of the screen.
    pub y: i64,
    /// Width in pixels, at least 1.
    pub width: i64,
    /// Height in pixels, at least 1.
    pub height: i64,
}

/// A picture of the screen as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ScreenshotCursorOptions {
    /// Whether the mouse pointer is in the picture. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub show_cursor: Option<bool>,
}

/// The form of a picture of the screen.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ScreenshotOptions {
    /// Whether the mouse pointer is in the picture. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub show_cursor: Option<bool>,
    /// `png`, `jpeg` or, on the local engine, `webp`. Default: `png`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// Quality of a JPEG, 1 to 100. Default: 85.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quality: Option<i64>,
    /// Size of the picture as a part of the screen's, 0.1 to 1. Default: 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scale: Option<f64>,
}

/// A picture of the screen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ScreenshotResponse {
    /// The picture's file in Base64.
    pub screenshot: String,
    /// Width of the picture in pixels.
    pub width: i64,
    /// Height of the picture in pixels.
    pub height: i64,
    /// Place of the mouse pointer, where it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor_position: Option<MousePositionResponse>,
    /// Size of the picture's file in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size_bytes: Option<i64>,
}

/// A display.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DisplayInfo {
    /// Its number, from 0.
    pub id: i64,
    /// Pixels from the left edge of the screen.
    pub x: i64,
    /// Pixels from the top edge of the screen.
    pub y: i64,
    /// Width in pixels.
    pub width: i64,
    /// Height in pixels.
    pub height: i64,
    /// Whether it shows anything.
    pub is_active: bool,
}

/// The displays of a desktop.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DisplayInfoResponse {
    /// All displays.
    #[serde(deserialize_with = "super::null_as_default")]
    pub displays: Vec<DisplayInfo>,
    /// The first one that shows anything, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub primary_display: Option<DisplayInfo>,
    /// How many there are.
    pub total_displays: i64,
}

/// A window of the desktop.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WindowInfo {
    /// Its number in the X server.
    pub id: i64,
    /// The title that it has given itself.
    pub title: String,
    /// Pixels from the left edge of the screen.
    pub x: i64,
    /// Pixels from the top edge of the screen.
    pub y: i64,
    /// Width in pixels.
    pub width: i64,
    /// Height in pixels.
    pub height: i64,
    /// Whether what is typed goes to it.
    pub is_active: bool,
}

/// The windows of a desktop.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WindowsResponse {
    /// All windows, the lowest one first.
    #[serde(deserialize_with = "super::null_as_default")]
    pub windows: Vec<WindowInfo>,
    /// How many there are.
    pub count: i64,
}

/// The name of a recording.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RecordingOptions {
    /// A word for its file's name: letters, digits, `-`, `_` and `.`, at most 100. Default: `session`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
}

/// A recording of the screen: an MP4 file in the sandbox.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Recording {
    /// Id.
    pub id: String,
    /// Name of its file.
    pub file_name: String,
    /// Path of its file in the sandbox.
    pub file_path: String,
    /// Time when it began, ISO 8601.
    pub start_time: String,
    /// Time when it ended, ISO 8601.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_time: Option<String>,
    /// `recording`, `completed` or `failed`.
    pub status: String,
    /// Length in seconds, once it has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_seconds: Option<f64>,
    /// Size of its file in bytes, once it has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size_bytes: Option<i64>,
    /// The same as `file_name`.
    pub name: String,
    /// The same as `size_bytes`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_size_bytes: Option<i64>,
}

/// All recordings of a sandbox.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ListRecordingsResponse {
    /// The recordings, the oldest one first.
    #[serde(deserialize_with = "super::null_as_default")]
    pub recordings: Vec<Recording>,
}
