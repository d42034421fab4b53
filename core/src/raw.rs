//! Any endpoint, for programs that need one that no operation covers.

use bytes::{Bytes, BytesMut};
use http::Method;
use tokio::io::AsyncReadExt;

use crate::client::{Client, DEFAULT_LIMIT};
use crate::error::{Error, Result};
use crate::model::Json;
use crate::protocols::atomic_file::AtomicFile;
use crate::toolbox::Toolbox;
use crate::travel::http::{Body, Request};

/// Bytes of a local file that are read at a time.
const PIECE: usize = 256 << 10;

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

impl Client {
    /// Gets an endpoint of the API whose response is a file, and writes it to a local path. The file appears when it is whole.
    ///
    /// `path` begins with `/` and may have a query.
    ///
    /// # Errors
    /// `InvalidArgument` for another path or one that cannot be written, and whatever the endpoint refuses.
    pub async fn receive_file(&self, path: &str, local_path: &str) -> Result<()> {
        let (method, path) = checked("GET", path)?;
        let work = async {
            let mut response = self.api(method, path).send().await?;
            let mut file = AtomicFile::create(local_path).await?;
            while let Some(piece) = response.chunk().await? {
                file.write(piece).await?;
            }
            file.commit().await
        };
        self.run("client.receive_file", None, work).await
    }

    /// Puts a local file to an endpoint of the API as the body of a request, and returns the body of the response.
    ///
    /// `path` begins with `/` and may have a query.
    ///
    /// # Errors
    /// `InvalidArgument` for another path or a file that cannot be read, and whatever the endpoint refuses.
    pub async fn send_file(&self, path: &str, local_path: &str) -> Result<Bytes> {
        let (method, path) = checked("PUT", path)?;
        let unreadable =
            |e| Error::invalid_argument(format!("Cannot read the local path {local_path:?}")).with_source(e);
        let file = tokio::fs::File::open(local_path).await.map_err(unreadable)?;
        let pieces = futures_util::stream::try_unfold(file, |mut file| async {
            let mut piece = BytesMut::with_capacity(PIECE);
            let count = file.read_buf(&mut piece).await?;
            Ok((count > 0).then(|| (piece.freeze(), file)))
        });
        let request = self.api(method, path).stream("application/octet-stream", Body::stream(pieces));
        self.run("client.send_file", None, async { request.send().await?.whole().await }).await
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

pub(crate) async fn exchange(request: Request<'_>, body: Option<&Json>) -> Result<Bytes> {
    let request = match body {
        Some(body) => request.json(body),
        None => request,
    };
    request.send().await?.whole().await
}

pub(crate) fn checked<'a>(method: &str, path: &'a str) -> Result<(Method, &'a str)> {
    let method = method.to_ascii_uppercase().parse().ok().filter(|_| !method.is_empty());
    let method = method.ok_or_else(|| Error::invalid_argument("The method is not one of HTTP, such as GET."))?;
    if !path.starts_with('/') {
        return Err(Error::invalid_argument(format!("The path {path:?} must begin with a slash, as in /sandbox.")));
    }
    Ok((method, path))
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;

    use super::*;
    use crate::config::Config;

    #[tokio::test]
    async fn requests_carry_the_newest_token() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let config = Config {
            api_url: Some(format!("http://{}/api", listener.local_addr().unwrap())),
            jwt_token: Some("old".to_owned()),
            organization_id: Some("o".to_owned()),
            ..Config::default()
        };
        let client = Client::new(config).unwrap();
        let serving = tokio::spawn(async move {
            let mut seen = Vec::new();
            for _ in 0..2 {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut request = Vec::new();
                while !request.ends_with(b"\r\n\r\n") {
                    assert!(stream.read_buf(&mut request).await.unwrap() > 0);
                }
                let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}";
                stream.write_all(answer.as_bytes()).await.unwrap();
                let request = String::from_utf8(request).unwrap();
                let bearer = request.lines().find_map(|line| line.strip_prefix("authorization: Bearer "));
                assert!(request.contains("x-daytona-organization-id: o"), "{request}");
                seen.push(bearer.unwrap().to_owned());
            }
            seen
        });
        client.send("GET", "/x", None).await.unwrap();
        assert!(client.replace_token("two\nlines").is_err());
        client.replace_token("new").unwrap();
        client.send("GET", "/x", None).await.unwrap();
        assert_eq!(serving.await.unwrap(), ["old", "new"]);
    }
}
