//! Access to a sandbox by SSH.

use http::Method;

use super::Sandboxes;
use super::sandbox::sandbox_path;
use crate::client::DEFAULT_LIMIT;
use crate::error::{Error, Result};
use crate::model::{SshAccessDto, SshAccessValidationDto};

impl Sandboxes {
    /// Creates a token with which `ssh` enters the sandbox, and the command that does so. It replaces an earlier one, whose
    /// connections end.
    ///
    /// # Parameters
    /// * `id_or_name`: Id or name of the sandbox.
    /// * `expires_in_minutes`: Minutes until the token expires, 1 or more. Default: 60.
    ///
    /// # Errors
    /// `NotFound` when there is no such sandbox, `Validation` when the time is out of range.
    ///
    /// # Examples
    /// `ssh access`
    pub async fn create_ssh_access(&self, id_or_name: &str, expires_in_minutes: Option<i64>) -> Result<SshAccessDto> {
        let path = sandbox_path(id_or_name, "/ssh-access")?;
        let request = self.client.api(Method::POST, path).query_opt("expiresInMinutes", expires_in_minutes);
        self.client.run("sandbox.create_ssh_access", DEFAULT_LIMIT, request.read()).await
    }

    /// Returns whether a token for SSH is good, and for which sandbox: not only this sandbox's tokens may be asked about.
    ///
    /// # Parameters
    /// * `id_or_name`: Id or name of the sandbox that asks.
    /// * `token`: Token of an SSH access.
    ///
    /// # Errors
    /// `InvalidArgument` when the token is empty.
    pub async fn validate_ssh_access(&self, id_or_name: &str, token: &str) -> Result<SshAccessValidationDto> {
        // The wire wants the token alone; an empty name is a mistake here as everywhere.
        sandbox_path(id_or_name, "")?;
        if token.is_empty() {
            return Err(Error::invalid_argument("token must not be empty."));
        }
        let request = self.client.api(Method::GET, "/sandbox/ssh-access/validate").hiding(token).query("token", token);
        self.client.run("sandbox.validate_ssh_access", DEFAULT_LIMIT, request.read()).await
    }

    /// Revokes SSH access to the sandbox before it expires. Connections made with it end. A token that it does not have is
    /// no error.
    ///
    /// # Parameters
    /// * `id_or_name`: Id or name of the sandbox.
    /// * `token`: Token to revoke. Default, and when empty: every token of the sandbox.
    ///
    /// # Errors
    /// `NotFound` when there is no such sandbox.
    pub async fn revoke_ssh_access(&self, id_or_name: &str, token: Option<String>) -> Result<()> {
        let path = sandbox_path(id_or_name, "/ssh-access")?;
        let request = self.client.api(Method::DELETE, path);
        let request = match token.filter(|token| !token.is_empty()) {
            Some(token) => request.hiding(&token).query("token", token),
            None => request,
        };
        self.client.run("sandbox.revoke_ssh_access", DEFAULT_LIMIT, request.done()).await
    }
}
