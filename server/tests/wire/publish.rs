//! `POST /api/events`.

use sally_protocol::Role;
use serde_json::{Value, json};

use crate::support::{Server, numbered, problem};

#[tokio::test]
async fn who_may_publish() {
    let server = Server::start().await;
    let event = json!({ "topic": "alerts", "event": { "type": "zz_top" } });
    for role in [Role::Admin, Role::Owner, Role::Service] {
        assert_eq!(server.post("/api/events", &server.token("acme", "u", role), &event).await.status(), 202);
    }
    for role in [Role::Dispatcher, Role::Driver] {
        let answer = server.post("/api/events", &server.token("acme", "u", role), &event).await;
        assert_eq!(problem(answer, 403).await, "forbidden");
    }
    let any = server.token("*", "svc", Role::Service);
    assert_eq!(problem(server.post("/api/events", &any, &event).await, 400).await, "tenant_required");
    let named = json!({ "event": { "type": "zz_top", "tenantId": "globex" } });
    assert_eq!(server.post("/api/events", &any, &named).await.status(), 202);
    let contradicting = server.post("/api/events", &server.token("acme", "svc", Role::Service), &named).await;
    assert_eq!(problem(contradicting, 422).await, "tenant_mismatch");
}

#[tokio::test]
async fn all_or_none_with_the_index_of_what_is_wrong() {
    let server = Server::start().await;
    let token = server.token("acme", "svc", Role::Service);
    let mut frames = server.stream("", &server.token("acme", "ann", Role::Dispatcher)).await;
    frames.next_of("ready").await;
    let bad = json!({ "events": [{ "type": "zz_top", "n": 1 }, { "type": "Bad Type" }] });
    let answer = server.post("/api/events", &token, &bad).await;
    assert_eq!(answer.status(), 422);
    let body: Value = answer.json().await.unwrap();
    assert_eq!((body["code"].as_str(), &body["index"]), (Some("bad_type"), &json!(1)));
    server.publish("acme", json!([{ "type": "zz_top", "n": 2 }])).await;
    assert_eq!(frames.next().await.data["n"], 2, "nothing of the refused request was published");
    assert!(server.metric("sally_events_rejected_total{reason=\"bad_type\"}").await >= 1.0);
}

#[tokio::test]
async fn bad_requests_have_stable_codes() {
    let server = Server::start().await;
    let token = server.token("acme", "svc", Role::Service);
    let post = async |body: String| {
        let request = server.http.post(server.path("/api/events")).bearer_auth(&token);
        request.header("Content-Type", "application/json").body(body).send().await.unwrap()
    };
    assert_eq!(problem(post("{".into()).await, 400).await, "invalid_json");
    assert_eq!(problem(post("{}".into()).await, 400).await, "invalid_json");
    assert_eq!(problem(post(r#"{"topic":"A B","event":{"type":"a"}}"#.into()).await, 422).await, "invalid_topic");
    assert_eq!(problem(post(r#"{"events":[]}"#.into()).await, 422).await, "no_events");
    assert_eq!(problem(post(r#"{"event":[1]}"#.into()).await, 422).await, "not_an_object");
    let many = json!({ "events": numbered(0..501) }).to_string();
    assert_eq!(problem(post(many).await, 413).await, "too_large");
    let large = json!({ "event": { "type": "a", "x": "x".repeat(70_000) } }).to_string();
    assert_eq!(problem(post(large).await, 413).await, "too_large");
    assert_eq!(problem(post("x".repeat(1_100_000)).await, 413).await, "too_large");
    assert_eq!(post(json!({ "events": numbered(0..500) }).to_string()).await.status(), 202);
}

#[tokio::test]
async fn an_event_id_makes_a_repeat_count_once() {
    let server = Server::start().await;
    let event = json!([{ "type": "zz_top", "eventId": "e-1" }]);
    let first = server.publish("acme", event.clone()).await;
    let second = server.publish("acme", event.clone()).await;
    assert_eq!((&first[0]["duplicate"], &second[0]["duplicate"]), (&json!(false), &json!(true)));
    assert_eq!(first[0]["cursor"], second[0]["cursor"]);
    assert_eq!(server.publish("globex", event).await[0]["duplicate"], false, "ids are the tenant's");
    let twice = json!([{ "type": "zz_top" }, { "type": "zz_top" }]);
    let results = server.publish("acme", twice).await;
    assert_ne!(results[0]["eventId"], results[1]["eventId"], "two equal publishes are two events");
}

#[tokio::test]
async fn an_idempotency_key_gets_the_same_answer() {
    let server = Server::start().await;
    let token = server.token("acme", "svc", Role::Service);
    let post = async |body: &Value| {
        let request = server.http.post(server.path("/api/events")).bearer_auth(&token);
        request.header("Idempotency-Key", "k1").json(body).send().await.unwrap()
    };
    let body = json!({ "event": { "type": "zz_top", "n": 1 } });
    let first: Value = post(&body).await.json().await.unwrap();
    let second: Value = post(&body).await.json().await.unwrap();
    assert_eq!(first, second);
    let other = json!({ "event": { "type": "zz_top", "n": 2 } });
    assert_eq!(problem(post(&other).await, 422).await, "idempotency_mismatch");
    assert_eq!(server.metric("sally_events_total{source=\"http\"}").await, 1.0);
}

#[tokio::test]
async fn two_requests_with_one_key_that_race_count_once() {
    let server = Server::start().await;
    let token = server.token("acme", "svc", Role::Service);
    let body = json!({ "event": { "type": "zz_top" } });
    let post = || {
        let request = server.http.post(server.path("/api/events")).bearer_auth(&token);
        request.header("Idempotency-Key", "k1").json(&body).send()
    };
    let answers = futures_util::future::join_all((0..8).map(|_| post())).await;
    let mut ids = std::collections::BTreeSet::new();
    for answer in answers {
        let body: Value = answer.unwrap().json().await.unwrap();
        ids.insert(body["results"][0]["cursor"].as_str().unwrap().to_owned());
    }
    assert_eq!(ids.len(), 1);
}

#[tokio::test]
async fn a_page_of_another_origin_may_not_publish_by_cookie() {
    let server = Server::with(|config| config.allowed_origins = vec!["https://dispatch.example".into()]).await;
    let token = server.token("acme", "boss", Role::Admin);
    let post = async |origin: &str| {
        let request = server.http.post(server.path("/api/events")).header("Cookie", format!("access_token={token}"));
        request.header("Origin", origin).json(&json!({ "event": { "type": "zz_top" } })).send().await.unwrap()
    };
    assert_eq!(problem(post("https://evil.example").await, 403).await, "origin_not_allowed");
    let allowed = post("https://dispatch.example").await;
    assert_eq!(allowed.status(), 202);
    assert_eq!(allowed.headers()["access-control-allow-origin"], "https://dispatch.example");
    assert_eq!(post(server.url()).await.status(), 202);
}
