//! The mouse.

use http::Method;
use serde_json::json;

use super::{Mouse, check_range, with_options};
use crate::error::{Error, Result};
use crate::model::{
    MouseButtonOptions, MouseClickOptions, MouseClickResponse, MouseDragOptions, MouseDragResponse,
    MousePositionResponse, MouseScrollOptions,
};

impl Mouse {
    /// Returns the place of the pointer.
    ///
    /// # Errors
    /// `ServiceUnavailable` when the sandbox has no desktop or it does not run.
    pub async fn get_position(&self) -> Result<MousePositionResponse> {
        self.toolbox.desktop("mouse.get_position", Method::GET, "/mouse/position", None).await
    }

    /// Moves the pointer.
    ///
    /// # Parameters
    /// * `x`: Pixels from the left edge of the screen.
    /// * `y`: Pixels from the top edge of the screen.
    ///
    /// # Errors
    /// `ServiceUnavailable` when the sandbox has no desktop or it does not run.
    pub async fn move_to(&self, x: i64, y: i64) -> Result<MousePositionResponse> {
        self.toolbox.desktop("mouse.move_to", Method::POST, "/mouse/move", Some(json!({ "x": x, "y": y }))).await
    }

    /// Moves the pointer and clicks.
    ///
    /// # Parameters
    /// * `x`: Pixels from the left edge of the screen.
    /// * `y`: Pixels from the top edge of the screen.
    ///
    /// # Errors
    /// `InvalidArgument` when `clicks` is out of range, `Validation` for an unknown button or modifier, `ServiceUnavailable`
    /// when the sandbox has no desktop or it does not run.
    ///
    /// # Examples
    /// `desktop mouse`
    pub async fn click(&self, x: i64, y: i64, options: MouseClickOptions) -> Result<MouseClickResponse> {
        check_range("clicks", options.clicks, 1..=10)?;
        let MouseClickOptions { button, double, .. } = &options;
        let (button, double) = (button.as_deref().unwrap_or("left"), double.unwrap_or(false));
        let body = json!({ "x": x, "y": y, "button": button, "double": double });
        let more = MouseClickOptions { button: None, double: None, ..options };
        self.toolbox.desktop("mouse.click", Method::POST, "/mouse/click", Some(with_options(body, &more))).await
    }

    /// Presses a button at one place and releases it at another.
    ///
    /// # Parameters
    /// * `start_x`: Pixels from the left edge of the screen, where the button is pressed.
    /// * `start_y`: Pixels from the top edge of the screen, where the button is pressed.
    /// * `end_x`: Pixels from the left edge of the screen, where it is released.
    /// * `end_y`: Pixels from the top edge of the screen, where it is released.
    ///
    /// # Errors
    /// `Validation` for an unknown button or modifier, `ServiceUnavailable` when the sandbox has no desktop or it does not
    /// run.
    pub async fn drag(
        &self,
        start_x: i64,
        start_y: i64,
        end_x: i64,
        end_y: i64,
        options: MouseDragOptions,
    ) -> Result<MouseDragResponse> {
        let button = options.button.as_deref().unwrap_or("left");
        let body = json!({ "startX": start_x, "startY": start_y, "endX": end_x, "endY": end_y, "button": button });
        let more = MouseDragOptions { button: None, ..options };
        self.toolbox.desktop("mouse.drag", Method::POST, "/mouse/drag", Some(with_options(body, &more))).await
    }

    /// Moves the pointer and turns the wheel.
    ///
    /// # Parameters
    /// * `x`: Pixels from the left edge of the screen.
    /// * `y`: Pixels from the top edge of the screen.
    /// * `direction`: `up` or `down`; on the local engine `left` and `right`, too.
    ///
    /// # Returns
    /// Whether the wheel was turned.
    ///
    /// # Errors
    /// `InvalidArgument` when `amount` is out of range, `Validation` for an unknown direction or modifier,
    /// `ServiceUnavailable` when the sandbox has no desktop or it does not run.
    pub async fn scroll(&self, x: i64, y: i64, direction: &str, options: MouseScrollOptions) -> Result<bool> {
        #[derive(serde::Deserialize)]
        struct Answer {
            #[serde(default)]
            success: bool,
        }
        check_range("amount", options.amount, 1..=100)?;
        if direction.is_empty() {
            return Err(Error::invalid_argument("The direction is empty."));
        }
        let body = json!({ "x": x, "y": y, "direction": direction, "amount": options.amount.unwrap_or(1) });
        let more = MouseScrollOptions { amount: None, ..options };
        let path = "/mouse/scroll";
        let answer: Answer =
            self.toolbox.desktop("mouse.scroll", Method::POST, path, Some(with_options(body, &more))).await?;
        Ok(answer.success)
    }

    /// Presses a button and keeps it pressed.
    ///
    /// # Errors
    /// `Validation` for an unknown button, `NotFound` on servers up to 0.205, `ServiceUnavailable` when the sandbox has no
    /// desktop or it does not run.
    pub async fn down(&self, options: MouseButtonOptions) -> Result<MousePositionResponse> {
        let body = with_options(json!({}), &options);
        self.toolbox.desktop("mouse.down", Method::POST, "/mouse/down", Some(body)).await
    }

    /// Releases a button.
    ///
    /// # Errors
    /// `Validation` for an unknown button, `NotFound` on servers up to 0.205, `ServiceUnavailable` when the sandbox has no
    /// desktop or it does not run.
    pub async fn up(&self, options: MouseButtonOptions) -> Result<MousePositionResponse> {
        let body = with_options(json!({}), &options);
        self.toolbox.desktop("mouse.up", Method::POST, "/mouse/up", Some(body)).await
    }
}
