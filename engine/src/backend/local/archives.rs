//! Archives of sandboxes' files, in their own directories.
//!
//! Where there is a finished archive, it is what counts, and the files beside it are leftovers; where there is none, the files
//! count. So a single rename, which is all or nothing, puts a sandbox away or brings it back, whatever its record says at that
//! moment, and [`tidy`] removes what does not count after an engine was killed. Putting away: the files are packed, the archive
//! gets its name, the files go. Bringing back: the archive is unpacked beside its place, the files are moved there and reach the
//! disk, the archive loses its name.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use anyhow::{Context, Result};
use daytona_toolbox::remove_tree::{Locked, remove_tree};

use crate::errors::in_words;
use crate::fault;
use crate::isolation;
use crate::sandboxes::{archive_file, needed_room};

const ARCHIVE: &str = "archive.tar.gz";
const UNFINISHED: &str = "archive.unfinished";
const UNPACKED: &str = "unpacked";

/// What stays where it is.
pub const OUTSIDE: [&str; 6] = [ARCHIVE, UNFINISHED, UNPACKED, "record.json", "record.json.unfinished", "log"];

/// Whether the files of this directory are put away.
pub fn is_archived(directory: &Path) -> bool {
    directory.join(ARCHIVE).exists()
}

/// Puts the files of a directory away that nothing runs in, unless `unwanted` becomes true meanwhile.
pub fn put_away(directory: &Path, unwanted: &AtomicBool) -> Result<()> {
    if let Err(error) = pack(directory, unwanted) {
        for name in [UNFINISHED, ARCHIVE] {
            let _ = fs::remove_file(directory.join(name));
        }
        return Err(error);
    }
    fault::step("archive.complete");
    if let Err(error) = remove_files(directory) {
        tracing::warn!(%error, "files of an archived sandbox are left until the next start");
    }
    Ok(())
}

/// Brings the files of a directory back. If that fails, [`is_archived`] says where they are.
pub fn bring_back(directory: &Path) -> Result<()> {
    let restored = remove_files(directory).and_then(|()| restore(directory));
    if restored.is_err() {
        tidy(directory);
    }
    restored
}

fn pack(directory: &Path, unwanted: &AtomicBool) -> Result<()> {
    isolation::wait_until_free(directory)?;
    let unfinished = directory.join(UNFINISHED);
    archive_file::pack(directory, &OUTSIDE, &unfinished, unwanted)?;
    fault::step("archive.packed");
    fs::rename(&unfinished, directory.join(ARCHIVE))?;
    Ok(File::open(directory)?.sync_all()?)
}

/// Brings the files back; those that are there must be gone.
fn restore(directory: &Path) -> Result<()> {
    let archive = directory.join(ARCHIVE);
    needed_room::check(directory, archive_file::unpacked_size(&archive).unwrap_or(0))?;
    let unpacked = directory.join(UNPACKED);
    fs::create_dir(&unpacked).context("unpacking the archive")?;
    archive_file::unpack(&archive, &unpacked)?;
    fault::step("restore.unpacked");
    for entry in fs::read_dir(&unpacked)? {
        let entry = entry?;
        fs::rename(entry.path(), directory.join(entry.file_name()))?;
    }
    fs::remove_dir(&unpacked)?;
    fault::step("restore.moved");
    let opened = File::open(directory)?;
    rustix::fs::syncfs(&opened).context("writing the files to the disk")?;
    fs::rename(directory.join(ARCHIVE), directory.join(UNFINISHED))?;
    opened.sync_all()?;
    fault::step("restore.renamed");
    Ok(fs::remove_file(directory.join(UNFINISHED))?)
}

/// Removes a sandbox's files, and leaves the archive and what is not the sandbox's own.
fn remove_files(directory: &Path) -> Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        if name == UNPACKED || !OUTSIDE.iter().any(|stays| name == *stays) {
            remove_tree(&entry.path(), Locked::Unlock)?;
        }
    }
    Ok(())
}

/// Removes the one of archive and files that does not count; answers whether the archive does.
pub fn tidy(directory: &Path) -> bool {
    let tidied = (|| -> Result<bool> {
        match fs::remove_file(directory.join(UNFINISHED)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        if directory.join(ARCHIVE).exists() {
            remove_files(directory)?;
            return Ok(true);
        }
        if directory.join(UNPACKED).exists() {
            remove_tree(&directory.join(UNPACKED), Locked::Unlock)?;
        }
        Ok(false)
    })();
    tidied.unwrap_or_else(|error| {
        tracing::warn!(error = in_words(&error), directory = %directory.display(), "what a killed engine left stays");
        is_archived(directory)
    })
}
