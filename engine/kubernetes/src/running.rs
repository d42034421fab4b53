//! Starting sandboxes: from a placement to a toolbox that has called home.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use daytona_remote_toolbox::door::Limits;
use daytona_remote_toolbox::{
    Bootstrap, CallHome, Certificate, Connector, Grant, Homes, Identity, Start, Token, serve_homes,
};
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::task::AbortHandle;

use crate::cluster::{Cluster, ClusterError, Made};
use crate::placement::{self, Placement, Reach};
use crate::pods::{Life, Pods};

/// How long a start may take, with the time that a cluster needs to add a node.
const START_LIMIT: Duration = Duration::from_secs(300);

/// Pauses before each look for the pod of a start that was given up. A request whose answer was not waited for may be carried out
/// until the server gives it up, after a minute.
const LOOKS: [Duration; 5] =
    [Duration::ZERO, Duration::from_secs(1), Duration::from_secs(5), Duration::from_secs(15), Duration::from_secs(45)];

/// Starts sandboxes, and is called by their toolboxes.
#[derive(Debug)]
pub struct Runner {
    cluster: Cluster,
    pods: Arc<Pods>,
    homes: Arc<Homes>,
    certificate: Certificate,
    address: SocketAddr,
    serving: AbortHandle,
}

/// A sandbox whose toolbox listens.
#[derive(Debug)]
pub struct Running {
    /// Its pod.
    pub pod: Made,
    /// The way to its toolbox.
    pub connector: Connector,
}

impl Drop for Runner {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Runner {
    /// Takes calls of toolboxes at `listener`, which pods reach at `address`, and watches the cluster.
    ///
    /// # Errors
    /// When no certificate can be made, or the cluster does not take the policy for all sandboxes.
    pub async fn new(cluster: Cluster, listener: TcpListener, address: SocketAddr) -> Result<Self> {
        cluster.apply_policy_for_all().await.context("applying the policy for all sandboxes")?;
        let identity = Identity::make()?;
        let certificate = identity.certificate().clone();
        let homes = Homes::new(START_LIMIT);
        let called = Arc::clone(&homes);
        let serving = tokio::spawn(async move {
            if let Err(error) = serve_homes(listener, &identity, called, Limits::default()).await {
                tracing::error!(error = format!("{error:#}"), "toolboxes cannot call home");
            }
        })
        .abort_handle();
        Ok(Self { pods: Pods::watch(&cluster), cluster, homes, certificate, address, serving })
    }

    /// The cluster.
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// What is known of pods.
    pub fn pods(&self) -> &Arc<Pods> {
        &self.pods
    }

    /// Starts a sandbox, which reaches `reach`; `placement.bootstrap` is written here. Done when its toolbox has called home.
    ///
    /// # Errors
    /// Why it does not run: in the cluster's words where it has any. Nothing of the start is left then, or soon.
    pub async fn start(&self, mut placement: Placement, start: Start, reach: &Reach) -> Result<Running> {
        let identity = Identity::make()?;
        let certificate = identity.certificate().clone();
        let token = Token::random();
        let grant = Grant { identity, token: token.clone(), sandbox: Some(start) };
        // By the name of the start: the pod of an earlier one is not let in for it.
        let call = placement.start.clone();
        let secret = self.homes.expect(&call, Some(&grant), None)?;
        let home = CallHome { address: self.address, certificate: self.certificate.clone(), secret };
        let bootstrap = Bootstrap { id: call.clone(), call_home: Some(home), grant: None };
        placement.bootstrap = serde_json::to_string(&bootstrap)?;
        let outcome = self.placed(&placement, reach, &call).await;
        self.homes.forget(&call);
        let (pod, address) = outcome?;
        Ok(Running { pod, connector: Connector::new(address, &certificate, &token)? })
    }

    async fn placed(&self, placement: &Placement, reach: &Reach, call: &str) -> Result<(Made, SocketAddr)> {
        // Before there is a pod that it holds for.
        self.cluster.apply_reach(&placement.id, &placement.organization, reach).await?;
        // A start that is given up leaves no pod, whenever that is.
        let mut unwanted = Unwanted::new(&self.cluster, placement);
        let pod = match self.cluster.create_pod(placement).await {
            Ok(pod) => pod,
            Err(error) => {
                unwanted.is_certain = !matches!(error, ClusterError::Unavailable(_));
                return Err(error.into());
            }
        };
        unwanted.is_certain = true;
        let mut life = self.pods.follow(&pod);
        let failed = async {
            let life = life.wait_for(|life| matches!(life, Life::Ended(_) | Life::Stuck(_))).await;
            life.map_or(Life::Alive, |life| life.clone())
        };
        let address = tokio::select! {
            home = self.homes.wait_for_home(call) => home.map(|home| home.address),
            life = failed => match life {
                Life::Stuck(why) => bail!("the sandbox's pod cannot start: {why}"),
                _ => bail!("the sandbox's pod ended before its toolbox answered"),
            },
        };
        let address = match address {
            Ok(address) => address,
            Err(late) => match &*self.pods.follow(&pod).borrow() {
                Life::Waiting(why) => bail!("no node takes the sandbox: {why}"),
                _ => {
                    return Err(late).context(
                        "the sandbox's toolbox did not call the control plane: is its port reached from pods?",
                    );
                }
            },
        };
        unwanted.keep();
        Ok((pod, address))
    }
}

/// The pod of a start, which is deleted unless it is kept.
struct Unwanted {
    cluster: Cluster,
    runtime: Handle,
    name: String,
    start: String,
    /// Whether it is there now if it ever is: no request that makes it is on its way.
    is_certain: bool,
    is_kept: bool,
}

impl Unwanted {
    fn new(cluster: &Cluster, placement: &Placement) -> Self {
        Self {
            cluster: cluster.clone(),
            runtime: Handle::current(),
            name: placement::name_of(&placement.id),
            start: placement.start.clone(),
            is_certain: false,
            is_kept: false,
        }
    }

    fn keep(mut self) {
        self.is_kept = true;
    }
}

impl Drop for Unwanted {
    fn drop(&mut self) {
        if self.is_kept {
            return;
        }
        let (cluster, name, start) = (self.cluster.clone(), self.name.clone(), self.start.clone());
        let is_certain = self.is_certain;
        self.runtime.spawn(async move {
            for pause in LOOKS {
                tokio::time::sleep(pause).await;
                match cluster.delete_pod_of(&name, &start).await {
                    Ok(there) if there || is_certain => return,
                    Ok(_) => {}
                    Err(error) => tracing::warn!(%error, pod = name, "the pod of a start that failed may be left"),
                }
            }
        });
    }
}
