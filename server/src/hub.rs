//! The hub: one ring of finished frames per tenant, and a stream is a cursor into it.
//!
//! There is no queue per stream. The log hands in what it has committed; a stream that wakes takes
//! everything after its cursor in one go, shared, not copied. One that has fallen out of the ring
//! reads the log until it is back in. Tenants without a stream have no ring.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use sally_protocol::{Id, Tenant};
use tokio::sync::watch;

use crate::log::{Entry, Log, LogError, Page, Position};

/// The most entries that a ring holds.
const RING_ENTRIES: usize = 1_024;

/// The most bytes of frames that a ring holds.
const RING_BYTES: usize = 1 << 20;

/// The most bytes that a stream takes at once.
const TAKE_BYTES: usize = 256 * 1024;

/// The most entries that a stream reads from the log at once.
const READ_ENTRIES: usize = 256;

/// How many streams there may be.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Of one user.
    pub per_user: usize,
    /// Of one tenant.
    pub per_tenant: usize,
}

/// Whose limit a refused stream ran into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TooMany {
    /// The user's.
    #[error("this user has too many event streams open")]
    OfUser,
    /// The tenant's.
    #[error("this tenant has too many event streams open")]
    OfTenant,
}

/// All rings.
pub struct Hub {
    limits: Limits,
    rooms: Mutex<HashMap<Tenant, Room>>,
}

/// A tenant with streams.
struct Room {
    channel: Arc<Channel>,
    streams: usize,
    by_user: HashMap<Id, usize>,
}

/// What the streams of a tenant share.
struct Channel {
    ring: Mutex<Ring>,
    head: watch::Sender<u64>,
}

/// The newest entries of a tenant's log, without a hole.
#[derive(Default)]
struct Ring {
    /// Where the log stands; `None` until somebody has said so.
    head: Option<Position>,
    entries: VecDeque<Entry>,
    bytes: usize,
}

/// What a ring has for a cursor.
enum Found {
    /// These, right after it.
    Entries(Vec<Entry>),
    /// Nothing newer.
    Nothing,
    /// The cursor has left the ring.
    Behind,
    /// The log has begun anew.
    EpochChanged,
}

impl Ring {
    fn advance(&mut self, position: Position, entries: Vec<Entry>) {
        let follows = self.head.is_some_and(|head| {
            head.epoch == position.epoch && entries.first().is_some_and(|first| first.offset == head.offset + 1)
        });
        if !follows {
            self.entries.clear();
            self.bytes = 0;
        }
        self.head = Some(position);
        for entry in entries {
            self.bytes += entry.frame_bytes();
            self.entries.push_back(entry);
        }
        while self.entries.len() > RING_ENTRIES || self.bytes > RING_BYTES {
            let Some(oldest) = self.entries.pop_front() else { break };
            self.bytes -= oldest.frame_bytes();
        }
    }

    /// Takes note of where the log stands where no append has said so yet.
    fn learn(&mut self, head: Position) {
        if self.head.is_none_or(|known| known.epoch == head.epoch && known.offset < head.offset) {
            self.advance(head, Vec::new());
        }
    }

    fn after(&self, cursor: Position) -> Found {
        let Some(head) = self.head else { return Found::Behind };
        if head.epoch != cursor.epoch {
            return Found::EpochChanged;
        }
        if head.offset <= cursor.offset {
            return Found::Nothing;
        }
        let Some(first) = self.entries.front().filter(|first| first.offset <= cursor.offset + 1) else {
            return Found::Behind;
        };
        // Offsets have no holes, so an entry's place in the ring follows from its offset.
        let skip = usize::try_from(cursor.offset + 1 - first.offset).unwrap_or(usize::MAX);
        let mut bytes = 0;
        let fits = |entry: &&Entry| {
            let fits = bytes == 0 || bytes + entry.frame_bytes() <= TAKE_BYTES;
            bytes += entry.frame_bytes();
            fits
        };
        Found::Entries(self.entries.iter().skip(skip).take_while(fits).cloned().collect())
    }
}

impl Hub {
    /// A hub without rings.
    pub fn new(limits: Limits) -> Self {
        Self { limits, rooms: Mutex::default() }
    }

    /// Takes in what the log has committed: `position` is where the tenant's log stands with it.
    pub fn advance(&self, tenant: &Tenant, position: Position, entries: Vec<Entry>) {
        let Some(channel) = self.rooms().get(tenant).map(|room| Arc::clone(&room.channel)) else { return };
        channel.ring().advance(position, entries);
        channel.head.send_replace(position.offset);
    }

    /// Opens a stream of a tenant for a user. It starts nowhere yet; see [`Stream::go_to`].
    ///
    /// # Errors
    ///
    /// [`TooMany`] when a limit is reached.
    pub fn open(self: &Arc<Self>, tenant: &Tenant, user: &Id, log: Arc<dyn Log>) -> Result<Stream, TooMany> {
        let mut rooms = self.rooms();
        let room = rooms.entry(tenant.clone()).or_insert_with(|| Room {
            channel: Arc::new(Channel { ring: Mutex::default(), head: watch::Sender::new(0) }),
            streams: 0,
            by_user: HashMap::new(),
        });
        let of_user = room.by_user.get(user).copied().unwrap_or_default();
        let refused = if of_user >= self.limits.per_user {
            Some(TooMany::OfUser)
        } else if room.streams >= self.limits.per_tenant {
            Some(TooMany::OfTenant)
        } else {
            None
        };
        if let Some(refused) = refused {
            if room.streams == 0 {
                rooms.remove(tenant);
            }
            return Err(refused);
        }
        room.streams += 1;
        room.by_user.insert(user.clone(), of_user + 1);
        let channel = Arc::clone(&room.channel);
        drop(rooms);
        let head = channel.head.subscribe();
        Ok(Stream {
            hub: Arc::clone(self),
            log,
            channel,
            head,
            tenant: tenant.clone(),
            user: user.clone(),
            cursor: None,
        })
    }

    /// How many streams are open.
    pub fn streams(&self) -> usize {
        self.rooms().values().map(|room| room.streams).sum()
    }

    fn close(&self, tenant: &Tenant, user: &Id) {
        let mut rooms = self.rooms();
        let Some(room) = rooms.get_mut(tenant) else { return };
        room.streams -= 1;
        if room.streams == 0 {
            rooms.remove(tenant);
            return;
        }
        if let Some(of_user) = room.by_user.get_mut(user) {
            *of_user -= 1;
            if *of_user == 0 {
                room.by_user.remove(user);
            }
        }
    }

    fn rooms(&self) -> std::sync::MutexGuard<'_, HashMap<Tenant, Room>> {
        // Nothing in here panics half-way through a change.
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Channel {
    fn ring(&self) -> std::sync::MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What comes next on a stream.
#[derive(Debug)]
pub enum Next {
    /// Entries right after the cursor, which has moved past them.
    Entries(Vec<Entry>),
    /// The log no longer reaches back to the cursor.
    TooOld,
    /// The log has begun anew.
    EpochChanged,
}

/// A cursor into a tenant's log. Dropping it closes the stream.
pub struct Stream {
    hub: Arc<Hub>,
    log: Arc<dyn Log>,
    channel: Arc<Channel>,
    head: watch::Receiver<u64>,
    tenant: Tenant,
    user: Id,
    cursor: Option<Position>,
}

impl Stream {
    /// Where the tenant's log stands. It is asked after the stream was opened, so that nothing
    /// appended in between is missed.
    ///
    /// # Errors
    ///
    /// [`LogError`] when the log can't be reached.
    pub async fn head(&self) -> Result<Position, LogError> {
        let head = self.log.position(&self.tenant).await?;
        self.channel.ring().learn(head);
        Ok(head)
    }

    /// Moves the cursor.
    pub fn go_to(&mut self, cursor: Position) {
        self.cursor = Some(cursor);
    }

    /// What comes right after the cursor, or `None` when nothing does yet.
    ///
    /// # Errors
    ///
    /// [`LogError`] when the log is needed and can't be reached.
    pub async fn take(&mut self) -> Result<Option<Next>, LogError> {
        let Some(cursor) = self.cursor else { return Ok(None) };
        self.head.mark_unchanged();
        let found = self.channel.ring().after(cursor);
        let next = match found {
            Found::Nothing => return Ok(None),
            Found::Entries(entries) => Next::Entries(entries),
            Found::EpochChanged => Next::EpochChanged,
            Found::Behind => match self.log.read(&self.tenant, cursor, READ_ENTRIES).await? {
                Page::Entries(entries) if entries.is_empty() => return Ok(None),
                Page::Entries(entries) => Next::Entries(entries),
                Page::TooOld => Next::TooOld,
                Page::EpochChanged => Next::EpochChanged,
            },
        };
        if let Next::Entries(entries) = &next
            && let Some(last) = entries.last()
        {
            self.cursor = Some(Position { offset: last.offset, ..cursor });
        }
        Ok(Some(next))
    }

    /// Waits until something may have come.
    pub async fn changed(&mut self) {
        // The sender lives as long as the channel that this stream holds.
        let _ = self.head.changed().await;
    }

    /// Where the cursor is.
    pub fn cursor(&self) -> Option<Position> {
        self.cursor
    }

    /// The log behind the stream.
    pub fn log(&self) -> &dyn Log {
        &*self.log
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.hub.close(&self.tenant, &self.user);
    }
}
