//! The engine's backend whose sandboxes are pods.
//!
//! A sandbox exists from when its policy is made until that is deleted; everything else follows. It does not outlive the engine
//! that started it: nobody else has the token of its toolbox. What is left of an engine that was killed ends when the next one
//! looks for sandboxes.

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use daytona_engine::backend::{
    Backend, End, Feature, Found, FoundState, Instance, Latest, Limits, NetworkLimit, Reach, Refusal, Resources, Spec,
    Stream, Usage, Work,
};
use daytona_remote_toolbox::{Start, Token};
use futures_util::future::BoxFuture;
use futures_util::stream::{self, TryStreamExt};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use tokio::runtime::Handle;
use tokio::sync::watch;

use crate::claim;
use crate::cluster::{Cluster, Made, made};
use crate::placement::{self, Mount, Placement, SANDBOX};
use crate::pods::{self, Life, Pods};
use crate::running::{Runner, Running};

const DOMAINS: &str = "A list of domains on Kubernetes";
/// Pods that are deleted at once.
const DELETED_AT_ONCE: usize = 16;

/// The backend.
#[derive(Debug)]
pub struct Kubernetes {
    runner: Runner,
    is_alone: bool,
    slots: Mutex<HashMap<String, Arc<Slot>>>,
}

/// What there is of one sandbox.
#[derive(Debug, Default)]
struct Slot {
    /// What runs; locked while it starts, so that two who start it at once have the same.
    running: tokio::sync::Mutex<Option<Arc<PodInstance>>>,
    reach: Arc<ReachLock>,
}

/// Held while what a sandbox reaches is changed: of two changes, the later one holds. True once it has been given up: a policy
/// applied then would make it exist again.
type ReachLock = tokio::sync::Mutex<bool>;

impl Kubernetes {
    /// Sandboxes that this runner starts, in a namespace in which nobody else starts any: pods there that this process does not
    /// hold are those of one that has ended, and [`Backend::list`] deletes them.
    pub fn new(runner: Runner) -> Self {
        Self { runner, is_alone: true, slots: Mutex::default() }
    }

    /// The same where others start sandboxes as well, whose pods are left alone. So are those of a process that has ended:
    /// such a sandbox goes on while it is listed as stopped.
    pub fn beside_others(runner: Runner) -> Self {
        Self { is_alone: false, ..Self::new(runner) }
    }

    fn cluster(&self) -> &Cluster {
        self.runner.cluster()
    }

    fn slot(&self, id: &str) -> Arc<Slot> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(slots.entry(id.to_owned()).or_default())
    }

    /// What runs of a sandbox; waits for a start that is under way.
    async fn running(&self, id: &str) -> Option<Arc<PodInstance>> {
        let slot = self.slots.lock().unwrap_or_else(PoisonError::into_inner).get(id).map(Arc::clone)?;
        let instance = slot.running.lock().await.clone();
        instance.filter(|instance| !instance.has_ended())
    }

    async fn made(&self, spec: Spec) -> Result<()> {
        possible(&spec)?;
        let cluster = self.cluster();
        cluster.create_home(&spec.id, &spec.organization_id, amount(spec.resources.disk_gib)).await?;
        cluster.apply_reach(&spec.id, &spec.organization_id, &reach(&spec.reach)?).await?;
        Ok(())
    }

    async fn started(&self, spec: Spec) -> Result<Arc<dyn Instance>> {
        possible(&spec)?;
        let slot = self.slot(&spec.id);
        let mut running = slot.running.lock().await;
        if let Some(instance) = running.as_ref().filter(|instance| !instance.has_ended()) {
            return Ok(Arc::clone(instance) as Arc<dyn Instance>);
        }
        if !self.cluster().has_reach(&spec.id).await? {
            bail!("sandbox {} was not made in this cluster, or was deleted", spec.id);
        }
        let placement = Placement {
            id: spec.id.clone(),
            organization: spec.organization_id.clone(),
            start: Token::random()
                .reveal()
                .bytes()
                .filter(u8::is_ascii_alphanumeric)
                .take(24)
                .map(char::from)
                .collect(),
            image: None,
            cpu: amount(spec.resources.cpu),
            memory_gib: amount(spec.resources.memory_gib),
            disk_gib: amount(spec.resources.disk_gib),
            bootstrap: String::new(),
            volumes: spec.volumes.iter().map(mount).collect::<Result<_>>()?,
        };
        let mut start = Start::new(&spec.id);
        start.env = spec.env;
        start.entrypoint = spec.entrypoint;
        let Running { pod, connector } = self.runner.start(placement, start, &reach(&spec.reach)?).await?;
        let instance = Arc::new(PodInstance {
            life: self.runner.pods().follow(&pod),
            id: spec.id,
            organization: spec.organization_id,
            pod,
            connector,
            cluster: self.cluster().clone(),
            pods: Arc::clone(self.runner.pods()),
            runtime: Handle::current(),
            reach: Arc::clone(&slot.reach),
        });
        *running = Some(Arc::clone(&instance));
        Ok(instance)
    }

    /// Removes the pod and the claim of a sandbox.
    async fn remove(&self, id: &str) -> Result<()> {
        let cluster = self.cluster();
        let name = placement::name_of(id);
        if let Some(pod) = cluster.pod(&name).await? {
            cluster.delete_pod(&made(&pod), Some(Duration::ZERO)).await?;
        }
        cluster.delete_claim(&claim::home_name(id)).await?;
        Ok(())
    }

    /// Deletes those of these pods that nobody holds, whose sandboxes have stopped then.
    ///
    /// A pod that is made later is not among them, and that of a start is held once the start is over, which is waited for.
    async fn end_unheld(&self, pods: &[Pod]) -> Result<()> {
        let all: Vec<_> = pods.iter().map(|pod| (made(pod), pod.labels().get(SANDBOX).cloned())).collect();
        stream::iter(all.into_iter().map(Ok::<_, anyhow::Error>))
            .try_for_each_concurrent(DELETED_AT_ONCE, |(pod, id)| async move {
                let holder = match id {
                    Some(id) => self.running(&id).await,
                    None => None,
                };
                if holder.is_some_and(|instance| instance.pod == pod) {
                    return Ok(());
                }
                tracing::info!(pod = pod.name, "a pod that nobody holds is deleted");
                let deleted = self.cluster().delete_pod(&pod, Some(Duration::ZERO)).await;
                deleted.with_context(|| format!("ending pod {}, which an earlier control plane has left", pod.name))
            })
            .await
    }
}

/// What this backend cannot do with a sandbox, if anything.
fn possible(spec: &Spec) -> Result<()> {
    if !placement::is_name(&spec.id) {
        bail!("{} is not an id that objects of a cluster can be named after", spec.id);
    }
    if spec.image.is_some() || spec.template.is_some() {
        return Err(missing("Sandboxes from images and snapshots on Kubernetes").into());
    }
    reach(&spec.reach).map(drop)
}

/// Sizes are small whole numbers.
#[expect(clippy::cast_precision_loss)]
fn amount(number: u64) -> f64 {
    number as f64
}

fn missing(what: &str) -> Refusal {
    Refusal::Missing(what.to_owned())
}

fn reach(reach: &Reach) -> Result<placement::Reach> {
    Ok(match reach {
        Reach::All => placement::Reach::Internet,
        Reach::Nothing => placement::Reach::Nothing,
        Reach::Only { networks, domains } if domains.is_empty() => {
            placement::Reach::Networks(networks.iter().map(ToString::to_string).collect())
        }
        Reach::Only { .. } => return Err(missing(DOMAINS).into()),
    })
}

fn mount(volume: &daytona_engine::backend::VolumeMount) -> Result<Mount> {
    let text = |path: &std::path::Path| path.to_str().map(str::to_owned).context("a path of a volume is not UTF-8");
    Ok(Mount {
        id: volume.id.clone(),
        subpath: volume.subpath.as_deref().map(text).transpose()?,
        target: text(&volume.target)?,
    })
}

impl Backend for Kubernetes {
    fn isolation(&self) -> &str {
        self.cluster().settings().runtime_class.as_deref().unwrap_or("pods")
    }

    fn limits(&self) -> Limits {
        Limits {
            cpu: true,
            memory: true,
            processes: false,
            users: false,
            disk: true,
            own_size: false,
            disk_time: false,
            network: match self.cluster().settings().policies_enforced {
                true => NetworkLimit::Internet,
                false => NetworkLimit::Unrestricted,
            },
            ipv6: false,
        }
    }

    fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if !self.cluster().settings().policies_enforced {
            notes.push(
                "Whether the cluster's network plugin enforces network policies is not known: if it does, say so with \
                 --policies-enforced. If it does not, sandboxes reach each other, and whatever any pod reaches"
                    .to_owned(),
            );
        }
        if self.cluster().settings().storage_class.is_none() {
            notes.push("There is no storage class: sandboxes that stop lose their files".to_owned());
        }
        notes
    }

    fn check(&self, feature: Feature) -> Result<(), Refusal> {
        Err(missing(match feature {
            Feature::Resize => return Ok(()),
            Feature::Root => "Running as root on Kubernetes",
            Feature::Volumes => "Mounting volumes on Kubernetes",
            Feature::Secrets => "Mounting secrets on Kubernetes",
            Feature::Desktop => "The desktop on Kubernetes",
            Feature::Pause => "Pausing sandboxes on Kubernetes",
            Feature::Fork => "Forking sandboxes on Kubernetes",
            Feature::Snapshot => "Taking snapshots of sandboxes on Kubernetes",
            Feature::Archive => "Archiving sandboxes on Kubernetes",
            Feature::Pools => "Warm pools on Kubernetes",
            Feature::Domains => DOMAINS,
            Feature::NetworkLog => "The log of the network on Kubernetes",
        }))
    }

    fn create(&self, spec: Spec) -> Work<'_, ()> {
        Box::pin(self.made(spec))
    }

    fn start(&self, spec: Spec) -> Work<'_, Arc<dyn Instance>> {
        Box::pin(self.started(spec))
    }

    fn connect<'a>(&'a self, id: &'a str) -> BoxFuture<'a, io::Result<Stream>> {
        Box::pin(async move {
            let Some(instance) = self.running(id).await else {
                return Err(io::Error::new(io::ErrorKind::NotConnected, "the sandbox does not run"));
            };
            Ok(Stream::new(instance.connector.connect().await?))
        })
    }

    fn discard<'a>(&'a self, id: &'a str) -> Work<'a, ()> {
        Box::pin(async move {
            let slot = self.slot(id);
            // A start that waits for this one's turn finds that there is no such sandbox.
            let _turn = slot.running.lock().await;
            let mut is_given_up = slot.reach.lock().await;
            // What stays when this is interrupted is found as something that nobody owns.
            self.cluster().delete_reach(id).await?;
            *is_given_up = true;
            self.slots.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
            Ok(())
        })
    }

    fn purge<'a>(&'a self, id: &'a str, _keep_mark: bool) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            if let Err(error) = self.remove(id).await {
                tracing::warn!(
                    error = format!("{error:#}"),
                    id,
                    "what is left of a sandbox stays until the next start"
                );
            }
        })
    }

    fn forget<'a>(&'a self, _id: &'a str) -> BoxFuture<'a, ()> {
        Box::pin(async {})
    }

    fn list(&self) -> Work<'_, Vec<Found>> {
        Box::pin(async move {
            let cluster = self.cluster();
            let (policies, pods, claims) = tokio::try_join!(cluster.policies(), cluster.pods(), cluster.claims())?;
            if self.is_alone {
                self.end_unheld(&pods).await?;
            }
            let made: BTreeSet<_> = policies.iter().filter_map(|policy| policy.labels().get(SANDBOX)).collect();
            let left = pods.iter().map(ResourceExt::labels).chain(claims.iter().map(ResourceExt::labels));
            let left: BTreeSet<_> =
                left.filter_map(|labels| labels.get(SANDBOX)).filter(|id| !made.contains(id)).collect();
            let mut found = Vec::new();
            for id in made {
                let state = match self.running(id).await {
                    Some(instance) => FoundState::Running(instance),
                    None => FoundState::Stopped,
                };
                found.push(Found { id: id.clone(), state });
            }
            found.extend(left.into_iter().map(|id| Found { id: id.clone(), state: FoundState::Discarded }));
            Ok(found)
        })
    }
}

/// A sandbox that runs, or has ended.
#[derive(Debug)]
struct PodInstance {
    id: String,
    organization: String,
    pod: Made,
    connector: daytona_remote_toolbox::Connector,
    cluster: Cluster,
    pods: Arc<Pods>,
    life: watch::Receiver<Life>,
    runtime: Handle,
    /// That of its sandbox.
    reach: Arc<ReachLock>,
}

impl PodInstance {
    fn delete(&self, grace: Option<Duration>) {
        let (cluster, pod) = (self.cluster.clone(), self.pod.clone());
        self.runtime.spawn(async move {
            if let Err(error) = cluster.delete_pod(&pod, grace).await {
                tracing::warn!(%error, pod = pod.name, "a pod could not be deleted");
            }
        });
    }
}

impl Drop for PodInstance {
    fn drop(&mut self) {
        if !self.has_ended() {
            self.delete(Some(Duration::ZERO));
        }
    }
}

impl Instance for PodInstance {
    fn terminate(&self) {
        self.delete(None);
    }

    fn kill(&self) {
        self.delete(Some(Duration::ZERO));
    }

    fn wait(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            let _ = self.pods.ended(&self.pod).await;
        })
    }

    fn has_ended(&self) -> bool {
        matches!(*self.life.borrow(), Life::Ended(_))
    }

    fn release(self: Arc<Self>) -> BoxFuture<'static, End> {
        Box::pin(async move {
            // A pod whose programs have ended is still there.
            self.delete(Some(Duration::ZERO));
            match *self.life.borrow() {
                Life::Ended(pods::End::OutOfMemory) => End::OutOfMemory,
                _ => End::Exited,
            }
        })
    }

    fn resize(self: Arc<Self>, resources: Resources) -> Work<'static, ()> {
        Box::pin(async move {
            let (cpu, memory) = (amount(resources.cpu), amount(resources.memory_gib));
            match self.cluster.resize(&self.id, cpu, memory).await {
                Err(_) if self.has_ended() => Ok(()),
                done => Ok(done?),
            }
        })
    }

    fn set_reach(self: Arc<Self>, latest: Latest<Reach>) -> Work<'static, ()> {
        Box::pin(async move {
            let is_given_up = self.reach.lock().await;
            if *is_given_up {
                return Ok(());
            }
            self.cluster.apply_reach(&self.id, &self.organization, &reach(&latest())?).await?;
            Ok(())
        })
    }

    fn freeze(self: Arc<Self>) -> Work<'static, ()> {
        Box::pin(async { Err(missing("Pausing sandboxes on Kubernetes").into()) })
    }

    fn thaw(self: Arc<Self>) -> Work<'static, ()> {
        Box::pin(async { Err(missing("Pausing sandboxes on Kubernetes").into()) })
    }

    fn usage(&self) -> BoxFuture<'_, Option<Usage>> {
        Box::pin(async { None })
    }
}
