//! How many requests the server still allows.

use super::Sandboxes;
use crate::client::DEFAULT_LIMIT;
use crate::error::Result;
use crate::model::RateLimit;

impl Sandboxes {
    /// Returns the limits of requests that the server told with its last answers to this client, one for each kind of requests
    /// that it counts. No request is made; a server without limits tells none.
    ///
    /// Refused requests are repeated by themselves when the wait that the server asks for ends before the call's deadline.
    ///
    /// # Returns
    /// The limits whose window of time is not over, ordered by name.
    ///
    /// # Errors
    /// `Closed` when the client has been closed.
    pub async fn rate_limits(&self) -> Result<Vec<RateLimit>> {
        self.client.run("sandbox.rate_limits", DEFAULT_LIMIT, async { Ok(self.client.rate_limits().current()) }).await
    }
}
