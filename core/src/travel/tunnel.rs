//! Connections of plain bytes, carried by HTTP/1.1 as far as the server (contract/wire-additions.md 6.1).

use std::io::Cursor;
use std::time::Duration;

use http::HeaderMap;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use url::Url;

use crate::error::Result;
use crate::travel::connect;
use crate::travel::proxy::Proxies;
use crate::travel::tls::Tls;
use crate::travel::upgrade::upgrade;

/// Opens a connection to `url`, which then carries bytes of `protocol` both ways.
///
/// # Errors
/// The error of the response when the server does not change over, `ConnectionTimeout` when it has not within `limit`,
/// `Connection` when the connection breaks.
pub(crate) async fn connect(
    url: &Url,
    protocol: &'static str,
    headers: HeaderMap,
    limit: Duration,
    tls: &Tls,
    proxies: &Proxies,
) -> Result<impl AsyncRead + AsyncWrite + use<>> {
    let opening = async {
        let transport = connect::dial(url, tls, proxies).await?;
        upgrade(transport, url, headers, protocol).await
    };
    let upgraded = connect::in_time(url, limit, opening).await?;
    let (reader, writer) = tokio::io::split(upgraded.transport);
    Ok(tokio::io::join(Cursor::new(upgraded.read_ahead).chain(reader), writer))
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
        let opened = connect(&url, "tcp", HeaderMap::new(), limit, &Tls::new(None).unwrap(), &Proxies::none()).await;
        assert_eq!(opened.err().unwrap().kind(), ErrorKind::ConnectionTimeout);
    }
}
