//! How terminals end, and what passes through them meanwhile (wire section 4.3, additions 4.1).

mod harness;

use harness::socket::Socket;
use harness::{Toolbox, content_of, is_alive, wait_for};
use serde_json::{Value, json};

const EXIT_CONTROL: &str = "X-Daytona-Pty-Exit-Control";

/// Creates a terminal and connects, as current SDKs do.
async fn open(toolbox: &Toolbox, id: &str) -> Socket {
    let path = format!("/process/pty/create-connect?id={id}&cols=80&rows=24");
    let mut socket = toolbox.connect(&path, &[("sec-websocket-protocol", EXIT_CONTROL)]).await;
    socket.read_message(|message| message["status"] == "connected").await;
    socket
}

/// Reads to the end and returns the exited message and the close frame's code and reason.
async fn ending(socket: &mut Socket) -> (Option<Value>, u16, Value) {
    let (code, reason) = socket.finish().await.expect("a close frame");
    let exited = socket.texts.iter().find(|message| message["status"] == "exited").cloned();
    (exited, code, serde_json::from_str(&reason).unwrap_or(json!(reason)))
}

#[tokio::test]
async fn exit_codes_and_reasons_are_told_in_a_message_and_in_the_close_frame() {
    let toolbox = Toolbox::start();
    for (typed, code, reason) in [
        ("exit\n", 0, None),
        ("exit 3\n", 3, Some("non-zero exit")),
        ("exit 130\n", 130, Some("Ctrl+C")),
        ("exit 143\n", 143, Some("SIGTERM")),
        ("exit 137\n", 137, Some("SIGKILL")),
        ("exit 129\n", 129, Some("signal 1")),
        // Nobody deleted the terminal: a signal ended the shell itself.
        ("kill -9 $$\n", -1, Some("non-zero exit")),
    ] {
        let mut socket = open(&toolbox, "p").await;
        socket.send(typed).await;
        let (exited, close, told) = ending(&mut socket).await;
        let exited = exited.expect("a client that asked for it gets an exited message");
        assert_eq!((&exited["exitCode"], exited["exitReason"].as_str()), (&json!(code), reason));
        assert_eq!((&told["exitCode"], told["exitReason"].as_str()), (&json!(code), reason));
        assert_eq!(close, if code == 0 { 1000 } else { 1011 });
    }
}

#[tokio::test]
async fn old_clients_learn_the_exit_from_the_close_frame_alone() {
    let toolbox = Toolbox::start();
    toolbox.post("/process/pty", json!({"id": "p", "lazyStart": true, "envs": {"A": "b"}})).await;
    let mut socket = toolbox.connect("/process/pty/p/connect", &[]).await;
    socket.send_text("echo $A; exit 2\n").await;
    let (exited, code, reason) = ending(&mut socket).await;
    assert_eq!((exited, code, &reason["exitCode"]), (None, 1011, &json!(2)));
    assert!(socket.text().contains("\rb\r\n"), "{:?}", socket.text());
}

#[tokio::test]
async fn a_terminal_outlives_its_clients() {
    let toolbox = Toolbox::start();
    let mut first = open(&toolbox, "p").await;
    first.send("kept=yes; echo do''ne\n").await;
    first.read_until("done").await;
    drop(first);
    let mut second = toolbox.connect("/process/pty/p/connect", &[("sec-websocket-protocol", EXIT_CONTROL)]).await;
    second.send("echo kept-$kept; exit\n").await;
    assert_eq!(ending(&mut second).await.1, 1000);
    assert!(second.text().contains("kept-yes"), "{:?}", second.text());
}

#[tokio::test]
async fn ctrl_c_interrupts_what_runs_in_the_foreground() {
    let toolbox = Toolbox::start();
    let mut socket = open(&toolbox, "p").await;
    let mark = toolbox.path("mark");
    socket.send(format!("bash -c 'echo x > {}; sleep 1000'\n", mark.display())).await;
    content_of(&mark).await;
    socket.send(&b"\x03"[..]).await;
    socket.send("echo \"<code $?>\"\n").await;
    socket.read_until("<code 130>").await;
    toolbox.delete("/process/pty/p").await;
}

#[tokio::test]
async fn ten_megabytes_are_pasted_without_loss() {
    const SIZE: usize = 10 << 20;
    let toolbox = Toolbox::start();
    let mut socket = open(&toolbox, "p").await;
    // Raw, because a terminal that edits lines takes 4095 bytes of one.
    socket.send(format!("stty raw -echo; echo re''ady; head -c {SIZE} | sha256sum; stty sane\n")).await;
    socket.read_until("ready").await;
    let paste: Vec<u8> = (0..SIZE).map(|at| b'a' + (at / 61 % 26) as u8).collect();
    for piece in paste.chunks(32 << 10) {
        socket.send(piece.to_vec()).await;
    }
    let file = toolbox.path("paste");
    std::fs::write(&file, &paste).unwrap();
    let (_, expected) = toolbox.run(&format!("sha256sum < {}", file.display())).await;
    socket.read_until(expected.trim()).await;
    toolbox.delete("/process/pty/p").await;
}

#[tokio::test]
async fn what_a_shell_prints_last_is_not_lost() {
    let toolbox = Toolbox::start();
    for _ in 0..10 {
        let mut socket = open(&toolbox, "p").await;
        socket.send("seq 20000; exit\n").await;
        assert_eq!(ending(&mut socket).await.1, 1000);
        assert!(socket.text().contains("19999\r\n20000\r\n"), "the end is missing");
    }
}

#[tokio::test]
async fn processes_of_terminals_do_not_hold_the_terminals_other_side() {
    let toolbox = Toolbox::start();
    let mut socket = open(&toolbox, "p").await;
    socket.send("echo \"<$(ls -l /proc/self/fd | grep -c ptmx)>\"\n").await;
    socket.read_until("<0>").await;
    toolbox.delete("/process/pty/p").await;
}

#[tokio::test]
async fn eighty_terminals_are_killed_with_all_their_processes() {
    let toolbox = Toolbox::start();
    let pids = toolbox.path("pids");
    let mut sockets = Vec::new();
    for number in 0..80 {
        let mut socket = open(&toolbox, &format!("p{number}")).await;
        // One in the shell's own session, one that left it.
        let line = format!(
            "(trap '' HUP; sleep 1000 & echo $! >> {0}; setsid sleep 1000 & echo $! >> {0}; wait)\n",
            pids.display()
        );
        socket.send(line).await;
        sockets.push(socket);
    }
    let read = || std::fs::read_to_string(&pids).unwrap_or_default();
    wait_for("all processes", || (read().lines().count() == 160).then_some(())).await;
    for (number, mut socket) in sockets.into_iter().enumerate() {
        assert_eq!(toolbox.delete(&format!("/process/pty/p{number}")).await.0, 200);
        assert_eq!(ending(&mut socket).await.2, json!({"exitCode": 137, "exitReason": "SIGKILL"}));
    }
    for pid in read().lines() {
        wait_for("the end of a process", || (!is_alive(pid)).then_some(())).await;
    }
}
