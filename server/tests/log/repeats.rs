//! An event id counts once.

use sally_protocol::Event;
use sally_server::log::Appended;
use serde_json::json;

use crate::backend::Backend;
use crate::node::{event, fresh, tenant};

pub(crate) async fn a_repeat_counts_once<B: Backend>() {
    let (_backend, node) = fresh::<B>().await;
    let acme = tenant("acme");
    let mut listener = node.listen(&acme).await;
    let given = |n: u64| event(&json!({ "type": "zz_top", "eventId": "e-1", "n": n }));
    node.append(&acme, &event(&json!({ "type": "zz_top" }))).await;
    let first = node.append(&acme, &given(1)).await;
    assert_eq!((first.position.offset, first.duplicate), (2, false));
    node.append(&acme, &event(&json!({ "type": "zz_top" }))).await;
    // The id makes the repeat, whatever else the event says.
    let repeat = node.append(&acme, &given(2)).await;
    assert_eq!(repeat, Appended { duplicate: true, ..first });
    assert_eq!(node.log.position(&acme).await.unwrap().offset, 3);
    listener.next(3).await;
    assert!(listener.is_at_end().await);
}

pub(crate) async fn a_repeat_within_a_batch_counts_once<B: Backend>() {
    let (_backend, node) = fresh::<B>().await;
    let acme = tenant("acme");
    let batch = ["e-1", "e-2", "e-1", "e-1", "e-3"]
        .map(|id| (acme.clone(), event(&json!({ "type": "zz_top", "eventId": id }))))
        .to_vec();
    let appended = node.log.append(batch).await.unwrap();
    let plain: Vec<_> = appended.iter().map(|appended| (appended.position.offset, appended.duplicate)).collect();
    assert_eq!(plain, [(1, false), (2, false), (1, true), (1, true), (3, false)]);
    assert_eq!(node.log.position(&acme).await.unwrap().offset, 3);
}

pub(crate) async fn concurrent_repeats_count_once<B: Backend>() {
    let (_backend, node) = fresh::<B>().await;
    let acme = tenant("acme");
    let given = event(&json!({ "type": "zz_top", "eventId": "e-1" }));
    let appended = futures_util::future::join_all((0..8).map(|_| node.append(&acme, &given))).await;
    assert_eq!(appended.iter().filter(|appended| !appended.duplicate).count(), 1);
    assert!(appended.iter().all(|appended| appended.position.offset == 1));
    assert_eq!(node.log.position(&acme).await.unwrap().offset, 1);
}

pub(crate) async fn ids_that_were_not_given_are_never_repeats<B: Backend>() {
    let (_backend, node) = fresh::<B>().await;
    let acme = tenant("acme");
    let made = event(&json!({ "type": "zz_top" }));
    assert!(!made.id_given);
    for offset in 1..=3 {
        let appended = node.append(&acme, &made).await;
        assert_eq!((appended.position.offset, appended.duplicate), (offset, false));
    }
    let given = Event { id_given: true, ..made.clone() };
    assert!(!node.append(&acme, &given).await.duplicate);
    assert!(!node.append(&acme, &made).await.duplicate, "not even when a publisher chose the same");
    assert_eq!(node.append(&acme, &given).await.position.offset, 4);
}

pub(crate) async fn another_tenants_id_is_no_repeat<B: Backend>() {
    let (_backend, node) = fresh::<B>().await;
    for name in ["acme", "globex"] {
        let given = event(&json!({ "type": "zz_top", "tenantId": name, "eventId": "e-1" }));
        assert!(!node.append(&tenant(name), &given).await.duplicate);
    }
}

pub(crate) async fn a_repeat_changes_no_snapshot<B: Backend>() {
    let (_backend, node) = fresh::<B>().await;
    let acme = tenant("acme");
    let alert = |n: u64| event(&json!({ "type": "new_alert", "eventId": "e-1", "alert": { "id": "a1" }, "n": n }));
    let first = alert(1);
    node.append(&acme, &first).await;
    node.append(&acme, &alert(2)).await;
    assert_eq!(node.snapshot(&acme).await, [first.json]);
}
