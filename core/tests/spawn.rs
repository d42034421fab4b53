//! Processes started with `spawn`, in the real engine.

#[allow(dead_code, reason = "each test file uses what it needs")]
mod support;

use std::time::Duration;

use daytona::model::{Blob, OutputChannel, OutputOptions, ProcessInfo, SpawnOptions, WaitForLogOptions, WaitOptions};
use daytona::ops::Process;
use daytona::stream::log_demux::LogChannel;
use daytona::{ErrorKind, Result};
use support::Bench;

async fn spawn(process: &Process, command: &str) -> ProcessInfo {
    process.spawn(command, SpawnOptions::default()).await.unwrap()
}

async fn spawn_with_input(process: &Process, command: &str) -> ProcessInfo {
    process.spawn(command, SpawnOptions { stdin: Some(true), ..Default::default() }).await.unwrap()
}

/// Both outputs, to their end.
async fn output(process: &Process, info: &ProcessInfo, options: OutputOptions) -> Result<(Vec<u8>, Vec<u8>)> {
    let mut stream = process.stream_output(info.clone(), options).await?;
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    while let Some(chunk) = stream.next().await? {
        match chunk.channel {
            LogChannel::Stdout => stdout.extend_from_slice(&chunk.data),
            LogChannel::Stderr => stderr.extend_from_slice(&chunk.data),
        }
    }
    Ok((stdout, stderr))
}

async fn whole(process: &Process, info: &ProcessInfo) -> (Vec<u8>, Vec<u8>) {
    output(process, info, OutputOptions::default()).await.unwrap()
}

async fn code(process: &Process, info: &ProcessInfo) -> i64 {
    process.wait_spawned(info.clone(), WaitOptions { timeout: Some(Duration::from_secs(30)) }).await.unwrap()
}

#[tokio::test]
async fn outputs_are_apart_and_exact_to_the_last_byte() {
    let bench = Bench::new().await;
    let process = bench.process();
    for (command, stdout, stderr, exit) in [
        ("printf abc; printf no >&2; exit 3", &b"abc"[..], &b"no"[..], 3),
        ("echo abc; echo no >&2", b"abc\n", b"no\n", 0),
        ("true", b"", b"", 0),
        ("printf '\\377\\376\\001 \\036x\\n\\n'", b"\xff\xfe\x01 \x1ex\n\n", b"", 0),
        ("echo 'it'\\''s'\nfalse", b"it's\n", b"", 1),
        ("cat", b"", b"", 0),
        ("kill -9 $$", b"", b"", 137),
        ("exec 2>&-; exec 4>&1; echo ok >&4", b"ok\n", b"", 0),
    ] {
        let info = spawn(&process, command).await;
        assert_eq!(code(&process, &info).await, exit, "{command}");
        assert_eq!(whole(&process, &info).await, (stdout.to_vec(), stderr.to_vec()), "{command}");
        let only = OutputOptions { channel: Some(OutputChannel::Stderr), ..Default::default() };
        assert_eq!(output(&process, &info, only).await.unwrap(), (vec![], stderr.to_vec()), "{command}");
        process.release_spawned(info).await.unwrap();
    }
    assert_eq!(process.list_sessions().await.unwrap(), []);
}

#[tokio::test]
async fn input_carries_any_bytes_and_can_be_closed() {
    let bench = Bench::new().await;
    let process = bench.process();
    let info = spawn_with_input(&process, "sha256sum; echo done >&2").await;
    let data: Vec<u8> = (0..200_000u32).map(|n| ((n * 7919) >> 3) as u8).collect();
    process.write_stdin(info.clone(), Blob(data.clone().into())).await.unwrap();
    process.close_stdin(info.clone()).await.unwrap();
    assert_eq!(code(&process, &info).await, 0);
    bench
        .direct
        .fs()
        .upload_file(
            daytona::model::FileUpload {
                destination: "data".into(),
                content: Some(Blob(data.into())),
                ..Default::default()
            },
            Default::default(),
        )
        .await
        .unwrap();
    let expected = bench.sh("sha256sum <data").await;
    assert_eq!(whole(&process, &info).await, (expected.into_bytes(), b"done\n".to_vec()));
    let error = process.write_stdin(info.clone(), Blob("late".into())).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CommandAlreadyCompleted);
    process.close_stdin(info).await.unwrap();
    let closed = spawn(&process, "sleep 100").await;
    let error = process.write_stdin(closed, Blob("x".into())).await.unwrap_err();
    assert!(error.kind() == ErrorKind::InvalidArgument && error.to_string().contains("`stdin`"), "{error}");
}

#[tokio::test]
async fn one_with_input_that_is_killed_says_nothing_of_its_own() {
    let bench = Bench::new().await;
    let process = bench.process();
    let info = spawn_with_input(&process, "echo $$; cat; echo never").await;
    let digits = WaitForLogOptions { regex: Some(true), ..Default::default() };
    process.wait_for_log(&info.session_id, &info.command_id, "[0-9]", digits).await.unwrap();
    process.signal_spawned(info.clone(), "KILL").await.unwrap();
    assert_eq!(code(&process, &info).await, 137);
    assert_eq!(whole(&process, &info).await.1, b"");
    assert_eq!(bench.sh("ls /tmp | grep -c '^tmp'").await, "0\n");
}

#[tokio::test]
async fn what_no_command_or_path_can_hold_is_refused_by_name() {
    let bench = Bench::new().await;
    let process = bench.process();
    let error = process.spawn("echo a\0b", SpawnOptions::default()).await.unwrap_err();
    assert!(error.kind() == ErrorKind::InvalidArgument && error.to_string().contains(r#""echo a\0b""#), "{error}");
    let options = SpawnOptions { cwd: Some("a\0b".into()), ..Default::default() };
    assert!(process.spawn("true", options).await.unwrap_err().to_string().contains(r#"path "a\0b""#));
    let error = process.exec("echo a\0b", Default::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    let shallow = daytona::model::GitCloneOptions { depth: Some(0), ..Default::default() };
    let error = bench.toolbox.git().clone("https://example.com/x.git", "x", shallow).await.unwrap_err();
    assert!(error.to_string().contains("depth is 0"), "{error}");
}

#[tokio::test]
async fn input_is_answered_while_the_process_runs() {
    let bench = Bench::new().await;
    let process = bench.process();
    let info = spawn_with_input(&process, "while read -r line; do echo \"<$line>\"; done").await;
    let mut stream = process.stream_output(info.clone(), OutputOptions::default()).await.unwrap();
    for word in ["one", "two"] {
        process.write_stdin(info.clone(), Blob(format!("{word}\n").into())).await.unwrap();
        assert_eq!(stream.next().await.unwrap().unwrap().data, format!("<{word}>\n"));
    }
    process.close_stdin(info.clone()).await.unwrap();
    assert!(stream.next().await.unwrap().is_none());
    assert_eq!(code(&process, &info).await, 0);
}

#[tokio::test]
async fn directory_and_variables_are_those_given_and_variables_reach_no_file() {
    let bench = Bench::new().await;
    let process = bench.process();
    bench.sh("mkdir -p '/tmp/a b'").await;
    let env = [("SECRET".to_owned(), "s3cr'et\nline".to_owned())].into();
    let options = SpawnOptions { cwd: Some("/tmp/a b".into()), env: Some(env), stdin: None };
    let info = process.spawn("pwd; printf %s \"$SECRET\" | tr a-z A-Z", options).await.unwrap();
    assert_eq!(whole(&process, &info).await.0, b"/tmp/a b\nS3CR'ET\nLINE");
    assert_eq!(bench.sh("grep -rl \"s3cr'et\" ~ /tmp 2>/dev/null").await, "");
    assert!(!format!("{:?}", process.list_sessions().await.unwrap()).contains("s3cr"));
    let missing =
        process.spawn("true", SpawnOptions { cwd: Some("/nowhere".into()), ..Default::default() }).await.unwrap();
    assert_eq!(code(&process, &missing).await, 126);
    assert!(String::from_utf8(whole(&process, &missing).await.1).unwrap().contains("/nowhere"));
}

#[tokio::test]
async fn a_wait_that_times_out_loses_nothing() {
    let bench = Bench::new().await;
    let process = bench.process();
    let info = spawn(&process, "echo early; sleep 100").await;
    let line = process.wait_for_log(&info.session_id, &info.command_id, "early", WaitForLogOptions::default()).await;
    assert_eq!(line.unwrap(), "early");
    let error = process
        .wait_spawned(info.clone(), WaitOptions { timeout: Some(Duration::from_millis(100)) })
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    let so_far = OutputOptions { follow: Some(false), ..Default::default() };
    assert_eq!(output(&process, &info, so_far).await.unwrap().0, b"early\n");
    process.signal_spawned(info.clone(), "SIGKILL").await.unwrap();
    assert_eq!(code(&process, &info).await, 137);
    assert_eq!(whole(&process, &info).await.0, b"early\n");
}

#[tokio::test]
async fn a_signal_reaches_the_whole_tree() {
    let bench = Bench::new().await;
    let process = bench.process();
    let command =
        "trap '' TERM; (sleep 1111 & setsid sleep 1111 & wait) & sh -c 'trap \"\" TERM; while :; do sleep 1111; done'";
    let info = spawn(&process, command).await;
    bench.until("pgrep -cf '^sleep 1'", "3\n").await;
    process.signal_spawned(info.clone(), "KILL").await.unwrap();
    assert_eq!(bench.sh("pgrep -cf '^sleep 1'").await, "0\n");
    assert_eq!(code(&process, &info).await, 137);
    let gentle = spawn(&process, "trap 'echo bye; exit 5' TERM; while :; do sleep 0.05; done").await;
    process.signal_spawned(gentle.clone(), "SIGTERM").await.unwrap();
    // Whether the trap was set in time or not, it has ended by the signal.
    assert!([5, 143].contains(&code(&process, &gentle).await));
    process.signal_spawned(gentle.clone(), "TERM").await.unwrap();
    let error = process.signal_spawned(gentle, "BOGUS").await.unwrap_err();
    assert!(error.to_string().contains("BOGUS"), "{error}");
}

#[tokio::test]
async fn a_process_is_found_again_from_anywhere() {
    let bench = Bench::new().await;
    let process = bench.process();
    let info = spawn(&process, "echo hello; sleep 1000").await;
    let other = bench.direct.process();
    assert_eq!(other.list_spawned().await.unwrap(), std::slice::from_ref(&info));
    let found = other.get_spawned(&info.id).await.unwrap();
    assert_eq!(found, info);
    other.release_spawned(found).await.unwrap();
    process.release_spawned(info.clone()).await.unwrap();
    let error = process.get_spawned(&info.id).await.unwrap_err();
    assert!(error.kind() == ErrorKind::ProcessNotFound && error.to_string().contains(&info.id), "{error}");
    assert_eq!(bench.sh("pgrep -cf '^sleep 1'").await, "0\n");
}

#[tokio::test]
async fn output_goes_on_where_a_broken_connection_ended() {
    let bench = Bench::new().await;
    bench.script(r#"[{"path": "follow=true", "do": {"cut": {"after": 40000}}, "times": 3}]"#);
    let process = bench.process();
    let info = spawn(&process, "seq 100000; seq 5 >&2").await;
    let (stdout, stderr) = whole(&process, &info).await;
    let expected: String = (1..=100_000).map(|n| format!("{n}\n")).collect();
    assert!(stdout == expected.as_bytes(), "{} bytes", stdout.len());
    assert_eq!(stderr, b"1\n2\n3\n4\n5\n");
}

/// An answer of a server up to 0.190.
fn answered(path: &str, message: &str, times: u32) -> String {
    format!(
        r#"{{"path": "{path}", "times": {times}, "do": {{"answer": {{"status": 500, "headers": {{"Content-Type": "application/json"}}, "body": "{{\"statusCode\": 500, \"message\": \"{message}\"}}"}}}}}}"#
    )
}

#[tokio::test]
async fn input_is_sent_again_until_the_process_has_opened_it() {
    let bench = Bench::new().await;
    let process = bench.process();
    let unopened = answered("/input", "internal server error: failed to open input pipe: open x: no such file", 4);
    bench.script(&format!("[{unopened}]"));
    let env = [("GREETING".to_owned(), "hello".to_owned())].into();
    let options = SpawnOptions { env: Some(env), stdin: Some(true), ..Default::default() };
    let info = process.spawn("echo $GREETING; cat", options).await.unwrap();
    bench.script(&format!("[{unopened}]"));
    process.write_stdin(info.clone(), Blob("input".into())).await.unwrap();
    process.close_stdin(info.clone()).await.unwrap();
    assert_eq!(whole(&process, &info).await.0, b"hello\ninput");
}

#[tokio::test]
async fn input_after_the_end_says_so_whatever_the_server_calls_it() {
    let bench = Bench::new().await;
    let process = bench.process();
    let info = spawn_with_input(&process, "exit 3").await;
    assert_eq!(code(&process, &info).await, 3);
    for message in ["failed to open input pipe: open x: no such file", "failed to write: write x: broken pipe"] {
        bench.script(&format!("[{}]", answered("/input", message, 0)));
        let error = process.write_stdin(info.clone(), Blob("late".into())).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::CommandAlreadyCompleted, "{error}");
        assert!(error.to_string().contains("exit code 3"), "{error}");
        process.close_stdin(info.clone()).await.unwrap();
    }
    assert!(bench.proxy.seen("/input").len() <= 4);
}

#[tokio::test]
async fn an_exit_code_that_is_being_written_is_waited_for() {
    let bench = Bench::new().await;
    let process = bench.process();
    let info = spawn(&process, "exit 5").await;
    assert_eq!(code(&process, &info).await, 5);
    let writing = "failed to convert exit code to int: strconv.Atoi: parsing \\\\\\\"\\\\\\\": invalid syntax";
    bench.script(&format!("[{}]", answered("/command/", writing, 3)));
    assert_eq!(code(&process, &info).await, 5);
    bench.script(&format!("[{}]", answered("/process/session", writing, 3)));
    assert_eq!(process.list_spawned().await.unwrap()[0].exit_code, Some(5));
    bench.script(&format!("[{}]", answered("/process/session", writing, 3)));
    assert_eq!(process.get_spawned(&info.id).await.unwrap().exit_code, Some(5));
}

#[tokio::test]
async fn output_so_far_is_read_by_a_plain_request_and_exact() {
    let bench = Bench::new().await;
    let process = bench.process();
    let info = spawn(&process, "printf '\\377\\001x'; printf err >&2").await;
    code(&process, &info).await;
    let so_far = || OutputOptions { follow: Some(false), ..Default::default() };
    let expected = (b"\xff\x01x".to_vec(), b"err".to_vec());
    assert_eq!(output(&process, &info, so_far()).await.unwrap(), expected);
    assert_eq!(bench.proxy.seen("follow").len(), 0);
    // Also when its connection breaks half-way.
    bench.script(r#"[{"path": "/logs", "do": {"cut": {"after": 5}}}]"#);
    assert_eq!(output(&process, &info, so_far()).await.unwrap(), expected);
    process.release_spawned(info.clone()).await.unwrap();
    assert_eq!(output(&process, &info, so_far()).await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn output_ends_with_the_process_and_not_when_the_server_has_looked_long_enough() {
    let bench = Bench::with(r#"[{"path": "follow=true", "do": {"linger": 3600}, "times": 0}]"#).await;
    let process = bench.process();
    for (command, stdout) in
        [("echo out", "out\n"), ("echo out; (sleep 0.3; echo late) &", "out\nlate\n"), ("true", "")]
    {
        let info = spawn(&process, command).await;
        let read = tokio::time::timeout(std::time::Duration::from_secs(60), whole(&process, &info)).await;
        assert_eq!(String::from_utf8(read.expect(command).0).unwrap(), stdout, "{command}");
        let none =
            process.wait_for_log(&info.session_id, &info.command_id, "never", WaitForLogOptions::default()).await;
        assert_eq!(none.unwrap_err().kind(), ErrorKind::CommandAlreadyCompleted, "{command}");
    }
}

#[tokio::test]
async fn waits_end_when_the_port_listens_and_when_the_line_is_there() {
    let bench = Bench::new().await;
    let process = bench.process();
    for port in [8123, 12345] {
        let server = spawn(&process, &format!("sleep 0.2; python3 -um http.server --bind 127.0.0.1 {port}")).await;
        process.wait_for_port(port, WaitOptions { timeout: Some(Duration::from_secs(30)) }).await.unwrap();
        let options =
            WaitForLogOptions { regex: Some(true), timeout: Some(Duration::from_secs(30)), ..Default::default() };
        let line = process.wait_for_log(&server.session_id, &server.command_id, r"port \d+ \(", options).await.unwrap();
        assert!(line.contains(&port.to_string()), "{line}");
        process.release_spawned(server).await.unwrap();
    }
    let error =
        process.wait_for_port(8123, WaitOptions { timeout: Some(Duration::from_millis(200)) }).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(process.wait_for_port(70000, WaitOptions::default()).await.unwrap_err().to_string().contains("70000"));
    let done = spawn(&process, "echo one; echo two").await;
    let wait = process.wait_for_log(&done.session_id, &done.command_id, "three", WaitForLogOptions::default()).await;
    let error = wait.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CommandAlreadyCompleted);
    assert!(error.to_string().contains("two"), "{error}");
}
