//! The root of a sandbox made from an image: the image's layers over one another, and over the machine's own system where the
//! image was built from that.
//!
//! Whoever made the image may have put anything anywhere. Names in its layers are looked at on the machine only where no link
//! can lead out of the layer; everything else is looked up in the finished root, when it is all there is.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};

use super::base;
use super::spec::Mount;

/// The layer of the root itself, among those of system directories.
pub const ROOT_LAYER: &str = "root";

/// Where names are looked up.
pub const ETC: &str = "etc";

/// The file beside a sandbox's layers that tells where its image's `/etc` is, if that is a link.
const LINKED_ETC: &str = "linked-etc";

/// Where kernel interfaces appear, which an image can neither move nor take away.
const MOUNT_POINTS: [&str; 3] = ["dev", "proc", "sys"];

/// What a sandbox's root is made from, if that is an image.
#[derive(Debug, Clone)]
pub struct ImageRoot {
    /// Whether the layers lie over the machine's own system instead of over nothing.
    pub over_default: bool,
    /// The layers' directories relative to the state directory, topmost first.
    pub layers: Vec<PathBuf>,
    /// The image's variables.
    pub env: Vec<(String, String)>,
    /// The program that runs in the entrypoint session; none when empty.
    pub entrypoint: Vec<String>,
    /// The user of the sandbox's processes: names or numbers, `user` or `user:group`. Root when empty.
    pub user: String,
    /// The working directory; the user's home when empty.
    pub work_dir: String,
}

/// The same for the sandbox process, which finds user and directory in the root.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Inside {
    /// See [`ImageRoot::over_default`].
    pub over_default: bool,
    /// See [`ImageRoot::user`].
    pub user: String,
    /// See [`ImageRoot::work_dir`].
    pub work_dir: String,
    /// Variables that the image or the client has set: they are not replaced by the user's own.
    pub fixed: Vec<String>,
}

impl ImageRoot {
    /// The directories of the layers that are laid over this one of the machine's.
    pub fn over(&self, state_dir: &Path, target: &Path) -> Vec<PathBuf> {
        let there = |layer: &&PathBuf| is_directory_within(&state_dir.join(layer), target);
        self.layers.iter().filter(there).map(|layer| layer.join(target)).collect()
    }

    /// The directory that `/etc` is in the image, which may have a link there; `etc` where it leads to none.
    pub fn etc(&self, state_dir: &Path) -> PathBuf {
        let layers: Vec<PathBuf> = self.layers.iter().map(|layer| state_dir.join(layer)).collect();
        let found = daytona_images::directory_in(&layers, Path::new(ETC)).ok().flatten();
        found.unwrap_or_else(|| PathBuf::from(ETC))
    }

    /// The root itself, with what the sandbox changes in `own`. `base` is what lies below all layers.
    pub fn mount(&self, own: &Path, base: PathBuf) -> Mount {
        Mount::Overlay {
            lower: self.layers.iter().cloned().chain([base]).collect(),
            upper: own.join("upper").join(ROOT_LAYER),
            work: own.join("work").join(ROOT_LAYER),
            target: PathBuf::new(),
        }
    }
}

/// Whether there is such a directory, to which no link leads.
pub fn is_directory_within(root: &Path, relative: &Path) -> bool {
    let mut path = root.to_path_buf();
    relative.iter().all(|part| {
        path.push(part);
        fs::symlink_metadata(&path).is_ok_and(|found| found.is_dir())
    })
}

/// Fails for a root in which something else is mounted than what is meant to be.
pub fn check_mount_point(root: &Path, target: &Path) -> Result<()> {
    if !is_directory_within(root, target) {
        bail!("the image has something else than a directory at /{}", target.display());
    }
    Ok(())
}

/// The same for a file.
pub fn check_file_point(root: &Path, target: &Path) -> Result<()> {
    let parent = target.parent().unwrap_or(Path::new(""));
    let is_file = fs::symlink_metadata(root.join(target)).is_ok_and(|found| found.is_file());
    if !is_file || !is_directory_within(root, parent) {
        bail!("the image has something else than a file at /{}", target.display());
    }
    Ok(())
}

/// Fails for a root that has no place for the kernel's interfaces.
pub fn check_mount_points(root: &Path) -> Result<()> {
    MOUNT_POINTS.iter().try_for_each(|name| check_mount_point(root, Path::new(name)))
}

/// The directory in which a sandbox's own names are: the layer over `/etc`, or in the layer over an image's root what `/etc` is
/// there. `None` where its root has put something else there.
pub fn names_directory(own: &Path) -> Option<PathBuf> {
    let upper = own.join("upper");
    let linked = fs::read(own.join(LINKED_ETC)).ok().map(|place| PathBuf::from(OsString::from_vec(place)));
    let linked = linked.map(|place| Path::new(ROOT_LAYER).join(place));
    let places = [PathBuf::from(ETC), Path::new(ROOT_LAYER).join(ETC)];
    linked.into_iter().chain(places).find(|place| is_directory_within(&upper, place)).map(|place| upper.join(place))
}

/// Makes what a sandbox changes of an image's root, in the sandbox's own directory. `etc` is where the image's `/etc` is.
pub fn make_layer(directory: &Path, over_default: bool, etc: &Path) -> io::Result<()> {
    let upper = directory.join("upper").join(ROOT_LAYER);
    base::make_directory(&upper, 0o755)?;
    base::make_directory(&directory.join("work").join(ROOT_LAYER), 0o700)?;
    base::make_directory(&directory.join("root"), 0o755)?;
    if !over_default {
        make_directories(&upper, etc)?;
        base::write_resolver(&upper.join(etc))?;
        if etc != Path::new(ETC) {
            fs::write(directory.join(LINKED_ETC), etc.as_os_str().as_bytes())?;
        }
    }
    Ok(())
}

/// Makes the directories that lead to one below `root`, which has nothing in it.
pub fn make_directories(root: &Path, relative: &Path) -> io::Result<()> {
    let mut place = root.to_owned();
    relative.iter().try_for_each(|part| {
        place.push(part);
        base::make_directory(&place, 0o755)
    })
}

/// Makes what a step of a build changes, in its own directory; nothing is in there, so what is afterwards is the step's.
pub fn make_step_files(directory: &Path) -> io::Result<()> {
    fs::create_dir_all(directory)?;
    for (name, mode) in [("upper", 0o755), ("work", 0o755), ("root", 0o755)] {
        base::make_directory(&directory.join(name), mode)?;
    }
    base::make_directory(&directory.join("upper").join(ROOT_LAYER), 0o755)?;
    base::make_directory(&directory.join("work").join(ROOT_LAYER), 0o700)
}

/// Makes one layer at `target`, an empty directory, of what a step of a build has changed of the root and of the system
/// directories over it. Nothing in there is followed.
pub fn take_layer(directory: &Path, target: &Path) -> io::Result<()> {
    let upper = directory.join("upper");
    fs::rename(upper.join(ROOT_LAYER), target)?;
    for layer in base::layer_targets() {
        let changed = upper.join(base::layer_name(&layer));
        if !fs::read_dir(&changed).is_ok_and(|mut entries| entries.next().is_some()) {
            continue;
        }
        let mut place = target.to_path_buf();
        for part in layer.parent().into_iter().flatten() {
            place.push(part);
            if fs::symlink_metadata(&place).is_err() {
                base::make_directory(&place, 0o755)?;
            }
        }
        if !is_directory_within(target, layer.parent().unwrap_or(Path::new(""))) {
            continue;
        }
        // What was mounted over cannot have been changed but for its attributes.
        let place = target.join(&layer);
        match fs::remove_dir(&place) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => fs::rename(&changed, &place)?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_in_a_layer_lead_nowhere_on_the_machine() {
        let state = tempfile::tempdir().unwrap();
        let layers = ["plain", "linked", "file", "deep"].map(PathBuf::from);
        for layer in &layers {
            fs::create_dir(state.path().join(layer)).unwrap();
        }
        fs::create_dir_all(state.path().join("plain/var/lib/dpkg")).unwrap();
        symlink("/var", state.path().join("linked/var")).unwrap();
        fs::write(state.path().join("file/var"), "").unwrap();
        fs::create_dir(state.path().join("deep/var")).unwrap();
        symlink("/var/lib", state.path().join("deep/var/lib")).unwrap();
        let root = ImageRoot {
            over_default: true,
            layers: layers.to_vec(),
            env: Vec::new(),
            entrypoint: Vec::new(),
            user: String::new(),
            work_dir: String::new(),
        };
        assert_eq!(root.over(state.path(), Path::new("var/lib/dpkg")), [PathBuf::from("plain/var/lib/dpkg")]);
        check_mount_point(&state.path().join("linked"), Path::new("var")).unwrap_err();
    }
}
