//! What sandboxes of an ordinary user's engine reach, tried against real servers in networks of the tests' own. Needs root, to
//! make these and to become another user.

mod harness;
#[path = "harness/internet.rs"]
mod internet;
#[path = "harness/ordinary_user.rs"]
mod ordinary_user;

use harness::{Engine, children, id_of, wait_for};
use internet::{GATEWAY, Internet, MACHINE, PRIVATE, PUBLIC, PUBLIC_V6};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use reqwest::StatusCode;
use serde_json::{Value, json};

/// What a server answers to a sandbox, or `refused`, quickly either way.
async fn fetch(engine: &Engine, id: &str, host: &str) -> String {
    let (host, port) = if host.contains(':') { (format!("[{host}]"), 8080) } else { (host.to_owned(), 80) };
    let command = format!("curl -s --noproxy '*' --max-time 10 http://{host}:{port}/ || echo refused");
    engine.output(id, &command).await
}

async fn limit(engine: &Engine, id: &str, settings: Value) {
    let (status, answer) = engine.post(&format!("/api/sandbox/{id}/network-settings"), settings).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
}

fn saw(server: &str, machine: &str) -> String {
    format!("{server} saw {machine}")
}

/// The process that is the engine's way out.
fn pasta(engine: &Engine) -> Option<Pid> {
    let name = |pid: &i32| std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    // It goes by the name of its package, too.
    let is_pasta = |pid: &i32| ["pasta", "passt"].iter().any(|own| name(pid).starts_with(own));
    children(engine.pid().as_raw()).into_iter().find(is_pasta).map(Pid::from_raw)
}

async fn assert_gone(pid: Pid) {
    wait_for(|| kill(pid, None).is_err().then_some(())).await;
}

#[tokio::test]
async fn sandboxes_reach_the_internet_and_resolve_names() {
    let internet = Internet::enter();
    let engine = ordinary_user::start(&[]).await;
    let (_, health) = engine.get("/api/health").await;
    let limits = &health["limits"];
    assert_eq!((&health["isolation"], &limits["network"]), (&json!("user-namespaces"), &json!("internet")), "{health}");
    assert_eq!(limits["ipv6"], true, "{health}");
    let id = engine.sandbox().await;
    assert_eq!(fetch(&engine, &id, PUBLIC[0]).await, saw(PUBLIC[0], MACHINE[0]));
    assert_eq!(fetch(&engine, &id, PUBLIC_V6).await, saw(PUBLIC_V6, MACHINE[1]));
    assert_eq!(fetch(&engine, &id, "second.example").await, saw(PUBLIC[1], MACHINE[0]));
    assert!(internet.heard().contains("asked b'\\x06second\\x07example'"), "{}", internet.heard());
    // What shows the network shows the sandbox's own; nobody inside is its administrator.
    assert_eq!(engine.output(&id, "ls /sys/class/net").await, "eth0\nlo");
    let (code, said) = engine.run(&id, "ip link set eth0 down 2>&1; mount -o remount,rw /sys 2>&1; touch /sys/x").await;
    assert_ne!(code, 0, "{said}");
    assert_eq!(engine.output(&id, "grep CapEff /proc/self/status").await, "CapEff:\t0000000000000000");
    // It is the same for the next start.
    assert_eq!(engine.post(&format!("/api/sandbox/{id}/stop"), json!({})).await.0, StatusCode::OK);
    assert_eq!(engine.post(&format!("/api/sandbox/{id}/start"), json!({})).await.0, StatusCode::OK);
    assert_eq!(fetch(&engine, &id, PUBLIC[1]).await, saw(PUBLIC[1], MACHINE[0]));
}

#[tokio::test]
async fn limits_hold_from_the_start_and_change_live() {
    let internet = Internet::enter();
    let engine = ordinary_user::start(&[("DAYTONA_LOCAL_ALLOW_NETWORK", "10.0.0.0/8")]).await;
    let blocked = id_of(&engine.create(json!({"networkBlockAll": true})).await);
    for host in PUBLIC.iter().chain([&PUBLIC_V6, &"tunnel.example"]) {
        assert_eq!(fetch(&engine, &blocked, host).await, "refused", "{host}");
    }
    assert!(!internet.heard().contains("tunnel"), "names are no way around a block: {}", internet.heard());

    let domains = id_of(&engine.create(json!({"domainAllowList": "some.example"})).await);
    assert_eq!(fetch(&engine, &domains, "some.example").await, saw(PUBLIC[0], MACHINE[0]));
    for host in [PUBLIC[0], "other.example"] {
        assert_eq!(fetch(&engine, &domains, host).await, "refused", "{host}");
    }

    // A connection that is open ends when it is not allowed any more.
    limit(&engine, &blocked, json!({"networkBlockAll": false})).await;
    assert_eq!(fetch(&engine, &blocked, PRIVATE[0]).await, saw(PRIVATE[0], MACHINE[0]), "the operator opened it");
    assert_eq!(fetch(&engine, &blocked, PRIVATE[1]).await, "refused");
    let stream = format!(
        "(curl -sN --noproxy '*' http://{}/stream > got 2>/dev/null; echo ended > end) >/dev/null 2>&1 & \
         until test -s got; do sleep 0.01; done",
        PUBLIC[0]
    );
    engine.output(&blocked, &stream).await;
    limit(&engine, &blocked, json!({"networkAllowList": format!("{}/32", PUBLIC[1])})).await;
    engine.output(&blocked, "until test -e end; do sleep 0.01; done").await;
    assert_eq!(fetch(&engine, &blocked, PUBLIC[1]).await, saw(PUBLIC[1], MACHINE[0]));
    assert_eq!(fetch(&engine, &blocked, PUBLIC[0]).await, "refused");

    let (status, log) = engine.get(&format!("/api/sandbox/{blocked}/network-log")).await;
    assert_eq!(status, StatusCode::OK, "{log}");
    let rules = log.to_string();
    assert!(rules.contains("network_block_all") && rules.contains("network_allow_list"), "{log}");
}

#[tokio::test]
async fn the_way_out_comes_back_after_its_end_and_ends_with_the_engine() {
    let _internet = Internet::enter();
    let engine = ordinary_user::start(&[]).await;
    let id = engine.sandbox().await;
    assert_eq!(fetch(&engine, &id, PUBLIC[0]).await, saw(PUBLIC[0], MACHINE[0]));
    let first = pasta(&engine).expect("the engine's way out");
    kill(first, Signal::SIGKILL).expect("it runs");
    harness::wait_for_response(async || {
        (fetch(&engine, &id, PUBLIC[0]).await == saw(PUBLIC[0], MACHINE[0])).then_some(())
    })
    .await;
    assert_eq!(fetch(&engine, &id, MACHINE[0]).await, "refused");

    let second = pasta(&engine).expect("the engine's way out");
    let directory = engine.end(Signal::SIGKILL).await;
    assert_gone(second).await;
    drop(directory);

    let engine = ordinary_user::start(&[]).await;
    let third = pasta(&engine).expect("the engine's way out");
    engine.end(Signal::SIGTERM).await;
    assert_gone(third).await;
}

/// Changes the network of the test.
fn ip(arguments: &str) {
    let done = std::process::Command::new("ip").args(arguments.split(' ')).status();
    assert!(done.expect("ip runs").success(), "ip {arguments}");
}

#[tokio::test]
async fn a_machine_that_gets_a_network_later_shares_it() {
    let _internet = Internet::enter();
    ip("link set up0 down");
    let engine = ordinary_user::start(&[]).await;
    let (_, health) = engine.get("/api/health").await;
    assert_eq!(health["limits"]["network"], "internet", "{health}");
    let id = engine.sandbox().await;
    assert_eq!(fetch(&engine, &id, PUBLIC[0]).await, "refused");
    ip("link set up0 up");
    ip(&format!("route add default via {GATEWAY}"));
    harness::wait_for_response(async || {
        (fetch(&engine, &id, PUBLIC[0]).await == saw(PUBLIC[0], MACHINE[0])).then_some(())
    })
    .await;
    assert_eq!(fetch(&engine, &id, MACHINE[0]).await, "refused");
    limit(&engine, &id, json!({"networkBlockAll": true})).await;
    assert_eq!(fetch(&engine, &id, PUBLIC[0]).await, "refused");
}

#[tokio::test]
async fn where_the_program_is_missing_there_is_loopback_only_and_the_engine_says_so() {
    let programs = tempfile::tempdir().expect("a temporary directory");
    std::fs::set_permissions(programs.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("ours");
    for program in ["unshare", "true", "setpriv", "test"] {
        std::os::unix::fs::symlink(format!("/usr/bin/{program}"), programs.path().join(program)).expect("a link");
    }
    let path = programs.path().to_str().expect("a path");
    let engine = ordinary_user::start(&[("PATH", path)]).await;
    let (_, health) = engine.get("/api/health").await;
    assert_eq!(health["limits"]["network"], "loopback-only", "{health}");
    assert!(health["limits"]["notEnforced"].to_string().contains("Debian package `passt`"), "{health}");
    let id = engine.sandbox().await;
    assert_eq!(engine.output(&id, "ls /sys/class/net").await, "lo");
}
