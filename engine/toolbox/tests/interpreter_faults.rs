//! The code interpreter when code misbehaves (wire section 4.4).

mod harness;

use harness::socket::{Ended, Socket};
use harness::{Toolbox, content_of, is_alive, wait_for};
use serde_json::{Value, json};

/// Sends a request and reads the answer to its end.
async fn ask(toolbox: &Toolbox, request: Value) -> (Socket, Ended) {
    let mut socket = toolbox.connect("/process/interpreter/execute", &[]).await;
    socket.send_text(request.to_string()).await;
    let ended = socket.finish().await;
    (socket, ended)
}

/// Runs code that must complete; what it printed.
async fn run(toolbox: &Toolbox, code: &str) -> String {
    let (socket, ended) = ask(toolbox, json!({"code": code})).await;
    assert_eq!(ended, Some((1000, String::new())), "{:?}", socket.texts);
    let printed = socket.texts.iter().filter(|message| message["type"] == "stdout");
    printed.filter_map(|message| message["text"].as_str()).collect()
}

fn is_timeout(ended: &Ended) -> bool {
    ended.as_ref().is_some_and(|(code, _)| *code == 4008)
}

#[tokio::test]
async fn odd_errors_are_errors_of_the_code_and_not_of_the_interpreter() {
    let toolbox = Toolbox::start();
    run(&toolbox, "kept = 'kept'").await;
    for (code, name) in [
        ("def broken(:", "SyntaxError"),
        ("class E(Exception):\n    def __str__(self): raise RuntimeError('no text')\nraise E()", "E"),
        ("raise ValueError('\\ud800')", "ValueError"),
        ("def deep(): deep()\ndeep()", "RecursionError"),
        ("input()", "EOFError"),
    ] {
        let (socket, ended) = ask(&toolbox, json!({"code": code})).await;
        assert_eq!(ended, Some((1000, String::new())), "{code}");
        let error = socket.texts.iter().find(|message| message["type"] == "error");
        assert_eq!(error.map(|error| &error["name"]), Some(&json!(name)), "{code}: {:?}", socket.texts);
    }
    assert_eq!(run(&toolbox, "raise SystemExit(3)").await, "");
    run(&toolbox, "print('\\ud800')").await;
    assert_eq!(run(&toolbox, "print('\\0ü')").await, "\u{0}ü\n");
    assert_eq!(run(&toolbox, "print(kept)").await, "kept\n");
}

#[tokio::test]
async fn code_that_prints_without_end_is_interrupted_between_messages() {
    let toolbox = Toolbox::start();
    run(&toolbox, "kept = 1").await;
    let (socket, ended) = ask(&toolbox, json!({"code": "while True: print('x' * 5000)", "timeout": 1})).await;
    assert!(is_timeout(&ended), "{ended:?}");
    assert!(socket.texts.iter().all(Value::is_object), "a message was cut");
    assert_eq!(run(&toolbox, "print(kept)").await, "1\n");
}

#[tokio::test]
async fn code_that_refuses_to_be_interrupted_is_killed_and_the_next_run_starts_afresh_at_once() {
    let toolbox = Toolbox::start();
    let code = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nkept = 1\nwhile True: pass";
    let (_, ended) = ask(&toolbox, json!({"code": code, "timeout": 1})).await;
    assert!(is_timeout(&ended), "{ended:?}");
    assert_eq!(run(&toolbox, "print('kept' in globals())").await, "False\n");
}

#[tokio::test]
async fn what_code_sets_in_the_environment_lasts_and_what_the_request_set_does_not() {
    let toolbox = Toolbox::start();
    run(&toolbox, "import os\nos.environ['A'] = 'before'").await;
    let code = "print(os.environ['A'], os.environ['B'])\nos.environ['C'] = 'own'";
    let (socket, _) = ask(&toolbox, json!({"code": code, "envs": {"A": "during", "B": "new"}})).await;
    assert_eq!(socket.texts[0]["text"], "during new\n");
    assert_eq!(run(&toolbox, "print(os.environ['A'], 'B' in os.environ, os.environ['C'])").await, "before False own\n");
}

#[tokio::test]
async fn a_client_that_leaves_interrupts_its_code_and_nothing_else() {
    let toolbox = Toolbox::start();
    run(&toolbox, "kept = 1\nended = 'no'").await;
    let code = "import time\nprint('begun')\ntry:\n    time.sleep(1000)\nfinally:\n    ended = 'interrupted'";
    let mut socket = toolbox.connect("/process/interpreter/execute", &[]).await;
    socket.send_text(json!({"code": code}).to_string()).await;
    socket.read_message(|message| message["text"] == "begun\n").await;
    drop(socket);
    assert_eq!(run(&toolbox, "print(kept, ended)").await, "1 interrupted\n");
}

#[tokio::test]
async fn a_process_that_ends_itself_ends_the_run_and_not_the_context() {
    let toolbox = Toolbox::start();
    let (_, ended) = ask(&toolbox, json!({"code": "import os\nos._exit(3)"})).await;
    assert_eq!(ended.unwrap().0, 1001);
    assert_eq!(run(&toolbox, "print('again')").await, "again\n");
}

#[tokio::test]
async fn programs_the_code_started_end_with_a_killed_interpreter() {
    let toolbox = Toolbox::start();
    let pid = toolbox.path("pid");
    let code = format!(
        "import subprocess, signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n\
         p = subprocess.Popen(['sleep', '1000'])\nopen('{}', 'w').write(str(p.pid) + chr(10))\np.wait()",
        pid.display()
    );
    let mut socket = toolbox.connect("/process/interpreter/execute", &[]).await;
    socket.send_text(json!({"code": code}).to_string()).await;
    let pid = content_of(&pid).await;
    // The code ignores the interrupt that follows, so its interpreter is killed.
    drop(socket);
    wait_for("the end of the program", || (!is_alive(&pid)).then_some(())).await;
}

#[tokio::test]
async fn threads_that_print_at_once_do_not_cut_each_others_messages() {
    let toolbox = Toolbox::start();
    let code = "import threading\ndef p(c):\n    for _ in range(200): print(c * 9000)\n\
                ts = [threading.Thread(target=p, args=(c,)) for c in 'abcd']\n\
                [t.start() for t in ts]\n[t.join() for t in ts]";
    let (socket, ended) = ask(&toolbox, json!({"code": code})).await;
    assert_eq!(ended, Some((1000, String::new())));
    let printed = socket.texts.iter().filter(|message| message["type"] == "stdout");
    let total: usize = printed.filter_map(|message| message["text"].as_str()).map(str::len).sum();
    assert_eq!(total, 4 * 200 * 9001);
}
