//! Connections without a key cost the engine little.

mod harness;

use std::io::{Read, Write};
use std::net::TcpStream;

use harness::Engine;

/// Memory of a process that no other process shares, in KiB.
fn memory(pid: nix::unistd::Pid) -> usize {
    let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap();
    let line = text.lines().find(|line| line.starts_with("Private_Dirty:")).unwrap();
    line.split_ascii_whitespace().nth(1).unwrap().parse().unwrap()
}

fn connect(engine: &Engine, count: usize) -> Vec<TcpStream> {
    let address = engine.origin.strip_prefix("http://").unwrap();
    let request = b"GET /api/sandbox HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let connect = |_| {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(request).unwrap();
        let mut answer = [0; 4096];
        let read = stream.read(&mut answer).unwrap();
        assert!(answer[..read].starts_with(b"HTTP/1.1 401"));
        stream
    };
    (0..count).map(connect).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_connection_costs_little_more_than_its_buffers() {
    const CONNECTIONS: usize = 400;
    let engine = Engine::start().await;
    // The first requests allocate things that are needed once.
    let warm = connect(&engine, 50);
    let before = memory(engine.pid());
    let idle = connect(&engine, CONNECTIONS);
    let each = memory(engine.pid()).saturating_sub(before) / CONNECTIONS;
    assert!(each < 48, "{each} KiB for each connection");
    drop((warm, idle));
}

#[tokio::test]
async fn a_client_that_only_listens_keeps_the_engine_until_it_goes() {
    use futures_util::{SinkExt, StreamExt};
    use tokio_tungstenite::tungstenite::Message;

    let directory = tempfile::tempdir().unwrap();
    // Longer than a busy machine takes to connect.
    let mut engine = Engine::start_in(directory, &["10"]).await;
    let url = engine.origin.replacen("http", "ws", 1);
    let url = format!("{url}/api/socket.io/?EIO=4&transport=websocket");
    let (mut socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
    let connect = format!(r#"40{{"token":"{}"}}"#, engine.api_key);
    socket.send(Message::Text(connect.into())).await.unwrap();
    while !socket.next().await.unwrap().unwrap().to_text().unwrap().starts_with("40") {}
    // Another engine that is as idle ends; this one does not.
    let mut idle = harness::Engine::start_in(tempfile::tempdir().unwrap(), &["10"]).await;
    assert!(idle.process.wait().unwrap().success());
    assert_eq!(engine.process.try_wait().unwrap(), None);
    drop(socket);
    assert!(engine.process.wait().unwrap().success());
}
