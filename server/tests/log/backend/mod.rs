//! What a log stands on.

pub(crate) mod postgres;
pub(crate) mod redis;
pub(crate) mod sqlite;

use sally_server::log::Retention;

use crate::node::Node;

/// Data of its own for one test.
pub(crate) trait Backend {
    /// Empty data. Panics with a sentence when the program that keeps it isn't installed.
    async fn fresh() -> Self;

    /// Starts a node on the data, which other nodes have written to or not.
    async fn open(&self, retention: Retention) -> Node;
}

/// A backend that other programs can reach with SQL.
pub(crate) trait Sql: Backend {
    /// The database's URL.
    fn url(&self) -> String;
}
