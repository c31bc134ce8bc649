//! One client's stream: its socket, where it stands, and when something is due.

use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use prometheus_client::metrics::gauge::Gauge;
use sally_protocol::entity::View;
use sally_protocol::{Cursor, Tenant};
use tokio::io::DuplexStream;
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_util::either::Either;

use super::frames;
use crate::hub::Place;
use crate::log::Position;

/// A client is told of the end of its token this long before.
const EXPIRY_NOTICE: Duration = Duration::from_secs(60);

/// Where a stream's bytes go: to a connection of its own, or through a pipe into the body of an
/// answer on one that carries other requests, too.
pub(crate) type Socket = Either<TcpStream, DuplexStream>;

/// What is known of a stream before it has a socket.
pub(crate) struct Opening {
    pub(super) place: Place,
    pub(super) view: View,
    pub(super) expires_at: Timestamp,
    pub(super) with_snapshot: bool,
    /// What the client has seen, as it says.
    pub(super) cursor: Option<String>,
}

/// An open stream.
pub(super) struct Client {
    pub(super) socket: Socket,
    pub(super) place: Place,
    pub(super) view: View,
    pub(super) with_snapshot: bool,
    /// Up to where the client has seen the log, once what was written has arrived.
    pub(super) position: Position,
    pub(super) schedule: Schedule,
    _open: Open,
}

impl Client {
    /// A stream that stands at `position`.
    pub(super) fn new(opening: Opening, socket: Socket, position: Position, heartbeat: Duration, open: Gauge) -> Self {
        let Opening { place, view, expires_at, with_snapshot, .. } = opening;
        let schedule = Schedule::new(heartbeat, expires_at);
        Self { socket, place, view, with_snapshot, position, schedule, _open: Open::new(open) }
    }

    /// The tenant.
    pub(super) fn tenant(&self) -> &Tenant {
        self.place.channel().tenant()
    }

    /// Where the stream stands, as the client's cursor.
    pub(super) fn cursor(&self) -> Cursor {
        self.position.cursor(self.tenant())
    }
}

/// Counts a stream as open as long as it is.
struct Open(Gauge);

impl Open {
    fn new(gauge: Gauge) -> Self {
        gauge.inc();
        Self(gauge)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// When something is due on a stream.
pub(super) struct Schedule {
    heartbeat: Duration,
    heartbeat_at: Instant,
    /// When `auth_expiring` is due; `None` once it was sent.
    notice_at: Option<Instant>,
    /// When the token ends, and with it the stream.
    ends_at: Instant,
    /// The same as the token says it.
    expires_at: Timestamp,
    /// When a draining server closes the stream.
    closes_at: Option<Instant>,
}

impl Schedule {
    fn new(heartbeat: Duration, expires_at: Timestamp) -> Self {
        let now = Instant::now();
        let left = Duration::try_from(expires_at.duration_since(Timestamp::now())).unwrap_or_default();
        // A token may end in the next ice age, an `Instant` can't.
        let left = left.min(Duration::from_secs(10 * 365 * 24 * 60 * 60));
        Self {
            heartbeat,
            heartbeat_at: now + heartbeat,
            notice_at: Some(now + left.saturating_sub(EXPIRY_NOTICE)),
            ends_at: now + left,
            expires_at,
            closes_at: None,
        }
    }

    /// The heartbeat period.
    pub(super) fn heartbeat(&self) -> Duration {
        self.heartbeat
    }

    /// When the stream is over at the latest.
    pub(super) fn ends_at(&self) -> Instant {
        self.closes_at.map_or(self.ends_at, |at| at.min(self.ends_at))
    }

    /// When something is due next.
    pub(super) fn due(&self) -> Instant {
        self.notice_at.map_or(self.heartbeat_at, |at| at.min(self.heartbeat_at)).min(self.ends_at())
    }

    /// The frames that are due, or `None` when the stream is over.
    pub(super) fn take_due(&mut self, now: Instant, cursor: &Cursor) -> Option<Vec<Bytes>> {
        if now >= self.ends_at() {
            return None;
        }
        let mut due = Vec::new();
        if self.notice_at.is_some_and(|at| now >= at) {
            self.notice_at = None;
            due.push(frames::auth_expiring(cursor, self.expires_at));
        }
        if now >= self.heartbeat_at {
            self.heartbeat_at = now + self.heartbeat;
            due.push(frames::heartbeat(cursor));
        }
        Some(due)
    }

    /// Closes the stream after this long; the frame tells the client. Nothing the second time.
    pub(super) fn close_after(&mut self, after: Duration, cursor: &Cursor) -> Option<Bytes> {
        if self.closes_at.is_some() {
            return None;
        }
        self.closes_at = Some(Instant::now() + after);
        Some(frames::reconnect(cursor, after))
    }
}
