//! What is different between two file systems made of layers.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::error::Attempt;
use crate::overlay::{is_opaque, look};
use crate::tree::{Found, Tree};
use crate::{Base, Cancel, Digest, Error, Store};

/// How a file is different.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Only the other one has it.
    Added,
    /// Only the first one has it.
    Removed,
    /// Both have it, with another kind, content, owner or mode.
    Changed,
}

/// A file that is different. A directory that only one has stands for all that is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Where it is, from the root on.
    pub path: PathBuf,
    /// How it is different.
    pub change: Change,
}

/// What a comparison has found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compared {
    /// The differences, as many as were asked for.
    pub differences: Vec<Difference>,
    /// Whether there are more.
    pub more: bool,
}

/// What is compared.
struct Comparison<'a> {
    one: Tree,
    other: Tree,
    /// The directories of layers that only one of them has.
    distinct: Vec<PathBuf>,
    cancel: &'a Cancel,
    found: Vec<Difference>,
    most: usize,
}

impl Store {
    /// Compares two file systems, each of what is below and its layers, bottom first. Layers that both have are not looked at.
    /// Ends when there are more than `most` differences.
    ///
    /// # Errors
    /// A layer cannot be read, or the comparison was cancelled.
    pub fn compare(
        &self,
        (one_base, one): (Base, &[Digest]),
        (other_base, other): (Base, &[Digest]),
        most: usize,
        cancel: &Cancel,
    ) -> Result<Compared, Error> {
        if one_base != other_base {
            let reason = "one image is built from the default root and the other is not: everything is different";
            return Err(Error::Refused(reason.to_owned()));
        }
        let common = one.iter().zip(other).take_while(|(one, other)| one == other).count();
        let distinct = one[common..].iter().chain(&other[common..]).map(|digest| self.layer_path(digest));
        let mut comparison = Comparison {
            one: self.tree(one_base, one),
            other: self.tree(other_base, other),
            distinct: distinct.collect(),
            cancel,
            found: Vec::new(),
            most,
        };
        // The directories that are still to be compared: they may be nested deeper than a thread's memory allows.
        let mut waiting = vec![(PathBuf::new(), false)];
        while let Some((directory, whole)) = waiting.pop()
            && comparison.found.len() <= most
        {
            waiting.extend(comparison.directory(&directory, whole)?);
        }
        let more = comparison.found.len() > most;
        let mut differences = comparison.found;
        differences.truncate(most);
        differences.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(Compared { differences, more })
    }
}

impl Comparison<'_> {
    /// Compares what is in a directory that both have; answers the directories in it that both have, too. `whole` says that it may
    /// differ where no layer has anything, too.
    fn directory(&mut self, directory: &Path, whole: bool) -> Result<Vec<(PathBuf, bool)>, Error> {
        self.cancel.check()?;
        let mut below = Vec::new();
        let whole = whole || self.distinct.iter().any(|layer| is_opaque(&join(layer, directory)));
        let ones = self.one.list(directory).at_path("reading", directory)?;
        let others = self.other.list(directory).at_path("reading", directory)?;
        let names: BTreeSet<_> = ones.keys().chain(others.keys()).collect();
        for name in names {
            let path = directory.join(name);
            if !whole && !self.is_touched(&path)? {
                continue;
            }
            let change = match (ones.get(name), others.get(name)) {
                (Some(_), None) => Some(Change::Removed),
                (None, Some(_)) => Some(Change::Added),
                (Some(one), Some(other)) => {
                    let same = is_same(one, other, self.cancel).at_path("comparing", &path);
                    self.cancel.check()?;
                    let same = same?;
                    if one.metadata.is_dir() && other.metadata.is_dir() {
                        below.push((path.clone(), whole));
                    }
                    (!same).then_some(Change::Changed)
                }
                (None, None) => None,
            };
            self.found.extend(change.map(|change| Difference { path: Path::new("/").join(path), change }));
            if self.found.len() > self.most {
                break;
            }
        }
        Ok(below)
    }

    fn is_touched(&self, path: &Path) -> Result<bool, Error> {
        for layer in &self.distinct {
            if look(&layer.join(path)).at_path("looking at", path)?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Joining nothing would end the path with a slash, which follows a link.
fn join(directory: &Path, rest: &Path) -> PathBuf {
    if rest.as_os_str().is_empty() { directory.to_owned() } else { directory.join(rest) }
}

fn is_same(one: &Found, other: &Found, cancel: &Cancel) -> io::Result<bool> {
    if one.real == other.real {
        return Ok(true);
    }
    let attributes = |found: &Found| (found.metadata.mode(), found.metadata.uid(), found.metadata.gid());
    if attributes(one) != attributes(other) {
        return Ok(false);
    }
    if one.metadata.is_symlink() {
        return Ok(fs::read_link(&one.real)? == fs::read_link(&other.real)?);
    }
    if one.metadata.is_file() {
        return Ok(one.metadata.len() == other.metadata.len() && has_same_content(&one.real, &other.real, cancel)?);
    }
    Ok(one.metadata.is_dir() || one.metadata.rdev() == other.metadata.rdev())
}

fn has_same_content(one: &Path, other: &Path, cancel: &Cancel) -> io::Result<bool> {
    let [one, other] = [one, other].map(File::open);
    let [mut one, mut other] = [one?, other?].map(|file| BufReader::with_capacity(1 << 16, file));
    let (mut ours, mut theirs) = ([0; 8192], [0; 8192]);
    loop {
        if cancel.is_cancelled() {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let read = one.read(&mut ours)?;
        if read == 0 {
            return Ok(other.read(&mut theirs)? == 0);
        }
        match other.read_exact(&mut theirs[..read]) {
            Ok(()) if ours[..read] == theirs[..read] => {}
            Ok(()) => return Ok(false),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(false),
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Build, Image, NoRunner, Options};

    #[test]
    fn differences_are_told_once_and_shared_layers_are_not_looked_at() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path(), Options::default()).unwrap();
        let build = |text: &str| -> Image {
            let build = Build { dockerfile: text.to_owned(), ..Build::default() };
            store.build(&build, &NoRunner, &mut |_| {}, &Cancel::default()).unwrap()
        };
        let common = "FROM scratch\nCOPY <<EOF /same\nx\nEOF\nCOPY <<EOF /data/kept\nx\nEOF\n";
        let one = build(&format!("{common}COPY <<EOF /data/file\none\nEOF\nCOPY <<EOF /only/one\nx\nEOF\n"));
        let other = build(&format!(
            "{common}COPY <<EOF /data/file\ntwo\nEOF\nCOPY <<EOF /new\nx\nEOF\nCOPY --chmod=600 <<EOF /data/kept\nx\nEOF\n"
        ));
        let compare = |one: &Image, other: &Image| {
            let compared =
                store.compare((one.base, &one.layers), (other.base, &other.layers), 10, &Cancel::default()).unwrap();
            assert!(!compared.more);
            compared
                .differences
                .into_iter()
                .map(|found| (found.path.display().to_string(), found.change))
                .collect::<Vec<_>>()
        };
        let expected = [
            ("/data/file", Change::Changed),
            ("/data/kept", Change::Changed),
            ("/new", Change::Added),
            ("/only", Change::Removed),
        ];
        assert_eq!(compare(&one, &other), expected.map(|(path, change)| (path.to_owned(), change)));
        assert_eq!(compare(&one, &one), []);
        let one_of_them = store.compare((one.base, &one.layers), (other.base, &other.layers), 1, &Cancel::default());
        let one_of_them = one_of_them.unwrap();
        assert_eq!((one_of_them.differences.len(), one_of_them.more), (1, true));
        let cancelled = Cancel::default();
        cancelled.cancel();
        let given_up = store.compare((one.base, &one.layers), (other.base, &other.layers), 10, &cancelled);
        assert!(matches!(given_up, Err(Error::Cancelled)));
    }
}
