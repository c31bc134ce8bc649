//! A database that takes writes again after it failed, and whose log is kept short.

use jiff::Timestamp;
use sally_server::store::templates::Edit;
use sqlx::{AnyPool, Executor as _};

use crate::backend::{Backend as _, Sqlite, add_drivers, fresh, id, tenant, to_drivers};
use crate::messages::{inbox, send};

/// Of its own accord SQLite takes a transaction back when a write to the disk fails.
#[tokio::test]
async fn what_sqlite_takes_back_by_itself_does_not_end_its_writing() {
    let (backend, database) = fresh::<Sqlite>().await;
    add_drivers(&database, &["d1", "d2"]).await;
    let pool = AnyPool::connect(&backend.url()).await.unwrap();
    let full =
        "CREATE TRIGGER full BEFORE INSERT ON template BEGIN SELECT RAISE(ROLLBACK, 'as if the disk were full'); END";
    pool.execute(full).await.unwrap();
    let edit = || Edit { title: "late".into(), text: "Late".into(), by: id("ann"), at: Timestamp::now() };
    for _ in 0..2 {
        let error = database.add_template(&tenant("acme"), &edit()).await.unwrap_err();
        assert!(error.to_string().contains("as if the disk were full"), "{error}");
    }
    pool.execute("DROP TRIGGER full").await.unwrap();
    database.add_template(&tenant("acme"), &edit()).await.unwrap().unwrap();
    for group in [&["d1"][..], &["d1", "d2"]] {
        send(&database, &to_drivers(group, "on")).await;
    }
    assert_eq!(inbox(&database, "acme").await.len(), 3);
}

/// Without it, the commit that makes the log too long copies all of it.
#[tokio::test]
async fn a_checkpoint_copies_what_was_logged() {
    let (backend, database) = fresh::<Sqlite>().await;
    add_drivers(&database, &["d1"]).await;
    database.checkpoint().await.unwrap();
    let url = backend.url();
    let bytes = || std::fs::metadata(url.trim_start_matches("sqlite://")).unwrap().len();
    let before = bytes();
    for _ in 0..20 {
        send(&database, &to_drivers(&["d1"], &"on and on ".repeat(200))).await;
    }
    assert_eq!(bytes(), before, "all of it is in the log");
    database.checkpoint().await.unwrap();
    assert!(bytes() > before + 20_000, "{} bytes, {before} before", bytes());
}
