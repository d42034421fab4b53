//! Files: listing, moving, searching, uploads and downloads with odd names, ranges and links (wire section 3.2).

mod harness;

use harness::multipart::{content_type, form, parts};
use harness::{Toolbox, read};
use percent_encoding::{NON_ALPHANUMERIC, percent_encode, utf8_percent_encode};
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use std::os::unix::ffi::OsStrExt;

/// Names that have broken file tools before.
const ODD_NAMES: [&str; 9] =
    ["with space", "quo\"te", "back\\slash", "ünï-日本", "new\nline", "100%", "+plus&amp;=", "semi;colon", "-dash"];

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

async fn bulk_upload(toolbox: &Toolbox, fields: &[(&str, &[u8])]) -> (StatusCode, Value) {
    let request = toolbox.request(Method::POST, "/files/bulk-upload").header("content-type", content_type());
    read(request.body(form(fields)).send().await.unwrap()).await
}

async fn bulk_download(toolbox: &Toolbox, paths: &[&str]) -> Vec<harness::multipart::Part> {
    let request = toolbox.request(Method::POST, "/files/bulk-download").json(&json!({"paths": paths}));
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 200);
    let kind = response.headers()["content-type"].to_str().unwrap().to_owned();
    let boundary = kind.strip_prefix("multipart/form-data; boundary=").expect("the documented type");
    parts(&response.bytes().await.unwrap(), boundary)
}

async fn download(toolbox: &Toolbox, path: &str, range: Option<&str>) -> Response {
    let mut request = toolbox.request(Method::GET, &format!("/files/download?path={}", encoded(path)));
    if let Some(range) = range {
        request = request.header("range", range);
    }
    request.send().await.unwrap()
}

#[tokio::test]
async fn files_go_up_and_come_down_whatever_their_names() {
    let toolbox = Toolbox::start();
    for name in ODD_NAMES {
        let path = format!("some/directory/{name}");
        let content = format!("content of {name}");
        let fields = [("files[0].path", path.as_bytes()), ("files[0].file", content.as_bytes())];
        let (status, answer) = bulk_upload(&toolbox, &fields).await;
        assert_eq!((status, &answer["files"][0]["bytes"]), (StatusCode::OK, &json!(content.len())), "{name:?}");
        assert_eq!(std::fs::read_to_string(toolbox.path(&path)).unwrap(), content);
        let down = bulk_download(&toolbox, &[&path]).await;
        assert_eq!(down[0].body, content.as_bytes(), "{name:?}");
        let exact = down[0].disposition().split_once("filename*=utf-8''").expect("an exact name").1;
        let exact = percent_encoding::percent_decode_str(exact).decode_utf8().unwrap();
        assert_eq!(exact, path.as_str());
        let response = download(&toolbox, &path, None).await;
        assert_eq!(response.headers()["content-type"], "application/octet-stream");
        assert_eq!(response.text().await.unwrap(), content);
        let (_, info) = toolbox.get(&format!("/files/info?path={}", encoded(&path))).await;
        assert_eq!((&info["name"], &info["size"]), (&json!(name), &json!(content.len())));
    }
    let (_, list) = toolbox.get("/files?path=some%2Fdirectory").await;
    assert_eq!(list.as_array().unwrap().len(), ODD_NAMES.len());
    for name in ODD_NAMES {
        let (status, _) = toolbox.delete(&format!("/files?path={}", encoded(&format!("some/directory/{name}")))).await;
        assert_eq!(status, StatusCode::NO_CONTENT);
    }
}

#[tokio::test]
async fn names_that_are_not_utf8_work_in_queries() {
    let toolbox = Toolbox::start();
    let name = std::ffi::OsStr::from_bytes(b"latin-\xe9");
    std::fs::write(toolbox.home.path().join(name), "x").unwrap();
    let path = percent_encode(name.as_bytes(), NON_ALPHANUMERIC);
    let response = toolbox.request(Method::GET, &format!("/files/download?path={path}")).send().await.unwrap();
    assert_eq!(response.text().await.unwrap(), "x");
    assert_eq!(toolbox.get("/files").await.1[0]["name"], "latin-\u{fffd}");
    assert_eq!(toolbox.delete(&format!("/files?path={path}")).await.0, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn ranges_are_answered_in_part() {
    let toolbox = Toolbox::start();
    std::fs::write(toolbox.path("digits"), "0123456789").unwrap();
    for (range, expected) in [("bytes=2-4", "234"), ("bytes=7-", "789"), ("bytes=-3", "789"), ("bytes=0-0", "0")] {
        let response = download(&toolbox, "digits", Some(range)).await;
        assert_eq!(response.status(), StatusCode::PARTIAL_CONTENT);
        assert!(response.headers()["content-range"].to_str().unwrap().ends_with("/10"));
        assert_eq!(response.text().await.unwrap(), expected, "{range}");
    }
    assert_eq!(download(&toolbox, "digits", Some("bytes=20-")).await.status(), StatusCode::RANGE_NOT_SATISFIABLE);
    let several = download(&toolbox, "digits", Some("bytes=1-2,-3,30-")).await;
    assert_eq!(several.status(), StatusCode::PARTIAL_CONTENT);
    let kind = several.headers()["content-type"].to_str().unwrap().to_owned();
    let boundary = kind.strip_prefix("multipart/byteranges; boundary=").expect("the documented type");
    let found = parts(&several.bytes().await.unwrap(), boundary);
    let found: Vec<_> = found.iter().map(|part| (part.headers["content-range"].as_str(), &part.body[..])).collect();
    assert_eq!(found, [("bytes 1-2/10", &b"12"[..]), ("bytes 7-9/10", &b"789"[..])]);
    let all = download(&toolbox, "digits", Some("bytes=0-,0-")).await;
    assert_eq!((all.status(), all.text().await.unwrap().as_str()), (StatusCode::OK, "0123456789"));
    let whole = download(&toolbox, "digits", None).await;
    assert_eq!(whole.headers()["content-length"], "10");
    let disposition = whole.headers()["content-disposition"].to_str().unwrap();
    assert_eq!(disposition, "attachment; filename=\"digits\"; filename*=utf-8''digits");
}

#[tokio::test]
async fn a_bulk_upload_reports_each_file_and_goes_on_after_errors() {
    let toolbox = Toolbox::start();
    std::fs::create_dir(toolbox.path("directory")).unwrap();
    let (status, answer) = bulk_upload(
        &toolbox,
        &[
            ("files[0].path", b" a "),
            ("files[1].path", b"directory"),
            ("files[2].path", b"  "),
            ("files[3].path", b"b"),
            ("files[0].file", b"first"),
            ("files[1].file", b"second"),
            ("files[3].file", b""),
            ("files[4].file", b"nowhere"),
            ("other", b"ignored"),
        ],
    )
    .await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(answer["files"], json!([{"path": "a", "bytes": 5}, {"path": "b", "bytes": 0}]));
    let errors: Vec<_> = answer["errors"].as_array().unwrap().iter().map(|e| e.as_str().unwrap()).collect();
    assert_eq!(errors.len(), 3, "{errors:?}");
    assert_eq!(errors[0], "path[2]: empty path");
    assert!(errors[1].starts_with("directory: create: "), "{errors:?}");
    assert_eq!(errors[2], "file[4]: missing .path metadata");
    assert_eq!(std::fs::read_to_string(toolbox.path("a")).unwrap(), "first");
    let request = toolbox.request(Method::POST, "/files/bulk-upload").body("not multipart");
    let (status, answer) = read(request.send().await.unwrap()).await;
    assert_eq!((status, answer), (StatusCode::BAD_REQUEST, json!({"errors": ["invalid multipart form"]})));
    assert_eq!(bulk_upload(&toolbox, &[]).await, (StatusCode::OK, json!({"files": null})));
}

#[tokio::test]
async fn a_bulk_download_has_a_part_for_every_path() {
    let toolbox = Toolbox::start();
    std::fs::write(toolbox.path("text.txt"), "--DAYTONA-FILE-BOUNDARY\r\nno end\r\n").unwrap();
    std::fs::write(toolbox.path("empty"), "").unwrap();
    let parts = bulk_download(&toolbox, &["text.txt", "none", "empty", ".", ""]).await;
    assert_eq!(parts.len(), 5);
    assert_eq!(parts[0].body, b"--DAYTONA-FILE-BOUNDARY\r\nno end\r\n");
    assert!(parts[0].headers["content-type"].starts_with("text/plain"));
    assert!(parts[0].disposition().starts_with("form-data; name=\"file\""));
    for (part, status, code) in [
        (&parts[1], 404, "FILE_NOT_FOUND"),
        (&parts[3], 400, "INVALID_FILE_PATH"),
        (&parts[4], 400, "INVALID_FILE_PATH"),
    ] {
        assert!(part.disposition().starts_with("form-data; name=\"error\""), "{part:?}");
        assert_eq!((&part.json()["statusCode"], &part.json()["code"]), (&json!(status), &json!(code)));
    }
    assert_eq!((parts[2].body.as_slice(), parts[2].headers["content-length"].as_str()), (&b""[..], "0"));
    assert_eq!(toolbox.post("/files/bulk-download", json!({"paths": []})).await.0, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn single_uploads_make_parents_and_replace_what_was_there() {
    let toolbox = Toolbox::start();
    let upload = |path: &str, body: Vec<u8>, kind: String| {
        let request = toolbox.request(Method::POST, path).header("content-type", kind).body(body);
        async move { read(request.send().await.unwrap()).await }
    };
    let multipart = || form(&[("file", b"one".as_slice())]);
    assert_eq!(upload("/files/upload?path=a/b/c", multipart(), content_type()).await.0, StatusCode::OK);
    assert_eq!(std::fs::read_to_string(toolbox.path("a/b/c")).unwrap(), "one");
    let (status, answer) =
        upload("/files/upload-v2?path=a/b/c", b"two".to_vec(), "application/octet-stream".into()).await;
    assert_eq!((status, &answer["name"]), (StatusCode::OK, &json!("c")));
    assert_eq!(std::fs::read_to_string(toolbox.path("a/b/c")).unwrap(), "two");
    assert_eq!(upload("/files/upload-v2?path=d", multipart(), content_type()).await.0, StatusCode::OK);
    assert_eq!(std::fs::read_to_string(toolbox.path("d")).unwrap(), "one");
    let wrong = form(&[("other", b"x".as_slice())]);
    assert_eq!(upload("/files/upload?path=e", wrong, content_type()).await.0, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn links_are_followed_for_content_and_kept_as_links() {
    let toolbox = Toolbox::start();
    std::fs::write(toolbox.path("target"), "old").unwrap();
    for (link, target) in [("link", "target"), ("dangling", "yet-to-come"), ("loop", "loop")] {
        std::os::unix::fs::symlink(target, toolbox.path(link)).unwrap();
    }
    let fields: [(&str, &[u8]); 4] =
        [("f[0].path", b"link"), ("f[0].file", b"new"), ("f[1].path", b"dangling"), ("f[1].file", b"made")];
    assert_eq!(bulk_upload(&toolbox, &fields).await.0, StatusCode::OK);
    assert_eq!(std::fs::read_to_string(toolbox.path("target")).unwrap(), "new");
    assert_eq!(std::fs::read_to_string(toolbox.path("yet-to-come")).unwrap(), "made");
    assert!(toolbox.path("link").is_symlink() && toolbox.path("dangling").is_symlink());
    let (status, _) = bulk_upload(&toolbox, &[("f.path", b"loop"), ("f.file", b"x")]).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(toolbox.path("loop").is_symlink());
    assert!(!download(&toolbox, "loop", None).await.status().is_success());
    // Deleting a link leaves what it leads to.
    std::fs::create_dir(toolbox.path("kept")).unwrap();
    std::fs::write(toolbox.path("kept/file"), "").unwrap();
    std::os::unix::fs::symlink("kept", toolbox.path("to-kept")).unwrap();
    assert_eq!(toolbox.delete("/files?path=to-kept&recursive=true").await.0, StatusCode::NO_CONTENT);
    assert!(toolbox.path("kept/file").exists());
}

#[tokio::test]
async fn folders_moves_modes_searches_and_replacements() {
    let toolbox = Toolbox::start();
    assert_eq!(toolbox.post("/files/folder?path=a/b&mode=0700", json!(null)).await.0, StatusCode::CREATED);
    std::fs::write(toolbox.path("a/b/one.txt"), "first needle\r\nsecond\nneedle needle\n").unwrap();
    std::fs::write(toolbox.path("a/two.bin"), b"needle\0").unwrap();
    let (_, listed) = toolbox.get("/files?path=a&depth=2").await;
    let names: Vec<_> = listed.as_array().unwrap().iter().map(|f| f["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["b", "one.txt", "two.bin"]);
    assert_eq!((&listed[0]["permissions"], &listed[0]["isDir"]), (&json!("0700"), &json!(true)));
    assert_eq!(listed[0]["mode"], "drwx------");
    assert_eq!(toolbox.get("/files?depth=0").await.0, StatusCode::BAD_REQUEST);
    let (_, found) = toolbox.get("/files/find?path=a&pattern=needle").await;
    assert_eq!(
        found,
        json!([
            {"file": "a/b/one.txt", "line": 1, "content": "first needle"},
            {"file": "a/b/one.txt", "line": 3, "content": "needle needle"},
        ])
    );
    assert_eq!(toolbox.get("/files/search?path=a&pattern=*.txt").await.1, json!({"files": ["a/b/one.txt"]}));
    let body = json!({"files": ["a/b/one.txt", "none"], "pattern": "needle", "newValue": ""});
    let (_, replaced) = toolbox.post("/files/replace", body).await;
    assert_eq!((&replaced[0]["success"], &replaced[1]["success"]), (&json!(true), &json!(false)));
    assert_eq!(std::fs::read_to_string(toolbox.path("a/b/one.txt")).unwrap(), "first \r\nsecond\n \n");
    assert_eq!(toolbox.post("/files/permissions?path=a/b/one.txt&mode=600", json!(null)).await.0, StatusCode::OK);
    assert_eq!(toolbox.get("/files/info?path=a/b/one.txt").await.1["permissions"], "0600");
    let moved = |query: &str| format!("/files/move?{query}");
    assert_eq!(toolbox.post(&moved("source=a/b&destination=c"), json!(null)).await.0, StatusCode::OK);
    assert_eq!(toolbox.post(&moved("source=c&destination=a"), json!(null)).await.0, StatusCode::CONFLICT);
    assert_eq!(toolbox.post(&moved("source=none&destination=x"), json!(null)).await.0, StatusCode::NOT_FOUND);
    assert_eq!(toolbox.delete("/files?path=c").await.0, StatusCode::BAD_REQUEST);
    assert_eq!(toolbox.delete("/files?path=c&recursive=true").await.0, StatusCode::NO_CONTENT);
    assert_eq!(toolbox.get("/files/info?path=c").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_hundred_megabytes_go_up_and_down() {
    let toolbox = Toolbox::start();
    let content: Vec<u8> = (0..100usize << 20).map(|at| (at / 7) as u8).collect();
    let (status, _) = bulk_upload(&toolbox, &[("f.path", b"large"), ("f.file", &content)]).await;
    assert_eq!(status, StatusCode::OK);
    let parts = bulk_download(&toolbox, &["large"]).await;
    assert!(parts[0].body == content, "the content changed on the way");
}

#[tokio::test]
async fn empty_files_are_files() {
    let toolbox = Toolbox::start();
    let (status, answer) = bulk_upload(&toolbox, &[("f.path", b"a"), ("f.file", b"")]).await;
    assert_eq!((status, answer), (StatusCode::OK, json!({"files": [{"path": "a", "bytes": 0}]})));
    let request = toolbox.request(Method::POST, "/files/upload?path=b").header("content-type", content_type());
    assert_eq!(request.body(form(&[("file", b"".as_slice())])).send().await.unwrap().status(), StatusCode::OK);
    let request = toolbox.request(Method::POST, "/files/upload-v2?path=c").body("");
    assert_eq!(request.send().await.unwrap().status(), StatusCode::OK);
    for name in ["a", "b", "c"] {
        assert_eq!(toolbox.get(&format!("/files/info?path={name}")).await.1["size"], 0);
        let response = download(&toolbox, name, None).await;
        assert_eq!((response.status(), response.headers()["content-length"].as_bytes()), (StatusCode::OK, &b"0"[..]));
        assert_eq!(bulk_download(&toolbox, &[name]).await[0].body, b"");
    }
    assert_eq!(toolbox.get("/files/find?path=.&pattern=x").await.1, json!([]));
    let body = json!({"files": ["a"], "pattern": "x", "newValue": "y"});
    assert_eq!(toolbox.post("/files/replace", body).await.1, json!([{"file": "a", "success": true}]));
    std::fs::create_dir(toolbox.path("empty")).unwrap();
    assert_eq!(toolbox.get("/files?path=empty").await.1, json!([]));
    assert_eq!(toolbox.get("/files/search?path=empty&pattern=*").await.1, json!({"files": ["empty"]}));
}

#[tokio::test]
async fn odd_names_are_found_moved_and_searched() {
    let toolbox = Toolbox::start();
    std::fs::create_dir(toolbox.path("d")).unwrap();
    for name in ODD_NAMES {
        std::fs::write(toolbox.path("d").join(name), "needle").unwrap();
    }
    let mut expected = ODD_NAMES.map(|name| format!("d/{name}"));
    expected.sort();
    let (_, found) = toolbox.get("/files/search?path=d&pattern=??*").await;
    assert_eq!(found["files"].as_array().unwrap().len(), ODD_NAMES.len());
    let (_, found) = toolbox.get("/files/find?path=d&pattern=needle").await;
    let files: Vec<_> = found.as_array().unwrap().iter().map(|line| line["file"].as_str().unwrap()).collect();
    assert_eq!(files, expected);
    let body = json!({"files": expected, "pattern": "needle", "newValue": "thread"});
    assert!(
        toolbox.post("/files/replace", body).await.1.as_array().unwrap().iter().all(|file| file["success"] == true)
    );
    for name in ODD_NAMES {
        let (from, to) = (encoded(&format!("d/{name}")), encoded(&format!("{name} moved")));
        let (status, _) = toolbox.post(&format!("/files/move?source={from}&destination={to}"), json!(null)).await;
        assert_eq!(status, StatusCode::OK, "{name:?}");
        assert_eq!(std::fs::read_to_string(toolbox.path(&format!("{name} moved"))).unwrap(), "thread");
        let (status, _) = toolbox.post(&format!("/files/permissions?path={to}&mode=600"), json!(null)).await;
        assert_eq!(status, StatusCode::OK, "{name:?}");
    }
}

#[tokio::test]
async fn links_that_lead_nowhere_or_in_circles_hold_nothing_up() {
    let toolbox = Toolbox::start();
    std::fs::create_dir(toolbox.path("d")).unwrap();
    std::fs::write(toolbox.path("d/file"), "needle").unwrap();
    for (link, target) in
        [("dangling", "nowhere"), ("self", "self"), ("up", ".."), ("again", "../d"), ("to-file", "file")]
    {
        std::os::unix::fs::symlink(target, toolbox.path("d").join(link)).unwrap();
    }
    let names = async |path: &str| -> Vec<String> {
        let (status, list) = toolbox.get(path).await;
        assert_eq!(status, StatusCode::OK, "{list}");
        list.as_array().unwrap().iter().map(|file| file["name"].as_str().unwrap().to_owned()).collect()
    };
    // Links that lead nowhere are left out, linked directories are shown but not entered.
    assert_eq!(names("/files?path=d").await, ["again", "file", "to-file", "up"]);
    assert_eq!(names("/files?path=.&depth=50").await, ["d", "again", "file", "to-file", "up"]);
    let (_, found) = toolbox.get("/files/search?path=d&pattern=*").await;
    assert_eq!(found["files"].as_array().unwrap().len(), 7);
    let (_, found) = toolbox.get("/files/find?path=d&pattern=needle").await;
    let files: Vec<_> = found.as_array().unwrap().iter().map(|line| line["file"].as_str().unwrap()).collect();
    assert_eq!(files, ["d/file"]);
    for link in ["dangling", "self"] {
        let path = format!("d/{link}");
        assert!(toolbox.get(&format!("/files/info?path={path}")).await.0.is_client_error());
        assert!(download(&toolbox, &path, None).await.status().is_client_error());
        assert_eq!(bulk_download(&toolbox, &[&path]).await[0].json()["source"], "DAYTONA_DAEMON");
        assert_eq!(toolbox.delete(&format!("/files?path={path}")).await.0, StatusCode::NO_CONTENT);
        assert!(!toolbox.path(&path).is_symlink());
    }
    assert_eq!(toolbox.delete("/files?path=d&recursive=true").await.0, StatusCode::NO_CONTENT);
    assert!(toolbox.home.path().exists());
}

#[tokio::test]
async fn overwritten_files_keep_their_inode_mode_and_hard_links() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    let toolbox = Toolbox::start();
    let file = toolbox.path("file");
    std::fs::write(&file, "an old and long content").unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o751)).unwrap();
    std::fs::hard_link(&file, toolbox.path("other-name")).unwrap();
    let before = std::fs::metadata(&file).unwrap();
    let unchanged = |content: &str| {
        let after = std::fs::metadata(&file).unwrap();
        assert_eq!((after.ino(), after.mode()), (before.ino(), before.mode()), "{content}");
        assert_eq!(std::fs::read_to_string(toolbox.path("other-name")).unwrap(), content);
    };
    let (status, _) = bulk_upload(&toolbox, &[("f.path", b"file"), ("f.file", b"short")]).await;
    assert_eq!(status, StatusCode::OK);
    unchanged("short");
    let raw = toolbox.request(Method::POST, "/files/upload-v2?path=file").body("longer than before");
    assert_eq!(raw.send().await.unwrap().status(), StatusCode::OK);
    unchanged("longer than before");
    let body = json!({"files": ["file"], "pattern": "longer", "newValue": "-"});
    assert_eq!(toolbox.post("/files/replace", body).await.1[0]["success"], true);
    unchanged("- than before");
    assert_eq!(std::fs::read_dir(toolbox.home.path()).unwrap().count(), 2);
}

#[tokio::test]
async fn found_paths_are_written_the_shortest_way() {
    let toolbox = Toolbox::start();
    std::fs::create_dir_all(toolbox.path("s/t")).unwrap();
    std::fs::write(toolbox.path("s/a.txt"), "needle").unwrap();
    for path in ["./s", "s/", "s//.", "s/t/.."] {
        let (_, found) = toolbox.get(&format!("/files/search?path={path}&pattern=*.txt")).await;
        assert_eq!(found, json!({"files": ["s/a.txt"]}), "{path}");
        let (_, found) = toolbox.get(&format!("/files/find?path={path}&pattern=needle")).await;
        assert_eq!(found[0]["file"], "s/a.txt", "{path}");
    }
}
