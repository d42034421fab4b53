//! Keys, organizations and members: who may do what. Needs root.

mod harness;

use std::time::Duration;

use harness::{Engine, id_of, read};
use nix::sys::signal::Signal;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

const ORGANIZATION: &str = "X-Daytona-Organization-ID";

/// A request with another key than the engine's.
async fn with_key(engine: &Engine, key: &str, method: Method, path: &str, body: Value) -> (StatusCode, Value) {
    let request = engine.anonymous(method.clone(), path).bearer_auth(key);
    let request = if method == Method::GET || method == Method::DELETE { request } else { request.json(&body) };
    read(request.send().await).await
}

async fn new_key(engine: &Engine, name: &str, permissions: &[&str]) -> String {
    let (status, key) = engine.post("/api/api-keys", json!({"name": name, "permissions": permissions})).await;
    assert_eq!(status, StatusCode::CREATED, "{key}");
    key["value"].as_str().expect("a value").to_owned()
}

/// A request of the person who started the engine, about an organization.
async fn person(engine: &Engine, organization: &str, method: Method, path: &str, body: Value) -> (StatusCode, Value) {
    let request = engine.request(method.clone(), path).header(ORGANIZATION, organization);
    let request = if method == Method::GET || method == Method::DELETE { request } else { request.json(&body) };
    read(request.send().await).await
}

async fn own_organization(engine: &Engine) -> String {
    harness::announcement(engine.directory.path()).expect("engine.json")["organizationId"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_key_allows_what_it_says_and_is_shown_once() {
    let engine = Engine::start().await;
    let reader = new_key(&engine, "reader", &[]).await;
    let writer = new_key(&engine, "writer", &["write:sandboxes"]).await;

    let (status, sandbox) = with_key(&engine, &writer, Method::POST, "/api/sandbox", json!({})).await;
    assert_eq!(status, StatusCode::OK, "{sandbox}");
    let id = id_of(&sandbox);
    let path = format!("/api/sandbox/{id}");
    assert_eq!(with_key(&engine, &reader, Method::GET, &path, json!({})).await.0, StatusCode::OK);
    for (key, method, path, permission) in [
        (&reader, Method::POST, "/api/sandbox".to_owned(), "write:sandboxes"),
        (&reader, Method::POST, format!("{path}/stop"), "write:sandboxes"),
        (&writer, Method::DELETE, path.clone(), "delete:sandboxes"),
        (&writer, Method::POST, "/api/api-keys".to_owned(), "manage:api_keys"),
        (&writer, Method::POST, "/api/docker-registry".to_owned(), "write:registries"),
        (&writer, Method::GET, "/api/volumes".to_owned(), "read:volumes"),
        (&reader, Method::GET, format!("{path}/ports/2280/preview-url"), "write:sandboxes"),
        (&reader, Method::GET, format!("{path}/ports/2280/signed-preview-url"), "write:sandboxes"),
        (&writer, Method::GET, "/api/audit/organizations/x".to_owned(), "read:audit_logs"),
    ] {
        let (status, answer) = with_key(&engine, key, method, &path, json!({})).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{path}: {answer}");
        assert!(answer["message"].as_str().unwrap().contains(permission), "{answer}");
    }
    let hooks = format!("/api/webhooks/organizations/{}/endpoints", own_organization(&engine).await);
    for (method, path) in [(Method::GET, &hooks), (Method::POST, &hooks), (Method::GET, &"/api/build-cache".to_owned())]
    {
        let (status, answer) = with_key(&engine, &writer, method, path, json!({"url": "https://example.com"})).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{path}: {answer}");
    }
    let execute = format!("/toolbox/{id}/process/execute");
    let command = json!({"command": "env; cat /proc/self/environ"});
    assert_eq!(with_key(&engine, &reader, Method::POST, &execute, command.clone()).await.0, StatusCode::FORBIDDEN);
    let (status, output) = with_key(&engine, &writer, Method::POST, &execute, command).await;
    assert_eq!(status, StatusCode::OK, "{output}");
    assert!(!output.to_string().contains(&writer), "no key gets into a sandbox");

    let (_, current) = with_key(&engine, &writer, Method::GET, "/api/api-keys/current", json!({})).await;
    assert_eq!((&current["name"], &current["permissions"]), (&json!("writer"), &json!(["write:sandboxes"])));
    let (_, keys) = engine.get("/api/api-keys").await;
    assert_eq!(keys.as_array().map(Vec::len), Some(2));
    assert!(!keys.to_string().contains(&writer) && !keys.to_string().contains(&reader));
    assert!(keys.to_string().contains(&writer[writer.len() - 3..]));

    assert_eq!(engine.delete("/api/api-keys/writer").await.0, StatusCode::NO_CONTENT);
    assert_eq!(with_key(&engine, &writer, Method::GET, &path, json!({})).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(engine.delete("/api/api-keys/writer").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_key_survives_a_killed_engine_and_ends_when_it_says() {
    let engine = Engine::start().await;
    let key = new_key(&engine, "kept", &["write:sandboxes"]).await;
    let soon = clock_in(2);
    let (status, short) =
        engine.post("/api/api-keys", json!({"name": "short", "permissions": [], "expiresAt": soon})).await;
    assert_eq!(status, StatusCode::CREATED, "{short}");
    let past =
        engine.post("/api/api-keys", json!({"name": "p", "permissions": [], "expiresAt": "2020-01-01T00:00:00Z"}));
    assert_eq!(past.await.0, StatusCode::BAD_REQUEST);
    let unknown = engine.post("/api/api-keys", json!({"name": "u", "permissions": ["write:everything"]}));
    assert_eq!(unknown.await.0, StatusCode::BAD_REQUEST);
    let taken = engine.post("/api/api-keys", json!({"name": "kept", "permissions": []}));
    assert_eq!(taken.await.0, StatusCode::CONFLICT);

    let engine = engine.restart_after(Signal::SIGKILL).await;
    assert_eq!(with_key(&engine, &key, Method::GET, "/api/sandbox", json!({})).await.0, StatusCode::OK);
    let short = short["value"].as_str().unwrap();
    let deadline = std::time::Instant::now() + Duration::from_secs(120);
    loop {
        let (status, answer) = with_key(&engine, short, Method::GET, "/api/sandbox", json!({})).await;
        if status == StatusCode::UNAUTHORIZED {
            assert_eq!(answer["message"], "This API key has expired");
            break;
        }
        assert!(std::time::Instant::now() < deadline, "it does not end");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn clock_in(seconds: u64) -> String {
    let arguments = ["-u", &format!("-d+{seconds} seconds"), "+%Y-%m-%dT%H:%M:%SZ"];
    let output = std::process::Command::new("date").args(arguments).output().expect("date");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[tokio::test]
async fn organizations_do_not_see_each_others_sandboxes() {
    let engine = Engine::start().await;
    let own = own_organization(&engine).await;
    let (status, other) = person(&engine, &own, Method::POST, "/api/organizations", json!({"name": "Other"})).await;
    assert_eq!(status, StatusCode::CREATED, "{other}");
    let other = id_of(&other);
    let mine = engine.create(json!({"name": "same"})).await;
    let (status, theirs) = person(&engine, &other, Method::POST, "/api/sandbox", json!({"name": "same"})).await;
    assert_eq!(status, StatusCode::OK, "{theirs}");
    assert_eq!((&mine["organizationId"], &theirs["organizationId"]), (&json!(own), &json!(other)));

    for (organization, visible, hidden) in [(&own, &mine, &theirs), (&other, &theirs, &mine)] {
        let (_, listed) = person(&engine, organization, Method::GET, "/api/sandbox", json!({})).await;
        let ids: Vec<_> = listed["items"].as_array().unwrap().iter().map(id_of).collect();
        assert_eq!(ids, [id_of(visible)]);
        let (_, named) = person(&engine, organization, Method::GET, "/api/sandbox/same", json!({})).await;
        assert_eq!(named["id"], visible["id"]);
        let path = format!("/api/sandbox/{}", id_of(hidden));
        for method in [Method::GET, Method::DELETE] {
            assert_eq!(person(&engine, organization, method, &path, json!({})).await.0, StatusCode::NOT_FOUND);
        }
    }
    let request = engine.request(Method::POST, "/api/api-keys").header(ORGANIZATION, &other);
    let (_, key) = read(request.json(&json!({"name": "k", "permissions": ["write:sandboxes"]})).send().await).await;
    let key = key["value"].as_str().unwrap();
    let command = json!({"command": "true"});
    let toolbox = |sandbox: &Value| format!("/toolbox/{}/process/execute", id_of(sandbox));
    assert_eq!(with_key(&engine, key, Method::POST, &toolbox(&theirs), command.clone()).await.0, StatusCode::OK);
    assert_eq!(with_key(&engine, key, Method::POST, &toolbox(&mine), command).await.0, StatusCode::UNAUTHORIZED);

    let path = format!("/api/organizations/{other}");
    assert_eq!(
        person(&engine, &own, Method::DELETE, &path, json!({})).await.0,
        StatusCode::CONFLICT,
        "it has a sandbox"
    );
    let (_, usage) = person(&engine, &own, Method::GET, &format!("{path}/usage"), json!({})).await;
    assert_eq!(usage["regionUsage"][0]["currentCpuUsage"], theirs["cpu"]);
    let quota = json!({"totalCpuQuota": 1, "totalMemoryQuota": null, "totalDiskQuota": null});
    let quota = person(&engine, &own, Method::PATCH, &format!("{path}/quota/us"), quota).await;
    assert_eq!(quota.0, StatusCode::NO_CONTENT, "{}", quota.1);
    let (status, refused) = person(&engine, &other, Method::POST, "/api/sandbox", json!({})).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert!(refused["message"].as_str().unwrap().contains("Maximum allowed: 1"), "{refused}");
    let suspended = json!({"reason": "unpaid", "until": "2099-01-01T00:00:00Z"});
    assert_eq!(
        person(&engine, &own, Method::POST, &format!("{path}/suspend"), suspended).await.0,
        StatusCode::NO_CONTENT
    );
    let (_, refused) = person(&engine, &other, Method::POST, "/api/sandbox", json!({})).await;
    assert!(refused["message"].as_str().unwrap().contains("unpaid"), "{refused}");
    // Programs that name an organization of the cloud are in the engine's own.
    let (_, listed) = person(&engine, "unknown", Method::GET, "/api/sandbox", json!({})).await;
    assert_eq!(listed["items"][0]["id"], mine["id"]);
}

#[tokio::test]
async fn organizations_share_neither_contexts_nor_pools_nor_the_cache_of_builds() {
    let engine = Engine::start().await;
    let own = own_organization(&engine).await;
    let (_, other) = person(&engine, &own, Method::POST, "/api/organizations", json!({"name": "Other"})).await;
    let other = id_of(&other);
    let wanted = json!({"name": "theirs", "permissions": ["write:sandboxes", "write:snapshots", "delete:snapshots"]});
    let (_, key) = person(&engine, &other, Method::POST, "/api/api-keys", wanted).await;
    let key = key["value"].as_str().expect("a value");

    let (status, access) = with_key(&engine, key, Method::GET, "/api/object-storage/push-access", json!({})).await;
    assert_eq!((status, &access["organizationId"]), (StatusCode::OK, &json!(other)));
    let pool = json!({"snapshot": "default", "pool": 0, "target": "us"});
    let (status, made) =
        with_key(&engine, key, Method::POST, "/api/warm-pools", json!({"snapshot": "default", "pool": 1})).await;
    assert_eq!(status, StatusCode::FORBIDDEN, "{made}");
    assert_eq!(with_key(&engine, key, Method::PATCH, "/api/warm-pools/x", pool).await.0, StatusCode::FORBIDDEN);
    assert_eq!(with_key(&engine, key, Method::DELETE, "/api/warm-pools/x", json!({})).await.0, StatusCode::FORBIDDEN);
    assert_eq!(with_key(&engine, key, Method::GET, "/api/warm-pools", json!({})).await.1, json!([]));
    for method in [Method::GET, Method::DELETE] {
        assert_eq!(with_key(&engine, key, method, "/api/build-cache", json!({})).await.0, StatusCode::FORBIDDEN);
    }
}

#[tokio::test]
async fn registries_keep_their_passwords_to_themselves() {
    let engine = Engine::start().await;
    let wanted =
        json!({"name": "ours", "url": "https://registry.example/team", "username": "u", "password": "s3cret-word"});
    let (status, registry) = engine.post("/api/docker-registry", wanted).await;
    assert_eq!(status, StatusCode::CREATED, "{registry}");
    let path = format!("/api/docker-registry/{}", id_of(&registry));
    let change = json!({"name": "ours", "url": "https://registry.example/other", "username": "v"});
    let (status, changed) = read(engine.request(Method::PATCH, &path).json(&change).send().await).await;
    assert_eq!((status, &changed["username"]), (StatusCode::OK, &json!("v")));
    let engine = engine.restart_after(Signal::SIGKILL).await;
    let (_, listed) = engine.get("/api/docker-registry").await;
    assert_eq!(listed[0]["url"], "https://registry.example/other");
    assert!(!listed.to_string().contains("s3cret-word"));
    assert_eq!(engine.delete(&path).await.0, StatusCode::NO_CONTENT);
    assert_eq!(engine.get(&path).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn roles_invitations_and_regions_are_kept() {
    let engine = Engine::start().await;
    let own = own_organization(&engine).await;
    let (_, team) = person(&engine, &own, Method::POST, "/api/organizations", json!({"name": "Team"})).await;
    let team = id_of(&team);
    let path = format!("/api/organizations/{team}");
    let role = json!({"name": "Runner", "description": "runs", "permissions": ["write:sandboxes"]});
    let (status, role) = person(&engine, &team, Method::POST, &format!("{path}/roles"), role).await;
    assert_eq!((status, &role["isGlobal"]), (StatusCode::CREATED, &json!(false)));
    let (_, roles) = person(&engine, &team, Method::GET, &format!("{path}/roles"), json!({})).await;
    assert_eq!(roles.as_array().map(Vec::len), Some(10));
    let invitation = json!({"email": "New@Example.com", "role": "member", "assignedRoleIds": [role["id"]]});
    let (status, invitation) = person(&engine, &team, Method::POST, &format!("{path}/invitations"), invitation).await;
    assert_eq!(
        (status, &invitation["email"], &invitation["status"]),
        (StatusCode::CREATED, &json!("new@example.com"), &json!("pending"))
    );
    let again = json!({"email": "new@example.com", "role": "member", "assignedRoleIds": []});
    assert_eq!(
        person(&engine, &team, Method::POST, &format!("{path}/invitations"), again).await.0,
        StatusCode::CONFLICT
    );
    let cancel = format!("{path}/invitations/{}/cancel", id_of(&invitation));
    assert_eq!(person(&engine, &team, Method::POST, &cancel, json!({})).await.0, StatusCode::NO_CONTENT);
    let (_, left) = person(&engine, &team, Method::GET, &format!("{path}/invitations"), json!({})).await;
    assert_eq!(left, json!([]));
    let (_, members) = person(&engine, &team, Method::GET, &format!("{path}/users"), json!({})).await;
    assert_eq!((&members[0]["userId"], &members[0]["role"]), (&json!("local"), &json!("owner")));
    assert_eq!(
        person(&engine, &team, Method::POST, &format!("{path}/leave"), json!({})).await.0,
        StatusCode::FORBIDDEN
    );

    let region = json!({"name": "ours", "proxyUrl": "https://proxy.example"});
    let (status, region) = engine.post("/api/regions", region).await;
    assert_eq!(status, StatusCode::CREATED, "{region}");
    assert!(region["proxyApiKey"].is_string() && region["sshGatewayApiKey"].is_null());
    let (_, regions) = engine.get("/api/regions").await;
    assert_eq!(regions.as_array().map(Vec::len), Some(4));
    let (_, renewed) =
        engine.post(&format!("/api/regions/{}/regenerate-proxy-api-key", id_of(&region)), json!({})).await;
    assert_ne!(renewed["apiKey"], region["proxyApiKey"]);
    assert_eq!(person(&engine, &team, Method::DELETE, &path, json!({})).await.0, StatusCode::NO_CONTENT);
    assert_eq!(person(&engine, &own, Method::GET, &path, json!({})).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn sizes_keep_to_what_the_organization_may_have() {
    let engine = Engine::start().await;
    let own = own_organization(&engine).await;
    let id = engine.sandbox().await;
    let path = format!("/api/organizations/{own}/quota");
    let limits = json!({"maxCpuPerSandbox": 1, "snapshotQuota": null});
    assert_eq!(person(&engine, &own, Method::PATCH, &path, limits).await.0, StatusCode::NO_CONTENT);
    let (status, refused) = engine.post(&format!("/api/sandbox/{id}/resize"), json!({"cpu": 2})).await;
    assert_eq!(status, StatusCode::FORBIDDEN, "{refused}");
    assert!(refused["message"].as_str().unwrap().contains("allowed per sandbox (1)"), "{refused}");
    let limits = json!({"maxCpuPerSandbox": null});
    assert_eq!(person(&engine, &own, Method::PATCH, &path, limits).await.0, StatusCode::NO_CONTENT);
    let total = json!({"totalCpuQuota": 1, "totalMemoryQuota": null, "totalDiskQuota": null});
    assert_eq!(person(&engine, &own, Method::PATCH, &format!("{path}/us"), total).await.0, StatusCode::NO_CONTENT);
    let (status, refused) = engine.post(&format!("/api/sandbox/{id}/fork"), json!({})).await;
    assert_eq!(status, StatusCode::FORBIDDEN, "{refused}");
}
