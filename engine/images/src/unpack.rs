//! Unpacking archives that anybody may have made.
//!
//! Every file is made relative to an open directory, found with links kept inside the target, so no name and no link leads
//! out of it. Device files are left out. What is larger than the limits is refused.

use std::cell::Cell;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{
    AtFlags, FileType, Mode, OFlags, ResolveFlags, Timespec, Timestamps, XattrFlags, chownat, fchmod, fchown,
    fsetxattr, futimens, linkat, mkdirat, mknodat, openat, openat2, statat, symlinkat, unlinkat, utimensat,
};
use rustix::io::Errno;
use tar::{Archive, Entry, EntryType};

use crate::attributes::{Attributes, is_kept, is_plain_name};
use crate::error::Attempt;
use crate::overlay::{Marks, is_marked};
use crate::room::Room;
use crate::{Cancel, Error};

/// The longest path in an archive, in bytes.
const MAX_PATH: usize = 2048;

/// Bytes of an entry's headers, its long names and attributes among them: they are read into memory.
const MAX_HEADERS: u64 = 1 << 20;

/// Bytes that are remembered of all directories together until the end.
const MAX_REMEMBERED: usize = 512 << 20;

/// Names that mean something else than a file in an archive of a layer.
const WHITEOUT: &[u8] = b".wh.";
const OPAQUE: &[u8] = b".wh..wh..opq";
const METADATA: &[u8] = b".wh..wh.";

/// The most that one archive may hold.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes of all files together.
    pub bytes: u64,
    /// Files, directories and links.
    pub entries: u64,
}

impl Default for Limits {
    /// 64 GiB, 4 million entries.
    fn default() -> Self {
        Self { bytes: 64 << 30, entries: 4_000_000 }
    }
}

/// How an archive is unpacked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Unpack<'a> {
    /// Whether files get the owners of the archive.
    pub(crate) owned: bool,
    /// How whiteouts are made, where the archive is a layer's; in others they are ordinary names.
    pub(crate) whiteouts: Option<Marks>,
    pub(crate) limits: Limits,
    pub(crate) room: &'a Room,
    pub(crate) cancel: &'a Cancel,
}

/// Unpacks an archive of [`pack_layer`](crate::pack_layer) into the empty directory `root`, in the form that overlayfs has for
/// an administrator. `reserve` bytes of the disk are left to others.
///
/// # Errors
/// The archive is broken or beyond the limits of a layer, or the files cannot be written. What has been unpacked stays.
pub fn unpack_layer(archive: impl Read, root: &Path, reserve: u64, cancel: &Cancel) -> Result<(), Error> {
    let archive = io::BufReader::with_capacity(1 << 16, archive);
    let room = Room::new(root, reserve);
    let how = Unpack { owned: true, whiteouts: Some(Marks::Trusted), limits: Limits::default(), room: &room, cancel };
    unpack(archive, root, how).map(drop)
}

/// Unpacks an archive into the empty directory `root`, and answers the bytes of its files.
///
/// # Errors
/// The archive is broken, leads out of `root` or is beyond the limits, or the files cannot be written. What has been unpacked
/// stays.
pub(crate) fn unpack(reader: impl Read, root: &Path, how: Unpack<'_>) -> Result<u64, Error> {
    let open = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let descriptor = rustix::fs::open(root, open, Mode::empty()).at_path("opening", root)?;
    let mut target =
        Target { root: descriptor, how, parent: None, directories: Vec::new(), remembered: 0, bytes: 0, entries: 0 };
    let left = Cell::new(None);
    let mut archive = Archive::new(Headers { inner: reader, left: &left });
    let mut entries = archive.entries().map_err(broken)?;
    loop {
        how.cancel.check()?;
        left.set(Some(MAX_HEADERS));
        let Some(entry) = entries.next() else { break };
        left.set(None);
        let mut entry = entry.map_err(broken)?;
        let path = inner_path(&entry.path_bytes())?;
        target.entries += 1;
        if target.entries > how.limits.entries {
            return Err(Error::Refused(format!("the archive has more than {} entries", how.limits.entries)));
        }
        how.room.take_entry()?;
        let placed = target.place(&mut entry, &path).and_then(|()| target.skip(&mut entry));
        placed.map_err(|failure| match failure {
            Failure::Known(error) => error,
            Failure::System(error) => Error::Io { what: format!("unpacking /{}", path.display()), error },
        })?;
    }
    target.finish()
}

/// Reads an archive, with an error where more is read for headers than there may be.
struct Headers<'a, R> {
    inner: R,
    /// The rest of what may be read; anything while it is content.
    left: &'a Cell<Option<u64>>,
}

impl<R: Read> Read for Headers<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(left) = self.left.get() else { return self.inner.read(buffer) };
        if left == 0 {
            return Err(io::Error::other(format!("an entry has headers of more than {MAX_HEADERS} bytes")));
        }
        let most = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let count = self.inner.read(&mut buffer[..most])?;
        self.left.set(Some(left - count as u64));
        Ok(count)
    }
}

fn broken(error: io::Error) -> Error {
    Error::Refused(format!("the archive is broken: {error}"))
}

enum Failure {
    Known(Error),
    System(io::Error),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::System(error)
    }
}

impl From<Errno> for Failure {
    fn from(error: Errno) -> Self {
        Self::System(error.into())
    }
}

fn refused<T>(reason: String) -> Result<T, Failure> {
    Err(Failure::Known(Error::Refused(reason)))
}

/// A path in an archive, relative to its root.
fn inner_path(bytes: &[u8]) -> Result<PathBuf, Error> {
    let path = Path::new(OsStr::from_bytes(bytes));
    let shown = || String::from_utf8_lossy(&bytes[..bytes.len().min(200)]).into_owned();
    if bytes.len() > MAX_PATH || bytes.contains(&0) {
        return Err(Error::Refused(format!("the archive has an unusable name: {:?}", shown())));
    }
    let mut inner = PathBuf::new();
    for part in path.components() {
        match part {
            Component::Normal(name) => inner.push(name),
            Component::ParentDir => {
                return Err(Error::Refused(format!("the archive has a name that leads out of it: {:?}", shown())));
            }
            Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
        }
    }
    Ok(inner)
}

/// Where files are made.
struct Target<'a> {
    root: OwnedFd,
    how: Unpack<'a>,
    /// The directory that was used last: most archives go directory by directory.
    parent: Option<(PathBuf, OwnedFd)>,
    /// Their attributes come last: what is made in a directory changes its time.
    directories: Vec<(PathBuf, Attributes)>,
    /// Bytes of them.
    remembered: usize,
    bytes: u64,
    entries: u64,
}

impl Target<'_> {
    fn place(&mut self, entry: &mut Entry<'_, impl Read>, path: &Path) -> Result<(), Failure> {
        let kind = entry.header().entry_type();
        if kind == EntryType::XGlobalHeader {
            // Words about the whole archive, such as the commit that `git archive` was given.
            return Ok(());
        }
        let attributes = attributes(entry)?;
        let Some(name) = path.file_name() else {
            if kind == EntryType::Directory {
                self.remember(PathBuf::new(), attributes)?;
            }
            return Ok(());
        };
        let parent = self.open_parent(path.parent().unwrap_or(Path::new("")))?;
        if self.how.whiteouts.is_some() && name.as_bytes().starts_with(WHITEOUT) {
            return self.white_out(&parent, name);
        }
        match kind {
            EntryType::Directory => {
                self.make_directory(&parent, name)?;
                self.remember(path.to_owned(), attributes)?;
            }
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {
                self.write_file(&parent, name, entry, &attributes)?;
            }
            EntryType::Symlink => {
                let link = entry.link_name_bytes().unwrap_or_default().into_owned();
                self.clear(&parent, name)?;
                symlinkat(OsStr::from_bytes(&link), &parent, name)?;
                self.give_plain(&parent, name, &attributes)?;
            }
            EntryType::Link => {
                let link = entry.link_name_bytes().unwrap_or_default().into_owned();
                self.link(&parent, name, &link)?;
            }
            EntryType::Fifo => {
                self.clear(&parent, name)?;
                mknodat(&parent, name, FileType::Fifo, Mode::from_raw_mode(0o600), 0)?;
                self.give_plain(&parent, name, &attributes)?;
                rustix::fs::chmodat(&parent, name, Mode::from_raw_mode(attributes.mode), AtFlags::empty())?;
            }
            // Sandboxes have their own /dev, and no file system of theirs has devices.
            EntryType::Char | EntryType::Block => {}
            other => return refused(format!("the archive has an entry of an unknown kind: {other:?}")),
        }
        Ok(())
    }

    fn remember(&mut self, path: PathBuf, attributes: Attributes) -> Result<(), Failure> {
        let of_xattrs: usize = attributes.xattrs.iter().map(|(name, value)| name.len() + value.len()).sum();
        self.remembered += size_of::<(PathBuf, Attributes)>() + path.as_os_str().len() + of_xattrs;
        if self.remembered > MAX_REMEMBERED {
            return refused("the archive has too many directories".to_owned());
        }
        self.directories.push((path, attributes));
        Ok(())
    }

    /// Reads over content that means nothing.
    fn skip(&mut self, entry: &mut impl Read) -> Result<(), Failure> {
        let mut buffer = [0; 1 << 16];
        loop {
            let count = entry.read(&mut buffer).map_err(|error| Failure::Known(broken(error)))?;
            if count == 0 {
                return Ok(());
            }
            self.how.cancel.check().map_err(Failure::Known)?;
            self.bytes += count as u64;
            if self.bytes > self.how.limits.bytes {
                return refused(format!("the archive holds more than {} bytes", self.how.limits.bytes));
            }
        }
    }

    fn open_inside(&self, path: &Path) -> rustix::io::Result<OwnedFd> {
        let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let inside = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
        openat2(&self.root, path, flags, Mode::empty(), inside)
    }

    /// The directory at `path`, made with those above it where they are missing.
    fn open_parent(&mut self, path: &Path) -> Result<OwnedFd, Failure> {
        if let Some((known, open)) = &self.parent
            && known == path
        {
            return Ok(open.try_clone()?);
        }
        let open = match self.open_inside(path) {
            Ok(open) => open,
            Err(Errno::NOENT) => self.make_parents(path)?,
            Err(Errno::NOTDIR) => return refused(format!("the archive has files below /{}, a file", path.display())),
            Err(error) => return Err(error.into()),
        };
        self.parent = Some((path.to_owned(), open.try_clone()?));
        Ok(open)
    }

    fn make_parents(&mut self, path: &Path) -> Result<OwnedFd, Failure> {
        let mut so_far = PathBuf::new();
        let mut open = self.open_inside(Path::new(""))?;
        for name in path.iter() {
            so_far.push(name);
            open = match self.open_inside(&so_far) {
                Err(Errno::NOENT) => {
                    self.make_directory(&open, name)?;
                    self.open_inside(&so_far)?
                }
                Err(Errno::NOTDIR) => {
                    return refused(format!("the archive has files below /{}, a file", so_far.display()));
                }
                other => other?,
            };
        }
        Ok(open)
    }

    fn make_directory(&mut self, parent: &OwnedFd, name: &OsStr) -> Result<(), Failure> {
        let hidden = match kind_of(parent, name)? {
            Some(Kind::Directory) => return Ok(()),
            Some(Kind::Whiteout) => true,
            _ => false,
        };
        self.clear(parent, name)?;
        mkdirat(parent, name, Mode::from_raw_mode(0o755))?;
        if let (true, Some(marks)) = (hidden, self.how.whiteouts) {
            marks.make_opaque(&address(parent, Some(name)))?;
        }
        Ok(())
    }

    /// Removes what an earlier entry has put there.
    fn clear(&mut self, parent: &OwnedFd, name: &OsStr) -> Result<(), Failure> {
        match kind_of(parent, name)? {
            None => {}
            Some(Kind::Directory) => {
                self.parent = None;
                std::fs::remove_dir_all(address(parent, Some(name)))?;
            }
            Some(Kind::Whiteout | Kind::Other) => unlinkat(parent, name, AtFlags::empty())?,
        }
        Ok(())
    }

    fn write_file(
        &mut self,
        parent: &OwnedFd,
        name: &OsStr,
        entry: &mut impl Read,
        attributes: &Attributes,
    ) -> Result<(), Failure> {
        self.clear(parent, name)?;
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut file = File::from(openat(parent, name, flags, Mode::from_raw_mode(0o600))?);
        let room = self.how.limits.bytes - self.bytes;
        let mut buffer = [0; 1 << 16];
        let mut written = 0;
        loop {
            let count = match entry.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) => return Err(Failure::Known(broken(error))),
            };
            written += count as u64;
            if written > room {
                return refused(format!("the archive holds more than {} bytes", self.how.limits.bytes));
            }
            self.how.cancel.check().map_err(Failure::Known)?;
            self.how.room.take(count as u64).map_err(Failure::Known)?;
            file.write_all(&buffer[..count])?;
        }
        self.bytes += written;
        if self.how.owned {
            fchown(&file, Some(user(attributes.uid)?), Some(group(attributes.gid)?))?;
        }
        fchmod(&file, Mode::from_raw_mode(attributes.mode))?;
        self.give_extended(file.as_fd(), attributes)?;
        crate::attributes::set_time(&file, attributes.mtime)?;
        Ok(())
    }

    fn link(&mut self, parent: &OwnedFd, name: &OsStr, link: &[u8]) -> Result<(), Failure> {
        let path = inner_path(link).map_err(Failure::Known)?;
        let missing = || refused(format!("the archive links to /{}, which is not in it", path.display()));
        let Some(original) = path.file_name() else { return missing() };
        let Ok(directory) = self.open_inside(path.parent().unwrap_or(Path::new(""))) else { return missing() };
        match kind_of(&directory, original)? {
            None | Some(Kind::Directory | Kind::Whiteout) => return missing(),
            Some(Kind::Other) => {}
        }
        if same_place(&directory, original, parent, name)? {
            return Ok(());
        }
        self.clear(parent, name)?;
        Ok(linkat(&directory, original, parent, name, AtFlags::empty())?)
    }

    fn white_out(&mut self, parent: &OwnedFd, name: &OsStr) -> Result<(), Failure> {
        let Some(marks) = self.how.whiteouts else { return Ok(()) };
        if name.as_bytes() == OPAQUE {
            return Ok(marks.make_opaque(&address(parent, None))?);
        }
        if name.as_bytes().starts_with(METADATA) {
            return Ok(());
        }
        let hidden = OsStr::from_bytes(&name.as_bytes()[WHITEOUT.len()..]);
        if !is_plain_name(hidden) {
            return refused(format!("the archive has an unusable name: {name:?}"));
        }
        match kind_of(parent, hidden)? {
            // The layer itself has one of that name, so only those below are hidden.
            Some(Kind::Directory) => Ok(marks.make_opaque(&address(parent, Some(hidden)))?),
            Some(Kind::Whiteout | Kind::Other) => Ok(()),
            None => Ok(marks.white_out(&address(parent, None), hidden)?),
        }
    }

    /// Owner and time of a link or a pipe.
    fn give_plain(&self, parent: &OwnedFd, name: &OsStr, attributes: &Attributes) -> Result<(), Failure> {
        if self.how.owned {
            let (user, group) = (user(attributes.uid)?, group(attributes.gid)?);
            chownat(parent, name, Some(user), Some(group), AtFlags::SYMLINK_NOFOLLOW)?;
        }
        Ok(utimensat(parent, name, &times(attributes.mtime), AtFlags::SYMLINK_NOFOLLOW)?)
    }

    fn give_extended(&self, file: impl AsFd, attributes: &Attributes) -> Result<(), Failure> {
        for (name, value) in &attributes.xattrs {
            match fsetxattr(&file, name.as_str(), value, XattrFlags::empty()) {
                Err(Errno::PERM | Errno::OPNOTSUPP) => {}
                other => other?,
            }
        }
        Ok(())
    }

    fn finish(self) -> Result<u64, Error> {
        for (path, attributes) in self.directories.iter().rev() {
            let done = self.finish_directory(path, attributes);
            done.map_err(|failure| match failure {
                Failure::Known(error) => error,
                Failure::System(error) => Error::Io { what: format!("unpacking /{}", path.display()), error },
            })?;
        }
        Ok(self.bytes)
    }

    fn finish_directory(&self, path: &Path, attributes: &Attributes) -> Result<(), Failure> {
        let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let inside = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
        let directory = match openat2(&self.root, path, flags, Mode::empty(), inside) {
            Ok(open) => open,
            // A later entry has taken its place.
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        if self.how.owned {
            fchown(&directory, Some(user(attributes.uid)?), Some(group(attributes.gid)?))?;
        }
        self.give_extended(&directory, attributes)?;
        futimens(&directory, &times(attributes.mtime))?;
        // An ordinary user could not remove what is in a directory they may not write.
        let needed = if self.how.owned { 0 } else { 0o700 };
        Ok(fchmod(&directory, Mode::from_raw_mode(attributes.mode | needed))?)
    }
}

enum Kind {
    Directory,
    Whiteout,
    Other,
}

fn kind_of(parent: &OwnedFd, name: &OsStr) -> Result<Option<Kind>, Failure> {
    match statat(parent, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(found) => Ok(Some(match FileType::from_raw_mode(found.st_mode) {
            FileType::Directory => Kind::Directory,
            FileType::CharacterDevice => Kind::Whiteout,
            FileType::RegularFile if found.st_size == 0 && is_marked(&address(parent, Some(name))) => Kind::Whiteout,
            _ => Kind::Other,
        })),
        Err(Errno::NOENT) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn same_place(one: &OwnedFd, one_name: &OsStr, other: &OwnedFd, other_name: &OsStr) -> Result<bool, Failure> {
    let [one, other] = [rustix::fs::fstat(one)?, rustix::fs::fstat(other)?];
    Ok(one_name == other_name && (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino))
}

/// A path to an open directory, or to a file in it, for calls that take no descriptor.
fn address(directory: &OwnedFd, name: Option<&OsStr>) -> PathBuf {
    let mut path = OsString::from(format!("/proc/self/fd/{}", directory.as_raw_fd()));
    path.push("/");
    path.push(name.unwrap_or(OsStr::new(".")));
    path.into()
}

fn user(id: u32) -> Result<rustix::fs::Uid, Failure> {
    if id == u32::MAX { refused(format!("{id} is not a user id")) } else { Ok(rustix::fs::Uid::from_raw(id)) }
}

fn group(id: u32) -> Result<rustix::fs::Gid, Failure> {
    if id == u32::MAX { refused(format!("{id} is not a group id")) } else { Ok(rustix::fs::Gid::from_raw(id)) }
}

fn times(seconds: i64) -> Timestamps {
    let time = Timespec { tv_sec: seconds, tv_nsec: 0 };
    Timestamps { last_access: time, last_modification: time }
}

fn attributes(entry: &mut Entry<'_, impl Read>) -> Result<Attributes, Failure> {
    let mut xattrs = Vec::new();
    if let Some(extensions) = entry.pax_extensions()? {
        for extension in extensions {
            let extension = extension?;
            let name = extension.key().ok().and_then(|key| key.strip_prefix("SCHILY.xattr."));
            if let Some(name) = name.filter(|name| is_kept(name)) {
                xattrs.push((name.to_owned(), extension.value_bytes().to_owned()));
            }
        }
    }
    let header = entry.header();
    // Some writers leave fields empty.
    let number = |number: io::Result<u64>| number.map_or(0, |number| u32::try_from(number).unwrap_or(u32::MAX));
    Ok(Attributes {
        uid: number(header.uid()),
        gid: number(header.gid()),
        mode: header.mode().unwrap_or(0o644) & 0o7777,
        mtime: i64::try_from(header.mtime().unwrap_or_default()).unwrap_or_default(),
        xattrs,
    })
}
