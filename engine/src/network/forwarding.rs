//! Having the machine forward packets for sandboxes, and for nobody else.
//!
//! What is switched on is written down first, so that another engine switches it off again if this one is killed or ends
//! first. The firewall drops what comes from links that forward only because of this and is not for a sandbox.

use std::fs::{self, File};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg};
use nix::libc;

use super::links;

const SETTINGS: &str = "/proc/sys/net";

/// The settings that were switched on.
#[derive(Debug)]
pub struct Forwarding {
    place: PathBuf,
    links: Vec<String>,
}

impl Forwarding {
    /// Switches forwarding on for every link that is up. A kernel that forwards IPv6 only as a whole is left as it is.
    pub fn switch_on(state_dir: &Path, v6: bool) -> io::Result<Self> {
        let place = place(state_dir);
        let mut record = locked(&place)?;
        let mut earlier = String::new();
        record.read_to_string(&mut earlier)?;
        let mut forwarding = Self { place, links: Vec::new() };
        let mut files = Vec::new();
        for link in uplinks() {
            let mut settings = vec![PathBuf::from(SETTINGS).join("ipv4/conf").join(&link).join("forwarding")];
            if v6 {
                settings.push(PathBuf::from(SETTINGS).join("ipv6/conf").join(&link).join("force_forwarding"));
            }
            for file in settings.into_iter().filter(|file| file.exists()) {
                let is_off = fs::read_to_string(&file)?.trim() == "0";
                let by_an_engine = earlier.lines().any(|line| Path::new(line) == file);
                if is_off || by_an_engine {
                    files.push(file);
                    if !forwarding.links.contains(&link) {
                        forwarding.links.push(link.clone());
                    }
                }
            }
        }
        let lines: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
        rewrite(&mut record, &lines.join("\n"))?;
        for file in &files {
            fs::write(file, "1")?;
        }
        Ok(forwarding)
    }

    /// The links that forward only because of this.
    pub fn switched_on(&self) -> &[String] {
        &self.links
    }

    /// Leaves the machine as it was, unless other engines are there: the last one does it.
    pub fn restore(&self, others_are_there: impl FnOnce() -> bool) {
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
            rewrite(&mut record, "")
        });
        if let Err(error) = restored {
            tracing::error!(%error, "the machine still forwards packets");
        }
    }
}

/// The record, which one engine at a time reads and writes, together with the settings it is about.
fn locked(place: &Path) -> io::Result<Flock<File>> {
    let mut options = fs::OpenOptions::new();
    options.create(true).truncate(false).read(true).write(true).mode(0o600).custom_flags(libc::O_NOFOLLOW);
    Flock::lock(options.open(place)?, FlockArg::LockExclusive).map_err(|(_, error)| error.into())
}

fn rewrite(record: &mut File, text: &str) -> io::Result<()> {
    record.set_len(0)?;
    record.seek(io::SeekFrom::Start(0))?;
    record.write_all(text.as_bytes())
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
    if locked(&shared).is_ok() { shared } else { state_dir.join("forwarding") }
}

/// Whether the machine reaches the internet by IPv6 and can forward for others without being a router altogether.
pub fn has_v6() -> bool {
    let routes = fs::read_to_string("/proc/thread-self/net/ipv6_route").unwrap_or_default();
    let zeros = "0".repeat(32);
    let default = routes.lines().any(|route| {
        let fields: Vec<&str> = route.split_ascii_whitespace().collect();
        fields.len() == 10 && fields[0] == zeros && fields[1] == "00" && fields[9] != "lo"
    });
    let all = fs::read_to_string(format!("{SETTINGS}/ipv6/conf/all/forwarding"));
    let is_router = all.is_ok_and(|text| text.trim() == "1");
    default && (is_router || Path::new(SETTINGS).join("ipv6/conf/all/force_forwarding").exists())
}
