//! What the client promises on a server as it was released in 0.190, whose quirks the engine can play.

#[allow(dead_code, reason = "each test file uses what it needs")]
mod support;

use std::time::Duration;

use daytona::ErrorKind;
use daytona::model::{
    Blob, DirectoryOptions, ExecOptions, OutputOptions, ProcessInfo, SpawnOptions, WaitForLogOptions, WaitOptions,
};
use daytona::ops::Process;
use daytona::stream::log_demux::LogChannel;
use support::Bench;

/// Processes at a time.
const CROWD: usize = 12;

async fn bench() -> Bench {
    Bench::like("0.190").await
}

async fn code(process: &Process, info: &ProcessInfo) -> i64 {
    process.wait_spawned(info.clone(), WaitOptions { timeout: Some(Duration::from_secs(120)) }).await.unwrap()
}

async fn stdout(process: &Process, info: &ProcessInfo, follow: bool) -> Vec<u8> {
    let options = OutputOptions { follow: Some(follow), ..OutputOptions::default() };
    let mut stream = process.stream_output(info.clone(), options).await.unwrap();
    let mut stdout = Vec::new();
    while let Some(chunk) = stream.next().await.unwrap() {
        if chunk.channel == LogChannel::Stdout {
            stdout.extend_from_slice(&chunk.data);
        }
    }
    stdout
}

#[tokio::test]
async fn processes_with_variables_and_input_start_and_end_every_time() {
    let bench = bench().await;
    let mut running = tokio::task::JoinSet::new();
    for number in 0..CROWD {
        let process = bench.process();
        running.spawn(async move {
            let env = [("NUMBER".to_owned(), number.to_string())].into();
            let options = SpawnOptions { env: Some(env), stdin: Some(true), ..SpawnOptions::default() };
            let info = process.spawn("cat; echo $NUMBER >&2; printf $NUMBER; exit 7", options).await.unwrap();
            process.write_stdin(info.clone(), Blob("input\n".into())).await.unwrap();
            process.close_stdin(info.clone()).await.unwrap();
            assert_eq!(code(&process, &info).await, 7);
            let expected = format!("input\n{number}").into_bytes();
            assert_eq!(stdout(&process, &info, true).await, expected);
            assert_eq!(stdout(&process, &info, false).await, expected);
            let error = process.write_stdin(info.clone(), Blob("late".into())).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::CommandAlreadyCompleted, "{error}");
            process.close_stdin(info.clone()).await.unwrap();
            process.release_spawned(info).await.unwrap();
        });
    }
    running.join_all().await;
    assert_eq!(bench.process().list_spawned().await.unwrap(), []);
}

#[tokio::test]
async fn a_short_process_ends_with_its_own_exit_code() {
    let bench = bench().await;
    let process = bench.process();
    for number in 0..20 {
        let info = process.spawn(&format!("exit {number}"), SpawnOptions::default()).await.unwrap();
        assert_eq!(code(&process, &info).await, number);
        process.list_spawned().await.unwrap();
    }
}

#[tokio::test]
async fn a_line_that_has_ended_is_seen_and_one_that_never_comes_is_told() {
    let bench = bench().await;
    let process = bench.process();
    let info = process.spawn("echo ready; sleep 1000", SpawnOptions::default()).await.unwrap();
    let wait = WaitForLogOptions::default;
    assert_eq!(process.wait_for_log(&info.session_id, &info.command_id, "ready", wait()).await.unwrap(), "ready");
    process.signal_spawned(info.clone(), "KILL").await.unwrap();
    let error = process.wait_for_log(&info.session_id, &info.command_id, "never", wait()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CommandAlreadyCompleted, "{error}");
    assert_eq!(code(&process, &info).await, 137);
}

#[tokio::test]
async fn a_command_that_is_given_up_is_ended() {
    let bench = bench().await;
    let options = ExecOptions { timeout: Some(Duration::from_millis(500)), ..ExecOptions::default() };
    let error = bench.process().exec("setsid sleep 1000 & sleep 1000; touch late", options).await.unwrap_err();
    assert!(error.is_timeout(), "{error}");
    bench.until("pgrep -f '^sleep 100' >/dev/null || echo ended", "ended\n").await;
    assert_eq!(bench.sh("ls").await, "");
}

#[tokio::test]
async fn directories_given_up_leave_nothing() {
    let bench = bench().await;
    let local = tempfile::tempdir().unwrap();
    let source = local.path().join("source");
    std::fs::create_dir(&source).unwrap();
    for number in 0..200 {
        std::fs::write(source.join(number.to_string()), vec![7; 10_000]).unwrap();
    }
    let mut running = tokio::task::JoinSet::new();
    for number in 0..CROWD {
        let (fs, source) = (bench.fs(), source.clone());
        let target = local.path().join(format!("target-{number}"));
        running.spawn(async move {
            let (source, target) = (source.to_str().unwrap(), target.to_str().unwrap());
            let remote = format!("storm/{number}");
            let both = async {
                fs.upload_dir(source, &remote, DirectoryOptions::default()).await?.finish().await?;
                fs.download_dir(&remote, target, DirectoryOptions::default()).await?.finish().await
            };
            let patience = std::time::Duration::from_millis(40 * number as u64);
            let _ = tokio::time::timeout(patience, both).await;
        });
    }
    running.join_all().await;
    let whole = "ls -A /tmp | grep -c daytona-; cd storm && for d in $(ls -A); do \
                 [ \"$(ls -A \"$d\" | wc -l)\" = 200 ] || echo \"$d\"; done";
    bench.until(&format!("mkdir -p storm; {whole}"), "0\n").await;
    for entry in std::fs::read_dir(local.path()).unwrap() {
        assert_eq!(std::fs::read_dir(entry.unwrap().path()).unwrap().count(), 200);
    }
}
