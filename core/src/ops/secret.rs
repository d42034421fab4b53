//! Secrets (wire-additions.md 2.6).

use http::Method;

use super::Secrets;
use crate::client::DEFAULT_LIMIT;
use crate::error::{Error, Result};
use crate::model::{CreateSecretParams, ListSecretsOptions, ListSecretsResponse, Secret, UpdateSecretParams};
use crate::travel::http::segment;

impl Secrets {
    /// Lists the secrets of the organization, without their values.
    ///
    /// # Returns
    /// One page of them; `next_cursor` leads to the next one.
    ///
    /// # Errors
    /// `InvalidArgument` for a limit out of range, `NotFound` on servers up to 0.193.
    ///
    /// # Examples
    /// `secrets manage`
    pub async fn list(&self, options: ListSecretsOptions) -> Result<ListSecretsResponse> {
        if let Some(limit) = options.limit.filter(|limit| !(1..=200).contains(limit)) {
            return Err(Error::invalid_argument(format!("The limit {limit} is not usable: it must be 1 to 200.")));
        }
        let request = self.client.api(Method::GET, "/secret/paginated").query_opt("cursor", options.cursor);
        let request = request.query_opt("limit", options.limit).query_opt("name", options.name);
        let request = request.query_opt("sort", options.sort).query_opt("order", options.order);
        self.client.run("secret.list", DEFAULT_LIMIT, request.read()).await
    }

    /// Returns a secret, without its value.
    ///
    /// # Parameters
    /// * `secret_id`: Id of the secret.
    ///
    /// # Errors
    /// `NotFound` when there is no such secret.
    ///
    /// # Examples
    /// `secrets manage`
    pub async fn get(&self, secret_id: &str) -> Result<Secret> {
        let path = secret_path(secret_id)?;
        self.client.run("secret.get", DEFAULT_LIMIT, self.client.api(Method::GET, path).read()).await
    }

    /// Creates a secret. Sandboxes that are created with it find its placeholder in a variable of their environment; requests
    /// to its hosts are sent with the value instead.
    ///
    /// # Parameters
    /// * `params`: Name, value and hosts of the secret.
    ///
    /// # Returns
    /// The secret, without its value.
    ///
    /// # Errors
    /// `Conflict` when there is a secret of this name, `Validation` when its name or one of its hosts is not valid.
    ///
    /// # Examples
    /// `secrets use`
    pub async fn create(&self, params: CreateSecretParams) -> Result<Secret> {
        if params.name.is_empty() {
            return Err(Error::invalid_argument("The secret's name is empty."));
        }
        if params.value.is_empty() {
            return Err(Error::invalid_argument(format!("The value of secret {:?} is empty.", params.name)));
        }
        let request = self.client.api(Method::POST, "/secret").json(&params);
        self.client.run("secret.create", DEFAULT_LIMIT, request.read()).await
    }

    /// Changes a secret. Sandboxes that have it use it as it is from then on.
    ///
    /// # Parameters
    /// * `secret_id`: Id of the secret.
    /// * `params`: What to change.
    ///
    /// # Returns
    /// The secret as it is now, without its value.
    ///
    /// # Errors
    /// `NotFound` when there is no such secret, `Validation` when one of its hosts is not valid.
    ///
    /// # Examples
    /// `secrets manage`
    pub async fn update(&self, secret_id: &str, params: UpdateSecretParams) -> Result<Secret> {
        if params.value.as_ref().is_some_and(String::is_empty) {
            return Err(Error::invalid_argument("The secret's new value is empty."));
        }
        let request = self.client.api(Method::PATCH, secret_path(secret_id)?).json(&params);
        self.client.run("secret.update", DEFAULT_LIMIT, request.read()).await
    }

    /// Deletes a secret. Sandboxes that have it send its placeholder from then on.
    ///
    /// # Parameters
    /// * `secret_id`: Id of the secret.
    ///
    /// # Errors
    /// `NotFound` when there is no such secret.
    ///
    /// # Examples
    /// `secrets manage`
    pub async fn delete(&self, secret_id: &str) -> Result<()> {
        let path = secret_path(secret_id)?;
        self.client.run("secret.delete", DEFAULT_LIMIT, self.client.api(Method::DELETE, path).done()).await
    }
}

fn secret_path(id: &str) -> Result<String> {
    if id.is_empty() {
        return Err(Error::invalid_argument("The secret's id is empty."));
    }
    Ok(format!("/secret/{}", segment(id)))
}
