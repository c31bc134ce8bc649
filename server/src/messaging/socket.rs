//! Somebody who is in the namespace: how they are told something.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use sally_protocol::message::NAMESPACE;
use serde::Serialize;
use serde_json::json;

use crate::engine::{Connection, Frame, Sid};

/// A connection that has entered the namespace. One that leaves and comes again is another.
pub(super) struct Socket {
    pub(super) id: Sid,
    pub(super) connection: Arc<Connection>,
    has_left: AtomicBool,
}

impl Socket {
    pub(super) fn new(connection: Arc<Connection>) -> Self {
        Self { id: Sid::random(), connection, has_left: AtomicBool::new(false) }
    }

    /// Whether it is still in. Who goes through a room as it was asks before each socket: its connection
    /// may belong to somebody else by then.
    pub(super) fn is_in(&self) -> bool {
        !self.has_left.load(Ordering::Acquire)
    }

    /// Takes note that it has left.
    pub(super) fn set_left(&self) {
        self.has_left.store(true, Ordering::Release);
    }

    /// Tells that it is in.
    pub(super) fn tell_connected(&self) {
        let connected = json!({ "sid": self.id.to_string() });
        self.connection.send(&Frame::text(&format!("0{NAMESPACE},{connected}")));
    }

    /// Tells that it is out.
    pub(super) fn tell_disconnected(&self) {
        self.connection.send(&Frame::text(&format!("1{NAMESPACE},")));
    }

    /// Emits an event to this socket. One that has no room for it is closed: it comes back and
    /// resumes.
    pub(super) fn emit<T: Serialize>(&self, name: &str, data: &T) {
        if let Some(frame) = event(name, data) {
            self.connection.send(&frame);
        }
    }

    /// Answers an event that was sent with an id.
    pub(super) fn answer<T: Serialize>(&self, id: Option<u64>, answer: &T) {
        let Some(id) = id else { return };
        match Frame::message(&format!("3{NAMESPACE},{id}["), answer, "]") {
            Ok(frame) => self.connection.send(&frame),
            Err(error) => tracing::error!(%error, "an answer can't be written"),
        }
    }
}

/// An event, ready to be sent to any socket of the namespace. Its name needs no escapes.
pub(super) fn event<T: Serialize + ?Sized>(name: &str, data: &T) -> Option<Frame> {
    let frame = Frame::message(&format!("2{NAMESPACE},[\"{name}\","), data, "]");
    frame.inspect_err(|error| tracing::error!(%error, "an event can't be written")).ok()
}

/// The refusal of a namespace.
pub(super) fn refusal(namespace: &str, message: &str) -> Frame {
    let refusal = json!({ "message": message });
    match namespace {
        "/" => Frame::text(&format!("4{refusal}")),
        _ => Frame::text(&format!("4{namespace},{refusal}")),
    }
}
