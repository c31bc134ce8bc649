//! A database that takes writes again after it failed.

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
