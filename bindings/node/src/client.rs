//! The client.

use bytes::Bytes;
use daytona_bridge::Payload;
use napi::bindgen_prelude::{Env, Error, Result, Uint8ArraySlice};
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

    /// Starts an operation of the op table, whose outcome appears in the pump under the id. Throws only when the client has been
    /// closed.
    #[napi]
    pub fn start(
        &self,
        env: &Env,
        pump: &Pump,
        id: u32,
        op: String,
        json: String,
        blobs: Option<Vec<Uint8ArraySlice>>,
    ) -> Result<()> {
        let client = self.inner.as_ref().ok_or_else(|| Error::from_reason("the client has been closed"))?;
        let blobs = blobs.unwrap_or_default().iter().map(|blob| Bytes::copy_from_slice(blob)).collect();
        pump.start(env, id, |sink| client.start(&op, Payload::new(json, blobs), sink))
    }

    /// Where the client connects to; nothing once it has been closed.
    #[napi]
    pub fn place(&self) -> Option<Place> {
        let (api_url, target) = self.inner.as_ref()?.place();
        Some(Place { api_url, target })
    }

    /// Whether operations are traced, and the caller's span is of use.
    #[napi(getter)]
    pub fn traced(&self) -> bool {
        self.inner.as_ref().is_some_and(daytona_bridge::Client::is_traced)
    }

    /// Refuses further operations and lets go of the connections. Calls in flight go on.
    #[napi]
    pub fn close(&mut self) {
        self.inner = None;
    }
}
