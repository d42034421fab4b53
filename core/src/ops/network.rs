//! What a sandbox does on the network.

use http::Method;

use super::Network;
use super::sandbox::sandbox_path;
use crate::client::DEFAULT_LIMIT;
use crate::error::{Error, ErrorKind, Result};
use crate::model::NetworkLog;

impl Network {
    /// Returns what the sandbox tried on the network since it started, which rule decided, and the lists that would allow it.
    /// Run a program without limits, and the two lists are those it needs.
    ///
    /// # Errors
    /// `NotImplemented` when this server does not offer it: only the local engine does, where its sandboxes have a network.
    ///
    /// # Examples
    /// `network learn`
    pub async fn log(&self) -> Result<NetworkLog> {
        let path = sandbox_path(self.toolbox.sandbox_id(), "/network-log")?;
        let request = self.toolbox.client.api(Method::GET, path);
        self.toolbox.client.run("network.log", DEFAULT_LIMIT, async { request.read().await.map_err(not_offered) }).await
    }
}

/// A server that does not know the route says so in words of its router.
fn not_offered(error: Error) -> Error {
    let is_unknown = error.status() == Some(404) && error.info().message.contains("Cannot GET");
    match is_unknown {
        true => error
            .with_kind(ErrorKind::NotImplemented)
            .saying("The network log is not offered by this server; the local engine has one."),
        false => error,
    }
}
