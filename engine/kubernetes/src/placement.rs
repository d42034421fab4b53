//! One sandbox as it is to be placed.

use std::collections::BTreeMap;

/// What a pod is made from. The environment of the sandbox's programs is not part of it: the toolbox is given that when it calls
/// home, so nobody who may read pods reads it.
#[derive(Debug, Clone, PartialEq)]
pub struct Placement {
    /// The sandbox's id: lower-case letters, digits and dashes, 50 at most.
    pub id: String,
    /// The organization it belongs to.
    pub organization: String,
    /// Names this start: a pod that carries another name is that of an earlier one.
    pub start: String,
    /// The image, if it is not the default one.
    pub image: Option<String>,
    /// Processors.
    pub cpu: f64,
    /// Memory in GiB.
    pub memory_gib: f64,
    /// Room for files in GiB.
    pub disk_gib: f64,
    /// The document with which the toolbox starts: whom to call, with a secret that is good once.
    pub bootstrap: String,
    /// Volumes.
    pub volumes: Vec<Mount>,
}

/// A volume in a sandbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// The volume's id.
    pub id: String,
    /// The directory in it that is mounted instead of all of it.
    pub subpath: Option<String>,
    /// Where it appears.
    pub target: String,
}

/// What a sandbox reaches on the network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// Everything but closed networks.
    Internet,
    /// Nothing.
    Nothing,
    /// These networks, as far as they are not closed: `203.0.113.0/24`, for example.
    Networks(Vec<String>),
}

/// The label of everything that this control plane has made.
pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// The value of [`MANAGED_BY`].
pub const MANAGER: &str = "daytona";
/// The label with the sandbox's id.
pub const SANDBOX: &str = "daytona.io/sandbox";
/// The label with the organization's id.
pub const ORGANIZATION: &str = "daytona.io/organization";
/// The label with the name of the start.
pub const START: &str = "daytona.io/start";
/// The label with a volume's id.
pub const VOLUME: &str = "daytona.io/volume";

/// The name of the objects of a sandbox.
pub fn name_of(id: &str) -> String {
    format!("sandbox-{id}")
}

/// Whether objects can be named after this id.
pub fn is_name(id: &str) -> bool {
    (1..=50).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && !id.starts_with('-')
        && !id.ends_with('-')
}

/// A value of a label: what Kubernetes takes as one stays as it is, all else is left out.
pub fn label_value(text: &str) -> String {
    let kept: String =
        text.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')).take(63).collect();
    kept.trim_matches(|c: char| !c.is_ascii_alphanumeric()).to_owned()
}

/// The labels of the objects of a sandbox.
pub fn labels(id: &str, organization: &str) -> BTreeMap<String, String> {
    BTreeMap::from([
        (MANAGED_BY.to_owned(), MANAGER.to_owned()),
        (SANDBOX.to_owned(), id.to_owned()),
        (ORGANIZATION.to_owned(), label_value(organization)),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_kubernetes_takes_as_a_name_is_one() {
        assert!(is_name("7e0d4bb8-5a55-4f0c-8f42-5a3d66f0a0ce"));
        for bad in ["", "-a", "a-", "A", "a/b", "a.b", "../x", &"a".repeat(51)] {
            assert!(!is_name(bad), "{bad}");
        }
    }

    #[test]
    fn labels_hold_nothing_that_is_refused() {
        assert_eq!(label_value("org/../x y"), "org..xy");
        assert_eq!(label_value("-_a_-"), "a");
        assert_eq!(label_value(&"a".repeat(80)).len(), 63);
    }
}
