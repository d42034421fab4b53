//! Ports forwarded over SSH, and channels that must not hold up each other. Needs root.

#[path = "harness/ssh.rs"]
mod client;
mod harness;

use std::net::Ipv4Addr;
use std::process::Stdio;
use std::time::{Duration, Instant};

use client::{Access, done, ended, text};
use harness::{Engine, wait_for};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A port that nobody listens on right now.
async fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
    listener.local_addr().expect("an address").port()
}

/// A server in the sandbox that answers what it is sent until the end of it, then says so.
const ECHO: &str = "import socketserver
class Echo(socketserver.StreamRequestHandler):
    def handle(self):
        while data := self.request.recv(65536):
            self.request.sendall(data)
        self.request.sendall(b'end')
socketserver.ThreadingTCPServer.allow_reuse_address = True
socketserver.ThreadingTCPServer(('127.0.0.1', 7000), Echo).serve_forever()";

async fn echo_server(engine: &Engine, id: &str) {
    engine.output(id, &format!("cat > echo.py <<'END'\n{ECHO}\nEND\nnohup python3 echo.py >/dev/null 2>&1 &")).await;
    engine.output(id, "until python3 -c 'import socket; socket.create_connection((\"127.0.0.1\", 7000))' 2>/dev/null; do sleep 0.05; done").await;
}

/// A session that forwards, once its ports listen.
fn forwarding(access: &Access, arguments: &[&str]) -> tokio::process::Child {
    let arguments = [&["-N", "-o", "ExitOnForwardFailure=yes"], arguments].concat();
    access.ssh(&arguments, &[]).spawn().expect("ssh runs")
}

async fn connected(port: u16) -> TcpStream {
    let deadline = Instant::now() + Duration::from_secs(120);
    loop {
        match TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await {
            Ok(stream) => return stream,
            Err(error) => assert!(Instant::now() < deadline, "{error}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Sends bytes and the end, and returns all that comes back.
async fn exchange(mut stream: TcpStream, bytes: &[u8]) -> Vec<u8> {
    let (mut reader, mut writer) = stream.split();
    let mut answer = Vec::new();
    let send = async {
        if writer.write_all(bytes).await.is_ok() {
            let _ = writer.shutdown().await;
        }
    };
    // A connection that is refused inside is reset here.
    let receive = async { drop(reader.read_to_end(&mut answer).await) };
    let both = async { tokio::join!(send, receive) };
    tokio::time::timeout(Duration::from_secs(60), both).await.expect("the exchange ends");
    answer
}

#[tokio::test]
async fn local_and_dynamic_forwarding_reach_the_sandbox_and_never_the_machine() {
    let engine = Engine::start().await;
    let id = engine.sandbox().await;
    let access = Access::of(&engine, &id).await;
    echo_server(&engine, &id).await;
    // On the machine's loopback, where a sandbox has its own.
    let machine = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
    let machines = machine.local_addr().expect("an address").port();
    let (echo, outside, socks) = (free_port().await, free_port().await, free_port().await);
    let (echoing, reaching) = (format!("{echo}:localhost:7000"), format!("{outside}:127.0.0.1:{machines}"));
    let _ssh = forwarding(&access, &["-L", &echoing, "-L", &reaching, "-D", &socks.to_string()]);
    let bytes: Vec<u8> = (0..8_u32 << 20).map(|n| (n % 251) as u8).collect();
    let mut expected = bytes.clone();
    expected.extend(b"end");
    assert!(exchange(connected(echo).await, &bytes).await == expected, "with a half that ends first");
    assert!(exchange(connected(outside).await, b"hello").await.is_empty());
    let nobody = tokio::time::timeout(Duration::from_millis(200), machine.accept()).await;
    assert!(nobody.is_err(), "the machine's loopback is not the sandbox's");

    let mut stream = connected(socks).await;
    stream.write_all(&[5, 1, 0]).await.expect("sent");
    let mut answer = [0; 2];
    stream.read_exact(&mut answer).await.expect("an answer");
    let mut request = vec![5, 1, 0, 3, 9];
    request.extend(b"localhost");
    request.extend(7000_u16.to_be_bytes());
    stream.write_all(&request).await.expect("sent");
    let mut answer = [0; 10];
    stream.read_exact(&mut answer).await.expect("an answer");
    assert_eq!(answer[1], 0, "connected");
    assert_eq!(exchange(stream, b"by name").await, b"by nameend");
}

#[tokio::test]
async fn remote_forwarding_listens_inside_only_and_survives_a_reset() {
    let engine = Engine::start().await;
    let id = engine.sandbox().await;
    let access = Access::of(&engine, &id).await;
    let service = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
    let port = service.local_addr().expect("an address").port();
    let mut ssh = forwarding(&access, &["-R", &format!("0.0.0.0:7100:127.0.0.1:{port}")]);
    let ask = "import socket
s = socket.create_connection(('127.0.0.1', 7100), 20)
s.sendall(b'hello'); s.shutdown(socket.SHUT_WR)
print(s.makefile('rb').read().decode())";
    let ask = format!(
        "until ss -ltn 2>/dev/null | grep -q :7100 || python3 -c 'print(open(\"/proc/net/tcp\").read())' | grep -qi ':1BBC'; do sleep 0.05; done; python3 -c \"$(cat <<'END'\n{ask}\nEND\n)\""
    );
    let serve = async |reset: bool| {
        let (mut stream, _) = service.accept().await.expect("a connection");
        let mut said = [0; 5];
        stream.read_exact(&mut said).await.expect("hello");
        assert_eq!(&said, b"hello");
        if reset {
            stream.set_zero_linger().expect("set");
        } else {
            stream.write_all(b"welcome").await.expect("sent");
        }
    };
    for reset in [true, false, true, false] {
        let ((_, said), ()) = tokio::join!(engine.run(&id, &ask), serve(reset));
        if !reset {
            assert_eq!(said, "welcome\n");
        }
    }
    assert!(ssh.try_wait().expect("it is our child").is_none(), "the connection stands");
    let listening = engine.output(&id, "grep -c '0100007F:1BBC .* 0A ' /proc/net/tcp").await;
    assert_eq!(listening, "1", "on the sandbox's loopback alone");
    assert!(TcpStream::connect((Ipv4Addr::LOCALHOST, 7100)).await.is_err(), "not on the machine");
    ssh.kill().await.expect("killed");
    let gone = "for i in $(seq 200); do grep -q ':1BBC .* 0A ' /proc/net/tcp || exit 0; sleep 0.05; done; exit 1";
    assert_eq!(engine.run(&id, gone).await.0, 0, "the port is free again");
}

#[tokio::test]
async fn a_target_that_never_answers_holds_up_nobody() {
    let engine = Engine::start().await;
    let id = engine.sandbox().await;
    let access = Access::of(&engine, &id).await;
    // Its queue is full: whoever connects waits.
    let black_hole = "import socket, time
s = socket.socket(); s.bind(('127.0.0.1', 7200)); s.listen(0)
c = [socket.socket() for _ in range(4)]
for x in c: x.setblocking(False); x.connect_ex(('127.0.0.1', 7200))
open('full', 'w'); time.sleep(1000)";
    engine.output(&id, &format!("cat > hole.py <<'END'\n{black_hole}\nEND\nnohup python3 hole.py >/dev/null 2>&1 & until test -e full; do sleep 0.05; done")).await;
    let port = free_port().await;
    let directory = tempfile::tempdir().expect("a directory");
    let socket = directory.path().join("master").to_str().expect("text").to_owned();
    let _master = forwarding(&access, &["-M", "-S", &socket, "-L", &format!("{port}:127.0.0.1:7200")]);
    let mut waiting = connected(port).await;
    waiting.write_all(b"anybody?").await.expect("sent");
    for turn in 0..5 {
        let said = done(access.ssh(&["-S", &socket], &[&format!("echo turn {turn}")])).await;
        assert_eq!(text(&said), format!("turn {turn}"));
    }
    let silent = tokio::time::timeout(Duration::from_millis(100), waiting.read(&mut [0])).await;
    assert!(silent.is_err(), "it still waits");
}

#[tokio::test]
async fn a_program_that_reads_nothing_holds_up_nobody_and_fills_no_memory() {
    let engine = Engine::start().await;
    let id = engine.sandbox().await;
    let access = Access::of(&engine, &id).await;
    let directory = tempfile::tempdir().expect("a directory");
    let socket = directory.path().join("master").to_str().expect("text").to_owned();
    let mut master = forwarding(&access, &["-M", "-S", &socket]);
    wait_for(|| directory.path().join("master").exists().then_some(())).await;
    let flood = |command: &str| {
        let mut ssh = access.ssh(&["-S", &socket], &[command]);
        ssh.stdin(std::fs::File::open("/dev/zero").expect("zeros"));
        ssh.stdout(Stdio::null()).spawn().expect("ssh runs")
    };
    // One reads nothing of what it is sent, of the other nobody reads what it says.
    let unread = flood("until test -e go; do sleep 0.1; done; exec head -c 64M");
    let mut unheard = access.ssh(&["-S", &socket], &["cat /dev/zero"]).spawn().expect("ssh runs");
    let resident = || {
        let status = std::fs::read_to_string(format!("/proc/{}/status", engine.process.id())).expect("the engine runs");
        let line = status.lines().find(|line| line.starts_with("VmRSS")).expect("a size").to_owned();
        line.split_whitespace().nth(1).expect("a number").parse::<u64>().expect("a number")
    };
    let before = resident();
    for turn in 0..20 {
        let said = done(access.ssh(&["-S", &socket], &[&format!("echo turn {turn}")])).await;
        assert_eq!(text(&said), format!("turn {turn}"));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(resident() < before + (64 << 10), "{} KiB more", resident() - before);
    // A big upload beside it gets through, too.
    let mut upload = access.ssh(&["-S", &socket], &["head -c 32M | wc -c"]);
    upload.stdin(std::fs::File::open("/dev/zero").expect("zeros"));
    assert_eq!(text(&ended(upload).await), (32 << 20).to_string());
    engine.output(&id, "touch go").await;
    let finished = tokio::time::timeout(Duration::from_secs(60), unread.wait_with_output()).await;
    let finished = finished.expect("it goes on").expect("it ran");
    assert!(finished.status.success(), "{:?} {}", finished.status, String::from_utf8_lossy(&finished.stderr));
    unheard.kill().await.expect("killed");
    master.kill().await.expect("killed");
}

/// Memory of a process that no other process shares, in KiB.
fn memory(pid: nix::unistd::Pid) -> usize {
    let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).expect("a process");
    let line = text.lines().find(|line| line.starts_with("Private_Dirty:")).expect("a line");
    line.split_ascii_whitespace().nth(1).expect("a number").parse().expect("a number")
}

#[tokio::test]
async fn a_flood_of_channels_ends_at_the_limit_and_keeps_no_memory() {
    const MOST: usize = 256;
    let engine = Engine::start().await;
    let id = engine.sandbox().await;
    let access = Access::of(&engine, &id).await;
    echo_server(&engine, &id).await;
    let port = free_port().await;
    let _ssh = forwarding(&access, &["-L", &format!("{port}:localhost:7000")]);
    let mut used = Vec::new();
    for round in 0..4 {
        let mut held = Vec::new();
        for _ in 0..MOST + 64 {
            let mut stream = connected(port).await;
            let _ = stream.write_all(b"x").await;
            // One that has no channel ends.
            if matches!(stream.read(&mut [0]).await, Ok(1)) {
                held.push(stream);
            }
        }
        // Those of the round before may still be about to end.
        assert!(held.len() <= MOST && (round > 0 || held.len() == MOST), "{} channels", held.len());
        assert_eq!(access.output("echo unharmed").await, "unharmed", "another connection");
        drop(held);
        let free = async || (exchange(connected(port).await, b"again").await == b"againend").then_some(());
        harness::wait_for_response(free).await;
        used.push(memory(engine.pid()));
    }
    // The first rounds allocate what is needed once.
    assert!(used[3] < used[1] + 8 * 1024, "{used:?} KiB");
}
