//! Open logs, runs, terminals, uploads and downloads.

use bytes::Bytes;
use napi::bindgen_prelude::{Env, Error, Result, Uint8ArraySlice};
use napi_derive::napi;

use crate::pump::Pump;

/// An open stream. Collecting it closes it. Calls on a closed one throw.
#[napi]
pub struct Stream {
    inner: Option<daytona_bridge::Stream>,
}

impl Stream {
    pub(crate) fn new(inner: daytona_bridge::Stream) -> Self {
        Self { inner: Some(inner) }
    }

    fn open(&self) -> Result<&daytona_bridge::Stream> {
        self.inner.as_ref().ok_or_else(|| Error::from_reason("the stream has been closed"))
    }
}

#[napi]
impl Stream {
    /// Reads a batch of up to about `max` bytes. At the end the outcome has no attachment and its JSON is the stream's
    /// result, if it has one. `form` is `bytes` (the default), `characters`, `text` or `lines`.
    #[napi]
    pub fn read(&self, env: &Env, pump: &Pump, id: u32, max: u32, form: Option<String>) -> Result<()> {
        let stream = self.open()?;
        pump.start(env, id, |sink| stream.read(max as usize, form.as_deref().unwrap_or("bytes"), sink))
    }

    /// Writes a piece; done when there is room for the next one.
    #[napi]
    pub fn write(&self, env: &Env, pump: &Pump, id: u32, data: Uint8ArraySlice) -> Result<()> {
        let stream = self.open()?;
        pump.start(env, id, |sink| stream.write(Bytes::copy_from_slice(&data), sink))
    }

    /// Ends the writing side in order.
    #[napi]
    pub fn finish(&self, env: &Env, pump: &Pump, id: u32) -> Result<()> {
        let stream = self.open()?;
        pump.start(env, id, |sink| stream.finish(sink))
    }

    /// Closes the stream at once; calls in flight on it fail as closed. May be called any number of times.
    #[napi]
    pub fn close(&mut self) {
        self.inner = None;
    }
}
