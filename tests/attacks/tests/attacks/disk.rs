//! Using up the disk: what a sandbox writes ends at its own limit and is gone with it.

use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use serde_json::json;

use crate::harness::{Engine, Level, at_both_levels, wait_for};

at_both_levels![
    files_end_at_the_limit_of_their_sandbox,
    numbers_of_files_end_at_the_limit_of_their_sandbox,
    sparse_and_deleted_files_count_by_what_they_hold,
    memory_file_systems_have_limits_of_their_own,
    nothing_else_can_be_written,
    what_a_sandbox_deletes_is_given_back,
    what_the_engine_notes_of_a_sandbox_stays_small,
    a_copy_is_named_in_files_of_its_own,
];

/// Whether limits hold here. Where they do not, the engine says so; a test would fill the machine's disk.
async fn is_limited(engine: &Engine) -> bool {
    let health = engine.get("/api/health").await.1;
    let limited = engine.level == Level::Root;
    assert_eq!(health["limits"]["disk"], limited, "{health}");
    assert_eq!(
        health["limits"]["notEnforced"].to_string().contains("disk limits are not enforced"),
        !limited,
        "{health}"
    );
    limited
}

async fn megabytes(engine: &Engine, id: &str, column: &str) -> u64 {
    let text = engine.output(id, &format!("df -m --output={column} ~ | tail -n 1 | tr -d ' '")).await;
    text.parse().expect("a number")
}

async fn files_end_at_the_limit_of_their_sandbox(engine: &Engine) {
    if !is_limited(engine).await {
        return;
    }
    let bystander = engine.bystander().await;
    let id = engine.with_disk(1).await;
    assert!((900..=1024).contains(&megabytes(engine, &id, "size").await));
    let (code, output) = engine.run(&id, "head -c 2G /dev/zero > fill").await;
    assert_ne!(code, 0);
    assert!(output.contains("No space left on device"), "{output}");
    for place in ["/tmp", "/var/tmp", "~/.cache"] {
        let (code, output) = engine.run(&id, &format!("mkdir -p {place}; head -c 100M /dev/zero > {place}/more")).await;
        assert_ne!(code, 0, "{place}: {output}");
    }
    let (status, answer) = engine.get(&format!("/toolbox/{id}/files?path=.")).await;
    assert!(status.is_success() && answer.to_string().contains("fill"), "{answer}");
    assert_eq!(engine.output(&bystander, "head -c 50M /dev/zero > other && rm other && echo room").await, "room");
    engine.assert_unharmed(&bystander).await;
    // Stopping and starting needs no room, and what was there is there.
    for change in ["stop", "start"] {
        let (status, answer) = engine.post(&format!("/api/sandbox/{id}/{change}"), json!({})).await;
        assert!(status.is_success(), "{answer}");
    }
    assert_eq!(engine.output(&id, "rm fill && head -c 100M /dev/zero > again && echo room").await, "room");
}

async fn numbers_of_files_end_at_the_limit_of_their_sandbox(engine: &Engine) {
    if !is_limited(engine).await {
        return;
    }
    let bystander = engine.bystander().await;
    let id = engine.with_disk(1).await;
    let program = "
import os
count = 0
try:
    while count < 1_000_000:
        if count % 10_000 == 0:
            os.makedirs(f'many/{count}')
            os.chdir(f'many/{count}')
        os.mknod(str(count))
        count += 1
except OSError as error:
    print(count, error.strerror)
";
    let (_, output) = engine.python(&id, program).await;
    assert!(output.contains("No space left on device"), "{output}");
    let count: u64 = output.split(' ').next().and_then(|word| word.parse().ok()).expect(&output);
    assert!((10_000..100_000).contains(&count), "{count} files");
    engine.assert_unharmed(&bystander).await;
    let (status, answer) = engine.post(&format!("/api/sandbox/{id}/stop"), json!({})).await;
    assert!(status.is_success(), "{answer}");
}

async fn sparse_and_deleted_files_count_by_what_they_hold(engine: &Engine) {
    if !is_limited(engine).await {
        return;
    }
    let bystander = engine.bystander().await;
    let id = engine.with_disk(1).await;
    // Holes take no room, and filling them ends where writing does.
    let program = "
import os
with open('sparse', 'wb', buffering=0) as file:
    file.truncate(1 << 40)
    print(os.stat('sparse').st_blocks)
    try:
        for position in range(0, 1 << 40, 1 << 30):
            file.seek(position)
            file.write(bytes(16 << 20))
    except OSError as error:
        print(error.strerror)
";
    let (_, output) = engine.python(&id, program).await;
    assert_eq!(output, "0\nNo space left on device\n");
    engine.output(&id, "rm sparse").await;
    let program = "
import os, subprocess, time
file = open('deleted', 'wb', buffering=0)
os.unlink('deleted')
try:
    while True:
        file.write(bytes(16 << 20))
except OSError as error:
    print(error.strerror)
print('written by another:', subprocess.run('head -c 100M /dev/zero > more', shell=True, capture_output=True).returncode)
";
    let (_, output) = engine.python(&id, program).await;
    assert_eq!(output, "No space left on device\nwritten by another: 1\n");
    assert!(megabytes(engine, &id, "avail").await > 800, "it ended with the process");
    engine.assert_unharmed(&bystander).await;
}

async fn memory_file_systems_have_limits_of_their_own(engine: &Engine) {
    let bystander = engine.bystander().await;
    for user in engine.users() {
        let id = engine.create(json!({"user": user})).await;
        for place in ["/dev/shm", "/run", "/dev"] {
            let many = format!(
                "cd {place} 2>/dev/null && python3 -c 'import os
for number in range(200_000): os.mknod(str(number))' 2>&1 | tail -n 1"
            );
            let (_, output) = engine.run(&id, &many).await;
            let refused = ["No space left on device", "Permission denied"].iter().any(|why| output.contains(why));
            assert!(refused, "{user}: {place}: {output}");
        }
        assert_eq!(engine.output(&id, "echo still here").await, "still here");
    }
    engine.assert_unharmed(&bystander).await;
}

/// Every mount that can be written is the sandbox's disk or has a size of its own.
async fn nothing_else_can_be_written(engine: &Engine) {
    for user in engine.users() {
        let id = engine.create(json!({"user": user})).await;
        let mounts = engine.output(&id, "cat /proc/self/mountinfo").await;
        for line in mounts.lines() {
            let (before, after) = line.split_once(" - ").expect("a separator");
            let place = before.split(' ').nth(4).expect("a place");
            let options: Vec<&str> = after.split(' ').collect();
            let written = format!("touch {place}/probe 2>/dev/null && rm {place}/probe && echo written");
            if engine.run(&id, &written).await.1 != "written\n" {
                continue;
            }
            let has_size = options[0] == "tmpfs" && options[2].contains("size=");
            let on_disk = options[0] == "overlay" || place == "/";
            assert!(has_size || on_disk, "{user} may write without a limit: {line}");
            if on_disk && is_limited(engine).await {
                assert!(megabytes(engine, &id, "size").await <= 3 << 10, "{line}");
            }
        }
    }
}

async fn what_a_sandbox_deletes_is_given_back(engine: &Engine) {
    if !is_limited(engine).await {
        return;
    }
    let id = engine.create(json!({})).await;
    let directory = engine.directory.path().join("sandboxes").join(&id);
    let image: PathBuf = directory.join("disk.img");
    let held = || image.metadata().map_or(0, |found| (found.blocks() * 512) >> 20);
    engine.output(&id, "head -c 200M /dev/urandom > file && sync file").await;
    assert!(held() >= 200, "{} MiB", held());
    engine.output(&id, "rm file && sync").await;
    wait_for(|| (held() < 50).then_some(())).await;
    let (status, answer) =
        crate::harness::read(engine.request(reqwest::Method::DELETE, &format!("/api/sandbox/{id}"))).await;
    assert!(status.is_success(), "{answer}");
    wait_for(|| (!directory.exists()).then_some(())).await;
    let devices = std::process::Command::new("losetup").arg("-a").output().expect("losetup runs");
    assert!(!String::from_utf8_lossy(&devices.stdout).contains(&id), "its device is left");
}

/// Outputs are on the sandbox's own disk, and nothing it runs has a file of the machine's open.
async fn what_the_engine_notes_of_a_sandbox_stays_small(engine: &Engine) {
    let id = engine.create(json!({})).await;
    let loud = "for p in $(seq 20); do echo x >&2; head -c 1000000 /dev/zero >&2; done; kill -SEGV $$";
    engine.run(&id, &format!("bash -c '{loud}'")).await;
    engine.post(&format!("/toolbox/{id}/process/session"), json!({"sessionId": "loud"})).await;
    engine.post(&format!("/toolbox/{id}/process/session/loud/exec"), json!({"command": loud})).await;
    for number in 0..300 {
        engine.get(&format!("/toolbox/{id}/files/download?path=/nothing/{number}{}", "x".repeat(2_000))).await;
        engine.post(&format!("/toolbox/{id}/process/execute"), json!({"command": number})).await;
    }
    let opened =
        "for n in /proc/[0-9]*/fd/*; do test -f $n -a -w $n && (echo x >> $n) 2>/dev/null && readlink $n; done; echo";
    engine.run(&id, opened).await;
    let directory = engine.directory.path().join("sandboxes").join(&id);
    let notes = directory.join("log").metadata().map_or(0, |found| found.len());
    assert!(notes < 16 << 10, "{notes} bytes");
}

async fn a_copy_is_named_in_files_of_its_own(engine: &Engine) {
    let outside = engine.directory.path().join("outside");
    std::fs::write(&outside, "the machine's").expect("our own directory");
    let bystander = engine.bystander().await;
    for user in engine.users() {
        let id = engine.create(json!({"user": user})).await;
        let links = format!("ln -sf {} /etc/hostname; rm -f /etc/hosts; mkdir /etc/hosts", outside.display());
        let (code, output) = engine.run(&id, &links).await;
        assert_eq!(code == 0, *user == "root", "{output}");
        let (status, answer) = engine.post(&format!("/api/sandbox/{id}/fork"), json!({})).await;
        assert!(status.is_success() && answer["state"] == "started", "{answer}");
        let copy = answer["id"].as_str().expect("an id");
        if engine.level == Level::Root {
            assert_eq!(engine.output(copy, "cat /etc/hostname").await, copy[..12]);
        }
        assert_eq!(std::fs::read_to_string(&outside).expect("still there"), "the machine's");
    }
    engine.assert_unharmed(&bystander).await;
}
