//! The pools, opened and migrated.

use std::path::Path;
use std::time::Duration;

use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::{AnyConnection, AnyPool, Executor as _};

use super::StoreError;

/// A database with one writing connection and several reading ones; a cheap clone.
///
/// SQLite has one writer at a time. Writers that queue here, for a connection, wait their turn in
/// order; writers that meet inside SQLite poll for its lock.
#[derive(Clone)]
pub struct Database {
    writer: AnyPool,
    reader: AnyPool,
}

/// How many statements may read at once.
const READERS: u32 = 4;

/// How long a statement waits for a connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(4);

impl Database {
    /// Opens `url`, or `sally.db` in the data directory, and brings its schema up to date.
    ///
    /// # Errors
    ///
    /// When it can't be opened or migrated.
    pub async fn open(url: Option<&str>, data_dir: &Path) -> Result<Self, StoreError> {
        sqlx::any::install_default_drivers();
        let url = match url {
            Some(url) => url.to_owned(),
            None => format!("sqlite://{}", data_dir.join("sally.db").display()),
        };
        // A file that isn't there yet is made.
        let url = if url.contains('?') { url } else { format!("{url}?mode=rwc") };
        let options: AnyConnectOptions = url.parse()?;
        let pool = |connections: u32| {
            AnyPoolOptions::new()
                .max_connections(connections)
                .acquire_timeout(ACQUIRE_TIMEOUT)
                .after_connect(|connection, _| Box::pin(tune(connection)))
        };
        let writer = pool(1).connect_with(options.clone()).await?;
        sqlx::migrate!().run(&writer).await?;
        let reader = pool(READERS).connect_with(options).await?;
        Ok(Self { writer, reader })
    }

    /// The pool of the one connection that writes.
    pub(crate) fn writer(&self) -> &AnyPool {
        &self.writer
    }

    /// The pool of connections that read.
    pub(crate) fn reader(&self) -> &AnyPool {
        &self.reader
    }

    /// Whether the database answers.
    ///
    /// # Errors
    ///
    /// When it doesn't.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.reader.execute("SELECT 1").await?;
        Ok(())
    }

    /// Closes the connections, once what is under way is done.
    pub async fn close(&self) {
        self.writer.close().await;
        self.reader.close().await;
    }
}

/// What was acknowledged survives a power cut, so SQLite syncs at every commit; group commit
/// makes that cheap.
async fn tune(connection: &mut AnyConnection) -> Result<(), sqlx::Error> {
    if connection.backend_name() == "SQLite" {
        connection
            .execute(
                "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 4000;
                 PRAGMA foreign_keys = ON; PRAGMA journal_size_limit = 67108864;",
            )
            .await?;
    }
    Ok(())
}
