//! `GET /files/search`: names that match a pattern.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use axum::Json;
use serde_json::{Value, json};

use super::{Abandoned, abandonable, glob};
use crate::State;
use crate::errors::ApiError;
use crate::extract::Query;

/// Every path below (and including) the root whose base name matches, in lexical order; a relative root gives relative
/// paths. They are written the shortest way: `./a//b` is `a/b`.
pub(super) async fn search(toolbox: State, query: Query) -> Result<Json<Value>, ApiError> {
    let shown = cleaned(&query.required_path("path")?);
    let pattern = query.required("pattern")?;
    let root = toolbox.resolve(&shown);
    let lenient = toolbox.config.compat.finds_nothing_in_nothing();
    abandonable(move |abandoned| {
        let there = fs::symlink_metadata(&root);
        if lenient && there.is_err() {
            return Ok(Json(json!({ "files": [] })));
        }
        there.map_err(|error| ApiError::file(&error, &root))?;
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

/// The shortest way to write a path, from its text alone: no empty parts, no `.`, and `..` only at the start.
pub(super) fn cleaned(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for part in path.components() {
        match (part, clean.components().next_back()) {
            (Component::CurDir, _) | (Component::ParentDir, Some(Component::RootDir)) => {}
            (Component::ParentDir, Some(Component::Normal(_))) => {
                clean.pop();
            }
            _ => clean.push(part),
        }
    }
    if clean.as_os_str().is_empty() { PathBuf::from(".") } else { clean }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_written_the_shortest_way() {
        for (path, clean) in [
            ("./s", "s"),
            ("s//a/./b/", "s/a/b"),
            ("s/../t", "t"),
            ("../t", "../t"),
            ("/../t", "/t"),
            ("s/..", "."),
            (".", "."),
            ("/", "/"),
        ] {
            assert_eq!(cleaned(Path::new(path)), Path::new(clean), "{path}");
            assert_eq!(cleaned(Path::new(path)).as_os_str(), clean, "{path}");
        }
    }
}
