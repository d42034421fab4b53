//! The local engine as its clients meet it: found, started, trusted and outlived.

#[path = "support/local.rs"]
mod local;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use daytona::model::{OutputOptions, SpawnOptions};
use daytona::{Client, Config, ErrorKind, Sandbox};
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
    sandbox.stop(Default::default()).await.unwrap();
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

/// Whoever listens on a port: answers every request like a healthy engine without the key, and keeps what it was sent.
fn impostor(listener: TcpListener) -> Arc<Mutex<Vec<u8>>> {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let hears = heard.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let hears = hears.clone();
            std::thread::spawn(move || {
                let mut buffer = [0; 4096];
                while let Ok(read) = stream.read(&mut buffer)
                    && read > 0
                {
                    hears.lock().unwrap().extend_from_slice(&buffer[..read]);
                    let body = r#"{"status":"ok","proof":"00"}"#;
                    let _ = write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
                }
            });
        }
    });
    heard
}

fn port_of(engine: &serde_json::Value) -> u16 {
    let url: url::Url = engine["apiUrl"].as_str().unwrap().parse().unwrap();
    url.port().unwrap()
}

#[tokio::test]
async fn whoever_takes_the_port_of_a_killed_engine_is_told_nothing() {
    let home = Home::new();
    let client = home.client();
    let mut sandbox = client.create(Default::default()).await.unwrap();
    let before = home.announced().unwrap();
    home.kill();
    assert_eq!(home.announced().unwrap(), before, "the file is left over");
    let heard = impostor(TcpListener::bind(("127.0.0.1", port_of(&before))).unwrap());
    // The client that knew the engine, one of its handles, and a client that finds only the file.
    sandbox.refresh().await.unwrap();
    home.client().get(sandbox.id()).await.unwrap();
    assert_eq!(String::from_utf8_lossy(&heard.lock().unwrap()), "");
    let after = home.announced().unwrap();
    assert_ne!(after["apiKey"], before["apiKey"], "each start has a key of its own");
    sandbox.delete().await.unwrap();
}

#[tokio::test]
async fn a_server_that_does_not_prove_itself_is_not_told_the_key() {
    let home = Home::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let api_url = format!("http://{}/api", listener.local_addr().unwrap());
    let heard = impostor(listener);
    let mut file = std::fs::OpenOptions::new();
    let mut file = file.create(true).write(true).mode(0o600).open(home.directory().join("engine.json")).unwrap();
    write!(file, r#"{{"apiUrl":"{api_url}","apiKey":"s3same"}}"#).unwrap();
    let (l_type, l_whence) = (nix::libc::F_WRLCK as _, nix::libc::SEEK_SET as _);
    let lock = nix::libc::flock { l_type, l_whence, l_start: 0, l_len: 0, l_pid: 0 };
    nix::fcntl::fcntl(file.as_fd(), nix::fcntl::FcntlArg::F_OFD_SETLK(&lock)).unwrap();

    home.client().sandboxes().get("nobody").await.unwrap_err();
    let heard = String::from_utf8_lossy(&heard.lock().unwrap()).into_owned();
    assert!(heard.contains("/api/health?challenge="), "the lock was seen: {heard}");
    assert!(!heard.contains("s3same") && !heard.to_lowercase().contains("authorization"), "{heard}");
    assert_ne!(home.announced().unwrap()["apiUrl"], api_url, "a real engine was started");
}

/// The sandbox says clearly that it is stopped, and goes on when it is started.
async fn goes_on(sandbox: &mut Sandbox) {
    let stopped = sandbox.process().exec("true", Default::default()).await.unwrap_err();
    assert!(stopped.to_string().contains("stopped"), "{stopped}");
    let stopped = sandbox.process().spawn("true", Default::default()).await.unwrap_err();
    assert!(stopped.to_string().contains("stopped"), "{stopped}");
    sandbox.start(Default::default()).await.unwrap();
    let kept = sandbox.process().exec("cat kept", Default::default()).await.unwrap();
    assert_eq!(kept.result, "content");
    let spawned = sandbox.process().spawn("echo by stream", SpawnOptions::default()).await.unwrap();
    let mut output = sandbox.process().stream_output(spawned, OutputOptions::default()).await.unwrap();
    assert_eq!(output.next().await.unwrap().unwrap().data[..], b"by stream\n"[..]);
}

#[tokio::test]
async fn clients_and_handles_outlive_their_engine() {
    let home = Home::new();
    let client = home.client();
    let mut sandbox = client.create(Default::default()).await.unwrap();
    sandbox.process().exec("printf content > kept", Default::default()).await.unwrap();
    home.stop();
    goes_on(&mut sandbox).await;

    let process = sandbox.process();
    let running = tokio::spawn(async move { process.exec("touch begun; sleep 600", Default::default()).await });
    while sandbox.process().exec("ls begun", Default::default()).await.unwrap().exit_code != 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    home.kill();
    let cut_off = running.await.unwrap().unwrap_err();
    assert_eq!(cut_off.kind(), ErrorKind::Connection, "a command that may have run is not run again: {cut_off}");
    goes_on(&mut sandbox).await;
    let log = std::fs::read_to_string(home.directory().join("engine.log")).unwrap();
    assert_eq!(log.matches("Daytona local engine").count(), 3, "what earlier engines said is kept: {log}");
    // Once it is long, the next engine begins another one and leaves it beside.
    let long = log + &"x".repeat(8 << 20);
    home.stop();
    std::fs::write(home.directory().join("engine.log"), &long).unwrap();
    goes_on(&mut sandbox).await;
    let read = |name: &str| std::fs::read_to_string(home.directory().join(name)).unwrap();
    assert_eq!(read("engine.log").matches("Daytona local engine").count(), 1);
    assert!(read("engine.log.old") == long, "what earlier engines said is not what it was");
    // Waits with events of the new engine.
    sandbox.stop(Default::default()).await.unwrap();
    sandbox.delete().await.unwrap();
}

#[tokio::test]
async fn a_start_is_repeated_when_the_engine_is_killed_under_it() {
    let home = Home::new();
    let client = home.client();
    let mut sandbox = client.create(Default::default()).await.unwrap();
    for _ in 0..5 {
        // Its end is not waited for: connections that are about to break are still there.
        nix::sys::signal::kill(home.pid(), nix::sys::signal::Signal::SIGKILL).unwrap();
        sandbox.start(Default::default()).await.unwrap();
        assert_eq!(sandbox.process().exec("echo on", Default::default()).await.unwrap().result, "on\n");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_restart_the_engine_at_once_get_the_same_one() {
    let home = Home::new();
    let clients: Vec<Client> = (0..6).map(|_| home.client()).collect();
    clients[0].create(Default::default()).await.unwrap();
    home.kill();
    let mut calls = tokio::task::JoinSet::new();
    for client in &clients {
        let client = client.clone();
        calls.spawn(async move { client.create(Default::default()).await.unwrap().id().to_owned() });
    }
    for id in calls.join_all().await {
        for client in &clients {
            client.get(&id).await.unwrap();
        }
    }
}

/// An engine started by hand that ends after a second without use.
fn serve(home: &Home, arguments: &[&str]) -> Child {
    let mut command = Command::new(program());
    command.args(["local", "serve", "--idle-timeout", "1", "--state-dir"]).arg(home.directory()).args(arguments);
    command.stdin(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

#[tokio::test]
async fn an_engine_is_not_idle_while_a_client_exists_unless_told_so() {
    let (used, ignoring) = (Home::new(), Home::new());
    let (client, ignored) = (used.client(), ignoring.client());
    for (home, client) in [(&used, &client), (&ignoring, &ignored)] {
        client.get("nobody").await.unwrap_err();
        home.stop();
    }
    // Neither client makes a call now.
    let mut used_engine = serve(&used, &[]);
    while used.announced().is_none() {
        assert_eq!(used_engine.try_wait().unwrap(), None, "the engine ended");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // The other one starts later, so when it has become idle, the first would have.
    let mut ignoring_engine = serve(&ignoring, &["--ignore-clients"]);
    assert!(ignoring_engine.wait().unwrap().success());
    assert_eq!(used_engine.try_wait().unwrap(), None, "a client kept it");
    assert_eq!(ignored.get("nobody").await.unwrap_err().kind(), ErrorKind::NotFound, "another engine was started");
    drop(client);
    assert!(used_engine.wait().unwrap().success());
}

#[test]
fn an_engine_of_other_answers_than_wanted_is_refused() {
    if let Some(directory) = std::env::var_os(STATE_OF_THE_CHILD) {
        let found = Config {
            local_binary: Some(program().to_string_lossy().into_owned()),
            local_state_dir: Some(directory.to_string_lossy().into_owned()),
            ..Config::local()
        };
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let listed = runtime.block_on(async { Client::new(found).unwrap().sandboxes().list(Default::default()).await });
        match std::env::var("DAYTONA_LOCAL_COMPAT").as_deref() {
            Ok("newest") => {
                let error = listed.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::InvalidArgument);
                assert!(error.to_string().contains("answers as 0.190"), "{error}");
            }
            _ => drop(listed.unwrap()),
        }
        return;
    }
    let home = Home::new();
    for compat in [Some("0.190"), None, Some("newest")] {
        let mut client = Command::new(std::env::current_exe().unwrap());
        client.args(["--exact", "an_engine_of_other_answers_than_wanted_is_refused", "--nocapture"]);
        client.stdin(Stdio::null()).env(STATE_OF_THE_CHILD, home.directory()).env_remove("DAYTONA_LOCAL_COMPAT");
        client.envs(compat.map(|compat| ("DAYTONA_LOCAL_COMPAT", compat)));
        assert!(client.status().unwrap().success(), "{compat:?}");
        assert_eq!(Home::announced_in(home.directory()).unwrap()["compat"], "0.190");
    }
}
