//! Redirects (RFC 9110, 15.4) to the same server: another would get a request that is not for it, with its body.

use bytes::Bytes;
use http::header::{
    AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, LOCATION, PROXY_AUTHORIZATION,
    TRANSFER_ENCODING,
};
use http::{HeaderMap, Method, StatusCode};
use url::Url;

use super::outgoing::{Body, Outgoing};
use super::pool::server;

/// Redirects that are followed for one request.
const MAX_REDIRECTS: usize = 5;

/// Where one request has been sent.
pub(super) struct Redirects {
    origin: Url,
    followed: usize,
}

impl Redirects {
    pub(super) fn from(origin: &Url) -> Self {
        Self { origin: origin.clone(), followed: 0 }
    }

    /// Makes `request` the one that an answer asks for; false leaves the answer as it is.
    ///
    /// # Errors
    /// Why it is refused.
    pub(super) fn follow(
        &mut self,
        status: StatusCode,
        headers: &HeaderMap,
        repeatable: bool,
        request: &mut Outgoing,
    ) -> Result<bool, String> {
        let becomes_get = match status {
            StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND => request.method == Method::POST,
            StatusCode::SEE_OTHER => request.method != Method::HEAD,
            StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT => false,
            _ => return Ok(false),
        };
        let Some(to) = headers.get(LOCATION).and_then(|to| request.url.join(to.to_str().ok()?).ok()) else {
            return Ok(false);
        };
        if !becomes_get && !repeatable {
            return Ok(false);
        }
        let encrypted_now = self.origin.scheme() == "http" && to.scheme() == "https" && self.origin.host() == to.host();
        if server(&self.origin) != server(&to) && !encrypted_now {
            return Err(format!("it redirects to another server, {}, which was not asked", server(&to)));
        }
        self.followed += 1;
        if self.followed > MAX_REDIRECTS {
            return Err("it redirects again and again".to_owned());
        }
        if server(&request.url) != server(&to) {
            for secret in [AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION] {
                request.headers.remove(secret);
            }
        }
        if becomes_get {
            request.method = Method::GET;
            request.body = Body::Whole(Bytes::new());
            for of_body in [CONTENT_TYPE, CONTENT_LENGTH, CONTENT_ENCODING, TRANSFER_ENCODING] {
                request.headers.remove(of_body);
            }
        }
        request.url = to;
        Ok(true)
    }
}
