//! Images, which are put together without a client and without waiting.

use bytes::Bytes;

use crate::call::error_json;

/// Takes one step of an image: the JSON `{"image"?: {"dockerfile", "contexts"}, "step": name of a function of the core's
/// `Image`, "args": […]}` gives the image with the step, as JSON.
///
/// # Errors
/// The error as JSON.
pub fn image_step(request: &[u8]) -> Result<Bytes, Bytes> {
    let image = daytona::image_step(request).map_err(|error| error_json(&error))?;
    serde_json::to_vec(&image).map(Bytes::from).map_err(|error| {
        error_json(&daytona::Error::new(daytona::ErrorKind::Internal, "The image is not JSON").with_source(error))
    })
}
