//! WebSocket connections against real sockets: handshake, flow, keep-alive, ends, TLS, proxies.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use daytona::proxy::Proxies;
use daytona::tls::Tls;
use daytona::ws::{self, ConnectOptions, KeepAlive, WsClose, WsMessage, WsStream};
use daytona::{Error, ErrorKind};
use futures_util::{SinkExt, StreamExt};
use http::HeaderMap;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Message};
use url::Url;

fn options() -> ConnectOptions {
    ConnectOptions::new(Tls::new(None).unwrap(), Proxies::none())
}

async fn listen() -> (TcpListener, Url) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/process/x?follow=true", listener.local_addr().unwrap());
    (listener, url.parse().unwrap())
}

async fn connect(url: &Url, options: &ConnectOptions) -> Result<WsStream, Error> {
    ws::connect(url, HeaderMap::new(), &[], options).await
}

/// Connects to a server that runs `serve` for its one connection.
async fn connected<F, S>(options: &ConnectOptions, serve: S) -> WsStream
where
    S: FnOnce(WebSocketStream<TcpStream>) -> F + Send + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let (listener, url) = listen().await;
    tokio::spawn(async move {
        let (tcp, _) = listener.accept().await.unwrap();
        serve(tokio_tungstenite::accept_async(tcp).await.unwrap()).await;
    });
    connect(&url, options).await.unwrap()
}

/// Connects to a server that answers the upgrade request with `response`.
async fn refused(response: Vec<u8>) -> Error {
    let (listener, url) = listen().await;
    tokio::spawn(async move {
        let (mut tcp, _) = listener.accept().await.unwrap();
        read_head(&mut tcp).await;
        tcp.write_all(&response).await.unwrap();
        let _ = tcp.read(&mut [0]).await;
    });
    connect(&url, &options()).await.unwrap_err()
}

async fn read_head(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

fn binary(bytes: &[u8]) -> WsMessage {
    WsMessage::Binary(Bytes::copy_from_slice(bytes))
}

#[tokio::test]
async fn the_upgrade_carries_headers_query_and_subprotocols() {
    let (listener, url) = listen().await;
    let (seen, request) = oneshot::channel();
    tokio::spawn(async move {
        let (tcp, _) = listener.accept().await.unwrap();
        let mut seen = Some(seen);
        #[allow(clippy::result_large_err)]
        let judge = |request: &Request, mut response: Response| {
            seen.take().unwrap().send((request.uri().clone(), request.headers().clone())).unwrap();
            response.headers_mut().insert("sec-websocket-protocol", "second".parse().unwrap());
            Ok(response)
        };
        let mut socket = tokio_tungstenite::accept_hdr_async(tcp, judge).await.unwrap();
        while let Some(Ok(message)) = socket.next().await {
            if message.is_text() || message.is_binary() {
                socket.send(message).await.unwrap();
            }
        }
    });
    let headers = HeaderMap::from_iter([("authorization".parse().unwrap(), "Bearer k".parse().unwrap())]);
    let stream = ws::connect(&url, headers, &["first~e30", "second"], &options()).await.unwrap();
    assert_eq!(stream.subprotocol(), Some("second"));
    let (uri, headers) = request.await.unwrap();
    assert_eq!(uri.to_string(), "/process/x?follow=true");
    assert_eq!(headers["authorization"], "Bearer k");
    assert_eq!(headers["upgrade"], "websocket");
    assert_eq!(headers["sec-websocket-protocol"], "first~e30, second");
    assert_eq!(headers["host"], format!("127.0.0.1:{}", url.port().unwrap()).as_str());

    let (sender, mut receiver) = stream.split();
    sender.send_text("text").await.unwrap();
    sender.send_binary(&b"\0\xff"[..]).await.unwrap();
    assert_eq!(receiver.recv().await.unwrap(), WsMessage::Text("text".into()));
    assert_eq!(receiver.recv().await.unwrap(), binary(b"\0\xff"));
}

#[tokio::test]
async fn a_server_that_picks_no_subprotocol_is_accepted() {
    let (listener, url) = listen().await;
    tokio::spawn(async move {
        let (tcp, _) = listener.accept().await.unwrap();
        tokio_tungstenite::accept_async(tcp).await.unwrap();
    });
    let stream = ws::connect(&url, HeaderMap::new(), &["unknown"], &options()).await.unwrap();
    assert_eq!(stream.subprotocol(), None);
}

#[tokio::test]
async fn a_refusal_is_the_error_its_status_and_body_stand_for() {
    let body = r#"{"message":"PTY session exists","code":"CONFLICT","source":"DAYTONA_DAEMON"}"#;
    let (half, rest) = body.split_at(10);
    let chunked = format!(
        "HTTP/1.1 409 Conflict\r\nTransfer-Encoding: chunked\r\nX-Request-Id: r\r\n\r\na\r\n{half}\r\n{:x}\r\n{rest}\r\n0\r\n\r\n",
        rest.len()
    );
    let error = refused(chunked.into_bytes()).await;
    assert_eq!((error.kind(), error.status()), (ErrorKind::Conflict, Some(409)));
    assert_eq!(error.info().message, "PTY session exists");
    assert_eq!(error.info().code.as_deref(), Some("CONFLICT"));
    assert_eq!(error.info().request_id.as_deref(), Some("r"));

    let error = refused(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_vec()).await;
    assert_eq!((error.kind(), error.status()), (ErrorKind::NotFound, Some(404)));

    // An endless body is not read to its end.
    let endless = [b"HTTP/1.1 500 Oops\r\nContent-Length: 99999999\r\n\r\n".to_vec(), vec![b'x'; 70_000]].concat();
    assert_eq!(refused(endless).await.status(), Some(500));
}

#[tokio::test]
async fn what_is_not_a_web_socket_server_is_refused() {
    let error = refused(
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\n"
            .to_vec(),
    )
    .await;
    assert_eq!(error.kind(), ErrorKind::Connection);
    assert_eq!(refused(b"SSH-2.0\r\n".to_vec()).await.kind(), ErrorKind::Connection);
}

#[tokio::test]
async fn a_server_that_never_answers_is_given_up() {
    let (_listener, url) = listen().await;
    let options = ConnectOptions { connect_timeout: Duration::from_millis(50), ..options() };
    let error = connect(&url, &options).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionTimeout);
}

#[tokio::test]
async fn reading_goes_on_while_a_write_is_blocked() {
    let (blocked, release) = oneshot::channel::<()>();
    let stream = connected(&options(), |socket| async move {
        let (mut sink, _never_read) = socket.split();
        for n in 0..100u8 {
            sink.send(Message::Binary(vec![n].into())).await.unwrap();
        }
        let _ = release.await;
    })
    .await;
    let (sender, mut receiver) = stream.split();
    let writing = tokio::spawn(async move {
        let megabyte = Bytes::from(vec![0; 1 << 20]);
        while sender.send_binary(megabyte.clone()).await.is_ok() {}
    });
    for n in 0..100u8 {
        assert_eq!(receiver.recv().await.unwrap(), binary(&[n]));
    }
    assert!(!writing.is_finished());
    drop(blocked);
    assert!(receiver.recv().await.is_err());
    writing.await.unwrap();
}

#[tokio::test]
async fn what_is_not_received_stays_with_the_server() {
    const MESSAGES: u32 = 2000;
    let (sent, mut all_sent) = oneshot::channel();
    let stream = connected(&options(), |mut socket| async move {
        for n in 0..MESSAGES {
            let mut message = vec![0; 64 * 1024];
            message[..4].copy_from_slice(&n.to_le_bytes());
            socket.send(Message::Binary(message.into())).await.unwrap();
        }
        sent.send(()).unwrap();
        socket.close(None).await.unwrap();
        while let Some(Ok(_)) = socket.next().await {}
    })
    .await;
    let (_sender, mut receiver) = stream.split();
    for n in 0..MESSAGES {
        if n < MESSAGES / 2 {
            assert!(all_sent.try_recv().is_err(), "64 MiB must not fit between server and receiver");
        }
        let WsMessage::Binary(message) = receiver.recv().await.unwrap() else { panic!("binary expected") };
        assert_eq!(message[..4], n.to_le_bytes());
    }
    assert!(matches!(receiver.recv().await.unwrap(), WsMessage::Close(_)));
}

#[tokio::test]
async fn a_peer_that_answers_no_ping_is_dead() {
    let keep_alive = KeepAlive::Probe { interval: Duration::from_millis(20), grace: Duration::from_millis(20) };
    let stream = connected(&ConnectOptions { keep_alive, ..options() }, |socket| async move {
        let _held_open = socket;
        std::future::pending().await
    })
    .await;
    let (sender, mut receiver) = stream.split();
    let error = receiver.recv().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connection);
    assert!(error.to_string().contains("keep-alive"), "{error}");
    assert_eq!(sender.send_text("x").await.unwrap_err().to_string(), error.to_string());
}

#[tokio::test]
async fn an_answering_peer_lives_through_any_number_of_pings() {
    let keep_alive = KeepAlive::Probe { interval: Duration::from_millis(5), grace: Duration::from_secs(20) };
    let stream = connected(&ConnectOptions { keep_alive, ..options() }, |mut socket| async move {
        for _ in 0..10 {
            assert!(socket.next().await.unwrap().unwrap().is_ping());
        }
        socket.send(Message::text("still here")).await.unwrap();
    })
    .await;
    let (_sender, mut receiver) = stream.split();
    assert_eq!(receiver.recv().await.unwrap(), WsMessage::Text("still here".into()));
}

#[tokio::test]
async fn pings_go_out_while_nobody_receives() {
    let keep_alive = KeepAlive::Ping { interval: Duration::from_millis(5) };
    let (seen, pinged) = oneshot::channel();
    let stream = connected(&ConnectOptions { keep_alive, ..options() }, |mut socket| async move {
        for _ in 0..3 {
            assert!(socket.next().await.unwrap().unwrap().is_ping());
        }
        seen.send(()).unwrap();
    })
    .await;
    pinged.await.unwrap();
    drop(stream);
}

#[tokio::test]
async fn the_close_frame_arrives_after_everything_else_and_stays() {
    let stream = connected(&options(), |mut socket| async move {
        for _ in 0..50 {
            socket.send(Message::text("output")).await.unwrap();
        }
        let frame = CloseFrame { code: 1011.into(), reason: r#"{"exitCode":7}"#.into() };
        socket.close(Some(frame)).await.unwrap();
        while let Some(Ok(_)) = socket.next().await {}
    })
    .await;
    let (sender, mut receiver) = stream.split();
    for _ in 0..50 {
        assert_eq!(receiver.recv().await.unwrap(), WsMessage::Text("output".into()));
    }
    let close = WsMessage::Close(WsClose { code: Some(1011), reason: r#"{"exitCode":7}"#.into() });
    assert_eq!(receiver.recv().await.unwrap(), close);
    assert_eq!(receiver.recv().await.unwrap(), close);
    sender.close(1000, "").await;
    assert_eq!(sender.send_text("late").await.unwrap_err().kind(), ErrorKind::Closed);
}

#[tokio::test]
async fn an_end_without_a_close_frame_is_an_error() {
    let stream = connected(&options(), |mut socket| async move {
        socket.send(Message::text("half")).await.unwrap();
    })
    .await;
    let (_sender, mut receiver) = stream.split();
    assert_eq!(receiver.recv().await.unwrap(), WsMessage::Text("half".into()));
    assert_eq!(receiver.recv().await.unwrap_err().kind(), ErrorKind::Connection);
    assert_eq!(receiver.recv().await.unwrap_err().kind(), ErrorKind::Connection);
}

#[tokio::test]
async fn closing_is_agreed_with_the_server_even_when_nobody_receives() {
    let (seen, messages) = oneshot::channel();
    let stream = connected(&options(), |mut socket| async move {
        for _ in 0..100 {
            socket.send(Message::text("unread")).await.unwrap();
        }
        let mut messages = Vec::new();
        while let Some(Ok(message)) = socket.next().await {
            messages.push(message);
        }
        seen.send(messages).unwrap();
    })
    .await;
    let (sender, mut receiver) = stream.split();
    sender.send_text("last words").await.unwrap();
    sender.close(1000, "done").await;
    let close = Message::Close(Some(CloseFrame { code: 1000.into(), reason: "done".into() }));
    assert_eq!(messages.await.unwrap(), [Message::text("last words"), close]);
    let end = loop {
        match receiver.recv().await.unwrap() {
            WsMessage::Text(_) => {}
            end => break end,
        }
    };
    assert!(matches!(end, WsMessage::Close(WsClose { code: Some(1000), .. })));
}

#[tokio::test]
async fn dropping_both_halves_hangs_up() {
    let (seen, hung_up) = oneshot::channel();
    let stream = connected(&options(), |mut socket| async move {
        while let Some(Ok(_)) = socket.next().await {}
        seen.send(()).unwrap();
    })
    .await;
    let (sender, receiver) = stream.split();
    drop(receiver);
    sender.send_text("still open").await.unwrap();
    drop(sender);
    hung_up.await.unwrap();
}

#[tokio::test]
async fn a_message_beyond_the_limit_is_an_error() {
    let stream = connected(&options(), |mut socket| async move {
        let _ = socket.send(Message::Binary(vec![0; ws::MAX_MESSAGE_BYTES + 1].into())).await;
    })
    .await;
    let (_sender, mut receiver) = stream.split();
    assert_eq!(receiver.recv().await.unwrap_err().kind(), ErrorKind::Connection);
}

// --- TLS

/// A TLS acceptor for `localhost` and the PEM file of its authority.
fn tls_server() -> (tokio_rustls::TlsAcceptor, tempfile::NamedTempFile) {
    let certified = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
    let pem = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(pem.path(), certified.cert.pem()).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(certified.signing_key.serialize_der()).unwrap();
    let mut config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certified.cert.der().clone()], key)
        .unwrap();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    (Arc::new(config).into(), pem)
}

async fn greet(stream: impl AsyncRead + AsyncWrite + Unpin) {
    let mut socket = tokio_tungstenite::accept_async(stream).await.unwrap();
    socket.send(Message::text("hello")).await.unwrap();
    let _ = socket.next().await;
}

async fn greeting(stream: WsStream) -> WsMessage {
    let (_sender, mut receiver) = stream.split();
    receiver.recv().await.unwrap()
}

#[tokio::test]
async fn an_authority_given_as_ca_cert_is_trusted_by_web_sockets_and_http() {
    let (acceptor, pem) = tls_server();
    let (listener, url) = listen().await;
    let url: Url = format!("wss://localhost:{}/", url.port().unwrap()).parse().unwrap();
    tokio::spawn(async move {
        loop {
            let (tcp, _) = listener.accept().await.unwrap();
            let Ok(mut tls) = acceptor.accept(tcp).await else { continue };
            if tls.get_ref().1.alpn_protocol().is_none() {
                greet(tls).await;
            } else {
                read_head(&mut tls).await;
                tls.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
            }
        }
    });
    let untrusted = connect(&url, &options()).await.unwrap_err();
    assert_eq!(untrusted.kind(), ErrorKind::Connection);
    assert!(untrusted.to_string().contains("certificate"), "{untrusted}");

    let tls = Tls::new(Some(pem.path())).unwrap();
    let stream = connect(&url, &ConnectOptions { tls: tls.clone(), ..options() }).await.unwrap();
    assert_eq!(greeting(stream).await, WsMessage::Text("hello".into()));

    let http = reqwest::Client::builder().tls_backend_preconfigured(tls.for_http().as_ref().clone()).no_proxy();
    let response = http.build().unwrap().get(url.as_str().replace("wss", "https")).send().await;
    // The server above speaks HTTP to those who negotiate a protocol.
    assert_eq!(response.unwrap().status(), 204);
}

#[test]
fn a_ca_cert_that_is_no_certificate_is_named() {
    let file = tempfile::NamedTempFile::new().unwrap();
    for path in [file.path(), std::path::Path::new("/does/not/exist.pem")] {
        let error = Tls::new(Some(path)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
    }
}

// --- proxies

/// A proxy that tunnels to where it is asked, or answers with `refusal`. Gives the head of each request.
async fn proxy(refusal: Option<&'static str>) -> (String, tokio::sync::mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (seen, heads) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        loop {
            let (tcp, _) = listener.accept().await.unwrap();
            let mut client = BufReader::new(tcp);
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") {
                client.read_line(&mut head).await.unwrap();
            }
            let target = head.split(' ').nth(1).unwrap().to_owned();
            seen.send(head).unwrap();
            if let Some(refusal) = refusal {
                client.write_all(refusal.as_bytes()).await.unwrap();
                continue;
            }
            let mut server = TcpStream::connect(target).await.unwrap();
            client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
            tokio::spawn(async move { copy_bidirectional(&mut client, &mut server).await });
        }
    });
    (address, heads)
}

#[tokio::test]
async fn web_sockets_go_through_the_proxy_with_its_credentials() {
    let (address, mut heads) = proxy(None).await;
    let (listener, url) = listen().await;
    tokio::spawn(async move {
        loop {
            let (tcp, _) = listener.accept().await.unwrap();
            tokio::spawn(greet(tcp));
        }
    });
    let proxies = Proxies::fixed(&format!("http://user:p%40ss@{address}"), "");
    assert!(!format!("{proxies:?}").contains("ss@"));
    let stream = connect(&url, &ConnectOptions { proxies, ..options() }).await.unwrap();
    assert_eq!(greeting(stream).await, WsMessage::Text("hello".into()));
    let head = heads.recv().await.unwrap();
    assert!(head.starts_with(&format!("CONNECT 127.0.0.1:{} HTTP/1.1\r\n", url.port().unwrap())), "{head}");
    // base64 of user:p@ss
    assert!(head.contains("Proxy-Authorization: Basic dXNlcjpwQHNz\r\n"), "{head}");

    let bypassing = Proxies::fixed(&format!("http://{address}"), "example.com,127.0.0.0/8");
    let stream = connect(&url, &ConnectOptions { proxies: bypassing, ..options() }).await.unwrap();
    assert_eq!(greeting(stream).await, WsMessage::Text("hello".into()));
    assert!(heads.try_recv().is_err());
}

#[tokio::test]
async fn tls_to_the_server_runs_inside_the_tunnel() {
    let (address, mut heads) = proxy(None).await;
    let (acceptor, pem) = tls_server();
    let (listener, url) = listen().await;
    let url: Url = format!("wss://localhost:{}/", url.port().unwrap()).parse().unwrap();
    tokio::spawn(async move {
        let (tcp, _) = listener.accept().await.unwrap();
        greet(acceptor.accept(tcp).await.unwrap()).await;
    });
    let options = ConnectOptions {
        tls: Tls::new(Some(pem.path())).unwrap(),
        proxies: Proxies::fixed(&format!("http://{address}"), ""),
        ..options()
    };
    assert_eq!(greeting(connect(&url, &options).await.unwrap()).await, WsMessage::Text("hello".into()));
    assert!(heads.recv().await.unwrap().starts_with("CONNECT localhost:"));
}

#[tokio::test]
async fn a_failing_proxy_is_named_without_its_password() {
    let (address, _heads) = proxy(Some("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")).await;
    let url: Url = "wss://sandbox.example/toolbox?token=t0ken".parse().unwrap();
    let proxies = Proxies::fixed(&format!("http://user:s3same@{address}"), "");
    assert_eq!(proxies.proxy_for(&url).unwrap().to_string(), format!("http://{address}/"));
    let error = connect(&url, &ConnectOptions { proxies, ..options() }).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connection);
    let text = format!("{error} {error:?}");
    assert!(text.contains(&address) && text.contains("sandbox.example") && text.contains("authorization"), "{text}");
    assert!(!text.contains("s3same") && !text.contains("t0ken"), "{text}");

    let socks = ConnectOptions { proxies: Proxies::fixed("socks5://user:s3same@127.0.0.1:1", ""), ..options() };
    let error = connect(&url, &socks).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert!(!format!("{error:?}").contains("s3same"));
}
