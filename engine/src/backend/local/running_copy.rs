//! Copies of the files of sandboxes that run.
//!
//! All files of a copy are from one moment, at which the sandbox's processes stand still. Where its files are a disk of its own,
//! the disk is copied before that, and what was written since is copied again then, if anything was.

use std::path::Path;

use anyhow::Result;

use super::copies::copy_all;
use crate::errors::in_words;
use crate::isolation::{self, Instance, Written};

/// Copies everything that is a sandbox's to a directory that is not there yet. `stands_still` is called once its processes do.
/// They go on afterwards, unless it `is_paused`.
///
/// # Errors
/// The first failure ends it; what has been copied stays. Processes that cannot go on are killed.
pub fn copy(instance: &Instance, from: &Path, to: &Path, is_paused: bool, stands_still: impl FnOnce()) -> Result<()> {
    let image = from.join(isolation::IMAGE);
    let mut ahead = None;
    if image.exists() && !is_paused {
        // So that little is left to be written when others wait for it.
        instance.sync_disk()?;
        if !from.parent().is_some_and(isolation::shares_content) {
            let written = Written::to(&image);
            copy_all(from, to)?;
            ahead = Some(written);
        }
    }
    if !is_paused {
        instance.freeze()?;
    }
    stands_still();
    let copied = instance.sync_disk().and_then(|()| match ahead {
        None => copy_all(from, to),
        Some(written) if written.is_some() && written == Written::to(&image) => Ok(()),
        Some(_) => Ok(isolation::copy_changes(&image, &to.join(isolation::IMAGE))?),
    });
    if !is_paused && let Err(error) = instance.thaw_or_kill() {
        tracing::error!(error = in_words(&error), directory = %from.display(), "a copied sandbox was ended");
    }
    copied
}
