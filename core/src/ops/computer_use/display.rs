//! Displays and windows.

use http::Method;
use serde_json::json;

use super::{Display, check_range};
use crate::error::Result;
use crate::model::{DisplayInfo, DisplayInfoResponse, WindowsResponse};

impl Display {
    /// Returns the displays of the desktop.
    ///
    /// # Errors
    /// `ServiceUnavailable` when the sandbox has no desktop or it does not run.
    pub async fn get_info(&self) -> Result<DisplayInfoResponse> {
        let mut info: DisplayInfoResponse =
            self.toolbox.desktop("display.get_info", Method::GET, "/display/info", None).await?;
        info.total_displays = i64::try_from(info.displays.len()).unwrap_or(i64::MAX);
        info.primary_display = info.displays.iter().find(|display| display.is_active).cloned();
        Ok(info)
    }

    /// Returns the windows of the desktop.
    ///
    /// # Errors
    /// `ServiceUnavailable` when the sandbox has no desktop or it does not run.
    pub async fn get_windows(&self) -> Result<WindowsResponse> {
        let mut found: WindowsResponse =
            self.toolbox.desktop("display.get_windows", Method::GET, "/display/windows", None).await?;
        found.count = i64::try_from(found.windows.len()).unwrap_or(i64::MAX);
        Ok(found)
    }

    /// Gives the screen another size. Windows stay where they are.
    ///
    /// # Parameters
    /// * `width`: Width in pixels, 64 to 2560.
    /// * `height`: Height in pixels, 64 to 1600.
    ///
    /// # Errors
    /// `InvalidArgument` when the size is out of range, `NotFound` on servers that do not offer it: only the local engine
    /// does; `ServiceUnavailable` when the sandbox has no desktop or it does not run.
    pub async fn resize(&self, width: i64, height: i64) -> Result<DisplayInfo> {
        check_range("width", Some(width), 64..=2560)?;
        check_range("height", Some(height), 64..=1600)?;
        let body = json!({ "width": width, "height": height });
        self.toolbox.desktop("display.resize", Method::POST, "/display/resize", Some(body)).await
    }
}
