//! From where a client says it stands to where the log stands.
//!
//! This is the part of a stream that may have to wait for the log, so each runs as a task of its
//! own. Once it is at the newest event, a shard serves it among others.

use std::io;
use std::time::Duration;

use bytes::{Buf as _, Bytes, BytesMut};
use sally_protocol::Cursor;
use sally_protocol::entity::View;
use sally_protocol::stream::ResyncReason;
use tokio::io::AsyncWriteExt as _;

use super::client::{Client, Socket};
use super::frames;
use crate::hub::{Next, Reader};
use crate::log::{Content, Entry, LogError, Position};
use crate::metrics::Metrics;

/// About how many bytes are gathered for one write.
const WRITE_BYTES: usize = 256 * 1024;

/// So many bytes are worth a write. Streams that come back in thousands each gather no more.
const LARGE_BYTES: usize = 32 * 1024;

/// A client that takes nothing for this long is cut off.
pub(super) const STALL: Duration = Duration::from_secs(15);

/// Why a stream ended before it was live.
#[derive(Debug, thiserror::Error)]
pub(super) enum Ended {
    /// The log can't be reached.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The client has gone, or takes nothing.
    #[error(transparent)]
    Socket(#[from] io::Error),
}

/// A client that catches up.
pub(super) struct CatchUp {
    client: Client,
    reader: Reader,
    metrics: Metrics,
    /// What goes out in the next write.
    out: Vec<Bytes>,
    out_bytes: usize,
    /// What `ready` will say; `None` once it was said.
    recovered: Option<bool>,
    /// `ready` isn't said before this offset, up to which the log is known to reach.
    until: u64,
}

impl CatchUp {
    /// A client that has been served before, from where it stands.
    pub(super) fn again(client: Client, metrics: Metrics) -> Self {
        let reader = client.place.channel().read();
        Self { client, reader, metrics, out: Vec::new(), out_bytes: 0, recovered: None, until: 0 }
    }

    /// A new client. `first` goes out before anything else.
    pub(super) fn new(client: Client, metrics: Metrics, first: Bytes) -> Self {
        let mut new = Self::again(client, metrics);
        new.push(first);
        new.push(frames::retry());
        new
    }

    /// Finds the place of a new client that has sent this cursor, and brings it up to date.
    ///
    /// # Errors
    ///
    /// [`Ended`]; a client that the log failed has been told when to come back.
    pub(super) async fn open(mut self, cursor: Option<String>) -> Result<Client, Ended> {
        match self.begin(cursor).await {
            Ok(()) => self.go_on().await,
            Err(error) => self.fail(error).await,
        }
    }

    /// Brings the client up to date.
    ///
    /// # Errors
    ///
    /// [`Ended`].
    pub(super) async fn go_on(mut self) -> Result<Client, Ended> {
        loop {
            let position = self.client.position;
            let next = match self.reader.next(position).await {
                // Another node is ahead of what this one has heard.
                Ok(Next::Nothing) if position.offset < self.until => self.reader.next_in_log(position).await,
                next => next,
            };
            let next = match next {
                Ok(next) => next,
                Err(error) => return self.fail(error).await,
            };
            let step = match next {
                Next::Nothing => {
                    if let Some(recovered) = self.recovered.take() {
                        let ready = frames::ready(&self.client.cursor(), recovered, self.client.schedule.heartbeat());
                        self.push(ready);
                    }
                    self.flush().await?;
                    return Ok(self.client);
                }
                Next::Entries(entries) => self.pass_on(entries).await,
                Next::TooOld => self.resync(ResyncReason::TooOld).await,
                Next::EpochChanged => self.resync(ResyncReason::EpochChanged).await,
            };
            if let Err(error) = step {
                return self.fail(error).await;
            }
            if self.out_bytes >= WRITE_BYTES {
                self.flush().await?;
            }
        }
    }

    async fn begin(&mut self, cursor: Option<String>) -> Result<(), LogError> {
        // What this node has heard is enough for a client that has seen nothing.
        let head = self.reader.heard_head().await?;
        let Some(text) = cursor else { return self.start_over(head).await };
        let Some(cursor) = Cursor::parse(&text, self.client.tenant()) else {
            return self.resync(ResyncReason::UnknownCursor).await;
        };
        // Half a snapshot is nothing; the other half can't be had, so it starts over.
        if cursor.partial_snapshot && self.client.with_snapshot {
            return self.start_over(head).await;
        }
        // Another node may have been ahead of this one.
        let known = cursor.epoch == head.epoch && cursor.offset <= head.offset;
        let head = if known { head } else { self.reader.head().await? };
        if cursor.epoch != head.epoch {
            self.resync(ResyncReason::EpochChanged).await
        } else if cursor.partial_snapshot || cursor.offset > head.offset {
            self.resync(ResyncReason::UnknownCursor).await
        } else {
            self.client.position = Position { offset: cursor.offset, ..head };
            self.recovered = Some(true);
            self.until = head.offset;
            Ok(())
        }
    }

    /// Begins from here: with a snapshot where the client wants one, else with what comes.
    async fn start_over(&mut self, head: Position) -> Result<(), LogError> {
        self.client.position = head;
        self.until = 0;
        if self.client.with_snapshot {
            let snapshot = self.reader.snapshot(head).await?;
            let build = |compacted: &_| frames::snapshot(self.client.tenant(), compacted, &self.client.view);
            let frames = match self.client.view {
                View::Everything => snapshot.frames(build).to_vec(),
                View::Driver { .. } => build(&snapshot.compacted),
            };
            frames.into_iter().for_each(|frame| self.push(frame));
            self.client.position = snapshot.compacted.position;
        }
        self.recovered = Some(false);
        Ok(())
    }

    /// Tells the client that what it holds is void, and begins from here.
    async fn resync(&mut self, reason: ResyncReason) -> Result<(), LogError> {
        self.metrics.resyncs.inc();
        let head = self.reader.head().await?;
        // Who is cut off between this frame and the end of the snapshot must have it again.
        let tenant = self.client.tenant();
        let cursor = if self.client.with_snapshot {
            Cursor::partial(tenant, head.epoch, head.offset)
        } else {
            head.cursor(tenant)
        };
        self.push(frames::resync(&cursor, reason));
        self.start_over(head).await
    }

    async fn pass_on(&mut self, entries: Vec<Entry>) -> Result<(), LogError> {
        for Entry { offset, content } in entries {
            self.client.position.offset = offset;
            match content {
                Content::Event { readers, frame } if self.client.view.sees(&readers) => self.push(frame),
                Content::Event { .. } => {}
                // The snapshot has what follows the gap.
                Content::Gap if self.client.with_snapshot => return self.resync(ResyncReason::Gap).await,
                // A client that fetches snapshots itself is told, and what follows the gap still comes.
                Content::Gap => {
                    self.metrics.resyncs.inc();
                    self.recovered = self.recovered.map(|_| false);
                    self.push(frames::resync(&self.client.cursor(), ResyncReason::Gap));
                }
            }
        }
        Ok(())
    }

    /// A client that is told nothing would wait for ever; one that is closed comes back.
    async fn fail<T>(mut self, error: LogError) -> Result<T, Ended> {
        self.push(frames::END);
        self.flush().await?;
        Err(error.into())
    }

    fn push(&mut self, bytes: Bytes) {
        self.out_bytes += bytes.len();
        self.out.push(bytes);
    }

    /// Writes what was gathered. Small frames go out together, large ones aren't copied for it.
    async fn flush(&mut self) -> io::Result<()> {
        let mut small = BytesMut::new();
        for frame in std::mem::take(&mut self.out) {
            if frame.len() < LARGE_BYTES {
                small.extend_from_slice(&frame);
                if small.len() >= LARGE_BYTES {
                    write(&mut self.client.socket, small.split().freeze()).await?;
                }
                continue;
            }
            write(&mut self.client.socket, small.split().freeze()).await?;
            write(&mut self.client.socket, frame).await?;
        }
        self.out_bytes = 0;
        write(&mut self.client.socket, small.freeze()).await
    }
}

async fn write(socket: &mut Socket, mut bytes: Bytes) -> io::Result<()> {
    while bytes.has_remaining() {
        let written =
            tokio::time::timeout(STALL, socket.write(&bytes)).await.map_err(|_| io::ErrorKind::TimedOut)??;
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        bytes.advance(written);
    }
    Ok(())
}
