//! Alerts at several nodes.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use sally_protocol::{Id, Role, Tenant};
use sally_server::store::snoozes::Snooze;
use serde_json::{Value, json};

use super::nodes::Pair;
use super::process::{Redis, ready_server};
use crate::support::until;

/// So many that both nodes are at it at the same time.
const ALERTS: usize = 60;

#[tokio::test]
async fn a_snoozed_alert_comes_back_once_however_many_nodes_see_to_it() {
    let redis = Redis::start();
    let pair = Pair::start(&redis.url()).await;
    let wakes_at = Timestamp::from_millisecond(Timestamp::now().as_millisecond() + 2_500).unwrap();
    let asleep = |n| json!({ "id": format!("a{n}"), "status": "snoozed", "snoozedUntil": wakes_at });
    let events: Vec<Value> = (0..ALERTS).map(|n| json!({ "type": "new_alert", "alert": asleep(n) })).collect();
    pair.one.publish("acme", json!(events)).await;
    for n in 0..ALERTS {
        let (tenant, alert) = (Tenant::parse("acme").unwrap(), Id::parse(&format!("a{n}")).unwrap());
        pair.one.running().app().database.snooze(&Snooze { tenant, alert, wakes_at }).await.unwrap();
    }
    let token = pair.two.token("acme", "ann", Role::Dispatcher);
    let mut frames = pair.two.stream("", &token).await;
    frames.next_of("ready").await;
    let mut back = BTreeSet::new();
    for _ in 0..ALERTS {
        let frame = frames.next().await;
        let alert = &frame.data["alert"];
        assert_eq!((frame.event.as_str(), &alert["status"]), ("alert_updated", &json!("active")));
        assert!(back.insert(alert["id"].as_str().unwrap().to_owned()), "{alert} came back twice");
    }
    pair.one.publish("acme", json!([{ "type": "zz_top" }])).await;
    assert_eq!(frames.next().await.event, "zz_top", "nothing came back twice");
}

#[tokio::test]
async fn of_two_who_acknowledge_at_two_nodes_one_is_told() {
    let redis = Redis::start();
    let pair = Pair::start(&redis.url()).await;
    let (ann, bob) = (pair.one.token("acme", "ann", Role::Dispatcher), pair.two.token("acme", "bob", Role::Dispatcher));
    let events: Vec<Value> = (0..ALERTS)
        .map(|n| json!({ "type": "new_alert", "alert": { "id": format!("a{n}"), "status": "active" } }))
        .collect();
    pair.one.publish("acme", json!(events)).await;
    for n in 0..ALERTS {
        let (path, body) = (format!("/api/alerts/a{n}/acknowledge"), json!({}));
        let (first, second) = tokio::join!(pair.one.post(&path, &ann, &body), pair.two.post(&path, &bob, &body));
        let mut statuses = [first.status().as_u16(), second.status().as_u16()];
        let by = if statuses[0] == 200 { "ann of acme" } else { "bob of acme" };
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 409], "a{n}");
        let told: Value = pair.two.get(&format!("/api/alerts/a{n}"), &bob).await.json().await.unwrap();
        assert_eq!(told["alert"]["acknowledgedBy"], by, "a{n}");
    }
}

#[tokio::test]
async fn of_many_alerts_the_log_is_asked_once_while_it_does_not_answer() {
    let redis = Redis::start();
    let server = ready_server(&redis.url()).await;
    server.publish("acme", json!([{ "type": "new_alert", "alert": { "id": "a1", "status": "active" } }])).await;
    let token = server.token("acme", "ann", Role::Dispatcher);
    let body = json!({ "ids": vec!["a1"; 100], "action": "note", "note": "on it" });
    redis.signal("-STOP");
    // One waits for five seconds; a hundred would for minutes.
    let act = server.post("/api/alerts/bulk", &token, &body);
    let answer = tokio::time::timeout(Duration::from_secs(60), act).await.expect("an answer in time");
    assert_eq!(answer.status(), 200);
    let told: Value = answer.json().await.unwrap();
    let results = told["results"].as_array().unwrap();
    assert_eq!(results.len(), 100);
    for result in results {
        let error = &result["error"];
        assert_eq!((&error["status"], &error["code"]), (&json!(503), &json!("unavailable")), "{result}");
    }
    redis.signal("-CONT");
    until("the log answers again", async || {
        let body = json!({ "ids": ["a1"], "action": "note", "note": "again" });
        let told: Value = server.post("/api/alerts/bulk", &token, &body).await.json().await.unwrap();
        told["results"][0]["alert"]["note"] == "again"
    })
    .await;
}
