//! The control plane's words: credentials, errors, lists, and what is not there (wire 2.1, 2.3).

mod harness;

use harness::{Engine, id_of, read};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

#[tokio::test]
async fn only_holders_of_the_key_get_in() {
    let engine = Engine::start().await;
    for path in ["/api/sandbox", "/api/sandbox/x", "/api/users/me", "/api/volumes", "/api/nowhere"] {
        let (status, error) = read(engine.anonymous(Method::GET, path).send().await).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{path}");
        assert_eq!(error["message"], "Invalid credentials");
        let (status, _) = read(engine.anonymous(Method::GET, path).bearer_auth("wrong").send().await).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{path}");
    }
    for path in ["/api/health", "/api/config"] {
        assert_eq!(read(engine.anonymous(Method::GET, path).send().await).await.0, StatusCode::OK);
    }
}

#[tokio::test]
async fn the_server_whose_answers_are_given_is_told() {
    let engine = Engine::start().await;
    assert_eq!(engine.get("/api/health").await.1["compat"], "newest");
    let directory = engine.end(nix::sys::signal::Signal::SIGTERM).await;
    let engine = Engine::start_in(directory, &["0", "auto", "0.190"]).await;
    assert_eq!(engine.get("/api/health").await.1["compat"], "0.190");
    assert_eq!(harness::announcement(engine.directory.path()).expect("a running engine")["compat"], "0.190");
    engine.sandbox().await;
}

#[tokio::test]
async fn errors_have_the_wires_body_of_both_eras() {
    let engine = Engine::start().await;
    let response = engine.request(Method::GET, "/api/sandbox/nobody").send().await.unwrap();
    assert!(response.headers().contains_key("x-daytona-api-version"));
    let (status, error) = read(Ok(response)).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert_eq!(error["path"], "/api/sandbox/nobody");
    assert_eq!(error["statusCode"], 404);
    assert_eq!(error["error"], "Not Found");
    assert_eq!(error["message"], "Sandbox with ID or name nobody not found");
    assert_eq!(error["code"], "NOT_FOUND");
    assert_eq!(error["source"], "DAYTONA_API");
    assert!(error["timestamp"].as_str().unwrap().ends_with('Z'));
}

#[tokio::test]
async fn bad_requests_are_refused_in_the_wires_words() {
    let engine = Engine::start().await;
    engine.create(json!({"name": "taken"})).await;
    let cases = [
        (json!({"name": "taken"}), 409, "Sandbox with name taken already exists"),
        (json!({"snapshot": "default", "cpu": 2}), 400, "Cannot specify Sandbox resources when using a snapshot"),
        (json!({"snapshot": "x"}), 400, "Snapshot x not found. Did you add it through the Daytona Dashboard?"),
        (json!({"name": 5, "public": "yes"}), 400, "name must be a string, public must be a boolean value"),
        (json!({"env": ["A=1"]}), 400, "env must be an object"),
        (
            json!({"cpu": "two"}),
            400,
            "cpu must not be less than 0, cpu must be a number conforming to the specified constraints",
        ),
        (json!({"cpu": 2}), 400, "Cannot specify Sandbox resources when using a snapshot"),
        (json!({"snapshot": "", "disk": 2}), 400, "Cannot specify Sandbox resources when using a snapshot"),
        (
            json!({"buildInfo": {"dockerfileContent": "FROM default"}, "memory": 64}),
            400,
            "Memory request 64 exceeds maximum allowed per sandbox (8)",
        ),
        (json!({"target": "mars"}), 404, "Region not found"),
        (json!({"name": "<b>x</b>"}), 400, "name must not contain HTML tags, URLs, or control characters"),
        (
            json!({"networkAllowList": "10.0.0.1"}),
            400,
            "Invalid network format: \"10.0.0.1\". Missing CIDR prefix length (e.g., /24)",
        ),
        (json!({"domainAllowList": "!!"}), 400, "Invalid domain: \"!!\". Must be a valid domain name"),
        (json!({"autoStopInterval": -1}), 400, "autoStopInterval must be a non-negative integer"),
        (json!({"user": "nobody"}), 400, "User nobody does not exist in the local snapshot; it has daytona and root"),
        (json!({"volumes": [{"volumeId": "v", "mountPath": "/v"}]}), 404, "Volume with ID or name v not found"),
        (json!({"gpu": 1}), 501, "GPU support is not implemented by the local engine"),
    ];
    for (body, status, message) in cases {
        let (found, error) = engine.post("/api/sandbox", body.clone()).await;
        assert_eq!((found.as_u16(), error["message"].as_str()), (status, Some(message)), "{body}");
    }
    let (status, _) =
        engine.post("/api/sandbox", json!({"snapshot": "default", "nobodyKnowsThis": 1, "cpu": null})).await;
    assert_eq!(status, StatusCode::OK, "unknown fields and nulls are ignored");
    let (status, _) =
        engine.post("/api/sandbox", json!({"buildInfo": {"dockerfileContent": "FROM default"}, "cpu": 1})).await;
    assert_eq!(status, StatusCode::OK, "our own snapshot needs no build");
}

#[tokio::test]
async fn malformed_requests_never_break_the_engine() {
    let engine = Engine::start().await;
    let id = engine.sandbox().await;
    for body in ["{", "[]", "null", "\"x\"", "\u{0}", "{\"name\": }"] {
        let request = engine.request(Method::POST, "/api/sandbox").body(body);
        let (status, error) = read(request.send().await).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{body:?}: {error}");
    }
    for path in [
        format!("/api/sandbox/{id}/autostop/soon"),
        format!("/api/sandbox/{id}/autostop/-1"),
        format!("/api/sandbox/{id}/public/maybe"),
        format!("/api/sandbox/{id}/network-settings"),
        format!("/api/sandbox/{id}/ttl/99999999999999999999"),
        format!("/api/sandbox/{id}/stop?force=perhaps"),
    ] {
        let (status, error) = engine.post(&path, json!({})).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{path}: {error}");
    }
    for path in [
        format!("/api/sandbox/{id}/ports/0/preview-url"),
        format!("/api/sandbox/{id}/ports/70000/preview-url"),
        format!("/api/sandbox/{id}/ports/80/signed-preview-url?expiresInSeconds=0"),
        "/api/sandbox?limit=0".to_owned(),
        "/api/sandbox?limit=201".to_owned(),
        "/api/sandbox?limit=many".to_owned(),
        "/api/sandbox?limit=".to_owned(),
        "/api/sandbox?limit=1&limit=2".to_owned(),
        "/api/sandbox?sandboxClasses=bogus".to_owned(),
        "/api/sandbox?gpuType=abacus".to_owned(),
        "/api/snapshots?limit=0".to_owned(),
        "/api/snapshots?limit=201".to_owned(),
        "/api/snapshots?sort=colour".to_owned(),
        "/api/snapshots?order=sideways".to_owned(),
        "/api/sandbox?cursor=%00".to_owned(),
        "/api/sandbox?states=destroyed".to_owned(),
        "/api/sandbox?labels=%7B".to_owned(),
        "/api/sandbox?sort=colour".to_owned(),
        "/api/sandbox?createdAtAfter=yesterday".to_owned(),
        "/api/sandbox?name=%ff".to_owned(),
        "/api/sandbox/%ff".to_owned(),
    ] {
        let (status, error) = engine.get(&path).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{path}: {error}");
        assert!(error["message"].is_string(), "{path}: {error}");
    }
    let (status, error) = engine.get("/api/nowhere").await;
    assert_eq!((status, error["message"].as_str()), (StatusCode::NOT_FOUND, Some("Cannot GET /api/nowhere")));
    assert_eq!(engine.get("/nowhere").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn odd_but_valid_values_are_taken_as_the_platform_takes_them() {
    let engine = Engine::start().await;
    let body = json!({
        "name": "a/b c\nd", "autoArchiveInterval": 0, "autoStopInterval": 7.5, "target": "eu",
        "env": {"NUMBER": 1}, "labels": {"yes": true}, "networkAllowList": "10.0.0.0/8",
    });
    let sandbox = engine.create(body).await;
    assert_eq!((&sandbox["autoArchiveInterval"], &sandbox["autoStopInterval"]), (&json!(43_200), &json!(7)));
    assert_eq!((&sandbox["target"], &sandbox["labels"]["yes"]), (&json!("eu"), &json!("true")));
    assert_eq!(engine.output(&id_of(&sandbox), "echo $NUMBER").await, "1");
    let path = format!("/api/sandbox/{}/autoarchive", id_of(&sandbox));
    for (asked, kept) in [("99999", 43_200), ("5", 5), ("0", 43_200)] {
        assert_eq!(engine.post(&format!("{path}/{asked}"), json!({})).await.1["autoArchiveInterval"], kept);
    }
}

#[tokio::test]
async fn a_body_that_the_platform_would_not_take_is_refused_here_too() {
    let engine = Engine::start().await;
    let body = json!({"env": {"LARGE": "x".repeat(200_000)}});
    let (status, error) = engine.post("/api/sandbox", body.clone()).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(error["message"].as_str().unwrap().contains("102400 bytes"), "{error}");
    let engine = Engine::start_in(tempfile::tempdir().unwrap(), &["0", "auto", "0.190"]).await;
    let (status, error) = engine.post("/api/sandbox", body).await;
    assert_eq!((status, &error["message"]), (StatusCode::NOT_FOUND, &json!("Cannot POST /api/sandbox")));
}

#[tokio::test]
async fn pages_of_any_origin_may_ask_first() {
    let engine = Engine::start().await;
    for path in ["/api/sandbox", "/api/config", "/api/nowhere"] {
        let asking = engine.anonymous(Method::OPTIONS, path).header("Origin", "http://app.test");
        let asking = asking.header("Access-Control-Request-Method", "POST").send().await.unwrap();
        assert_eq!(asking.status(), StatusCode::NO_CONTENT, "{path}");
        assert_eq!(asking.headers()["access-control-allow-origin"], "http://app.test");
    }
    assert_eq!(
        engine.anonymous(Method::OPTIONS, "/api/sandbox").send().await.unwrap().status(),
        StatusCode::NO_CONTENT
    );
    let asked = engine.request(Method::GET, "/api/sandbox/").header("Origin", "http://app.test").send().await.unwrap();
    assert_eq!(asked.status(), StatusCode::OK);
    assert_eq!(asked.headers()["access-control-allow-origin"], "http://app.test");
}

#[tokio::test]
async fn parts_that_do_not_exist_say_so() {
    let engine = Engine::start().await;
    let id = engine.sandbox().await;
    for (method, path) in [
        (Method::GET, format!("/api/organizations/{id}/gpu-capacity")),
        (Method::GET, format!("/api/toolbox/{id}/toolbox/files")),
    ] {
        let (status, error) = read(engine.request(method, &path).send().await).await;
        assert_eq!(status, StatusCode::NOT_IMPLEMENTED, "{path}");
        assert!(error["message"].as_str().unwrap().contains("not implemented by the local engine"), "{error}");
    }
}

#[tokio::test]
async fn the_document_of_the_platforms_routes_is_not_served() {
    let engine = Engine::start().await;
    for (path, message) in [("/api-json", Some("Not found")), ("/api/api-json", Some("Cannot GET /api/api-json"))] {
        let (status, error) = engine.get(path).await;
        assert_eq!((status, error["message"].as_str()), (StatusCode::NOT_FOUND, message), "{error}");
    }
}

#[tokio::test]
async fn settings_are_kept_and_answered_with_the_wires_statuses() {
    let engine = Engine::start().await;
    let id = engine.sandbox().await;
    let path = format!("/api/sandbox/{id}");
    for (change, status, field, value) in [
        ("autostop/7", 201, "autoStopInterval", json!(7)),
        ("autoarchive/8", 201, "autoArchiveInterval", json!(8)),
        ("autodelete/9", 201, "autoDeleteInterval", json!(9)),
        ("public/true", 201, "public", json!(true)),
        ("autopause/6", 200, "autoPauseInterval", json!(6)),
        ("autostop/7", 201, "autoPauseInterval", json!(0)),
    ] {
        let (found, sandbox) = engine.post(&format!("{path}/{change}"), json!({})).await;
        assert_eq!((found.as_u16(), &sandbox[field]), (status, &value), "{change}");
    }
    assert_eq!(engine.post(&format!("{path}/last-activity"), json!({})).await.0, StatusCode::CREATED);
    let (_, sandbox) = engine.post(&format!("{path}/ttl/5"), json!({})).await;
    assert!(sandbox["autoDestroyAt"].is_string());
    let (_, sandbox) = engine.post(&format!("{path}/network-settings"), json!({"networkBlockAll": true})).await;
    assert_eq!(sandbox["networkBlockAll"], true);
    let request = engine.request(Method::PUT, &format!("{path}/labels")).json(&json!({"labels": {"a": "b"}}));
    let (status, sandbox) = read(request.send().await).await;
    assert_eq!((status, &sandbox["labels"]), (StatusCode::OK, &json!({"a": "b"})));
    let (_, key) = engine.get(&format!("{path}/signing-key")).await;
    let (_, rotated) = engine.post(&format!("{path}/signing-key/rotate"), json!({})).await;
    let is_key = |key: &Value| key.as_str().is_some_and(|key| key.len() >= 32 && !key.contains('"'));
    // The key itself, not a JSON document: what is signed with it must agree.
    assert!(is_key(&key) && is_key(&rotated) && key != rotated, "{key} {rotated}");
}

#[tokio::test]
async fn lists_page_filter_and_sort() {
    let engine = Engine::start().await;
    for (name, colour) in [("a-1", "red"), ("a-2", "blue"), ("b-1", "red")] {
        engine.create(json!({"name": name, "labels": {"colour": colour}})).await;
    }
    let names = |list: &Value| -> Vec<String> {
        list["items"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap().to_owned()).collect()
    };
    let (_, all) = engine.get("/api/sandbox?sort=name&order=asc").await;
    assert_eq!(names(&all), ["a-1", "a-2", "b-1"]);
    assert_eq!(all["nextCursor"], Value::Null);
    assert_eq!(all["items"][0]["networkBlockAll"], false);
    assert!(all["items"][0].get("env").is_none());
    let (_, newest) = engine.get("/api/sandbox?sort=createdAt").await;
    assert_eq!(names(&newest), ["b-1", "a-2", "a-1"]);

    let (_, first) = engine.get("/api/sandbox?sort=name&order=asc&limit=2").await;
    assert_eq!(names(&first), ["a-1", "a-2"]);
    let cursor = first["nextCursor"].as_str().unwrap();
    let (_, second) = engine.get(&format!("/api/sandbox?sort=name&order=asc&limit=2&cursor={cursor}")).await;
    assert_eq!((names(&second), &second["nextCursor"]), (vec!["b-1".to_owned()], &Value::Null));

    for (filter, expected) in [
        ("name=A-", vec!["a-1", "a-2"]),
        ("labels=%7B%22colour%22%3A%22red%22%7D", vec!["a-1", "b-1"]),
        ("states=stopped", vec![]),
        ("states=started&states=stopped", vec!["a-1", "a-2", "b-1"]),
        ("states[]=started", vec!["a-1", "a-2", "b-1"]),
        ("regionIds=elsewhere", vec![]),
        ("minCpu=2", vec![]),
        ("isPublic=true", vec![]),
        ("createdAtBefore=2020-01-01", vec![]),
        ("lastEventAfter=2020-01-01T00:00:00Z", vec!["a-1", "a-2", "b-1"]),
    ] {
        let (status, list) = engine.get(&format!("/api/sandbox?sort=name&order=asc&{filter}")).await;
        assert_eq!(
            (status, names(&list)),
            (StatusCode::OK, expected.into_iter().map(str::to_owned).collect()),
            "{filter}"
        );
    }
    let (_, page) = engine.get("/api/sandbox/paginated?page=2&limit=2&sort=name&order=asc").await;
    assert_eq!(names(&page), ["b-1"]);
    assert_eq!((&page["total"], &page["page"], &page["totalPages"]), (&json!(3), &json!(2), &json!(2)));
    assert_eq!(page["items"][0]["kvm"], false);
}

/// The items of a list, asked for one by one.
async fn one_by_one(engine: &Engine, query: &str) -> Vec<Value> {
    let (mut items, mut cursor) = (Vec::new(), String::new());
    loop {
        let (status, page) = engine.get(&format!("/api/sandbox?limit=1&{query}{cursor}")).await;
        assert_eq!(status, StatusCode::OK, "{query}: {page}");
        items.extend(page["items"].as_array().unwrap().iter().cloned());
        match page["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return items,
        }
    }
}

#[tokio::test]
async fn every_filter_and_every_order_of_a_list_counts() {
    let engine = Engine::start().await;
    engine.create(json!({"name": "broken"})).await;
    let first = engine.sandbox_processes()[0];
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(first), nix::sys::signal::Signal::SIGKILL).unwrap();
    while engine.get("/api/sandbox/broken").await.1["state"] != "error" {}
    let small = engine.create(json!({"name": "small"})).await;
    let large = json!({"name": "large", "cpu": 2, "memory": 2, "disk": 4, "public": true, "ttlMinutes": 60});
    let large = engine.sized(large).await;
    engine.output("large", "true").await;
    let used = engine.get("/api/sandbox/large").await.1["lastActivityAt"].as_str().unwrap().to_owned();
    let at = |sandbox: &Value, field: &str| sandbox[field].as_str().unwrap().to_owned();

    let all = ["broken", "large", "small"].as_slice();
    let (others, nobody) = (["broken", "small"].as_slice(), [].as_slice());
    for (filter, expected) in [
        (format!("id={}", id_of(&large)[..13].to_uppercase()), &["large"][..]),
        ("snapshots=default".to_owned(), all),
        ("snapshots=default&snapshots=other".to_owned(), all),
        ("snapshots=other".to_owned(), nobody),
        ("regionIds=local".to_owned(), all),
        ("sandboxClasses=container".to_owned(), all),
        ("sandboxClasses=linux-vm".to_owned(), nobody),
        ("states=error".to_owned(), &["broken"]),
        ("minCpu=2".to_owned(), &["large"]),
        ("maxCpu=1".to_owned(), others),
        ("minMemoryGiB=2".to_owned(), &["large"]),
        ("maxMemoryGiB=1".to_owned(), others),
        ("minDiskGiB=4".to_owned(), &["large"]),
        ("maxDiskGiB=3".to_owned(), others),
        ("minGpu=1".to_owned(), nobody),
        ("maxGpu=0".to_owned(), all),
        ("isPublic=true".to_owned(), &["large"]),
        ("isPublic=false".to_owned(), others),
        ("isRecoverable=true".to_owned(), &["broken"]),
        ("isRecoverable=false".to_owned(), &["large", "small"]),
        ("includeErroredDeleted=true".to_owned(), all),
        (format!("createdAtAfter={}", at(&large, "createdAt")), &["large"]),
        (format!("createdAtBefore={}", at(&small, "createdAt")), others),
        (format!("lastEventAfter={used}"), &["large"]),
        (format!("lastEventBefore={}", at(&small, "lastActivityAt")), others),
        ("autoDestroyAtAfter=2020-01-01T00:00:00Z".to_owned(), &["large"]),
        ("autoDestroyAtBefore=2020-01-01T00:00:00Z".to_owned(), nobody),
        ("autoDestroyAtBefore=2100-01-01T00:00:00Z".to_owned(), &["large"]),
        ("minCpu=1&maxCpu=1&isRecoverable=false&states=started".to_owned(), &["small"]),
    ] {
        let found = one_by_one(&engine, &format!("sort=name&order=asc&{filter}")).await;
        let names: Vec<_> = found.iter().map(|item| item["name"].as_str().unwrap()).collect();
        assert_eq!(names, expected, "{filter}");
    }

    let in_order = |items: &[Value], field: &str, order: &str| {
        let mut values: Vec<(i64, &str)> = items
            .iter()
            .map(|item| (item[field].as_i64().unwrap_or_default(), item[field].as_str().unwrap_or_default()))
            .collect();
        if order == "desc" {
            values.reverse();
        }
        assert!(values.is_sorted() && values.len() == 3, "{field} {order}: {values:?}");
    };
    for order in ["asc", "desc"] {
        for (sort, field) in [
            ("name", "name"),
            ("cpu", "cpu"),
            ("memoryGib", "memory"),
            ("diskGib", "disk"),
            ("lastActivityAt", "lastActivityAt"),
            ("createdAt", "createdAt"),
        ] {
            in_order(&one_by_one(&engine, &format!("sort={sort}&order={order}")).await, field, order);
        }
        for (sort, field) in [
            ("id", "id"),
            ("name", "name"),
            ("state", "state"),
            ("snapshot", "snapshot"),
            ("region", "target"),
            ("updatedAt", "updatedAt"),
            ("createdAt", "createdAt"),
            ("lastActivityAt", "lastActivityAt"),
        ] {
            let (status, page) = engine.get(&format!("/api/sandbox/paginated?sort={sort}&order={order}")).await;
            assert_eq!(status, StatusCode::OK, "{page}");
            in_order(page["items"].as_array().unwrap(), field, order);
        }
    }
}

#[tokio::test]
async fn the_time_of_the_last_activity_stands_still_without_any() {
    let engine = Engine::start().await;
    let path = format!("/api/sandbox/{}", engine.sandbox().await);
    let first = engine.get(&path).await.1["lastActivityAt"].clone();
    // Lists are sorted by it: a millisecond less, and a sandbox is on two pages.
    for _ in 0..300 {
        assert_eq!(engine.get(&path).await.1["lastActivityAt"], first);
    }
}

#[tokio::test]
async fn an_api_key_opens_neither_accounts_nor_what_is_for_operators() {
    let engine = Engine::start().await;
    let id = engine.sandbox().await;
    for path in ["/api/organizations", "/api/organizations/x", "/api/users/me"] {
        let (status, error) = engine.get(path).await;
        assert_eq!((status, &error["message"]), (StatusCode::UNAUTHORIZED, &json!("Invalid credentials")), "{path}");
    }
    assert_eq!(engine.get("/api/api-keys/current").await.0, StatusCode::OK);
    for path in ["/api/health/ready", &format!("/api/sandbox/{id}/organization"), "/api/preview/x/80/sandbox-id"] {
        assert_eq!(engine.get(path).await.0, StatusCode::FORBIDDEN, "{path}");
    }
}

#[tokio::test]
async fn the_account_and_the_snapshot_are_described() {
    let engine = Engine::start().await;
    let (_, config) = engine.get("/api/config").await;
    assert_eq!(config["defaultSnapshot"], "default");
    assert_eq!(config["proxyToolboxUrl"], format!("{}/toolbox", engine.origin));
    let (_, snapshots) = engine.get("/api/snapshots").await;
    assert_eq!(snapshots["total"], 1);
    assert_eq!(snapshots["items"][0]["sourceSandboxId"], Value::Null);
    let id = id_of(&snapshots["items"][0]);
    for name in ["default", &id] {
        assert_eq!(engine.get(&format!("/api/snapshots/{name}")).await.1["state"], "active");
    }
    assert_eq!(engine.get("/api/snapshots/other").await.0, StatusCode::NOT_FOUND);
    let with_token = async |path: &str| {
        let request = engine.request(Method::GET, path).header("X-Daytona-Organization-ID", "x");
        read(request.send().await).await.1
    };
    let organization = id_of(&with_token("/api/organizations").await[0]);
    assert_eq!(with_token(&format!("/api/organizations/{organization}")).await["secretQuota"], 1000);
    assert_eq!(with_token("/api/users/me").await["emailVerified"], false);
    assert_eq!(engine.get("/api/regions").await.1[0]["id"], "local");
}

#[tokio::test]
async fn a_sandbox_has_python_by_both_names_and_an_entrypoint_session() {
    let engine = Engine::start().await;
    for user in ["daytona", "root"] {
        let id = id_of(&engine.create(json!({"user": user})).await);
        let versions = engine.output(&id, "python3 --version; python --version").await;
        let mut lines = versions.lines();
        assert_eq!(lines.next(), lines.next(), "{versions}");
        let (status, session) = engine.get(&format!("/toolbox/{id}/process/session/entrypoint")).await;
        assert_eq!(
            (status, &session["commands"][0]["id"]),
            (StatusCode::OK, &json!("entrypoint_command")),
            "{session}"
        );
        let (status, logs) = engine.get(&format!("/toolbox/{id}/process/session/entrypoint/logs")).await;
        assert_eq!((status, logs), (StatusCode::OK, json!("")));
        engine.delete(&format!("/api/sandbox/{id}")).await;
    }
}

#[tokio::test]
async fn quotes_may_stand_in_a_query_as_they_are() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    let engine = Engine::start().await;
    let id = id_of(&engine.create(json!({"labels": {"a": "b"}})).await);
    engine.create(json!({"labels": {"a": "c"}})).await;
    let address = engine.origin.strip_prefix("http://").unwrap().to_owned();
    let mut stream = tokio::net::TcpStream::connect(&address).await.unwrap();
    let head = format!("host: {address}\r\nauthorization: Bearer {}\r\n", engine.api_key);
    let line = "GET /api/sandbox?labels={\"a\":\"b\"} HTTP/1.1\r\n";
    let requests = format!("{line}{head}\r\n{line}{head}connection: close\r\n\r\n");
    stream.write_all(requests.as_bytes()).await.unwrap();
    let mut answers = String::new();
    stream.read_to_string(&mut answers).await.unwrap();
    assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), 2, "{answers}");
    assert_eq!(answers.matches("\"labels\":{\"a\":\"b\"}").count(), 2, "{answers}");
    assert!(answers.contains(&id) && !answers.contains("\"labels\":{\"a\":\"c\"}"), "{answers}");
}
