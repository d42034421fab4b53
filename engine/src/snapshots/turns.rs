//! Whose build or import is next: organizations take turns, so that none waits for all builds of another.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Builds at once.
const AT_ONCE: usize = 4;

/// Builds of one organization at once.
const AT_ONCE_OF_ONE: usize = 2;

/// Builds that run and that wait.
#[derive(Debug, Default)]
pub struct Turns {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    running: HashMap<String, usize>,
    /// In the order they came, with their numbers.
    waiting: Vec<(u64, String)>,
    next: u64,
}

impl State {
    fn running(&self, organization: &str) -> usize {
        self.running.get(organization).copied().unwrap_or_default()
    }

    /// The build to begin: of the organization that runs fewest, the one that came first.
    fn first(&self) -> Option<u64> {
        if self.running.values().sum::<usize>() >= AT_ONCE {
            return None;
        }
        let may = self.waiting.iter().filter(|(_, organization)| self.running(organization) < AT_ONCE_OF_ONE);
        may.min_by_key(|(number, organization)| (self.running(organization), *number)).map(|(number, _)| *number)
    }
}

impl Turns {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits in line until dropped.
    pub fn wait(&self, organization: &str) -> Waiting<'_> {
        let mut state = self.lock();
        let number = state.next;
        state.next += 1;
        state.waiting.push((number, organization.to_owned()));
        Waiting { turns: self, number }
    }
}

/// A place in the line.
#[derive(Debug)]
pub struct Waiting<'a> {
    turns: &'a Turns,
    number: u64,
}

impl<'a> Waiting<'a> {
    /// The turn, if it has come.
    pub fn try_begin(&self) -> Option<Turn<'a>> {
        let mut state = self.turns.lock();
        if state.first() != Some(self.number) {
            return None;
        }
        let place = state.waiting.iter().position(|(number, _)| *number == self.number)?;
        let (_, organization) = state.waiting.remove(place);
        *state.running.entry(organization.clone()).or_default() += 1;
        Some(Turn { turns: self.turns, organization })
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.turns.lock().waiting.retain(|(number, _)| *number != self.number);
    }
}

/// The right to build, until dropped.
#[derive(Debug)]
pub struct Turn<'a> {
    turns: &'a Turns,
    organization: String,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut state = self.turns.lock();
        if let Some(running) = state.running.get_mut(&self.organization) {
            *running -= 1;
            if *running == 0 {
                state.running.remove(&self.organization);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_organization_with_many_builds_does_not_hold_up_another() {
        let turns = Turns::default();
        let loud: Vec<_> = (0..5).map(|_| turns.wait("loud")).collect();
        let running: Vec<_> = loud.iter().filter_map(Waiting::try_begin).collect();
        assert_eq!(running.len(), AT_ONCE_OF_ONE);
        let (quiet, other) = (turns.wait("quiet"), turns.wait("other"));
        let theirs = [quiet.try_begin(), other.try_begin()];
        assert!(theirs.iter().all(Option::is_some));
        let late = turns.wait("late");
        assert!(late.try_begin().is_none(), "all turns are taken");
        drop(running);
        let again = loud[2].try_begin();
        assert!(again.is_some(), "it came before");
        assert!(loud[3].try_begin().is_none(), "whoever runs none yet is first");
        assert!(late.try_begin().is_some());
        assert!(loud[3].try_begin().is_some());
        drop(again);
        drop(loud);
        drop(theirs);
        assert!(turns.lock().running.is_empty() && turns.lock().waiting.is_empty());
    }
}
