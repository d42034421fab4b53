//! What the client promises when connections break, against the real engine behind a proxy that breaks them.

#[allow(dead_code, reason = "each test file uses what it needs")]
mod support;

use std::time::{Duration, Instant};

use daytona::model::{
    CodeRunOptions, DeleteOptions, DownloadOptions, ExecOptions, PtyCreateOptions, RunCodeOptions,
    SessionExecuteRequest,
};
use daytona::model::{StopOptions, UploadOptions, WaitOptions};
use daytona::stream::log_demux::LogChannel;
use daytona::stream::logs::LogStream;
use daytona::{Error, ErrorKind};
use support::Bench;

const EXECUTE: &str = "/process/execute";

fn exec_within(timeout: Duration) -> ExecOptions {
    ExecOptions { timeout: Some(timeout), ..ExecOptions::default() }
}

#[tokio::test]
async fn a_read_is_repeated_when_its_connection_breaks() {
    for script in [
        r#"[{"path": "/files/info", "do": {"drop": "before"}}]"#,
        r#"[{"path": "/files/info", "do": {"drop": "after"}, "times": 2}]"#,
        r#"[{"path": "/files/info", "do": {"answer": {"status": 502}}}]"#,
        r#"[{"path": "/files/info", "do": {"answer": {"status": 503}}}]"#,
        r#"[{"path": "/files/info", "do": {"answer": {"status": 504}}}]"#,
        r#"[{"path": "/files/info", "do": {"answer": {"status": 429, "headers": {"Retry-After": "0"}}}}]"#,
    ] {
        let bench = Bench::with(script).await;
        assert!(bench.fs().get_file_info("/tmp").await.unwrap().is_dir, "{script}");
        assert!(bench.proxy.seen("/files/info").len() > 1, "{script}");
    }
}

#[tokio::test]
async fn a_read_is_given_up_after_four_attempts() {
    let bench = Bench::with(r#"[{"path": "/files/info", "do": {"drop": "before"}, "times": 0}]"#).await;
    let error = bench.fs().get_file_info("/tmp").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connection);
    assert_eq!(error.info().operation.as_deref(), Some("fs.get_file_info"));
    assert!(error.info().retryable);
    assert_eq!(bench.proxy.seen("/files/info").len(), 4);
}

#[tokio::test]
async fn a_command_that_may_have_run_is_not_run_again() {
    let bench = Bench::new().await;
    for (fault, kind, runs) in [
        (r#"{"drop": "after"}"#, ErrorKind::Connection, "1\n"),
        (r#"{"drop": "before"}"#, ErrorKind::Connection, "0\n"),
        (r#"{"cut": {"after": 5}}"#, ErrorKind::Connection, "1\n"),
        (r#"{"answer": {"status": 502}}"#, ErrorKind::BadGateway, "0\n"),
        (r#"{"answer": {"status": 503}}"#, ErrorKind::ServiceUnavailable, "0\n"),
        (r#"{"answer": {"status": 504}}"#, ErrorKind::Timeout, "0\n"),
    ] {
        bench.sh(": > ran").await;
        let before = bench.proxy.seen(EXECUTE).len();
        bench.script(&format!(r#"[{{"path": "{EXECUTE}", "do": {fault}}}]"#));
        let error = bench.process().exec("echo once >> ran", ExecOptions::default()).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{fault}: {error}");
        assert_eq!(bench.proxy.seen(EXECUTE).len() - before, 1, "{fault}");
        assert_eq!(bench.sh("wc -l < ran").await, runs, "{fault}");
    }
}

#[tokio::test]
async fn a_command_the_server_refused_for_now_is_sent_again_when_it_says() {
    let answer = r#"{"answer": {"status": 429, "headers": {"Retry-After": "0", "Retry-After-Exec": "1"}}}"#;
    let bench = Bench::with(&format!(r#"[{{"path": "{EXECUTE}", "do": {answer}}}]"#)).await;
    let started = Instant::now();
    let answer = bench.process().exec("echo once | tee -a ran", ExecOptions::default()).await.unwrap();
    assert_eq!(answer.result, "once\n");
    assert!(started.elapsed() >= Duration::from_secs(1));
    assert_eq!(bench.proxy.seen(EXECUTE).len(), 2);
}

#[tokio::test]
async fn a_wait_the_deadline_forbids_is_not_begun() {
    let answer =
        r#"{"answer": {"status": 429, "headers": {"Retry-After": "3600"}, "body": "{\"message\": \"slow down\"}"}}"#;
    let bench = Bench::with(&format!(r#"[{{"path": "/toolbox/", "do": {answer}, "times": 0}}]"#)).await;
    // With a deadline of the caller's, of the operation's, and without one.
    let limited = bench.process().exec("true", exec_within(Duration::from_secs(5))).await.unwrap_err();
    let standard = bench.fs().get_work_dir().await.unwrap_err();
    let unlimited = bench.process().exec("true", ExecOptions::default()).await.unwrap_err();
    for error in [limited, standard, unlimited] {
        assert_eq!(error.kind(), ErrorKind::RateLimit);
        assert_eq!(error.to_string(), "slow down");
        assert_eq!(error.info().retry_after, Some(Duration::from_secs(3600)));
        assert!(error.info().retryable);
    }
    assert_eq!(bench.proxy.seen("/toolbox/").len(), 3);
}

#[tokio::test]
async fn the_deadline_covers_the_repetitions() {
    let answer = r#"{"answer": {"status": 503, "headers": {"Retry-After": "2"}}}"#;
    let bench = Bench::with(&format!(r#"[{{"path": "/files/info", "do": {answer}, "times": 0}}]"#)).await;
    let client = bench.client.with_request_timeout(Duration::from_secs(3));
    let toolbox = client.toolbox(&bench.sandbox).unwrap();
    let error = toolbox.fs().get_file_info("/tmp").await.unwrap_err();
    // 2 s were waited once; the second 2 s would have ended after the deadline.
    assert_eq!((error.kind(), bench.proxy.seen("/files/info").len()), (ErrorKind::ServiceUnavailable, 2));
}

#[tokio::test]
async fn a_slow_server_ends_in_a_timeout_that_names_the_operation() {
    let bench = Bench::with(r#"[{"path": "/toolbox/", "do": {"delay": 60}, "times": 0}]"#).await;
    let client = bench.client.with_request_timeout(Duration::from_millis(200));
    let toolbox = client.toolbox(&bench.sandbox).unwrap();
    let check = |error: Error, operation: &str| {
        assert_eq!(error.kind(), ErrorKind::Timeout);
        assert_eq!(error.to_string(), format!("{operation} exceeded its timeout of 0.2 s"));
        assert_eq!(error.info().operation.as_deref(), Some(operation));
    };
    check(toolbox.fs().get_file_info("/tmp").await.unwrap_err(), "fs.get_file_info");
    check(toolbox.process().exec("true", ExecOptions::default()).await.unwrap_err(), "process.exec");
    let pty = toolbox.process().create_pty("slow", PtyCreateOptions::default()).await;
    check(pty.err().unwrap(), "process.create_pty");
    check(
        toolbox.process().stream_session_command_logs("s", "c").await.err().unwrap(),
        "process.stream_session_command_logs",
    );
    let download = toolbox.fs().download_file("/etc/passwd", DownloadOptions::default()).await;
    check(download.unwrap_err(), "fs.download_file");
}

#[tokio::test]
async fn a_timeout_stops_the_command() {
    let bench = Bench::new().await;
    // A fraction is kept by the client alone, so it is the client that hangs up.
    let slow = "touch begun; sleep 100; touch late";
    let error = bench.process().exec(slow, exec_within(Duration::from_millis(500))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ProcessExecutionTimeout);
    bench.until("pgrep -f '^sleep 100' >/dev/null || echo ended", "ended\n").await;
    assert_eq!(bench.sh("ls").await, "begun\n");
}

#[tokio::test]
async fn dropping_a_call_stops_the_command() {
    let bench = Bench::new().await;
    let process = bench.process();
    let call =
        tokio::spawn(async move { process.exec("touch begun; sleep 100; touch late", ExecOptions::default()).await });
    bench.until("cat begun 2>/dev/null && echo begun", "begun\n").await;
    call.abort();
    assert!(call.await.unwrap_err().is_cancelled());
    bench.until("pgrep -f '^sleep 100' >/dev/null || echo ended", "ended\n").await;
    assert_eq!(bench.sh("ls").await, "begun\n");
}

#[tokio::test]
async fn a_call_given_up_is_ended_on_servers_that_do_not_end_it() {
    let bench = Bench::with(r#"[{"path": "/process/", "do": {"orphan": true}, "times": 0}]"#).await;
    let process = bench.process();
    let slow = "touch begun; setsid sleep 1000 & sleep 1000; touch late";
    let error = process.exec(slow, exec_within(Duration::from_millis(500))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ProcessExecutionTimeout);
    bench.until("pgrep -f '^sleep 100' >/dev/null || echo ended", "ended\n").await;
    let code = "import os, time\nopen('run', 'w')\nos.system('sleep 1000')\nopen('late', 'w')";
    let call = tokio::spawn(async move { process.code_run(code, "python", CodeRunOptions::default()).await });
    bench.until("pgrep -f '^sleep 100' >/dev/null && echo runs", "runs\n").await;
    call.abort();
    bench.until("pgrep -f '^sleep 100' >/dev/null || echo ended", "ended\n").await;
    assert_eq!(bench.sh("ls").await, "begun\nrun\n");
}

#[tokio::test]
async fn a_download_cut_short_leaves_no_file() {
    let bench = Bench::new().await;
    bench.sh("head -c 300000 /dev/urandom > big").await;
    let local = tempfile::tempdir().unwrap();
    let target = local.path().join("big");
    for politely in [false, true] {
        bench.script(&format!(
            r#"[{{"path": "/files/bulk-download", "do": {{"cut": {{"after": 100000, "politely": {politely}}}}}, "times": 0}}]"#
        ));
        let into_file = bench.fs().download_to_path("big", target.to_str().unwrap(), DownloadOptions::default()).await;
        assert_eq!(into_file.unwrap_err().kind(), ErrorKind::Connection);
        assert_eq!(std::fs::read_dir(local.path()).unwrap().count(), 0);
        let into_memory = bench.fs().download_file("big", DownloadOptions::default()).await;
        assert_eq!(into_memory.unwrap_err().kind(), ErrorKind::Connection);
    }
    // A file that is there already stays as it was.
    std::fs::write(&target, "before").unwrap();
    let again = bench.fs().download_to_path("big", target.to_str().unwrap(), DownloadOptions::default()).await;
    assert_eq!(again.unwrap_err().kind(), ErrorKind::Connection);
    assert_eq!(std::fs::read(&target).unwrap(), b"before");
}

#[tokio::test]
async fn a_download_may_come_in_the_smallest_pieces() {
    let bench = Bench::with(r#"[{"path": "/files/bulk-download", "do": {"split": 1}}]"#).await;
    bench.sh("printf 'a\\r\\n--DAYTONA-FILE-BOUNDARY\\r\\nb' > odd").await;
    let content = bench.fs().download_file("odd", DownloadOptions::default()).await.unwrap();
    assert_eq!(&content.0[..], b"a\r\n--DAYTONA-FILE-BOUNDARY\r\nb");
}

#[tokio::test]
async fn an_upload_that_is_given_up_stores_nothing() {
    let bench = Bench::new().await;
    let mut writer = bench.fs().open_upload("given-up", UploadOptions::default()).await.unwrap();
    for _ in 0..64 {
        writer.write(vec![b'x'; 64 * 1024]).await.unwrap();
    }
    assert_eq!(bench.proxy.seen("/files/bulk-upload").len(), 1);
    drop(writer);
    bench.until("ls", "").await;
}

#[tokio::test]
async fn an_upload_whose_connection_breaks_fails_and_stores_nothing() {
    let bench = Bench::with(r#"[{"path": "/files/bulk-upload", "do": {"drop": "before"}}]"#).await;
    let mut writer = bench.fs().open_upload("broken", UploadOptions::default()).await.unwrap();
    let mut outcome = Ok(());
    for _ in 0..64 {
        outcome = writer.write(vec![b'x'; 256 * 1024]).await;
        if outcome.is_err() {
            break;
        }
    }
    let error = outcome.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connection, "{error}");
    assert_eq!(bench.proxy.seen("/files/bulk-upload").len(), 1);
    assert_eq!(bench.sh("ls").await, "");
}

/// A session command that has ended, with a log of some hundred kilobytes.
async fn logged(bench: &Bench) -> String {
    let process = bench.direct.process();
    process.create_session("logged").await.unwrap();
    let command = "seq 1 20000; seq 1 2000 | sed 's/^/ü /' >&2".to_owned();
    let request = SessionExecuteRequest { command, ..SessionExecuteRequest::default() };
    process.execute_session_command("logged", request, WaitOptions::default()).await.unwrap().cmd_id
}

async fn read(mut stream: LogStream) -> Result<(String, String), Error> {
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    while let Some(chunk) = stream.next().await? {
        match chunk.channel {
            LogChannel::Stdout => stdout.extend_from_slice(&chunk.data),
            LogChannel::Stderr => stderr.extend_from_slice(&chunk.data),
        }
    }
    Ok((String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap()))
}

#[tokio::test]
async fn a_log_stream_goes_on_where_its_connection_broke() {
    let bench = Bench::new().await;
    let command = logged(&bench).await;
    let stdout: String = (1..=20000).map(|i| format!("{i}\n")).collect();
    let stderr: String = (1..=2000).map(|i| format!("ü {i}\n")).collect();
    // Cut within markers, lines, frames; the third connection gets less far than the second.
    for cuts in [[1, 2, 3], [1030, 50_001, 20_000], [100, 100_000, 0], [5000, 5001, 5002]] {
        let rules = cuts.map(|after| format!(r#"{{"path": "/logs", "do": {{"cut": {{"after": {after}}}}}}}"#));
        bench.script(&format!("[{}]", rules.join(",")));
        let before = bench.proxy.seen("/logs").len();
        let stream = bench.process().stream_session_command_logs("logged", &command).await.unwrap();
        let (out, err) = read(stream).await.unwrap();
        assert!(out == stdout, "{cuts:?}: {} of {} bytes", out.len(), stdout.len());
        assert!(err == stderr, "{cuts:?}: {} of {} bytes", err.len(), stderr.len());
        assert_eq!(bench.proxy.seen("/logs").len() - before, 4, "{cuts:?}");
    }
}

#[tokio::test]
async fn a_log_stream_says_how_far_it_got_when_it_gives_up() {
    let bench = Bench::new().await;
    let command = logged(&bench).await;
    bench.script(
        r#"[{"path": "/logs", "do": {"cut": {"after": 5000}}}, {"path": "/logs", "do": {"drop": "before"}, "times": 0}]"#,
    );
    let stream = bench.process().stream_session_command_logs("logged", &command).await.unwrap();
    let error = read(stream).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connection);
    assert!(error.to_string().starts_with("The log stream broke after "), "{error}");
}

#[tokio::test]
async fn a_log_stream_whose_session_was_deleted_meanwhile_ends_in_not_found() {
    let bench = Bench::new().await;
    let command = logged(&bench).await;
    let gone = r#"{"answer": {"status": 404, "headers": {"Content-Type": "application/json"}, "body": "{}"}}"#;
    bench.script(&format!(
        r#"[{{"path": "/logs", "do": {{"cut": {{"after": 5000}}}}}}, {{"path": "/logs", "do": {gone}}}]"#
    ));
    let stream = bench.process().stream_session_command_logs("logged", &command).await.unwrap();
    assert_eq!(read(stream).await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn a_terminal_whose_connection_breaks_says_so_and_lives_on() {
    let bench = Bench::with(r#"[{"path": "/pty/create-connect", "do": {"cut": {"after": 60}}}]"#).await;
    let mut terminal = bench.process().create_pty("broken", PtyCreateOptions::default()).await.unwrap();
    let error = loop {
        match terminal.next().await {
            Ok(Some(_)) => terminal.write("echo more output\n").await.unwrap_or(()),
            Ok(None) => panic!("a broken connection is not the end of the process"),
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), ErrorKind::Connection);
    assert!(bench.process().get_pty_session_info("broken").await.unwrap().active);
    let mut again = bench.process().connect_pty("broken").await.unwrap();
    again.write("exit 5\n").await.unwrap();
    assert_eq!(again.wait().await.unwrap().exit_code, Some(5));
}

#[tokio::test]
async fn a_refused_upgrade_is_a_typed_error() {
    let bench = Bench::new().await;
    for (status, kind) in [
        (401, ErrorKind::Authentication),
        (403, ErrorKind::Authorization),
        (429, ErrorKind::RateLimit),
        (502, ErrorKind::BadGateway),
    ] {
        let answer = format!(
            r#"{{"answer": {{"status": {status}, "headers": {{"Content-Type": "application/json"}}, "body": "{{\"message\": \"no\"}}"}}}}"#
        );
        bench.script(&format!(r#"[{{"path": "/pty/create-connect", "do": {answer}}}]"#));
        let error = bench.process().create_pty("refused", PtyCreateOptions::default()).await.err().unwrap();
        assert_eq!((error.kind(), error.status(), &*error.to_string()), (kind, Some(status), "no"));
    }
}

#[tokio::test]
async fn a_run_whose_connection_breaks_says_so() {
    let bench = Bench::with(r#"[{"path": "/interpreter/execute", "do": {"cut": {"after": 20}}}]"#).await;
    let run = bench.toolbox.code_interpreter().run_code("print('x' * 100)", RunCodeOptions::default()).await.unwrap();
    assert_eq!(run.collect().await.unwrap_err().kind(), ErrorKind::Connection);
}

#[tokio::test]
async fn an_answer_that_is_no_json_is_named() {
    let html = r#"{"answer": {"status": 200, "headers": {"Content-Type": "text/html"}, "body": "<html>login</html>"}}"#;
    let bench = Bench::with(&format!(r#"[{{"path": "/files/info", "do": {html}}}]"#)).await;
    let error = bench.fs().get_file_info("/tmp").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unknown);
    assert!(error.to_string().contains("/files/info was answered with a web page instead of JSON"), "{error}");
}

#[tokio::test]
async fn no_error_tells_the_key() {
    let bench = Bench::new().await;
    for fault in [
        r#"{"drop": "before"}"#,
        r#"{"answer": {"status": 401, "body": "{\"message\": \"Invalid credentials\"}"}}"#,
        r#"{"answer": {"status": 500, "body": "boom"}}"#,
    ] {
        bench.script(&format!(r#"[{{"path": "/sandbox/", "do": {fault}, "times": 4}}]"#));
        let error = bench.client.sandboxes().get(&bench.sandbox.id).await.unwrap_err();
        let everything = format!("{error} {error:?} {}", serde_json::to_string(error.info()).unwrap());
        assert!(!everything.contains(&bench.api_key), "{everything}");
    }
    assert!(!format!("{:?}", bench.client).contains(&bench.api_key));
}

#[tokio::test]
async fn waiting_survives_a_server_that_fails_now_and_then() {
    let bench = Bench::with(
        r#"[{"method": "GET", "path": "/sandbox/", "do": {"drop": "before"}, "times": 2},
            {"method": "GET", "path": "/sandbox/", "do": {"answer": {"status": 502}}}]"#,
    )
    .await;
    let sandboxes = bench.client.sandboxes();
    let stopped = sandboxes.stop(&bench.sandbox.id, StopOptions::default()).await.unwrap();
    assert_eq!(stopped.state, Some(daytona::model::SandboxState::Stopped));
    let started = sandboxes
        .wait_for_start(&bench.sandbox.id, WaitOptions { timeout: Some(Duration::from_secs(1)) })
        .await
        .unwrap_err();
    assert_eq!(started.kind(), ErrorKind::Timeout);
}

#[tokio::test]
async fn deleting_what_is_being_deleted_is_no_error() {
    let refused = r#"{"method": "DELETE", "path": "/sandbox/", "do": {"answer": {"status": 409, "body": "{}"}}}"#;
    let bench = Bench::with(&format!("[{refused}]")).await;
    let (sandboxes, id) = (bench.client.sandboxes(), &bench.sandbox.id);
    let error = sandboxes.delete(id, DeleteOptions::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "it is in use");
    let going = r#"{"method": "GET", "path": "/sandbox/", "do": {"answer": {"status": 200, "body": "{\"id\": \"x\", \"state\": \"destroying\"}"}}}"#;
    bench.script(&format!("[{refused}, {going}]"));
    let sandbox = sandboxes.delete(id, DeleteOptions::default()).await.unwrap();
    assert_eq!(sandbox.state, Some(daytona::model::SandboxState::Destroying));
}

#[tokio::test]
async fn limits_of_requests_are_told_by_errors_and_by_the_client() {
    let headers = r#"{"X-RateLimit-Limit-exec": "5", "X-RateLimit-Remaining-exec": "0", "X-RateLimit-Reset-exec": "3600",
        "Retry-After-exec": "3600"}"#;
    let bench = Bench::with(&format!(
        r#"[{{"path": "{EXECUTE}", "do": {{"answer": {{"status": 429, "headers": {headers}}}}}, "times": 0}}]"#
    ))
    .await;
    let error = bench.process().exec("true", ExecOptions::default()).await.unwrap_err();
    let told = &error.info().rate_limits[0];
    assert_eq!((told.throttler.as_str(), told.limit, told.remaining), ("exec", Some(5), Some(0)));
    assert_eq!(
        (told.reset, told.retry_after, error.info().retry_after),
        (Some(3600), Some(3600), Some(Duration::from_secs(3600)))
    );
    assert_eq!(bench.proxy.seen(EXECUTE).len(), 1, "an hour is not waited for");
    let known = bench.client.sandboxes().rate_limits().await.unwrap();
    assert_eq!(known.len(), 1);
}
