//! The URLs of a sandbox's ports.

use http::Method;
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use super::Sandboxes;
use super::sandbox::sandbox_path;
use crate::client::DEFAULT_LIMIT;
use crate::error::Result;
use crate::model::{PortPreviewUrl, SignedPortPreviewUrl};
use crate::travel::http::segment;

/// Seconds until a signed URL expires, unless said otherwise (wire.md 2.2).
const DEFAULT_EXPIRY: i64 = 60;

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
        let asked = OffsetDateTime::now_utc();
        let signed = self.client.run("sandbox.create_signed_preview_url", DEFAULT_LIMIT, request.read());
        let mut signed: SignedPortPreviewUrl = signed.await?;
        if signed.expires_at.is_empty() {
            // Servers need not say. They count from the request's arrival, so this is never too late.
            signed.expires_at = after(asked, expires_in_seconds.unwrap_or(DEFAULT_EXPIRY));
        }
        Ok(signed)
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

/// A time as the wire writes it, `seconds` after another.
fn after(time: OffsetDateTime, seconds: i64) -> String {
    let later = time.checked_add(Duration::seconds(seconds)).unwrap_or(time);
    let millis = later.replace_millisecond(later.millisecond()).unwrap_or(later);
    // Only years of more than four digits cannot be written.
    millis.format(&Rfc3339).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expiry_is_a_time_of_whole_milliseconds() {
        let time = OffsetDateTime::from_unix_timestamp_nanos(1_700_000_000_123_456_789).unwrap();
        assert_eq!(after(time, 60), "2023-11-14T22:14:20.123Z");
    }
}
