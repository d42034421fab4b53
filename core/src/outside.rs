//! Requests to servers that are not Daytona's, such as the issuer of a person's tokens: over the same proxies and with the same
//! trusted certificates, without the client's credentials.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, header};
use url::Url;
use url::form_urlencoded::Serializer;

use crate::error::{Error, Result};
use crate::travel::http::{Body, Outgoing, Pool};
use crate::travel::proxy::Proxies;
use crate::travel::tls::Tls;

/// Makes such requests. They have no limit of time: drop the future.
#[doc(hidden)]
pub struct Outside {
    http: Pool,
}

/// An answer, whatever its status.
#[doc(hidden)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// The whole body.
    pub body: Bytes,
}

impl Outside {
    /// With the proxies of the environment.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new() -> Result<Self> {
        Ok(Self { http: Pool::new(&Tls::new(None)?, &Proxies::from_environment()) })
    }

    /// Gets a document, with a bearer token if one is given.
    ///
    /// # Errors
    /// Without an answer.
    pub async fn get(&self, url: &Url, bearer: Option<&str>) -> Result<Answer> {
        let mut request = Outgoing::new(Method::GET, url.clone());
        if let Some(bearer) = bearer {
            let value = HeaderValue::try_from(format!("Bearer {bearer}"));
            let mut value = value.map_err(|_| Error::invalid_argument("The token cannot be sent in a header."))?;
            value.set_sensitive(true);
            request.headers.insert(header::AUTHORIZATION, value);
        }
        self.send(request).await
    }

    /// Posts a form.
    ///
    /// # Errors
    /// Without an answer.
    pub async fn post_form(&self, url: &Url, fields: &[(&str, &str)]) -> Result<Answer> {
        let form = Serializer::new(String::new()).extend_pairs(fields).finish();
        let mut request = Outgoing::new(Method::POST, url.clone());
        let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
        request.headers.insert(header::CONTENT_TYPE, kind);
        request.body = Body::Whole(form.into());
        self.send(request).await
    }

    async fn send(&self, mut request: Outgoing) -> Result<Answer> {
        let headers: &mut HeaderMap = &mut request.headers;
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(header::USER_AGENT, HeaderValue::from_static(concat!("daytona/", env!("CARGO_PKG_VERSION"))));
        let response = self.http.send(request).await.map_err(|failure| failure.error())?;
        let status = response.status().as_u16();
        Ok(Answer { status, body: response.whole().await? })
    }
}
