//! Volumes: directories that sandboxes share and that outlive them (wire 2.7).
//!
//! A volume's files are in `volumes/<id>/data` below the state directory. Sandboxes mount it, or a directory in it, when they
//! start; see `isolation::volume_mounts`.

pub mod life;
pub mod record;
pub mod table;
