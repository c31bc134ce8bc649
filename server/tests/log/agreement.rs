//! The two backends keep the same log, the same repeats and the same compacted view, whatever comes
//! in which order: one keeps it in SQL, the other in Lua, and neither may have its own opinion. Nor may it matter
//! whether events come one by one or many at once.

use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use sally_protocol::{Event, Tenant};
use sally_server::log::Appended;
use serde_json::{Value, json};

use crate::backend::redis::Redis;
use crate::backend::sqlite::Sqlite;
use crate::node::{Node, event, fresh, tenant};

/// One of the events that touch each other.
fn fields() -> impl Strategy<Value = Value> {
    let alert = ("new_alert|alert_updated|alert_resolved", "a[12]", "active|resolved|")
        .prop_map(|(kind, id, status)| json!({ "type": kind, "alert": { "id": id, "status": status } }));
    let plan =
        "active|completed".prop_map(|status| json!({ "type": "route_status", "planId": "p1", "status": status }));
    let eta = "s[12]|".prop_map(|stop| json!({ "type": "eta_update", "planId": "p1", "stopId": stop }));
    let notice = ("c[12]", "dispatch|driver|", 0..2).prop_map(|(conversation, audience, unread)| {
        let audience = if audience.is_empty() { Value::Null } else { audience.into() };
        json!({ "type": "message_waiting", "conversationId": conversation, "audience": audience, "unread": unread })
    });
    let other = "sync_progress|zz_top".prop_map(|kind| json!({ "type": kind, "integrationId": "i1" }));
    let event = prop_oneof![3 => alert, 2 => plan, 3 => eta, 6 => notice, 1 => other];
    (event, prop::option::weighted(0.2, "e[1-4]")).prop_map(|(mut event, id)| {
        event["eventId"] = id.map_or(Value::Null, Value::from);
        event
    })
}

/// What a log says after each event.
async fn story(node: &Node, tenant: &Tenant, events: &[Event]) -> Vec<String> {
    let mut story = Vec::new();
    for event in events {
        let appended = node.append(tenant, event).await;
        story.push(tell(node, tenant, &appended).await);
    }
    story
}

async fn tell(node: &Node, tenant: &Tenant, appended: &Appended) -> String {
    let entities = ["alert:a1", "plan:p1", "conversation:c1/driver", "conversation:c1/dispatch"];
    let mut views = vec![node.snapshot(tenant).await];
    for entity in entities {
        let of_entity = node.log.entity(tenant, entity).await.unwrap();
        views.push(of_entity.into_iter().map(|event| event.json).collect());
    }
    format!("{} {} {views:#?}", appended.position.offset, appended.duplicate)
}

/// What a log says at the end when events come in two lots, the second from `cut` on.
async fn end_of_lots(node: &Node, tenant: &Tenant, events: &[Event], cut: usize) -> Option<String> {
    let mut last = None;
    let (first, second) = events.split_at(cut.min(events.len()));
    for lot in [first, second].into_iter().filter(|lot| !lot.is_empty()) {
        let lot = lot.iter().map(|event| (tenant.clone(), event.clone())).collect();
        last = node.log.append(lot).await.unwrap().pop();
    }
    match last {
        Some(appended) => Some(tell(node, tenant, &appended).await),
        None => None,
    }
}

#[test]
fn sql_and_lua_tell_one_story() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let ((_file, sql), (_server, lua)) = runtime.block_on(async { (fresh::<Sqlite>().await, fresh::<Redis>().await) });
    let (_other_file, lots) = runtime.block_on(fresh::<Sqlite>());
    let cases = AtomicUsize::new(0);
    let mut runner = TestRunner::new(Config { cases: 150, failure_persistence: None, ..Config::default() });
    let held = runner.run(&(prop::collection::vec(fields(), 1..20), 0..20usize), |(fields, cut)| {
        // Each case in a log of its own.
        let tenant = tenant(&format!("case-{}", cases.fetch_add(1, Ordering::Relaxed)));
        let named = |mut fields: Value| {
            fields["tenantId"] = tenant.as_str().into();
            event(&fields)
        };
        let events: Vec<_> = fields.into_iter().map(named).collect();
        let (of_sql, of_lua) =
            runtime.block_on(async { (story(&sql, &tenant, &events).await, story(&lua, &tenant, &events).await) });
        for (step, (of_sql, of_lua)) in of_sql.iter().zip(&of_lua).enumerate() {
            if of_sql != of_lua {
                return Err(TestCaseError::fail(format!("after event {step}: in SQL {of_sql}\nin Lua {of_lua}")));
            }
        }
        let of_lots = runtime.block_on(end_of_lots(&lots, &tenant, &events, cut));
        if of_lots.as_ref() != of_sql.last() {
            return Err(TestCaseError::fail(format!("in lots {of_lots:?}\none by one {:?}", of_sql.last())));
        }
        Ok(())
    });
    held.unwrap_or_else(|failure| panic!("{failure}"));
}
