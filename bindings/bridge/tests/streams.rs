//! Streams in the real engine: forms of reading, order of writing, ends.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use bytes::Bytes;
use daytona_bridge::{Call, Client, Completion, Payload, Sink, Stream, Waiter};
use serde_json::{Value, json};

const BATCH: usize = 64 * 1024;

/// A sandbox in an engine of the test's own, which ends with it.
struct Bench {
    client: Client,
    target: Value,
    state: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        let state = tempfile::tempdir().unwrap();
        let config = json!({ "apiUrl": "local", "localBinary": program(), "localStateDir": state.path() });
        let client = Client::new(config.to_string().as_bytes()).unwrap();
        let mut bench = Self { client, target: Value::Null, state };
        let sandbox = bench.value("sandbox.create", json!({ "params": {} }), Vec::new());
        bench.target = json!({ "id": sandbox["id"], "url": sandbox["toolboxProxyUrl"] });
        bench
    }

    fn start(&self, op: &str, args: Value, blobs: Vec<Bytes>, sink: Box<dyn Sink>) -> Call {
        let mut params = json!({ "args": args });
        if !self.target.is_null() {
            params["target"] = self.target.clone();
        }
        self.client.start(op, Payload::new(params.to_string(), blobs), sink)
    }

    fn value(&self, op: &str, args: Value, blobs: Vec<Bytes>) -> Value {
        value(wait(|sink| self.start(op, args, blobs, sink)))
    }

    fn open(&self, op: &str, args: Value) -> Stream {
        match wait(|sink| self.start(op, args, Vec::new(), sink)) {
            Completion::Stream(stream, _) => stream,
            other => panic!("{op}: {other:?}"),
        }
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let mut command = Command::new(program());
        command.args(["local", "stop", "--state-dir"]).arg(self.state.path()).stdout(Stdio::null());
        assert!(command.status().unwrap().success());
    }
}

/// `DAYTONA_LOCAL_BINARY`, or the program built beside this test.
fn program() -> PathBuf {
    std::env::var_os("DAYTONA_LOCAL_BINARY")
        .map_or_else(|| std::env::current_exe().unwrap().ancestors().nth(2).unwrap().join("daytona"), PathBuf::from)
}

fn wait(start: impl FnOnce(Box<dyn Sink>) -> Call) -> Completion {
    let waiter = Waiter::new();
    let _call = start(waiter.sink());
    waiter.wait(Duration::from_secs(120)).expect("no completion")
}

fn value(completion: Completion) -> Value {
    let Completion::Ok(payload) = completion else { panic!("{completion:?}") };
    let (json, _) = payload.claim();
    if json.is_empty() { Value::Null } else { serde_json::from_slice(&json).unwrap() }
}

/// The next batch, or what the stream ended with.
fn read(stream: &Stream, form: &str) -> Result<Bytes, Value> {
    match wait(|sink| stream.read(BATCH, form, sink)) {
        Completion::Ok(payload) => {
            let (json, blobs) = payload.claim();
            let result = || if json.is_empty() { Value::Null } else { serde_json::from_slice(&json).unwrap() };
            blobs.into_iter().next().ok_or_else(result)
        }
        other => panic!("{other:?}"),
    }
}

/// The contents of all frames up to the end.
fn contents(stream: &Stream, form: &str) -> Vec<String> {
    let mut contents = Vec::new();
    while let Ok(batch) = read(stream, form) {
        let mut rest = &batch[..];
        while let [_, a, b, c, d, after @ ..] = rest {
            let (content, next) = after.split_at(u32::from_le_bytes([*a, *b, *c, *d]) as usize);
            contents.push(String::from_utf8(content.to_vec()).expect("a frame cuts a character"));
            rest = next;
        }
    }
    contents
}

#[test]
fn output_is_read_in_the_form_that_is_asked_for() {
    let bench = Bench::new();
    let command = r"printf 'a\r\nb\n\n'; printf '\342\202'; sleep 0.3; printf '\254 end'";
    let process = bench.value("process.spawn", json!({ "command": command }), Vec::new());
    let open =
        || bench.open("process.stream_output", json!({ "process": process, "options": { "channel": "stdout" } }));

    assert_eq!(contents(&open(), "lines"), ["a", "b", "", "€ end"]);
    for form in ["characters", "text"] {
        assert_eq!(contents(&open(), form).concat(), "a\r\nb\n\n€ end", "{form}");
    }
    let ended = open();
    while read(&ended, "bytes").is_ok() {}
    assert_eq!(read(&ended, "lines"), Err(Value::Null), "the end is told again");
    let Completion::Error(error) = wait(|sink| ended.read(BATCH, "words", sink)) else { panic!("no error") };
    assert!(String::from_utf8_lossy(&error).contains("InvalidArgument"));
}

#[test]
fn input_arrives_in_the_order_in_which_it_was_written() {
    let bench = Bench::new();
    let spawn = json!({ "command": "cat", "options": { "stdin": true } });
    let process = bench.value("process.spawn", spawn, Vec::new());
    let lines: Vec<_> = (0..30).map(|number| number.to_string()).collect();
    let mut calls = Vec::new();
    for line in &lines {
        let waiter = Waiter::new();
        let args = json!({ "process": process, "data": 0 });
        let blobs = vec![Bytes::from(format!("{line}\n"))];
        calls.push((bench.start("process.write_stdin", args, blobs, waiter.sink()), waiter));
    }
    let waiter = Waiter::new();
    calls.push((bench.start("process.close_stdin", json!({ "process": process }), Vec::new(), waiter.sink()), waiter));
    for (_, waiter) in &calls {
        value(waiter.wait(Duration::from_secs(120)).expect("no completion"));
    }
    let output = bench.open("process.stream_output", json!({ "process": process, "options": { "channel": "stdout" } }));
    assert_eq!(contents(&output, "lines"), lines);
}

#[test]
fn a_terminal_that_has_ended_says_so_and_takes_no_input() {
    let bench = Bench::new();
    let terminal = bench.open("process.create_pty", json!({ "sessionId": "t" }));
    value(wait(|sink| terminal.write(Bytes::from_static(b"exit 3\n"), sink)));
    let result = loop {
        if let Err(result) = read(&terminal, "text") {
            break result;
        }
    };
    assert_eq!(result["exitCode"], 3);
    assert_eq!(read(&terminal, "text"), Err(result), "the end is told again");
    let Completion::Error(error) = wait(|sink| terminal.write(Bytes::from_static(b"x"), sink)) else {
        panic!("no error")
    };
    let error: Value = serde_json::from_slice(&error).unwrap();
    assert_eq!(error["kind"], "Closed");
}
