//! A toolbox tells about itself and its machine, gives an environment to processes, and refuses unknown routes.

mod harness;

use harness::Toolbox;
use reqwest::{Method, StatusCode};
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
    for (body, problem) in [
        ("{\"command\": 1}", "command must be a string"),
        ("{\"command\": \"true\", \"timeout\": -1}", "timeout must be a whole number, 0 or more"),
        ("{\"command\": \"true\", \"envs\": {\"A\": 1}}", "envs.A must be a string"),
        ("[]", "it is not a JSON object"),
    ] {
        let request = toolbox.request(Method::POST, "/process/execute").body(body);
        let error = harness::read(request.send().await.unwrap()).await.1;
        assert_eq!(error["message"], format!("invalid body request: invalid request body: {problem}"));
    }
    let blank = toolbox.posting("/process/execute", &json!({ "command": "  " }));
    assert_eq!(toolbox.failure(blank).await, (400, "BAD_REQUEST".into()));
    assert_eq!(toolbox.failure(toolbox.posting("/lsp/start", &json!({}))).await.0, 400);
    let (status, answer) = toolbox.get("/computeruse/status").await;
    let message = answer["message"].as_str().unwrap();
    assert_eq!(status.as_u16(), 503);
    assert!(message.starts_with("Computer-use functionality is not available"), "{message}");
}

#[tokio::test]
async fn metrics_describe_this_machine() {
    let toolbox = Toolbox::start();
    let (_, metrics) = toolbox.get("/system/metrics").await;
    assert!(metrics["cpuCount"].as_u64().unwrap() > 0, "{metrics}");
    assert_eq!(metrics["cpuUsedPct"], 0.0);
    assert!(metrics["memTotal"].as_u64().unwrap() > 0);
    assert!(metrics["diskTotal"].as_u64().unwrap() >= metrics["diskFree"].as_u64().unwrap());
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
async fn the_environment_of_later_processes_can_be_changed() {
    let toolbox = Toolbox::start();
    let set = json!({"set": {"NEW": "secret-1", "OTHER": "secret-2"}});
    let (status, all) = toolbox.post("/env", set).await;
    assert_eq!((status, &all["NEW"], &all["OTHER"]), (StatusCode::OK, &json!("secret-1"), &json!("secret-2")));
    assert_eq!(toolbox.run("echo $NEW $OTHER").await.1, "secret-1 secret-2\n");
    let change = json!({"set": {"NEW": "secret-3"}, "unsetValuePrefix": "secret-"});
    let (_, all) = toolbox.post("/env", change).await;
    assert_eq!((&all["NEW"], all.get("OTHER")), (&json!("secret-3"), None));
    toolbox.post("/env", json!({"unset": ["NEW"]})).await;
    toolbox.create_session("s").await;
    assert_eq!(toolbox.run_command("s", "echo \"<$NEW$OTHER>\"").await["stdout"], "<>\n");
}
