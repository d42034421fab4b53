//! `/process/execute`, `/env`, metrics and the plain information routes.

mod harness;

use harness::{Toolbox, content_of, is_alive, wait_for};
use reqwest::Method;
use serde_json::json;

#[tokio::test]
async fn the_toolbox_tells_where_it_is() {
    let toolbox = Toolbox::start();
    let home = toolbox.home.path().to_str().unwrap().to_owned();
    assert_eq!(toolbox.get("/version").await.1, json!({ "version": "1.2.3" }));
    for route in ["/user-home-dir", "/project-dir", "/work-dir"] {
        assert_eq!(toolbox.get(route).await.1, json!({ "dir": home }));
    }
    let (status, answer) = toolbox.post("/init", json!({ "token": "t" })).await;
    assert_eq!(status, 200);
    assert_eq!(answer["message"], "Auth token set and telemetry initialized successfully");
}

#[tokio::test]
async fn unknown_routes_and_malformed_bodies_answer_the_error_body() {
    let toolbox = Toolbox::start();
    assert_eq!(toolbox.failure(toolbox.request(Method::GET, "/nonsense")).await.0, 404);
    assert_eq!(toolbox.failure(toolbox.request(Method::DELETE, "/process/execute")).await.0, 404);
    for body in ["", "{", "[]", "{\"command\": 1}", "null", "{\"command\":\"true\",\"timeout\":-1}"] {
        let request = toolbox.request(Method::POST, "/process/execute").body(body);
        assert_eq!(toolbox.failure(request).await, (400, "INVALID_REQUEST_BODY".into()), "{body}");
    }
    let blank = toolbox.posting("/process/execute", &json!({ "command": "  " }));
    assert_eq!(toolbox.failure(blank).await, (400, "BAD_REQUEST".into()));
    assert_eq!(toolbox.failure(toolbox.posting("/lsp/start", &json!({}))).await, (501, "NOT_IMPLEMENTED".into()));
    let (status, answer) = toolbox.get("/computeruse/status").await;
    assert_eq!((status.as_u16(), &answer["message"]), (503, &json!("Computer-use functionality is not available")));
}

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
    assert!(answer["result"].as_str().unwrap().contains("No such file"), "{answer}");

    let bad = toolbox.posting("/process/execute", &json!({ "command": "true", "envs": { "1A": "x" } }));
    assert_eq!(toolbox.failure(bad).await.0, 400);
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
async fn a_cancelled_request_stops_its_command() {
    let toolbox = Toolbox::start();
    let request = tokio::spawn(
        toolbox.posting("/process/execute", &json!({ "command": "sleep 1000 & echo $! > pid; wait" })).send(),
    );
    let pid = content_of(&toolbox.path("pid")).await;
    request.abort();
    wait_for("the end of the command", || (!is_alive(&pid)).then_some(())).await;
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
async fn changes_of_the_environment_reach_later_commands() {
    let toolbox = Toolbox::start();
    let set = json!({ "set": { "T_ONE": "secret-1", "T_TWO": "secret-2", "T_THREE": "plain" } });
    assert_eq!(toolbox.post("/env", set).await.1["T_ONE"], "secret-1");
    let change = json!({ "unset": ["T_THREE"], "unsetValuePrefix": "secret-", "set": { "T_TWO": "kept" } });
    let (_, environment) = toolbox.post("/env", change).await;
    assert_eq!(environment["T_TWO"], "kept");
    assert!(environment.get("T_ONE").is_none() && environment.get("T_THREE").is_none());
    assert_eq!(toolbox.run("echo \"$T_ONE,$T_TWO,$T_THREE\"").await.1, ",kept,\n");
}

#[tokio::test]
async fn metrics_describe_this_machine() {
    let toolbox = Toolbox::start();
    let (_, metrics) = toolbox.get("/system/metrics").await;
    assert!(metrics["cpuCount"].as_f64().unwrap() > 0.0);
    assert_eq!(metrics["cpuUsedPct"], 0.0);
    assert!(metrics["memTotal"].as_u64().unwrap() > 0);
    assert!(metrics["diskTotal"].as_u64().unwrap() >= metrics["diskFree"].as_u64().unwrap());
}
