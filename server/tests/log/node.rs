//! A log that has been opened, and what its hub is told.

use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use sally_protocol::{Event, Id, Tenant};
use sally_server::hub::{Bell, Hub, Limits, Next, Place, Reader};
use sally_server::log::{Appended, Compacted, CompactedEvent, Entry, Log, LogError, Page, Position, Retention, SqlLog};
use sally_server::store::Database;
use serde_json::Value;
use tokio_util::task::TaskTracker;

use crate::backend::Backend;

/// How long a test waits for what must come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// A retention that no test reaches.
pub(crate) const KEEP: Retention = Retention { age: Duration::from_secs(3_600), events: 100_000 };

/// A log and the hub that it feeds.
pub(crate) struct Node {
    pub log: Arc<dyn Log>,
    pub hub: Arc<Hub>,
    closing: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl Node {
    /// A node of a backend's making. `closing` ends what the log has started, once nobody holds
    /// the log.
    pub(crate) fn new(log: Arc<dyn Log>, hub: Arc<Hub>, closing: impl Future<Output = ()> + Send + 'static) -> Self {
        Self { log, hub, closing: Box::pin(closing) }
    }

    /// A hub whose limits no test reaches.
    pub(crate) fn hub() -> Arc<Hub> {
        Arc::new(Hub::new(Limits { per_user: 1_000, per_tenant: 1_000 }))
    }

    /// A log in the database at `url`.
    pub(crate) async fn on_database(url: &str, retention: Retention) -> Self {
        let (hub, tasks) = (Self::hub(), TaskTracker::new());
        let database = Database::open(Some(url), Path::new("")).await.unwrap();
        let log = SqlLog::start(database.clone(), Arc::clone(&hub), retention, &tasks);
        Self::new(Arc::new(log), hub, async move {
            tasks.close();
            tasks.wait().await;
            database.close().await;
        })
    }

    /// Ends as a process would: what was answered is kept.
    pub(crate) async fn stop(self) {
        drop(self.log);
        tokio::time::timeout(PATIENCE, self.closing).await.expect("the log ends when nobody holds it");
    }

    /// Appends one event.
    pub(crate) async fn append(&self, tenant: &Tenant, event: &Event) -> Appended {
        let mut appended = self.log.append(vec![(tenant.clone(), event.clone())]).await.unwrap();
        assert_eq!(appended.len(), 1);
        appended.remove(0)
    }

    /// Appends events one by one.
    pub(crate) async fn append_each(&self, tenant: &Tenant, events: &[Event]) {
        for event in events {
            self.append(tenant, event).await;
        }
    }

    /// Everything after a position, read in pages.
    pub(crate) async fn read_all(&self, tenant: &Tenant, mut after: Position) -> Vec<Entry> {
        let mut all = Vec::new();
        loop {
            let page = self.page(tenant, after, 7).await;
            let Some(last) = page.last() else { return all };
            after.offset = last.offset;
            all.extend(page);
        }
    }

    /// A page that must be there.
    pub(crate) async fn page(&self, tenant: &Tenant, after: Position, limit: usize) -> Vec<Entry> {
        match self.log.read(tenant, after, limit).await.unwrap() {
            Page::Entries(entries) => entries,
            other => panic!("no entries after {after:?} but {other:?}"),
        }
    }

    /// The compacted log's events.
    pub(crate) async fn snapshot(&self, tenant: &Tenant) -> Vec<String> {
        self.log.compacted(tenant).await.unwrap().events.into_iter().map(|event| event.json).collect()
    }

    /// Hears what the hub is told of a tenant from now on.
    pub(crate) async fn listen(&self, tenant: &Tenant) -> Listener {
        let log: Arc<dyn Log> = Arc::new(Unread(Arc::clone(&self.log)));
        let place = self.hub.open(tenant, &Id::parse("listener").unwrap(), &log).unwrap();
        let bell = Arc::default();
        place.channel().hang_up(&bell);
        let position = place.channel().ask_head().await.unwrap();
        Listener { reader: place.channel().read(), bell, position, _place: place }
    }
}

/// A node on data of its own, and the data.
pub(crate) async fn fresh<B: Backend>() -> (B, Node) {
    let backend = B::fresh().await;
    let node = backend.open(KEEP).await;
    (backend, node)
}

/// What the hub is told.
pub(crate) struct Listener {
    reader: Reader,
    bell: Arc<Bell>,
    position: Position,
    _place: Place,
}

impl Listener {
    /// The next `count` entries.
    pub(crate) async fn next(&mut self, count: usize) -> Vec<Entry> {
        let mut heard = Vec::new();
        while heard.len() < count {
            match self.reader.next(self.position).await.unwrap() {
                Next::Entries(entries) => {
                    self.position.offset = entries.last().unwrap().offset;
                    heard.extend(entries);
                }
                Next::Nothing => {
                    tokio::time::timeout(PATIENCE, self.bell.rung()).await.expect("the hub is told in time");
                }
                other => panic!("no entries but {other:?}"),
            }
        }
        assert_eq!(heard.len(), count, "the hub was told more");
        heard
    }

    /// Whether the hub has been told nothing more.
    pub(crate) async fn is_at_end(&mut self) -> bool {
        matches!(self.reader.next(self.position).await.unwrap(), Next::Nothing)
    }
}

/// A log that can't be read, so that whatever a stream receives was told to the hub.
struct Unread(Arc<dyn Log>);

#[async_trait]
impl Log for Unread {
    async fn position(&self, tenant: &Tenant) -> Result<Position, LogError> {
        self.0.position(tenant).await
    }

    async fn read(&self, _: &Tenant, after: Position, _: usize) -> Result<Page, LogError> {
        panic!("the hub was not told what comes after {after:?}")
    }

    async fn append(&self, _: Vec<(Tenant, Event)>) -> Result<Vec<Appended>, LogError> {
        unreachable!("a stream only reads")
    }

    async fn append_after(&self, _: &Tenant, _: Event, _: u64) -> Result<Option<Appended>, LogError> {
        unreachable!("a stream only reads")
    }

    async fn tenants(&self) -> Result<Vec<Tenant>, LogError> {
        unreachable!("a stream only reads")
    }

    async fn mark_gap(&self, _: &Tenant) -> Result<(), LogError> {
        unreachable!("a stream only reads")
    }

    async fn trim(&self) -> Result<(), LogError> {
        unreachable!("a stream only reads")
    }

    async fn entity(&self, _: &Tenant, _: &str) -> Result<Vec<CompactedEvent>, LogError> {
        unreachable!("nobody asks")
    }

    async fn compacted(&self, _: &Tenant) -> Result<Compacted, LogError> {
        unreachable!("nobody asks")
    }
}

pub(crate) fn tenant(name: &str) -> Tenant {
    Tenant::parse(name).unwrap()
}

/// A checked event of tenant `acme`, or of the tenant that it names.
pub(crate) fn event(fields: &Value) -> Event {
    let tenant = tenant(fields["tenantId"].as_str().unwrap_or("acme"));
    published(&tenant, &fields.to_string())
}

/// An event as it was published, to the letter.
pub(crate) fn published(tenant: &Tenant, payload: &str) -> Event {
    Event::check(payload.as_bytes(), tenant, Timestamp::now(), || uuid::Uuid::new_v4().to_string()).unwrap()
}

/// The entry that an event must become at a position.
pub(crate) fn expected(tenant: &Tenant, position: Position, event: &Event) -> Entry {
    Entry::event(tenant, position, &event.kind, &event.subject.readers, &event.json)
}

/// Entries as something that can be compared and looked at: offset, readers, frame; no frame is a
/// gap.
pub(crate) fn plain(entries: &[Entry]) -> Vec<(u64, Vec<String>, String)> {
    use sally_server::log::Content;
    let plain = |entry: &Entry| match &entry.content {
        Content::Event { readers, frame } => {
            let readers = readers.iter().map(|reader| reader.to_text()).collect();
            (entry.offset, readers, String::from_utf8(frame.to_vec()).unwrap())
        }
        Content::Gap => (entry.offset, Vec::new(), String::new()),
    };
    entries.iter().map(plain).collect()
}

pub(crate) fn offsets(entries: &[Entry]) -> Vec<u64> {
    entries.iter().map(|entry| entry.offset).collect()
}

/// Waits until a condition holds.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, mut condition: impl FnMut() -> F) {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while !condition().await {
        assert!(tokio::time::Instant::now() < deadline, "not within {PATIENCE:?}: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
