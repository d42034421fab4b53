//! Sandboxes pause, change their size, are put away, come back and are copied (wire 2.2, additions 2.5).

mod harness;

use std::path::{Path, PathBuf};

use harness::{Engine, control_groups, id_of, read};
use nix::mount::{MsFlags, mount, umount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

/// Posts below a sandbox and wants it to be done; answers the sandbox.
async fn done(engine: &Engine, id: &str, what: &str, body: Value) -> Value {
    let (status, sandbox) = engine.post(&format!("/api/sandbox/{id}/{what}"), body).await;
    assert_eq!(status, StatusCode::OK, "{what}: {sandbox}");
    sandbox
}

async fn refused(engine: &Engine, id: &str, what: &str, body: Value) -> (StatusCode, String) {
    let (status, error) = engine.post(&format!("/api/sandbox/{id}/{what}"), body).await;
    (status, error["message"].as_str().unwrap_or_default().to_owned())
}

async fn state(engine: &Engine, id: &str) -> String {
    engine.get(&format!("/api/sandbox/{id}")).await.1["state"].as_str().unwrap_or("none").to_owned()
}

/// Counts in a file until it is stopped.
const COUNTING: &str = "nohup sh -c 'i=0; while :; do i=$((i+1)); echo $i >count; done' >/dev/null 2>&1 & echo $!";

#[tokio::test]
async fn a_paused_sandbox_stands_still_and_goes_on_where_it_was() {
    let engine = Engine::start().await;
    let id = engine.sandbox().await;
    let pid = engine.output(&id, COUNTING).await;
    assert_eq!(done(&engine, &id, "pause", json!({})).await["state"], "paused");
    assert_eq!(done(&engine, &id, "pause", json!({})).await["state"], "paused", "pausing twice is no error");
    let used = || processor_time(&engine);
    let before = used();
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert_eq!(used(), before, "nothing runs");
    let (status, error) = engine.post(&format!("/toolbox/{id}/process/execute"), json!({"command": "true"})).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{error}");
    assert!(error["message"].as_str().unwrap().contains("is paused: start it first"), "{error}");

    let token = |sandbox: Value| sandbox["token"].clone();
    let path = format!("/api/sandbox/{id}/ports/1/preview-url");
    let before = token(engine.get(&path).await.1);
    assert_eq!(done(&engine, &id, "start", json!({})).await["state"], "started");
    assert_eq!(token(engine.get(&path).await.1), before, "going on is no start");
    assert_eq!(engine.output(&id, &format!("kill -0 {pid} && echo alive")).await, "alive");
}

/// Ticks of processor time that all sandboxes' processes have used.
fn processor_time(engine: &Engine) -> u64 {
    let ticks = |pid: &i32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_ascii_whitespace().collect();
        Some(fields[11].parse::<u64>().ok()? + fields[12].parse::<u64>().ok()?)
    };
    // The first process of a sandbox goes on, and does nothing.
    engine.sandbox_processes().iter().filter_map(ticks).sum()
}

#[tokio::test]
async fn a_paused_sandbox_is_stopped_deleted_and_ended_like_any_other() {
    let engine = Engine::start().await;
    let (stopped, deleted, left) = (engine.sandbox().await, engine.sandbox().await, engine.sandbox().await);
    for id in [&stopped, &deleted, &left] {
        engine.output(id, COUNTING).await;
        done(&engine, id, "pause", json!({})).await;
    }
    assert_eq!(done(&engine, &stopped, "stop", json!({})).await["state"], "stopped");
    assert_eq!(refused(&engine, &stopped, "pause", json!({})).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(engine.delete(&format!("/api/sandbox/{deleted}")).await.0, StatusCode::OK);
    assert_eq!(control_groups(&deleted), Vec::<String>::new());
    let processes = engine.sandbox_processes();
    assert!(!processes.is_empty());
    let engine = engine.restart_after(Signal::SIGKILL).await;
    harness::wait_for(|| {
        processes.iter().all(|pid| !std::path::Path::new(&format!("/proc/{pid}")).exists()).then_some(())
    })
    .await;
    assert_eq!(state(&engine, &left).await, "stopped", "what was in memory is lost");
    assert_eq!(done(&engine, &left, "start", json!({})).await["state"], "started");
}

#[tokio::test]
async fn an_unprivileged_sandbox_pauses_too() {
    let directory = tempfile::tempdir().unwrap();
    let engine = Engine::start_in(directory, &["0", "none"]).await;
    let id = engine.sandbox().await;
    engine.output(&id, COUNTING).await;
    done(&engine, &id, "pause", json!({})).await;
    let before = processor_time(&engine);
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert_eq!(processor_time(&engine), before, "nothing runs");
    done(&engine, &id, "start", json!({})).await;
    assert_eq!(engine.output(&id, "echo back").await, "back");
}

/// The file that freezes a paused sandbox, and whether its group is one of version 1, whose frozen processes cannot be killed.
fn frozen_group(id: &str) -> (PathBuf, bool) {
    let frozen =
        |file: PathBuf| std::fs::read_to_string(&file).is_ok_and(|text| ["FROZEN", "1"].contains(&text.trim()));
    let files = control_groups(id).into_iter().flat_map(|group| {
        [("freezer.state", true), ("cgroup.freeze", false)].map(|(name, first)| (Path::new(&group).join(name), first))
    });
    files.into_iter().find(|(file, _)| frozen(file.clone())).expect("a frozen group")
}

/// Waits for a state, also for those that take the engine's own patience.
async fn reaches(engine: &Engine, id: &str, wanted: &str) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(120);
    loop {
        let now = state(engine, id).await;
        if now == wanted {
            return;
        }
        assert!(std::time::Instant::now() < deadline, "{now} instead of {wanted}");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_sandbox_that_cannot_go_on_stays_paused_and_one_that_does_not_end_says_so() {
    // Mounts of this thread and its engine alone.
    unshare(CloneFlags::CLONE_NEWNS).expect("root may leave");
    let none: Option<&str> = None;
    mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none).expect("mounts become private");
    let engine = Engine::start().await;
    let id = engine.sandbox().await;
    engine.output(&id, COUNTING).await;
    done(&engine, &id, "pause", json!({})).await;
    let (file, is_first) = frozen_group(&id);
    // Whatever is written there fails.
    let refuse = || mount(Some("/dev/full"), &file, none, MsFlags::MS_BIND, none).expect("a mount");
    refuse();
    assert_eq!(refused(&engine, &id, "start", json!({})).await.0, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(state(&engine, &id).await, "paused");
    umount(&file).expect("it was mounted");
    assert_eq!(done(&engine, &id, "start", json!({})).await["state"], "started");
    assert_eq!(engine.output(&id, "echo back").await, "back");

    done(&engine, &id, "pause", json!({})).await;
    refuse();
    let stopping = engine.request(Method::POST, &format!("/api/sandbox/{id}/stop")).send().await.expect("an answer");
    assert_eq!(stopping.status(), StatusCode::OK);
    if is_first {
        reaches(&engine, &id, "error").await;
        let (_, sandbox) = engine.get(&format!("/api/sandbox/{id}")).await;
        assert!(sandbox["errorReason"].as_str().unwrap().contains("the machine's kernel keeps them"), "{sandbox}");
        umount(&file).expect("it was mounted");
        std::fs::write(&file, "THAWED").expect("the kernel lets them go");
    } else {
        reaches(&engine, &id, "stopped").await;
        let _ = umount(&file);
    }
    assert_eq!(engine.delete(&format!("/api/sandbox/{id}")).await.0, StatusCode::OK);
    assert_eq!(control_groups(&id), Vec::<String>::new(), "nothing is left of it");
}

#[tokio::test]
async fn a_sandbox_that_does_not_listen_is_killed() {
    let engine = Engine::start().await;
    let id = engine.sandbox().await;
    engine.output(&id, "echo kept > kept").await;
    // The first process of a sandbox is a child of the engine's.
    for pid in engine.sandbox_processes() {
        kill(Pid::from_raw(pid), Signal::SIGSTOP).expect("root may");
    }
    let stopping = engine.request(Method::POST, &format!("/api/sandbox/{id}/stop")).send().await.expect("an answer");
    assert_eq!(stopping.status(), StatusCode::OK);
    reaches(&engine, &id, "stopped").await;
    done(&engine, &id, "start", json!({})).await;
    assert_eq!(engine.output(&id, "cat kept").await, "kept");
}

#[tokio::test]
async fn a_running_sandbox_gets_more_at_once() {
    let engine = Engine::start().await;
    let id = engine.sandbox().await;
    let limit = || {
        let find = |name: &str| {
            control_groups(&id)
                .iter()
                .map(|group| format!("{group}/{name}"))
                .find(|path| std::path::Path::new(path).exists())
        };
        let path = find("memory.max").or_else(|| find("memory.limit_in_bytes")).expect("a memory limit");
        std::fs::read_to_string(path).unwrap().trim().parse::<u64>().unwrap() >> 30
    };
    assert_eq!(limit(), 1);
    let marker = engine.output(&id, "nohup sleep 1000 >/dev/null 2>&1 & echo $!").await;
    let sandbox = done(&engine, &id, "resize", json!({"cpu": 2, "memory": 3})).await;
    assert_eq!((&sandbox["cpu"], &sandbox["memory"], &sandbox["disk"]), (&json!(2), &json!(3), &json!(3)));
    assert_eq!((&sandbox["state"], &sandbox["desiredState"]), (&json!("started"), &json!("started")));
    assert_eq!(limit(), 3);
    let processors = std::thread::available_parallelism().map_or(1, usize::from).min(2).to_string();
    let seen = "nproc; grep -c ^processor /proc/cpuinfo; grep MemTotal /proc/meminfo | tr -dc 0-9; echo; \
                df -m --output=size / | tail -n 1 | awk '{print int(($1 + 1023) / 1024)}'";
    let seen_as = |cpus: &str, memory: u64, disk: u64| format!("{cpus}\n{cpus}\n{}\n{disk}", memory << 20);
    assert_eq!(engine.output(&id, seen).await, seen_as(&processors, 3, 3));
    let allowed = format!("grep Cpus_allowed_list /proc/{marker}/status | tr -dc 0-9,- | wc -c");
    assert_eq!(engine.output(&id, &allowed).await != "1", processors == "2", "what runs already has them, too");
    assert_eq!(engine.output(&id, &format!("kill -0 {marker} && echo alive")).await, "alive");

    for (body, text) in [
        (json!({}), "At least one of cpu, memory or disk must be provided"),
        (json!({"cpu": 1}), "CPU cannot be changed from 2 to 1: stop the sandbox to give it less"),
        (json!({"disk": 5}), "Disk cannot be changed from 3 to 5: stop the sandbox to give it more disk"),
        (json!({"cpu": 0}), "CPU must not be less than 1"),
        (json!({"memory": 1000}), "Memory request 1000 exceeds maximum allowed per sandbox (8)"),
        (json!({"cpu": "two"}), "cpu must be a number conforming to the specified constraints"),
        (json!({"cpu": 3, "memory": -1}), "Memory must not be less than 1"),
    ] {
        let found = refused(&engine, &id, "resize", body.clone()).await;
        assert_eq!(found, (StatusCode::BAD_REQUEST, text.to_owned()), "{body}");
    }
    assert_eq!(limit(), 3, "of what is refused nothing is done");

    done(&engine, &id, "stop", json!({})).await;
    let sandbox = done(&engine, &id, "resize", json!({"cpu": 1, "memory": 1, "disk": 5})).await;
    assert_eq!((&sandbox["state"], &sandbox["disk"]), (&json!("stopped"), &json!(5)));
    assert_eq!(refused(&engine, &id, "resize", json!({"disk": 4})).await.0, StatusCode::BAD_REQUEST);
    let engine = engine.restart_after(Signal::SIGKILL).await;
    done(&engine, &id, "start", json!({})).await;
    let (_, sandbox) = engine.get(&format!("/api/sandbox/{id}")).await;
    assert_eq!((&sandbox["cpu"], &sandbox["memory"], &sandbox["disk"]), (&json!(1), &json!(1), &json!(5)));
    assert_eq!(engine.output(&id, seen).await, seen_as("1", 1, 5));
}

/// Makes files of every kind, with what belongs to them.
const FILES: &str = "set -e; mkdir -p tree/empty; cd tree; head -c 300000 /dev/urandom >random; ln random again; \
    ln -s ../nowhere link; truncate -s 50M sparse; printf end >>sparse; mkfifo pipe; chmod 4750 random; \
    touch -d '2001-02-03 04:05:06.123456789' random; sudo -n true 2>/dev/null || true";

/// Describes all of them.
const DESCRIBED: &str = "cd ~; find tree -printf '%p %y %m %u %g %s %l %n %b\\n' | grep -v '^tree/sparse' | sort; \
    stat -c '%y %b' tree/random tree/sparse; find tree -type f | sort | xargs sha256sum";

#[tokio::test]
async fn archived_files_come_back_as_they_were() {
    let engine = Engine::start().await;
    let id = id_of(&engine.create(json!({"user": "root"})).await);
    engine.output(&id, &format!("cd ~; {FILES}")).await;
    // What lies over the system's directories: something new, something gone, something replaced.
    engine
        .output(&id, "echo new >/usr/local/new; rm -r /usr/share/doc; mkdir /usr/share/doc; rm /etc/debian_version")
        .await;
    let system = "cat /usr/local/new; ls -A /usr/share/doc | wc -l; test -e /etc/debian_version || echo gone";
    let (before, system_before) = (engine.output(&id, DESCRIBED).await, engine.output(&id, system).await);
    assert_eq!(system_before, "new\n0\ngone");
    assert_eq!(refused(&engine, &id, "archive", json!({})).await.0, StatusCode::BAD_REQUEST);
    done(&engine, &id, "stop", json!({})).await;

    let (status, archiving) =
        read(engine.request(Method::POST, &format!("/api/sandbox/{id}/archive")).send().await).await;
    assert_eq!((status, &archiving["state"]), (StatusCode::OK, &json!("archiving")));
    while state(&engine, &id).await == "archiving" {}
    assert_eq!(state(&engine, &id).await, "archived");
    let directory = engine.directory.path().join("sandboxes").join(&id);
    let left = || {
        let mut names: Vec<_> =
            std::fs::read_dir(&directory).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };
    harness::wait_for(|| (left() == ["archive.tar.gz", "log", "record.json"]).then_some(())).await;
    let size = std::fs::metadata(directory.join("archive.tar.gz")).unwrap().len();
    assert!(size < 3 << 20, "{size} bytes: holes take no room");

    let engine = engine.restart_after(Signal::SIGKILL).await;
    assert_eq!(state(&engine, &id).await, "archived");
    assert_eq!(done(&engine, &id, "start", json!({})).await["state"], "started");
    assert_eq!(engine.output(&id, DESCRIBED).await, before);
    assert_eq!(engine.output(&id, system).await, system_before);
    let archive = engine.directory.path().join("sandboxes").join(&id).join("archive.tar.gz");
    assert!(!archive.exists(), "nothing needs it any more");
}

#[tokio::test]
async fn a_start_and_a_delete_give_archiving_up() {
    let engine = Engine::start().await;
    for change in [Method::POST, Method::DELETE] {
        let id = engine.sandbox().await;
        engine.output(&id, "head -c 200M /dev/urandom >large; sync").await;
        done(&engine, &id, "stop", json!({"force": true})).await;
        let path = format!("/api/sandbox/{id}");
        let (_, archiving) = read(engine.request(Method::POST, &format!("{path}/archive")).send().await).await;
        assert_eq!(archiving["state"], "archiving");
        if change == Method::DELETE {
            assert_eq!(engine.delete(&path).await.0, StatusCode::OK);
            assert_eq!(engine.get(&path).await.0, StatusCode::NOT_FOUND);
            continue;
        }
        assert_eq!(done(&engine, &id, "start", json!({})).await["state"], "started");
        assert_eq!(engine.output(&id, "stat -c %s large").await, "209715200");
    }
}

#[tokio::test]
async fn an_archive_that_is_damaged_leaves_the_sandbox_archived_and_says_why() {
    let engine = Engine::start().await;
    let id = engine.sandbox().await;
    done(&engine, &id, "stop", json!({})).await;
    done(&engine, &id, "archive", json!({})).await;
    let archive = engine.directory.path().join("sandboxes").join(&id).join("archive.tar.gz");
    let whole = std::fs::read(&archive).unwrap();
    std::fs::write(&archive, &whole[..whole.len() / 2]).unwrap();
    let (status, text) = refused(&engine, &id, "start", json!({})).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(text.contains("Sandbox failed to start"), "{text}");
    assert_eq!(state(&engine, &id).await, "archived");
    std::fs::write(&archive, &whole).unwrap();
    assert_eq!(done(&engine, &id, "start", json!({})).await["state"], "started");
}

#[tokio::test]
async fn a_copy_has_the_originals_files_and_settings_and_none_of_its_keys() {
    let engine = Engine::start().await;
    let original = id_of(&engine.create(json!({"labels": {"a": "b"}, "env": {"X": "y"}})).await);
    engine.output(&original, &format!("cd ~; {FILES}")).await;
    let before = engine.output(&original, DESCRIBED).await;
    let counter = engine.output(&original, COUNTING).await;
    let copy = done(&engine, &original, "fork", json!({"name": "copy"})).await;
    let id = id_of(&copy);
    assert_eq!((&copy["name"], &copy["state"], &copy["labels"]["a"]), (&json!("copy"), &json!("started"), &json!("b")));
    assert_eq!(engine.output(&id, DESCRIBED).await, before);
    assert_eq!(engine.output(&id, "echo $X $DAYTONA_SANDBOX_ID; hostname").await, format!("y {id}\n{}", &id[..12]));
    assert_eq!(engine.run(&id, &format!("kill -0 {counter}")).await.0, 1, "nothing that runs goes along");
    engine.output(&id, "echo changed >tree/random").await;
    assert_eq!(engine.output(&original, DESCRIBED).await, before);
    assert_eq!(engine.output(&original, &format!("kill -0 {counter} && echo alive")).await, "alive");
    for path in ["signing-key", "ports/1/preview-url"] {
        let of = async |id: &str| engine.get(&format!("/api/sandbox/{id}/{path}")).await.1.to_string();
        assert_ne!(of(&original).await, of(&id).await.replace(&id, &original), "{path}");
    }

    let (status, text) = refused(&engine, &original, "fork", json!({"name": "copy"})).await;
    assert_eq!((status, text.as_str()), (StatusCode::CONFLICT, "Sandbox with name copy already exists"));
    let (status, _) = refused(&engine, &original, "fork", json!({"name": "<b>"})).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let grandchild = id_of(&done(&engine, &id, "fork", json!({})).await);
    let ids = |list: Value| list.as_array().unwrap().iter().map(id_of).collect::<Vec<_>>();
    assert_eq!(ids(engine.get(&format!("/api/sandbox/{original}/forks")).await.1), std::slice::from_ref(&id));
    assert_eq!(
        ids(engine.get(&format!("/api/sandbox/{grandchild}/ancestors")).await.1),
        [id.clone(), original.clone()]
    );
    assert_eq!(id_of(&engine.get(&format!("/api/sandbox/{id}/parent")).await.1), original);
    assert_eq!(engine.get(&format!("/api/sandbox/{original}/parent")).await.0, StatusCode::NOT_FOUND);

    done(&engine, &original, "stop", json!({})).await;
    let of_stopped = id_of(&done(&engine, &original, "fork", json!({})).await);
    assert_eq!(engine.output(&of_stopped, DESCRIBED).await, before);
    assert_eq!(state(&engine, &original).await, "stopped");
}

#[tokio::test]
async fn what_a_sandbox_uses_is_measured() {
    let engine = Engine::start().await;
    let id = engine.sandbox().await;
    engine.output(&id, "timeout 1 sh -c 'while :; do :; done'; true").await;
    let path = format!("/api/sandbox/{id}/telemetry/metrics");
    engine.get(&path).await;
    engine.output(&id, "timeout 1 sh -c 'while :; do :; done'; true").await;
    let (status, measured) = engine.get(&path).await;
    assert_eq!(status, StatusCode::OK);
    let last = |name: &str| {
        let series = measured["series"].as_array().unwrap().iter().find(|series| series["metricName"] == name).unwrap();
        series["dataPoints"].as_array().unwrap().last().unwrap()["value"].as_f64().unwrap()
    };
    assert!(last("daytona.sandbox.memory.usage") > 1e6);
    assert_eq!(last("daytona.sandbox.memory.limit"), f64::from(1 << 30));
    assert!(last("daytona.sandbox.cpu.utilization") > 1.0);
    let percent = last("daytona.sandbox.memory.usage") / f64::from(1 << 30) * 100.0;
    assert!((last("daytona.sandbox.memory.utilization") - percent).abs() < 1e-6);
    let [used, free, total] =
        ["usage", "available", "total"].map(|what| last(&format!("daytona.sandbox.filesystem.{what}")));
    assert!(used > 0.0 && (used + free - total).abs() < 1.0, "{used} {free} {total}");
    assert!((last("daytona.sandbox.filesystem.utilization") - used / total * 100.0).abs() < 1e-6);
    let (_, one) = engine.get(&format!("{path}?metricNames=daytona.sandbox.cpu.limit")).await;
    assert_eq!(one["series"].as_array().unwrap().len(), 1);
    let (_, none) = engine.get(&format!("{path}?to=2001-01-01T00:00:00Z")).await;
    assert_eq!(none["series"][0]["dataPoints"], json!([]));
    let (status, _) = engine.get(&format!("{path}?from=tomorrow")).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn release_0_190_neither_pauses_nor_copies_and_knows_no_later_routes() {
    let directory = tempfile::tempdir().unwrap();
    let engine = Engine::start_in(directory, &["0", "auto", "0.190"]).await;
    let id = id_of(&engine.create(json!({"autoPauseInterval": 5, "ttlMinutes": 5, "secrets": [1]})).await);
    let (_, sandbox) = engine.get(&format!("/api/sandbox/{id}")).await;
    assert_eq!((&sandbox["autoPauseInterval"], sandbox.get("autoDestroyAt")), (&json!(0), None));
    for (what, text) in [("pause", "Pausing is not supported"), ("fork", "Forking is not supported")] {
        let (status, found) = refused(&engine, &id, what, json!({})).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(found.contains(text), "{found}");
    }
    for what in ["autopause/5", "ttl/5", "signing-key/rotate"] {
        let (status, found) = refused(&engine, &id, what, json!({})).await;
        assert_eq!((status, found), (StatusCode::NOT_FOUND, format!("Cannot POST /api/sandbox/{id}/{what}")));
    }
}

#[tokio::test]
async fn files_are_the_same_after_fifty_ends_of_every_kind() {
    let mut engine = Engine::start().await;
    let id = engine.sandbox().await;
    engine.output(&id, &format!("cd ~; {FILES}; sync")).await;
    let before = engine.output(&id, DESCRIBED).await;
    for round in 0..50 {
        match round % 5 {
            0 => drop(done(&engine, &id, "stop", json!({})).await),
            1 => drop(done(&engine, &id, "stop?force=true", json!({})).await),
            2 => {
                done(&engine, &id, "pause", json!({})).await;
                done(&engine, &id, "stop", json!({})).await;
            }
            3 => {
                done(&engine, &id, "stop", json!({})).await;
                assert_eq!(done(&engine, &id, "archive", json!({})).await["state"], "archived");
            }
            _ => engine = engine.restart_after(Signal::SIGTERM).await,
        }
        assert_eq!(done(&engine, &id, "start", json!({})).await["state"], "started", "round {round}");
        assert_eq!(engine.output(&id, DESCRIBED).await, before, "round {round}");
    }
}
