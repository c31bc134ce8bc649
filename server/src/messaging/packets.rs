//! The packets of one connection, in the order they came.

use std::sync::Arc;

use super::packet::{Content, Event, Packet};
use crate::engine::{Connection, Incoming, MAX_PAYLOAD_BYTES};

/// What a client asks of its connection.
#[derive(Debug)]
pub(super) enum Asked {
    /// To enter a namespace, with a payload.
    Connect { namespace: String, payload: String },
    /// To leave one.
    Disconnect { namespace: String },
    /// An event in one.
    Event { namespace: String, event: Event },
}

/// What is no packet, or not in its place.
struct Malformed;

/// See the module.
pub(super) struct Packets {
    pub(super) connection: Arc<Connection>,
    /// An event whose attachments have not all come.
    incomplete: Option<Box<Incomplete>>,
}

/// Attachments are counted and not kept: an event with some is refused once they are there. All of them
/// together may be as large as a packet.
struct Incomplete {
    namespace: String,
    event: Event,
    missing: usize,
    bytes: usize,
}

impl Drop for Packets {
    /// A connection that nobody serves any more is closed, whatever the reason.
    fn drop(&mut self) {
        self.connection.end();
    }
}

impl Packets {
    pub(super) fn new(connection: Arc<Connection>) -> Self {
        Self { connection, incomplete: None }
    }

    /// What comes next; `None` at the end. Whoever sends what is no packet is closed. May be dropped
    /// without losing anything.
    pub(super) async fn next(&mut self) -> Option<Asked> {
        loop {
            let taken = match self.connection.next().await? {
                Incoming::Text(text) => self.take_text(&text),
                Incoming::Binary(bytes) => self.take_attachment(bytes.len()),
            };
            match taken {
                Ok(Some(asked)) => return Some(asked),
                Ok(None) => {}
                Err(Malformed) => {
                    self.connection.end();
                    return None;
                }
            }
        }
    }

    fn take_text(&mut self, text: &str) -> Result<Option<Asked>, Malformed> {
        if self.incomplete.is_some() {
            return Err(Malformed);
        }
        let Packet { namespace, content } = Packet::parse(text).ok_or(Malformed)?;
        let namespace = namespace.to_owned();
        Ok(match content {
            Content::Connect(payload) => Some(Asked::Connect { namespace, payload: payload.to_owned() }),
            Content::Disconnect => Some(Asked::Disconnect { namespace }),
            Content::Event(event) => Some(Asked::Event { namespace, event }),
            Content::WithAttachments(event, missing) => {
                // No request has an argument that is anything but JSON.
                let event = Event { argument: None, ..event };
                self.incomplete = Some(Box::new(Incomplete { namespace, event, missing, bytes: 0 }));
                None
            }
            Content::Ack => None,
        })
    }

    fn take_attachment(&mut self, bytes: usize) -> Result<Option<Asked>, Malformed> {
        let mut incomplete = self.incomplete.take().ok_or(Malformed)?;
        incomplete.missing -= 1;
        incomplete.bytes += bytes;
        if incomplete.bytes > MAX_PAYLOAD_BYTES {
            return Err(Malformed);
        }
        if incomplete.missing > 0 {
            self.incomplete = Some(incomplete);
            return Ok(None);
        }
        let Incomplete { namespace, event, .. } = *incomplete;
        Ok(Some(Asked::Event { namespace, event }))
    }
}
