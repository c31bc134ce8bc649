//! The hub: one ring of finished frames per tenant, and a stream is a cursor into it.
//!
//! There is no queue per stream. The log hands in what it has committed; whoever serves streams
//! is rung, and takes everything after their cursors in one go, shared, not copied. One that has
//! fallen out of the ring reads the log until it is back in. Tenants without a stream have no ring.
//!
//! # Layout
//!
//! - [`Hub`]: all tenants with streams, and how many streams there may be.
//! - [`channel`]: what the streams of one tenant share.
//! - [`ring`]: the newest entries of a tenant's log.
//! - [`bell`]: how those who serve streams hear of something new.
//! - [`reader`]: further back than the ring reaches.

mod bell;
mod channel;
mod reader;
mod ring;
#[cfg(test)]
mod sharing_tests;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use sally_protocol::{Id, Tenant};

use crate::log::{Entry, Log, Position};

pub use bell::Bell;
pub use channel::Channel;
pub use reader::{Next, Reader};
pub use ring::Found;

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
    /// What those share who read the log of a tenant without streams, as long as there are any.
    readers: Mutex<HashMap<Tenant, Weak<Channel>>>,
}

/// A tenant with streams.
struct Room {
    channel: Arc<Channel>,
    streams: usize,
    /// How often a stream was opened here.
    opened: usize,
    by_user: HashMap<Id, usize>,
}

impl Hub {
    /// A hub without rings.
    pub fn new(limits: Limits) -> Self {
        Self { limits, rooms: Mutex::default(), readers: Mutex::default() }
    }

    /// Takes in what the log has committed: `position` is where the tenant's log stands with
    /// `entries`, its newest. Without entries it says only where the log stands.
    pub fn advance(&self, tenant: &Tenant, position: Position, entries: Vec<Entry>) {
        let Some(channel) = self.rooms().get(tenant).map(|room| Arc::clone(&room.channel)) else { return };
        channel.advance(position, entries);
    }

    /// The tenants with streams, and where this node has heard that their logs stand.
    pub fn heads(&self) -> Vec<(Tenant, Option<Position>)> {
        let rooms: Vec<Arc<Channel>> = self.rooms().values().map(|room| Arc::clone(&room.channel)).collect();
        rooms.iter().map(|channel| (channel.tenant().clone(), channel.head())).collect()
    }

    /// Takes a place for a stream of a tenant and a user.
    ///
    /// # Errors
    ///
    /// [`TooMany`] when a limit is reached.
    pub fn open(self: &Arc<Self>, tenant: &Tenant, user: &Id, log: &Arc<dyn Log>) -> Result<Place, TooMany> {
        let mut rooms = self.rooms();
        let room = rooms.entry(tenant.clone()).or_insert_with(|| Room {
            channel: Arc::new(Channel::new(tenant.clone(), Arc::clone(log))),
            streams: 0,
            opened: 0,
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
        room.opened = room.opened.wrapping_add(1);
        let (turn, streams) = (room.opened, room.streams);
        Ok(Place { hub: Arc::clone(self), channel, user: user.clone(), turn, streams })
    }

    /// Somebody who reads a tenant's log without a stream, together with the streams there are, or else
    /// with whoever else does.
    pub fn read(&self, tenant: &Tenant, log: &Arc<dyn Log>) -> Reader {
        if let Some(channel) = self.rooms().get(tenant).map(|room| Arc::clone(&room.channel)) {
            return channel.read();
        }
        let mut readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        readers.retain(|_, channel| channel.strong_count() > 0);
        let channel = readers.get(tenant).and_then(Weak::upgrade).unwrap_or_else(|| {
            let channel = Arc::new(Channel::new(tenant.clone(), Arc::clone(log)));
            readers.insert(tenant.clone(), Arc::downgrade(&channel));
            channel
        });
        channel.read()
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

/// A stream's place among those of its tenant and user; free again when dropped.
pub struct Place {
    hub: Arc<Hub>,
    channel: Arc<Channel>,
    user: Id,
    turn: usize,
    streams: usize,
}

impl Place {
    /// Which of so many shares of the tenant's streams this one is in, when a share has `size` of
    /// them: they take turns, so that shares stay even however streams come and go.
    pub fn share(&self, size: usize) -> usize {
        self.turn % self.streams.div_ceil(size).max(1)
    }

    /// What the stream shares with others.
    pub fn channel(&self) -> &Arc<Channel> {
        &self.channel
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.hub.close(self.channel.tenant(), &self.user);
    }
}
