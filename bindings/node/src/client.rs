//! The client and the calls it starts.

use bytes::Bytes;
use daytona_bridge::Payload;
use napi::bindgen_prelude::{Error, Result, Uint8ArraySlice};
use napi_derive::napi;

use crate::pump::Pump;

/// Where a client connects to.
#[napi(object, object_from_js = false)]
pub struct Place {
    /// Base URL of the API, or `local`.
    pub api_url: String,
    /// The region for new sandboxes.
    pub target: Option<String>,
}

/// A client.
#[napi]
pub struct Client {
    inner: Option<daytona_bridge::Client>,
}

#[napi]
impl Client {
    /// Makes a client from its configuration as JSON. The message of what it throws is the error as JSON.
    #[napi(constructor)]
    pub fn new(config: String) -> Result<Self> {
        let inner = daytona_bridge::Client::new(config.as_bytes())
            .map_err(|error| Error::from_reason(String::from_utf8_lossy(&error).into_owned()))?;
        Ok(Self { inner: Some(inner) })
    }

    /// Starts an operation of the op table. Throws only when the client has been closed.
    #[napi]
    pub fn start(&self, pump: &Pump, id: u32, op: String, json: String, blobs: Vec<Uint8ArraySlice>) -> Result<Call> {
        let client = self.inner.as_ref().ok_or_else(|| Error::from_reason("the client has been closed"))?;
        let blobs = blobs.iter().map(|blob| Bytes::copy_from_slice(blob)).collect();
        let payload = Payload::new(json, blobs);
        Ok(Call::new(client.start(&op, payload, pump.sink(id))))
    }

    /// Where the client connects to; nothing once it has been closed.
    #[napi]
    pub fn place(&self) -> Option<Place> {
        let (api_url, target) = self.inner.as_ref()?.place();
        Some(Place { api_url, target })
    }

    /// Refuses further operations and lets go of the connections. Calls in flight go on.
    #[napi]
    pub fn close(&mut self) {
        self.inner = None;
    }
}

/// A call in flight. Collecting it cancels it unless it has completed.
#[napi]
pub struct Call {
    inner: daytona_bridge::Call,
}

impl Call {
    pub(crate) fn new(inner: daytona_bridge::Call) -> Self {
        Self { inner }
    }
}

#[napi]
impl Call {
    /// Ends the call as cancelled unless it has completed. May be called any number of times.
    #[napi]
    pub fn cancel(&self) {
        self.inner.cancel();
    }
}
