//! The databases that the store can be in.

use std::path::Path;

use sally_protocol::message::MessagePriority;
use sally_protocol::{Id, Role, Tenant};
use sally_server::store::Database;
use sally_server::store::messages::{Outgoing, Recipients};
use sally_server::store::users::User;
use tempfile::TempDir;
use uuid::Uuid;

/// A database of its own for one test.
pub(crate) trait Backend {
    /// An empty one. Panics with a sentence when the program that keeps it isn't installed.
    async fn fresh() -> Self;

    /// Its URL.
    fn url(&self) -> String;

    /// A node's handle on it.
    async fn open(&self) -> Database {
        Database::open(Some(&self.url()), Path::new("")).await.unwrap()
    }
}

/// An SQLite file.
pub(crate) struct Sqlite {
    dir: TempDir,
}

impl Backend for Sqlite {
    async fn fresh() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    fn url(&self) -> String {
        format!("sqlite://{}", self.dir.path().join("sally.db").display())
    }
}

/// A PostgreSQL database.
pub(crate) struct Postgres {
    url: String,
}

impl Backend for Postgres {
    async fn fresh() -> Self {
        Self { url: crate::postgres::database().await }
    }

    fn url(&self) -> String {
        self.url.clone()
    }
}

/// An empty database, and a handle on it.
pub(crate) async fn fresh<B: Backend>() -> (B, Database) {
    let backend = B::fresh().await;
    let database = backend.open().await;
    (backend, database)
}

pub(crate) fn tenant(name: &str) -> Tenant {
    Tenant::parse(name).unwrap()
}

pub(crate) fn id(text: &str) -> Id {
    Id::parse(text).unwrap()
}

/// A user of tenant `acme` who can't sign in.
pub(crate) fn user(name: &str, role: Role) -> User {
    User {
        tenant: tenant("acme"),
        id: id(name),
        email: None,
        name: Some(format!("{name} of acme")),
        role,
        driver: None,
        password_hash: None,
        disabled: false,
    }
}

/// Adds drivers to tenant `acme`.
pub(crate) async fn add_drivers(database: &Database, names: &[&str]) {
    for name in names {
        assert!(database.add_user(&user(name, Role::Driver)).await.unwrap());
    }
}

/// A message of dispatcher Ann to these drivers.
pub(crate) fn to_drivers(names: &[&str], content: &str) -> Outgoing {
    Outgoing {
        tenant: tenant("acme"),
        sender: id("ann"),
        role: Role::Dispatcher,
        name: Some("Ann".into()),
        to: Recipients::Drivers(names.iter().map(|name| id(name)).collect()),
        content: content.into(),
        client_message_id: Uuid::new_v4().to_string(),
        priority: MessagePriority::Normal,
        requires_ack: false,
        alert_id: None,
        route_plan_id: None,
    }
}

/// A message of a driver to the dispatch team.
pub(crate) fn to_dispatch(driver: &str, content: &str) -> Outgoing {
    Outgoing {
        sender: id(driver),
        role: Role::Driver,
        name: None,
        to: Recipients::Dispatch,
        ..to_drivers(&[], content)
    }
}
