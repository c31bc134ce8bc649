//! Whether a subscription is alive, by this node's own markers.
//!
//! What counts is when the newest marker that came back was *sent*. A process that was stopped for
//! minutes finds old messages and old markers in its buffers; by the time they were heard all would
//! look well, by the time they were sent it doesn't.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::interval::Marker;

/// How often a marker is published.
pub(super) const PERIOD: Duration = Duration::from_secs(2);

/// A subscription whose newest own marker is older than this is lost.
pub(super) const LIMIT: Duration = Duration::from_secs(6);

/// The markers under way.
#[derive(Debug)]
pub(super) struct Pulse {
    sent: VecDeque<(Marker, Instant)>,
    confirmed: Instant,
}

impl Pulse {
    /// A subscription that was begun at `began`.
    pub(super) fn new(began: Instant) -> Self {
        Self { sent: VecDeque::new(), confirmed: began }
    }

    /// A marker is about to be published.
    pub(super) fn send(&mut self, marker: Marker, now: Instant) {
        self.sent.retain(|(_, at)| now.duration_since(*at) <= LIMIT);
        self.sent.push_back((marker, now));
    }

    /// A marker, this node's or another's, was heard.
    pub(super) fn hear(&mut self, marker: &Marker) {
        if let Some(place) = self.sent.iter().position(|(sent, _)| sent == marker) {
            self.confirmed = self.sent[place].1;
            self.sent.drain(..=place);
        }
    }

    /// Until when the subscription counts as alive, should no further marker come back.
    pub(super) fn fresh_until(&self) -> Instant {
        self.confirmed + LIMIT
    }

    /// Whether whatever is heard now was published a short while ago at most.
    pub(super) fn is_fresh(&self, now: Instant) -> bool {
        now <= self.fresh_until()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pulse_is_as_old_as_its_newest_marker_was_sent() {
        let began = Instant::now();
        let at = |seconds| began + Duration::from_secs(seconds);
        let marker = |id: &str| Marker(id.into());
        let mut pulse = Pulse::new(began);
        assert!(pulse.is_fresh(at(6)) && !pulse.is_fresh(at(7)));
        pulse.send(marker("a"), at(2));
        pulse.send(marker("b"), at(4));
        pulse.hear(&marker("somebody's"));
        assert!(!pulse.is_fresh(at(7)));
        pulse.hear(&marker("b"));
        pulse.hear(&marker("a"));
        assert!(pulse.is_fresh(at(10)) && !pulse.is_fresh(at(11)));
        // Stopped here for minutes, and woken with its own marker in the buffer.
        pulse.send(marker("c"), at(6));
        pulse.hear(&marker("c"));
        assert!(!pulse.is_fresh(at(300)));
    }
}
