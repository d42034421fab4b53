//! Deliberate mistakes, and what the client says about each: texts a person can act on, as they are today.

#[allow(dead_code, reason = "each test file uses what it needs")]
mod support;

use std::sync::Arc;
use std::time::Duration;

use daytona::model::{
    CodeRunOptions, CreateOptions, CreateSandboxParams, DeleteFileOptions, ExecOptions, FindOneOptions,
    ListFilesOptions, PtyCreateOptions, WaitForLogOptions, WaitOptions,
};
use daytona::{Client, Config, Error, Result};
use support::Bench;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

/// Compares an error's text; `{}` stands for what differs from run to run.
#[track_caller]
fn says<T>(outcome: Result<T>, changing: &[&str], expected: &str) {
    let error: Error = outcome.err().expect("a mistake");
    let mut text = error.to_string();
    for part in changing {
        text = text.replace(part, "{}");
    }
    assert_eq!(text, expected);
    let all = format!("{text} {error:?}");
    for word in ["serde", "os error", "line 1", "column", "struct ", "hyper", "reqwest", "rustls", "Some(\"", "sesame"]
    {
        assert!(!text.contains(word), "{word} in {text}");
    }
    assert!(!all.contains("sesame"), "{all}");
}

fn config(api_url: &str) -> Config {
    Config {
        api_url: Some(api_url.to_owned()),
        api_key: Some("sesame".to_owned()),
        use_deprecated_polling: Some(true),
        ..Config::default()
    }
}

async fn get(api_url: &str) -> Result<()> {
    let client = Client::new(config(api_url))?.with_request_timeout(Duration::from_secs(20));
    client.sandboxes().get("mine").await.map(drop)
}

/// A server that says the same to everybody. Returns host and port.
async fn server(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut request = [0; 4096];
                let _ = connection.read(&mut request).await;
                let _ = connection.write_all(answer.as_bytes()).await;
                let _ = connection.shutdown().await;
            });
        }
    });
    address
}

/// A TLS server with a certificate that nobody knows.
async fn tls_server() -> String {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move { acceptor.accept(connection).await.map(drop) });
        }
    });
    format!("localhost:{port}")
}

#[test]
fn the_configuration() {
    let new = |api_url: &str| Client::new(config(api_url)).map(drop);
    says(
        new("localhost:3000/api"),
        &[],
        "The API URL \"localhost:3000/api\" is not usable: it must start with http:// or https://, or be \"local\". Did \
         you mean \"http://localhost:3000/api\"?",
    );
    says(
        new("app.daytona.io/api"),
        &[],
        "The API URL \"app.daytona.io/api\" is not usable: it must start with http:// or https://, or be \"local\". Did \
         you mean \"https://app.daytona.io/api\"?",
    );
    says(
        new("https://me:sesame@app.daytona.io/api"),
        &[],
        "The API URL must not contain credentials: use DAYTONA_API_KEY.",
    );
    let broken = Config { api_key: Some("sesame\n".to_owned()), ..config("https://app.daytona.io/api") };
    says(
        Client::new(broken),
        &[],
        "The API key or token contains control characters (a line break?). Check how it is set.",
    );
    let missing = Config { ca_cert: Some("/no/such.pem".to_owned()), ..config("https://app.daytona.io/api") };
    says(
        Client::new(missing),
        &[],
        "ca_cert \"/no/such.pem\" is not a usable PEM file of certificates: No such file or directory",
    );
}

#[tokio::test]
async fn the_way_to_the_server() {
    says(
        get("http://127.0.0.1:9").await,
        &[],
        "Cannot connect to 127.0.0.1:9: nothing listens there (connection refused). Check that the server runs and that \
         DAYTONA_API_URL is right; DAYTONA_API_URL=local starts an engine on this machine.",
    );
    says(
        get("http://no-such-host.invalid/api").await,
        &[],
        "Cannot connect to no-such-host.invalid:80: the name of the host is not known. Check the host in DAYTONA_API_URL, \
         and the network.",
    );
    let plain = server("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").await;
    says(
        get(&format!("https://{plain}")).await,
        &[&plain],
        "Cannot connect to {}: what answers there does not speak TLS. Does its URL have to begin with http://?",
    );
    let tls = tls_server().await;
    says(
        get(&format!("https://{tls}")).await,
        &[&tls],
        "Cannot connect to {}: its certificate is from an authority that is not trusted. Give the authority's certificate \
         as the client's CA certificate, or in SSL_CERT_FILE.",
    );
    says(
        get(&format!("http://{tls}")).await,
        &[&tls],
        "Cannot connect to {}: what answers there does not speak HTTP. Does its URL have to begin with https://?",
    );
    let silent = server("").await;
    says(
        get(&format!("http://{silent}")).await,
        &[&silent],
        "The connection to {} broke: the other side closed it before it answered.",
    );
}

#[tokio::test]
async fn what_answers() {
    let login = server(
        "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\nconnection: close\r\n\r\n<!doctype html><title>Sign in</title>",
    )
    .await;
    says(
        get(&format!("http://{login}/app")).await,
        &[&login],
        "GET http://{}/app/sandbox/mine was answered with a web page titled \"Sign in\" instead of JSON. Check \
         DAYTONA_API_URL, which usually ends in /api, and whether a proxy or a login page stands in between.",
    );
    let odd = server("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n5").await;
    says(
        get(&format!("http://{odd}")).await,
        &[&odd],
        "GET http://{}/sandbox/mine was answered with something unexpected: it must be an object, not 5.",
    );
    let cut = server("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{\"id\": \"x").await;
    says(
        get(&format!("http://{cut}")).await,
        &[&cut],
        "GET http://{}/sandbox/mine was answered with something unexpected: it ends too early.",
    );
    let lost = server("HTTP/1.1 404 Not Found\r\nconnection: close\r\n\r\n<html><title>404 Not Found</title>").await;
    says(
        get(&format!("http://{lost}")).await,
        &[],
        "HTTP 404 Not Found: the answer is a web page titled \"404 Not Found\"",
    );
    let locked = server("HTTP/1.1 401 Unauthorized\r\nconnection: close\r\n\r\n{\"message\": \"Unauthorized\"}").await;
    says(
        get(&format!("http://{locked}")).await,
        &[],
        "Unauthorized (check the API key, DAYTONA_API_KEY, or the token, DAYTONA_JWT_TOKEN)",
    );
}

#[tokio::test]
async fn the_arguments() {
    let client = Client::new(config("http://127.0.0.1:9")).unwrap();
    let sandboxes = client.sandboxes();
    let create = |params: CreateSandboxParams| sandboxes.create(params, CreateOptions::default());
    let both = CreateSandboxParams { snapshot: Some("a".into()), image: Some("b".into()), ..Default::default() };
    says(create(both).await, &[], "Give either snapshot or image, not both.");
    let cobol = CreateSandboxParams { language: Some("cobol".into()), ..Default::default() };
    says(create(cobol).await, &[], "The language \"cobol\" is not supported: use python, typescript or javascript.");
    says(sandboxes.get("").await, &[], "The sandbox id or name is empty.");
    says(sandboxes.find_one(FindOneOptions::default()).await, &[], "find_one needs an id, a name or labels.");
    says(
        sandboxes.set_auto_stop_interval("x", -1).await,
        &[],
        "The interval -1 is not usable: it must be a number of minutes, 0 or more.",
    );
}

#[tokio::test]
async fn what_is_not_in_a_sandbox() {
    let bench = Bench::new().await;
    let (process, fs) = (bench.process(), bench.fs());
    let id = bench.sandbox.id.as_str();
    says(bench.client.sandboxes().get("nobody").await, &[], "Sandbox with ID or name nobody not found");
    says(process.get_session("nobody").await, &[], "not found: session not found (session \"nobody\")");
    says(
        process.get_session_command("nobody", "c1").await,
        &[],
        "not found: session not found (session \"nobody\", command \"c1\")",
    );
    says(process.connect_pty("nobody").await, &[id], "Failed to connect to PTY session: PTY session nobody not found");
    says(fs.get_file_info("/no/such").await, &[], "file not found: /no/such");
    says(fs.list_files("/no/such", ListFilesOptions::default()).await, &[], "file not found: /no/such");
    says(
        fs.delete_file("/tmp", DeleteFileOptions::default()).await,
        &[],
        "bad request: cannot delete directory without recursive flag (path \"/tmp\")",
    );
    says(fs.get_file_info("").await, &[], "The path is empty.");
    says(
        process.exec("a\0b", ExecOptions::default()).await,
        &[],
        "The command \"a\\0b\" contains NUL, which no command can.",
    );
    for timeout in [0.5, 1.0] {
        says(
            process
                .exec(
                    "sleep 77",
                    ExecOptions { timeout: Some(Duration::from_secs_f64(timeout)), ..ExecOptions::default() },
                )
                .await,
            &[&timeout.to_string()],
            &format!(
                "The command \"sleep 77\" ran longer than its timeout of {{}} {} and was killed.",
                if timeout == 1.0 { "second" } else { "seconds" }
            ),
        );
    }
    says(
        process.code_run("1", "cobol", CodeRunOptions::default()).await,
        &[],
        "bad request: unsupported language: cobol",
    );
    says(
        process.wait_for_port(70000, WaitOptions::default()).await,
        &[],
        "70000 is not a valid port: it must be between 1 and 65535.",
    );
    says(
        process.wait_for_port(81, WaitOptions { timeout: Some(Duration::from_millis(300)) }).await,
        &[],
        "Nothing listened on port 81 within 0.3 s.",
    );
    let regex = WaitForLogOptions { regex: Some(true), ..Default::default() };
    says(
        process.wait_for_log("s", "c", "(", regex).await,
        &[],
        "\"(\" is not a valid regular expression: unclosed group.",
    );
}

#[tokio::test]
async fn what_has_ended() {
    let bench = Bench::new().await;
    let mut terminal = bench.process().create_pty("short", PtyCreateOptions::default()).await.unwrap();
    terminal.write("exit 3\n").await.unwrap();
    assert_eq!(terminal.wait().await.unwrap().exit_code, Some(3));
    // The end is met again, with the same result; input is refused.
    assert_eq!(terminal.next().await.unwrap(), None);
    assert_eq!(terminal.wait().await.unwrap().exit_code, Some(3));
    says(
        terminal.write("x").await,
        &[],
        "The connection to the terminal has ended: nothing can be written to it any more.",
    );
    let left = bench.process().create_pty("left", PtyCreateOptions::default()).await.unwrap();
    left.disconnect().await;
    says(
        left.write("x").await,
        &[],
        "The connection to the terminal has ended: nothing can be written to it any more.",
    );
}
