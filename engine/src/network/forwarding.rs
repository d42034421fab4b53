//! Having the machine forward packets for sandboxes, and for nobody else.
//!
//! What is switched on is written down first, so that another engine switches it off again if this one is killed or ends
//! first. The firewall drops what comes from links that forward only because of this and is not for a sandbox.

use std::fs::{self, File};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use nix::fcntl::{Flock, FlockArg};
use nix::libc;

use super::links;

const SETTINGS: &str = "/proc/sys/net";

/// The directory of a link's settings and the setting's name, of either family.
const SWITCHES: [[&str; 2]; 2] = [["ipv4/conf", "forwarding"], ["ipv6/conf", "force_forwarding"]];

/// The settings that were switched on.
#[derive(Debug)]
pub struct Forwarding {
    place: PathBuf,
    v6: bool,
    /// The links that forward only because of this, by family, until it is over.
    links: Mutex<Option<[Vec<String>; 2]>>,
}

impl Forwarding {
    /// Prepares to switch forwarding on. A kernel that forwards IPv6 only as a whole is left as it is.
    pub fn new(state_dir: &Path, v6: bool) -> Self {
        Self { place: place(state_dir), v6, links: Mutex::new(Some(Default::default())) }
    }

    /// Switches forwarding on for every link that is up now. `keep_from_others` is given those that forward only because of
    /// this, by family, before they do.
    pub fn switch_on(&self, keep_from_others: impl FnOnce(&[Vec<String>; 2]) -> io::Result<()>) -> io::Result<()> {
        let mut links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(known) = &mut *links else { return Ok(()) };
        let mut record = locked(&self.place)?;
        let mut earlier = String::new();
        record.read_to_string(&mut earlier)?;
        let (mut off, mut new) = (Vec::new(), [Vec::new(), Vec::new()]);
        for link in uplinks() {
            for (family, [directory, name]) in SWITCHES.into_iter().enumerate().take(1 + usize::from(self.v6)) {
                let file = Path::new(SETTINGS).join(directory).join(&link).join(name);
                // A link may be gone, or be without this family.
                let Ok(now) = fs::read_to_string(&file) else { continue };
                let is_off = now.trim() == "0";
                let by_an_engine = || earlier.lines().any(|line| Path::new(line) == file);
                if (is_off || by_an_engine()) && !known[family].contains(&link) {
                    new[family].push(link.clone());
                }
                if is_off {
                    off.push(file);
                }
            }
        }
        if new.iter().any(|links| !links.is_empty()) {
            keep_from_others(&new)?;
        }
        for (known, new) in known.iter_mut().zip(new) {
            known.extend(new);
        }
        if off.is_empty() {
            return Ok(());
        }
        let missing = off.iter().filter(|file| !earlier.lines().any(|line| Path::new(line) == file.as_path()));
        let lines: Vec<String> = missing.map(|file| format!("{}\n", file.display())).collect();
        append(&mut record, &earlier, &lines.concat())?;
        off.iter().try_for_each(|file| fs::write(file, "1"))
    }

    /// Leaves the machine as it was, unless other engines are there: the last one does it.
    pub fn restore(&self, others_are_there: impl FnOnce() -> bool) {
        self.links.lock().unwrap_or_else(PoisonError::into_inner).take();
        let restored = locked(&self.place).and_then(|mut record| {
            if others_are_there() {
                return Ok(());
            }
            let mut files = String::new();
            record.read_to_string(&mut files)?;
            for file in files.lines() {
                // A link may be gone.
                let _ = fs::write(file, "0");
            }
            // Whoever waits for the lock sees that this is not the record any more.
            fs::remove_file(&self.place)
        });
        if let Err(error) = restored {
            tracing::error!(%error, "the machine still forwards packets");
        }
    }
}

/// The record, which one engine at a time reads and writes, together with the settings it is about. Made if it is not there.
fn locked(place: &Path) -> io::Result<Flock<File>> {
    let mut options = fs::OpenOptions::new();
    options.create(true).truncate(false).read(true).write(true).mode(0o600).custom_flags(libc::O_NOFOLLOW);
    loop {
        let record = Flock::lock(options.open(place)?, FlockArg::LockExclusive).map_err(|(_, error)| error)?;
        // The last engine removes it, maybe while this one waits.
        if is_at(&record, place) {
            return Ok(record);
        }
    }
}

/// Whether the record can be had at all. One that is made for this is not left.
fn can_be_locked(place: &Path) -> bool {
    let Ok(record) = locked(place) else { return false };
    if record.metadata().is_ok_and(|found| found.len() == 0) {
        let _ = fs::remove_file(place);
    }
    true
}

fn is_at(record: &File, place: &Path) -> bool {
    let identity = |found: fs::Metadata| (found.dev(), found.ino());
    let there = fs::symlink_metadata(place).map(identity);
    there.is_ok_and(|there| record.metadata().map(identity).is_ok_and(|own| own == there))
}

/// Adds lines to what the record has. That stays as it is, whatever happens: a full disk, or the end of the engine. A part of a
/// line names nothing.
fn append(record: &mut File, earlier: &str, lines: &str) -> io::Result<()> {
    let begins_anew = if earlier.is_empty() || earlier.ends_with('\n') { "" } else { "\n" };
    record.seek(io::SeekFrom::End(0))?;
    record.write_all(format!("{begins_anew}{lines}").as_bytes())
}

/// The machine's links that are up, but for the loopback and sandboxes' ones.
pub fn uplinks() -> Vec<String> {
    let is_uplink = |name: &String| name != "lo" && !name.starts_with(super::LINK_PREFIX) && links::is_up(name);
    links::names().into_iter().filter(is_uplink).collect()
}

/// Where what was switched on is written down: one place for all engines of a machine, as far as there is one.
fn place(state_dir: &Path) -> PathBuf {
    let network = fs::metadata("/proc/thread-self/ns/net").map_or(0, |namespace| namespace.ino());
    let shared = PathBuf::from(format!("/run/daytona-forwarding-{network}"));
    if can_be_locked(&shared) { shared } else { state_dir.join("forwarding") }
}

/// Whether this thread's network has a route by a link to others, of IPv4 or IPv6.
pub fn has_routes() -> bool {
    let v4 = fs::read_to_string("/proc/thread-self/net/route").unwrap_or_default();
    // Behind a line of headings. Links are alone with themselves until they have an address of more than the link.
    v4.lines().count() > 1
        || has_v6_route(|destination, _| !destination.starts_with("fe80") && !destination.starts_with("ff"))
}

/// Whether there is a route of IPv6, but for the loopback's, with such a destination and length of prefix, in hexadecimal digits.
fn has_v6_route(is_wanted: impl Fn(&str, &str) -> bool) -> bool {
    let routes = fs::read_to_string("/proc/thread-self/net/ipv6_route").unwrap_or_default();
    routes.lines().any(|route| {
        let fields: Vec<&str> = route.split_ascii_whitespace().collect();
        fields.len() == 10 && fields[9] != "lo" && is_wanted(fields[0], fields[1])
    })
}

/// Whether the machine reaches the internet by IPv6 and can forward for others without being a router altogether.
pub fn has_v6() -> bool {
    let all = fs::read_to_string(format!("{SETTINGS}/ipv6/conf/all/forwarding"));
    let is_router = all.is_ok_and(|text| text.trim() == "1");
    let zeros = "0".repeat(32);
    has_v6_route(|destination, length| destination == zeros && length == "00")
        && (is_router || Path::new(SETTINGS).join("ipv6/conf/all/force_forwarding").exists())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waits_for_a_record_that_is_removed_makes_another() {
        let directory = tempfile::tempdir().unwrap();
        let place = directory.path().join("record");
        let mut first = locked(&place).unwrap();
        let waiting = std::thread::spawn({
            let place = place.clone();
            move || {
                let mut second = locked(&place).unwrap();
                let mut text = String::new();
                second.read_to_string(&mut text).unwrap();
                (text, is_at(&second, &place))
            }
        });
        append(&mut first, "", "one\ntw").unwrap();
        append(&mut first, "one\ntw", "three\n").unwrap();
        assert_eq!(fs::read_to_string(&place).unwrap(), "one\ntw\nthree\n");
        fs::remove_file(&place).unwrap();
        drop(first);
        // However the two met: nobody has a record that others do not see.
        assert_eq!(waiting.join().unwrap(), (String::new(), true));
    }

    #[test]
    fn a_look_leaves_no_empty_record() {
        let directory = tempfile::tempdir().unwrap();
        let place = directory.path().join("record");
        assert!(can_be_locked(&place));
        assert!(!place.exists());
        fs::write(&place, "line").unwrap();
        assert!(can_be_locked(&place));
        assert!(place.exists());
        assert!(!can_be_locked(&directory.path().join("no/record")));
    }
}
