//! A machine and an internet of the test's own, in network namespaces. Needs root, and iproute2.
#![allow(dead_code, reason = "each test binary uses a part")]

use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};

/// What the machine has.
pub const MACHINE: [&str; 2] = ["203.0.113.1", "2001:db8::1"];
/// Its way out, where names are resolved too.
pub const GATEWAY: &str = "203.0.113.254";
/// Servers that anybody may reach, with different names.
pub const PUBLIC: [&str; 2] = ["198.51.100.1", "198.51.100.2"];
pub const PUBLIC_V6: &str = "2001:db8:1::1";
/// Servers nobody should reach unless the operator says so.
pub const PRIVATE: [&str; 5] = ["10.1.2.3", "172.20.0.1", "192.168.7.7", "100.64.0.9", "fd12::1"];
/// Servers nobody should ever reach.
pub const METADATA: &str = "169.254.169.254";

/// Names, and the addresses that they are resolved to; every other name is at the first public address.
pub const NAMES: &str = r#"{
  "second.example": "198.51.100.2", "six.example": "2001:db8:1::1",
  "private.example": "10.1.2.3", "machine.example": "203.0.113.1", "metadata.example": "169.254.169.254"
}"#;

/// Servers of HTTP, of TLS that say which name they were asked for, of names, and of streams that go on until they are closed.
const SERVERS: &str = r#"
import base64, hashlib, json, os, socket, socketserver, ssl, struct, sys, threading
sys.stdin.readline()
NAMES = json.loads(sys.argv[1])

class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128
class Server6(Server):
    address_family = socket.AF_INET6

class Web(socketserver.StreamRequestHandler):
    def handle(self):
        line = self.rfile.readline()
        if b"/upgrade" in line or b"/again" in line:
            return self.talk(line)
        if b"/told" in line:
            head = line
            while not head.endswith(b"\r\n\r\n"):
                head += self.rfile.readline()
            self.wfile.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(head) + head)
            return
        if b"/stream" in line:
            try:
                self.wfile.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
                while True:
                    self.wfile.write(b"x")
                    threading.Event().wait(0.01)
            except OSError:
                return
        body = f"{self.connection.getsockname()[0]} saw {self.client_address[0]}".replace("::ffff:", "").encode()
        self.wfile.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

    # One connection for several requests, or for another protocol, which echoes.
    def talk(self, line):
        while line:
            head = []
            while (header := self.rfile.readline()) not in (b"\r\n", b""):
                head.append(header)
            host = next(header for header in head if header.lower().startswith(b"host:")).split(b":", 1)[1].strip()
            print("requested", host, line, flush=True)
            if b"/upgrade" in line:
                self.wfile.write(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
                while data := self.connection.recv(4096):
                    self.wfile.write(data)
                return
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(host) + host)
            line = self.rfile.readline()

class Secret(socketserver.BaseRequestHandler):
    # Answers with whole requests, until there are no more.
    def tell(self, connection, request):
        while request:
            head, _, body = request.partition(b"\r\n\r\n")
            lines = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
            if lines.get(b"upgrade") == b"websocket":
                return self.converse(connection, head)
            if lines.get(b"upgrade"):
                connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n" + head)
                while data := connection.recv(4096):
                    connection.sendall(data)
                return
            is_whole = lambda: body.endswith(b"0\r\n\r\n") if b"transfer-encoding" in lines else len(body) >= int(lines.get(b"content-length", 0))
            while not is_whole():
                body += connection.recv(16384)
            print("told", head, body[:300], flush=True)
            path = head.split()[1]
            if path.startswith(b"/told/moved"):
                place = b"https://" + lines[b"host"] + path
                connection.sendall(b"HTTP/1.1 301 Moved Permanently\r\nLocation: " + place + b"\r\nContent-Length: %d\r\n\r\n" % len(place) + place)
                request = connection.recv(16384)
                continue
            answer = head + b"\r\n\r\n" + body
            connection.sendall(b"HTTP/1.1 200 OK\r\nAlt-Svc: h3=\":443\"\r\nContent-Length: %d\r\n\r\n" % len(answer) + answer)
            request = connection.recv(16384)

    # Takes the last protocol that is offered, and says again what it is told, once (RFC 6455).
    def converse(self, connection, head):
        print("talked", head, flush=True)
        fields = {name.lower(): value for name, value in (line.split(b": ", 1) for line in head.split(b"\r\n")[1:])}
        accept = base64.b64encode(hashlib.sha1(fields[b"sec-websocket-key"] + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
        protocol = fields[b"sec-websocket-protocol"].split(b", ")[-1]
        connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\nSec-WebSocket-Protocol: " + protocol + b"\r\n\r\n")
        frames = connection.makefile("rb")
        first, length = frames.read(2)
        mask, masked = frames.read(4), frames.read(length & 127)
        said = bytes(byte ^ mask[at % 4] for at, byte in enumerate(masked))
        connection.sendall(bytes([first, len(said)]) + said)
        while connection.recv(4096):
            pass

    def handle(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sys.argv[2])
        names = []
        def choose(connection, name, _):
            names.append(name)
            own = os.path.join(os.path.dirname(sys.argv[2]), f"{name}.pem")
            if os.path.isfile(own):
                chosen = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                chosen.load_cert_chain(own)
                connection.context = chosen
        context.sni_callback = choose
        try:
            with context.wrap_socket(self.request, server_side=True) as connection:
                request = connection.recv(16384)
                path = request.split()[1].decode().split("?")[0]
                print("secret for", names, path, flush=True)
                if path.startswith("/told"):
                    return self.tell(connection, request)
                file = os.path.join(os.path.dirname(sys.argv[2]), str(names[0]), path.lstrip("/"))
                file += "index.html" if path.endswith("/") else ""
                kind = b"text/html" if path.endswith("/") else b"application/octet-stream"
                body, status = f"tls for {names[0]}".encode(), b"200 OK"
                if os.path.isfile(file):
                    body = open(file, "rb").read()
                elif path != "/":
                    status = b"404 Not Found"
                connection.sendall(b"HTTP/1.1 %s\r\nConnection: close\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n" % (status, kind, len(body)) + body)
                connection.unwrap()
        except OSError:
            pass

def answer(question):
    end = question.index(b"\0", 12) + 5
    kind = question[end - 4:end - 2]
    print("asked", question[12:end - 5], flush=True)
    labels, at = [], 12
    while question[at]:
        labels.append(question[at + 1:at + 1 + question[at]].decode().lower())
        at += 1 + question[at]
    address = NAMES.get(".".join(labels), "198.51.100.1")
    family, wanted = (socket.AF_INET6, b"\0\x1c") if ":" in address else (socket.AF_INET, b"\0\1")
    data = socket.inet_pton(family, address)
    flags = struct.pack(">HHHHH", 0x8180, 1, 1 if kind == wanted else 0, 0, 0)
    record = b"\xc0\x0c" + kind + b"\0\1\0\0\0\x3c" + struct.pack(">H", len(data)) + data if kind == wanted else b""
    return question[:2] + flags + question[12:end] + record

class Names(socketserver.StreamRequestHandler):
    def handle(self):
        length = struct.unpack(">H", self.rfile.read(2))[0]
        reply = answer(self.rfile.read(length))
        self.wfile.write(struct.pack(">H", len(reply)) + reply)

def datagrams():
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind(("0.0.0.0", 53))
    while True:
        question, sender = udp.recvfrom(4096)
        udp.sendto(answer(question), sender)

def heard():
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind(("0.0.0.0", 9999))
    while True:
        data, sender = udp.recvfrom(4096)
        print("heard", data, "from", sender[0], flush=True)

threading.Thread(target=datagrams, daemon=True).start()
threading.Thread(target=heard, daemon=True).start()
threading.Thread(target=Server(("0.0.0.0", 53), Names).serve_forever, daemon=True).start()
threading.Thread(target=Server(("0.0.0.0", 80), Web).serve_forever, daemon=True).start()
threading.Thread(target=Server(("0.0.0.0", 443), Secret).serve_forever, daemon=True).start()
ready = Server6(("::", 8080), Web)
print("ready", flush=True)
ready.serve_forever()
"#;

/// A server of HTTP/2 alone, at the address of version 6, which answers with what it was told.
const HTTP2: &str = r#"
const pem = require('fs').readFileSync(process.argv[1]);
const server = require('http2').createSecureServer({ key: pem, cert: pem });
server.on('stream', (stream, headers) => {
  let body = '';
  stream.setEncoding('utf8').on('data', (part) => { body += part; }).on('end', () => {
    if (headers[':path'].startsWith('/moved')) {
      stream.respond({ ':status': 302, location: headers[':path'] });
      return stream.end(headers[':path']);
    }
    stream.respond({ ':status': 200, 'alt-svc': 'h3=":443"' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    stream.end(JSON.stringify({ headers, body }));
  });
});
server.on('unknownProtocol', () => console.log('another protocol than HTTP/2'));
server.listen(443, process.argv[2], () => console.log('ready for HTTP/2'));
"#;

/// The thread that made it is on the machine: so are the engines it starts, and its connections.
pub struct Internet {
    servers: Child,
    http2: Option<Child>,
    heard: PathBuf,
    /// What is in the directory of a name is served by TLS; the certificate of all names that have one is here, too.
    pub files: tempfile::TempDir,
}

fn run(command: &str) {
    let output = Command::new("sh").args(["-ec", command]).output().expect("sh runs");
    assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
}

impl Internet {
    /// Leaves the real machine's network for one whose only way out is to these servers.
    pub fn enter() -> Self {
        let files = tempfile::tempdir().expect("a temporary directory");
        unshare(CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWNS).expect("root may leave");
        let none: Option<&str> = None;
        mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none).expect("mounts become private");
        let resolvers = files.path().join("resolv.conf");
        std::fs::write(&resolvers, format!("nameserver {GATEWAY}\n")).expect("a file");
        mount(Some(&resolvers), "/etc/resolv.conf", none, MsFlags::MS_BIND, none).expect("its resolver");

        // Users make their network with it, where the machine lets them.
        let tunnels = files.path().join("tun");
        let tunnels = tunnels.display();
        let open = format!("mknod -m 666 {tunnels} c 10 200 && mount --bind {tunnels} /dev/net/tun");
        let _ = Command::new("sh").args(["-c", &format!("test -c /dev/net/tun && {open}")]).status();

        let (heard, certificate) = (files.path().join("heard"), files.path().join("certificate"));
        let pem = certificate.display();
        run(&format!(
            "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=example \
             -addext subjectAltName=DNS:code.example,DNS:python.example,DNS:node.example \
             -keyout {pem} -out {pem}.x 2>&1 && cat {pem}.x >> {pem}"
        ));
        let mut servers = Command::new("unshare")
            .args(["--net", "python3", "-c", SERVERS, NAMES])
            .arg(&certificate)
            .stdin(Stdio::piped())
            .stdout(std::fs::OpenOptions::new().create(true).append(true).open(&heard).expect("a file"))
            .spawn()
            .expect("python3 runs");
        let pid = servers.id();
        // The servers leave for their own network first.
        let own = std::fs::read_link("/proc/thread-self/ns/net").expect("a namespace");
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(120);
        while std::fs::read_link(format!("/proc/{pid}/ns/net")).is_ok_and(|theirs| theirs == own) {
            assert!(std::time::Instant::now() < deadline, "the servers did not leave");
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        run("ip link set lo up; ip link add up0 type veth peer name in0; ip link set up0 up");
        run(&format!("ip link set in0 netns {pid}; ip addr add {}/24 dev up0", MACHINE[0]));
        run(&format!("ip -6 addr add {}/64 dev up0 nodad", MACHINE[1]));
        let inside = |command: &str| run(&format!("nsenter --net=/proc/{pid}/ns/net sh -ec '{command}'"));
        inside(&format!("ip link set lo up; ip link set in0 up; ip addr add {GATEWAY}/24 dev in0"));
        inside("ip -6 addr add 2001:db8::254/64 dev in0 nodad");
        for address in PUBLIC.iter().chain(&PRIVATE).chain([&PUBLIC_V6, &METADATA]) {
            let (family, length) = if address.contains(':') { ("-6", 128) } else { ("-4", 32) };
            inside(&format!("ip {family} addr add {address}/{length} dev lo"));
        }
        run(&format!("ip route add default via {GATEWAY}; ip -6 route add default via 2001:db8::254"));
        servers.stdin.take().expect("piped").write_all(b"go\n").expect("the servers listen");
        let internet = Self { servers, http2: None, heard, files };
        while !internet.heard().contains("ready") {
            assert!(std::time::Instant::now() < deadline, "the servers are not ready");
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        internet
    }

    /// Has a server of HTTP/2 alone answer at the public address of version 6, with the certificate of a name that has one.
    pub fn serve_http2(&mut self, name: &str) {
        let certificate = self.files.path().join(format!("{name}.pem"));
        let heard = std::fs::OpenOptions::new().append(true).open(&self.heard).expect("a file");
        let server = Command::new("nsenter")
            .args([&format!("--net=/proc/{}/ns/net", self.servers.id()), "node", "-e", HTTP2])
            .arg(certificate)
            .arg(PUBLIC_V6)
            .stdout(heard)
            .spawn();
        self.http2 = Some(server.expect("node runs"));
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(120);
        while !self.heard().contains("ready for HTTP/2") {
            assert!(std::time::Instant::now() < deadline, "the server of HTTP/2 is not ready");
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }

    /// What the servers were asked and sent, so far.
    pub fn heard(&self) -> String {
        std::fs::read_to_string(&self.heard).expect("what the servers say")
    }
}

impl Drop for Internet {
    fn drop(&mut self) {
        for child in self.http2.iter_mut().chain([&mut self.servers]) {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
