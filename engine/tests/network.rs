//! What sandboxes reach on the network, tried against real servers in networks of the tests' own. Needs root.

mod harness;
#[path = "harness/internet.rs"]
mod internet;

use harness::Engine;
use internet::{GATEWAY, Internet, MACHINE, METADATA, PRIVATE, PUBLIC, PUBLIC_V6};
use nix::sys::signal::Signal;
use reqwest::StatusCode;
use serde_json::json;

async fn sandbox(engine: &Engine, settings: serde_json::Value) -> String {
    harness::id_of(&engine.create(settings).await)
}

/// What a server answers to a sandbox, or `refused`, quickly either way.
async fn fetch(engine: &Engine, id: &str, host: &str) -> String {
    let (host, port) = if host.contains(':') { (format!("[{host}]"), 8080) } else { (host.to_owned(), 80) };
    let command = format!("curl -s --noproxy '*' --max-time 10 http://{host}:{port}/ || echo refused");
    engine.output(id, &command).await
}

async fn limit(engine: &Engine, id: &str, settings: serde_json::Value) {
    let (status, answer) = engine.post(&format!("/api/sandbox/{id}/network-settings"), settings).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
}

fn saw(server: &str, machine: &str) -> String {
    format!("{server} saw {machine}")
}

#[tokio::test]
async fn sandboxes_reach_the_internet_and_resolve_names() {
    let internet = Internet::enter();
    let engine = Engine::start().await;
    let (_, health) = engine.get("/api/health").await;
    assert_eq!(
        (&health["limits"]["network"], &health["limits"]["ipv6"]),
        (&json!("internet"), &json!(true)),
        "{health}"
    );
    let id = sandbox(&engine, json!({})).await;
    assert_eq!(fetch(&engine, &id, PUBLIC[0]).await, saw(PUBLIC[0], MACHINE[0]));
    assert_eq!(fetch(&engine, &id, PUBLIC_V6).await, saw(PUBLIC_V6, MACHINE[1]));
    let addresses = std::fs::read_to_string("/proc/thread-self/net/if_inet6").unwrap();
    assert!(!addresses.contains(" dyt"), "a sandbox gives the machine no address: {addresses}");
    assert_eq!(fetch(&engine, &id, "some.example").await, saw(PUBLIC[0], MACHINE[0]));
    assert!(internet.heard().contains("asked b'\\x04some\\x07example'"), "{}", internet.heard());
    let over_tcp = "import socket, struct
s = socket.create_connection(('127.0.0.53', 53))
q = b'\\x12\\x34\\1\\0\\0\\1\\0\\0\\0\\0\\0\\0\\3tcp\\7example\\0\\0\\1\\0\\1'
s.sendall(struct.pack('>H', len(q)) + q)
print(socket.inet_ntoa(s.recv(4096)[-4:]))";
    assert_eq!(engine.output(&id, &format!("python3 -c \"{over_tcp}\"")).await, PUBLIC[0]);
    // It can still be used by others after a stop and a start, with whatever network it gets.
    assert_eq!(engine.post(&format!("/api/sandbox/{id}/stop"), json!({})).await.0, StatusCode::OK);
    assert_eq!(engine.post(&format!("/api/sandbox/{id}/start"), json!({})).await.0, StatusCode::OK);
    assert_eq!(fetch(&engine, &id, PUBLIC[1]).await, saw(PUBLIC[1], MACHINE[0]));
}

#[tokio::test]
async fn limits_hold_from_the_start_and_change_live() {
    let internet = Internet::enter();
    let engine = Engine::start().await;
    let blocked = sandbox(&engine, json!({"networkBlockAll": true})).await;
    let nothing = sandbox(&engine, json!({"networkAllowList": ""})).await;
    let domains = sandbox(&engine, json!({"domainAllowList": "some.example"})).await;
    for id in [&blocked, &nothing, &domains] {
        for host in PUBLIC.iter().chain([&PUBLIC_V6, &"tunnel.example", &GATEWAY]) {
            assert_eq!(fetch(&engine, id, host).await, "refused", "{host}");
        }
    }
    assert!(!internet.heard().contains("tunnel"), "names are no way around a block: {}", internet.heard());

    let one = sandbox(&engine, json!({"networkAllowList": format!("{}/32, 192.168.7.0/24", PUBLIC[1])})).await;
    assert_eq!(fetch(&engine, &one, PUBLIC[1]).await, saw(PUBLIC[1], MACHINE[0]));
    for host in [PUBLIC[0], PUBLIC_V6, "192.168.7.7", MACHINE[0]] {
        assert_eq!(fetch(&engine, &one, host).await, "refused", "{host}: a list opens nothing that is closed");
    }

    // A connection that is open ends when it is not allowed any more; one that is allowed goes on.
    let stream = |host: &str| {
        format!("curl -sN --noproxy '*' http://{host}/stream > got-{host} 2>/dev/null; echo ended > end-{host}")
    };
    limit(&engine, &blocked, json!({"networkBlockAll": false})).await;
    assert_eq!(fetch(&engine, &blocked, PUBLIC[0]).await, saw(PUBLIC[0], MACHINE[0]));
    for host in PUBLIC {
        let command = json!({"command": format!("setsid sh -c '{}' >/dev/null 2>&1 & until test -s got-{host}; do sleep 0.01; done", stream(host))});
        let (status, answer) = engine.post(&format!("/toolbox/{blocked}/process/execute"), command).await;
        assert_eq!((status, &answer["exitCode"]), (StatusCode::OK, &json!(0)), "{answer}");
    }
    limit(&engine, &blocked, json!({"networkAllowList": format!("{}/32", PUBLIC[1])})).await;
    // It is cut before the call returns; only the program may take its time to notice.
    assert_eq!(engine.output(&blocked, "grep -c ' 016433C6:0050 01 ' /proc/net/tcp || true").await, "0");
    assert_eq!(engine.output(&blocked, "grep -c ' 026433C6:0050 01 ' /proc/net/tcp || true").await, "1");
    let wait = format!("until test -e end-{}; do sleep 0.01; done", PUBLIC[0]);
    engine.output(&blocked, &wait).await;
    let goes_on = format!(
        "a=$(stat -c %s got-{0}); until test $(stat -c %s got-{0}) -gt $a; do sleep 0.01; done; ls end-{0} 2>/dev/null; true",
        PUBLIC[1]
    );
    assert_eq!(engine.output(&blocked, &goes_on).await, "");
    assert_eq!(fetch(&engine, &blocked, PUBLIC[0]).await, "refused");

    // Settings outlive a restart of the sandbox and of the engine.
    let engine = engine.restart_after(Signal::SIGKILL).await;
    assert_eq!(engine.post(&format!("/api/sandbox/{blocked}/start"), json!({})).await.0, StatusCode::OK);
    assert_eq!(fetch(&engine, &blocked, PUBLIC[0]).await, "refused");
    assert_eq!(fetch(&engine, &blocked, PUBLIC[1]).await, saw(PUBLIC[1], MACHINE[0]));
}

#[tokio::test]
async fn the_operator_opens_private_networks_and_nothing_else() {
    let _internet = Internet::enter();
    let directory = tempfile::tempdir().unwrap();
    let engine = Engine::start_with(
        directory,
        &[],
        &[("DAYTONA_LOCAL_ALLOW_NETWORK", "10.1.0.0/16,169.254.0.0/16,203.0.113.0/24,fd12::/32")],
    )
    .await;
    let id = sandbox(&engine, json!({})).await;
    assert_eq!(fetch(&engine, &id, PRIVATE[0]).await, saw(PRIVATE[0], MACHINE[0]));
    assert_eq!(fetch(&engine, &id, PRIVATE[4]).await, saw(PRIVATE[4], MACHINE[1]));
    for address in [PRIVATE[1], PRIVATE[2], METADATA, MACHINE[0]] {
        assert_eq!(fetch(&engine, &id, address).await, "refused", "{address}");
    }
}

/// Links, tables and settings that an engine makes on the machine.
fn traces() -> String {
    let links = std::process::Command::new("ip").args(["-o", "link"]).output().expect("ip runs").stdout;
    let links = String::from_utf8_lossy(&links).lines().filter(|line| line.contains(": dyt")).count();
    let forwards = std::fs::read_to_string("/proc/sys/net/ipv4/conf/up0/forwarding").unwrap();
    format!("links: {}, forwarding: {}", links > 0, forwards.trim())
}

#[tokio::test]
async fn an_engine_leaves_the_machine_as_it_was() {
    let _internet = Internet::enter();
    let before = traces();
    assert_eq!(before, "links: false, forwarding: 0");
    let engine = Engine::start().await;
    let id = sandbox(&engine, json!({"networkBlockAll": true})).await;
    assert_eq!(traces(), "links: true, forwarding: 1");
    let engine = engine.restart_after(Signal::SIGKILL).await;
    assert_eq!(engine.post(&format!("/api/sandbox/{id}/start"), json!({})).await.0, StatusCode::OK);
    assert_eq!(fetch(&engine, &id, PUBLIC[0]).await, "refused");
    // Others share the machine without disturbing each other.
    let other = Engine::start().await;
    let theirs = sandbox(&other, json!({})).await;
    assert_eq!(fetch(&other, &theirs, PUBLIC[0]).await, saw(PUBLIC[0], MACHINE[0]));
    drop(engine.end(Signal::SIGTERM).await);
    assert_eq!(fetch(&other, &theirs, PUBLIC[0]).await, saw(PUBLIC[0], MACHINE[0]));
    drop(other.end(Signal::SIGTERM).await);
    assert_eq!(traces(), before);
}

/// Changes the network of the test.
fn ip(arguments: &str) {
    let done = std::process::Command::new("ip").args(arguments.split(' ')).status();
    assert!(done.expect("ip runs").success(), "ip {arguments}");
}

#[tokio::test]
async fn a_link_that_the_machine_raises_later_leads_out_too() {
    let _internet = Internet::enter();
    ip("link set up0 down");
    let engine = Engine::start().await;
    let id = sandbox(&engine, json!({})).await;
    assert_eq!(fetch(&engine, &id, PUBLIC[0]).await, "refused");
    assert_eq!(traces(), "links: true, forwarding: 0");
    for change in ["addr flush dev up0", "link set up0 up", &format!("addr add {}/24 dev up0", MACHINE[0])] {
        ip(change);
    }
    ip(&format!("route add default via {GATEWAY}"));
    harness::wait_for_response(async || {
        (fetch(&engine, &id, PUBLIC[0]).await == saw(PUBLIC[0], MACHINE[0])).then_some(())
    })
    .await;
    drop(engine.end(Signal::SIGTERM).await);
    assert_eq!(traces(), "links: false, forwarding: 0");
}

/// A machine behind the machine of the test, which forwards IPv4 for it as for containers of others.
struct Guest(std::process::Child);

impl Guest {
    async fn enter() -> Self {
        let guest = std::process::Command::new("unshare").args(["--net", "sleep", "1000"]).spawn();
        let guest = Self(guest.expect("unshare runs"));
        let pid = guest.0.id();
        let own = std::fs::read_link("/proc/thread-self/ns/net").expect("a namespace");
        harness::wait_for(|| {
            std::fs::read_link(format!("/proc/{pid}/ns/net")).is_ok_and(|theirs| theirs != own).then_some(())
        })
        .await;
        std::fs::write("/proc/sys/net/ipv4/ip_forward", "1").expect("root may");
        ip(&format!("link add vm0 type veth peer name guest0 netns {pid}"));
        ip("addr add 192.0.2.1/24 dev vm0");
        ip("link set vm0 up");
        guest.run("ip addr add 192.0.2.2/24 dev guest0; ip link set guest0 up; ip route add default via 192.0.2.1");
        nft(&[
            "table ip others { chain post { type nat hook postrouting priority srcnat; oifname \"up0\" masquerade; }; }",
        ]);
        guest
    }

    fn run(&self, command: &str) -> String {
        let network = format!("--net=/proc/{}/ns/net", self.0.id());
        let done = std::process::Command::new("nsenter").args([&network, "sh", "-ec", command]).output();
        String::from_utf8_lossy(&done.expect("nsenter runs").stdout).into_owned()
    }

    fn fetch(&self, host: &str) -> String {
        self.run(&format!("curl -s --noproxy '*' --max-time 10 http://{host}/ || echo refused"))
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn whoever_the_machine_forwards_for_goes_on_beside_an_engine() {
    let _internet = Internet::enter();
    let guest = Guest::enter().await;
    let sees = saw(PUBLIC[0], MACHINE[0]);
    assert_eq!(guest.fetch(PUBLIC[0]), sees);
    let engine = Engine::start().await;
    let id = sandbox(&engine, json!({})).await;
    assert_eq!(fetch(&engine, &id, PUBLIC[0]).await, sees);
    assert_eq!(guest.fetch(PUBLIC[0]), sees);
    // IPv6 it forwards for sandboxes alone.
    assert_eq!(fetch(&engine, &id, PUBLIC_V6).await, saw(PUBLIC_V6, MACHINE[1]));
    drop(engine.end(Signal::SIGTERM).await);
    assert_eq!(guest.fetch(PUBLIC[0]), sees);
}

/// Runs nftables' own program in the network of the test.
fn nft(arguments: &[&str]) -> String {
    let output = std::process::Command::new("/usr/sbin/nft").args(arguments).output().expect("nft runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[tokio::test]
async fn the_machines_own_rules_are_left_alone_and_hold() {
    let _internet = Internet::enter();
    // As firewalls, Docker and others write theirs.
    nft(&[&format!(
        "table inet neighbour {{
            set theirs {{ type ipv4_addr; flags interval; elements = {{ {}/32 }}; }}
            chain forward {{ type filter hook forward priority filter; policy accept; ip daddr @theirs reject with tcp reset; }}
            chain input {{ type filter hook input priority filter; policy accept; tcp dport 9 drop; }}
        }}
        table ip nat {{ chain postrouting {{ type nat hook postrouting priority srcnat; oifname \"none\" masquerade; }}; }}",
        PUBLIC[1]
    )]);
    let (theirs, tables) = (["inet", "ip"], nft(&["list", "tables"]));
    let names = ["neighbour", "nat"];
    let rules = || -> Vec<String> {
        theirs.iter().zip(names).map(|(family, name)| nft(&["-s", "list", "table", family, name])).collect()
    };
    let before = rules();
    let engine = Engine::start().await;
    let id = sandbox(&engine, json!({})).await;
    assert_ne!(nft(&["list", "tables"]), tables, "the engine has a table of its own");
    assert_eq!(fetch(&engine, &id, PUBLIC[0]).await, saw(PUBLIC[0], MACHINE[0]));
    assert_eq!(fetch(&engine, &id, PUBLIC[1]).await, "refused", "what others refuse stays refused");
    limit(&engine, &id, json!({"networkAllowList": "198.51.100.0/24"})).await;
    assert_eq!(fetch(&engine, &id, PUBLIC[1]).await, "refused", "whatever a sandbox's list says");
    assert_eq!(rules(), before);
    let engine = engine.restart_after(Signal::SIGKILL).await;
    assert_eq!(rules(), before);
    drop(engine.end(Signal::SIGTERM).await);
    assert_eq!((rules(), nft(&["list", "tables"])), (before, tables));
}

/// The last attempt at a name or address, as the log has it.
fn logged<'a>(log: &'a serde_json::Value, protocol: &str, target: &str) -> Option<&'a serde_json::Value> {
    let entries = log["entries"].as_array().expect("entries");
    let is_it = |entry: &&serde_json::Value| {
        entry["protocol"] == protocol && (entry["name"] == target || entry["address"] == target)
    };
    entries.iter().rev().find(is_it)
}

#[tokio::test]
async fn the_log_says_what_was_tried_which_rule_decided_and_what_would_allow_it() {
    let _internet = Internet::enter();
    let engine = Engine::start().await;
    let id = sandbox(&engine, json!({})).await;
    assert_eq!(fetch(&engine, &id, "some.example").await, saw(PUBLIC[0], MACHINE[0]));
    assert_eq!(fetch(&engine, &id, PUBLIC[1]).await, saw(PUBLIC[1], MACHINE[0]));
    for address in [PRIVATE[0], METADATA, MACHINE[0]] {
        assert_eq!(fetch(&engine, &id, address).await, "refused");
    }
    let path = format!("/api/sandbox/{id}/network-log");
    let log = wait_until(&engine, &path, |log| logged(log, "tcp", MACHINE[0]).is_some()).await;
    for (protocol, target, allowed, rule) in [
        ("dns", "some.example", true, "default"),
        ("tcp", "some.example", true, "default"),
        ("tcp", PUBLIC[1], true, "default"),
        ("tcp", PRIVATE[0], false, "private_network"),
        ("tcp", METADATA, false, "unreachable"),
        ("tcp", MACHINE[0], false, "unreachable"),
    ] {
        let entry = logged(&log, protocol, target).unwrap_or_else(|| panic!("{protocol} {target}: {log}"));
        assert_eq!((&entry["allowed"], &entry["rule"]), (&json!(allowed), &json!(rule)), "{entry}");
        assert!(protocol == "dns" || entry["port"] == 80, "{entry}");
    }
    // The lists it gives allow all that it needed, and nothing more.
    let (domains, networks) = (&log["domainAllowList"], &log["networkAllowList"]);
    assert_eq!((domains, networks), (&json!("some.example"), &json!(format!("{}/32", PUBLIC[1]))), "{log}");
    assert_eq!((&log["complete"], &log["dropped"]), (&json!(true), &json!(0)));
    let listed = sandbox(&engine, json!({"domainAllowList": domains, "networkAllowList": networks})).await;
    assert_eq!(fetch(&engine, &listed, "some.example").await, saw(PUBLIC[0], MACHINE[0]));
    assert_eq!(fetch(&engine, &listed, PUBLIC[1]).await, saw(PUBLIC[1], MACHINE[0]));
    assert_eq!(fetch(&engine, &listed, "other.example").await, "refused");
    engine.run(&listed, "python3 -c \"import socket; socket.socket(2, 2).sendto(b'x', ('198.51.100.1', 443))\"").await;
    let path = format!("/api/sandbox/{listed}/network-log");
    let log = wait_until(&engine, &path, |log| logged(log, "udp", PUBLIC[0]).is_some()).await;
    for (protocol, target, allowed) in
        [("http", "some.example", true), ("dns", "other.example", false), ("udp", PUBLIC[0], false)]
    {
        let entry = logged(&log, protocol, target).unwrap_or_else(|| panic!("{protocol} {target}: {log}"));
        assert_eq!((&entry["allowed"], &entry["rule"]), (&json!(allowed), &json!("domain_allow_list")), "{entry}");
    }
    // A flood neither fills the log nor hides that there was one.
    let flood = "python3 -c \"
import socket
s = socket.socket(2, 2)
for number in range(20000):
    name = b'n%d' % number
    s.sendto(b'\\x12\\x34\\1\\0\\0\\1\\0\\0\\0\\0\\0\\0' + bytes([len(name)]) + name + b'\\7example\\0\\0\\1\\0\\1', ('127.0.0.53', 53))
\"";
    assert_eq!(engine.run(&listed, flood).await.0, 0);
    // What is dropped on its way to the log is counted before the log is full.
    let is_full = |log: &serde_json::Value| log["entries"].as_array().is_some_and(|entries| entries.len() >= 256);
    let log = wait_until(&engine, &path, |log| is_full(log) && log["dropped"].as_u64() > Some(0)).await;
    assert_eq!((log["entries"].as_array().map(Vec::len), &log["complete"]), (Some(256), &json!(false)));
}

async fn wait_until(engine: &Engine, path: &str, is_there: impl Fn(&serde_json::Value) -> bool) -> serde_json::Value {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(120);
    loop {
        let (status, answer) = engine.get(path).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        if is_there(&answer) {
            return answer;
        }
        assert!(std::time::Instant::now() < deadline, "{answer}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}
