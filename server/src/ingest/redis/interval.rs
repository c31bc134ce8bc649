//! Which raw publish is which, so that however many nodes hear one, it is one event.
//!
//! Redis delivers to all subscribers of one server in one order. Into this order every node
//! publishes *markers*, and they cut it into *intervals*: the interval of a publish is the last
//! marker before it. A publish without an id gets one that follows from its interval, its channel,
//! its payload, and how many equal ones came before it in the interval. All nodes that heard the
//! marker come to the same ids, and the log appends an id once.
//!
//! What a node that was away has missed, others have appended. Who has appended everything before a
//! marker *seals* it; a node whose first marker nobody seals notes a gap. ADR 4 has the argument.
//!
//! Nothing in here waits or reads a clock: the subscription and the model test both drive it.

use std::collections::HashMap;
use std::time::Duration;

use sha2::{Digest as _, Sha256};

/// A marker's id, unlike any other's.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Marker(pub(super) String);

/// What a marker asks of the node that hears it. Steps are taken one after the other, in the order
/// in which they were heard, after all appends that were heard before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// The first marker of a subscription: what was published before it must be taken care of by
    /// another node, or noted as a gap; see [`cover`].
    Join(Marker),
    /// Everything before this marker is taken care of, which other nodes may rely on.
    Seal(Marker),
}

/// What a subscription has heard since the last marker.
#[derive(Debug, Default)]
pub(super) struct Interval {
    began_with: Option<Marker>,
    /// How often each publish was heard, by the hash of channel and payload.
    heard: HashMap<[u8; 32], u64>,
}

impl Interval {
    /// Ends the interval and begins the next.
    pub(super) fn marker(&mut self, marker: Marker) -> Step {
        self.heard.clear();
        match self.began_with.replace(marker.clone()) {
            None => Step::Join(marker),
            Some(_) => Step::Seal(marker),
        }
    }

    /// The id of a publish, should it have none of its own: 32 hexadecimal digits. `None` before the
    /// first marker: such a publish is another node's, or is lost in the gap.
    pub(super) fn publish(&mut self, channel: &[u8], payload: &[u8]) -> Option<String> {
        let interval = self.began_with.as_ref()?;
        let equal: [u8; 32] = digest([channel, payload]);
        let before = self.heard.entry(equal).or_default();
        let id = digest([interval.0.as_bytes(), &equal, &before.to_be_bytes()]);
        *before += 1;
        Some(id[..16].iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

/// The parts' hash; each part is preceded by its length, so that no two lists of parts are alike.
fn digest<const N: usize>(parts: [&[u8]; N]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

/// What a node does about the time before its first marker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cover {
    /// Nothing: another node has taken care of it.
    Sealed,
    /// Nobody has: a gap is noted.
    Gap,
    /// Somebody may still be at it.
    Wait,
}

/// How long the others have for sealing a marker that ended an interval.
pub(super) const GRACE: Duration = Duration::from_secs(2);

/// Decides about the time before the first marker. `alone` says that no other node is alive. A gap
/// that is noted for nothing costs clients a snapshot, one that isn't noted costs them an event; so
/// in doubt it is.
pub(super) fn cover(sealed: bool, alone: bool, waited: Duration) -> Cover {
    match (sealed, alone || waited >= GRACE) {
        (true, _) => Cover::Sealed,
        (false, true) => Cover::Gap,
        (false, false) => Cover::Wait,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marker(id: &str) -> Marker {
        Marker(id.into())
    }

    #[test]
    fn equal_publishes_are_told_apart_and_alike_on_every_node() {
        let (mut one, mut two) = (Interval::default(), Interval::default());
        assert_eq!(one.publish(b"c", b"p"), None);
        assert_eq!(one.marker(marker("m1")), Step::Join(marker("m1")));
        two.marker(marker("m0"));
        two.publish(b"c", b"p");
        assert_eq!(two.marker(marker("m1")), Step::Seal(marker("m1")));
        let of_one = [one.publish(b"c", b"p"), one.publish(b"c", b"p"), one.publish(b"cp", b"")];
        let of_two = [two.publish(b"c", b"p"), two.publish(b"c", b"p"), two.publish(b"cp", b"")];
        assert_eq!(of_one, of_two);
        assert!(of_one[0] != of_one[1] && of_one[1] != of_one[2] && of_one[0] != of_one[2]);
        assert_eq!(of_one[0].as_ref().map(String::len), Some(32));
        one.marker(marker("m2"));
        assert_ne!(one.publish(b"c", b"p"), of_one[0]);
    }

    #[test]
    fn a_gap_is_noted_where_nobody_seals() {
        assert_eq!(cover(true, true, GRACE), Cover::Sealed);
        assert_eq!(cover(false, true, Duration::ZERO), Cover::Gap);
        assert_eq!(cover(false, false, Duration::ZERO), Cover::Wait);
        assert_eq!(cover(false, false, GRACE), Cover::Gap);
    }
}
