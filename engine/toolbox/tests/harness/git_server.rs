//! Git's own HTTP server, `git http-backend`, behind a user name and password on loopback.
#![allow(dead_code, reason = "each test binary uses a part")]

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::serve::Listener;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

pub const USER: &str = "the-user";
/// With characters that are special to shells, to URLs and to git.
pub const PASSWORD: &str = "s3cret-'\"$HOME`id`%40@:/ \\é";

/// A server and the bare repositories it shows; ends when dropped.
pub struct GitServer {
    pub root: TempDir,
    pub address: SocketAddr,
    /// Requests so far that came with the right credentials, and those that came with any others.
    pub requests: Arc<Mutex<Requests>>,
    scheme: &'static str,
    task: tokio::task::JoinHandle<()>,
}

#[derive(Debug, Default)]
pub struct Requests {
    pub authorised: usize,
    pub refused: usize,
    /// Requests without credentials.
    pub anonymous: usize,
}

/// The server's reaction to each request that may pass.
type Observer = Arc<dyn Fn() + Send + Sync>;

#[derive(Clone)]
struct Shown {
    root: PathBuf,
    requests: Arc<Mutex<Requests>>,
    observer: Observer,
}

impl GitServer {
    pub async fn start() -> Self {
        Self::observed(|| {}).await
    }

    /// Calls `observer` while a git that showed the right credentials waits for its answer.
    pub async fn observed(observer: impl Fn() + Send + Sync + 'static) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound");
        Self::serve(listener, address, "http", Arc::new(observer))
    }

    /// The same over TLS, with a certificate nobody knows.
    pub async fn with_tls() -> Self {
        let tcp = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = tcp.local_addr().expect("bound");
        let certificate = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a certificate");
        let key = rustls::pki_types::PrivateKeyDer::Pkcs8(certificate.signing_key.serialize_der().into());
        let config = rustls::ServerConfig::builder_with_provider(rustls::crypto::ring::default_provider().into())
            .with_safe_default_protocol_versions()
            .expect("protocol versions")
            .with_no_client_auth()
            .with_single_cert(vec![certificate.cert.der().clone()], key)
            .expect("a usable certificate");
        let listener = TlsListener { tcp, acceptor: tokio_rustls::TlsAcceptor::from(Arc::new(config)) };
        Self::serve(listener, address, "https", Arc::new(|| {}))
    }

    fn serve<L>(listener: L, address: SocketAddr, scheme: &'static str, observer: Observer) -> Self
    where
        L: Listener<Addr = SocketAddr>,
        L::Io: AsyncRead + AsyncWrite,
    {
        let root = tempfile::tempdir().expect("a temporary directory");
        let requests = Arc::<Mutex<Requests>>::default();
        let shown = Shown { root: root.path().to_owned(), requests: Arc::clone(&requests), observer };
        let router = Router::new().fallback(answer).layer(DefaultBodyLimit::disable()).with_state(shown);
        let task = tokio::spawn(async move {
            let _ = axum::serve(listener, router).await;
        });
        Self { root, address, requests, scheme, task }
    }

    pub fn url(&self, repository: &str) -> String {
        format!("{}://{}/{repository}", self.scheme, self.address)
    }

    pub fn path(&self, repository: &str) -> PathBuf {
        self.root.path().join(repository)
    }

    /// Makes an empty bare repository whose branch will be `main`.
    pub fn create_empty(&self, name: &str) {
        let path = self.path(name);
        git(self.root.path(), &["init", "--quiet", "--bare", "--initial-branch=main", path.to_str().unwrap()]);
    }

    /// Makes a bare repository with this many commits on `main`, each writing its number to `file`.
    pub fn create(&self, name: &str, commits: usize) {
        self.create_empty(name);
        for number in 1..=commits {
            self.commit(name, "file", &format!("{number}\n"));
        }
    }

    /// Adds a commit on `main`, as somebody else would; its hash.
    pub fn commit(&self, name: &str, file: &str, content: &str) -> String {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let bare = self.path(name);
        git(directory.path(), &["clone", "--quiet", bare.to_str().unwrap(), "."]);
        std::fs::write(directory.path().join(file), content).expect("a file");
        git(directory.path(), &["add", "."]);
        git(directory.path(), &["commit", "--quiet", "-m", &format!("change {file} to {}", content.trim())]);
        git(directory.path(), &["push", "--quiet", "origin", "HEAD:main"]);
        git(&bare, &["rev-parse", "main"])
    }
}

impl Drop for GitServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Runs git outside of any toolbox; it must succeed. Its output without the last newline.
pub fn git(directory: &Path, arguments: &[&str]) -> String {
    let output = std::process::Command::new("git")
        .current_dir(directory)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .envs(["AUTHOR", "COMMITTER"].map(|who| (format!("GIT_{who}_NAME"), "Else")))
        .envs(["AUTHOR", "COMMITTER"].map(|who| (format!("GIT_{who}_EMAIL"), "else@example.com")))
        .args(arguments)
        .output()
        .expect("git runs");
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text").trim().to_owned()
}

async fn answer(State(shown): State<Shown>, request: Request) -> Response {
    let expected = format!("Basic {}", STANDARD.encode(format!("{USER}:{PASSWORD}")));
    let given = request.headers().get(header::AUTHORIZATION).map(|value| value.as_bytes().to_vec());
    let authorised = given.as_deref() == Some(expected.as_bytes());
    {
        let mut requests = shown.requests.lock().unwrap();
        match &given {
            None => requests.anonymous += 1,
            Some(_) if authorised => requests.authorised += 1,
            Some(_) => requests.refused += 1,
        }
    }
    let path = request.uri().path().to_owned();
    // Where everybody is sent away to: `/to/{host and port}/{rest}`.
    if let Some((host, rest)) = path.strip_prefix("/to/").and_then(|rest| rest.split_once('/')) {
        let query = request.uri().query().unwrap_or_default();
        let location = format!("http://{host}/{rest}?{query}");
        return (StatusCode::FOUND, [(header::LOCATION, location)]).into_response();
    }
    if !authorised {
        let challenge = [(header::WWW_AUTHENTICATE, "Basic realm=\"test\"")];
        // An unfriendly server repeats what it was told.
        let said = given.map(|_| format!("wrong: {PASSWORD}")).unwrap_or_default();
        return (StatusCode::UNAUTHORIZED, challenge, said).into_response();
    }
    (shown.observer)();
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.expect("a whole request");
    let header =
        |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let backend = tokio::process::Command::new("git")
        .arg("http-backend")
        .env("GIT_PROJECT_ROOT", &shown.root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("REMOTE_USER", USER)
        .env("REMOTE_ADDR", "127.0.0.1")
        .env("REQUEST_METHOD", parts.method.as_str())
        .env("PATH_INFO", path)
        .env("QUERY_STRING", parts.uri.query().unwrap_or_default())
        .env("CONTENT_TYPE", header("content-type"))
        .env("CONTENT_LENGTH", body.len().to_string())
        .env("HTTP_CONTENT_ENCODING", header("content-encoding"))
        .env("GIT_PROTOCOL", header("git-protocol"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    run(backend.expect("git http-backend starts"), body).await
}

/// Gives the request to the backend and makes an answer of what it prints.
async fn run(mut backend: tokio::process::Child, body: Bytes) -> Response {
    let mut input = backend.stdin.take().expect("piped");
    let writing = tokio::spawn(async move {
        // It may answer without reading everything.
        let _ = input.write_all(&body).await;
    });
    let output = backend.wait_with_output().await.expect("the backend ends");
    let _ = writing.await;
    let end = memchr::memmem::find(&output.stdout, b"\r\n\r\n").expect("headers");
    let mut status = StatusCode::OK;
    let mut headers = HeaderMap::new();
    for line in std::str::from_utf8(&output.stdout[..end]).expect("headers").lines() {
        let (name, value) = line.split_once(": ").expect("a header");
        if name == "Status" {
            status = value[..3].parse().expect("a status");
        } else {
            headers.insert(name.parse::<header::HeaderName>().expect("a name"), value.parse().expect("a value"));
        }
    }
    (status, headers, Body::from(output.stdout[end + 4..].to_vec())).into_response()
}

/// Connections whose handshake fails are forgotten: that is what clients do that know better.
struct TlsListener {
    tcp: tokio::net::TcpListener,
    acceptor: tokio_rustls::TlsAcceptor,
}

impl Listener for TlsListener {
    type Io = tokio_rustls::server::TlsStream<tokio::net::TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, SocketAddr) {
        loop {
            let (stream, address) = self.tcp.accept().await.expect("a connection");
            if let Ok(stream) = self.acceptor.accept(stream).await {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.tcp.local_addr()
    }
}
