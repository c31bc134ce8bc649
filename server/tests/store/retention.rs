//! Removing messages that are too old.

use std::time::Duration;

use jiff::Timestamp;
use sally_protocol::Message;
use sally_protocol::fleet::Side;
use sally_protocol::message::ReceiptKind;
use sally_server::store::Database;
use sally_server::store::messages::{Outgoing, Stored};
use sally_server::store::receipts::Mark;
use sqlx::{AnyPool, Row as _};

use crate::backend::{Backend, add_drivers, fresh, id, tenant, to_dispatch, to_drivers};
use crate::messages::{inbox, offset, unread};

/// The `n`th second of the test's time.
fn second(n: u64) -> Timestamp {
    Timestamp::UNIX_EPOCH + Duration::from_secs(1_000_000 + n)
}

/// Stores a message that was sent in that second.
async fn send_at(database: &Database, n: u64, outgoing: Outgoing) -> Message {
    match database.send(&[&outgoing], second(n)).await.unwrap().remove(0) {
        Stored::New(mut messages) => messages.remove(0),
        other => panic!("not new: {other:?}"),
    }
}

/// Removes what was sent before that second, in lots of two; how many lots it took.
async fn remove_before(database: &Database, n: u64) -> usize {
    let mut lots = 0;
    for tenant in database.tenants_with_messages_before(second(n)).await.unwrap() {
        lots += 1;
        while database.remove_messages_before(&tenant, second(n), 2).await.unwrap() {
            lots += 1;
        }
    }
    lots
}

/// Messages 1 to 6, alternating between the conversations of `d1` and `d2`.
async fn with_six<B: Backend>() -> (B, Database, Vec<Message>) {
    let (backend, database) = fresh::<B>().await;
    add_drivers(&database, &["d1", "d2"]).await;
    let mut sent = Vec::new();
    for n in 1..=6 {
        let driver = if n % 2 == 1 { "d1" } else { "d2" };
        sent.push(send_at(&database, n, to_drivers(&[driver], &format!("number {n}"))).await);
    }
    (backend, database, sent)
}

pub(crate) async fn old_messages_go_in_lots<B: Backend>() {
    let (_backend, database, sent) = with_six::<B>().await;
    assert_eq!(remove_before(&database, 1).await, 0, "none is that old");
    assert_eq!(inbox(&database, "acme").await, sent);
    assert_eq!(remove_before(&database, 4).await, 2, "two, and then one");
    assert_eq!(inbox(&database, "acme").await, sent[3..]);
    assert_eq!(remove_before(&database, 4).await, 0);
    assert_eq!(remove_before(&database, 100).await, 2);
    assert_eq!(inbox(&database, "acme").await, []);
    assert_eq!(remove_before(&database, 100).await, 0);
}

pub(crate) async fn what_belongs_to_a_removed_message_goes_too<B: Backend>() {
    let (backend, database, sent) = with_six::<B>().await;
    let acme = tenant("acme");
    for message in &sent[3..=4] {
        let driver = &message.conversation_id;
        let done = database.acknowledge(&acme, &message.message_id, driver, second(7)).await.unwrap();
        assert!(done);
        database
            .mark(&acme, driver, driver, Side::Driver, Mark { kind: ReceiptKind::Read, seq: 2, at: second(7) })
            .await
            .unwrap();
    }
    remove_before(&database, 6).await;
    for message in &sent[3..=4] {
        let again = database.acknowledge(&acme, &message.message_id, &message.conversation_id, second(8)).await;
        assert!(again.unwrap(), "the acknowledgement went with its message");
    }
    assert_eq!(database.positions(&acme, &id("d1")).await.unwrap(), [], "nothing is left in that conversation");
    assert_eq!(database.positions(&acme, &id("d2")).await.unwrap().len(), 1);
    assert_eq!(database.search(&acme, None, "number", None, 10).await.unwrap(), sent[5..]);
    assert_eq!(database.message(&acme, &sent[0].message_id).await.unwrap(), None);
    // PostgreSQL's index is the row's own; SQLite's is a table beside it.
    if backend.url().starts_with("sqlite") {
        let pool = AnyPool::connect(&backend.url()).await.unwrap();
        let row = sqlx::query("SELECT COUNT(*) FROM message_search_docsize").fetch_one(&pool).await.unwrap();
        assert_eq!(row.get::<i64, _>(0), 1, "the index forgets what was removed");
    }
}

pub(crate) async fn places_go_on_after_removed_messages<B: Backend>() {
    let (_backend, database, sent) = with_six::<B>().await;
    let acme = tenant("acme");
    let head = database.inbox_head(&acme).await.unwrap();
    remove_before(&database, 6).await;
    assert_eq!(database.inbox_head(&acme).await.unwrap(), head);
    let resumed = database.messages_after(&acme, head.epoch, offset(&sent[1]), None, 10).await.unwrap();
    assert_eq!(resumed, sent[5..], "from before the edge comes what is there");
    let listed = database.conversations(&acme, Side::Dispatch, None).await.unwrap();
    let last = |driver: &str| listed.iter().find(|of| of.conversation_id == id(driver)).unwrap().last_message.clone();
    assert_eq!((last("d1"), last("d2")), (None, Some(sent[5].clone())));
    assert!(database.history(&acme, &id("d1"), None, 10).await.unwrap().is_empty());
    assert_eq!(database.newest_in(&acme, &id("d1"), u64::MAX).await.unwrap(), 0);
    assert_eq!(unread(&database, "d1", Side::Driver).await, None);
    let next = send_at(&database, 7, to_dispatch("d1", "number 7")).await;
    assert_eq!((next.seq, offset(&next)), (4, 7));
    assert_eq!(database.search(&acme, None, "number", None, 10).await.unwrap(), [next, sent[5].clone()]);
}

pub(crate) async fn what_stays_has_no_holes<B: Backend>() {
    let (_backend, database) = fresh::<B>().await;
    add_drivers(&database, &["d1"]).await;
    let mut sent = Vec::new();
    // The second node's clock is behind.
    for n in [10, 11, 5, 12, 6] {
        sent.push(send_at(&database, n, to_dispatch("d1", "one")).await);
    }
    remove_before(&database, 8).await;
    assert_eq!(inbox(&database, "acme").await, sent);
    remove_before(&database, 12).await;
    assert_eq!(inbox(&database, "acme").await, sent[3..]);
}
