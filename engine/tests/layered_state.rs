//! An engine whose state directory is on an overlay file system, as the files of most containers are.

mod harness;
#[path = "harness/ordinary_user.rs"]
mod ordinary_user;

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use harness::{Engine, announcement, id_of, wait_for};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

const BUSYBOX: &str = "FROM default AS tools\nFROM scratch\nCOPY --from=tools /usr/bin/busybox /bin/\n\
                       RUN [\"/bin/busybox\", \"--install\", \"-s\", \"/bin\"]\n";

/// Starts an engine in a mount namespace of its own, where its state directory is a layer over another.
async fn start(user: Option<u32>) -> Engine {
    let directory = tempfile::tempdir().unwrap();
    for name in ["lower", "upper", "work", "state"] {
        std::fs::create_dir(directory.path().join(name)).unwrap();
    }
    // Whoever the engine runs as: what it needs to reach is its own.
    std::fs::set_permissions(directory.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let mut command = Command::new("unshare");
    let script = "mount -t overlay overlay -o lowerdir=lower,upperdir=upper,workdir=work state && \
                  chown ${USER_ID:-0} state && exec ${USER_ID:+setpriv --reuid $USER_ID --regid $USER_ID --clear-groups} \"$@\"";
    command.args(["--mount", "--propagation", "private", "sh", "-c", script, "sh"]);
    let program = user.map(|_| ordinary_user::program(directory.path()));
    command.arg(program.unwrap_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_daytona-engine"))));
    command.arg(directory.path().join("state"));
    command.current_dir(directory.path()).stdin(Stdio::null());
    command.env("USER_ID", user.map_or(String::new(), |user| user.to_string()));
    let process = command.spawn().expect("unshare is there");
    // On the machine, what it writes is in the upper directory.
    let announced = wait_for(|| announcement(&directory.path().join("upper"))).await;
    Engine::announced(directory, process, &announced)
}

/// A sandbox built from a Dockerfile, once it has started or failed, and the build's log.
async fn built(engine: &Engine, dockerfile: &str) -> (Value, String) {
    let (status, sandbox) = engine.post("/api/sandbox", json!({"buildInfo": {"dockerfileContent": dockerfile}})).await;
    assert_eq!(status, StatusCode::OK, "{sandbox}");
    let path = format!("/api/sandbox/{}", id_of(&sandbox));
    let deadline = Instant::now() + Duration::from_secs(180);
    let sandbox = loop {
        let (_, found) = engine.get(&path).await;
        if !["pending_build", "building_snapshot", "creating", "starting"].contains(&found["state"].as_str().unwrap()) {
            break found;
        }
        assert!(Instant::now() < deadline, "{found}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    let log = engine.request(Method::GET, &format!("{path}/build-logs")).send().await.unwrap();
    (sandbox, log.text().await.unwrap())
}

#[tokio::test]
async fn commands_of_builds_have_a_disk_where_nothing_can_be_laid_over_the_state_directory() {
    let engine = start(None).await;
    let dockerfile = format!(
        "{BUSYBOX}COPY <<EOF /data/gone\nx\nEOF\nCOPY <<EOF /whole/old\nx\nEOF\n\
         RUN rm /data/gone /bin/vi && rm -r /whole && mkdir /whole && echo new > /whole/new && chown 7:8 /whole/new\n\
         RUN ls /data /whole /bin/vi; ! fallocate -l 21G /big && rm /big && echo limited\n"
    );
    let (sandbox, log) = built(&engine, &dockerfile).await;
    assert_eq!(sandbox["state"], "started", "{sandbox}\n{log}");
    assert!(log.contains("limited") && log.contains("/bin/vi: No such file"), "{log}");
    let id = id_of(&sandbox);
    assert_eq!(engine.output(&id, "ls /data /whole /bin/vi 2>/dev/null; true").await, "/data:\n\n/whole:\nnew");
    assert_eq!(engine.output(&id, "stat -c %u:%g /whole/new").await, "7:8");
    let (_, log) = built(&engine, &dockerfile).await;
    assert!(log.contains("Using cache") && !log.contains("Not cached"), "{log}");
    let left = |part: &str| std::fs::read_dir(engine.directory.path().join("upper").join(part)).unwrap().count();
    assert_eq!((left("build-steps"), left("images/tmp")), (0, 0));
}

#[tokio::test]
async fn an_ordinary_users_engine_says_why_it_runs_no_commands_there() {
    let engine = start(Some(ordinary_user::USER)).await;
    let (sandbox, log) = built(&engine, BUSYBOX).await;
    assert_eq!(sandbox["state"], "build_failed", "{log}");
    let reason = sandbox["errorReason"].as_str().unwrap();
    assert!(reason.contains("a state directory on a disk or a volume"), "{reason}");
}

#[tokio::test]
async fn an_ordinary_users_engine_runs_commands_as_root_of_their_own() {
    let engine = ordinary_user::start(&[]).await;
    let dockerfile = format!("{BUSYBOX}RUN rm /bin/vi; id -u > /made && mkdir /etc/of-the-build\n");
    let (sandbox, log) = built(&engine, &dockerfile).await;
    assert_eq!(sandbox["state"], "started", "{sandbox}\n{log}");
    let id = id_of(&sandbox);
    assert_eq!(
        engine.output(&id, "cat /made; ls -d /etc/of-the-build; ls /bin/vi; id -u").await.lines().last(),
        Some("0")
    );
    let (sandbox, log) = built(&engine, &format!("{BUSYBOX}RUN chown 7:8 /made && wget http://127.0.0.2/\n")).await;
    assert_eq!(sandbox["state"], "build_failed");
    assert!(log.contains("that takes an engine started by root"), "{log}");
}
