//! `GET /files/search`: names that match a pattern.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use axum::Json;
use serde_json::{Value, json};

use super::{Abandoned, abandonable, glob};
use crate::State;
use crate::errors::ApiError;
use crate::extract::Query;

/// Every path below (and including) the root whose base name matches, in lexical order; a relative root gives relative paths.
pub(super) async fn search(toolbox: State, query: Query) -> Result<Json<Value>, ApiError> {
    let shown = query.required_path("path")?;
    let pattern = query.required("pattern")?;
    let root = toolbox.resolve(&shown);
    abandonable(move |abandoned| {
        fs::symlink_metadata(&root).map_err(|error| ApiError::file(&error, &root))?;
        let mut files = Vec::new();
        walk(&root, &shown, abandoned, &mut |_, shown| {
            let name = shown.file_name().unwrap_or(shown.as_os_str());
            if glob::matches(pattern.as_bytes(), name.as_bytes()) {
                files.push(shown.to_string_lossy().into_owned());
            }
        });
        Ok(Json(json!({ "files": files })))
    })
    .await
}

/// Visits `path` and everything below it in lexical order, without following links. The visitor gets the real path and the
/// path as the client wrote it. What cannot be read is skipped.
pub(super) fn walk(path: &Path, shown: &Path, abandoned: &Abandoned, visit: &mut impl FnMut(&Path, &Path)) {
    if abandoned.is_set() {
        return;
    }
    visit(path, shown);
    if !fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_dir()) {
        return;
    }
    let Ok(entries) = fs::read_dir(path) else { return };
    let mut names: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.file_name())).collect();
    names.sort();
    for name in names {
        // A search in "." lists plain names, as Go's path joining does.
        let shown = if shown == Path::new(".") { PathBuf::from(&name) } else { shown.join(&name) };
        walk(&path.join(&name), &shown, abandoned, visit);
    }
}
