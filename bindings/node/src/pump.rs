//! Where the outcomes of calls wait for the event loop.

use std::os::fd::{BorrowedFd, IntoRawFd};
use std::sync::Arc;

use daytona_bridge::Completion;
use napi::bindgen_prelude::{BufferSlice, Env, Error, Result};
use napi_derive::napi;

use crate::stream::Stream;

/// How a call ended.
#[napi(object, object_from_js = false)]
pub struct Outcome<'env> {
    /// The id the call was started under.
    pub id: u32,
    /// 0 = done, 1 = failed (`json` is the error), 2 = cancelled.
    pub status: u8,
    /// The result, or what is known about an opened stream; empty = nothing.
    pub json: String,
    /// Attachments of the result.
    pub blobs: Vec<BufferSlice<'env>>,
    /// The stream the call opened.
    pub stream: Option<Stream>,
}

const DONE: u8 = 0;
const FAILED: u8 = 1;
const CANCELLED: u8 = 2;

/// The outcomes for one JavaScript thread.
#[napi]
pub struct Pump {
    queue: Arc<daytona_bridge::Pump>,
}

#[napi]
impl Pump {
    /// A pump for the calling thread. Throws when the process has no file descriptors left.
    #[napi(constructor)]
    pub fn new() -> Result<Self> {
        let queue =
            daytona_bridge::Pump::new().map_err(|e| Error::from_reason(format!("no pipe for outcomes: {e}")))?;
        Ok(Self { queue })
    }

    /// A descriptor that is readable when there are outcomes. It is a duplicate, and the caller's to close.
    #[napi]
    pub fn descriptor(&self) -> Result<i32> {
        // SAFETY: the pump owns the descriptor and outlives this borrow.
        let fd = unsafe { BorrowedFd::borrow_raw(self.queue.fd()) };
        let duplicate =
            fd.try_clone_to_owned().map_err(|e| Error::from_reason(format!("no pipe for outcomes: {e}")))?;
        Ok(duplicate.into_raw_fd())
    }

    /// Takes all outcomes there are. Never blocks.
    #[napi]
    pub fn drain<'env>(&self, env: &'env Env) -> Result<Vec<Outcome<'env>>> {
        self.queue.drain().into_iter().map(|(id, completion)| outcome(env, id, completion)).collect()
    }

    /// Sends a call's outcome here.
    pub(crate) fn sink(&self, id: u32) -> Box<dyn daytona_bridge::Sink> {
        self.queue.sink(id.into())
    }
}

fn outcome(env: &Env, id: u64, completion: Completion) -> Result<Outcome<'_>> {
    // Ids come from `sink`, which takes 32 bits.
    let id = id as u32;
    let (status, json, blobs, stream) = match completion {
        Completion::Ok(payload) => (DONE, payload.json, payload.blobs, None),
        Completion::Stream(stream, info) => (DONE, info.json, info.blobs, Some(Stream::new(stream))),
        Completion::Error(json) => (FAILED, json, Vec::new(), None),
        Completion::Cancelled => (CANCELLED, Default::default(), Vec::new(), None),
    };
    let json = String::from_utf8_lossy(&json).into_owned();
    let blobs = blobs.into_iter().map(|blob| BufferSlice::from_data(env, Vec::from(blob))).collect::<Result<_>>()?;
    Ok(Outcome { id, status, json, blobs, stream })
}
