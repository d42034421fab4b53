//! Pauses between attempts and looks, each longer than the one before.

use std::time::Duration;

/// The pauses to come. The first is the shortest; they grow up to the longest.
#[derive(Debug, Clone)]
pub(crate) struct Backoff {
    next: Duration,
    longest: Duration,
    growth: f64,
}

impl Backoff {
    /// Pauses that double, from `first` to `longest`.
    pub(crate) const fn new(first: Duration, longest: Duration) -> Self {
        Self { next: first, longest, growth: 2.0 }
    }

    /// Pauses each of which is so many times the one before, instead of twice.
    pub(crate) const fn growing(mut self, growth: f64) -> Self {
        self.growth = growth;
        self
    }

    /// The next pause.
    pub(crate) fn take(&mut self) -> Duration {
        let pause = self.next.min(self.longest);
        self.next = pause.mul_f64(self.growth).min(self.longest);
        pause
    }

    /// The next pause, 25 % longer or shorter at random: clients that failed together do not come back together.
    pub(crate) fn take_jittered(&mut self) -> Duration {
        // Without randomness the pause is as it is.
        let fraction = getrandom::u32().map_or(1.0, |random| 0.75 + f64::from(random) / f64::from(u32::MAX) / 2.0);
        self.take().mul_f64(fraction)
    }

    /// Sleeps for the next pause.
    pub(crate) async fn pause(&mut self) {
        tokio::time::sleep(self.take()).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_the_longest() {
        let milliseconds = |backoff: &mut Backoff| backoff.take().as_millis();
        let mut doubling = Backoff::new(Duration::from_millis(10), Duration::from_millis(35));
        assert_eq!([10, 20, 35, 35], std::array::from_fn(|_| milliseconds(&mut doubling)));
        let mut gentle = Backoff::new(Duration::from_millis(100), Duration::from_secs(1)).growing(1.5);
        assert_eq!([100, 150, 225], std::array::from_fn(|_| milliseconds(&mut gentle)));
    }

    #[test]
    fn randomness_keeps_pauses_near_their_length() {
        for _ in 0..100 {
            let pause = Backoff::new(Duration::from_millis(100), Duration::from_secs(1)).take_jittered();
            assert!((75..=126).contains(&pause.as_millis()), "{pause:?}");
        }
    }
}
