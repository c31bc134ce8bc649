//! What the streams of one tenant share.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use sally_protocol::Tenant;

use super::bell::Bell;
use super::reader::{Reader, Shelf};
use super::ring::{Found, Ring};
use crate::log::{Entry, Log, LogError, Position};

/// A tenant's ring, who is to hear of it, and the way to the log behind it.
pub struct Channel {
    tenant: Tenant,
    log: Arc<dyn Log>,
    ring: Mutex<Ring>,
    /// Who serves streams of this tenant, and how many each. A bell may hold the channel, so that
    /// the channel doesn't hold the bell.
    bells: Mutex<Vec<(Weak<Bell>, usize)>>,
    /// What those who read the log share while there are any.
    shelf: Mutex<Weak<Shelf>>,
}

impl Channel {
    pub(super) fn new(tenant: Tenant, log: Arc<dyn Log>) -> Self {
        Self { tenant, log, ring: Mutex::default(), bells: Mutex::default(), shelf: Mutex::default() }
    }

    /// The tenant.
    pub fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    /// The log behind the ring.
    pub(super) fn log(&self) -> &dyn Log {
        &*self.log
    }

    /// Takes in what the log has committed.
    pub(super) fn advance(self: &Arc<Self>, position: Position, entries: Vec<Entry>) {
        locked(&self.ring).advance(position, entries);
        for bell in locked(&self.bells).iter().filter_map(|(bell, _)| bell.upgrade()) {
            bell.ring(Arc::clone(self));
        }
    }

    /// Where the log stands, as far as this node has heard.
    pub fn head(&self) -> Option<Position> {
        locked(&self.ring).head()
    }

    /// Where the log stands for sure.
    ///
    /// # Errors
    ///
    /// [`LogError`] when the log can't be reached.
    pub async fn ask_head(self: &Arc<Self>) -> Result<Position, LogError> {
        let before = self.head().map(|known| known.epoch);
        let head = self.log.position(&self.tenant).await?;
        // In the same life of the log, what the ring hasn't heard of is on its way. A ring that has
        // heard of another life meanwhile knows better than this answer.
        let unheard = self.head().map(|known| known.epoch) == before;
        if unheard && before != Some(head.epoch) {
            self.advance(head, Vec::new());
        }
        Ok(head)
    }

    /// What the ring has right after a cursor.
    pub fn after(&self, cursor: Position) -> Found {
        locked(&self.ring).after(cursor)
    }

    /// Begins to read further back than the ring reaches.
    pub fn read(self: &Arc<Self>) -> Reader {
        let mut shelf = locked(&self.shelf);
        let shared = shelf.upgrade().unwrap_or_else(|| {
            let new = Arc::default();
            *shelf = Arc::downgrade(&new);
            new
        });
        Reader::new(Arc::clone(self), shared)
    }

    /// Rings this bell, too, until it has been taken down as often as it was hung up.
    pub fn hang_up(&self, bell: &Arc<Bell>) {
        let mut bells = locked(&self.bells);
        match bells.iter_mut().find(|(known, _)| is(known, bell)) {
            Some((_, times)) => *times += 1,
            None => bells.push((Arc::downgrade(bell), 1)),
        }
    }

    /// Takes back one [`hang_up`](Self::hang_up).
    pub fn take_down(&self, bell: &Arc<Bell>) {
        let mut bells = locked(&self.bells);
        if let Some(place) = bells.iter().position(|(known, _)| is(known, bell)) {
            bells[place].1 -= 1;
            if bells[place].1 == 0 {
                bells.swap_remove(place);
            }
        }
    }
}

fn is(known: &Weak<Bell>, bell: &Arc<Bell>) -> bool {
    std::ptr::eq(known.as_ptr(), Arc::as_ptr(bell))
}

/// Nothing in here panics half-way through a change.
fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
