//! Images are pulled from a real registry on this machine.

mod common;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use common::{Bench, run};
use daytona_images::{Access, Build, Cancel, Credentials, Digest, Error, Image, Logins, Reach};
use serde_json::json;

/// A registry, ended with the test.
struct Registry {
    process: Child,
    address: String,
    certificate: Option<PathBuf>,
    password: bool,
}

impl Registry {
    fn start(bench: &Bench, tls: bool, password: bool) -> Self {
        let directory = bench.directory.path();
        let tools = std::env::var_os("DAYTONA_TOOLS")
            .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tools"), PathBuf::from);
        let program = tools.join("registry/usr/bin/docker-registry");
        assert!(program.exists(), "{} is missing: run make setup", program.display());
        let mut config = format!(
            "version: 0.1\nlog: {{accesslog: {{disabled: true}}}}\nstorage: {{filesystem: {{rootdirectory: {}}}}}\n\
             http:\n  addr: 127.0.0.1:0\n",
            directory.join("registry").display()
        );
        let mut certificate = None;
        if tls {
            let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
            let [cert, key] = ["cert.pem", "key.pem"].map(|name| directory.join(name));
            fs::write(&cert, made.cert.pem()).unwrap();
            fs::write(&key, made.signing_key.serialize_pem()).unwrap();
            config += &format!("  tls: {{certificate: {}, key: {}}}\n", cert.display(), key.display());
            certificate = Some(cert);
        }
        if password {
            // The password is "secret".
            let file = directory.join("htpasswd");
            fs::write(&file, "me:$2b$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a\n").unwrap();
            config += &format!("auth: {{htpasswd: {{realm: test, path: {}}}}}\n", file.display());
        }
        let file = directory.join("registry.yml");
        fs::write(&file, config).unwrap();
        let mut process = Command::new(program)
            .arg("serve")
            .arg(&file)
            .env("OTEL_TRACES_EXPORTER", "none")
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let address = loop {
            let line = lines.next().expect("the registry ended").unwrap();
            if let Some((_, rest)) = line.split_once("listening on ") {
                break rest.split(['"', ',']).next().unwrap().to_owned();
            }
        };
        thread::spawn(move || lines.for_each(drop));
        Self { process, address, certificate, password }
    }

    fn access(&self) -> Access {
        let me =
            Credentials { registry: self.address.clone(), username: "me".to_owned(), password: "secret".to_owned() };
        Access {
            credentials: if self.password { vec![me] } else { Vec::new() },
            logins: None,
            authorities: self.certificate.clone().into_iter().collect(),
            reach: None,
            imported: None,
        }
    }

    /// Pushes what we exported, with a program that is not ours.
    fn push(&self, bench: &Bench, image: &Image, name: &str) {
        let layout = bench.directory.path().join(format!("layout-{}", image.id.hex()));
        if !layout.exists() {
            bench.store.export(image, &layout, "it", &Cancel::default()).unwrap();
        }
        let mut copy = Command::new("skopeo");
        copy.args(["--insecure-policy", "copy", "--dest-tls-verify=false"]);
        if self.password {
            copy.args(["--dest-creds", "me:secret"]);
        }
        let copied = copy
            .arg(format!("oci:{}:it", layout.display()))
            .arg(format!("docker://{}/{name}", self.address))
            .output()
            .expect("skopeo is missing: run make setup");
        assert!(copied.status.success(), "{}", String::from_utf8_lossy(&copied.stderr));
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn sample(bench: &Bench) -> Image {
    bench.context(&[("a.txt", "a"), ("b.txt", "b")]);
    bench.build("FROM scratch\nCOPY a.txt /one/a\nCOPY b.txt /two/b\nENV A=1\nLABEL k=v\nCMD [\"/x\"]\n").unwrap()
}

fn pull(bench: &Bench, name: &str, access: &Access) -> Result<Image, Error> {
    bench.store.pull(name, access, &mut |_| {}, &Cancel::default())
}

#[test]
fn images_come_back_from_a_registry_as_they_were_pushed() {
    for (tls, password) in [(false, false), (true, false), (false, true), (true, true)] {
        let bench = Bench::new();
        let registry = Registry::start(&bench, tls, password);
        let image = sample(&bench);
        registry.push(&bench, &image, "me/app:1");
        let name = format!("{}/me/app:1", registry.address);
        let other = Bench::new();
        let pulled = pull(&other, &name, &registry.access()).unwrap();
        assert_eq!(pulled, image, "TLS {tls}, password {password}");
        assert_eq!(other.text(&pulled, "two/b"), "b");
        assert_eq!(pull(&other, &name, &registry.access()).unwrap(), image);
        let build =
            Build { dockerfile: format!("FROM {name}\nENV B=2\n"), access: registry.access(), ..Build::default() };
        assert_eq!(run(&other, &build).unwrap().config.env.len(), 2);
        if password {
            let wrong = Access { authorities: registry.access().authorities, ..Access::default() };
            let error = pull(&Bench::new(), &name, &wrong).unwrap_err().to_string();
            assert!(error.contains("without credentials"), "{error}");
        }
        if tls {
            let error = pull(&Bench::new(), &name, &Access { authorities: vec![], ..registry.access() });
            let error = error.unwrap_err().to_string();
            assert!(error.contains("certificate"), "{error}");
        }
        let missing = pull(&other, &format!("{}/me/other", registry.address), &registry.access());
        let missing = missing.unwrap_err().to_string();
        assert!(missing.contains("is not in the registry"), "{missing}");
        // What is here serves when the registry is gone.
        drop(registry);
        let access = Access { authorities: Vec::new(), ..build.access.clone() };
        assert_eq!(run(&other, &Build { access, ..build }).unwrap().config.env.len(), 2);
    }
}

#[test]
fn what_was_pulled_with_a_login_is_for_those_who_have_it() {
    let bench = Bench::new();
    let registry = Registry::start(&bench, false, true);
    let image = sample(&bench);
    registry.push(&bench, &image, "private/app:1");
    let name = format!("{}/private/app:1", registry.address);
    let build = |access: &Access| {
        let dockerfile = format!("FROM {name}\n");
        run(&bench, &Build { dockerfile, access: access.clone(), ..Build::default() })
    };
    let access = registry.access();
    build(&access).unwrap();
    let mut wrong = access.clone();
    wrong.credentials[0].password = "wrong".to_owned();
    for other in [Access::default(), wrong] {
        assert!(build(&other).is_err());
    }
    drop(registry);
    build(&access).unwrap();
}

#[test]
fn a_registry_that_cannot_be_reached_is_named_with_a_way_out() {
    let bench = Bench::new();
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let build = Build { dockerfile: format!("FROM {free}/python:3.12-slim\n"), ..Build::default() };
    match run(&bench, &build) {
        Err(Error::Instruction { line: 1, reason, .. }) => {
            assert!(reason.contains(&free.to_string()) && reason.contains("FROM default"), "{reason}");
        }
        other => panic!("{other:?}"),
    }
}

/// A registry that asks for a token, breaks off in the middle of layers, and may send something else than it says.
struct Fault {
    address: String,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Fault {
    fn start(layer: Vec<u8>, sent: Vec<u8>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let config = json!({
            "architecture": if cfg!(target_arch = "x86_64") { "amd64" } else { "arm64" },
            "os": "linux",
            "rootfs": { "type": "layers", "diff_ids": [Digest::of(&layer)] },
        });
        let config = config.to_string();
        let manifest = json!({
            "schemaVersion": 2,
            "config": { "digest": Digest::of(&config), "size": config.len() },
            "layers": [{ "digest": Digest::of(&layer), "size": layer.len() }],
        });
        let manifest = manifest.to_string();
        let own = (address.clone(), Arc::clone(&seen));
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let _ = answer(stream, &own.0, &own.1, &manifest, &config, &sent);
            }
        });
        Self { address, seen }
    }
}

fn answer(
    mut stream: TcpStream,
    address: &str,
    seen: &Mutex<Vec<String>>,
    manifest: &str,
    config: &str,
    layer: &[u8],
) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let Some(Ok(first)) = lines.next().filter(|line| line.as_ref().is_ok_and(|line| line.starts_with("GET "))) else {
        return Ok(());
    };
    let headers: Vec<_> = lines.map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
    let header = |name: &str| {
        let find = headers.iter().find_map(|line| line.to_ascii_lowercase().starts_with(name).then(|| line.clone()));
        find.unwrap_or_default()
    };
    let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
    let (authorization, range) = (header("authorization:"), header("range:"));
    seen.lock().unwrap().push(format!("{path} {authorization} {range}"));
    let ok =
        |body: &str| format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
    let text = if path.starts_with("/token") {
        assert!(authorization.contains("Basic bWU6c2VjcmV0"), "{authorization}");
        ok("{\"token\": \"abc\"}")
    } else if !authorization.contains("Bearer abc") {
        format!(
            "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer realm=\"http://{address}/token\",service=\"it\",\
             scope=\"repository:app:pull\"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        )
    } else if path.contains("/manifests/") {
        ok(manifest)
    } else if path.ends_with(&Digest::of(config).to_string()) {
        ok(config)
    } else if let Some(from) =
        range.split("bytes=").nth(1).and_then(|rest| rest.strip_suffix('-')?.parse::<usize>().ok())
    {
        let rest = &layer[from..];
        let head = "HTTP/1.1 206 Partial Content\r\nConnection: close\r\nContent-Length:";
        stream.write_all(format!("{head} {}\r\n\r\n", rest.len()).as_bytes())?;
        return stream.write_all(rest);
    } else {
        // It promises all and sends half.
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", layer.len());
        stream.write_all(head.as_bytes())?;
        return stream.write_all(&layer[..layer.len() / 2]);
    };
    stream.write_all(text.as_bytes())
}

fn layer(text: &str) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_ustar();
    header.set_size(text.len() as u64);
    header.set_mode(0o644);
    builder.append_data(&mut header, "file", text.as_bytes()).unwrap();
    builder.into_inner().unwrap()
}

fn access(address: &str) -> Access {
    let prefix = format!("{address}/");
    let ask = move |name: &str| name.starts_with(&prefix).then(|| ("me".to_owned(), "secret".to_owned()));
    Access { logins: Some(Logins(Arc::new(ask))), ..Access::default() }
}

#[test]
fn a_download_that_breaks_off_goes_on_where_it_ended() {
    let fault = Fault::start(layer("text"), layer("text"));
    let bench = Bench::new();
    let image = pull(&bench, &format!("{}/app", fault.address), &access(&fault.address)).unwrap();
    assert_eq!(bench.text(&image, "file"), "text");
    let seen = fault.seen.lock().unwrap().join("\n").to_lowercase();
    assert!(seen.contains("/token?scope=repository:app:pull&service=it authorization: basic"), "{seen}");
    assert!(seen.contains(&format!("range: bytes={}-", layer("text").len() / 2)), "{seen}");
}

#[test]
fn a_layer_that_is_not_what_it_says_is_refused_and_not_kept() {
    let fault = Fault::start(layer("text"), layer("evil"));
    let bench = Bench::new();
    let error = pull(&bench, &format!("{}/app", fault.address), &access(&fault.address)).unwrap_err().to_string();
    assert!(error.contains("is not what it says"), "{error}");
    for part in ["l", "layers", "names", "downloads", "tmp"] {
        let left = fs::read_dir(bench.directory.path().join("images").join(part)).unwrap().count();
        assert_eq!(left, 0, "something is left in {part}");
    }
}

#[test]
fn a_pull_that_is_cancelled_ends() {
    // It accepts connections and never answers.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let connected = thread::spawn(move || {
        let mut stream = listener.accept().unwrap().0;
        let mut first = [0];
        let _ = stream.read(&mut first);
        stream
    });
    let cancel = Cancel::default();
    let giving_up = cancel.clone();
    thread::spawn(move || {
        let stream = connected.join().unwrap();
        giving_up.cancel();
        // Kept open: only the cancellation ends the pull.
        thread::sleep(std::time::Duration::from_secs(60));
        drop(stream);
    });
    let bench = Bench::new();
    let pulled = bench.store.pull(&format!("{address}/app"), &Access::default(), &mut |_| {}, &cancel);
    assert!(matches!(pulled, Err(Error::Cancelled)), "{pulled:?}");
}

#[test]
fn a_base_with_a_complete_name_is_looked_for_again_where_that_is_asked_for() {
    let bench = Bench::new();
    let registry = Registry::start(&bench, false, false);
    let first = sample(&bench);
    registry.push(&bench, &first, "me/app:1");
    let name = format!("{}/me/app:1", registry.address);
    let other = Bench::new();
    let build = |pull: bool| run(&other, &Build { dockerfile: format!("FROM {name}\n"), pull, ..Build::default() });
    assert_eq!(build(false).unwrap().layers, first.layers);
    let second = bench.build("FROM scratch\nCOPY b.txt /new\n").unwrap();
    registry.push(&bench, &second, "me/app:1");
    assert_eq!(build(false).unwrap().layers, first.layers, "the one that is here");
    assert_eq!(build(true).unwrap().layers, second.layers);
}

#[test]
fn registries_of_this_machine_are_not_for_everybody() {
    let bench = Bench::new();
    let registry = Registry::start(&bench, false, false);
    let image = sample(&bench);
    registry.push(&bench, &image, "me/app:1");
    let other = Bench::new();
    let reach = Some(Reach(|address| !address.is_loopback()));
    let port = registry.address.rsplit(':').next().unwrap();
    let build = |host: &str, reach: Option<Reach>| {
        let dockerfile = format!("FROM {host}:{port}/me/app:1\n");
        run(&other, &Build { dockerfile, access: Access { reach, ..Access::default() }, ..Build::default() })
    };
    let refused = |host: &str| {
        let error = build(host, reach).unwrap_err().to_string();
        assert!(error.contains("this machine or a private network"), "{host}: {error}");
    };
    for host in ["127.0.0.1", "localhost", "[::1]"] {
        refused(host);
    }
    build("127.0.0.1", None).unwrap();
    refused("127.0.0.1");
}
