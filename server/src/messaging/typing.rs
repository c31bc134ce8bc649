//! Who is typing.
//!
//! Whoever types says so again and again; watchers are told at the beginning, now and then, and at
//! the end. Whoever falls silent has stopped: so nobody types for ever whose device or node died.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sally_protocol::fleet::Side;
use sally_protocol::{Id, Tenant};
use tokio::time::Instant;

/// Whoever has said nothing for so long has stopped.
const SILENCE: Duration = Duration::from_secs(8);

/// Watchers are told that somebody still types at most this often.
const REPEAT_PERIOD: Duration = Duration::from_secs(3);

/// How many people may type at once. Beyond, nobody is told.
const MAX_TYPISTS: usize = 100_000;

/// Somebody in a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Typist {
    pub(super) tenant: Tenant,
    pub(super) conversation: Id,
    pub(super) user: Id,
    pub(super) side: Side,
}

/// When somebody was last heard, and when watchers were last told.
struct Times {
    heard: Instant,
    told: Instant,
}

/// Who is typing; a cheap clone.
#[derive(Clone, Default)]
pub(super) struct Typists(Arc<Mutex<HashMap<Typist, Times>>>);

impl Typists {
    /// Takes note of what somebody said; whether watchers are to be told.
    pub(super) fn hear(&self, typist: &Typist, typing: bool, now: Instant) -> bool {
        let mut typists = self.locked();
        if !typing {
            return typists.remove(typist).is_some();
        }
        if let Some(times) = typists.get_mut(typist) {
            times.heard = now;
            let due = now.saturating_duration_since(times.told) >= REPEAT_PERIOD;
            if due {
                times.told = now;
            }
            return due;
        }
        let has_room = typists.len() < MAX_TYPISTS;
        if has_room {
            typists.insert(typist.clone(), Times { heard: now, told: now });
        }
        has_room
    }

    /// Those who have stopped without a word.
    pub(super) fn fallen_silent(&self, now: Instant) -> Vec<Typist> {
        let silent = |_: &Typist, times: &mut Times| now.saturating_duration_since(times.heard) >= SILENCE;
        self.locked().extract_if(silent).map(|(typist, _)| typist).collect()
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, HashMap<Typist, Times>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn watchers_are_told_of_the_beginning_now_and_then_and_of_the_end() {
        let (typists, start) = (Typists::default(), Instant::now());
        let typist = Typist {
            tenant: Tenant::parse("t").expect("a tenant"),
            conversation: Id::parse("d").expect("an id"),
            user: Id::parse("u").expect("an id"),
            side: Side::Dispatch,
        };
        let at = |ms| start + Duration::from_millis(ms);
        assert!(!typists.hear(&typist, false, at(0)), "who hasn't begun doesn't stop");
        assert!(typists.hear(&typist, true, at(0)));
        assert!(!typists.hear(&typist, true, at(1_000)));
        assert!(typists.hear(&typist, true, at(3_000)));
        assert_eq!(typists.fallen_silent(at(10_999)), []);
        assert_eq!(typists.fallen_silent(at(11_000)), std::slice::from_ref(&typist));
        assert!(typists.hear(&typist, true, at(12_000)));
        assert!(typists.hear(&typist, false, at(12_001)));
        assert!(!typists.hear(&typist, false, at(12_002)));
    }
}
