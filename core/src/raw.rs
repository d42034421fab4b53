//! Any endpoint, for programs that need one that no operation covers.

use bytes::Bytes;
use http::Method;

use crate::client::{Client, DEFAULT_LIMIT, Toolbox};
use crate::error::{Error, Result};
use crate::model::Json;
use crate::travel::http::Request;

impl Client {
    /// Sends a request to an endpoint of the API, with this client's credentials, and returns the body of the response.
    ///
    /// `path` begins with `/` and may have a query. A `body` is sent as JSON.
    ///
    /// # Errors
    /// `InvalidArgument` for another path or method, and whatever the endpoint refuses.
    pub async fn send(&self, method: &str, path: &str, body: Option<&Json>) -> Result<Bytes> {
        let (method, path) = checked(method, path)?;
        self.run("client.send", DEFAULT_LIMIT, exchange(self.api(method, path), body)).await
    }
}

impl Toolbox {
    /// Sends a request to an endpoint of the sandbox's toolbox and returns the body of the response.
    ///
    /// `path` begins with `/` and may have a query. A `body` is sent as JSON.
    ///
    /// # Errors
    /// `InvalidArgument` for another path or method, and whatever the endpoint refuses.
    pub async fn send(&self, method: &str, path: &str, body: Option<&Json>) -> Result<Bytes> {
        let (method, path) = checked(method, path)?;
        let sending = async { exchange(self.request(method, path).await?, body).await };
        self.client.run("toolbox.send", DEFAULT_LIMIT, sending).await
    }
}

async fn exchange(request: Request<'_>, body: Option<&Json>) -> Result<Bytes> {
    let request = match body {
        Some(body) => request.json(body),
        None => request,
    };
    request.send().await?.whole().await
}

fn checked<'a>(method: &str, path: &'a str) -> Result<(Method, &'a str)> {
    let method = method.to_ascii_uppercase().parse().ok().filter(|_| !method.is_empty());
    let method = method.ok_or_else(|| Error::invalid_argument("The method is not one of HTTP, such as GET."))?;
    if !path.starts_with('/') {
        return Err(Error::invalid_argument(format!("The path {path:?} must begin with a slash, as in /sandbox.")));
    }
    Ok((method, path))
}
