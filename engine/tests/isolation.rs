//! Things a sandbox cannot see, reach or use up.

mod harness;

use harness::{Engine, id_of};
use serde_json::json;

#[tokio::test]
async fn the_machines_private_files_do_not_exist_inside() {
    let engine = Engine::start().await;
    let secret = engine.directory.path().join("secret-of-the-machine");
    std::fs::write(&secret, "secret").unwrap();
    for user in ["daytona", "root"] {
        let id = id_of(&engine.create(json!({"user": user})).await);
        for path in [
            secret.to_str().unwrap(),
            engine.directory.path().to_str().unwrap(),
            "/etc/shadow",
            "/etc/gshadow",
            "/etc/ssh",
            "/etc/ssl/private",
            concat!("/proc/1/root", env!("CARGO_MANIFEST_DIR")),
            env!("CARGO_MANIFEST_DIR"),
            "/sys/fs/cgroup/*/daytona*",
        ] {
            let (code, output) = engine.run(&id, &format!("ls -d {path}")).await;
            assert_ne!(code, 0, "{user} sees {path}: {output}");
        }
        assert_eq!(engine.output(&id, "ls /home; ls -A /tmp").await, "daytona");
        let root = engine.output(&id, "ls -A /").await;
        let known = [
            "bin", "dev", "etc", "home", "lib", "lib32", "lib64", "libx32", "media", "mnt", "opt", "proc", "root",
            "run", "sbin", "srv", "sys", "tmp", "usr", "var",
        ];
        assert!(root.lines().all(|name| known.contains(&name)), "{root}");
    }
}

#[tokio::test]
async fn the_machines_processes_are_not_there() {
    let engine = Engine::start().await;
    let other = engine.sandbox().await;
    engine.output(&other, "nohup sleep 4242 >/dev/null 2>&1 & echo").await;
    let id = engine.sandbox().await;
    let processes =
        engine.output(&id, "cat /proc/[0-9]*/comm | sort | uniq -c | wc -l; ls /proc | grep -c '^[0-9]'").await;
    let count: usize = processes.lines().last().unwrap().parse().unwrap();
    assert!(count < 12, "{count} processes are visible");
    let (_, found) = engine.run(&id, "cat /proc/[0-9]*/cmdline | tr '\\0' ' '").await;
    assert!(!found.contains("4242"), "{found}");
    let (code, _) = engine.run(&id, &format!("kill -0 {}", engine.process.id())).await;
    assert_ne!(code, 0);
}

#[tokio::test]
async fn sandboxes_do_not_share_files_names_or_ports() {
    let engine = Engine::start().await;
    let (left, right) = (engine.sandbox().await, engine.sandbox().await);
    engine.output(&left, "echo left > /tmp/mine; echo left > ~/mine; echo left > /dev/shm/mine").await;
    engine.output(&left, "nohup python3 -m http.server 8123 >/dev/null 2>&1 & echo").await;
    let (_, seen) = engine.run(&right, "cat /tmp/mine ~/mine /dev/shm/mine 2>/dev/null").await;
    assert_eq!(seen, "");
    let connect = "python3 -c \"import socket; socket.create_connection(('127.0.0.1', 8123), 1)\"";
    assert_ne!(engine.run(&right, connect).await.0, 0);
    assert_ne!(engine.output(&left, "hostname").await, engine.output(&right, "hostname").await);
}

#[tokio::test]
async fn the_engine_is_out_of_reach() {
    let engine = Engine::start().await;
    let id = engine.sandbox().await;
    let port = engine.origin.rsplit(':').next().unwrap();
    let connect = format!("python3 -c \"import socket; socket.create_connection(('127.0.0.1', {port}), 1)\"");
    assert_ne!(engine.run(&id, &connect).await.0, 0);
    assert_eq!(engine.output(&id, "ls /sys/class/net").await, "eth0\nlo");
    let health = engine.get("/api/health").await.1;
    assert_eq!(health["limits"]["network"], "internet");
}

#[tokio::test]
async fn processes_inside_have_no_privileges_and_gain_none() {
    let engine = Engine::start().await;
    let id = engine.sandbox().await;
    let status = engine.output(&id, "cat /proc/self/status").await;
    for line in
        ["CapEff:\t0000000000000000", "CapPrm:\t0000000000000000", "CapInh:\t0000000000000000", "NoNewPrivs:\t1"]
    {
        assert!(status.contains(line), "{status}");
    }
    for command in [
        "ls /root",
        "cat /proc/1/environ",
        "readlink /proc/1/exe",
        "mount -t tmpfs x /mnt",
        "touch /usr/x",
        "unshare -U true",
    ] {
        assert_ne!(engine.run(&id, command).await.0, 0, "{command}");
    }
}

#[tokio::test]
async fn root_inside_is_not_root_outside() {
    let engine = Engine::start().await;
    let id = id_of(&engine.create(json!({"user": "root"})).await);
    assert_eq!(engine.output(&id, "id -u").await, "0");
    for command in [
        "mount -t tmpfs x /mnt",
        "mknod /tmp/disk b 8 0",
        "echo 1 > /proc/sys/kernel/panic",
        "echo b > /proc/sysrq-trigger",
        "chroot / true",
        "hostname other",
        "readlink /proc/1/exe",
        "ip link set lo down",
    ] {
        let (code, output) = engine.run(&id, command).await;
        assert_ne!(code, 0, "{command}: {output}");
    }
}

#[tokio::test]
async fn memory_beyond_the_limit_is_refused() {
    let engine = Engine::start().await;
    assert_eq!(engine.get("/api/health").await.1["limits"]["memory"], true);
    let id = id_of(&engine.sized(json!({"memory": 1})).await);
    let (code, _) = engine.run(&id, "python3 -c 'x = bytearray(1500 << 20)'").await;
    assert_ne!(code, 0);
    assert_eq!(engine.output(&id, "python3 -c 'x = bytearray(200 << 20); print(1)'").await, "1");
}

#[tokio::test]
async fn a_fork_bomb_stays_inside() {
    let engine = Engine::start().await;
    assert_eq!(engine.get("/api/health").await.1["limits"]["processes"], true);
    let id = engine.sandbox().await;
    let limits: Vec<_> = harness::control_groups(&id)
        .into_iter()
        .filter_map(|group| std::fs::read_to_string(format!("{group}/pids.max")).ok())
        .collect();
    assert_eq!(limits, ["4096\n"]);
}

#[tokio::test]
async fn processor_time_is_limited_to_what_was_asked_for() {
    let engine = Engine::start().await;
    assert_eq!(engine.get("/api/health").await.1["limits"]["cpu"], true);
    let id = id_of(&engine.sized(json!({"cpu": 2})).await);
    let groups = harness::control_groups(&id);
    let v1 = groups.iter().find_map(|group| std::fs::read_to_string(format!("{group}/cpu.cfs_quota_us")).ok());
    let v2 = groups.iter().find_map(|group| std::fs::read_to_string(format!("{group}/cpu.max")).ok());
    assert_eq!(v1.or(v2).unwrap().split_ascii_whitespace().next(), Some("200000"));
}

#[tokio::test]
async fn keyrings_are_not_a_way_between_sandboxes() {
    let engine = Engine::start().await;
    let id = engine.sandbox().await;
    let add_key = "import ctypes; libc = ctypes.CDLL(None, use_errno=True); \
                   print(libc.syscall(248, b'user', b'name', b'value', 5, -4), ctypes.get_errno())";
    assert_eq!(engine.output(&id, &format!("python3 -c \"{add_key}\"")).await, "-1 1");
}

#[tokio::test]
async fn without_isolation_the_engine_says_so_and_stopping_still_ends_everything() {
    let engine = Engine::start_in(tempfile::tempdir().unwrap(), &["0", "none"]).await;
    let health = engine.get("/api/health").await.1;
    assert_eq!(health["isolation"], "none");
    assert_eq!((&health["limits"]["memory"], &health["limits"]["network"]), (&json!(false), &json!("unrestricted")));
    let id = engine.sandbox().await;
    engine.output(&id, "(setsid nohup sleep 4243 >/dev/null 2>&1 &) ; echo").await;
    assert!(engine.sandbox_processes().len() >= 3, "the detached process is there");
    engine.post(&format!("/api/sandbox/{id}/stop"), json!({})).await;
    assert!(engine.sandbox_processes().is_empty());
}
