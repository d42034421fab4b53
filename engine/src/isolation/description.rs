//! What a sandbox process is told: its mounts, its environment and who it is.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::base;
use super::disk::Disk;
use super::entrance::Entrance;
use super::image_root::{ImageRoot, Inside};
use super::launch::{Launcher, Start};
use super::spec::{IsolationLevel, LaunchSpec, Mount, SANDBOX_UID, SandboxUser};
use super::trust;
use crate::network;
use crate::setup::desktop;

/// Where programs of images are, unless the image says otherwise.
const IMAGE_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What programs in a sandbox with a desktop find in their environment: where windows are shown, and where programs talk to
/// each other and tell what they show.
const DESKTOP_VARIABLES: [(&str, &str); 5] = [
    ("DISPLAY", ":0"),
    ("DBUS_SESSION_BUS_ADDRESS", "unix:path=/tmp/.daytona-desktop/bus"),
    ("GTK_A11Y", "atspi"),
    ("GTK_USE_PORTAL", "0"),
    ("QT_LINUX_ACCESSIBILITY_ALWAYS_ON", "1"),
];

/// The layer over an image's own, in the state directory, with the authorities that the machine trusts: behind a proxy that looks
/// into TLS, nothing else would let programs in there fetch anything.
const CERTIFICATES_LAYER: &str = "certificates";

/// The file in it.
const CERTIFICATES: &str = "/.daytona-certificates.crt";

impl Launcher {
    pub(super) fn spec(&self, start: &Start<'_>) -> Result<LaunchSpec> {
        let directory = self.state_dir.join(start.directory);
        let root = directory.join("root");
        // Of an image's root the sandbox process finds out more.
        let as_root = start.as_root || start.image.is_some_and(|image| !image.over_default);
        let (mounts, home) = match self.level {
            IsolationLevel::None => (Vec::new(), root.join("home/daytona")),
            _ => (self.mounts(start)?, PathBuf::from(if as_root { "/root" } else { "/home/daytona" })),
        };
        let id = if as_root { 0 } else { SANDBOX_UID };
        let user = if as_root { "root" } else { "daytona" };
        let mut env = match start.image {
            Some(image) if !image.over_default => {
                BTreeMap::from([("PATH".to_owned(), IMAGE_PATH.to_owned()), ("LANG".to_owned(), "C.UTF-8".to_owned())])
            }
            _ => basic_environment(user, &home),
        };
        if self.network.is_some() {
            env.extend(match start.image {
                Some(image) if !image.over_default => network::image_environment(self.certificates(start)),
                _ => network::machine_environment(),
            });
        }
        if start.secrets.is_some() {
            env.remove("SSL_CERT_DIR");
            env.extend(trust::environment());
        }
        if let Some(snapshot) = start.snapshot {
            self.show_snapshot(snapshot, &mut env);
        }
        if self.desktop(start).is_some() {
            env.extend(DESKTOP_VARIABLES.map(|(name, value)| (name.to_owned(), value.to_owned())));
        }
        let given = start.image.iter().flat_map(|image| image.env.iter().cloned()).chain(start.env.clone());
        let given: BTreeMap<_, _> = given.collect();
        let image = start.image.map(|image| Inside {
            over_default: image.over_default,
            user: image.user.clone(),
            work_dir: image.work_dir.clone(),
            fixed: given.keys().cloned().collect(),
        });
        env.extend(given);
        Ok(LaunchSpec {
            sandbox_id: start.sandbox_id.to_owned(),
            level: self.level,
            state_dir: self.state_dir.clone(),
            root,
            disk: Disk::of(&directory, start.resources.disk_gib),
            mounted: None,
            mounts,
            volumes: start.volumes.clone(),
            user: SandboxUser { uid: id, gid: id, groups: Vec::new() },
            ids: None,
            memory_limit: None,
            own_size: None,
            shows_size: self.no_sizes.is_none(),
            entrance: Entrance::default(),
            groups: Vec::new(),
            has_network: false,
            image,
            home,
            work_dir: None,
            program: None,
            entrypoint: start.image.map_or_else(
                || crate::sandboxes::snapshot::ENTRYPOINT.map(str::to_owned).to_vec(),
                |image| image.entrypoint.clone(),
            ),
            env,
            version: self.version.clone(),
            compat: self.compat,
        })
    }

    fn mounts(&self, start: &Start<'_>) -> Result<Vec<Mount>> {
        let mut mounts = Vec::new();
        let own = start.directory;
        match start.image {
            Some(image) if image.over_default => mounts.push(image.mount(own, self.base.default_root.clone())),
            Some(image) => {
                let certificates = self.has_certificates.then(|| PathBuf::from(CERTIFICATES_LAYER));
                let etc = image.etc(&self.state_dir);
                let authority = start.secrets.as_ref().map(|_| trust::layer(&self.state_dir, &etc)).transpose()?;
                let over = authority.into_iter().chain(certificates);
                let layers = over.chain(image.layers.iter().cloned()).collect();
                let image = ImageRoot { layers, ..image.clone() };
                return Ok(vec![image.mount(own, self.base.empty_root.clone())]);
            }
            None => {}
        }
        let etc = (self.base.etc.clone(), PathBuf::from("etc"));
        // A bound directory would tell in the mount table where the engine keeps its files; a layer does not.
        let relative = |path: PathBuf| path.strip_prefix(&self.state_dir).map(Path::to_owned).unwrap_or(path);
        let covered = |lower: Vec<PathBuf>, target: PathBuf| {
            let name = base::layer_name(&target);
            let (upper, work) = (own.join("upper").join(&name), own.join("work").join(&name));
            Mount::Overlay { lower: lower.into_iter().map(relative).collect(), upper, work, target }
        };
        let over = |target: &Path| start.image.map_or_else(Vec::new, |image| image.over(&self.state_dir, target));
        let system = base::shared_directories().into_iter().map(|source| {
            let target = source.strip_prefix("/").expect("system directories are absolute").to_owned();
            (source, target)
        });
        for (lower, target) in system.chain([etc]) {
            let layers = over(&target);
            let part_of = |snapshot: PathBuf| Some(snapshot.join("layer").join(&target)).filter(|path| path.is_dir());
            let authority = start.secrets.as_ref().and_then(|_| trust::over(&self.state_dir, &target));
            if !self.copy_on_write && layers.is_empty() {
                let source = self.state_dir.join(&lower);
                let over: Vec<_> = authority.into_iter().chain(self.desktop(start).and_then(part_of)).collect();
                mounts.push(if over.is_empty() {
                    Mount::Bind { source, target, read_only: true }
                } else {
                    Mount::Layers { lower: over.into_iter().chain([source]).map(relative).collect(), target }
                });
                continue;
            }
            let prepared = start.snapshot.map(Path::to_owned).into_iter().chain(self.desktop(start));
            let prepared = prepared.filter_map(part_of);
            let between = start.image.map(|_| self.base.between.join(&target));
            let between = between.filter(|path| self.state_dir.join(path).is_dir());
            let over = authority.into_iter().chain(layers).chain(prepared).chain(between);
            mounts.push(covered(over.chain([lower]).collect(), target));
        }
        if let Some(snapshot) = start.snapshot {
            let (source, target) = (snapshot.join("opt"), PathBuf::from("opt/daytona"));
            let layers = over(&target);
            mounts.push(match self.copy_on_write || !layers.is_empty() {
                true => covered(layers.into_iter().chain([source]).collect(), target),
                false => Mount::Bind { source, target, read_only: true },
            });
        }
        Ok(mounts)
    }

    /// The prepared desktop, for a sandbox that is to have one.
    fn desktop(&self, start: &Start<'_>) -> Option<PathBuf> {
        start.has_desktop.then(|| desktop::finished(&self.state_dir)).flatten().filter(|_| self.shows_layers)
    }

    /// The file with the authorities that the machine trusts, in a root that is an image; none elsewhere.
    pub(super) fn certificates(&self, start: &Start<'_>) -> Option<&'static str> {
        let is_image = start.image.is_some_and(|image| !image.over_default);
        (is_image && self.has_certificates).then_some(CERTIFICATES)
    }

    /// Puts the snapshot's programs and packages where programs look for them.
    fn show_snapshot(&self, snapshot: &Path, env: &mut BTreeMap<String, String>) {
        let shown = match self.level {
            IsolationLevel::None => snapshot.join("opt").to_string_lossy().into_owned(),
            IsolationLevel::Namespaces | IsolationLevel::UserNamespaces => "/opt/daytona".to_owned(),
        };
        if let Some(path) = env.get_mut("PATH") {
            *path = format!("{shown}/bin:{path}");
        }
        env.insert("NODE_PATH".to_owned(), format!("{shown}/node/node_modules"));
        env.insert("NPM_CONFIG_UPDATE_NOTIFIER".to_owned(), "false".to_owned());
        if !self.copy_on_write {
            // Without a layer over /usr there is no .pth file that says so.
            env.insert("PYTHONPATH".to_owned(), format!("{shown}/python"));
        }
    }
}

/// Makes the layer with the authorities that the machine trusts; answers whether its variables name any.
pub(super) fn copy_certificates(state_dir: &Path) -> io::Result<bool> {
    let layer = state_dir.join(CERTIFICATES_LAYER);
    let Some(file) = network::certificates() else { return Ok(false) };
    base::make_directory(&layer, 0o755)?;
    // Engines before kept it in there, where it covered an image's /etc that is a link.
    let _ = fs::remove_dir_all(layer.join("etc"));
    let copy = layer.join(CERTIFICATES.trim_start_matches('/'));
    fs::copy(file, &copy)?;
    fs::set_permissions(copy, fs::Permissions::from_mode(0o644))?;
    Ok(true)
}

/// The environment of every process inside, before the sandbox's own variables.
fn basic_environment(user: &str, home: &Path) -> BTreeMap<String, String> {
    let home = home.to_string_lossy();
    let path = format!("{home}/.local/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    let variables = [
        ("HOME", home.as_ref()),
        ("USER", user),
        ("LOGNAME", user),
        ("SHELL", "/bin/bash"),
        ("LANG", "C.UTF-8"),
        ("PATH", &path),
    ];
    variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}
