//! What is known of each pod, from one watch.
//!
//! A watch may be cut, expire, or miss what happened meanwhile: then everything is listed anew, and a pod that is not there any more
//! has ended. A pod is known by its uid, so what is said of an earlier one of the same name is not said of it.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use kube::ResourceExt;
use kube::runtime::watcher::{self, Event};
use kube::runtime::{WatchStreamExt, watcher as watch_all};
use tokio::sync::watch;
use tokio::task::AbortHandle;

use crate::cluster::{Cluster, Made};
use crate::placement::{MANAGED_BY, MANAGER};
use crate::pod;

/// How often a pod that somebody waits for is looked at, should an event have been lost.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

/// The life of a pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Life {
    /// It is there, and has not ended.
    Alive,
    /// It cannot start as it is: the image cannot be pulled, for example. It may still, once somebody has mended that.
    Stuck(String),
    /// No node takes it now. One may, later.
    Waiting(String),
    /// Its programs have ended.
    Ended(End),
}

/// How a pod ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Its programs ended, or it was deleted.
    Exited,
    /// It reached its limit of memory.
    OutOfMemory,
}

/// What is known of pods. The watch ends when this is dropped.
#[derive(Debug)]
pub struct Pods {
    cluster: Cluster,
    known: Arc<Mutex<HashMap<String, Known>>>,
    look_again: Duration,
    task: AbortHandle,
}

#[derive(Debug)]
struct Known {
    name: String,
    life: watch::Sender<Life>,
}

type Table = Mutex<HashMap<String, Known>>;

impl Drop for Pods {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Pods {
    /// Starts to watch.
    pub fn watch(cluster: &Cluster) -> Arc<Self> {
        Self::watch_and_look(cluster, LOOK_AGAIN)
    }

    /// The same, and pods that somebody waits for are looked at so often.
    pub fn watch_and_look(cluster: &Cluster, look_again: Duration) -> Arc<Self> {
        let known: Arc<Table> = Arc::default();
        let task = tokio::spawn(follow_all(cluster.clone(), Arc::downgrade(&known))).abort_handle();
        Arc::new(Self { cluster: cluster.clone(), known, look_again, task })
    }

    /// The life of a pod from now on.
    pub fn follow(&self, pod: &Made) -> watch::Receiver<Life> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        // Those whose end everybody has heard of.
        known.retain(|_, known| known.life.receiver_count() > 0);
        known
            .entry(pod.uid.clone())
            .or_insert_with(|| Known { name: pod.name.clone(), life: watch::Sender::new(Life::Alive) })
            .life
            .subscribe()
    }

    /// Waits until a pod has ended.
    pub async fn ended(&self, pod: &Made) -> End {
        let mut life = self.follow(pod);
        loop {
            let changed =
                tokio::time::timeout(self.look_again, life.wait_for(|life| matches!(life, Life::Ended(_)))).await;
            // What is borrowed from the channel must not be held while looking.
            match changed.map(|ended| ended.map(|life| life.clone())) {
                Ok(Ok(Life::Ended(end))) => return end,
                Ok(Ok(_)) => {}
                // Its table is gone, and with it whoever could tell.
                Ok(Err(_)) => return End::Exited,
                Err(_) => look_at(&self.cluster, &self.known, pod).await,
            }
        }
    }
}

/// Follows all pods of sandboxes for as long as anybody wants to know.
async fn follow_all(cluster: Cluster, table: Weak<Table>) {
    let ours = watcher::Config::default().labels(&format!("{MANAGED_BY}={MANAGER}"));
    let mut events = watch_all(cluster.api::<Pod>(), ours).default_backoff().boxed();
    // What the list that is being read has had so far.
    let mut listed = HashSet::new();
    loop {
        let event = events.try_next().await;
        let Some(known) = table.upgrade() else { return };
        match event {
            Ok(Some(Event::Apply(pod))) => tell(&known, &pod, life_of(&pod)),
            Ok(Some(Event::Delete(pod))) => {
                let end = match life_of(&pod) {
                    Life::Ended(end) => end,
                    _ => End::Exited,
                };
                tell(&known, &pod, Life::Ended(end));
            }
            Ok(Some(Event::Init)) => listed.clear(),
            Ok(Some(Event::InitApply(pod))) => {
                listed.extend(pod.uid());
                tell(&known, &pod, life_of(&pod));
            }
            Ok(Some(Event::InitDone)) => look_at_missing(&cluster, &known, &std::mem::take(&mut listed)).await,
            Ok(None) => return,
            // The stream goes on by itself, with pauses that become longer.
            Err(error) => tracing::warn!(%error, "the cluster's events are interrupted"),
        }
    }
}

/// Looks at those that a list does not have: they are gone, or were made after it.
async fn look_at_missing(cluster: &Cluster, known: &Table, listed: &HashSet<String>) {
    let missing: Vec<_> = known
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .iter()
        .filter(|(uid, _)| !listed.contains(*uid))
        .map(|(uid, known)| Made { name: known.name.clone(), uid: uid.clone() })
        .collect();
    for pod in missing {
        look_at(cluster, known, &pod).await;
    }
}

async fn look_at(cluster: &Cluster, known: &Table, made: &Made) {
    match cluster.pod(&made.name).await {
        Ok(Some(pod)) if pod.uid().as_ref() == Some(&made.uid) => tell(known, &pod, life_of(&pod)),
        Ok(_) => say(known, &made.uid, Life::Ended(End::Exited)),
        Err(error) => tracing::warn!(%error, pod = made.name, "a pod cannot be looked at"),
    }
}

fn tell(known: &Table, pod: &Pod, life: Life) {
    if let Some(uid) = &pod.metadata.uid {
        say(known, uid, life);
    }
}

fn say(known: &Table, uid: &str, life: Life) {
    if let Some(known) = known.lock().unwrap_or_else(PoisonError::into_inner).get(uid) {
        known.life.send_if_modified(|before| {
            // Nothing comes after the end.
            if matches!(before, Life::Ended(_)) || *before == life {
                return false;
            }
            *before = life;
            true
        });
    }
}

/// What a pod's status says.
pub fn life_of(pod: &Pod) -> Life {
    let Some(status) = &pod.status else { return Life::Alive };
    let containers =
        || status.container_statuses.iter().flatten().chain(status.init_container_statuses.iter().flatten());
    if matches!(status.phase.as_deref(), Some("Succeeded" | "Failed")) {
        let out_of_memory =
            containers().any(|container| container.name == pod::CONTAINER && was_out_of_memory(container));
        return Life::Ended(if out_of_memory { End::OutOfMemory } else { End::Exited });
    }
    if let Some(why) = containers().find_map(stuck) {
        return Life::Stuck(why);
    }
    let unscheduled = status.conditions.iter().flatten().find(|condition| {
        condition.type_ == "PodScheduled"
            && condition.status == "False"
            && condition.reason.as_deref() == Some("Unschedulable")
    });
    match unscheduled {
        Some(condition) => {
            Life::Waiting(condition.message.clone().unwrap_or_else(|| "no node takes the pod".to_owned()))
        }
        None => Life::Alive,
    }
}

fn was_out_of_memory(container: &ContainerStatus) -> bool {
    let terminated = container.state.as_ref().and_then(|state| state.terminated.as_ref());
    terminated.is_some_and(|terminated| terminated.reason.as_deref() == Some("OOMKilled"))
}

/// Why a container does not start, where waiting alone does not help.
fn stuck(container: &ContainerStatus) -> Option<String> {
    const REASONS: [&str; 6] = [
        "CreateContainerConfigError",
        "CreateContainerError",
        "ErrImageNeverPull",
        "ErrImagePull",
        "ImagePullBackOff",
        "InvalidImageName",
    ];
    let waiting = container.state.as_ref()?.waiting.as_ref()?;
    let reason = waiting.reason.as_deref().filter(|reason| REASONS.contains(reason))?;
    Some(match &waiting.message {
        Some(message) => format!("{reason}: {message}"),
        None => format!("{reason} ({})", container.image),
    })
}
