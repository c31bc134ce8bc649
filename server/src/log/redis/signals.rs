//! What other nodes, and this one, have appended: the hub hears of it by signals.
//!
//! A signal carries the finished entries, so that nobody has to read them. It may be lost: every two
//! seconds the heads of all tenants with streams are compared with the log, so that a lost signal
//! costs latency and never an event.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::stream::{self, Stream, StreamExt as _};
use redis::Msg;
use redis::aio::PubSubSink;
use sally_protocol::Tenant;
use sally_protocol::cursor::Epoch;
use tokio::time::{MissedTickBehavior, timeout};
use tokio_util::sync::CancellationToken;

use super::SIGNAL_CHANNEL;
use super::script::{Caller, Given};
use crate::hub::Hub;
use crate::link::{Link, LinkError};
use crate::log::entry::Entry;
use crate::log::{LogError, Position};

/// How often heads are compared.
const COMPARE_PERIOD: Duration = Duration::from_secs(2);

/// How long the subscription may take to answer.
const RESPONSE_LIMIT: Duration = Duration::from_secs(2);

/// How many tenants are asked about at once.
const CONCURRENCY: usize = 32;

/// The wait between two attempts.
const BACKOFF: Duration = Duration::from_millis(500);

/// Why listening ended.
#[derive(Debug, thiserror::Error)]
enum Lost {
    #[error(transparent)]
    Link(#[from] LinkError),
    #[error(transparent)]
    Redis(#[from] redis::RedisError),
    #[error(transparent)]
    Log(#[from] LogError),
    #[error("the connection was closed")]
    Closed,
    #[error("no answer within {} s", RESPONSE_LIMIT.as_secs())]
    Silent,
    #[error("a signal was lost")]
    Missed,
}

/// Listens for signals.
pub(super) struct Signals {
    pub(super) link: Arc<Link>,
    pub(super) caller: Arc<Caller>,
    pub(super) hub: Arc<Hub>,
    pub(super) up: Arc<AtomicBool>,
}

impl Signals {
    /// Listens, and again whenever the subscription is lost, until `stop`.
    pub(super) async fn run(self, stop: CancellationToken) {
        loop {
            let lost = tokio::select! {
                () = stop.cancelled() => return,
                lost = self.listen() => lost,
            };
            self.up.store(false, Ordering::Relaxed);
            let Err(lost) = lost;
            tracing::warn!(error = %lost, "the log's signals are lost");
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(BACKOFF.mul_f64(rand::random_range(0.5..1.0))) => {}
            }
        }
    }

    async fn listen(&self) -> Result<Infallible, Lost> {
        let (mut subscription, _) = self.link.subscriber().await?;
        timeout(RESPONSE_LIMIT, subscription.subscribe(SIGNAL_CHANNEL)).await.map_err(|_| Lost::Silent)??;
        let (sink, messages) = subscription.split();
        // Whatever was appended while nobody listened is read from the log.
        for (tenant, position, _) in self.ahead().await? {
            self.hub.advance(&tenant, position, Vec::new());
        }
        self.up.store(true, Ordering::Relaxed);
        // A server of a cluster that doesn't answer keeps nobody from hearing of other tenants.
        tokio::select! {
            lost = self.hear(messages) => lost,
            lost = self.compare(sink) => lost,
        }
    }

    async fn hear(&self, mut messages: impl Stream<Item = Msg> + Unpin) -> Result<Infallible, Lost> {
        loop {
            let message = messages.next().await.ok_or(Lost::Closed)?;
            match read(message.get_payload_bytes()) {
                Some((tenant, position, entries)) => {
                    self.caller.learn(&tenant, position);
                    self.hub.advance(&tenant, position, entries);
                }
                None => tracing::warn!("a signal can't be read"),
            }
        }
    }

    async fn compare(&self, mut sink: PubSubSink) -> Result<Infallible, Lost> {
        let mut ahead: HashMap<Tenant, Position> = HashMap::new();
        let mut compare = tokio::time::interval(COMPARE_PERIOD);
        compare.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            compare.tick().await;
            let _: redis::Value = timeout(RESPONSE_LIMIT, sink.ping()).await.map_err(|_| Lost::Silent)??;
            let mut still_ahead = HashMap::new();
            for (tenant, position, shown) in self.ahead().await? {
                // What the log had two seconds ago has been signalled long since.
                if ahead.get(&tenant).is_some_and(|before| is_behind(shown, *before)) {
                    return Err(Lost::Missed);
                }
                still_ahead.insert(tenant, position);
            }
            ahead = still_ahead;
        }
    }

    /// The tenants with streams whose log stands elsewhere than the streams show: where, and what
    /// they show. In a cluster, the tenants of a server that doesn't answer are left out, as long as
    /// another one answers.
    async fn ahead(&self) -> Result<Vec<(Tenant, Position, Option<Position>)>, LogError> {
        let asked = self.hub.heads().into_iter().map(|(tenant, _)| async move {
            let given = Given::default();
            let script = &self.caller.scripts.position;
            let (position, _) = self.caller.call::<redis::Value>(&tenant, script, &given).await?;
            Ok::<_, LogError>((tenant, position))
        });
        let answers: Vec<_> = stream::iter(asked).buffer_unordered(CONCURRENCY).collect().await;
        let (mut positions, mut failed) = (HashMap::new(), None);
        for answer in answers {
            match answer {
                Ok((tenant, position)) => drop(positions.insert(tenant, position)),
                Err(error) => failed = Some(error),
            }
        }
        if let Some(error) = failed.filter(|_| positions.is_empty()) {
            return Err(error);
        }
        let shown = self.hub.heads();
        Ok(shown
            .into_iter()
            .filter_map(|(tenant, shown)| {
                let position = *positions.get(&tenant)?;
                is_behind(shown, position).then_some((tenant, position, shown))
            })
            .collect())
    }
}

/// Whether streams that show this much have yet to show `position`.
fn is_behind(shown: Option<Position>, position: Position) -> bool {
    shown.is_none_or(|shown| shown.epoch != position.epoch || shown.offset < position.offset)
}

/// Reads what `signal` in `stand.lua` writes.
fn read(payload: &[u8]) -> Option<(Tenant, Position, Vec<Entry>)> {
    let mut lines = std::str::from_utf8(payload).ok()?.split('\n');
    let mut first = lines.next()?.split(' ');
    let tenant = Tenant::parse(first.next()?).ok()?;
    let position = Position { epoch: Epoch(first.next()?.parse().ok()?), offset: first.next()?.parse().ok()? };
    let mut entries = Vec::new();
    while let Some(offset) = lines.next() {
        let offset = offset.parse().ok()?;
        let (kind, readers, json) = (lines.next()?, lines.next()?, lines.next()?);
        entries.push(Entry::read(&tenant, Position { offset, ..position }, kind, readers, json));
    }
    Some((tenant, position, entries))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_carries_its_entries() {
        let (tenant, position, entries) = read(b"acme 12 8\n7\na\nd:7 u:8\n{}\n8\n\n\n").expect("a signal");
        assert_eq!((tenant.as_str(), position), ("acme", Position { epoch: Epoch(12), offset: 8 }));
        assert_eq!(entries.iter().map(|entry| entry.offset).collect::<Vec<_>>(), [7, 8]);
        assert!(matches!(entries[1].content, crate::log::Content::Gap));
        assert!(read(b"acme 12 0").expect("a signal").2.is_empty());
        assert!(read(b"acme 12 1\n1\na").is_none());
    }
}
