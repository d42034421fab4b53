//! What is wrong with the configuration, said at start, by name.

use std::fmt::Write;

use k8s_openapi::api::authorization::v1::{ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::storage::v1::StorageClass;
use kube::Api;
use kube::api::PostParams;

use crate::cluster::{Cluster, ClusterError, in_words};
use crate::placement::Placement;
use crate::pod;

/// A right in the namespace of the sandboxes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Right {
    /// The group of the resource; empty for the core group.
    pub group: &'static str,
    /// The resource, with its subresource after a slash.
    pub resource: &'static str,
    /// What is done to it.
    pub verbs: &'static [&'static str],
}

/// Every right that the control plane uses, and no other. The chart grants the same.
pub const RIGHTS: [Right; 4] = [
    Right { group: "", resource: "pods", verbs: &["create", "delete", "get", "list", "watch"] },
    Right { group: "", resource: "pods/resize", verbs: &["patch"] },
    Right { group: "", resource: "persistentvolumeclaims", verbs: &["create", "delete", "list"] },
    Right {
        group: "networking.k8s.io",
        resource: "networkpolicies",
        verbs: &["create", "delete", "get", "list", "patch"],
    },
];

/// Looks for everything that would make the first sandbox fail, without making anything.
///
/// # Errors
/// One sentence for each thing that is wrong, and what to do about it.
pub async fn check(cluster: &Cluster) -> Result<(), Vec<String>> {
    let mut wrong = Vec::new();
    match missing_rights(cluster).await {
        Ok(missing) if missing.is_empty() => {}
        Ok(missing) => wrong.push(without(&missing, &cluster.settings().namespace)),
        // Without an answer to this, none of the others is to be had.
        Err(error) => return Err(vec![format!("The cluster cannot be asked for the control plane's rights: {error}")]),
    }
    if let Some(class) = &cluster.settings().storage_class {
        wrong.extend(missing_class(cluster, class).await);
    }
    if wrong.is_empty() {
        wrong.extend(refused_pod(cluster).await);
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong) }
}

/// The rights that the control plane lacks, as resource and verb.
///
/// # Errors
/// When the cluster does not answer.
pub async fn missing_rights(cluster: &Cluster) -> Result<Vec<(&'static Right, &'static str)>, ClusterError> {
    let reviews: Api<SelfSubjectAccessReview> = Api::all(cluster.client().clone());
    let mut missing = Vec::new();
    for right in &RIGHTS {
        let (resource, subresource) =
            right.resource.split_once('/').map_or((right.resource, None), |(resource, sub)| (resource, Some(sub)));
        for verb in right.verbs {
            let attributes = ResourceAttributes {
                group: Some(right.group.to_owned()),
                namespace: Some(cluster.settings().namespace.clone()),
                resource: Some(resource.to_owned()),
                subresource: subresource.map(str::to_owned),
                verb: Some((*verb).to_owned()),
                ..ResourceAttributes::default()
            };
            let review = SelfSubjectAccessReview {
                spec: SelfSubjectAccessReviewSpec {
                    resource_attributes: Some(attributes),
                    ..SelfSubjectAccessReviewSpec::default()
                },
                ..SelfSubjectAccessReview::default()
            };
            let answer = reviews.create(&PostParams::default(), &review).await?;
            if !answer.status.is_some_and(|status| status.allowed) {
                missing.push((right, *verb));
            }
        }
    }
    Ok(missing)
}

fn without(missing: &[(&Right, &str)], namespace: &str) -> String {
    let mut text = format!("The control plane lacks rights in namespace {namespace}:");
    for (index, (right, verb)) in missing.iter().enumerate() {
        let group = if right.group.is_empty() { String::new() } else { format!(".{}", right.group) };
        let _ = write!(text, "{} {verb} {}{group}", if index > 0 { "," } else { "" }, right.resource);
    }
    text.push_str(". Bind its service account to the role of the chart");
    text
}

/// What is wrong with the storage class, as far as the control plane may look.
async fn missing_class(cluster: &Cluster, class: &str) -> Option<String> {
    let classes: Api<StorageClass> = Api::all(cluster.client().clone());
    match classes.get_opt(class).await {
        Ok(Some(_)) => None,
        Ok(None) => {
            Some(format!("The cluster has no storage class {class}: name one of `kubectl get storageclass`, or none"))
        }
        Err(kube::Error::Api(status)) if status.code == 403 => {
            tracing::warn!(
                class,
                "whether the storage class exists is not known: reading storage classes is not allowed"
            );
            None
        }
        Err(error) => Some(format!("The storage class {class} cannot be looked at: {}", in_words(&error))),
    }
}

/// Why the cluster would refuse the pod of a sandbox: the server goes through everything but the last step.
async fn refused_pod(cluster: &Cluster) -> Option<String> {
    let sample = Placement {
        id: "preflight".to_owned(),
        organization: "preflight".to_owned(),
        start: "preflight".to_owned(),
        image: None,
        cpu: 1.0,
        memory_gib: 1.0,
        disk_gib: 1.0,
        bootstrap: "{}".to_owned(),
        volumes: Vec::new(),
    };
    let pods: Api<Pod> = cluster.api();
    let rehearsal = PostParams { dry_run: true, ..PostParams::default() };
    match pods.create(&rehearsal, &pod::of(&sample, cluster.settings())).await {
        Ok(_) => None,
        // A full quota is for later to wait for.
        Err(kube::Error::Api(status)) if status.message.contains("exceeded quota") => None,
        Err(error) => Some(format!("The cluster would refuse the pod of a sandbox: {}", in_words(&error))),
    }
}
