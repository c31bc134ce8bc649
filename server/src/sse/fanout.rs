//! Who serves the open streams: a few shards, each with its share of them.
//!
//! A stream is served by two kinds of tasks in turn. While it catches up, a task of its own may
//! wait for the log ([`CatchUp`]). At the newest event it is live and belongs to a [`Shard`], which
//! writes to thousands of sockets in one go; there it costs a few hundred bytes and no task, no
//! timer and no queue. When it falls too far behind it goes back.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use sally_protocol::Tenant;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::catch_up::{CatchUp, Ended};
use super::client::{Client, Opening, Socket};
use super::shard::{Inbox, Shard};
use crate::drain::Drain;
use crate::log::Position;
use crate::metrics::Metrics;

/// The streams of a tenant stay in one shard up to this many; more are spread over several.
const SHARE: usize = 1_024;

/// All shards; a cheap clone.
#[derive(Clone)]
pub struct Fanout {
    shared: Arc<Shared>,
}

struct Shared {
    shards: Vec<Arc<Inbox>>,
    heartbeat: Duration,
    metrics: Metrics,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Fanout {
    /// Starts one shard for each core on `tasks`. They end, and cut off their streams, at `stop`.
    pub fn start(
        heartbeat: Duration,
        metrics: Metrics,
        drain: &Drain,
        stop: CancellationToken,
        tasks: &TaskTracker,
    ) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let shards = (0..cores).map(|_| Arc::default()).collect();
        let shared =
            Arc::new(Shared { shards, heartbeat, metrics: metrics.clone(), stop: stop.clone(), tasks: tasks.clone() });
        let fanout = Self { shared };
        for inbox in &fanout.shared.shards {
            let shard = Shard::new(Arc::clone(inbox), fanout.clone(), drain.listen(), metrics.clone());
            tasks.spawn(shard.run(stop.clone()));
        }
        fanout
    }

    /// Serves a new stream. `first` goes out before anything else. Returns once it is live.
    pub(crate) async fn serve(&self, opening: Opening, socket: Socket, first: Bytes) {
        let mut opening = opening;
        let cursor = opening.cursor.take();
        let nowhere = Position { epoch: sally_protocol::cursor::Epoch(0), offset: 0 };
        let Shared { heartbeat, metrics, .. } = &*self.shared;
        let client = Client::new(opening, socket, nowhere, *heartbeat, metrics.streams.clone());
        let ends_at = client.schedule.ends_at();
        let catch_up = CatchUp::new(client, metrics.clone(), first);
        self.bring_up(Box::pin(catch_up.open(cursor)), ends_at).await;
    }

    /// [`Fanout::serve`] on a task of its own.
    pub(super) fn begin(&self, opening: Opening, socket: Socket) {
        let fanout = self.clone();
        self.shared.tasks.spawn(async move { fanout.serve(opening, socket, Bytes::new()).await });
    }

    /// Serves a stream that has fallen out of its shard.
    pub(super) fn serve_again(&self, client: Client) {
        let fanout = self.clone();
        let ends_at = client.schedule.ends_at();
        let catch_up = CatchUp::again(client, self.shared.metrics.clone());
        self.shared.tasks.spawn(async move { fanout.bring_up(Box::pin(catch_up.go_on()), ends_at).await });
    }

    async fn bring_up(&self, catching_up: impl Future<Output = Result<Client, Ended>>, ends_at: Instant) {
        let client = tokio::select! {
            client = catching_up => client,
            () = tokio::time::sleep_until(ends_at) => return,
            () = self.shared.stop.cancelled() => return,
        };
        match client {
            Ok(client) => self.shard(client.tenant(), client.place.share(SHARE)).adopt(client),
            Err(Ended::Log(error)) => tracing::warn!(%error, "an event stream ends because the log can't be reached"),
            Err(Ended::Socket(error)) if error.kind() == io::ErrorKind::TimedOut => {
                self.shared.metrics.stalled.inc();
            }
            // Clients come and go.
            Err(Ended::Socket(_)) => {}
        }
    }

    /// The shard for a stream. Those of a small tenant share one, so that an event wakes one task.
    fn shard(&self, tenant: &Tenant, share: usize) -> &Inbox {
        let shards = &self.shared.shards;
        let home = tenant.as_str().bytes().fold(0_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
        &shards[home.wrapping_add(share) % shards.len()]
    }
}
