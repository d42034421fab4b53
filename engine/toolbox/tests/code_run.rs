//! `/process/code-run`: one program in a fresh process (wire section 6). Charts are in `charts.rs`.

mod harness;

use harness::Toolbox;
use reqwest::StatusCode;
use serde_json::json;

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
    assert_eq!(answer, json!({"exitCode": 9, "result": "", "artifacts": {"charts": []}}));
}
