//! Files when the machine refuses: full disks, missing permissions, things that are not files, clients that leave.

mod harness;

use std::io::Write;
use std::path::Path;

use harness::multipart::{BOUNDARY, content_type, form, parts};
use harness::{Toolbox, read, wait_for};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use reqwest::{Method, StatusCode};
use serde_json::json;

/// Gives the toolbox, and it alone, a file system of one megabyte at `small`. Needs root.
fn with_small_disk(home: &Path) {
    unshare(CloneFlags::CLONE_NEWNS).expect("these tests mount a file system and need root");
    mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>).unwrap();
    let small = home.join("small");
    std::fs::create_dir(&small).unwrap();
    mount(None::<&str>, &small, Some("tmpfs"), MsFlags::empty(), Some("size=1m")).unwrap();
}

/// Lets the toolbox, and it alone, work as an ordinary user. Needs root.
fn as_nobody(home: &Path) {
    let nobody = 65_534;
    std::fs::write(home.join("private"), "secret").unwrap();
    std::fs::set_permissions(home.join("private"), std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    std::fs::create_dir(home.join("own")).unwrap();
    std::os::unix::fs::chown(home.join("own"), Some(nobody), Some(nobody)).unwrap();
    std::fs::set_permissions(home, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    // The call itself, because the library's function changes every thread.
    // SAFETY: it takes three integers.
    let done = unsafe { libc::syscall(libc::SYS_setresuid, nobody, nobody, nobody) };
    assert_eq!(done, 0, "these tests change users and need root");
}

async fn names(toolbox: &Toolbox, path: &str) -> Vec<String> {
    let (status, list) = toolbox.get(&format!("/files?path={path}")).await;
    assert_eq!(status, StatusCode::OK, "{list}");
    list.as_array().unwrap().iter().map(|file| file["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_full_disk_leaves_the_old_file_and_no_half_one() {
    let toolbox = Toolbox::start_with(None, with_small_disk);
    let upload = |path: &'static str, content: Vec<u8>| {
        let body = form(&[("f.path", path.as_bytes()), ("f.file", &content)]);
        let request = toolbox.request(Method::POST, "/files/bulk-upload").header("content-type", content_type());
        let sent = request.body(body).send();
        async move { read(sent.await.unwrap()).await }
    };
    assert_eq!(upload("small/file", b"old".to_vec()).await.0, StatusCode::OK);
    let (status, answer) = upload("small/file", vec![b'x'; 3 << 20]).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let error = answer["errors"][0].as_str().unwrap();
    assert_eq!(error, "small/file: write: No space left on device");
    assert_eq!(names(&toolbox, "small").await, ["file"]);
    let response = toolbox.request(Method::GET, "/files/download?path=small/file").send().await.unwrap();
    assert_eq!(response.text().await.unwrap(), "old");
    let raw = toolbox.request(Method::POST, "/files/upload-v2?path=small/other").body(vec![b'x'; 3 << 20]);
    let form = form(&[("file", vec![b'x'; 3 << 20].as_slice())]);
    let single = toolbox.request(Method::POST, "/files/upload?path=small/other").header("content-type", content_type());
    for request in [raw, single.body(form)] {
        let (status, error) = read(request.send().await.unwrap()).await;
        assert!(!status.is_success());
        assert!(error["message"].as_str().unwrap().ends_with(": No space left on device"), "{error}");
    }
    assert_eq!(names(&toolbox, "small").await, ["file"]);
    assert_eq!(upload("small/file", b"new".to_vec()).await.0, StatusCode::OK);
}

#[tokio::test]
async fn moves_across_file_systems_copy_whole_or_not_at_all() {
    let toolbox = Toolbox::start_with(None, with_small_disk);
    std::fs::create_dir(toolbox.path("tree")).unwrap();
    std::fs::write(toolbox.path("tree/file"), "content").unwrap();
    std::os::unix::fs::symlink("file", toolbox.path("tree/link")).unwrap();
    let (status, answer) = toolbox.post("/files/move?source=tree&destination=small/tree", json!(null)).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(names(&toolbox, "small/tree").await, ["file", "link"]);
    assert!(!toolbox.path("tree").exists());
    std::fs::write(toolbox.path("large"), vec![b'x'; 3 << 20]).unwrap();
    let (status, _) = toolbox.post("/files/move?source=large&destination=small/large", json!(null)).await;
    assert!(!status.is_success());
    assert_eq!(std::fs::metadata(toolbox.path("large")).unwrap().len(), 3 << 20);
    assert_eq!(names(&toolbox, "small").await, ["tree"]);
}

#[tokio::test]
async fn commands_go_on_when_their_log_has_no_room() {
    let toolbox = Toolbox::start_with(None, |home| {
        with_small_disk(home);
        std::fs::create_dir(home.join("small/.daytona")).unwrap();
        std::os::unix::fs::symlink("small/.daytona", home.join(".daytona")).unwrap();
    });
    toolbox.create_session("s").await;
    let answer =
        toolbox.run_command("s", "head -c 3000000 /dev/zero | tr '\\0' x; exit_code=5; (exit $exit_code)").await;
    assert_eq!(answer["exitCode"], 5);
    let (status, _) = toolbox.delete("/process/session/s").await;
    assert_eq!(status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn what_the_user_may_not_do_is_forbidden() {
    let toolbox = Toolbox::start_with(None, as_nobody);
    for path in ["private", "/etc/shadow"] {
        let (status, error) = toolbox.get(&format!("/files/download?path={path}")).await;
        assert_eq!((status, &error["code"]), (StatusCode::FORBIDDEN, &json!("FILE_ACCESS_DENIED")));
    }
    let request = toolbox.request(Method::POST, "/files/bulk-download").json(&json!({"paths": ["private"]}));
    let body = request.send().await.unwrap().bytes().await.unwrap();
    assert_eq!(parts(&body, "DAYTONA-FILE-BOUNDARY")[0].json()["code"], "FILE_ACCESS_DENIED");
    let raw = toolbox.request(Method::POST, "/files/upload-v2?path=/usr/not-allowed").body("x").send().await.unwrap();
    assert_eq!(raw.status(), StatusCode::FORBIDDEN);
    assert_eq!(toolbox.delete("/files?path=private").await.0, StatusCode::FORBIDDEN);
    assert_eq!(toolbox.post("/files/folder?path=/usr/not-allowed", json!(null)).await.0, StatusCode::FORBIDDEN);
    assert_eq!(toolbox.post("/files/permissions?path=private&mode=777", json!(null)).await.0, StatusCode::FORBIDDEN);
    assert_eq!(toolbox.get("/files?path=/root").await.0, StatusCode::FORBIDDEN);
    assert_eq!(toolbox.post("/files/folder?path=own/x", json!(null)).await.0, StatusCode::CREATED);
}

#[tokio::test]
async fn things_that_are_not_files_are_refused_instead_of_waited_for() {
    let toolbox = Toolbox::start();
    nix::unistd::mkfifo(&toolbox.path("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(toolbox.path("socket")).unwrap();
    for path in ["pipe", "socket", "/dev/zero", "/dev/tty"] {
        assert_eq!(toolbox.get(&format!("/files/download?path={path}")).await.0, StatusCode::BAD_REQUEST, "{path}");
        let request = toolbox.request(Method::POST, "/files/bulk-download").json(&json!({"paths": [path]}));
        let body = request.send().await.unwrap().bytes().await.unwrap();
        assert_eq!(parts(&body, "DAYTONA-FILE-BOUNDARY")[0].json()["code"], "INVALID_FILE_PATH");
        let body = json!({"files": [path], "pattern": "a", "newValue": "b"});
        assert_eq!(toolbox.post("/files/replace", body).await.1[0]["success"], false, "{path}");
    }
    for path in ["pipe", "socket"] {
        let raw =
            toolbox.request(Method::POST, &format!("/files/upload-v2?path={path}")).body("x").send().await.unwrap();
        assert_eq!(raw.status(), StatusCode::BAD_REQUEST, "{path}");
    }
    assert_eq!(toolbox.get("/files/find?path=.&pattern=x").await.0, StatusCode::OK);
}

#[tokio::test]
async fn an_upload_that_breaks_off_leaves_nothing() {
    let toolbox = Toolbox::start();
    let head = format!(
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"f.path\"\r\n\r\nfile\r\n\
         --{BOUNDARY}\r\nContent-Disposition: form-data; name=\"f.file\"; filename=\"f\"\r\n\r\nhalf"
    );
    let mut stream = std::net::TcpStream::connect(toolbox.address).unwrap();
    write!(
        stream,
        "POST /files/bulk-upload HTTP/1.1\r\nhost: x\r\ncontent-type: {}\r\ncontent-length: 1000000\r\n\r\n{head}",
        content_type()
    )
    .unwrap();
    let home = toolbox.home.path().to_owned();
    let entries = move || std::fs::read_dir(&home).unwrap().count();
    wait_for("the temporary file", || (entries() == 1).then_some(())).await;
    drop(stream);
    wait_for("its removal", || (entries() == 0).then_some(())).await;
}
