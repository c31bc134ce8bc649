//! Conversations and messages.

use jiff::Timestamp;
use sally_protocol::fleet::Side;
use sally_protocol::message::MessagePriority;
use sally_protocol::{Cursor, Message, Role};
use sally_server::store::Database;
use sally_server::store::messages::{Outgoing, Recipients, Stored};

use crate::backend::{Backend, add_drivers, fresh, id, tenant, to_dispatch, to_drivers, user};

/// Stores one message that must be new.
pub(crate) async fn send(database: &Database, outgoing: &Outgoing) -> Vec<Message> {
    match database.send(&[outgoing], Timestamp::now()).await.unwrap().remove(0) {
        Stored::New(messages) => messages,
        other => panic!("not new: {other:?}"),
    }
}

/// Everything in a tenant's inbox.
pub(crate) async fn inbox(database: &Database, name: &str) -> Vec<Message> {
    let head = database.inbox_head(&tenant(name)).await.unwrap();
    database.messages_after(&tenant(name), head.epoch, 0, None, 10_000).await.unwrap()
}

/// How many messages of a driver's thread at acme a side hasn't read, and the newest one's text; `None` where it
/// has none.
pub(crate) async fn unread(database: &Database, driver: &str, side: Side) -> Option<(u64, String)> {
    let asked = (tenant("acme"), id(driver), side);
    let unread = database.unread_of(&[&asked]).await.unwrap().remove(&asked)?;
    Some((unread.count, unread.last.content))
}

/// A message's offset in the inbox of `acme`.
pub(crate) fn offset(message: &Message) -> u64 {
    Cursor::parse(&message.cursor, &tenant("acme")).unwrap().offset
}

fn places(messages: &[Message]) -> Vec<(&str, u64, u64)> {
    messages.iter().map(|message| (message.conversation_id.as_str(), message.seq, offset(message))).collect()
}

pub(crate) async fn a_message_is_stored_with_its_place<B: Backend>() {
    let (_backend, database) = fresh::<B>().await;
    add_drivers(&database, &["d1", "d2"]).await;
    let begun = database.inbox_head(&tenant("acme")).await.unwrap();
    assert_eq!(begun.offset, 0);
    let mut sent = send(&database, &to_drivers(&["d1", "d2"], "one")).await;
    sent.extend(send(&database, &to_dispatch("d2", "two")).await);
    sent.extend(send(&database, &to_drivers(&["d2"], "three")).await);
    assert_eq!(places(&sent), [("d1", 1, 1), ("d2", 1, 2), ("d2", 2, 3), ("d2", 3, 4)]);
    assert_eq!(inbox(&database, "acme").await, sent);
    let head = database.inbox_head(&tenant("acme")).await.unwrap();
    assert_eq!((head.epoch, head.offset), (begun.epoch, 4));
    assert_eq!(database.newest_in(&tenant("acme"), &id("d1"), u64::MAX).await.unwrap(), 1);
    assert_eq!(database.newest_in(&tenant("acme"), &id("d3"), u64::MAX).await.unwrap(), 0);
    let of_d2 = database.messages_after(&tenant("acme"), head.epoch, 2, Some(&id("d2")), 1).await.unwrap();
    assert_eq!(of_d2, [sent[2].clone()]);
    assert_eq!(database.message(&tenant("acme"), &sent[3].message_id).await.unwrap().as_ref(), Some(&sent[3]));
}

pub(crate) async fn texts_come_out_as_they_went_in<B: Backend>() {
    let (_backend, database) = fresh::<B>().await;
    add_drivers(&database, &["d1"]).await;
    let odd = Outgoing {
        content: "tab\tnewline\n'; DROP TABLE message; -- \\ \u{202e}\u{1f69a}\u{fffd}\u{10ffff} $1 %s ?".repeat(30),
        name: Some("Ann \"O'Neill\" 🚚".into()),
        priority: MessagePriority::Urgent,
        requires_ack: true,
        alert_id: Some(id("a:1@x")),
        route_plan_id: Some(id("p.1")),
        ..to_drivers(&["d1"], "")
    };
    let sent = send(&database, &odd).await.remove(0);
    assert_eq!((&sent.content, &sent.sender_name), (&odd.content, &odd.name));
    assert!(sent.requires_ack && sent.priority == MessagePriority::Urgent && sent.alert_id == odd.alert_id);
    assert_eq!(inbox(&database, "acme").await, [sent]);
}

pub(crate) async fn a_resend_is_answered_with_the_stored_message<B: Backend>() {
    let (_backend, database) = fresh::<B>().await;
    add_drivers(&database, &["d1", "d2"]).await;
    let outgoing = to_drivers(&["d1", "d2"], "one");
    let sent = send(&database, &outgoing).await;
    send(&database, &to_drivers(&["d1"], "two")).await;
    let changed = Outgoing { content: "changed".into(), ..outgoing.clone() };
    let again = database.send(&[&changed], Timestamp::now()).await.unwrap().remove(0);
    assert!(matches!(again, Stored::Duplicate(messages) if messages == sent));
    // An id is one sender's.
    let of_driver = Outgoing { client_message_id: outgoing.client_message_id.clone(), ..to_dispatch("d1", "mine") };
    send(&database, &of_driver).await;
    assert_eq!(inbox(&database, "acme").await.len(), 4);
}

pub(crate) async fn an_unknown_recipient_stores_nothing<B: Backend>() {
    let (_backend, database) = fresh::<B>().await;
    add_drivers(&database, &["d1", "gone"]).await;
    database.add_user(&user("bob", Role::Dispatcher)).await.unwrap();
    database.disable_user(&tenant("acme"), &id("gone")).await.unwrap();
    for unknown in ["d2", "bob", "gone"] {
        let stored = database.send(&[&to_drivers(&["d1", unknown], "one")], Timestamp::now()).await.unwrap();
        assert!(matches!(stored[0], Stored::UnknownRecipient), "{unknown}");
    }
    assert_eq!(inbox(&database, "acme").await, []);
    assert_eq!(places(&send(&database, &to_drivers(&["d1"], "one")).await), [("d1", 1, 1)], "no number was lost");
}

pub(crate) async fn a_broadcast_reaches_every_driver<B: Backend>() {
    let (_backend, database) = fresh::<B>().await;
    let broadcast = Outgoing { to: Recipients::EveryDriver, ..to_drivers(&[], "all") };
    let stored = database.send(&[&broadcast], Timestamp::now()).await.unwrap();
    assert!(matches!(stored[0], Stored::UnknownRecipient));
    add_drivers(&database, &["d2", "d1"]).await;
    database.add_user(&user("bob", Role::Dispatcher)).await.unwrap();
    assert_eq!(places(&send(&database, &broadcast).await), [("d1", 1, 1), ("d2", 1, 2)]);
}

pub(crate) async fn history_is_read_backwards<B: Backend>() {
    let (_backend, database) = fresh::<B>().await;
    add_drivers(&database, &["d1"]).await;
    for n in 1..=5 {
        send(&database, &to_drivers(&["d1"], &n.to_string())).await;
    }
    let page = async |before: Option<u64>, limit: usize| -> Vec<u64> {
        let messages = database.history(&tenant("acme"), &id("d1"), before, limit).await.unwrap();
        messages.iter().map(|message| message.seq).collect()
    };
    assert_eq!(page(None, 2).await, [4, 5]);
    assert_eq!(page(Some(4), 2).await, [2, 3]);
    assert_eq!(page(Some(2), 2).await, [1]);
    assert!(page(Some(1), 2).await.is_empty());
}

pub(crate) async fn conversations_are_listed_newest_first<B: Backend>() {
    let (_backend, database) = fresh::<B>().await;
    add_drivers(&database, &["d1", "d2", "d3"]).await;
    let acme = tenant("acme");
    let mut at = Timestamp::now();
    for outgoing in [to_dispatch("d1", "one"), to_dispatch("d1", "two"), to_drivers(&["d2"], "three")] {
        database.send(&[&outgoing], at).await.unwrap();
        at += std::time::Duration::from_secs(1);
    }
    let listed = database.conversations(&acme, Side::Dispatch, None).await.unwrap();
    let plain: Vec<_> = listed
        .iter()
        .map(|of| (of.conversation_id.as_str(), of.unread, of.last_message.as_ref().map(|last| last.content.as_str())))
        .collect();
    assert_eq!(plain, [("d2", 0, Some("three")), ("d1", 2, Some("two")), ("d3", 0, None)]);
    let own = database.conversations(&acme, Side::Driver, Some(&id("d2"))).await.unwrap();
    assert_eq!((own.len(), own[0].unread, own[0].name.as_deref()), (1, 1, Some("d2 of acme")));
    assert_eq!(unread(&database, "d1", Side::Dispatch).await, Some((2, "two".to_owned())));
    assert_eq!(unread(&database, "d3", Side::Dispatch).await, None);
}

pub(crate) async fn tenants_are_kept_apart<B: Backend>() {
    let (_backend, database) = fresh::<B>().await;
    add_drivers(&database, &["d1"]).await;
    let sent = send(&database, &to_drivers(&["d1"], "one")).await.remove(0);
    let globex = tenant("globex");
    assert_eq!(inbox(&database, "globex").await, []);
    assert_eq!(database.message(&globex, &sent.message_id).await.unwrap(), None);
    assert!(database.history(&globex, &id("d1"), None, 10).await.unwrap().is_empty());
    assert!(database.conversations(&globex, Side::Dispatch, None).await.unwrap().is_empty());
    let foreign = Outgoing { tenant: globex, ..to_drivers(&["d1"], "one") };
    let stored = database.send(&[&foreign], Timestamp::now()).await.unwrap();
    assert!(matches!(stored[0], Stored::UnknownRecipient));
}

pub(crate) async fn a_group_is_stored_each_by_itself<B: Backend>() {
    let (_backend, database) = fresh::<B>().await;
    add_drivers(&database, &["d1"]).await;
    let one = to_drivers(&["d1"], "one");
    let group = [&one, &to_drivers(&["d9"], "unknown"), &one, &to_dispatch("d1", "two")];
    let stored = database.send(&group, Timestamp::now()).await.unwrap();
    assert!(
        matches!(&stored[..], [Stored::New(_), Stored::UnknownRecipient, Stored::Duplicate(_), Stored::New(_)]),
        "{stored:?}"
    );
    assert_eq!(places(&inbox(&database, "acme").await), [("d1", 1, 1), ("d1", 2, 2)]);
}
