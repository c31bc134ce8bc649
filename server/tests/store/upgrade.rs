//! SQLite files that older servers have left.

use std::path::Path;

use sally_server::store::Database;
use sqlx::migrate::Migrator;
use sqlx::{AnyPool, AssertSqlSafe, Executor as _};

use crate::backend::{Backend as _, Sqlite, add_drivers, tenant, to_drivers};
use crate::messages::send;

static SHARED: Migrator = sqlx::migrate!("./migrations");
static SQLITE: Migrator = sqlx::migrate!("./migrations/sqlite");

/// A file as the server of a migration left it, with messages of `acme` that have words, and such that have none.
async fn left_by(version: i64, words: &[bool]) -> (Sqlite, Database) {
    sqlx::any::install_default_drivers();
    let backend = Sqlite::fresh().await;
    let pool = AnyPool::connect(&format!("{}?mode=rwc", backend.url())).await.unwrap();
    let all = Migrator::with_migrations(SHARED.iter().chain(SQLITE.iter()).cloned().collect());
    all.run_to(version, &pool).await.unwrap();
    let count = words.len();
    let inbox = format!("INSERT INTO inbox (tenant, epoch, head) VALUES ('acme', 1, {count})");
    pool.execute(AssertSqlSafe(inbox)).await.unwrap();
    let conversation = format!(
        "INSERT INTO conversation (tenant, conversation_id, last_seq, driver_read_seq, dispatch_read_seq)
         VALUES ('acme', 'd1', {count}, 0, 0)"
    );
    pool.execute(AssertSqlSafe(conversation)).await.unwrap();
    for (n, has_words) in (1..).zip(words) {
        let words = if *has_words { format!("'old {n}'") } else { "NULL".into() };
        let statement = format!(
            "INSERT INTO message (tenant, inbox_offset, conversation_id, seq, message_id, sender_id, sender_role,
                 recipient_id, content, priority, requires_ack, sent_at, client_message_id, words)
             VALUES ('acme', {n}, 'd1', {n}, 'm{n}', 'ann', 'dispatcher', 'd1', 'old {n}', 'normal', 0, {n}, 'c{n}', {words})"
        );
        pool.execute(AssertSqlSafe(statement)).await.unwrap();
    }
    pool.close().await;
    let database = Database::open(Some(&backend.url()), Path::new("")).await.unwrap();
    add_drivers(&database, &["d1"]).await;
    (backend, database)
}

#[tokio::test]
async fn what_an_older_server_stored_is_found_once_and_in_order() {
    for (version, words) in [
        // Every message had its number in the index, with words or without.
        (14, [false, true, false, true]),
        (15, [true, true, false, false]),
        (17, [true, true, true, false]),
        (17, [true; 4]),
        (17, [false; 4]),
    ] {
        let (_backend, database) = left_by(version, &words).await;
        send(&database, &to_drivers(&["d1"], "old and new 5")).await;
        let found = database.search(&tenant("acme"), None, "old", None, 100).await.unwrap();
        let texts: Vec<&str> = found.iter().map(|message| message.content.as_str()).collect();
        assert_eq!(texts, ["old and new 5", "old 4", "old 3", "old 2", "old 1"], "{version} {words:?}");
        let before = database.search(&tenant("acme"), None, "old", Some(3), 100).await.unwrap();
        assert_eq!(before.len(), 2, "{version} {words:?}");
    }
}
