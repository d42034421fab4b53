//! What organizations may have, whoever asks for it at the same moment, and what is left of them. Needs root.

mod harness;

use futures_util::future::join_all;
use harness::{Engine, id_of, read, wait_for, wait_for_response};
use nix::sys::signal::Signal;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

const ORGANIZATION: &str = "X-Daytona-Organization-ID";

/// An organization beside the engine's own.
struct Other<'a> {
    engine: &'a Engine,
    id: String,
}

impl<'a> Other<'a> {
    async fn new(engine: &'a Engine, name: &str) -> Self {
        let announced = harness::announcement(engine.directory.path()).expect("engine.json");
        // Whoever names an organization is a person, and only people make others.
        let request = engine.request(Method::POST, "/api/organizations");
        let request = request.header(ORGANIZATION, announced["organizationId"].as_str().expect("an id"));
        let (status, made) = read(request.json(&json!({"name": name})).send().await).await;
        assert_eq!(status, StatusCode::CREATED, "{made}");
        Self { engine, id: id_of(&made) }
    }

    async fn ask(&self, method: Method, path: &str, body: Value) -> (StatusCode, Value) {
        let request = self.engine.request(method.clone(), path).header(ORGANIZATION, &self.id);
        let request = if method == Method::GET { request } else { request.json(&body) };
        read(request.send().await).await
    }

    fn path(&self, rest: &str) -> String {
        format!("/api/organizations/{}{rest}", self.id)
    }

    async fn limit(&self, rest: &str, limits: Value) {
        let (status, answer) = self.ask(Method::PATCH, &self.path(&format!("/quota{rest}")), limits).await;
        assert_eq!(status, StatusCode::NO_CONTENT, "{answer}");
    }

    /// A key of the organization.
    async fn key(&self) -> String {
        let wanted = json!({"name": "k", "permissions": ["write:sandboxes"]});
        let (status, key) = self.ask(Method::POST, "/api/api-keys", wanted).await;
        assert_eq!(status, StatusCode::CREATED, "{key}");
        key["value"].as_str().expect("a value").to_owned()
    }
}

#[tokio::test]
async fn creates_at_the_same_moment_do_not_pass_a_quota() {
    let engine = Engine::start().await;
    let other = Other::new(&engine, "Other").await;
    other.limit("/us", json!({"totalCpuQuota": 2})).await;
    let made = join_all((0..6).map(|_| other.ask(Method::POST, "/api/sandbox", json!({})))).await;
    let count = |wanted| made.iter().filter(|(status, _)| *status == wanted).count();
    assert_eq!((count(StatusCode::OK), count(StatusCode::FORBIDDEN)), (2, 4), "{made:?}");
    let ids: Vec<_> =
        made.iter().filter(|(status, _)| *status == StatusCode::OK).map(|(_, made)| id_of(made)).collect();

    // What is stopped is started only where there is room, and copies need as much.
    let stop = other.ask(Method::POST, &format!("/api/sandbox/{}/stop", ids[0]), json!({})).await;
    assert_eq!(stop.0, StatusCode::OK, "{}", stop.1);
    let path = format!("/api/sandbox/{}", ids[0]);
    wait_for_response(async || (other.ask(Method::GET, &path, json!({})).await.1["state"] == "stopped").then_some(()))
        .await;
    let (start, create) = (format!("{path}/start"), "/api/sandbox");
    let fork = format!("/api/sandbox/{}/fork", ids[1]);
    let wishes = [(start.as_str(), json!({})), (create, json!({})), (fork.as_str(), json!({}))];
    let answers = join_all(wishes.map(|(path, body)| {
        let other = &other;
        async move { other.ask(Method::POST, path, body).await.0 }
    }))
    .await;
    assert_eq!(answers.iter().filter(|status| **status == StatusCode::OK).count(), 1, "{answers:?}");

    other.limit("", json!({"volumeQuota": 1, "snapshotQuota": 1})).await;
    for (path, wanted) in [("/api/volumes", json!({})), ("/api/snapshots", json!({"imageName": "default"}))] {
        let named = |name: &str| {
            let mut body = wanted.clone();
            body["name"] = json!(name);
            other.ask(Method::POST, path, body)
        };
        let made = [named("one").await.0, named("two").await.0];
        assert_eq!(made, [StatusCode::OK, StatusCode::FORBIDDEN], "{path}");
    }
    let (_, usage) = other.ask(Method::GET, &other.path("/usage"), json!({})).await;
    assert_eq!((&usage["totalVolumeQuota"], &usage["currentVolumeUsage"]), (&json!(1), &json!(1)));
    assert_eq!((&usage["totalSnapshotQuota"], &usage["currentSnapshotUsage"]), (&json!(1), &json!(1)));
}

#[tokio::test]
async fn a_suspended_organization_begins_nothing() {
    let engine = Engine::start().await;
    let other = Other::new(&engine, "Other").await;
    let sandbox = async || {
        let (status, made) = other.ask(Method::POST, "/api/sandbox", json!({})).await;
        assert_eq!(status, StatusCode::OK, "{made}");
        id_of(&made)
    };
    let broken = sandbox().await;
    let process = engine.sandbox_processes()[0];
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(process), Signal::SIGKILL).unwrap();
    let path = format!("/api/sandbox/{broken}");
    wait_for_response(async || (other.ask(Method::GET, &path, json!({})).await.1["state"] == "error").then_some(()))
        .await;
    let running = sandbox().await;

    let (status, _) = other.ask(Method::POST, &other.path("/suspend"), json!({"reason": "unpaid"})).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    let wishes = [
        (format!("/api/sandbox/{broken}/recover"), json!({})),
        (format!("/api/sandbox/{broken}/recover?skipStart=true"), json!({})),
        (format!("/api/sandbox/{running}/fork"), json!({})),
        (format!("/api/sandbox/{running}/resize"), json!({"cpu": 2})),
        (format!("/api/sandbox/{running}/snapshot"), json!({"name": "s"})),
        ("/api/sandbox".to_owned(), json!({})),
        ("/api/snapshots".to_owned(), json!({"name": "t", "imageName": "default"})),
        ("/api/volumes".to_owned(), json!({"name": "v"})),
    ];
    for (path, body) in wishes {
        let (status, refused) = other.ask(Method::POST, &path, body).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{path}: {refused}");
        assert!(refused["message"].as_str().unwrap().contains("unpaid"), "{path}: {refused}");
    }
    assert_eq!(other.ask(Method::POST, &other.path("/unsuspend"), json!({})).await.0, StatusCode::NO_CONTENT);
    let (status, recovered) = other.ask(Method::POST, &format!("/api/sandbox/{broken}/recover"), json!({})).await;
    assert_eq!((status, &recovered["state"]), (StatusCode::OK, &json!("started")));
}

#[tokio::test]
async fn a_name_means_the_sandbox_of_whoever_uses_it() {
    let engine = Engine::start().await;
    let (one, two) = (Other::new(&engine, "One").await, Other::new(&engine, "Two").await);
    for other in [&one, &two] {
        let (status, made) = other.ask(Method::POST, "/api/sandbox", json!({"name": "same"})).await;
        assert_eq!(status, StatusCode::OK, "{made}");
    }
    for (other, stranger) in [(&one, &two), (&two, &one)] {
        let key = other.key().await;
        let request = engine.anonymous(Method::POST, "/toolbox/same/process/execute").bearer_auth(&key);
        let command = json!({"command": "echo $DAYTONA_ORGANIZATION_ID"});
        let (status, answer) = read(request.json(&command).send().await).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        assert_eq!(answer["result"].as_str().map(str::trim), Some(other.id.as_str()));
        let host = format!("22222-same.localhost:{}", engine.origin.rsplit(':').next().unwrap());
        let request = engine.client.get(&engine.origin).header("Host", host).bearer_auth(&key);
        assert_eq!(request.send().await.unwrap().status(), StatusCode::OK, "by the name of a host");
        let (_, theirs) = stranger.ask(Method::GET, "/api/sandbox/same", json!({})).await;
        let path = format!("/toolbox/{}/process/execute", id_of(&theirs));
        let request = engine.anonymous(Method::POST, &path).bearer_auth(&key).json(&command);
        assert_eq!(request.send().await.unwrap().status(), StatusCode::UNAUTHORIZED);
    }
    // Without a key, names are those of the engine's own organization, which has none.
    let request = engine.anonymous(Method::POST, "/toolbox/same/process/execute").bearer_auth(&engine.api_key);
    assert_eq!(request.json(&json!({"command": "true"})).send().await.unwrap().status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn nothing_is_left_of_a_dissolved_organization() {
    let engine = Engine::start().await;
    let other = Other::new(&engine, "Other").await;
    let (status, volume) = other.ask(Method::POST, "/api/volumes", json!({"name": "v"})).await;
    assert_eq!(status, StatusCode::OK, "{volume}");
    let (status, made) = other.ask(Method::POST, "/api/sandbox", json!({"name": "s"})).await;
    assert_eq!(status, StatusCode::OK, "{made}");
    let snapshot = other.ask(Method::POST, "/api/sandbox/s/snapshot", json!({"name": "kept"})).await;
    assert_eq!(snapshot.0, StatusCode::OK, "{}", snapshot.1);
    wait_for_response(async || {
        (other.ask(Method::GET, "/api/snapshots/kept", json!({})).await.1["state"] == "active").then_some(())
    })
    .await;
    let directories = ["volumes", "snapshot-files"].map(|part| engine.directory.path().join(part));
    let is_empty =
        |directory: &std::path::PathBuf| std::fs::read_dir(directory).is_ok_and(|mut all| all.next().is_none());
    assert!(!directories.iter().any(is_empty));
    assert_eq!(
        other.ask(Method::DELETE, &other.path(""), json!({})).await.0,
        StatusCode::CONFLICT,
        "a sandbox is left"
    );
    assert_eq!(other.ask(Method::DELETE, "/api/sandbox/s", json!({})).await.0, StatusCode::OK);
    wait_for_response(async || {
        (other.ask(Method::DELETE, &other.path(""), json!({})).await.0 == StatusCode::NO_CONTENT).then_some(())
    })
    .await;
    wait_for(|| directories.iter().all(is_empty).then_some(())).await;
    let (status, _) = other.ask(Method::GET, &other.path(""), json!({})).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}
