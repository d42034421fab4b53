//! Sandboxes of this machine: processes in namespaces, whose files are in the state directory.
//!
//! They end with the engine that started them. What blocks runs where it holds up nobody: one change of threads for each thing
//! that is asked for.

pub(crate) mod archives;
mod copies;
mod instance;
mod running_copy;
mod socket;

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use anyhow::Result;
use daytona_images::Base;
use daytona_toolbox::Compat;
use daytona_toolbox::remove_tree::{Locked, remove_tree};
use futures_util::future::BoxFuture;

use super::{Backend, Feature, Found, FoundState, Instance, Limits, NetworkLimit, Refusal, Spec, Stream, Work};
use crate::isolation::{
    self, ImageRoot, IsolationChoice, IsolationLevel, Launcher, Start, Volume, files_directory, pool_directory,
};
use crate::network::Network;
use crate::sandboxes::record_file;
use crate::setup;
use crate::volumes::record as volume;

/// This machine.
#[derive(Debug)]
pub struct Local {
    machine: Arc<Machine>,
    notes: Vec<String>,
}

/// What is asked of it, for whoever may wait for it.
#[derive(Debug)]
struct Machine {
    launcher: Arc<Launcher>,
    state_dir: PathBuf,
    /// Where the layers of images are.
    layers: Layers,
    /// What has been started, by sandbox. The lock of each is held while it is started.
    running: Mutex<HashMap<String, Arc<Mutex<Weak<isolation::Instance>>>>>,
    /// Bytes left for sandboxes' disks at the last look, if they were few.
    little_room: Mutex<Option<u64>>,
}

/// Knows layers of images by their digests.
struct Layers(Arc<daytona_images::Store>);

impl std::fmt::Debug for Layers {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Layers")
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Does what blocks where it holds up nobody, to its end.
fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Work<'static, T> {
    Box::pin(async move { tokio::task::spawn_blocking(work).await? })
}

/// The same for what cannot fail. What panics has said so already.
fn blocking_quietly(work: impl FnOnce() + Send + 'static) -> BoxFuture<'static, ()> {
    Box::pin(async move { drop(tokio::task::spawn_blocking(work).await) })
}

impl Local {
    /// Sandboxes of this machine for nobody but the caller, without a network, below a directory that no engine has. The program
    /// calls [`isolation::run_if_sandbox_process`] first thing in `main`.
    ///
    /// # Errors
    /// When the machine does not allow this isolation, or the directory cannot be written.
    pub fn open(state_dir: &Path, isolation: IsolationChoice) -> Result<Self> {
        let level = isolation::choose(isolation)?;
        let launcher = Launcher::new(state_dir, level, None, "alone", env!("CARGO_PKG_VERSION"), Compat::default())?;
        let images = daytona_images::Store::open(&state_dir.join("images"), Default::default())?;
        Ok(Self::new(Arc::new(launcher), Arc::new(images), state_dir, Vec::new()))
    }

    /// Starts sandboxes with this launcher, those of images with the layers of this store. `notes` is what cannot be done here.
    pub fn new(
        launcher: Arc<Launcher>,
        images: Arc<daytona_images::Store>,
        state_dir: &Path,
        notes: Vec<String>,
    ) -> Self {
        copies::remove_unfinished(state_dir);
        let machine = Machine {
            launcher,
            state_dir: state_dir.to_owned(),
            layers: Layers(images),
            running: Mutex::default(),
            little_room: Mutex::default(),
        };
        Self { machine: Arc::new(machine), notes }
    }

    fn work<T: Send + 'static>(&self, work: impl FnOnce(&Machine) -> Result<T> + Send + 'static) -> Work<'static, T> {
        let machine = Arc::clone(&self.machine);
        blocking(move || work(&machine))
    }
}

impl Backend for Local {
    fn isolation(&self) -> &str {
        self.machine.launcher.level().name()
    }

    fn limits(&self) -> Limits {
        let launcher = &self.machine.launcher;
        let enforced = launcher.enforced();
        let network = match launcher.level() {
            IsolationLevel::None => NetworkLimit::Unrestricted,
            _ if launcher.network().is_some() => NetworkLimit::Internet,
            IsolationLevel::Namespaces | IsolationLevel::UserNamespaces => NetworkLimit::LoopbackOnly,
        };
        Limits {
            cpu: enforced.cpu,
            memory: enforced.memory,
            processes: enforced.processes,
            users: launcher.own_users(),
            disk: enforced.disk,
            own_size: launcher.no_sizes().is_none(),
            disk_time: enforced.disk_time,
            network,
            ipv6: launcher.network().is_some_and(Network::has_v6),
        }
    }

    fn notes(&self) -> Vec<String> {
        self.notes.clone()
    }

    fn check(&self, feature: Feature) -> Result<(), Refusal> {
        let launcher = &self.machine.launcher;
        let missing = |lacks: bool, what: &str| if lacks { Err(Refusal::Missing(what.to_owned())) } else { Ok(()) };
        match feature {
            Feature::Root => {
                missing(launcher.level() != IsolationLevel::Namespaces, "Running as root without root's isolation")
            }
            Feature::Volumes => missing(launcher.level() == IsolationLevel::None, "Mounting volumes without isolation"),
            Feature::NetworkLog => {
                missing(launcher.network().is_none(), "A network log, where sandboxes have no network,")
            }
            Feature::Secrets => launcher.check_secrets(),
            Feature::Desktop => launcher.check_desktop(),
            Feature::Pause
            | Feature::Resize
            | Feature::Fork
            | Feature::Snapshot
            | Feature::Archive
            | Feature::Pools
            | Feature::Domains => Ok(()),
        }
    }

    fn create(&self, spec: Spec) -> Work<'_, ()> {
        self.work(move |machine| machine.create(&spec))
    }

    fn start(&self, spec: Spec) -> Work<'_, Arc<dyn Instance>> {
        self.work(move |machine| machine.start(&spec))
    }

    fn connect<'a>(&'a self, id: &'a str) -> BoxFuture<'a, io::Result<Stream>> {
        let path = self.machine.launcher.socket_path(id);
        Box::pin(async move { socket::connect(&path).await.map(Stream::from) })
    }

    fn discard<'a>(&'a self, id: &'a str) -> Work<'a, ()> {
        let id = id.to_owned();
        self.work(move |machine| {
            machine.launcher.let_go(&record_file::directory(&machine.state_dir, &id));
            record_file::discard(&machine.state_dir, &id)?;
            lock(&machine.running).remove(&id);
            Ok(())
        })
    }

    fn purge<'a>(&'a self, id: &'a str, keep_mark: bool) -> BoxFuture<'a, ()> {
        let discarded = record_file::discarded(&self.machine.state_dir, id);
        blocking_quietly(move || {
            if let Err(error) = remove_tree(&discarded, Locked::Unlock)
                && error.kind() != io::ErrorKind::NotFound
            {
                tracing::warn!(%error, directory = %discarded.display(), "the files of a deleted sandbox are left");
            }
            if keep_mark {
                let _ = std::fs::create_dir_all(&discarded);
            }
        })
    }

    fn forget<'a>(&'a self, id: &'a str) -> BoxFuture<'a, ()> {
        let discarded = record_file::discarded(&self.machine.state_dir, id);
        Box::pin(async move { drop(std::fs::remove_dir(discarded)) })
    }

    fn list(&self) -> Work<'_, Vec<Found>> {
        self.work(|machine| Ok(machine.list()))
    }

    fn adopt(&self, spec: Spec) -> Work<'_, ()> {
        // A rename takes less time than another thread.
        let adopted = self.machine.launcher.adopt_files(&spec.id).map_err(anyhow::Error::from);
        Box::pin(async move { adopted })
    }

    fn discard_waiting<'a>(&'a self, id: &'a str) -> BoxFuture<'a, ()> {
        let (machine, id) = (Arc::clone(&self.machine), id.to_owned());
        blocking_quietly(move || {
            machine.launcher.discard_pooled(&id);
            lock(&machine.running).remove(&id);
        })
    }

    fn copy<'a>(&'a self, original: &'a str, copy: &'a str) -> Work<'a, ()> {
        let (original, copy) = (original.to_owned(), copy.to_owned());
        self.work(move |machine| machine.copy(&original, &copy))
    }

    fn take_snapshot<'a>(&'a self, id: &'a str, snapshot: &'a str) -> Work<'a, u64> {
        let (id, snapshot) = (id.to_owned(), snapshot.to_owned());
        self.work(move |machine| machine.take_snapshot(&id, &snapshot))
    }

    fn remove_snapshot<'a>(&'a self, snapshot: &'a str) -> BoxFuture<'a, ()> {
        let (machine, snapshot) = (Arc::clone(&self.machine), snapshot.to_owned());
        blocking_quietly(move || copies::remove_snapshot(&machine.state_dir, &snapshot))
    }

    fn archive<'a>(&'a self, id: &'a str, unwanted: Arc<AtomicBool>) -> Work<'a, ()> {
        let id = id.to_owned();
        self.work(move |machine| {
            let directory = record_file::directory(&machine.state_dir, &id);
            machine.launcher.let_go(&directory);
            archives::put_away(&directory, &unwanted)
        })
    }

    fn is_archived<'a>(&'a self, id: &'a str) -> BoxFuture<'a, bool> {
        let directory = record_file::directory(&self.machine.state_dir, id);
        Box::pin(async move { archives::is_archived(&directory) })
    }

    fn restore<'a>(&'a self, id: &'a str) -> Work<'a, ()> {
        let id = id.to_owned();
        self.work(move |machine| archives::bring_back(&record_file::directory(&machine.state_dir, &id)))
    }

    fn disk_used<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Option<u64>> {
        use std::os::unix::fs::MetadataExt;
        let image = record_file::directory(&self.machine.state_dir, id).join(isolation::IMAGE);
        Box::pin(async move { std::fs::metadata(image).ok().map(|found| found.blocks() * 512) })
    }

    fn tick(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.machine.share_room())
    }

    fn clean_up(&self) -> BoxFuture<'_, ()> {
        self.machine.launcher.clean_up();
        Box::pin(async {})
    }
}

impl Machine {
    /// Makes a sandbox's files, all of them by itself or from those of a snapshot.
    fn create(&self, spec: &Spec) -> Result<()> {
        let directory = directory_of(spec);
        if self.state_dir.join(&directory).exists() {
            return Ok(());
        }
        if let Some(snapshot) = &spec.template {
            return copies::copy_from_snapshot(&self.state_dir, snapshot, &spec.id, &directory);
        }
        let disk_gib = spec.resources.disk_gib;
        match self.image_root(spec) {
            Some(image) => self.launcher.create_image_files(&directory, &spec.id, &image, disk_gib),
            None => {
                let snapshot = setup::finished(&self.state_dir);
                self.launcher.create_files(&directory, &spec.id, snapshot.as_deref(), disk_gib)
            }
        }
    }

    /// Starts a sandbox, unless it runs.
    fn start(&self, spec: &Spec) -> Result<Arc<dyn Instance>> {
        let place = Arc::clone(lock(&self.running).entry(spec.id.clone()).or_default());
        let mut place = lock(&place);
        if let Some(instance) = place.upgrade() {
            if !instance.has_ended() {
                return Ok(instance);
            }
            // The next one has the same names.
            isolation::Instance::release(&instance);
        }
        let (snapshot, image) = (setup::finished(&self.state_dir), self.image_root(spec));
        let start = Start {
            sandbox_id: &spec.id,
            directory: &directory_of(spec),
            resources: spec.resources,
            as_root: spec.user == "root",
            env: spec.env.clone(),
            reach: spec.reach.clone(),
            secrets: spec.secrets.clone(),
            snapshot: snapshot.as_deref(),
            image: image.as_ref(),
            volumes: spec.volumes.iter().map(volume_of).collect(),
            has_desktop: spec.has_desktop,
        };
        let started = self.launcher.start(&start);
        if started.is_err() {
            let _ = std::fs::remove_file(self.launcher.socket_path(&spec.id));
        }
        let instance = Arc::new(started?);
        *place = Arc::downgrade(&instance);
        Ok(instance)
    }

    /// What a sandbox's root is made from, if that is an image.
    fn image_root(&self, spec: &Spec) -> Option<ImageRoot> {
        let image = spec.image.as_ref()?;
        let layers = image.layers.iter().rev().map(|digest| {
            let path = self.layers.0.layer_path(digest);
            path.strip_prefix(&self.state_dir).map(Path::to_owned).unwrap_or(path)
        });
        Some(ImageRoot {
            over_default: image.base == Base::Default,
            layers: layers.collect(),
            env: image.config.env.clone(),
            entrypoint: spec.entrypoint.clone(),
            user: spec.user.clone(),
            work_dir: image.config.workdir.clone(),
        })
    }

    /// A sandbox that runs.
    fn instance(&self, id: &str) -> Option<Arc<isolation::Instance>> {
        let place = lock(&self.running).get(id).cloned()?;
        let instance = lock(&place).upgrade();
        instance.filter(|instance| !instance.has_ended())
    }

    fn list(&self) -> Vec<Found> {
        let kept = record_file::ids(&self.state_dir).into_iter().filter_map(|id| {
            let directory = record_file::directory(&self.state_dir, &id);
            let running = self.instance(&id).map(|instance| FoundState::Running(instance));
            let state = match running {
                Some(running) => running,
                None if !directory.is_dir() => return None,
                None if archives::tidy(&directory) => FoundState::Archived,
                None => FoundState::Stopped,
            };
            Some(Found { id, state })
        });
        let kept: Vec<Found> = kept.collect();
        let gone = record_file::discarded_ids(&self.state_dir).into_iter();
        let gone = gone.filter(|id| !kept.iter().any(|found| found.id == *id));
        let gone: Vec<Found> = gone.map(|id| Found { id, state: FoundState::Discarded }).collect();
        kept.into_iter().chain(gone).collect()
    }

    /// Keeps sandboxes' disks from ending later than the machine's while that has little room.
    async fn share_room(&self) {
        let room = self.launcher.little_room();
        let had_little = std::mem::replace(&mut *lock(&self.little_room), room);
        // Once more when there is room again.
        if room.or(had_little).is_none() || room == had_little {
            return;
        }
        let places: Vec<_> = lock(&self.running).values().cloned().collect();
        let limit = move || {
            let instances = places.iter().filter_map(|place| lock(place).upgrade());
            instances.for_each(|instance| instance.limit_disk(room.unwrap_or(u64::MAX)));
        };
        blocking_quietly(limit).await;
    }
}

/// Where a sandbox's files are, relative to the state directory.
fn directory_of(spec: &Spec) -> PathBuf {
    if spec.waiting { pool_directory(&spec.id) } else { files_directory(&spec.id) }
}

fn volume_of(mount: &super::VolumeMount) -> Volume {
    Volume { data: volume::data(&mount.id), subpath: mount.subpath.clone(), target: mount.target.clone() }
}
