//! Lists of domains, tried against real servers, several names of which have one address. Needs root.

mod harness;
#[path = "harness/internet.rs"]
mod internet;

use harness::Engine;
use internet::{GATEWAY, Internet, MACHINE, PUBLIC};
use nix::sys::signal::Signal;
use reqwest::StatusCode;
use serde_json::{Value, json};

/// What `curl` with these arguments is answered, or `refused`.
async fn curl(engine: &Engine, id: &str, arguments: &str) -> String {
    engine.output(id, &format!("curl -sk --noproxy '*' --max-time 10 {arguments} || echo refused")).await
}

async fn python(engine: &Engine, id: &str, program: &str) -> String {
    engine.output(id, &format!("python3 - <<'END'\n{program}\nEND")).await
}

async fn limit(engine: &Engine, id: &str, settings: Value) {
    let (status, answer) = engine.post(&format!("/api/sandbox/{id}/network-settings"), settings).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
}

async fn listed(engine: &Engine, domains: &str) -> String {
    harness::id_of(&engine.create(json!({"domainAllowList": domains})).await)
}

#[tokio::test]
async fn names_on_a_list_are_reached_by_every_protocol_that_shows_them() {
    let _internet = Internet::enter();
    let engine = Engine::start().await;
    let id = listed(&engine, "some.example, *.wild.example,six.example").await;
    let by_http = format!("{} saw {}", PUBLIC[0], MACHINE[0]);
    assert_eq!(curl(&engine, &id, "http://some.example/").await, by_http);
    assert_eq!(curl(&engine, &id, "http://SOME.example/").await, by_http);
    assert_eq!(curl(&engine, &id, "https://some.example/").await, "tls for some.example");
    assert_eq!(
        curl(&engine, &id, "--tlsv1.2 --tls-max 1.2 https://a.b.wild.example/").await,
        "tls for a.b.wild.example"
    );
    assert_eq!(curl(&engine, &id, "-6 http://six.example:8080/").await, format!("2001:db8:1::1 saw {}", MACHINE[1]));
    // Another port, a longer answer, a body.
    let again = "import http.client
connection = http.client.HTTPConnection('some.example', timeout=10)
for _ in range(3):
    connection.request('POST', '/again', b'')
    print(connection.getresponse().read().decode())";
    assert_eq!(python(&engine, &id, again).await, "some.example\nsome.example\nsome.example");
    let upgrade = "import socket
s = socket.create_connection(('some.example', 80), 10)
s.sendall(b'GET /upgrade HTTP/1.1\\r\\nHost: some.example\\r\\nConnection: Upgrade\\r\\nUpgrade: echo\\r\\n\\r\\n')
head = b''
while not head.endswith(b'\\r\\n\\r\\n'): head += s.recv(1)
print(head.split()[1].decode())
s.sendall(b'echo')
print(s.recv(10).decode())";
    assert_eq!(python(&engine, &id, upgrade).await, "101\necho");
    // The sandbox's own servers are its own.
    let own = "import socket, threading
server = socket.create_server(('0.0.0.0', 8000))
threading.Thread(target=lambda: server.accept()[0].sendall(b'own'), daemon=True).start()
print(socket.create_connection((socket.gethostbyname(socket.gethostname()), 8000), 5).recv(9).decode())";
    assert_eq!(python(&engine, &id, own).await, "own");
}

#[tokio::test]
async fn names_on_one_address_do_not_open_each_other() {
    let internet = Internet::enter();
    let engine = Engine::start().await;
    let id = listed(&engine, "some.example,*.wild.example,private.example,machine.example,metadata.example").await;
    // So that its address is known.
    assert_eq!(curl(&engine, &id, "https://some.example/").await, "tls for some.example");
    let (one, two) = (PUBLIC[0], PUBLIC[1]);
    for arguments in [
        // Names that are not on the list: not resolved, and not reached by the address of one that is.
        "https://other.example/".to_owned(),
        "http://wild.example/".to_owned(),
        format!("https://other.example/ --resolve other.example:443:{one}"),
        format!("http://other.example/ --resolve other.example:80:{one}"),
        "http://some.example/ -H 'Host: other.example'".to_owned(),
        "http://some.example/ --request-target http://other.example/".to_owned(),
        // No name, and a name that the address was not resolved for.
        format!("https://{one}/"),
        format!("http://{one}/"),
        format!("https://some.example/ --resolve some.example:443:{two}"),
        format!("http://some.example/ --resolve some.example:80:{two}"),
        "http://[2001:db8:1::1]:8080/".to_owned(),
        "-6 http://some.example:8080/ --resolve 'some.example:8080:[2001:db8:1::1]'".to_owned(),
        // Names on the list that lead to what nobody reaches.
        "http://private.example/".to_owned(),
        "http://machine.example/".to_owned(),
        "http://metadata.example/".to_owned(),
        // HTTP/2 that is known beforehand.
        "--http2-prior-knowledge http://some.example/".to_owned(),
    ] {
        assert_eq!(curl(&engine, &id, &arguments).await, "refused", "{arguments}");
    }
    let raw = format!(
        "import socket, ssl
def attempt(name, first, then=b'', address='{one}', port=443):
    try:
        s = socket.create_connection((address, port), 10)
        s.sendall(first)
        if then and s.recv(4096): s.sendall(then)
        answer = s.recv(4096)
        print(name, 'ended' if not answer else answer[:40])
    except OSError: print(name, 'refused')
def hello(name):
    out = ssl.MemoryBIO()
    context = ssl.create_default_context()
    try: context.wrap_bio(ssl.MemoryBIO(), out, server_hostname=name).do_handshake()
    except ssl.SSLWantReadError: pass
    return out.read()
def extended(hello, extension):
    def longer(at, size):
        value = int.from_bytes(hello[at:at + size], 'big') + len(extension)
        return value.to_bytes(size, 'big')
    at = 5 + 4 + 34
    at += 1 + hello[at]
    at += 2 + int.from_bytes(hello[at:at + 2], 'big')
    at += 1 + hello[at]
    return hello[:3] + longer(3, 2) + hello[5:6] + longer(6, 3) + hello[9:at] + longer(at, 2) + hello[at + 2:] + extension
attempt('hidden', extended(hello('some.example'), b'\\xfe\\x0d\\0\\1\\0'))
attempt('second', hello('some.example'), hello('other.example'))
attempt('together', hello('some.example') + hello('other.example'))
attempt('split', hello('other.example')[:7])
attempt('bytes', b'\\0\\0\\0\\x08\\x04\\xd2\\x16\\x2f')
attempt('words', b'SSH-2.0-client\\r\\n')
attempt('pipelined', b'GET /again HTTP/1.1\\r\\nHost: some.example\\r\\n\\r\\n', b'GET /again HTTP/1.1\\r\\nHost: hidden.example\\r\\n\\r\\n', port=80)
attempt('connect', b'CONNECT some.example:80 HTTP/1.1\\r\\nHost: some.example:80\\r\\n\\r\\n', port=80)
attempt('two', b'GET /again HTTP/1.1\\r\\nHost: some.example\\r\\nHost: hidden.example\\r\\n\\r\\n', port=80)
attempt('smuggled', b'GET /upgrade HTTP/1.0\\r\\nHost: some.example\\r\\nConnection: Upgrade\\r\\nUpgrade: x\\r\\n\\r\\nGET /again HTTP/1.1\\r\\nHost: hidden.example\\r\\n\\r\\n', port=80)
for kind, address, port in (('quic', '{one}', 443), ('heard', '{one}', 9999), ('dns', '{GATEWAY}', 53), ('mdns', '224.0.0.251', 5353)):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try: s.sendto(b'leaked', (address, port))
    except OSError: pass
attempt('dns', b'\\0\\x1d\\x12\\x34\\1\\0\\0\\1\\0\\0\\0\\0\\0\\0\\6tunnel\\7example\\0\\0\\1\\0\\1', address='{GATEWAY}', port=53)
attempt('dot', hello('some.example'), address='{GATEWAY}', port=853)"
    );
    let answers = python(&engine, &id, &raw).await;
    for line in answers.lines() {
        let (name, outcome) = line.split_once(' ').unwrap();
        // What the server itself is told to do with a second name it may do; it never comes to know it.
        let is_cut =
            matches!(outcome, "refused" | "ended") || matches!(name, "second" | "pipelined" | "smuggled" | "together");
        // What is not HTTP at all is told so.
        let is_cut = is_cut || name == "words" && outcome.starts_with("b'HTTP/1.1 400");
        assert!(is_cut, "{answers}");
    }
    // Names that are asked for in other ways: none of them leaves the machine.
    let tunnels = "import socket
def ask(name, kind):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(10)
    labels = b''.join(bytes([len(label)]) + label for label in name.split(b'.'))
    s.sendto(b'\\x12\\x34\\1\\0\\0\\1\\0\\0\\0\\0\\0\\0' + labels + b'\\0\\0' + bytes([kind]) + b'\\0\\1', ('127.0.0.53', 53))
    print(s.recv(4096)[3] & 15)
ask(b'secret.tunnel.example', 1)
ask(b'secret.tunnel.example', 16)
ask(b'some.example.secret.tunnel.example', 1)
ask(b'a b.wild.example', 1)
ask(b'some.example', 65)";
    assert_eq!(python(&engine, &id, tunnels).await, "5\n5\n5\n5\n0");
    let heard = internet.heard();
    for word in ["tunnel", "other", "hidden", "leaked", "asked b'\\x03a b"] {
        assert!(!heard.contains(word), "{word}: {heard}");
    }
}

#[tokio::test]
async fn lists_change_live_and_outlive_restarts() {
    let _internet = Internet::enter();
    let engine = Engine::start().await;
    let id = harness::id_of(&engine.create(json!({})).await);
    let stream = |name: &str| {
        let host = name.trim_end_matches(".direct");
        let run =
            format!("curl -sN --noproxy \"*\" http://{host}/stream > got-{name} 2>/dev/null; echo ended > end-{name}");
        format!("setsid sh -c '{run}' >/dev/null 2>&1 & until test -s got-{name}; do sleep 0.01; done")
    };
    let ends = |name: &str| format!("until test -e end-{name}; do sleep 0.01; done");
    let goes_on = |name: &str| {
        format!(
            "a=$(stat -c %s got-{name}); until test $(stat -c %s got-{name}) -gt $a; do sleep 0.01; done; test ! -e end-{name}"
        )
    };
    engine.output(&id, &stream("some.example.direct")).await;
    limit(&engine, &id, json!({"domainAllowList": "some.example,second.example"})).await;
    engine.output(&id, &ends("some.example.direct")).await;
    engine.output(&id, &stream("some.example")).await;
    engine.output(&id, &stream("second.example")).await;
    limit(&engine, &id, json!({"domainAllowList": "second.example"})).await;
    engine.output(&id, &ends("some.example")).await;
    engine.output(&id, &goes_on("second.example")).await;
    assert_eq!(curl(&engine, &id, "http://some.example/").await, "refused");
    let engine = engine.restart_after(Signal::SIGKILL).await;
    assert_eq!(engine.post(&format!("/api/sandbox/{id}/start"), json!({})).await.0, StatusCode::OK);
    let second = format!("{} saw {}", PUBLIC[1], MACHINE[0]);
    assert_eq!(curl(&engine, &id, "http://some.example/").await, "refused");
    assert_eq!(curl(&engine, &id, "http://second.example/").await, second);
    // A list of networks beside it adds what it names, by address alone.
    limit(&engine, &id, json!({"networkAllowList": format!("{}/32", PUBLIC[0])})).await;
    assert_eq!(
        curl(&engine, &id, &format!("http://{}/", PUBLIC[0])).await,
        format!("{} saw {}", PUBLIC[0], MACHINE[0])
    );
    assert_eq!(curl(&engine, &id, &format!("http://{}/", PUBLIC[1])).await, "refused");
    assert_eq!(curl(&engine, &id, "http://second.example/").await, second);
    limit(&engine, &id, json!({"networkBlockAll": true})).await;
    for target in ["http://second.example/", &format!("http://{}/", PUBLIC[0])] {
        assert_eq!(curl(&engine, &id, target).await, "refused", "{target}");
    }
    limit(&engine, &id, json!({"networkBlockAll": false, "networkAllowList": "", "domainAllowList": ""})).await;
    for target in ["http://second.example/", &format!("http://{}/", PUBLIC[0])] {
        assert_eq!(curl(&engine, &id, target).await, "refused", "{target}");
    }
    limit(&engine, &id, json!({"networkAllowList": "0.0.0.0/0"})).await;
    assert_eq!(curl(&engine, &id, "http://other.example/").await, format!("{} saw {}", PUBLIC[0], MACHINE[0]));
}

/// A repository, a package for Python and one for Node, as files below the names they are served at.
const DOWNLOADS: &str = r#"
mkdir -p work code.example python.example/simple/greeting node.example/package
cd work && git init -q -b main . && echo hello > README
git add README && git -c user.name=a -c user.email=a@b commit -q -m first
git clone -q --bare . ../code.example/greeting.git && git -C ../code.example/greeting.git update-server-info && cd ..
python3 - <<'END'
import zipfile
with zipfile.ZipFile('python.example/simple/greeting/greeting-1.0-py3-none-any.whl', 'w') as wheel:
    wheel.writestr('greeting.py', 'word = "hello"\n')
    wheel.writestr('greeting-1.0.dist-info/METADATA', 'Metadata-Version: 2.1\nName: greeting\nVersion: 1.0\n')
    wheel.writestr('greeting-1.0.dist-info/WHEEL', 'Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n')
    wheel.writestr('greeting-1.0.dist-info/RECORD', '')
END
echo '<a href="greeting-1.0-py3-none-any.whl">greeting</a>' > python.example/simple/greeting/index.html
echo '{"name": "greeting", "version": "1.0.0", "main": "index.js"}' > node.example/package/package.json
echo 'module.exports = "hello"' > node.example/package/index.js
tar -C node.example -czf node.example/greeting.tgz package
"#;

#[tokio::test]
async fn programs_download_from_the_names_on_a_list() {
    let internet = Internet::enter();
    let made = std::process::Command::new("sh").args(["-ec", DOWNLOADS]).current_dir(internet.files.path()).status();
    assert!(made.expect("sh runs").success());
    let engine = Engine::start().await;
    let id = listed(&engine, "code.example,python.example,node.example").await;
    let authority = std::fs::read_to_string(internet.files.path().join("certificate.x")).expect("a certificate");
    engine.output(&id, &format!("cat > authority <<'END'\n{authority}END")).await;
    let trust = "export GIT_SSL_CAINFO=$PWD/authority PIP_CERT=$PWD/authority REQUESTS_CA_BUNDLE=$PWD/authority npm_config_cafile=$PWD/authority;";
    for (command, says) in [
        ("git clone -q https://code.example/greeting.git && cat greeting/README", "hello"),
        (
            "python3 -m pip install -q --no-cache-dir --disable-pip-version-check --index-url https://python.example/simple \
             --target packages greeting 2>&1 && PYTHONPATH=packages python3 -c 'import greeting; print(greeting.word)'",
            "hello",
        ),
        (
            "npm install --silent --fetch-retries 0 --no-audit --no-fund --no-update-notifier https://node.example/greeting.tgz >&2 && \
             node -p 'require(\"greeting\")'",
            "hello",
        ),
    ] {
        let output = engine.output(&id, &format!("{trust} ({command}) 2>&1")).await;
        assert_eq!(output.lines().last(), Some(says), "{command}: {output}\n{}", internet.heard());
    }
}
