//! Ways out of a sandbox that has a network: to the machine, to its neighbours, in another's name. Real servers answer on every
//! address, in network namespaces of the test's own.

use serde_json::json;

use crate::harness::{Engine, Level, wait_for};
use crate::internet::{Internet, MACHINE, METADATA, PRIVATE, PUBLIC};

/// Makes each named attack, an `async fn(&Internet, &Engine)`, a test at either level.
macro_rules! on_an_internet_at_both_levels {
    ($($attack:ident),* $(,)?) => {
        mod as_root {
            $(#[tokio::test]
            async fn $attack() {
                let internet = super::Internet::enter();
                super::$attack(&internet, &super::Engine::start(super::Level::Root).await).await;
            })*
        }

        mod as_an_ordinary_user {
            $(#[tokio::test]
            async fn $attack() {
                let internet = super::Internet::enter();
                super::$attack(&internet, &super::Engine::start(super::Level::OrdinaryUser).await).await;
            })*
        }
    };
}

on_an_internet_at_both_levels!(
    nothing_of_the_machine_its_neighbours_or_private_networks_is_reached,
    addresses_that_the_machine_gets_later_are_closed_too,
    one_sandbox_does_not_use_up_the_connections_of_all,
    a_list_of_domains_is_not_undone_or_filled_up_from_inside,
);

/// What a server answers to a sandbox, or `refused`.
async fn fetch(engine: &Engine, id: &str, host: &str) -> String {
    let (host, port) = if host.contains(':') { (format!("[{host}]"), 8080) } else { (host.to_owned(), 80) };
    let command = format!("curl -s --noproxy '*' --max-time 10 http://{host}:{port}/ || echo refused");
    engine.output(id, &command).await
}

async fn nothing_of_the_machine_its_neighbours_or_private_networks_is_reached(internet: &Internet, engine: &Engine) {
    // A server of the machine's on all its addresses.
    let mut server = std::process::Command::new("python3")
        .args(["-m", "http.server", "--bind", "::", "80"])
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("python3 runs");
    let (attacker, victim) = (engine.create(json!({})).await, engine.create(json!({})).await);
    for user in engine.users() {
        let id = if *user == "daytona" { &attacker } else { &engine.create(json!({"user": user})).await };
        let own = engine.output(&victim, "hostname -I").await;
        let link_local =
            engine.output(id, "ip -6 addr show dev eth0 | sed -n 's/.*inet6 \\(fe80[^ /]*\\).*/\\1/p'").await;
        engine.output(&victim, "python3 -m http.server 80 >/dev/null 2>&1 & sleep 1").await;
        let mut addresses: Vec<String> = own.split_whitespace().map(str::to_owned).collect();
        addresses.extend(MACHINE.iter().chain(&PRIVATE).chain([&METADATA]).map(|address| (*address).to_owned()));
        addresses
            .extend(["198.18.0.0", "198.19.255.255", "0.0.0.0", "127.0.0.2", "::ffff:10.1.2.3"].map(str::to_owned));
        if !link_local.is_empty() {
            addresses.push(format!("{link_local}%25eth0"));
        }
        for address in addresses {
            assert_eq!(fetch(engine, id, &address).await, "refused", "{address} as {user}");
        }
        let port = engine.origin.rsplit_once(':').expect("a port").1;
        for address in [MACHINE[0], "127.0.0.1", "localhost"] {
            let command =
                format!("curl -s --noproxy '*' --max-time 10 http://{address}:{port}/api/health || echo refused");
            assert_eq!(engine.output(id, &command).await, "refused", "the engine at {address} as {user}");
        }
        let spoof = "import socket
for kind in (socket.SOCK_RAW, ):
    try:
        socket.socket(socket.AF_INET, kind, socket.IPPROTO_RAW); print('raw')
    except OSError: pass
try:
    socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0); print('packet')
except OSError: pass
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.IPPROTO_IP, 15, 1)
try:
    s.setsockopt(socket.IPPROTO_IP, 19, 1); print('transparent')
except OSError: pass
for source in ('198.18.0.77', '203.0.113.9'):
    try:
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.setsockopt(socket.IPPROTO_IP, 15, 1)
        s.bind((source, 0)); s.sendto(b'spoofed', ('198.51.100.1', 9999))
    except OSError: pass
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.sendto(b'honest', ('198.51.100.1', 9999))
print('done')";
        assert_eq!(engine.output(id, &format!("python3 -c \"{spoof}\"")).await, "done", "{user}");
        let change =
            "ip link set eth0 mtu 1000; ip addr add 10.9.9.9/24 dev eth0; ip route add 10.0.0.0/8 dev eth0; true";
        let changed = engine.output(id, &format!("({change}) 2>&1; ip addr; ip route")).await;
        assert!(!changed.contains("10.9.9.9"), "{changed}");
    }
    wait_for(|| internet.heard().contains("heard b'honest'").then_some(())).await;
    assert!(!internet.heard().contains("spoofed"), "{}", internet.heard());
    let _ = server.kill();
    let _ = server.wait();
}

async fn addresses_that_the_machine_gets_later_are_closed_too(_internet: &Internet, engine: &Engine) {
    const LATER: [&str; 2] = ["203.0.113.77", "2001:db8::77"];
    let id = engine.create(json!({})).await;
    let server = |port: &str| {
        let mut command = std::process::Command::new("python3");
        command.args(["-m", "http.server", "--bind", "::", port]);
        command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
        command.spawn().expect("python3 runs")
    };
    let mut servers = ["80", "8080"].map(server);
    for address in LATER {
        let length = if address.contains(':') { "64" } else { "24" };
        let added = std::process::Command::new("ip")
            .args(["addr", "add", &format!("{address}/{length}"), "dev", "up0"])
            .args(address.contains(':').then_some("nodad"))
            .status();
        assert!(added.expect("ip runs").success());
    }
    for address in LATER {
        // An ordinary user's engine is told of it a moment later.
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
        while fetch(engine, &id, address).await != "refused" {
            assert!(std::time::Instant::now() < deadline, "{address} stays open");
        }
    }
    for server in &mut servers {
        let _ = server.kill();
        let _ = server.wait();
    }
    let _ = std::process::Command::new("ip").args(["addr", "del", &format!("{}/24", LATER[0]), "dev", "up0"]).status();
    assert_eq!(fetch(engine, &id, PUBLIC[0]).await, format!("{} saw {}", PUBLIC[0], MACHINE[0]));
}

async fn one_sandbox_does_not_use_up_the_connections_of_all(_internet: &Internet, engine: &Engine) {
    let (attacker, bystander) = (engine.create(json!({})).await, engine.bystander().await);
    let flood = format!(
        "
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for port in range(10000, 30000):
    try: s.sendto(b'x', ('{}', port))
    except OSError: pass
print('sent')",
        PUBLIC[1]
    );
    assert_eq!(engine.python(&attacker, &flood).await, (0, "sent\n".to_owned()));
    if engine.level == Level::OrdinaryUser {
        // The connections are in a network of the engine's own.
        assert_eq!(fetch(engine, &bystander, PUBLIC[0]).await, format!("{} saw {}", PUBLIC[0], MACHINE[0]));
        return engine.assert_unharmed(&bystander).await;
    }
    let remembered = std::fs::read_to_string("/proc/thread-self/net/nf_conntrack").expect("the machine's connections");
    let own = remembered.lines().filter(|line| line.contains("dport=1") || line.contains("dport=2")).count();
    assert!((1000..5000).contains(&own), "{own} connections");
    assert_eq!(fetch(engine, &bystander, PUBLIC[0]).await, format!("{} saw {}", PUBLIC[0], MACHINE[0]));
    engine.assert_unharmed(&bystander).await;
}

async fn a_list_of_domains_is_not_undone_or_filled_up_from_inside(internet: &Internet, engine: &Engine) {
    let bystander = engine.bystander().await;
    let reaches = format!("{} saw {}", PUBLIC[0], MACHINE[0]);
    for user in engine.users() {
        let id = engine.create(json!({"domainAllowList": "some.example", "user": user})).await;
        assert_eq!(fetch(engine, &id, "some.example").await, reaches, "{user}");
        // Rules of the sandbox's network, sockets that are led nowhere, and the place where its connections arrive.
        let undo = "
import socket, struct
def message(kind, flags, body):
    return struct.pack('=IHHII', 16 + len(body), kind, flags, 1, 0) + body
try:
    rules = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)
    edge = b'\\0\\0\\0\\x0a'
    name = b'daytona\\0'
    table = b'\\1\\0\\0\\0' + struct.pack('=HH', 4 + len(name), 1) + name
    rules.send(message(16, 1, edge) + message(0xa02, 5, table) + message(17, 1, edge))
except OSError: pass
for option in ((socket.SOL_SOCKET, 36, 1), (socket.IPPROTO_IP, 19, 1), (socket.SOL_SOCKET, 25, b'lo')):
    s = socket.socket()
    try:
        s.setsockopt(*option)
        s.settimeout(5)
        s.connect(('198.51.100.2', 80))
        s.sendall(b'GET / HTTP/1.1\\r\\nHost: forged.example\\r\\n\\r\\n')
        if s.recv(9): print('reached', option)
    except OSError: pass
for line in open('/proc/net/tcp').readlines()[1:]:
    port = int(line.split()[1].split(':')[1], 16)
    for address in ('127.0.0.1', '127.9.9.9'):
        try:
            s = socket.create_connection((address, port), 5)
            s.sendall(b'GET / HTTP/1.1\\r\\nHost: some.example\\r\\n\\r\\n')
            if s.recv(9).startswith(b'HTTP/1.1 2'): print('through', port)
        except OSError: pass
print('tried')";
        assert_eq!(engine.python(&id, undo).await, (0, "tried\n".to_owned()), "{user}");
        for host in [PUBLIC[0], PUBLIC[1], "other.example"] {
            assert_eq!(fetch(engine, &id, host).await, "refused", "{host} as {user}");
        }
        let fill = format!(
            "
import socket
held = []
for _ in range(900):
    try:
        s = socket.create_connection(('{}', 80), 5)
        s.sendall(b'G')
        held.append(s)
    except OSError: pass
print('held')",
            PUBLIC[0]
        );
        assert_eq!(engine.python(&id, &fill).await, (0, "held\n".to_owned()), "{user}");
        assert_eq!(fetch(engine, &bystander, PUBLIC[0]).await, reaches);
        assert_eq!(fetch(engine, &id, "some.example").await, reaches, "{user}");
        engine.assert_unharmed(&bystander).await;
    }
    assert!(!internet.heard().contains("forged"), "{}", internet.heard());
}
