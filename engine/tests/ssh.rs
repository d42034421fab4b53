//! SSH into sandboxes, with OpenSSH's own client: shells, commands, files, and what ends them. Needs root.

#[path = "harness/ssh.rs"]
mod client;
mod harness;

use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;
use std::time::Duration;

use client::{Access, done, ended, revoke, text, write_bytes};
use harness::{Engine, wait_for};
use nix::sys::signal::Signal;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

#[tokio::test]
async fn a_command_has_its_status_its_outputs_apart_and_what_exec_has() {
    let engine = Engine::start().await;
    let id = engine.sandbox().await;
    let access = Access::of(&engine, &id).await;
    let output = ended(access.ssh(&[], &["echo out; echo err >&2; exit 7"])).await;
    assert_eq!((output.status.code(), text(&output)), (Some(7), "out".to_owned()));
    assert!(String::from_utf8_lossy(&output.stderr).ends_with("err\n"));
    // OpenSSH ends with 255 when a signal ended the command.
    assert_eq!(ended(access.ssh(&[], &["kill -TERM $$"])).await.status.code(), Some(255));

    let same =
        "id; ulimit -a; cat /proc/self/oom_score_adj /proc/self/cgroup; pwd; echo $HOME $PATH $DAYTONA_SANDBOX_ID";
    assert_eq!(access.output(same).await, engine.output(&id, same).await);
    assert_eq!(access.output("env | grep -c -e dtn_ -e TOKEN || true").await, "0");

    let mut sends = access.ssh(&["-o", "SendEnv=GREETING"], &["echo $GREETING $SSH_CONNECTION"]);
    sends.env("GREETING", "hello");
    let said = text(&done(sends).await);
    assert!(said.starts_with("hello 127.0.0.1 ") && said.ends_with(&access.port), "{said}");

    // An agent stays outside.
    let mut agent = tokio::process::Command::new("ssh-agent");
    let options = access.options().join(" ");
    let forwarding =
        format!("ssh {options} -A -p {} {} 'echo agent: $SSH_AUTH_SOCK'", access.port, access.destination());
    agent.args(["sh", "-c", &forwarding]).stdin(Stdio::null());
    assert_eq!(text(&done(agent).await), "agent:");
}

#[tokio::test]
async fn bytes_pass_unchanged_while_keys_are_exchanged_anew() {
    let engine = Engine::start().await;
    let id = engine.sandbox().await;
    let access = Access::of(&engine, &id).await;
    let directory = tempfile::tempdir().expect("a directory");
    let bytes = write_bytes(&directory.path().join("bytes"), 24 << 20);
    // More comes back than is sent, so nobody may wait for the other. The last bytes are still on their way when it ends.
    let mut echo = access.ssh(&["-o", "RekeyLimit=2M"], &["tee /dev/stderr"]);
    echo.stdin(std::fs::File::open(directory.path().join("bytes")).expect("the file"));
    let output = done(echo).await;
    assert!(output.stdout == bytes);
    let (said, end) = (output.stderr.len(), &output.stderr[output.stderr.len().saturating_sub(80)..]);
    assert!(output.stderr.ends_with(&bytes), "{said} bytes, at the end {}", String::from_utf8_lossy(end));
}

#[tokio::test]
async fn files_travel_by_sftp_scp_rsync_and_git() {
    let engine = Engine::start().await;
    let id = engine.sandbox().await;
    let access = Access::of(&engine, &id).await;
    let directory = tempfile::tempdir().expect("a directory");
    let path = |name: &str| directory.path().join(name).to_str().expect("text").to_owned();
    let bytes = write_bytes(&directory.path().join("bytes"), 8 << 20);
    let back = |name: &str| std::fs::read(directory.path().join(name)).expect("the file came back");
    let remote = |name: &str| format!("{}:{name}", access.destination());

    std::fs::write(
        path("batch"),
        format!("put {} one\nrename one two\nchmod 600 two\nmkdir d\nget two {}\n", path("bytes"), path("sftp")),
    )
    .expect("the file is written");
    done(access.copy("sftp", &["-b", &path("batch"), &access.destination()])).await;
    assert!(back("sftp") == bytes);
    assert_eq!(engine.output(&id, "stat -c '%a %U' ~/two; test -d ~/d").await, "600 daytona");
    for legacy in [&[] as &[&str], &["-O"]] {
        let arguments =
            |from: &str, to: &str| [legacy, &[from, to]].concat().iter().map(|s| (*s).to_owned()).collect::<Vec<_>>();
        let up = arguments(&path("bytes"), &remote("copied"));
        done(access.copy("scp", &up.iter().map(String::as_str).collect::<Vec<_>>())).await;
        let down = arguments(&remote("copied"), &path("scp"));
        done(access.copy("scp", &down.iter().map(String::as_str).collect::<Vec<_>>())).await;
        assert!(back("scp") == bytes);
    }
    let rsync = |from: String, to: String| {
        let mut rsync = tokio::process::Command::new("rsync");
        rsync.args(["-a", "-e", &access.command(), &from, &to]).stdin(Stdio::null());
        rsync
    };
    done(rsync(path("bytes"), remote("synced/"))).await;
    done(rsync(remote("synced/bytes"), path("rsync"))).await;
    assert!(back("rsync") == bytes);

    engine
        .output(
            &id,
            "git init -q ~/repo && cd ~/repo && git -c user.name=a -c user.email=a@b commit -q --allow-empty -m first",
        )
        .await;
    let mut clone = tokio::process::Command::new("git");
    clone.args(["clone", "-q", &format!("ssh://{}/home/daytona/repo", access.destination()), &path("repo")]);
    done({
        clone.env("GIT_SSH_COMMAND", access.command()).stdin(Stdio::null());
        clone
    })
    .await;
    assert!(directory.path().join("repo/.git").is_dir());
    let mut push = tokio::process::Command::new("git");
    push.args(["-C", &path("repo"), "push", "-q", "origin", "HEAD:pushed"]);
    done({
        push.env("GIT_SSH_COMMAND", access.command()).stdin(Stdio::null());
        push
    })
    .await;
    assert_eq!(engine.output(&id, "git -C ~/repo log --format=%s pushed").await, "first");
}

/// A session that stands, with lines of its shell.
async fn standing(access: &Access) -> (tokio::process::Child, BufReader<tokio::process::ChildStdout>) {
    let mut ssh = access.ssh(&[], &["echo ready; exec sleep 1000"]);
    let mut ssh = ssh.stdin(Stdio::piped()).spawn().expect("ssh runs");
    let mut lines = BufReader::new(ssh.stdout.take().expect("piped"));
    let mut line = String::new();
    lines.read_line(&mut line).await.expect("a line");
    assert_eq!(line, "ready\n");
    (ssh, lines)
}

/// What a session that was ended says.
async fn farewell(ssh: tokio::process::Child) -> String {
    let output = tokio::time::timeout(Duration::from_secs(120), ssh.wait_with_output()).await;
    let output = output.expect("it ends").expect("it ran");
    assert_eq!(output.status.code(), Some(255));
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test]
async fn a_connection_ends_with_its_access_and_its_sandbox() {
    let engine = Engine::start().await;
    let id = engine.sandbox().await;
    let access = Access::of(&engine, &id).await;
    let (ssh, _lines) = standing(&access).await;
    revoke(&engine, &id).await;
    assert!(farewell(ssh).await.contains("was revoked"));
    let refused = ended(access.ssh(&[], &["true"])).await;
    assert!(String::from_utf8_lossy(&refused.stderr).contains("Permission denied"));

    let access = Access::of(&engine, &id).await;
    let (ssh, _lines) = standing(&access).await;
    engine.post(&format!("/api/sandbox/{id}/stop"), json!({})).await;
    assert!(farewell(ssh).await.contains(&format!("sandbox {id} is stopping")));
    let stopped = ended(access.ssh(&[], &["true"])).await;
    assert!(String::from_utf8_lossy(&stopped.stderr).contains("is stopped: start it first"));
    engine.post(&format!("/api/sandbox/{id}/start"), json!({})).await;
    let (ssh, _lines) = standing(&access).await;
    engine.delete(&format!("/api/sandbox/{id}")).await;
    assert!(farewell(ssh).await.contains("is destroying"));
    let gone = ended(access.ssh(&[], &["true"])).await;
    assert!(String::from_utf8_lossy(&gone.stderr).contains("Permission denied"));
}

#[tokio::test]
async fn tokens_and_the_host_key_outlive_a_killed_engine_and_expire() {
    let engine = Engine::start().await;
    let (id, kept) = (engine.sandbox().await, engine.sandbox().await);
    let (expiring, access) = (Access::of(&engine, &id).await, Access::of(&engine, &kept).await);
    let (_, before) = engine.get("/api/health").await;
    let (ssh, _lines) = standing(&access).await;
    let directory = engine.end(Signal::SIGKILL).await;
    farewell(ssh).await;
    let key = directory.path().join("ssh_host_ed25519_key");
    assert_eq!(std::fs::metadata(&key).expect("the key").permissions().mode() & 0o777, 0o600);

    let database = rusqlite::Connection::open(directory.path().join("state.db")).expect("the database");
    let record: String =
        database.query_row("SELECT record FROM sandboxes WHERE id = ?", [&id], |row| row.get(0)).expect("the record");
    assert!(!record.contains(&expiring.token), "only its hash is kept");
    let mut record: Value = serde_json::from_str(&record).expect("JSON");
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a time");
    let soon = now + Duration::from_secs(300);
    record["ssh_access"]["expires_at"] = json!(soon.as_millis() as u64);
    database.execute("UPDATE sandboxes SET record = ? WHERE id = ?", [&record.to_string(), &id]).expect("written");
    drop(database);

    let engine = Engine::start_with(directory, &[], &[("DAYTONA_LOCAL_TESTING", "true")]).await;
    let (_, after) = engine.get("/api/health").await;
    assert_eq!(before["ssh"], after["ssh"], "same port, same key");
    for id in [&id, &kept] {
        engine.post(&format!("/api/sandbox/{id}/start"), json!({})).await;
    }
    assert_eq!(access.output("echo again").await, "again");
    let (ssh, _lines) = standing(&expiring).await;
    assert_eq!(engine.post("/api/testing/clock", json!({"advance": "6m"})).await.0, StatusCode::OK);
    assert!(farewell(ssh).await.contains("has expired"));
    let (_, validation) = engine.get(&format!("/api/sandbox/ssh-access/validate?token={}", expiring.token)).await;
    assert_eq!(validation, json!({"valid": false, "sandboxId": ""}));
}

#[tokio::test]
async fn wrong_tokens_are_slowed_down_and_right_ones_work_soon_after() {
    let (engine, other) = tokio::join!(Engine::start(), Engine::start());
    let id = engine.sandbox().await;
    let access = Access::of(&engine, &id).await;
    let elsewhere = Access::of(&other, &other.sandbox().await).await;
    assert_ne!(access.port, elsewhere.port, "two engines, two ports");
    // Another engine's token is a wrong one.
    let wrong = Access { token: elsewhere.token, ..access.clone() };
    let mut waves = 0;
    let (mut denied, mut turned_away) = (0, 0);
    while denied == 0 || turned_away == 0 {
        waves += 1;
        assert!(waves < 10, "{denied} were denied, {turned_away} turned away");
        let tries = (0..20).map(|_| ended(wrong.ssh(&[], &["true"])));
        for output in futures_util::future::join_all(tries).await {
            assert_eq!(output.status.code(), Some(255));
            let is_denied = String::from_utf8_lossy(&output.stderr).contains("Permission denied");
            *(if is_denied { &mut denied } else { &mut turned_away }) += 1;
        }
    }
    let deadline = std::time::Instant::now() + Duration::from_secs(120);
    while !ended(access.ssh(&[], &["true"])).await.status.success() {
        assert!(std::time::Instant::now() < deadline, "a right token works again soon");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test]
async fn questions_whether_anybody_is_there_are_answered() {
    let engine = Engine::start().await;
    let id = engine.sandbox().await;
    let access = Access::of(&engine, &id).await;
    // In its own words OpenSSH's client says what it receives: 81 and 82 answer a question about nothing.
    let asking = ["-vvv", "-o", "ServerAliveInterval=1"];
    let mut ssh = access.ssh(&asking, &["sleep 1000"]).spawn().expect("ssh runs");
    let mut lines = BufReader::new(ssh.stderr.take().expect("piped")).lines();
    let answered = async {
        let mut asked = false;
        while let Some(line) = lines.next_line().await.expect("text") {
            asked |= line.contains("send packet: type 80");
            if asked && ["type 81", "type 82"].iter().any(|answer| line.contains(&format!("receive packet: {answer}")))
            {
                return;
            }
        }
        panic!("the connection ended");
    };
    tokio::time::timeout(Duration::from_secs(60), answered).await.expect("an answer");
}

#[tokio::test]
async fn a_connection_is_activity_and_its_programs_end_with_it() {
    let engine = Engine::start().await;
    let id = engine.sandbox().await;
    let access = Access::of(&engine, &id).await;
    let mut sleeping = access.ssh(&[], &["echo $$; exec sleep 1000"]);
    let mut ssh = sleeping.stdin(Stdio::piped()).spawn().expect("ssh runs");
    let mut line = String::new();
    BufReader::new(ssh.stdout.take().expect("piped")).read_line(&mut line).await.expect("a line");
    let last_activity = async || engine.get(&format!("/api/sandbox/{id}")).await.1["lastActivityAt"].clone();
    let before = last_activity().await;
    let deadline = std::time::Instant::now() + Duration::from_secs(120);
    while last_activity().await == before {
        assert!(std::time::Instant::now() < deadline, "it is used as long as the connection stands");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    ssh.kill().await.expect("it is killed");
    let alive = format!("kill -0 {} && echo alive || echo ended", line.trim());
    let deadline = std::time::Instant::now() + Duration::from_secs(120);
    while engine.output(&id, &alive).await.ends_with("alive") {
        assert!(std::time::Instant::now() < deadline, "a program is hung up with its connection");
    }
}

#[tokio::test]
async fn a_shell_on_a_terminal_follows_its_size() {
    let engine = Engine::start().await;
    let id = engine.sandbox().await;
    let access = Access::of(&engine, &id).await;
    let size = |rows, cols| nix::pty::Winsize { ws_row: rows, ws_col: cols, ws_xpixel: 0, ws_ypixel: 0 };
    let pty = nix::pty::openpty(&size(31, 101), None).expect("a terminal");
    let slave = || Stdio::from(pty.slave.try_clone().expect("a copy"));
    let mut ssh = access.ssh(&["-tt"], &[]);
    ssh.stdin(slave()).stdout(slave()).stderr(slave());
    // SAFETY: only system calls happen between fork and exec.
    unsafe {
        ssh.pre_exec(|| {
            nix::unistd::setsid()?;
            nix::errno::Errno::result(nix::libc::ioctl(0, nix::libc::TIOCSCTTY, 0))?;
            Ok(())
        });
    }
    let mut child = ssh.spawn().expect("ssh runs");
    let master = std::fs::File::from(pty.master.try_clone().expect("a copy"));
    let (shown, mut showing) =
        (std::sync::Arc::new(std::sync::Mutex::new(String::new())), master.try_clone().expect("a copy"));
    let show = std::sync::Arc::clone(&shown);
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(read @ 1..) = std::io::Read::read(&mut showing, &mut buffer) {
            show.lock().expect("unpoisoned").push_str(&String::from_utf8_lossy(&buffer[..read]));
        }
    });
    let mut typing = tokio::fs::File::from_std(master);
    typing.write_all(b"stty size; tty\n").await.expect("typed");
    typing.flush().await.expect("typed");
    wait_for(|| shown.lock().expect("unpoisoned").contains("31 101").then_some(())).await;
    nix::ioctl_write_ptr_bad!(set_size, nix::libc::TIOCSWINSZ, nix::pty::Winsize);
    // SAFETY: the descriptor is open and the structure outlives the call.
    unsafe { set_size(std::os::fd::AsRawFd::as_raw_fd(&pty.master), &size(40, 120)) }.expect("resized");
    // A trap runs once the new size has arrived.
    typing
        .write_all(b"until [ \"$(stty size)\" = '40 120' ]; do sleep 0.1; done; echo $((40 + 2)) followed\n")
        .await
        .expect("typed");
    typing.flush().await.expect("typed");
    wait_for(|| shown.lock().expect("unpoisoned").contains("42 followed").then_some(())).await;
    typing.write_all(b"exit 5\n").await.expect("typed");
    typing.flush().await.expect("typed");
    assert_eq!(child.wait().await.expect("it ends").code(), Some(5));
}

#[tokio::test]
async fn access_is_asked_for_by_the_wire() {
    let engine = Engine::start().await;
    let id = engine.sandbox().await;
    let path = format!("/api/sandbox/{id}/ssh-access");
    for minutes in ["0", "-1", "x", "1.5", "99999999999"] {
        let (status, body) = engine.post(&format!("{path}?expiresInMinutes={minutes}"), json!({})).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{body}");
        assert!(body["message"].as_str().is_some_and(|message| message.contains("expiresInMinutes")), "{body}");
    }
    let anonymous = engine.anonymous(Method::POST, &path).send().await.expect("an answer");
    assert_eq!(anonymous.status(), StatusCode::UNAUTHORIZED);
    let (status, _) = engine.get("/api/sandbox/ssh-access/validate").await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let (_, config) = engine.get("/api/config").await;
    let (_, health) = engine.get("/api/health").await;
    assert_eq!(config["sshGatewayCommand"], format!("ssh -p {} {{{{TOKEN}}}}@127.0.0.1", health["ssh"]["port"]));
    assert_eq!(config["sshGatewayHostKeyFingerprints"], json!([health["ssh"]["hostKeyFingerprint"]]));
}
