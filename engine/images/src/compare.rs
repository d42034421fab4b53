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

/// What is compared.
struct Comparison<'a> {
    one: Tree,
    other: Tree,
    /// The directories of layers that only one of them has.
    distinct: Vec<PathBuf>,
    cancel: &'a Cancel,
    found: Vec<Difference>,
}

impl Store {
    /// Compares two file systems, each of what is below and its layers, bottom first. Layers that both have are not looked at.
    ///
    /// # Errors
    /// A layer cannot be read, or the comparison was cancelled.
    pub fn compare(
        &self,
        (one_base, one): (Base, &[Digest]),
        (other_base, other): (Base, &[Digest]),
        cancel: &Cancel,
    ) -> Result<Vec<Difference>, Error> {
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
        };
        comparison.directory(Path::new(""), false)?;
        Ok(comparison.found)
    }
}

impl Comparison<'_> {
    /// Compares what is in a directory that both have. `whole` says that it may differ where no layer has anything, too.
    fn directory(&mut self, directory: &Path, whole: bool) -> Result<(), Error> {
        self.cancel.check()?;
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
                    let same = is_same(one, other).at_path("comparing", &path)?;
                    if one.metadata.is_dir() && other.metadata.is_dir() {
                        self.directory(&path, whole)?;
                    }
                    (!same).then_some(Change::Changed)
                }
                (None, None) => None,
            };
            self.found.extend(change.map(|change| Difference { path: Path::new("/").join(path), change }));
        }
        Ok(())
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

fn is_same(one: &Found, other: &Found) -> io::Result<bool> {
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
        return Ok(one.metadata.len() == other.metadata.len() && has_same_content(&one.real, &other.real)?);
    }
    Ok(one.metadata.is_dir() || one.metadata.rdev() == other.metadata.rdev())
}

fn has_same_content(one: &Path, other: &Path) -> io::Result<bool> {
    let [one, other] = [one, other].map(File::open);
    let [mut one, mut other] = [one?, other?].map(|file| BufReader::with_capacity(1 << 16, file));
    let (mut ours, mut theirs) = ([0; 8192], [0; 8192]);
    loop {
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
                store.compare((one.base, &one.layers), (other.base, &other.layers), &Cancel::default()).unwrap();
            compared.into_iter().map(|found| (found.path.display().to_string(), found.change)).collect::<Vec<_>>()
        };
        let expected = [
            ("/data/file", Change::Changed),
            ("/data/kept", Change::Changed),
            ("/new", Change::Added),
            ("/only", Change::Removed),
        ];
        assert_eq!(compare(&one, &other), expected.map(|(path, change)| (path.to_owned(), change)));
        assert_eq!(compare(&one, &one), []);
    }
}
