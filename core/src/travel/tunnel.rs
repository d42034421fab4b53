//! Connections of plain bytes, carried by HTTP/1.1 as far as the server (`Upgrade: tcp`, contract/wire-additions.md 6).

use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use hyper_util::rt::TokioIo;
use url::Url;

use crate::error::Result;
use crate::travel::connect::{self, Transport};
use crate::travel::proxy::Proxies;
use crate::travel::tls::Tls;
use crate::travel::upgrade::upgrade;

/// The protocol asked for.
const PROTOCOL: &str = "tcp";

/// A connection to a server behind the one at the URL.
pub(crate) struct Tunnel {
    pub(crate) transport: TokioIo<Box<dyn Transport>>,
    /// What has arrived already.
    pub(crate) read_ahead: Bytes,
}

/// Opens a connection to `url`, which then carries bytes both ways.
///
/// # Errors
/// The error of the response when the server does not change over, `ConnectionTimeout` when it has not within `limit`,
/// `Connection` when the connection breaks.
pub(crate) async fn connect(
    url: &Url,
    headers: HeaderMap,
    limit: Duration,
    tls: &Tls,
    proxies: &Proxies,
) -> Result<Tunnel> {
    let opening = async {
        let transport = connect::dial(url, tls, proxies).await?;
        upgrade(transport, url, headers, PROTOCOL).await
    };
    let upgraded = connect::in_time(url, limit, opening).await?;
    Ok(Tunnel { transport: upgraded.transport, read_ahead: upgraded.read_ahead })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[tokio::test]
    async fn a_server_that_never_answers_is_given_up() {
        let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", silent.local_addr().unwrap()).parse().unwrap();
        let limit = Duration::from_millis(50);
        let opened = connect(&url, HeaderMap::new(), limit, &Tls::new(None).unwrap(), &Proxies::none()).await;
        assert_eq!(opened.err().unwrap().kind(), ErrorKind::ConnectionTimeout);
    }
}
