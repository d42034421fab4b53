//! Another user of the machine, who can connect to every address of it.

use serde_json::json;

use crate::harness::{Engine, OTHER_USER, at_both_levels, command_as};

at_both_levels![an_address_opens_no_preview, neither_the_key_nor_the_state_is_read, half_open_connections_harm_nobody];

/// Runs a Python program as the other user; what it prints.
async fn as_neighbour(program: String) -> String {
    let run = move || command_as(OTHER_USER, "python3").args(["-c", &program]).output();
    let output = tokio::task::spawn_blocking(run).await.expect("no panic").expect("python3 runs");
    String::from_utf8_lossy(&output.stdout).trim_end().to_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// The status of a request for `url` with the host name `host`.
fn request(url: &str, host: &str) -> String {
    format!(
        "
import urllib.error, urllib.request
request = urllib.request.Request({url:?}, headers={{'Host': {host:?}}})
try: print(urllib.request.build_opener(urllib.request.ProxyHandler({{}})).open(request).status)
except urllib.error.HTTPError as error: print(error.code)
"
    )
}

async fn an_address_opens_no_preview(engine: &Engine) {
    let bystander = engine.bystander().await;
    let id = engine.create(json!({})).await;
    engine.output(&id, "nohup python3 -m http.server 8080 >/dev/null 2>&1 &").await;
    engine
        .output(
            &id,
            "until python3 -c 'import socket; socket.create_connection((\"127.0.0.1\", 8080))' 2>/dev/null; do :; done",
        )
        .await;
    let (_, signed) = engine.get(&format!("/api/sandbox/{id}/ports/8080/signed-preview-url")).await;
    let (_, preview) = engine.get(&format!("/api/sandbox/{id}/ports/8080/preview-url")).await;
    let link = signed["url"].as_str().expect("a url");
    let (origin, token) = link.rsplit_once('/').expect("a token in the path");
    let host = origin.strip_prefix("http://").expect("an address");
    assert_eq!(as_neighbour(request(link, host)).await, "200", "whoever has the link gets in");
    assert_eq!(as_neighbour(request(link, "other.example")).await, "421");
    assert_eq!(as_neighbour(request(origin, host)).await, "401");
    let preview = preview["url"].as_str().expect("a url");
    assert_eq!(as_neighbour(request(preview, &preview[7..])).await, "401");
    assert_eq!(as_neighbour(request(&format!("{preview}/{token}"), &preview[7..])).await, "401");
    engine.assert_unharmed(&bystander).await;
}

async fn neither_the_key_nor_the_state_is_read(engine: &Engine) {
    let bystander = engine.bystander().await;
    for file in ["engine.json", "engine.lock", "clients.lock", "state.db", ""] {
        let path = engine.directory.path().join(file);
        let program = format!("import os\ntry: print(os.open({path:?}, 0))\nexcept PermissionError: print('denied')");
        assert_eq!(as_neighbour(program).await, "denied", "{file}");
    }
    engine.assert_unharmed(&bystander).await;
}

async fn half_open_connections_harm_nobody(engine: &Engine) {
    let bystander = engine.bystander().await;
    let port = engine.origin.rsplit_once(':').expect("a port").1;
    // As many as one process may have by default; each sends part of a request and stays.
    let program = format!(
        "
import socket, sys
kept = []
try:
    while True:
        kept.append(socket.create_connection(('127.0.0.1', {port})))
        kept[-1].sendall(b'GET / HTTP/1.1\\r\\nHost: ')
except OSError: pass
print(len(kept) > 100, flush=True)
sys.stdin.read()
"
    );
    let mut neighbour = command_as(OTHER_USER, "sh")
        .args(["-c", "ulimit -n 1024; exec python3 -c \"$1\"", "sh", &program])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("sh runs");
    let output = neighbour.stdout.take().expect("piped");
    let first = tokio::task::spawn_blocking(move || {
        let mut line = String::new();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(output), &mut line).map(|_| line)
    });
    assert_eq!(first.await.expect("no panic").expect("a line"), "True\n");
    engine.assert_unharmed(&bystander).await;
    drop(neighbour.stdin.take());
    neighbour.wait().expect("our child");
}
