//! The local engine as its clients meet it: found, started and trusted.

#[path = "support/local.rs"]
mod local;

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use daytona::model::{OutputOptions, SpawnOptions};
use daytona::{Client, Config};
use local::{Home, program};

/// Set in the process that plays the client, whose environment names a proxy.
const STATE_OF_THE_CHILD: &str = "TEST_CLIENT_STATE_DIR";

/// Everything a client does, by every kind of connection.
async fn use_everything(client: &Client) {
    let mut sandbox = client.create(Default::default()).await.unwrap();
    let process = sandbox.process();
    assert_eq!(process.exec("echo by request", Default::default()).await.unwrap().result, "by request\n");
    let spawned = process.spawn("echo by stream", SpawnOptions::default()).await.unwrap();
    let mut output = process.stream_output(spawned, OutputOptions::default()).await.unwrap();
    assert_eq!(output.next().await.unwrap().unwrap().data[..], b"by stream\n"[..]);
    // Waits with events.
    sandbox.stop().await.unwrap();
    sandbox.delete().await.unwrap();
}

#[test]
fn no_proxy_hears_of_the_local_engine() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    if let Some(directory) = std::env::var_os(STATE_OF_THE_CHILD) {
        let found = Config {
            local_binary: Some(program().to_string_lossy().into_owned()),
            local_state_dir: Some(directory.to_string_lossy().into_owned()),
            ..Config::local()
        };
        runtime.block_on(use_everything(&Client::new(found).unwrap()));
        // The same engine by its address.
        let engine = Home::announced_in(directory.as_ref()).unwrap();
        let text = |name: &str| engine[name].as_str().map(str::to_owned);
        let addressed = Config { api_url: text("apiUrl"), api_key: text("apiKey"), ..Config::default() };
        runtime.block_on(use_everything(&Client::new(addressed).unwrap()));
        return;
    }
    let home = Home::new();
    let proxy = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", proxy.local_addr().unwrap());
    let connections = Arc::new(AtomicUsize::new(0));
    let seen = connections.clone();
    std::thread::spawn(move || {
        for _ in proxy.incoming() {
            seen.fetch_add(1, Ordering::SeqCst);
        }
    });
    let mut client = Command::new(std::env::current_exe().unwrap());
    client.args(["--exact", "no_proxy_hears_of_the_local_engine", "--nocapture"]).stdin(Stdio::null());
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
        client.env(name, &address).env(name.to_lowercase(), &address);
    }
    client.env_remove("NO_PROXY").env_remove("no_proxy").env(STATE_OF_THE_CHILD, home.directory());
    assert!(client.status().unwrap().success());
    assert_eq!(connections.load(Ordering::SeqCst), 0, "the proxy was connected to");
}
