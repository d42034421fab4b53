//! Secrets: what a sandbox has of them, and what servers are sent in their place. Needs root.

mod harness;
#[path = "harness/internet.rs"]
mod internet;
#[path = "harness/ordinary_user.rs"]
mod ordinary_user;

use std::fs;

use harness::{Engine, id_of};
use internet::{Internet, PUBLIC};
use nix::sys::signal::Signal;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;

/// The value that nobody inside may see; a service's own kind of token.
const VALUE: &str = "sk-live-42:real/value";

/// A machine that trusts an authority of the test's own, which vouches for these names.
struct World {
    internet: Internet,
    authority: String,
}

impl World {
    fn enter(names: &[&str]) -> Self {
        let internet = Internet::enter();
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = internet.files.path().join("authority.crt");
        fs::write(&authority, params.self_signed(&key).unwrap().pem()).unwrap();
        let issuer = Issuer::new(params, key);
        for name in names {
            let key = KeyPair::generate().unwrap();
            let certificate = CertificateParams::new([(*name).to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
            let pem = certificate.pem() + &key.serialize_pem();
            fs::write(internet.files.path().join(format!("{name}.pem")), pem).unwrap();
        }
        Self { authority: authority.display().to_string(), internet }
    }

    async fn start(&self) -> Engine {
        let directory = TempDir::new().unwrap();
        Engine::start_with(directory, &[], &[("SSL_CERT_FILE", &self.authority)]).await
    }
}

async fn send(engine: &Engine, method: Method, path: &str, body: Value) -> (StatusCode, Value) {
    harness::read(engine.request(method, path).json(&body).send().await).await
}

async fn secret(engine: &Engine, name: &str, value: &str, hosts: Value) -> Value {
    let (status, made) = engine.post("/api/secret", json!({"name": name, "value": value, "hosts": hosts})).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    made
}

/// What a server says to `curl` with these arguments, in the shell of a sandbox.
async fn curl(engine: &Engine, id: &str, arguments: &str) -> String {
    engine.output(id, &format!("curl -sS --noproxy '*' --max-time 20 {arguments} 2>&1 || echo refused")).await
}

#[tokio::test]
async fn a_sandbox_uses_a_value_that_it_never_has() {
    let world = World::enter(&["api.example", "deep.wild.example", "other.example"]);
    let engine = world.start().await;
    let made = secret(&engine, "api-key", VALUE, json!(["api.example", "*.wild.example"])).await;
    let placeholder = made["placeholder"].as_str().unwrap().to_owned();
    assert!(placeholder.starts_with("dtn_secret_") && made.get("value").is_none(), "{made}");
    let sandbox = engine.create(json!({"secrets": [{"API_KEY": "api-key"}]})).await;
    let id = id_of(&sandbox);
    assert_eq!(engine.output(&id, "echo $API_KEY").await, placeholder);

    let told = curl(&engine, &id, "-H \"Authorization: Bearer $API_KEY\" https://api.example/told").await;
    assert!(told.contains(&format!("Authorization: Bearer {VALUE}")), "{told}\n{}", world.internet.heard());
    let told = curl(&engine, &id, "-u me:$API_KEY \"https://deep.wild.example/told?key=$API_KEY\"").await;
    let login = base64(&format!("me:{VALUE}"));
    assert!(told.contains(&format!("Basic {login}")) && told.contains("key=sk-live-42:real%2Fvalue"), "{told}");
    for arguments in [
        // Another host, by its own certificate, which the engine is not in the way of.
        "-k -H \"X-Api-Key: $API_KEY\" https://other.example/told",
        // A name that only looks like one of the hosts.
        "-k -H \"X-Api-Key: $API_KEY\" https://wild.example/told",
        // Without TLS, at an address that is not the host's.
        &format!("-H \"X-Api-Key: $API_KEY\" --resolve api.example:80:{} http://api.example/told", PUBLIC[1]),
    ] {
        let told = curl(&engine, &id, arguments).await;
        assert!(told.contains(&placeholder) && !told.contains(VALUE), "{arguments}: {told}");
    }
    // Without TLS, at the address that its name leads to.
    let told = curl(&engine, &id, "-H \"X-Api-Key: $API_KEY\" http://api.example/told").await;
    assert!(told.contains(VALUE), "{told}");

    // A redirect repeats the URL, in its page, too.
    let moved = curl(&engine, &id, "-i \"https://api.example/told/moved/$API_KEY?key=$API_KEY\"").await;
    assert!(moved.contains(&format!("https://api.example/told/moved/{placeholder}?key={placeholder}")), "{moved}");
    assert!(!moved.contains("sk-live-42"), "{moved}");
    let heard = world.internet.heard();
    assert!(heard.contains("/told/moved/sk-live-42:real%2Fvalue?key=sk-live-42:real%2Fvalue"), "{heard}");

    // Python and Node trust the engine there as curl does.
    let python = "import os, urllib.request
request = urllib.request.Request('https://api.example/told', headers={'X-Api-Key': os.environ['API_KEY']})
print(VALUE in urllib.request.urlopen(request).read().decode())";
    let python = python.replace("VALUE", &format!("'{VALUE}'"));
    assert_eq!(engine.output(&id, &format!("python3 - <<'END'\n{python}\nEND")).await, "True");
    let node = format!(
        "require('https').get('https://api.example/told', {{headers: {{'x-api-key': process.env.API_KEY}}}}, answer => {{
           let text = ''; answer.on('data', part => text += part).on('end', () => console.log(text.includes('{VALUE}'))) }})"
    );
    assert_eq!(engine.output(&id, &format!("node - <<'END'\n{node}\nEND")).await, "true");

    // Nothing that the engine tells has the value.
    for path in [
        "/api/secret",
        "/api/secret/paginated",
        &format!("/api/sandbox/{id}"),
        &format!("/api/sandbox/{id}/network-log"),
    ] {
        let (status, answer) = engine.get(path).await;
        assert_eq!(status, StatusCode::OK, "{path}: {answer}");
        assert!(!answer.to_string().contains("sk-live-42"), "{path}: {answer}");
    }
    assert_eq!(engine.get(&format!("/api/sandbox/{id}/secrets")).await.0, StatusCode::FORBIDDEN);
    assert_eq!(
        engine.output(&id, "env | grep -c sk-live-42; grep -rIl sk-live-42 ~ /tmp 2>/dev/null; true").await,
        "0"
    );
}

/// What a program of Node prints in a sandbox.
async fn node(engine: &Engine, id: &str, program: &str) -> String {
    engine.output(id, &format!("node --experimental-websocket --no-warnings - <<'END' 2>&1\n{program}\nEND")).await
}

#[tokio::test]
async fn clients_of_http_2_alone_get_the_value_too() {
    let mut world = World::enter(&["api.example", "six.example"]);
    world.internet.serve_http2("six.example");
    let engine = world.start().await;
    let made = secret(&engine, "key", VALUE, json!(["api.example", "six.example"])).await;
    let placeholder = made["placeholder"].as_str().unwrap();
    let id = id_of(&engine.create(json!({"secrets": [{"KEY": "key"}]})).await);
    // Several at once, as clients of gRPC do: one is still being sent while the others are answered.
    let program = |host: &str| {
        format!(
            "const client = require('http2').connect('https://{host}'), key = process.env.KEY
             client.on('error', error => console.log('failed', error.code))
             const ask = (more, body) => {{
               const stream = client.request({{':method': 'POST', 'x-api-key': key, ...more}})
               const told = {{text: ''}}
               stream.setEncoding('utf8').on('response', head => Object.assign(told, {{head}})).on('data', text => told.text += text)
               stream.on('trailers', trailers => Object.assign(told, {{trailers}}))
               if (body !== undefined) stream.end(body)
               return [stream, new Promise((done, fail) => stream.on('close', () => done(told)).on('error', fail))]
             }}
             const [open, late] = ask({{':path': '/told/late'}})
             Promise.all([
               ask({{':path': '/told/bearer', authorization: `Bearer ${{key}}`, cookie: ['a=1', `b=${{key}}`]}}, 'one')[1],
               ask({{':path': `/told/query?key=${{key}}`}}, 'two')[1],
               ask({{':path': '/told/other', ':authority': 'evil.example'}}, '')[1],
               ask({{':path': `/moved?key=${{key}}`}}, '')[1],
             ]).then(async answers => {{
               open.end('three')
               console.log(JSON.stringify([...answers, await late]))
               client.close()
             }}, error => console.log('failed', error))"
        )
    };
    let told = node(&engine, &id, &program("six.example")).await;
    let answers: Value = serde_json::from_str(&told).unwrap_or_else(|_| panic!("{told}\n{}", world.internet.heard()));
    let text = |index: usize| answers[index]["text"].as_str().unwrap().to_owned();
    let parsed = |index: usize| -> Value { serde_json::from_str(&text(index)).expect("what the server was told") };
    let (bearer, query, late) = (parsed(0), parsed(1), parsed(4));
    assert_eq!(bearer["headers"]["authorization"], format!("Bearer {VALUE}"));
    assert_eq!((&bearer["headers"]["x-api-key"], &bearer["body"]), (&json!(VALUE), &json!("one")));
    assert!(bearer["headers"]["cookie"].as_str().unwrap().ends_with(&format!("b={VALUE}")), "{bearer}");
    assert_eq!(query["headers"][":path"], "/told/query?key=sk-live-42:real%2Fvalue");
    assert_eq!((&late["headers"]["x-api-key"], &late["body"]), (&json!(VALUE), &json!("three")));
    assert_eq!(answers[0]["trailers"]["grpc-status"], "0");
    assert!(answers[0]["head"]["alt-svc"].is_null(), "{told}");
    // Another host than the connection is for, and a redirect that repeats the secret.
    assert!(answers[2]["head"][":status"] == 421 && !text(2).contains("sk-live-42"), "{told}");
    assert_eq!(answers[3]["head"]["location"], format!("/moved?key={placeholder}"));
    assert_eq!(text(3), "");
    assert!(!world.internet.heard().contains("another protocol"), "{}", world.internet.heard());

    // Clients that know that the host speaks HTTP/2, and do not say in TLS what they speak.
    let knowing = "import socket, ssl
s = ssl.create_default_context().wrap_socket(socket.create_connection(('six.example', 443), 60), server_hostname='six.example')
s.sendall(b'PRI * HTTP/2.0\\r\\n\\r\\nSM\\r\\n\\r\\n' + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0]))
print('frame of type', s.recv(9)[3])";
    assert_eq!(engine.output(&id, &format!("python3 - <<'END'\n{knowing}\nEND")).await, "frame of type 4");
    // One that speaks both speaks HTTP/1 here, which this host does not.
    let told = curl(&engine, &id, "-H \"X-Api-Key: $KEY\" https://six.example/told").await;
    assert!(told.contains("six.example could not be reached as itself"), "{told}");

    // A host that knows HTTP/1 alone.
    let told = node(&engine, &id, &program("api.example")).await;
    let answers: Value = serde_json::from_str(&told).unwrap_or_else(|_| panic!("{told}\n{}", world.internet.heard()));
    let text = |index: usize| answers[index]["text"].as_str().unwrap();
    assert!(text(0).contains(&format!("Bearer {VALUE}")) && text(0).contains("host: api.example"), "{told}");
    assert!(text(0).to_ascii_lowercase().contains(&format!("cookie: a=1; b={}", VALUE.to_ascii_lowercase())), "{told}");
    assert!(text(4).contains("three"), "{told}");
}

#[tokio::test]
async fn handshakes_of_websockets_get_the_value() {
    let world = World::enter(&["api.example"]);
    let engine = world.start().await;
    let made = secret(&engine, "key", VALUE, json!(["api.example"])).await;
    let placeholder = made["placeholder"].as_str().unwrap();
    let id = id_of(&engine.create(json!({"secrets": [{"KEY": "key"}]})).await);
    // As services do whose clients in browsers can send no other header.
    let program = "const key = process.env.KEY
        const protocols = ['realtime', `api-key.${key}`]
        const socket = new WebSocket(`wss://api.example/told?key=${key}`, {protocols, headers: {authorization: `Bearer ${key}`}})
        socket.onopen = () => socket.send(`it is ${key}`)
        socket.onmessage = ({data}) => { console.log(socket.protocol); console.log(data); process.exit() }
        socket.onerror = ({message, error}) => { console.log('failed', message, error); process.exit() }";
    let told = node(&engine, &id, program).await;
    // What is said afterwards goes on as it is; and the answer repeats no value.
    assert_eq!(told, format!("api-key.{placeholder}\nit is {placeholder}"), "{}", world.internet.heard());
    let heard = world.internet.heard();
    for part in ["/told?key=sk-live-42:real%2Fvalue", &format!("Bearer {VALUE}"), &format!("realtime, api-key.{VALUE}")]
    {
        assert!(heard.contains(part), "{part}: {heard}");
    }
}

#[tokio::test]
async fn an_ordinary_users_engine_puts_values_in_too() {
    let world = World::enter(&["api.example", "other.example"]);
    let directory = TempDir::new().unwrap();
    let authority = directory.path().join("authority.crt");
    fs::copy(&world.authority, &authority).unwrap();
    let engine = ordinary_user::start_in(directory, &[("SSL_CERT_FILE", authority.to_str().unwrap())]).await;
    let made = secret(&engine, "key", VALUE, json!(["api.example"])).await;
    let placeholder = made["placeholder"].as_str().unwrap();
    let id = id_of(&engine.create(json!({"secrets": [{"KEY": "key"}]})).await);
    let told = curl(&engine, &id, "-H \"X-Api-Key: $KEY\" https://api.example/told").await;
    assert!(told.contains(&format!("X-Api-Key: {VALUE}")), "{told}\n{}", world.internet.heard());
    let told = curl(&engine, &id, "-k -H \"X-Api-Key: $KEY\" https://other.example/told").await;
    assert!(told.contains(placeholder) && !told.contains("sk-live-42"), "{told}");
    // The system's directories are as they were but for the certificates, and those of others have none.
    let (code, _) =
        engine.run(&id, "test -x /usr/bin/env && test -e /etc/.daytona-authority.crt && ! touch /etc/x").await;
    assert_eq!(code, 0);
    let other = engine.sandbox().await;
    assert_eq!(engine.output(&other, "ls -A /etc | grep -c daytona-authority; true").await, "0");
}

#[tokio::test]
async fn changes_hold_from_the_next_request_on() {
    let world = World::enter(&["api.example", "new.example"]);
    let engine = world.start().await;
    let made = secret(&engine, "key", "first-value", json!(["api.example"])).await;
    let (path, placeholder) =
        (format!("/api/secret/{}", made["id"].as_str().unwrap()), made["placeholder"].as_str().unwrap());
    let id = id_of(&engine.create(json!({"secrets": [{"KEY": "key"}]})).await);
    let ask =
        async |host: &str| curl(&engine, &id, &format!("-k -H \"X-Api-Key: {placeholder}\" https://{host}/told")).await;
    assert!(ask("api.example").await.contains("first-value"));
    assert_eq!(send(&engine, Method::PATCH, &path, json!({"value": "second-value"})).await.0, StatusCode::OK);
    assert!(ask("api.example").await.contains("second-value"));
    assert_eq!(send(&engine, Method::PATCH, &path, json!({"hosts": ["new.example"]})).await.0, StatusCode::OK);
    assert!(ask("api.example").await.contains(placeholder));
    assert!(ask("new.example").await.contains("second-value"));

    // Another secret, and none; what was started before keeps what it had.
    secret(&engine, "other", "other-value", json!([])).await;
    let mount = async |secrets: Value| {
        let (status, answer) =
            send(&engine, Method::PUT, &format!("/api/sandbox/{id}/secrets"), json!({"secrets": secrets})).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
    };
    mount(json!([{"OTHER": "other"}])).await;
    assert_eq!(engine.output(&id, "echo ${KEY-none}").await, "none");
    assert!(ask("new.example").await.contains(placeholder));
    let told = curl(&engine, &id, "-H \"X-Api-Key: $OTHER\" https://api.example/told").await;
    assert!(told.contains("other-value"), "{told}");

    // After the end of the engine all is as it was; a secret that is deleted is put in nowhere.
    let engine = engine.restart_after(Signal::SIGKILL).await;
    assert_eq!(engine.post(&format!("/api/sandbox/{id}/start"), json!({})).await.0, StatusCode::OK);
    let told = curl(&engine, &id, "-H \"X-Api-Key: $OTHER\" http://api.example/told").await;
    assert!(told.contains("other-value"), "{told}");
    let (_, all) = engine.get("/api/secret?").await;
    let other = all.as_array().unwrap().iter().find(|secret| secret["name"] == "other").unwrap();
    let path = format!("/api/secret/{}", other["id"].as_str().unwrap());
    assert_eq!(engine.delete(&path).await.0, StatusCode::NO_CONTENT);
    let told = curl(&engine, &id, "-H \"X-Api-Key: $OTHER\" http://api.example/told").await;
    assert!(told.contains(other["placeholder"].as_str().unwrap()) && !told.contains("other-value"), "{told}");
    assert_eq!(engine.get(&path).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_hostile_sandbox_does_not_get_the_value() {
    let world = World::enter(&["api.example", "evil.example"]);
    let engine = world.start().await;
    let made = secret(&engine, "key", VALUE, json!(["api.example", "self.example"])).await;
    let id = id_of(&engine.create(json!({"secrets": [{"KEY": "key"}]})).await);
    for (arguments, says) in [
        // The connection is for one host, the request for another: they may have one address.
        ("-H 'Host: evil.example' https://api.example/told", "daytona local engine: the connection is for api.example"),
        ("--request-target https://evil.example/told https://api.example/told", "the connection is for api.example"),
        // A host that cannot prove who it is: its certificate is its own.
        ("https://self.example/told", "self.example could not be reached as itself"),
    ] {
        let told = curl(&engine, &id, &format!("-H \"X-Api-Key: $KEY\" {arguments}")).await;
        assert!(told.contains(says) && !told.contains("sk-live-42"), "{arguments}: {told}");
    }
    let raw = "import os, socket, ssl
def attempt(name, *parts):
    context = ssl.create_default_context()
    try:
        with context.wrap_socket(socket.create_connection(('api.example', 443), 20), server_hostname='api.example') as s:
            s.settimeout(20)
            for part in parts: s.sendall(part)
            print(name, s.recv(65536))
    except OSError as error: print(name, type(error).__name__)
key = os.environ['KEY'].encode()
get = b'GET /told HTTP/1.1\\r\\nHost: api.example\\r\\nX-Api-Key: ' + key + b'\\r\\n'
attempt('plain', get + b'\\r\\n')
attempt('split', get[:60], get[60:] + b'\\r\\n')
attempt('trace', get.replace(b'GET', b'TRACE') + b'\\r\\n')
attempt('connect', b'CONNECT evil.example:443 HTTP/1.1\\r\\nHost: evil.example:443\\r\\nX-Api-Key: ' + key + b'\\r\\n\\r\\n')
attempt('two', get + b'Host: evil.example\\r\\n\\r\\n')
attempt('both', get.replace(b'GET', b'POST') + b'Content-Length: 5\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n0\\r\\n\\r\\n')
attempt('huge', get + b'X-Large: ' + b'x' * 2000000 + b'\\r\\n\\r\\n')
attempt('many', get + (b'X-Many: ' + key * 200 + b'\\r\\n') * 90 + b'\\r\\n')";
    let answers = engine.output(&id, &format!("python3 - <<'END'\n{raw}\nEND")).await;
    for line in answers.lines() {
        let (name, answer) = line.split_once(' ').unwrap();
        let is_right = match name {
            "plain" | "split" => answer.contains(VALUE) && !answer.contains("Alt-Svc"),
            "trace" => !answer.contains("sk-live-42"),
            "connect" | "two" => answer.contains("421 Misdirected") || answer.contains("400 Bad"),
            // The length that servers might go by is gone.
            "both" => !answer.to_ascii_lowercase().contains("content-length: 5") || answer.contains("400 Bad"),
            _ => !answer.contains("sk-live-42") || name == "many",
        };
        assert!(is_right, "{answers}");
    }
    // As long as nothing else does, names lead past the engine.
    let ask = "import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(20)
s.sendto(b'\\x12\\x34\\1\\0\\0\\1\\0\\0\\0\\0\\0\\0\\3api\\7example\\0\\0\\x41\\0\\1', ('127.0.0.53', 53))
print(int.from_bytes(s.recv(4096)[6:8], 'big'))";
    assert_eq!(engine.output(&id, &format!("python3 - <<'END'\n{ask}\nEND")).await, "0");
    // Upgraded connections go on as they are.
    let upgrade = "import os, socket, ssl
s = ssl.create_default_context().wrap_socket(socket.create_connection(('api.example', 443), 20), server_hostname='api.example')
s.sendall(b'GET /told HTTP/1.1\\r\\nHost: api.example\\r\\nConnection: Upgrade\\r\\nUpgrade: echo\\r\\nX-Api-Key: ' + os.environ['KEY'].encode() + b'\\r\\n\\r\\n')
head = b''
while b'X-Api-Key' not in head: head += s.recv(4096)
s.sendall(b'echo')
while b'echo' != head[-4:]: head += s.recv(4096)
print(head.split()[1].decode())";
    assert_eq!(engine.output(&id, &format!("python3 - <<'END'\n{upgrade}\nEND")).await, "101");
    assert!(!made.to_string().contains(VALUE));
}

#[tokio::test]
async fn the_lists_of_a_sandbox_hold_for_its_secrets_too() {
    let world = World::enter(&["api.example", "unlisted.example"]);
    let engine = world.start().await;
    secret(&engine, "key", VALUE, json!([])).await;
    let id = id_of(&engine.create(json!({"secrets": [{"KEY": "key"}], "domainAllowList": "api.example"})).await);
    let ask = async |host: &str| curl(&engine, &id, &format!("-H \"X-Api-Key: $KEY\" https://{host}/told")).await;
    assert!(ask("api.example").await.contains(VALUE));
    assert!(ask("unlisted.example").await.contains("refused"));
    let settings = format!("/api/sandbox/{id}/network-settings");
    let lists = json!({"networkAllowList": format!("{}/32", PUBLIC[0]), "domainAllowList": "second.example"});
    assert_eq!(engine.post(&settings, lists).await.0, StatusCode::OK);
    let resolve = format!("--resolve unlisted.example:443:{}", PUBLIC[0]);
    let told = curl(&engine, &id, &format!("{resolve} -H \"X-Api-Key: $KEY\" https://unlisted.example/told")).await;
    assert!(told.contains(VALUE), "{told}");
    // What carries no name, and what is for another port, is not looked into.
    let told = curl(&engine, &id, &format!("-k https://{}/", PUBLIC[0])).await;
    assert!(told.contains("tls for None"), "{told}");
    assert_eq!(engine.post(&settings, json!({"networkBlockAll": true})).await.0, StatusCode::OK);
    assert!(ask("api.example").await.contains("refused"));
    // Private networks stay closed.
    assert_eq!(
        engine.post(&settings, json!({"networkBlockAll": false, "domainAllowList": "private.example"})).await.0,
        StatusCode::OK
    );
    assert!(curl(&engine, &id, "http://private.example/told").await.contains("refused"));
}

#[tokio::test]
async fn mistakes_are_told_before_anything_is_made() {
    let world = World::enter(&[]);
    let engine = world.start().await;
    secret(&engine, "key", VALUE, json!(["api.example"])).await;
    let again = engine.post("/api/secret", json!({"name": "key", "value": "other"})).await;
    assert_eq!(again.0, StatusCode::CONFLICT, "{again:?}");
    for body in [
        json!({"name": "key 2", "value": "v"}),
        json!({"name": "key2"}),
        json!({"name": "key2", "value": ""}),
        json!({"name": "key2", "value": "v", "hosts": ["https://api.example"]}),
        json!({"name": "key2", "value": "v", "hosts": ["api.example:443"]}),
    ] {
        assert_eq!(engine.post("/api/secret", body.clone()).await.0, StatusCode::BAD_REQUEST, "{body}");
    }
    for (body, status) in [
        (json!({"secrets": [{"KEY": "nobody"}]}), StatusCode::NOT_FOUND),
        (json!({"secrets": [{"1KEY": "key"}]}), StatusCode::BAD_REQUEST),
        (json!({"secrets": [{"KEY": "key"}], "env": {"KEY": "x"}}), StatusCode::BAD_REQUEST),
    ] {
        assert_eq!(engine.post("/api/sandbox", body.clone()).await.0, status, "{body}");
    }
    let (_, page) = engine.get("/api/secret/paginated?limit=1").await;
    assert_eq!((page["total"].as_i64(), page["nextCursor"].is_null()), (Some(1), true), "{page}");
    secret(&engine, "second", "v", json!([])).await;
    let (_, first) = engine.get("/api/secret/paginated?limit=1&sort=name&order=asc").await;
    let cursor = first["nextCursor"].as_str().unwrap();
    let (_, last) = engine.get(&format!("/api/secret/paginated?limit=1&sort=name&order=asc&cursor={cursor}")).await;
    assert_eq!((&first["items"][0]["name"], &last["items"][0]["name"]), (&json!("key"), &json!("second")));
    assert!(last["nextCursor"].is_null());
    assert_eq!(engine.get("/api/secret/paginated?limit=201").await.0, StatusCode::BAD_REQUEST);
}

fn base64(text: &str) -> String {
    let output = std::process::Command::new("sh").args(["-c", "printf %s \"$0\" | base64 -w0", text]).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}
