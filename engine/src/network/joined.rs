//! The network of one sandbox: what starts in it, and what it reaches while it runs.

use std::collections::BTreeSet;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use anyhow::{Context, Result, bail};
use nix::sched::{CloneFlags, setns};

use super::cidr::Cidr;
use super::guarded::Secrets;
use super::interception::Interceptor;
use super::log::Tried;
use super::netlink::Socket;
use super::policy::{Guard, Policy};
use super::reach::Reach;
use super::redirection::Led;
use super::resolver::Resolver;
use super::splice::{Splice, Unbound};
use super::{Prepared, Shared, Work, connections, link_name, redirection};
use crate::isolation;

/// A sandbox's network; removed when dropped, in the background.
#[derive(Debug)]
pub struct Joined {
    shared: Arc<Shared>,
    work: Sender<Work>,
    number: u32,
    link: u32,
    namespace: Option<OwnedFd>,
    diagnosis: Socket,
    rules: Socket,
    /// Held while rules change.
    applied: Mutex<Applied>,
    policy: Arc<Policy>,
    /// Whether it started with secrets, and so trusts the engine in the place of hosts.
    guarded: bool,
    _resolver: Option<Resolver>,
}

/// What holds in the kernel.
#[derive(Debug)]
struct Applied {
    reach: Reach,
    way: Way,
}

/// The way of connections through the engine.
#[derive(Debug)]
enum Way {
    /// Never used; the sockets are there until it is.
    Closed(Option<Unbound>),
    /// It can be used; connections take it where they are led there.
    Open(Splice),
}

impl Joined {
    /// Gives a sandbox that starts the network made for it, and the secrets it starts with. Blocks; needs the runtime.
    pub(super) fn new(
        shared: Arc<Shared>,
        work: Sender<Work>,
        prepared: Prepared,
        reach: Reach,
        secrets: Option<(Secrets, Arc<Interceptor>)>,
    ) -> Result<Self> {
        let Prepared { number, link, namespace, sockets, diagnosis, rules, unbound } = prepared;
        let policy = Arc::new(Policy::new(Arc::clone(&shared.gate), shared.v6));
        shared.policies().insert(link, Arc::clone(&policy));
        let mut joined = Self {
            shared,
            work,
            number,
            link,
            namespace: Some(namespace),
            diagnosis,
            rules,
            applied: Mutex::new(Applied { reach: Reach::All, way: Way::Closed(Some(unbound)) }),
            policy,
            guarded: secrets.is_some(),
            _resolver: None,
        };
        if let Some((secrets, interceptor)) = secrets {
            joined.policy.set_guard(Guard { secrets, interceptor });
            joined.lead(&mut joined.applied.lock().unwrap_or_else(PoisonError::into_inner), &Reach::All)?;
        }
        joined.set(|| reach)?;
        joined._resolver = Some(Resolver::start(sockets, &joined.policy).context("starting the resolver")?);
        Ok(joined)
    }

    /// Runs something in the sandbox's network, such as the start of a process, which is then in it, too. In an ordinary user's
    /// engine the process keeps what it takes to mount files that show this network.
    pub fn run_inside<T: Send>(&self, run: impl FnOnce() -> io::Result<T> + Send) -> Result<T> {
        let namespace = self.namespace.as_ref().context("the sandbox has ended")?;
        // Nobody leads a thread of an ordinary user's back.
        thread::scope(|scope| {
            let inside = scope.spawn(|| {
                setns(namespace, CloneFlags::CLONE_NEWNET).context("entering the sandbox's network")?;
                if isolation::has_own_namespace() {
                    isolation::pass_on_mounting().context("passing on the right to mount")?;
                }
                Ok(run()?)
            });
            inside.join().unwrap_or_else(|_| bail!("the thread panicked"))
        })
    }

    /// What the sandbox tried since it started.
    pub fn tried(&self) -> Tried {
        self.policy.log.tried()
    }

    /// Changes what the sandbox reaches to what `reach` says once no other change is under way; connections that it may not
    /// have any more end. Blocks briefly; the first time that there is a list of domains it needs the runtime.
    pub fn set(&self, reach: impl FnOnce() -> Reach) -> Result<()> {
        let mut applied = self.applied.lock().unwrap_or_else(PoisonError::into_inner);
        let reach = reach();
        if applied.reach == reach {
            return Ok(());
        }
        let name = link_name(self.shared.block, self.number);
        // From here on nothing is decided by the old rules, and nothing new passes that only they allow.
        self.policy.set(reach.clone());
        self.shared
            .firewall
            .limit(&name, applied.reach.networks(), reach.networks())
            .context("changing the firewall")?;
        let was_by_name = std::mem::replace(&mut applied.reach, reach.clone()).is_by_name();
        if self.guarded || reach.is_by_name() {
            self.lead(&mut applied, &reach)?;
        } else if was_by_name {
            redirection::remove(&self.rules).context("leading connections out again")?;
        }
        let passed = match &applied.way {
            Way::Open(splice) => splice.allowed(&reach),
            Way::Closed(_) => BTreeSet::new(),
        };
        let is_allowed = |own, peer| reach.allows(peer) || passed.contains(&own);
        connections::end_unless(&self.diagnosis, is_allowed).context("ending connections")
    }
}

impl Joined {
    /// Gives the sandbox these secrets from now on, if it started with any.
    pub fn set_secrets(&self, secrets: Secrets) {
        if let Some(guard) = self.policy.guard() {
            self.policy.set_guard(Guard { secrets, interceptor: Arc::clone(&guard.interceptor) });
        }
    }

    /// Leads the connections to the engine that it has to look at.
    fn lead(&self, applied: &mut Applied, reach: &Reach) -> Result<()> {
        let port = applied.way.open(&self.policy).context("listening for connections")?;
        let direct = reach.networks().unwrap_or_default();
        let led = Led { web: self.guarded, others: reach.is_by_name(), direct };
        redirection::set(&self.rules, port, &led).context("leading connections to the engine")
    }
}

impl Way {
    /// The port where connections arrive.
    fn open(&mut self, policy: &Arc<Policy>) -> Result<u16> {
        match self {
            Self::Open(splice) => Ok(splice.port),
            Self::Closed(unbound) => {
                let splice = Splice::start(unbound.take().context("it failed before")?, policy)?;
                let port = splice.port;
                *self = Self::Open(splice);
                Ok(port)
            }
        }
    }
}

impl Drop for Joined {
    fn drop(&mut self) {
        self.shared.policies().remove(&self.link);
        let applied = self.applied.lock().unwrap_or_else(PoisonError::into_inner);
        let limits = applied.reach.networks().map(<[Cidr]>::to_vec);
        if let Some(namespace) = self.namespace.take() {
            // Without a worker the engine has ended, and all of it is gone.
            let _ = self.work.send(Work::Remove { number: self.number, limits, namespace });
        }
    }
}
