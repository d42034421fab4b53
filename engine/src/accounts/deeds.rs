//! Which requests the audit log tells, and under which word.

use http::Method;

use super::audit::Deed;

fn deed(action: &'static str, target_type: &'static str, target_id: Option<&str>) -> Option<Deed> {
    Some(Deed { action, target_type, target_id: target_id.map(str::to_owned) })
}

/// What a request of the control plane does; `path` starts after `/api`.
pub fn of_control(method: &Method, path: &str) -> Option<Deed> {
    let parts: Vec<_> = path.split('/').filter(|part| !part.is_empty()).collect();
    match (method.as_str(), parts.as_slice()) {
        (method, ["sandbox", rest @ ..]) => of_sandbox(method, rest),
        (method, ["snapshots", rest @ ..]) => match (method, rest) {
            ("POST", []) => deed("create", "snapshot", None),
            ("DELETE", [id]) => deed("delete", "snapshot", Some(id)),
            ("PUT", [_, "archive"]) => deed("create", "snapshot", None),
            ("POST", [id, "activate"]) => deed("activate", "snapshot", Some(id)),
            ("POST", [id, "deactivate"]) => deed("deactivate", "snapshot", Some(id)),
            ("PATCH", [id, "general"]) => deed("set_general_status", "snapshot", Some(id)),
            _ => None,
        },
        (method, [kind @ ("volumes" | "docker-registry" | "secret" | "regions" | "warm-pools"), rest @ ..]) => {
            let target = match *kind {
                "volumes" => "volume",
                "docker-registry" => "docker_registry",
                "secret" => "secret",
                "regions" => "region",
                _ => "warm_pool",
            };
            match (method, rest) {
                ("POST", []) => deed("create", target, None),
                ("PATCH" | "PUT", [id]) => deed("update", target, Some(id)),
                ("DELETE", [id]) => deed("delete", target, Some(id)),
                ("POST", [id, "regenerate-proxy-api-key"]) => deed("regenerate_proxy_api_key", target, Some(id)),
                ("POST", [id, "regenerate-ssh-gateway-api-key"]) => {
                    deed("regenerate_ssh_gateway_api_key", target, Some(id))
                }
                ("POST", [id, "regenerate-snapshot-manager-credentials"]) => {
                    deed("regenerate_snapshot_manager_credentials", target, Some(id))
                }
                _ => None,
            }
        }
        ("POST", ["api-keys"]) => deed("create", "api_key", None),
        ("DELETE", ["api-keys", name] | ["api-keys", _, name]) => deed("delete", "api_key", Some(name)),
        (method, ["organizations", rest @ ..]) => of_organization(method, rest),
        ("POST", ["users", "linked-accounts"]) => deed("link_account", "user", None),
        ("DELETE", ["users", "linked-accounts", ..]) => deed("unlink_account", "user", None),
        ("POST", ["users", id, "regenerate-key-pair"]) => deed("regenerate_key_pair", "user", Some(id)),
        ("POST", ["runners"]) => deed("create", "runner", None),
        ("DELETE", ["runners", id]) => deed("delete", "runner", Some(id)),
        ("PATCH", ["runners", id, "scheduling"]) => deed("update_scheduling", "runner", Some(id)),
        ("GET", ["audit", "organizations", id, ..]) => deed("read", "organization", Some(id)),
        ("POST", ["webhooks", "organizations", id, "app-portal-access"]) => {
            deed("get_webhook_app_portal_access", "organization", Some(id))
        }
        ("POST", ["webhooks", "organizations", id, "initialize"]) => {
            deed("initialize_webhooks", "organization", Some(id))
        }
        (
            "POST",
            ["webhooks", "organizations", id, "send"] | ["webhooks", "organizations", id, "endpoints", _, "test"],
        ) => deed("send_webhook_message", "organization", Some(id)),
        ("POST", ["webhooks", "organizations", _, "endpoints"]) => deed("create", "webhook_endpoint", None),
        ("PATCH", ["webhooks", "organizations", _, "endpoints", id]) => deed("update", "webhook_endpoint", Some(id)),
        ("DELETE", ["webhooks", "organizations", _, "endpoints", id]) => deed("delete", "webhook_endpoint", Some(id)),
        _ => None,
    }
}

fn of_sandbox(method: &str, rest: &[&str]) -> Option<Deed> {
    let on = |action, id: &&str| deed(action, "sandbox", Some(id));
    match (method, rest) {
        ("POST", []) => deed("create", "sandbox", None),
        ("DELETE", [id]) => on("delete", id),
        ("POST", [id, "start" | "recover"]) => on("start", id),
        ("POST", [id, "stop"]) => on("stop", id),
        ("POST", [id, "archive"]) => on("archive", id),
        ("POST", [id, "backup"]) => on("create_backup", id),
        ("POST", [id, "fork" | "snapshot"]) => on("create", id),
        ("PUT", [id, "labels"]) => on("replace_labels", id),
        ("POST", [id, "public", _]) => on("update_public_status", id),
        ("POST", [id, "autostop", _]) => on("set_auto_stop_interval", id),
        ("POST", [id, "autoarchive", _]) => on("set_auto_archive_interval", id),
        ("POST", [id, "autodelete", _]) => on("set_auto_delete_interval", id),
        ("PUT", [id, "secrets"]) => on("update_secrets", id),
        ("POST", [id, "network-settings"]) => on("update_network_settings", id),
        ("GET", [id, "ports", _, "preview-url" | "signed-preview-url"]) => on("get_port_preview_url", id),
        ("POST", [id, "ssh-access"]) => on("create_ssh_access", id),
        ("DELETE", [id, "ssh-access"]) => on("revoke_ssh_access", id),
        ("POST", [_, "last-activity"]) => None,
        ("POST" | "PUT" | "PATCH", [id, _, ..]) => on("update", id),
        _ => None,
    }
}

fn of_organization(method: &str, rest: &[&str]) -> Option<Deed> {
    let on = |action, id: &&str| deed(action, "organization", Some(id));
    match (method, rest) {
        ("POST", []) => deed("create", "organization", None),
        ("POST", ["invitations", id, "accept"]) => deed("accept", "organization_invitation", Some(id)),
        ("POST", ["invitations", id, "decline"]) => deed("decline", "organization_invitation", Some(id)),
        ("DELETE", [id]) => on("delete", id),
        ("PATCH", [id, "default-region"]) => on("set_default", id),
        ("PATCH", [id, "quota"]) => on("update_quota", id),
        ("PATCH", [id, "quota", _]) => on("update_region_quota", id),
        ("POST", [id, "suspend"]) => on("suspend", id),
        ("POST", [id, "unsuspend"]) => on("unsuspend", id),
        ("POST", [id, "leave"]) => on("leave_organization", id),
        ("POST", [id, "sandbox-default-limited-network-egress"]) => {
            on("update_sandbox_default_limited_network_egress", id)
        }
        ("PUT" | "POST" | "DELETE", [id, "experimental-config" | "otel-config" | "preview-warning"]) => {
            on("update", id)
        }
        ("POST", [_, "users", user, "access"]) => deed("update_access", "organization_user", Some(user)),
        ("DELETE", [_, "users", user]) => deed("delete", "organization_user", Some(user)),
        ("POST", [_, "roles"]) => deed("create", "organization_role", None),
        ("PUT", [_, "roles", id]) => deed("update", "organization_role", Some(id)),
        ("DELETE", [_, "roles", id]) => deed("delete", "organization_role", Some(id)),
        ("POST", [_, "invitations"]) => deed("create", "organization_invitation", None),
        ("PUT", [_, "invitations", id]) => deed("update", "organization_invitation", Some(id)),
        ("POST", [_, "invitations", id, "cancel"]) => deed("delete", "organization_invitation", Some(id)),
        _ => None,
    }
}

/// What a request to a sandbox's toolbox does; `path` is the toolbox's.
pub fn of_toolbox(method: &Method, path: &str, sandbox_id: &str) -> Option<Deed> {
    let parts: Vec<_> = path.split('/').filter(|part| !part.is_empty()).collect();
    let action = match (method.as_str(), parts.as_slice()) {
        ("DELETE", ["files"]) => "toolbox_delete_file",
        ("GET", ["files", "download"]) | ("POST", ["files", "bulk-download"]) => "toolbox_download_file",
        ("POST", ["files", "folder"]) => "toolbox_create_folder",
        ("POST", ["files", "move"]) => "toolbox_move_file",
        ("POST", ["files", "permissions"]) => "toolbox_set_file_permissions",
        ("POST", ["files", "replace"]) => "toolbox_replace_in_files",
        ("POST", ["files", "upload" | "upload-v2"]) => "toolbox_upload_file",
        ("POST", ["files", "bulk-upload"]) => "toolbox_bulk_upload_files",
        ("POST", ["git", "add"]) => "toolbox_git_add_files",
        ("POST", ["git", "branches"]) => "toolbox_git_create_branch",
        ("DELETE", ["git", "branches"]) => "toolbox_git_delete_branch",
        ("POST", ["git", "clone"]) => "toolbox_git_clone_repository",
        ("POST", ["git", "commit"]) => "toolbox_git_commit_changes",
        ("POST", ["git", "pull"]) => "toolbox_git_pull_changes",
        ("POST", ["git", "push"]) => "toolbox_git_push_changes",
        ("POST", ["git", "checkout"]) => "toolbox_git_checkout_branch",
        ("POST", ["process", "execute" | "code-run"]) => "toolbox_execute_command",
        ("POST", ["process", "session"]) => "toolbox_create_session",
        ("POST", ["process", "session", _, "exec"]) => "toolbox_session_execute_command",
        ("DELETE", ["process", "session", _]) => "toolbox_delete_session",
        ("POST", ["computeruse", "start"]) => "toolbox_computer_use_start",
        ("POST", ["computeruse", "stop"]) => "toolbox_computer_use_stop",
        ("POST", ["computeruse", "process", _, "restart"]) => "toolbox_computer_use_restart_process",
        _ => return None,
    };
    deed(action, "sandbox", Some(sandbox_id))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(method: &str, path: &str) -> Option<(&'static str, &'static str, Option<String>)> {
        of_control(&method.parse().unwrap(), path).map(|deed| (deed.action, deed.target_type, deed.target_id))
    }

    #[test]
    fn requests_are_told_under_their_documented_words() {
        let id = || Some("x".to_owned());
        assert_eq!(told("POST", "/sandbox"), Some(("create", "sandbox", None)));
        assert_eq!(told("POST", "/sandbox/x/autostop/5"), Some(("set_auto_stop_interval", "sandbox", id())));
        assert_eq!(told("GET", "/sandbox/x/ports/80/preview-url"), Some(("get_port_preview_url", "sandbox", id())));
        assert_eq!(told("GET", "/sandbox/x"), None);
        assert_eq!(told("DELETE", "/api-keys/u/x"), Some(("delete", "api_key", id())));
        assert_eq!(
            told("POST", "/organizations/invitations/x/accept"),
            Some(("accept", "organization_invitation", id()))
        );
        assert_eq!(told("PATCH", "/organizations/x/quota/us"), Some(("update_region_quota", "organization", id())));
        let toolbox = of_toolbox(&Method::POST, "/process/execute", "x").unwrap();
        assert_eq!((toolbox.action, toolbox.target_id.as_deref()), ("toolbox_execute_command", Some("x")));
        assert_eq!(of_toolbox(&Method::GET, "/files/info", "x"), None);
    }
}
