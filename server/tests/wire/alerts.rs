//! What is done with alerts, and what is told of one.

use std::time::Duration;

use jiff::Timestamp;
use sally_protocol::{Id, Role, Tenant};
use sally_server::store::snoozes::Snooze;
use serde_json::{Value, json};

use crate::support::{Server, problem, until};

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

#[tokio::test]
async fn what_its_publisher_ends_is_not_taken_up_at_the_same_moment() {
    const ALERTS: usize = 40;
    let server = Server::start().await;
    let token = server.token("acme", "ann", Role::Dispatcher);
    for n in 0..ALERTS {
        let id = format!("a{n}");
        server.publish("acme", json!([{ "type": "new_alert", "alert": { "id": id, "status": "active" } }])).await;
        let (path, body) = (format!("/api/alerts/{id}/acknowledge"), json!({}));
        let ended = json!([{ "type": "alert_resolved", "alert": { "id": id, "status": "resolved" } }]);
        let acknowledge = server.post(&path, &token, &body);
        let (acknowledged, _) = tokio::join!(acknowledge, server.publish("acme", ended));
        let status = acknowledged.status();
        // Before it or after it.
        assert!(status == 200 || problem(acknowledged, 409).await == "wrong_state");
        let told: Value = server.get(&format!("/api/alerts/{id}"), &token).await.json().await.unwrap();
        assert_eq!(told["alert"]["status"], "resolved", "{id}, answered {status}: {told}");
    }
}

#[tokio::test]
async fn an_alert_is_snoozed_for_a_while() {
    let server = Server::start().await;
    raise(&server).await;
    let token = server.token("acme", "ann", Role::Dispatcher);
    let act = async |action: &str, body: Value| server.post(&format!("/api/alerts/a1/{action}"), &token, &body).await;
    assert_eq!(problem(act("snooze", json!({})).await, 422).await, "minutes_required");
    for minutes in [-5, 4, 481] {
        assert_eq!(problem(act("snooze", json!({ "minutes": minutes })).await, 422).await, "invalid_minutes");
    }
    assert_eq!(problem(act("snooze", json!({ "minutes": "soon" })).await, 400).await, "invalid_json");

    assert_eq!(act("acknowledge", json!({})).await.status(), 200);
    let before = Timestamp::now();
    let snoozed: Value = act("snooze", json!({ "minutes": 5 })).await.json().await.unwrap();
    assert_eq!((&snoozed["status"], &snoozed["acknowledgedBy"]), (&json!("snoozed"), &json!("ann of acme")));
    let until: Timestamp = snoozed["snoozedUntil"].as_str().unwrap().parse().unwrap();
    let minutes = until.duration_since(before).as_secs_f64() / 60.0;
    assert!((4.9..5.1).contains(&minutes), "{minutes}");
    let refused: Value = act("snooze", json!({ "minutes": 5 })).await.json().await.unwrap();
    assert_eq!(
        (&refused["status"], &refused["code"], &refused["state"]),
        (&json!(409), &json!("wrong_state"), &json!("snoozed"))
    );
    let noted = server.running().app().database.due_snoozes(until, 10).await.unwrap();
    assert_eq!(noted.len(), 1);
    assert_eq!(noted[0].wakes_at, until);
    assert_eq!(act("resolve", json!({})).await.status(), 200);
}

#[tokio::test]
async fn a_snoozed_alert_comes_back_once_and_only_while_it_is_snoozed() {
    let server = Server::start().await;
    let database = &server.running().app().database;
    let wakes_at = Timestamp::from_millisecond(Timestamp::now().as_millisecond() + 1_500).unwrap();
    let snooze = async |alert: &str| {
        let (tenant, alert) = (Tenant::parse("acme").unwrap(), Id::parse(alert).unwrap());
        database.snooze(&Snooze { tenant, alert, wakes_at }).await.unwrap();
    };
    for alert in ["a1", "a2", "a3"] {
        let raised = json!({ "id": alert, "driverId": "d1", "status": "active", "escalationLevel": 2 });
        let asleep = json!({ "id": alert, "driverId": "d1", "status": "snoozed", "snoozedUntil": wakes_at, "note": "later",
            "escalationLevel": 2 });
        server
            .publish(
                "acme",
                json!([{ "type": "new_alert", "alert": raised }, { "type": "alert_updated", "alert": asleep }]),
            )
            .await;
        snooze(alert).await;
    }
    // Somebody deals with one before its time, and has another sleep longer.
    let token = server.token("acme", "ann", Role::Dispatcher);
    assert_eq!(server.post("/api/alerts/a2/resolve", &token, &json!({})).await.status(), 200);
    let longer = json!({ "id": "a3", "status": "snoozed", "snoozedUntil": wakes_at.checked_add(Duration::from_secs(600)).unwrap() });
    server.publish("acme", json!([{ "type": "alert_updated", "alert": longer }])).await;
    let mut frames = server.stream("", &token).await;
    frames.next_of("ready").await;

    let back = frames.next().await;
    assert!(Timestamp::now() >= wakes_at, "it came back too early");
    let alert = &back.data["alert"];
    assert_eq!(
        (back.event.as_str(), &alert["id"], &alert["status"]),
        ("alert_updated", &json!("a1"), &json!("active"))
    );
    assert_eq!(
        (&alert["note"], &alert["escalationLevel"], &alert["driverId"]),
        (&json!("later"), &json!(2), &json!("d1"))
    );
    assert_eq!(alert.get("snoozedUntil"), None);
    let forgotten = async || database.due_snoozes(Timestamp::now(), 10).await.unwrap().is_empty();
    until("nothing is due any more", forgotten).await;
    // It didn't come back again, nor the others at all.
    server.publish("acme", json!([{ "type": "zz_top" }])).await;
    assert_eq!(frames.next().await.event, "zz_top");
}

#[tokio::test]
async fn one_action_is_done_on_many_alerts_and_told_of_each() {
    let server = Server::start().await;
    raise(&server).await;
    let token = server.token("acme", "ann", Role::Dispatcher);
    let act = async |token: &str, body: Value| server.post("/api/alerts/bulk", token, &body).await;
    let ids = json!(["a1", "a2", "no id!", "a1"]);
    let answer = act(&token, json!({ "ids": ids, "action": "note", "note": "on it" })).await;
    assert_eq!(answer.status(), 200);
    let told: Value = answer.json().await.unwrap();
    let results = told["results"].as_array().unwrap();
    assert_eq!(
        results.iter().map(|result| &result["id"]).collect::<Vec<_>>(),
        ids.as_array().unwrap().iter().collect::<Vec<_>>()
    );
    assert_eq!((&results[0]["alert"]["note"], results[0].get("error")), (&json!("on it"), None));
    assert_eq!((&results[1]["error"]["code"], results[1].get("alert")), (&json!("not_found"), None));
    assert_eq!(results[2]["error"]["code"], "not_found");

    let answer: Value =
        act(&token, json!({ "ids": ["a1", "a1"], "action": "snooze", "minutes": 30 })).await.json().await.unwrap();
    assert_eq!(answer["results"][0]["alert"]["status"], "snoozed");
    let refused = &answer["results"][1]["error"];
    assert_eq!(
        (&refused["code"], &refused["state"], &refused["status"]),
        (&json!("wrong_state"), &json!("snoozed"), &json!(409))
    );

    assert_eq!(problem(act(&token, json!({ "ids": [], "action": "resolve" })).await, 422).await, "invalid_ids");
    let many = vec!["a1"; 501];
    assert_eq!(problem(act(&token, json!({ "ids": many, "action": "resolve" })).await, 422).await, "invalid_ids");
    assert_eq!(problem(act(&token, json!({ "ids": ["a1"], "action": "note" })).await, 422).await, "note_required");
    assert_eq!(problem(act(&token, json!({ "ids": ["a1"], "action": "explode" })).await, 404).await, "not_found");
    assert_eq!(problem(act(&token, json!({ "ids": "a1", "action": "resolve" })).await, 400).await, "invalid_json");
    let large = json!({ "ids": ["a1"], "action": "note", "note": "x".repeat(300_000) });
    assert_eq!(problem(act(&token, large).await, 413).await, "too_large");
    let service = server.token("acme", "svc", Role::Service);
    assert_eq!(problem(act(&service, json!({ "ids": ["a1"], "action": "resolve" })).await, 403).await, "forbidden");
    let foreign = server.token("globex", "eve", Role::Dispatcher);
    let answer: Value = act(&foreign, json!({ "ids": ["a1"], "action": "reopen" })).await.json().await.unwrap();
    assert_eq!(answer["results"][0]["error"]["code"], "not_found");
}

/// The types of an alert's history, whether it is complete, and its state.
async fn history(server: &Server, token: &str) -> (Vec<String>, bool, Value) {
    let answer = server.get("/api/alerts/a1", token).await;
    assert_eq!(answer.status(), 200);
    let told: Value = answer.json().await.unwrap();
    let types = told["history"].as_array().unwrap().iter().map(|event| event["type"].as_str().unwrap().to_owned());
    (types.collect(), told["complete"].as_bool().unwrap(), told["alert"].clone())
}

#[tokio::test]
async fn what_has_happened_to_an_alert_is_told() {
    let server = Server::start().await;
    server.publish("acme", json!([{ "type": "zz_top", "about": "a1" }])).await;
    raise(&server).await;
    let token = server.token("acme", "ann", Role::Dispatcher);
    for (action, body) in [("acknowledge", json!({})), ("note", json!({ "note": "called" })), ("resolve", json!({}))] {
        server.publish("acme", json!([{ "type": "new_alert", "alert": { "id": "a11" } }])).await;
        assert_eq!(server.post(&format!("/api/alerts/a1/{action}"), &token, &body).await.status(), 200);
    }
    let (types, complete, alert) = history(&server, &token).await;
    assert_eq!(types, ["new_alert", "alert_updated", "alert_updated", "alert_resolved"]);
    assert!(complete);
    assert_eq!(
        (&alert["status"], &alert["note"], &alert["priority"]),
        (&json!("resolved"), &json!("called"), &json!("high"))
    );

    // What names no driver is the team's alone, as on the stream.
    let unnamed = json!({ "id": "a1", "status": "resolved", "note": "his third this week", "escalationLevel": 2 });
    server.publish("acme", json!([{ "type": "alert_updated", "alert": unnamed }])).await;
    assert_eq!(history(&server, &token).await.0.len(), 5);
    let own = server.token_for("acme", "u1", Role::Driver, Some("d1"), Duration::from_secs(600));
    assert_eq!(history(&server, &own).await.0.len(), 4);
    let service = server.token("*", "svc", Role::Service);
    assert_eq!(server.get("/api/alerts/a1?tenant=acme", &service).await.status(), 200);
    for (tenant, user, role) in [("acme", "d2", Role::Driver), ("globex", "eve", Role::Owner)] {
        let stranger = server.token(tenant, user, role);
        assert_eq!(problem(server.get("/api/alerts/a1", &stranger).await, 404).await, "not_found");
    }
    assert_eq!(problem(server.get("/api/alerts/nope", &token).await, 404).await, "not_found");
    assert_eq!(problem(server.get("/api/alerts/no%20id", &token).await, 404).await, "not_found");
}

#[tokio::test]
async fn of_an_old_alert_what_is_kept_is_told() {
    let server = Server::with(|config| config.log_max_events = 3).await;
    raise(&server).await;
    let token = server.token("acme", "ann", Role::Dispatcher);
    let act = async |action: &str, body: Value| server.post(&format!("/api/alerts/a1/{action}"), &token, &body).await;
    assert_eq!(act("acknowledge", json!({})).await.status(), 200);
    assert_eq!(act("note", json!({ "note": "called" })).await.status(), 200);
    server.publish("acme", json!(vec![json!({ "type": "zz_top" }); 20])).await;
    server.running().app().log.trim().await.unwrap();
    let (types, complete, alert) = history(&server, &token).await;
    assert_eq!(types, ["new_alert", "alert_updated"], "the newest of each type");
    assert!(!complete);
    assert_eq!(alert["note"], "called");
    // What comes later follows.
    assert_eq!(act("resolve", json!({})).await.status(), 200);
    assert_eq!(history(&server, &token).await.0, ["new_alert", "alert_updated", "alert_resolved"]);
}
