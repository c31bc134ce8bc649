//! One place in the log.

use bytes::Bytes;
use sally_protocol::entity::Reader;
use sally_protocol::{Cursor, Tenant, stream};

use super::Position;

/// One place in the log. Cloning shares the frame.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its place.
    pub offset: u64,
    /// What stands there.
    pub content: Content,
}

/// What stands in one place of the log.
#[derive(Debug, Clone)]
pub enum Content {
    /// An event.
    Event {
        /// Which drivers may see it.
        readers: std::sync::Arc<[Reader]>,
        /// The finished frame.
        frame: Bytes,
    },
    /// Events may have been missed before here.
    Gap,
}

impl Entry {
    /// An event's entry, its frame built.
    pub fn event(tenant: &Tenant, position: Position, kind: &str, readers: &[Reader], json: &str) -> Self {
        Self {
            offset: position.offset,
            content: Content::Event {
                readers: readers.into(),
                frame: Self::frame(&position.cursor(tenant), kind, json),
            },
        }
    }

    /// An entry as backends store it: readers as text, and an empty kind for a gap.
    pub(super) fn read(tenant: &Tenant, position: Position, kind: &str, readers: &str, json: &str) -> Self {
        if kind.is_empty() {
            return Self::gap(position.offset);
        }
        Self::event(tenant, position, kind, &readers_from_text(readers), json)
    }

    /// A gap's entry.
    pub fn gap(offset: u64) -> Self {
        Self { offset, content: Content::Gap }
    }

    /// A frame as it goes over the wire. `json` is one line.
    pub fn frame(cursor: &Cursor, kind: &str, json: &str) -> Bytes {
        stream::frame(cursor, kind, json).into()
    }

    /// The bytes of its frame.
    pub fn frame_bytes(&self) -> usize {
        match &self.content {
            Content::Event { frame, .. } => frame.len(),
            Content::Gap => 0,
        }
    }
}

/// Readers as text: a space between them.
pub(super) fn readers_to_text(readers: &[Reader]) -> String {
    readers.iter().map(Reader::to_text).collect::<Vec<_>>().join(" ")
}

/// Reads [`readers_to_text`].
pub(super) fn readers_from_text(text: &str) -> Vec<Reader> {
    text.split(' ').filter_map(Reader::parse).collect()
}
