//! How far everybody has received and read.

use std::time::Duration;

use jiff::Timestamp;
use sally_protocol::fleet::Side;
use sally_protocol::message::ReceiptKind;
use sally_server::store::Database;
use sally_server::store::receipts::{Acknowledgement, Mark, Marked, Position};

use crate::backend::{Backend, add_drivers, fresh, id, tenant, to_dispatch, to_drivers};
use crate::messages::{send, unread};

/// A database with ten messages to driver `d1`.
pub(crate) async fn with_messages<B: Backend>() -> (B, Database) {
    let (backend, database) = fresh::<B>().await;
    add_drivers(&database, &["d1"]).await;
    for n in 1..=10 {
        send(&database, &to_drivers(&["d1"], &n.to_string())).await;
    }
    (backend, database)
}

/// The `n`th second of the test's time.
fn second(n: u64) -> Timestamp {
    Timestamp::UNIX_EPOCH + Duration::from_secs(1_000 + n.min(100))
}

/// The driver's position: a place and the second of its mark, each.
fn driver_at(delivered: (u64, u64), read: (u64, u64)) -> Position {
    Position {
        user: id("d1"),
        delivered_seq: delivered.0,
        delivered_at: second(delivered.1),
        read_seq: read.0,
        read_at: if read.0 == 0 { Timestamp::UNIX_EPOCH } else { second(read.1) },
    }
}

/// Marks as the driver.
pub(crate) async fn mark(database: &Database, kind: ReceiptKind, seq: u64) -> Marked {
    database
        .mark(&tenant("acme"), &id("d1"), &id("d1"), Side::Driver, Mark { kind, seq, at: second(seq) })
        .await
        .unwrap()
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
    assert_eq!(database.positions(&tenant("acme"), &id("d1")).await.unwrap(), [driver_at((4, 4), (2, 2))]);
    assert_eq!(mark(&database, Delivered, u64::MAX).await, Marked::At(10), "at most to the newest message");
    assert_eq!(mark(&database, Delivered, 11).await, Marked::Unchanged);
}

pub(crate) async fn reading_counts_as_delivered_and_for_the_side<B: Backend>() {
    let (_backend, database) = with_messages::<B>().await;
    let acme = tenant("acme");
    assert_eq!(mark(&database, ReceiptKind::Read, 7).await, Marked::At(7));
    assert_eq!(database.positions(&acme, &id("d1")).await.unwrap(), [driver_at((7, 7), (7, 7))]);
    assert_eq!(unread(&database, "d1", Side::Driver).await.map(|(count, _)| count), Some(3));
    // What one dispatcher has read, the dispatch team has read.
    send(&database, &to_dispatch("d1", "eleven")).await;
    let by = async |user: &str, seq: u64| {
        database
            .mark(&acme, &id("d1"), &id(user), Side::Dispatch, Mark { kind: ReceiptKind::Read, seq, at: second(seq) })
            .await
            .unwrap()
    };
    assert_eq!(unread(&database, "d1", Side::Dispatch).await.map(|(count, _)| count), Some(1));
    assert_eq!(by("ann", 11).await, Marked::At(11));
    assert_eq!(by("bob", 5).await, Marked::At(5), "each has a position of their own");
    assert_eq!(unread(&database, "d1", Side::Dispatch).await.map(|(count, _)| count), Some(0));
    let own = database.conversations(&acme, Side::Driver, Some(&id("d1"))).await.unwrap();
    assert_eq!((own[0].read_seq, own[0].unread), (7, 3));
}

pub(crate) async fn a_mark_of_what_is_not_there_is_told<B: Backend>() {
    let (_backend, database) = with_messages::<B>().await;
    for (name, conversation) in [("acme", "d2"), ("globex", "d1")] {
        let (of, conversation) = (tenant(name), id(conversation));
        let marked = database
            .mark(
                &of,
                &conversation,
                &id("ann"),
                Side::Dispatch,
                Mark { kind: ReceiptKind::Read, seq: 1, at: second(1) },
            )
            .await;
        assert_eq!(marked.unwrap(), Marked::UnknownConversation);
    }
}

pub(crate) async fn a_message_is_acknowledged_once<B: Backend>() {
    let (_backend, database) = with_messages::<B>().await;
    let acme = tenant("acme");
    let messages = database.history(&acme, &id("d1"), None, 10).await.unwrap();
    let acknowledge = async |seq: usize, user: &str, n: u64| {
        database.acknowledge(&acme, &messages[seq - 1].message_id, &id(user), second(n)).await.unwrap()
    };
    assert!(acknowledge(3, "bob", 30).await);
    assert!(!acknowledge(3, "bob", 31).await);
    assert!(acknowledge(3, "ann", 32).await);
    assert!(acknowledge(2, "ann", 20).await);
    let known = async |first: u64, last: u64| database.acknowledgements(&acme, &id("d1"), first, last).await.unwrap();
    let by = |seq: usize, user: &str, n: u64| Acknowledgement {
        message_id: messages[seq - 1].message_id.clone(),
        user: id(user),
        at: second(n),
    };
    assert_eq!(known(1, 10).await, [by(2, "ann", 20), by(3, "bob", 30), by(3, "ann", 32)]);
    assert_eq!(known(3, 3).await, [by(3, "bob", 30), by(3, "ann", 32)]);
    assert_eq!(known(4, 10).await, []);
    assert_eq!(database.acknowledgements(&tenant("globex"), &id("d1"), 1, 10).await.unwrap(), []);
}
