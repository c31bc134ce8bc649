//! Connections, and whose turn it is with them.
//!
//! SQLite has one writer at a time. Writers that queue here, for its one connection, wait their turn
//! in order; those that meet inside SQLite poll for its lock. A pool of one connection would do as
//! much, but asks the connection's thread whether it is well each time that a writer is done, and
//! the next waits for the answer.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use sqlx::any::AnyConnectOptions;
use sqlx::pool::PoolConnection;
use sqlx::{Any, AnyConnection, AnyPool, Connection as _, Error, Transaction};
use tokio::sync::{MappedMutexGuard, Mutex, MutexGuard};

use super::database::Kind;

/// How a transaction of SQLite begins: with its write lock, since one that has read can't take the
/// lock any more once another process has written.
const BEGIN: &str = "BEGIN IMMEDIATE";

/// Connections to a database; a cheap clone.
#[derive(Debug, Clone)]
pub(super) enum Connections {
    /// The one with which SQLite is written to.
    Alone(Arc<Alone>),
    /// All others.
    Pool(AnyPool),
}

/// A connection that its users take in turn.
#[derive(Debug)]
pub(crate) struct Alone {
    options: AnyConnectOptions,
    /// How long a turn is waited for.
    patience: Duration,
    /// None once it is closed.
    connection: Mutex<Option<AnyConnection>>,
    /// Whether its thread is gone.
    lost: AtomicBool,
}

/// A connection while it is somebody's turn.
#[derive(Debug)]
pub(crate) enum Turn<'c> {
    Alone(&'c Alone, MappedMutexGuard<'c, AnyConnection>),
    Pool(PoolConnection<Any>),
}

impl Connections {
    /// The connection with which SQLite is written to, opened.
    pub(super) async fn alone(options: AnyConnectOptions, patience: Duration) -> Result<Self, Error> {
        let connection = Mutex::new(Some(open(&options).await?));
        Ok(Self::Alone(Arc::new(Alone { options, patience, connection, lost: AtomicBool::new(false) })))
    }

    /// Waits for a connection.
    pub(super) async fn turn(&self) -> Result<Turn<'_>, Error> {
        match self {
            Self::Pool(pool) => Ok(Turn::Pool(pool.acquire().await?)),
            Self::Alone(alone) => {
                let turn = tokio::time::timeout(alone.patience, alone.connection.lock());
                let turn = turn.await.map_err(|_| Error::PoolTimedOut)?;
                let mut turn = MutexGuard::try_map(turn, Option::as_mut).map_err(|_| Error::PoolClosed)?;
                if alone.lost.load(Relaxed) || is_stuck(&mut turn).await {
                    tracing::warn!("the database is opened again");
                    *turn = open(&alone.options).await?;
                    alone.lost.store(false, Relaxed);
                }
                Ok(Turn::Alone(alone, turn))
            }
        }
    }

    /// Closes the connections, once what is under way is done.
    pub(super) async fn close(&self) {
        match self {
            Self::Pool(pool) => pool.close().await,
            Self::Alone(alone) => {
                let closed = alone.connection.lock().await.take();
                if let Some(connection) = closed
                    && let Err(error) = connection.close().await
                {
                    tracing::warn!(%error, "the database wasn't closed");
                }
            }
        }
    }
}

impl Alone {
    fn doubt(&self, error: &Error) {
        if matches!(error, Error::WorkerCrashed) {
            self.lost.store(true, Relaxed);
        }
    }
}

/// Whether a connection can't begin a transaction any more. When a write to the disk fails, SQLite takes
/// a transaction back by itself, and the library goes on believing in it.
async fn is_stuck(connection: &mut AnyConnection) -> bool {
    // One that was given up is being taken back, which is done before the connection answers.
    connection.is_in_transaction() && (connection.ping().await.is_err() || connection.is_in_transaction())
}

async fn open(options: &AnyConnectOptions) -> Result<AnyConnection, Error> {
    let mut connection = AnyConnection::connect_with(options).await?;
    Kind::Sqlite.tune(&mut connection).await?;
    Ok(connection)
}

impl Turn<'_> {
    /// Begins a transaction. Dropped before it is committed, it is taken back.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub(crate) async fn begin(&mut self) -> Result<Transaction<'_, Any>, Error> {
        match self {
            Self::Alone(alone, connection) => {
                connection.begin_with(BEGIN).await.inspect_err(|error| alone.doubt(error))
            }
            Self::Pool(connection) => connection.begin().await,
        }
    }

    /// Whoever has the next turn gets another connection if an error tells that this one is lost. A
    /// pool sees to that by itself.
    pub(super) fn doubt(&self, error: &Error) {
        if let Self::Alone(alone, _) = self {
            alone.doubt(error);
        }
    }
}

impl Deref for Turn<'_> {
    type Target = AnyConnection;

    fn deref(&self) -> &AnyConnection {
        match self {
            Self::Alone(_, connection) => connection,
            Self::Pool(connection) => connection,
        }
    }
}

impl DerefMut for Turn<'_> {
    fn deref_mut(&mut self) -> &mut AnyConnection {
        match self {
            Self::Alone(_, connection) => connection,
            Self::Pool(connection) => connection,
        }
    }
}
