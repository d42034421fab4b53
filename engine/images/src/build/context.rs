//! Where the files of a build come from.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::ignore::Ignored;
use crate::compression::decompress;
use crate::error::Attempt;
use crate::store::Temporary;
use crate::tree::{Lower, Tree};
use crate::unpack::unpack;
use crate::{Cancel, Error, Store};

/// Files to copy from.
#[derive(Debug, Default)]
pub(super) struct Files {
    pub(super) tree: Tree,
    pub(super) ignored: Ignored,
}

/// The build's own files, unpacked where they are archives.
#[derive(Debug)]
pub(super) struct Context<'a> {
    pub(super) files: Files,
    /// Removed with the build.
    _unpacked: Vec<Temporary<'a>>,
}

impl<'a> Context<'a> {
    /// Opens directories and archives, compressed or not; earlier ones cover later ones.
    pub(super) fn open(store: &'a Store, sources: &[PathBuf], cancel: &Cancel) -> Result<Self, Error> {
        let (mut lowers, mut unpacked) = (Vec::new(), Vec::new());
        for source in sources {
            if source.is_dir() {
                lowers.push(Lower::Directory(source.clone()));
                continue;
            }
            let archive = File::open(source).attempt("opening the build's context")?;
            let directory = store.temporary()?;
            unpack_plain(store, archive, &directory.path, cancel)?;
            lowers.push(Lower::Directory(directory.path.clone()));
            unpacked.push(directory);
        }
        let tree = Tree::new(lowers);
        let text = tree.text(Path::new(".dockerignore")).unwrap_or_default();
        let ignored =
            Ignored::parse(text.lines()).map_err(|reason| Error::Refused(format!(".dockerignore: {reason}")))?;
        Ok(Self { files: Files { tree, ignored }, _unpacked: unpacked })
    }
}

/// Unpacks an archive that is no layer.
pub(super) fn unpack_plain(store: &Store, archive: File, target: &Path, cancel: &Cancel) -> Result<(), Error> {
    let content = decompress(archive).attempt("reading the archive")?;
    unpack(content, target, store.unpacking(cancel)).map(|_| ())
}
