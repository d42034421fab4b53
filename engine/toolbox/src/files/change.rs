//! Making, deleting and moving files, and changing their permissions.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt};
use std::path::Path;

use http::StatusCode;
use nix::sys::stat::Mode;
use nix::unistd::{Gid, Group, Uid, User, chown, mkfifo};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use super::blocking;
use crate::State;
use crate::compat::Compat;
use crate::errors::ApiError;
use crate::extract::Query;
use crate::remove_tree::{Locked, remove_tree};

/// Mode of a new folder when the request gives none.
const FOLDER_MODE: u32 = 0o755;

/// `POST /files/folder`: makes the folder and its parents; an existing folder is fine. The umask applies.
pub(super) async fn create_folder(toolbox: State, query: Query) -> Result<StatusCode, ApiError> {
    let path = toolbox.resolve(query.required_path("path")?);
    let mode = mode(&query, toolbox.config.compat)?.unwrap_or(FOLDER_MODE);
    blocking(move || {
        let made = DirBuilder::new().recursive(true).mode(mode).create(&path);
        made.map(|()| StatusCode::CREATED).map_err(|error| ApiError::file(&error, &path))
    })
    .await
}

/// `DELETE /files`: a directory needs `recursive=true`. Links are removed, not followed.
pub(super) async fn delete(toolbox: State, query: Query) -> Result<StatusCode, ApiError> {
    let path = toolbox.resolve(query.required_path("path")?);
    let recursive = query.is_true("recursive");
    let looks_through_links = toolbox.config.compat.looks_through_deleted_links();
    blocking(move || {
        let failed = |error: io::Error| ApiError::file(&error, &path);
        if looks_through_links {
            fs::metadata(&path).map_err(failed)?;
        }
        let is_dir = fs::symlink_metadata(&path).map_err(failed)?.is_dir();
        if !is_dir {
            fs::remove_file(&path).map_err(failed)?;
        } else if recursive {
            remove_tree(&path, Locked::Refuse).map_err(failed)?;
        } else {
            return Err(ApiError::bad_request("cannot delete directory without recursive flag"));
        }
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}

/// `POST /files/move`: never replaces an existing destination; across file systems it copies, then deletes.
pub(super) async fn move_file(toolbox: State, query: Query) -> Result<StatusCode, ApiError> {
    let source = toolbox.resolve(query.required_path("source")?);
    let destination = toolbox.resolve(query.required_path("destination")?);
    let loses = toolbox.config.compat.loses_what_moves_into_itself();
    blocking(move || {
        fs::symlink_metadata(&source).map_err(|error| ApiError::file(&error, &source))?;
        let moved = if loses && destination.starts_with(&source) && destination != source {
            remove_tree(&source, Locked::Refuse)
        } else {
            rename(&source, &destination)
        };
        match moved {
            Ok(()) => Ok(StatusCode::OK),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                Err(ApiError::conflict(format!("destination already exists: {}", destination.display())))
            }
            Err(error) => Err(ApiError::file(&error, &destination)),
        }
    })
    .await
}

fn rename(source: &Path, destination: &Path) -> io::Result<()> {
    // By system call: the function of this name is newer than the C libraries we run with.
    match renameat_with(CWD, source, CWD, destination, RenameFlags::NOREPLACE) {
        Ok(()) => Ok(()),
        // Some file systems do not know the flag.
        Err(Errno::INVAL | Errno::NOSYS) => {
            refuse_existing(destination)?;
            fs::rename(source, destination)
        }
        Err(Errno::XDEV) => {
            refuse_existing(destination)?;
            if let Err(error) = copy(source, destination) {
                // Half a copy is worse than none. Removing it may fail for the reason that copying did.
                let _ = remove_tree(destination, Locked::Refuse);
                return Err(error);
            }
            remove_tree(source, Locked::Refuse)
        }
        Err(error) => Err(error.into()),
    }
}

fn refuse_existing(destination: &Path) -> io::Result<()> {
    match fs::symlink_metadata(destination) {
        Ok(_) => Err(io::ErrorKind::AlreadyExists.into()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

fn copy(source: &Path, destination: &Path) -> io::Result<()> {
    let kind = fs::symlink_metadata(source)?.file_type();
    if kind.is_symlink() {
        return std::os::unix::fs::symlink(fs::read_link(source)?, destination);
    }
    if kind.is_fifo() {
        // Opening one to copy it would wait for a writer.
        return Ok(mkfifo(destination, Mode::from_bits_truncate(fs::metadata(source)?.mode()))?);
    }
    if !kind.is_dir() {
        return fs::copy(source, destination).map(drop);
    }
    fs::create_dir(destination)?;
    for entry in fs::read_dir(source)? {
        let entry = entry?;
        copy(&entry.path(), &destination.join(entry.file_name()))?;
    }
    fs::set_permissions(destination, fs::metadata(source)?.permissions())
}

/// `POST /files/permissions`: octal mode, owner and group by number or name; what is absent stays as it is.
pub(super) async fn set_permissions(toolbox: State, query: Query) -> Result<StatusCode, ApiError> {
    let path = toolbox.resolve(query.required_path("path")?);
    let mode = mode(&query, toolbox.config.compat)?;
    let (owner, group) = (query.text("owner"), query.text("group"));
    blocking(move || {
        let failed = |error: io::Error| ApiError::file(&error, &path);
        fs::metadata(&path).map_err(failed)?;
        let owner = owner.filter(|name| !name.is_empty()).map(|name| user_id(&name)).transpose()?;
        let group = group.filter(|name| !name.is_empty()).map(|name| group_id(&name)).transpose()?;
        // Owner first: changing it clears the set-id bits that the mode may ask for.
        if owner.is_some() || group.is_some() {
            chown(&path, owner, group).map_err(|error| failed(error.into()))?;
        }
        if let Some(mode) = mode {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).map_err(failed)?;
        }
        Ok(StatusCode::OK)
    })
    .await
}

fn mode(query: &Query, compat: Compat) -> Result<Option<u32>, ApiError> {
    let Some(text) = query.text("mode").filter(|text| !text.is_empty()) else { return Ok(None) };
    match u32::from_str_radix(&text, 8) {
        Ok(mode) if mode <= 0o7777 => Ok(Some(mode & compat.mode_bits())),
        _ => Err(ApiError::bad_request(format!("invalid mode: {text}"))),
    }
}

fn user_id(name: &str) -> Result<Uid, ApiError> {
    if let Ok(number) = name.parse() {
        return Ok(Uid::from_raw(number));
    }
    match User::from_name(name) {
        Ok(Some(user)) => Ok(user.uid),
        _ => Err(ApiError::bad_request(format!("user not found: {name}"))),
    }
}

fn group_id(name: &str) -> Result<Gid, ApiError> {
    if let Ok(number) = name.parse() {
        return Ok(Gid::from_raw(number));
    }
    match Group::from_name(name) {
        Ok(Some(group)) => Ok(group.gid),
        _ => Err(ApiError::bad_request(format!("group not found: {name}"))),
    }
}
