//! The interpreter: state, streams, errors, timeouts, contexts.

mod harness;

use harness::socket::Ended;
use harness::{Toolbox, content_of, is_alive, wait_for};
use reqwest::Method;
use serde_json::{Value, json};

/// Everything one run said, and how the connection closed.
struct Ran {
    messages: Vec<Value>,
    ended: Ended,
}

impl Ran {
    fn text(&self, kind: &str) -> String {
        self.messages.iter().filter(|m| m["type"] == kind).map(|m| m["text"].as_str().unwrap()).collect()
    }

    fn error(&self) -> &Value {
        self.messages.iter().find(|message| message["type"] == "error").expect("an error message")
    }
}

async fn run(toolbox: &Toolbox, request: Value) -> Ran {
    let mut socket = toolbox.connect("/process/interpreter/execute", &[]).await;
    socket.send_text(request.to_string()).await;
    let ended = socket.finish().await;
    for message in &socket.texts {
        assert_eq!(message.as_object().unwrap().len(), 5, "{message}");
    }
    Ran { messages: socket.texts, ended }
}

async fn code(toolbox: &Toolbox, code: &str) -> Ran {
    run(toolbox, json!({ "code": code })).await
}

const COMPLETED: Option<(u16, String)> = Some((1000, String::new()));
const TIMED_OUT: Option<(u16, String)> = Some((4008, String::new()));

#[tokio::test]
async fn state_lasts_and_values_are_not_echoed() {
    let toolbox = Toolbox::start();
    let first = code(&toolbox, "x = 40\nx").await;
    assert_eq!((first.text("stdout"), first.ended), (String::new(), COMPLETED));
    let second = code(&toolbox, "import os\nprint(x + 2, __name__, os.getcwd())").await;
    assert_eq!(second.text("stdout"), format!("42 __main__ {}\n", toolbox.home.path().display()));
    assert_eq!(second.text("control"), "completed");
}

#[tokio::test]
async fn streams_keep_their_order_and_children_are_heard() {
    let toolbox = Toolbox::start();
    let source = "import sys\nprint('a')\nprint('b', file=sys.stderr)\nprint('c')\n\
        sys.stdout.buffer.write('é'.encode())\nprint('€')";
    let ran = code(&toolbox, source).await;
    let kinds: Vec<_> = ran.messages.iter().map(|m| m["type"].as_str().unwrap()).collect();
    assert_eq!(kinds[..3], ["stdout", "stderr", "stdout"]);
    assert_eq!((ran.text("stdout").as_str(), ran.text("stderr").as_str()), ("a\nc\né€\n", "b\n"));
    // Output that bypasses Python comes through pipes of its own: all of it, before the end.
    let source = "import os, subprocess\nsubprocess.run('echo child; echo oops >&2', shell=True)\n\
        os.write(1, 'raw ü'.encode())";
    let ran = code(&toolbox, source).await;
    assert_eq!((ran.text("stdout").as_str(), ran.text("stderr").as_str()), ("child\nraw ü", "oops\n"));
    assert_eq!(ran.ended, COMPLETED);
}

#[tokio::test]
async fn exceptions_are_described_as_python_does() {
    let toolbox = Toolbox::start();
    let ran = code(&toolbox, "def f():\n    raise ValueError('bad é')\nf()").await;
    let error = ran.error();
    assert_eq!((&error["name"], &error["value"]), (&json!("ValueError"), &json!("bad é")));
    let expected = "Traceback (most recent call last):\n  File \"<stdin>\", line 3\n  \
        File \"<stdin>\", line 2, in f\nValueError: bad é\n";
    assert_eq!(error["traceback"], expected);
    assert_eq!(ran.messages.last().unwrap()["text"], "completed");
    assert_eq!(ran.ended, COMPLETED);

    let syntax = code(&toolbox, "x = = 1").await;
    assert_eq!(syntax.error()["name"], "SyntaxError");
    assert!(syntax.error()["traceback"].as_str().unwrap().starts_with("Traceback (most recent call last):\n"));

    let odd = "class Odd(Exception):\n    def __str__(self): raise RuntimeError\nraise Odd";
    assert_eq!(code(&toolbox, odd).await.error()["value"], "<unprintable Odd object>");
    let chained = code(&toolbox, "try:\n    1/0\nexcept Exception as e:\n    raise KeyError('k') from e").await;
    let trace = chained.error()["traceback"].as_str().unwrap().to_owned();
    assert!(trace.contains("ZeroDivisionError") && trace.contains("direct cause") && !trace.contains("execute"));

    let exit = code(&toolbox, "import sys; sys.exit(3)").await;
    assert_eq!((exit.text("control").as_str(), exit.ended), ("completed", COMPLETED));
    assert_eq!(code(&toolbox, "print('\\ud800')").await.text("stdout"), "\\ud800\n");
}

#[tokio::test]
async fn variables_last_for_one_run() {
    let toolbox = Toolbox::start();
    let source = "import os\nprint(os.environ.get('T_VAR'), os.environ['HOME'] != '')";
    let with = run(&toolbox, json!({ "code": source, "envs": { "T_VAR": "here" } })).await;
    assert_eq!(with.text("stdout"), "here True\n");
    assert_eq!(code(&toolbox, source).await.text("stdout"), "None True\n");
}

#[tokio::test]
async fn code_out_of_time_is_interrupted_and_keeps_its_state() {
    let toolbox = Toolbox::start();
    let source = "y = 7\nwhile True:\n    print('busy')";
    let ran = run(&toolbox, json!({ "code": source, "timeout": 1 })).await;
    assert_eq!((ran.text("control").as_str(), ran.ended), ("interrupted", TIMED_OUT));
    assert_eq!(code(&toolbox, "print(y)").await.text("stdout"), "7\n");
    let own = code(&toolbox, "raise KeyboardInterrupt").await;
    assert_eq!((own.text("control").as_str(), own.ended), ("interrupted", TIMED_OUT));
}

#[tokio::test]
async fn code_that_resists_is_killed_and_the_context_begins_anew() {
    let toolbox = Toolbox::start();
    let source = "import signal, time\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nz = 1\ntime.sleep(1000)";
    assert_eq!(run(&toolbox, json!({ "code": source, "timeout": 1 })).await.ended, TIMED_OUT);
    assert_eq!(code(&toolbox, "print('z' in globals())").await.text("stdout"), "False\n");
    let crashed = code(&toolbox, "import os; os._exit(1)").await;
    assert_eq!(crashed.ended, Some((1001, "worker process ended".into())));
    assert_eq!(code(&toolbox, "print(1)").await.text("stdout"), "1\n");
}

#[tokio::test]
async fn a_client_that_leaves_stops_its_code() {
    let toolbox = Toolbox::start();
    let mut socket = toolbox.connect("/process/interpreter/execute", &[]).await;
    let source =
        "import subprocess\np = subprocess.Popen(['sleep', '1000'])\nprint(p.pid, file=open('pid', 'w'))\np.wait()";
    socket.send_text(json!({ "code": source }).to_string()).await;
    let pid = content_of(&toolbox.path("pid")).await;
    drop(socket);
    wait_for("the end of the code's child", || (!is_alive(&pid)).then_some(())).await;
    assert_eq!(code(&toolbox, "print('free')").await.text("stdout"), "free\n");
}

#[tokio::test]
async fn runs_of_one_context_wait_for_each_other() {
    let toolbox = Toolbox::start();
    let mut first = toolbox.connect("/process/interpreter/execute", &[]).await;
    let source =
        "import os, time\nprint('started')\nwhile not os.path.exists('go'): time.sleep(0.01)\nprint('first done')";
    first.send_text(json!({ "code": source }).to_string()).await;
    first.read_message(|message| message["text"] == "started\n").await;
    let mut second = toolbox.connect("/process/interpreter/execute", &[]).await;
    second.send_text(json!({ "code": "print('second')" }).to_string()).await;
    std::fs::write(toolbox.path("go"), "").unwrap();
    assert_eq!(first.finish().await, COMPLETED);
    assert_eq!(second.finish().await, COMPLETED);
    assert!(second.texts.iter().any(|message| message["text"] == "second\n"));
}

#[tokio::test]
async fn contexts_are_apart_and_deleted_with_their_runs() {
    let toolbox = Toolbox::start();
    std::fs::create_dir(toolbox.path("there")).unwrap();
    let (status, context) = toolbox.post("/process/interpreter/context", json!({ "cwd": "there" })).await;
    assert_eq!((status.as_u16(), &context["active"], &context["language"]), (200, &json!(true), &json!("python")));
    let id = context["id"].as_str().unwrap();
    code(&toolbox, "x = 'default'").await;
    let source = "import os\nprint('x' in globals(), os.path.basename(os.getcwd()))";
    let ran = run(&toolbox, json!({ "code": source, "contextId": id })).await;
    assert_eq!(ran.text("stdout"), "False there\n");
    let (_, listed) = toolbox.get("/process/interpreter/context").await;
    assert_eq!(listed["contexts"].as_array().unwrap().len(), 1);

    let mut running = toolbox.connect("/process/interpreter/execute", &[]).await;
    let source = "import time; print('up'); time.sleep(1000)";
    running.send_text(json!({ "code": source, "contextId": id }).to_string()).await;
    running.read_message(|message| message["text"] == "up\n").await;
    assert_eq!(toolbox.delete(&format!("/process/interpreter/context/{id}")).await.0, 200);
    assert_eq!(running.finish().await, Some((1001, "context shutdown".into())));

    let delete = |id: &str| toolbox.request(Method::DELETE, &format!("/process/interpreter/context/{id}"));
    assert_eq!(toolbox.failure(delete(id)).await.0, 404);
    assert_eq!(toolbox.failure(delete("default")).await.0, 400);
    let ruby = toolbox.posting("/process/interpreter/context", &json!({ "language": "ruby" }));
    assert_eq!(toolbox.failure(ruby).await.0, 400);
}

#[tokio::test]
async fn bad_requests_are_closed_with_a_reason() {
    let toolbox = Toolbox::start();
    let ended = async |text: &str| {
        let mut socket = toolbox.connect("/process/interpreter/execute", &[]).await;
        socket.send_text(text).await;
        socket.finish().await.unwrap()
    };
    assert_eq!(ended("{").await, (1002, "invalid JSON payload".into()));
    assert_eq!(ended("{\"code\": \"\"}").await, (1008, "code is required".into()));
    let negative = ended("{\"code\": \"1\", \"timeout\": -1}").await;
    assert_eq!(negative, (1008, "timeout must be greater than or equal to 0".into()));
    assert_eq!(ended("{\"code\": \"1\", \"contextId\": \"no\"}").await, (1008, "context not found: no".into()));
}

#[tokio::test]
async fn large_output_arrives_whole() {
    let toolbox = Toolbox::start();
    let ran = code(&toolbox, "for i in range(50000): print(i)\nprint('x' * 3000000)").await;
    let stdout = ran.text("stdout");
    assert!(stdout.starts_with("0\n1\n2\n") && stdout.ends_with("xxx\n"));
    assert_eq!(stdout.len(), (0..50000).map(|i: u32| i.to_string().len() + 1).sum::<usize>() + 3_000_001);
}
