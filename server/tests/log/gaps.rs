//! Places where events may be missing.

use std::collections::BTreeSet;

use sally_server::log::{Content, Position};
use serde_json::json;

use crate::backend::Backend;
use crate::node::{event, fresh, offsets, plain, tenant};

pub(crate) async fn a_gap_takes_an_offset_in_every_log<B: Backend>() {
    let (_backend, node) = fresh::<B>().await;
    let (acme, globex) = (tenant("acme"), tenant("globex"));
    let begun = node.log.position(&acme).await.unwrap();
    let of_globex = node.log.position(&globex).await.unwrap();
    let mut listener = node.listen(&acme).await;
    node.append(&acme, &event(&json!({ "type": "zz_top" }))).await;
    let all = node.log.tenants().await.unwrap();
    assert_eq!(all.iter().collect::<BTreeSet<_>>(), BTreeSet::from([&acme, &globex]));
    for tenant in all {
        node.log.mark_gap(&tenant).await.unwrap();
    }
    let after = node.append(&acme, &event(&json!({ "type": "zz_top" }))).await;
    assert_eq!(after.position, Position { offset: 3, ..begun }, "a gap changes no epoch");
    let entries = node.read_all(&acme, begun).await;
    assert_eq!(offsets(&entries), [1, 2, 3]);
    let gaps: Vec<bool> = entries.iter().map(|entry| matches!(entry.content, Content::Gap)).collect();
    assert_eq!(gaps, [false, true, false]);
    assert_eq!(plain(&listener.next(3).await), plain(&entries));
    // A log that nothing was ever appended to may have missed events as well.
    assert_eq!(plain(&node.read_all(&globex, of_globex).await), [(1, Vec::new(), String::new())]);
}

pub(crate) async fn a_gap_begins_no_log<B: Backend>() {
    let (_backend, node) = fresh::<B>().await;
    let acme = tenant("acme");
    node.log.mark_gap(&acme).await.unwrap();
    assert!(node.log.tenants().await.unwrap().is_empty());
    assert_eq!(node.log.position(&acme).await.unwrap().offset, 0);
}

pub(crate) async fn a_gap_is_in_no_snapshot<B: Backend>() {
    let (_backend, node) = fresh::<B>().await;
    let acme = tenant("acme");
    let alert = event(&json!({ "type": "new_alert", "alert": { "id": "a1" } }));
    node.append(&acme, &alert).await;
    node.log.mark_gap(&acme).await.unwrap();
    let snapshot = node.log.compacted(&acme).await.unwrap();
    assert_eq!(snapshot.position.offset, 2, "who has the snapshot is past the gap");
    assert_eq!(snapshot.events.into_iter().map(|event| event.json).collect::<Vec<_>>(), [alert.json]);
}
