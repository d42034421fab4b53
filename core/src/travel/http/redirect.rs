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
            // Not the URL: it may have a user and a password.
            let elsewhere = to.origin().ascii_serialization();
            return Err(format!("it redirects to another server, {elsewhere}, which was not asked"));
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

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: Method, url: &str) -> Outgoing {
        let mut request = Outgoing::new(method, url.parse().unwrap());
        request.body = Body::Whole(Bytes::from_static(b"{}"));
        for (name, value) in [(AUTHORIZATION, "Bearer key"), (CONTENT_TYPE, "application/json")] {
            request.headers.insert(name, value.parse().unwrap());
        }
        request
    }

    fn follow(request: &mut Outgoing, status: u16, to: &str, repeatable: bool) -> Result<bool, String> {
        let headers = HeaderMap::from_iter([(LOCATION, to.parse().unwrap())]);
        Redirects::from(&request.url).follow(StatusCode::from_u16(status).unwrap(), &headers, repeatable, request)
    }

    #[test]
    fn methods_and_bodies_are_kept_unless_the_status_says_otherwise() {
        for (status, method, becomes, keeps_body) in [
            (301, Method::POST, Method::GET, false),
            (302, Method::POST, Method::GET, false),
            (302, Method::PUT, Method::PUT, true),
            (303, Method::DELETE, Method::GET, false),
            (303, Method::HEAD, Method::HEAD, true),
            (307, Method::POST, Method::POST, true),
            (308, Method::PUT, Method::PUT, true),
        ] {
            let mut request = request(method.clone(), "http://a.example/api/x?q=1");
            assert_eq!(follow(&mut request, status, "../y", true), Ok(true), "{status}");
            assert_eq!((request.url.as_str(), &request.method), ("http://a.example/y", &becomes), "{status} {method}");
            assert_eq!(matches!(&request.body, Body::Whole(body) if !body.is_empty()), keeps_body, "{status} {method}");
            assert_eq!(request.headers.contains_key(CONTENT_TYPE), keeps_body, "{status} {method}");
            assert!(request.headers.contains_key(AUTHORIZATION), "it is the same server");
        }
    }

    #[test]
    fn a_body_that_is_gone_is_not_sent_again() {
        let mut upload = request(Method::POST, "http://a.example/");
        assert_eq!(follow(&mut upload, 307, "/y", false), Ok(false));
        assert_eq!(follow(&mut upload, 303, "/y", false), Ok(true), "none is needed");
    }

    #[test]
    fn the_key_does_not_go_along_to_another_port() {
        let mut plain = request(Method::GET, "http://a.example/x");
        assert_eq!(follow(&mut plain, 308, "https://a.example/x", true), Ok(true));
        assert_eq!(plain.headers.get(AUTHORIZATION), None);
        for other in ["http://a.example:81/", "https://b.example/", "http://b.example/"] {
            assert!(follow(&mut request(Method::GET, "http://a.example/x"), 302, other, true).is_err(), "{other}");
        }
        let refused = follow(
            &mut request(Method::GET, "http://a.example/x"),
            302,
            "https://me:sesame@b.example:81/?s=sesame",
            true,
        );
        assert_eq!(
            refused,
            Err("it redirects to another server, https://b.example:81, which was not asked".to_owned())
        );
        let mut encrypted = request(Method::GET, "https://a.example/x");
        assert!(follow(&mut encrypted, 302, "http://a.example/x", true).is_err(), "in clear text");
    }

    #[test]
    fn what_is_no_redirect_is_an_answer() {
        for (status, to) in [(200, "/y"), (304, "/y"), (300, "/y")] {
            assert_eq!(follow(&mut request(Method::GET, "http://a.example/"), status, to, true), Ok(false));
        }
    }
}
