//! What a sandbox is to be, for whoever makes it so.

use std::collections::BTreeMap;
use std::path::PathBuf;

use daytona_images::Image;

use super::{Reach, Resources, Secrets};

/// What a sandbox is to be. Everything that its record says and a start needs, and nothing that only one backend knows.
#[derive(Debug, Clone)]
pub struct Spec {
    /// Its id, which names it for ever.
    pub id: String,
    /// The organization it belongs to.
    pub organization_id: String,
    /// Its limits.
    pub resources: Resources,
    /// The user of its processes: a name or number, `user:group` too where there is an image.
    pub user: String,
    /// The environment given by the user and the engine, on top of the basic one.
    pub env: BTreeMap<String, String>,
    /// The image that is its root; the default one when absent.
    pub image: Option<Image>,
    /// The snapshot of a sandbox whose files it begins with; see [`super::Backend::take_snapshot`].
    pub template: Option<String>,
    /// The program of its entrypoint session; none when empty.
    pub entrypoint: Vec<String>,
    /// What it reaches on the network.
    pub reach: Reach,
    /// What its requests are given on their way; none when it has no secrets, and then none can be given later.
    pub secrets: Option<Secrets>,
    /// The volumes to mount, parents of their paths before what is in them.
    pub volumes: Vec<VolumeMount>,
    /// Whether it has a desktop.
    pub has_desktop: bool,
    /// Whether it waits in a warm pool: nobody's yet, and gone with its engine, until [`super::Backend::adopt`].
    pub waiting: bool,
}

/// A volume in a sandbox.
#[derive(Debug, Clone)]
pub struct VolumeMount {
    /// The volume's id.
    pub id: String,
    /// The directory in it that is mounted instead of all of it.
    pub subpath: Option<PathBuf>,
    /// Where it appears, as the sandbox sees it.
    pub target: PathBuf,
}
