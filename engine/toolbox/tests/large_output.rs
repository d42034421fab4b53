//! Output that fits no memory: a binary of its own, since it watches the memory of its process.

mod harness;

use futures_util::StreamExt;
use harness::Toolbox;
use tokio_tungstenite::tungstenite::Message;

const SIZE: usize = 256 << 20;

/// The most memory this process ever had, in bytes.
fn peak() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() << 10
}

#[tokio::test]
async fn a_quarter_gibibyte_is_followed_without_loss_in_flat_memory() {
    let toolbox = Toolbox::start();
    toolbox.create_session("s").await;
    let before = peak();
    // Numbered lines of 64 bytes, so that a lost, doubled or misplaced piece shows.
    let script = format!("awk 'BEGIN {{ for (i = 0; i < {}; i++) printf \"%063d\\n\", i }}'", SIZE / 64);
    let command = toolbox.start_command("s", &script).await;
    let path = format!("/process/session/s/command/{command}/logs?follow=true");
    let mut follower = toolbox.connect(&path, &[]).await;
    let (mut number, mut partial) = (0usize, Vec::new());
    while let Some(Ok(message)) = follower.stream.next().await {
        match message {
            Message::Binary(data) => partial.extend_from_slice(&data),
            Message::Close(frame) => {
                assert_eq!(u16::from(frame.unwrap().code), 1000);
                break;
            }
            _ => {}
        }
        let whole = partial.len() / 64 * 64;
        for line in partial[..whole].chunks(64) {
            let text = std::str::from_utf8(line).unwrap();
            assert_eq!(text.trim_end().parse(), Ok(number), "line {number}: {text:?}");
            number += 1;
        }
        partial.drain(..whole);
    }
    assert_eq!((number, partial.len()), (SIZE / 64, 0));
    let grown = peak() - before;
    assert!(grown < 48 << 20, "memory grew by {grown} bytes");
}
