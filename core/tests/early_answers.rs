//! A server may answer before it has read the whole request, and close the connection: its answer is what counts.

use std::time::Duration;

use daytona::model::{FileUpload, SandboxInfo, UploadOptions};
use daytona::{Client, Config, Error, ErrorKind, Toolbox};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What the server does after its early answer.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Then {
    /// It closes the connection with most of the request unread, which resets it.
    Close,
    /// It keeps the connection, and reads no more.
    Ignore,
}

const TOO_LARGE: &str = r#"{"message": "the limit is 5 bytes", "code": "TOO_LARGE"}"#;

async fn server(then: Then) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let own = url.clone();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(serve(client, own.clone(), then));
        }
    });
    url
}

async fn serve(mut client: TcpStream, url: String, then: Then) {
    loop {
        let mut request = Vec::new();
        while !request.windows(4).any(|w| w == b"\r\n\r\n") {
            if client.read_buf(&mut request).await.unwrap_or(0) == 0 {
                return;
            }
        }
        let head = String::from_utf8_lossy(&request);
        let path = head.split(' ').nth(1).unwrap_or_default();
        let (status, body) = if path.ends_with("/preview-url") {
            ("200 OK", format!(r#"{{"url": "{url}", "token": "t"}}"#))
        } else if path.ends_with("/connect") {
            ("404 Not Found", "{}".to_owned())
        } else if path.starts_with("/api/sandbox/") {
            ("200 OK", format!(r#"{{"id": "s", "state": "started", "toolboxProxyUrl": "{url}/toolbox"}}"#))
        } else {
            ("413 Content Too Large", TOO_LARGE.to_owned())
        };
        let length = body.len();
        let answer =
            format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}");
        if client.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
        if status.starts_with("413") {
            if then == Then::Ignore {
                tokio::time::sleep(Duration::from_secs(600)).await;
            }
            return;
        }
    }
}

fn client(url: &str) -> Client {
    let config = Config { api_url: Some(format!("{url}/api")), api_key: Some("key".to_owned()), ..Config::default() };
    Client::new(config).unwrap()
}

fn toolbox(url: &str) -> Toolbox {
    let toolbox_proxy_url = format!("{url}/toolbox");
    client(url).toolbox(&SandboxInfo { id: "s".to_owned(), toolbox_proxy_url, ..SandboxInfo::default() }).unwrap()
}

fn too_large(error: &Error, then: Then) {
    assert_eq!(error.status(), Some(413), "{then:?}: {error}");
    assert!(error.to_string().contains("the limit is 5 bytes"), "{then:?}: {error}");
    assert_ne!(error.kind(), ErrorKind::Connection);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_is_refused_early_says_why() {
    for then in [Then::Close, Then::Ignore] {
        let url = server(then).await;
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(64 << 20).unwrap();
        // Where the refusal meets the request is another place each time.
        for _ in 0..20 {
            let content = Some(vec![7; 8 << 20].into());
            let upload = FileUpload { destination: "f".to_owned(), content, ..FileUpload::default() };
            too_large(&toolbox(&url).fs().upload_file(upload, UploadOptions::default()).await.unwrap_err(), then);

            let local_path = Some(file.path().to_str().unwrap().to_owned());
            let upload = FileUpload { destination: "f".to_owned(), local_path, ..FileUpload::default() };
            too_large(&toolbox(&url).fs().upload_file(upload, UploadOptions::default()).await.unwrap_err(), then);

            match toolbox(&url).fs().open_upload("f", UploadOptions::default()).await {
                Err(error) => too_large(&error, then),
                Ok(mut writer) => {
                    let error = loop {
                        if let Err(error) = writer.write(vec![7; 1 << 20]).await {
                            break error;
                        }
                    };
                    too_large(&error, then);
                    too_large(&writer.finish().await.unwrap_err(), then);
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forwarded_request_that_is_refused_early_is_answered() {
    let url = server(Then::Close).await;
    let forward = client(&url).sandboxes().forward_port("s", 8080, None).await.unwrap();
    assert!(forward.http_only());
    for _ in 0..20 {
        let mut stream = TcpStream::connect(("127.0.0.1", forward.local_port())).await.unwrap();
        let size = 16 << 20;
        let head = format!("POST /big HTTP/1.1\r\nhost: x\r\ncontent-length: {size}\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        // Sent whole, before the answer is looked at.
        stream.write_all(&vec![7; size]).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 413") && answer.ends_with(TOO_LARGE), "{answer}");
    }
}
