//! The load of a sandbox: how many processors it kept busy, averaged over one, five and fifteen minutes.
//!
//! The kernel counts processes that wait, every five seconds. Here the processor time used since the last look counts, so
//! nothing has to happen between looks, and a sandbox that waits for its limit has the load of its limit.

use std::time::Instant;

/// The averages' times in seconds.
const PERIODS: [f64; 3] = [60.0, 300.0, 900.0];

/// Looks closer together than this, in seconds, count as one.
const LEAST: f64 = 0.1;

/// The averages so far.
pub struct Load {
    looked: Instant,
    used: u64,
    averages: [f64; 3],
}

impl Default for Load {
    fn default() -> Self {
        Self { looked: Instant::now(), used: 0, averages: [0.0; 3] }
    }
}

impl Load {
    /// Notes the processor time used until now, in ticks of a hundredth of a second.
    pub fn note(&mut self, used: u64) {
        let elapsed = self.looked.elapsed().as_secs_f64();
        if elapsed >= LEAST {
            self.add(used, elapsed);
            self.looked = Instant::now();
        }
    }

    fn add(&mut self, used: u64, elapsed: f64) {
        let busy = used.saturating_sub(self.used) as f64 / 100.0 / elapsed;
        for (average, period) in self.averages.iter_mut().zip(PERIODS) {
            let kept = (-elapsed / period).exp();
            *average = *average * kept + busy * (1.0 - kept);
        }
        self.used = used;
    }

    /// The averages as last noted.
    pub fn averages(&self) -> [f64; 3] {
        self.averages
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn averages_follow_the_use_however_often_it_is_noted() {
        let (mut often, mut once) = (Load::default(), Load::default());
        (1..=60).for_each(|second| often.add(second * 200, 1.0));
        once.add(60 * 200, 60.0);
        for (one, other) in often.averages().into_iter().zip(once.averages()) {
            assert!((one - other).abs() < 0.001, "{one} {other}");
        }
        assert!((often.averages()[0] - 2.0 * (1.0 - (-1.0_f64).exp())).abs() < 0.001);
        often.add(60 * 200, 3600.0);
        assert!(often.averages()[0] < 0.01);
    }
}
