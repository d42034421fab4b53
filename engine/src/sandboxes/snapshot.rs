//! The one snapshot this engine has: the machine's own system plus what `daytona local setup` prepared.

use crate::clock;
use crate::setup::desktop;
use crate::snapshots::record::{Snapshot, SnapshotState};

/// Its name, used when a client names none.
pub const DEFAULT_NAME: &str = "default";

/// Its id.
pub const DEFAULT_ID: &str = "00000000-0000-4000-8000-000000000001";

/// The id of the snapshot with a desktop, which is otherwise the same.
pub const DESKTOP_ID: &str = "00000000-0000-4000-8000-000000000002";

/// Its entrypoint: a program that does nothing, so that there is an entrypoint session as with any image.
pub const ENTRYPOINT: [&str; 2] = ["sleep", "infinity"];

/// How much of the machine a sandbox gets.
pub struct ResourceSizes {
    /// Processors.
    pub cpu: u64,
    /// GiB.
    pub memory: u64,
    /// GiB.
    pub disk: u64,
}

/// The resources of a sandbox when the client asks for none (wire 2.2).
pub const DEFAULT_RESOURCES: ResourceSizes = ResourceSizes { cpu: 1, memory: 1, disk: 3 };

/// The resources of a sandbox with a desktop: browsers take more.
pub const DESKTOP_RESOURCES: ResourceSizes = ResourceSizes { cpu: 2, memory: 2, disk: 3 };

/// The most a sandbox may have, as organizations of the platform begin.
pub const MAX_RESOURCES: ResourceSizes = ResourceSizes { cpu: 4, memory: 8, disk: 10 };

/// Whether a client's id or name means the default snapshot.
pub fn is_known(id_or_name: &str) -> bool {
    id_or_name == DEFAULT_NAME || id_or_name == DEFAULT_ID
}

/// Whether a client's id or name means the snapshot with a desktop.
pub fn is_desktop(id_or_name: &str) -> bool {
    id_or_name == desktop::NAME || id_or_name == DESKTOP_ID
}

/// Whether a Dockerfile is nothing but `FROM` this snapshot.
pub fn is_plain_copy(dockerfile: &str) -> bool {
    let mut lines = dockerfile.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let (Some(line), None) = (lines.next(), lines.next()) else { return false };
    let mut words = line.split_whitespace();
    let is_from = words.next().is_some_and(|word| word.eq_ignore_ascii_case("from"));
    is_from && words.next().is_some_and(is_known) && words.next().is_none()
}

/// The default snapshot's record.
pub fn record() -> Snapshot {
    Snapshot {
        id: DEFAULT_ID.to_owned(),
        general: true,
        image_name: Some(DEFAULT_NAME.to_owned()),
        entrypoint: Some(ENTRYPOINT.map(str::to_owned).to_vec()),
        state: SnapshotState::Active,
        cpu: DEFAULT_RESOURCES.cpu,
        memory: DEFAULT_RESOURCES.memory,
        disk: DEFAULT_RESOURCES.disk,
        created_at: clock::started_millis(),
        updated_at: clock::started_millis(),
        ..crate::snapshots::record::new(DEFAULT_NAME.to_owned())
    }
}

/// The record of the snapshot with a desktop: the default one and what `daytona local setup --desktop` prepared.
pub fn desktop_record() -> Snapshot {
    let (id, name) = (DESKTOP_ID.to_owned(), desktop::NAME.to_owned());
    let ResourceSizes { cpu, memory, disk } = DESKTOP_RESOURCES;
    Snapshot { id, image_name: Some(name.clone()), name, cpu, memory, disk, ..record() }
}

/// Finds the default snapshot by id or name, where there is no other.
#[cfg(test)]
pub fn find_default(id_or_name: &str) -> Option<Snapshot> {
    is_known(id_or_name).then(record)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_bare_from_of_our_own_snapshot_needs_no_build() {
        assert!(is_plain_copy("FROM default"));
        assert!(is_plain_copy("# comment\n\nfrom default\n"));
        assert!(!is_plain_copy("FROM python:3.12\n"));
        assert!(!is_plain_copy("FROM default\nRUN true\n"));
        assert!(!is_plain_copy("FROM default AS base\n"));
        assert!(!is_plain_copy(""));
    }
}
