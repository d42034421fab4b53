//! The bytes of objects: files that are written once, whole on the disk before anything names them, and never changed.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::isolation;

/// What a copy leaves free on the disk, in bytes.
const ROOM_LEFT: u64 = 16 << 20;

/// A written file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// Its name in the directory of segments.
    pub file: String,
    /// Bytes.
    pub size: u64,
}

/// A file that is being written. Dropped before [`Writing::finish`], it is removed.
pub struct Writing {
    file: File,
    path: PathBuf,
    name: String,
    size: u64,
    md5: md5::Context,
    finished: bool,
}

impl Writing {
    /// Begins a new file in a directory.
    pub fn begin(directory: &Path) -> io::Result<Self> {
        let name = uuid::Uuid::new_v4().simple().to_string();
        let path = directory.join(&name);
        let file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        Ok(Self { file, path, name, size: 0, md5: md5::Context::new(), finished: false })
    }

    /// Waits until everything is on the disk; returns the MD5, too. The file stays unless the result is given up with [`remove`].
    pub fn finish(mut self) -> io::Result<(Segment, [u8; 16])> {
        self.file.sync_all()?;
        self.finished = true;
        let segment = Segment { file: std::mem::take(&mut self.name), size: self.size };
        Ok((segment, self.md5.clone().finalize().0))
    }
}

impl Write for Writing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.md5.consume(&bytes[..written]);
        self.size += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        if !self.finished {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Other names for the bytes of segments, which both keep until the last of them goes.
pub fn link(directory: &Path, segments: &[Segment]) -> io::Result<Vec<Segment>> {
    let mut made = Vec::new();
    let linked = segments.iter().try_for_each(|segment| {
        let file = uuid::Uuid::new_v4().simple().to_string();
        match fs::hard_link(directory.join(&segment.file), directory.join(&file)) {
            Ok(()) => made.push(Segment { file, size: segment.size }),
            // A file may have so many names only: 65,000 on ext4. A copy of its bytes begins to count anew.
            Err(error) if error.kind() == io::ErrorKind::TooManyLinks => made.push(copy(directory, segment)?),
            Err(error) => return Err(error),
        }
        Ok(())
    });
    // The names must be on the disk as the bytes are.
    match linked.and_then(|()| File::open(directory)?.sync_all()) {
        Ok(()) => Ok(made),
        Err(error) => {
            remove(directory, &made);
            Err(error)
        }
    }
}

/// Copies a segment, unless that would fill the disk.
fn copy(directory: &Path, segment: &Segment) -> io::Result<Segment> {
    if isolation::room(directory).map_err(io::Error::other)? < segment.size.saturating_add(ROOM_LEFT) {
        return Err(io::ErrorKind::StorageFull.into());
    }
    let mut writing = Writing::begin(directory)?;
    io::copy(&mut File::open(directory.join(&segment.file))?, &mut writing)?;
    Ok(writing.finish()?.0)
}

/// Removes segments that nothing names any more. What cannot be removed goes with the next start.
pub fn remove(directory: &Path, segments: &[Segment]) {
    for segment in segments {
        if let Err(error) = fs::remove_file(directory.join(&segment.file))
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%error, file = segment.file, "bytes of a deleted object are left");
        }
    }
}

/// The bytes of segments one after the other, from a position on. A segment is opened when its turn comes.
pub struct Reading {
    directory: PathBuf,
    rest: std::vec::IntoIter<Segment>,
    current: Option<File>,
    skip: u64,
    left: u64,
}

impl Reading {
    /// Reads `length` bytes from `offset` on.
    pub fn new(directory: &Path, segments: Vec<Segment>, offset: u64, length: u64) -> Self {
        let rest = segments.into_iter();
        Self { directory: directory.to_owned(), rest, current: None, skip: offset, left: length }
    }

    fn open_next(&mut self) -> io::Result<bool> {
        for segment in self.rest.by_ref() {
            if self.skip >= segment.size {
                self.skip -= segment.size;
                continue;
            }
            let mut file = File::open(self.directory.join(&segment.file))?;
            file.seek(SeekFrom::Start(std::mem::take(&mut self.skip)))?;
            self.current = Some(file);
            return Ok(true);
        }
        Ok(false)
    }
}

impl Read for Reading {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        if most == 0 {
            return Ok(0);
        }
        loop {
            if self.current.is_none() && !self.open_next()? {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the object ends early"));
            }
            let read = self.current.as_mut().map_or(Ok(0), |file| file.read(&mut buffer[..most]))?;
            if read > 0 {
                self.left -= read as u64;
                return Ok(read);
            }
            self.current = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_read_as_one_from_any_position() {
        let directory = tempfile::tempdir().unwrap();
        let segments: Vec<Segment> = ["", "abc", "", "defg", "h"]
            .iter()
            .map(|text| {
                let mut writing = Writing::begin(directory.path()).unwrap();
                writing.write_all(text.as_bytes()).unwrap();
                writing.finish().unwrap().0
            })
            .collect();
        for offset in 0..=8u64 {
            for length in 0..=8 - offset {
                let mut text = String::new();
                Reading::new(directory.path(), segments.clone(), offset, length).read_to_string(&mut text).unwrap();
                let begin = usize::try_from(offset).unwrap();
                assert_eq!(text, "abcdefgh"[begin..begin + usize::try_from(length).unwrap()]);
            }
        }
        let mut reading = Reading::new(directory.path(), segments, 0, 9);
        assert_eq!(reading.read_to_end(&mut Vec::new()).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn bytes_have_more_names_than_a_file_may_have() {
        let directory = tempfile::tempdir().unwrap();
        let mut writing = Writing::begin(directory.path()).unwrap();
        writing.write_all(b"content").unwrap();
        let segment = writing.finish().unwrap().0;
        // As many as ext4 gives a file, without waiting for the disk each time. Other file systems give more.
        let first = directory.path().join(&segment.file);
        for number in 1..65_000 {
            fs::hard_link(&first, directory.path().join(number.to_string())).unwrap();
        }
        let more = link(directory.path(), &[segment.clone(), segment]).unwrap();
        let mut text = String::new();
        Reading::new(directory.path(), more, 0, 14).read_to_string(&mut text).unwrap();
        assert_eq!(text, "contentcontent");
    }

    #[test]
    fn what_was_not_finished_leaves_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let mut writing = Writing::begin(directory.path()).unwrap();
        writing.write_all(b"half").unwrap();
        drop(writing);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    }
}
