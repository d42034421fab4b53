//! Forwarded ports: what a program on this machine meets that connects to one.

#[path = "support/local.rs"]
mod local;

use std::time::Duration;

use daytona::model::SpawnOptions;
use daytona::stream::forward::PortForward;
use daytona::{Client, Config, ErrorKind, Sandbox};
use local::Home;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// On 7070 an echo that answers with each piece in capitals and goes on after the end of what it is sent, on 7071 bytes without
/// end until the port 7072 is connected to, on 7073 (over IPv6) the word "six", on 7074 the
/// word "part" and a reset, on 7075 what writes down how each connection ended.
const SERVERS: &str = r#"
import asyncio, socket, struct
stopped = asyncio.Event()
async def echo(reader, writer):
    while piece := await reader.read(65536):
        writer.write(piece.upper())
        await writer.drain()
    writer.write(b'the end')
    writer.close()
async def endless(reader, writer):
    sent = 0
    while not stopped.is_set():
        writer.write(bytes(65536))
        await writer.drain()
        sent += 65536
        open('sent', 'w').write(str(sent))
    writer.close()
async def stop(reader, writer):
    stopped.set()
    writer.close()
async def six(reader, writer):
    writer.write(b'six')
    writer.close()
def reset(writer):
    writer.get_extra_info('socket').setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
    writer.transport.abort()
async def part(reader, writer):
    writer.write(b'part')
    await writer.drain()
    await reader.read(1)
    reset(writer)
async def ends(reader, writer):
    try:
        while await reader.read(65536):
            pass
        ended = 'whole'
    except ConnectionResetError:
        ended = 'reset'
    with open('ends', 'a') as file:
        file.write(ended + ' ')
    writer.close()
async def main():
    servers = [await asyncio.start_server(handler, host, port, backlog=2048) for handler, host, port in (
        (echo, '127.0.0.1', 7070), (endless, '127.0.0.1', 7071), (stop, '127.0.0.1', 7072), (six, '::1', 7073),
        (part, '127.0.0.1', 7074), (ends, '127.0.0.1', 7075))]
    print('ready', flush=True)
    await asyncio.gather(*(server.serve_forever() for server in servers))
asyncio.run(main())
"#;

async fn served(client: &Client) -> Sandbox {
    let sandbox = client.create(Default::default()).await.unwrap();
    sandbox.fs().upload_file(file(), Default::default()).await.unwrap();
    let servers = sandbox.spawn("exec python3 servers.py", SpawnOptions::default()).await.unwrap();
    servers.wait_for_log("ready", Default::default()).await.unwrap();
    sandbox
}

fn file() -> daytona::model::FileUpload {
    daytona::model::FileUpload {
        destination: "servers.py".into(),
        content: Some(SERVERS.as_bytes().to_vec().into()),
        ..Default::default()
    }
}

/// Whether a toolbox speaks the protocol; `None` when none is asked for.
type Speaks = fn(Option<&str>, usize) -> bool;

/// A server whose toolbox carries plain bytes or frames, told by how many connections it has carried, and echoes them.
async fn changing_server(speaks: Speaks) -> Client {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let config = Config { api_url: Some(format!("{url}/api")), api_key: Some("key".into()), ..Config::default() };
    tokio::spawn(async move {
        let mut carried = 0;
        while let Ok((mut client, _)) = listener.accept().await {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") && client.read_buf(&mut head).await.unwrap() > 0 {}
            let head = String::from_utf8_lossy(&head).to_lowercase();
            let protocol = head.lines().find_map(|line| line.strip_prefix("upgrade: "));
            if head.contains("/connect ") && speaks(protocol, carried) {
                carried += 1;
                let protocol = protocol.unwrap();
                let answer = format!("HTTP/1.1 101 S\r\nconnection: Upgrade\r\nupgrade: {protocol}\r\n\r\n");
                client.write_all(answer.as_bytes()).await.unwrap();
                tokio::spawn(async move {
                    let (mut reader, mut writer) = client.split();
                    // Frames are the same in both directions.
                    let _ = tokio::io::copy(&mut reader, &mut writer).await;
                });
                continue;
            }
            let (status, body) = match head.contains("/connect ") {
                true => ("426 Upgrade Required", "{}".to_owned()),
                false => {
                    ("200 OK", format!(r#"{{"id": "s", "state": "started", "toolboxProxyUrl": "{url}/toolbox"}}"#))
                }
            };
            let length = body.len();
            let answer = format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}");
            client.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    Client::new(config).unwrap()
}

#[tokio::test]
async fn older_toolboxes_carry_plain_bytes_until_they_are_replaced() {
    // The third connection meets one that knows frames alone.
    let speaks: Speaks = |protocol, carried| protocol == Some(if carried < 2 { "tcp" } else { "tcp-frames" });
    let client = changing_server(speaks).await;
    let forward = client.sandboxes().forward_port("s", 80, None).await.unwrap();
    assert!(!forward.http_only());
    for _ in 0..4 {
        let mut stream = connect(&forward).await;
        stream.write_all(b"any \0 bytes").await.unwrap();
        stream.shutdown().await.unwrap();
        assert_eq!(read_to_end(&mut stream).await, "any \0 bytes");
    }
}

async fn connect(forward: &PortForward) -> TcpStream {
    TcpStream::connect(("127.0.0.1", forward.local_port())).await.unwrap()
}

async fn read_to_end(stream: &mut TcpStream) -> String {
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn each_direction_ends_by_itself_and_a_failure_is_no_end() {
    let home = Home::new();
    let client = home.client();
    let sandbox = served(&client).await;
    let echo = sandbox.forward_port(7070, None).await.unwrap();
    assert!(!echo.http_only());
    let mut stream = connect(&echo).await;
    stream.write_all(b"abc").await.unwrap();
    let mut answer = [0; 3];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"ABC");
    stream.shutdown().await.unwrap();
    assert_eq!(read_to_end(&mut stream).await, "the end");

    // Servers that listen on IPv6 alone, as those of Node.js on `localhost`.
    let six = sandbox.forward_port(7073, None).await.unwrap();
    assert_eq!(read_to_end(&mut connect(&six).await).await, "six");

    let nobody = sandbox.forward_port(7079, None).await.unwrap();
    let error = connect(&nobody).await.read_u8().await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);

    let taken = sandbox.forward_port(7070, Some(echo.local_port())).await.err().unwrap();
    assert_eq!(taken.kind(), ErrorKind::Conflict);
    assert!(taken.to_string().contains("Choose another local_port"), "{taken}");
    let port = echo.local_port();
    drop(echo);
    let again = sandbox.forward_port(7070, Some(port)).await.unwrap();
    assert_eq!(again.local_port(), port);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_is_one_at_the_other_end() {
    let home = Home::new();
    let client = home.client();
    let sandbox = served(&client).await;
    let part = sandbox.forward_port(7074, None).await.unwrap();
    let mut stream = connect(&part).await;
    let mut word = [0; 4];
    stream.read_exact(&mut word).await.unwrap();
    assert_eq!(&word, b"part");
    stream.write_all(b"go on").await.unwrap();
    let error = stream.read_u8().await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "not the end of the data");

    let ends = sandbox.forward_port(7075, None).await.unwrap();
    let ended = async |expected: &str| {
        loop {
            let written = sandbox.process().exec("cat ends || true", Default::default()).await.unwrap().result;
            if written == expected {
                break;
            }
            assert!(expected.starts_with(&written) || written.contains("No such file"), "{written}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let mut whole = connect(&ends).await;
    whole.write_all(b"all there is").await.unwrap();
    whole.shutdown().await.unwrap();
    assert_eq!(read_to_end(&mut whole).await, "");
    ended("whole ").await;
    let mut broken = connect(&ends).await;
    broken.write_all(b"half of").await.unwrap();
    socket2::SockRef::from(&broken).set_linger(Some(Duration::ZERO)).unwrap();
    drop(broken);
    ended("whole reset ").await;
    let mut closed = connect(&ends).await;
    closed.write_all(b"a handle that is closed").await.unwrap();
    // Carried as far as the server, which has taken it when it has this one's answer, too.
    let mut other = connect(&ends).await;
    other.shutdown().await.unwrap();
    assert_eq!(read_to_end(&mut other).await, "");
    ended("whole reset whole ").await;
    ends.close();
    ended("whole reset whole reset ").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_does_not_read_stops_the_sender() {
    let home = Home::new();
    let client = home.client();
    let sandbox = served(&client).await;
    let endless = sandbox.forward_port(7071, None).await.unwrap();
    let mut stream = connect(&endless).await;
    stream.read_u8().await.unwrap();
    let sent = async || sandbox.process().exec("cat sent", Default::default()).await.unwrap().result;
    // It has stopped when nothing more has been sent for a while; buffers on the way hold some megabytes.
    let mut last = sent().await;
    loop {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let now = sent().await;
        if now == last && !now.is_empty() {
            break;
        }
        last = now;
    }
    assert!(last.parse::<u64>().unwrap() < 64 << 20, "{last} bytes are on the way");
    // And goes on where it was.
    let mut rest = vec![0; 32 << 20];
    stream.read_exact(&mut rest).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_connections_at_once_are_carried_and_end_with_the_handle() {
    let files = nix::sys::resource::Resource::RLIMIT_NOFILE;
    let (_, most) = nix::sys::resource::getrlimit(files).unwrap();
    nix::sys::resource::setrlimit(files, most, most).unwrap();
    let home = Home::new();
    let client = home.client();
    let sandbox = served(&client).await;
    let echo = sandbox.forward_port(7070, None).await.unwrap();
    let mut streams = Vec::new();
    for _ in 0..1000 {
        streams.push(connect(&echo).await);
    }
    for (number, stream) in streams.iter_mut().enumerate() {
        stream.write_all(format!("n{number:04}").as_bytes()).await.unwrap();
    }
    for (number, stream) in streams.iter_mut().enumerate() {
        let mut answer = [0; 5];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(answer, format!("N{number:04}").as_bytes());
    }
    let port = echo.local_port();
    echo.close();
    for stream in &mut streams {
        // However each of them ends.
        let ended = tokio::time::timeout(Duration::from_secs(120), stream.read_u8()).await;
        assert!(ended.unwrap().is_err());
    }
    assert!(TcpStream::connect(("127.0.0.1", port)).await.is_err());

    let other = sandbox.forward_port(7070, None).await.unwrap();
    let mut stream = connect(&other).await;
    client.release();
    assert!(TcpStream::connect(("127.0.0.1", other.local_port())).await.is_err());
    let ended = tokio::time::timeout(Duration::from_secs(120), stream.read_u8()).await;
    assert!(ended.unwrap().is_err());
}
