//! What runs sandboxes, as the rest of the engine sees it: this machine, or something else that can do the
//! same.
//!
//! A [`Backend`] makes, starts and removes sandboxes, each known by its id; an [`Instance`] is one that runs. Records, quotas,
//! events and the API are not its business. It is asked for one thing at a time per sandbox (whoever asks has claimed the
//! sandbox), for any number of sandboxes at once, and every request may be repeated: what is there already is not made again,
//! what is gone already is removed.
//!
//! Nothing here names a directory of the state directory. What a backend cannot do, [`Backend::check`] says, and the API
//! answers 501 in its words.

pub mod faulty;
mod instance;
pub mod local;
mod spec;
mod stream;
pub mod toolbox;

use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::Result;
use futures_util::future::BoxFuture;
use serde::Serialize;

pub use crate::isolation::{Enforced, Resources, Usage};
pub use crate::network::{Cidr, Domains, Reach, Secrets, Tried};
pub use instance::{End, Instance, Latest};
pub use spec::{Spec, VolumeMount};
pub use stream::{Duplex, Stream};

/// Work of a backend that is waited for. It goes on to its end when nobody waits any more, or has no effect.
pub type Work<'a, T> = BoxFuture<'a, Result<T>>;

/// What runs sandboxes.
pub trait Backend: Send + Sync + fmt::Debug + 'static {
    /// How sandboxes are kept apart, for `GET /health`: `namespaces`, for example.
    fn isolation(&self) -> &str;

    /// The limits that hold, for `GET /health`.
    fn limits(&self) -> Limits;

    /// What it cannot do here, as sentences for people: printed at start and told by `GET /health`.
    fn notes(&self) -> Vec<String> {
        Vec::new()
    }

    /// Whether it can do this, now.
    ///
    /// # Errors
    /// Why not, as the API says it. Requests that need it are not sent to the backend then.
    fn check(&self, feature: Feature) -> Result<(), Refusal>;

    /// Makes what a new sandbox needs before it can start: its files. Does nothing for one that has them.
    ///
    /// # Errors
    /// Why the sandbox cannot be made. What is left then, [`Backend::discard`] removes.
    fn create(&self, spec: Spec) -> Work<'_, ()>;

    /// Starts a sandbox that [`Backend::create`] made. It runs, and its toolbox can be connected to, when this is done.
    ///
    /// # Errors
    /// Why it does not run. Nothing of the start is left then.
    fn start(&self, spec: Spec) -> Work<'_, Arc<dyn Instance>>;

    /// Connects to the toolbox of a running sandbox; through it, everything inside is reached, its ports too.
    ///
    /// # Errors
    /// When there is no such sandbox, or it does not run any more or takes no connections.
    fn connect<'a>(&'a self, id: &'a str) -> BoxFuture<'a, io::Result<Stream>>;

    /// Gives a sandbox up whose processes have ended: from when this is done it is gone for every [`Backend::list`] to come, that
    /// of the next engine too. What takes time is left to [`Backend::purge`]. A sandbox that is not there is no error.
    ///
    /// # Errors
    /// When it is still there.
    fn discard<'a>(&'a self, id: &'a str) -> Work<'a, ()>;

    /// Removes what [`Backend::discard`] has left. With `keep_mark`, [`Backend::list`] goes on to say of the sandbox that it is
    /// gone, until [`Backend::forget`]: its record may still say something else. What cannot be removed now is at the next start.
    fn purge<'a>(&'a self, id: &'a str, keep_mark: bool) -> BoxFuture<'a, ()>;

    /// Takes the mark back that [`Backend::purge`] left.
    fn forget<'a>(&'a self, id: &'a str) -> BoxFuture<'a, ()>;

    /// What there is, by sandbox; of sandboxes that are gone, those whose records may not say so yet.
    ///
    /// # Errors
    /// When it cannot be known now.
    fn list(&self) -> Work<'_, Vec<Found>>;

    /// Makes a sandbox that has waited in a warm pool ([`Spec::waiting`]) one like any other.
    ///
    /// # Errors
    /// When it is not there any more. [`Feature::Pools`] is refused where this is never possible.
    fn adopt(&self, spec: Spec) -> Work<'_, ()> {
        drop(spec);
        refused(self.check(Feature::Pools))
    }

    /// Removes a sandbox that has waited in a warm pool, and has ended.
    fn discard_waiting<'a>(&'a self, id: &'a str) -> BoxFuture<'a, ()> {
        let _ = id;
        Box::pin(async {})
    }

    /// Copies the files of a sandbox, as they are at one moment, for a new one. A running one stands still meanwhile and goes on
    /// afterwards unless it was frozen before.
    ///
    /// # Errors
    /// Why they were not copied. What is left then, [`Backend::discard`] of the copy removes.
    fn copy<'a>(&'a self, original: &'a str, copy: &'a str) -> Work<'a, ()> {
        let _ = (original, copy);
        refused(self.check(Feature::Fork))
    }

    /// Keeps the files of a sandbox, as they are at one moment, as those of a snapshot; [`Spec::template`] begins with them.
    /// Answers how many bytes they take. A running sandbox stands still only briefly.
    ///
    /// # Errors
    /// Why they were not copied. Nothing of the snapshot is left then.
    fn take_snapshot<'a>(&'a self, id: &'a str, snapshot: &'a str) -> Work<'a, u64> {
        let _ = (id, snapshot);
        refused(self.check(Feature::Snapshot))
    }

    /// Removes the files of a snapshot. One that has none is no error.
    fn remove_snapshot<'a>(&'a self, snapshot: &'a str) -> BoxFuture<'a, ()> {
        let _ = snapshot;
        Box::pin(async {})
    }

    /// Puts the files of a stopped sandbox away, unless `unwanted` becomes true meanwhile.
    ///
    /// # Errors
    /// Why they were not; then they are where they were.
    fn archive<'a>(&'a self, id: &'a str, unwanted: Arc<AtomicBool>) -> Work<'a, ()> {
        let _ = (id, unwanted);
        refused(self.check(Feature::Archive))
    }

    /// Whether a sandbox's files are put away.
    fn is_archived<'a>(&'a self, id: &'a str) -> BoxFuture<'a, bool> {
        let _ = id;
        Box::pin(async { false })
    }

    /// Brings the files of a sandbox back.
    ///
    /// # Errors
    /// Why they were not; [`Backend::is_archived`] tells where they are.
    fn restore<'a>(&'a self, id: &'a str) -> Work<'a, ()> {
        let _ = id;
        refused(self.check(Feature::Archive))
    }

    /// Bytes that the files of a sandbox take, where that is known.
    fn disk_used<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Option<u64>> {
        let _ = id;
        Box::pin(async { None })
    }

    /// Looks after what sandboxes share, once a second.
    fn tick(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }

    /// Whether sandboxes go on when the engine ends; [`Backend::list`] then finds them.
    fn outlives_engine(&self) -> bool {
        false
    }

    /// Takes back what the backend has made for itself. Called once, when no sandbox of this engine is used any more.
    fn clean_up(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }
}

fn refused<'a, T: Send + 'a>(checked: Result<(), Refusal>) -> Work<'a, T> {
    Box::pin(async move {
        checked?;
        anyhow::bail!("this backend says that it can do what it has no way to do")
    })
}

/// What a backend may be able to do, or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Feature {
    /// Processes that run as root inside, in sandboxes of the default snapshot.
    Root,
    /// Volumes.
    Volumes,
    /// Secrets that requests are given on their way.
    Secrets,
    /// Sandboxes with a desktop.
    Desktop,
    /// Processes that stand still.
    Pause,
    /// Other limits for a sandbox, running or not.
    Resize,
    /// Copies of sandboxes.
    Fork,
    /// Snapshots of sandboxes.
    Snapshot,
    /// Files that are put away.
    Archive,
    /// Sandboxes that run before they are created.
    Pools,
    /// Lists of domains that are all that a sandbox reaches.
    Domains,
    /// What sandboxes tried on the network.
    NetworkLog,
}

/// Why a backend does not do something.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// 501: a part of the API, named like `Mounting volumes without isolation`, that the backend does not have.
    #[error("{0} is not implemented")]
    Missing(String),
    /// 501: something that this machine or cluster does not allow, in a sentence.
    #[error("{0}")]
    Impossible(String),
    /// 400: something that is possible once somebody has done what the sentence says.
    #[error("{0}")]
    Unprepared(String),
}

/// The limits that hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Limits {
    /// Processor time.
    pub cpu: bool,
    /// Memory.
    pub memory: bool,
    /// The number of processes.
    pub processes: bool,
    /// Whether each sandbox has user ids of its own.
    pub users: bool,
    /// Room for files.
    pub disk: bool,
    /// Whether sandboxes see their own numbers of processors and sizes of memory.
    pub own_size: bool,
    /// A share of the disks' time.
    pub disk_time: bool,
    /// What sandboxes reach if their settings say nothing.
    pub network: NetworkLimit,
    /// Whether that includes addresses of IPv6.
    pub ipv6: bool,
}

/// What sandboxes reach if their settings say nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum NetworkLimit {
    /// Everything that the machine reaches; settings change nothing.
    Unrestricted,
    /// The internet, as their settings say.
    Internet,
    /// Themselves.
    LoopbackOnly,
}

/// A sandbox that a backend has.
#[derive(Debug, Clone)]
pub struct Found {
    /// Its id.
    pub id: String,
    /// What is left of it.
    pub state: FoundState,
}

/// What a backend has of a sandbox.
#[derive(Debug, Clone)]
pub enum FoundState {
    /// Its files, from which it can start.
    Stopped,
    /// Its files, put away.
    Archived,
    /// It runs: sandboxes of this backend outlive the engine that started them.
    Running(Arc<dyn Instance>),
    /// Nothing: it was discarded.
    Discarded,
}
