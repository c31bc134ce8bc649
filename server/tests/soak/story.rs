//! What one client was told, held to the promise: one order without a gap and without a duplicate,
//! or an explicit resync.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use sally_protocol::board::Board;
use sally_protocol::stream::{Frame, ResyncReason};

/// The type of the numbered events that end a run.
pub(crate) const LAST: &str = "zz_last";

/// What a client has seen, over all its connections.
#[derive(Debug, Default)]
pub(crate) struct Story {
    /// The `n` of each event that came live or was caught up with in this life of the log, in order.
    pub numbers: Vec<u64>,
    /// The reasons of resyncs.
    pub resyncs: Vec<String>,
    /// How often it came back.
    pub resumed: usize,
    /// The id of the last frame.
    pub cursor: String,
    /// What a dispatcher would see.
    pub board: Board,
    /// Whether the event that ends the run has come.
    pub is_over: bool,
    has_begun: bool,
    offset: Option<u64>,
}

impl Story {
    /// Counts it among those that have been live, once.
    pub(crate) fn begin(&mut self, begun: &AtomicUsize) {
        let first = !std::mem::replace(&mut self.has_begun, true);
        begun.fetch_add(usize::from(first), Ordering::Relaxed);
    }

    /// Takes in one frame, and checks its place.
    pub(crate) fn take(&mut self, id: &str, event: &str, data: &str) {
        let offset: u64 = id.trim_end_matches('~').rsplit('.').next().unwrap().parse().unwrap();
        let frame = Frame::parse(event, data).unwrap();
        match &frame {
            Frame::Event { data, .. } => {
                let follows = self.offset.is_none_or(|before| offset == before + 1);
                assert!(follows, "a hole or a duplicate after {} {:?}: {id} {data}", self.cursor, self.resyncs);
                self.numbers.push(data["n"].as_u64().unwrap());
                self.is_over |= event == LAST;
            }
            Frame::Resync { reason } => {
                self.resyncs.push(reason.as_str().to_owned());
                if *reason == ResyncReason::EpochChanged {
                    // What the log's last life held may come again in this one.
                    self.numbers.clear();
                }
            }
            // It may stand further on than the cursor that was sent: after a resync, or at the beginning.
            Frame::Snapshot { .. } => {}
            _ => {
                let stays = self.offset.is_none_or(|before| offset == before);
                assert!(stays, "after {} a control frame elsewhere: {id} {event} {data}", self.cursor);
            }
        }
        self.board.apply(&frame);
        self.offset = Some(offset);
        id.clone_into(&mut self.cursor);
    }

    /// No number came twice.
    pub(crate) fn assert_no_duplicate(&self) {
        let mut seen = HashSet::new();
        let twice: Vec<&u64> = self.numbers.iter().filter(|n| !seen.insert(**n)).collect();
        assert!(twice.is_empty(), "publishes that became two events: {twice:?}");
    }

    /// Every number below `count` came once, and nobody spoke of a loss.
    pub(crate) fn assert_whole(&self, count: u64) {
        assert!(self.resyncs.is_empty(), "{:?} at {}", self.resyncs, self.cursor);
        self.assert_no_duplicate();
        let seen: HashSet<u64> = self.numbers.iter().copied().collect();
        let lost: Vec<u64> = (0..count).filter(|n| !seen.contains(n)).collect();
        assert!(lost.is_empty(), "lost: {lost:?}");
        assert_eq!(self.numbers.len() as u64, count);
    }
}
