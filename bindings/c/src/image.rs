//! Images, which are put together without a client.

use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::callback::{PANICKED, Receiver};
use crate::{Callback, Slice};

/// Takes one step of an image: the JSON {"image"?: {"dockerfile", "contexts"}, "step": name of the step, for example
/// "pip_install", "args": […]}. Calls `callback` before it returns, with `DAYTONA_STATUS_OK` and the image as JSON, or with
/// `DAYTONA_STATUS_ERROR`. What an image is made of are the fields `dockerfile` and `contexts` of the params of
/// "sandbox.create".
///
/// # Safety
/// `request` must be readable; `callback` NULL or a function that may be called with `user`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daytona_image_step(request: Slice, callback: Callback, user: *mut c_void) {
    let receiver = Receiver::new(callback, user);
    // SAFETY: readable, as the caller promises.
    let request = unsafe { request.copy() };
    match catch_unwind(AssertUnwindSafe(|| daytona_bridge::image_step(&request))) {
        Ok(Ok(image)) => receiver.hand_over(&image),
        Ok(Err(error)) => receiver.fail(&error),
        Err(_) => receiver.fail(PANICKED.as_bytes()),
    }
}
