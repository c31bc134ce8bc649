//! One live stream in a shard.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use bytes::{Buf as _, Bytes};
use tokio::io::{AsyncRead as _, AsyncWrite as _, ReadBuf};
use tokio::time::Instant;
use tokio_util::time::delay_queue;

use super::batch::merged;
use super::catch_up::STALL;
use super::client::Client;

/// A client that has sent more than this since its request is no client.
const MAX_UNASKED_BYTES: usize = 16 * 1024;

/// What became of a write.
pub(super) enum Written {
    /// Everything is with the kernel.
    All,
    /// The socket is full; the rest follows when it has room.
    Some,
    /// The client has gone.
    Gone,
}

/// See the module.
pub(super) struct Live {
    pub(super) client: Client,
    /// Its place among the streams of its tenant.
    pub(super) seat: usize,
    /// What wakes the shard when something is due; `None` right after it has.
    pub(super) timer: Option<delay_queue::Key>,
    waker: Waker,
    /// How many bytes the client has sent since its request.
    unasked: usize,
    /// What the socket had no room for.
    rest: Bytes,
    /// Since when it has had none.
    full_since: Option<Instant>,
}

impl Live {
    pub(super) fn new(client: Client, waker: Waker, seat: usize) -> Self {
        Self { client, seat, timer: None, waker, unasked: 0, rest: Bytes::new(), full_since: None }
    }

    /// Whether the socket had no room for all that was written.
    pub(super) fn is_stalled(&self) -> bool {
        !self.rest.is_empty()
    }

    /// Whether the client has taken nothing for too long.
    pub(super) fn has_stalled(&self, now: Instant) -> bool {
        self.is_stalled() && self.full_since.is_some_and(|since| now >= since + STALL)
    }

    /// When something is due next.
    pub(super) fn due(&self) -> Instant {
        let due = self.client.schedule.due();
        self.full_since.filter(|_| self.is_stalled()).map_or(due, |since| due.min(since + STALL))
    }

    /// Writes `bytes` after what is still to be written.
    pub(super) fn write(&mut self, bytes: Bytes) -> Written {
        if self.is_stalled() {
            self.rest = merged(vec![std::mem::take(&mut self.rest), bytes]);
            return Written::Some;
        }
        self.rest = bytes;
        self.full_since = None;
        self.write_rest()
    }

    /// Looks whether the client has gone, and writes what there is room for.
    pub(super) fn progress(&mut self) -> Written {
        let mut unread = [0; 512];
        loop {
            let mut buffer = ReadBuf::new(&mut unread);
            let mut context = Context::from_waker(&self.waker);
            match Pin::new(&mut self.client.socket).poll_read(&mut context, &mut buffer) {
                Poll::Pending => break,
                // Nobody who reads a stream has anything to say; a farewell is empty.
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() && self.unasked <= MAX_UNASKED_BYTES => {
                    self.unasked += buffer.filled().len();
                }
                Poll::Ready(_) => return Written::Gone,
            }
        }
        self.write_rest()
    }

    fn write_rest(&mut self) -> Written {
        while self.rest.has_remaining() {
            let mut context = Context::from_waker(&self.waker);
            match Pin::new(&mut self.client.socket).poll_write(&mut context, &self.rest) {
                Poll::Ready(Ok(written)) if written > 0 => {
                    self.rest.advance(written);
                    self.full_since = None;
                }
                Poll::Ready(_) => return Written::Gone,
                Poll::Pending => {
                    self.full_since.get_or_insert_with(Instant::now);
                    return Written::Some;
                }
            }
        }
        // Keeps no share in a frame that others have long forgotten.
        self.rest = Bytes::new();
        Written::All
    }
}
