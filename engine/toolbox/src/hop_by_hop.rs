//! Headers about one connection, which a proxy must not pass on (RFC 9110 section 7.6.1).

use http::header::{self, HeaderMap, HeaderName};

/// Known to be about the connection, listed in `Connection` or not.
const ALWAYS: [HeaderName; 9] = [
    header::CONNECTION,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
];

/// Without these a message is another one, whatever `Connection` says.
const NEVER: [HeaderName; 2] = [header::HOST, header::CONTENT_LENGTH];

/// Removes them, and what else `Connection` lists.
pub fn remove(headers: &mut HeaderMap) {
    let lists = headers.get_all(header::CONNECTION).iter().filter_map(|value| value.to_str().ok());
    let listed: Vec<HeaderName> = lists
        .flat_map(|list| list.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .filter(|name| !NEVER.contains(name))
        .collect();
    if headers.contains_key(header::TRANSFER_ENCODING) {
        // With both, the length is not the body's, and the next server might believe it.
        headers.remove(header::CONTENT_LENGTH);
    }
    for name in listed.iter().chain(&ALWAYS) {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(headers: &[(&'static str, &'static str)]) -> Vec<String> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        remove(&mut map);
        map.keys().map(|name| name.as_str().to_owned()).collect()
    }

    #[test]
    fn what_connection_lists_goes_too() {
        let sent =
            [("connection", "close, X-One"), ("connection", "x-two"), ("x-one", "1"), ("x-two", "2"), ("x", "3")];
        assert_eq!(after(&sent), ["x"]);
    }

    #[test]
    fn host_and_length_stay_but_not_a_length_beside_chunks() {
        assert_eq!(after(&[("connection", "host, content-length"), ("host", "h")]), ["host"]);
        assert_eq!(after(&[("connection", "content-length"), ("content-length", "1")]), ["content-length"]);
        assert!(after(&[("content-length", "1"), ("transfer-encoding", "chunked")]).is_empty());
    }
}
