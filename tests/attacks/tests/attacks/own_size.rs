//! The machine's size is not the sandbox's: what programs find fits what they may use, and asking for it harms nobody.

use serde_json::{Value, json};

use crate::harness::{Engine, Level, at_both_levels, wait_for};

at_both_levels![
    the_machines_size_is_not_seen,
    runtimes_of_languages_find_the_size,
    what_is_used_is_seen_at_once,
    asking_without_end_harms_nobody,
    what_shows_the_size_cannot_be_changed,
];

async fn of_one_processor(engine: &Engine) -> String {
    let health = engine.get("/api/health").await.1;
    assert_eq!(health["limits"]["ownSize"], true, "{health}");
    engine.with_memory(1).await
}

/// A line of `/proc/meminfo`, in kilobytes.
async fn memory(engine: &Engine, id: &str, name: &str) -> u64 {
    let text = engine.output(id, &format!("grep '^{name}:' /proc/meminfo | tr -dc 0-9")).await;
    text.parse().expect("a number")
}

async fn the_machines_size_is_not_seen(engine: &Engine) {
    let id = of_one_processor(engine).await;
    for (command, expected) in [
        ("nproc", "1"),
        ("grep -c ^processor /proc/cpuinfo", "1"),
        ("grep -c '^cpu[0-9]' /proc/stat", "1"),
        ("cat /sys/devices/system/cpu/online | tr -dc ',-' | wc -c", "0"),
        ("cmp /sys/devices/system/cpu/online /sys/devices/system/cpu/possible && echo same", "same"),
        ("free -m | awk '/Mem/ {print $2}'", "1024"),
        ("grep -c ^btime /proc/stat", "1"),
        ("awk '{print NF}' /proc/loadavg", "5"),
    ] {
        assert_eq!(engine.output(&id, command).await, expected, "{command}");
    }
    assert_eq!(memory(engine, &id, "MemTotal").await, 1 << 20);
    assert!(memory(engine, &id, "MemFree").await > 900 << 10);
    if engine.level == Level::Root {
        let groups = "cat /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null || cat /sys/fs/cgroup/memory.max";
        assert_eq!(engine.output(&id, groups).await, (1_u64 << 30).to_string());
        let groups = "cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us 2>/dev/null || cut -d' ' -f1 /sys/fs/cgroup/cpu.max";
        assert_eq!(engine.output(&id, groups).await, "100000");
        // Of the machine's and of others' there is nothing.
        assert_eq!(engine.output(&id, "find /sys/fs/cgroup -mindepth 2 -type d | wc -l").await, "0");
        let own =
            engine.output(&id, "cat /sys/fs/cgroup/memory/tasks 2>/dev/null || cat /sys/fs/cgroup/cgroup.procs").await;
        assert!(own.lines().all(|line| line != "0"), "processes of others: {own}");
    }
    let metrics = engine.get(&format!("/toolbox/{id}/system/metrics")).await.1;
    assert_eq!((&metrics["cpuCount"], &metrics["memTotal"]), (&json!(1), &json!(1_u64 << 30)), "{metrics}");
    // Times of processes are still right.
    let age = engine.output(&id, "sleep 2; ps -o etimes= -p $$ | tr -d ' '").await;
    assert!((2..60).contains(&age.parse::<u32>().expect(&age)), "{age} seconds");
}

async fn runtimes_of_languages_find_the_size(engine: &Engine) {
    let id = of_one_processor(engine).await;
    let python =
        "import os, multiprocessing; print(os.cpu_count(), len(os.sched_getaffinity(0)), multiprocessing.cpu_count())";
    assert_eq!(engine.python(&id, python).await, (0, "1 1 1\n".to_owned()));
    let node = "const os = require('os'); console.log(os.cpus().length, os.totalmem())";
    let (code, output) = engine.run(&id, &format!("command -v node >/dev/null || exit 127; node -e \"{node}\"")).await;
    assert!(code == 127 || output == format!("1 {}\n", 1_u64 << 30), "{output}");
    let java = "command -v java >/dev/null || exit 127; java -XshowSettings:system -Xlog:os+container=warning -version 2>&1; \
                echo 'System.out.println(Runtime.getRuntime().availableProcessors());' | timeout 100 jshell -s - 2>/dev/null";
    if engine.level == Level::Root {
        let (code, output) = engine.run(&id, java).await;
        assert!(code == 127 || output.contains("1.00G") && output.ends_with("1\n"), "{code} {output}");
    }
}

async fn what_is_used_is_seen_at_once(engine: &Engine) {
    let id = of_one_processor(engine).await;
    let free = memory(engine, &id, "MemFree").await;
    let hungry =
        "nohup python3 -c 'x = bytearray(b\"x\") * (300 << 20); import time; time.sleep(600)' >/dev/null 2>&1 &";
    engine.output(&id, &format!("{hungry} sleep 3; echo")).await;
    for _ in 0..100 {
        if memory(engine, &id, "MemFree").await + (280 << 10) < free {
            break;
        }
    }
    let left = memory(engine, &id, "MemFree").await;
    assert!(left + (280 << 10) < free && left > 300 << 10, "{free} kB were free before, {left} kB after");
    let times = "awk '/^cpu / {print $2 + $4}' /proc/stat";
    let before: u64 = engine.output(&id, times).await.parse().expect("a number");
    engine.output(&id, "timeout 10 sh -c 'i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done'; echo").await;
    let after: u64 = engine.output(&id, times).await.parse().expect("a number");
    assert!(after > before + 5, "{before} {after}");
    let load = engine.output(&id, "cut -d' ' -f1 /proc/loadavg").await;
    assert!(load.parse::<f64>().is_ok_and(|load| (0.0..1.5).contains(&load)), "{load}");
}

async fn asking_without_end_harms_nobody(engine: &Engine) {
    let bystander = engine.bystander().await;
    // Two processors: on one, those who ask and the one who answers take turns.
    let size = json!({"cpu": 2, "memory": 1, "buildInfo": {"dockerfileContent": "FROM default"}});
    let id = engine.create(size).await;
    let processors = engine.output(&id, "nproc").await;
    let attack = "
import os, sys
for _ in range(40):
    if os.fork() == 0:
        kept = [open(name) for name in ('/proc/meminfo', '/proc/stat', '/proc/loadavg') * 300]
        while True:
            for file in kept:
                file.seek(0)
                file.read(1 + os.getpid() % 7)
                os.pread(file.fileno(), 100_000, 3)
";
    engine
        .python(&id, &format!("import os\nif os.fork(): os._exit(0)\n[os.close(n) for n in (0, 1, 2)]\n{attack}"))
        .await;
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    engine.assert_unharmed(&bystander).await;
    assert_eq!(engine.output(&bystander, "nproc").await, "1");
    let (status, answer) = engine.post(&format!("/api/sandbox/{id}/stop"), json!({})).await;
    assert!(status.is_success() && answer["state"] == "stopped", "{answer}");
    let (status, answer) = engine.post(&format!("/api/sandbox/{id}/start"), json!({})).await;
    assert!(status.is_success(), "{answer}");
    assert_eq!(engine.output(&id, "nproc").await, processors);
    // Ended together with their sandbox, readers do not keep it.
    engine
        .python(&id, &format!("import os\nif os.fork(): os._exit(0)\n[os.close(n) for n in (0, 1, 2)]\n{attack}"))
        .await;
    let (status, answer) =
        crate::harness::read(engine.request(reqwest::Method::DELETE, &format!("/api/sandbox/{id}"))).await;
    assert!(status.is_success(), "{answer}");
    let files = engine.directory.path().join("sandboxes").join(&id);
    wait_for(|| (!files.exists()).then_some(())).await;
    engine.assert_unharmed(&bystander).await;
}

async fn what_shows_the_size_cannot_be_changed(engine: &Engine) {
    for user in engine.users() {
        let id = engine.create(json!({"user": user})).await;
        for attack in [
            "echo x > /proc/meminfo",
            "rm -f /proc/meminfo",
            "chmod 777 /proc/meminfo",
            "umount /proc/meminfo",
            "mount -t tmpfs none /proc",
            "echo 1 > /sys/fs/cgroup/cgroup.procs",
            "echo -1 > /sys/fs/cgroup/cpu/cpu.cfs_quota_us",
            "echo 1 > /sys/fs/cgroup/memory/memory.force_empty",
            "mkdir /sys/fs/cgroup/memory/own",
            "ls /dev/.sizes",
            "python3 -c 'import os; os.open(\"/dev/fuse\", os.O_RDWR)'",
        ] {
            let (code, output) = engine.run(&id, &format!("({attack}) 2>&1")).await;
            assert_ne!(code, 0, "{user}: {attack}: {output}");
        }
        assert_eq!(memory(engine, &id, "MemTotal").await, 1 << 20);
        let own: Value = engine.get(&format!("/api/sandbox/{id}")).await.1;
        assert_eq!(own["state"], "started");
    }
}
