//! Sandboxes that attack: the machine, the engine and the other sandboxes live on and keep their secrets.

mod harness;

use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use harness::{Engine, children, id_of, wait_for};
use reqwest::{Method, StatusCode};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The engine answers and another sandbox still works.
async fn assert_unharmed(engine: &Engine, bystander: &str) {
    assert_eq!(engine.get("/api/health").await.0, StatusCode::OK);
    assert_eq!(engine.output(bystander, "cat ~/mine; echo alive").await, "bystander\nalive");
}

async fn bystander(engine: &Engine) -> String {
    let id = engine.sandbox().await;
    engine.output(&id, "echo bystander > ~/mine").await;
    id
}

#[tokio::test]
async fn descriptors_the_engine_inherited_do_not_reach_sandboxes() {
    let (reader, writer) = std::io::pipe().unwrap();
    for number in [251, 300] {
        // SAFETY: the descriptor is open; the copies stay open for the engine to inherit.
        assert!(unsafe { nix::libc::dup2(writer.as_raw_fd(), number) } >= 0);
    }
    let inode = std::fs::read_link(format!("/proc/self/fd/{}", reader.as_raw_fd())).unwrap();
    let engine = Engine::start().await;
    assert_eq!(std::fs::read_link(format!("/proc/{}/fd/251", engine.process.id())).unwrap(), inode);
    for user in ["daytona", "root"] {
        let id = id_of(&engine.create(json!({"user": user})).await);
        let script = "import os; print([fd for fd in map(int, os.listdir('/proc/self/fd')) if fd > 3])";
        assert_eq!(engine.output(&id, &format!("python3 -c \"{script}\"")).await, "[]");
    }
    let processes = engine.sandbox_processes();
    assert!(processes.len() >= 4, "{processes:?}");
    for process in processes {
        for entry in std::fs::read_dir(format!("/proc/{process}/fd")).unwrap().flatten() {
            assert_ne!(std::fs::read_link(entry.path()).ok().as_ref(), Some(&inode), "process {process} holds it");
        }
    }
}

#[tokio::test]
async fn the_engines_key_and_state_are_nowhere_inside() {
    let engine = Engine::start().await;
    let state = engine.directory.path().to_str().unwrap().to_owned();
    // Bracketed, so that the search does not find itself.
    let (first, rest) = engine.api_key.rsplit('_').next().unwrap().split_at(1);
    let pattern = format!("[{first}]{rest}");
    for user in ["daytona", "root"] {
        let id = id_of(&engine.create(json!({"user": user})).await);
        let search = format!(
            "grep -rl '{pattern}' / --exclude-dir=usr --exclude-dir=sys --exclude-dir=proc --exclude-dir=dev --exclude-dir=opt 2>/dev/null; \
             cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline 2>/dev/null | grep -ac '{pattern}'"
        );
        assert_eq!(engine.run(&id, &search).await.1, "0\n", "{user}");
        assert_ne!(engine.run(&id, &format!("grep -qF '{state}' /proc/self/cgroup")).await.0, 0);
        assert_ne!(engine.run(&id, &format!("ls {state} /proc/1/root{state}")).await.0, 0);
        for route in ["download?path=", "info?path=", "find?pattern=apiKey&path="] {
            for path in [
                format!("{state}/engine.json"),
                format!("../../../../../..{state}/engine.json"),
                format!("/proc/1/root{state}/engine.json"),
                format!("/proc/self/root{state}/engine.json"),
                format!("/proc/1/cwd{state}/engine.json"),
            ] {
                let encoded = path.replace('/', "%2F");
                let (status, body) = engine.get(&format!("/toolbox/{id}/files/{route}{encoded}")).await;
                assert!(status.is_client_error(), "{route}{path}: {status} {body}");
            }
        }
    }
}

#[tokio::test]
async fn crafted_uploads_and_links_stay_inside() {
    let engine = Engine::start().await;
    let bystander = bystander(&engine).await;
    let id = id_of(&engine.create(json!({"user": "root"})).await);
    let outside = engine.directory.path().join("written-from-inside");
    let host_path = outside.to_str().unwrap();
    let other_home = format!("{}/sandboxes/{bystander}/root/home/daytona/mine", engine.directory.path().display());
    engine
        .output(
            &id,
            &format!("mkdir -p {0} && ln -s {0} /tmp/link && ln -s / /tmp/root", engine.directory.path().display()),
        )
        .await;
    let boundary = "x";
    for path in [
        host_path.to_owned(),
        format!("../../../../../../../../..{host_path}"),
        "/tmp/link/written-from-inside".to_owned(),
        format!("/tmp/root{host_path}"),
        format!("/proc/1/root{host_path}"),
        other_home.clone(),
    ] {
        for disposition in [format!("name=\"files[0].file\"; filename=\"{path}\""), "name=\"files[0].file\"".to_owned()]
        {
            let body = format!(
                "--{boundary}\r\nContent-Disposition: form-data; name=\"files[0].path\"\r\n\r\n{path}\r\n\
                 --{boundary}\r\nContent-Disposition: form-data; {disposition}\r\n\r\nattack\r\n--{boundary}--\r\n"
            );
            let request = engine.request(Method::POST, &format!("/toolbox/{id}/files/bulk-upload"));
            let request = request.header("content-type", format!("multipart/form-data; boundary={boundary}"));
            let status = request.body(body).send().await.unwrap().status();
            assert!(status.is_success() || status.is_client_error(), "{path}: {status}");
        }
        assert!(!outside.exists(), "{path} was written outside");
    }
    assert_unharmed(&engine, &bystander).await;
}

#[tokio::test]
async fn links_in_place_of_system_directories_lead_nowhere_when_the_sandbox_starts_again() {
    let engine = Engine::start().await;
    let bystander = bystander(&engine).await;
    let id = id_of(&engine.create(json!({"user": "root"})).await);
    let target = engine.directory.path().join("target");
    std::fs::create_dir(&target).unwrap();
    let script = format!(
        "for name in /mnt /srv /media /opt /home /var /run /dev /proc /sys /etc /tmp /root; do \
         mv $name $name-moved && ln -s {} $name; done 2>/dev/null; true",
        target.display()
    );
    engine.output(&id, &script).await;
    engine.post(&format!("/api/sandbox/{id}/stop"), json!({})).await;
    let (status, answer) = engine.post(&format!("/api/sandbox/{id}/start"), json!({})).await;
    // Whether it can still start is its own affair.
    assert!(status.is_success() || status.is_client_error() || status == StatusCode::INTERNAL_SERVER_ERROR, "{answer}");
    if status.is_success() {
        let _ = engine
            .request(Method::POST, &format!("/toolbox/{id}/process/execute"))
            .json(&json!({"command": "touch /mnt/x /home/x /var/x"}))
            .send()
            .await;
    }
    assert_eq!(std::fs::read_dir(&target).unwrap().count(), 0, "something was made outside");
    assert!(engine.delete(&format!("/api/sandbox/{id}")).await.0.is_success());
    assert!(target.exists());
    assert_unharmed(&engine, &bystander).await;
}

#[tokio::test]
async fn signals_reach_a_sandboxs_own_processes_only() {
    let engine = Engine::start().await;
    let bystander = bystander(&engine).await;
    for user in ["daytona", "root"] {
        let id = id_of(&engine.create(json!({"user": user})).await);
        let request = engine.request(Method::POST, &format!("/toolbox/{id}/process/execute"));
        let _ = request.json(&json!({"command": "kill -KILL -1"})).timeout(Duration::from_secs(20)).send().await;
        assert_unharmed(&engine, &bystander).await;
        let mut works = false;
        for _ in 0..200 {
            let request = engine.request(Method::POST, &format!("/toolbox/{id}/process/execute"));
            works = request.json(&json!({"command": "echo back"})).send().await.unwrap().status().is_success();
            if works {
                break;
            }
            engine.post(&format!("/api/sandbox/{id}/recover"), json!({})).await;
        }
        assert!(works, "{user}: the sandbox cannot be recovered");
    }
}

#[tokio::test]
async fn a_fork_bomb_exhausts_its_own_sandbox_alone() {
    let engine = Engine::start().await;
    let bystander = bystander(&engine).await;
    let id = engine.sandbox().await;
    let bomb = "import os, time\ncount = 0\ntry:\n    while True:\n        if os.fork() == 0:\n            time.sleep(600)\n            os._exit(0)\n\
                \x20       count += 1\nexcept OSError:\n    print(count, flush=True)";
    let begun = engine.request(Method::POST, &format!("/toolbox/{id}/process/code-run"));
    // The children hold the output, so the answer comes only when the sandbox is stopped.
    let bomb = tokio::spawn(begun.json(&json!({"code": bomb, "language": "python"})).send());
    wait_for(|| (engine.sandbox_processes().len() > 3_500).then_some(())).await;
    assert_unharmed(&engine, &bystander).await;
    let first = children(engine.pid().as_raw()).len();
    assert!(first < 4_200, "{first} processes");
    // The kernel needs processor time for each that ends: where that is rare, one stop gives up, and the next goes on.
    let deadline = Instant::now() + Duration::from_secs(300);
    while engine.sandbox_processes().len() >= 20 {
        assert!(Instant::now() < deadline, "processes outlived their sandbox");
        engine.post(&format!("/api/sandbox/{id}/stop"), json!({})).await;
    }
    let _ = bomb.await;
    assert_unharmed(&engine, &bystander).await;
}

#[tokio::test]
async fn memory_is_taken_from_the_sandbox_that_used_it() {
    let engine = Engine::start().await;
    let bystander = bystander(&engine).await;
    let id = id_of(&engine.sized(json!({"memory": 1})).await);
    for hog in [
        "python3 -c 'x = bytearray(3 << 30)'",
        "set -o pipefail; head -c 2000000000 /dev/zero | tail -c 1900000000 | wc -c",
    ] {
        let (_, output) = engine.run(&id, &format!("({hog}); echo \"<$?>\"")).await;
        assert!(!output.contains("<0>"), "{hog}: {output}");
        assert_unharmed(&engine, &bystander).await;
    }
    assert_eq!(engine.output(&id, "echo still here").await, "still here");
    // Memory in files counts as well, and these file systems have an end.
    let (code, _) = engine.run(&id, "head -c 600000000 /dev/zero > /dev/shm/fill").await;
    assert_ne!(code, 0);
    assert_unharmed(&engine, &bystander).await;
}

#[tokio::test]
async fn one_sandboxs_key_opens_no_other() {
    let engine = Engine::start().await;
    let (left, right) = (engine.sandbox().await, engine.sandbox().await);
    let (_, link) = engine.get(&format!("/api/sandbox/{left}/ports/2280/preview-url")).await;
    let token = link["token"].as_str().unwrap();
    let with_token = |id: &str| {
        let request = engine.anonymous(Method::GET, &format!("/toolbox/{id}/files"));
        request.header("x-daytona-preview-token", token).send()
    };
    assert!(!with_token(&right).await.unwrap().status().is_success());
    assert!(
        !engine.anonymous(Method::GET, &format!("/toolbox/{left}/files")).send().await.unwrap().status().is_success()
    );
    for path in ["/api/sandbox", &format!("/api/sandbox/{left}")] {
        let request = engine.anonymous(Method::GET, path).bearer_auth("dtn_wrong");
        assert_eq!(request.send().await.unwrap().status(), StatusCode::UNAUTHORIZED, "{path}");
        let request = engine.anonymous(Method::GET, path).bearer_auth(token);
        assert_eq!(request.send().await.unwrap().status(), StatusCode::UNAUTHORIZED, "{path}");
    }
}

#[tokio::test]
async fn the_machines_processes_cannot_be_signalled_by_their_numbers() {
    let engine = Engine::start().await;
    let bystander = bystander(&engine).await;
    let mut victim = std::process::Command::new("sleep").arg("1000").spawn().unwrap();
    let mut targets = vec![victim.id().to_string(), engine.process.id().to_string(), std::process::id().to_string()];
    targets.extend(engine.sandbox_processes().iter().map(i32::to_string));
    for user in ["daytona", "root"] {
        let id = id_of(&engine.create(json!({"user": user})).await);
        // Numbers that mean something inside are left out: they are this sandbox's own.
        let script = "for pid in TARGETS; do test -e /proc/$pid || { kill -9 $pid; kill -9 -- -$pid; }; done 2>&1";
        let (_, output) = engine.run(&id, &script.replace("TARGETS", &targets.join(" "))).await;
        assert!(output.contains("No such process"), "{user}: {output}");
        let ptrace = format!(
            "import ctypes; libc = ctypes.CDLL(None, use_errno=True); print([libc.ptrace(16, pid, 0, 0) for pid in [{}]])",
            targets[..2].join(", ")
        );
        assert_eq!(engine.output(&id, &format!("python3 -c '{ptrace}'")).await, "[-1, -1]");
    }
    assert!(victim.try_wait().unwrap().is_none(), "the machine's process was killed");
    victim.kill().unwrap();
    victim.wait().unwrap();
    assert_unharmed(&engine, &bystander).await;
}

#[tokio::test]
async fn crafted_archives_unpack_inside() {
    let engine = Engine::start().await;
    let bystander = bystander(&engine).await;
    let outside = engine.directory.path().join("unpacked");
    let pack = format!(
        r#"
import io, tarfile
target = '{0}'
with tarfile.open('evil.tar', 'w') as archive:
    def add(name, content=b'attack', **fields):
        member = tarfile.TarInfo(name)
        member.size = len(content) if not fields else 0
        for field, value in fields.items(): setattr(member, field, value)
        archive.addfile(member, io.BytesIO(content) if not fields else None)
    add(target)
    add('../' * 20 + target.lstrip('/'))
    add('link', type=tarfile.SYMTYPE, linkname=target.rsplit('/', 1)[0])
    add('link/unpacked')
    add('hard', type=tarfile.LNKTYPE, linkname='../../../../etc/passwd')
    add('device', type=tarfile.BLKTYPE, devmajor=8, devminor=0)
    add('deep/' * 500 + 'file')
"#,
        outside.display()
    );
    for user in ["daytona", "root"] {
        let id = id_of(&engine.create(json!({"user": user})).await);
        let request = engine.request(Method::POST, &format!("/toolbox/{id}/process/code-run"));
        let packed = request.json(&json!({"code": pack, "language": "python"})).send().await.unwrap();
        assert_eq!(packed.json::<serde_json::Value>().await.unwrap()["exitCode"], 0);
        // The program may refuse parts of it.
        engine
            .run(&id, &format!("mkdir -p {}; tar -xPf evil.tar; tar -xf evil.tar", engine.directory.path().display()))
            .await;
        assert!(!outside.exists(), "{user}: something was unpacked outside");
        assert!(!std::fs::read_to_string("/etc/passwd").unwrap().contains("attack"));
        assert_eq!(
            engine.output(&id, "test -b device && head -c 1 device >/dev/null 2>&1 && echo device || true").await,
            ""
        );
        assert!(engine.delete(&format!("/api/sandbox/{id}")).await.0.is_success());
    }
    assert_unharmed(&engine, &bystander).await;
}

#[tokio::test]
async fn crafted_addresses_lead_to_no_other_sandbox() {
    let engine = Engine::start().await;
    let bystander = bystander(&engine).await;
    let own = engine.sandbox().await;
    let (_, link) = engine.get(&format!("/api/sandbox/{own}/ports/2280/preview-url")).await;
    let token = link["token"].as_str().unwrap();
    let file = "files/download?path=mine";
    for (host, target) in [
        ("localhost".to_owned(), format!("/toolbox/{own}/../{bystander}/{file}")),
        ("localhost".to_owned(), format!("/toolbox/{own}%2f..%2f{bystander}/{file}")),
        ("localhost".to_owned(), format!("/toolbox/{own}/%2e%2e/{bystander}/{file}")),
        ("localhost".to_owned(), format!("/toolbox/{own}//../{bystander}/{file}")),
        ("localhost".to_owned(), format!("/toolbox/{bystander}/{file}&x=/toolbox/{own}/")),
        ("localhost".to_owned(), format!("/toolbox/{bystander}/../{own}/../{bystander}/{file}")),
        (
            "localhost".to_owned(),
            format!("/toolbox/{own}/files/download?path=../../{bystander}/root/home/daytona/mine"),
        ),
        ("localhost".to_owned(), format!("/toolbox/{own}/files/download?path=%2e%2e%2f%2e%2e%2f{bystander}%2fmine")),
        ("localhost".to_owned(), format!("/toolbox/{own}/proxy/2280/../../{bystander}/{file}")),
        (format!("2280-{own}.localhost"), format!("/toolbox/{bystander}/{file}")),
        (format!("2280-{own}.localhost"), format!("/../{bystander}/{file}")),
        (format!("2280-{bystander}.localhost"), format!("/{file}")),
        (format!("2280-{own}.localhost, 2280-{bystander}.localhost"), format!("/{file}")),
        (format!("2280-{bystander}.localhost@2280-{own}.localhost"), format!("/{file}")),
        ("localhost".to_owned(), format!("http://2280-{bystander}.localhost/{file}")),
        ("localhost".to_owned(), format!("/api/toolbox/{bystander}/toolbox/{file}")),
        ("localhost".to_owned(), format!("/api/sandbox/{bystander}/../{own}")),
    ] {
        let mut stream = TcpStream::connect(engine.origin.strip_prefix("http://").unwrap()).await.unwrap();
        let request = format!(
            "GET {target} HTTP/1.1\r\nhost: {host}\r\nx-daytona-preview-token: {token}\r\nconnection: close\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        // The own sandbox may be asked for things it does not have.
        let refused = ["HTTP/1.1 4", "HTTP/1.1 501", "HTTP/1.1 502"].iter().any(|status| answer.starts_with(status));
        assert!(refused, "{host} {target}: {answer}");
        assert!(!answer.contains("bystander"), "{host} {target}: {answer}");
    }
    assert_unharmed(&engine, &bystander).await;
}

/// A file system of its own for an engine's state; gone when dropped, after the engine.
struct SmallDisk(std::path::PathBuf);

impl SmallDisk {
    fn mount(directory: &std::path::Path, options: &str) -> Self {
        let flags = nix::mount::MsFlags::empty();
        nix::mount::mount(Some("tmpfs"), directory, Some("tmpfs"), flags, Some(options))
            .expect("these tests need root");
        Self(directory.to_owned())
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = nix::mount::umount2(&self.0, nix::mount::MntFlags::MNT_DETACH);
        let _ = std::fs::remove_dir(&self.0);
    }
}

#[tokio::test]
async fn a_sandbox_that_fills_the_machines_disk_leaves_the_engine_and_the_others_working() {
    let directory = tempfile::tempdir().unwrap();
    let _disk = SmallDisk::mount(directory.path(), "size=64m");
    let engine = Engine::start_in(directory, &[]).await;
    let bystander = bystander(&engine).await;
    let id = engine.sandbox().await;
    for command in ["head -c 200M /dev/zero > fill", "yes > more"] {
        let (code, output) = engine.run(&id, command).await;
        assert_ne!(code, 0, "{command}: {output}");
        assert_unharmed(&engine, &bystander).await;
    }
    let (_, log) = engine.run(&id, "yes | head -c 10000000 | wc -c").await;
    assert_eq!(log, "10000000\n");
    // Requests that need the disk may fail, but they say so, and nothing breaks.
    for (path, body) in [
        ("/api/sandbox".to_owned(), json!({"name": "no-room"})),
        (format!("/api/sandbox/{bystander}/stop"), json!({})),
        (format!("/api/sandbox/{bystander}/start"), json!({})),
        (format!("/api/sandbox/{bystander}/autostop/7"), json!({})),
    ] {
        let (status, answer) = engine.post(&path, body).await;
        assert!(status.is_success() || answer["message"].is_string(), "{path}: {status} {answer}");
    }
    assert!(engine.delete(&format!("/api/sandbox/{id}")).await.0.is_success());
    // Its files are removed at leisure.
    let state = engine.directory.path().join("trash");
    wait_for(|| std::fs::read_dir(&state).map_or(true, |mut left| left.next().is_none()).then_some(())).await;
    engine.post(&format!("/api/sandbox/{bystander}/recover"), json!({})).await;
    engine.post(&format!("/api/sandbox/{bystander}/start"), json!({})).await;
    assert_unharmed(&engine, &bystander).await;
    let again = engine.sandbox().await;
    assert_eq!(engine.output(&again, "head -c 10M /dev/zero > fill && echo room").await, "room");
}
