//! Where the stream stands, and what has been seen on the way.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

/// How many cursors are remembered to recognise a repeat.
const REMEMBERED: usize = 1_024;

/// The cursor to continue from, and the cursors of the latest events.
#[derive(Debug, Default)]
pub(super) struct Position {
    cursor: Option<String>,
    order: VecDeque<Arc<str>>,
    known: HashSet<Arc<str>>,
}

impl Position {
    /// A stream that continues from `cursor`, or from now on.
    pub(super) fn new(cursor: Option<String>) -> Self {
        Self { cursor, ..Self::default() }
    }

    /// Where to continue.
    pub(super) fn cursor(&self) -> Option<&str> {
        self.cursor.as_deref()
    }

    /// Takes an event's cursor over. False when the event has been seen: a cursor stands for
    /// everything up to and including its event.
    pub(super) fn advance(&mut self, cursor: &str) -> bool {
        if cursor.is_empty() {
            return true;
        }
        if self.cursor.as_deref() == Some(cursor) || self.known.contains(cursor) {
            return false;
        }
        if self.order.len() == REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        let shared: Arc<str> = cursor.into();
        self.order.push_back(shared.clone());
        self.known.insert(shared);
        self.cursor = Some(cursor.to_owned());
        true
    }

    /// Takes the cursor of a frame over that repeats nothing, such as a heartbeat.
    pub(super) fn set(&mut self, cursor: &str) {
        if !cursor.is_empty() {
            self.cursor = Some(cursor.to_owned());
        }
    }

    /// Forgets everything: what was seen is void.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_counts_once() {
        let mut position = Position::new(Some("c1".into()));
        assert!(!position.advance("c1"), "the cursor we continue from has been seen");
        assert!(position.advance("c2") && position.advance("c3"));
        assert!(!position.advance("c2") && !position.advance("c3"));
        assert_eq!(position.cursor(), Some("c3"), "a repeat moves nothing back");
        position.clear();
        assert!(position.advance("c2"), "after a resync everything is new");
    }

    #[test]
    fn memory_is_bounded() {
        let mut position = Position::default();
        for n in 0..REMEMBERED * 3 {
            assert!(position.advance(&n.to_string()));
        }
        assert_eq!((position.order.len(), position.known.len()), (REMEMBERED, REMEMBERED));
    }

    #[test]
    fn a_heartbeats_cursor_is_no_event() {
        let mut position = Position::default();
        position.set("c5");
        assert_eq!(position.cursor(), Some("c5"));
        assert!(!position.advance("c5"));
        assert!(position.advance("c6"));
    }
}
