//! Reading, and what a log says that no longer reaches back.

use std::time::Duration;

use sally_protocol::cursor::Epoch;
use sally_protocol::{Event, Tenant};
use sally_server::log::{Page, Position, Retention};
use serde_json::json;

use crate::backend::Backend;
use crate::node::{KEEP, Node, event, fresh, offsets, tenant, until};

fn numbered(count: u64) -> Vec<Event> {
    (1..=count).map(|n| event(&json!({ "type": "zz_top", "n": n }))).collect()
}

async fn is_too_old(node: &Node, tenant: &Tenant, after: Position) -> bool {
    matches!(node.log.read(tenant, after, 100).await.unwrap(), Page::TooOld)
}

pub(crate) async fn a_page_goes_on_right_after_the_cursor<B: Backend>() {
    let (_backend, node) = fresh::<B>().await;
    let acme = tenant("acme");
    let begun = node.log.position(&acme).await.unwrap();
    node.append_each(&acme, &numbered(12)).await;
    for offset in 0..12 {
        let page = node.page(&acme, Position { offset, ..begun }, 100).await;
        assert_eq!(offsets(&page), (offset + 1..=12).collect::<Vec<_>>());
    }
}

pub(crate) async fn a_limit_is_kept<B: Backend>() {
    let (_backend, node) = fresh::<B>().await;
    let acme = tenant("acme");
    let begun = node.log.position(&acme).await.unwrap();
    node.append_each(&acme, &numbered(12)).await;
    for limit in [1, 5, 12, 13] {
        let page = node.page(&acme, Position { offset: 2, ..begun }, limit).await;
        assert_eq!(offsets(&page), (3..=(2 + limit as u64).min(12)).collect::<Vec<_>>());
    }
}

pub(crate) async fn at_the_head_there_is_nothing<B: Backend>() {
    let (_backend, node) = fresh::<B>().await;
    let acme = tenant("acme");
    let begun = node.log.position(&acme).await.unwrap();
    assert!(node.page(&acme, begun, 10).await.is_empty());
    node.append_each(&acme, &numbered(3)).await;
    let head = node.log.position(&acme).await.unwrap();
    assert!(node.page(&acme, head, 10).await.is_empty());
}

pub(crate) async fn a_cursor_of_another_epoch_is_told<B: Backend>() {
    let (_backend, node) = fresh::<B>().await;
    let acme = tenant("acme");
    node.append_each(&acme, &numbered(3)).await;
    let head = node.log.position(&acme).await.unwrap();
    for offset in [0, 2, 3, 9] {
        let foreign = Position { epoch: Epoch(head.epoch.0 ^ 1), offset };
        assert!(matches!(node.log.read(&acme, foreign, 10).await.unwrap(), Page::EpochChanged));
    }
}

pub(crate) async fn what_is_too_much_goes<B: Backend>() {
    let backend = B::fresh().await;
    let node = backend.open(Retention { events: 5, ..KEEP }).await;
    let (acme, globex) = (tenant("acme"), tenant("globex"));
    let begun = node.log.position(&acme).await.unwrap();
    let of_globex = node.log.position(&globex).await.unwrap();
    node.append_each(&acme, &numbered(12)).await;
    node.append(&globex, &event(&json!({ "type": "zz_top", "tenantId": "globex" }))).await;
    node.log.trim().await.unwrap();
    for offset in 0..7 {
        assert!(is_too_old(&node, &acme, Position { offset, ..begun }).await, "{offset}");
    }
    for offset in 7..12 {
        let page = node.page(&acme, Position { offset, ..begun }, 100).await;
        assert_eq!(offsets(&page), (offset + 1..=12).collect::<Vec<_>>());
    }
    assert_eq!(offsets(&node.page(&globex, of_globex, 100).await), [1], "each tenant is counted apart");
}

pub(crate) async fn what_is_too_old_goes<B: Backend>() {
    let backend = B::fresh().await;
    let age = Duration::from_secs(1);
    let node = backend.open(Retention { age, ..KEEP }).await;
    let acme = tenant("acme");
    let begun = node.log.position(&acme).await.unwrap();
    node.append_each(&acme, &numbered(3)).await;
    node.log.trim().await.unwrap();
    assert_eq!(offsets(&node.page(&acme, begun, 100).await), [1, 2, 3], "what is young stays");
    until("the three events are too old", async || {
        node.log.trim().await.unwrap();
        is_too_old(&node, &acme, begun).await
    })
    .await;
    let newest = node.append(&acme, &event(&json!({ "type": "zz_top" }))).await.position;
    node.log.trim().await.unwrap();
    assert_eq!(offsets(&node.page(&acme, Position { offset: 3, ..begun }, 100).await), [newest.offset]);
}

pub(crate) async fn an_emptied_log_goes_on_counting<B: Backend>() {
    let backend = B::fresh().await;
    let node = backend.open(Retention { age: Duration::from_millis(50), ..KEEP }).await;
    let acme = tenant("acme");
    let begun = node.log.position(&acme).await.unwrap();
    node.append_each(&acme, &numbered(3)).await;
    let head = Position { offset: 3, ..begun };
    until("the log is empty", async || {
        node.log.trim().await.unwrap();
        is_too_old(&node, &acme, Position { offset: 2, ..begun }).await
    })
    .await;
    assert_eq!(node.log.position(&acme).await.unwrap(), head);
    assert!(node.page(&acme, head, 10).await.is_empty());
    node.stop().await;
    let node = backend.open(KEEP).await;
    assert_eq!(node.log.position(&acme).await.unwrap(), head);
    let next = node.append(&acme, &event(&json!({ "type": "zz_top" }))).await;
    assert_eq!(next.position, Position { offset: 4, ..head });
    assert_eq!(offsets(&node.page(&acme, head, 10).await), [4]);
}
