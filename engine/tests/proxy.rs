//! The way into a sandbox (wire 1.3): who gets in, and that what travels arrives unchanged.

mod harness;

use std::time::Duration;

use futures_util::StreamExt;
use harness::{Engine, id_of, read, wait_for};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

/// Echoes the request line and headers as JSON; `/endless` answers for ever and notes when the client goes.
const SERVER: &str = r#"
import http.server, json, sys
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    def log_message(self, *ignored): pass
    def answer(self):
        if self.path == '/endless':
            self.send_response(200)
            self.send_header('Connection', 'close')
            self.end_headers()
            sent = 0
            try:
                while True:
                    self.wfile.write(b'x' * 65536)
                    sent += 65536
                    open('/tmp/sent', 'w').write(str(sent))
            except OSError:
                open('/tmp/gone', 'w').write('gone')
            return
        if self.path == '/tunnel':
            self.send_response(101)
            self.send_header('Connection', 'Upgrade')
            self.send_header('Upgrade', 'raw')
            self.end_headers()
            self.rfile.read()
            return
        if self.path.startswith('/elsewhere'):
            self.send_response(302)
            self.send_header('Location', self.path.removeprefix('/elsewhere') or f"http://{self.headers['Host']}/there")
            self.send_header('Content-Length', '0')
            self.end_headers()
            return
        body = self.rfile.read(int(self.headers.get('Content-Length') or 0))
        text = json.dumps({'method': self.command, 'path': self.path, 'headers': dict(self.headers), 'size': len(body)})
        self.send_response(200)
        self.send_header('Content-Length', str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())
    do_GET = do_POST = do_PUT = answer
http.server.ThreadingHTTPServer.request_queue_size = 1024
server = http.server.ThreadingHTTPServer(('127.0.0.1', 8080), Handler)
open('/tmp/ready', 'w').write('ready')
server.serve_forever()
"#;

/// A sandbox with the server running.
async fn serving(engine: &Engine, body: Value) -> String {
    let id = id_of(&engine.create(body).await);
    engine
        .output(&id, &format!("cat > server.py <<'END'\n{SERVER}\nEND\nnohup python3 server.py >/dev/null 2>&1 &"))
        .await;
    engine.output(&id, "until test -e /tmp/ready; do sleep 0.01; done").await;
    id
}

async fn preview(engine: &Engine, id: &str, port: u16) -> (String, String) {
    let (status, preview) = engine.get(&format!("/api/sandbox/{id}/ports/{port}/preview-url")).await;
    assert_eq!(status, StatusCode::OK);
    (preview["url"].as_str().unwrap().to_owned(), preview["token"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn the_key_the_preview_token_and_nothing_else_open_a_toolbox() {
    let engine = Engine::start().await;
    let id = engine.sandbox().await;
    let other = engine.sandbox().await;
    let (_, token) = preview(&engine, &id, 1).await;
    let path = format!("/toolbox/{id}/process/execute");
    let body = json!({"command": "echo in"});
    let request = || engine.anonymous(Method::POST, &path).json(&body);
    for allowed in [
        request().bearer_auth(&engine.api_key),
        request().header("X-Daytona-Preview-Token", &token),
        request().query(&[("DAYTONA_SANDBOX_AUTH_KEY", &token)]),
        request().bearer_auth("wrong").header("X-Daytona-Preview-Token", &token),
    ] {
        let (status, answer) = read(allowed.send().await).await;
        assert_eq!((status, answer["result"].as_str()), (StatusCode::OK, Some("in\n")), "{answer}");
    }
    let (status, error) = read(request().send().await).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert!(error["message"].as_str().unwrap().starts_with("unauthorized: missing authentication: provide a preview"));
    assert_eq!(
        (&error["code"], &error["method"], &error["path"]),
        (&json!("UNAUTHORIZED"), &json!("POST"), &json!(path))
    );
    let foreign = format!("/toolbox/{other}/process/execute");
    for denied in [
        request().bearer_auth("wrong"),
        request().header("X-Daytona-Preview-Token", "wrong"),
        request().query(&[("DAYTONA_SANDBOX_AUTH_KEY", "wrong")]),
        engine.anonymous(Method::POST, &foreign).json(&body).header("X-Daytona-Preview-Token", &token),
    ] {
        let (status, error) = read(denied.send().await).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED);
        assert!(error["message"].as_str().unwrap().starts_with("unauthorized: authentication failed: "));
    }
    let unknown = "/toolbox/nobody/process/execute";
    assert_eq!(engine.post(unknown, json!({})).await.0, StatusCode::NOT_FOUND);
    assert_eq!(read(engine.anonymous(Method::POST, unknown).send().await).await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn what_a_sandbox_answers_is_no_page_of_the_dashboards_origin() {
    let engine = Engine::start().await;
    let id = engine.sandbox().await;
    engine.output(&id, "echo '<script>alert(1)</script>' > page.html").await;
    let path = format!("/toolbox/{id}/files/download?path=page.html");
    for path in [path, format!("/toolbox/{id}/no/such/route")] {
        let answer = engine.request(Method::GET, &path).send().await.unwrap();
        assert_eq!(answer.headers()["content-security-policy"], "sandbox", "{path}");
        assert_eq!(answer.headers()["x-content-type-options"], "nosniff", "{path}");
    }
    // The object storage holds what clients uploaded.
    let answer = engine.anonymous(Method::GET, "/").send().await.unwrap();
    assert_eq!(answer.headers()["content-security-policy"], "sandbox");
}

#[tokio::test]
async fn paths_queries_and_headers_arrive_as_sent_and_credentials_do_not() {
    let engine = Engine::start().await;
    let id = serving(&engine, json!({})).await;
    let (url, token) = preview(&engine, &id, 8080).await;
    let path = "/a%2Fb/%C3%BC%20c//d?x=%26&y=1+2&x=%2f";
    let request = engine.client.get(format!("{url}{path}&DAYTONA_SANDBOX_AUTH_KEY={token}")).header("X-Mine", "1");
    let (status, echo) = read(request.send().await).await;
    assert_eq!((status, echo["path"].as_str()), (StatusCode::OK, Some(path)));
    assert_eq!(echo["headers"]["x-mine"], "1");

    let request = engine.client.get(&url).bearer_auth(&engine.api_key).header("X-Daytona-Preview-Token", &token);
    let (_, echo) = read(request.send().await).await;
    let headers = echo["headers"].to_string().to_lowercase();
    assert!(!headers.contains("authorization") && !headers.contains("preview-token"), "{headers}");
}

#[tokio::test]
async fn no_way_in_carries_the_key_or_the_token() {
    let engine = Engine::start().await;
    let id = serving(&engine, json!({})).await;
    let (private, token) = preview(&engine, &id, 8080).await;
    let (_, signed) = engine.get(&format!("/api/sandbox/{id}/ports/8080/signed-preview-url")).await;
    let toolbox = format!("{}/toolbox/{id}/proxy/8080", engine.origin);
    let ways = ["/private", "/signed", "/toolbox", "/public"].into_iter();
    let ways = ways.zip([private.as_str(), signed["url"].as_str().unwrap(), &toolbox, &private]);
    for (path, url) in ways {
        if path == "/public" {
            engine.post(&format!("/api/sandbox/{id}/public/true"), json!({})).await;
        }
        let key = &engine.api_key;
        let query = format!("a=1&DAYTONA_SANDBOX_AUTH_KEY={token}&DAYTONA%5FSANDBOX_AUTH_KEY={token}&k={key}&b=2");
        let request = engine.client.get(format!("{url}{path}?{query}"));
        let request = request.bearer_auth(key).header("X-Daytona-Preview-Token", &token);
        let request = request.header("Cookie", format!("c=3; t={token}; d=4")).header("X-Other", key);
        let request = request.header("Referer", format!("http://x/?{query}"));
        let request = request.header("Connection", "x-listed").header("X-Listed", "1");
        let request = request.header("Sec-WebSocket-Protocol", format!("chat, bearer.{key}"));
        let (status, echo) = read(request.send().await).await;
        assert_eq!((status, echo["path"].as_str()), (StatusCode::OK, Some(format!("{path}?a=1&b=2").as_str())));
        let seen = echo.to_string();
        assert!(!seen.contains(key.as_str()) && !seen.contains(&token), "{path}: {seen}");
        let headers: std::collections::HashMap<String, Value> = echo["headers"]
            .as_object()
            .unwrap()
            .iter()
            .map(|(name, value)| (name.to_lowercase(), value.clone()))
            .collect();
        assert_eq!((&headers["cookie"], &headers["sec-websocket-protocol"]), (&json!("c=3; d=4"), &json!("chat")));
        assert!(!headers.contains_key("x-listed"), "{seen}");
    }
}

#[tokio::test]
async fn previews_are_private_public_or_signed() {
    let engine = Engine::start().await;
    let id = serving(&engine, json!({})).await;
    let (url, token) = preview(&engine, &id, 8080).await;
    assert_eq!(engine.client.get(&url).send().await.unwrap().status(), StatusCode::UNAUTHORIZED);
    let with_token = engine.client.get(&url).header("X-Daytona-Preview-Token", &token);
    assert_eq!(with_token.send().await.unwrap().status(), StatusCode::OK);
    let by_host = engine.anonymous(Method::GET, "/x").header("Host", format!("8080-{id}.localhost"));
    let by_host = by_host.header("X-Daytona-Preview-Token", &token);
    assert_eq!(read(by_host.send().await).await.1["path"], "/x", "hosts work where names resolve");

    let path = format!("/api/sandbox/{id}/ports/8080/signed-preview-url");
    let (_, signed) = engine.get(&format!("{path}?expiresInSeconds=600")).await;
    let signed_url = signed["url"].as_str().unwrap();
    assert_eq!(engine.client.get(signed_url).send().await.unwrap().status(), StatusCode::OK);
    let expire = format!("{path}/{}/expire", signed["token"].as_str().unwrap());
    assert_eq!(engine.post(&expire, json!({})).await.0, StatusCode::CREATED);
    assert!(engine.client.get(signed_url).send().await.is_err(), "the address ends with its link");

    engine.post(&format!("/api/sandbox/{id}/public/true"), json!({})).await;
    assert_eq!(engine.client.get(&url).send().await.unwrap().status(), StatusCode::OK);
    let (toolbox, _) = preview(&engine, &id, 2280).await;
    let toolbox = format!("{toolbox}/process/execute");
    let denied = engine.client.post(&toolbox).json(&json!({"command": "true"})).send().await.unwrap();
    assert_eq!(denied.status(), StatusCode::UNAUTHORIZED, "a public sandbox's toolbox stays private");
    let allowed = engine.client.post(&toolbox).json(&json!({"command": "true"})).bearer_auth(&engine.api_key);
    assert_eq!(allowed.send().await.unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn answers_stream_at_the_readers_pace_and_end_when_it_goes() {
    let engine = Engine::start().await;
    let id = serving(&engine, json!({"public": true})).await;
    let (url, _) = preview(&engine, &id, 8080).await;
    let response = engine.client.get(format!("{url}/endless")).send().await.unwrap();
    let mut body = response.bytes_stream();
    body.next().await.unwrap().unwrap();
    // Nobody reads on: the sender must come to a halt, with no more than socket buffers in between.
    let mut before = String::new();
    loop {
        let now = engine.output(&id, "cat /tmp/sent; sleep 0.3").await;
        if now == before && !now.is_empty() {
            break;
        }
        before = now;
    }
    assert!(before.parse::<u64>().unwrap() < 64 << 20, "{before} bytes were taken from the sender");
    drop(body);
    engine.output(&id, "until test -e /tmp/gone; do sleep 0.01; done").await;
}

#[tokio::test]
async fn large_requests_stream_through() {
    let engine = Engine::start().await;
    let id = serving(&engine, json!({"public": true})).await;
    let (url, _) = preview(&engine, &id, 8080).await;
    let size = 40 << 20;
    let (status, echo) = read(engine.client.put(url).body(vec![7u8; size]).send().await).await;
    assert_eq!((status, &echo["size"]), (StatusCode::OK, &json!(size)));
}

#[tokio::test]
async fn http_2_works_on_the_same_port() {
    let engine = Engine::start().await;
    let id = engine.sandbox().await;
    let client = reqwest::Client::builder().http2_prior_knowledge().build().unwrap();
    let request = client.post(format!("{}/toolbox/{id}/process/execute", engine.origin)).bearer_auth(&engine.api_key);
    let response = request.json(&json!({"command": "echo two"})).send().await.unwrap();
    assert_eq!(response.version(), reqwest::Version::HTTP_2);
    assert_eq!(response.json::<Value>().await.unwrap()["result"], "two\n");

    // A preview, too, and whatever the program inside speaks.
    let id = serving(&engine, json!({})).await;
    let (url, token) = preview(&engine, &id, 8080).await;
    let requests = (0..20).map(|number| {
        let request = client.put(format!("{url}/{number}")).header("X-Daytona-Preview-Token", &token);
        async move {
            let response = request.body(vec![7; 300_000]).send().await.unwrap();
            assert_eq!(response.version(), reqwest::Version::HTTP_2);
            let echo = response.json::<Value>().await.unwrap();
            assert_eq!((&echo["path"], &echo["size"]), (&json!(format!("/{number}")), &json!(300_000)));
        }
    });
    futures_util::future::join_all(requests).await;
}

#[tokio::test]
async fn hundreds_of_requests_run_at_once() {
    let engine = std::sync::Arc::new(Engine::start().await);
    let id = serving(&engine, json!({"public": true})).await;
    let (url, _) = preview(&engine, &id, 8080).await;
    let requests = (0..300).map(|number| {
        let request = engine.client.get(format!("{url}/{number}"));
        async move { read(request.send().await).await.1["path"] == format!("/{number}") }
    });
    let answers = tokio::time::timeout(Duration::from_secs(60), futures_util::future::join_all(requests)).await;
    assert!(answers.unwrap().into_iter().all(|right| right));
}

#[tokio::test]
async fn browsers_of_any_origin_may_ask() {
    let engine = Engine::start().await;
    let id = engine.sandbox().await;
    let path = format!("/toolbox/{id}/process/execute");
    let asking = engine.anonymous(Method::OPTIONS, &path).header("Origin", "http://app.test");
    let asking = asking.header("Access-Control-Request-Method", "POST").send().await.unwrap();
    assert_eq!(asking.status(), StatusCode::NO_CONTENT);
    assert_eq!(asking.headers()["access-control-allow-origin"], "http://app.test");
    let sending = engine.request(Method::POST, &path).header("Origin", "http://app.test");
    let sending = sending.json(&json!({"command": "true"})).send().await.unwrap();
    assert_eq!(sending.headers()["access-control-allow-origin"], "http://app.test");

    // A preview, too, unless the program behind it is to decide that itself.
    let id = serving(&engine, json!({"public": true})).await;
    let (url, _) = preview(&engine, &id, 8080).await;
    let asking = || engine.client.get(&url).header("Origin", "http://app.test");
    let answered = asking().send().await.unwrap();
    assert_eq!(answered.headers()["access-control-allow-origin"], "http://app.test");
    assert_eq!(answered.headers()["access-control-allow-credentials"], "true");
    let answered = asking().header("X-Daytona-Disable-CORS", "true").send().await.unwrap();
    assert_eq!(answered.status(), StatusCode::OK);
    assert!(!answered.headers().contains_key("access-control-allow-origin"), "{answered:?}");
}

#[tokio::test]
async fn websockets_are_tunnelled_and_end_with_the_sandbox() {
    use futures_util::SinkExt;
    use tokio_tungstenite::tungstenite::client::IntoClientRequest;
    use tokio_tungstenite::tungstenite::{Error, Message};

    let engine = Engine::start().await;
    let id = engine.sandbox().await;
    let url = engine.origin.replacen("http", "ws", 1);
    let url = format!("{url}/toolbox/{id}/process/pty/create-connect?id=terminal&cols=80&rows=24");
    match tokio_tungstenite::connect_async(&url).await {
        Err(Error::Http(response)) => assert_eq!(response.status().as_u16(), 401),
        other => panic!("entered without credentials: {other:?}"),
    }
    let mut request = url.into_client_request().unwrap();
    request.headers_mut().insert("Authorization", format!("Bearer {}", engine.api_key).parse().unwrap());
    let (mut socket, _) = tokio_tungstenite::connect_async(request).await.unwrap();
    socket.send(Message::Binary("echo $((40 + 2))-there\n".into())).await.unwrap();
    let mut seen = String::new();
    while !seen.contains("42-there") {
        match socket.next().await.expect("a frame").expect("a good frame") {
            Message::Binary(bytes) => seen.push_str(&String::from_utf8_lossy(&bytes)),
            Message::Text(text) => seen.push_str(&text),
            _ => {}
        }
    }
    engine.post(&format!("/api/sandbox/{id}/stop?force=true"), json!({})).await;
    while let Some(Ok(_)) = socket.next().await {}
}

#[tokio::test]
async fn pre_signed_file_urls_need_no_other_credentials() {
    use base64::Engine as _;
    use hmac::{Hmac, KeyInit, Mac};

    let engine = Engine::start().await;
    let id = engine.sandbox().await;
    engine.output(&id, "printf content > 'a b.txt'").await;
    let (_, key) = engine.get(&format!("/api/sandbox/{id}/signing-key")).await;
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(key.as_str().unwrap().as_bytes()).unwrap();
    mac.update(b"v1:files:GET:a b.txt:0");
    let signature = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes());
    let path = format!("/toolbox/{id}/files/download?path=a+b.txt&expires=0&signature=v1_{signature}");
    let (status, content) = read(engine.anonymous(Method::GET, &path).send().await).await;
    assert_eq!((status, content), (StatusCode::OK, json!("content")));
    let other = path.replace("a+b.txt", ".bashrc");
    assert_eq!(engine.anonymous(Method::GET, &other).send().await.unwrap().status(), StatusCode::UNAUTHORIZED);
    engine.post(&format!("/api/sandbox/{id}/signing-key/rotate"), json!({})).await;
    assert_eq!(engine.anonymous(Method::GET, &path).send().await.unwrap().status(), StatusCode::UNAUTHORIZED);
}

/// A signed URL, its origin and its token.
async fn signed(engine: &Engine, id: &str) -> (String, String, String) {
    let (_, signed) =
        engine.get(&format!("/api/sandbox/{id}/ports/8080/signed-preview-url?expiresInSeconds=600")).await;
    let (url, token) = (signed["url"].as_str().unwrap().to_owned(), signed["token"].as_str().unwrap().to_owned());
    let origin = url.strip_suffix(&format!("/{token}")).unwrap().to_owned();
    (url, origin, token)
}

#[tokio::test]
async fn a_signed_link_is_its_token_and_not_its_address() {
    let engine = Engine::start().await;
    let id = serving(&engine, json!({})).await;
    let (url, origin, token) = signed(&engine, &id).await;
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let status = async |request: reqwest::RequestBuilder| request.send().await.unwrap().status();
    assert_eq!(status(client.get(&origin)).await, StatusCode::UNAUTHORIZED);
    assert_eq!(status(client.get(format!("{origin}/{token}x"))).await, StatusCode::UNAUTHORIZED);
    assert_eq!(status(client.get(format!("{origin}/?token={token}"))).await, StatusCode::UNAUTHORIZED);

    let answer = client.get(format!("{url}/a/b?c=1")).header("Referer", &url).send().await.unwrap();
    let cookie = answer.headers()["set-cookie"].to_str().unwrap().to_owned();
    assert!(cookie.ends_with("HttpOnly; SameSite=Lax"), "{cookie}");
    let cookie = cookie.split(';').next().unwrap();
    let (_, echo) = read(Ok(answer)).await;
    assert_eq!(echo["path"], "/a/b?c=1");
    assert!(!echo.to_string().contains(&token), "{echo}");
    for (asked, goes) in [
        ("/elsewhere/there", format!("/{token}/there")),
        ("/elsewhere", format!("{url}/there")),
        ("/elsewhere//other.example/", "//other.example/".to_owned()),
    ] {
        let answer = client.get(format!("{url}{asked}")).send().await.unwrap();
        assert_eq!(answer.headers()["location"], goes.as_str());
    }

    let with_cookie = || client.get(format!("{origin}/page")).header("Cookie", format!("mine=1; {cookie}"));
    let (seen, echo) = read(with_cookie().header("Origin", &origin).send().await).await;
    assert_eq!((seen, &echo["path"], &echo["headers"]["cookie"]), (StatusCode::OK, &json!("/page"), &json!("mine=1")));
    let pages_of_others = [("Origin", "http://other.example"), ("Origin", "null"), ("Sec-Fetch-Site", "cross-site")];
    for (name, value) in pages_of_others {
        assert_eq!(status(with_cookie().header(name, value)).await, StatusCode::UNAUTHORIZED, "{name}: {value}");
    }
    let followed = with_cookie().header("Sec-Fetch-Site", "cross-site").header("Sec-Fetch-Mode", "navigate");
    assert_eq!(status(followed).await, StatusCode::OK);

    let page = |url: String| client.get(url).header("Accept", "text/html,*/*");
    for (asked, goes) in [("/a?b=1", "/a?b=1"), ("", "/"), ("//other.example", "/other.example")] {
        let answer = page(format!("{url}{asked}")).send().await.unwrap();
        assert_eq!((answer.status(), &answer.headers()["location"]), (StatusCode::FOUND, &goes.parse().unwrap()));
        assert!(answer.headers()["set-cookie"].to_str().unwrap().starts_with(cookie));
    }

    let by_host = engine.anonymous(Method::GET, "/x").header("Host", format!("8080-{token}.localhost"));
    let (seen, echo) = read(by_host.send().await).await;
    assert_eq!((seen, &echo["headers"]["host"]), (StatusCode::OK, &json!(format!("8080-{id}.localhost"))));
    for port in [2280, 22222, 33333] {
        let (seen, error) = engine.get(&format!("/api/sandbox/{id}/ports/{port}/signed-preview-url")).await;
        assert_eq!(seen, StatusCode::BAD_REQUEST, "{error}");
    }
}

#[tokio::test]
async fn a_preview_answers_to_its_own_host_only() {
    let engine = Engine::start().await;
    let id = serving(&engine, json!({"public": true})).await;
    let (public, _) = preview(&engine, &id, 8080).await;
    let (url, _, _) = signed(&engine, &id).await;
    for url in [public, url] {
        assert_eq!(engine.client.get(&url).send().await.unwrap().status(), StatusCode::OK);
        for host in ["other.example", "localhost", "127.0.0.1", ""] {
            let answer = engine.client.get(&url).header("Host", host).send().await.unwrap();
            assert_eq!(answer.status(), StatusCode::MISDIRECTED_REQUEST, "{host:?}");
        }
    }
}

#[tokio::test]
async fn a_key_in_the_query_becomes_a_cookie_in_browsers() {
    let engine = Engine::start().await;
    let id = serving(&engine, json!({})).await;
    let (url, token) = preview(&engine, &id, 8080).await;
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let page = |key: &str| {
        let request = client.get(format!("{url}/a?DAYTONA_SANDBOX_AUTH_KEY={key}&b=1"));
        request.header("Accept", "text/html").send()
    };
    let answer = page(&token).await.unwrap();
    assert_eq!((answer.status(), &answer.headers()["location"]), (StatusCode::FOUND, &"/a?b=1".parse().unwrap()));
    let cookie = answer.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    assert!(!cookie.contains(&token));
    let (status, _) = read(client.get(&url).header("Cookie", &cookie).send().await).await;
    assert_eq!(status, StatusCode::OK);
    let other_port = preview(&engine, &id, 2280).await.0;
    let (status, _) = read(client.get(&other_port).header("Cookie", &cookie).send().await).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    engine.post(&format!("/api/sandbox/{id}/public/true"), json!({})).await;
    let answer = page("wrong").await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert!(!answer.headers().contains_key("set-cookie"), "no key, no cookie");
}

#[tokio::test]
async fn links_end_with_what_runs_through_them() {
    use std::io::{Read, Write};

    let testing = [("DAYTONA_LOCAL_TESTING", "true")];
    let engine = Engine::start_with(tempfile::tempdir().unwrap(), &[], &testing).await;
    let id = serving(&engine, json!({})).await;
    for end in ["revoked", "expired", "the sandbox's"] {
        let (url, origin, token) = signed(&engine, &id).await;
        let address = origin.strip_prefix("http://").unwrap().to_owned();
        let mut tunnel = std::net::TcpStream::connect(&address).unwrap();
        let head = format!("Host: {address}\r\nConnection: Upgrade\r\nUpgrade: raw\r\n\r\n");
        write!(tunnel, "GET /{token}/tunnel HTTP/1.1\r\n{head}").unwrap();
        let mut seen = [0; 12];
        tunnel.read_exact(&mut seen).unwrap();
        assert_eq!(&seen, b"HTTP/1.1 101");
        let mut answer = engine.client.get(format!("{url}/endless")).send().await.unwrap();
        answer.chunk().await.unwrap().unwrap();
        let (status, done) = match end {
            "revoked" => {
                let path = format!("/api/sandbox/{id}/ports/8080/signed-preview-url/{token}/expire");
                (engine.post(&path, json!({})).await.0, StatusCode::CREATED)
            }
            "expired" => (engine.post("/api/testing/clock", json!({"advance": "11m"})).await.0, StatusCode::OK),
            _ => (engine.delete(&format!("/api/sandbox/{id}")).await.0, StatusCode::OK),
        };
        assert_eq!(status, done, "{end}");
        while let Ok(Some(_)) = answer.chunk().await {}
        let _ = tokio::task::spawn_blocking(move || tunnel.read_to_end(&mut Vec::new())).await.unwrap();
        wait_for(|| std::net::TcpStream::connect(&address).err()).await;
    }
}
