//! Who still has to acknowledge.

use jiff::Timestamp;
use sally_protocol::Message;
use sally_server::store::Database;
use sally_server::store::messages::Outgoing;

use crate::backend::{Backend, add_drivers, fresh, id, tenant, to_dispatch, to_drivers};
use crate::messages::send;

/// Sends what must be acknowledged.
async fn ask(database: &Database, drivers: &[&str], content: &str) -> Vec<Message> {
    send(database, &Outgoing { requires_ack: true, ..to_drivers(drivers, content) }).await
}

async fn acknowledge(database: &Database, message: &Message, user: &str, second: i64) {
    let at = Timestamp::from_second(second).unwrap();
    database.acknowledge(&tenant("acme"), &message.message_id, &id(user), at).await.unwrap();
}

pub(crate) async fn who_is_missing_is_known_over_a_broadcast<B: Backend>() {
    let (_backend, database) = fresh::<B>().await;
    let acme = tenant("acme");
    add_drivers(&database, &["d1", "d2", "d3"]).await;
    let sent = ask(&database, &["d1", "d2", "d3"], "Confirm").await;
    ask(&database, &["d1"], "another").await;
    acknowledge(&database, &sent[2], "d3", 10).await;
    acknowledge(&database, &sent[0], "d1", 20).await;
    acknowledge(&database, &sent[1], "bob", 5).await;
    let overview = database.acknowledgements_of(&acme, &sent[1]).await.unwrap();
    assert_eq!(overview.required, 3);
    let by: Vec<_> = overview.acknowledged.iter().map(|by| (by.asked.user_id.as_str(), by.at.as_second())).collect();
    assert_eq!(by, [("d3", 10), ("d1", 20)]);
    assert_eq!(overview.missing.len(), 1, "a dispatcher's acknowledgement isn't the driver's");
    let missing = &overview.missing[0];
    assert_eq!((missing.user_id.as_str(), &missing.message_id), ("d2", &sent[1].message_id));
    assert_eq!(missing.name.as_deref(), Some("d2 of acme"));

    let unasked = send(&database, &to_drivers(&["d1", "d2"], "fyi")).await;
    acknowledge(&database, &unasked[0], "d1", 30).await;
    let overview = database.acknowledgements_of(&acme, &unasked[0]).await.unwrap();
    assert_eq!((overview.required, overview.acknowledged.len(), overview.missing.len()), (0, 1, 0));
}

pub(crate) async fn what_waits_is_listed_newest_first<B: Backend>() {
    let (_backend, database) = fresh::<B>().await;
    let acme = tenant("acme");
    add_drivers(&database, &["d1", "d2"]).await;
    let first = ask(&database, &["d1", "d2"], "first").await;
    let second = ask(&database, &["d1"], "second").await;
    let third = ask(&database, &["d2"], "third").await;
    send(&database, &to_drivers(&["d1"], "unasked")).await;
    send(&database, &Outgoing { requires_ack: true, ..to_dispatch("d1", "of a driver") }).await;
    acknowledge(&database, &first[1], "d2", 1).await;
    acknowledge(&database, &second[0], "d1", 1).await;
    let page = async |limit: usize| {
        let page = database.awaited_acknowledgements(&acme, limit).await.unwrap();
        let lines = page.awaited.into_iter().map(|of| (of.message, of.required, of.acknowledged));
        (lines.collect::<Vec<_>>(), page.more)
    };
    let (of_third, of_first) = ((third[0].clone(), 1, 0), (first[1].clone(), 2, 1));
    assert_eq!(page(2).await, (vec![of_third.clone(), of_first], false));
    assert_eq!(page(1).await, (vec![of_third], true));
    assert_eq!(database.awaited_acknowledgements(&tenant("globex"), 9).await.unwrap().awaited, []);
}
