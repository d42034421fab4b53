//! Using up what the machine, the user or the sandbox has.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::{Engine, Level, at_both_levels, wait_for};

at_both_levels![
    a_fork_bomb_ends_at_the_limit_of_its_sandbox,
    killing_everything_leaves_the_toolbox_alive,
    memory_ends_with_the_sandbox_that_takes_it_and_the_result_says_so,
    endless_output_is_an_error_and_the_toolbox_stays_small,
    terminals_are_not_taken_from_others,
    inotify_instances_are_not_taken_from_others,
    pipes_are_not_taken_from_others,
    sessions_terminals_and_contexts_have_limits,
    open_files_and_queues_end_with_their_sandbox,
    memory_that_no_process_holds_is_bounded,
    the_disks_time_is_shared_out_where_the_machine_can,
];

async fn a_fork_bomb_ends_at_the_limit_of_its_sandbox(engine: &Engine) {
    let bystander = engine.bystander().await;
    assert_eq!(engine.get("/api/health").await.1["limits"]["processes"], true);
    // Enough that memory is not what ends it.
    let id = engine.with_memory(8).await;
    let bomb = "
import os, time
count = 0
try:
    while count < 10_000:
        if os.fork() == 0:
            time.sleep(600)
        count += 1
except OSError:
    pass
print(count, flush=True)
time.sleep(600)
";
    engine.output(&id, &format!("nohup python3 - > counted 2>&1 <<'BOMB' &\n{bomb}\nBOMB\n")).await;
    let mut counted = String::new();
    for _ in 0..1_800 {
        let (status, text) = engine.get(&format!("/toolbox/{id}/files/download?path=counted")).await;
        counted = text.to_string();
        if status.is_success() && counted.chars().any(|c| c.is_ascii_digit()) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let count: usize = counted.trim_matches(|c: char| !c.is_ascii_digit()).parse().expect(&counted);
    assert!((1_000..=4_096).contains(&count), "{count} processes");
    engine.assert_unharmed(&bystander).await;
    // Requests that need another process fail; all others still work, and so does deleting.
    let (status, _) = engine.get(&format!("/toolbox/{id}/files?path=.")).await;
    assert_eq!(status, StatusCode::OK);
    let (status, answer) = engine.post(&format!("/api/sandbox/{id}/stop"), json!({})).await;
    assert!(status.is_success(), "{answer}");
    engine.assert_unharmed(&bystander).await;
}

async fn killing_everything_leaves_the_toolbox_alive(engine: &Engine) {
    let bystander = engine.bystander().await;
    for user in engine.users() {
        let id = engine.create(json!({"user": user})).await;
        engine.output(&id, "nohup sleep 5252 >/dev/null 2>&1 & echo").await;
        for attack in [
            "kill -9 -1",
            "for pid in $(ls /proc | grep '^[0-9]*$'); do test $pid = $$ || kill -9 $pid; done",
            "kill -STOP -1",
        ] {
            let (_, output) = engine.run(&id, &format!("{{ {attack}; }} 2>&1; echo survived")).await;
            assert!(output.contains("survived"), "{user}: {attack}: {output}");
            assert_eq!(engine.output(&id, "echo still here").await, "still here", "{user}: {attack}");
        }
        let left = engine.run(&id, "grep -lz sleep /proc/[0-9]*/cmdline | grep -c -v self").await.1;
        let sleeping = engine.run(&id, "cat /proc/[0-9]*/comm | grep -c sleep").await.1;
        assert_eq!(sleeping.trim(), "0", "{user}: its own processes can be killed: {left}");
    }
    engine.assert_unharmed(&bystander).await;
}

async fn memory_ends_with_the_sandbox_that_takes_it_and_the_result_says_so(engine: &Engine) {
    if engine.level == Level::OrdinaryUser {
        // Nothing limits memory here, which the engine says; a test would take the machine's.
        let health = engine.get("/api/health").await.1;
        assert_eq!(health["limits"]["memory"], false);
        assert!(health["limits"]["notEnforced"].to_string().contains("memory limits are not enforced"), "{health}");
        return;
    }
    let bystander = engine.bystander().await;
    let id = engine.with_memory(1).await;
    let reason = "out of memory: the sandbox reached its limit of 1 GiB";
    let (code, output) = engine.run(&id, "exec python3 -c 'x = bytearray(b\"x\") * (3 << 30)'").await;
    assert_ne!(code, 0);
    assert!(output.contains(reason), "{output}");
    let request = json!({"code": "x = bytearray(b'x') * (3 << 30)", "language": "python"});
    let answer = engine.post(&format!("/toolbox/{id}/process/code-run"), request).await.1;
    assert!(answer["result"].as_str().is_some_and(|text| text.contains(reason)), "{answer}");
    engine.post(&format!("/toolbox/{id}/process/session"), json!({"sessionId": "hungry"})).await;
    let request = json!({"command": "python3 -c 'x = bytearray(b\"x\") * (3 << 30)'"});
    let answer = engine.post(&format!("/toolbox/{id}/process/session/hungry/exec"), request).await.1;
    assert!(answer["output"].as_str().is_some_and(|text| text.contains(reason)), "{answer}");
    // Failures of other kinds keep their output, and the toolbox is not what was killed.
    assert_eq!(engine.run(&id, "echo other; exit 3").await, (3, "other\n".to_owned()));
    // Many small ones: the toolbox is last in line.
    let many = "for i in 1 2 3 4 5 6 7 8; do python3 -c 'x = bytearray(b\"x\") * (400 << 20); import time; time.sleep(5)' & done; wait";
    engine.run(&id, many).await;
    assert_eq!(engine.output(&id, "echo still here").await, "still here");
    engine.assert_unharmed(&bystander).await;
}

async fn endless_output_is_an_error_and_the_toolbox_stays_small(engine: &Engine) {
    let bystander = engine.bystander().await;
    let id = engine.with_memory(1).await;
    for (path, request) in [
        ("execute", json!({"command": "head -c 10000000000 /dev/zero"})),
        ("execute", json!({"command": "yes"})),
        ("code-run", json!({"code": "while True: print('x' * 100_000)", "language": "python"})),
    ] {
        let (status, answer) = engine.post(&format!("/toolbox/{id}/process/{path}"), request).await;
        assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE, "{answer}");
        let message = answer["message"].as_str().expect("a message");
        assert!(message.contains("printed more than 64 MiB"), "{message}");
    }
    // Killed, not left to print. What is killed is there for a moment more, until its memory is freed.
    let gone =
        "for _ in $(seq 300); do cat /proc/[0-9]*/comm | grep -qE 'head|yes|python' || exit 0; sleep 0.1; done; exit 1";
    assert_eq!(engine.run(&id, gone).await.0, 0);
    // Output that fits is answered whole.
    let (code, output) = engine.run(&id, "head -c 40000000 /dev/zero | tr '\\0' x").await;
    assert_eq!((code, output.len()), (0, 40_000_000));
    let at_once = (0..12).map(|_| {
        let request = engine.request(Method::POST, &format!("/toolbox/{id}/process/execute"));
        tokio::spawn(request.json(&json!({"command": "head -c 60000000 /dev/zero"})).send())
    });
    for answer in at_once.collect::<Vec<_>>() {
        let status = answer.await.expect("a task").expect("an answer").status();
        assert!([StatusCode::OK, StatusCode::PAYLOAD_TOO_LARGE].contains(&status), "{status}");
    }
    assert_eq!(engine.output(&id, "echo still here").await, "still here");
    engine.assert_unharmed(&bystander).await;
}

/// Opens the same thing until there are no more, says how many, and keeps them open.
fn hoarder(imports: &str, open: &str) -> String {
    format!(
        "
import {imports}, sys, os, time
kept = []
try:
    while len(kept) < 100_000:
        kept.append({open})
except OSError as error:
    pass
print(len(kept), flush=True)
if os.fork():
    sys.exit()
os.close(1)
os.close(2)
time.sleep(600)
"
    )
}

async fn hoard(engine: &Engine, id: &str, program: &str) -> usize {
    let (code, output) = engine.python(id, program).await;
    assert_eq!(code, 0, "{output}");
    output.trim().parse().expect("a number")
}

async fn terminals_are_not_taken_from_others(engine: &Engine) {
    let bystander = engine.bystander().await;
    let id = engine.create(json!({})).await;
    let program = hoarder("pty", "os.openpty()");
    let count = hoard(engine, &id, &program).await;
    assert!((100..=256).contains(&count), "{count} terminals");
    assert_eq!(engine.output(&bystander, "python3 -c 'import os; print(len(os.openpty()))'").await, "2");
    engine.assert_unharmed(&bystander).await;
}

async fn inotify_instances_are_not_taken_from_others(engine: &Engine) {
    let bystander = engine.bystander().await;
    let library = "ctypes; library = ctypes.CDLL(None, use_errno=True)\ndef open_one():\n    number = library.inotify_init()\n    \
                   if number < 0: raise OSError(ctypes.get_errno(), 'inotify')\n    return number\nimport math";
    let program = hoarder(library, "open_one()");
    let id = engine.create(json!({})).await;
    let count = hoard(engine, &id, &program).await;
    assert!((16..=256).contains(&count), "{count} instances");
    let one = "python3 -c 'import ctypes; print(ctypes.CDLL(None).inotify_init() >= 0)'";
    assert_eq!(engine.output(&bystander, one).await, "True");
    engine.assert_unharmed(&bystander).await;
}

async fn pipes_are_not_taken_from_others(engine: &Engine) {
    let bystander = engine.bystander().await;
    let id = engine.create(json!({})).await;
    // Each of a mebibyte: a user's sum is limited, and then all further pipes of the user are tiny.
    let count = hoard(engine, &id, &hoarder("fcntl, os\ndef wide():\n    ends = os.pipe()\n    fcntl.fcntl(ends[1], 1031, 1 << 20)\n    return ends\nimport math", "wide()")).await;
    assert!(count < 1_000, "{count} wide pipes");
    if engine.level == Level::Root {
        let wide = "python3 -c 'import fcntl, os; print(fcntl.fcntl(os.pipe()[1], 1032))'";
        assert_eq!(engine.output(&bystander, wide).await, "65536");
    }
    engine.assert_unharmed(&bystander).await;
}

async fn sessions_terminals_and_contexts_have_limits(engine: &Engine) {
    let id = engine.create(json!({})).await;
    for (path, body, limit, name) in [
        ("process/pty", json!({"lazyStart": true}), 128, "terminals"),
        ("process/interpreter/context", json!({}), 128, "contexts"),
    ] {
        let mut made = 0;
        let refusal = loop {
            let mut body = body.clone();
            body["id"] = Value::from(format!("number-{made}"));
            let (status, answer) = engine.post(&format!("/toolbox/{id}/{path}"), body).await;
            if !status.is_success() {
                break answer["message"].to_string();
            }
            made += 1;
            assert!(made <= limit, "{made} {name}");
        };
        assert!(refusal.contains(&format!("at most {limit} {name}")), "{refusal}");
    }
    for number in 0..=512 {
        let body = json!({"sessionId": format!("number-{number}")});
        let (status, answer) = engine.post(&format!("/toolbox/{id}/process/session"), body).await;
        assert_eq!(status.is_success(), number < 512, "{number}: {answer}");
    }
    assert_eq!(engine.output(&id, "echo still here").await, "still here");
}

async fn open_files_and_queues_end_with_their_sandbox(engine: &Engine) {
    let bystander = engine.bystander().await;
    let id = engine.create(json!({})).await;
    let files = hoard(engine, &id, &hoarder("math", "open('/dev/null')")).await;
    assert!(files <= 65_536, "{files} files");
    let queue = "ctypes; library = ctypes.CDLL(None, use_errno=True)\ncount = 0\ndef queue():\n    global count\n    count += 1\n    \
                 number = library.mq_open(b'/queue%d' % count, 0o102, 0o600, None)\n    \
                 if number < 0: raise OSError(ctypes.get_errno(), 'mq_open')\n    return number\nimport math";
    let queues = hoard(engine, &id, &hoarder(queue, "queue()")).await;
    assert!(queues <= 256, "{queues} queues");
    assert_eq!(engine.output(&bystander, "python3 -c 'print(open(\"/dev/null\").read())'").await, "");
    engine.assert_unharmed(&bystander).await;
    let stopped = engine.post(&format!("/api/sandbox/{id}/stop"), json!({})).await;
    assert!(stopped.0.is_success(), "{stopped:?}");
    wait_for(|| (engine.sandbox_processes().len() < 6).then_some(())).await;
}

async fn the_disks_time_is_shared_out_where_the_machine_can(engine: &Engine) {
    let id = engine.create(json!({})).await;
    let find = std::process::Command::new("find").args(["/sys/fs/cgroup", "-path", &format!("*{id}/*weight")]).output();
    let found = String::from_utf8(find.expect("find runs").stdout).expect("text");
    let shares: Vec<_> = found.lines().filter(|file| file.contains("io")).collect();
    assert_eq!(engine.get("/api/health").await.1["limits"]["diskTime"], !shares.is_empty(), "{found}");
    for file in shares {
        let share = std::fs::read_to_string(file).expect("a file of the sandbox's group");
        assert!(share.split_whitespace().any(|word| word == "50"), "{file}: {share}");
    }
}

async fn memory_that_no_process_holds_is_bounded(engine: &Engine) {
    let bystander = engine.bystander().await;
    let id = engine.with_memory(1).await;
    // An ordinary user may not limit these, nor memory as a whole, and says so.
    let limited = engine.level == Level::Root;
    let program = "
import ctypes
library = ctypes.CDLL(None, use_errno=True)
library.shmat.restype = ctypes.c_void_p
size, total = 16 << 20, 0
while total < 2 << 30:
    segment = library.shmget(0, ctypes.c_size_t(size), 0o1600)
    if segment < 0: break
    place = library.shmat(segment, None, 0)
    ctypes.memset(place, 1, size)
    library.shmdt(ctypes.c_void_p(place))
    total += size
print(total >> 20)
";
    if limited {
        assert_eq!(engine.python(&id, program).await, (0, "256\n".to_owned()));
    }
    engine.run(&id, "head -c 1G /dev/zero > /dev/shm/fill; head -c 1G /dev/zero > /run/fill").await;
    assert_eq!(engine.output(&id, "df -m --output=used /dev/shm | tail -n 1 | tr -d ' '").await, "256");
    let queues =
        "import ctypes\nlibrary = ctypes.CDLL(None)\nprint(sum(library.msgget(0, 0o1600) >= 0 for _ in range(2000)))";
    if limited {
        assert_eq!(engine.python(&id, queues).await, (0, "512\n".to_owned()));
    }
    assert_eq!(engine.output(&id, "echo still here").await, "still here");
    engine.assert_unharmed(&bystander).await;
}
