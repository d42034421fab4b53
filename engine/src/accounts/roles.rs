//! The roles that every organization has.

use super::model::Role;

/// The time these roles came into being.
const ALWAYS: &str = "2025-01-01T00:00:00.000Z";

/// Their names, descriptions and permissions; the position is in the id.
const GLOBAL: [(&str, &str, &[&str]); 9] = [
    ("Viewer", "Looks at everything and changes nothing", &[]),
    (
        "Developer",
        "Creates and deletes sandboxes and keys",
        &["write:sandboxes", "delete:sandboxes", "manage:api_keys"],
    ),
    ("Sandboxes Admin", "Administers sandboxes", &["write:sandboxes", "delete:sandboxes"]),
    ("Snapshots Admin", "Administers snapshots", &["write:snapshots", "delete:snapshots"]),
    ("Registries Admin", "Administers registries", &["write:registries", "delete:registries"]),
    ("Super Admin", "Administers everything", &crate::accounts::permissions::ALL),
    ("Volumes Admin", "Administers volumes", &["read:volumes", "write:volumes", "delete:volumes"]),
    ("Auditor", "Reads the audit log", &["read:audit_logs"]),
    (
        "Infrastructure Admin",
        "Administers regions and runners",
        &["write:regions", "delete:regions", "read:runners", "write:runners", "delete:runners"],
    ),
];

/// The role of members for whom nothing else is said (wire, `CreateOrganizationInvitation`).
pub const DEFAULT: &str = "00000000-0000-0000-0000-000000000001";

/// All of them.
pub fn all_global() -> impl Iterator<Item = Role> {
    GLOBAL.iter().enumerate().map(|(position, (name, description, permissions))| Role {
        id: format!("00000000-0000-0000-0000-{position:012}"),
        organization_id: None,
        name: (*name).to_owned(),
        description: (*description).to_owned(),
        permissions: permissions.iter().map(|permission| (*permission).to_owned()).collect(),
        created_at: ALWAYS.to_owned(),
        updated_at: ALWAYS.to_owned(),
    })
}

/// The one with this id.
pub fn global(id: &str) -> Option<Role> {
    all_global().find(|role| role.id == id)
}
