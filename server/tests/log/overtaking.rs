//! An event that was made of an entity's state is appended only while that is its state.

use futures_util::future::join_all;
use sally_protocol::Event;
use serde_json::json;

use crate::backend::Backend;
use crate::node::{event, fresh, tenant};

/// A change of alert `a1`.
fn change(note: u64) -> Event {
    event(&json!({ "type": "alert_updated", "alert": { "id": "a1", "note": note } }))
}

pub(crate) async fn an_event_is_appended_where_its_entity_stands<B: Backend>() {
    let (_backend, node) = fresh::<B>().await;
    let acme = tenant("acme");
    let raised = node.append(&acme, &event(&json!({ "type": "new_alert", "alert": { "id": "a1" } }))).await;
    // What happens to others changes nothing.
    node.append(&acme, &event(&json!({ "type": "new_alert", "alert": { "id": "a2" } }))).await;
    let mut listener = node.listen(&acme).await;
    let first = node.log.append_after(&acme, change(1), raised.position.offset).await.unwrap().unwrap();
    assert_eq!((first.position.offset, first.duplicate), (3, false));
    let kept = node.log.entity(&acme, "alert:a1").await.unwrap();
    assert_eq!(kept.iter().map(|kept| kept.offset).collect::<Vec<_>>(), [1, 3]);

    for elsewhere in [0, 1, 2, 4] {
        assert_eq!(node.log.append_after(&acme, change(2), elsewhere).await.unwrap(), None, "{elsewhere}");
    }
    assert_eq!(node.log.position(&acme).await.unwrap(), first.position);
    let second = node.log.append_after(&acme, change(2), 3).await.unwrap().unwrap();
    assert_eq!(second.position.offset, 4);
    let heard = listener.next(2).await;
    assert_eq!(heard.iter().map(|entry| entry.offset).collect::<Vec<_>>(), [3, 4]);
    assert!(listener.is_at_end().await);
}

pub(crate) async fn of_events_made_of_one_state_one_is_appended<B: Backend>() {
    const WRITERS: u64 = 8;
    let (_backend, node) = fresh::<B>().await;
    let acme = tenant("acme");
    let mut stands_at = node.append(&acme, &event(&json!({ "type": "new_alert", "alert": { "id": "a1" } }))).await;
    for round in 0..10 {
        let newest = stands_at.position.offset;
        let changes = (0..WRITERS).map(|writer| node.log.append_after(&acme, change(writer), newest));
        // Its publisher's events have no condition.
        let (changes, published) = tokio::join!(join_all(changes), async {
            match round % 2 == 0 {
                true => Some(node.append(&acme, &change(WRITERS)).await),
                false => None,
            }
        });
        let appended: Vec<_> = changes.into_iter().filter_map(Result::unwrap).collect();
        // Where the publisher came first, all were too late.
        let is_too_late = published.as_ref().is_some_and(|published| published.position.offset == newest + 1);
        assert_eq!(appended.len(), usize::from(!is_too_late), "round {round}");
        stands_at = appended.into_iter().chain(published).max_by_key(|appended| appended.position.offset).unwrap();
    }
    assert_eq!(node.log.position(&acme).await.unwrap(), stands_at.position);
}

pub(crate) async fn a_repeat_is_known_wherever_its_entity_stands<B: Backend>() {
    let (_backend, node) = fresh::<B>().await;
    let acme = tenant("acme");
    node.append(&acme, &event(&json!({ "type": "new_alert", "alert": { "id": "a1" } }))).await;
    let named = event(&json!({ "type": "alert_updated", "eventId": "e-1", "alert": { "id": "a1" } }));
    let first = node.log.append_after(&acme, named.clone(), 1).await.unwrap().unwrap();
    let again = node.log.append_after(&acme, named, 1).await.unwrap().unwrap();
    assert_eq!((again.position, first.duplicate, again.duplicate), (first.position, false, true));
}

pub(crate) async fn an_entity_that_is_gone_stands_nowhere<B: Backend>() {
    let (_backend, node) = fresh::<B>().await;
    let acme = tenant("acme");
    let notice = |unread: u64| {
        event(&json!({
            "type": "message_waiting", "conversationId": "c1", "audience": "driver", "unread": unread
        }))
    };
    let begun = node.log.append_after(&acme, notice(1), 0).await.unwrap().unwrap();
    assert_eq!(begun.position.offset, 1, "an entity that there isn't stands at nothing");
    node.append(&acme, &notice(0)).await;
    assert_eq!(node.log.append_after(&acme, notice(2), 1).await.unwrap(), None);
    assert_eq!(node.log.append_after(&acme, notice(2), 0).await.unwrap().unwrap().position.offset, 3);
}
