//! A toolbox on a TCP port of this machine, and what is said to it.

use std::net::SocketAddr;

use daytona_remote_toolbox::connector::Connection;
use daytona_remote_toolbox::door::Limits;
use daytona_remote_toolbox::{Certificate, Connector, Grant, Identity, Start, Token, server, tls};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::client::TlsStream;

/// One that ends when dropped.
pub struct Served {
    pub home: TempDir,
    pub address: SocketAddr,
    pub certificate: Certificate,
    pub token: Token,
    task: JoinHandle<()>,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A sandbox in a directory.
pub fn sandbox(home: &TempDir) -> Start {
    let mut start = Start::new("the-sandbox");
    start.home = home.path().to_owned();
    start.env.insert("GREETING".to_owned(), "hello".to_owned());
    start
}

/// A port of this machine.
pub fn port() -> std::net::TcpListener {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    listener
}

impl Served {
    pub async fn start() -> Self {
        Self::start_on(port(), Limits::default(), true)
    }

    /// One on a port that may have had another toolbox.
    pub fn start_on(listener: std::net::TcpListener, limits: Limits, has_sandbox: bool) -> Self {
        let home = tempfile::tempdir().unwrap();
        let listener = TcpListener::from_std(listener).unwrap();
        let address = listener.local_addr().unwrap();
        let identity = Identity::make().unwrap();
        let (certificate, token) = (identity.certificate().clone(), Token::random());
        let grant = Grant { identity, token: token.clone(), sandbox: has_sandbox.then(|| sandbox(&home)) };
        let task = tokio::spawn(async move { server::serve(listener, grant, limits).await.unwrap() });
        Self { home, address, certificate, token, task }
    }

    pub fn connector(&self) -> Connector {
        Connector::new(self.address, &self.certificate, &self.token).unwrap()
    }

    /// A connection that has only shown that it knows the certificate.
    pub async fn stranger(&self) -> TlsStream<TcpStream> {
        let tcp = TcpStream::connect(self.address).await.unwrap();
        tls::connect(&tls::client(&self.certificate).unwrap().into(), tcp).await.unwrap()
    }

    /// What a stranger's bytes are answered, until the connection is closed.
    pub async fn say(&self, bytes: &[u8]) -> String {
        let mut stream = self.stranger().await;
        stream.write_all(bytes).await.unwrap();
        until_closed(&mut stream).await
    }

    /// Ends it, and its connections with it.
    pub async fn stop(mut self) {
        self.task.abort();
        let _ = (&mut self.task).await;
    }
}

pub async fn until_closed(stream: &mut (impl AsyncReadExt + Unpin)) -> String {
    let mut answer = Vec::new();
    // A reset is an end too.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

/// An HTTP client on one connection.
pub struct Client(http1::SendRequest<Full<bytes::Bytes>>);

impl Client {
    pub async fn new(connection: Connection) -> Self {
        let (sender, exchange) = http1::handshake(TokioIo::new(connection)).await.unwrap();
        tokio::spawn(exchange);
        Self(sender)
    }

    pub async fn send(&mut self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let body = if body.is_null() { Vec::new() } else { serde_json::to_vec(&body).unwrap() };
        let request = http::Request::builder()
            .method(method)
            .uri(path)
            .header("host", "localhost")
            .header("content-type", "application/json")
            .body(Full::from(body))
            .unwrap();
        self.0.ready().await.unwrap();
        let response = self.0.send_request(request).await.unwrap();
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&body).unwrap_or_else(|_| json!(String::from_utf8_lossy(&body))))
    }

    /// Runs a command; its output.
    pub async fn run(&mut self, command: &str) -> String {
        let (status, answer) = self.send("POST", "/process/execute", json!({ "command": command })).await;
        assert_eq!(status, 200, "{answer}");
        answer["result"].as_str().unwrap().to_owned()
    }
}
