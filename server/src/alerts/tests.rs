//! A tenant whose log doesn't answer, and the others.

use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use futures_util::StreamExt as _;
use futures_util::future::join_all;
use futures_util::stream::FuturesUnordered;
use sally_protocol::Event;
use sally_protocol::entity::View;
use tempfile::TempDir;
use tokio::time::{Duration, timeout};

use super::*;
use crate::log::{Appended, Compacted, Page, Position};
use crate::metrics::Metrics;

/// Whose log doesn't answer.
const DEAF: &str = "deaf";

/// How long the tests wait for what must come.
const PATIENCE: Duration = Duration::from_secs(10);

/// Logs without a single alert. One doesn't answer.
struct Logs {
    /// How often that was asked.
    asked: AtomicUsize,
    /// When it gives up.
    gives_up: Semaphore,
}

#[async_trait]
impl Log for Logs {
    async fn entity(&self, tenant: &Tenant, _: &str) -> Result<Vec<CompactedEvent>, LogError> {
        if tenant.as_str() != DEAF {
            return Ok(Vec::new());
        }
        self.asked.fetch_add(1, Ordering::Relaxed);
        let _given_up = self.gives_up.acquire().await;
        Err(LogError::Backend("no answer".into()))
    }

    async fn append(&self, _: Vec<(Tenant, Event)>) -> Result<Vec<Appended>, LogError> {
        unreachable!("nothing is done")
    }

    async fn append_after(&self, _: &Tenant, _: Event, _: u64) -> Result<Option<Appended>, LogError> {
        unreachable!("nothing is done")
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

    async fn position(&self, _: &Tenant) -> Result<Position, LogError> {
        unreachable!("nobody asks")
    }

    async fn read(&self, _: &Tenant, _: Position, _: usize) -> Result<Page, LogError> {
        unreachable!("nobody reads entries")
    }

    async fn compacted(&self, _: &Tenant) -> Result<Compacted, LogError> {
        unreachable!("nobody asks")
    }
}

/// Alert actions on such logs. Nothing wakes by itself.
async fn alerts(gives_up: usize) -> (Alerts, Arc<Logs>, Database, TempDir) {
    let dir = tempfile::tempdir().expect("a directory");
    let database = Database::open(None, dir.path()).await.expect("a database");
    let logs = Arc::new(Logs { asked: AtomicUsize::default(), gives_up: Semaphore::new(gives_up) });
    let log: Arc<dyn Log> = Arc::clone(&logs) as _;
    let stopped = CancellationToken::new();
    stopped.cancel();
    let ingest = Ingest::new(Arc::clone(&log), Metrics::new());
    let alerts = Alerts::start(database.clone(), log, ingest, stopped, &TaskTracker::new());
    (alerts, logs, database, dir)
}

fn id(text: &str) -> Id {
    Id::parse(text).expect("an id")
}

fn member(tenant: &str) -> Member {
    Member {
        tenant: Tenant::parse(tenant).expect("a tenant"),
        user: id("ann"),
        role: Role::Dispatcher,
        name: None,
        driver: id("ann"),
        view: View::Everything,
        expires_at: Timestamp::MAX,
    }
}

#[tokio::test]
async fn a_log_that_does_not_answer_holds_up_the_tenants_of_one_lane() {
    const TENANTS: usize = 2 * LANES;
    let (alerts, logs, _database, _dir) = alerts(0).await;
    let stuck = tokio::spawn({
        let alerts = alerts.clone();
        async move { alerts.act(member(DEAF), id("a1"), Action::Acknowledge).await }
    });
    while logs.asked.load(Ordering::Relaxed) == 0 {
        tokio::task::yield_now().await;
    }
    let mut others: FuturesUnordered<_> =
        (0..TENANTS).map(|n| alerts.act(member(&format!("t{n}")), id("a1"), Action::Acknowledge)).collect();
    // By chance some are of the same lane.
    for _ in 0..TENANTS * 3 / 4 {
        let done = timeout(PATIENCE, others.next()).await.expect("an answer in time");
        assert!(matches!(done, Some(Err(ActionError::Unknown))), "{done:?}");
    }
    assert!(!stuck.is_finished());
    logs.gives_up.add_permits(1);
    assert!(matches!(stuck.await, Ok(Err(ActionError::Log(_)))));
    while let Some(done) = timeout(PATIENCE, others.next()).await.expect("an answer in time") {
        assert!(matches!(done, Err(ActionError::Unknown)), "{done:?}");
    }
}

#[tokio::test]
async fn snoozes_of_a_log_that_does_not_answer_hold_up_nobody_elses() {
    let (alerts, logs, database, _dir) = alerts(1).await;
    let now = Timestamp::now();
    let snooze = |tenant: &str, alert: &str, before_ms: i64| Snooze {
        tenant: Tenant::parse(tenant).expect("a tenant"),
        alert: id(alert),
        wakes_at: Timestamp::from_millisecond(now.as_millisecond() - before_ms).expect("a time"),
    };
    // More than are looked up at once, and all of them longer due than the other's.
    let due: Vec<Snooze> = (0..=waking::LOT).map(|n| snooze(DEAF, &format!("a{n}"), 60_000)).collect();
    for stored in join_all(due.iter().map(|snooze| database.snooze(snooze))).await {
        stored.expect("a snooze that is noted");
    }
    database.snooze(&snooze("acme", "a1", 1)).await.expect("a snooze that is noted");

    waking::wake(&alerts, &database).await.expect("snoozes that are due");
    assert_eq!(logs.asked.load(Ordering::Relaxed), 1, "one try says enough");
    let left = database.due_snoozes(now, 2 * waking::LOT).await.expect("snoozes that are due");
    assert_eq!(left.len(), due.len());
    assert!(left.iter().all(|snooze| snooze.tenant.as_str() == DEAF), "the other's has come back");
}
