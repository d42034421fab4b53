//! Looking through layers, as overlayfs would show them, without a mount.
//!
//! Symbolic links are resolved here and inside the tree, never by the kernel, so none leads out of it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ffi::{OsStr, OsString};
use std::fs::{self, Metadata};
use std::io;
use std::path::{Component, Path, PathBuf};

use crate::overlay::{is_opaque, is_whiteout, look};

/// Links followed on the way to one file.
const MAX_LINKS: usize = 40;

/// One layer of a tree.
#[derive(Debug, Clone)]
pub(crate) enum Lower {
    /// A directory in overlayfs' form.
    Directory(PathBuf),
    /// A tree put together of directories: where each appears, relative to the root, and where it is.
    Joined(Vec<(PathBuf, PathBuf)>),
}

impl Lower {
    fn real(&self, path: &Path) -> PathBuf {
        match self {
            Self::Directory(directory) => join(directory, path),
            Self::Joined(parts) => {
                let longest = parts
                    .iter()
                    .filter_map(|(target, source)| Some((target, source, path.strip_prefix(target).ok()?)))
                    .max_by_key(|(target, ..)| target.as_os_str().len());
                longest.map_or_else(PathBuf::new, |(_, source, rest)| join(source, rest))
            }
        }
    }
}

/// Joining nothing would end the path with a slash, which follows a link.
fn join(directory: &Path, rest: &Path) -> PathBuf {
    if rest.as_os_str().is_empty() { directory.to_owned() } else { directory.join(rest) }
}

/// A file found in a tree.
#[derive(Debug)]
pub(crate) struct Found {
    /// Where its content is.
    pub(crate) real: PathBuf,
    /// Its attributes, of itself where it is a link.
    pub(crate) metadata: Metadata,
}

/// A view through layers. Paths in it are relative to its root.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tree {
    /// Topmost first.
    layers: Vec<Lower>,
}

impl Tree {
    /// `layers` are topmost first.
    pub(crate) fn new(layers: Vec<Lower>) -> Self {
        Self { layers }
    }

    /// The parts of one file or directory in the layers that show, topmost first; `path` has no links on its way.
    fn parts(&self, path: &Path) -> io::Result<Vec<Found>> {
        let mut active: Vec<&Lower> = self.layers.iter().collect();
        let mut parts = Vec::new();
        let mut so_far = PathBuf::new();
        let steps = [None].into_iter().chain(path.components().map(Some));
        for step in steps {
            if let Some(step) = step {
                so_far.push(step);
            }
            parts = Vec::new();
            let mut showing = Vec::new();
            for layer in active {
                let real = layer.real(&so_far);
                let Some(metadata) = look(&real)? else { continue };
                if is_whiteout(&real, &metadata) {
                    break;
                }
                if !metadata.is_dir() {
                    if parts.is_empty() {
                        parts.push(Found { real, metadata });
                    }
                    break;
                }
                let opaque = is_opaque(&real);
                parts.push(Found { real, metadata });
                showing.push(layer);
                if opaque {
                    break;
                }
            }
            active = showing;
        }
        Ok(parts)
    }

    /// What is at `path`, which has no links on its way.
    pub(crate) fn at(&self, path: &Path) -> io::Result<Option<Found>> {
        Ok(self.parts(path)?.into_iter().next())
    }

    /// The names in a directory without links on its way, and what they are.
    pub(crate) fn list(&self, directory: &Path) -> io::Result<BTreeMap<OsString, Found>> {
        let mut entries = BTreeMap::new();
        let mut hidden: BTreeSet<OsString> = BTreeSet::new();
        for part in self.parts(directory)? {
            if !part.metadata.is_dir() {
                break;
            }
            for entry in fs::read_dir(&part.real)? {
                let name = entry?.file_name();
                if entries.contains_key(&name) || hidden.contains(&name) {
                    continue;
                }
                // Where a tree is put together of directories, another one may be shown here.
                let path = directory.join(&name);
                match self.at(&path)? {
                    Some(found) => {
                        entries.insert(name, found);
                    }
                    None => {
                        hidden.insert(name);
                    }
                }
            }
        }
        Ok(entries)
    }

    /// `path` without links: every link on the way is followed inside the tree, the last one where `last` says so. What is
    /// not there is taken as a directory to come.
    pub(crate) fn resolve(&self, path: &Path, last: bool) -> io::Result<PathBuf> {
        let mut waiting: VecDeque<OsString> = names(path);
        let mut resolved = PathBuf::new();
        let mut links = 0;
        while let Some(name) = waiting.pop_front() {
            if name == OsStr::new("..") {
                resolved.pop();
                continue;
            }
            let next = resolved.join(&name);
            let link = match self.at(&next)? {
                Some(found) if found.metadata.is_symlink() && (last || !waiting.is_empty()) => {
                    fs::read_link(&found.real)?
                }
                _ => {
                    resolved = next;
                    continue;
                }
            };
            links += 1;
            if links > MAX_LINKS {
                return Err(io::Error::other(format!("/{} has too many symbolic links", path.display())));
            }
            if link.has_root() {
                resolved = PathBuf::new();
            }
            for name in names(&link).into_iter().rev() {
                waiting.push_front(name);
            }
        }
        Ok(resolved)
    }

    /// What `path` leads to.
    pub(crate) fn find(&self, path: &Path) -> io::Result<Option<(PathBuf, Found)>> {
        let resolved = self.resolve(path, true)?;
        Ok(self.at(&resolved)?.map(|found| (resolved, found)))
    }

    /// The content of a small text file, if it is there.
    pub(crate) fn text(&self, path: &Path) -> Option<String> {
        let (_, found) = self.find(path).ok()??;
        let readable = found.metadata.is_file() && found.metadata.len() < 1 << 20;
        readable.then(|| fs::read(found.real).ok()).flatten().map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Everything below a directory without links on its way, each directory before what is in it; links are not followed.
    ///
    /// Only one directory is in memory at a time, and the names of those to come.
    pub(crate) fn walk(&self, top: &Path) -> Walk<'_> {
        Walk { tree: self, waiting: vec![top.to_owned()], directory: PathBuf::new(), current: BTreeMap::new() }
    }
}

/// What is in a tree, bit by bit.
pub(crate) struct Walk<'a> {
    tree: &'a Tree,
    waiting: Vec<PathBuf>,
    directory: PathBuf,
    /// What is left of it.
    current: BTreeMap<OsString, Found>,
}

impl Iterator for Walk<'_> {
    type Item = io::Result<(PathBuf, Found)>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some((name, found)) = self.current.pop_first() {
                let path = self.directory.join(name);
                if found.metadata.is_dir() {
                    self.waiting.push(path.clone());
                }
                return Some(Ok((path, found)));
            }
            self.directory = self.waiting.pop()?;
            match self.tree.list(&self.directory) {
                Ok(entries) => self.current = entries,
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

/// The components of a path that mean something: names and `..`.
fn names(path: &Path) -> VecDeque<OsString> {
    let parts = path.components().filter(|part| matches!(part, Component::Normal(_) | Component::ParentDir));
    parts.map(|part| part.as_os_str().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::overlay::Marks;

    fn tree(directories: &[&Path]) -> Tree {
        Tree::new(directories.iter().map(|path| Lower::Directory(path.to_path_buf())).collect())
    }

    #[test]
    fn upper_layers_cover_and_hide_the_lower_ones() {
        let temporary = tempfile::tempdir().unwrap();
        let [upper, lower] = ["upper", "lower"].map(|name| temporary.path().join(name));
        for path in ["kept", "opaque", "gone"] {
            fs::create_dir_all(lower.join(path)).unwrap();
            fs::write(lower.join(path).join("file"), "lower").unwrap();
        }
        fs::create_dir_all(upper.join("kept")).unwrap();
        fs::write(upper.join("kept/file"), "upper").unwrap();
        fs::write(upper.join("kept/more"), "upper").unwrap();
        fs::create_dir(upper.join("opaque")).unwrap();
        Marks::User.make_opaque(&upper.join("opaque")).unwrap();
        Marks::User.white_out(&upper, OsStr::new("gone")).unwrap();
        let tree = tree(&[&upper, &lower]);
        assert_eq!(tree.text(Path::new("/kept/file")).unwrap(), "upper");
        assert_eq!(tree.list(Path::new("kept")).unwrap().len(), 2);
        assert!(tree.list(Path::new("opaque")).unwrap().is_empty());
        assert!(tree.find(Path::new("gone/file")).unwrap().is_none());
        let names: Vec<_> = tree.list(Path::new("")).unwrap().into_keys().collect();
        assert_eq!(names, ["kept", "opaque"]);
    }

    #[test]
    fn links_never_lead_out() {
        let temporary = tempfile::tempdir().unwrap();
        let root = temporary.path().join("root");
        fs::create_dir_all(root.join("usr/lib")).unwrap();
        fs::write(temporary.path().join("secret"), "outside").unwrap();
        fs::write(root.join("usr/lib/file"), "inside").unwrap();
        symlink("usr/lib", root.join("lib")).unwrap();
        symlink("../../secret", root.join("up")).unwrap();
        symlink(temporary.path(), root.join("absolute")).unwrap();
        symlink("loop", root.join("loop")).unwrap();
        let tree = tree(&[&root]);
        assert_eq!(tree.text(Path::new("lib/file")).unwrap(), "inside");
        assert_eq!(tree.resolve(Path::new("/lib/new/file"), true).unwrap(), Path::new("usr/lib/new/file"));
        assert!(tree.find(Path::new("up")).unwrap().is_none());
        assert!(tree.find(Path::new("absolute/secret")).unwrap().is_none());
        assert!(tree.resolve(Path::new("loop"), true).is_err());
    }
}
