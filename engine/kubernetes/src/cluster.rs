//! Requests to the API server that may be repeated.
//!
//! A server that is busy (429, 503, 504) is asked again when it says so, by the client library; a request whose answer is lost is
//! repeated here, since it may have been carried out or not. So each has one meaning however often it arrives: a pod is known by
//! the name of its start, everything else by its own name, and what is gone is deleted.

use std::time::Duration;

use either::Either;
use futures_util::future::BoxFuture;
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, PostParams, Preconditions};
use kube::core::{NamespaceResourceScope, Resource};
use kube::{Client, Config, ResourceExt};
use serde_json::json;

use crate::claim;
use crate::placement::{self, MANAGED_BY, MANAGER, Placement, Reach, START};
use crate::pod;
use crate::policy;
use crate::settings::Settings;

/// How long a request is repeated for.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a pod may take to be gone that stands in the way of its successor.
const GONE_WITHIN: Duration = Duration::from_secs(60);
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Why a request had no success.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// The cluster's quota, or that of the namespace, is used up.
    #[error("the cluster's quota is used up: {0}")]
    Quota(String),
    /// The control plane lacks a right, or an admission controller refuses the object.
    #[error("the cluster refuses: {0}")]
    Forbidden(String),
    /// There is no such object.
    #[error("the cluster has no such object: {0}")]
    Missing(String),
    /// The object makes no sense to the cluster.
    #[error("the cluster does not take the request: {0}")]
    Invalid(String),
    /// The cluster was busy, or not to be reached, for as long as was waited.
    #[error("the cluster does not answer: {0}")]
    Unavailable(String),
    /// Something else.
    #[error("the cluster failed: {0}")]
    Other(String),
}

/// A pod that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// Its name.
    pub name: String,
    /// What tells it from others of the same name.
    pub uid: String,
}

/// The namespace of the sandboxes.
#[derive(Clone)]
pub struct Cluster {
    client: Client,
    settings: Settings,
    patience: Duration,
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Cluster").field("namespace", &self.settings.namespace).finish_non_exhaustive()
    }
}

impl Cluster {
    /// Reaches the cluster that this configuration names.
    ///
    /// # Errors
    /// When the configuration is not one: certificates that cannot be read, for example. The cluster is not asked anything yet.
    pub fn new(mut config: Config, settings: Settings) -> Result<Self, ClusterError> {
        config.default_namespace.clone_from(&settings.namespace);
        config.connect_timeout = Some(Duration::from_secs(5));
        // Asking again when a busy server says so.
        config.default_retry = true;
        let client = Client::try_from(config).map_err(|error| ClusterError::Other(in_words(&error)))?;
        Ok(Self { client, settings, patience: PATIENCE })
    }

    /// The same with another limit of the time for which requests are repeated.
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// What the operator has decided.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The client.
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// What there is of this kind in the namespace.
    pub(crate) fn api<K>(&self) -> Api<K>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
    {
        Api::namespaced(self.client.clone(), &self.settings.namespace)
    }

    /// Makes the pod of a start. A pod of an earlier start of the same sandbox is removed first.
    ///
    /// # Errors
    /// Why there is none. One of this start may be there nonetheless, since the answer to a request may have been lost, and with
    /// [`ClusterError::Unavailable`] it may still be made: see [`Self::delete_pod_of`].
    pub async fn create_pod(&self, placement: &Placement) -> Result<Made, ClusterError> {
        let wanted = pod::of(placement, &self.settings);
        let pods: Api<Pod> = self.api();
        let deadline = tokio::time::Instant::now() + GONE_WITHIN;
        loop {
            let created = self
                .repeat(|| {
                    let (pods, wanted) = (pods.clone(), wanted.clone());
                    Box::pin(async move { absent_if(409, pods.create(&PostParams::default(), &wanted).await) })
                })
                .await?;
            if let Some(pod) = created {
                return Ok(made(&pod));
            }
            // There is one: of this very request, whose answer was lost, or of an earlier start.
            let name = placement::name_of(&placement.id);
            let Some(there) = self.pod(&name).await? else { continue };
            if there.labels().get(START) == Some(&placement.start) && there.metadata.deletion_timestamp.is_none() {
                return Ok(made(&there));
            }
            self.delete_pod(&made(&there), Some(Duration::ZERO)).await?;
            if tokio::time::Instant::now() > deadline {
                return Err(ClusterError::Unavailable(format!("pod {name} of an earlier start does not go away")));
            }
            tokio::time::sleep(FIRST_PAUSE * 2).await;
        }
    }

    /// The pod with this name, if there is one.
    ///
    /// # Errors
    /// When it cannot be known.
    pub async fn pod(&self, name: &str) -> Result<Option<Pod>, ClusterError> {
        let pods: Api<Pod> = self.api();
        self.repeat(|| {
            let (pods, name) = (pods.clone(), name.to_owned());
            Box::pin(async move { pods.get_opt(&name).await })
        })
        .await
    }

    /// All pods of sandboxes.
    ///
    /// # Errors
    /// When they cannot be listed.
    pub async fn pods(&self) -> Result<Vec<Pod>, ClusterError> {
        self.all().await
    }

    /// All claims of homes and volumes.
    ///
    /// # Errors
    /// When they cannot be listed.
    pub async fn claims(&self) -> Result<Vec<PersistentVolumeClaim>, ClusterError> {
        self.all().await
    }

    async fn all<K>(&self) -> Result<Vec<K>, ClusterError>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
            + Clone
            + std::fmt::Debug
            + serde::de::DeserializeOwned
            + Send
            + 'static,
    {
        let api: Api<K> = self.api();
        let ours = ListParams::default().labels(&format!("{MANAGED_BY}={MANAGER}"));
        let listed = self
            .repeat(|| {
                let (api, ours) = (api.clone(), ours.clone());
                Box::pin(async move { api.list(&ours).await })
            })
            .await?;
        Ok(listed.items)
    }

    /// Has a pod end: with the time that its programs have to end, or as much as `grace` says. Does nothing for one that is gone,
    /// or was replaced by another of the same name. Returns when the cluster has understood, before the pod is gone.
    ///
    /// # Errors
    /// When the cluster did not.
    pub async fn delete_pod(&self, pod: &Made, grace: Option<Duration>) -> Result<(), ClusterError> {
        let pods: Api<Pod> = self.api();
        let parameters = DeleteParams {
            grace_period_seconds: grace.map(|grace| u32::try_from(grace.as_secs()).unwrap_or(u32::MAX)),
            preconditions: Some(Preconditions { uid: Some(pod.uid.clone()), resource_version: None }),
            ..DeleteParams::default()
        };
        self.repeat(|| {
            let (pods, name, parameters) = (pods.clone(), pod.name.clone(), parameters.clone());
            Box::pin(async move {
                let deleted = pods.delete(&name, &parameters).await.map(ignore);
                // 409: the pod of this name is another one.
                absent_if(409, absent_if(404, deleted).map(drop))
            })
        })
        .await
        .map(drop)
    }

    /// Has the pod with this name end at once if it is that of this start. Whether there was one.
    ///
    /// # Errors
    /// When the cluster did not understand.
    pub async fn delete_pod_of(&self, name: &str, start: &str) -> Result<bool, ClusterError> {
        let pod = self.pod(name).await?.filter(|pod| pod.labels().get(START).is_some_and(|label| label == start));
        let Some(pod) = pod else { return Ok(false) };
        self.delete_pod(&made(&pod), Some(Duration::ZERO)).await?;
        Ok(true)
    }

    /// Makes the claim that a sandbox's home is on. Does nothing where there is no storage, or it is there.
    ///
    /// # Errors
    /// Why it is not there.
    pub async fn create_home(&self, id: &str, organization: &str, disk_gib: f64) -> Result<(), ClusterError> {
        let Some(class) = &self.settings.storage_class else { return Ok(()) };
        self.create_claim(&claim::home(id, organization, class, disk_gib)).await
    }

    /// Makes the claim of a volume. Does nothing where it is there.
    ///
    /// # Errors
    /// Why it is not there: without a storage class, for example.
    pub async fn create_volume(&self, id: &str, organization: &str, size_gib: f64) -> Result<(), ClusterError> {
        let Some(class) = &self.settings.storage_class else {
            return Err(ClusterError::Invalid("volumes need a storage class".to_owned()));
        };
        self.create_claim(&claim::volume(id, organization, class, size_gib)).await
    }

    async fn create_claim(&self, claim: &PersistentVolumeClaim) -> Result<(), ClusterError> {
        let claims: Api<PersistentVolumeClaim> = self.api();
        self.repeat(|| {
            let (claims, claim) = (claims.clone(), claim.clone());
            Box::pin(async move { absent_if(409, claims.create(&PostParams::default(), &claim).await) })
        })
        .await
        .map(drop)
    }

    /// Gives up the claim with this name, and what is on it. Does nothing for one that is gone.
    ///
    /// # Errors
    /// When it is still there.
    pub async fn delete_claim(&self, name: &str) -> Result<(), ClusterError> {
        self.delete::<PersistentVolumeClaim>(name).await
    }

    /// Has the policy for all sandboxes be what the settings say.
    ///
    /// # Errors
    /// When the cluster does not take it.
    pub async fn apply_policy_for_all(&self) -> Result<(), ClusterError> {
        self.apply(policy::for_all(&self.settings)).await
    }

    /// Has a sandbox reach this from now on.
    ///
    /// # Errors
    /// When the cluster does not take it; then nothing is promised.
    pub async fn apply_reach(&self, id: &str, organization: &str, reach: &Reach) -> Result<(), ClusterError> {
        self.apply(policy::for_one(id, organization, reach, &self.settings)).await
    }

    async fn apply(&self, policy: NetworkPolicy) -> Result<(), ClusterError> {
        let policies: Api<NetworkPolicy> = self.api();
        let name = policy.name_any();
        self.repeat(|| {
            let (policies, policy, name) = (policies.clone(), policy.clone(), name.clone());
            // Whoever has changed it meanwhile is overruled.
            Box::pin(async move {
                policies.patch(&name, &PatchParams::apply(MANAGER).force(), &Patch::Apply(&policy)).await
            })
        })
        .await
        .map(drop)
    }

    /// Whether there is a policy for a sandbox, which is so from when it is made until it is given up.
    ///
    /// # Errors
    /// When it cannot be known.
    pub async fn has_reach(&self, id: &str) -> Result<bool, ClusterError> {
        let policies: Api<NetworkPolicy> = self.api();
        let name = placement::name_of(id);
        let found = self
            .repeat(|| {
                let (policies, name) = (policies.clone(), name.clone());
                Box::pin(async move { policies.get_opt(&name).await })
            })
            .await?;
        Ok(found.is_some())
    }

    /// All policies, that for all sandboxes too.
    ///
    /// # Errors
    /// When they cannot be listed.
    pub async fn policies(&self) -> Result<Vec<NetworkPolicy>, ClusterError> {
        self.all().await
    }

    /// Removes what a sandbox reaches.
    ///
    /// # Errors
    /// When it is still there.
    pub async fn delete_reach(&self, id: &str) -> Result<(), ClusterError> {
        self.delete::<NetworkPolicy>(&placement::name_of(id)).await
    }

    /// Changes the limits of a sandbox that runs.
    ///
    /// # Errors
    /// When the cluster refuses, [`ClusterError::Missing`] when the sandbox does not run.
    pub async fn resize(&self, id: &str, cpu: f64, memory_gib: f64) -> Result<(), ClusterError> {
        let pods: Api<Pod> = self.api();
        let resources = pod::resources(cpu, memory_gib, None, &self.settings);
        let patch = json!({"spec": {"containers": [{"name": pod::CONTAINER, "resources": resources}]}});
        let name = placement::name_of(id);
        self.repeat(|| {
            let (pods, patch, name) = (pods.clone(), patch.clone(), name.clone());
            Box::pin(async move { pods.patch_resize(&name, &PatchParams::default(), &Patch::Strategic(&patch)).await })
        })
        .await
        .map(drop)
    }

    async fn delete<K>(&self, name: &str) -> Result<(), ClusterError>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
            + Clone
            + std::fmt::Debug
            + serde::de::DeserializeOwned
            + Send
            + 'static,
    {
        let api: Api<K> = self.api();
        self.repeat(|| {
            let (api, name) = (api.clone(), name.to_owned());
            Box::pin(async move { absent_if(404, api.delete(&name, &DeleteParams::default()).await.map(ignore)) })
        })
        .await
        .map(drop)
    }

    /// Sends a request until it has an answer that is one, or the time is over.
    async fn repeat<T>(&self, request: impl Fn() -> BoxFuture<'static, kube::Result<T>>) -> Result<T, ClusterError> {
        let deadline = tokio::time::Instant::now() + self.patience;
        let mut pause = FIRST_PAUSE;
        let mut last = None;
        loop {
            let error = match tokio::time::timeout_at(deadline, request()).await {
                Ok(Ok(done)) => return Ok(done),
                Ok(Err(error)) if is_passing(&error) => error,
                Ok(Err(error)) => return Err(error.into()),
                Err(_) => {
                    let why = last.map_or_else(|| "no answer in time".to_owned(), |error| in_words(&error));
                    return Err(ClusterError::Unavailable(why));
                }
            };
            tracing::debug!(error = in_words(&error), "a request to the cluster is repeated");
            if tokio::time::Instant::now() + pause > deadline {
                return Err(ClusterError::Unavailable(in_words(&error)));
            }
            last = Some(error);
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

/// What tells a pod from others.
pub(crate) fn made(pod: &Pod) -> Made {
    Made { name: pod.name_any(), uid: pod.uid().unwrap_or_default() }
}

fn ignore<K>(_: Either<K, kube::core::Status>) {}

/// Nothing, where the server answers with this code.
fn absent_if<T>(code: u16, result: kube::Result<T>) -> kube::Result<Option<T>> {
    match result {
        Err(kube::Error::Api(status)) if status.code == code => Ok(None),
        other => other.map(Some),
    }
}

/// Whether the same request may have another answer in a moment.
fn is_passing(error: &kube::Error) -> bool {
    match error {
        // 409 only arrives here from changes that the server could not merge with one made meanwhile.
        kube::Error::Api(status) => matches!(status.code, 409 | 429 | 500 | 502 | 503 | 504),
        kube::Error::HyperError(_) | kube::Error::Service(_) | kube::Error::ReadEvents(_) => true,
        _ => false,
    }
}

impl From<kube::Error> for ClusterError {
    fn from(error: kube::Error) -> Self {
        let words = in_words(&error);
        let kube::Error::Api(status) = error else { return Self::Other(words) };
        match status.code {
            401 => Self::Forbidden(format!("the credentials of the control plane are not accepted ({words})")),
            403 if status.message.contains("exceeded quota") => Self::Quota(words),
            403 => Self::Forbidden(words),
            404 => Self::Missing(words),
            400 | 413 | 415 | 422 => Self::Invalid(words),
            409 | 429 | 500..=504 => Self::Unavailable(words),
            _ => Self::Other(words),
        }
    }
}

/// What an error says, with its causes.
pub(crate) fn in_words(error: &kube::Error) -> String {
    use std::error::Error;
    if let kube::Error::Api(status) = error {
        return if status.message.is_empty() { format!("status {}", status.code) } else { status.message.clone() };
    }
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let text = inner.to_string();
        if !words.contains(&text) {
            words = format!("{words}: {text}");
        }
        cause = inner.source();
    }
    words
}
