//! Pictures of the screen.

use http::Method;

use super::{Screenshot, check_range};
use crate::error::{Error, Result};
use crate::model::{ScreenshotCursorOptions, ScreenshotOptions, ScreenshotRegion, ScreenshotResponse};
use crate::protocols::image_size::image_size;

impl Screenshot {
    /// Takes a picture of the whole screen, a PNG.
    ///
    /// # Errors
    /// `ServiceUnavailable` when the sandbox has no desktop or it does not run.
    ///
    /// # Examples
    /// `desktop screenshot`
    pub async fn take_full_screen(&self, options: ScreenshotCursorOptions) -> Result<ScreenshotResponse> {
        self.take("screenshot.take_full_screen", "", None, options.into()).await
    }

    /// Takes a picture of a part of the screen, a PNG.
    ///
    /// # Parameters
    /// * `region`: The part.
    ///
    /// # Errors
    /// `InvalidArgument` when the region is empty, `Validation` when it is outside the screen, `ServiceUnavailable` when the
    /// sandbox has no desktop or it does not run.
    pub async fn take_region(
        &self,
        region: ScreenshotRegion,
        options: ScreenshotCursorOptions,
    ) -> Result<ScreenshotResponse> {
        self.take("screenshot.take_region", "/region", Some(region), options.into()).await
    }

    /// Takes a picture of the whole screen in a form of choice: smaller, for models that read it.
    ///
    /// # Errors
    /// `InvalidArgument` when an option is out of range, `Validation` for an unknown format, `ServiceUnavailable` when the
    /// sandbox has no desktop or it does not run.
    pub async fn take_compressed(&self, options: ScreenshotOptions) -> Result<ScreenshotResponse> {
        self.take("screenshot.take_compressed", "/compressed", None, options).await
    }

    /// Takes a picture of a part of the screen in a form of choice.
    ///
    /// # Parameters
    /// * `region`: The part.
    ///
    /// # Errors
    /// `InvalidArgument` when the region is empty or an option is out of range, `Validation` for an unknown format or when
    /// the region is outside the screen, `ServiceUnavailable` when the sandbox has no desktop or it does not run.
    pub async fn take_compressed_region(
        &self,
        region: ScreenshotRegion,
        options: ScreenshotOptions,
    ) -> Result<ScreenshotResponse> {
        self.take("screenshot.take_compressed_region", "/region/compressed", Some(region), options).await
    }

    async fn take(
        &self,
        operation: &'static str,
        kind: &str,
        region: Option<ScreenshotRegion>,
        options: ScreenshotOptions,
    ) -> Result<ScreenshotResponse> {
        check_range("quality", options.quality, 1..=100)?;
        if let Some(scale) = options.scale.filter(|scale| !(0.1..=1.0).contains(scale)) {
            return Err(Error::invalid_argument(format!("scale is {scale}; it must be from 0.1 to 1.")));
        }
        let mut query = Vec::new();
        if let Some(ScreenshotRegion { x, y, width, height }) = region {
            if width < 1 || height < 1 {
                return Err(Error::invalid_argument(format!(
                    "The region is {width} x {height} pixels; it must be at least 1 x 1."
                )));
            }
            query.push(format!("x={x}&y={y}&width={width}&height={height}"));
        }
        if let Some(show) = options.show_cursor {
            // Servers read one name or the other.
            query.push(format!("showCursor={show}&show_cursor={show}"));
        }
        if let Some(format) = &options.format {
            query.push(format!("format={}", crate::travel::http::segment(format)));
        }
        if let Some(quality) = options.quality {
            query.push(format!("quality={quality}"));
        }
        if let Some(scale) = options.scale {
            query.push(format!("scale={scale}"));
        }
        let question = if query.is_empty() { "" } else { "?" };
        let path = format!("/screenshot{kind}{question}{}", query.join("&"));
        self.toolbox.desktop(operation, Method::GET, &path, None).await.map(with_own_size)
    }
}

/// The size that the picture's file has, where it says so: not all servers tell it.
pub(super) fn with_own_size(mut picture: ScreenshotResponse) -> ScreenshotResponse {
    if let Some((width, height)) = image_size(&picture.screenshot) {
        (picture.width, picture.height) = (width.into(), height.into());
    }
    picture
}

impl From<ScreenshotCursorOptions> for ScreenshotOptions {
    fn from(options: ScreenshotCursorOptions) -> Self {
        Self { show_cursor: options.show_cursor, ..Self::default() }
    }
}
