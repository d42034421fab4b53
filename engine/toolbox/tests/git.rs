//! Git in one repository: status, branches, history, commits, resets, settings (wire section 3.5, additions 4.4).

mod harness;

use harness::{Toolbox, read};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

/// Sends a git request that must succeed; its answer.
async fn done(toolbox: &Toolbox, operation: &str, fields: Value) -> Value {
    let (status, answer) = toolbox.post(&format!("/git/{operation}"), fields.clone()).await;
    assert!(status.is_success(), "{operation} {fields}: {status} {answer}");
    answer
}

/// Sends a git request that must fail; its status and code.
async fn failed(toolbox: &Toolbox, operation: &str, fields: Value) -> (u16, String) {
    toolbox.failure(toolbox.posting(&format!("/git/{operation}"), &fields)).await
}

async fn commit(toolbox: &Toolbox, message: &str) -> String {
    let body =
        json!({"path": "r", "message": message, "author": "Ann Ü", "email": "ann@example.com", "allow_empty": true});
    done(toolbox, "commit", body).await["hash"].as_str().unwrap().to_owned()
}

/// The files that are not as in the last commit: name, staging, worktree.
async fn changes(toolbox: &Toolbox) -> Vec<(String, String, String)> {
    let (status, answer) = toolbox.get("/git/status?path=r").await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let text = |file: &Value, key: &str| file[key].as_str().unwrap().to_owned();
    let files = answer["fileStatus"].as_array().unwrap().iter();
    files.map(|file| (text(file, "name"), text(file, "staging"), text(file, "worktree"))).collect()
}

/// A toolbox with an empty repository `r` on the branch `main`.
async fn with_repository() -> Toolbox {
    let toolbox = Toolbox::start();
    let (status, _) = toolbox.post("/git/init", json!({"path": "r", "initial_branch": "main"})).await;
    assert_eq!(status, StatusCode::CREATED);
    toolbox
}

#[tokio::test]
async fn an_empty_repository_has_no_reference_yet() {
    let toolbox = with_repository().await;
    for route in ["status", "history"] {
        let (status, error) = toolbox.get(&format!("/git/{route}?path=r")).await;
        assert_eq!((status, &error["code"]), (StatusCode::NOT_FOUND, &json!("NOT_FOUND")));
        assert_eq!(error["message"], "not found: reference not found", "{route}");
    }
    assert_eq!(toolbox.get("/git/branches?path=r").await.1, json!({"branches": [], "current": "main"}));
    assert_eq!(toolbox.get("/git/remotes?path=r").await.1, json!({"remotes": []}));
    assert_eq!(failed(&toolbox, "push", json!({"path": "r"})).await.0, 404);
    assert_eq!(failed(&toolbox, "reset", json!({"path": "r", "target": "HEAD"})).await.0, 404);
}

#[tokio::test]
async fn what_is_no_repository_is_not_found() {
    let toolbox = Toolbox::start();
    std::fs::create_dir(toolbox.path("plain")).unwrap();
    std::fs::write(toolbox.path("file"), "").unwrap();
    for path in ["none", "plain", "file"] {
        for route in ["status", "branches", "history", "remotes"] {
            let request = toolbox.request(Method::GET, &format!("/git/{route}?path={path}"));
            assert_eq!(toolbox.failure(request).await, (404, "GIT_REPO_NOT_FOUND".into()), "{route} {path}");
        }
        for (operation, fields) in [
            ("add", json!({"files": ["."]})),
            ("commit", json!({"message": "m", "author": "a", "email": "e"})),
            ("checkout", json!({"branch": "b"})),
            ("branches", json!({"name": "b"})),
            ("push", json!({})),
            ("pull", json!({})),
            ("reset", json!({})),
            ("restore", json!({"files": ["x"]})),
            ("remotes", json!({"name": "n", "url": "u"})),
        ] {
            let mut fields = fields;
            fields["path"] = json!(path);
            assert_eq!(
                failed(&toolbox, operation, fields).await,
                (404, "GIT_REPO_NOT_FOUND".into()),
                "{operation} {path}"
            );
        }
    }
}

#[tokio::test]
async fn missing_and_misleading_fields_are_bad_requests() {
    let toolbox = with_repository().await;
    let (status, error) = toolbox.get("/git/status").await;
    assert_eq!((status, &error["message"]), (StatusCode::BAD_REQUEST, &json!("bad request: path is required")));
    for (operation, fields) in [
        ("clone", json!({"path": "x"})),
        ("clone", json!({"url": "x"})),
        ("clone", json!({"url": "--upload-pack=touch x", "path": "x"})),
        ("clone", json!({"url": "x", "path": "x", "commit_id": "--help"})),
        ("clone", json!({"url": 1, "path": "x"})),
        ("add", json!({"path": "r"})),
        ("commit", json!({"path": "r", "author": "a", "email": "e"})),
        ("commit", json!({"path": "r", "message": "m", "email": "e"})),
        ("checkout", json!({"path": "r"})),
        ("checkout", json!({"path": "r", "branch": "-f"})),
        ("branches", json!({"path": "r", "name": "-D"})),
        ("branches", json!({"path": "r", "name": "a..b"})),
        ("push", json!({"path": "r", "remote": "--exec=x"})),
        ("pull", json!({"path": "r", "branch": "--upload-pack=x"})),
        ("init", json!({})),
        ("init", json!({"path": "new", "initial_branch": "a b"})),
        ("reset", json!({"path": "r", "mode": "weird"})),
        ("reset", json!({"path": "r", "mode": "hard", "files": ["x"]})),
        ("restore", json!({"path": "r"})),
        ("remotes", json!({"path": "r", "name": "n"})),
        ("config", json!({"value": "v"})),
        ("config", json!({"key": "nodot", "value": "v"})),
        ("config", json!({"key": "a.b", "value": "v", "scope": "weird"})),
        ("config", json!({"key": "a.b", "value": "v", "scope": "local"})),
        ("config/user", json!({"name": "n"})),
    ] {
        assert_eq!(failed(&toolbox, operation, fields.clone()).await.0, 400, "{operation} {fields}");
    }
    assert!(!toolbox.path("x").exists());
}

#[tokio::test]
async fn changes_are_staged_committed_and_told() {
    let toolbox = with_repository().await;
    for (name, content) in
        [("kept", "1"), ("changed", "1"), ("removed", "1"), ("moved", "the same\n"), ("a b \"ü\"", "1")]
    {
        std::fs::write(toolbox.path("r").join(name), content).unwrap();
    }
    done(&toolbox, "add", json!({"path": "r", "files": ["."]})).await;
    commit(&toolbox, "first\n\nwith a body").await;
    assert_eq!(changes(&toolbox).await, []);
    std::fs::write(toolbox.path("r/changed"), "22").unwrap();
    std::fs::remove_file(toolbox.path("r/removed")).unwrap();
    std::fs::rename(toolbox.path("r/moved"), toolbox.path("r/to")).unwrap();
    std::fs::create_dir(toolbox.path("r/new")).unwrap();
    std::fs::write(toolbox.path("r/new/new\nline"), "1").unwrap();
    std::fs::write(toolbox.path("r/staged"), "1").unwrap();
    done(&toolbox, "add", json!({"path": "r", "files": ["staged", "moved", "to"]})).await;
    let mut found = changes(&toolbox).await;
    found.sort();
    let row = |name: &str, staging: &str, worktree: &str| (name.to_owned(), staging.to_owned(), worktree.to_owned());
    assert_eq!(
        found,
        [
            row("changed", "Unmodified", "Modified"),
            row("new/new\nline", "Untracked", "Untracked"),
            row("removed", "Unmodified", "Deleted"),
            row("staged", "Added", "Unmodified"),
            row("to", "Renamed", "Unmodified"),
        ]
    );
    let hash = commit(&toolbox, "second").await;
    let (_, history) = toolbox.get("/git/history?path=r").await;
    assert_eq!((history.as_array().unwrap().len(), &history[0]["hash"]), (2, &json!(hash)));
    assert_eq!((&history[1]["author"], &history[1]["email"]), (&json!("Ann Ü"), &json!("ann@example.com")));
    assert_eq!(history[1]["message"], "first\n\nwith a body");
    let time = history[0]["timestamp"].as_str().unwrap();
    assert!(time.contains('T') && time.ends_with('Z'), "{time}");
    for (files, status) in [(json!(["none"]), 404), (json!(["../outside"]), 400)] {
        assert_eq!(failed(&toolbox, "add", json!({"path": "r", "files": files})).await.0, status, "{files}");
    }
    done(&toolbox, "reset", json!({"path": "r", "mode": "hard"})).await;
    let body = json!({"path": "r", "message": "m", "author": "a", "email": "e"});
    let (status, error) = toolbox.post("/git/commit", body).await;
    assert_eq!((status.as_u16(), &error["message"]), (500, &json!("cannot create empty commit: clean working tree")));
}

#[tokio::test]
async fn branches_are_made_left_and_removed() {
    let toolbox = with_repository().await;
    let first = commit(&toolbox, "first").await;
    done(&toolbox, "branches", json!({"path": "r", "name": "topic/one"})).await;
    let branches = async || toolbox.get("/git/branches?path=r").await.1;
    assert_eq!(branches().await, json!({"branches": ["main", "topic/one"], "current": "topic/one"}));
    let again = failed(&toolbox, "branches", json!({"path": "r", "name": "topic/one"})).await;
    assert_eq!(again, (409, "GIT_BRANCH_EXISTS".into()));
    std::fs::write(toolbox.path("r/file"), "topic").unwrap();
    done(&toolbox, "add", json!({"path": "r", "files": ["file"]})).await;
    commit(&toolbox, "on the topic").await;
    done(&toolbox, "checkout", json!({"path": "r", "branch": "main"})).await;
    assert!(!toolbox.path("r/file").exists());
    // Files that would be lost are kept.
    std::fs::write(toolbox.path("r/file"), "mine").unwrap();
    let lost = failed(&toolbox, "checkout", json!({"path": "r", "branch": "topic/one"})).await;
    assert_eq!(lost, (409, "GIT_DIRTY_WORKTREE".into()));
    assert_eq!(
        failed(&toolbox, "checkout", json!({"path": "r", "branch": "none"})).await,
        (404, "GIT_BRANCH_NOT_FOUND".into())
    );
    done(&toolbox, "checkout", json!({"path": "r", "branch": &first[..10]})).await;
    assert_eq!(branches().await["current"], "");
    for _ in 0..2 {
        let request = toolbox.request(Method::DELETE, "/git/branches").json(&json!({"path": "r", "name": "topic/one"}));
        assert_eq!(read(request.send().await.unwrap()).await.0, StatusCode::NO_CONTENT);
    }
    assert_eq!(branches().await, json!({"branches": ["main"], "current": ""}));
}

#[tokio::test]
async fn resets_and_restores_take_back_as_much_as_asked() {
    let toolbox = with_repository().await;
    for content in ["1", "2"] {
        std::fs::write(toolbox.path("r/file"), content).unwrap();
        done(&toolbox, "add", json!({"path": "r", "files": ["file"]})).await;
        commit(&toolbox, content).await;
    }
    let file = || std::fs::read_to_string(toolbox.path("r/file")).unwrap();
    let change = || std::fs::write(toolbox.path("r/file"), "3").unwrap();
    let stage = async || drop(done(&toolbox, "add", json!({"path": "r", "files": ["file"]})).await);
    let staged = |staging: &str, worktree: &str| vec![("file".to_owned(), staging.to_owned(), worktree.to_owned())];
    change();
    stage().await;
    done(&toolbox, "reset", json!({"path": "r", "files": ["file"]})).await;
    assert_eq!((changes(&toolbox).await, file()), (staged("Unmodified", "Modified"), "3".into()));
    stage().await;
    done(&toolbox, "reset", json!({"path": "r"})).await;
    assert_eq!(changes(&toolbox).await, staged("Unmodified", "Modified"));
    stage().await;
    done(&toolbox, "restore", json!({"path": "r", "files": ["file"], "staged": true})).await;
    assert_eq!(changes(&toolbox).await, staged("Unmodified", "Modified"));
    done(&toolbox, "restore", json!({"path": "r", "files": ["file"]})).await;
    assert_eq!((changes(&toolbox).await, file()), (vec![], "2".into()));
    done(&toolbox, "restore", json!({"path": "r", "files": ["file"], "source": "HEAD~1"})).await;
    assert_eq!((changes(&toolbox).await, file()), (staged("Unmodified", "Modified"), "1".into()));
    let body = json!({"path": "r", "files": ["file"], "source": "HEAD~1", "staged": true, "worktree": true});
    done(&toolbox, "restore", body).await;
    assert_eq!(changes(&toolbox).await, staged("Modified", "Unmodified"));
    done(&toolbox, "reset", json!({"path": "r", "mode": "hard"})).await;
    change();
    assert_eq!(failed(&toolbox, "reset", json!({"path": "r", "mode": "merge", "target": "HEAD~1"})).await.0, 409);
    assert_eq!(failed(&toolbox, "reset", json!({"path": "r", "mode": "keep", "target": "HEAD~1"})).await.0, 409);
    done(&toolbox, "reset", json!({"path": "r", "mode": "soft", "target": "HEAD~1"})).await;
    assert_eq!(file(), "3");
    done(&toolbox, "reset", json!({"path": "r", "mode": "hard", "target": "HEAD"})).await;
    assert_eq!((changes(&toolbox).await, file()), (vec![], "1".into()));
    for (operation, fields) in [
        ("reset", json!({"path": "r", "target": "none"})),
        ("restore", json!({"path": "r", "files": ["none"]})),
        ("restore", json!({"path": "r", "files": ["file"], "source": "none"})),
    ] {
        assert_eq!(
            failed(&toolbox, operation, fields.clone()).await,
            (404, "NOT_FOUND".into()),
            "{operation} {fields}"
        );
    }
}

#[tokio::test]
async fn settings_are_kept_in_the_scope_they_are_given_for() {
    let toolbox = with_repository().await;
    let get = async |query: &str| toolbox.get(&format!("/git/config?{query}")).await.1;
    assert_eq!(get("key=user.name").await, json!({"value": null}));
    done(&toolbox, "config/user", json!({"name": "Ann", "email": "ann@example.com"})).await;
    assert_eq!(get("key=user.name").await, json!({"value": "Ann"}));
    done(&toolbox, "config/user", json!({"name": "Bob", "email": "b@example.com", "scope": "local", "path": "r"}))
        .await;
    assert_eq!(get("key=user.name&scope=local&path=r").await, json!({"value": "Bob"}));
    assert_eq!(get("key=user.email&scope=global").await, json!({"value": "ann@example.com"}));
    done(&toolbox, "config", json!({"key": "alias.lg", "value": "-n 'a b'\n=ü", "scope": "global"})).await;
    assert_eq!(get("key=alias.lg").await, json!({"value": "-n 'a b'\n=ü"}));
    assert!(std::fs::read_to_string(toolbox.path(".gitconfig")).unwrap().contains("Ann"));
    assert!(std::fs::read_to_string(toolbox.path("r/.git/config")).unwrap().contains("Bob"));
    for query in ["", "key=", "key=nodot", "key=a.b&scope=weird", "key=a.b&scope=local"] {
        let request = toolbox.request(Method::GET, &format!("/git/config?{query}"));
        assert_eq!(toolbox.failure(request).await.0, 400, "{query}");
    }
}

#[tokio::test]
async fn bare_repositories_are_made_and_existing_ones_left_alone() {
    let toolbox = with_repository().await;
    commit(&toolbox, "kept").await;
    let (status, _) = toolbox.post("/git/init", json!({"path": "r", "initial_branch": "other"})).await;
    assert_eq!(status, StatusCode::CREATED);
    assert_eq!(toolbox.get("/git/history?path=r").await.1.as_array().unwrap().len(), 1);
    done(&toolbox, "init", json!({"path": "deep/er.git", "bare": true})).await;
    assert!(toolbox.path("deep/er.git/HEAD").exists() && !toolbox.path("deep/er.git/.git").exists());
    let remote = json!({"path": "r", "name": "origin", "url": toolbox.path("deep/er.git")});
    done(&toolbox, "remotes", remote).await;
    done(&toolbox, "push", json!({"path": "r", "set_upstream": true})).await;
    assert_eq!(toolbox.get("/git/status?path=r").await.1["branchPublished"], true);
}
