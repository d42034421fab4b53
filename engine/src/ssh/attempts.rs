//! How many wrong tokens an address may try: ten at once, then one a second.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Wrong tokens at once.
const BURST: u32 = 10;

/// Wrong tokens beyond those that are counted: so many seconds after a flood a right one works again.
const DEBT: u32 = 5;

/// How long until another may be tried.
const REFILL: Duration = Duration::from_secs(1);

/// Addresses remembered before those that may try again are forgotten.
const REMEMBERED: usize = 1024;

/// Wrong tokens by address, as the time when all of them are forgiven.
#[derive(Debug, Default)]
pub struct Attempts(Mutex<HashMap<IpAddr, Instant>>);

impl Attempts {
    /// Whether an address may try a token.
    pub fn may_try(&self, address: IpAddr, now: Instant) -> bool {
        let attempts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        attempts.get(&address).is_none_or(|forgiven| forgiven.saturating_duration_since(now) < REFILL * BURST)
    }

    /// Counts a wrong token.
    pub fn failed(&self, address: IpAddr, now: Instant) {
        let mut attempts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if attempts.len() >= REMEMBERED {
            attempts.retain(|_, forgiven| *forgiven > now);
        }
        let forgiven = attempts.entry(address).or_insert(now);
        // However many come at once, it is over soon after they stop.
        *forgiven = ((*forgiven).max(now) + REFILL).min(now + REFILL * (BURST + DEBT));
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn ten_wrong_tokens_then_one_a_second_by_address() {
        let (attempts, now) = (Attempts::default(), Instant::now());
        let (one, other) = (IpAddr::from(Ipv4Addr::LOCALHOST), IpAddr::from([127, 0, 0, 2]));
        for _ in 0..BURST {
            assert!(attempts.may_try(one, now));
            attempts.failed(one, now);
        }
        assert!(!attempts.may_try(one, now));
        assert!(attempts.may_try(other, now), "another address is not to blame");
        assert!(attempts.may_try(one, now + REFILL + Duration::from_millis(1)));
        for _ in 0..100 {
            attempts.failed(one, now);
        }
        assert!(!attempts.may_try(one, now + 4 * REFILL));
        assert!(attempts.may_try(one, now + 6 * REFILL), "a flood is forgiven soon after it stops");
    }
}
