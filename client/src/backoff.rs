//! How long to wait before the next attempt.

use std::time::Duration;

/// The first wait, before jitter.
const INITIAL: Duration = Duration::from_millis(250);

/// The longest wait that nobody asked for.
const CAP: Duration = Duration::from_secs(30);

/// How much later than asked a client comes back at most, as a part of the wait.
const SPREAD: f64 = 0.1;

/// Exponential waits with jitter: the clients of a server that went down together must not come
/// back together.
#[derive(Debug, Clone, Default)]
pub(crate) struct Backoff {
    failures: u32,
    waited: Duration,
}

impl Backoff {
    /// The next wait: between half and all of 250 ms, 500 ms, … 30 s, by `unit` from `0.0..1.0`;
    /// no less than `asked`, where the server asked for a time.
    pub(crate) fn next(&mut self, asked: Option<Duration>, unit: f64) -> Duration {
        let unit = unit.clamp(0.0, 1.0);
        let full = INITIAL.saturating_mul(2_u32.saturating_pow(self.failures)).min(CAP);
        let own = full.mul_f64(0.5 + unit / 2.0);
        self.failures = self.failures.saturating_add(1);
        self.waited = asked.map_or(own, |asked| asked.mul_f64(1.0 + SPREAD * unit).max(own));
        self.waited
    }

    /// Notes a connection that was live for a while. One that lived shorter than the wait before
    /// it is no success: a server that falls over at once must not be hammered.
    pub(crate) fn lived(&mut self, time: Duration) {
        if time >= self.waited {
            *self = Self::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_cap() {
        let mut backoff = Backoff::default();
        let waits: Vec<u128> = (0..9).map(|_| backoff.next(None, 1.0).as_millis()).collect();
        assert_eq!(waits, [250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
        for _ in 0..100 {
            assert_eq!(backoff.next(None, 0.0), CAP / 2, "no overflow, however long it lasts");
        }
    }

    #[test]
    fn the_server_is_heeded() {
        let mut backoff = Backoff::default();
        assert_eq!(backoff.next(Some(Duration::from_secs(7)), 0.0), Duration::from_secs(7));
        assert_eq!(backoff.next(Some(Duration::from_secs(10)), 1.0), Duration::from_secs(11), "spread, never early");
        assert_eq!(backoff.next(Some(Duration::ZERO), 1.0), Duration::from_secs(1), "but never in a tight loop");
    }

    #[test]
    fn only_a_life_longer_than_the_wait_starts_over() {
        let mut backoff = Backoff::default();
        backoff.next(None, 1.0);
        backoff.next(None, 1.0);
        backoff.lived(Duration::from_millis(499));
        assert_eq!(backoff.next(None, 1.0), Duration::from_secs(1));
        backoff.lived(Duration::from_secs(1));
        assert_eq!(backoff.next(None, 1.0), INITIAL);
    }
}
