//! The system part of every sandbox's root: what of the machine is shown, and the /etc made for it.
//!
//! The choice is a list of what is shown, never of what is hidden: anything not named here does not
//! exist inside. `/etc` is a directory of the engine's own, filled once from world-readable entries
//! of the machine's and with accounts of its own, so no password hash, key or host setting is in it.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::spec::SANDBOX_UID;

/// Bumped when the contents below change; a new name makes a new directory.
const BASE_NAME: &str = "base-4";

/// The machine's Python, which every sandbox shows.
const PYTHON: &str = "/usr/bin/python3";

/// Top-level system directories: links are copied, directories shown copy-on-write.
const SYSTEM_DIRECTORIES: [&str; 7] = ["usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32"];

/// Parts of `/var` shown copy-on-write: which packages are installed.
const VAR_DIRECTORIES: [&str; 1] = ["var/lib/dpkg"];

/// Empty directories of a fresh root, with their modes.
const EMPTY_DIRECTORIES: [(&str, u32); 24] = [
    ("dev", 0o755),
    ("etc", 0o755),
    ("home", 0o755),
    ("media", 0o755),
    ("mnt", 0o755),
    ("opt", 0o755),
    ("opt/daytona", 0o755),
    ("proc", 0o555),
    ("root", 0o700),
    ("run", 0o755),
    ("srv", 0o755),
    ("sys", 0o555),
    ("tmp", 0o1777),
    ("var", 0o755),
    ("var/cache", 0o755),
    ("var/lib", 0o755),
    ("var/lib/dpkg", 0o755),
    ("var/local", 0o755),
    ("var/log", 0o755),
    ("var/mail", 0o755),
    ("var/opt", 0o755),
    ("var/spool", 0o755),
    ("var/tmp", 0o1777),
    ("home/daytona", 0o755),
];

/// Entries of the machine's `/etc` that are shown, when they exist and everybody may read them.
const ETC_ENTRIES: [&str; 56] = [
    "adduser.conf",
    "alternatives",
    "apt/sources.list",
    "apt/sources.list.d",
    "apt/trusted.gpg.d",
    "bash.bashrc",
    "bash_completion.d",
    "ca-certificates",
    "ca-certificates.conf",
    "debian_version",
    "default/locale",
    "default/useradd",
    "deluser.conf",
    "dpkg",
    "fonts",
    "gai.conf",
    "host.conf",
    "inputrc",
    "issue",
    "java-11-openjdk",
    "java-17-openjdk",
    "java-21-openjdk",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "locale.alias",
    "locale.gen",
    "localtime",
    "login.defs",
    "lsb-release",
    "magic",
    "magic.mime",
    "mime.types",
    "nanorc",
    "networks",
    "nsswitch.conf",
    "os-release",
    "perl",
    "pki/tls/certs",
    "profile",
    "profile.d",
    "protocols",
    "python3",
    "python3.9",
    "python3.10",
    "python3.11",
    "python3.12",
    "python3.13",
    "rpc",
    "services",
    "shells",
    "skel",
    "ssl/certs",
    "ssl/openssl.cnf",
    "terminfo",
    "timezone",
];

const PASSWD: &str = "\
root:x:0:0:root:/root:/bin/bash
daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin
bin:x:2:2:bin:/bin:/usr/sbin/nologin
sys:x:3:3:sys:/dev:/usr/sbin/nologin
man:x:6:12:man:/var/cache/man:/usr/sbin/nologin
mail:x:8:8:mail:/var/mail:/usr/sbin/nologin
www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin
_apt:x:42:65534::/nonexistent:/usr/sbin/nologin
daytona:x:1000:1000:Daytona:/home/daytona:/bin/bash
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
";

const GROUP: &str = "\
root:x:0:
daemon:x:1:
bin:x:2:
sys:x:3:
adm:x:4:
tty:x:5:
disk:x:6:
mail:x:8:
man:x:12:
utmp:x:43:
shadow:x:42:
staff:x:50:
users:x:100:
www-data:x:33:
daytona:x:1000:
nogroup:x:65534:
";

/// The engine's prepared system part.
#[derive(Debug, Clone)]
pub struct Base {
    /// The `/etc` of every sandbox, relative to the state directory.
    pub etc: PathBuf,
    /// What lies below the layers of an image built from the machine's system, relative to the state directory.
    pub default_root: PathBuf,
    /// What lies between those layers and the machine's system: a name for Python.
    pub between: PathBuf,
    /// What lies below the layers of any other image: places for mounts.
    pub empty_root: PathBuf,
}

impl Base {
    /// Fills the directory under `state_dir` unless it is there already. Homes belong to the sandbox's user where they are
    /// `owned`.
    pub fn prepare(state_dir: &Path, owned: bool) -> Result<Self> {
        let base = state_dir.join(BASE_NAME);
        if !base.exists() {
            let unfinished = state_dir.join(format!("{BASE_NAME}.unfinished"));
            let _ = fs::remove_dir_all(&unfinished);
            fill_etc(&unfinished.join("etc")).context("preparing the sandboxes' /etc")?;
            create_root(&unfinished.join("default"), owned).context("preparing a root")?;
            make_directory(&unfinished.join("between"), 0o755)?;
            name_python(&unfinished.join("between/usr"), "local/bin").context("naming Python")?;
            create_empty_root(&unfinished.join("empty")).context("preparing an empty root")?;
            fs::set_permissions(&unfinished, fs::Permissions::from_mode(0o755))?;
            fs::rename(&unfinished, &base)?;
        }
        let [etc, default_root, between, empty_root] =
            ["etc", "default", "between", "empty"].map(|name| Path::new(BASE_NAME).join(name));
        Ok(Self { etc, default_root, between, empty_root })
    }
}

/// The system directories shown copy-on-write, as absolute paths.
pub fn shared_directories() -> Vec<PathBuf> {
    let named = SYSTEM_DIRECTORIES.iter().chain(&VAR_DIRECTORIES).map(|name| Path::new("/").join(name));
    named.filter(|path| path.symlink_metadata().is_ok_and(|found| found.is_dir())).collect()
}

/// The names of the directories that hold what sandboxes change of the system's.
pub fn layers() -> Vec<PathBuf> {
    layer_targets().iter().map(|target| PathBuf::from(layer_name(target))).collect()
}

/// Where they appear, relative to the root.
pub fn layer_targets() -> Vec<PathBuf> {
    let system = shared_directories();
    let targets = system.iter().filter_map(|source| source.strip_prefix("/").ok()).chain([Path::new("etc")]);
    targets.map(Path::to_owned).collect()
}

/// The name of the directory that holds what a sandbox changes of one of the system's, relative to the root.
pub fn layer_name(target: &Path) -> String {
    target.to_string_lossy().replace('/', "-")
}

/// Creates a fresh root, owned by the sandbox's user where that is another than the engine's.
pub fn create_root(root: &Path, owned: bool) -> io::Result<()> {
    make_directory(root, 0o755)?;
    for (name, mode) in EMPTY_DIRECTORIES {
        make_directory(&root.join(name), mode)?;
    }
    for name in SYSTEM_DIRECTORIES {
        let outside = Path::new("/").join(name);
        match fs::symlink_metadata(&outside) {
            Ok(found) if found.is_symlink() => symlink(fs::read_link(&outside)?, root.join(name))?,
            Ok(found) if found.is_dir() => make_directory(&root.join(name), 0o755)?,
            _ => {}
        }
    }
    symlink("/run", root.join("var/run"))?;
    symlink("/run/lock", root.join("var/lock"))?;
    let home = root.join("home/daytona");
    copy_home(Path::new("/etc/skel"), &home, owned)?;
    if owned {
        chown(&home, Some(SANDBOX_UID), Some(SANDBOX_UID))?;
    }
    Ok(())
}

/// Creates what every root has, whatever its image lacks.
fn create_empty_root(root: &Path) -> io::Result<()> {
    make_directory(root, 0o755)?;
    for (name, mode) in [("dev", 0o755), ("etc", 0o755), ("proc", 0o555), ("sys", 0o555), ("tmp", 0o1777)] {
        make_directory(&root.join(name), mode)?;
    }
    Ok(())
}

/// Names a sandbox in the layer over its `/etc`, where its root may have put anything: nothing there is followed or written
/// to, and a directory in a file's place stays.
pub fn name_host(etc_upper: &Path, host_name: &str) -> io::Result<()> {
    let files = [
        ("hostname", format!("{host_name}\n")),
        ("hosts", format!("127.0.0.1 localhost {host_name}\n::1 localhost\n")),
    ];
    for (name, text) in files {
        let path = etc_upper.join(name);
        if fs::symlink_metadata(&path).is_ok_and(|found| found.is_dir()) {
            continue;
        }
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => write_public(&path, &text)?,
        }
    }
    Ok(())
}

/// Copies a prepared home into a new one.
pub fn copy_home(prepared: &Path, home: &Path, owned: bool) -> io::Result<()> {
    let Ok(entries) = fs::read_dir(prepared) else { return Ok(()) };
    for entry in entries {
        let entry = entry?;
        let target = home.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            make_directory(&target, 0o755)?;
            copy_home(&entry.path(), &target, owned)?;
        } else {
            fs::copy(entry.path(), &target)?;
        }
        if owned {
            chown(&target, Some(SANDBOX_UID), Some(SANDBOX_UID))?;
        }
    }
    Ok(())
}

/// Makes the machine's `python3` answer to `python` too, as in images with Python: a link in `programs` below `tree`, unless
/// the machine has a `python` of its own or no Python at all.
pub fn name_python(tree: &Path, programs: &str) -> io::Result<()> {
    let is_there = |name: &str| ["/usr/bin", "/usr/local/bin"].iter().any(|place| Path::new(place).join(name).exists());
    if is_there("python") || !Path::new(PYTHON).exists() {
        return Ok(());
    }
    let mut directory = tree.to_path_buf();
    make_directory(&directory, 0o755)?;
    for part in Path::new(programs) {
        directory.push(part);
        make_directory(&directory, 0o755)?;
    }
    symlink(PYTHON, directory.join("python"))
}

/// `mkdir` with exactly this mode, whatever the umask.
pub fn make_directory(path: &Path, mode: u32) -> io::Result<()> {
    match fs::create_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        other => other?,
    }
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
}

/// Writes a new file that everybody may read.
fn write_public(path: &Path, text: &str) -> io::Result<()> {
    let mut file = fs::File::create_new(path)?;
    file.write_all(text.as_bytes())?;
    file.set_permissions(fs::Permissions::from_mode(0o644))
}

fn fill_etc(etc: &Path) -> io::Result<()> {
    fs::create_dir_all(etc)?;
    fs::set_permissions(etc, fs::Permissions::from_mode(0o755))?;
    for name in ETC_ENTRIES {
        let source = Path::new("/etc").join(name);
        if let Some(parent) = Path::new(name).parent().filter(|_| source.symlink_metadata().is_ok()) {
            let mut directory = etc.to_path_buf();
            for part in parent {
                directory.push(part);
                make_directory(&directory, 0o755)?;
            }
            copy_readable(&source, &etc.join(name))?;
        }
    }
    write_public(&etc.join("passwd"), PASSWD)?;
    write_public(&etc.join("group"), GROUP)?;
    write_public(&etc.join("hosts"), "127.0.0.1 localhost\n::1 localhost\n")?;
    write_resolver(etc)?;
    symlink("/proc/self/mounts", etc.join("mtab"))
}

/// Names where the engine answers if sandboxes have a network, and nobody otherwise.
pub fn write_resolver(etc: &Path) -> io::Result<()> {
    write_public(&etc.join("resolv.conf"), "nameserver 127.0.0.53\noptions edns0\n")
}

/// Copies what everybody may read; leaves out the rest without a word.
fn copy_readable(source: &Path, target: &Path) -> io::Result<()> {
    let found = fs::symlink_metadata(source)?;
    if found.is_symlink() {
        return symlink(fs::read_link(source)?, target);
    }
    if found.is_dir() && found.mode() & 0o005 == 0o005 {
        make_directory(target, 0o755)?;
        for entry in fs::read_dir(source)?.flatten() {
            copy_readable(&entry.path(), &target.join(entry.file_name()))?;
        }
    } else if found.is_file() && found.mode() & 0o004 == 0o004 {
        fs::copy(source, target)?;
        fs::set_permissions(target, fs::Permissions::from_mode(found.mode() & 0o755))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn naming_a_sandbox_follows_nothing_that_it_has_put_there() {
        let directory = tempfile::tempdir().unwrap();
        let (etc, outside) = (directory.path().join("etc"), directory.path().join("outside"));
        fs::create_dir(&etc).unwrap();
        fs::write(&outside, "the machine's").unwrap();
        symlink(&outside, etc.join("hostname")).unwrap();
        fs::hard_link(&outside, etc.join("hosts")).unwrap();
        name_host(&etc, "name").unwrap();
        assert_eq!(fs::read_to_string(&outside).unwrap(), "the machine's");
        assert_eq!(fs::read_to_string(etc.join("hostname")).unwrap(), "name\n");
        fs::remove_file(etc.join("hostname")).unwrap();
        fs::create_dir(etc.join("hostname")).unwrap();
        name_host(&etc, "other").unwrap();
        assert!(fs::read_to_string(etc.join("hosts")).unwrap().contains("other"));
    }
}
