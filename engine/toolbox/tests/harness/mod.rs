//! A toolbox on a socket of its own, and clients for it.
#![allow(dead_code, reason = "each test binary uses a part")]

pub mod multipart;
pub mod over_tls;
pub mod socket;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use daytona_toolbox::{Compat, ToolboxConfig, router};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::oneshot;

/// A served toolbox with an empty home; ends when dropped.
pub struct Toolbox {
    pub home: TempDir,
    pub address: SocketAddr,
    pub client: Client,
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Toolbox {
    pub fn start() -> Self {
        Self::start_with(None, |_| {})
    }

    /// Starts with an entrypoint, after `prepare` has changed the thread that serves: what it does to its credentials, mounts
    /// and limits holds for the toolbox and not for the test.
    pub fn start_with(entrypoint: Option<Vec<String>>, prepare: impl FnOnce(&Path) + Send + 'static) -> Self {
        Self::start_all(entrypoint, Compat::Newest, prepare)
    }

    /// Starts one that answers as an older server did.
    pub fn start_as(compat: Compat) -> Self {
        Self::start_all(None, compat, |_| {})
    }

    fn start_all(
        entrypoint: Option<Vec<String>>,
        compat: Compat,
        prepare: impl FnOnce(&Path) + Send + 'static,
    ) -> Self {
        let home = tempfile::tempdir().expect("a temporary directory");
        let config = ToolboxConfig {
            sandbox_id: "the-sandbox".to_owned(),
            home: home.path().to_owned(),
            work_dir: home.path().to_owned(),
            version: "1.2.3".to_owned(),
            variables: Default::default(),
            entrypoint,
            process_oom_score: None,
            process_limit: None,
            memory_limit: None,
            compat,
            own_port: None,
        };
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("bound");
        listener.set_nonblocking(true).expect("a socket");
        let (end, ended) = oneshot::channel::<()>();
        let thread = std::thread::spawn(move || {
            prepare(&config.home);
            // One thread, as in a sandbox.
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
                let served = async {
                    match std::env::var_os(over_tls::WANTED) {
                        None => drop(axum::serve(listener, router(config)).await),
                        Some(_) => over_tls::serve(listener, router(config)).await,
                    }
                };
                tokio::select! {
                    () = served => {}
                    _ = ended => {}
                }
            });
            runtime.shutdown_background();
        });
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self { home, address, client: Client::new(), end: Some(end), thread: Some(thread) }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("http://{}{path}", self.address))
    }

    pub async fn get(&self, path: &str) -> (StatusCode, Value) {
        read(self.request(Method::GET, path).send().await.expect("an answer")).await
    }

    pub async fn post(&self, path: &str, body: Value) -> (StatusCode, Value) {
        read(self.request(Method::POST, path).json(&body).send().await.expect("an answer")).await
    }

    pub async fn delete(&self, path: &str) -> (StatusCode, Value) {
        read(self.request(Method::DELETE, path).send().await.expect("an answer")).await
    }

    /// Runs a command with `/process/execute`; its exit code and output.
    pub async fn run(&self, command: &str) -> (i64, String) {
        let (status, answer) = self.post("/process/execute", json!({"command": command})).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        let result = answer["result"].as_str().expect("a result").to_owned();
        (answer["exitCode"].as_i64().expect("an exit code"), result)
    }

    pub async fn create_session(&self, id: &str) {
        let (status, answer) = self.post("/process/session", json!({"sessionId": id})).await;
        assert_eq!(status, StatusCode::CREATED, "{answer}");
    }

    /// Sends a request that must fail with the contract's error body; its status and code.
    pub async fn failure(&self, request: RequestBuilder) -> (u16, String) {
        let response = request.send().await.expect("an answer");
        let path = response.url().path().to_owned();
        let (status, body) = read(response).await;
        assert_eq!(body["statusCode"], status.as_u16(), "{body}");
        assert_eq!(body["source"], "DAYTONA_DAEMON", "{body}");
        assert_eq!(body["path"], path.as_str(), "{body}");
        assert!(!body["message"].as_str().expect("a message").is_empty(), "{body}");
        (status.as_u16(), body["code"].as_str().expect("a code").to_owned())
    }

    /// A POST with a JSON body, to be sent.
    pub fn posting(&self, path: &str, body: &Value) -> RequestBuilder {
        self.request(Method::POST, path).json(body)
    }

    /// Starts an asynchronous command; its id.
    pub async fn start_command(&self, session: &str, command: &str) -> String {
        let body = json!({"command": command, "runAsync": true});
        let (status, answer) = self.post(&format!("/process/session/{session}/exec"), body).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
        answer["cmdId"].as_str().expect("a command id").to_owned()
    }

    /// Runs a command to its end, as a current SDK does.
    pub async fn run_command(&self, session: &str, command: &str) -> Value {
        let request = self.request(Method::POST, &format!("/process/session/{session}/exec"));
        let request = request.header("x-daytona-sdk-version", "0.226.1").json(&json!({"command": command}));
        let (status, answer) = read(request.send().await.expect("an answer")).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        answer
    }

    /// Waits until an asynchronous command has ended; its exit code.
    pub async fn exit_code(&self, session: &str, command: &str) -> i64 {
        let path = format!("/process/session/{session}/command/{command}");
        loop {
            let (status, answer) = self.get(&path).await;
            assert_eq!(status, StatusCode::OK, "{answer}");
            if let Some(code) = answer["exitCode"].as_i64() {
                return code;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// The log of a command as a current SDK reads it.
    pub async fn logs(&self, session: &str, command: &str) -> Value {
        let path = format!("/process/session/{session}/command/{command}/logs");
        let request = self.request(Method::GET, &path).header("x-daytona-sdk-version", "0.226.1");
        read(request.send().await.expect("an answer")).await.1
    }
}

impl Drop for Toolbox {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

pub async fn read(response: Response) -> (StatusCode, Value) {
    let status = response.status();
    let body = response.bytes().await.expect("a whole answer");
    (status, serde_json::from_slice(&body).unwrap_or_else(|_| json!(String::from_utf8_lossy(&body))))
}

/// Looks again and again until there is something; gives up after two minutes.
pub async fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(120);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "{what} did not happen in two minutes");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Waits until a file has content; the content without the last newline.
pub async fn content_of(path: &Path) -> String {
    let read = || std::fs::read_to_string(path).ok().filter(|content| content.ends_with('\n'));
    wait_for(&path.display().to_string(), read).await.trim_end().to_owned()
}

/// Whether a process exists and is not merely waiting to be reaped.
pub fn is_alive(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(')').next().and_then(|rest| rest.split_ascii_whitespace().next()).is_some_and(|state| state != "Z")
}
