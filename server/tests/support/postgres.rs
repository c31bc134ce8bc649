//! A PostgreSQL server of the tests' own, in a directory that goes with it.

use std::os::unix::fs::{MetadataExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use sqlx::{AnyConnection, Connection as _, Executor as _};
use tokio::sync::OnceCell;

/// How long the server may take to begin.
const PATIENCE: Duration = Duration::from_secs(60);

/// Serves until its standard input ends, which it does with the tests, however they end; then
/// removes everything.
const SCRIPT: &str = r#"
    "$0/initdb" -D "$1/data" --username=sally --auth=trust --encoding=UTF8 --locale=C --no-sync >"$1/log" 2>&1
    {
        echo "unix_socket_directories = '$1'"
        echo "listen_addresses = ''"
        echo "max_connections = 1000"
        echo "fsync = off"
        echo "synchronous_commit = off"
        echo "full_page_writes = off"
    } >>"$1/data/postgresql.conf"
    "$0/pg_ctl" -D "$1/data" -l "$1/log" start >/dev/null
    cat >/dev/null
    "$0/pg_ctl" -D "$1/data" --mode=immediate stop >/dev/null
    rm -rf "$1"
"#;

/// A server.
struct Postgres {
    dir: PathBuf,
    /// Ends when its standard input is closed.
    _process: Child,
}

/// The server that the tests of one binary share.
static SHARED: OnceCell<Postgres> = OnceCell::const_new();

/// The URL of a database of its own for one test.
pub(crate) async fn database() -> String {
    static COUNT: AtomicUsize = AtomicUsize::new(1);
    let server = SHARED.get_or_init(Postgres::start).await;
    server.create(&format!("test_{}", COUNT.fetch_add(1, Ordering::Relaxed))).await
}

impl Postgres {
    /// Starts a server that keeps nothing through a power cut.
    async fn start() -> Self {
        let programs = programs();
        let dir = tempfile::Builder::new().prefix("sally-postgres-").tempdir().unwrap().keep();
        let mut shell = Command::new("sh");
        shell.args(["-c", SCRIPT]).arg(programs).arg(&dir).current_dir(&dir);
        // PostgreSQL refuses to run as root.
        if dir.metadata().unwrap().uid() == 0 {
            let (user, group) = (id_of_postgres("-u"), id_of_postgres("-g"));
            chown(&dir, Some(user), Some(group)).unwrap();
            shell.uid(user).gid(group);
        }
        // A group of its own, so that an interrupted test run doesn't take it from below the tests.
        let process = shell.stdin(Stdio::piped()).stdout(Stdio::null()).process_group(0).spawn().unwrap();
        let server = Self { dir, _process: process };
        let deadline = Instant::now() + PATIENCE;
        while let Err(error) = server.connect("postgres").await {
            let log = std::fs::read_to_string(server.dir.join("log")).unwrap_or_default();
            assert!(Instant::now() < deadline, "PostgreSQL doesn't begin: {error}\n{log}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        server
    }

    /// Makes an empty database and returns its URL.
    async fn create(&self, name: &str) -> String {
        let mut connection = self.connect("postgres").await.unwrap();
        let statement = format!("CREATE DATABASE {name} TEMPLATE template0");
        connection.execute(sqlx::AssertSqlSafe(statement)).await.unwrap();
        connection.close().await.unwrap();
        self.url(name)
    }

    async fn connect(&self, database: &str) -> Result<AnyConnection, sqlx::Error> {
        sqlx::any::install_default_drivers();
        AnyConnection::connect(&self.url(database)).await
    }

    fn url(&self, database: &str) -> String {
        format!("postgres://sally@localhost/{database}?host={}", self.dir.display())
    }
}

/// Where the server's programs are. Debian keeps them off `PATH`, a directory a version.
fn programs() -> PathBuf {
    let on_path =
        std::env::var_os("PATH").into_iter().flat_map(|path| std::env::split_paths(&path).collect::<Vec<_>>());
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let candidates = on_path.chain(versions.map(|version| version.path().join("bin")));
    let has = |dir: &Path| ["initdb", "postgres", "pg_ctl"].iter().all(|program| dir.join(program).is_file());
    candidates
        .into_iter()
        .find(|dir| has(dir))
        .expect("PostgreSQL's server programs are installed: `cargo xtask test` does that")
}

/// An id of the user that Debian's package makes.
fn id_of_postgres(which: &str) -> u32 {
    let output = Command::new("id").args([which, "postgres"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.trim().parse().expect("root needs a user `postgres` to run PostgreSQL as: `cargo xtask test` makes one")
}
