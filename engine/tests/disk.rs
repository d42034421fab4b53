//! A sandbox's own disk: it stays as it is, grows when it is told to, and is gone with its sandbox. Needs root.

mod harness;

use std::process::Command;

use harness::{Engine, id_of, wait_for};
use nix::sys::signal::Signal;
use reqwest::StatusCode;
use serde_json::{Value, json};

/// A file of each kind, and what describes all of them.
const MAKE: &str = "mkdir -p kept && cd kept && head -c 3M /dev/urandom > data && ln -s data link && ln data hard && \
                    truncate -s 1G sparse && chmod 640 data && mkfifo pipe && touch -d 2001-02-03T04:05:06Z old && sync";
const DESCRIBE: &str = "cd ~/kept && stat -c '%n %F %s %b %a %u %g %h %Y' * && sha256sum data && readlink link";

async fn change(engine: &Engine, id: &str, change: &str) {
    let (status, answer) = engine.post(&format!("/api/sandbox/{id}/{change}"), json!({})).await;
    assert_eq!(status, StatusCode::OK, "{change}: {answer}");
}

async fn size_in_gib(engine: &Engine, id: &str) -> u64 {
    let megabytes = engine.output(id, "df -m --output=size / | tail -n 1 | tr -d ' '").await;
    megabytes.parse::<u64>().expect("a number").div_ceil(1024)
}

#[tokio::test]
async fn files_survive_stops_and_a_killed_engine() {
    let mut engine = Engine::start().await;
    let id = engine.sandbox().await;
    engine.output(&id, MAKE).await;
    let before = engine.output(&id, DESCRIBE).await;
    for _ in 0..5 {
        change(&engine, &id, "stop").await;
        change(&engine, &id, "start").await;
        assert_eq!(engine.output(&id, DESCRIBE).await, before);
    }
    for _ in 0..3 {
        engine.output(&id, "echo unsynced >> ~/grows").await;
        engine = engine.restart_after(Signal::SIGKILL).await;
        change(&engine, &id, "start").await;
        assert_eq!(engine.output(&id, DESCRIBE).await, before);
    }
    assert_eq!(engine.output(&id, "cat ~/grows").await, "unsynced\nunsynced\nunsynced");
}

#[tokio::test]
async fn a_disk_has_the_size_it_was_created_with_and_grows_when_it_is_given_more() {
    let engine = Engine::start().await;
    let mut sizes = Vec::new();
    for disk in [1, 3, 10] {
        sizes.push(size_in_gib(&engine, &id_of(&engine.sized(json!({"disk": disk})).await)).await);
    }
    assert_eq!(sizes, [1, 3, 10]);
    let id = id_of(&engine.sized(json!({"disk": 1})).await);
    engine.output(&id, MAKE).await;
    let before = engine.output(&id, DESCRIBE).await;
    change(&engine, &id, "stop").await;
    let directory = engine.end(Signal::SIGTERM).await;
    set_disk(&directory.path().join("state.db"), &id, 9);
    let engine = Engine::start_in(directory, &[]).await;
    change(&engine, &id, "start").await;
    assert_eq!(size_in_gib(&engine, &id).await, 9);
    assert_eq!(engine.output(&id, DESCRIBE).await, before);
    engine.output(&id, "fallocate -l 7G ~/large && rm ~/large").await;
}

fn set_disk(database: &std::path::Path, id: &str, gib: u64) {
    let connection = rusqlite::Connection::open(database).unwrap();
    let text: String =
        connection.query_row("SELECT record FROM sandboxes WHERE id = ?1", [id], |row| row.get(0)).unwrap();
    let mut record: Value = serde_json::from_str(&text).unwrap();
    record["disk"] = json!(gib);
    connection.execute("UPDATE sandboxes SET record = ?1 WHERE id = ?2", [&record.to_string(), id]).unwrap();
}

#[tokio::test]
async fn sandboxes_with_plain_directories_keep_them() {
    let engine = Engine::start().await;
    let id = engine.sandbox().await;
    change(&engine, &id, "stop").await;
    let own = engine.directory.path().join("sandboxes").join(&id);
    // As an engine without disks would have left them.
    let disk = own.join("disk.img");
    let mounted = tempfile::tempdir().unwrap();
    run(Command::new("mount").arg("-o").arg("loop").arg(&disk).arg(mounted.path()));
    run(Command::new("cp").arg("-a").args(["root", "upper", "work"].map(|name| mounted.path().join(name))).arg(&own));
    run(Command::new("umount").arg(mounted.path()));
    std::fs::remove_file(&disk).unwrap();
    std::fs::write(own.join("root/home/daytona/mine"), "plain").unwrap();
    change(&engine, &id, "start").await;
    assert_eq!(engine.output(&id, "cat ~/mine").await, "plain");
    assert!(!disk.exists());
}

fn run(command: &mut Command) {
    assert!(command.status().expect("the program runs").success(), "{command:?}");
}

#[tokio::test]
async fn nothing_of_a_disk_is_left_mounted() {
    let engine = Engine::start().await;
    let directory = engine.directory.path().to_path_buf();
    let [stopped, deleted, killed] = [engine.sandbox().await, engine.sandbox().await, engine.sandbox().await];
    change(&engine, &stopped, "stop").await;
    engine.delete(&format!("/api/sandbox/{deleted}")).await;
    assert!(!devices().contains(&stopped) && !devices().contains(&deleted), "{}", devices());
    assert!(devices().contains(&killed), "{}", devices());
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    assert!(!mounts.contains(&directory.display().to_string()), "the machine sees a sandbox's disk");
    let kept = engine.end(Signal::SIGKILL).await;
    harness::wait_for(|| (!devices().contains(&killed)).then_some(())).await;
    drop(kept);
}

/// The files behind the machine's loop devices.
fn devices() -> String {
    let output = Command::new("losetup").args(["--list", "--output", "BACK-FILE"]).output().expect("losetup runs");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The images of an engine that are block devices now, relative to its state directory.
fn attached(directory: &std::path::Path) -> Vec<String> {
    let devices = std::fs::read_dir("/sys/block").expect("the kernel tells").flatten();
    let images = devices.filter_map(|device| std::fs::read_to_string(device.path().join("loop/backing_file")).ok());
    images.filter_map(|image| Some(image.strip_prefix(directory.to_str()?)?.trim().to_owned())).collect()
}

#[tokio::test]
async fn disks_are_mounted_before_they_are_needed_and_go_with_the_engine() {
    for end in [Signal::SIGTERM, Signal::SIGKILL] {
        let engine = Engine::start().await;
        let directory = engine.directory.path().to_owned();
        let ahead = || attached(&directory).into_iter().find(|image| image.starts_with("/ready/"));
        engine.sandbox().await;
        let image = wait_for(ahead).await;
        // Nobody else sees the mount.
        let mounts = std::fs::read_to_string("/proc/self/mounts").expect("the kernel tells");
        assert!(!mounts.contains(directory.to_str().expect("text")), "{image}: {mounts}");
        for _ in 0..6 {
            let id = engine.sandbox().await;
            engine.output(&id, MAKE).await;
            assert_eq!(engine.output(&id, "hostname").await, id[..12]);
            assert_eq!(size_in_gib(&engine, &id).await, 3);
            let own = format!("/sandboxes/{id}/disk.img");
            assert!(attached(&directory).contains(&own), "{own}");
            assert_eq!(engine.delete(&format!("/api/sandbox/{id}")).await.0, StatusCode::OK);
        }
        // Nor does anybody wait to be asked how it ended.
        let status = |pid: i32| std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let none_is_left = || harness::children(engine.pid().as_raw()).iter().all(|pid| !status(*pid).contains(") Z "));
        wait_for(|| none_is_left().then_some(())).await;
        let _state = engine.end(end).await;
        wait_for(|| attached(&directory).is_empty().then_some(())).await;
    }
}
