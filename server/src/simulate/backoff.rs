//! How long to wait before the next attempt.

use std::time::Duration;

use rand::Rng;

const FIRST: Duration = Duration::from_millis(300);
const LONGEST: Duration = Duration::from_secs(15);

/// Waits that double from 0.3 to 15 seconds, with jitter: a fleet must not come back as one.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The next wait: between half and all of the full one, and no shorter than the server asked.
    pub(super) fn next(&mut self, asked: Option<Duration>) -> Duration {
        let full = FIRST.saturating_mul(2_u32.saturating_pow(self.failures)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        full.mul_f64(rand::rng().random_range(0.5..=1.0)).max(asked.unwrap_or_default().min(4 * LONGEST))
    }

    /// Starts over, after a success.
    pub(super) fn reset(&mut self) {
        self.failures = 0;
    }
}
