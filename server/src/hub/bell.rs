//! Where those who serve streams hear that a tenant has something new.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

use super::Channel;

/// Rung when a channel has something new. A channel that rings several times in a row before it is
/// looked at is heard once.
#[derive(Default)]
pub struct Bell {
    heard: Mutex<Vec<Arc<Channel>>>,
    rung: Notify,
}

impl Bell {
    /// Notes that a channel has something new.
    pub(super) fn ring(&self, channel: Arc<Channel>) {
        let mut heard = self.heard();
        if heard.last().is_none_or(|last| !Arc::ptr_eq(last, &channel)) {
            heard.push(channel);
        }
        drop(heard);
        self.rung.notify_one();
    }

    /// Wakes whoever waits, for a reason of their own.
    pub fn wake(&self) {
        self.rung.notify_one();
    }

    /// Waits until it was rung since the last time somebody waited.
    pub async fn rung(&self) {
        self.rung.notified().await;
    }

    /// Takes the channels that have something new.
    pub fn take(&self, into: &mut Vec<Arc<Channel>>) {
        std::mem::swap(into, &mut *self.heard());
    }

    fn heard(&self) -> std::sync::MutexGuard<'_, Vec<Arc<Channel>>> {
        // A push that panics leaves the list as it was.
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
