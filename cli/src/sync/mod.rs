//! A directory of this machine and one of a sandbox, kept the same.
//!
//! | file | subject |
//! |---|---|
//! | `plan` | what to do, from what is here, what is there, and what was the same before |
//! | `here`, `there` | the files of this machine and of the sandbox: listing them, putting changes in place |
//! | `state` | what was the same when it was last looked at |
//! | `journal` | what a pass has put aside, for the next one should the program be killed |
//! | `pass` | one comparison, carried out |
//! | `notice` | that something has changed here |
//!
//! No file is lost. What takes a file's place, or removes it, first puts that aside and looks whether it is still the one
//! that was seen; if somebody has changed it meanwhile, it is kept under another name.

mod here;
mod journal;
mod notice;
mod pass;
mod plan;
mod state;
mod there;

pub use notice::Notices;
pub use pass::{Changes, Pair};
pub use there::There;

use serde::{Deserialize, Serialize};

/// How names of directories begin that hold what is on its way. They are never copied.
const STAGING: &str = ".daytona-sync-";

/// What tells one state of a file from another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stamp {
    /// Whether it is a directory. Of those, nothing else counts.
    is_directory: bool,
    /// Size in bytes.
    size: u64,
    /// Time of its last change, as the side writes it.
    changed: String,
    /// Whether its owner may run it.
    is_program: bool,
}

impl Stamp {
    fn directory() -> Self {
        Self { is_directory: true, size: 0, changed: String::new(), is_program: false }
    }
}

/// The name under which the sandbox's state of a file is kept where both sides have changed it.
fn conflict_name(path: &str, mark: &str) -> String {
    let (directory, name) = path.rsplit_once('/').map_or(("", path), |(directory, name)| (directory, name));
    let (stem, ending) = match name.rsplit_once('.') {
        Some((stem, ending)) if !stem.is_empty() => (stem, format!(".{ending}")),
        _ => (name, String::new()),
    };
    let slash = if directory.is_empty() { "" } else { "/" };
    format!("{directory}{slash}{stem}.conflict-{mark}{ending}")
}

#[cfg(test)]
mod tests {
    use super::conflict_name;

    #[test]
    fn a_conflict_keeps_the_ending_of_a_name() {
        assert_eq!(conflict_name("a/b.txt", "1"), "a/b.conflict-1.txt");
        assert_eq!(conflict_name("Makefile", "1"), "Makefile.conflict-1");
        assert_eq!(conflict_name("a.b/.env", "1"), "a.b/.env.conflict-1");
    }
}
