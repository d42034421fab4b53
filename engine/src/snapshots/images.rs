//! The images of snapshots and sandboxes: built or fetched here, kept by `daytona-images`.
//!
//! A build runs on a thread of its own and always ends: with an image, with the instruction that failed and its last lines,
//! or given up, by whoever wanted it or after some hours. Few run at once; the others wait, `pending`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Result;
use daytona_images::{Access, Base, Build, Cancel, Error, Image, Imported, Logins, NoRunner, Reach, Runner, Store};
use daytona_toolbox::remove_tree::{Locked, remove_tree};
use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::engine::Engine;
use crate::errors::in_words;
use crate::isolation::{IsolationLevel, Launcher};
use crate::network::Cidr;
use crate::sandboxes::builds::StepRunner;
use crate::sandboxes::sandbox::{BuildInfo, Sandbox};
use crate::sandboxes::snapshot;
use crate::snapshots::archives;
use crate::snapshots::turns::{Turn, Turns};
use crate::{clock, outgoing};

/// The longest that a build may take, once it is its turn.
const LIMIT: Duration = Duration::from_secs(2 * 60 * 60);

/// Bytes of the machine's disk that images and builds leave free.
pub const RESERVE: u64 = 1 << 30;

/// How often a build that waits looks whether anybody still wants it.
const LOOK: Duration = Duration::from_millis(100);

/// The images of one engine, and what is being made of them.
pub struct Images {
    /// Layers and images.
    pub store: Arc<Store>,
    runner: Box<dyn Runner>,
    turns: Turns,
    /// Read by builds, written by whoever clears what they have left.
    cache: RwLock<()>,
    under_way: Mutex<BTreeMap<String, Cancel>>,
}

impl Images {
    /// Opens the store below the state directory. Builds fetch what is public or in `allow_networks`, and run commands where
    /// there is a launcher.
    ///
    /// # Errors
    /// The directory cannot be written.
    pub fn open(state_dir: &Path, launcher: Option<&Arc<Launcher>>, allow_networks: &[Cidr]) -> Result<Self> {
        let options = daytona_images::Options {
            owned: launcher.is_some_and(|launcher| launcher.level() == IsolationLevel::Namespaces),
            default_root: launcher.map(|launcher| launcher.default_root()).unwrap_or_default(),
            reserve: RESERVE,
            remove_tree: |path| remove_tree(path, Locked::Unlock),
            ..Default::default()
        };
        let store = Arc::new(Store::open(&state_dir.join("images"), options)?);
        archives::prepare(state_dir)?;
        let runner: Box<dyn Runner> = match launcher {
            Some(launcher) => Box::new(StepRunner::new(Arc::clone(launcher), state_dir, allow_networks)?),
            None => Box::new(NoRunner),
        };
        Ok(Self { store, runner, turns: Turns::default(), cache: RwLock::default(), under_way: Mutex::default() })
    }

    /// Notes that something is being made under this id, until the answer is dropped.
    pub fn begin(self: &Arc<Self>, id: &str) -> UnderWay {
        let cancel = Cancel::default();
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner).insert(id.to_owned(), cancel.clone());
        UnderWay { images: Arc::clone(self), id: id.to_owned(), cancel }
    }

    /// Gives up what is being made under this id.
    pub fn give_up(&self, id: &str) {
        if let Some(cancel) = self.under_way.lock().unwrap_or_else(PoisonError::into_inner).get(id) {
            cancel.cancel();
        }
    }

    /// Keeps builds from beginning until the answer is dropped; `None` while anything is being made.
    pub fn at_rest(&self) -> Option<RwLockWriteGuard<'_, ()>> {
        let alone = self.cache.try_write().ok()?;
        let is_idle = self.under_way.lock().unwrap_or_else(PoisonError::into_inner).is_empty();
        is_idle.then_some(alone)
    }

    /// Waits until it is the turn of a build or an import, unless nobody wants it any more.
    pub async fn turn(
        &self,
        organization: &str,
        cancel: &Cancel,
    ) -> Result<(Turn<'_>, RwLockReadGuard<'_, ()>), NotMade> {
        let waiting = self.turns.wait(organization);
        loop {
            if cancel.is_cancelled() {
                return Err(NotMade::GivenUp);
            }
            if let Some(turn) = waiting.try_begin() {
                return Ok((turn, self.cache.read().await));
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Gives up everything, as the engine does that ends.
    pub fn give_up_all(&self) {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner).values().for_each(Cancel::cancel);
    }
}

/// Gives up what is done for a request when nobody waits for it any more.
pub struct CancelOnDrop(pub Cancel);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

/// Something that is being made.
pub struct UnderWay {
    images: Arc<Images>,
    id: String,
    cancel: Cancel,
}

impl UnderWay {
    /// What gives it up.
    pub fn cancel(&self) -> &Cancel {
        &self.cancel
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.images.under_way.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}

/// Why there is no image.
pub enum NotMade {
    /// Nobody wants it any more.
    GivenUp,
    /// For this reason; with the file system that a failed command has left, where that is to be kept.
    Failed(String, Option<Box<Image>>),
}

impl NotMade {
    fn failed(reason: impl Into<String>) -> Self {
        Self::Failed(reason.into(), None)
    }
}

impl From<Error> for NotMade {
    fn from(error: Error) -> Self {
        let reason = error.to_string();
        match error {
            Error::Cancelled => Self::GivenUp,
            Error::Run { left, .. } => Self::Failed(reason, left),
            _ => Self::failed(reason),
        }
    }
}

/// The Dockerfile that is nothing but this image.
pub fn from_image(name: &str) -> BuildInfo {
    BuildInfo::new(format!("FROM {name}\n"), Vec::new())
}

impl Engine {
    /// Builds an image, and tells the log that belongs to what is under way. `None` for the engine's own default root. `begun`
    /// is called when it is this build's turn. Registries are asked as the owner's logins say.
    pub async fn build(
        self: &Arc<Self>,
        under_way: &UnderWay,
        info: &BuildInfo,
        owner: Option<&str>,
        begun: impl FnOnce(),
    ) -> Result<Option<Image>, NotMade> {
        let failed = |error: &anyhow::Error| NotMade::failed(in_words(error));
        let mut log = self.build_logs.begin(&under_way.id).map_err(|error| failed(&error.into()))?;
        if snapshot::is_plain_copy(&info.dockerfile) {
            begun();
            log.line("Nothing is to be built: this is the engine's default snapshot");
            return Ok(None);
        }
        let owner = owner.unwrap_or(&self.identity.organization_id).to_owned();
        let _turn = self.images.turn(&owner, &under_way.cancel).await?;
        let too_long = clock::sleep(LIMIT);
        begun();
        let access = self.access(&owner);
        // What the first organization has built was there before there were others.
        let whose = if owner == self.identity.organization_id { String::new() } else { owner.clone() };
        let (engine, cancel, info) = (Arc::clone(self), under_way.cancel.clone(), info.clone());
        let built = tokio::task::spawn_blocking(move || {
            let contexts = engine.contexts(&owner, &info).inspect_err(|error| log.line(&error.to_string()))?;
            let BuildInfo { dockerfile, secrets, keep_failed_step, .. } = info;
            let build =
                Build { dockerfile, contexts, access, owner: whose, secrets, keep_failed_step, ..Build::default() };
            let built = engine.images.store.build(&build, &*engine.images.runner, &mut |line| log.line(line), &cancel);
            if let Err(error) = &built {
                log.line(&error.to_string());
            }
            built
        });
        let mut built = std::pin::pin!(built);
        let (built, late) = tokio::select! {
            built = &mut built => (built, false),
            () = too_long => {
                under_way.cancel.cancel();
                (built.as_mut().await, true)
            }
        };
        match built {
            Ok(Err(Error::Cancelled)) if late => Err(NotMade::failed(format!(
                "The build took longer than {} minutes and was given up",
                LIMIT.as_secs() / 60
            ))),
            Ok(built) => Ok(Some(built?)),
            Err(error) => Err(failed(&error.into())),
        }
    }

    /// What an organization may build on: its logins for registries, and what it has imported.
    fn access(self: &Arc<Self>, organization_id: &str) -> Access {
        let (engine, owner) = (Arc::clone(self), organization_id.to_owned());
        let login = move |image: &str| engine.accounts.registry_login(&owner, image);
        // The registries of this machine and its networks are those of whoever started the engine.
        let is_own = organization_id == self.identity.organization_id;
        let reach = (!is_own).then_some(Reach(outgoing::is_public));
        let (engine, owner) = (Arc::clone(self), organization_id.to_owned());
        let imported = move |name: &str| {
            let found = engine.snapshots.find_in(name, &owner);
            found.filter(|snapshot| snapshot.name == name && snapshot.is_imported())?.image
        };
        Access {
            logins: Some(Logins(Arc::new(login))),
            reach,
            imported: Some(Imported(Arc::new(imported))),
            ..Access::default()
        }
    }

    /// The archives of a build's contexts, in the order in which the client names them. Blocks.
    fn contexts(&self, organization_id: &str, info: &BuildInfo) -> Result<Vec<PathBuf>, Error> {
        let context = |hash: &String| {
            let found = self.storage.context(organization_id, hash);
            found.map_err(|error| Error::Refused(in_words(&error)))?.ok_or_else(|| {
                Error::Refused(format!("the build context {hash} is not in the object storage: upload it first"))
            })
        };
        info.context_hashes.iter().map(context).collect()
    }

    /// Removes images and layers that nothing is made from and no build can use again. Blocks.
    pub fn collect_images(&self) -> Result<daytona_images::Freed, Error> {
        let of_sandboxes = self.registry.all().into_iter().filter_map(|entry| entry.with_record(|r| r.image.clone()));
        let of_snapshots = self.snapshots.all().into_iter().filter_map(|snapshot| snapshot.image);
        let in_use: Vec<Image> = of_sandboxes.chain(of_snapshots).collect();
        self.images.store.collect(&in_use)
    }
}

/// The program of the entrypoint session. An image without one gets a program that does nothing, so that there is a session as
/// with any other.
pub fn entrypoint(record: &Sandbox) -> Vec<String> {
    let Some(image) = &record.image else { return snapshot::ENTRYPOINT.map(str::to_owned).to_vec() };
    if let Some(entrypoint) = &record.entrypoint {
        return entrypoint.clone();
    }
    let of_image = [&image.config.entrypoint, &image.config.cmd].into_iter().flatten().flatten().cloned();
    let words: Vec<String> = of_image.collect();
    if words.is_empty() { snapshot::ENTRYPOINT.map(str::to_owned).to_vec() } else { words }
}

/// The user of an image's sandboxes, where the client names none.
pub fn user_of(image: &Image) -> String {
    match (image.config.user.as_str(), image.base) {
        ("", Base::Default) => "daytona".to_owned(),
        ("", Base::Empty) => "root".to_owned(),
        (user, _) => user.to_owned(),
    }
}
