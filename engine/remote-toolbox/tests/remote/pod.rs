//! The program as the first process of a pod: in namespaces of its own, as an ordinary user without any capability.

use std::fs::{self, Permissions};
use std::net::Ipv4Addr;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use daytona_remote_toolbox::door::Limits;
use daytona_remote_toolbox::{Bootstrap, CallHome, Connector, Grant, Homes, Identity, Start, Token, serve_homes};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, geteuid};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;

use crate::served::Client;

const PROGRAM: &str = env!("CARGO_BIN_EXE_daytona-toolbox");
const LONG: Duration = Duration::from_secs(120);
const USER: u32 = 1000;

/// How the pod's namespaces are made, and its user.
enum Root {
    /// The machine's files.
    Machine,
    /// A directory with little in it, which cannot be written.
    Bare,
}

struct Pod {
    directory: TempDir,
    process: Child,
    connector: Connector,
    grant: Grant,
    secret: Token,
    control: tokio::task::JoinHandle<()>,
}

impl Drop for Pod {
    fn drop(&mut self) {
        self.control.abort();
        // `--kill-child` does not survive the change of the user.
        if let Some(first) = first(&self.process) {
            let _ = kill(first, Signal::SIGKILL);
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Id on the machine of the first process that this `unshare` has started.
fn first(unshare: &Child) -> Option<Pid> {
    let unshare = unshare.id();
    let children = fs::read_to_string(format!("/proc/{unshare}/task/{unshare}/children")).ok()?;
    children.trim().parse().ok().map(Pid::from_raw)
}

/// Where the pod's user writes.
fn place(path: &Path) {
    fs::create_dir_all(path).unwrap();
    fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
    if geteuid().is_root() {
        chown(path, Some(USER), Some(USER)).unwrap();
    }
}

impl Pod {
    async fn start(root: Root, arguments: &[&str], prepare: impl FnOnce(&mut Start)) -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::set_permissions(directory.path(), Permissions::from_mode(0o755)).unwrap();
        let (home, mounted) = (directory.path().join("home"), directory.path().join("mounted"));
        place(&home);
        place(&mounted);

        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let (address, identity, homes) = (listener.local_addr().unwrap(), Identity::make().unwrap(), Homes::new(LONG));
        let certificate = identity.certificate().clone();
        let served = Arc::clone(&homes);
        let control = tokio::spawn(async move {
            serve_homes(listener, &identity, served, Limits::default()).await.unwrap();
        });
        let mut start = Start::new("the-sandbox");
        start.home = if matches!(root, Root::Bare) { "/home/daytona".into() } else { home };
        prepare(&mut start);
        let grant = Grant { identity: Identity::make().unwrap(), token: Token::random(), sandbox: Some(start) };
        let secret = homes.expect("the-sandbox", Some(&grant), None).unwrap();
        let call_home = Some(CallHome { address, certificate, secret: secret.clone() });
        let bootstrap = Bootstrap { id: "the-sandbox".to_owned(), call_home, grant: None };
        let file = mounted.join("start.json");
        fs::write(&file, serde_json::to_vec(&bootstrap).unwrap()).unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o444)).unwrap();

        let mut command = match root {
            Root::Machine => on_machine(directory.path(), &file),
            Root::Bare => in_bare_root(directory.path()),
        };
        let log = fs::File::create(directory.path().join("log")).unwrap();
        command.args(["--listen", "127.0.0.1:0"]).args(arguments).stdin(Stdio::null());
        command.stderr(log.try_clone().unwrap()).stdout(log);
        let mut process = command.spawn().unwrap();
        let came = tokio::time::timeout(LONG, homes.wait_for_home("the-sandbox")).await;
        let Ok(Ok(home)) = came else {
            if let Some(first) = first(&process) {
                let _ = kill(first, Signal::SIGKILL);
            }
            let _ = process.kill();
            let _ = process.wait();
            panic!("{came:?}: {}", fs::read_to_string(directory.path().join("log")).unwrap());
        };
        let connector = Connector::new(home.address, grant.identity.certificate(), &grant.token).unwrap();
        Self { directory, process, connector, grant, secret, control }
    }

    fn home(&self) -> PathBuf {
        self.directory.path().join("home")
    }

    async fn client(&self) -> Client {
        Client::new(self.connector.connect().await.unwrap()).await
    }

    fn log(&self) -> String {
        fs::read_to_string(self.directory.path().join("log")).unwrap()
    }

    /// Id of the pod's first process on the machine.
    fn first(&self) -> Pid {
        first(&self.process).unwrap()
    }

    /// Waits until it has ended.
    async fn ended(&mut self) -> ExitStatus {
        let deadline = Instant::now() + LONG;
        loop {
            if let Some(status) = self.process.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "it has not ended: {}", self.log());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// A command in namespaces of its own for processes and mounts, with what its arguments say as the first process.
fn apart() -> Command {
    let mut command = Command::new("unshare");
    if !geteuid().is_root() {
        command.args(["--user", "--map-root-user"]);
    }
    command.args(["--pid", "--mount", "--fork", "--kill-child"]);
    // As a cluster tells every pod of itself.
    command.env("KUBERNETES_SERVICE_HOST", "10.96.0.1");
    command
}

/// The program, where the pod's user can run it.
fn program(directory: &Path) -> PathBuf {
    let program = directory.join("daytona-toolbox");
    let built = std::env::var_os("DAYTONA_TOOLBOX_PROGRAM").map_or(PROGRAM.into(), PathBuf::from);
    // By a process of its own: what another test forks meanwhile would keep the file open for writing, and it could not run.
    let copied = Command::new("cp").arg(built).arg(&program).status().unwrap();
    assert!(copied.success());
    fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
    program
}

fn on_machine(directory: &Path, bootstrap: &Path) -> Command {
    let mut command = apart();
    command.arg("--mount-proc");
    if geteuid().is_root() {
        let user = USER.to_string();
        command.args(["setpriv", "--reuid", &user, "--regid", &user, "--clear-groups", "--bounding-set=-all"]);
        command.args(["--inh-caps=-all", "--no-new-privs"]);
    }
    command.arg(program(directory)).arg("serve").arg("--bootstrap").arg(bootstrap);
    // What it might leave is searched, not what all others have left.
    command.env("TMPDIR", directory.join("home"));
    command
}

/// A root with a shell, this program, and the libraries it needs, if any: it is linked without for release.
fn in_bare_root(directory: &Path) -> Command {
    let root = directory.join("root");
    for name in ["bin", "dev", "home/daytona", "mounted", "proc", "tmp"] {
        fs::create_dir_all(root.join(name)).unwrap();
    }
    let program = program(directory);
    fs::hard_link(&program, root.join("bin/daytona-toolbox")).unwrap();
    let copied = Command::new("cp").arg("/bin/busybox").arg(root.join("bin/busybox")).status().unwrap();
    assert!(copied.success());
    for name in ["sh", "cat", "echo", "sleep", "touch", "id", "mount", "chroot"] {
        std::os::unix::fs::symlink("busybox", root.join("bin").join(name)).unwrap();
    }
    let needed = Command::new("ldd").arg(&program).output().unwrap();
    for word in String::from_utf8(needed.stdout).unwrap().split_ascii_whitespace().filter(|word| word.starts_with('/'))
    {
        let library = root.join(&word[1..]);
        fs::create_dir_all(library.parent().unwrap()).unwrap();
        fs::copy(word, library).unwrap();
    }
    let script = r#"
        set -e
        cd "$1"
        mount --bind root root
        mount -o remount,bind,ro root
        mount --bind home root/home/daytona
        mount --bind mounted root/mounted
        mount -o remount,bind,ro root/mounted
        mount -t tmpfs -o mode=1777 tmpfs root/tmp
        mount -t proc proc root/proc
        mount --rbind /dev root/dev
        shift
        exec setpriv $USER_OPTIONS chroot --userspec="$USER_IDS" root /bin/daytona-toolbox serve --bootstrap /mounted/start.json "$@"
    "#;
    let mut command = apart();
    let ids = if geteuid().is_root() { format!("{USER}:{USER}") } else { "0:0".to_owned() };
    command
        .args(["sh", "-c", script, "sh"])
        .arg(directory)
        .env("USER_IDS", ids)
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    command.env("USER_OPTIONS", "--no-new-privs");
    command
}

/// Backwards and in hexadecimal: not what it says.
fn hidden(secret: &[u8]) -> String {
    secret.iter().rev().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn programs_find_none_of_the_toolboxs_secrets() {
    let pod = Pod::start(Root::Machine, &[], |_| {}).await;
    fs::write(pod.home().join("search.py"), include_str!("search.py")).unwrap();
    let key = serde_json::to_value(&pod.grant.identity).unwrap()["key"].as_str().unwrap().to_owned();
    let der = base64_decoded(&key);
    // What a search has to find, to be one.
    let mark = Token::random();
    let mut client = pod.client().await;
    let (status, answer) = client.send("POST", "/process/session", json!({"sessionId": "marked"})).await;
    assert_eq!(status, 201, "{answer}");
    let command = format!("MARK={} exec sleep 600", mark.reveal());
    let body = json!({"command": command, "runAsync": true});
    let (status, answer) = client.send("POST", "/process/session/marked/exec", body).await;
    assert_eq!(status, 202, "{answer}");

    let needles: Vec<String> = [
        pod.grant.token.reveal().as_bytes(),
        &der,
        key.as_bytes(),
        pod.secret.reveal().as_bytes(),
        mark.reveal().as_bytes(),
    ]
    .map(hidden)
    .into();
    let directories = format!("{}:/run:/dev/shm", pod.directory.path().display());
    let searching = format!("/usr/bin/python3 search.py {directories} 5 {}", needles.join(" "));
    let connector = pod.connector.clone();
    let forking = tokio::spawn(async move {
        let mut client = Client::new(connector.connect().await.unwrap()).await;
        loop {
            client.run("true").await;
        }
    });
    let output = client.run(&searching).await;
    forking.abort();
    let seen: Value = serde_json::from_str(&output).unwrap_or_else(|_| panic!("{output}"));
    let found: Vec<&str> = seen["found"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(found.iter().any(|found| found.starts_with("4 in environ of")), "the search finds nothing: {seen}");
    assert!(found.iter().all(|found| found.starts_with("4 ")), "{seen}");
    assert!(seen["seen"].as_u64().unwrap() > 5, "{seen}");
    for process in ["first", "toolbox"] {
        let opened = seen[process].as_array().unwrap();
        for name in ["environ", "maps", "mem", "fd", "auxv"] {
            assert!(!opened.contains(&json!(name)), "{name} of {process}: {seen}");
        }
        assert_eq!(seen["attacks"][process]["trace"], "EPERM", "{seen}");
        assert_ne!(seen["attacks"][process]["take"], "done", "{seen}");
    }
    assert!(!pod.directory.path().join("mounted/start.json").exists());
    let log = pod.log();
    assert!([pod.grant.token.reveal(), &key, pod.secret.reveal()].iter().all(|secret| !log.contains(secret)), "{log}");
}

fn base64_decoded(text: &str) -> Vec<u8> {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.decode(text).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn programs_neither_end_the_toolbox_nor_see_the_cluster() {
    let pod = Pod::start(Root::Machine, &[], |_| {}).await;
    let mut client = pod.client().await;
    let toolbox = client.run("echo $PPID").await;
    let attacks =
        format!("kill -9 {0}; kill -TERM {0}; kill -TERM 1; kill -9 1; kill -9 -1; echo tried", toolbox.trim());
    assert!(client.run(&format!("({attacks}) 2>/dev/null")).await.ends_with("tried\n"));
    assert_eq!(client.run("echo $PPID").await, toolbox);
    assert_eq!(client.run("env | grep -c KUBERNETES").await, "0\n");
    let lines = "grep -E '^(NoNewPrivs|CapEff|CapPrm|CapBnd|Seccomp):' /proc/self/status | tr -s '\\t\\n' ' '";
    let status = client.run(lines).await;
    if geteuid().is_root() {
        let none = "0000000000000000";
        assert_eq!(status, format!("CapPrm: {none} CapEff: {none} CapBnd: {none} NoNewPrivs: 1 Seccomp: 2 "));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orphans_are_reaped() {
    let pod = Pod::start(Root::Machine, &[], |_| {}).await;
    let mut client = pod.client().await;
    client.run("for i in 1 2 3; do (setsid sleep 0.1 & ) ; done").await;
    let deadline = Instant::now() + LONG;
    loop {
        // Orphans are the first process's children until they are reaped.
        let orphans = client.run("cat /proc/1/task/1/children | wc -w").await;
        if orphans == "1\n" {
            break;
        }
        assert!(Instant::now() < deadline, "{orphans}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_entrypoint_is_a_session_and_hears_of_the_end() {
    let entrypoint =
        ["sh", "-c", "trap 'echo bye > left; exit' TERM; echo up; touch ready; while :; do sleep 0.05; done"];
    let mut pod = Pod::start(Root::Machine, &["--grace", "100"], |start| {
        start.entrypoint = entrypoint.map(str::to_owned).into();
    })
    .await;
    let mut client = pod.client().await;
    client.run("until [ -e ready ]; do sleep 0.02; done").await;
    let (status, answer) = client.send("GET", "/process/session/entrypoint/logs", json!(null)).await;
    assert_eq!(status, 200);
    assert!(answer.to_string().contains("up"), "{answer}");
    // A terminal, whose shell ends for nothing but its terminal's end.
    let (status, answer) = client.send("POST", "/process/pty", json!({"id": "t", "cols": 80, "rows": 24})).await;
    assert!(status < 300, "{answer}");

    kill(pod.first(), Signal::SIGTERM).unwrap();
    assert_eq!(pod.ended().await.code(), Some(0), "{}", pod.log());
    // The grace is longer than anything here may take: what it ends has not heard.
    assert!(!pod.log().contains("killing what has not ended"), "{}", pod.log());
    assert_eq!(fs::read_to_string(pod.home().join("left")).unwrap(), "bye\n");
    let log = pod.log();
    let messages: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for message in ["toolbox ready", "ending", "ended"] {
        assert!(messages.iter().any(|line| line["message"] == message), "{message}: {log}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_will_not_end_is_killed_after_the_grace() {
    let mut pod = Pod::start(Root::Machine, &["--grace", "1"], |start| {
        let entrypoint = ["sh", "-c", "trap '' TERM HUP; touch ready; while :; do sleep 1; done"];
        start.entrypoint = entrypoint.map(str::to_owned).into();
    })
    .await;
    pod.client().await.run("until [ -e ready ]; do sleep 0.02; done").await;
    let begun = Instant::now();
    kill(pod.first(), Signal::SIGTERM).unwrap();
    let status = pod.ended().await;
    assert!(status.code() == Some(0) && status.signal().is_none(), "{status} {}", pod.log());
    assert!(begun.elapsed() >= Duration::from_secs(1), "{}", pod.log());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_root_with_nothing_in_it_that_cannot_be_written_is_enough() {
    let pod = Pod::start(Root::Bare, &[], |_| {}).await;
    let mut client = pod.client().await;
    assert_eq!(client.run("echo in > file; cat file").await, "in\n");
    assert_eq!(client.run("touch /tmp/x && echo written").await, "written\n");
    assert_eq!(client.run("touch /x 2>/dev/null || echo refused").await, "refused\n");
    let (status, answer) = client.send("GET", "/system/metrics", json!(null)).await;
    assert_eq!(status, 200);
    assert!(answer["memTotal"].as_u64().unwrap() > 0, "{answer}");
    // What it was started with could not be deleted, and opens nothing any more.
    let left = client.run("cat /mounted/start.json").await;
    assert!(left.contains("callHome") && !left.contains(pod.grant.token.reveal()), "{left}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_one_sandbox_anothers_toolbox_is_out_of_reach() {
    let (one, other) = (Pod::start(Root::Machine, &[], |_| {}).await, Pod::start(Root::Machine, &[], |_| {}).await);
    let port = other.connector.address().port();
    let script = format!(
        r#"
import socket, ssl
context = ssl.create_default_context()
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
for path in ("/version", "/process/execute", "/adopt"):
    with context.wrap_socket(socket.create_connection(("127.0.0.1", {port}))) as stream:
        stream.sendall(f"POST {{path}} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        answer = b""
        while piece := stream.recv(4096):
            answer += piece
        print(answer.split(b"\r\n")[0].decode())
"#
    );
    fs::write(one.home().join("reach.py"), script).unwrap();
    let mut client = one.client().await;
    assert_eq!(client.run("/usr/bin/python3 reach.py").await, "HTTP/1.1 401 Unauthorized\n".repeat(3));
}
