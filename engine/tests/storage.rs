//! An engine keeps its sandboxes, whatever happens to its directory, its disk or itself. Needs root.

mod harness;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use harness::Engine;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::signal::Signal;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

/// Makes directories in one another inside a sandbox, deeper than any path can be long.
const NEST: &str = "python3 -c 'import os
for level in range(DEPTH):
    os.mkdir(\"d\")
    os.chdir(\"d\")
open(\"bottom\", \"w\")'";

fn nest(depth: usize) -> String {
    NEST.replace("DEPTH", &depth.to_string())
}

/// Sandboxes' files that are being removed.
fn trash(engine: &Engine) -> Vec<PathBuf> {
    let entries = fs::read_dir(engine.directory.path().join("trash")).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).collect()
}

async fn state(engine: &Engine, id: &str) -> Value {
    engine.get(&format!("/api/sandbox/{id}")).await.1["state"].clone()
}

/// Whether the engine still answers, and has emptied its trash.
async fn wait_for_empty_trash(engine: &Engine) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(120);
    while !trash(engine).is_empty() {
        assert!(std::time::Instant::now() < deadline, "left in the trash: {:?}", trash(engine));
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn trees_deeper_than_any_path_are_removed() {
    let engine = Engine::start().await;
    let limited = Command::new("prlimit")
        .args(["--nofile=256:256", "--pid", &engine.pid().to_string()])
        .status()
        .expect("prlimit runs");
    assert!(limited.success());

    let id = engine.sandbox().await;
    engine.output(&id, &format!("mkdir tree && cd tree && {}", nest(20_000))).await;
    let path = format!("/toolbox/{id}/files?path=tree&recursive=true");
    let (status, answer) = engine.delete(&path).await;
    assert_eq!(status, StatusCode::NO_CONTENT, "{answer}");
    assert_eq!(engine.output(&id, "ls").await, "");

    engine.output(&id, &nest(20_000)).await;
    assert_eq!(engine.delete(&format!("/api/sandbox/{id}")).await.0, StatusCode::OK);
    wait_for_empty_trash(&engine).await;
    assert_eq!(engine.get("/api/sandbox").await.0, StatusCode::OK);
}

#[tokio::test]
async fn trees_left_by_a_killed_engine_are_removed_by_the_next() {
    let engine = Engine::start().await;
    let id = engine.sandbox().await;
    engine.output(&id, &nest(3_000)).await;
    let directory = engine.end(Signal::SIGKILL).await;
    fs::rename(directory.path().join("sandboxes").join(&id), directory.path().join("trash").join(&id)).unwrap();
    let engine = Engine::start_in(directory, &[]).await;
    wait_for_empty_trash(&engine).await;
    // Files in the trash count as destroyed, also where that could not be stored.
    assert_eq!(engine.get(&format!("/api/sandbox/{id}")).await.0, StatusCode::NOT_FOUND);
}

/// A sandbox with a file, in an engine that has ended.
async fn with_a_file() -> (tempfile::TempDir, String) {
    let engine = Engine::start().await;
    let sandbox = engine.create(json!({"name": "kept", "labels": {"a": "b"}})).await;
    let id = harness::id_of(&sandbox);
    engine.output(&id, "echo precious > file").await;
    (engine.end(Signal::SIGKILL).await, id)
}

async fn assert_kept(directory: tempfile::TempDir, id: &str) -> Engine {
    let engine = Engine::start_in(directory, &[]).await;
    let (_, sandbox) = engine.get("/api/sandbox/kept").await;
    assert_eq!((&sandbox["id"], &sandbox["labels"]), (&json!(id), &json!({"a": "b"})), "{sandbox}");
    let (status, answer) = engine.post(&format!("/api/sandbox/{id}/start"), json!({})).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(engine.output(id, "cat file").await, "precious");
    engine
}

fn database_files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap().flatten();
    let is_database = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().starts_with("state.db");
    entries.map(|entry| entry.path()).filter(is_database).collect()
}

#[tokio::test]
async fn sandboxes_survive_the_loss_of_the_database() {
    let (directory, id) = with_a_file().await;
    database_files(directory.path()).iter().for_each(|path| fs::remove_file(path).unwrap());
    let engine = assert_kept(directory, &id).await;
    // Now it is known again, and what is deleted stays deleted.
    assert_eq!(engine.delete(&format!("/api/sandbox/{id}")).await.0, StatusCode::OK);
    let engine = engine.restart_after(Signal::SIGKILL).await;
    assert_eq!(engine.get(&format!("/api/sandbox/{id}")).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn sandboxes_survive_an_emptied_database() {
    let (directory, id) = with_a_file().await;
    database_files(directory.path()).iter().for_each(|path| drop(fs::File::create(path).unwrap()));
    assert_kept(directory, &id).await;
}

#[tokio::test]
async fn sandboxes_survive_a_damaged_database_which_is_kept() {
    let (directory, id) = with_a_file().await;
    let database = directory.path().join("state.db");
    // First what is in the log, so that the damage is not repaired from there.
    rusqlite_checkpoint(&database);
    let mut bytes = fs::read(&database).unwrap();
    let size = bytes.len();
    bytes[100..size.min(8192)].fill(0x5a);
    fs::write(&database, bytes).unwrap();
    let engine = assert_kept(directory, &id).await;
    let (_, health) = engine.get("/api/health").await;
    assert!(health["limits"]["notEnforced"].to_string().contains("damaged"), "{health}");
    let kept = database_files(engine.directory.path());
    assert!(kept.iter().any(|path| path.to_string_lossy().contains("state.db.damaged-")), "{kept:?}");
}

fn rusqlite_checkpoint(database: &Path) {
    let connection = rusqlite::Connection::open(database).unwrap();
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
}

#[tokio::test]
async fn files_without_a_record_are_kept_and_reported() {
    let engine = Engine::start().await;
    let directory = engine.end(Signal::SIGTERM).await;
    let stray = directory.path().join("sandboxes/stray/root");
    fs::create_dir_all(&stray).unwrap();
    fs::write(stray.join("file"), "precious").unwrap();
    let engine = Engine::start_in(directory, &[]).await;
    assert!(stray.join("file").exists());
    let (_, health) = engine.get("/api/health").await;
    assert!(health["limits"]["notEnforced"].to_string().contains("sandboxes/stray"), "{health}");
}

#[tokio::test]
async fn a_copied_state_directory_leaves_the_sandboxes_of_the_first_alone() {
    let first = Engine::start().await;
    let id = first.sandbox().await;
    let copy = tempfile::tempdir().unwrap();
    let source = format!("{}/.", first.directory.path().display());
    let copied = Command::new("cp").args(["-a", &source]).arg(copy.path()).status().unwrap();
    assert!(copied.success());
    let groups = harness::control_groups(&id);
    assert!(!groups.is_empty());

    let second = Engine::start_in(copy, &[]).await;
    assert_eq!(state(&second, &id).await, "stopped");
    assert_eq!(first.output(&id, "echo alive").await, "alive");
    assert_eq!(harness::control_groups(&id), groups);
    assert_eq!(second.post(&format!("/api/sandbox/{id}/start"), json!({})).await.0, StatusCode::OK);
    assert_eq!(second.delete(&format!("/api/sandbox/{id}")).await.0, StatusCode::OK);
    assert_eq!(first.output(&id, "echo alive").await, "alive");
}

/// A small disk of its own, for one engine.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let size = Some("size=64m,mode=755");
        mount(Some("tmpfs"), directory.path(), Some("tmpfs"), MsFlags::empty(), size).expect("a tmpfs is mounted");
        Self(directory)
    }

    /// Leaves not a byte.
    fn fill(&self) -> PathBuf {
        let path = self.0.path().join("filler");
        let mut file = fs::File::create(&path).unwrap();
        let mut size = 1 << 20;
        while size > 0 {
            if file.write_all(&vec![1; size]).is_err() {
                size /= 2;
            }
        }
        path
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = umount2(self.0.path(), MntFlags::MNT_DETACH);
    }
}

#[tokio::test]
async fn on_a_full_disk_changes_fail_and_deleting_works_even_after_a_restart() {
    let disk = SmallDisk::new();
    let directory = tempfile::tempdir_in(disk.0.path()).unwrap();
    let engine = Engine::start_in(directory, &[]).await;
    let sandbox = engine.create(json!({"labels": {"a": "1"}})).await;
    let (id, doomed) = (harness::id_of(&sandbox), engine.sandbox().await);
    let filler = disk.fill();

    // Some changes go where others have been; then there is no room.
    let labels = json!({"labels": {"a": "2".repeat(90_000)}});
    let mut refused = None;
    for _ in 0..100 {
        let request = engine.request(Method::PUT, &format!("/api/sandbox/{id}/labels")).json(&labels);
        let (status, answer) = harness::read(request.send().await).await;
        if status != StatusCode::OK {
            refused = Some((status, answer));
            break;
        }
        let request = engine.request(Method::PUT, &format!("/api/sandbox/{id}/labels"));
        harness::read(request.json(&json!({"labels": {"a": "1"}})).send().await).await;
        disk.fill();
    }
    let (status, answer) = refused.expect("a change that does not fit");
    assert_eq!(status, StatusCode::INSUFFICIENT_STORAGE, "{answer}");
    assert!(answer["message"].as_str().unwrap().contains("is full"), "{answer}");
    let (_, kept) = engine.get(&format!("/api/sandbox/{id}")).await;
    assert_eq!(kept["labels"], json!({"a": "1"}));

    let engine = engine.restart_after(Signal::SIGKILL).await;
    let (_, kept) = engine.get(&format!("/api/sandbox/{id}")).await;
    assert_eq!(kept["labels"], json!({"a": "1"}));
    let (status, answer) = engine.delete(&format!("/api/sandbox/{doomed}")).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    fs::remove_file(filler).unwrap();
    let request = engine.request(Method::PUT, &format!("/api/sandbox/{id}/labels"));
    let (status, answer) = harness::read(request.json(&json!({"labels": {"a": "3"}})).send().await).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let engine = engine.restart_after(Signal::SIGKILL).await;
    assert_eq!(engine.get(&format!("/api/sandbox/{id}")).await.1["labels"], json!({"a": "3"}));
    assert_eq!(engine.get(&format!("/api/sandbox/{doomed}")).await.0, StatusCode::NOT_FOUND);
    // The disk goes before the directory on it.
    drop(engine.end(Signal::SIGTERM).await);
}

#[tokio::test]
async fn what_ends_while_the_disk_is_full_is_stored_when_it_is_not() {
    let disk = SmallDisk::new();
    let directory = tempfile::tempdir_in(disk.0.path()).unwrap();
    let engine = Engine::start_in(directory, &[]).await;
    // Large records: each change of one needs room.
    let large = json!({"labels": {"a": "1".repeat(90_000)}});
    let rested = harness::id_of(&engine.create(large.clone()).await);
    let killed = harness::id_of(&engine.create(large.clone()).await);
    assert_eq!(engine.post(&format!("/api/sandbox/{rested}/stop"), json!({})).await.0, StatusCode::OK);
    let filler = disk.fill();
    loop {
        let request = engine.request(Method::PUT, &format!("/api/sandbox/{rested}/labels")).json(&large);
        let (status, _) = harness::read(request.send().await).await;
        if status == StatusCode::INSUFFICIENT_STORAGE {
            break;
        }
        disk.fill();
    }

    let (status, answer) = engine.post(&format!("/api/sandbox/{rested}/start"), json!({})).await;
    assert_eq!(status, StatusCode::INSUFFICIENT_STORAGE, "{answer}");
    assert_eq!(state(&engine, &rested).await, "stopped");

    let (code, _) = engine.run(&killed, "echo alive").await;
    assert_eq!(code, 0);
    for process in engine.sandbox_processes() {
        let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(process), Signal::SIGKILL);
    }
    wait_for_note(&engine, &killed, true).await;
    assert_eq!(state(&engine, &killed).await, "error");

    fs::remove_file(filler).unwrap();
    wait_for_note(&engine, &killed, false).await;
    let engine = engine.restart_after(Signal::SIGKILL).await;
    assert_eq!(state(&engine, &killed).await, "error");
    assert_eq!(state(&engine, &rested).await, "stopped");
    drop(engine.end(Signal::SIGTERM).await);
}

/// Waits until the engine says, or no longer says, that a sandbox's last change is not stored.
async fn wait_for_note(engine: &Engine, id: &str, expected: bool) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    loop {
        let (_, health) = engine.get("/api/health").await;
        let notes = health["limits"]["notEnforced"].to_string();
        if notes.contains(&format!("the last change of sandbox {id} is not stored")) == expected {
            return;
        }
        assert!(std::time::Instant::now() < deadline, "{notes}");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}
