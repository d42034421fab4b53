//! A directory of small read-only files whose text is made when it is read, served to the kernel by FUSE.
//!
//! The sandbox's first process serves it from its own loop: no thread waits, and a sandbox that reads much takes its own time and
//! nobody else's. Only what a flat directory needs of the protocol (`linux/fuse.h`, version 7.31) is spoken; everything else is
//! answered with `ENOSYS`, which the kernel takes as "not supported". The connection ends with the process that holds it.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, Result};
use nix::libc;
use nix::mount::{MsFlags, mount};

/// The version spoken.
const VERSION: [u32; 2] = [7, 31];

/// The smallest buffer that the kernel hands a request to.
const BUFFER: usize = 8192;

/// The most that a request may want to write. Nothing is written, but the kernel asks.
const MAX_WRITE: u32 = 4096;

/// How long names stay what they are: as long as the sandbox. In seconds.
const NAMES_HOLD: u64 = 1 << 30;

/// Requests answered one after the other. Sandboxes may ask faster than they are answered, and whoever answers has more to do.
const AT_ONCE: usize = 64;

/// The node of the directory; files follow.
const ROOT: u64 = 1;

/// An opened file's text is not kept by the kernel.
const OPEN_DIRECT: u32 = 1;

const FILE_MODE: u32 = libc::S_IFREG | 0o444;
const DIRECTORY_MODE: u32 = libc::S_IFDIR | 0o555;

/// The operations answered.
mod operation {
    pub const LOOKUP: u32 = 1;
    pub const FORGET: u32 = 2;
    pub const GETATTR: u32 = 3;
    pub const OPEN: u32 = 14;
    pub const READ: u32 = 15;
    pub const STATFS: u32 = 17;
    pub const RELEASE: u32 = 18;
    pub const INIT: u32 = 26;
    pub const BATCH_FORGET: u32 = 42;
}

/// The texts of a directory's files.
pub trait Texts {
    /// The files' names.
    fn names(&self) -> &'static [&'static str];

    /// The text of the file with this place among the names, as it is now.
    fn text(&mut self, file: usize) -> String;
}

/// One mounted directory.
pub struct Server<T> {
    device: File,
    texts: T,
    /// What was read last of each file, for readers that take it in pieces.
    read: Vec<String>,
    buffer: Vec<u8>,
}

impl<T: Texts> Server<T> {
    /// Mounts the directory. Nobody, this process included, may look into it before somebody else calls [`Self::serve`].
    pub fn mount(target: &Path, texts: T) -> Result<Self> {
        let device = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(libc::O_NONBLOCK | libc::O_CLOEXEC)
            .open("/dev/fuse")
            .context("opening /dev/fuse")?;
        let options = format!(
            "fd={},rootmode={DIRECTORY_MODE:o},user_id={},group_id={},allow_other,default_permissions",
            device.as_raw_fd(),
            nix::unistd::geteuid(),
            nix::unistd::getegid(),
        );
        let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC | MsFlags::MS_RDONLY;
        mount(Some("sizes"), target, Some("fuse"), flags, Some(options.as_str())).context("mounting")?;
        let read = vec![String::new(); texts.names().len()];
        Ok(Self { device, texts, read, buffer: vec![0; BUFFER] })
    }

    /// What makes the files' texts.
    pub fn texts(&mut self) -> &mut T {
        &mut self.texts
    }

    /// Readable when there is a request.
    pub fn device(&self) -> BorrowedFd<'_> {
        self.device.as_fd()
    }

    /// Answers requests that are there, but only so many: [`Self::device`] is still readable when there are more.
    ///
    /// # Errors
    /// When the kernel has ended the connection.
    pub fn serve(&mut self) -> io::Result<()> {
        for _ in 0..AT_ONCE {
            let mut buffer = std::mem::take(&mut self.buffer);
            let received = (&self.device).read(&mut buffer);
            let answered = match received {
                Ok(size) => self.answer(&buffer[..size]),
                Err(error) => Err(error),
            };
            self.buffer = buffer;
            match answered {
                // Given up by the reader while it was on its way.
                Err(error) if matches!(error.raw_os_error(), Some(libc::ENOENT | libc::EINTR)) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                other => other?,
            }
        }
        Ok(())
    }

    fn answer(&mut self, request: &[u8]) -> io::Result<()> {
        let Some(header) = Header::read(request) else { return Ok(()) };
        let body = &request[Header::SIZE..];
        let answer = match header.operation {
            operation::FORGET | operation::BATCH_FORGET => return Ok(()),
            operation::INIT => Ok(initialised(body)),
            operation::LOOKUP => self.look_up(body),
            operation::GETATTR => self.attributes(header.node),
            operation::OPEN => Ok(Answer::default().long(0).word(OPEN_DIRECT).word(0)),
            operation::READ => self.read(header.node, body),
            operation::STATFS => Ok(Answer(vec![0; 80])),
            operation::RELEASE => Ok(Answer::default()),
            _ => Err(libc::ENOSYS),
        };
        let (error, body) = match answer {
            Ok(Answer(body)) => (0, body),
            Err(error) => (-error, Vec::new()),
        };
        let size = u32::try_from(16 + body.len()).map_err(io::Error::other)?;
        let Answer(mut reply) = Answer::default().word(size).word(error.cast_unsigned()).long(header.unique);
        reply.extend(body);
        (&self.device).write_all(&reply)
    }

    fn look_up(&self, name: &[u8]) -> Result<Answer, i32> {
        let name = name.split(|byte| *byte == 0).next().unwrap_or_default();
        let file = self.texts.names().iter().position(|known| known.as_bytes() == name).ok_or(libc::ENOENT)?;
        let node = ROOT + 1 + file as u64;
        let entry = Answer::default().long(node).long(0).long(NAMES_HOLD).long(NAMES_HOLD).word(0).word(0);
        Ok(entry.attributes(node, FILE_MODE))
    }

    fn attributes(&self, node: u64) -> Result<Answer, i32> {
        let mode = if node == ROOT { DIRECTORY_MODE } else { FILE_MODE };
        Ok(Answer::default().long(NAMES_HOLD).word(0).word(0).attributes(node, mode))
    }

    fn read(&mut self, node: u64, body: &[u8]) -> Result<Answer, i32> {
        let file = usize::try_from(node.wrapping_sub(ROOT + 1)).ok().filter(|file| *file < self.read.len());
        let file = file.ok_or(libc::EISDIR)?;
        let (offset, size) = (long(body, 8).ok_or(libc::EINVAL)?, word(body, 16).ok_or(libc::EINVAL)?);
        if offset == 0 || self.read[file].is_empty() {
            self.read[file] = self.texts.text(file);
        }
        let text = self.read[file].as_bytes();
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(text.len());
        let end = start.saturating_add(size as usize).min(text.len());
        Ok(Answer(text[start..end].to_vec()))
    }
}

/// The start of every request.
struct Header {
    operation: u32,
    unique: u64,
    node: u64,
}

impl Header {
    const SIZE: usize = 40;

    fn read(request: &[u8]) -> Option<Self> {
        let complete = request.len() >= Self::SIZE;
        complete.then_some(Self { operation: word(request, 4)?, unique: long(request, 8)?, node: long(request, 16)? })
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn long(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_ne_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

fn initialised(body: &[u8]) -> Answer {
    let minor = word(body, 4).unwrap_or(VERSION[1]).min(VERSION[1]);
    let mut answer = Answer::default().word(VERSION[0]).word(minor);
    // No read-ahead, no flags, usual numbers of requests in the background.
    answer = answer.word(0).word(0).word(0).word(MAX_WRITE).word(1);
    answer.0.resize(64, 0);
    answer
}

/// The body of an answer, field by field.
#[derive(Default)]
struct Answer(Vec<u8>);

impl Answer {
    fn word(mut self, value: u32) -> Self {
        self.0.extend(value.to_ne_bytes());
        self
    }

    fn long(mut self, value: u64) -> Self {
        self.0.extend(value.to_ne_bytes());
        self
    }

    /// `struct fuse_attr`: like the kernel's own files, without size or times, and root's.
    fn attributes(self, node: u64, mode: u32) -> Self {
        let times_and_sizes = (0..5).fold(self.long(node), |answer, _| answer.long(0));
        let nanoseconds = (0..3).fold(times_and_sizes, |answer, _| answer.word(0));
        let owner =
            nanoseconds.word(mode).word(1).word(nix::unistd::geteuid().as_raw()).word(nix::unistd::getegid().as_raw());
        owner.word(0).word(BUFFER as u32 / 2).word(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_have_the_sizes_of_the_protocol() {
        assert_eq!(initialised(&[0; 16]).0.len(), 64);
        assert_eq!(Answer::default().attributes(2, FILE_MODE).0.len(), 88);
    }

    #[test]
    fn short_requests_are_no_requests() {
        assert!(Header::read(&[0; 39]).is_none());
        assert!(Header::read(&[0; 40]).is_some());
    }
}
