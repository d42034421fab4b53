//! A local directory that appears when it is complete.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use super::Counters;
use super::unpack::unpack;
use crate::error::{Error, Result};
use crate::model::DirectoryResult;
use crate::protocols::exclude::Exclude;

/// Unpacks an archive into `destination`. One that is there is added to, file by file; one that is not is made beside its
/// name, and after a failure nothing of it is left.
///
/// # Errors
/// As for [`unpack`].
pub(crate) fn unpack_whole(
    input: impl Read,
    destination: &str,
    exclude: &Exclude,
    counters: &Arc<Counters>,
) -> Result<DirectoryResult> {
    let path = Path::new(destination);
    if fs::symlink_metadata(path).is_ok() {
        return unpack(input, path, destination, exclude, counters);
    }
    let unwritable = |error: std::io::Error| {
        Error::invalid_argument(format!("Cannot write to the local directory {destination:?}")).with_source(error)
    };
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(parent).map_err(unwritable)?;
    let staging = parent.join(format!(".daytona-{}", uuid::Uuid::new_v4().simple()));
    let unpacked = unpack(input, &staging, destination, exclude, counters)
        .and_then(|result| fs::rename(&staging, path).map(|()| result).map_err(unwritable));
    if unpacked.is_err() {
        remove(&staging);
    }
    unpacked
}

/// Removes a tree, whatever the permissions in it. What cannot be removed stays: the failure before says why.
fn remove(tree: &Path) {
    #[cfg(unix)]
    for entry in walkdir::WalkDir::new(tree).into_iter().flatten().filter(|entry| entry.file_type().is_dir()) {
        let _ = fs::set_permissions(entry.path(), std::os::unix::fs::PermissionsExt::from_mode(0o700));
    }
    let _ = fs::remove_dir_all(tree);
}
