//! The transaction behind a send: what it does to messages that came before, come twice, fail or are
//! given up.

use std::time::Duration;

use futures_util::future::try_join_all;
use jiff::Timestamp;
use sally_protocol::Message;
use sally_server::store::Database;
use sally_server::store::messages::{Outgoing, Stored};
use sqlx::{AnyPool, Executor as _};

use crate::backend::{Backend, add_drivers, fresh, tenant, to_dispatch, to_drivers};
use crate::messages::{inbox, offset, send};

/// What became of a group, in short.
async fn outcomes(database: &Database, group: &[&Outgoing]) -> String {
    let stored = database.send(group, Timestamp::now()).await.unwrap();
    let outcomes = stored.iter().map(|stored| match stored {
        Stored::New(_) => "new",
        Stored::Duplicate(_) => "known",
        Stored::UnknownRecipient => "unknown",
    });
    outcomes.collect::<Vec<_>>().join(" ")
}

/// Each message's text, `seq` and offset, as they stand in the inbox.
async fn places(database: &Database) -> Vec<(String, u64, u64)> {
    inbox(database, "acme").await.into_iter().map(|of| (of.content.clone(), of.seq, offset(&of))).collect()
}

pub(crate) async fn a_message_alone_goes_on_where_a_group_stopped<B: Backend>() {
    let (_backend, database) = fresh::<B>().await;
    add_drivers(&database, &["d1", "d2"]).await;
    let mut sent = Vec::new();
    for n in 0..3 {
        sent.extend(send(&database, &to_drivers(&["d1"], "a")).await);
        let group = [&to_drivers(&["d1", "d2"], "b"), &to_dispatch("d1", "c")];
        for stored in database.send(&group, Timestamp::now()).await.unwrap() {
            let Stored::New(messages) = stored else { panic!("not new") };
            sent.extend(messages);
        }
        sent.extend(send(&database, &to_dispatch("d2", "d")).await);
        assert_eq!(database.inbox_head(&tenant("acme")).await.unwrap().offset, (n + 1) * 5);
    }
    assert_eq!(inbox(&database, "acme").await, sent, "what was answered is what is stored");
    assert_eq!(sent.iter().map(offset).collect::<Vec<_>>(), (1..=15).collect::<Vec<_>>());
    for (driver, seqs) in [("d1", 1..=9), ("d2", 1..=6)] {
        let of_driver: Vec<&Message> = sent.iter().filter(|of| of.conversation_id.as_str() == driver).collect();
        assert_eq!(of_driver.iter().map(|of| of.seq).collect::<Vec<_>>(), seqs.collect::<Vec<u64>>());
    }
}

pub(crate) async fn a_resend_to_somebody_else_is_answered_with_the_stored_message<B: Backend>() {
    let (_backend, database) = fresh::<B>().await;
    add_drivers(&database, &["d1", "d2"]).await;
    let outgoing = to_drivers(&["d1"], "one");
    let sent = send(&database, &outgoing).await;
    for other in [["d2"], ["nobody"]] {
        let changed = Outgoing { to: to_drivers(&other, "").to, ..outgoing.clone() };
        let again = database.send(&[&changed], Timestamp::now()).await.unwrap().remove(0);
        assert!(matches!(again, Stored::Duplicate(messages) if messages == sent));
    }
    assert_eq!(inbox(&database, "acme").await, sent);
}

pub(crate) async fn a_group_may_hold_what_is_known_unknown_and_new<B: Backend>() {
    let (_backend, database) = fresh::<B>().await;
    add_drivers(&database, &["d1"]).await;
    let (known, unknown) = (to_drivers(&["d1"], "1"), to_drivers(&["d9"], ""));
    send(&database, &known).await;
    assert_eq!(outcomes(&database, &[&known, &to_drivers(&["d1"], "2")]).await, "known new");
    assert_eq!(outcomes(&database, &[&unknown, &to_drivers(&["d1"], "3")]).await, "unknown new");
    let twice = to_dispatch("d1", "4");
    assert_eq!(outcomes(&database, &[&twice, &twice]).await, "new known");
    assert_eq!(outcomes(&database, &[&known, &twice, &unknown]).await, "known known unknown");
    assert_eq!(outcomes(&database, &[&unknown]).await, "unknown");
    send(&database, &to_drivers(&["d1"], "5")).await;
    let expected: Vec<_> = (1..=5).map(|n| (n.to_string(), n, n)).collect();
    assert_eq!(places(&database).await, expected);
}

pub(crate) async fn what_fails_takes_no_place<B: Backend>() {
    let (backend, database) = fresh::<B>().await;
    add_drivers(&database, &["d1", "d2"]).await;
    send(&database, &to_drivers(&["d1"], "1")).await;
    let pool = AnyPool::connect(&backend.url()).await.unwrap();
    // The next message in this conversation would take a place that is taken.
    pool.execute("UPDATE conversation SET last_seq = 0").await.unwrap();
    for group in [&[&to_drivers(&["d1"], "no")][..], &[&to_drivers(&["d2"], "no"), &to_drivers(&["d1"], "no")]] {
        database.send(group, Timestamp::now()).await.unwrap_err();
    }
    pool.execute("UPDATE conversation SET last_seq = 1").await.unwrap();
    send(&database, &to_drivers(&["d1"], "2")).await;
    assert_eq!(places(&database).await, [("1".into(), 1, 1), ("2".into(), 2, 2)]);
    pool.close().await;
}

pub(crate) async fn a_send_that_is_given_up_is_stored_whole_or_not_at_all<B: Backend>() {
    let (_backend, database) = fresh::<B>().await;
    add_drivers(&database, &["d1", "d2"]).await;
    let outgoing: Vec<Outgoing> =
        (0..60).map(|n| to_drivers(if n % 2 == 0 { &["d1"] } else { &["d1", "d2"] }, &n.to_string())).collect();
    let mut given_up = 0;
    for (n, outgoing) in outgoing.iter().enumerate() {
        let (group, limit) = ([outgoing], Duration::from_micros(n as u64 * 20));
        given_up += usize::from(tokio::time::timeout(limit, database.send(&group, Timestamp::now())).await.is_err());
    }
    assert!(given_up > 0);
    let sends = try_join_all(outgoing.iter().map(async |outgoing| database.send(&[outgoing], Timestamp::now()).await));
    for (stored, outgoing) in sends.await.unwrap().iter().flatten().zip(&outgoing) {
        let (Stored::New(messages) | Stored::Duplicate(messages)) = stored else { panic!("the drivers are known") };
        assert_eq!(messages.len(), outgoing.content.parse::<usize>().unwrap() % 2 + 1, "{stored:?}");
    }
    let stored = inbox(&database, "acme").await;
    assert_eq!(stored.iter().map(offset).collect::<Vec<_>>(), (1..=90).collect::<Vec<_>>());
    let of_d1: Vec<u64> = stored.iter().filter(|of| of.conversation_id.as_str() == "d1").map(|of| of.seq).collect();
    assert_eq!(of_d1, (1..=60).collect::<Vec<_>>());
}
