//! Programs that leave SIGPIPE at its default, as C does, outlive a server that resets their connections.

use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use daytona::model::{Blob, FileUpload};
use daytona::{Client, Config, Toolbox};
use nix::sys::signal::{SigHandler, Signal, signal};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// Set for a copy of this program that is at the mercy of the signal: what it connects to.
const CHILD: &str = "DAYTONA_TEST_BROKEN_PIPES";

/// Connections that the server resets, each somewhere else: the kernel raises the signal in a few of these places.
const RESETS: usize = 40;

/// A server that resets each connection: after some bytes of what the client says, or when it says nothing more.
fn resetting_server(tls: Option<Arc<rustls::ServerConfig>>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for (number, stream) in listener.incoming().enumerate() {
            let tls = tls.clone();
            std::thread::spawn(move || {
                let mut stream = stream.unwrap();
                stream.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
                let _ = read_some(&mut stream, tls, number * 97 % 4001);
                socket_resets(&stream);
            });
        }
    });
    address
}

fn read_some(stream: &mut TcpStream, tls: Option<Arc<rustls::ServerConfig>>, bytes: usize) -> std::io::Result<()> {
    let mut content = vec![0; bytes];
    match tls {
        None => stream.read_exact(&mut content),
        Some(tls) => {
            let mut connection = rustls::ServerConnection::new(tls).map_err(std::io::Error::other)?;
            rustls::Stream::new(&mut connection, stream).read_exact(&mut content)
        }
    }
}

/// Closing it resets the connection.
fn socket_resets(stream: &TcpStream) {
    let linger = nix::libc::linger { l_onoff: 1, l_linger: 0 };
    nix::sys::socket::setsockopt(stream, nix::sys::socket::sockopt::Linger, &linger).unwrap();
}

/// Uploads, calls and streams to a server none of which succeeds.
async fn talk(url: &str) {
    let ca_cert = std::env::var("DAYTONA_TEST_CA").ok();
    let config = Config {
        api_url: Some(format!("{url}/api")),
        api_key: Some("key".to_owned()),
        ca_cert: ca_cert.filter(|path| !path.is_empty()),
        ..Config::default()
    };
    let client = Client::new(config).unwrap();
    let toolbox = Toolbox::new(&client, "id", url).unwrap();
    for _ in 0..RESETS {
        let content = Some(Blob::from(vec![7; 1 << 20]));
        let file = FileUpload { destination: "file".to_owned(), content, ..FileUpload::default() };
        assert!(toolbox.fs().upload_file(file, Default::default()).await.is_err());
        assert!(toolbox.process().exec("true", Default::default()).await.is_err());
        assert!(toolbox.process().connect_pty("terminal").await.is_err());
        // For what the connections' own tasks still write.
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

fn outlives(name: &str, scheme: &str, tls: Option<Arc<rustls::ServerConfig>>, ca: &str) {
    if let Ok(url) = std::env::var(CHILD) {
        // SAFETY: the default is no handler of anyone's.
        unsafe { signal(Signal::SIGPIPE, SigHandler::SigDfl) }.unwrap();
        tokio::runtime::Runtime::new().unwrap().block_on(talk(&url));
        return;
    }
    let address = resetting_server(tls);
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name])
        .env(CHILD, format!("{scheme}://{address}"))
        .env("DAYTONA_TEST_CA", ca)
        .status()
        .unwrap();
    assert_eq!((child.signal(), child.code()), (None, Some(0)));
}

#[test]
fn a_reset_of_a_tcp_connection_is_an_error() {
    outlives("a_reset_of_a_tcp_connection_is_an_error", "http", None, "");
}

fn outlives_tls(name: &str, protocol: &[u8]) {
    let certificate = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), certificate.cert.pem()).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(certificate.signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut tls = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.cert.der().clone()], key)
        .unwrap();
    tls.alpn_protocols = vec![protocol.to_vec()];
    outlives(name, "https", Some(Arc::new(tls)), file.path().to_str().unwrap());
}

#[test]
fn a_reset_of_a_tls_connection_is_an_error() {
    outlives_tls("a_reset_of_a_tls_connection_is_an_error", b"http/1.1");
}

#[test]
fn a_reset_of_an_http2_connection_is_an_error() {
    outlives_tls("a_reset_of_an_http2_connection_is_an_error", b"h2");
}
