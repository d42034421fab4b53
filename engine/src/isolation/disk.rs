//! A file system of the sandbox's own: an image in one sparse file, mounted where only the sandbox sees it.
//!
//! What a sandbox may write ends where its file system ends, with "no space left" for it and for nobody else. The mount and the
//! loop device go with the sandbox's mount namespace, however the sandbox ends, so nothing of it is ever left on the
//! machine. Blocks that the sandbox frees are given back to the machine's disk.

use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::errno::Errno;
use nix::libc;
use nix::mount::{MsFlags, mount};
use serde::{Deserialize, Serialize};

/// The image's name in a sandbox's directory.
pub const IMAGE: &str = "disk.img";

/// Bytes of a block, and of the loop devices' sectors.
pub const BLOCK: u64 = 4096;

/// How long the kernel may still have the image in use for a sandbox that has ended.
const RELEASE_TIMEOUT: Duration = Duration::from_secs(5);

/// Where `e2fsprogs` may be; users' search paths often lack the directories of system programs.
const DIRECTORIES: [&str; 4] = ["/usr/sbin", "/sbin", "/usr/bin", "/bin"];

/// Discarded blocks become holes of the image. Tables of inodes stay unwritten until they are used.
pub(super) const OPTIONS: &str = "discard,noinit_itable";

/// The disk of one sandbox.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Disk {
    /// The image's absolute path.
    pub image: PathBuf,
    /// Its size in GiB.
    pub gib: u64,
}

impl Disk {
    /// The disk of the sandbox with this directory; none where its files are plain directories.
    pub fn of(directory: &Path, gib: u64) -> Option<Self> {
        let image = directory.join(IMAGE);
        image.exists().then_some(Self { image, gib })
    }

    fn open(&self) -> Result<File> {
        let image = File::options().read(true).write(true).open(&self.image).context("opening the disk")?;
        lock(&image)?;
        Ok(image)
    }

    /// Makes the file system as large as the disk is to be. It never shrinks. Blocks for as long as that takes.
    pub fn grow(&self) -> Result<()> {
        let image = self.open()?;
        let blocks = (self.gib << 30) / BLOCK;
        if block_count(&image)? >= blocks {
            return Ok(());
        }
        image.set_len(blocks * BLOCK)?;
        // The kernel itself could do it, but only for those with one more privilege, which containers lack. After a power failure
        // the journal has to be replayed first.
        run("e2fsck", &["-f", "-p"], &self.image, Some(&image), 1)?;
        run("resize2fs", &["-f"], &self.image, Some(&image), 0)
    }

    /// Makes a block device of the image.
    pub(super) fn attach(&self) -> Result<Device> {
        attach(&self.open()?).context("attaching the disk to a loop device")
    }

    /// Mounts the image.
    pub fn mount(&self, target: &Path) -> Result<()> {
        let device = self.attach()?;
        let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
        mount(Some(&device.path), target, Some("ext4"), flags, Some(OPTIONS)).context("mounting the disk")
    }
}

/// Has nobody else use the image for as long as this file, or a loop device made from it, is open: two mounts of one image
/// would destroy it.
fn lock(image: &File) -> Result<()> {
    let deadline = Instant::now() + RELEASE_TIMEOUT;
    loop {
        // SAFETY: the call takes integers. It is not undone when this process closes the file, as long as the device has it.
        if unsafe { libc::flock(image.as_raw_fd(), libc::LOCK_EX | libc::LOCK_NB) } == 0 {
            return Ok(());
        }
        match Errno::last() {
            Errno::EWOULDBLOCK if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(1)),
            Errno::EWOULDBLOCK => bail!("the sandbox's disk is still in use"),
            error => return Err(error).context("locking the disk"),
        }
    }
}

/// Waits until the kernel has written everything of a sandbox that has ended to its disk's image, where it has one.
///
/// # Errors
/// When the image is still in use after some seconds, or cannot be opened.
pub fn wait_until_free(directory: &Path) -> Result<()> {
    match File::options().read(true).write(true).open(directory.join(IMAGE)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error).context("opening the disk"),
        Ok(image) => lock(&image),
    }
}

/// The size of the file system in an image, in blocks.
fn block_count(image: &File) -> Result<u64> {
    const SUPERBLOCK: u64 = 1024;
    let word = |offset: u64| -> io::Result<u64> {
        let mut bytes = [0; 4];
        image.read_exact_at(&mut bytes, SUPERBLOCK + offset)?;
        Ok(u64::from(u32::from_le_bytes(bytes)))
    };
    Ok(word(0x4)? | word(0x150)? << 32)
}

/// Runs a program of the package `e2fsprogs` on an image. Exit statuses up to `worst` are good. An image that is locked stays
/// so for as long as the program runs, which may outlive an engine that is killed.
pub fn run(program: &str, arguments: &[&str], image: &Path, locked: Option<&File>, worst: i32) -> Result<()> {
    for directory in DIRECTORIES {
        let mut command = Command::new(Path::new(directory).join(program));
        // Whatever the machine's own defaults are.
        command.env_clear().env("PATH", DIRECTORIES.join(":")).env("MKE2FS_CONFIG", "/dev/null");
        if let Some(locked) = locked {
            command.stdin(locked.try_clone()?);
        }
        match command.args(arguments).arg(image).output() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error).with_context(|| format!("starting {program}")),
            Ok(output) if output.status.code().is_some_and(|code| code <= worst) => return Ok(()),
            Ok(output) => {
                let [stdout, stderr] =
                    [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
                bail!("{program} failed: {} {}", stderr.trim(), stdout.trim());
            }
        }
    }
    bail!("{program} is missing (Debian package e2fsprogs)")
}

/// `struct loop_config` of the kernel.
#[repr(C)]
struct LoopConfig {
    file: u32,
    block_size: u32,
    info: LoopInfo,
    reserved: [u64; 8],
}

/// `struct loop_info64` of the kernel.
#[repr(C)]
struct LoopInfo {
    numbers: [u64; 5],
    settings: [u32; 3],
    flags: u32,
    names: [u8; 160],
    init: [u64; 2],
}

/// A loop device that goes when nobody has it open or mounted any more.
pub(super) struct Device {
    pub path: PathBuf,
    _open: File,
}

fn attach(image: &File) -> Result<Device> {
    const GET_FREE: libc::Ioctl = 0x4C82;
    const CONFIGURE: libc::Ioctl = 0x4C0A;
    const AUTOCLEAR: u32 = 4;
    let control = File::options().read(true).write(true).open("/dev/loop-control")?;
    let config = LoopConfig {
        file: u32::try_from(image.as_raw_fd())?,
        block_size: u32::try_from(BLOCK)?,
        info: LoopInfo { numbers: [0; 5], settings: [0; 3], flags: AUTOCLEAR, names: [0; 160], init: [0; 2] },
        reserved: [0; 8],
    };
    loop {
        // SAFETY: the call takes no argument.
        let number = Errno::result(unsafe { libc::ioctl(control.as_raw_fd(), GET_FREE) })?;
        let path = PathBuf::from(format!("/dev/loop{number}"));
        let device = match File::options().read(true).write(true).open(&path) {
            // Somebody is removing it.
            Err(error) if error.raw_os_error() == Some(libc::ENXIO) => continue,
            other => other.with_context(|| path.display().to_string())?,
        };
        // SAFETY: the kernel reads one structure.
        match Errno::result(unsafe { libc::ioctl(device.as_raw_fd(), CONFIGURE, &raw const config) }) {
            // Another sandbox was faster.
            Err(Errno::EBUSY) => continue,
            other => other?,
        };
        return Ok(Device { path, _open: device });
    }
}

/// Copies a file and leaves its holes holes. The target is created with mode 0600.
///
/// # Errors
/// When the target exists or the disk is full; what there is of the target is removed then.
pub fn copy_sparse(from: &Path, to: &Path) -> io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;

    let source = File::open(from)?;
    let target = File::options().read(true).write(true).create_new(true).mode(0o600).open(to)?;
    let copied = copy_data(&source, &target);
    if copied.is_err() {
        let _ = fs::remove_file(to);
    }
    copied
}

/// Whether copies on the file system that holds a directory share their content with the original.
pub fn shares_content(directory: &Path) -> bool {
    let shared = || -> io::Result<bool> {
        use std::os::unix::fs::OpenOptionsExt;

        // Without a name, so that nothing is left.
        let file = || File::options().read(true).write(true).custom_flags(libc::O_TMPFILE).open(directory);
        let (mut source, target) = (file()?, file()?);
        io::Write::write_all(&mut source, &[1; BLOCK as usize])?;
        Ok(share(&source, &target))
    };
    shared().unwrap_or(false)
}

/// Shares the blocks of a file, where the file system can.
fn share(source: &File, target: &File) -> bool {
    const CLONE: libc::Ioctl = 0x4004_9409;
    // SAFETY: the call takes integers.
    unsafe { libc::ioctl(target.as_raw_fd(), CLONE, source.as_raw_fd()) == 0 }
}

fn copy_data(source: &File, target: &File) -> io::Result<()> {
    use std::io::{Read, Seek, SeekFrom};

    if share(source, target) {
        return Ok(());
    }
    target.set_len(source.metadata()?.len())?;
    let seek = |position: i64, what: libc::c_int| {
        // SAFETY: the call takes integers.
        Errno::result(unsafe { libc::lseek(source.as_raw_fd(), position, what) })
    };
    let mut position = 0;
    loop {
        let data = match seek(position, libc::SEEK_DATA) {
            // Nothing but a hole is left.
            Err(Errno::ENXIO) => return Ok(()),
            other => other?,
        };
        position = seek(data, libc::SEEK_HOLE)?;
        let [start, length] = [data, position - data].map(i64::unsigned_abs);
        let (mut reader, mut writer) = (source, target);
        reader.seek(SeekFrom::Start(start))?;
        writer.seek(SeekFrom::Start(start))?;
        io::copy(&mut reader.take(length), &mut writer)?;
    }
}

/// Makes a copy that was made while the original was still changing the same as it. Both must have the same size.
///
/// # Errors
/// When either cannot be read or the disk is full; the copy is then of no use.
pub fn copy_changes(from: &Path, to: &Path) -> io::Result<()> {
    let (source, target) = (File::open(from)?, File::options().read(true).write(true).open(to)?);
    let length = source.metadata()?.len();
    target.set_len(length)?;
    let (mut pieces, mut seen) = (Vec::new(), 0);
    while let Some((start, end)) = next_data(&source, seen)? {
        // What was given back since is still in the copy.
        clear(&target, seen, start)?;
        pieces.extend((start..end).step_by(PIECE).map(|at| (at, end.min(at + PIECE as u64))));
        seen = end;
    }
    clear(&target, seen, length)?;
    // Reading takes the time, and somebody waits: each processor reads some of them.
    let threads = thread::available_parallelism().map_or(1, usize::from).min(MOST_THREADS).min(pieces.len());
    let next = AtomicUsize::new(0);
    let work = || {
        let (mut wanted, mut there) = (vec![0; PIECE], vec![0; PIECE]);
        while let Some((start, end)) = pieces.get(next.fetch_add(1, Ordering::Relaxed)) {
            let length = usize::try_from(end - start).map_err(io::Error::other)?;
            let (wanted, there) = (&mut wanted[..length], &mut there[..length]);
            source.read_exact_at(wanted, *start)?;
            target.read_exact_at(there, *start)?;
            if wanted != there {
                target.write_all_at(wanted, *start)?;
            }
        }
        Ok(())
    };
    thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let joined =
            others.into_iter().map(|other| other.join().unwrap_or_else(|_| Err(io::Error::other("a thread died"))));
        let own = work();
        joined.fold(own, |before, result| before.and(result))
    })
}

/// Bytes that are compared at once.
const PIECE: usize = 256 << 10;

/// The most threads that compare a copy with its original.
const MOST_THREADS: usize = 4;

/// Where the next data of a sparse file are, from a position on.
fn next_data(file: &File, position: u64) -> io::Result<Option<(u64, u64)>> {
    let seek = |position: u64, what: libc::c_int| {
        let position = i64::try_from(position).map_err(io::Error::other)?;
        // SAFETY: the call takes integers.
        let found = unsafe { libc::lseek(file.as_raw_fd(), position, what) };
        match Errno::result(found) {
            Err(Errno::ENXIO) => Ok(None),
            other => Ok::<_, io::Error>(Some(other?.unsigned_abs())),
        }
    };
    let Some(start) = seek(position, libc::SEEK_DATA)? else { return Ok(None) };
    let end = seek(start, libc::SEEK_HOLE)?;
    Ok(end.map(|end| (start, end)))
}

/// Makes a part of a file a hole, or zeros where the file system has no holes to make.
fn clear(file: &File, start: u64, end: u64) -> io::Result<()> {
    if start == end {
        return Ok(());
    }
    let [from, length] = [start, end - start].map(|number| i64::try_from(number).map_err(io::Error::other));
    let how = libc::FALLOC_FL_PUNCH_HOLE | libc::FALLOC_FL_KEEP_SIZE;
    // SAFETY: the call takes integers.
    match Errno::result(unsafe { libc::fallocate(file.as_raw_fd(), how, from?, length?) }) {
        Err(Errno::EOPNOTSUPP | Errno::ENOSYS) => write_zeros(file, start, end),
        done => done.map(drop).map_err(io::Error::from),
    }
}

/// Writes zeros where a part of a file has something else.
fn write_zeros(file: &File, start: u64, end: u64) -> io::Result<()> {
    let zeros = vec![0; PIECE];
    let mut found = vec![0; PIECE];
    let mut position = start;
    while position < end {
        let length = (end - position).min(PIECE as u64) as usize;
        file.read_exact_at(&mut found[..length], position)?;
        if found[..length] != zeros[..length] {
            file.write_all_at(&zeros[..length], position)?;
        }
        position += length as u64;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_keeps_the_lock_of_its_image_when_the_engine_is_killed() {
        let image = tempfile::NamedTempFile::new().unwrap();
        lock(image.as_file()).unwrap();
        let has_it = ["-c", "test /proc/$$/fd/0 -ef \"$0\""];
        run("sh", &has_it, image.path(), Some(image.as_file()), 0).unwrap();
        run("sh", &has_it, image.path(), None, 0).unwrap_err();
    }

    #[test]
    fn what_cannot_be_a_hole_is_zeros() {
        let file = tempfile::tempfile().unwrap();
        file.write_all_at(&vec![1; PIECE + 100], 0).unwrap();
        write_zeros(&file, 10, PIECE as u64 + 50).unwrap();
        let mut read = vec![9; PIECE + 100];
        file.read_exact_at(&mut read, 0).unwrap();
        let (first, rest) = read.split_at(10);
        let (zeros, last) = rest.split_at(PIECE + 40);
        assert!(first.iter().chain(last).all(|byte| *byte == 1) && zeros.iter().all(|byte| *byte == 0));
    }

    #[test]
    fn a_copy_catches_up_with_what_has_changed_since() {
        let directory = tempfile::tempdir().unwrap();
        let [from, to] = ["from", "to"].map(|name| directory.path().join(name));
        let file = File::create(&from).unwrap();
        file.set_len(64 << 20).unwrap();
        for at in [0, 10 << 20, 30 << 20] {
            file.write_all_at(&[1; 8192], at).unwrap();
        }
        copy_sparse(&from, &to).unwrap();
        file.write_all_at(&[2; 100], (10 << 20) + 5000).unwrap();
        file.write_all_at(&[3; 100], 50 << 20).unwrap();
        // As blocks that a sandbox gives back.
        // SAFETY: the call takes integers.
        let given_back = unsafe {
            let how = libc::FALLOC_FL_PUNCH_HOLE | libc::FALLOC_FL_KEEP_SIZE;
            libc::fallocate(file.as_raw_fd(), how, 30 << 20, 8192)
        };
        assert_eq!(given_back, 0);
        copy_changes(&from, &to).unwrap();
        assert!(fs::read(&from).unwrap() == fs::read(&to).unwrap());
    }

    #[test]
    fn copies_have_the_same_bytes_and_holes() {
        use std::os::unix::fs::MetadataExt;

        let directory = tempfile::tempdir().unwrap();
        let [from, to] = ["from", "to"].map(|name| directory.path().join(name));
        let file = File::create(&from).unwrap();
        file.set_len(1 << 30).unwrap();
        file.write_all_at(b"near the start", 5_000).unwrap();
        file.write_all_at(b"at the end", (1 << 30) - 10).unwrap();
        copy_sparse(&from, &to).unwrap();
        let copy = File::open(&to).unwrap();
        assert_eq!(copy.metadata().unwrap().len(), 1 << 30);
        assert!(copy.metadata().unwrap().blocks() < 1_000);
        let mut found = [0; 10];
        copy.read_exact_at(&mut found, (1 << 30) - 10).unwrap();
        assert_eq!(&found, b"at the end");
        assert_eq!(copy_sparse(&from, &to).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert!(to.exists(), "what was there is not ours to remove");
    }
}
