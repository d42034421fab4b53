//! Where a directory is in layers that lie over one another.

use std::io;
use std::path::{Path, PathBuf};

use crate::tree::{Lower, Tree};

/// The directory that `path` leads to in these layers, topmost first, without links: each is followed inside the layers.
/// `None` when there is something else or nothing.
///
/// # Errors
/// A layer cannot be read, or there are too many links.
pub fn directory_in(layers: &[PathBuf], path: &Path) -> io::Result<Option<PathBuf>> {
    let tree = Tree::new(layers.iter().cloned().map(Lower::Directory).collect());
    let found = tree.find(path)?;
    Ok(found.filter(|(_, found)| found.metadata.is_dir()).map(|(place, _)| place))
}
