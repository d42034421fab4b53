//! One command and one program at a time: `/process/execute`, `/process/code-run`, `/env` (wire sections 6 and 9).

mod harness;

use harness::{Toolbox, content_of, is_alive, wait_for};
use reqwest::{Method, StatusCode};
use serde_json::json;

#[tokio::test]
async fn output_is_combined_and_the_exit_code_told() {
    let toolbox = Toolbox::start();
    assert_eq!(toolbox.run("echo out; echo err >&2; echo again; exit 3").await, (3, "out\nerr\nagain\n".to_owned()));
    assert_eq!(toolbox.run("kill -KILL $$").await.0, -1);
    assert_eq!(toolbox.run("bash -c 'kill -TERM $$'").await.0, 143);
}

#[tokio::test]
async fn directory_and_variables_are_the_requests() {
    let toolbox = Toolbox::start();
    let body = json!({"command": "pwd; echo $A$DAYTONA_SANDBOX_ID", "cwd": "/usr", "envs": {"A": "a-"}});
    let (_, answer) = toolbox.post("/process/execute", body).await;
    assert_eq!(answer, json!({"exitCode": 0, "result": "/usr\na-the-sandbox\n"}));
    let (status, answer) = toolbox.post("/process/execute", json!({"command": "pwd", "cwd": "/none"})).await;
    assert_eq!((status, &answer["exitCode"]), (StatusCode::OK, &json!(-1)));
    let (status, _) = toolbox.post("/process/execute", json!({"command": "pwd", "envs": {"A B": "x"}})).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(toolbox.post("/process/execute", json!({"command": " \n"})).await.0, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_command_that_runs_out_of_time_is_killed_with_all_it_started() {
    let toolbox = Toolbox::start();
    let pid = toolbox.path("pid");
    let command = format!("sleep 1000 & echo $! > {}; wait", pid.display());
    let (status, error) = toolbox.post("/process/execute", json!({"command": command, "timeout": 1})).await;
    assert_eq!((status, &error["code"]), (StatusCode::REQUEST_TIMEOUT, &json!("PROCESS_EXECUTION_TIMEOUT")));
    assert_eq!((&error["statusCode"], &error["source"]), (&json!(408), &json!("DAYTONA_DAEMON")));
    let pid = content_of(&pid).await;
    wait_for("the end of the command", || (!is_alive(&pid)).then_some(())).await;
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
async fn commands_may_be_longer_than_an_argument_list_and_print_megabytes() {
    let toolbox = Toolbox::start();
    let command =
        format!("# {}\nhead -c 20000000 /dev/zero | tr '\\0' x | wc -c; yes | head -c 5000000", "x".repeat(3 << 20));
    let (code, output) = toolbox.run(&command).await;
    assert_eq!((code, output.len()), (0, 5_000_000 + "20000000\n".len()));
}

#[tokio::test]
async fn output_that_is_not_text_is_made_text() {
    let toolbox = Toolbox::start();
    assert_eq!(toolbox.run(r"printf 'a\0\377b'").await, (0, "a\0\u{fffd}b".to_owned()));
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

#[tokio::test]
async fn programs_get_arguments_variables_and_their_exit_code() {
    let toolbox = Toolbox::start();
    let code = "import sys, os\nprint(sys.argv[1:], os.environ['A'])\nsys.exit(4)";
    let body = json!({"code": code, "language": "python", "argv": ["one", "t'w o"], "envs": {"A": "a"}});
    let (status, answer) = toolbox.post("/process/code-run", body).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!((&answer["exitCode"], &answer["result"]), (&json!(4), &json!("['one', \"t'w o\"] a\n")));
    let body = json!({"code": "console.log(process.argv.slice(1), 1 + 1)", "language": "javascript", "argv": ["x"]});
    let (_, answer) = toolbox.post("/process/code-run", body).await;
    assert_eq!((&answer["exitCode"], &answer["result"]), (&json!(0), &json!("[ 'x' ] 2\n")));
    let (status, error) = toolbox.post("/process/code-run", json!({"code": "1", "language": "cobol"})).await;
    assert_eq!(
        (status, &error["message"]),
        (StatusCode::BAD_REQUEST, &json!("bad request: unsupported language: cobol"))
    );
    let body = json!({"code": "while True: pass", "language": "python", "timeout": 1});
    assert_eq!(toolbox.post("/process/code-run", body).await.0, StatusCode::REQUEST_TIMEOUT);
    let (_, answer) = toolbox.post("/process/code-run", json!({"code": "1/0", "language": "python"})).await;
    assert_eq!(answer["exitCode"], 1);
    assert!(answer["result"].as_str().unwrap().contains("ZeroDivisionError"), "{answer}");
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

#[tokio::test]
async fn typescript_without_its_runner_is_an_error_and_not_a_download() {
    use std::os::unix::fs::PermissionsExt;

    let toolbox = Toolbox::start();
    // Stands for the npx of a machine where nothing is installed: a program that would download shows itself.
    let npx = toolbox.path("npx");
    std::fs::write(&npx, "#!/bin/sh\n[ \"$1\" = --no-install ] && exit 9\necho downloading\n").unwrap();
    std::fs::set_permissions(&npx, std::fs::Permissions::from_mode(0o755)).unwrap();
    for tool in ["sh", "bash", "base64", "rm"] {
        let found = ["/usr/bin", "/bin"].map(|directory| std::path::Path::new(directory).join(tool));
        if let Some(real) = found.iter().find(|path| path.exists()) {
            std::os::unix::fs::symlink(real, toolbox.path(tool)).unwrap();
        }
    }
    let body = json!({"code": "let x: number", "language": "typescript", "envs": {"PATH": toolbox.home.path()}});
    let (_, answer) = toolbox.post("/process/code-run", body).await;
    assert_eq!(answer, json!({"exitCode": 9, "result": ""}));
}
