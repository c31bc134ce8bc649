//! How far everybody has received and read.

use jiff::Timestamp;
use sally_protocol::fleet::Side;
use sally_protocol::message::ReceiptKind;
use sally_server::store::Database;
use sally_server::store::receipts::Marked;

use crate::backend::{Backend, add_drivers, fresh, id, tenant, to_dispatch, to_drivers};
use crate::messages::send;

/// A database with ten messages to driver `d1`.
pub(crate) async fn with_messages<B: Backend>() -> (B, Database) {
    let (backend, database) = fresh::<B>().await;
    add_drivers(&database, &["d1"]).await;
    for n in 1..=10 {
        send(&database, &to_drivers(&["d1"], &n.to_string())).await;
    }
    (backend, database)
}

/// Marks as the driver.
pub(crate) async fn mark(database: &Database, kind: ReceiptKind, seq: u64) -> Marked {
    database.mark(&tenant("acme"), &id("d1"), &id("d1"), Side::Driver, kind, seq).await.unwrap()
}

pub(crate) async fn a_mark_moves_forward_only<B: Backend>() {
    use ReceiptKind::{Delivered, Read};
    let (_backend, database) = with_messages::<B>().await;
    assert_eq!(mark(&database, Delivered, 0).await, Marked::Unchanged);
    assert_eq!(mark(&database, Delivered, 4).await, Marked::At(4));
    assert_eq!(mark(&database, Delivered, 4).await, Marked::Unchanged);
    assert_eq!(mark(&database, Delivered, 3).await, Marked::Unchanged);
    assert_eq!(mark(&database, Read, 2).await, Marked::At(2), "what was delivered later may be read earlier");
    assert_eq!(mark(&database, Read, 1).await, Marked::Unchanged);
    assert_eq!(database.receipts(&tenant("acme"), &id("d1")).await.unwrap(), [(id("d1"), 4, 2)]);
    assert_eq!(mark(&database, Delivered, u64::MAX).await, Marked::At(10), "at most to the newest message");
    assert_eq!(mark(&database, Delivered, 11).await, Marked::Unchanged);
}

pub(crate) async fn reading_counts_as_delivered_and_for_the_side<B: Backend>() {
    let (_backend, database) = with_messages::<B>().await;
    let acme = tenant("acme");
    assert_eq!(mark(&database, ReceiptKind::Read, 7).await, Marked::At(7));
    assert_eq!(database.receipts(&acme, &id("d1")).await.unwrap(), [(id("d1"), 7, 7)]);
    assert_eq!(database.unread(&acme, &id("d1"), Side::Driver).await.unwrap().unwrap().count, 3);
    // What one dispatcher has read, the dispatch team has read.
    send(&database, &to_dispatch("d1", "eleven")).await;
    let by = async |user: &str, seq: u64| {
        database.mark(&acme, &id("d1"), &id(user), Side::Dispatch, ReceiptKind::Read, seq).await.unwrap()
    };
    assert_eq!(database.unread(&acme, &id("d1"), Side::Dispatch).await.unwrap().unwrap().count, 1);
    assert_eq!(by("ann", 11).await, Marked::At(11));
    assert_eq!(by("bob", 5).await, Marked::At(5), "each has a position of their own");
    assert_eq!(database.unread(&acme, &id("d1"), Side::Dispatch).await.unwrap().unwrap().count, 0);
    let own = database.conversations(&acme, Side::Driver, Some(&id("d1"))).await.unwrap();
    assert_eq!((own[0].read_seq, own[0].unread), (7, 3));
}

pub(crate) async fn a_mark_of_what_is_not_there_is_told<B: Backend>() {
    let (_backend, database) = with_messages::<B>().await;
    for (name, conversation) in [("acme", "d2"), ("globex", "d1")] {
        let (of, conversation) = (tenant(name), id(conversation));
        let marked = database.mark(&of, &conversation, &id("ann"), Side::Dispatch, ReceiptKind::Read, 1).await;
        assert_eq!(marked.unwrap(), Marked::UnknownConversation);
    }
}

pub(crate) async fn a_message_is_acknowledged_once<B: Backend>() {
    let (_backend, database) = with_messages::<B>().await;
    let acknowledge =
        async |user: &str| database.acknowledge(&tenant("acme"), "m1", &id(user), Timestamp::now()).await.unwrap();
    assert!(acknowledge("d1").await);
    assert!(!acknowledge("d1").await);
    assert!(acknowledge("ann").await);
}
