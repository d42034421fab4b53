//! What a server that means harm gets: an error, and neither this machine's memory nor what was meant for another.

use std::time::Duration;

use daytona::model::{DownloadOptions, ExecOptions, PtyCreateOptions, SandboxInfo};
use daytona::{Client, Config, Error, ErrorKind, Toolbox};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// A server that answers every request with the same bytes, and then with `more` as long as it is taken. It tells what
/// requests it got.
async fn server(answer: impl Into<Vec<u8>>, more: &'static [u8]) -> (String, mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (seen, requests) = mpsc::unbounded_channel();
    let answer = answer.into();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(serve(client, answer.clone(), more, seen.clone()));
        }
    });
    (url, requests)
}

async fn serve(mut client: TcpStream, answer: Vec<u8>, more: &'static [u8], seen: mpsc::UnboundedSender<String>) {
    let mut request = Vec::new();
    while !request.windows(4).any(|w| w == b"\r\n\r\n") {
        if client.read_buf(&mut request).await.unwrap_or(0) == 0 {
            return;
        }
    }
    let text = String::from_utf8_lossy(&request).into_owned();
    let accept = text
        .lines()
        .find_map(|line| line.strip_prefix("sec-websocket-key: "))
        .map(|key| tokio_tungstenite::tungstenite::handshake::derive_accept_key(key.as_bytes()));
    let _ = seen.send(text);
    let mut answer = answer;
    if let Some(accept) = accept {
        let head = format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {accept}\r\n\r\n"
        );
        answer.splice(..0, head.into_bytes());
    }
    if client.write_all(&answer).await.is_err() {
        return;
    }
    if more.is_empty() {
        let _ = client.read_to_end(&mut request).await;
    }
    while !more.is_empty() && client.write_all(more).await.is_ok() {}
}

fn toolbox(url: &str) -> Toolbox {
    let config = Config { api_url: Some(format!("{url}/api")), api_key: Some("key".to_owned()), ..Config::default() };
    let sandbox =
        SandboxInfo { id: "s".to_owned(), toolbox_proxy_url: format!("{url}/toolbox"), ..SandboxInfo::default() };
    Client::new(config).unwrap().toolbox(&sandbox).unwrap()
}

async fn exec(url: &str) -> Error {
    let options = ExecOptions { timeout: Some(Duration::from_secs(60)), ..ExecOptions::default() };
    toolbox(url).process().exec("echo secret", options).await.unwrap_err()
}

#[tokio::test]
async fn a_redirect_to_another_server_takes_no_request_there() {
    for status in ["301 Moved", "302 Found", "303 See Other", "307 Temporary Redirect", "308 Permanent Redirect"] {
        let (other, mut elsewhere) = server("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}", b"").await;
        let (url, _requests) =
            server(format!("HTTP/1.1 {status}\r\nlocation: {other}/x\r\ncontent-length: 0\r\n\r\n"), b"").await;
        let error = exec(&url).await;
        assert_eq!(error.kind(), ErrorKind::UnprocessableEntity, "{error}");
        assert!(error.to_string().contains(&other), "{error}");
        assert!(elsewhere.try_recv().is_err(), "{status}");
        let error = toolbox(&url).fs().get_file_info("x").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnprocessableEntity, "{error}");
        assert!(elsewhere.try_recv().is_err(), "{status}");
    }
}

#[tokio::test]
async fn redirects_in_circles_end() {
    let (url, _requests) =
        server("HTTP/1.1 307 X\r\nlocation: /x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n", b"").await;
    let error = exec(&url).await;
    assert_eq!(error.kind(), ErrorKind::UnprocessableEntity, "{error}");
}

#[tokio::test]
async fn an_answer_that_announces_too_much_is_refused_before_it_comes() {
    let (url, _requests) = server("HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n{", b"").await;
    let error = exec(&url).await;
    assert_eq!(error.kind(), ErrorKind::UnprocessableEntity, "{error}");
    assert!(error.to_string().contains("512 MiB"), "{error}");
}

#[tokio::test]
async fn headers_without_end_are_an_error() {
    let (url, _requests) = server("HTTP/1.1 200 OK\r\n", b"x-more: and more of the same, again and again\r\n").await;
    assert_eq!(exec(&url).await.kind(), ErrorKind::Connection);
    let (url, _requests) = server("HTTP/1.1 200 OK\r\nx-long: ", b"and more of the same, again and again").await;
    assert_eq!(exec(&url).await.kind(), ErrorKind::Connection);
}

#[tokio::test]
async fn an_answer_that_never_ends_ends_with_the_deadline() {
    let (url, _requests) = server("HTTP/1.1 103 Early Hints\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\n\r\n").await;
    let options = ExecOptions { timeout: Some(Duration::from_millis(500)), ..ExecOptions::default() };
    let error = toolbox(&url).process().exec("true", options).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ProcessExecutionTimeout, "{error}");
}

#[tokio::test]
async fn json_deeper_than_any_is_an_error_and_no_overflow() {
    let body = format!("{{\"exitCode\":0,\"result\":\"\",\"artifacts\":{{\"charts\":{}", "[".repeat(1 << 20));
    let (url, _requests) =
        server(format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len()), b"").await;
    assert_eq!(exec(&url).await.kind(), ErrorKind::Unknown);
    let nested = "{\"elements\":[".repeat(1 << 16);
    let body = format!("{{\"exitCode\":0,\"result\":\"\",\"artifacts\":{{\"charts\":[{nested}");
    let (url, _requests) =
        server(format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len()), b"").await;
    assert_eq!(exec(&url).await.kind(), ErrorKind::Unknown);
}

#[tokio::test]
async fn a_multipart_header_without_end_is_an_error() {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: multipart/form-data; boundary=b\r\nconnection: close\r\n\r\n--b\r\n";
    let (url, _requests) = server(head, b"content-disposition: form-data; name=file\r\n").await;
    let error = toolbox(&url).fs().download_file("x", DownloadOptions::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connection, "{error}");
}

/// A frame's head that announces so many bytes.
fn frame(opcode: u8, length: u64) -> Vec<u8> {
    [&[opcode, 127][..], &length.to_be_bytes()].concat()
}

#[tokio::test]
async fn frames_larger_than_any_are_refused() {
    for answer in [frame(0x82, 1 << 62), frame(0x81, 17 << 20)] {
        let (url, _requests) = server(answer, b"").await;
        let logs = toolbox(&url).process().stream_session_command_logs("s", "c").await;
        let mut logs = logs.unwrap();
        // Tried again, it is the same.
        let error = tokio::time::timeout(Duration::from_secs(60), logs.next()).await.expect("an end").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Connection, "{error}");
    }
}

#[tokio::test]
async fn a_terminal_that_floods_before_it_is_connected_is_refused() {
    let (url, _requests) = server("", b"\x82\x04aaaa").await;
    let error = toolbox(&url).process().create_pty("t", PtyCreateOptions::default()).await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Connection, "{error}");
}
