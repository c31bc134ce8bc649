//! The log in Redis, and raw `PUBLISH`es.
//!
//! # Layout
//!
//! - [`process`]: the redis-server under test.
//! - [`story`]: what a client was told, held to the promise.
//! - [`nodes`]: several nodes on one Redis; [`messages`] and [`team`]: people at different ones.
//! - [`faults`]: Redis fails.
//! - [`cluster`]: a Redis Cluster.
//! - [`tls`]: Redis over TLS.

mod alerts;
mod cluster;
mod faults;
mod messages;
mod nodes;
mod process;
mod story;
mod team;
mod tls;

use std::time::{Duration, Instant};

use sally_protocol::Role;
use serde_json::json;

use self::process::{Redis, free_port, is_ready, ready_server};
use crate::support::{Server, numbered, problem, until};

#[tokio::test]
async fn a_publish_reaches_its_tenants_streams() {
    let redis = Redis::start();
    let server = ready_server(&redis.url()).await;
    let mut acme = server.stream("", &server.token("acme", "ann", Role::Dispatcher)).await;
    let mut globex = server.stream("", &server.token("globex", "ann", Role::Dispatcher)).await;
    acme.next_of("ready").await;
    globex.next_of("ready").await;
    let event = json!({ "type": "new_alert", "alert": { "id": "a1" } }).to_string();
    assert_eq!(redis.publish("tenant:acme:alerts", event.as_bytes()).await, 1);
    redis.publish("tenant:acme:any_topic", event.as_bytes()).await;
    redis.publish("tenant:globex:alerts", json!({ "type": "zz_top" }).to_string().as_bytes()).await;
    let (first, second) = (acme.next().await, acme.next().await);
    assert_eq!((first.event.as_str(), second.event.as_str()), ("new_alert", "new_alert"));
    assert_ne!(first.data["eventId"], second.data["eventId"], "two equal publishes are two events");
    assert_eq!(globex.next().await.event, "zz_top");
}

#[tokio::test]
async fn a_refused_publish_is_counted_and_disturbs_no_other() {
    let redis = Redis::start();
    let server = ready_server(&redis.url()).await;
    let mut frames = server.stream("", &server.token("acme", "ann", Role::Dispatcher)).await;
    frames.next_of("ready").await;
    let refused: [(&str, &[u8]); 6] = [
        ("tenant:acme:alerts", b"nonsense"),
        ("tenant:acme:alerts", b"{\"type\":\"a\",\"x\":\"\xff\xfe\"}"),
        ("tenant:acme:alerts", b"{\"type\":\"ready\"}"),
        ("tenant:acme:alerts", b"{\"type\":\"a\",\"tenantId\":\"globex\"}"),
        ("tenant:a b:alerts", b"{\"type\":\"a\"}"),
        ("tenant:acme:Alerts", b"{\"type\":\"a\"}"),
    ];
    for (channel, payload) in refused {
        redis.publish(channel, payload).await;
    }
    redis.publish("tenant:acme:alerts", b"{\"type\":\"zz_top\",\r\n\"n\":1}").await;
    assert_eq!(frames.next().await.data["n"], 1);
    let rejected = async |reason| server.metric(&format!("sally_events_rejected_total{{reason=\"{reason}\"}}")).await;
    assert_eq!(rejected("not_an_object").await, 2.0);
    assert_eq!(rejected("bad_type").await, 1.0);
    assert_eq!(rejected("tenant_mismatch").await, 1.0);
    assert_eq!(rejected("bad_channel").await, 2.0);
}

#[tokio::test]
async fn a_lost_redis_is_said_aloud_and_found_again() {
    let mut redis = Redis::start();
    let server = ready_server(&redis.url()).await;
    let token = server.token("acme", "ann", Role::Dispatcher);
    let mut frames = server.stream("", &token).await;
    let before = frames.next_of("ready").await.id;
    redis.kill();
    until("the server is not ready", async || !is_ready(&server).await).await;
    let began = Instant::now();
    let service = server.token("acme", "svc", Role::Service);
    let refused = server.post("/api/events", &service, &json!({ "events": numbered(0..1) })).await;
    assert_eq!(problem(refused, 503).await, "unavailable");
    assert!(began.elapsed() < Duration::from_secs(5));
    let mut turned_away = server.stream("", &token).await;
    assert!(turned_away.try_next().await.is_none());
    assert!(turned_away.retry.is_some());

    redis.restart(&[]);
    until("the server is ready again", async || is_ready(&server).await).await;
    // The log began anew with nothing in it, and every cursor from before is void.
    let resync = frames.next_of("resync").await;
    assert_eq!(resync.data["reason"], "epoch_changed");
    redis.publish("tenant:acme:alerts", b"{\"type\":\"zz_top\",\"n\":2}").await;
    assert_eq!(frames.next_of("zz_top").await.data["n"], 2);
    let mut resumed = server.resume("", &token, &before).await;
    assert_eq!(resumed.next_of("resync").await.data["reason"], "epoch_changed");
    assert_eq!(resumed.next_of("ready").await.data["recovered"], false);
    let mut resumed = server.resume("", &token, &resync.id).await;
    assert_eq!(resumed.next_of("zz_top").await.data["n"], 2);
}

#[tokio::test]
async fn a_redis_that_never_answers_keeps_nobody_from_starting() {
    let url = format!("redis://127.0.0.1:{}", free_port());
    let server = Server::with(|config| config.redis_url = Some(url)).await;
    assert!(!is_ready(&server).await);
    assert_eq!(server.http.get(server.path("/healthz")).send().await.unwrap().status(), 200);
    assert_eq!(problem(server.http.get(server.path("/sse/events")).send().await.unwrap(), 401).await, "unauthorized");
}

#[tokio::test]
async fn servers_with_another_database_are_refused() {
    let redis = Redis::start();
    let first = ready_server(&redis.url()).await;
    let dir = tempfile::tempdir().unwrap();
    let config = sally_server::Config {
        listen: "127.0.0.1:0".into(),
        data_dir: dir.path().to_owned(),
        redis_url: Some(redis.url()),
        ..sally_server::Config::default()
    };
    let Err(error) = sally_server::start(config).await else { panic!("it started") };
    assert!(error.to_string().contains("another database"), "{error}");
    assert!(is_ready(&first).await);
}

#[tokio::test]
async fn the_log_in_redis_resumes_and_compacts() {
    let redis = Redis::start();
    let server = ready_server(&redis.url()).await;
    let token = server.token("acme", "ann", Role::Dispatcher);
    let mut frames = server.stream("", &token).await;
    frames.next_of("ready").await;
    let results = server.publish("acme", numbered(0..300)).await;
    for n in 0..300 {
        assert_eq!(frames.next().await.data["n"], n);
    }
    let mut resumed = server.resume("", &token, results[9]["cursor"].as_str().unwrap()).await;
    for n in 10..300 {
        assert_eq!(resumed.next().await.data["n"], n);
    }
    assert_eq!(resumed.next().await.data["recovered"], true);

    let alert =
        |kind: &str, id: &str| json!({ "type": kind, "eventId": format!("{kind}-{id}"), "alert": { "id": id } });
    server
        .publish("acme", json!([alert("new_alert", "a1"), alert("new_alert", "a2"), alert("alert_updated", "a1")]))
        .await;
    let repeated = server.publish("acme", json!([alert("new_alert", "a2")])).await;
    assert_eq!(repeated[0]["duplicate"], true);
    let mut snapshot = server.stream("?snapshot=true", &token).await;
    let events = snapshot.next_of("snapshot").await.data["events"].clone();
    let ids: Vec<&str> = events.as_array().unwrap().iter().map(|event| event["eventId"].as_str().unwrap()).collect();
    assert_eq!(ids, ["new_alert-a1", "new_alert-a2", "alert_updated-a1"]);
}

#[tokio::test]
async fn a_frozen_redis_is_noticed_and_forgiven() {
    let redis = Redis::start();
    let server = ready_server(&redis.url()).await;
    let mut frames = server.stream("", &server.token("acme", "ann", Role::Dispatcher)).await;
    frames.next_of("ready").await;
    redis.signal("-STOP");
    let began = Instant::now();
    let service = server.token("acme", "svc", Role::Service);
    let event = json!({ "event": { "type": "zz_top", "eventId": "doubtful", "n": 1 } });
    let refused = server.post("/api/events", &service, &event).await;
    assert_eq!(problem(refused, 503).await, "unavailable");
    assert!(began.elapsed() < Duration::from_millis(5_500));
    until("the server is not ready", async || !is_ready(&server).await).await;
    redis.signal("-CONT");
    until("the server is ready again", async || is_ready(&server).await).await;
    // The answer was lost, perhaps the event was not: asking again is harmless.
    server.publish("acme", json!([event["event"]])).await;
    server.publish("acme", json!([{ "type": "zz_top", "n": 2 }])).await;
    let mut seen = Vec::new();
    while seen.last() != Some(&2) {
        seen.push(frames.next_of("zz_top").await.data["n"].as_u64().unwrap());
    }
    assert_eq!(seen, [1, 2]);
}
