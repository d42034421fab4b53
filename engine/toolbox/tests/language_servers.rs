//! Language servers: the real ones of the engine's snapshot where they are installed by setup, and programs of a few lines where
//! a server must misbehave.

mod harness;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use harness::{Toolbox, wait_for};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

/// A server in Python that answers as the test says: `handle(method, params)`, where `answer` is what it returns.
const SERVER: &str = r#"#!/usr/bin/python3
import json, os, sys, time
home = os.environ["HOME"]
def log(text):
    with open(home + "/log", "a") as file:
        file.write(text + "\n")
def read():
    length = 0
    while True:
        line = sys.stdin.buffer.readline()
        if not line:
            sys.exit(0)
        if line == b"\r\n":
            return json.loads(sys.stdin.buffer.read(length))
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
def send(message):
    body = json.dumps({"jsonrpc": "2.0", **message}).encode()
    sys.stdout.buffer.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
    sys.stdout.buffer.flush()
CAPABILITIES = {"completionProvider": {}, "documentSymbolProvider": True}
log("started")
"#;

const LOOP: &str = r#"
while True:
    message = read()
    method, params = message.get("method"), message.get("params")
    if method == "initialize":
        with open(home + "/watched", "w") as file:
            file.write(str(params["processId"]))
        send({"id": message["id"], "result": {"capabilities": CAPABILITIES}})
    elif method == "shutdown":
        send({"id": message["id"], "result": None})
    elif method == "exit":
        log("left")
        sys.exit(0)
    elif method == "textDocument/didOpen":
        log("open " + os.path.basename(params["textDocument"]["uri"]) + " " + params["textDocument"]["text"].strip())
    elif method == "textDocument/didChange":
        log("change " + params["contentChanges"][0]["text"].strip())
    elif method == "textDocument/didClose":
        log("close " + os.path.basename(params["textDocument"]["uri"]))
    elif "id" in message:
        handle(message["id"], method, params)
"#;

const TEXT: &str = "class A:\n    def f(self):\n        return 1\n\n\na = A()\na.f\n";

struct Lab {
    toolbox: Toolbox,
    project: PathBuf,
}

impl Lab {
    /// A toolbox with a project, whose sandbox has no server yet.
    async fn new() -> Self {
        let toolbox = Toolbox::start();
        let project = toolbox.path("project");
        fs::create_dir_all(&project).unwrap();
        fs::write(project.join("a.py"), TEXT).unwrap();
        let lab = Self { toolbox, project };
        lab.set(&[("PATH", &format!("{}:/usr/bin:/bin", lab.bin().display()))]).await;
        lab
    }

    fn bin(&self) -> PathBuf {
        let bin = self.toolbox.path("bin");
        fs::create_dir_all(&bin).unwrap();
        bin
    }

    /// Changes the sandbox's environment.
    async fn set(&self, variables: &[(&str, &str)]) {
        let variables: serde_json::Map<String, Value> =
            variables.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        assert_eq!(self.toolbox.post("/env", json!({"set": variables})).await.0, StatusCode::OK);
    }

    /// Installs a Python server that answers so.
    fn install(&self, handle: &str) {
        let program = self.bin().join("pylsp");
        fs::write(&program, format!("{SERVER}{handle}{LOOP}")).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// The body of a request for the project's Python server.
    fn body(&self, more: Value) -> Value {
        let mut body = json!({"languageId": "python", "pathToProject": self.project});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    }

    fn uri(&self, name: &str) -> String {
        format!("file://{}", self.project.join(name).display())
    }

    async fn start(&self) {
        let (status, answer) = self.toolbox.post("/lsp/start", self.body(json!({}))).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
    }

    async fn complete(&self) -> (StatusCode, Value) {
        let position = json!({"line": 0, "character": 0});
        self.toolbox.post("/lsp/completions", self.body(json!({"uri": self.uri("a.py"), "position": position}))).await
    }

    fn log(&self) -> Vec<String> {
        let log = fs::read_to_string(self.toolbox.path("log")).unwrap_or_default();
        log.lines().map(str::to_owned).collect()
    }
}

fn labels(answer: &Value) -> Vec<&str> {
    answer["items"].as_array().unwrap().iter().map(|item| item["label"].as_str().unwrap()).collect()
}

/// Where setup has installed the real servers.
fn snapshot() -> PathBuf {
    let python =
        std::env::var_os("DAYTONA_TEST_PYTHONPATH").expect("DAYTONA_TEST_PYTHONPATH, as scripts/environment sets it");
    Path::new(&python).parent().expect("the snapshot").to_owned()
}

/// A lab with the real servers.
async fn real() -> Lab {
    let lab = Lab::new().await;
    let snapshot = snapshot();
    // The links of the snapshot hold inside a sandbox.
    for (program, place) in [
        ("ty", "python/bin/ty"),
        ("ruff", "python/bin/ruff"),
        ("typescript-language-server", "node/node_modules/typescript-language-server/lib/cli.mjs"),
    ] {
        std::os::unix::fs::symlink(snapshot.join(place), lab.bin().join(program)).unwrap();
    }
    lab.set(&[("NODE_PATH", snapshot.join("node/node_modules").to_str().unwrap())]).await;
    lab
}

#[tokio::test]
async fn what_is_not_started_says_so() {
    let lab = Lab::new().await;
    let toolbox = &lab.toolbox;
    let missing = toolbox.failure(toolbox.posting("/lsp/start", &lab.body(json!({})))).await;
    assert_eq!(missing, (501, "NOT_IMPLEMENTED".to_owned()));
    let document = lab.body(json!({"uri": lab.uri("a.py"), "position": {"line": 0, "character": 0}, "newName": "b"}));
    for route in [
        "stop",
        "did-open",
        "did-close",
        "completions",
        "hover",
        "definition",
        "references",
        "diagnostics",
        "rename",
        "formatting",
    ] {
        let failure = toolbox.failure(toolbox.posting(&format!("/lsp/{route}"), &document)).await;
        assert_eq!(failure, (400, "LSP_SERVER_NOT_INITIALIZED".to_owned()), "{route}");
    }
    let query = [("languageId", "python"), ("pathToProject", "project"), ("uri", "file:///a.py"), ("query", "a")];
    for route in ["document-symbols", "workspacesymbols"] {
        let request = toolbox.request(Method::GET, &format!("/lsp/{route}")).query(&query);
        assert_eq!(toolbox.failure(request).await, (400, "LSP_SERVER_NOT_INITIALIZED".to_owned()), "{route}");
    }
    let other = json!({"languageId": "cobol", "pathToProject": "project"});
    assert_eq!(toolbox.failure(toolbox.posting("/lsp/start", &other)).await, (400, "BAD_REQUEST".to_owned()));
    let nowhere = json!({"languageId": "python", "pathToProject": "nowhere"});
    assert_eq!(toolbox.failure(toolbox.posting("/lsp/start", &nowhere)).await, (404, "FILE_NOT_FOUND".to_owned()));
    let file = json!({"languageId": "python", "pathToProject": "project/a.py"});
    assert_eq!(toolbox.failure(toolbox.posting("/lsp/start", &file)).await, (400, "BAD_REQUEST".to_owned()));
}

#[tokio::test]
async fn documents_are_as_they_are_on_disk() {
    let lab = Lab::new().await;
    lab.install("def handle(id, method, params):\n    send({'id': id, 'result': [{'label': 'x'}, {'label': 'y', 'kind': 3}]})\n");
    lab.start().await;
    // Without being opened before.
    let (status, answer) = lab.complete().await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(answer, json!({"isIncomplete": false, "items": [{"label": "x"}, {"label": "y", "kind": 3}]}));
    fs::write(lab.project.join("a.py"), "changed").unwrap();
    assert_eq!(lab.toolbox.post("/lsp/did-open", lab.body(json!({"uri": lab.uri("a.py")}))).await.0, StatusCode::OK);
    lab.complete().await;
    assert_eq!(lab.toolbox.post("/lsp/did-close", lab.body(json!({"uri": lab.uri("a.py")}))).await.0, StatusCode::OK);
    fs::remove_file(lab.project.join("a.py")).unwrap();
    assert_eq!(lab.complete().await.0, StatusCode::NOT_FOUND);
    // Started again, it is the same; stopped, it may leave.
    lab.start().await;
    assert_eq!(lab.toolbox.post("/lsp/stop", lab.body(json!({}))).await.0, StatusCode::OK);
    assert_eq!(lab.complete().await.1["code"], "LSP_SERVER_NOT_INITIALIZED");
    let opened = format!("open a.py {}", TEXT.lines().next().unwrap());
    let log = lab.log();
    assert_eq!(log[0], "started");
    assert_eq!(log[1], opened);
    assert_eq!(log.iter().filter(|line| *line == "change changed").count(), 1, "{log:?}");
    assert_eq!(log[log.len() - 2..], ["close a.py", "left"]);
}

#[tokio::test]
async fn servers_watch_no_process_which_they_may_not_signal() {
    let lab = Lab::new().await;
    lab.install("def handle(id, method, params):\n    send({'id': id, 'result': []})\n");
    lab.start().await;
    assert_eq!(lab.complete().await.0, StatusCode::OK);
    assert_eq!(fs::read_to_string(lab.toolbox.path("watched")).unwrap(), "None");
}

#[tokio::test]
async fn one_that_crashes_is_started_again_with_its_documents() {
    let lab = Lab::new().await;
    lab.install(
        "def handle(id, method, params):\n    crashed = home + '/crashed'\n    if not os.path.exists(crashed):\n        \
         open(crashed, 'w').close()\n        os._exit(3)\n    send({'id': id, 'result': [{'label': 'survived'}]})\n",
    );
    fs::write(lab.project.join("b.py"), "b").unwrap();
    lab.start().await;
    assert_eq!(lab.toolbox.post("/lsp/did-open", lab.body(json!({"uri": lab.uri("b.py")}))).await.0, StatusCode::OK);
    let (status, answer) = lab.complete().await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(labels(&answer), ["survived"]);
    let log = lab.log();
    assert_eq!(log.iter().filter(|line| *line == "started").count(), 2, "{log:?}");
    assert_eq!(log.iter().filter(|line| *line == "open b.py b").count(), 2, "{log:?}");
}

#[tokio::test]
async fn one_that_always_crashes_is_an_error_with_its_last_words() {
    let lab = Lab::new().await;
    lab.install("def handle(id, method, params):\n    os._exit(3)\n");
    lab.start().await;
    let (status, answer) = lab.complete().await;
    assert_eq!((status.as_u16(), answer["code"].as_str().unwrap()), (500, "INTERNAL_SERVER_ERROR"), "{answer}");

    fs::write(lab.bin().join("pylsp"), "#!/bin/sh\necho 'no module named jedi' >&2\nexit 1\n").unwrap();
    let other = lab.toolbox.path("other");
    fs::create_dir(&other).unwrap();
    let (status, answer) =
        lab.toolbox.post("/lsp/start", json!({"languageId": "python", "pathToProject": other})).await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(answer["message"].as_str().unwrap().contains("no module named jedi"), "{answer}");
}

#[tokio::test]
async fn one_that_hangs_is_an_error_and_is_started_again() {
    let lab = Lab::new().await;
    lab.install(
        "def handle(id, method, params):\n    if os.path.exists(home + '/hang'):\n        time.sleep(1000)\n    \
         send({'id': id, 'result': [{'label': 'x'}]})\n",
    );
    lab.start().await;
    assert_eq!(labels(&lab.complete().await.1), ["x"]);

    fs::write(lab.toolbox.path("hang"), "").unwrap();
    lab.set(&[("DAYTONA_LSP_TIMEOUT", "3")]).await;
    let (status, answer) = lab.complete().await;
    assert_eq!((status.as_u16(), answer["code"].as_str().unwrap()), (408, "REQUEST_TIMEOUT"), "{answer}");
    assert!(answer["message"].as_str().unwrap().contains("DAYTONA_LSP_TIMEOUT"), "{answer}");
    fs::remove_file(lab.toolbox.path("hang")).unwrap();
    lab.set(&[("DAYTONA_LSP_TIMEOUT", "60")]).await;
    // It was killed, and is started again.
    assert_eq!(labels(&lab.complete().await.1), ["x"]);
}

#[tokio::test]
async fn a_server_that_hangs_keeps_no_other_waiting() {
    let lab = Lab::new().await;
    let other = lab.toolbox.path("other");
    fs::create_dir(&other).unwrap();
    fs::write(other.join("a.py"), "1").unwrap();
    // Only in the first project.
    lab.install(
        "def handle(id, method, params):\n    if '/project/' in params['textDocument']['uri']:\n        log('hangs')\n        \
         time.sleep(1000)\n    send({'id': id, 'result': [{'label': 'x'}]})\n",
    );
    let there = json!({"languageId": "python", "pathToProject": other});
    lab.start().await;
    assert_eq!(lab.toolbox.post("/lsp/start", there.clone()).await.0, StatusCode::OK);
    let mut body = there;
    body["uri"] = json!(format!("file://{}", other.join("a.py").display()));
    body["position"] = json!({"line": 0, "character": 0});
    let served = async {
        wait_for("a request that hangs", || lab.log().iter().any(|line| line == "hangs").then_some(())).await;
        lab.toolbox.post("/lsp/completions", body).await
    };
    tokio::select! {
        answer = lab.complete() => panic!("the first answered: {answer:?}"),
        (status, answer) = served => assert_eq!((status, labels(&answer)), (StatusCode::OK, vec!["x"])),
    }
    // Whoever waited has left; the server can still be stopped.
    assert_eq!(lab.toolbox.post("/lsp/stop", lab.body(json!({}))).await.0, StatusCode::OK);
}

#[tokio::test]
async fn hostile_answers_are_bounded() {
    for handle in [
        // A length that nobody has memory for, with nothing behind it.
        "    sys.stdout.buffer.write(b'Content-Length: 99999999999\\r\\n\\r\\n'); sys.stdout.buffer.flush(); time.sleep(1000)\n",
        // A header without end.
        "    sys.stdout.buffer.write(b'a' * 1000000); sys.stdout.buffer.flush(); time.sleep(1000)\n",
        // Nested beyond reason.
        "    body = b'[' * 1000000\n    sys.stdout.buffer.write(b'Content-Length: %d\\r\\n\\r\\n' % len(body) + body); \
         sys.stdout.buffer.flush(); time.sleep(1000)\n",
        // Questions without end, whose answers it does not read.
        "    while True:\n        send({'id': 1, 'method': 'workspace/configuration', 'params': {'items': [{}] * 1000}})\n",
    ] {
        let lab = Lab::new().await;
        lab.install(&format!("def handle(id, method, params):\n{handle}"));
        lab.start().await;
        let (status, answer) = lab.complete().await;
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR, "{handle}: {answer}");
        assert_eq!(lab.toolbox.get("/work-dir").await.0, StatusCode::OK);
    }
    // What is of no form at all is nothing.
    let lab = Lab::new().await;
    lab.install("def handle(id, method, params):\n    send({'id': id, 'result': {'items': [1, 'x', {'label': 7}, {'label': 'ok', 'kind': {}}]}})\n");
    lab.start().await;
    assert_eq!(labels(&lab.complete().await.1), ["ok"]);
    let (status, answer) = lab
        .toolbox
        .post("/lsp/hover", lab.body(json!({"uri": lab.uri("a.py"), "position": {"line": 0, "character": 0}})))
        .await;
    assert_eq!((status.as_u16(), answer["code"].as_str().unwrap()), (501, "NOT_IMPLEMENTED"), "{answer}");
    assert!(answer["message"].as_str().unwrap().contains("not supported by this server (pylsp)"), "{answer}");
}

#[tokio::test]
async fn published_problems_are_returned() {
    let lab = Lab::new().await;
    let publishing = LOOP.replace(
        "        log(\"open \"",
        "        send({'method': 'textDocument/publishDiagnostics', 'params': {'uri': params['textDocument']['uri'], \
         'diagnostics': [{'range': {}, 'message': 'first'}]}})\n        log(\"open \"",
    );
    fs::write(lab.bin().join("pylsp"), format!("{SERVER}def handle(id, method, params): pass\n{publishing}")).unwrap();
    fs::set_permissions(lab.bin().join("pylsp"), fs::Permissions::from_mode(0o755)).unwrap();
    lab.start().await;
    for _ in 0..2 {
        let (status, answer) = lab.toolbox.post("/lsp/diagnostics", lab.body(json!({"uri": lab.uri("a.py")}))).await;
        assert_eq!((status, &answer), (StatusCode::OK, &json!([{"range": {}, "message": "first"}])));
    }
}

#[tokio::test]
async fn documents_that_are_no_files_are_refused() {
    let lab = Lab::new().await;
    lab.install("def handle(id, method, params):\n    send({'id': id, 'result': []})\n");
    lab.start().await;
    nix::unistd::mkfifo(&lab.project.join("fifo.py"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    fs::File::create(lab.project.join("large.py")).unwrap().set_len(5 * 1024 * 1024).unwrap();
    for (name, status) in [("fifo.py", 400), ("large.py", 400), ("none.py", 404), ("", 400)] {
        let body = lab.body(json!({"uri": lab.uri(name)}));
        assert_eq!(lab.toolbox.failure(lab.toolbox.posting("/lsp/did-open", &body)).await.0, status, "{name}");
    }
}

#[tokio::test]
async fn there_are_only_so_many_servers() {
    let lab = Lab::new().await;
    lab.install("def handle(id, method, params):\n    send({'id': id, 'result': []})\n");
    let mut refused = None;
    for number in 0..17 {
        let project = lab.toolbox.path(&format!("p{number}"));
        fs::create_dir(&project).unwrap();
        let (status, answer) =
            lab.toolbox.post("/lsp/start", json!({"languageId": "python", "pathToProject": project})).await;
        if status != StatusCode::OK {
            refused = Some((number, answer["message"].as_str().unwrap().to_owned()));
        }
    }
    let (number, message) = refused.unwrap();
    assert_eq!(number, 16);
    assert!(message.contains("stop those that are done"), "{message}");
}

#[tokio::test]
async fn python_is_served() {
    let lab = real().await;
    fs::write(lab.project.join("b c.py"), "from a import A\nA().f( )\nx: int = 'one'\n").unwrap();
    lab.start().await;
    let at = |name: &str, line: u32, character: u32| {
        lab.body(json!({"uri": lab.uri(name), "position": {"line": line, "character": character}}))
    };
    let (status, answer) = lab.toolbox.post("/lsp/completions", at("a.py", 6, 3)).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert!(labels(&answer).contains(&"f"), "{answer}");
    assert_eq!(lab.complete().await.0, StatusCode::OK);

    let query = [("languageId", "python"), ("pathToProject", "project"), ("uri", &lab.uri("a.py")), ("query", "A")];
    let request = lab.toolbox.request(Method::GET, "/lsp/document-symbols").query(&query);
    let symbols: Value = request.send().await.unwrap().json().await.unwrap();
    assert_eq!((&symbols[0]["name"], &symbols[0]["kind"]), (&json!("A"), &json!(5)), "{symbols}");
    assert_eq!(symbols[0]["children"][0]["name"], "f", "{symbols}");
    assert_eq!(symbols[0]["location"]["uri"], lab.uri("a.py"));
    let request = lab.toolbox.request(Method::GET, "/lsp/workspacesymbols").query(&query);
    let symbols: Value = request.send().await.unwrap().json().await.unwrap();
    assert!(symbols.as_array().unwrap().iter().any(|symbol| symbol["name"] == "A"), "{symbols}");

    // As SDKs write a path with a space.
    let (_, hover) = lab.toolbox.post("/lsp/hover", at("b c.py", 1, 4)).await;
    assert!(hover["contents"].as_str().unwrap().contains("f("), "{hover}");
    let (_, places) = lab.toolbox.post("/lsp/definition", at("b c.py", 1, 4)).await;
    assert_eq!(
        (&places[0]["uri"], &places[0]["range"]["start"]["line"]),
        (&json!(lab.uri("a.py")), &json!(1)),
        "{places}"
    );
    let (_, places) = lab.toolbox.post("/lsp/references", at("a.py", 1, 8)).await;
    assert!(
        places.as_array().unwrap().iter().any(|place| place["uri"].as_str().unwrap().ends_with("b%20c.py")),
        "{places}"
    );
    let (_, problems) = lab.toolbox.post("/lsp/diagnostics", lab.body(json!({"uri": lab.uri("b c.py")}))).await;
    assert_eq!(problems[0]["range"]["start"]["line"], 2, "{problems}");
    let mut renaming = at("a.py", 1, 8);
    renaming["newName"] = json!("g");
    let (_, files) = lab.toolbox.post("/lsp/rename", renaming).await;
    assert_eq!(files.as_array().unwrap().len(), 2, "{files}");
    let (status, edits) = lab.toolbox.post("/lsp/formatting", lab.body(json!({"uri": lab.uri("b c.py")}))).await;
    assert_eq!(status, StatusCode::OK, "{edits}");
    assert!(!edits.as_array().unwrap().is_empty(), "{edits}");

    // Another file changes, without being opened.
    fs::write(lab.project.join("a.py"), TEXT.replace("def f", "def other")).unwrap();
    fs::write(lab.project.join("d.py"), "from a import A\nA().\n").unwrap();
    let (_, answer) = lab.toolbox.post("/lsp/completions", at("d.py", 1, 4)).await;
    assert!(labels(&answer).contains(&"other"), "{answer}");
}

/// A project with a virtual environment of its own that has nothing but this server of `target/tools/venv`.
async fn with_a_server_of_its_own(server: &str) -> Lab {
    let lab = real().await;
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tools/venv/bin").join(server);
    let bin = lab.project.join(".venv/bin");
    fs::create_dir_all(&bin).unwrap();
    std::os::unix::fs::symlink(tools.canonicalize().expect("setup installs it"), bin.join(server)).unwrap();
    lab
}

async fn serves_python_by(server: &str) {
    let lab = with_a_server_of_its_own(server).await;
    fs::write(lab.project.join("b.py"), "from a import A\nA().f(\n").unwrap();
    lab.start().await;
    let at = |line: u32, character: u32| {
        lab.body(json!({"uri": lab.uri("a.py"), "position": {"line": line, "character": character}}))
    };
    let (status, answer) = lab.toolbox.post("/lsp/completions", at(6, 3)).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert!(labels(&answer).iter().any(|label| label.starts_with('f')), "{answer}");
    let query = [("languageId", "python"), ("pathToProject", "project"), ("uri", &lab.uri("a.py"))];
    let request = lab.toolbox.request(Method::GET, "/lsp/document-symbols").query(&query);
    let symbols: Value = request.send().await.unwrap().json().await.unwrap();
    assert!(symbols.as_array().unwrap().iter().any(|symbol| symbol["name"] == "A"), "{symbols}");
    let (_, hover) = lab.toolbox.post("/lsp/hover", at(1, 8)).await;
    assert!(hover["contents"].as_str().unwrap().contains('f'), "{hover}");
    let (_, places) = lab.toolbox.post("/lsp/references", at(1, 8)).await;
    assert!(!places.as_array().unwrap().is_empty(), "{places}");
    // Some publish what is wrong a moment later.
    let broken = lab.body(json!({"uri": lab.uri("b.py")}));
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    loop {
        let (status, problems) = lab.toolbox.post("/lsp/diagnostics", broken.clone()).await;
        assert_eq!(status, StatusCode::OK, "{problems}");
        if !problems.as_array().unwrap().is_empty() {
            break;
        }
        assert!(std::time::Instant::now() < deadline, "nothing is wrong with b.py");
    }
}

#[tokio::test]
async fn a_project_with_basedpyright_is_served_by_it() {
    serves_python_by("basedpyright-langserver").await;
}

#[tokio::test]
async fn a_project_with_pylsp_is_served_by_it() {
    serves_python_by("pylsp").await;
}

/// A project in TypeScript with an error in its last line.
fn typescript_project(lab: &Lab, name: &str) -> PathBuf {
    let project = lab.toolbox.path(name);
    fs::create_dir_all(&project).unwrap();
    let text = "export class Greeter {\n  greet(): string { return 'hi'; }\n}\nconst g = new Greeter();\ng.greet;\nconst n: number = 'x';\n";
    fs::write(project.join("app.ts"), text).unwrap();
    fs::write(project.join("tsconfig.json"), "{}").unwrap();
    project
}

async fn serves_typescript(lab: &Lab, language: &str, project: &Path) {
    let server = json!({"languageId": language, "pathToProject": project});
    let body = |more: Value| {
        let mut body = server.clone();
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let uri = format!("file://{}", project.join("app.ts").display());
    let (status, answer) = lab.toolbox.post("/lsp/start", server.clone()).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let query =
        [("languageId", language), ("pathToProject", project.to_str().unwrap()), ("query", "Greeter"), ("uri", &uri)];
    // Before anything is open.
    let request = lab.toolbox.request(Method::GET, "/lsp/workspacesymbols").query(&query);
    let symbols: Value = request.send().await.unwrap().json().await.unwrap();
    assert!(symbols.as_array().unwrap().iter().any(|symbol| symbol["name"] == "Greeter"), "{symbols}");
    let (status, answer) =
        lab.toolbox.post("/lsp/completions", body(json!({"uri": uri, "position": {"line": 4, "character": 2}, "context": {"triggerKind": 2, "triggerCharacter": "."}}))).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert!(labels(&answer).contains(&"greet"), "{answer}");
    let request = lab.toolbox.request(Method::GET, "/lsp/document-symbols").query(&query);
    let symbols: Value = request.send().await.unwrap().json().await.unwrap();
    let greeter = symbols.as_array().unwrap().iter().find(|symbol| symbol["name"] == "Greeter").unwrap();
    assert!(greeter["children"].as_array().unwrap().iter().any(|child| child["name"] == "greet"), "{symbols}");
    // Programs that only publish problems publish them one after the other.
    let mut told = false;
    for _ in 0..120 {
        let (status, problems) = lab.toolbox.post("/lsp/diagnostics", body(json!({"uri": uri}))).await;
        assert_eq!(status, StatusCode::OK, "{problems}");
        told = problems.as_array().unwrap().iter().any(|problem| problem["code"] == "2322");
        if told {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    }
    assert!(told);
    let (status, edits) = lab.toolbox.post("/lsp/formatting", body(json!({"uri": uri}))).await;
    assert_eq!(status, StatusCode::OK, "{edits}");
    assert_eq!(lab.toolbox.post("/lsp/stop", server).await.0, StatusCode::OK);
}

#[tokio::test]
async fn typescript_and_javascript_are_served_by_the_native_server() {
    let lab = real().await;
    let project = typescript_project(&lab, "native");
    serves_typescript(&lab, "typescript", &project).await;
    serves_typescript(&lab, "javascript", &project).await;
}

#[tokio::test]
async fn a_project_with_an_older_typescript_is_served_by_its_own() {
    let lab = real().await;
    let project = typescript_project(&lab, "older");
    fs::create_dir(project.join("node_modules")).unwrap();
    std::os::unix::fs::symlink(
        snapshot().join("node/node_modules/typescript"),
        project.join("node_modules/typescript"),
    )
    .unwrap();
    serves_typescript(&lab, "typescript", &project).await;
}

#[tokio::test]
async fn several_projects_and_languages_are_served_at_once() {
    let lab = real().await;
    let project = typescript_project(&lab, "mixed");
    fs::write(project.join("a.py"), TEXT).unwrap();
    let python = json!({"languageId": "python", "pathToProject": project});
    lab.start().await;
    assert_eq!(lab.toolbox.post("/lsp/start", python.clone()).await.0, StatusCode::OK);
    let mut body = python;
    body["uri"] = json!(format!("file://{}", project.join("a.py").display()));
    body["position"] = json!({"line": 6, "character": 3});
    let ((), (status, answer)) =
        tokio::join!(serves_typescript(&lab, "typescript", &project), lab.toolbox.post("/lsp/completions", body));
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert!(labels(&answer).contains(&"f"), "{answer}");
    assert_eq!(lab.complete().await.0, StatusCode::OK);
}
