//! Who has come with a valid token.
//!
//! A user who came once is known from then on: messages can be sent to them. The store is told of
//! each once; of many who come at the same time, in one transaction.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use sally_protocol::Role;
use tokio::sync::{mpsc, oneshot};
use tokio_util::task::TaskTracker;

use crate::auth::Member;
use crate::store::{Bearer, Database, StoreError};

/// How many users are remembered as known. Beyond, the store is told once more.
const MAX_KNOWN: usize = 100_000;

/// How many users may wait for the store; more wait outside.
const QUEUE: usize = 1_024;

/// The most users that one transaction takes.
const GROUP: usize = 256;

/// A user, and who waits until the store knows them.
type Newcomer = (Bearer, Option<oneshot::Sender<()>>);

/// Spares the store from being told of the same users again and again; a cheap clone.
#[derive(Clone)]
pub struct Known {
    users: Arc<Mutex<HashSet<Bearer>>>,
    newcomers: mpsc::Sender<Newcomer>,
}

impl Known {
    /// Starts the task that tells the store. It ends when nobody can come any more.
    pub fn start(database: Database, tasks: &TaskTracker) -> Self {
        let (newcomers, queue) = mpsc::channel(QUEUE);
        let users = Arc::default();
        tasks.spawn(tell(database, Arc::clone(&users), queue));
        Self { users, newcomers }
    }

    /// Makes a user known to the store, and returns once they are.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the store fails.
    pub async fn remember(&self, member: &Member) -> Result<(), StoreError> {
        let Some(user) = self.newcomer(member) else { return Ok(()) };
        let (done, told) = oneshot::channel();
        self.newcomers.send((user, Some(done))).await.map_err(|_| StoreError::Unreachable)?;
        told.await.map_err(|_| StoreError::Unreachable)
    }

    /// Makes a user known to the store soon. One that the store fails, or that finds too many
    /// before them, is noted the next time.
    pub fn note(&self, member: &Member) {
        if let Some(user) = self.newcomer(member) {
            let _ = self.newcomers.try_send((user, None));
        }
    }

    /// The member as a user of whom the store hasn't been told.
    fn newcomer(&self, member: &Member) -> Option<Bearer> {
        // Services have no inbox and no name on anybody's screen.
        if member.role == Role::Service {
            return None;
        }
        let user = Bearer {
            tenant: member.tenant.clone(),
            id: member.user.clone(),
            role: member.role,
            driver: (member.driver != member.user).then(|| member.driver.clone()),
            name: member.name.clone(),
        };
        (!locked(&self.users).contains(&user)).then_some(user)
    }
}

async fn tell(database: Database, known: Arc<Mutex<HashSet<Bearer>>>, mut queue: mpsc::Receiver<Newcomer>) {
    let mut group = Vec::with_capacity(GROUP);
    while queue.recv_many(&mut group, GROUP).await > 0 {
        let (users, waiting): (Vec<Bearer>, Vec<_>) = group.drain(..).unzip();
        if let Err(error) = database.remember_users(&users).await {
            // Whoever waits is told by the end of the waiting.
            tracing::warn!(%error, "users could not be remembered");
            continue;
        }
        {
            let mut known = locked(&known);
            if known.len() + users.len() > MAX_KNOWN {
                known.clear();
            }
            known.extend(users);
        }
        for waiting in waiting.into_iter().flatten() {
            let _ = waiting.send(());
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // Nothing panics half-way through a change.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
