//! A real engine of either isolation level in its own process and state directory, and a client for it.

use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, geteuid};
use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;

/// The user and group an engine without privileges runs as: nobody the machine knows.
pub const ORDINARY_USER: u32 = 4711;

/// The machine's first ordinary user, whom no sandbox concerns.
pub const OTHER_USER: u32 = 1000;

/// The user whose privileges the engine has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Started by root: namespaces.
    Root,
    /// Started by an ordinary user: user namespaces.
    OrdinaryUser,
}

/// Makes each named attack, an `async fn(&Engine)`, a test at either level.
macro_rules! at_both_levels {
    ($($attack:ident),* $(,)?) => {
        mod as_root {
            $(#[tokio::test]
            async fn $attack() {
                super::$attack(&$crate::harness::Engine::start($crate::harness::Level::Root).await).await;
            })*
        }

        mod as_an_ordinary_user {
            $(#[tokio::test]
            async fn $attack() {
                super::$attack(&$crate::harness::Engine::start($crate::harness::Level::OrdinaryUser).await).await;
            })*
        }
    };
}
pub(crate) use at_both_levels;

/// A running engine; ends when dropped.
pub struct Engine {
    pub level: Level,
    pub directory: TempDir,
    pub origin: String,
    pub api_key: String,
    client: Client,
    process: Child,
}

impl Engine {
    /// Starts an engine with an empty state directory.
    pub async fn start(level: Level) -> Self {
        Self::start_in(tempfile::tempdir().expect("a temporary directory"), level).await
    }

    /// Starts an engine with a state directory.
    pub async fn start_in(directory: TempDir, level: Level) -> Self {
        assert!(geteuid().is_root(), "attacks need root: to start engines as root and as others");
        let starting = Starting(Some(spawn(directory.path(), level)));
        let announced = wait_for(|| announcement(directory.path())).await;
        let process = starting.started();
        let api_url = announced["apiUrl"].as_str().expect("apiUrl");
        let _ = rustls::crypto::ring::default_provider().install_default();
        let engine = Self {
            level,
            origin: api_url.strip_suffix("/api").expect("apiUrl ends in /api").to_owned(),
            api_key: announced["apiKey"].as_str().expect("apiKey").to_owned(),
            client: Client::builder().no_proxy().build().expect("a client"),
            directory,
            process,
        };
        let isolation = match level {
            Level::Root => "namespaces",
            Level::OrdinaryUser => "user-namespaces",
        };
        assert_eq!(engine.get("/api/health").await.1["isolation"], isolation, "this machine allows less");
        engine
    }

    /// The engine's process.
    pub fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.process.id()).expect("a process id"))
    }

    /// An authorised request; `path` starts after the origin.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.origin)).bearer_auth(&self.api_key)
    }

    pub async fn get(&self, path: &str) -> (StatusCode, Value) {
        read(self.request(Method::GET, path)).await
    }

    /// Posts. Where that changes a sandbox's state, waits until the change is complete, as clients do.
    pub async fn post(&self, path: &str, body: Value) -> (StatusCode, Value) {
        let (status, mut answer) = read(self.request(Method::POST, path).json(&body)).await;
        let deadline = Instant::now() + Duration::from_secs(120);
        while matches!(answer["state"].as_str(), Some("creating" | "starting" | "stopping")) {
            assert!(Instant::now() < deadline, "still in between after two minutes: {answer}");
            tokio::time::sleep(Duration::from_millis(10)).await;
            let id = answer["id"].as_str().expect("an id").to_owned();
            answer = self.get(&format!("/api/sandbox/{id}")).await.1;
        }
        (status, answer)
    }

    /// The id of a new started sandbox.
    pub async fn create(&self, body: Value) -> String {
        let (status, sandbox) = self.post("/api/sandbox", body).await;
        assert_eq!(status, StatusCode::OK, "{sandbox}");
        sandbox["id"].as_str().expect("an id").to_owned()
    }

    /// The id of a new started sandbox with this much memory in GiB; only what is made from an image has a size.
    pub async fn with_memory(&self, gib: u64) -> String {
        self.create(json!({"memory": gib, "buildInfo": {"dockerfileContent": "FROM default"}})).await
    }

    /// The same with this much disk in GiB.
    pub async fn with_disk(&self, gib: u64) -> String {
        self.create(json!({"disk": gib, "buildInfo": {"dockerfileContent": "FROM default"}})).await
    }

    /// The users a sandbox may run as at this level.
    pub fn users(&self) -> &'static [&'static str] {
        match self.level {
            Level::Root => &["daytona", "root"],
            Level::OrdinaryUser => &["daytona"],
        }
    }

    /// A new sandbox that later tells whether it is unharmed.
    pub async fn bystander(&self) -> String {
        let id = self.create(json!({})).await;
        self.output(&id, "echo bystander > ~/mine").await;
        id
    }

    /// The engine answers and the bystander still works.
    pub async fn assert_unharmed(&self, bystander: &str) {
        assert_eq!(self.get("/api/health").await.0, StatusCode::OK);
        assert_eq!(self.output(bystander, "cat ~/mine; echo alive").await, "bystander\nalive");
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

    /// Runs a Python program in a sandbox; its exit code and output.
    pub async fn python(&self, id: &str, program: &str) -> (i64, String) {
        self.run(id, &format!("python3 - <<'END_OF_PROGRAM' 2>&1\n{program}\nEND_OF_PROGRAM")).await
    }

    /// The processes of this engine's sandboxes, by their ids on the machine.
    pub fn sandbox_processes(&self) -> Vec<i32> {
        descendants(self.pid().as_raw())
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

impl Drop for Engine {
    fn drop(&mut self) {
        // Asked to end, an engine takes its control groups along.
        let _ = kill(self.pid(), Signal::SIGTERM);
        let _ = self.process.wait();
    }
}

/// A command that runs as an ordinary user of the machine, without any other group or privilege.
pub fn command_as(user: u32, program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    // Changing the user clears the other groups, as the standard library does it for root.
    command.uid(user).gid(user).env_clear().env("PATH", "/usr/bin:/bin").current_dir("/");
    command
}

/// A command that runs as an ordinary user where everybody may open the devices of FUSE and of tunnels, as udev has it on most
/// machines. A machine without udev keeps them for root; they are replaced in a mount namespace of the command's own.
fn with_devices_for_everybody(user: u32, program: &Path) -> Command {
    const SCRIPT: &str = "user=$1 nodes=$2; shift 2
        mkdir -p $nodes; chmod 755 $nodes
        for device in fuse:229 net/tun:200; do
            name=${device%:*} node=$nodes/${device##*:}
            [ -c /dev/$name ] || continue
            [ -c $node ] || mknod -m 666 $node c 10 ${device##*:} 2>/dev/null || [ -c $node ] || exit 1
            mount --bind $node /dev/$name
        done
        exec setpriv --reuid=$user --regid=$user --clear-groups env -i PATH=/usr/bin:/bin \"$@\"";
    let nodes = std::env::temp_dir().join(format!("daytona-attacks-devices-{}", std::process::id()));
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "private", "sh", "-ec", SCRIPT, "sh", &user.to_string()]);
    command.arg(nodes).arg(program).current_dir("/");
    command
}

fn spawn(directory: &Path, level: Level) -> Child {
    let mut command = match level {
        Level::Root => Command::new(env!("CARGO_BIN_EXE_attacked-engine")),
        Level::OrdinaryUser => {
            chown(directory, Some(ORDINARY_USER), Some(ORDINARY_USER)).expect("a directory of the user's own");
            with_devices_for_everybody(ORDINARY_USER, &PUBLIC_PROGRAM)
        }
    };
    command.arg(directory).stdin(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the engine starts");
    // Somebody has to read what it says.
    let mut stderr = child.stderr.take().expect("piped");
    std::thread::spawn(move || std::io::copy(&mut stderr, &mut std::io::stderr()));
    child
}

/// The engine's program where every user may run it, which a build directory need not be. The directory goes with the
/// system's temporary files: whoever still runs the program has it open.
static PUBLIC_PROGRAM: LazyLock<PathBuf> = LazyLock::new(|| {
    let built = Path::new(env!("CARGO_BIN_EXE_attacked-engine"));
    if command_as(ORDINARY_USER, "test").arg("-x").arg(built).status().is_ok_and(|status| status.success()) {
        return built.to_owned();
    }
    let directory = std::env::temp_dir().join(format!("daytona-attacks-{}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("a temporary directory");
    std::fs::set_permissions(&directory, std::fs::Permissions::from_mode(0o755)).expect("our own directory");
    let copy = directory.join("engine");
    std::fs::copy(built, &copy).expect("room for the engine's program");
    copy
});

/// The content of `engine.json`, once it is there.
fn announcement(directory: &Path) -> Option<Value> {
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

pub async fn read(request: RequestBuilder) -> (StatusCode, Value) {
    let response = request.send().await.expect("the engine answers");
    let status = response.status();
    let body = response.bytes().await.expect("a whole answer");
    (status, serde_json::from_slice(&body).unwrap_or_else(|_| json!(String::from_utf8_lossy(&body))))
}

fn descendants(pid: i32) -> Vec<i32> {
    let mut found = Vec::new();
    let Ok(tasks) = std::fs::read_dir(format!("/proc/{pid}/task")) else { return found };
    for task in tasks.flatten() {
        let text = std::fs::read_to_string(task.path().join("children")).unwrap_or_default();
        for child in text.split_ascii_whitespace().filter_map(|word| word.parse().ok()) {
            found.push(child);
            found.extend(descendants(child));
        }
    }
    found
}
