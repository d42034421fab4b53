//! Git with other repositories over HTTP: cloning, pushing and pulling, and how they fail (wire section 3.5, additions 4.4).

#[path = "harness/git_server.rs"]
mod git_server;
mod harness;

use daytona_toolbox::Compat;
use git_server::{GitServer, PASSWORD, USER, git};
use harness::Toolbox;
use reqwest::StatusCode;
use serde_json::{Value, json};

/// A request's fields with the right credentials added.
fn authorised(mut fields: Value) -> Value {
    fields["username"] = json!(USER);
    fields["password"] = json!(PASSWORD);
    fields
}

/// Sends a git request with the right credentials that must succeed.
async fn done(toolbox: &Toolbox, operation: &str, fields: Value) {
    let (status, answer) = toolbox.post(&format!("/git/{operation}"), authorised(fields.clone())).await;
    assert_eq!(status, StatusCode::OK, "{operation} {fields}: {answer}");
}

/// Sends a git request with the right credentials that must fail; its status and code.
async fn failed(toolbox: &Toolbox, operation: &str, fields: Value) -> (u16, String) {
    toolbox.failure(toolbox.posting(&format!("/git/{operation}"), &authorised(fields))).await
}

async fn status(toolbox: &Toolbox, path: &str) -> Value {
    let (status, answer) = toolbox.get(&format!("/git/status?path={path}")).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    answer
}

/// Changes a file and commits it; the hash.
async fn commit(toolbox: &Toolbox, path: &str, file: &str, content: &str) -> String {
    std::fs::write(toolbox.path(path).join(file), content).unwrap();
    done(toolbox, "add", json!({"path": path, "files": [file]})).await;
    let body = json!({"path": path, "message": format!("write {file}"), "author": "A", "email": "a@example.com"});
    let (status, answer) = toolbox.post("/git/commit", body).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    answer["hash"].as_str().unwrap().to_owned()
}

async fn history(toolbox: &Toolbox, path: &str) -> Vec<Value> {
    let (status, answer) = toolbox.get(&format!("/git/history?path={path}")).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    answer.as_array().unwrap().clone()
}

#[tokio::test]
async fn what_is_cloned_changed_and_pushed_is_there_for_others_to_pull() {
    let server = GitServer::start().await;
    server.create("a.git", 2);
    let toolbox = Toolbox::start();
    done(&toolbox, "clone", json!({"url": server.url("a.git"), "path": "deep/mine"})).await;
    let fresh = status(&toolbox, "deep/mine").await;
    assert_eq!(
        fresh,
        json!({
            "currentBranch": "main", "fileStatus": [], "branchPublished": true, "ahead": 0, "behind": 0,
            "detached": false, "upstream": "origin/main",
        })
    );
    let hash = commit(&toolbox, "deep/mine", "new", "new\n").await;
    assert_eq!(status(&toolbox, "deep/mine").await["ahead"], 1);
    done(&toolbox, "push", json!({"path": "deep/mine"})).await;
    assert_eq!(git(&server.path("a.git"), &["rev-parse", "main"]), hash);
    assert_eq!(status(&toolbox, "deep/mine").await["ahead"], 0);
    // Nothing to do is done.
    done(&toolbox, "push", json!({"path": "deep/mine"})).await;

    done(&toolbox, "clone", json!({"url": server.url("a.git"), "path": "other"})).await;
    let theirs = server.commit("a.git", "theirs", "x\n");
    done(&toolbox, "pull", json!({"path": "other"})).await;
    done(&toolbox, "pull", json!({"path": "other"})).await;
    let commits = history(&toolbox, "other").await;
    assert_eq!((commits.len(), &commits[0]["hash"], &commits[1]["hash"]), (4, &json!(theirs), &json!(hash)));
    assert_eq!(commits[1]["author"], "A");
    assert_eq!(commits[1]["message"], "write new");
    assert_eq!(std::fs::read_to_string(toolbox.path("other/theirs")).unwrap(), "x\n");
    let (_, remotes) = toolbox.get("/git/remotes?path=other").await;
    assert_eq!(remotes, json!({"remotes": [{"name": "origin", "url": server.url("a.git")}]}));
}

#[tokio::test]
async fn a_branch_the_remote_lacks_is_pulled_from_the_remotes_default() {
    let server = GitServer::start().await;
    server.create("a.git", 1);
    let toolbox = Toolbox::start();
    done(&toolbox, "clone", json!({"url": server.url("a.git"), "path": "mine"})).await;
    let (status, answer) = toolbox.post("/git/branches", json!({"path": "mine", "name": "own"})).await;
    assert_eq!(status, StatusCode::CREATED, "{answer}");
    let theirs = server.commit("a.git", "theirs", "x\n");
    done(&toolbox, "pull", json!({"path": "mine"})).await;
    assert_eq!(history(&toolbox, "mine").await[0]["hash"], theirs.as_str());
    // A branch that was asked for by its name is not replaced by another.
    let named = json!({"path": "mine", "branch": "own"});
    assert_eq!(failed(&toolbox, "pull", named).await, (404, "GIT_BRANCH_NOT_FOUND".into()));
}

#[tokio::test]
async fn wrong_or_missing_credentials_are_authentication_failures_and_leave_nothing() {
    let server = GitServer::start().await;
    server.create("a.git", 1);
    let toolbox = Toolbox::start();
    let url = server.url("a.git");
    for (username, password) in [
        (Some(USER), Some("wrong")),
        (Some("else"), Some(PASSWORD)),
        (None, None),
        (Some(USER), None),
        (Some(USER), Some("")),
    ] {
        let body = json!({"url": url, "path": "mine", "username": username, "password": password});
        let refused = toolbox.failure(toolbox.posting("/git/clone", &body)).await;
        assert_eq!(refused, (401, "GIT_AUTH_FAILED".into()), "{username:?} {password:?}");
        assert!(!toolbox.path("mine").exists());
    }
    done(&toolbox, "clone", json!({"url": url, "path": "mine"})).await;
    commit(&toolbox, "mine", "new", "new").await;
    for operation in ["push", "pull"] {
        let body = json!({"path": "mine", "username": USER, "password": "wrong"});
        let refused = toolbox.failure(toolbox.posting(&format!("/git/{operation}"), &body)).await;
        assert_eq!(refused, (401, "GIT_AUTH_FAILED".into()), "{operation}");
    }
    assert_eq!(status(&toolbox, "mine").await["ahead"], 1);
}

#[tokio::test]
async fn what_is_not_there_is_not_found_and_leaves_nothing() {
    let server = GitServer::start().await;
    server.create("a.git", 1);
    server.create_empty("empty.git");
    let toolbox = Toolbox::start();
    let url = server.url("a.git");
    for (fields, code) in [
        (json!({"url": url, "branch": "none"}), "GIT_BRANCH_NOT_FOUND"),
        (json!({"url": server.url("none.git")}), "GIT_REPO_NOT_FOUND"),
        (json!({"url": toolbox.path("none")}), "GIT_REPO_NOT_FOUND"),
        (json!({"url": url, "commit_id": "0123456789012345678901234567890123456789"}), "NOT_FOUND"),
        (json!({"url": server.url("empty.git")}), "NOT_FOUND"),
    ] {
        let mut fields = fields;
        fields["path"] = json!("mine");
        assert_eq!(failed(&toolbox, "clone", fields.clone()).await, (404, code.into()), "{fields}");
        assert!(!toolbox.path("mine").exists(), "{fields}");
    }
    done(&toolbox, "clone", json!({"url": url, "path": "mine"})).await;
    for (operation, fields, code) in [
        ("pull", json!({"branch": "none"}), "GIT_BRANCH_NOT_FOUND"),
        ("push", json!({"branch": "none"}), "GIT_BRANCH_NOT_FOUND"),
        ("checkout", json!({"branch": "none"}), "GIT_BRANCH_NOT_FOUND"),
        ("pull", json!({"remote": "none"}), "GIT_REPO_NOT_FOUND"),
        ("push", json!({"remote": "none"}), "GIT_REPO_NOT_FOUND"),
    ] {
        let mut fields = fields;
        fields["path"] = json!("mine");
        assert_eq!(failed(&toolbox, operation, fields.clone()).await, (404, code.into()), "{operation} {fields}");
    }
    // A directory that holds something is left as it is.
    assert_eq!(failed(&toolbox, "clone", json!({"url": url, "path": "mine"})).await, (409, "CONFLICT".into()));
    assert!(toolbox.path("mine/file").exists());
    assert_eq!(
        failed(&toolbox, "clone", json!({"url": "http://127.0.0.1:1/a", "path": "x"})).await.1,
        "GIT_TRANSPORT_FAILED"
    );
}

#[tokio::test]
async fn a_commit_is_cloned_without_a_branch() {
    let server = GitServer::start().await;
    server.create("a.git", 3);
    let first = git(&server.path("a.git"), &["rev-list", "--max-parents=0", "main"]);
    let toolbox = Toolbox::start();
    done(&toolbox, "clone", json!({"url": server.url("a.git"), "path": "mine", "commit_id": first, "depth": 1})).await;
    assert_eq!(std::fs::read_to_string(toolbox.path("mine/file")).unwrap(), "1\n");
    let found = status(&toolbox, "mine").await;
    assert_eq!(
        (&found["currentBranch"], &found["detached"], &found["branchPublished"]),
        (&json!("HEAD"), &json!(true), &json!(false))
    );
    let (_, branches) = toolbox.get("/git/branches?path=mine").await;
    assert_eq!(branches, json!({"branches": ["main"], "current": ""}));
    assert_eq!(failed(&toolbox, "pull", json!({"path": "mine"})).await.0, 409);
    assert_eq!(failed(&toolbox, "push", json!({"path": "mine"})).await.0, 409);
    done(&toolbox, "checkout", json!({"path": "mine", "branch": "main"})).await;
    assert_eq!(status(&toolbox, "mine").await["currentBranch"], "main");
    done(&toolbox, "checkout", json!({"path": "mine", "branch": first})).await;
    assert_eq!(status(&toolbox, "mine").await["detached"], true);
}

#[tokio::test]
async fn a_clone_is_as_deep_as_asked_and_of_one_branch() {
    let server = GitServer::start().await;
    server.create("a.git", 5);
    git(&server.path("a.git"), &["branch", "side", "main~2"]);
    let toolbox = Toolbox::start();
    for (path, fields, commits) in [
        ("whole", json!({}), 5),
        ("zero", json!({"depth": 0}), 5),
        ("two", json!({"depth": 2}), 2),
        ("side", json!({"branch": "side"}), 3),
        ("both", json!({"branch": "side", "depth": 1}), 1),
    ] {
        let mut fields = fields;
        (fields["url"], fields["path"]) = (json!(server.url("a.git")), json!(path));
        done(&toolbox, "clone", fields).await;
        assert_eq!(history(&toolbox, path).await.len(), commits, "{path}");
        let remote_branches = git(&toolbox.path(path), &["branch", "--remotes", "--format=%(refname:short)"]);
        assert_eq!(
            remote_branches.lines().filter(|name| name.contains('/') && !name.ends_with("HEAD")).count(),
            1,
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_push_of_an_outdated_branch_is_rejected() {
    let server = GitServer::start().await;
    server.create("a.git", 1);
    let toolbox = Toolbox::start();
    done(&toolbox, "clone", json!({"url": server.url("a.git"), "path": "mine"})).await;
    commit(&toolbox, "mine", "mine", "mine").await;
    let theirs = server.commit("a.git", "file", "theirs");
    assert_eq!(failed(&toolbox, "push", json!({"path": "mine"})).await, (409, "GIT_PUSH_REJECTED".into()));
    assert_eq!(git(&server.path("a.git"), &["rev-parse", "main"]), theirs);
    // The histories went apart, so a pull cannot move forward either.
    assert_eq!(failed(&toolbox, "pull", json!({"path": "mine"})).await, (409, "GIT_MERGE_CONFLICT".into()));
    assert_eq!(failed(&toolbox, "push", json!({"path": "mine"})).await, (409, "GIT_PUSH_REJECTED".into()));
    let found = status(&toolbox, "mine").await;
    assert_eq!((&found["ahead"], &found["behind"], &found["fileStatus"]), (&json!(1), &json!(1), &json!([])));
}

#[tokio::test]
async fn a_remote_that_declines_is_told_from_a_conflict() {
    let server = GitServer::start().await;
    server.create("a.git", 1);
    let hook = server.path("a.git").join("hooks/pre-receive");
    std::fs::create_dir_all(hook.parent().unwrap()).unwrap();
    std::fs::write(&hook, "#!/bin/sh\necho not today >&2\nexit 1\n").unwrap();
    let toolbox = Toolbox::start();
    done(&toolbox, "clone", json!({"url": server.url("a.git"), "path": "mine"})).await;
    commit(&toolbox, "mine", "mine", "mine").await;
    std::fs::set_permissions(&hook, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    assert_eq!(failed(&toolbox, "push", json!({"path": "mine"})).await, (422, "GIT_REMOTE_REJECTED".into()));
}

#[tokio::test]
async fn changes_that_are_not_committed_are_not_pulled_over() {
    let server = GitServer::start().await;
    server.create("a.git", 1);
    git(&server.path("a.git"), &["branch", "side"]);
    let toolbox = Toolbox::start();
    done(&toolbox, "clone", json!({"url": server.url("a.git"), "path": "mine"})).await;
    server.commit("a.git", "file", "theirs\n");
    server.commit("a.git", "untracked", "theirs\n");
    std::fs::write(toolbox.path("mine/file"), "mine\n").unwrap();
    assert_eq!(failed(&toolbox, "pull", json!({"path": "mine"})).await, (409, "GIT_DIRTY_WORKTREE".into()));
    assert_eq!(std::fs::read_to_string(toolbox.path("mine/file")).unwrap(), "mine\n");
    toolbox.post("/git/reset", json!({"path": "mine", "mode": "hard"})).await;
    std::fs::write(toolbox.path("mine/untracked"), "mine\n").unwrap();
    assert_eq!(failed(&toolbox, "pull", json!({"path": "mine"})).await, (409, "GIT_DIRTY_WORKTREE".into()));
    assert_eq!(std::fs::read_to_string(toolbox.path("mine/untracked")).unwrap(), "mine\n");
    std::fs::remove_file(toolbox.path("mine/untracked")).unwrap();
    done(&toolbox, "pull", json!({"path": "mine"})).await;
    assert_eq!(std::fs::read_to_string(toolbox.path("mine/file")).unwrap(), "theirs\n");
}

#[tokio::test]
async fn a_new_branch_gets_its_upstream_when_asked_for() {
    let server = GitServer::start().await;
    server.create("a.git", 1);
    let toolbox = Toolbox::start();
    done(&toolbox, "clone", json!({"url": server.url("a.git"), "path": "mine"})).await;
    let (created, _) = toolbox.post("/git/branches", json!({"path": "mine", "name": "topic"})).await;
    assert_eq!(created, StatusCode::CREATED);
    commit(&toolbox, "mine", "topic", "topic").await;
    done(&toolbox, "push", json!({"path": "mine"})).await;
    let found = status(&toolbox, "mine").await;
    assert_eq!((&found["branchPublished"], found.get("upstream")), (&json!(false), None));
    done(&toolbox, "push", json!({"path": "mine", "set_upstream": true})).await;
    let found = status(&toolbox, "mine").await;
    assert_eq!((&found["branchPublished"], &found["upstream"]), (&json!(true), &json!("origin/topic")));
    assert!(git(&server.path("a.git"), &["branch", "--list", "topic"]).ends_with("topic"));
}

#[tokio::test]
async fn remotes_are_added_fetched_and_replaced() {
    let server = GitServer::start().await;
    server.create("a.git", 2);
    server.create_empty("b.git");
    let toolbox = Toolbox::start();
    done(&toolbox, "clone", json!({"url": server.url("a.git"), "path": "mine"})).await;
    let add = async |fields: Value| toolbox.post("/git/remotes", fields).await;
    let other = server.path("b.git");
    assert_eq!(add(json!({"path": "mine", "name": "other", "url": other})).await.0, StatusCode::CREATED);
    let (status, error) = add(json!({"path": "mine", "name": "other", "url": "/elsewhere"})).await;
    assert_eq!((status, &error["code"]), (StatusCode::CONFLICT, &json!("CONFLICT")));
    done(&toolbox, "push", json!({"path": "mine", "remote": "other", "branch": "main"})).await;
    assert_eq!(git(&other, &["rev-list", "--count", "main"]), "2");
    let body = json!({"path": "mine", "name": "other", "url": server.path("a.git"), "overwrite": true, "fetch": true});
    assert_eq!(add(body).await.0, StatusCode::CREATED);
    assert_eq!(git(&toolbox.path("mine"), &["rev-list", "--count", "other/main"]), "2");
    let (_, remotes) = toolbox.get("/git/remotes?path=mine").await;
    assert_eq!(remotes["remotes"][1], json!({"name": "other", "url": server.path("a.git")}));
    // Credentials are for where the remote leads, whatever it is called.
    let body = json!({"path": "mine", "name": "third", "url": server.url("b.git")});
    assert_eq!(add(body).await.0, StatusCode::CREATED);
    done(&toolbox, "pull", json!({"path": "mine", "remote": "third", "branch": "main"})).await;
    done(&toolbox, "pull", json!({"path": "mine", "remote": server.url("b.git"), "branch": "main"})).await;
    done(&toolbox, "push", json!({"path": "mine", "remote": server.url("b.git"), "branch": "main"})).await;
}

#[tokio::test]
async fn as_0_190_git_is_stricter_and_leaves_more_behind() {
    let server = GitServer::start().await;
    server.create("a.git", 1);
    let toolbox = Toolbox::start_as(Compat::V0_190);
    let post = async |operation: &str, fields: Value| -> (u16, Value) {
        let (status, answer) = toolbox.post(&format!("/git/{operation}"), authorised(fields)).await;
        (status.as_u16(), answer)
    };
    let unknown = json!({"url": server.url("a.git"), "path": "left", "branch": "none"});
    assert_eq!(post("clone", unknown.clone()).await.0, 500);
    assert!(toolbox.path("left/.git").exists());
    assert_eq!(post("clone", unknown).await.0, 409);
    assert_eq!(post("clone", json!({"url": "http://127.0.0.1:4/x", "path": "no"})).await.0, 500);
    assert_eq!(post("clone", json!({"url": "git://127.0.0.1:4/x", "path": "no"})).await.0, 401);

    assert_eq!(post("clone", json!({"url": server.url("a.git"), "path": "mine"})).await.0, 200);
    let fresh = status(&toolbox, "mine").await;
    assert_eq!((&fresh["branchPublished"], &fresh["ahead"]), (&json!(false), &json!(0)));
    assert_eq!(post("branches", json!({"path": "mine", "name": "b1"})).await.0, 201);
    assert_eq!(post("branches", json!({"path": "mine", "name": "b1"})).await.0, 500);
    assert_eq!(post("branches", json!({"path": "mine", "name": "a..b"})).await.0, 500);
    assert_eq!(post("add", json!({"path": "mine", "files": ["none"]})).await.0, 500);
    commit(&toolbox, "mine", "new", "one\n").await;
    std::fs::write(toolbox.path("mine/new"), "changed\n").unwrap();
    let (status, answer) = post("branches", json!({"path": "mine", "name": "b2"})).await;
    assert_eq!((status, &answer["message"]), (409, &json!("conflict: worktree contains unstaged changes")));
    // The file is not on the other branch: its change is in the way there, and only there.
    assert_eq!(post("checkout", json!({"path": "mine", "branch": "main"})).await.0, 404);
    assert_eq!(post("checkout", json!({"path": "mine", "branch": "b1"})).await.0, 409);
    done(&toolbox, "add", json!({"path": "mine", "files": ["new"]})).await;
    commit(&toolbox, "mine", "new", "two\n").await;
    assert_eq!(post("checkout", json!({"path": "mine", "branch": "main"})).await.0, 200);
    server.commit("a.git", "theirs", "x\n");
    commit(&toolbox, "mine", "ours", "y\n").await;
    let (status, answer) = post("push", json!({"path": "mine"})).await;
    assert_eq!((status, &answer["code"]), (500, &json!("INTERNAL_SERVER_ERROR")));
}

#[tokio::test]
async fn shallow_clones_and_tags_travel_with_credentials() {
    let server = GitServer::start().await;
    server.create("a.git", 3);
    let toolbox = Toolbox::start();
    done(&toolbox, "clone", json!({"url": server.url("a.git"), "path": "mine", "depth": 1})).await;
    let theirs = server.commit("a.git", "theirs", "x\n");
    git(&server.path("a.git"), &["tag", "v1", &theirs]);
    done(&toolbox, "pull", json!({"path": "mine"})).await;
    let commits = history(&toolbox, "mine").await;
    assert_eq!((commits.len(), &commits[0]["hash"]), (2, &json!(theirs)));
    assert_eq!(git(&toolbox.path("mine"), &["tag"]), "v1");
    let ours = commit(&toolbox, "mine", "ours", "y\n").await;
    done(&toolbox, "push", json!({"path": "mine"})).await;
    assert_eq!(git(&server.path("a.git"), &["rev-parse", "main"]), ours);
    assert_eq!(status(&toolbox, "mine").await["ahead"], 0);
    // The address itself as the remote, from a directory below.
    std::fs::create_dir(toolbox.path("mine/below")).unwrap();
    let again = server.commit("a.git", "theirs", "z\n");
    let pull = json!({"path": "mine/below", "remote": server.url("a.git"), "branch": "main"});
    done(&toolbox, "pull", pull).await;
    assert_eq!(history(&toolbox, "mine").await[0]["hash"], again.as_str());
}
