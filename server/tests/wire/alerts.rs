//! `POST /api/alerts/{id}/{action}`.

use std::time::Duration;

use sally_protocol::Role;
use serde_json::{Value, json};

use crate::support::{Server, problem};

async fn raise(server: &Server) {
    let alert = json!({ "id": "a1", "driverId": "d1", "status": "active", "priority": "high", "escalationLevel": 2 });
    server.publish("acme", json!([{ "type": "new_alert", "alert": alert }])).await;
}

#[tokio::test]
async fn an_alert_is_taken_up_ended_and_reopened() {
    let server = Server::start().await;
    let token = server.token("acme", "ann", Role::Dispatcher);
    raise(&server).await;
    let mut frames = server.stream("", &token).await;
    frames.next_of("ready").await;
    let act = async |action: &str, body: Value| server.post(&format!("/api/alerts/a1/{action}"), &token, &body).await;

    assert_eq!(act("acknowledge", json!({})).await.status(), 200);
    let updated = frames.next().await;
    let alert = &updated.data["alert"];
    assert_eq!(
        (
            updated.event.as_str(),
            &alert["status"],
            &alert["acknowledgedBy"],
            &alert["escalationLevel"],
            &alert["driverId"]
        ),
        ("alert_updated", &json!("acknowledged"), &json!("ann of acme"), &json!(2), &json!("d1"))
    );
    let refused = act("acknowledge", json!({})).await;
    assert_eq!(problem(refused, 409).await, "wrong_state");
    assert_eq!(act("note", json!({ "note": "called him" })).await.status(), 200);
    let noted = frames.next().await.data;
    assert_eq!((&noted["alert"]["note"], &noted["alert"]["status"]), (&json!("called him"), &json!("acknowledged")));
    assert_eq!(act("resolve", json!({ "resolution": "swapped drivers" })).await.status(), 200);
    let resolved = frames.next().await;
    assert_eq!(
        (resolved.event.as_str(), &resolved.data["alert"]["resolution"]),
        ("alert_resolved", &json!("swapped drivers"))
    );
    assert_eq!(problem(act("resolve", json!({})).await, 409).await, "wrong_state");
    assert_eq!(act("reopen", json!({})).await.status(), 200);
    assert_eq!(frames.next().await.data["alert"]["status"], "active");
}

#[tokio::test]
async fn who_may_act_and_on_what() {
    let server = Server::start().await;
    raise(&server).await;
    let act =
        async |token: &str, action: &str| server.post(&format!("/api/alerts/a1/{action}"), token, &json!({})).await;
    let foreign = server.token("globex", "eve", Role::Dispatcher);
    assert_eq!(problem(act(&foreign, "acknowledge").await, 404).await, "not_found");
    let other = server.token("acme", "d2", Role::Driver);
    assert_eq!(problem(act(&other, "acknowledge").await, 404).await, "not_found");
    assert_eq!(problem(act(&server.token("acme", "svc", Role::Service), "resolve").await, 403).await, "forbidden");
    let own = server.token_for("acme", "u1", Role::Driver, Some("d1"), Duration::from_secs(600));
    assert_eq!(problem(act(&own, "resolve").await, 403).await, "forbidden");
    assert_eq!(act(&own, "acknowledge").await.status(), 200);
    let dispatcher = server.token("acme", "ann", Role::Dispatcher);
    assert_eq!(problem(act(&dispatcher, "explode").await, 404).await, "not_found");
    assert_eq!(problem(act(&dispatcher, "note").await, 422).await, "note_required");
}

#[tokio::test]
async fn of_two_who_acknowledge_at_once_one_is_told() {
    let server = Server::start().await;
    raise(&server).await;
    let (ann, bob) = (server.token("acme", "ann", Role::Dispatcher), server.token("acme", "bob", Role::Dispatcher));
    let body = json!({});
    let (first, second) = tokio::join!(
        server.post("/api/alerts/a1/acknowledge", &ann, &body),
        server.post("/api/alerts/a1/acknowledge", &bob, &body)
    );
    let mut statuses = [first.status().as_u16(), second.status().as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409]);
}
