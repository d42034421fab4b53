//! What the log shows of a program's requests, and what it never shows.

#[allow(dead_code, reason = "each test file uses what it needs")]
mod support;

use std::process::Command;
use std::sync::{Mutex, PoisonError};

use daytona::log::{Level, Record, receive};
use daytona::model::PtyCreateOptions;
use daytona::{Client, Config, ErrorKind};
use support::Bench;

static RECORDS: Mutex<Vec<Record>> = Mutex::new(Vec::new());

fn keep(record: &Record) {
    RECORDS.lock().unwrap_or_else(PoisonError::into_inner).push(record.clone());
}

/// What was recorded of this test: others run at the same time, with sandboxes of their own.
fn records(mine: &str) -> Vec<Record> {
    let all = std::mem::take(&mut *RECORDS.lock().unwrap_or_else(PoisonError::into_inner));
    all.into_iter().filter(|record| format!("{record:?}").contains(mine)).collect()
}

#[tokio::test]
async fn requests_retries_and_operations_are_seen_but_no_secrets() {
    let answer = r#"{"answer": {"status": 503, "headers": {"X-Request-Id": "r-42"}}}"#;
    let bench = Bench::with(&format!(r#"[{{"path": "/files/info", "do": {answer}}}]"#)).await;
    receive(Some(Level::Debug), keep);
    bench.fs().get_file_info("/tmp/secret-name").await.unwrap_err();
    let seen = records(&bench.sandbox.id);
    receive(None, keep);

    let url = format!("{}/toolbox/{}/files/info", bench.proxy.url(), bench.sandbox.id);
    let lines: Vec<_> = seen.iter().map(|r| (r.level, r.fields.attempt, r.fields.status)).collect();
    let expected = [
        (Level::Debug, Some(1), None),
        (Level::Debug, Some(1), Some(503)),
        (Level::Warn, Some(1), Some(503)),
        (Level::Debug, Some(2), None),
        (Level::Debug, Some(2), Some(404)),
    ];
    assert_eq!(lines, expected, "{seen:#?}");
    for record in &seen {
        assert_eq!((record.fields.method.as_deref(), record.fields.url.as_deref()), (Some("GET"), Some(url.as_str())));
        assert_eq!(record.fields.operation, Some("fs.get_file_info"));
        assert!(record.message.starts_with(&format!("GET {url}")), "{}", record.message);
    }
    assert_eq!(seen[1].fields.request_id.as_deref(), Some("r-42"));
    assert!(seen[1].message.contains(": 503 in ") && seen[1].message.ends_with("request id r-42"));
    assert!(seen[1].fields.duration_ms.unwrap() > 0.0);

    receive(Some(Level::Debug), keep);
    let sandboxes = bench.client.sandboxes();
    let error = sandboxes.expire_signed_preview_url(&bench.sandbox.id, 0, "sesame/token").await.unwrap_err();
    let env = [("SECRET".to_owned(), "sesame".to_owned())].into();
    let options = PtyCreateOptions { envs: Some(env), ..PtyCreateOptions::default() };
    bench.process().create_pty("shell", options).await.unwrap();
    receive(None, keep);

    let seen = records(&bench.sandbox.id);
    assert!(seen.iter().any(|r| r.fields.status == Some(101)), "{seen:#?}");
    let text = format!("{seen:?} {error} {error:?} {:?}", serde_json::to_string(error.info()).unwrap());
    assert!(text.contains("/signed-preview-url/***/expire"), "{text}");
    assert!(!text.contains("sesame") && !text.contains(&bench.api_key) && !text.contains('?'), "{text}");
}

#[tokio::test]
async fn an_error_names_its_request() {
    let answer = r#"{"answer": {"status": 409, "headers": {"X-Request-Id": "r-7"}}}"#;
    let bench = Bench::with(&format!(r#"[{{"path": "/files/info", "do": {answer}}}]"#)).await;
    let url = format!("{}/toolbox/{}/files/info", bench.proxy.url(), bench.sandbox.id);
    let named = |error: &daytona::Error| (error.info().method.clone().unwrap(), error.info().url.clone().unwrap());
    let error = bench.fs().get_file_info("/tmp").await.unwrap_err();
    assert_eq!(named(&error), ("GET".to_owned(), url.clone()));
    assert_eq!(error.info().request_id.as_deref(), Some("r-7"));

    bench.script(r#"[{"path": "/files/info", "do": {"answer": {"status": 200, "body": "<html>"}}}]"#);
    assert_eq!(named(&bench.fs().get_file_info("/tmp").await.unwrap_err()), ("GET".to_owned(), url));
    let error = bench.process().stream_session_command_logs("missing", "missing").await.err().unwrap();
    assert!(named(&error).1.ends_with("/process/session/missing/command/missing/logs"), "{error:?}");
}

/// Runs itself as another program, because the variable is read once.
#[tokio::test]
async fn the_variable_sends_the_log_to_standard_error() {
    if std::env::var_os("DAYTONA_LOG").is_some() {
        let config = Config {
            api_key: Some("sesame".to_owned()),
            api_url: Some("http://127.0.0.1:9/api".to_owned()),
            ..Config::default()
        };
        let error = Client::new(config).unwrap().get("a-sandbox").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Connection);
        return;
    }
    let run = |level: &str| {
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "the_variable_sends_the_log_to_standard_error", "--nocapture"])
            .env("DAYTONA_LOG", level)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    let debug = run("debug");
    let request = "daytona: GET http://127.0.0.1:9/api/sandbox/a-sandbox";
    assert_eq!(debug.lines().filter(|l| l.contains(&format!("DEBUG {request}"))).count(), 8, "{debug}");
    assert_eq!(debug.lines().filter(|l| l.contains(&format!("WARN  {request}: attempt "))).count(), 3, "{debug}");
    assert_eq!(debug.lines().filter(|l| l.contains("INFO  daytona: sandbox.get after ")).count(), 1, "{debug}");
    assert!(!debug.contains("sesame"), "{debug}");
    let warn = run("warn");
    assert_eq!(warn.lines().count(), 3, "{warn}");
    assert!(run("loud").starts_with("daytona: DAYTONA_LOG is ignored. The log level \"loud\" is not known"));
}
