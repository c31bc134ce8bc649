//! A supervised connection, as the screen shows it.

use jiff::{SignedDuration, Timestamp};
use sally_protocol::desktop;

use super::clock::now;
use crate::model::time;

/// A connection's state, and since when.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Link {
    /// The state.
    pub(crate) state: desktop::Link,
    /// Since when.
    pub(crate) since: Timestamp,
    /// Until when it was last live, while it isn't.
    pub(crate) live_until: Option<Timestamp>,
}

impl Link {
    /// A closed connection.
    pub(crate) fn closed() -> Self {
        Self { state: desktop::Link::Closed, since: now(), live_until: None }
    }

    /// Takes in a new state.
    pub(crate) fn set(&mut self, state: desktop::Link, at: Timestamp) {
        self.live_until = match (self.state.is_live(), state.is_live()) {
            (_, true) => None,
            (true, false) => Some(at),
            (false, false) => self.live_until,
        };
        (self.state, self.since) = (state, at);
    }

    /// How long it is to the next attempt, while one is waited for: `4 s`.
    pub(crate) fn countdown(&self, now: Timestamp) -> Option<String> {
        let desktop::Link::Retrying { in_ms, .. } = self.state else { return None };
        let wait = SignedDuration::from_millis(i64::try_from(in_ms).ok()?);
        // The desk's time moves once a second and may lie before the moment the link was lost.
        Some(time::countdown(self.since.checked_add(wait).ok()?, now.max(self.since)))
    }
}
