//! What every log promises, whatever it stands on.
//!
//! Each case is written once, against [`Log`](sally_server::log::Log) and the hub that the log
//! feeds, and runs on every backend. A backend whose server program isn't installed fails.
//!
//! # Layout
//!
//! - [`suite`]: the table of all cases, from which [`table`] makes tests; [`backend`]: one file a
//!   backend, and a line for it below.
//! - [`node`]: a log that has been opened, and what its hub is told.
//! - [`offsets`]: positions, dense offsets, one order.
//! - [`repeats`]: an event id counts once.
//! - [`overtaking`]: an event that was made of what isn't so any more.
//! - [`pages`]: reading, and what a log says that no longer reaches back.
//! - [`payloads`]: events come out as they went in.
//! - [`gaps`]: places where events may be missing.
//! - [`compaction`]: the newest event of each slot, and how long it stays.
//! - [`snapshots`]: the compacted log and what follows it make one whole.
//! - [`restarts`]: what a new process finds.
//! - [`database`]: what a log in a database promises beyond.
//! - [`leaving`]: how long an entity stays in Redis.
//! - [`agreement`]: two backends agree on whatever comes.
//! - [`postgres`]: a PostgreSQL server of the tests' own.

#![expect(clippy::expect_used, clippy::unwrap_used, reason = "a test that can't go on fails")]

mod agreement;
mod backend;
#[path = "../support/cluster.rs"]
mod cluster;
mod compaction;
mod database;
mod gaps;
mod leaving;
mod node;
mod offsets;
mod overtaking;
mod pages;
mod payloads;
#[path = "../support/postgres.rs"]
mod postgres;
mod repeats;
mod restarts;
mod snapshots;
#[macro_use]
#[path = "../support/table.rs"]
mod table;
#[macro_use]
mod suite;

suite!(on_sqlite: crate::backend::sqlite::Sqlite);
suite!(on_postgres: crate::backend::postgres::Postgres);
suite!(on_redis: crate::backend::redis::Redis);
suite!(on_redis_cluster: crate::backend::redis::RedisCluster);

database!(on_sqlite_database: crate::backend::sqlite::Sqlite);
database!(on_postgres_database: crate::backend::postgres::Postgres);
