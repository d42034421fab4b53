//! The key by which clients know the engine. It stays the same as long as its state directory does.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use anyhow::{Context, Result};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use russh::keys::ssh_key::LineEnding;
use russh::keys::ssh_key::private::Ed25519Keypair;
use russh::keys::{HashAlg, PrivateKey};

/// Its file in the state directory.
const FILE: &str = "ssh_host_ed25519_key";

/// An Ed25519 key.
#[derive(Clone)]
pub struct HostKey(PrivateKey);

impl HostKey {
    /// Reads the key, or makes one that only the engine's user can read.
    pub fn load_or_make(state_dir: &Path) -> Result<Self> {
        let path = state_dir.join(FILE);
        match fs::read_to_string(&path) {
            Ok(text) => {
                // A copied state directory may have lost this.
                fs::set_permissions(&path, fs::Permissions::from_mode(0o600))
                    .with_context(|| format!("closing {} to others", path.display()))?;
                let key = PrivateKey::from_openssh(&text)
                    .with_context(|| format!("{} is damaged: delete it for a new one", path.display()))?;
                Ok(Self(key))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self::make(&path),
            Err(error) => Err(error).with_context(|| format!("reading {}", path.display())),
        }
    }

    fn make(path: &Path) -> Result<Self> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(|error| anyhow::anyhow!("no random bytes: {error}"))?;
        let key = PrivateKey::from(Ed25519Keypair::from_seed(&seed));
        let text = key.to_openssh(LineEnding::LF)?;
        // Whole or not at all, whenever the engine is killed.
        let unfinished = path.with_extension("new");
        let _ = fs::remove_file(&unfinished);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&unfinished, path).with_context(|| format!("writing {}", path.display()))?;
        Ok(Self(key))
    }

    /// The key itself, for the server.
    pub fn private(&self) -> PrivateKey {
        self.0.clone()
    }

    /// `SHA256:…`, as `ssh` shows it.
    pub fn fingerprint(&self) -> String {
        self.0.fingerprint(HashAlg::Sha256).to_string()
    }

    /// `ssh-ed25519 …`, as in `known_hosts`.
    pub fn public(&self) -> String {
        self.0.public_key().to_openssh().unwrap_or_default()
    }

    /// The same in base64.
    pub fn public_base64(&self) -> String {
        STANDARD.encode(self.public())
    }
}
