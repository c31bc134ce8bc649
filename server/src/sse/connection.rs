//! The body of an event stream: a cursor that walks the log.

use std::convert::Infallible;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::Stream as Body;
use jiff::Timestamp;
use sally_protocol::Cursor;
use sally_protocol::stream::ResyncReason;
use tokio::time::Instant;

use super::frames;
use crate::app::App;
use crate::auth::Member;
use crate::drain::Draining;
use crate::hub::{Next, Stream};
use crate::log::{Content, Entry, LogError, Position};
use crate::metrics::Metrics;

/// A client is told of the end of its token this long before.
const EXPIRY_NOTICE: Duration = Duration::from_secs(60);

/// One client's stream.
pub(super) struct Connection {
    member: Member,
    stream: Stream,
    with_snapshot: bool,
    heartbeat: Duration,
    metrics: Metrics,
    draining: Draining,
    phase: Phase,
    /// What goes out next, in one write.
    out: Vec<Bytes>,
    heartbeat_at: Instant,
    /// When `auth_expiring` is due; `None` once it was sent.
    notice_at: Option<Instant>,
    expires_at: Instant,
    /// When a draining server closes this stream.
    closes_at: Option<Instant>,
}

enum Phase {
    /// Nothing was sent yet; the client has sent this cursor.
    Opening(Option<String>),
    /// Sending what the client has missed.
    CatchingUp { recovered: bool },
    /// Sending what comes.
    Live,
    /// Over.
    Closed,
}

impl Connection {
    pub(super) fn new(app: &App, member: Member, stream: Stream, cursor: Option<String>, with_snapshot: bool) -> Self {
        app.metrics.streams.inc();
        let now = Instant::now();
        let left = Duration::try_from(member.expires_at.duration_since(Timestamp::now())).unwrap_or_default();
        // A token may end in the next ice age, an `Instant` can't.
        let left = left.min(Duration::from_secs(10 * 365 * 24 * 60 * 60));
        Self {
            member,
            stream,
            with_snapshot,
            heartbeat: app.config.heartbeat,
            metrics: app.metrics.clone(),
            draining: app.drain.listen(),
            phase: Phase::Opening(cursor),
            out: Vec::new(),
            heartbeat_at: now + app.config.heartbeat,
            notice_at: Some(now + left.saturating_sub(EXPIRY_NOTICE)),
            expires_at: now + left,
            closes_at: None,
        }
    }

    /// The bytes of the answer, until the stream is over.
    pub(super) fn into_body(self) -> impl Body<Item = Result<Bytes, Infallible>> {
        futures_util::stream::unfold(self, |mut connection| async move {
            let bytes = connection.next().await?;
            Some((Ok(bytes), connection))
        })
    }

    /// What goes out in one write: everything that is there.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(bytes) = self.merged() {
                return Some(bytes);
            }
            let step = match &mut self.phase {
                Phase::Opening(cursor) => {
                    let cursor = cursor.take();
                    self.open(cursor).await
                }
                Phase::CatchingUp { recovered } => {
                    let recovered = *recovered;
                    self.catch_up(recovered).await
                }
                Phase::Live => self.live().await,
                Phase::Closed => return None,
            };
            if let Err(error) = step {
                // A client that is told nothing would wait for ever; one that is closed resumes.
                tracing::warn!(%error, "an event stream ends because the log can't be reached");
                self.out.push(frames::END);
                self.phase = Phase::Closed;
            }
        }
    }

    /// One frame is passed on as it is; several are merged, so that they cost one write.
    fn merged(&mut self) -> Option<Bytes> {
        match self.out.len() {
            0 => None,
            1 => self.out.pop(),
            _ => {
                let mut merged = BytesMut::with_capacity(self.out.iter().map(Bytes::len).sum());
                for frame in self.out.drain(..) {
                    merged.extend_from_slice(&frame);
                }
                Some(merged.freeze())
            }
        }
    }

    async fn open(&mut self, cursor: Option<String>) -> Result<(), LogError> {
        self.out.push(frames::retry().into());
        let head = self.stream.head().await?;
        let Some(text) = cursor else {
            return self.start_over(head).await;
        };
        match Cursor::parse(&text, &self.member.tenant) {
            // Half a snapshot is nothing; the other half can't be had, so it starts over.
            Some(cursor) if cursor.partial_snapshot && self.with_snapshot => self.start_over(head).await,
            Some(cursor) if cursor.epoch != head.epoch => self.resync(ResyncReason::EpochChanged).await,
            Some(cursor) if cursor.partial_snapshot || cursor.offset > head.offset => {
                self.resync(ResyncReason::UnknownCursor).await
            }
            Some(cursor) => {
                self.stream.go_to(Position { offset: cursor.offset, ..head });
                self.phase = Phase::CatchingUp { recovered: true };
                Ok(())
            }
            None => self.resync(ResyncReason::UnknownCursor).await,
        }
    }

    /// Begins from here: with a snapshot where the client wants one, else with what comes.
    async fn start_over(&mut self, head: Position) -> Result<(), LogError> {
        if self.with_snapshot {
            let compacted = self.stream.log().compacted(&self.member.tenant).await?;
            let visible = compacted.events.iter().filter(|event| self.member.view.sees(&event.readers));
            self.out.extend(frames::snapshot(&self.member.tenant, &compacted, visible));
            self.stream.go_to(compacted.position);
        } else {
            self.stream.go_to(head);
        }
        self.phase = Phase::CatchingUp { recovered: false };
        Ok(())
    }

    /// Tells the client that what it holds is void, and begins from here.
    async fn resync(&mut self, reason: ResyncReason) -> Result<(), LogError> {
        self.metrics.resyncs.inc();
        let head = self.stream.head().await?;
        // Who is cut off between this frame and the end of the snapshot must have it again.
        let cursor = if self.with_snapshot {
            Cursor::partial(&self.member.tenant, head.epoch, head.offset)
        } else {
            head.cursor(&self.member.tenant)
        };
        self.out.push(frames::resync(&cursor, reason));
        self.start_over(head).await
    }

    /// Tells a client that fetches snapshots itself of a gap. What follows the gap still comes.
    fn tell_gap(&mut self, offset: u64) {
        self.metrics.resyncs.inc();
        if let Phase::CatchingUp { recovered } = &mut self.phase {
            *recovered = false;
        }
        if let Some(position) = self.stream.cursor() {
            let cursor = Position { offset, ..position }.cursor(&self.member.tenant);
            self.out.push(frames::resync(&cursor, ResyncReason::Gap));
        }
    }

    async fn catch_up(&mut self, recovered: bool) -> Result<(), LogError> {
        match self.stream.take().await? {
            Some(next) => self.pass_on(next).await,
            None => {
                self.out.push(frames::ready(&self.cursor(), recovered, self.heartbeat));
                self.phase = Phase::Live;
                Ok(())
            }
        }
    }

    async fn live(&mut self) -> Result<(), LogError> {
        if let Some(next) = self.stream.take().await? {
            return self.pass_on(next).await;
        }
        let due = self.due();
        tokio::select! {
            () = self.stream.changed() => {}
            () = tokio::time::sleep_until(due) => self.keep_time(Instant::now()),
            after = self.draining.told(), if self.closes_at.is_none() => {
                self.closes_at = Some(Instant::now() + after);
                self.out.push(frames::reconnect(&self.cursor(), after));
            }
        }
        Ok(())
    }

    async fn pass_on(&mut self, next: Next) -> Result<(), LogError> {
        match next {
            Next::TooOld => self.resync(ResyncReason::TooOld).await,
            Next::EpochChanged => self.resync(ResyncReason::EpochChanged).await,
            Next::Entries(entries) => {
                for Entry { offset, content } in entries {
                    match content {
                        Content::Event { readers, frame } if self.member.view.sees(&readers) => self.out.push(frame),
                        Content::Event { .. } => {}
                        // The snapshot has what follows the gap.
                        Content::Gap if self.with_snapshot => return self.resync(ResyncReason::Gap).await,
                        Content::Gap => self.tell_gap(offset),
                    }
                }
                // Time goes by for a busy stream, too.
                if matches!(self.phase, Phase::Live) && Instant::now() >= self.due() {
                    self.keep_time(Instant::now());
                }
                Ok(())
            }
        }
    }

    fn due(&self) -> Instant {
        [self.notice_at, self.closes_at]
            .into_iter()
            .flatten()
            .fold(self.heartbeat_at.min(self.expires_at), Instant::min)
    }

    fn keep_time(&mut self, now: Instant) {
        if now >= self.expires_at || self.closes_at.is_some_and(|at| now >= at) {
            self.phase = Phase::Closed;
            return;
        }
        if self.notice_at.is_some_and(|at| now >= at) {
            self.notice_at = None;
            self.out.push(frames::auth_expiring(&self.cursor(), self.member.expires_at));
        }
        if now >= self.heartbeat_at {
            self.heartbeat_at = now + self.heartbeat;
            self.out.push(frames::heartbeat(&self.cursor()));
        }
    }

    /// Where the stream stands, as the client's cursor.
    fn cursor(&self) -> Cursor {
        let position = self.stream.cursor();
        // Every phase that sends a frame has moved the cursor first.
        let position = position.unwrap_or(Position { epoch: sally_protocol::cursor::Epoch(0), offset: 0 });
        position.cursor(&self.member.tenant)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.metrics.streams.dec();
    }
}
