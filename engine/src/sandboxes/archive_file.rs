//! The one file that the files of an archived sandbox are in.
//!
//! It is a compressed tar archive. What tar has no place for (times to the nanosecond, extended attributes) stands in records of
//! our own in front of an entry, so that what is unpacked is what was packed: owners, modes, times, links of both kinds,
//! holes. Only sockets are left out: nobody listens there any more.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, symlink};
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use flate2::{Compression, GzBuilder};
use nix::sys::stat::{Mode, SFlag, mknod};
use tar::{Archive, Builder, Entry, EntryType, Header};

use super::attributes::Attributes;
use super::needed_room;
use super::unlocked::{Unlocked, UnlockedTree};

/// Names of the records: seconds and nanoseconds; where a symbolic link leads, which tar's own field has tidied up; an extended
/// attribute, with its name in base64.
const TIME: &str = "DAYTONA.mtime";
const TARGET: &str = "DAYTONA.target";
const ATTRIBUTE: &str = "DAYTONA.xattr.";

/// The comment of the compressed file: the room that its content takes up on a disk, in bytes.
const SIZE: &str = "DAYTONA.size ";

/// Bytes read and written at a time.
const BUFFER: usize = 256 << 10;

/// Packs what a directory holds, but for the entries of these names, and has it on the disk when it returns.
///
/// # Errors
/// When something cannot be read or written, or `unwanted` becomes true.
pub fn pack(directory: &Path, leave_out: &[&str], archive: &Path, unwanted: &AtomicBool) -> Result<()> {
    let file = File::create(archive).with_context(|| format!("creating {}", archive.display()))?;
    let output = Wanted { inner: BufWriter::with_capacity(BUFFER, file), unwanted };
    let size = format!("{SIZE}{}", needed_room::used(directory, leave_out));
    let mut packing = Packing {
        builder: Builder::new(GzBuilder::new().comment(size).write(output, Compression::fast())),
        directory,
        linked: HashMap::new(),
        unlocked: UnlockedTree::default(),
    };
    let mut waiting = vec![PathBuf::new()];
    while let Some(below) = waiting.pop() {
        let mut names: Vec<_> =
            fs::read_dir(directory.join(&below))?.map(|entry| Ok(entry?.file_name())).collect::<io::Result<_>>()?;
        names.sort();
        for name in names {
            if below.as_os_str().is_empty() && leave_out.iter().any(|left| name == *left) {
                continue;
            }
            let path = below.join(name);
            if packing.add(&path).with_context(|| format!("packing {}", path.display()))? {
                waiting.push(path);
            }
        }
    }
    let output = packing.builder.into_inner()?.finish()?;
    let file = output.inner.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.sync_all()?;
    Ok(())
}

/// A file that takes nothing more once nobody wants it.
struct Wanted<'a> {
    inner: BufWriter<File>,
    unwanted: &'a AtomicBool,
}

impl Write for Wanted<'_> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        if self.unwanted.load(Ordering::Relaxed) {
            return Err(io::Error::other("it is not wanted any more"));
        }
        self.inner.write(data)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

struct Packing<'a> {
    builder: Builder<GzEncoder<Wanted<'a>>>,
    directory: &'a Path,
    /// Files of several names by device and number: the first name.
    linked: HashMap<(u64, u64), PathBuf>,
    /// Directories whose entries are still to come.
    unlocked: UnlockedTree,
}

impl Packing<'_> {
    /// Adds one entry; whether it is a directory, whose entries are to follow.
    fn add(&mut self, path: &Path) -> Result<bool> {
        let outside = self.directory.join(path);
        let found = fs::symlink_metadata(&outside)?;
        let kind = found.file_type();
        if kind.is_socket() {
            return Ok(false);
        }
        if !kind.is_dir() && found.nlink() > 1 {
            match self.linked.entry((found.dev(), found.ino())) {
                std::collections::hash_map::Entry::Occupied(first) => {
                    let mut header = Header::new_gnu();
                    header.set_entry_type(EntryType::Link);
                    header.set_size(0);
                    self.builder.append_link(&mut header, path, first.get())?;
                    return Ok(false);
                }
                std::collections::hash_map::Entry::Vacant(entry) => {
                    entry.insert(path.to_owned());
                }
            }
        }
        let target = if kind.is_symlink() { Some(fs::read_link(&outside)?) } else { None };
        let unlocked = Unlocked::read(&outside, &found)?;
        self.describe(&Attributes::of(&outside, &found)?, target.as_deref())?;
        if kind.is_file() {
            let mut file = File::open(&outside)?;
            // Before its mode is written down.
            drop(unlocked);
            self.builder.append_file(path, &mut file)?;
            return Ok(false);
        }
        let mut header = Header::new_gnu();
        header.set_metadata(&found);
        header.set_size(0);
        if let Some(target) = target {
            self.builder.append_link(&mut header, path, target)?;
            return Ok(false);
        }
        if kind.is_block_device() || kind.is_char_device() {
            let (major, minor) = (nix::sys::stat::major(found.rdev()), nix::sys::stat::minor(found.rdev()));
            header.set_device_major(u32::try_from(major)?)?;
            header.set_device_minor(u32::try_from(minor)?)?;
        }
        self.builder.append_data(&mut header, path, io::empty())?;
        self.unlocked.add(unlocked);
        Ok(kind.is_dir())
    }

    fn describe(&mut self, attributes: &Attributes, target: Option<&Path>) -> io::Result<()> {
        let time = format!("{} {}", attributes.changed.0, attributes.changed.1);
        let mut records = vec![(TIME.to_owned(), time)];
        if let Some(target) = target {
            records.push((TARGET.to_owned(), STANDARD.encode(target.as_os_str().as_bytes())));
        }
        for (name, value) in &attributes.extended {
            // In base64, because readers take a line break for the end of a record.
            records.push((format!("{ATTRIBUTE}{}", STANDARD.encode(name).replace('=', "-")), STANDARD.encode(value)));
        }
        self.builder.append_pax_extensions(records.iter().map(|(name, value)| (name.as_str(), value.as_bytes())))
    }
}

/// Bytes that what is in an archive takes up on a disk, where it says so: older ones do not.
pub fn unpacked_size(archive: &Path) -> Option<u64> {
    let mut decoder = GzDecoder::new(BufReader::new(File::open(archive).ok()?));
    // The header comes with the first byte.
    decoder.read_exact(&mut [0]).ok()?;
    std::str::from_utf8(decoder.header()?.comment()?).ok()?.strip_prefix(SIZE)?.parse().ok()
}

/// Unpacks an archive into an empty directory.
///
/// # Errors
/// When the archive is damaged, or something cannot be written; what has been unpacked then stays.
pub fn unpack(archive: &Path, directory: &Path) -> Result<()> {
    let file = File::open(archive).with_context(|| format!("opening {}", archive.display()))?;
    let mut archive = Archive::new(GzDecoder::new(BufReader::with_capacity(BUFFER, file)));
    // Their attributes come last: what is written into a directory changes its time.
    let mut directories = Vec::new();
    for entry in archive.entries()? {
        let mut entry = entry?;
        let path = directory.join(below(&entry.path()?)?);
        let attributes =
            unpack_one(&mut entry, directory, &path).with_context(|| format!("unpacking {}", path.display()))?;
        match attributes {
            Some(attributes) if entry.header().entry_type() == EntryType::Directory => {
                directories.push((path, attributes))
            }
            Some(attributes) => attributes.give(&path)?,
            None => {}
        }
    }
    for (path, attributes) in directories.iter().rev() {
        attributes.give(path)?;
    }
    Ok(())
}

/// Makes one file, and answers the attributes it is to have.
fn unpack_one(entry: &mut Entry<'_, impl io::Read>, directory: &Path, path: &Path) -> Result<Option<Attributes>> {
    let header = entry.header().clone();
    let device = || -> Result<u64> {
        let (major, minor) = (header.device_major()?.unwrap_or(0), header.device_minor()?.unwrap_or(0));
        Ok(nix::sys::stat::makedev(major.into(), minor.into()))
    };
    match header.entry_type() {
        EntryType::Directory => fs::create_dir(path)?,
        EntryType::Symlink => {
            let target = record(entry, TARGET)?.context("a link to nothing")?;
            symlink(OsStr::from_bytes(&STANDARD.decode(target)?), path)?;
        }
        EntryType::Link => {
            let target = entry.link_name()?.context("a link to nothing")?.into_owned();
            fs::hard_link(directory.join(below(&target)?), path)?;
            return Ok(None);
        }
        EntryType::Char => mknod(path, SFlag::S_IFCHR, Mode::S_IRUSR, device()?)?,
        EntryType::Block => mknod(path, SFlag::S_IFBLK, Mode::S_IRUSR, device()?)?,
        EntryType::Fifo => mknod(path, SFlag::S_IFIFO, Mode::S_IRUSR, 0)?,
        // It leaves holes where there were some.
        _ => drop(entry.unpack(path)?),
    }
    Ok(Some(attributes(entry)?))
}

fn attributes(entry: &mut Entry<'_, impl io::Read>) -> Result<Attributes> {
    let header = entry.header();
    let (uid, gid) = (u32::try_from(header.uid()?)?, u32::try_from(header.gid()?)?);
    // The header's own time has no place for years before 1970.
    let mut found = Attributes { uid, gid, mode: header.mode()? & 0o7777, changed: (0, 0), extended: Vec::new() };
    for record in entry.pax_extensions()?.into_iter().flatten() {
        let record = record?;
        let (name, value) = (record.key()?, record.value()?);
        if name == TIME {
            let (seconds, nanoseconds) = value.split_once(' ').context("a time is damaged")?;
            found.changed = (seconds.parse()?, nanoseconds.parse()?);
        } else if let Some(name) = name.strip_prefix(ATTRIBUTE) {
            found.extended.push((STANDARD.decode(name.replace('-', "="))?, STANDARD.decode(value)?));
        }
    }
    Ok(found)
}

/// The value of one of our own records.
fn record(entry: &mut Entry<'_, impl io::Read>, name: &str) -> Result<Option<String>> {
    for record in entry.pax_extensions()?.into_iter().flatten() {
        let record = record?;
        if record.key()? == name {
            return Ok(Some(record.value()?.to_owned()));
        }
    }
    Ok(None)
}

/// A path that leads nowhere but down.
fn below(path: &Path) -> Result<PathBuf> {
    let mut clean = PathBuf::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => clean.push(name),
            Component::CurDir => {}
            _ => bail!("{} is not a path of an archive", String::from_utf8_lossy(path.as_os_str().as_bytes())),
        }
    }
    Ok(clean)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{FileExt, PermissionsExt};

    use sha2::Digest;

    use super::*;
    use crate::sandboxes::unlocked::as_user;

    /// Everything there is to know about the files of a directory, as text.
    fn listing(directory: &Path) -> Vec<String> {
        let mut lines = Vec::new();
        let mut waiting = vec![PathBuf::new()];
        while let Some(below) = waiting.pop() {
            for entry in fs::read_dir(directory.join(&below)).unwrap() {
                let path = below.join(entry.unwrap().file_name());
                let outside = directory.join(&path);
                let found = fs::symlink_metadata(&outside).unwrap();
                let content = match found.file_type() {
                    kind if kind.is_dir() => "directory".to_owned(),
                    kind if kind.is_symlink() => format!("{:?}", fs::read_link(&outside).unwrap()),
                    kind if kind.is_file() => {
                        let digest = sha2::Sha256::digest(fs::read(&outside).unwrap());
                        format!("{digest:x?} {}", found.blocks())
                    }
                    _ => format!("{:?}", found.file_type()),
                };
                let attributes = Attributes::of(&outside, &found).unwrap();
                lines.push(format!("{path:?} {attributes:?} {} {} {content}", found.nlink(), found.rdev()));
                if found.is_dir() {
                    waiting.push(path);
                }
            }
        }
        lines.sort();
        lines
    }

    fn tree(directory: &Path) {
        fs::create_dir_all(directory.join("a/empty")).unwrap();
        fs::write(directory.join("a/file"), "content").unwrap();
        fs::write(directory.join("a/none"), "").unwrap();
        fs::hard_link(directory.join("a/file"), directory.join("a/again")).unwrap();
        symlink("../nowhere", directory.join("a/link")).unwrap();
        symlink("/".repeat(300), directory.join("a/long link")).unwrap();
        fs::write(directory.join("a").join("n".repeat(200)), "long").unwrap();
        fs::write(directory.join("a/ü\n=%"), "odd").unwrap();
        let sparse = File::create(directory.join("a/sparse")).unwrap();
        sparse.set_len(8 << 20).unwrap();
        sparse.write_all_at(b"in the middle", 4 << 20).unwrap();
        File::create(directory.join("a/hole")).unwrap().set_len(1 << 20).unwrap();
        mknod(&directory.join("a/pipe"), SFlag::S_IFIFO, Mode::S_IRWXU, 0).unwrap();
        fs::set_permissions(directory.join("a/file"), fs::Permissions::from_mode(0o4751)).unwrap();
        fs::set_permissions(directory.join("a/empty"), fs::Permissions::from_mode(0o1777)).unwrap();
        let times = rustix::fs::Timestamps {
            last_access: rustix::fs::Timespec { tv_sec: 1, tv_nsec: 0 },
            last_modification: rustix::fs::Timespec { tv_sec: 981_173_106, tv_nsec: 987_654_321 },
        };
        let flags = rustix::fs::AtFlags::SYMLINK_NOFOLLOW;
        for name in ["a/file", "a/link", "a/empty", "a"] {
            rustix::fs::utimensat(rustix::fs::CWD, directory.join(name), &times, flags).unwrap();
        }
        let before_1970 = rustix::fs::Timestamps {
            last_access: rustix::fs::Timespec { tv_sec: 1, tv_nsec: 0 },
            last_modification: rustix::fs::Timespec { tv_sec: -1_000_000, tv_nsec: 5 },
        };
        rustix::fs::utimensat(rustix::fs::CWD, directory.join("a/none"), &before_1970, flags).unwrap();
        // Where the file system has them.
        let flags = rustix::fs::XattrFlags::empty();
        let _ = rustix::fs::lsetxattr(directory.join("a/file"), "user.a=b", b"x\ny\0z", flags);
        if nix::unistd::geteuid().is_root() {
            mknod(&directory.join("whiteout"), SFlag::S_IFCHR, Mode::empty(), 0).unwrap();
            std::os::unix::fs::lchown(directory.join("a/none"), Some(1000), Some(4_000_000_000)).unwrap();
        }
    }

    #[test]
    fn what_is_unpacked_is_what_was_packed() {
        let directory = tempfile::tempdir().unwrap();
        let (before, after) = (directory.path().join("before"), directory.path().join("after"));
        tree(&before);
        fs::write(before.join("left out"), "").unwrap();
        let archive = directory.path().join("archive");
        pack(&before, &["left out"], &archive, &AtomicBool::new(false)).unwrap();
        fs::remove_file(before.join("left out")).unwrap();
        assert!(fs::metadata(&archive).unwrap().len() < 100_000, "holes take no room");
        let size = unpacked_size(&archive).unwrap();
        assert!((1..1 << 20).contains(&size), "{size}");
        fs::create_dir(&after).unwrap();
        unpack(&archive, &after).unwrap();
        for (found, expected) in listing(&after).iter().zip(listing(&before)) {
            assert_eq!(*found, expected);
        }
        assert_eq!(listing(&after).len(), listing(&before).len());
    }

    #[test]
    fn files_and_directories_that_their_owner_may_not_read_are_packed_and_stay_as_they_are() {
        as_user(|directory| {
            let (before, after) = (directory.join("before"), directory.join("after"));
            fs::create_dir_all(before.join("locked/below")).unwrap();
            fs::write(before.join("locked/below/file"), "content").unwrap();
            let locked = ["locked/below/file", "locked/below", "locked"];
            let modes = |top: &Path| {
                let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
                let found = ["locked", "locked/below", "locked/below/file"].map(|path| {
                    let found = mode(&top.join(path));
                    fs::set_permissions(top.join(path), fs::Permissions::from_mode(0o700)).unwrap();
                    found
                });
                (found, fs::read_to_string(top.join("locked/below/file")).unwrap())
            };
            for path in locked {
                fs::set_permissions(before.join(path), fs::Permissions::from_mode(0o0)).unwrap();
            }
            let archive = directory.join("archive");
            pack(&before, &[], &archive, &AtomicBool::new(false)).unwrap();
            fs::create_dir(&after).unwrap();
            unpack(&archive, &after).unwrap();
            assert_eq!(modes(&after), ([0; 3], "content".to_owned()));
            let copy = directory.join("copy");
            crate::sandboxes::copy_tree::copy(&before, &copy).unwrap();
            assert_eq!(modes(&copy), ([0; 3], "content".to_owned()));
            assert_eq!(modes(&before), ([0; 3], "content".to_owned()), "the original");
        });
    }

    #[test]
    fn packing_ends_when_nobody_wants_it() {
        let directory = tempfile::tempdir().unwrap();
        let before = directory.path().join("before");
        tree(&before);
        let archive = directory.path().join("archive");
        pack(&before, &[], &archive, &AtomicBool::new(true)).unwrap_err();
    }

    #[test]
    fn a_damaged_archive_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let before = directory.path().join("before");
        tree(&before);
        let archive = directory.path().join("archive");
        pack(&before, &[], &archive, &AtomicBool::new(false)).unwrap();
        let whole = fs::read(&archive).unwrap();
        fs::write(&archive, &whole[..whole.len() / 2]).unwrap();
        let after = directory.path().join("after");
        fs::create_dir(&after).unwrap();
        unpack(&archive, &after).unwrap_err();
    }
}
