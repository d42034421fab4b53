//! The log of a build: a file that is written line by line and read by anybody at any offset, meanwhile and afterwards.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use tokio::sync::watch;

/// Bytes of a log that are kept; what follows is left out with a line that says so.
const MOST: u64 = 64 << 20;

/// Bytes read at a time.
const CHUNK: usize = 64 * 1024;

/// The logs of all builds of one engine, by the id of what is built.
pub struct BuildLogs {
    directory: PathBuf,
    /// Those that are being written.
    open: Mutex<BTreeMap<String, watch::Receiver<Progress>>>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Progress {
    bytes: u64,
    ended: bool,
}

impl BuildLogs {
    /// Keeps logs below the state directory.
    pub fn new(state_dir: &Path) -> io::Result<Self> {
        let directory = state_dir.join("build-logs");
        fs::create_dir_all(&directory)?;
        Ok(Self { directory, open: Mutex::default() })
    }

    fn path(&self, id: &str) -> PathBuf {
        self.directory.join(format!("{id}.log"))
    }

    /// Begins the log of a build, in the place of an earlier one's. The log ends when all that write to it are dropped.
    pub fn begin(self: &Arc<Self>, id: &str) -> io::Result<Writer> {
        let file = File::options().write(true).create(true).truncate(true).mode(0o600).open(self.path(id))?;
        let (progress, watching) = watch::channel(Progress::default());
        self.open.lock().unwrap_or_else(PoisonError::into_inner).insert(id.to_owned(), watching);
        Ok(Writer { logs: Arc::clone(self), id: id.to_owned(), file, progress, left_out: false })
    }

    /// Opens a log at an offset; `None` when there is none.
    pub fn read(&self, id: &str, offset: u64, follow: bool) -> Option<Reader> {
        let watching = self.open.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned();
        let file = File::open(self.path(id)).ok()?;
        Some(Reader { file, offset, watching: watching.filter(|_| follow) })
    }

    /// Removes a log. Whoever reads it reads on to its end.
    pub fn remove(&self, id: &str) {
        let _ = fs::remove_file(self.path(id));
    }
}

/// Writes a log.
pub struct Writer {
    logs: Arc<BuildLogs>,
    id: String,
    file: File,
    progress: watch::Sender<Progress>,
    left_out: bool,
}

impl Writer {
    /// Appends a line. A log that cannot be written ends no build.
    pub fn line(&mut self, line: &str) {
        self.write(format!("{line}\n").as_bytes());
    }

    /// Appends what a program has written.
    pub fn write(&mut self, bytes: &[u8]) {
        if self.left_out {
            return;
        }
        let written = self.progress.borrow().bytes;
        let bytes = if written + bytes.len() as u64 > MOST {
            self.left_out = true;
            b"\n[the log is longer than 64 MiB: the rest is left out]\n"
        } else {
            bytes
        };
        if self.file.write_all(bytes).is_ok() {
            self.progress.send_modify(|progress| progress.bytes += bytes.len() as u64);
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.progress.send_modify(|progress| progress.ended = true);
        self.logs.open.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}

/// Reads a log, piece by piece.
pub struct Reader {
    file: File,
    offset: u64,
    watching: Option<watch::Receiver<Progress>>,
}

impl Reader {
    /// The next piece; waits for it while the log is followed. `None` at the end.
    pub async fn next(&mut self) -> io::Result<Option<Bytes>> {
        loop {
            // Looked at first: what was written before the end is then read, too.
            let ended = match &mut self.watching {
                Some(watching) => watching.borrow_and_update().ended,
                None => true,
            };
            let mut piece = vec![0; CHUNK];
            let read = self.file.read_at(&mut piece, self.offset)?;
            if read > 0 {
                piece.truncate(read);
                self.offset += read as u64;
                return Ok(Some(piece.into()));
            }
            match &mut self.watching {
                Some(watching) if !ended => drop(watching.changed().await),
                _ => return Ok(None),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_log_is_followed_to_its_end_from_any_offset() {
        let directory = tempfile::tempdir().unwrap();
        let logs = Arc::new(BuildLogs::new(directory.path()).unwrap());
        assert!(logs.read("a", 0, true).is_none());
        let mut writer = logs.begin("a").unwrap();
        writer.line("one");
        let mut reader = logs.read("a", 1, true).unwrap();
        assert_eq!(reader.next().await.unwrap().unwrap(), "ne\n");
        let more = tokio::spawn(async move { (reader.next().await.unwrap(), reader.next().await.unwrap()) });
        writer.line("two");
        drop(writer);
        assert_eq!(more.await.unwrap(), (Some("two\n".into()), None));
        let mut whole = logs.read("a", 0, false).unwrap();
        assert_eq!(whole.next().await.unwrap().unwrap(), "one\ntwo\n");
        assert_eq!(whole.next().await.unwrap(), None);
    }
}
