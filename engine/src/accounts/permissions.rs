//! What an API key or a role may allow, and what each route asks for.

use http::Method;

/// Every permission there is.
pub const ALL: [&str; 21] = [
    "write:registries",
    "delete:registries",
    "write:snapshots",
    "delete:snapshots",
    "write:sandboxes",
    "delete:sandboxes",
    "read:volumes",
    "write:volumes",
    "delete:volumes",
    "write:regions",
    "delete:regions",
    "read:runners",
    "write:runners",
    "delete:runners",
    "read:audit_logs",
    "manage:api_keys",
    "manage:secrets",
    "read:limits",
    "manage:sso",
    "read:billing",
    "manage:billing",
];

/// The permission for a request of the control plane; `None` where being known is enough. `path` starts after `/api`.
pub fn needed(method: &Method, path: &str) -> Option<&'static str> {
    let parts: Vec<_> = path.split('/').filter(|part| !part.is_empty()).collect();
    let reads = matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
    let deletes = *method == Method::DELETE;
    let resource = parts.first().copied().unwrap_or_default();
    match (resource, parts.as_slice()) {
        ("sandbox", ["sandbox", _]) if deletes => Some("delete:sandboxes"),
        ("sandbox", _) if !reads => Some("write:sandboxes"),
        // A key that signs addresses of files opens the sandbox.
        (_, ["sandbox" | "preview", _, "signing-key"]) => Some("write:sandboxes"),
        // So does the token of an address of a port.
        (_, ["sandbox", _, "ports", _, "preview-url" | "signed-preview-url"]) => Some("write:sandboxes"),
        ("toolbox", _) => Some("write:sandboxes"),
        ("warm-pools", _) if !reads => Some("write:sandboxes"),
        // Whoever reads an archive has every file of the image.
        ("snapshots", ["snapshots", _, "archive"]) => Some("write:snapshots"),
        ("snapshots", _) if deletes => Some("delete:snapshots"),
        ("snapshots", _) if !reads => Some("write:snapshots"),
        ("build-cache", _) if !reads => Some("delete:snapshots"),
        ("object-storage", _) => Some("write:snapshots"),
        ("docker-registry", ["docker-registry", "registry-push-access"]) => Some("write:registries"),
        ("docker-registry", _) if deletes => Some("delete:registries"),
        ("docker-registry", _) if !reads => Some("write:registries"),
        ("volumes", _) if deletes => Some("delete:volumes"),
        ("volumes", _) if reads => Some("read:volumes"),
        ("volumes", _) => Some("write:volumes"),
        ("regions", _) if deletes => Some("delete:regions"),
        ("regions", _) if !reads => Some("write:regions"),
        ("runners", _) if deletes => Some("delete:runners"),
        ("runners", _) if reads => Some("read:runners"),
        ("runners", _) => Some("write:runners"),
        ("audit", _) => Some("read:audit_logs"),
        ("secret", _) if !reads => Some("manage:secrets"),
        ("api-keys", _) if !reads => Some("manage:api_keys"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_change_asks_for_a_permission_and_looking_mostly_does_not() {
        let cases = [
            ("POST", "/sandbox", Some("write:sandboxes")),
            ("POST", "/sandbox/x/ssh-access", Some("write:sandboxes")),
            ("DELETE", "/sandbox/x", Some("delete:sandboxes")),
            ("DELETE", "/sandbox/x/ssh-access", Some("write:sandboxes")),
            ("GET", "/sandbox/x", None),
            ("GET", "/sandbox/x/signing-key", Some("write:sandboxes")),
            ("GET", "/sandbox/x/ports/80/preview-url", Some("write:sandboxes")),
            ("GET", "/sandbox/x/ports/80/signed-preview-url", Some("write:sandboxes")),
            ("GET", "/volumes", Some("read:volumes")),
            ("POST", "/snapshots/x/activate", Some("write:snapshots")),
            ("GET", "/snapshots/x/archive", Some("write:snapshots")),
            ("DELETE", "/docker-registry/x", Some("delete:registries")),
            ("GET", "/audit/organizations/x", Some("read:audit_logs")),
            ("POST", "/api-keys", Some("manage:api_keys")),
            ("GET", "/api-keys/current", None),
        ];
        for (method, path, permission) in cases {
            assert_eq!(needed(&method.parse().unwrap(), path), permission, "{method} {path}");
            assert!(permission.is_none_or(|permission| ALL.contains(&permission)));
        }
    }
}
