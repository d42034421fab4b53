//! The audit log tells who did what, whatever happens to the engine. Needs root.

mod harness;

use harness::{Engine, id_of, read};
use nix::sys::signal::Signal;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

async fn log(engine: &Engine, query: &str) -> Value {
    let organization = harness::announcement(engine.directory.path()).expect("engine.json")["organizationId"].clone();
    let path = format!("/api/audit/organizations/{}?{query}", organization.as_str().unwrap());
    let (status, page) = engine.get(&path).await;
    assert_eq!(status, StatusCode::OK, "{page}");
    page
}

fn actions(page: &Value) -> Vec<(&str, Option<u64>)> {
    let items = page["items"].as_array().expect("items");
    items.iter().map(|entry| (entry["action"].as_str().unwrap(), entry["statusCode"].as_u64())).collect()
}

#[tokio::test]
async fn what_is_done_is_told_with_who_did_it_and_how_it_ended() {
    let engine = Engine::start().await;
    let id = engine.sandbox().await;
    engine.output(&id, "true").await;
    let labels = engine.request(Method::PUT, &format!("/api/sandbox/{id}/labels")).header("User-Agent", "tester/1");
    read(labels.json(&json!({"labels": {"a": "b"}})).send().await).await;
    engine.post("/api/sandbox/unknown/start", json!({})).await;
    let page = log(&engine, "targetType=sandbox").await;
    assert_eq!(
        actions(&page),
        [
            ("start", Some(404)),
            ("replace_labels", Some(200)),
            ("toolbox_execute_command", Some(200)),
            ("create", Some(200))
        ]
    );
    let items = page["items"].as_array().unwrap();
    assert_eq!(items[3]["targetId"], json!(id), "what was created is named");
    assert!(items[0]["errorMessage"].as_str().unwrap().contains("unknown"));
    assert_eq!(
        (&items[1]["actorId"], &items[1]["userAgent"], &items[1]["ipAddress"]),
        (&json!("local"), &json!("tester/1"), &json!("127.0.0.1"))
    );
    assert!(!page.to_string().contains(&engine.api_key));

    assert_eq!(actions(&log(&engine, "action=create&statusCode=200&limit=1").await), [("create", Some(200))]);
    assert_eq!(log(&engine, "to=2020-01-01T00:00:00Z").await["total"], 0);
    assert_eq!(log(&engine, &format!("targetId={id}")).await["total"], 3);
}

#[tokio::test]
async fn pages_and_the_export_have_every_entry_once() {
    let engine = Engine::start().await;
    for _ in 0..7 {
        engine.post("/api/sandbox/unknown/stop", json!({})).await;
    }
    let (mut token, mut seen) = (String::new(), Vec::new());
    loop {
        let page = log(&engine, &format!("action=stop&limit=3&nextToken={token}")).await;
        seen.extend(page["items"].as_array().unwrap().iter().map(id_of));
        match page["nextToken"].as_str() {
            Some(next) => token = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(seen.len(), 7);
    let second = log(&engine, "action=stop&limit=3&page=2").await;
    assert_eq!(second["items"].as_array().unwrap().iter().map(id_of).collect::<Vec<_>>(), seen[3..6]);
    let organization = harness::announcement(engine.directory.path()).unwrap()["organizationId"].clone();
    let path = format!("/api/audit/organizations/{}/export?action=stop", organization.as_str().unwrap());
    let answer = engine.request(Method::GET, &path).send().await.unwrap();
    assert_eq!(answer.headers()["content-type"], "application/x-ndjson");
    let lines = answer.text().await.unwrap();
    let exported: Vec<_> = lines.lines().map(|line| id_of(&serde_json::from_str(line).unwrap())).collect();
    assert_eq!(exported, seen);
}

#[tokio::test]
async fn entries_survive_a_killed_engine() {
    let engine = Engine::start().await;
    let id = engine.sandbox().await;
    engine.output(&id, "true").await;
    let engine = engine.restart_after(Signal::SIGKILL).await;
    let page = log(&engine, &format!("targetId={id}")).await;
    assert_eq!(actions(&page), [("toolbox_execute_command", Some(200)), ("create", Some(200))]);
}

/// Every documented action but `login`, which is told when a token is used for the first time (tests of tokens), and a request that does
/// it, or would: attempts are told, too. `S` is a sandbox and `O` the organization.
const ACTIONS: [(&str, &str, &str); 63] = [
    ("create", "POST", "/api/volumes"),
    ("read", "GET", "/api/audit/organizations/O"),
    ("update", "PATCH", "/api/docker-registry/x"),
    ("delete", "DELETE", "/api/volumes/x"),
    ("set_default", "PATCH", "/api/organizations/O/default-region"),
    ("update_access", "POST", "/api/organizations/O/users/x/access"),
    ("update_quota", "PATCH", "/api/organizations/O/quota"),
    ("update_region_quota", "PATCH", "/api/organizations/O/quota/local"),
    ("suspend", "POST", "/api/organizations/x/suspend"),
    ("unsuspend", "POST", "/api/organizations/x/unsuspend"),
    ("accept", "POST", "/api/organizations/invitations/x/accept"),
    ("decline", "POST", "/api/organizations/invitations/x/decline"),
    ("link_account", "POST", "/api/users/linked-accounts"),
    ("unlink_account", "DELETE", "/api/users/linked-accounts/x/y"),
    ("leave_organization", "POST", "/api/organizations/x/leave"),
    ("regenerate_key_pair", "POST", "/api/users/x/regenerate-key-pair"),
    ("update_scheduling", "PATCH", "/api/runners/x/scheduling"),
    ("start", "POST", "/api/sandbox/x/start"),
    ("stop", "POST", "/api/sandbox/x/stop"),
    ("replace_labels", "PUT", "/api/sandbox/x/labels"),
    ("create_backup", "POST", "/api/sandbox/x/backup"),
    ("update_public_status", "POST", "/api/sandbox/x/public/true"),
    ("set_auto_stop_interval", "POST", "/api/sandbox/x/autostop/5"),
    ("set_auto_archive_interval", "POST", "/api/sandbox/x/autoarchive/5"),
    ("set_auto_delete_interval", "POST", "/api/sandbox/x/autodelete/5"),
    ("archive", "POST", "/api/sandbox/x/archive"),
    ("get_port_preview_url", "GET", "/api/sandbox/S/ports/8080/preview-url"),
    ("set_general_status", "PATCH", "/api/snapshots/x/general"),
    ("activate", "POST", "/api/snapshots/x/activate"),
    ("deactivate", "POST", "/api/snapshots/x/deactivate"),
    ("update_network_settings", "POST", "/api/sandbox/x/network-settings"),
    ("get_webhook_app_portal_access", "POST", "/api/webhooks/organizations/O/app-portal-access"),
    ("send_webhook_message", "POST", "/api/webhooks/organizations/O/send"),
    ("initialize_webhooks", "POST", "/api/webhooks/organizations/O/initialize"),
    (
        "update_sandbox_default_limited_network_egress",
        "POST",
        "/api/organizations/O/sandbox-default-limited-network-egress",
    ),
    ("create_ssh_access", "POST", "/api/sandbox/S/ssh-access"),
    ("revoke_ssh_access", "DELETE", "/api/sandbox/S/ssh-access"),
    ("regenerate_proxy_api_key", "POST", "/api/regions/x/regenerate-proxy-api-key"),
    ("regenerate_ssh_gateway_api_key", "POST", "/api/regions/x/regenerate-ssh-gateway-api-key"),
    ("regenerate_snapshot_manager_credentials", "POST", "/api/regions/x/regenerate-snapshot-manager-credentials"),
    ("toolbox_delete_file", "DELETE", "/toolbox/S/files?path=nothing"),
    ("toolbox_download_file", "GET", "/toolbox/S/files/download?path=nothing"),
    ("toolbox_create_folder", "POST", "/toolbox/S/files/folder?path=new&mode=755"),
    ("toolbox_move_file", "POST", "/toolbox/S/files/move?source=nothing&destination=x"),
    ("toolbox_set_file_permissions", "POST", "/toolbox/S/files/permissions?path=nothing"),
    ("toolbox_replace_in_files", "POST", "/toolbox/S/files/replace"),
    ("toolbox_upload_file", "POST", "/toolbox/S/files/upload?path=x"),
    ("toolbox_bulk_upload_files", "POST", "/toolbox/S/files/bulk-upload"),
    ("toolbox_git_add_files", "POST", "/toolbox/S/git/add"),
    ("toolbox_git_create_branch", "POST", "/toolbox/S/git/branches"),
    ("toolbox_git_delete_branch", "DELETE", "/toolbox/S/git/branches"),
    ("toolbox_git_clone_repository", "POST", "/toolbox/S/git/clone"),
    ("toolbox_git_commit_changes", "POST", "/toolbox/S/git/commit"),
    ("toolbox_git_pull_changes", "POST", "/toolbox/S/git/pull"),
    ("toolbox_git_push_changes", "POST", "/toolbox/S/git/push"),
    ("toolbox_git_checkout_branch", "POST", "/toolbox/S/git/checkout"),
    ("toolbox_execute_command", "POST", "/toolbox/S/process/execute"),
    ("toolbox_create_session", "POST", "/toolbox/S/process/session"),
    ("toolbox_session_execute_command", "POST", "/toolbox/S/process/session/x/exec"),
    ("toolbox_delete_session", "DELETE", "/toolbox/S/process/session/x"),
    ("toolbox_computer_use_start", "POST", "/toolbox/S/computeruse/start"),
    ("toolbox_computer_use_stop", "POST", "/toolbox/S/computeruse/stop"),
    ("toolbox_computer_use_restart_process", "POST", "/toolbox/S/computeruse/process/x/restart"),
];

#[tokio::test]
async fn every_documented_action_is_told() {
    let engine = Engine::start().await;
    let sandbox = engine.sandbox().await;
    let organization = harness::announcement(engine.directory.path()).unwrap()["organizationId"].clone();
    let organization = organization.as_str().unwrap();
    for (action, method, path) in ACTIONS {
        let path = path.replace("/S/", &format!("/{sandbox}/"));
        let path = path.replace("/O/", &format!("/{organization}/"));
        let path = path.strip_suffix("/O").map(|start| format!("{start}/{organization}")).unwrap_or(path);
        let before = log(&engine, &format!("action={action}")).await["total"].clone();
        let answer = engine.request(method.parse().unwrap(), &path).json(&json!({})).send().await.unwrap();
        let told = log(&engine, &format!("action={action}&limit=1")).await;
        let more = told["total"].as_u64() > before.as_u64();
        let newest = &told["items"][0];
        assert!(more && newest["action"] == action, "{method} {path} ({}): {told}", answer.status());
        for field in ["id", "actorId", "organizationId", "targetType", "ipAddress", "createdAt"] {
            assert!(newest[field].is_string(), "{action} has no {field}: {newest}");
        }
        // Reading the log is told, too, while it is read.
        if action != "read" {
            assert_eq!(newest["statusCode"], answer.status().as_u16(), "{method} {path}: {newest}");
        }
    }
}
