//! Answers as release 0.190 of the server gave them: statuses, bodies and what programs notice.

mod harness;

use std::io::Write;
use std::time::Duration;

use daytona_toolbox::Compat;
use harness::multipart::{BOUNDARY, content_type, form};
use harness::{Toolbox, content_of, read, wait_for};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};

fn old() -> Toolbox {
    Toolbox::start_as(Compat::V0_190)
}

/// Sends a request; its status and body, which may be no JSON.
async fn answer(request: RequestBuilder) -> (u16, Value) {
    let (status, body) = read(request.send().await.expect("an answer")).await;
    (status.as_u16(), body)
}

#[tokio::test]
async fn errors_have_the_four_shapes_of_that_server() {
    let toolbox = old();
    let get = |path: &str| toolbox.request(Method::GET, path);
    // Nothing at all.
    for (path, status) in [("/files/info?path=none", 404), ("/files/download?path=none", 404), ("/port/1/in-use", 400)]
    {
        assert_eq!(answer(get(path)).await, (status, json!("")), "{path}");
    }
    // One word for all.
    let (status, body) = answer(get("/process/pty/none")).await;
    assert_eq!((status, body), (404, json!({"error": "PTY session not found"})));
    // The typed one: codes of the status alone, and no source.
    let run = json!({"command": "sleep 1000", "timeout": 1});
    let (status, body) = answer(toolbox.posting("/process/execute", &run)).await;
    assert_eq!((status, &body["code"], body.get("source")), (408, &json!("REQUEST_TIMEOUT"), None), "{body}");
    let (status, body) = answer(get("/git/status?path=none")).await;
    assert_eq!((status, &body["code"]), (404, &json!("NOT_FOUND")));
    assert!(body["message"].as_str().unwrap().starts_with("not found: "), "{body}");
    // The untyped one.
    let unknown = toolbox.posting("/process/session/none/exec", &json!({"command": "true"}));
    let message = "failed to execute command: not found: session not found";
    let body = json!({"statusCode": 500, "message": message, "timestamp": "0001-01-01T00:00:00Z", "path": ""});
    assert_eq!(answer(unknown).await, (500, body));
    let body = json!({"paths": ["none"]});
    let parts = toolbox.posting("/files/bulk-download", &body).send().await.unwrap().text().await.unwrap();
    assert!(parts.contains("FILE_NOT_FOUND") && !parts.contains("source"), "{parts}");
}

#[tokio::test]
async fn what_came_later_is_not_there() {
    let toolbox = old();
    for (method, path) in [
        (Method::HEAD, "/work-dir"),
        (Method::POST, "/files/upload-v2?path=x"),
        (Method::POST, "/git/init"),
        (Method::GET, "/git/config?key=user.name"),
        (Method::POST, "/env"),
        (Method::GET, "/system/metrics"),
        (Method::GET, "/nonsense"),
        (Method::DELETE, "/process/session/a%2Fb"),
    ] {
        let response = toolbox.request(method.clone(), path).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::NOT_FOUND, "{path}");
        if method != Method::HEAD {
            assert_eq!(response.text().await.unwrap(), "404 page not found", "{path}");
        }
    }
    let connect = toolbox.request(Method::GET, "/process/pty/create-connect?id=p");
    assert_eq!(answer(connect).await, (404, json!({"error": "PTY session not found"})));
    assert_eq!(answer(toolbox.posting("/init", &json!({}))).await.0, 400);
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    for (method, path, status, location) in [
        (Method::GET, "/work-dir/?a=b", 301, "/work-dir?a=b"),
        (Method::POST, "/process/execute/", 307, "/process/execute"),
        (Method::GET, "/proxy/4555", 301, "/proxy/4555/"),
    ] {
        let response = client.request(method, format!("http://{}{path}", toolbox.address)).send().await.unwrap();
        assert_eq!((response.status().as_u16(), response.headers()["location"].to_str().unwrap()), (status, location));
    }
}

#[tokio::test]
async fn files_follow_that_servers_rules() {
    let toolbox = old();
    std::fs::create_dir_all(toolbox.path("d/e")).unwrap();
    std::fs::write(toolbox.path("d/e/long"), format!("needle\n{}\nneedle\n", "x".repeat(70_000))).unwrap();
    std::os::unix::fs::symlink("nowhere", toolbox.path("dangling")).unwrap();
    let get = |path: &str| toolbox.request(Method::GET, path);
    assert_eq!(answer(get("/files/search?path=none&pattern=*")).await, (200, json!({"files": []})));
    assert_eq!(answer(get("/files/find?path=none&pattern=x")).await, (200, json!([])));
    let (_, found) = answer(get("/files/find?path=d&pattern=needle")).await;
    assert_eq!(found.as_array().unwrap().len(), 1, "a long line ends the search: {found}");
    let (status, listed) = answer(get("/files?path=d&depth=0")).await;
    assert_eq!((status, listed.as_array().unwrap().len(), listed[0].get("path")), (200, 1, None));
    assert_eq!(answer(toolbox.request(Method::DELETE, "/files?path=dangling")).await.0, 404);
    assert_eq!(answer(toolbox.request(Method::POST, "/files/folder?path=sticky&mode=1777")).await.0, 201);
    let sticky = std::fs::metadata(toolbox.path("sticky")).unwrap();
    assert_eq!(std::os::unix::fs::MetadataExt::mode(&sticky) & 0o7000, 0);
    assert_eq!(answer(toolbox.request(Method::POST, "/files/move?source=d&destination=d/e/d")).await.0, 200);
    assert!(!toolbox.path("d").exists());
    let upload = toolbox.request(Method::POST, "/files/bulk-upload").header("content-type", content_type());
    let (status, body) = answer(upload.body(form(&[("q.path", b"q"), ("q.file", b"x")]))).await;
    assert_eq!((status, &body["errors"]), (400, &json!(["file[q.file]: missing .path metadata"])));
    let trailing = toolbox.request(Method::POST, "/process/execute").body("{\"command\":\"echo hi\"} and more");
    assert_eq!(answer(trailing).await, (200, json!({"exitCode": 0, "result": "hi\n"})));
}

#[tokio::test]
async fn half_of_an_interrupted_upload_stays() {
    let toolbox = old();
    std::fs::write(toolbox.path("file"), "the old content").unwrap();
    let head = format!(
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"files[0].path\"\r\n\r\nfile\r\n\
         --{BOUNDARY}\r\nContent-Disposition: form-data; name=\"files[0].file\"; filename=\"f\"\r\n\r\n{}",
        "half\n".repeat(100_000)
    );
    let mut stream = std::net::TcpStream::connect(toolbox.address).unwrap();
    let kind = content_type();
    let lines =
        format!("POST /files/bulk-upload HTTP/1.1\r\nhost: x\r\ncontent-type: {kind}\r\ncontent-length: 9000000");
    write!(stream, "{lines}\r\n\r\n{head}").unwrap();
    let content = || std::fs::read_to_string(toolbox.path("file")).unwrap();
    wait_for("the first half", || content().starts_with("half\nhalf").then_some(())).await;
    drop(stream);
    assert!(content().starts_with("half\nhalf") && !content().contains("old"));
    assert_eq!(std::fs::read_dir(toolbox.home.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn requests_given_up_go_on() {
    let toolbox = old();
    let marked = toolbox.path("marked");
    let command = format!("touch begun; while ! test -e go; do sleep 0.01; done; echo yes > {}", marked.display());
    let request = toolbox.posting("/process/execute", &json!({ "command": command }));
    let call = tokio::spawn(request.send());
    wait_for("the command", || toolbox.path("begun").exists().then_some(())).await;
    call.abort();
    let _ = call.await;
    // The client is gone before the command may end.
    std::fs::write(toolbox.path("go"), "").unwrap();
    assert_eq!(content_of(&marked).await, "yes");
}

#[tokio::test]
async fn programs_get_their_arguments_as_the_shell_splits_them() {
    let toolbox = old();
    let body = json!({"code": "import sys; print(sys.argv[1:])", "language": "python", "argv": ["a b", "$HOME"]});
    let (_, ran) = answer(toolbox.posting("/process/code-run", &body)).await;
    let printed = format!("['a', 'b', '{}']\n", toolbox.home.path().display());
    assert_eq!(ran, json!({"exitCode": 0, "result": printed}));
}

#[tokio::test]
async fn sessions_have_that_servers_races() {
    let toolbox = old();
    toolbox.create_session("s").await;
    // The pipe is not there yet when the answer to the start arrives.
    let command = toolbox.start_command("s", "read line; printf \"got $line\\0. \"; read more; echo").await;
    let path = format!("/process/session/s/command/{command}");
    let input = |data: &str| toolbox.posting(&format!("{path}/input"), &json!({ "data": data }));
    let mut typed = answer(input("one")).await;
    while typed.0 == 500 {
        typed = answer(input("one")).await;
    }
    assert_eq!(typed.0, 204);
    // A prompt is not logged before its line ends, and then without its NUL.
    let got = |logs: &Value| logs["stdout"].as_str().unwrap().contains("got");
    let mut follower = toolbox.connect(&format!("{path}/logs?follow=true"), &[]).await;
    follower.read_until("one").await;
    assert!(!got(&toolbox.logs("s", &command).await));
    assert_eq!(answer(input("two")).await.0, 204);
    follower.read_until("got one. ").await;
    follower.finish().await;
    // One of three logs that are not followed is empty.
    let mut empty = 0;
    for _ in 0..3 {
        let mut reader = toolbox.connect(&format!("{path}/logs"), &[]).await;
        assert_eq!(reader.finish().await, Some((1000, String::new())));
        empty += usize::from(reader.text().is_empty());
    }
    assert_eq!(empty, 1);
    let late = answer(input("three")).await;
    assert_eq!((late.0, &late.1["code"]), (500, &json!("INTERNAL_SERVER_ERROR")));
    // The file of the exit code is there before the code is in it, for a moment.
    loop {
        let command = toolbox.start_command("s", "true").await;
        let status = || answer(toolbox.request(Method::GET, &format!("/process/session/s/command/{command}")));
        let mut seen = status().await;
        while seen.0 == 200 && seen.1["exitCode"].is_null() {
            seen = status().await;
        }
        if seen.0 == 500 {
            let message = seen.1["message"].as_str().unwrap().to_owned();
            assert!(message.ends_with("failed to convert exit code to int"), "{message}");
            break;
        }
    }
}

#[tokio::test]
async fn a_command_that_ends_its_shell_never_ends() {
    let toolbox = old();
    toolbox.create_session("s").await;
    let command = toolbox.start_command("s", "echo bye; exit 3").await;
    let exec = || answer(toolbox.posting("/process/session/s/exec", &json!({"command": "true", "runAsync": true})));
    while exec().await.0 != 500 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let (_, info) = answer(toolbox.request(Method::GET, &format!("/process/session/s/command/{command}"))).await;
    assert_eq!(info.get("exitCode"), None);
    assert_eq!(answer(toolbox.request(Method::DELETE, "/process/session/s")).await.0, 204);
}

#[tokio::test]
async fn terminals_and_the_interpreter_follow_that_servers_rules() {
    let toolbox = old();
    let body = json!({"id": "p", "envs": {"1A": "x"}});
    assert_eq!(answer(toolbox.posting("/process/pty", &body)).await, (201, json!({"sessionId": "p"})));
    let (_, info) = answer(toolbox.posting("/process/pty/p/resize", &json!({"cols": 100}))).await;
    assert_eq!((&info["cols"], &info["rows"]), (&json!(100), &json!(0)));
    let mut socket =
        toolbox.connect("/process/pty/p/connect", &[("sec-websocket-protocol", "X-Daytona-Pty-Exit-Control")]).await;
    socket.send("exit 4\n").await;
    assert_eq!(socket.finish().await.map(|(code, _)| code), Some(1011));
    assert!(!socket.texts.iter().any(|message| message["status"] == "exited"));

    let run = async |code: &str| {
        let mut socket = toolbox.connect("/process/interpreter/execute", &[]).await;
        socket.send_text(json!({ "code": code }).to_string()).await;
        socket.finish().await;
        socket.texts
    };
    let said = run("import subprocess\nsubprocess.run(['echo', 'hidden'])\nprint('shown')").await;
    let said: String = said.iter().map(|message| message["text"].as_str().unwrap()).collect();
    assert_eq!(said, "shown\ncompleted");
    let trace = async |code: &str| {
        let messages = run(code).await;
        messages.iter().find(|message| message["type"] == "error").unwrap()["traceback"].as_str().unwrap().to_owned()
    };
    let plain = trace("raise ValueError").await;
    assert_eq!(plain, "Traceback (most recent call last):\n  File \"<stdin>\", line 1\nValueError: \n");
    assert!(trace("x = = 1").await.contains("File \"<string>\", line 1"));
    let chained = trace("try:\n    1/0\nexcept Exception as e:\n    raise KeyError('k') from e").await;
    assert!(!chained.contains("ZeroDivisionError"), "{chained}");
}
