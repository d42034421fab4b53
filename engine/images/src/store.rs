//! Layers, images and steps of builds on disk.
//!
//! Everything is made in `tmp` and renamed to its place when it is whole, so what an engine was working on when it died is
//! simply removed by the next one. A layer is a directory in overlayfs' form, named after the digest of its archive.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::io::{self, BufReader, Read};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::compression::decompress;
use crate::digest::{Checked, Hasher};
use crate::error::Attempt;
use crate::overlay::Marks;
use crate::pack::pack;
use crate::room::Room;
use crate::tree::{Lower, Tree};
use crate::unpack::{Unpack, unpack};
use crate::{Base, Cancel, Digest, Error, Image, ImageConfig, Limits};

/// How a store works.
#[derive(Debug, Clone)]
pub struct Options {
    /// Whether files keep the owners they have in images, and layers are mounted by an administrator. An ordinary user owns
    /// all files of the store, and mounts layers in a user namespace (`userxattr`).
    pub owned: bool,
    /// The most that one layer may hold.
    pub limits: Limits,
    /// What `FROM default` means: directories of the machine and where they appear, relative to the root; the first one is
    /// the root itself.
    pub default_root: Vec<(PathBuf, PathBuf)>,
    /// Bytes of the disk that nothing here takes.
    pub reserve: u64,
    /// Removes a directory with all it holds, whatever its depth.
    pub remove_tree: fn(&Path) -> io::Result<()>,
}

impl Default for Options {
    /// For an administrator, without a default root.
    fn default() -> Self {
        let remove_tree = |path: &Path| fs::remove_dir_all(path);
        Self { owned: true, limits: Limits::default(), default_root: Vec::new(), reserve: 0, remove_tree }
    }
}

/// Images and what they are made of, below one directory.
#[derive(Debug)]
pub struct Store {
    directory: PathBuf,
    pub(crate) options: Options,
    pub(crate) room: Room,
    next: AtomicU64,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// How many builds and pulls need a layer.
    pinned: HashMap<Digest, usize>,
    /// What is being made right now.
    busy: BTreeSet<String>,
}

/// What is known of a layer.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Layer {
    pub(crate) digest: Digest,
    /// Bytes of its files.
    pub(crate) size: u64,
}

/// What a removal has freed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Freed {
    /// Layers.
    pub layers: usize,
    /// Bytes of their files.
    pub bytes: u64,
}

const PARTS: [&str; 8] = ["l", "layers", "images", "names", "steps", "caches", "downloads", "tmp"];

impl Store {
    /// Opens the store below `directory`, made if it is not there. What an earlier process has left half made is removed.
    ///
    /// # Errors
    /// The directory cannot be written.
    pub fn open(directory: &Path, options: Options) -> Result<Self, Error> {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true).mode(0o700);
        for part in PARTS {
            let path = directory.join(part);
            builder.create(&path).at_path("creating", &path)?;
        }
        // Files in it may have any owner and be set-user-id.
        fs::set_permissions(directory, fs::Permissions::from_mode(0o700)).at_path("protecting", directory)?;
        let directory = directory.to_owned();
        let room = Room::new(&directory, options.reserve);
        let next = AtomicU64::new(0);
        let store = Self { directory, options, room, next, state: Mutex::default(), changed: Condvar::new() };
        store.remove_half_made()?;
        Ok(store)
    }

    fn remove_half_made(&self) -> Result<(), Error> {
        let known: BTreeSet<String> = self.layers()?.iter().map(|layer| layer.digest.short().to_owned()).collect();
        let half = entries(&self.directory.join("tmp"))?.into_iter();
        let unknown = entries(&self.directory.join("l"))?
            .into_iter()
            .filter(|path| path.file_name().and_then(|name| name.to_str()).is_none_or(|name| !known.contains(name)));
        for path in half.chain(unknown) {
            self.remove(&path).at_path("removing", &path)?;
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn part(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    pub(crate) fn marks(&self) -> Marks {
        if self.options.owned { Marks::Trusted } else { Marks::User }
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let found = fs::symlink_metadata(path)?;
        if found.is_dir() { (self.options.remove_tree)(path) } else { fs::remove_file(path) }
    }

    /// A name in `tmp` that nobody else has.
    fn temporary_path(&self) -> PathBuf {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.directory.join("tmp").join(number.to_string())
    }

    /// A new empty directory, removed when it is dropped unless it became something.
    pub(crate) fn temporary(&self) -> Result<Temporary<'_>, Error> {
        let path = self.temporary_path();
        fs::create_dir(&path).at_path("creating", &path)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).at_path("creating", &path)?;
        Ok(Temporary { store: self, path })
    }

    /// The directory of a layer, in overlayfs' form.
    pub fn layer_path(&self, digest: &Digest) -> PathBuf {
        self.directory.join("l").join(digest.short())
    }

    pub(crate) fn layer(&self, digest: &Digest) -> Result<Option<Layer>, Error> {
        let layer: Option<Layer> = self.read("layers", digest)?;
        match layer {
            Some(layer) if layer.digest == *digest => Ok(Some(layer)),
            _ => Ok(None),
        }
    }

    fn layers(&self) -> Result<Vec<Layer>, Error> {
        self.all("layers")
    }

    /// The layers and what is below them, for looking into.
    pub(crate) fn tree(&self, base: Base, layers: &[Digest]) -> Tree {
        let mut lowers: Vec<_> = layers.iter().rev().map(|digest| Lower::Directory(self.layer_path(digest))).collect();
        if base == Base::Default {
            lowers.push(Lower::Joined(self.options.default_root.clone()));
        }
        Tree::new(lowers)
    }

    /// Makes a layer of a directory in overlayfs' form; none where nothing is in it.
    pub(crate) fn add_layer(&self, tree: Temporary<'_>, pins: &mut Pins<'_>) -> Result<Option<Layer>, Error> {
        let (hasher, content) = pack(&tree.path, Hasher::default()).attempt("reading a new layer")?;
        if content.entries == 0 {
            return Ok(None);
        }
        let digest = hasher.finish();
        pins.add_coming(&digest);
        self.place(tree, Layer { digest, size: content.bytes }).map(Some)
    }

    /// Unpacks a layer's archive, compressed or not, that must have this digest once it is not.
    pub(crate) fn add_archive(
        &self,
        archive: impl Read + Send,
        expected: &Digest,
        cancel: &Cancel,
    ) -> Result<Layer, Error> {
        let tree = self.temporary()?;
        let broken = |error: io::Error| Error::Refused(format!("the layer {expected} is broken: {error}"));
        // Of what is read, headers and padding are some more than the files.
        let Limits { bytes, entries } = self.options.limits;
        let all = bytes.saturating_add(entries.saturating_mul(4096));
        let mut content = Checked::new(decompress(archive).map_err(broken)?, all);
        let how = Unpack { whiteouts: Some(self.marks()), ..self.unpacking(cancel) };
        let size = unpack(BufReader::with_capacity(1 << 16, &mut content), &tree.path, how)?;
        let (digest, _) = content.finish().map_err(broken)?;
        if digest != *expected {
            return Err(Error::Refused(format!("the layer {expected} is not what it says: its digest is {digest}")));
        }
        self.place(tree, Layer { digest, size })
    }

    /// How archives are unpacked that are no layers.
    pub(crate) fn unpacking<'a>(&'a self, cancel: &'a Cancel) -> Unpack<'a> {
        let Options { owned, limits, .. } = self.options;
        Unpack { owned, whiteouts: None, limits, room: &self.room, cancel }
    }

    fn place(&self, tree: Temporary<'_>, layer: Layer) -> Result<Layer, Error> {
        if self.layer(&layer.digest)?.is_some() {
            return Ok(layer);
        }
        let path = self.layer_path(&layer.digest);
        match fs::rename(&tree.path, &path) {
            Ok(()) => std::mem::forget(tree),
            // Somebody else was faster, or another layer's name begins alike.
            Err(error) if matches!(error.kind(), io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::AlreadyExists) => {
                return match self.wait_for_layer(&layer.digest)? {
                    Some(layer) => Ok(layer),
                    None => Err(Error::Refused(format!("the name of {} is taken by another layer", layer.digest))),
                };
            }
            Err(error) => return Err(error).at_path("placing the layer", &path),
        }
        self.write("layers", &layer.digest, &layer)?;
        Ok(layer)
    }

    /// The record follows its directory at once.
    fn wait_for_layer(&self, digest: &Digest) -> Result<Option<Layer>, Error> {
        for _ in 0..100 {
            if let Some(layer) = self.layer(digest)? {
                return Ok(Some(layer));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(None)
    }

    /// Keeps a set of layers as an image.
    pub(crate) fn add_image(&self, base: Base, layers: Vec<Digest>, config: ImageConfig) -> Result<Image, Error> {
        let mut size = 0;
        for digest in &layers {
            size += self.layer(digest)?.map_or(0, |layer| layer.size);
        }
        let image = Image::new(base, layers, config, size);
        self.write("images", &image.id, &image)?;
        Ok(image)
    }

    /// An image of the store.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn image(&self, id: &Digest) -> Result<Option<Image>, Error> {
        self.read("images", id)
    }

    pub(crate) fn read<T: DeserializeOwned>(&self, part: &str, name: &Digest) -> Result<Option<T>, Error> {
        read_record(&self.part(part).join(format!("{}.json", name.hex())))
    }

    pub(crate) fn all<T: DeserializeOwned>(&self, part: &str) -> Result<Vec<T>, Error> {
        let mut records = Vec::new();
        for path in entries(&self.part(part))? {
            records.extend(read_record(&path)?);
        }
        Ok(records)
    }

    pub(crate) fn write(&self, part: &str, name: &Digest, record: &impl Serialize) -> Result<(), Error> {
        let (half, path) = (self.temporary_path(), self.part(part).join(format!("{}.json", name.hex())));
        let text = serde_json::to_vec(record).expect("plain data is written as JSON");
        fs::write(&half, text).and_then(|()| fs::rename(&half, &path)).at_path("writing", &path)
    }

    /// Keeps layers from being removed until the answer is dropped.
    pub(crate) fn pins(&self) -> Pins<'_> {
        Pins { store: self, digests: Vec::new() }
    }

    /// Waits until nobody else makes what has this name, and keeps others from it until the answer is dropped.
    pub(crate) fn only_one(&self, name: String, cancel: &Cancel) -> Result<Turn<'_>, Error> {
        let mut state = self.lock();
        while state.busy.contains(&name) {
            cancel.check()?;
            let waited = self.changed.wait_timeout(state, Duration::from_millis(50));
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        state.busy.insert(name.clone());
        Ok(Turn { store: self, name })
    }

    /// The same without waiting; `None` while somebody else makes it.
    pub(crate) fn only_one_now(&self, name: String) -> Option<Turn<'_>> {
        self.lock().busy.insert(name.clone()).then(|| Turn { store: self, name })
    }

    /// Removes images that are not in use, and layers that belong neither to one in use nor to a cached step.
    ///
    /// What a build or a pull under way needs stays.
    ///
    /// # Errors
    /// The store cannot be read or written.
    pub fn collect<'a>(&self, in_use: impl IntoIterator<Item = &'a Image>) -> Result<Freed, Error> {
        let (mut images, mut needed) = (BTreeSet::new(), BTreeSet::new());
        for image in in_use {
            images.insert(image.id.clone());
            needed.extend(image.layers.iter().cloned());
        }
        needed.extend(self.cached_layers()?);

        for image in self.all::<Image>("images")? {
            if !images.contains(&image.id) {
                self.forget("images", &image.id)?;
            }
        }
        let mut freed = Freed::default();
        for layer in self.layers()? {
            let state = self.lock();
            if needed.contains(&layer.digest) || state.pinned.contains_key(&layer.digest) {
                continue;
            }
            // The record goes first: a directory without one is half made.
            self.forget("layers", &layer.digest)?;
            let (path, trash) = (self.layer_path(&layer.digest), self.temporary_path());
            fs::rename(&path, &trash).at_path("removing", &path)?;
            drop(state);
            self.remove(&trash).at_path("removing", &path)?;
            freed.layers += 1;
            freed.bytes += layer.size;
        }
        Ok(freed)
    }

    pub(crate) fn forget(&self, part: &str, name: &Digest) -> Result<(), Error> {
        let path = self.part(part).join(format!("{}.json", name.hex()));
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error).at_path("removing", &path),
            _ => Ok(()),
        }
    }
}

fn entries(directory: &Path) -> Result<Vec<PathBuf>, Error> {
    let read = || fs::read_dir(directory)?.map(|entry| Ok(entry?.path())).collect();
    let paths: io::Result<Vec<PathBuf>> = read();
    paths.at_path("reading", directory)
}

/// A record that is not there is `None`, as is one that another version of this program has written.
fn read_record<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, Error> {
    match fs::read(path) {
        Ok(text) => Ok(serde_json::from_slice(&text).ok()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).at_path("reading", path),
    }
}

/// A directory that goes unless it became a layer.
#[derive(Debug)]
pub(crate) struct Temporary<'a> {
    store: &'a Store,
    pub(crate) path: PathBuf,
}

impl Drop for Temporary<'_> {
    fn drop(&mut self) {
        if let Err(error) = self.store.remove(&self.path)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%error, directory = %self.path.display(), "what was half made is left to the next start");
        }
    }
}

/// Layers that somebody is working with.
#[derive(Debug)]
pub(crate) struct Pins<'a> {
    store: &'a Store,
    digests: Vec<Digest>,
}

impl Pins<'_> {
    /// Pins the layers, unless one of them is gone already.
    pub(crate) fn add(&mut self, digests: &[Digest]) -> Result<bool, Error> {
        let mut state = self.store.lock();
        for digest in digests {
            if self.store.layer(digest)?.is_none() {
                return Ok(false);
            }
            *state.pinned.entry(digest.clone()).or_default() += 1;
            self.digests.push(digest.clone());
        }
        Ok(true)
    }

    /// Pins a layer that is about to be made.
    pub(crate) fn add_coming(&mut self, digest: &Digest) {
        *self.store.lock().pinned.entry(digest.clone()).or_default() += 1;
        self.digests.push(digest.clone());
    }
}

impl Drop for Pins<'_> {
    fn drop(&mut self) {
        let mut state = self.store.lock();
        for digest in &self.digests {
            if let Some(count) = state.pinned.get_mut(digest) {
                *count -= 1;
                if *count == 0 {
                    state.pinned.remove(digest);
                }
            }
        }
    }
}

/// The right to make something that others wait for.
#[derive(Debug)]
pub(crate) struct Turn<'a> {
    store: &'a Store,
    name: String,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.store.lock().busy.remove(&self.name);
        self.store.changed.notify_all();
    }
}
