//! The supervised event stream, `GET /sse/events`.
//!
//! One task follows the stream for as long as somebody listens: it carries the cursor over from
//! connection to connection, renews the token, waits as the server asks, and reports how the
//! connection stands beside what came through it.

mod connection;
mod position;
mod supervisor;

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::Stream;
use sally_protocol::Tenant;
use sally_protocol::desktop::Link;
use sally_protocol::stream::Frame;
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use crate::session::Session;

/// Frames that wait for a slow listener; then the connection waits, and the server behind it.
const QUEUE: usize = 256;

/// What to follow.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Whether the stream begins with a snapshot, and sends a new one after each `resync`.
    pub snapshot: bool,
    /// Where to continue; from now on when there is none.
    pub cursor: Option<String>,
    /// Only for a service without a tenant of its own: whose events.
    pub tenant: Option<Tenant>,
}

/// What happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Update {
    /// The connection stands differently. `Live` follows the frame `ready`.
    Link(Link),
    /// A frame came. An event comes once, however often the server repeats it, and a snapshot
    /// comes whole, as one frame.
    Frame {
        /// Where the stream stands after it.
        cursor: String,
        /// The frame.
        frame: Frame,
    },
}

/// A followed stream. Dropping it closes the connection. It ends after [`Link::SignedOut`] and
/// [`Link::Incompatible`], and never otherwise.
#[derive(Debug)]
pub struct Events {
    updates: mpsc::Receiver<Update>,
    _task: AbortOnDropHandle<()>,
}

impl Events {
    /// Begins to follow the stream. Needs a Tokio runtime.
    pub fn follow(session: Session, options: Options) -> Self {
        let (sender, updates) = mpsc::channel(QUEUE);
        let task = tokio::spawn(supervisor::run(session, options, sender));
        Self { updates, _task: AbortOnDropHandle::new(task) }
    }
}

impl Stream for Events {
    type Item = Update;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Update>> {
        self.updates.poll_recv(context)
    }
}
