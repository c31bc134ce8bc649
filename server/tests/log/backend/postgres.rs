//! The log in a PostgreSQL database.

use sally_server::log::Retention;

use super::{Backend, Sql};
use crate::node::Node;

/// A database.
pub(crate) struct Postgres {
    url: String,
}

impl Backend for Postgres {
    async fn fresh() -> Self {
        Self { url: crate::postgres::database().await }
    }

    async fn open(&self, retention: Retention) -> Node {
        Node::on_database(&self.url, retention).await
    }
}

impl Sql for Postgres {
    fn url(&self) -> String {
        self.url.clone()
    }
}
