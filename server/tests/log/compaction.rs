//! The newest event of each slot, and how long it stays.

use sally_protocol::Event;
use serde_json::{Value, json};

use crate::backend::Backend;
use crate::node::{event, fresh, tenant};

/// Appends `events` to an empty log and expects the snapshot to be those of them at `kept`.
async fn leaves<B: Backend>(events: impl IntoIterator<Item = Value>, kept: &[usize]) {
    let (_backend, node) = fresh::<B>().await;
    let acme = tenant("acme");
    let events: Vec<Event> = events.into_iter().map(|fields| event(&fields)).collect();
    node.append_each(&acme, &events).await;
    let expected: Vec<&str> = kept.iter().map(|place| events[*place].json.as_str()).collect();
    assert_eq!(node.snapshot(&acme).await, expected);
    // One batch makes the same of them.
    let (_backend, node) = fresh::<B>().await;
    node.log.append(events.iter().map(|event| (acme.clone(), event.clone())).collect()).await.unwrap();
    assert_eq!(node.snapshot(&acme).await, expected, "in one batch");
}

fn alert(kind: &str, id: &str, status: &str) -> Value {
    json!({ "type": kind, "alert": { "id": id, "status": status } })
}

fn plan(id: &str, status: &str) -> Value {
    json!({ "type": "route_status", "planId": id, "status": status })
}

fn eta(plan: &str, stop: &str) -> Value {
    json!({ "type": "eta_update", "planId": plan, "stopId": stop })
}

fn waiting(audience: Option<&str>, unread: u64) -> Value {
    json!({ "type": "message_waiting", "conversationId": "d1", "audience": audience, "unread": unread })
}

pub(crate) async fn the_newest_event_of_each_slot_stays_in_log_order<B: Backend>() {
    let events = [
        alert("new_alert", "a1", "active"),
        alert("new_alert", "a2", "active"),
        alert("alert_updated", "a1", "acknowledged"),
        eta("p1", "s1"),
        alert("new_alert", "a1", "active"),
        eta("p1", "s2"),
        json!({ "type": "sync_progress", "integrationId": "i1" }),
        alert("alert_updated", "a1", "snoozed"),
        json!({ "type": "sync_progress", "integrationId": "i2" }),
        eta("p1", "s1"),
        json!({ "type": "eta_update", "planId": "p1" }),
        plan("p1", "active"),
        json!({ "type": "sync_progress", "integrationId": "i1" }),
    ];
    leaves::<B>(events, &[1, 4, 5, 7, 8, 9, 10, 11, 12]).await;
}

pub(crate) async fn types_without_an_entity_are_not_kept<B: Backend>() {
    let events = [
        json!({ "type": "zz_top", "planId": "p1" }),
        json!({ "type": "new_alert" }),
        alert("new_alert", "a1", "active"),
    ];
    leaves::<B>(events, &[2]).await;
}

pub(crate) async fn the_snapshot_outlives_the_events<B: Backend>() {
    let backend = B::fresh().await;
    let node = backend.open(sally_server::log::Retention { events: 1, ..crate::node::KEEP }).await;
    let acme = tenant("acme");
    let events: Vec<Event> = ["a1", "a2", "a3"].map(|id| event(&alert("new_alert", id, "active"))).into();
    node.append_each(&acme, &events).await;
    node.log.trim().await.unwrap();
    let kept: Vec<&str> = events.iter().map(|event| event.json.as_str()).collect();
    assert_eq!(node.snapshot(&acme).await, kept);
    assert_eq!(node.log.entity(&acme, "alert:a1").await.unwrap().len(), 1);
}

pub(crate) async fn what_has_ended_stays_for_a_while<B: Backend>() {
    let events = [
        alert("new_alert", "a1", "active"),
        alert("alert_resolved", "a1", "RESOLVED"),
        plan("p1", "completed"),
        // Reopened.
        alert("alert_updated", "a1", "active"),
    ];
    leaves::<B>(events, &[0, 1, 2, 3]).await;
}

pub(crate) async fn an_eta_after_its_plan_has_ended_is_kept_with_it<B: Backend>() {
    let events = [plan("p1", "active"), eta("p1", "s1"), plan("p1", "cancelled"), eta("p1", "s1"), eta("p1", "s2")];
    leaves::<B>(events, &[2, 3, 4]).await;
}

pub(crate) async fn a_read_conversation_leaves_at_once<B: Backend>() {
    leaves::<B>([waiting(Some("dispatch"), 1), waiting(Some("dispatch"), 2)], &[1]).await;
    leaves::<B>([waiting(Some("dispatch"), 1), waiting(Some("dispatch"), 0)], &[]).await;
    leaves::<B>([waiting(Some("driver"), 1), waiting(Some("dispatch"), 0)], &[0]).await;
    leaves::<B>([waiting(Some("driver"), 0)], &[]).await;
    leaves::<B>([waiting(None, 0)], &[]).await;
    leaves::<B>([waiting(None, 3), waiting(None, 0)], &[]).await;
    leaves::<B>([waiting(Some("driver"), 1), waiting(Some("dispatch"), 1), waiting(None, 0)], &[]).await;
}

pub(crate) async fn a_notice_for_both_sides_is_kept_once<B: Backend>() {
    leaves::<B>([waiting(None, 1)], &[0]).await;
    leaves::<B>([waiting(None, 1), waiting(None, 2)], &[1]).await;
    leaves::<B>([waiting(None, 1), waiting(Some("driver"), 2)], &[0, 1]).await;
    leaves::<B>([waiting(Some("dispatch"), 1), waiting(Some("driver"), 1), waiting(None, 2)], &[2]).await;
}

pub(crate) async fn a_side_that_has_read_does_not_see_the_notice_again<B: Backend>() {
    // The driver's notice is the first event, which says 1 to the dispatch team as well: only the
    // second one takes that back.
    leaves::<B>([waiting(None, 1), waiting(Some("dispatch"), 0)], &[0, 1]).await;
    leaves::<B>([waiting(None, 1), waiting(Some("driver"), 0)], &[0, 1]).await;
    // Once both have read, or the notice has been replaced, there is nothing to take back.
    leaves::<B>([waiting(None, 1), waiting(Some("dispatch"), 0), waiting(Some("driver"), 0)], &[]).await;
    leaves::<B>([waiting(None, 1), waiting(Some("dispatch"), 0), waiting(None, 0)], &[]).await;
    leaves::<B>([waiting(None, 1), waiting(Some("dispatch"), 0), waiting(Some("driver"), 2)], &[2]).await;
    leaves::<B>([waiting(None, 1), waiting(Some("dispatch"), 0), waiting(Some("dispatch"), 2)], &[0, 2]).await;
}

pub(crate) async fn an_entity_is_found_by_its_name<B: Backend>() {
    let (_backend, node) = fresh::<B>().await;
    let acme = tenant("acme");
    let events: Vec<Event> = [
        alert("new_alert", "a1", "active"),
        alert("new_alert", "a2", "active"),
        alert("alert_resolved", "a1", "resolved"),
        alert("alert_updated", "a1", "active"),
        alert("alert_resolved", "a1", "resolved"),
        waiting(None, 1),
    ]
    .iter()
    .map(event)
    .collect();
    node.append_each(&acme, &events).await;
    let entity = async |name: &str| -> Vec<String> {
        node.log.entity(&acme, name).await.unwrap().into_iter().map(|event| event.json).collect()
    };
    assert_eq!(entity("alert:a1").await, [0, 3, 4].map(|place| events[place].json.clone()));
    assert_eq!(entity("alert:a2").await, [events[1].json.clone()]);
    assert_eq!(entity("conversation:d1/driver").await, [events[5].json.clone()]);
    for unknown in ["alert:a3", "alert:", "", "plan:a1"] {
        assert!(entity(unknown).await.is_empty(), "{unknown}");
    }
    assert!(node.log.entity(&tenant("globex"), "alert:a1").await.unwrap().is_empty());
}
