//! What a process that has reached its limits is told: an error like any other, never a panic.

use std::process::Command;
use std::time::Duration;

use daytona_bridge::{Client, Completion, Payload, Waiter};

const CHILD: &str = "DAYTONA_TEST_LIMITS_CHILD";

/// Runs as a program of its own, because a limit of memory stays.
#[test]
fn without_threads_a_call_ends_with_an_error() {
    let name = "without_threads_a_call_ends_with_an_error";
    if std::env::var_os(CHILD).is_none() {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", name, "--nocapture", "--test-threads", "1"])
            .env(CHILD, "1")
            .output()
            .unwrap();
        let (output, errors) = (String::from_utf8_lossy(&child.stdout), String::from_utf8_lossy(&child.stderr));
        assert!(child.status.success(), "{output}{errors}");
        assert!(!errors.contains("panicked"), "{errors}");
        assert!(output.contains(r#""kind":"Unknown""#), "{output}");
        assert!(output.contains("the system lets this process have no more threads"), "{output}");
        return;
    }
    let client = Client::new(br#"{"apiKey": "k", "apiUrl": "http://127.0.0.1:9"}"#).unwrap();
    // Too little for another thread's stack, enough for everything else.
    let now = pages() * 4096 + 1_000_000;
    let limit = libc::rlimit { rlim_cur: now, rlim_max: now };
    // SAFETY: a plain system call with a valid argument.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_AS, &raw const limit) }, 0);

    let waiter = Waiter::new();
    let call = client.start("sandbox.list", Payload::json(&br#"{"args": {"query": {}}}"#[..]), waiter.sink());
    let Some(Completion::Error(error)) = waiter.wait(Duration::from_secs(120)) else { panic!("no error") };
    println!("{}", String::from_utf8_lossy(&error));
    assert!(call.is_finished());
}

/// Pages of memory this process has.
fn pages() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    text.split(' ').next().unwrap().parse().unwrap()
}
