//! The desktop of a sandbox: its programs (wire.md 3.8). What is done on it is in the services beside this one.

mod accessibility;
mod act;
mod display;
mod keyboard;
mod mouse;
mod recording;
mod screenshot;

use std::time::Duration;

use http::Method;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::client::DEFAULT_LIMIT;
use crate::error::{Error, Result};
use crate::model::{
    ComputerUseStartResponse, ComputerUseStatusResponse, ComputerUseStopResponse, ProcessErrorsResponse,
    ProcessLogsResponse, ProcessRestartResponse, ProcessStatusResponse,
};
use crate::toolbox::Toolbox;
use crate::travel::http::segment;

/// The desktop of a sandbox.
#[derive(Clone)]
pub struct ComputerUse {
    pub(crate) toolbox: Toolbox,
}

/// The mouse of a sandbox's desktop.
#[derive(Clone)]
pub struct Mouse {
    pub(crate) toolbox: Toolbox,
}

/// The keyboard of a sandbox's desktop.
#[derive(Clone)]
pub struct Keyboard {
    pub(crate) toolbox: Toolbox,
}

/// Pictures of a sandbox's desktop.
#[derive(Clone)]
pub struct Screenshot {
    pub(crate) toolbox: Toolbox,
}

/// The displays and windows of a sandbox's desktop.
#[derive(Clone)]
pub struct Display {
    pub(crate) toolbox: Toolbox,
}

/// Recordings of a sandbox's desktop.
#[derive(Clone)]
pub struct RecordingService {
    pub(crate) toolbox: Toolbox,
}

/// What the programs on a sandbox's desktop show, as a tree.
#[derive(Clone)]
pub struct Accessibility {
    pub(crate) toolbox: Toolbox,
}

impl ComputerUse {
    /// Its mouse.
    pub fn mouse(&self) -> Mouse {
        self.toolbox.mouse()
    }

    /// Its keyboard.
    pub fn keyboard(&self) -> Keyboard {
        self.toolbox.keyboard()
    }

    /// Pictures of it.
    pub fn screenshot(&self) -> Screenshot {
        self.toolbox.screenshot()
    }

    /// Its displays and windows.
    pub fn display(&self) -> Display {
        self.toolbox.display()
    }

    /// Recordings of it.
    pub fn recording(&self) -> RecordingService {
        self.toolbox.recording()
    }

    /// What its programs show, as a tree.
    pub fn accessibility(&self) -> Accessibility {
        self.toolbox.accessibility()
    }

    /// Starts the desktop and waits until it shows something. One that runs is left as it is.
    ///
    /// # Errors
    /// `ServiceUnavailable` when the sandbox has no desktop or it does not start.
    ///
    /// # Examples
    /// `desktop start`
    pub async fn start(&self) -> Result<ComputerUseStartResponse> {
        self.toolbox.desktop("computer_use.start", Method::POST, "/start", None).await
    }

    /// Stops the desktop. What its programs have not saved is lost.
    ///
    /// # Errors
    /// `ServiceUnavailable` when the sandbox has no desktop.
    pub async fn stop(&self) -> Result<ComputerUseStopResponse> {
        self.toolbox.desktop("computer_use.stop", Method::POST, "/stop", None).await
    }

    /// Tells whether the desktop runs.
    ///
    /// # Errors
    /// `ServiceUnavailable` when the sandbox has no desktop.
    pub async fn get_status(&self) -> Result<ComputerUseStatusResponse> {
        self.toolbox.desktop("computer_use.get_status", Method::GET, "/status", None).await
    }

    /// Tells whether a program of the desktop runs.
    ///
    /// # Parameters
    /// * `process_name`: The program: `xvfb`, `xfce4`, `x11vnc` or `novnc`.
    ///
    /// # Errors
    /// `NotFound` when there is no such program, `ServiceUnavailable` when the sandbox has no desktop.
    pub async fn get_process_status(&self, process_name: &str) -> Result<ProcessStatusResponse> {
        let path = process_path(process_name, "status")?;
        self.toolbox.desktop("computer_use.get_process_status", Method::GET, &path, None).await
    }

    /// Starts a program of the desktop again.
    ///
    /// # Parameters
    /// * `process_name`: The program: `xvfb`, `xfce4`, `x11vnc` or `novnc`. With `xvfb` every program on the desktop ends.
    ///
    /// # Errors
    /// `NotFound` when there is no such program, `ServiceUnavailable` when the sandbox has no desktop.
    pub async fn restart_process(&self, process_name: &str) -> Result<ProcessRestartResponse> {
        let path = process_path(process_name, "restart")?;
        self.toolbox.desktop("computer_use.restart_process", Method::POST, &path, None).await
    }

    /// Returns what a program of the desktop has written to its standard output.
    ///
    /// # Parameters
    /// * `process_name`: The program: `xvfb`, `xfce4`, `x11vnc` or `novnc`.
    ///
    /// # Errors
    /// `NotFound` when there is no such program, `ServiceUnavailable` when the sandbox has no desktop.
    pub async fn get_process_logs(&self, process_name: &str) -> Result<ProcessLogsResponse> {
        let path = process_path(process_name, "logs")?;
        self.toolbox.desktop("computer_use.get_process_logs", Method::GET, &path, None).await
    }

    /// Returns what a program of the desktop has written to its standard error.
    ///
    /// # Parameters
    /// * `process_name`: The program: `xvfb`, `xfce4`, `x11vnc` or `novnc`.
    ///
    /// # Errors
    /// `NotFound` when there is no such program, `ServiceUnavailable` when the sandbox has no desktop.
    pub async fn get_process_errors(&self, process_name: &str) -> Result<ProcessErrorsResponse> {
        let path = process_path(process_name, "errors")?;
        self.toolbox.desktop("computer_use.get_process_errors", Method::GET, &path, None).await
    }
}

impl Toolbox {
    /// A call of the desktop: `path` is below `/computeruse`, with its query.
    async fn desktop<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<T> {
        self.desktop_within(DEFAULT_LIMIT, operation, method, path, body).await
    }

    /// The same with a limit of time of its own.
    async fn desktop_within<T: DeserializeOwned>(
        &self,
        limit: Option<Duration>,
        operation: &'static str,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<T> {
        self.client
            .run(operation, limit, async {
                let request = self.request(method, format!("/computeruse{path}")).await?;
                let request = match &body {
                    Some(body) => request.json(body),
                    None => request,
                };
                request.read().await
            })
            .await
    }
}

fn process_path(name: &str, what: &str) -> Result<String> {
    if name.is_empty() {
        return Err(Error::invalid_argument("The name of the process is empty."));
    }
    Ok(format!("/process/{}/{what}", segment(name)))
}

/// A request's body: the given fields and those of the options.
fn with_options(mut body: Value, options: &impl Serialize) -> Value {
    if let (Some(fields), Ok(Value::Object(more))) = (body.as_object_mut(), serde_json::to_value(options)) {
        fields.extend(more);
    }
    body
}

/// A whole number that must be in a range.
fn check_range(what: &str, value: Option<i64>, range: std::ops::RangeInclusive<i64>) -> Result<()> {
    match value {
        Some(value) if !range.contains(&value) => Err(Error::invalid_argument(format!(
            "{what} is {value}; it must be from {} to {}.",
            range.start(),
            range.end()
        ))),
        _ => Ok(()),
    }
}
