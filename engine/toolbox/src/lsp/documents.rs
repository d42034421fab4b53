//! The documents a server has open. What is on disk counts: before each request about a document, the server is told what has
//! changed there.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Read};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use nix::libc::O_NONBLOCK;
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, percent_encode};
use serde_json::{Value, json};

use super::connection::{Connection, Failure};
use super::program::Language;
use crate::errors::ApiError;

/// The most documents a client may open at once.
const MAX_OPEN: usize = 256;
/// The most that stay open since there was a request about them.
const MAX_KEPT: usize = 64;
/// The largest document.
const MAX_DOCUMENT: u64 = 4 * 1024 * 1024;

/// What is percent-encoded in the path of a URI.
const ENCODED: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// The URI of a file.
pub(super) fn uri(path: &Path) -> String {
    format!("file://{}", percent_encode(path.as_os_str().as_bytes(), ENCODED))
}

/// The path a client means: `file://` and the path as it is, or percent-encoded. `exists` tells which.
pub(super) fn path(uri: &str, exists: impl Fn(&Path) -> bool) -> PathBuf {
    let plain = uri.strip_prefix("file://").unwrap_or(uri);
    let decoded: Vec<u8> = percent_decode_str(plain).collect();
    let decoded = PathBuf::from(std::ffi::OsString::from_vec(decoded));
    let plain = PathBuf::from(plain);
    if plain == decoded || exists(&plain) { plain } else { decoded }
}

/// An open document.
struct Document {
    version: i64,
    /// Of the text that the server has.
    hash: u64,
    /// Whether the client opened it. The others are closed when there are too many.
    opened: bool,
    /// The larger, the later it was used.
    used: u64,
}

/// When a server got the text of a document that it has.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    Before,
    Now,
}

/// All documents of a server.
#[derive(Default)]
pub(super) struct Documents {
    open: BTreeMap<PathBuf, Document>,
    uses: u64,
}

impl Documents {
    /// Makes the server know a document as it is on disk. `opened`: at the wish of the client, not for a request about it.
    pub(super) async fn show(
        &mut self,
        connection: &Connection,
        language: Language,
        path: &Path,
        opened: bool,
    ) -> Result<Shown, Problem> {
        let text = read(path).await;
        if text.is_err() && self.open.contains_key(path) {
            self.close(connection, path).await?;
        }
        let text = text?;
        self.uses += 1;
        let hash = hash(&text);
        let uri = uri(path);
        if let Some(document) = self.open.get_mut(path) {
            document.used = self.uses;
            document.opened |= opened;
            if document.hash == hash {
                return Ok(Shown::Before);
            }
            // Whoever waits may leave: only what has been told counts.
            let parameters = json!({
                "textDocument": {"uri": uri, "version": document.version + 1},
                "contentChanges": [{"text": text}],
            });
            connection.notify("textDocument/didChange", parameters).await?;
            document.version += 1;
            document.hash = hash;
            return Ok(Shown::Now);
        }
        self.make_room(connection, opened).await?;
        connection.notify("textDocument/didOpen", opening(&uri, language.of_file(path), &text)).await?;
        self.open.insert(path.to_owned(), Document { version: 1, hash, opened, used: self.uses });
        Ok(Shown::Now)
    }

    /// Makes the server know a document as it is on disk, if it is open.
    pub(super) async fn refresh(
        &mut self,
        connection: &Connection,
        language: Language,
        path: &Path,
    ) -> Result<(), Problem> {
        if !self.open.contains_key(path) {
            return Ok(());
        }
        match self.show(connection, language, path, false).await {
            // One that cannot be read any more has been closed.
            Ok(_) | Err(Problem::Answer(_)) => Ok(()),
            Err(failure) => Err(failure),
        }
    }

    async fn make_room(&mut self, connection: &Connection, opened: bool) -> Result<(), Problem> {
        let count = |of: bool| self.open.values().filter(|document| document.opened == of).count();
        if opened && count(true) >= MAX_OPEN {
            return Err(Problem::Answer(ApiError::bad_request(format!(
                "a language server has at most {MAX_OPEN} open documents: close those that are done"
            ))));
        }
        if !opened && count(false) >= MAX_KEPT {
            let kept = self.open.iter().filter(|(_, document)| !document.opened);
            let oldest = kept.min_by_key(|(_, document)| document.used).map(|(path, _)| path.clone());
            if let Some(oldest) = oldest {
                self.close(connection, &oldest).await?;
            }
        }
        Ok(())
    }

    /// Closes a document. Nothing happens when it is not open.
    pub(super) async fn close(&mut self, connection: &Connection, path: &Path) -> Result<(), Problem> {
        if self.open.contains_key(path) {
            connection.notify("textDocument/didClose", json!({"textDocument": {"uri": uri(path)}})).await?;
            self.open.remove(path);
        }
        Ok(())
    }

    /// Opens everything again at a server that was started anew. What is gone, or cannot be read any more, is forgotten.
    pub(super) async fn open_again(&mut self, connection: &Connection, language: Language) -> Result<(), Problem> {
        let before = std::mem::take(&mut self.open);
        for (path, document) in before {
            match self.show(connection, language, &path, document.opened).await {
                Ok(_) | Err(Problem::Answer(_)) => {}
                Err(failure) => return Err(failure),
            }
        }
        Ok(())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }
}

/// Why a server does not know a document.
pub(super) enum Problem {
    /// What the client is told.
    Answer(ApiError),
    /// The server is not there.
    Server(Failure),
}

impl From<ApiError> for Problem {
    fn from(error: ApiError) -> Self {
        Self::Answer(error)
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        Self::Server(failure)
    }
}

fn opening(uri: &str, language: &str, text: &str) -> Value {
    json!({"textDocument": {"uri": uri, "languageId": language, "version": 1, "text": text}})
}

fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

async fn read(path: &Path) -> Result<String, ApiError> {
    let path = path.to_owned();
    tokio::task::spawn_blocking(move || read_now(&path)).await?
}

fn read_now(path: &Path) -> Result<String, ApiError> {
    // A FIFO must not be waited for.
    let file =
        OpenOptions::new().read(true).custom_flags(O_NONBLOCK).open(path).map_err(|e| ApiError::file(&e, path))?;
    let metadata = file.metadata().map_err(|error| ApiError::file(&error, path))?;
    if !metadata.is_file() {
        return Err(ApiError::bad_request(format!("{} is not a file", path.display())));
    }
    let too_large = || {
        let limit = MAX_DOCUMENT / 1024 / 1024;
        ApiError::bad_request(format!("{} is too large for a language server: at most {limit} MiB", path.display()))
    };
    if metadata.len() > MAX_DOCUMENT {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    let read: io::Result<_> = file.take(MAX_DOCUMENT + 1).read_to_end(&mut bytes);
    read.map_err(|error| ApiError::file(&error, path))?;
    if bytes.len() as u64 > MAX_DOCUMENT {
        return Err(too_large());
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{path, uri};

    #[test]
    fn uris_and_paths_are_each_others() {
        for (plain, encoded) in [
            ("/a/b.py", "file:///a/b.py"),
            ("/a b/ü#?.py", "file:///a%20b/%C3%BC%23%3F.py"),
            ("/100%25.py", "file:///100%2525.py"),
        ] {
            assert_eq!(uri(Path::new(plain)), encoded);
            assert_eq!(path(encoded, |_| false), Path::new(plain));
        }
        // As clients of the contract write it.
        assert_eq!(path("file:///a b/100%.py", |_| true), Path::new("/a b/100%.py"));
        assert_eq!(path("file:///x%20y.py", |path| path == Path::new("/x%20y.py")), Path::new("/x%20y.py"));
        assert_eq!(path("file://shop/a.py", |_| false), Path::new("shop/a.py"));
    }
}
