//! What a client was told, held to the promise: one order without a gap and without a duplicate, or
//! an explicit resync.

use crate::support::{Frame, Frames};

/// What a stream has shown.
#[derive(Debug, Default)]
pub(crate) struct Story {
    /// The `n` of each numbered event, in order.
    pub numbers: Vec<u64>,
    /// The reasons of resyncs.
    pub resyncs: Vec<String>,
    /// The id of the last frame.
    pub cursor: String,
    offset: Option<u64>,
}

impl Story {
    /// Reads until the numbered event `last`, and checks each frame's place.
    pub(crate) async fn read_until(&mut self, frames: &mut Frames, last: u64) {
        while self.numbers.last() != Some(&last) {
            self.take(&frames.next().await);
        }
    }

    /// Takes in one frame.
    pub(crate) fn take(&mut self, frame: &Frame) {
        let offset = frame.id.trim_end_matches('~').rsplit('.').next().unwrap().parse().unwrap();
        match frame.event.as_str() {
            "zz_top" => {
                if let Some(before) = self.offset {
                    assert_eq!(offset, before + 1, "a hole or a duplicate after {self:?}: {frame:?}");
                }
                self.numbers.push(frame.data["n"].as_u64().unwrap());
            }
            "resync" => self.resyncs.push(frame.data["reason"].as_str().unwrap().to_owned()),
            _ => assert!(self.offset.is_none_or(|before| before == offset), "a control frame elsewhere: {frame:?}"),
        }
        self.offset = Some(offset);
        self.cursor.clone_from(&frame.id);
    }

    /// No number came twice.
    pub(crate) fn assert_no_duplicate(&self) {
        let mut numbers = self.numbers.clone();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), self.numbers.len(), "a publish became two events: {self:?}");
    }

    /// Every number came once, and nobody was told of a loss.
    pub(crate) fn assert_whole(&self, numbers: std::ops::Range<u64>) {
        self.assert_no_duplicate();
        assert!(self.resyncs.is_empty(), "{:?}", self.resyncs);
        let mut seen = self.numbers.clone();
        seen.sort_unstable();
        assert_eq!(seen, numbers.collect::<Vec<_>>());
    }
}
