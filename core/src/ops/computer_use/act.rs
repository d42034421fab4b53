//! Several actions in one request, and trajectories: what only the local engine offers (wire-additions.md 6).

use std::time::Duration;

use http::Method;
use serde_json::json;

use super::screenshot::with_own_size;
use super::{ComputerUse, check_range, with_options};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{ActOptions, ActResponse, DesktopAction, Trajectory, TrajectoryOptions};

/// Pauses of 30 seconds, 20 until the screen is at rest, and for each of 100 actions 2 seconds while a trajectory is recorded.
const LIMIT: Option<Duration> = Some(Duration::from_secs(300));

impl ComputerUse {
    /// Does several things on the desktop one after the other, waits until the screen is at rest, and takes a picture of it: a
    /// whole step of an agent in one request. Nothing is done unless all actions are valid. The first that fails is the last.
    ///
    /// # Parameters
    /// * `actions`: What to do, at most 100 actions. They may pause for 30 seconds together. Without any, this waits for the
    ///   screen.
    ///
    /// # Errors
    /// `InvalidArgument` when an option is out of range, `Validation` for an action that lacks something or asks for the
    /// impossible (the message begins with its index), `NotImplemented` when this server does not offer it: only the local
    /// engine does; `ServiceUnavailable` when the sandbox has no desktop or it does not run.
    ///
    /// # Examples
    /// `desktop act`
    pub async fn act(&self, actions: Vec<DesktopAction>, options: ActOptions) -> Result<ActResponse> {
        check_range("quiet_ms", options.quiet_ms, 0..=5_000)?;
        check_range("limit_ms", options.limit_ms, 0..=20_000)?;
        check_range("quality", options.quality, 1..=100)?;
        if let Some(scale) = options.scale.filter(|scale| !(0.1..=1.0).contains(scale)) {
            return Err(Error::invalid_argument(format!("scale is {scale}; it must be from 0.1 to 1.")));
        }
        let body = with_options(json!({ "actions": actions }), &options);
        let answer = self.toolbox.desktop_within(LIMIT, "computer_use.act", Method::POST, "/act", Some(body)).await;
        let mut done: ActResponse = answer.map_err(not_offered)?;
        done.screenshot = done.screenshot.map(with_own_size);
        Ok(done)
    }

    /// Begins to record what is done on the desktop. Every action becomes a step of a page: the screen before and after it, the
    /// window and the accessibility node that it was meant for. Actions take longer meanwhile, by up to 2 seconds until the
    /// screen is at rest.
    ///
    /// The page shows what was typed, except what went into a field that programs describe as one for passwords.
    ///
    /// # Errors
    /// `Conflict` while another one is recorded, `NotImplemented` when this server does not offer it: only the local engine does;
    /// `ServiceUnavailable` when the sandbox has no desktop or it does not run.
    ///
    /// # Examples
    /// `desktop trajectory`
    pub async fn start_trajectory(&self, options: TrajectoryOptions) -> Result<Trajectory> {
        let (path, body) = ("/trajectories/start", with_options(json!({}), &options));
        let answer = self.toolbox.desktop("computer_use.start_trajectory", Method::POST, path, Some(body)).await;
        answer.map_err(not_offered)
    }

    /// Ends the trajectory that is being recorded. Its page stays in the sandbox: download the file and open it in a browser.
    ///
    /// # Errors
    /// `NotFound` when none is being recorded, `NotImplemented` when this server does not offer it: only the local engine does;
    /// `ServiceUnavailable` when the sandbox has no desktop.
    pub async fn stop_trajectory(&self) -> Result<Trajectory> {
        let path = "/trajectories/stop";
        let answer = self.toolbox.desktop("computer_use.stop_trajectory", Method::POST, path, None).await;
        answer.map_err(not_offered)
    }
}

/// A server that does not know the route says so in words of its router.
fn not_offered(error: Error) -> Error {
    let is_unknown = error.status() == Some(404) && error.info().message.contains("page not found");
    match is_unknown {
        true => error.with_kind(ErrorKind::NotImplemented).saying(
            "This server does not offer several actions in one request, nor trajectories; the local engine offers both.",
        ),
        false => error,
    }
}
