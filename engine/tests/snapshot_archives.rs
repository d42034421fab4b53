//! Snapshots as archives that other tools read, and what builds fetch.

mod harness;

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use harness::{Engine, id_of, read};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::signal::Signal;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const BUSYBOX: &str = "FROM default AS tools\nFROM scratch\nCOPY --from=tools /usr/bin/busybox /bin/\n\
                       RUN [\"/bin/busybox\", \"--install\", \"-s\", \"/bin\"]\n";

/// A snapshot built from a Dockerfile, once it is active or failed.
async fn snapshot(engine: &Engine, name: &str, dockerfile: &str) -> Value {
    let body = json!({"name": name, "buildInfo": {"dockerfileContent": dockerfile}});
    let (status, made) = engine.post("/api/snapshots", body).await;
    assert_eq!(status, StatusCode::OK, "{made}");
    let deadline = Instant::now() + Duration::from_secs(120);
    loop {
        let (_, found) = engine.get(&format!("/api/snapshots/{}", id_of(&made))).await;
        if !["pending", "building", "pulling"].contains(&found["state"].as_str().unwrap()) {
            return found;
        }
        assert!(Instant::now() < deadline, "{found}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn run(program: &str, arguments: &[&str], directory: &Path) -> String {
    let output = Command::new(program).args(arguments).current_dir(directory).output().expect(program);
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[tokio::test]
async fn an_exported_snapshot_is_read_by_others_and_imported_again() {
    let engine = Engine::start().await;
    let dockerfile = format!(
        "{BUSYBOX}COPY <<EOF /data/gone\nx\nEOF\nRUN rm /data/gone && echo kept > /data/kept && chown 7:8 /data/kept\n\
         ENV A=b\nUSER 7\nENTRYPOINT [\"/bin/sh\", \"-c\", \"sleep 1000\"]\n"
    );
    let made = snapshot(&engine, "made", &dockerfile).await;
    assert_eq!(made["state"], "active", "{made}");
    let exported = engine.request(Method::GET, "/api/snapshots/made/archive").send().await.unwrap();
    assert_eq!(exported.status(), StatusCode::OK);
    let archive = exported.bytes().await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("image.tar"), &archive).unwrap();
    let inspected = run("skopeo", &["inspect", "--config", "oci-archive:image.tar"], directory.path());
    let config: Value = serde_json::from_str(&inspected).unwrap();
    assert_eq!((&config["config"]["User"], &config["config"]["Env"]), (&json!("7"), &json!(["A=b"])), "{config}");
    assert_eq!(config["config"]["Entrypoint"], json!(["/bin/sh", "-c", "sleep 1000"]));

    let send = async |name: &str, body: Vec<u8>| {
        let request = engine.request(Method::PUT, &format!("/api/snapshots/{name}/archive?cpu=2")).body(body);
        read(request.send().await).await
    };
    let (status, imported) = send("again", archive.to_vec()).await;
    assert_eq!(
        (status, &imported["state"], &imported["cpu"]),
        (StatusCode::OK, &json!("active"), &json!(2)),
        "{imported}"
    );
    let sandbox = engine.create(json!({"snapshot": "again"})).await;
    let output = engine.output(&id_of(&sandbox), "id -u; echo $A; ls /data; stat -c %u:%g /data/kept").await;
    assert_eq!(output, "7\nb\nkept\n7:8");
    // Builds begin with it, and copy from it, by its name.
    let dockerfile = "FROM again\nUSER 0\nCOPY --from=again /data/kept /data/copy\nRUN echo built > /data/built\n";
    let built = snapshot(&engine, "on-it", dockerfile).await;
    assert_eq!(built["state"], "active", "{built}");
    let sandbox = engine.create(json!({"snapshot": "on-it"})).await;
    let output = engine.output(&id_of(&sandbox), "echo $A; cat /data/kept /data/copy /data/built").await;
    assert_eq!(output, "b\nkept\nkept\nbuilt");
    let (status, answer) = send("again", archive.to_vec()).await;
    assert_eq!(status, StatusCode::CONFLICT, "{answer}");
    let (status, answer) = send("broken", archive[..archive.len() / 2].to_vec()).await;
    assert!(
        status == StatusCode::BAD_REQUEST && engine.get("/api/snapshots/broken").await.0 == StatusCode::NOT_FOUND,
        "{answer}"
    );
    let (status, answer) = engine.get("/api/snapshots/daytona-small/archive").await;
    assert!(!status.is_success(), "{answer}");
    let left = std::fs::read_dir(engine.directory.path().join("archives")).unwrap().count();
    assert_eq!(left, 0);
}

/// The archives that are being put together or received.
fn archives(engine: &Engine) -> Vec<std::path::PathBuf> {
    let found = std::fs::read_dir(engine.directory.path().join("archives")).unwrap();
    found.map(|entry| entry.unwrap().path()).collect()
}

#[tokio::test]
async fn an_export_ends_with_its_request() {
    let engine = Engine::start().await;
    assert_eq!(snapshot(&engine, "made", BUSYBOX).await["state"], "active");
    // Packing this takes longer than anybody waits.
    let layers = std::fs::read_dir(engine.directory.path().join("images/l")).unwrap();
    for layer in layers.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()) {
        std::fs::File::create(layer.join("endless")).unwrap().set_len(4 << 40).unwrap();
    }
    let exported = tokio::spawn(engine.request(Method::GET, "/api/snapshots/made/archive").send());
    let half = || archives(&engine).iter().any(|path| path.join("blobs/sha256/half-written").exists());
    harness::wait_for(|| half().then_some(())).await;
    exported.abort();
    harness::wait_for(|| archives(&engine).is_empty().then_some(())).await;
}

#[tokio::test]
async fn who_reads_an_export_on_too_late_learns_that_it_is_not_whole() {
    let directory = tempfile::tempdir().unwrap();
    let engine = Engine::start_with(directory, &[], &[("DAYTONA_LOCAL_TESTING", "true")]).await;
    assert_eq!(snapshot(&engine, "made", BUSYBOX).await["state"], "active");
    // More than waits in a connection that nobody reads, and does not become smaller.
    let mut noise = vec![0; 32 << 20];
    getrandom::fill(&mut noise).unwrap();
    let layers = std::fs::read_dir(engine.directory.path().join("images/l")).unwrap();
    let layer = layers.map(|entry| entry.unwrap().path()).find(|path| path.is_dir()).expect("a layer");
    std::fs::write(layer.join("noise"), noise).unwrap();

    let mut exported = engine.request(Method::GET, "/api/snapshots/made/archive").send().await.unwrap();
    assert_eq!(exported.status(), StatusCode::OK);
    assert!(exported.chunk().await.unwrap().is_some());
    // The clock is moved again, should the engine have begun to wait just now.
    let deadline = Instant::now() + Duration::from_secs(120);
    while !archives(&engine).is_empty() {
        assert!(Instant::now() < deadline, "it is kept for whoever does not read");
        assert_eq!(engine.post("/api/testing/clock", json!({"advance": "2m"})).await.0, StatusCode::OK);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let end = loop {
        match exported.chunk().await {
            Ok(Some(_)) => {}
            end => break end,
        }
    };
    end.expect_err("half of an archive that seems whole");
}

#[tokio::test]
async fn an_import_that_does_not_arrive_is_given_up() {
    let directory = tempfile::tempdir().unwrap();
    let engine = Engine::start_with(directory, &[], &[("DAYTONA_LOCAL_TESTING", "true")]).await;
    let address = engine.origin.strip_prefix("http://").unwrap();
    let mut stalled = tokio::net::TcpStream::connect(address).await.unwrap();
    let head = format!(
        "PUT /api/snapshots/late/archive HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {}\r\n\
         Content-Length: 1000000\r\n\r\nsome of it",
        engine.api_key
    );
    stalled.write_all(head.as_bytes()).await.unwrap();
    harness::wait_for(|| (!archives(&engine).is_empty()).then_some(())).await;
    // Others come and go meanwhile.
    assert_eq!(snapshot(&engine, "made", BUSYBOX).await["state"], "active");
    let archive = engine.request(Method::GET, "/api/snapshots/made/archive").send().await.unwrap();
    let archive = archive.bytes().await.unwrap();
    let sent = engine.request(Method::PUT, "/api/snapshots/again/archive").body(archive).send().await;
    assert_eq!(read(sent).await.0, StatusCode::OK);
    let mut answer = Vec::new();
    while !String::from_utf8_lossy(&answer).contains("\r\n\r\n") {
        // Again, should it have begun to wait just now.
        assert_eq!(engine.post("/api/testing/clock", json!({"advance": "2m"})).await.0, StatusCode::OK);
        let read = stalled.read_buf(&mut answer);
        if let Ok(Ok(0) | Err(_)) = tokio::time::timeout(Duration::from_millis(100), read).await {
            break;
        }
    }
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.starts_with("HTTP/1.1 400") && archives(&engine).is_empty(), "{answer}");
}

/// Serves files by HTTP on loopback until the test ends: a text, a redirect to it, one that asks for a password, and one
/// to a place that may not be reached.
async fn serve(requests: tokio::sync::mpsc::UnboundedSender<String>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = Vec::new();
            while !head.windows(4).any(|end| end == b"\r\n\r\n") {
                if stream.read_buf(&mut head).await.unwrap_or(0) == 0 {
                    break;
                }
            }
            let head = String::from_utf8_lossy(&head).to_lowercase();
            let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
            let is_known = head.contains("authorization: basic dxnlcjpwqhnz\r\n") && head.contains("host: 127.0.0.1:");
            let answer = match path.as_str() {
                "/file.txt" => {
                    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nLast-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\nhello"
                }
                "/private" if is_known => "HTTP/1.1 302 Found\r\nLocation: /file.txt\r\nContent-Length: 0\r\n\r\n",
                "/moved" => "HTTP/1.1 302 Found\r\nLocation: /file.txt\r\nContent-Length: 0\r\n\r\n",
                "/away" => "HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/latest\r\nContent-Length: 0\r\n\r\n",
                _ => "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
            };
            let _ = requests.send(path);
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    origin
}

#[tokio::test]
async fn builds_fetch_files_that_are_what_they_are_said_to_be() {
    const DIGEST: &str = "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
    let (requests, mut asked) = tokio::sync::mpsc::unbounded_channel();
    let origin = serve(requests).await;
    let directory = tempfile::tempdir().unwrap();
    let engine = Engine::start_with(directory, &[], &[("DAYTONA_LOCAL_ALLOW_NETWORK", "127.0.0.0/8")]).await;
    let dockerfile = format!(
        "{BUSYBOX}ADD --chmod=644 {origin}/file.txt {origin}/moved /fetched/\nADD --checksum={DIGEST} {origin}/file.txt /checked\n"
    );
    let made = snapshot(&engine, "fetched", &dockerfile).await;
    assert_eq!(made["state"], "active", "{made}");
    let id = id_of(&engine.create(json!({"snapshot": "fetched"})).await);
    let output =
        engine.output(&id, "cat /fetched/file.txt /fetched/moved /checked; stat -c '%a %Y' /fetched/file.txt").await;
    assert_eq!(output, "hellohellohello644 784111777");
    assert_eq!(engine.output(&id, "stat -c %a /checked").await, "600");
    while asked.try_recv().is_ok() {}
    let again = format!("{BUSYBOX}ADD --checksum={DIGEST} {origin}/file.txt /checked\n");
    for name in ["once", "cached"] {
        assert_eq!(snapshot(&engine, name, &again).await["state"], "active");
    }
    assert_eq!(asked.try_recv().unwrap(), "/file.txt");
    asked.try_recv().expect_err("what is known by its digest is not asked for again");
    let known = origin.replace("://", "://user:p%40ss@");
    let twice = format!("{BUSYBOX}ADD {known}/private {origin}/file.txt {origin}/file.txt /twice/\n");
    assert_eq!(snapshot(&engine, "twice", &twice).await["state"], "active");
    let failing = format!("{BUSYBOX}ADD {known}/missing /twice/\n");
    let failed = snapshot(&engine, "unknown", &failing).await;
    let reason = failed["errorReason"].as_str().unwrap();
    assert!(reason.contains("ADD http://***@127.0.0.1:") && reason.contains("404"), "{reason}");
    let mut told = reason.to_owned();
    for name in ["twice", "unknown"] {
        told += &engine
            .request(Method::GET, &format!("/api/snapshots/{name}/build-logs"))
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap();
    }
    told += &engine.get("/api/build-cache").await.1.to_string();
    assert!(told.contains("ADD http://***@127.0.0.1:") && !told.contains("p%40ss") && !told.contains("p@ss"), "{told}");
    for (line, reason) in [
        (format!("ADD --checksum={} {origin}/file.txt /x", DIGEST.replace('c', "d")), "has the digest"),
        (format!("ADD {origin}/missing /x"), "404"),
        (format!("ADD {origin}/away /x"), "not a public address"),
        ("ADD http://10.0.0.1/file /x".to_owned(), "not a public address"),
        (format!("ADD {origin} /x/"), "names no file"),
        ("ADD https://example.com/a.git /x".to_owned(), "RUN command"),
    ] {
        let failed =
            snapshot(&engine, &format!("bad-{}", reason.split(' ').next().unwrap()), &format!("{BUSYBOX}{line}\n"))
                .await;
        assert!(failed["errorReason"].as_str().unwrap_or_default().contains(reason), "{line}: {failed}");
        engine.request(Method::DELETE, &format!("/api/snapshots/{}", id_of(&failed))).send().await.unwrap();
        harness::wait_for_response(async || {
            (engine.get(&format!("/api/snapshots/{}", id_of(&failed))).await.0 == StatusCode::NOT_FOUND).then_some(())
        })
        .await;
    }
}

/// Makes a file system in memory as large as what it holds and so much more.
fn leave_room(place: &Path, mib: u64) {
    let disk = nix::sys::statvfs::statvfs(place).unwrap();
    let used = (disk.blocks() - disk.blocks_free()) * disk.fragment_size();
    let size = format!("size={}k", (used >> 10) + (mib << 10));
    mount(Some("tmpfs"), place, Some("tmpfs"), MsFlags::MS_REMOUNT, Some(size.as_str())).unwrap();
}

#[tokio::test]
async fn what_would_fill_the_disk_is_neither_exported_nor_fetched() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path().to_owned();
    mount(Some("tmpfs"), &place, Some("tmpfs"), MsFlags::empty(), Some("size=8g,mode=700")).unwrap();
    let engine = Engine::start_with(directory, &[], &[("DAYTONA_LOCAL_ALLOW_NETWORK", "127.0.0.0/8")]).await;
    let dockerfile = format!("{BUSYBOX}RUN dd if=/dev/urandom of=/large bs=1M count=64\n");
    let made = snapshot(&engine, "large", &dockerfile).await;
    assert_eq!(made["state"], "active", "{made}");

    leave_room(&place, 32);
    let (status, refused) = engine.get("/api/snapshots/large/archive").await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{refused}");
    assert!(refused["message"].as_str().unwrap().contains("MiB left for sandboxes"), "{refused}");
    assert!(archives(&engine).is_empty());

    // A server that never ends; the disk becomes full while it sends.
    leave_room(&place, 4096);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/endless", listener.local_addr().unwrap());
    let full = place.clone();
    let serving = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.read_buf(&mut Vec::with_capacity(1 << 12)).await.unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4000000000\r\n\r\nsome of it").await.unwrap();
        leave_room(&full, 512);
        // Until the engine gives up.
        while stream.write_all(b"more").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    let failed = snapshot(&engine, "fetched", &format!("{BUSYBOX}ADD {url} /file\n")).await;
    assert!(failed["errorReason"].as_str().unwrap_or_default().contains("are left on the machine's disk"), "{failed}");
    serving.await.unwrap();
    assert_eq!(std::fs::read_dir(place.join("images/tmp")).unwrap().count(), 0);

    leave_room(&place, 4096);
    let exported = engine.request(Method::GET, "/api/snapshots/large/archive").send().await.unwrap();
    assert!(exported.bytes().await.unwrap().len() > 60 << 20);
    let directory = engine.end(Signal::SIGTERM).await;
    umount2(directory.path(), MntFlags::MNT_DETACH).unwrap();
}
