//! What streams that stand at the same place are sent next, put together once.

use bytes::{Bytes, BytesMut};
use sally_protocol::entity::View;

use crate::hub::{Channel, Found};
use crate::log::{Content, Entry, Position};

/// What comes after one place in a tenant's log.
pub(super) enum Batch {
    /// These entries, none of them a gap, up to and including `to`.
    Entries {
        /// The last one's offset.
        to: u64,
        /// The entries.
        entries: Vec<Entry>,
        /// Their frames in one piece, for those who see everything.
        all: Bytes,
        /// Whether there were more than are sent at once.
        more: bool,
    },
    /// Nothing.
    Nothing,
    /// What can't be sent without looking into the log or telling the client more.
    Unusual,
}

impl Batch {
    /// What the ring has after `position`.
    pub(super) fn after(channel: &Channel, position: Position) -> Self {
        match channel.after(position) {
            Found::Nothing => Self::Nothing,
            Found::Behind | Found::EpochChanged => Self::Unusual,
            Found::Entries(entries) => {
                let frames: Option<Vec<Bytes>> = entries.iter().map(frame).collect();
                match (frames, entries.last()) {
                    (Some(frames), Some(last)) => {
                        let more = channel.head().is_some_and(|head| head.offset > last.offset);
                        Self::Entries { to: last.offset, all: merged(frames), entries, more }
                    }
                    _ => Self::Unusual,
                }
            }
        }
    }

    /// The frames of `entries` that a view sees, where `all` are those of everything.
    pub(super) fn seen_by(view: &View, entries: &[Entry], all: &Bytes) -> Bytes {
        if *view == View::Everything {
            return all.clone();
        }
        let seen = entries.iter().filter_map(|entry| match &entry.content {
            Content::Event { readers, frame } if view.sees(readers) => Some(frame.clone()),
            _ => None,
        });
        merged(seen.collect())
    }
}

fn frame(entry: &Entry) -> Option<Bytes> {
    match &entry.content {
        Content::Event { frame, .. } => Some(frame.clone()),
        Content::Gap => None,
    }
}

/// One frame is passed on as it is; several are put into one piece, so that they cost one write.
pub(super) fn merged(mut frames: Vec<Bytes>) -> Bytes {
    if frames.len() == 1 {
        return frames.pop().unwrap_or_default();
    }
    let mut merged = BytesMut::with_capacity(frames.iter().map(Bytes::len).sum());
    for frame in frames {
        merged.extend_from_slice(&frame);
    }
    merged.freeze()
}
