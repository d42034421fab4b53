//! What to do: a merge of three states, of here, of there, and of when both were the same.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::Stamp;

/// The entries of a directory by their path in it.
pub type Listing = BTreeMap<String, Stamp>;

/// The stamps of a path whose content was the same on both sides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Same {
    /// Here.
    pub here: Stamp,
    /// In the sandbox.
    pub there: Stamp,
}

/// What was the same, by path.
pub type Base = BTreeMap<String, Same>;

/// What to do about a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Bring the state of here to the sandbox.
    Send,
    /// Bring the state of the sandbox here.
    Fetch,
    /// Remove it in the sandbox.
    RemoveThere,
    /// Remove it here.
    RemoveHere,
    /// Both sides have something: the same or, in conflict, not.
    Compare,
    /// It is gone on both sides.
    Forget,
    /// It is the same on both sides: a directory.
    Remember,
}

/// What to do, for each path about which there is something to do. A directory comes before what is in it.
pub fn plan(here: &Listing, there: &Listing, base: &Base) -> Vec<(String, Action)> {
    let paths: BTreeSet<_> = here.keys().chain(there.keys()).chain(base.keys()).collect();
    let actions = paths
        .into_iter()
        .filter_map(|path| Some((path.clone(), action(here.get(path), there.get(path), base.get(path))?)));
    actions.collect()
}

fn action(here: Option<&Stamp>, there: Option<&Stamp>, base: Option<&Same>) -> Option<Action> {
    let changed_here = here != base.map(|same| &same.here);
    let changed_there = there != base.map(|same| &same.there);
    match (here, there) {
        (None, None) => Some(Action::Forget),
        (Some(_), Some(_)) if !changed_here && !changed_there => None,
        // Neither can take the place of the other.
        (Some(here), Some(there)) if here.is_directory != there.is_directory => None,
        (Some(here), Some(_)) if here.is_directory => Some(Action::Remember),
        (Some(_), Some(_)) if !changed_there => Some(Action::Send),
        (Some(_), Some(_)) if !changed_here => Some(Action::Fetch),
        (Some(_), Some(_)) => Some(Action::Compare),
        // A change counts more than a removal.
        (Some(_), None) if changed_here => Some(Action::Send),
        (None, Some(_)) if changed_there => Some(Action::Fetch),
        (Some(_), None) => Some(Action::RemoveHere),
        (None, Some(_)) => Some(Action::RemoveThere),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(size: u64) -> Stamp {
        Stamp { is_directory: false, size, changed: String::new(), is_program: false }
    }

    #[test]
    fn nothing_is_removed_that_was_changed() {
        // Not there, as it was, or changed in one way or another: on either side, with and without a common past.
        let states = [None, Some(file(1)), Some(file(2)), Some(file(3))];
        let same = Same { here: file(1), there: file(1) };
        for base in [None, Some(&same)] {
            for here in &states {
                for there in &states {
                    let before = base.map(|same| &same.here);
                    let changed = |side: &Option<Stamp>| side.is_some() && side.as_ref() != before;
                    let action = action(here.as_ref(), there.as_ref(), base);
                    let overwrites_here = matches!(action, Some(Action::Fetch | Action::RemoveHere));
                    let overwrites_there = matches!(action, Some(Action::Send | Action::RemoveThere));
                    assert!(!(overwrites_here && changed(here)), "{here:?} {there:?} {base:?} {action:?}");
                    assert!(!(overwrites_there && changed(there)), "{here:?} {there:?} {base:?} {action:?}");
                }
            }
        }
    }

    #[test]
    fn what_changed_on_one_side_goes_to_the_other() {
        let same = Same { here: file(1), there: file(1) };
        let decide = |here: Option<u64>, there: Option<u64>| {
            action(here.map(file).as_ref(), there.map(file).as_ref(), Some(&same))
        };
        assert_eq!(decide(Some(1), Some(1)), None);
        assert_eq!(decide(Some(2), Some(1)), Some(Action::Send));
        assert_eq!(decide(Some(1), Some(2)), Some(Action::Fetch));
        assert_eq!(decide(None, Some(1)), Some(Action::RemoveThere));
        assert_eq!(decide(Some(1), None), Some(Action::RemoveHere));
        assert_eq!(decide(None, Some(2)), Some(Action::Fetch));
        assert_eq!(decide(Some(2), None), Some(Action::Send));
        assert_eq!(decide(Some(2), Some(3)), Some(Action::Compare));
        assert_eq!(decide(None, None), Some(Action::Forget));
        assert_eq!(action(Some(&file(1)), Some(&Stamp::directory()), None), None);
    }
}
