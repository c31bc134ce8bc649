//! The database, opened and migrated.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::{AnyConnection, Connection as _, Executor as _};

use super::bounded::Bounded;
use super::connections::{Connections, Turn};
use super::messages::Places;
use super::{StoreError, migrations};

/// A database with connections that write and connections that read; a cheap clone.
#[derive(Clone)]
pub struct Database {
    kind: Kind,
    writer: Connections,
    reader: Connections,
    pub(super) places: Arc<Mutex<Places>>,
}

/// Which database it is, where that makes a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Sqlite,
    Postgres,
}

/// How long a statement waits for a connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(4);

/// How many connections write to PostgreSQL: the log and the inbox keep one each busy, the rest is for
/// receipts and sessions.
const POSTGRES_WRITERS: u32 = 4;

/// How often a schema in SQLite is tried to be brought up to date, and the pause between two times.
const MIGRATION_TRIES: u32 = 5;
const MIGRATION_PAUSE: Duration = Duration::from_millis(200);

/// How long a connection that was idle may take to answer.
const PING_TIMEOUT: Duration = Duration::from_secs(1);

impl Database {
    /// Opens `url` (`sqlite://` or `postgres://`), or `sally.db` in the data directory, and brings
    /// its schema up to date.
    ///
    /// # Errors
    ///
    /// When it can't be opened or migrated.
    pub async fn open(url: Option<&str>, data_dir: &Path) -> Result<Self, StoreError> {
        sqlx::any::install_default_drivers();
        let mut url = match url {
            Some(url) => url.to_owned(),
            None => format!("sqlite://{}", data_dir.join("sally.db").display()),
        };
        let kind = Kind::of_url(&url);
        // A file that isn't there yet is made.
        if kind == Kind::Sqlite && !url.contains('?') {
            url.push_str("?mode=rwc");
        }
        let options: AnyConnectOptions = url.parse()?;
        migrate(kind, options.clone()).await?;
        let pool = async |connections: u32| {
            let pool = AnyPoolOptions::new()
                .max_connections(connections)
                .acquire_timeout(ACQUIRE_TIMEOUT)
                .test_before_acquire(false)
                .before_acquire(move |connection, _| Box::pin(kind.answers(connection)))
                .after_connect(move |connection, _| Box::pin(kind.tune(connection)));
            pool.connect_with(options.clone()).await.map(Connections::Pool)
        };
        let writer = match kind {
            Kind::Sqlite => Connections::alone(options.clone(), ACQUIRE_TIMEOUT).await?,
            Kind::Postgres => pool(POSTGRES_WRITERS).await?,
        };
        let reader = pool(kind.readers()).await?;
        Ok(Self { kind, writer, reader, places: Arc::default() })
    }

    /// Which database it is.
    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    /// The connections that write.
    pub(crate) fn writer(&self) -> Bounded<'_> {
        Bounded(&self.writer)
    }

    /// The connections that read.
    pub(crate) fn reader(&self) -> Bounded<'_> {
        Bounded(&self.reader)
    }

    /// A connection that writes, for a transaction, to be waited for and used
    /// [`within_limit`](super::within_limit).
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub(crate) async fn turn_to_write(&self) -> Result<Turn<'_>, sqlx::Error> {
        self.writer.turn().await
    }

    /// Whether the database answers.
    ///
    /// # Errors
    ///
    /// When it doesn't.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.reader().execute("SELECT 1").await?;
        Ok(())
    }

    /// Copies what SQLite has committed to its place in the file, as far as nobody reads what stood there;
    /// whoever writes meanwhile doesn't wait for it. Otherwise the commit that makes the log too long copies
    /// all of it, and its sender waits. Where writing never pauses that commit still comes, with less to copy.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn checkpoint(&self) -> Result<(), StoreError> {
        if self.kind == Kind::Sqlite {
            self.reader().execute("PRAGMA wal_checkpoint(PASSIVE)").await?;
        }
        Ok(())
    }

    /// Closes the connections, once what is under way is done.
    pub async fn close(&self) {
        self.writer.close().await;
        self.reader.close().await;
    }
}

/// Brings the schema up to date. SQLite has no lock that lasts over all of it: of nodes that start
/// together on a new file one gets ahead, and the others look again.
async fn migrate(kind: Kind, options: AnyConnectOptions) -> Result<(), StoreError> {
    let mut tries = if kind == Kind::Sqlite { MIGRATION_TRIES } else { 1 };
    loop {
        tries -= 1;
        match migrate_once(kind, options.clone()).await {
            Err(error) if tries > 0 => tracing::debug!(%error, "the schema is looked at again"),
            outcome => return outcome,
        }
        tokio::time::sleep(MIGRATION_PAUSE.mul_f64(rand::random_range(0.5..1.0))).await;
    }
}

/// PostgreSQL lets one node migrate while others wait, for as long as it takes: so the connection
/// is one without time limits. It comes from a pool of its own, since the future of a migration on a
/// bare connection isn't `Send` for every lifetime, and the desktop spawns it.
async fn migrate_once(kind: Kind, options: AnyConnectOptions) -> Result<(), StoreError> {
    let pool = AnyPoolOptions::new().max_connections(1).after_connect(move |connection, _| {
        Box::pin(async move {
            if kind == Kind::Postgres {
                // It would say at every start that the table of migrations is there already.
                connection.execute("SET client_min_messages = 'warning'").await?;
            }
            Ok(())
        })
    });
    let pool = pool.connect_with(options).await?;
    migrations::of(kind).run(&pool).await?;
    pool.close().await;
    Ok(())
}

impl Kind {
    fn of_url(url: &str) -> Self {
        match url.split_once("://") {
            Some(("postgres" | "postgresql", _)) => Self::Postgres,
            _ => Self::Sqlite,
        }
    }

    /// Which database a connection leads to.
    pub(crate) fn of(connection: &AnyConnection) -> Self {
        match connection.backend_name() {
            "PostgreSQL" => Self::Postgres,
            _ => Self::Sqlite,
        }
    }

    /// How many connections read.
    fn readers(self) -> u32 {
        match self {
            Self::Sqlite => 4,
            Self::Postgres => 8,
        }
    }

    /// Whether a connection that was idle still answers; one that doesn't is replaced. After a
    /// failover all of them may have gone without a word. SQLite's are files of this process.
    async fn answers(self, connection: &mut AnyConnection) -> Result<bool, sqlx::Error> {
        match self {
            Self::Sqlite => Ok(true),
            Self::Postgres => {
                Ok(tokio::time::timeout(PING_TIMEOUT, connection.ping()).await.is_ok_and(|answer| answer.is_ok()))
            }
        }
    }

    pub(super) async fn tune(self, connection: &mut AnyConnection) -> Result<(), sqlx::Error> {
        let settings = match self {
            // What was acknowledged survives a power cut, so SQLite syncs at every commit; group
            // commit makes that cheap.
            Self::Sqlite => {
                // The pages that messages are written to are many, since every index has its own order:
                // 16 MiB of them are kept, 16 MiB at the most are logged before a commit copies them, and
                // what would undo a statement stays in memory.
                "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 4000;
                 PRAGMA foreign_keys = ON; PRAGMA journal_size_limit = 67108864;
                 PRAGMA cache_size = -16384; PRAGMA wal_autocheckpoint = 4096;
                 PRAGMA temp_store = MEMORY;"
            }
            // Statements that wait for a row's lock must see what was committed meanwhile. A node
            // that stops in the middle of a transaction must not keep the others waiting.
            Self::Postgres => {
                "SET default_transaction_isolation = 'read committed'; SET statement_timeout = '4s';
                 SET idle_in_transaction_session_timeout = '10s'"
            }
        };
        connection.execute(settings).await?;
        Ok(())
    }
}
