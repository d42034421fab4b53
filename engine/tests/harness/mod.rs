//! A real engine in its own process and state directory, and a client for it. Needs root.
#![allow(dead_code, reason = "each test binary uses a part")]

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A running engine; ends when dropped.
pub struct Engine {
    pub directory: TempDir,
    pub origin: String,
    pub api_key: String,
    pub client: Client,
    pub process: Child,
}

impl Engine {
    /// Starts an engine with an empty state directory.
    pub async fn start() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        Self::start_in(directory, &[]).await
    }

    /// Starts an engine on what another one left, with further arguments.
    pub async fn start_in(directory: TempDir, arguments: &[&str]) -> Self {
        Self::start_with(directory, arguments, &[]).await
    }

    /// The same with variables in the engine's environment.
    pub async fn start_with(directory: TempDir, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        // Announcements of an engine that was killed must not be mistaken for ours.
        let _ = std::fs::remove_file(directory.path().join("engine.json"));
        let starting = Starting(Some(spawn_with(directory.path(), arguments, variables)));
        let announced = wait_for(|| announcement(directory.path())).await;
        Self::announced(directory, starting.started(), &announced)
    }

    /// An engine that somebody started and that has announced itself. `directory` goes with it.
    pub fn announced(directory: TempDir, process: Child, announced: &Value) -> Self {
        let api_url = announced["apiUrl"].as_str().expect("apiUrl");
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self {
            origin: api_url.strip_suffix("/api").expect("apiUrl ends in /api").to_owned(),
            api_key: announced["apiKey"].as_str().expect("apiKey").to_owned(),
            client: Client::builder().no_proxy().build().expect("a client"),
            directory,
            process,
        }
    }

    /// Ends the engine with a signal and starts another on the same state.
    pub async fn restart_after(self, signal: nix::sys::signal::Signal) -> Self {
        let directory = self.end(signal).await;
        Self::start_in(directory, &[]).await
    }

    /// Ends the engine with a signal, waits, and returns its state directory.
    pub async fn end(mut self, signal: nix::sys::signal::Signal) -> TempDir {
        nix::sys::signal::kill(self.pid(), signal).expect("the engine takes signals");
        wait_for(|| self.process.try_wait().expect("the engine is our child")).await;
        let empty = TempDir::new().expect("a temporary directory");
        std::mem::replace(&mut self.directory, empty)
    }

    pub fn pid(&self) -> nix::unistd::Pid {
        nix::unistd::Pid::from_raw(i32::try_from(self.process.id()).expect("a process id"))
    }

    /// An authorised request; `path` starts after the origin.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.anonymous(method, path).bearer_auth(&self.api_key)
    }

    /// A request without credentials.
    pub fn anonymous(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.origin))
    }

    pub async fn get(&self, path: &str) -> (StatusCode, Value) {
        read(self.request(Method::GET, path).send().await).await
    }

    /// Posts. Where that changes a sandbox's state, waits until the change is complete, as clients do.
    pub async fn post(&self, path: &str, body: Value) -> (StatusCode, Value) {
        self.settled(read(self.request(Method::POST, path).json(&body).send().await).await).await
    }

    /// Deletes. A sandbox is gone afterwards, as for clients that wait.
    pub async fn delete(&self, path: &str) -> (StatusCode, Value) {
        self.settled(read(self.request(Method::DELETE, path).send().await).await).await
    }

    /// The answer; if it is a sandbox in a state in between, the sandbox once the next state is reached.
    async fn settled(&self, (status, mut answer): (StatusCode, Value)) -> (StatusCode, Value) {
        let deadline = Instant::now() + Duration::from_secs(120);
        let in_between = |sandbox: &Value| {
            let states = ["archiving", "creating", "destroying", "pausing", "resizing", "starting", "stopping"];
            sandbox["state"].as_str().is_some_and(|state| states.contains(&state))
        };
        while status == StatusCode::OK && in_between(&answer) {
            assert!(Instant::now() < deadline, "still in between after two minutes: {answer}");
            let (found, sandbox) = self.get(&format!("/api/sandbox/{}", id_of(&answer))).await;
            match found {
                StatusCode::NOT_FOUND => answer["state"] = json!("destroyed"),
                _ => answer = sandbox,
            }
        }
        (status, answer)
    }

    /// A new started sandbox's document.
    pub async fn create(&self, body: Value) -> Value {
        let (status, sandbox) = self.post("/api/sandbox", body).await;
        assert_eq!(status, StatusCode::OK, "{sandbox}");
        assert_eq!(sandbox["state"], "started");
        sandbox
    }

    /// A new started sandbox of this size; only what is made from an image has one.
    pub async fn sized(&self, resources: Value) -> Value {
        let mut body = resources;
        body["buildInfo"] = json!({"dockerfileContent": "FROM default"});
        self.create(body).await
    }

    /// A new started sandbox's id.
    pub async fn sandbox(&self) -> String {
        id_of(&self.create(json!({})).await)
    }

    /// Runs a shell command in a sandbox; its exit code and output.
    pub async fn run(&self, id: &str, command: &str) -> (i64, String) {
        let (status, answer) = self.post(&format!("/toolbox/{id}/process/execute"), json!({"command": command})).await;
        assert_eq!(status, StatusCode::OK, "{command}: {answer}");
        let output = answer["result"].as_str().expect("a result").to_owned();
        (answer["exitCode"].as_i64().expect("an exit code"), output)
    }

    /// Runs a shell command that must succeed; its output without the last newline.
    pub async fn output(&self, id: &str, command: &str) -> String {
        let (code, output) = self.run(id, command).await;
        assert_eq!(code, 0, "{command}: {output}");
        output.trim_end_matches('\n').to_owned()
    }

    /// The processes of this engine's sandboxes, by id.
    pub fn sandbox_processes(&self) -> Vec<i32> {
        children(self.pid().as_raw())
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // Asked to end, an engine takes its control groups along.
        let _ = nix::sys::signal::kill(self.pid(), nix::sys::signal::Signal::SIGTERM);
        let _ = self.process.wait();
    }
}

/// An engine that has not announced itself yet; ends when dropped, as when a test gives up waiting for it.
struct Starting(Option<Child>);

impl Starting {
    fn started(mut self) -> Child {
        self.0.take().expect("taken once")
    }
}

impl Drop for Starting {
    fn drop(&mut self) {
        if let Some(mut process) = self.0.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

/// Starts the engine's executable without waiting for anything.
pub fn spawn(directory: &Path, arguments: &[&str]) -> Child {
    spawn_with(directory, arguments, &[])
}

fn spawn_with(directory: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Child {
    assert!(nix::unistd::geteuid().is_root(), "these tests start real sandboxes and need root");
    let mut command = Command::new(env!("CARGO_BIN_EXE_daytona-engine"));
    command.arg(directory).args(arguments).envs(variables.iter().copied());
    command.stdin(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the engine starts");
    // Somebody has to read what it says.
    let mut stderr = child.stderr.take().expect("piped");
    std::thread::spawn(move || std::io::copy(&mut stderr, &mut std::io::stderr()));
    child
}

/// The content of `engine.json`, once it is there.
pub fn announcement(directory: &Path) -> Option<Value> {
    serde_json::from_slice(&std::fs::read(directory.join("engine.json")).ok()?).ok()
}

/// Looks again and again until there is something; gives up after two minutes.
pub async fn wait_for<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(120);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "nothing happened in two minutes");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Asks again and again until there is an answer that will do; gives up after two minutes.
pub async fn wait_for_response<T>(ask: impl AsyncFn() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(120);
    loop {
        if let Some(found) = ask().await {
            return found;
        }
        assert!(Instant::now() < deadline, "nothing happened in two minutes");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

pub async fn read(response: reqwest::Result<Response>) -> (StatusCode, Value) {
    let response = response.expect("the engine answers");
    let status = response.status();
    let body = response.bytes().await.expect("a whole answer");
    (status, serde_json::from_slice(&body).unwrap_or_else(|_| json!(String::from_utf8_lossy(&body))))
}

pub fn id_of(sandbox: &Value) -> String {
    sandbox["id"].as_str().expect("an id").to_owned()
}

/// All descendants of a process.
pub fn children(pid: i32) -> Vec<i32> {
    let mut found = Vec::new();
    let Ok(tasks) = std::fs::read_dir(format!("/proc/{pid}/task")) else { return found };
    for task in tasks.flatten() {
        let text = std::fs::read_to_string(task.path().join("children")).unwrap_or_default();
        for child in text.split_ascii_whitespace().filter_map(|word| word.parse().ok()) {
            found.push(child);
            found.extend(children(child));
        }
    }
    found
}

/// Directories below the control-group mounts whose name contains `part`.
pub fn control_groups(part: &str) -> Vec<String> {
    let output = Command::new("find").args(["/sys/fs/cgroup", "-type", "d", "-name", &format!("*{part}*")]).output();
    String::from_utf8_lossy(&output.expect("find runs").stdout).lines().map(str::to_owned).collect()
}
