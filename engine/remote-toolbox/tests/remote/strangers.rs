//! Peers that nobody knows cost little, and not for long.

use std::time::{Duration, Instant};

use daytona_remote_toolbox::door::Limits;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::served::{Client, Served, port, until_closed};

fn short() -> Limits {
    Limits { waiting: 8, patience: Duration::from_secs(4), ..Limits::default() }
}

fn served(limits: Limits) -> Served {
    Served::start_on(port(), limits, true)
}

#[tokio::test]
async fn whoever_says_nothing_or_too_slowly_is_dropped() {
    let served = served(short());
    let mut silent = TcpStream::connect(served.address).await.unwrap();
    let mut half_hello = TcpStream::connect(served.address).await.unwrap();
    half_hello.write_all(b"\x16\x03\x01\x02\x00\x01\x00").await.unwrap();
    let mut silent_in_tls = served.stranger().await;
    let mut half_head = served.stranger().await;
    half_head.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n").await.unwrap();
    for answer in [until_closed(&mut silent).await, until_closed(&mut half_hello).await] {
        assert!(answer.is_empty(), "{answer}");
    }
    for answer in [until_closed(&mut silent_in_tls).await, until_closed(&mut half_head).await] {
        assert!(answer.is_empty(), "{answer}");
    }

    // A byte now and then does not help.
    let mut drip = served.stranger().await;
    let begun = Instant::now();
    for byte in b"GET / HTTP/1.1\r\n".iter().chain(std::iter::repeat(&b'x')) {
        if drip.write_all(&[*byte]).await.is_err() || drip.flush().await.is_err() {
            break;
        }
        let mut answer = [0u8; 1];
        let closed = tokio::time::timeout(Duration::from_millis(20), drip.read(&mut answer)).await;
        if matches!(closed, Ok(Ok(0) | Err(_))) {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(120), "it is still connected");
    }
}

#[tokio::test]
async fn peers_that_wait_keep_nobody_out() {
    // With all the time in the world, so only the number of them can end those that wait.
    let served = served(Limits { patience: Duration::from_secs(3600), ..short() });
    let mut waiting = Vec::new();
    for _ in 0..20 {
        waiting.push(TcpStream::connect(served.address).await.unwrap());
    }
    let mut client = Client::new(served.connector().connect().await.unwrap()).await;
    assert_eq!(client.run("echo in").await, "in\n");
    for mut oldest in waiting.drain(..12) {
        assert!(until_closed(&mut oldest).await.is_empty());
    }
    assert_eq!(client.run("echo still").await, "still\n");
}

#[tokio::test]
async fn who_was_let_in_may_take_longer_than_strangers_may() {
    let served = served(short());
    let mut client = Client::new(served.connector().connect().await.unwrap()).await;
    assert_eq!(client.run("sleep 5; echo slept").await, "slept\n");
}

/// A network of its own for the calling thread, whose only link can be taken down. Needs root, as sandboxes of a cluster's tests do.
fn own_network() {
    nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWNET).expect("root makes network namespaces");
    link("up");
}

fn link(state: &str) {
    let status = std::process::Command::new("ip").args(["link", "set", "lo", state]).status().expect("ip runs");
    assert!(status.success());
}

/// Connections of the calling thread's network to a port, by their state in `/proc/net/tcp` (1 = established).
fn established(port: u16) -> usize {
    let table = std::fs::read_to_string("/proc/thread-self/net/tcp").unwrap();
    let local = format!(":{port:04X}");
    let mut lines = table.lines().skip(1).map(|line| line.split_ascii_whitespace().collect::<Vec<_>>());
    lines.by_ref().filter(|words| words[1].ends_with(&local) && words[3] == "01").count()
}

#[test]
fn a_peer_that_has_vanished_without_a_word_is_forgotten() {
    if !nix::unistd::geteuid().is_root() {
        // An ordinary user makes a network only for a process with one thread.
        return;
    }
    let scene = std::thread::spawn(|| {
        own_network();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let served = served(Limits { vanished: Duration::from_secs(4), ..Limits::default() });
            let mut client = Client::new(served.connector().connect().await.unwrap()).await;
            assert_eq!(client.run("echo in").await, "in\n");
            let port = served.address.port();
            assert!(established(port) > 0);
            link("down");
            let deadline = Instant::now() + Duration::from_secs(120);
            while established(port) > 0 {
                assert!(Instant::now() < deadline, "the toolbox still waits for who has vanished");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            link("up");
            let mut client = Client::new(served.connector().connect().await.unwrap()).await;
            assert_eq!(client.run("echo again").await, "again\n");
        });
    });
    scene.join().unwrap();
}
