//! The URLs of a sandbox's ports.

use http::Method;

use super::Sandboxes;
use super::sandbox::sandbox_path;
use crate::client::DEFAULT_LIMIT;
use crate::error::Result;
use crate::model::{PortPreviewUrl, SignedPortPreviewUrl};
use crate::travel::http::segment;

impl Sandboxes {
    /// Returns the URL of a port of the sandbox, and the token that requests need unless the sandbox is public.
    ///
    /// # Parameters
    /// * `id_or_name`: Id or name of the sandbox.
    /// * `port`: Port of the sandbox, 1 to 65535.
    ///
    /// # Returns
    /// The URL and the token.
    ///
    /// # Errors
    /// `Validation` when the port is not between 1 and 65535.
    pub async fn get_preview_link(&self, id_or_name: &str, port: i64) -> Result<PortPreviewUrl> {
        let path = sandbox_path(id_or_name, &format!("/ports/{port}/preview-url"))?;
        self.client.run("sandbox.get_preview_link", DEFAULT_LIMIT, self.client.api(Method::GET, path).read()).await
    }

    /// Returns a URL of a port of the sandbox that works without any other credentials until it expires.
    ///
    /// # Parameters
    /// * `id_or_name`: Id or name of the sandbox.
    /// * `port`: Port of the sandbox, 1 to 65535.
    /// * `expires_in_seconds`: Seconds until the URL expires, 1 to 86400. Default: 60.
    ///
    /// # Returns
    /// The URL and its token.
    ///
    /// # Errors
    /// `Validation` when the port or the time is out of range.
    pub async fn create_signed_preview_url(
        &self,
        id_or_name: &str,
        port: i64,
        expires_in_seconds: Option<i64>,
    ) -> Result<SignedPortPreviewUrl> {
        let path = sandbox_path(id_or_name, &format!("/ports/{port}/signed-preview-url"))?;
        let request = self.client.api(Method::GET, path).query_opt("expiresInSeconds", expires_in_seconds);
        self.client.run("sandbox.create_signed_preview_url", DEFAULT_LIMIT, request.read()).await
    }

    /// Revokes a signed preview URL before it expires.
    ///
    /// # Parameters
    /// * `id_or_name`: Id or name of the sandbox.
    /// * `port`: Port of the sandbox, 1 to 65535.
    /// * `token`: Token of the signed URL.
    ///
    /// # Errors
    /// `NotFound` when there is no such sandbox.
    pub async fn expire_signed_preview_url(&self, id_or_name: &str, port: i64, token: &str) -> Result<()> {
        let path = format!("/ports/{port}/signed-preview-url/{}/expire", segment(token));
        let path = sandbox_path(id_or_name, &path)?;
        let request = self.client.api(Method::POST, path).hiding(token);
        self.client.run("sandbox.expire_signed_preview_url", DEFAULT_LIMIT, request.done()).await
    }
}
