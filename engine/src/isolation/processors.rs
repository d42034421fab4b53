//! Which of the machine's processors each sandbox runs on.
//!
//! A sandbox with fewer processors than the machine sees, and uses, only as many: programs start as many threads as there are
//! processors, whatever their share of time is. Those that the fewest sandboxes have are taken.

use std::sync::{Arc, Mutex, PoisonError};

use nix::sched::{CpuSet, sched_getaffinity};
use nix::unistd::Pid;

/// The machine's processors, with how many sandboxes have each.
#[derive(Debug, Clone)]
pub struct Processors(Arc<Mutex<Vec<(usize, u32)>>>);

/// The processors of one sandbox. Given back when dropped.
#[derive(Debug)]
pub struct Taken {
    /// Their numbers, ascending.
    pub numbers: Vec<usize>,
    all: Processors,
}

impl Processors {
    /// Those that this process may run on.
    pub fn of_machine() -> Self {
        let allowed = sched_getaffinity(Pid::from_raw(0)).unwrap_or_else(|_| CpuSet::new());
        let numbers = (0..CpuSet::count()).filter(|number| allowed.is_set(*number).unwrap_or_default());
        Self::new(numbers)
    }

    fn new(numbers: impl Iterator<Item = usize>) -> Self {
        Self(Arc::new(Mutex::new(numbers.map(|number| (number, 0)).collect())))
    }

    /// Takes so many, or all if there are fewer. Those of `kept` come first.
    pub fn take(&self, count: u64, kept: &[usize]) -> Taken {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut order: Vec<usize> = (0..all.len()).collect();
        order.sort_by_key(|index| (!kept.contains(&all[*index].0), all[*index].1));
        order.truncate(usize::try_from(count).unwrap_or(usize::MAX));
        order.sort_unstable();
        order.iter().for_each(|index| all[*index].1 += 1);
        Taken { numbers: order.iter().map(|index| all[*index].0).collect(), all: self.clone() }
    }
}

impl Taken {
    /// Takes so many instead, of these as far as they go.
    pub fn others(&self, count: u64) -> Self {
        self.all.take(count, &self.numbers)
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let mut all = self.all.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter_mut().filter(|(number, _)| self.numbers.contains(number)).for_each(|(_, count)| *count -= 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sandboxes_are_spread_and_keep_what_they_have() {
        let all = Processors::new([0, 1, 4].into_iter());
        let first = all.take(1, &[]);
        let second = all.take(1, &[]);
        let third = all.take(1, &[]);
        assert_eq!([&first.numbers, &second.numbers, &third.numbers], [&[0], &[1], &[4]]);
        assert_eq!(all.take(2, &[4]).numbers, [0, 4]);
        drop(second);
        assert_eq!(all.take(1, &[]).numbers, [1]);
        assert_eq!(all.take(8, &[]).numbers, [0, 1, 4]);
    }
}
