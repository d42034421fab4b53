//! Other users of the machine, and other sandboxes, as users: who may look into processes and signal them.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use serde_json::json;
use tempfile::TempDir;

use crate::harness::{Engine, Level, OTHER_USER, at_both_levels, command_as, wait_for};

at_both_levels![
    the_machines_users_do_not_look_into_sandboxes,
    each_sandbox_has_user_ids_of_its_own,
    files_belong_to_the_usual_users_inside_and_on_disk,
    what_was_there_before_a_restart_is_still_the_users,
];

/// A state directory on overlayfs, as in a container; mounts there cannot translate ids. Unmounted when dropped.
struct LayeredDisk {
    at: PathBuf,
    _layers: TempDir,
}

impl LayeredDisk {
    fn mount(at: &Path) -> Self {
        let layers = tempfile::tempdir().expect("a temporary directory");
        for name in ["lower", "upper", "work"] {
            std::fs::create_dir(layers.path().join(name)).expect("our own directory");
        }
        let place = layers.path().display();
        let options = format!("lowerdir={place}/lower,upperdir={place}/upper,workdir={place}/work");
        mount(Some("overlay"), at, Some("overlay"), MsFlags::empty(), Some(options.as_str()))
            .expect("attacks need root");
        Self { at: at.to_owned(), _layers: layers }
    }
}

impl Drop for LayeredDisk {
    fn drop(&mut self) {
        let _ = umount2(&self.at, MntFlags::MNT_DETACH);
    }
}

#[tokio::test]
async fn where_ids_cannot_be_translated_the_machines_users_still_do_not_look_inside() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let _disk = LayeredDisk::mount(directory.path());
    let engine = Engine::start_in(directory, Level::Root).await;
    let limits = engine.get("/api/health").await.1["limits"].clone();
    assert_eq!(limits["users"], false);
    assert!(limits["notEnforced"].to_string().contains("the machine's user ids"), "{limits}");
    let id = engine.bystander().await;
    assert_eq!(user_of(sleeper(&engine, &id, 5155).await), OTHER_USER, "the same number, in another namespace");
    assert_eq!(engine.output(&id, "id -u; stat -c %u /usr/bin/env ~").await, "1000\n0\n1000");
    let process = sleeper(&engine, &id, 5156).await;
    for what in ["cat environ", "ls root/", "ls cwd/", "head -c 1 mem", "readlink fd/1"] {
        let command = format!("cd /proc/{process} && {what}");
        let output = command_as(OTHER_USER, "sh").args(["-c", &command]).output().expect("a shell");
        assert!(!output.status.success(), "{what}: {}", String::from_utf8_lossy(&output.stdout));
    }
    engine.run(&id, "kill -9 -1").await;
    engine.assert_unharmed(&id).await;
}

/// A process that sleeps in a sandbox, by its id on the machine.
async fn sleeper(engine: &Engine, id: &str, seconds: u32) -> i32 {
    engine.output(id, &format!("SECRET=hidden nohup sleep {seconds} >/dev/null 2>&1 & echo")).await;
    let words = format!("sleep\0{seconds}\0");
    let is_it = |pid: &i32| std::fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line == words.as_bytes());
    wait_for(|| engine.sandbox_processes().into_iter().find(is_it)).await
}

fn user_of(pid: i32) -> u32 {
    std::fs::metadata(format!("/proc/{pid}")).expect("the process runs").uid()
}

async fn the_machines_users_do_not_look_into_sandboxes(engine: &Engine) {
    let bystander = engine.bystander().await;
    let process = sleeper(engine, &bystander, 5151).await;
    for what in
        ["cat environ", "ls root/", "ls cwd/", "cat maps", "head -c 1 mem", "ls fd/", "cat root/home/daytona/mine"]
    {
        let command = format!("cd /proc/{process} && {what}");
        let output = command_as(OTHER_USER, "sh").args(["-c", &command]).output().expect("a shell");
        assert!(!output.status.success(), "{what}: {}", String::from_utf8_lossy(&output.stdout));
    }
    let killed = command_as(OTHER_USER, "sh").args(["-c", &format!("kill -9 {process}")]).output().expect("a shell");
    assert!(!killed.status.success(), "another user's signal arrived");
    engine.assert_unharmed(&bystander).await;
}

async fn each_sandbox_has_user_ids_of_its_own(engine: &Engine) {
    let (left, right) = (engine.bystander().await, engine.bystander().await);
    let users = [user_of(sleeper(engine, &left, 5152).await), user_of(sleeper(engine, &right, 5153).await)];
    match engine.level {
        Level::Root => {
            assert_ne!(users[0], users[1]);
            assert!(users.iter().all(|user| *user > 0x7000_0000), "{users:?} may be somebody's");
            assert_eq!(engine.get("/api/health").await.1["limits"]["users"], true);
            let id = engine.create(json!({"user": "root"})).await;
            assert!(user_of(sleeper(engine, &id, 5154).await) > 0x7000_0000, "root inside is root of the machine");
        }
        // An ordinary user has no other ids to give.
        Level::OrdinaryUser => assert_eq!(engine.get("/api/health").await.1["limits"]["users"], false),
    }
}

async fn files_belong_to_the_usual_users_inside_and_on_disk(engine: &Engine) {
    for user in engine.users() {
        let id = engine.create(json!({"user": user})).await;
        let (number, home) = if *user == "root" { (0, "root") } else { (1000, "home/daytona") };
        engine.output(&id, "echo x > ~/file && mkdir ~/directory && python3 -c 'import os; os.mkfifo(\"pipe\")'").await;
        let seen = engine.output(&id, "id -u; id -g; id -un; stat -c %u:%g ~ ~/file ~/directory").await;
        let own = format!("{number}:{number}");
        assert_eq!(seen, [&number.to_string(), &number.to_string(), *user, &own, &own, &own].join("\n"));
        if engine.level == Level::Root {
            assert_eq!(
                engine.output(&id, "stat -c %u:%g /usr/bin/env /etc/passwd /etc/hostname /tmp /run").await,
                "0:0\n0:0\n0:0\n0:0\n0:0"
            );
            engine.output(&id, "sync").await;
            let disk = engine.directory.path().join(format!("sandboxes/{id}/disk.img"));
            let file = format!("stat /root/{home}/file");
            let output = std::process::Command::new("/usr/sbin/debugfs").args(["-R", &file]).arg(disk).output();
            let text = String::from_utf8(output.expect("debugfs runs").stdout).expect("text");
            let owner = text.split("User:").nth(1).and_then(|rest| rest.split_whitespace().next());
            assert_eq!(owner, Some(number.to_string().as_str()), "{text}");
        }
    }
}

async fn what_was_there_before_a_restart_is_still_the_users(engine: &Engine) {
    let id = engine.bystander().await;
    for _ in 0..2 {
        engine.post(&format!("/api/sandbox/{id}/stop"), json!({})).await;
        let (status, answer) = engine.post(&format!("/api/sandbox/{id}/start"), json!({})).await;
        assert!(status.is_success(), "{answer}");
        engine.assert_unharmed(&id).await;
        engine.output(&id, "echo bystander > ~/mine && rm -f ~/other && touch ~/other").await;
    }
}
