//! Signals in a sandbox do what they always do, however the engine was started.

mod harness;

use harness::Toolbox;
use nix::sys::signal::{SigHandler, Signal, signal};
use serde_json::json;

#[tokio::test]
async fn an_engine_that_was_started_to_ignore_signals_does_not_pass_that_on() {
    for ignored in [Signal::SIGINT, Signal::SIGQUIT, Signal::SIGHUP] {
        // SAFETY: ignoring is no code of ours.
        unsafe { signal(ignored, SigHandler::SigIgn) }.unwrap();
    }
    let toolbox = Toolbox::start();
    for (name, code) in [("INT", 130), ("QUIT", 131), ("HUP", 129)] {
        let command = format!("sh -c 'kill -{name} $$; sleep 1; echo ignored'");
        let (_, answer) = toolbox.post("/process/execute", json!({ "command": command })).await;
        assert_eq!(answer["exitCode"], code, "{name}: {answer}");
    }
}
