//! What a new process finds.

use sally_server::log::{Appended, Position};
use serde_json::json;

use crate::backend::Backend;
use crate::node::{KEEP, event, fresh, plain, tenant};

pub(crate) async fn a_restart_changes_nothing<B: Backend>() {
    let (backend, node) = fresh::<B>().await;
    let acme = tenant("acme");
    let begun = node.log.position(&acme).await.unwrap();
    let events = [
        event(&json!({ "type": "new_alert", "alert": { "id": "a1", "driverId": "d1" } })),
        event(&json!({ "type": "zz_top" })),
        event(&json!({ "type": "alert_updated", "alert": { "id": "a1", "status": "acknowledged" } })),
    ];
    node.append_each(&acme, &events).await;
    node.log.mark_gap(&acme).await.unwrap();
    let head = node.log.position(&acme).await.unwrap();
    let (entries, snapshot) = (plain(&node.read_all(&acme, begun).await), node.snapshot(&acme).await);
    node.stop().await;

    let node = backend.open(KEEP).await;
    assert_eq!(node.log.position(&acme).await.unwrap(), head);
    assert_eq!(plain(&node.read_all(&acme, begun).await), entries);
    assert_eq!(node.snapshot(&acme).await, snapshot);
    let mut listener = node.listen(&acme).await;
    let next = node.append(&acme, &event(&json!({ "type": "zz_top" }))).await;
    assert_eq!(next.position, Position { offset: head.offset + 1, ..head });
    assert_eq!(plain(&listener.next(1).await), plain(&node.page(&acme, head, 10).await));
}

pub(crate) async fn a_repeat_counts_once_across_a_restart<B: Backend>() {
    let (backend, node) = fresh::<B>().await;
    let acme = tenant("acme");
    let given = event(&json!({ "type": "zz_top", "eventId": "e-1" }));
    let first = node.append(&acme, &given).await;
    node.stop().await;
    let node = backend.open(KEEP).await;
    assert_eq!(node.append(&acme, &given).await, Appended { duplicate: true, ..first.clone() });
    assert_eq!(node.log.position(&acme).await.unwrap(), first.position);
}
