//! `POST /files/replace`: literal search and replace in files, streamed.

use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::path::Path;

use axum::Json;
use memchr::memmem::Finder;
use serde::{Deserialize, Serialize};

use super::abandonable;
use crate::State;
use crate::errors::{ApiError, reason};

/// Bytes read at a time.
const CHUNK: usize = 256 * 1024;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ReplaceRequest {
    files: Option<Vec<String>>,
    #[serde(default)]
    pattern: String,
    new_value: Option<String>,
}

/// Wire name `ReplaceResult`.
#[derive(Serialize)]
pub(super) struct ReplaceResult {
    file: String,
    success: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// Replaces every occurrence in every file; a file's failure is reported in its result. Files without an occurrence are left
/// untouched; others keep their inode, mode and hard links.
pub(super) async fn replace(
    toolbox: State,
    crate::extract::Json(request): crate::extract::Json<ReplaceRequest>,
) -> Result<Json<Vec<ReplaceResult>>, ApiError> {
    let missing = |field: &str| ApiError::invalid_body(format!("{field} is required"));
    let files = request.files.ok_or_else(|| missing("files"))?;
    let new_value = request.new_value.ok_or_else(|| missing("newValue"))?;
    if request.pattern.is_empty() {
        return Err(missing("pattern"));
    }
    abandonable(move |abandoned| {
        let finder = Finder::new(request.pattern.as_bytes());
        let results = files.into_iter().take_while(|_| !abandoned.is_set()).map(|file| {
            let error = replace_in(&toolbox.resolve(&file), &finder, new_value.as_bytes()).err();
            ReplaceResult { file, success: error.is_none(), error: error.map(|error| reason(&error)) }
        });
        Ok(Json(results.collect()))
    })
    .await
}

fn replace_in(path: &Path, finder: &Finder<'_>, new_value: &[u8]) -> io::Result<()> {
    let path = path.canonicalize()?;
    let metadata = fs::metadata(&path)?;
    if metadata.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    if !metadata.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    let source = File::open(&path)?;
    let parent = path.parent().unwrap_or(Path::new("/"));
    let mut target = tempfile::Builder::new().prefix(".daytona-replace-").tempfile_in(parent)?;
    let mut writer = BufWriter::with_capacity(CHUNK, target.as_file_mut());
    let replaced = copy_replacing(source, &mut writer, finder, new_value)?;
    writer.flush()?;
    drop(writer);
    if replaced > 0 {
        super::incoming::place(target.into_temp_path(), &path)?;
    }
    Ok(())
}

/// Copies `source` to `target` with replacements and returns how many were made. Memory is bounded by one chunk plus the pattern.
fn copy_replacing(
    mut source: impl Read,
    target: &mut impl Write,
    finder: &Finder<'_>,
    new_value: &[u8],
) -> io::Result<u64> {
    let overlap = finder.needle().len() - 1;
    let mut buffer = Vec::new();
    let mut replaced = 0;
    loop {
        let at_end = source.by_ref().take(CHUNK as u64).read_to_end(&mut buffer)? == 0;
        let mut copied = 0;
        while let Some(found) = finder.find(&buffer[copied..]) {
            target.write_all(&buffer[copied..copied + found])?;
            target.write_all(new_value)?;
            copied += found + finder.needle().len();
            replaced += 1;
        }
        // The last bytes may begin an occurrence that the next chunk completes.
        let settled = if at_end { buffer.len() } else { copied.max(buffer.len().saturating_sub(overlap)) };
        target.write_all(&buffer[copied..settled])?;
        buffer.drain(..settled);
        if at_end {
            return Ok(replaced);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hands out one byte at a time, so that every split position occurs.
    struct Trickle<'a>(&'a [u8]);

    impl Read for Trickle<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.0.read(&mut buffer[..1])
        }
    }

    #[test]
    fn occurrences_across_chunks_are_replaced() {
        let mut text = vec![b'x'; CHUNK - 2];
        text.extend_from_slice(b"needle and needle");
        let mut out = Vec::new();
        let replaced = copy_replacing(Trickle(&text), &mut out, &Finder::new("needle"), b"pin").unwrap();
        assert_eq!(replaced, 2);
        assert!(out.ends_with(b"xxpin and pin"));
    }
}
