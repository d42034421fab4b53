//! An engine, a sandbox in it, and the fault proxy between them and the client.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use daytona::model::{CreateOptions, CreateSandboxParams, ExecOptions, SandboxInfo};
use daytona::ops::{FileSystem, Process};
use daytona::{Client, Config, Toolbox};
use daytona_faults::{Proxy, Rule};

/// An engine of a test's own, ended with it.
struct Engine {
    process: Child,
    api_url: String,
    api_key: String,
    _state: tempfile::TempDir,
}

impl Engine {
    fn start(compat: Option<&str>) -> Self {
        let state = tempfile::tempdir().unwrap();
        let program = program();
        let mut process = Command::new(&program)
            .args(["local", "serve", "--port", "0", "--state-dir"])
            .arg(state.path())
            .args(compat.map(|compat| format!("--compat={compat}")))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|e| panic!("{}: {e}; build it: cargo build -p daytona-cli", program.display()));
        // The file appears when the engine is ready.
        let text = loop {
            match std::fs::read(state.path().join("engine.json")) {
                Ok(text) => break text,
                Err(_) => assert_eq!(process.try_wait().unwrap(), None, "the engine ended"),
            }
            std::thread::sleep(Duration::from_millis(10));
        };
        let engine: serde_json::Value = serde_json::from_slice(&text).unwrap();
        let text = |name: &str| engine[name].as_str().unwrap().to_owned();
        Self { process, api_url: text("apiUrl"), api_key: text("apiKey"), _state: state }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // Asked to end, it ends its sandboxes; killed, it could not.
        let pid = nix::unistd::Pid::from_raw(self.process.id().cast_signed());
        let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM);
        let _ = self.process.wait();
    }
}

/// `DAYTONA_LOCAL_BINARY`, or the program built beside this test.
fn program() -> PathBuf {
    std::env::var_os("DAYTONA_LOCAL_BINARY")
        .map_or_else(|| std::env::current_exe().unwrap().ancestors().nth(2).unwrap().join("daytona"), PathBuf::from)
}

/// A sandbox and a client that reaches it only through the proxy.
pub struct Bench {
    pub proxy: Proxy,
    pub client: Client,
    pub sandbox: SandboxInfo,
    /// The sandbox's toolbox through the proxy.
    pub toolbox: Toolbox,
    /// The sandbox's toolbox without the proxy.
    pub direct: Toolbox,
    /// A client that does without the proxy.
    pub around: Client,
    pub api_key: String,
    _engine: Engine,
}

impl Bench {
    pub async fn new() -> Self {
        Self::start(None).await
    }

    /// A bench whose engine answers as a released server did.
    pub async fn like(compat: &'static str) -> Self {
        Self::start(Some(compat)).await
    }

    async fn start(compat: Option<&'static str>) -> Self {
        let engine = tokio::task::spawn_blocking(move || Engine::start(compat)).await.unwrap();
        let proxy = Proxy::start(&engine.api_url, Vec::new()).await.unwrap();
        let client = connect(&format!("{}/api", proxy.url()), &engine.api_key);
        let params = CreateSandboxParams::default();
        let sandbox = client.sandboxes().create(params, CreateOptions::default()).await.unwrap();
        let toolbox = client.toolbox(&sandbox).unwrap();
        let around = connect(&engine.api_url, &engine.api_key);
        let info = around.sandboxes().get(&sandbox.id).await.unwrap();
        let direct = around.toolbox(&info).unwrap();
        let api_key = engine.api_key.clone();
        Self { proxy, client, sandbox, toolbox, direct, around, api_key, _engine: engine }
    }

    /// A bench whose proxy follows `script` once the sandbox has started.
    pub async fn with(script: &str) -> Self {
        let bench = Self::new().await;
        bench.script(script);
        bench
    }

    pub fn script(&self, json: &str) {
        let rules: Vec<Rule> = daytona_faults::parse(json).unwrap();
        self.proxy.script(rules);
    }

    pub fn process(&self) -> Process {
        self.toolbox.process()
    }

    pub fn fs(&self) -> FileSystem {
        self.toolbox.fs()
    }

    /// Runs a command around the proxy and returns its output.
    pub async fn sh(&self, command: &str) -> String {
        self.direct.process().exec(command, ExecOptions::default()).await.unwrap().result
    }

    /// Waits until a command answers with `output`.
    pub async fn until(&self, command: &str, output: &str) {
        let wait = async {
            while self.sh(command).await != output {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(120), wait)
            .await
            .unwrap_or_else(|_| panic!("{command}: never {output}"));
    }
}

/// A client that only polls, so that the script alone says what the proxy sees.
fn connect(api_url: &str, api_key: &str) -> Client {
    let config = Config {
        api_url: Some(api_url.to_owned()),
        api_key: Some(api_key.to_owned()),
        use_deprecated_polling: Some(true),
        ..Config::default()
    };
    Client::new(config).unwrap()
}
