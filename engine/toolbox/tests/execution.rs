//! `/process/execute`: one command, its output and its end (wire section 9).

mod harness;

use harness::{Toolbox, content_of, is_alive, wait_for};
use reqwest::Method;
use serde_json::json;

#[tokio::test]
async fn both_streams_arrive_in_the_order_written() {
    let toolbox = Toolbox::start();
    let command = "echo one; echo two >&2; printf three; exit 7";
    assert_eq!(toolbox.run(command).await, (7, "one\ntwo\nthree".into()));
    assert_eq!(toolbox.run("true").await, (0, String::new()));
    assert_eq!(toolbox.run("kill -9 $$").await, (-1, String::new()));
    assert_eq!(toolbox.run("sh -c 'kill -15 $$'").await.0, 143);
}

#[tokio::test]
async fn later_lines_run_after_failures_and_scripts_may_be_huge() {
    let toolbox = Toolbox::start();
    let script = format!("false\nx='{}'\necho ${{#x}}", "y".repeat(3_000_000));
    assert_eq!(toolbox.run(&script).await, (0, "3000000\n".into()));
    // A program that reads standard input reads the rest of the script, and one that leaves early leaves it unread.
    assert_eq!(toolbox.run("cat\nthe rest").await, (0, "the rest".into()));
    assert_eq!(toolbox.run(&format!("exit 3\n{}", ":\n".repeat(500_000))).await, (3, String::new()));
}

#[tokio::test]
async fn directory_and_variables_apply_to_the_command() {
    let toolbox = Toolbox::start();
    std::fs::create_dir(toolbox.path("sub")).unwrap();
    let body = json!({ "command": "pwd; echo $A-$DAYTONA_SANDBOX_ID-$HOME", "cwd": "sub", "envs": { "A": "b c" } });
    let (_, answer) = toolbox.post("/process/execute", body).await;
    let expected = format!("{}\nb c-the-sandbox-{}\n", toolbox.path("sub").display(), toolbox.home.path().display());
    assert_eq!(answer, json!({ "exitCode": 0, "result": expected }));

    let (status, answer) = toolbox.post("/process/execute", json!({ "command": "true", "cwd": "missing" })).await;
    assert_eq!((status.as_u16(), &answer["exitCode"]), (200, &json!(-1)));
    let missing = format!("working directory not found: {}", toolbox.path("missing").display());
    assert_eq!(answer["result"], missing.as_str());

    let bad = toolbox.posting("/process/execute", &json!({ "command": "true", "envs": { "1A": "x" } }));
    assert_eq!(toolbox.failure(bad).await.0, 400);
}

#[tokio::test]
async fn commands_may_be_longer_than_an_argument_list_and_print_megabytes() {
    let toolbox = Toolbox::start();
    let command =
        format!("# {}\nhead -c 20000000 /dev/zero | tr '\\0' x | wc -c; yes | head -c 5000000", "x".repeat(3 << 20));
    let (code, output) = toolbox.run(&command).await;
    assert_eq!((code, output.len()), (0, 5_000_000 + "20000000\n".len()));
}

#[tokio::test]
async fn output_that_is_not_utf8_is_replaced_not_refused() {
    let toolbox = Toolbox::start();
    assert_eq!(toolbox.run(r"printf 'a\377b\0c'").await, (0, "a\u{FFFD}b\0c".into()));
}

#[tokio::test]
async fn a_command_out_of_time_is_killed_with_its_children() {
    let toolbox = Toolbox::start();
    let body = json!({ "command": "sleep 1000 & echo $! > pid; wait", "timeout": 1 });
    let late = toolbox.failure(toolbox.posting("/process/execute", &body)).await;
    assert_eq!(late, (408, "PROCESS_EXECUTION_TIMEOUT".into()));
    let pid = content_of(&toolbox.path("pid")).await;
    wait_for("the end of the child", || (!is_alive(&pid)).then_some(())).await;
}

#[tokio::test]
async fn a_client_that_leaves_ends_its_command() {
    let toolbox = Toolbox::start();
    for route in ["/process/execute", "/process/code-run"] {
        let pid = toolbox.path(&route.replace('/', "-"));
        let body = json!({
            "command": format!("sleep 1000 & echo $! > {}; wait", pid.display()),
            "code": format!("import subprocess\np = subprocess.Popen(['sleep', '1000'])\n\
                             open('{}', 'w').write(str(p.pid) + chr(10))\np.wait()", pid.display()),
            "language": "python",
        });
        let request = tokio::spawn(toolbox.request(Method::POST, route).json(&body).send());
        let pid = content_of(&pid).await;
        request.abort();
        wait_for("the end of the command", || (!is_alive(&pid)).then_some(())).await;
    }
}

#[tokio::test]
async fn background_processes_hold_the_answer_only_while_they_hold_the_output() {
    let toolbox = Toolbox::start();
    assert_eq!(toolbox.run("(sleep 0.2; echo late) & echo early").await.1, "early\nlate\n");
    let (_, pid) = toolbox.run("sleep 1000 >/dev/null 2>&1 & echo $!").await;
    assert!(is_alive(pid.trim()));
    toolbox.run(&format!("kill {pid}")).await;
}

#[tokio::test]
async fn many_commands_run_at_once() {
    let toolbox = Toolbox::start();
    let runs = (0..100).map(|number| {
        let toolbox = &toolbox;
        async move { assert_eq!(toolbox.run(&format!("sleep 0.1; echo {number}")).await, (0, format!("{number}\n"))) }
    });
    futures_util::future::join_all(runs).await;
}
