//! How fast somebody may send: a token bucket a user.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sally_protocol::{Id, Tenant};
use tokio::time::Instant;

/// Sends a second, in the long run.
const PER_SECOND: f64 = 10.0;

/// Sends at once, after a pause.
const BURST: f64 = 30.0;

/// Beyond this many buckets the full ones are dropped; a full bucket is like none.
const MAX_BUCKETS: usize = 10_000;

/// All buckets; a cheap clone.
#[derive(Clone, Default)]
pub(super) struct SendLimit {
    buckets: Arc<Mutex<HashMap<(Tenant, Id), Bucket>>>,
}

struct Bucket {
    tokens: f64,
    at: Instant,
}

impl Bucket {
    fn refill(&mut self, now: Instant) {
        let elapsed = now.saturating_duration_since(self.at).as_secs_f64();
        self.tokens = (self.tokens + elapsed * PER_SECOND).min(BURST);
        self.at = now;
    }
}

impl SendLimit {
    /// Takes one send, or says how long to wait for the next.
    pub(super) fn take(&self, tenant: &Tenant, user: &Id, now: Instant) -> Result<(), Duration> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() > MAX_BUCKETS {
            buckets.retain(|_, bucket| {
                bucket.refill(now);
                bucket.tokens < BURST
            });
        }
        let bucket = buckets.entry((tenant.clone(), user.clone())).or_insert(Bucket { tokens: BURST, at: now });
        bucket.refill(now);
        if bucket.tokens < 1.0 {
            // Told in whole milliseconds: who comes back a fraction early must not be refused again.
            let wait_ms = (1.0 - bucket.tokens) / PER_SECOND * 1_000.0;
            return Err(Duration::from_millis(wait_ms.ceil() as u64));
        }
        bucket.tokens -= 1.0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_then_ten_a_second() {
        let limit = SendLimit::default();
        let (tenant, user) = (Tenant::parse("t").expect("a tenant"), Id::parse("u").expect("an id"));
        let start = Instant::now();
        for _ in 0..30 {
            assert_eq!(limit.take(&tenant, &user, start), Ok(()));
        }
        let wait = limit.take(&tenant, &user, start).expect_err("the bucket is empty");
        assert!(wait <= Duration::from_millis(100));
        assert_eq!(limit.take(&tenant, &user, start + wait), Ok(()));
        assert!(limit.take(&tenant, &user, start + wait).is_err());
        let other = Id::parse("v").expect("an id");
        assert_eq!(limit.take(&tenant, &other, start), Ok(()));
    }
}
