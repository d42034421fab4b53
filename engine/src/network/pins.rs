//! Which names the addresses that a sandbox was told were resolved for.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Pairs of a name and an address that are remembered.
const KEPT: usize = 2048;

/// How long a program may use an address at least after it was resolved; many keep it longer than they are told.
const SHORTEST: Duration = Duration::from_secs(10 * 60);
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// The pairs, each with the time when it ends.
#[derive(Debug, Default)]
pub struct Pins(Mutex<HashMap<IpAddr, HashMap<String, Instant>>>);

impl Pins {
    /// Remembers that a name was resolved to an address, for some seconds.
    pub fn add(&self, name: &str, address: IpAddr, seconds: u32) {
        let now = Instant::now();
        let ends = now + Duration::from_secs(seconds.into()).clamp(SHORTEST, LONGEST);
        let mut pins = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = pins.values().map(HashMap::len).sum::<usize>();
        if count >= KEPT {
            // Half of them: the next ones then cost nothing.
            let mut all: Vec<Instant> = pins.values().flat_map(HashMap::values).copied().collect();
            all.sort_unstable();
            let middle = all[all.len() / 2].max(now);
            pins.retain(|_, names| {
                names.retain(|_, ends| *ends > middle);
                !names.is_empty()
            });
        }
        pins.entry(address).or_default().insert(name.to_owned(), ends);
    }

    /// Whether the name was resolved to this address.
    pub fn have(&self, name: &str, address: IpAddr) -> bool {
        let pins = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        pins.get(&address).and_then(|names| names.get(name)).is_some_and(|ends| *ends > Instant::now())
    }

    /// The name that was last resolved to an address.
    pub fn name_of(&self, address: IpAddr) -> Option<String> {
        let pins = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        pins.get(&address)?.iter().max_by_key(|(_, ends)| **ends).map(|(name, _)| name.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_its_names_alone() {
        let pins = Pins::default();
        let address = "198.51.100.1".parse().unwrap();
        pins.add("a.example", address, 0);
        assert!(pins.have("a.example", address) && !pins.have("b.example", address));
        assert!(!pins.have("a.example", "198.51.100.2".parse().unwrap()));
        for number in 0..3 * KEPT {
            pins.add(&format!("{number}.example"), address, 60);
        }
        assert!(pins.0.lock().unwrap()[&address].len() <= KEPT);
        assert_eq!(pins.name_of(address), Some(format!("{}.example", 3 * KEPT - 1)));
    }
}
