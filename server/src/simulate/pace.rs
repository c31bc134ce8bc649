//! How many routine reports to publish, so that all events together keep to a rate.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// Keeps events at a rate on average, irregularly, as real ones come.
#[derive(Debug)]
pub(super) struct Pace {
    rate: f64,
    /// Events still to be published by now; negative after more happened than the rate allows for.
    owed: f64,
    /// The next report goes out when so many are owed; 1 on average.
    gap: f64,
    rng: StdRng,
}

/// Nothing older than this is made up for, in either direction.
const MEMORY: Duration = Duration::from_secs(60);

impl Pace {
    /// `rate` in events a second.
    pub(super) fn new(rate: f64, seed: u64) -> Self {
        Self { rate, owed: 0.0, gap: 1.0, rng: StdRng::seed_from_u64(seed) }
    }

    /// How many reports are due after a time in which `published` events went out anyway.
    pub(super) fn reports(&mut self, passed: Duration, published: usize) -> usize {
        let most = self.rate * MEMORY.as_secs_f64();
        self.owed = (self.owed + self.rate * passed.as_secs_f64() - published as f64).clamp(-most, most);
        let mut reports = 0;
        while self.rate > 0.0 && self.owed >= self.gap {
            self.owed -= self.gap;
            reports += 1;
            // The gaps of independent events are distributed exponentially.
            self.gap = -(1.0 - self.rng.random::<f64>()).ln();
        }
        reports
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TICK: Duration = Duration::from_millis(250);

    #[test]
    fn all_events_together_keep_the_rate() {
        for rate in [0.4, 1.0, 250.0] {
            let mut pace = Pace::new(rate, 1);
            let mut sum = 0;
            for tick in 0..40_000 {
                let happened = usize::from(tick % 16 == 0);
                sum += happened + pace.reports(TICK, happened);
            }
            let found = sum as f64 / 10_000.0;
            assert!((found / rate - 1.0).abs() < 0.05, "{found} for {rate}");
        }
    }

    #[test]
    fn without_a_rate_there_are_no_reports() {
        let mut pace = Pace::new(0.0, 1);
        assert_eq!((0..1_000).map(|_| pace.reports(TICK, 0)).sum::<usize>(), 0);
    }
}
