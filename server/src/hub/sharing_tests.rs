//! Many who ask at once share what the log answers to one of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use futures_util::future::join_all;
use sally_protocol::cursor::Epoch;
use sally_protocol::{Event, Id, Tenant};
use tokio::sync::Semaphore;

use super::{Hub, Limits};
use crate::log::{Appended, Compacted, CompactedEvent, Log, LogError, Page, Position};

const HEAD: Position = Position { epoch: Epoch(1), offset: 7 };

const CALLERS: usize = 200;

/// A log that counts what it is asked, and answers when it is let.
struct Counting {
    answers: Semaphore,
    heads: AtomicUsize,
    snapshots: AtomicUsize,
}

#[async_trait]
impl Log for Counting {
    async fn position(&self, _: &Tenant) -> Result<Position, LogError> {
        self.heads.fetch_add(1, Ordering::Relaxed);
        let _answered = self.answers.acquire().await;
        Ok(HEAD)
    }

    async fn compacted(&self, _: &Tenant) -> Result<Compacted, LogError> {
        self.snapshots.fetch_add(1, Ordering::Relaxed);
        Ok(Compacted { position: HEAD, events: Vec::new() })
    }

    async fn append(&self, _: Vec<(Tenant, Event)>) -> Result<Vec<Appended>, LogError> {
        unreachable!("nobody appends")
    }

    async fn append_after(&self, _: &Tenant, _: Event, _: u64) -> Result<Option<Appended>, LogError> {
        unreachable!("nobody appends")
    }

    async fn tenants(&self) -> Result<Vec<Tenant>, LogError> {
        unreachable!("nobody asks")
    }

    async fn mark_gap(&self, _: &Tenant) -> Result<(), LogError> {
        unreachable!("there is no gap")
    }

    async fn trim(&self) -> Result<(), LogError> {
        unreachable!("nothing is old")
    }

    async fn read(&self, _: &Tenant, _: Position, _: usize) -> Result<Page, LogError> {
        unreachable!("nobody reads entries")
    }

    async fn entity(&self, _: &Tenant, _: &str) -> Result<Vec<CompactedEvent>, LogError> {
        unreachable!("nobody asks")
    }
}

/// How often the log is asked where it stands, and for the snapshot, by so many who want one at once.
async fn asked(with_a_stream: bool) -> (usize, usize) {
    let counting = Arc::new(Counting {
        answers: Semaphore::new(0),
        heads: AtomicUsize::default(),
        snapshots: AtomicUsize::default(),
    });
    let (log, tenant): (Arc<dyn Log>, _) = (Arc::clone(&counting) as _, Tenant::parse("acme").expect("a tenant"));
    let hub = Arc::new(Hub::new(Limits { per_user: 1, per_tenant: 1 }));
    let _place = with_a_stream.then(|| hub.open(&tenant, &Id::parse("ann").expect("an id"), &log).expect("a place"));
    // As `GET /api/snapshot` does.
    let callers = (0..CALLERS).map(|_| async {
        let reader = hub.read(&tenant, &log);
        reader.snapshot(reader.head().await?).await.map(|snapshot| snapshot.compacted.position)
    });
    // The others have asked by the time the first is answered.
    let letting = async {
        tokio::task::yield_now().await;
        counting.answers.add_permits(CALLERS);
    };
    let (answers, ()) = tokio::join!(join_all(callers), letting);
    assert!(answers.into_iter().all(|answer| answer.is_ok_and(|position| position == HEAD)));
    (counting.heads.load(Ordering::Relaxed), counting.snapshots.load(Ordering::Relaxed))
}

#[tokio::test]
async fn a_snapshot_that_many_want_at_once_is_read_once() {
    // Where the log stands is asked once more, for those who came after the first question was put.
    assert_eq!(asked(true).await, (2, 1));
    assert_eq!(asked(false).await, (2, 1), "without a stream, too");
}
