//! Files that their owner may not read now, but could allow himself to: an engine without root meets the sandboxes' like this.
//!
//! Their modes are noted in the state directory before they are changed, so that the next engine gives them back when this one is
//! killed meanwhile.

use std::fs::{self, File, Metadata};
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

use nix::fcntl::{OFlag, OpenHow, ResolveFlag, openat2};

/// What the owner needs to read a file, and to look for something in a directory.
const FILE: u32 = 0o400;
const DIRECTORY: u32 = 0o500;

/// Name of the notes in the state directory.
const NOTES: &str = "unlocked";

/// Those of this engine.
static OURS: OnceLock<Notes> = OnceLock::new();

/// Gives files back the modes that an earlier engine has left changed, and notes those that this one changes.
///
/// # Errors
/// The state directory cannot be written.
pub fn prepare(state_dir: &Path) -> io::Result<()> {
    let notes = Notes::open(state_dir)?;
    // One engine is all that a program runs, but for tests.
    let _ = OURS.set(notes);
    Ok(())
}

/// The modes of files that are other ones now: each the mode, a blank, the path below the state directory, and a zero.
struct Notes {
    state_dir: PathBuf,
    written: Mutex<Written>,
}

struct Written {
    file: File,
    /// How many files have other modes. The notes begin anew when there are none.
    unlocked: usize,
}

impl Notes {
    fn open(state_dir: &Path) -> io::Result<Self> {
        let path = state_dir.join(NOTES);
        match fs::read(&path) {
            Ok(left) => give_back(state_dir, &left),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let file = File::options().create(true).append(true).open(&path)?;
        file.set_len(0)?;
        Ok(Self { state_dir: state_dir.to_owned(), written: Mutex::new(Written { file, unlocked: 0 }) })
    }

    fn note(&self, path: &Path, mode: u32) -> io::Result<()> {
        let Ok(below) = path.strip_prefix(&self.state_dir) else { return Ok(()) };
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        let note = [format!("{mode:o} ").as_bytes(), below.as_os_str().as_bytes(), &[0]].concat();
        written.file.write_all(&note)?;
        written.unlocked += 1;
        Ok(())
    }

    fn given_back(&self, path: &Path) {
        if path.starts_with(&self.state_dir) {
            let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
            written.unlocked = written.unlocked.saturating_sub(1);
            if written.unlocked == 0 {
                // What stays in them is given back once more, which changes nothing.
                let _ = written.file.set_len(0);
            }
        }
    }
}

/// Gives back modes, the last ones first: those above were noted before those below, and let nobody in once they are back.
fn give_back(state_dir: &Path, notes: &[u8]) {
    // A note that an engine did not write to its end is of a file that is as it was.
    let whole = notes.split_inclusive(|byte| *byte == 0).filter_map(|note| note.strip_suffix(&[0]));
    for note in whole.collect::<Vec<_>>().into_iter().rev() {
        if let Err(error) = give_one_back(state_dir, note)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%error, "a file of a sandbox kept the mode that lets its owner read it");
        }
    }
}

fn give_one_back(state_dir: &Path, note: &[u8]) -> io::Result<()> {
    let blank = note.iter().position(|byte| *byte == b' ').ok_or(io::ErrorKind::InvalidData)?;
    let mode = str::from_utf8(&note[..blank]).ok().and_then(|mode| u32::from_str_radix(mode, 8).ok());
    let mode = mode.ok_or(io::ErrorKind::InvalidData)?;
    let below = PathBuf::from(std::ffi::OsString::from_vec(note[blank + 1..].to_vec()));
    // A sandbox may have put links in the place of its directories meanwhile.
    let how = OpenHow::new()
        .flags(OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC)
        .resolve(ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_SYMLINKS);
    let found = File::from(openat2(File::open(state_dir)?, &below, how)?);
    let metadata = found.metadata()?;
    if (metadata.is_dir() || metadata.is_file()) && metadata.uid() == nix::unistd::geteuid().as_raw() {
        fs::set_permissions(format!("/proc/self/fd/{}", found.as_raw_fd()), fs::Permissions::from_mode(mode))?;
    }
    Ok(())
}

/// A file or directory with a mode that lets its owner read it, until dropped.
pub struct Unlocked(Option<Changed>);

struct Changed {
    path: PathBuf,
    mode: u32,
    notes: Option<&'static Notes>,
}

impl Unlocked {
    /// Lets the owner read what is at `path`, which `found` describes. Nothing happens where he may, where somebody else owns it,
    /// or for root, who always may.
    ///
    /// # Errors
    /// When the mode cannot be noted or changed.
    pub fn read(path: &Path, found: &Metadata) -> io::Result<Self> {
        Self::noted(path, found, OURS.get())
    }

    fn noted(path: &Path, found: &Metadata, notes: Option<&'static Notes>) -> io::Result<Self> {
        let needed = match found.file_type() {
            kind if kind.is_dir() => DIRECTORY,
            kind if kind.is_file() => FILE,
            _ => return Ok(Self(None)),
        };
        let (mode, user) = (found.mode() & 0o7777, nix::unistd::geteuid());
        if mode & needed == needed || user.is_root() || user.as_raw() != found.uid() {
            return Ok(Self(None));
        }
        if let Some(notes) = notes {
            notes.note(path, mode)?;
        }
        // Gives the mode back also when it could not be changed.
        let unlocked = Self(Some(Changed { path: path.to_owned(), mode, notes }));
        fs::set_permissions(path, fs::Permissions::from_mode(mode | needed))?;
        Ok(unlocked)
    }
}

impl Drop for Unlocked {
    fn drop(&mut self) {
        if let Some(Changed { path, mode, notes }) = &self.0 {
            // It is the owner's own file; if it has gone meanwhile, so has its mode.
            let _ = fs::set_permissions(path, fs::Permissions::from_mode(*mode));
            if let Some(notes) = notes {
                notes.given_back(path);
            }
        }
    }
}

/// Directories that are unlocked until dropped, those below others first.
#[derive(Default)]
pub struct UnlockedTree(Vec<Unlocked>);

impl UnlockedTree {
    /// Adds a directory that is on the way to the next ones.
    pub fn add(&mut self, unlocked: Unlocked) {
        if unlocked.0.is_some() {
            self.0.push(unlocked);
        }
    }
}

impl Drop for UnlockedTree {
    fn drop(&mut self) {
        while self.0.pop().is_some() {}
    }
}

/// For tests: work as an ordinary user, whoever runs them, in a directory of his own.
#[cfg(test)]
pub fn as_user(work: impl FnOnce(&Path) + Send) {
    let directory = tempfile::tempdir().unwrap();
    if !nix::unistd::geteuid().is_root() {
        return work(directory.path());
    }
    const USER: u32 = 65_534;
    std::os::unix::fs::chown(directory.path(), Some(USER), Some(USER)).unwrap();
    let worked = std::thread::scope(|threads| {
        let user = || {
            // He may not be allowed to go there from the top. Where this thread is, and who it is, is its own from here on:
            // the C library would change it for all threads.
            nix::sched::unshare(nix::sched::CloneFlags::CLONE_FS).unwrap();
            std::env::set_current_dir(directory.path()).unwrap();
            for call in [nix::libc::SYS_setresgid, nix::libc::SYS_setresuid] {
                // SAFETY: the calls take three numbers.
                assert_eq!(unsafe { nix::libc::syscall(call, USER, USER, USER) }, 0);
            }
            work(Path::new("."));
        };
        threads.spawn(user).join()
    });
    worked.expect("what the thread said");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_gives_back_the_modes_that_a_killed_one_has_changed() {
        as_user(|directory| {
            let state = directory.join("state");
            fs::create_dir_all(state.join("outer/inner")).unwrap();
            let (outer, inner) = (state.join("outer"), state.join("outer/inner"));
            let (file, odd) = (inner.join("file"), inner.join("odd\nna me"));
            for path in [&file, &odd] {
                fs::write(path, "content").unwrap();
            }
            let modes = [(&file, 0o200), (&odd, 0o004), (&inner, 0o311), (&outer, 0o1000)];
            for (path, mode) in modes {
                fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
            }
            let notes: &'static Notes = Box::leak(Box::new(Notes::open(&state).unwrap()));
            let unlock =
                |path: &Path| Unlocked::noted(path, &fs::symlink_metadata(path).unwrap(), Some(notes)).unwrap();
            let read = || {
                let mut tree = UnlockedTree::default();
                for path in [&outer, &inner] {
                    tree.add(unlock(path));
                }
                let files = [&file, &odd].map(|path| unlock(path));
                assert_eq!(fs::read_to_string(&odd).unwrap(), "content");
                // Files are first, as long as their directories let anybody in.
                (files, tree)
            };
            drop(read());
            assert_eq!(fs::metadata(state.join(NOTES)).unwrap().len(), 0, "all is as it was");
            // As `kill -9` leaves it.
            std::mem::forget(read());
            // A sandbox that has put a link there since changes nothing behind it.
            fs::remove_file(&odd).unwrap();
            std::os::unix::fs::symlink(directory.join("private"), &odd).unwrap();
            fs::write(directory.join("private"), "").unwrap();
            drop(Notes::open(&state).unwrap());
            let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o7777;
            assert_eq!(mode(&outer), 0o1000);
            fs::set_permissions(&outer, fs::Permissions::from_mode(0o700)).unwrap();
            assert_eq!(mode(&inner), 0o311);
            assert_eq!(mode(&file), 0o200);
            assert_eq!(mode(&directory.join("private")) & 0o400, 0o400);
            assert_eq!(fs::metadata(state.join(NOTES)).unwrap().len(), 0);
            fs::set_permissions(&inner, fs::Permissions::from_mode(0o700)).unwrap();
        });
    }
}
