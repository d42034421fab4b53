//! What the client promises about its connections, against a real HTTP/2 server over TLS.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use daytona::{Client, Config, Toolbox};
use futures_util::FutureExt;
use http_body_util::Full;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Barrier;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// What HTTP/2 servers commonly allow on one connection.
const STREAMS_PER_CONNECTION: u32 = 100;

/// A server that answers once `crowd` requests are there at the same time.
struct Server {
    client: Client,
    address: String,
    connections: Arc<AtomicUsize>,
    _directory: tempfile::TempDir,
}

impl Server {
    async fn new(crowd: usize) -> Self {
        let crowd = Arc::new(Barrier::new(crowd));
        Self::answering(move |stream| serve(stream, crowd.clone())).await
    }

    /// A server that does this with each of its connections.
    async fn answering<F: Future<Output = ()> + Send + 'static>(
        serve: impl Fn(TlsStream<TcpStream>) -> F + Clone + Send + 'static,
    ) -> Self {
        let certificate = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        let directory = tempfile::tempdir().unwrap();
        let ca = directory.path().join("ca.pem");
        std::fs::write(&ca, certificate.cert.pem()).unwrap();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(certificate.signing_key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut tls = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.cert.der().clone()], key)
            .unwrap();
        tls.alpn_protocols = vec![b"h2".to_vec()];

        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("https://{}", listener.local_addr().unwrap());
        let connections = Arc::new(AtomicUsize::new(0));
        tokio::spawn(accept(listener, TlsAcceptor::from(Arc::new(tls)), connections.clone(), serve));
        let config = Config {
            api_url: Some(address.clone()),
            api_key: Some("key".into()),
            ca_cert: Some(ca.to_string_lossy().into_owned()),
            ..Config::default()
        };
        Self { client: Client::new(config).unwrap(), address, connections, _directory: directory }
    }

    async fn call(&self, times: usize) {
        let mut calls = JoinSet::new();
        let toolbox = Toolbox::new(&self.client, "id", &self.address).unwrap();
        for _ in 0..times {
            let process = toolbox.process();
            calls.spawn(async move { process.exec("true", Default::default()).await });
        }
        while let Some(answer) = calls.join_next().await {
            answer.unwrap().unwrap();
        }
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

async fn accept<F: Future<Output = ()> + Send + 'static>(
    listener: TcpListener,
    tls: TlsAcceptor,
    connections: Arc<AtomicUsize>,
    serve: impl Fn(TlsStream<TcpStream>) -> F + Clone + Send + 'static,
) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        connections.fetch_add(1, Ordering::Relaxed);
        let (tls, serve) = (tls.clone(), serve.clone());
        tokio::spawn(async move {
            let Ok(stream) = tls.accept(stream).await else { return };
            serve(stream).await;
        });
    }
}

const ANSWER: &[u8] = br#"{"exitCode": 0, "result": ""}"#;

async fn serve(stream: TlsStream<TcpStream>, crowd: Arc<Barrier>) {
    let answer = service_fn(move |_| {
        let crowd = crowd.clone();
        async move {
            crowd.wait().await;
            Ok::<_, Infallible>(http::Response::new(Full::new(Bytes::from_static(ANSWER))))
        }
    });
    let mut server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
    server.max_concurrent_streams(STREAMS_PER_CONNECTION);
    // Ends with the client.
    let _ = server.serve_connection(TokioIo::new(stream), answer).await;
}

#[tokio::test]
async fn calls_beyond_what_one_connection_takes_run_at_once() {
    // Ends only when all are in flight together.
    let server = Server::new(250).await;
    server.call(250).await;
}

#[tokio::test]
async fn a_burst_of_calls_opens_no_connection_for_each() {
    let server = Server::new(100).await;
    server.call(100).await;
    // One, and at most a few by calls that came while it was being handed over.
    assert!(server.connections() <= 10, "{} connections", server.connections());
}

#[tokio::test]
async fn a_call_that_is_given_up_while_it_connects_holds_up_no_other() {
    let server = Server::new(1).await;
    let toolbox = Toolbox::new(&server.client, "id", &server.address).unwrap();
    let process = toolbox.process();
    let mut first = Box::pin(process.exec("true", Default::default()));
    // Polled once, it is connecting.
    assert!((&mut first).now_or_never().is_none());
    drop(first);
    server.call(5).await;
}

#[tokio::test]
async fn a_request_that_the_server_did_not_look_at_is_sent_again() {
    let requests = Arc::new(AtomicUsize::new(0));
    let seen = requests.clone();
    let server = Server::answering(move |stream| {
        let seen = seen.clone();
        async move {
            let mut connection = h2::server::handshake(stream).await.unwrap();
            while let Some(Ok((_, mut answer))) = connection.accept().await {
                if seen.fetch_add(1, Ordering::Relaxed) % 3 < 2 {
                    answer.send_reset(h2::Reason::REFUSED_STREAM);
                    continue;
                }
                let mut body = answer.send_response(http::Response::new(()), false).unwrap();
                body.send_data(Bytes::from_static(ANSWER), true).unwrap();
            }
        }
    })
    .await;
    // A command, which is not run again when it may have run.
    server.call(1).await;
    server.call(1).await;
    assert_eq!(requests.load(Ordering::Relaxed), 6);
}

#[tokio::test]
async fn a_server_to_which_no_connection_comes_about_holds_up_no_other() {
    let server = Server::new(1).await;
    // Takes connections, and never speaks.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("https://{}", silent.local_addr().unwrap());
    let process = Toolbox::new(&server.client, "id", &address).unwrap().process();
    let waiting = tokio::spawn(async move { process.exec("true", Default::default()).await });
    let (connection, _) = silent.accept().await.unwrap();
    server.call(1).await;
    // The first one is still connecting.
    let ended = loop {
        match connection.try_read(&mut [0; 1024]) {
            Ok(0) => break true,
            Ok(_) => {}
            Err(error) => break error.kind() != std::io::ErrorKind::WouldBlock,
        }
    };
    assert!(!ended, "the call has waited for it");
    waiting.abort();
}
