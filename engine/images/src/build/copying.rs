//! `COPY` and `ADD`: which files go where, and with which attributes.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::context::{Files, unpack_plain};
use super::fetching::{Fetched, name_in};
use super::ignore::{Ignored, glob};
use crate::attributes::Attributes;
use crate::digest::Hasher;
use crate::error::Attempt;
use crate::tree::{Found, Lower, Tree};
use crate::writer::Writer;
use crate::{Cancel, Digest, Error, Runner, Store};

/// Files that one instruction copies: all of them are remembered until they are.
const MOST: usize = 1_000_000;

/// One file to make.
struct Item {
    /// Where it goes, in the tree it is copied to.
    to: PathBuf,
    content: Content,
    attributes: Attributes,
}

enum Content {
    Found(Found),
    Text(String),
    /// An archive to unpack there.
    Archive(Found),
    /// What a URL leads to, or did when it had this digest.
    Fetched(Rc<Fetched>),
}

/// What one instruction copies.
pub(super) struct Copying {
    items: Vec<Item>,
    /// The owner of what is copied; that of the source without.
    owner: Option<(u32, u32)>,
    /// The mode of what is copied; that of the source without.
    mode: Option<u32>,
}

/// How files are chosen.
pub(super) struct Choice<'a> {
    pub(super) files: &'a Files,
    /// What is left out besides, relative to each source.
    pub(super) excluded: &'a Ignored,
    /// Whether archives are unpacked instead of copied.
    pub(super) unpacks: bool,
    /// Whether files keep the directories that their sources name.
    pub(super) parents: bool,
    /// What the files belong to, for errors.
    pub(super) origin: &'a str,
}

/// Where files go.
pub(super) struct Destination<'a> {
    pub(super) tree: &'a Tree,
    /// An absolute path.
    pub(super) path: &'a str,
    /// Whether it is written as a directory, or several sources make it one.
    pub(super) is_directory: bool,
}

impl Destination<'_> {
    fn file(&self, name: &std::ffi::OsStr) -> Result<PathBuf, Error> {
        let path = Path::new(self.path);
        let found = self.tree.find(path).attempt("looking for the destination")?;
        let is_directory = self.is_directory || found.is_some_and(|(_, found)| found.metadata.is_dir());
        Ok(if is_directory { path.join(name) } else { path.to_owned() })
    }
}

impl Copying {
    pub(super) fn new(owner: Option<(u32, u32)>, mode: Option<u32>) -> Self {
        Self { items: Vec::new(), owner, mode }
    }

    /// Adds a here-document.
    pub(super) fn document(&mut self, name: &str, text: String, to: &Destination<'_>) -> Result<(), Error> {
        let attributes = Attributes { uid: 0, gid: 0, mode: 0o644, mtime: 0, xattrs: Vec::new() };
        let to = to.file(name.as_ref())?;
        self.push(to, Content::Text(text), attributes);
        Ok(())
    }

    /// Adds what is at a URL.
    pub(super) fn fetched(&mut self, fetched: Fetched, unpacks: bool, to: &Destination<'_>) -> Result<(), Error> {
        let attributes =
            Attributes { uid: 0, gid: 0, mode: 0o600, mtime: fetched.mtime.unwrap_or_default(), xattrs: Vec::new() };
        let to = match unpacks {
            true => PathBuf::from(to.path),
            false => match name_in(&fetched.url) {
                Ok(name) => to.file(name.as_ref())?,
                // It needs none where the destination is the file.
                Err(error) => Some(to.file("file".as_ref())?).filter(|path| path == Path::new(to.path)).ok_or(error)?,
            },
        };
        self.push(to, Content::Fetched(Rc::new(fetched.unpacked(unpacks))), attributes);
        Ok(())
    }

    /// Adds what a path or a pattern means: files, and what is in directories.
    pub(super) fn path(&mut self, pattern: &str, choice: &Choice<'_>, to: &Destination<'_>) -> Result<(), Error> {
        let reading = "reading the files to copy";
        let refused = |error: io::Error| Error::Refused(error.to_string());
        let sources = matches(&choice.files.tree, pattern).map_err(refused)?;
        let skipped = skipped(pattern).map_err(refused)?;
        let mut found_any = false;
        for source in sources {
            if choice.files.ignored.hides(&source) {
                continue;
            }
            let Some((resolved, found)) = choice.files.tree.find(&source).attempt(reading)? else { continue };
            found_any = true;
            let kept = || Path::new(to.path).join(source.iter().skip(skipped).collect::<PathBuf>());
            if found.metadata.is_dir() {
                let to = if choice.parents { kept() } else { PathBuf::from(to.path) };
                self.directory(&resolved, found, choice, &to)?;
                continue;
            }
            let name = source.file_name().unwrap_or_default();
            if choice.excluded.hides(Path::new(name)) {
                continue;
            }
            let attributes = Attributes::of(&found.real, &found.metadata).attempt(reading)?;
            if choice.unpacks && is_archive(&found).attempt(reading)? {
                self.push(PathBuf::from(to.path), Content::Archive(found), attributes);
            } else {
                let to = if choice.parents { kept() } else { to.file(name)? };
                self.push(to, Content::Found(found), attributes);
            }
        }
        if !found_any {
            let hidden = if choice.files.ignored.is_empty() { "" } else { ", or .dockerignore leaves it out" };
            return Err(Error::Refused(format!("{pattern:?} is not in {}{hidden}", choice.origin)));
        }
        Ok(())
    }

    fn directory(&mut self, top: &Path, found: Found, choice: &Choice<'_>, to: &Path) -> Result<(), Error> {
        let reading = "reading the files to copy";
        let attributes = Attributes::of(&found.real, &found.metadata).attempt(reading)?;
        self.push(to.to_owned(), Content::Found(found), attributes);
        for found in choice.files.tree.walk(top) {
            let (path, found) = found.attempt(reading)?;
            let inner = path.strip_prefix(top).unwrap_or(&path);
            if choice.files.ignored.hides(&path) || choice.excluded.hides(inner) {
                continue;
            }
            if self.items.len() >= MOST {
                return Err(Error::Refused(format!("more than {MOST} files are copied at once")));
            }
            let attributes = Attributes::of(&found.real, &found.metadata).attempt(reading)?;
            self.push(to.join(inner), Content::Found(found), attributes);
        }
        Ok(())
    }

    fn push(&mut self, to: PathBuf, content: Content, mut attributes: Attributes) {
        if let Some((uid, gid)) = self.owner {
            (attributes.uid, attributes.gid) = (uid, gid);
        }
        if let Some(mode) = self.mode {
            attributes.mode = mode;
        }
        let to = to.strip_prefix("/").map(Path::to_owned).unwrap_or(to);
        self.items.push(Item { to, content, attributes });
    }

    /// Everything that the result depends on, by the names of files.
    pub(super) fn inputs(&self) -> Result<BTreeMap<String, Digest>, Error> {
        let mut inputs = BTreeMap::new();
        for (number, item) in self.items.iter().enumerate() {
            let mut hasher = Hasher::default();
            let Attributes { uid, gid, mode, xattrs, .. } = &item.attributes;
            hasher.update(format!("{number} {uid} {gid} {mode} {xattrs:?} ").as_bytes());
            match &item.content {
                Content::Text(text) => hasher.update(text.as_bytes()),
                Content::Fetched(fetched) => hasher.update(fetched.digest.to_string().as_bytes()),
                Content::Found(found) | Content::Archive(found) => {
                    add_content(&mut hasher, found).at_path("reading", &item.to)?;
                }
            }
            inputs.insert(format!("/{}", item.to.display()), hasher.finish());
        }
        Ok(inputs)
    }

    /// Makes the files in a new layer over `tree`.
    pub(super) fn write(
        &self,
        store: &Store,
        runner: &dyn Runner,
        tree: &Tree,
        layer: &Path,
        cancel: &Cancel,
    ) -> Result<(), Error> {
        let writer = Writer::new(tree, layer, store.options.owned, self.owner.unwrap_or_default());
        for item in &self.items {
            cancel.check()?;
            if let Content::Found(found) = &item.content {
                store.room.take(found.metadata.len())?;
            }
            let path = Path::new("/").join(&item.to);
            let written = match &item.content {
                Content::Text(text) => writer.content(&item.to, text.as_bytes(), &item.attributes),
                Content::Found(found) if found.metadata.is_dir() => {
                    writer.directory(&item.to, Some(&item.attributes)).map(|_| ())
                }
                Content::Found(found) => writer.file(&item.to, found, &item.attributes),
                Content::Archive(found) => {
                    self.unpack(store, found, &item.to, &writer, cancel)?;
                    Ok(())
                }
                Content::Fetched(fetched) => {
                    let file = fetched.file(store, runner, cancel)?;
                    let metadata = std::fs::symlink_metadata(file.path()).attempt("reading what was fetched")?;
                    let found = Found { real: file.path().to_owned(), metadata };
                    match fetched.unpacks && is_archive(&found).attempt("reading what was fetched")? {
                        true => {
                            self.unpack(store, &found, &item.to, &writer, cancel)?;
                            Ok(())
                        }
                        false => writer.file(&item.to, &found, &item.attributes),
                    }
                }
            };
            written.at_path("writing", &path)?;
        }
        writer.finish().attempt("writing the files")
    }

    fn unpack(
        &self,
        store: &Store,
        archive: &Found,
        to: &Path,
        writer: &Writer<'_>,
        cancel: &Cancel,
    ) -> Result<(), Error> {
        let directory = store.temporary()?;
        let file = File::open(&archive.real).attempt("opening the archive")?;
        unpack_plain(store, file, &directory.path, cancel)?;
        let unpacked = Tree::new(vec![Lower::Directory(directory.path.clone())]);
        writer.directory(to, None).at_path("making", to)?;
        for found in unpacked.walk(Path::new("")) {
            let (inner, found) = found.attempt("reading the archive")?;
            store.room.take(found.metadata.len())?;
            let path = to.join(inner);
            let mut attributes = Attributes::of(&found.real, &found.metadata).attempt("reading the archive")?;
            if let Some((uid, gid)) = self.owner {
                (attributes.uid, attributes.gid) = (uid, gid);
            }
            let written = if found.metadata.is_dir() {
                writer.directory(&path, Some(&attributes)).map(|_| ())
            } else {
                writer.file(&path, &found, &attributes)
            };
            written.at_path("writing", &path)?;
        }
        Ok(())
    }
}

fn add_content(hasher: &mut Hasher, found: &Found) -> io::Result<()> {
    let kind = found.metadata.file_type();
    if kind.is_symlink() {
        hasher.update(b"link ");
        hasher.update(std::fs::read_link(&found.real)?.as_os_str().as_bytes());
    } else if kind.is_file() {
        hasher.update(b"file ");
        io::copy(&mut File::open(&found.real)?, hasher)?;
    } else {
        hasher.update(if kind.is_dir() { b"directory" } else { b"other" });
    }
    Ok(())
}

/// Whether `ADD` unpacks it: an archive, compressed or not, told by its content.
fn is_archive(found: &Found) -> io::Result<bool> {
    if !found.metadata.is_file() {
        return Ok(false);
    }
    let mut start = [0; 512];
    let Ok(mut content) = crate::compression::decompress(File::open(&found.real)?) else { return Ok(false) };
    Ok(content.read_exact(&mut start).is_ok() && start[257..262] == *b"ustar")
}

/// What a path with `*`, `?` and `[…]` means, relative to the tree's root; a path without them is itself.
fn matches(tree: &Tree, pattern: &str) -> io::Result<Vec<PathBuf>> {
    let relative = pattern.trim_start_matches('/');
    if !pattern.contains(['*', '?', '[']) {
        return Ok(vec![clean(Path::new(relative))?]);
    }
    let mut found = vec![PathBuf::new()];
    for part in relative.split('/').filter(|part| !part.is_empty() && *part != ".") {
        let mut next = Vec::new();
        let matcher = glob(part).map_err(io::Error::other)?;
        let is_pattern = part.contains(['*', '?', '[']);
        for directory in found {
            if !is_pattern {
                next.push(directory.join(part));
                continue;
            }
            let resolved = tree.resolve(&directory, true)?;
            let names: Vec<OsString> = tree.list(&resolved)?.into_keys().collect();
            next.extend(names.into_iter().filter(|name| matcher.is_match(name)).map(|name| directory.join(name)));
        }
        found = next;
    }
    found.into_iter().map(|path| clean(&path)).collect()
}

/// How many names of a pattern's files come before `/./`, which ends what `--parents` leaves out.
fn skipped(pattern: &str) -> io::Result<usize> {
    let before = pattern.split_once("/./").map_or("", |(before, _)| before);
    Ok(clean(Path::new(before))?.iter().count())
}

/// The path without `.` and `..`; one that leads out is refused.
fn clean(path: &Path) -> io::Result<PathBuf> {
    let mut clean = PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::Normal(name) => clean.push(name),
            std::path::Component::ParentDir if !clean.pop() => {
                return Err(io::Error::other(format!("{:?} leads out of where files are copied from", path.display())));
            }
            _ => {}
        }
    }
    Ok(clean)
}
