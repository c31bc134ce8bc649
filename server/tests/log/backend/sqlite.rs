//! The log in an SQLite file.

use sally_server::log::Retention;
use tempfile::TempDir;

use super::{Backend, Sql};
use crate::node::Node;

/// A directory with the file.
pub(crate) struct Sqlite {
    dir: TempDir,
}

impl Backend for Sqlite {
    async fn fresh() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    async fn open(&self, retention: Retention) -> Node {
        Node::on_database(&self.url(), retention).await
    }
}

impl Sql for Sqlite {
    fn url(&self) -> String {
        format!("sqlite://{}", self.dir.path().join("sally.db").display())
    }
}
