//! What browsers and programs meet at a preview besides plain requests: events, chunks, the warning page, raw connections.

mod harness;

use futures_util::StreamExt;
use harness::{Engine, id_of, read};
use reqwest::{Method, StatusCode, redirect};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// On `/events` it waits for a connection to 8081 before each event but the first; else it answers with what it was sent.
const SERVER: &str = r#"
import http.server, socket
gate = socket.create_server(('127.0.0.1', 8081))
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    def log_message(self, *ignored): pass
    def chunk(self, data):
        self.wfile.write(b'%x\r\n%s\r\n' % (len(data), data))
        self.wfile.flush()
    def do_GET(self):
        self.send_response(200)
        self.send_header('Content-Type', 'text/event-stream' if self.path == '/events' else 'text/html')
        self.send_header('Transfer-Encoding', 'chunked')
        self.end_headers()
        for number in range(3):
            if number: gate.accept()[0].close()
            self.chunk(b'data: %d\n\n' % number)
            if self.path != '/events': break
        self.chunk(b'')
    def do_POST(self):
        body = b''
        while self.headers['Transfer-Encoding'] and (size := int(self.rfile.readline(), 16)):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.send_response(200)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)
http.server.ThreadingHTTPServer(('127.0.0.1', 8080), Handler).serve_forever()
"#;

async fn serving(engine: &Engine, body: Value) -> String {
    let id = id_of(&engine.create(body).await);
    engine
        .output(&id, &format!("cat > server.py <<'END'\n{SERVER}\nEND\nnohup python3 server.py >/dev/null 2>&1 &"))
        .await;
    engine
        .output(&id, "until python3 -c 'import socket; socket.create_connection((\"127.0.0.1\", 8080))'; do sleep 0.1; done 2>/dev/null")
        .await;
    id
}

async fn link(engine: &Engine, id: &str) -> String {
    let (status, link) = engine.get(&format!("/api/sandbox/{id}/ports/8080/signed-preview-url")).await;
    assert_eq!(status, StatusCode::OK, "{link}");
    link["url"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn events_arrive_one_by_one_and_chunks_as_they_are() {
    let engine = Engine::start().await;
    let id = serving(&engine, json!({})).await;
    let url = link(&engine, &id).await;
    let mut events = engine.client.get(format!("{url}/events")).send().await.unwrap().bytes_stream();
    for number in 0..3 {
        // The next one is not sent before this one has arrived.
        assert_eq!(events.next().await.unwrap().unwrap(), format!("data: {number}\n\n"));
        if number < 2 {
            engine.output(&id, "python3 -c 'import socket; socket.create_connection((\"127.0.0.1\", 8081))'").await;
        }
    }
    assert!(events.next().await.is_none());

    let pieces = futures_util::stream::iter(["one ", "two ", "three"].map(Ok::<_, std::io::Error>));
    let request = engine.client.post(&url).body(reqwest::Body::wrap_stream(pieces));
    assert_eq!(request.send().await.unwrap().text().await.unwrap(), "one two three");
}

#[tokio::test]
async fn a_port_is_connected_to_and_whoever_may_not_is_refused() {
    let engine = Engine::start().await;
    let id = serving(&engine, json!({})).await;
    let path = format!("/toolbox/{id}/port/8080/connect");
    assert_eq!(engine.get(&path).await.0, StatusCode::UPGRADE_REQUIRED);
    assert_eq!(engine.get(&format!("/toolbox/{id}/port/0/connect")).await.0, StatusCode::BAD_REQUEST);
    let anonymous =
        engine.anonymous(Method::GET, &path).header("upgrade", "tcp-frames").header("connection", "upgrade");
    assert_eq!(read(anonymous.send().await).await.0, StatusCode::UNAUTHORIZED);
    let nobody = engine.request(Method::GET, &format!("/toolbox/{id}/port/8099/connect"));
    let (status, error) =
        read(nobody.header("upgrade", "tcp-frames").header("connection", "upgrade").send().await).await;
    assert_eq!((status, error["code"].as_str()), (StatusCode::BAD_GATEWAY, Some("BAD_GATEWAY")), "{error}");

    let mut stream = TcpStream::connect(engine.origin.strip_prefix("http://").unwrap()).await.unwrap();
    let key = &engine.api_key;
    let upgrade = "connection: upgrade\r\nupgrade: tcp-frames";
    let head = format!("GET {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\n{upgrade}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 101");
    let request = b"GET / HTTP/1.1\r\nhost: y\r\nconnection: close\r\n\r\n";
    // Bytes, and the end.
    stream.write_all(&[&[0, 0, 0, 0, request.len() as u8], &request[..], &[1, 0, 0, 0, 0]].concat()).await.unwrap();
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.unwrap();
    assert!(rest.ends_with(&[1, 0, 0, 0, 0]), "{rest:?}");
    let rest = String::from_utf8_lossy(&rest);
    assert!(rest.contains("HTTP/1.1 200") && rest.contains("data: 0"), "{rest}");

    // Clients from before there were frames send the bytes as they are.
    let mut stream = TcpStream::connect(engine.origin.strip_prefix("http://").unwrap()).await.unwrap();
    stream.write_all(head.replace("tcp-frames", "tcp").as_bytes()).await.unwrap();
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 101");
    stream.write_all(request).await.unwrap();
    let mut rest = String::new();
    stream.read_to_string(&mut rest).await.unwrap();
    assert!(rest.contains("HTTP/1.1 200") && rest.ends_with("data: 0\n\n\r\n0\r\n\r\n"), "{rest}");
}

#[tokio::test]
async fn browsers_are_warned_once_and_programs_never() {
    let directory = tempfile::tempdir().unwrap();
    let engine = Engine::start_with(directory, &[], &[("PREVIEW_WARNING_ENABLED", "true")]).await;
    let id = serving(&engine, json!({"public": true})).await;
    let (_, preview) = engine.get(&format!("/api/sandbox/{id}/ports/8080/preview-url")).await;
    let url = preview["url"].as_str().unwrap();
    let browser = reqwest::Client::builder().no_proxy().redirect(redirect::Policy::none()).build().unwrap();
    let page = || browser.get(format!("{url}/a?b=c")).header("accept", "text/html");
    assert_eq!(read(browser.get(url).send().await).await.1, "data: 0\n\n");
    assert_eq!(read(page().header("X-Daytona-Skip-Preview-Warning", "true").send().await).await.1, "data: 0\n\n");

    let response = page().send().await.unwrap();
    assert!(response.headers()["content-security-policy"].to_str().unwrap().contains("default-src 'none'"));
    let text = response.text().await.unwrap();
    let button = "/accept-daytona-preview-warning?redirect=/a%3Fb%3Dc";
    assert!(text.contains("comes from a sandbox") && text.contains(button), "{text}");

    let accept = || browser.post(format!("{url}{button}"));
    let pressed_elsewhere = accept().header("origin", "http://evil.example").body("").send().await.unwrap();
    assert!(pressed_elsewhere.headers().get("set-cookie").is_none());
    let accepted = accept().header("origin", url).body("").send().await.unwrap();
    assert_eq!(
        (accepted.status(), &accepted.headers()["location"]),
        (StatusCode::SEE_OTHER, &"/a?b=c".parse().unwrap())
    );
    let cookie = accepted.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    assert_eq!(read(page().header("cookie", cookie).send().await).await.1, "data: 0\n\n");
}
