//! What nodes tell each other beside the log.
//!
//! It is best effort: what is told while the way is broken or crowded is lost, so nothing may
//! hang on it but how soon a node knows.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{Link, LinkError};

/// Where everything is told.
const CHANNEL: &str = "sally:bus";

/// How many words may wait to be told. Beyond, they are lost.
const QUEUE: usize = 4_096;

/// The most words that are told at once.
const GROUP: usize = 256;

/// How many words may wait to be read; more wait in Redis.
const UNREAD: usize = 1_024;

/// How long Redis may take to answer.
const RESPONSE_LIMIT: Duration = Duration::from_secs(2);

/// How often a silent subscription is checked.
const CHECK_PERIOD: Duration = Duration::from_secs(2);

/// The wait between two attempts.
const BACKOFF: Duration = Duration::from_millis(500);

/// What a node hears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// It hears from now on; what was told before, it may have missed.
    Connected,
    /// A node, perhaps this one, has told this.
    Word(Vec<u8>),
}

/// The way to the other nodes; a cheap clone.
#[derive(Debug, Clone)]
pub struct Bus(Option<mpsc::Sender<Vec<u8>>>);

impl Bus {
    /// Of a node that has no Redis and so no others.
    pub fn alone() -> (Self, mpsc::Receiver<Heard>) {
        (Self(None), mpsc::channel(1).1)
    }

    /// Starts the tasks on `tasks`: the one that tells ends, having told what waits, when the last
    /// clone is dropped, the one that hears at `stop`.
    pub fn start(link: Arc<Link>, stop: CancellationToken, tasks: &TaskTracker) -> (Self, mpsc::Receiver<Heard>) {
        let (words, queue) = mpsc::channel(QUEUE);
        let (heard, unread) = mpsc::channel(UNREAD);
        tasks.spawn(tell(Arc::clone(&link), queue));
        tasks.spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = hear(&link, &heard) => {}
            }
        });
        (Self(Some(words)), unread)
    }

    /// Whether there can't be other nodes.
    pub fn is_alone(&self) -> bool {
        self.0.is_none()
    }

    /// Tells all nodes, this one too.
    pub fn tell(&self, word: Vec<u8>) {
        if let Some(words) = &self.0
            && words.try_send(word).is_err()
        {
            tracing::debug!("a word for the other nodes is lost");
        }
    }
}

async fn tell(link: Arc<Link>, mut queue: mpsc::Receiver<Vec<u8>>) {
    let mut group = Vec::with_capacity(GROUP);
    while queue.recv_many(&mut group, GROUP).await > 0 {
        let mut publishes = redis::pipe();
        for word in group.drain(..) {
            publishes.cmd("PUBLISH").arg(CHANNEL).arg(word).ignore();
        }
        let Ok(mut wire) = link.wire().await else { continue };
        let told = timeout(RESPONSE_LIMIT, publishes.query_async::<()>(&mut wire)).await;
        if !matches!(told, Ok(Ok(()))) {
            link.doubt();
        }
    }
}

/// Hears until nobody listens any more.
async fn hear(link: &Link, heard: &mpsc::Sender<Heard>) {
    while !heard.is_closed() {
        if let Err(error) = listen(link, heard).await {
            tracing::warn!(%error, "the other nodes can't be heard");
        }
        tokio::time::sleep(BACKOFF.mul_f64(rand::random_range(0.5..1.0))).await;
    }
}

async fn listen(link: &Link, heard: &mpsc::Sender<Heard>) -> Result<(), LinkError> {
    let (mut subscription, _) = link.subscriber().await?;
    timeout(RESPONSE_LIMIT, subscription.subscribe(CHANNEL)).await.map_err(|_| LinkError::Silent)??;
    let (mut sink, mut messages) = subscription.split();
    let mut check = tokio::time::interval(CHECK_PERIOD);
    check.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut next = Heard::Connected;
    while heard.send(next).await.is_ok() {
        next = loop {
            tokio::select! {
                message = messages.next() => {
                    break Heard::Word(message.ok_or(LinkError::Down)?.get_payload_bytes().to_vec());
                }
                _ = check.tick() => {
                    let _: redis::Value = timeout(RESPONSE_LIMIT, sink.ping()).await.map_err(|_| LinkError::Silent)??;
                }
            }
        };
    }
    Ok(())
}
