//! The newest entries of a tenant's log, without a hole.

use std::collections::VecDeque;

use crate::log::{Entry, Position};

/// The most entries that a ring holds.
const MAX_ENTRIES: usize = 1_024;

/// The most bytes of frames that a ring holds.
const MAX_BYTES: usize = 1 << 20;

/// The most bytes that are taken at once.
const TAKE_BYTES: usize = 64 * 1024;

/// See the module.
#[derive(Default)]
pub(super) struct Ring {
    /// Where the log stands; `None` until somebody has said so.
    head: Option<Position>,
    entries: VecDeque<Entry>,
    bytes: usize,
}

/// What a ring has for a cursor.
#[derive(Debug)]
pub enum Found {
    /// These, right after it.
    Entries(Vec<Entry>),
    /// Nothing newer.
    Nothing,
    /// The cursor has left the ring.
    Behind,
    /// The log has begun anew.
    EpochChanged,
}

impl Ring {
    /// Where the log stands, as far as the ring has been told.
    pub(super) fn head(&self) -> Option<Position> {
        self.head
    }

    /// Takes in what the log has committed: with `entries` it stands at `position`. What the ring
    /// has been told before counts for nothing.
    pub(super) fn advance(&mut self, position: Position, mut entries: Vec<Entry>) {
        let known = self.head.filter(|head| head.epoch == position.epoch);
        if let Some(head) = known {
            if position.offset <= head.offset {
                return;
            }
            entries.retain(|entry| entry.offset > head.offset);
        }
        let follows = known.is_some_and(|head| entries.first().is_some_and(|first| first.offset == head.offset + 1));
        if !follows {
            self.entries.clear();
            self.bytes = 0;
        }
        self.head = Some(position);
        for entry in entries {
            self.bytes += entry.frame_bytes();
            self.entries.push_back(entry);
        }
        while self.entries.len() > MAX_ENTRIES || self.bytes > MAX_BYTES {
            let Some(oldest) = self.entries.pop_front() else { break };
            self.bytes -= oldest.frame_bytes();
        }
    }

    /// What comes right after a cursor, at most [`TAKE_BYTES`] of it.
    pub(super) fn after(&self, cursor: Position) -> Found {
        let Some(head) = self.head else { return Found::Behind };
        if head.epoch != cursor.epoch {
            return Found::EpochChanged;
        }
        if head.offset <= cursor.offset {
            return Found::Nothing;
        }
        let Some(first) = self.entries.front().filter(|first| first.offset <= cursor.offset + 1) else {
            return Found::Behind;
        };
        // Offsets have no holes, so an entry's place in the ring follows from its offset.
        let skip = usize::try_from(cursor.offset + 1 - first.offset).unwrap_or(usize::MAX);
        let mut bytes = 0;
        let fits = |entry: &&Entry| {
            let fits = bytes == 0 || bytes + entry.frame_bytes() <= TAKE_BYTES;
            bytes += entry.frame_bytes();
            fits
        };
        Found::Entries(self.entries.range(skip..).take_while(fits).cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sally_protocol::cursor::Epoch;

    fn at(epoch: u64, offset: u64) -> Position {
        Position { epoch: Epoch(epoch), offset }
    }

    fn gaps(offsets: std::ops::RangeInclusive<u64>) -> Vec<Entry> {
        offsets.map(Entry::gap).collect()
    }

    fn offsets(found: Found) -> Vec<u64> {
        match found {
            Found::Entries(entries) => entries.iter().map(|entry| entry.offset).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_cursor_gets_what_follows_it() {
        let mut ring = Ring::default();
        assert!(matches!(ring.after(at(1, 0)), Found::Behind));
        ring.advance(at(1, 3), gaps(1..=3));
        assert!(matches!(ring.after(at(1, 0)), Found::Entries(_)));
        ring.advance(at(1, 5), gaps(4..=5));
        assert_eq!(offsets(ring.after(at(1, 1))), [2, 3, 4, 5]);
        assert!(matches!(ring.after(at(1, 5)), Found::Nothing));
        assert!(matches!(ring.after(at(1, 9)), Found::Nothing));
        assert!(matches!(ring.after(at(2, 1)), Found::EpochChanged));
    }

    #[test]
    fn what_was_told_before_is_not_told_again() {
        let mut ring = Ring::default();
        ring.advance(at(1, 3), gaps(1..=3));
        ring.advance(at(1, 2), gaps(2..=2));
        ring.advance(at(1, 4), gaps(3..=4));
        assert_eq!(offsets(ring.after(at(1, 0))), [1, 2, 3, 4]);
    }

    #[test]
    fn a_hole_empties_the_ring() {
        let mut ring = Ring::default();
        ring.advance(at(1, 3), gaps(1..=3));
        ring.advance(at(1, 6), gaps(6..=6));
        assert!(matches!(ring.after(at(1, 3)), Found::Behind));
        assert_eq!(offsets(ring.after(at(1, 5))), [6]);
        ring.advance(at(1, 8), Vec::new());
        assert!(matches!(ring.after(at(1, 5)), Found::Behind));
        ring.advance(at(2, 0), Vec::new());
        assert!(matches!(ring.after(at(1, 8)), Found::EpochChanged));
        assert!(matches!(ring.after(at(2, 0)), Found::Nothing));
    }

    #[test]
    fn a_ring_is_bounded() {
        let mut ring = Ring::default();
        ring.advance(at(1, 5_000), gaps(1..=5_000));
        assert!(matches!(ring.after(at(1, 5_000 - MAX_ENTRIES as u64 - 1)), Found::Behind));
        assert_eq!(offsets(ring.after(at(1, 5_000 - MAX_ENTRIES as u64))).len(), MAX_ENTRIES);
    }
}
