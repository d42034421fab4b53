//! `GET /files` and `GET /files/info`.

use std::fs;
use std::path::Path;

use axum::Json;

use super::attributes::FileInfo;
use super::{Abandoned, abandonable, blocking};
use crate::State;
use crate::errors::ApiError;
use crate::extract::Query;

/// The entries of a directory sorted by name, `depth` levels of them (1 when not given). Entries that cannot be examined, such
/// as dangling links, are left out; linked directories are not entered.
pub(super) async fn list(toolbox: State, query: Query) -> Result<Json<Vec<FileInfo>>, ApiError> {
    let directory = toolbox.resolve(query.path("path").unwrap_or_default());
    let one_level = toolbox.config.compat.lists_one_level();
    let depth: Option<u32> = match query.number::<i64>("depth")?.filter(|_| !one_level) {
        Some(depth) if depth < 1 => return Err(ApiError::bad_request("depth must be at least 1")),
        Some(depth) => Some(depth.try_into().unwrap_or(u32::MAX)),
        None => None,
    };
    abandonable(move |abandoned| {
        let mut found = Vec::new();
        let levels = Levels { remaining: depth.unwrap_or(1), with_paths: depth.is_some() };
        collect(&directory, levels, abandoned, &mut found).map_err(|error| ApiError::file(&error, &directory))?;
        Ok(Json(found))
    })
    .await
}

#[derive(Clone, Copy)]
struct Levels {
    remaining: u32,
    with_paths: bool,
}

fn collect(directory: &Path, levels: Levels, abandoned: &Abandoned, found: &mut Vec<FileInfo>) -> std::io::Result<()> {
    let mut entries: Vec<_> = fs::read_dir(directory)?.collect::<Result<_, _>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        if abandoned.is_set() {
            return Ok(());
        }
        let path = entry.path();
        let Ok(metadata) = fs::metadata(&path) else { continue };
        let info = FileInfo::new(&path, &metadata);
        found.push(if levels.with_paths { info.with_path(&path) } else { info });
        if levels.remaining > 1 && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            let below = Levels { remaining: levels.remaining - 1, ..levels };
            // A directory we may not read is listed without its children.
            let _ = collect(&path, below, abandoned, found);
        }
    }
    Ok(())
}

pub(super) async fn info(toolbox: State, query: Query) -> Result<Json<FileInfo>, ApiError> {
    let path = toolbox.resolve(query.required_path("path")?);
    blocking(move || {
        let metadata = fs::metadata(&path).map_err(|error| ApiError::file(&error, &path))?;
        Ok(Json(FileInfo::new(&path, &metadata)))
    })
    .await
}
