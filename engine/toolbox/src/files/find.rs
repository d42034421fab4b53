//! `GET /files/find`: lines that contain a text.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use axum::Json;
use memchr::{memchr, memmem};
use serde::Serialize;

use super::search::{cleaned, walk};
use super::{Abandoned, abandonable};
use crate::State;
use crate::compat::Compat;
use crate::errors::ApiError;
use crate::extract::Query;

/// A NUL among this many first bytes makes a file binary, and binary files are skipped.
const BINARY_PROBE: usize = 512;
/// The longest line that is searched, in bytes; the rest of a longer line is skipped.
const LINE_LIMIT: u64 = 1024 * 1024;

/// Wire name `Match`.
#[derive(Serialize)]
pub(super) struct Match {
    file: String,
    line: u64,
    content: String,
}

/// Searches regular text files for a literal text (not a regular expression), like `grep -rFn`. Links are not followed.
pub(super) async fn find(toolbox: State, query: Query) -> Result<Json<Vec<Match>>, ApiError> {
    let shown = cleaned(&query.required_path("path")?);
    let pattern = query.required("pattern")?;
    let root = toolbox.resolve(&shown);
    let compat = toolbox.config.compat;
    abandonable(move |abandoned| {
        let there = fs::symlink_metadata(&root);
        if compat.finds_nothing_in_nothing() && there.is_err() {
            return Ok(Json(Vec::new()));
        }
        there.map_err(|error| ApiError::file(&error, &root))?;
        let search = Search { finder: memmem::Finder::new(pattern.as_bytes()), compat, abandoned };
        let mut found = Vec::new();
        walk(&root, &shown, abandoned, &mut |path, shown| {
            // A file that cannot be read to its end contributes what was found so far.
            let _ = search.file(path, shown, &mut found);
        });
        Ok(Json(found))
    })
    .await
}

struct Search<'a> {
    finder: memmem::Finder<'a>,
    compat: Compat,
    abandoned: &'a Abandoned,
}

impl Search<'_> {
    fn file(&self, path: &Path, shown: &Path, found: &mut Vec<Match>) -> io::Result<()> {
        if !fs::symlink_metadata(path)?.is_file() {
            return Ok(());
        }
        let mut reader = BufReader::with_capacity(64 * 1024, File::open(path)?);
        let probe = reader.fill_buf()?;
        if memchr(0, &probe[..probe.len().min(BINARY_PROBE)]).is_some() {
            return Ok(());
        }
        let mut line = Vec::new();
        for number in 1.. {
            line.clear();
            if self.abandoned.is_set() || (&mut reader).take(LINE_LIMIT).read_until(b'\n', &mut line)? == 0 {
                break;
            }
            if line.last() == Some(&b'\n') {
                line.pop();
                line.pop_if(|last| *last == b'\r');
            } else {
                reader.skip_until(b'\n')?;
            }
            if self.compat.longest_searched_line().is_some_and(|limit| line.len() >= limit) {
                break;
            }
            if self.finder.find(&line).is_some() {
                let content = String::from_utf8_lossy(&line).into_owned();
                found.push(Match { file: shown.to_string_lossy().into_owned(), line: number, content });
            }
        }
        Ok(())
    }
}
