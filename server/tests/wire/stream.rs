//! `GET /sse/events`: order, resume, snapshot, resync, roles, limits, expiry.

use std::time::Duration;

use sally_protocol::stream::Frame as Typed;
use sally_protocol::{Board, Role};
use serde_json::{Value, json};

use crate::support::{Frames, Server, numbered, problem, until};

#[tokio::test]
async fn a_stream_begins_with_retry_and_ready_and_goes_on_with_events() {
    let server = Server::start().await;
    let token = server.token("acme", "ann", Role::Dispatcher);
    let cookie = format!("theme=dark; access_token={token}");
    let mut frames = Frames::open(server.http.get(server.path("/sse/events")).header("Cookie", cookie)).await;
    let ready = frames.next().await;
    assert_eq!(ready.event, "ready");
    assert_eq!(ready.data["recovered"], false);
    assert_eq!(ready.data["cursor"], ready.id.as_str());
    assert_eq!(ready.data["heartbeatSeconds"], 20.0);
    assert!(frames.retry.is_some_and(|retry| (1_000..3_000).contains(&retry)));

    let results =
        server.publish("acme", json!([{ "type": "new_alert", "alert": { "id": "a1" }, "extra": [1, 2] }])).await;
    let event = frames.next().await;
    assert_eq!(event.event, "new_alert");
    assert_eq!(event.id, results[0]["cursor"].as_str().unwrap());
    assert_eq!(event.data["eventId"], results[0]["eventId"]);
    assert_eq!(event.data["tenantId"], "acme");
    assert_eq!(event.data["extra"], json!([1, 2]));
    assert!(event.data["occurredAt"].is_string());
}

#[tokio::test]
async fn events_stay_in_their_tenant() {
    let server = Server::start().await;
    let mut acme = server.stream("", &server.token("acme", "ann", Role::Dispatcher)).await;
    let mut globex = server.stream("", &server.token("globex", "ann", Role::Dispatcher)).await;
    acme.next().await;
    globex.next().await;
    server.publish("globex", json!([{ "type": "zz_top", "n": 1 }])).await;
    server.publish("acme", json!([{ "type": "zz_top", "n": 2 }])).await;
    assert_eq!(acme.next().await.data["n"], 2);
    assert_eq!(globex.next().await.data["n"], 1);
}

#[tokio::test]
async fn a_resume_continues_without_a_gap_or_a_duplicate() {
    let server = Server::start().await;
    let token = server.token("acme", "ann", Role::Dispatcher);
    let mut results = Vec::new();
    for start in [0, 500, 1_000] {
        results.extend(server.publish("acme", numbered(start..start + 500)).await);
    }
    // Two thirds back: out of the ring's reach as well as in it, since no stream was open.
    for at in [100, 1_499] {
        let cursor = results[at]["cursor"].as_str().unwrap();
        let mut frames = server.resume("", &token, cursor).await;
        for n in at as u64 + 1..1_500 {
            assert_eq!(frames.next().await.data["n"], n);
        }
        let ready = frames.next().await;
        assert_eq!((ready.event.as_str(), &ready.data["recovered"]), ("ready", &json!(true)));
    }
    let query = format!("?lastEventId={}", results[1_490]["cursor"].as_str().unwrap());
    let mut frames = server.stream(&query, &token).await;
    assert_eq!(frames.next().await.data["n"], 1_491);
}

#[tokio::test]
async fn an_empty_cursor_counts_as_absent_and_nonsense_as_unknown() {
    let server = Server::start().await;
    let token = server.token("acme", "ann", Role::Dispatcher);
    server.publish("globex", numbered(0..3)).await;
    let foreign = server.stream("", &server.token("globex", "eve", Role::Dispatcher)).await.next().await.id;
    server.publish("acme", numbered(0..3)).await;
    assert_eq!(server.stream("?lastEventId=", &token).await.types(1).await, ["ready"]);
    let own = server.stream("", &token).await.next().await.id;
    let (log, offset) = own.rsplit_once('.').unwrap();
    let future = format!("{log}.{}", offset.parse::<u64>().unwrap() + 1);
    for cursor in ["nonsense", foreign.as_str(), future.as_str()] {
        let mut frames = server.resume("", &token, cursor).await;
        let resync = frames.next().await;
        assert_eq!((resync.event.as_str(), &resync.data["reason"]), ("resync", &json!("unknown_cursor")), "{cursor}");
        assert_eq!(frames.next().await.data["recovered"], false);
    }
    let other_epoch = format!("{}.{:016x}.1", &own[..8], 1);
    assert_eq!(server.resume("", &token, &other_epoch).await.next().await.data["reason"], "epoch_changed");
}

#[tokio::test]
async fn the_snapshot_is_the_compacted_log_and_live_events_go_on_from_there() {
    let server = Server::start().await;
    let token = server.token("acme", "ann", Role::Dispatcher);
    let mut expected = Board::default();
    let mut before = server.stream("", &token).await;
    before.next_of("ready").await;
    server
        .publish(
            "acme",
            json!([
                { "type": "new_alert", "alert": { "id": "a1", "priority": "high" } },
                { "type": "new_alert", "alert": { "id": "a2", "priority": "low" } },
                { "type": "zz_top", "n": 1 },
                { "type": "alert_updated", "alert": { "id": "a1", "status": "acknowledged", "escalationLevel": 1 } },
                { "type": "alert_resolved", "alert": { "id": "a2", "status": "resolved" } },
                { "type": "eta_update", "planId": "p1", "stopId": "s1", "eta": "2026-01-01T00:00:00Z" },
                { "type": "eta_update", "planId": "p1", "stopId": "s1", "eta": "2026-01-01T01:00:00Z" },
                { "type": "route_status", "planId": "p1", "status": "active", "driverId": "d1", "source": "eld" },
                { "type": "message_waiting", "conversationId": "d1", "unread": 2 },
                { "type": "message_waiting", "conversationId": "d1", "audience": "dispatch", "unread": 0 },
            ]),
        )
        .await;
    for _ in 0..10 {
        let frame = before.next().await;
        expected.apply(&Typed::parse(&frame.event, &frame.data.to_string()).unwrap());
    }
    let mut frames = server.stream("?snapshot=true", &token).await;
    let mut board = Board::default();
    let snapshot = frames.next().await;
    assert_eq!((snapshot.event.as_str(), &snapshot.data["last"]), ("snapshot", &json!(true)));
    let kinds: Vec<&str> =
        snapshot.data["events"].as_array().unwrap().iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(
        kinds,
        [
            "new_alert",
            "new_alert",
            "alert_updated",
            "alert_resolved",
            "eta_update",
            "route_status",
            "message_waiting",
            "message_waiting"
        ]
    );
    board.apply(&Typed::parse("snapshot", &snapshot.data.to_string()).unwrap());
    expected.current = true;
    assert_eq!(board, expected);
    let ready = frames.next().await;
    assert_eq!(ready.id, snapshot.id);
    server.publish("acme", json!([{ "type": "zz_top", "n": 2 }])).await;
    assert_eq!(frames.next().await.data["n"], 2);

    let http: Value = server.get("/api/snapshot", &token).await.json().await.unwrap();
    assert_eq!(http["events"], snapshot.data["events"]);
}

#[tokio::test]
async fn a_snapshot_of_many_frames_starts_over_when_it_was_cut_off() {
    let server = Server::start().await;
    let token = server.token("acme", "ann", Role::Dispatcher);
    for batch in 0..4 {
        let alerts: Value = (0..100)
            .map(|n| json!({ "type": "new_alert", "alert": { "id": format!("a{batch}-{n}"), "title": "x".repeat(900) } }))
            .collect();
        server.publish("acme", alerts).await;
    }
    let mut frames = server.stream("?snapshot=true", &token).await;
    let first = frames.next().await;
    assert_eq!(first.data["last"], false);
    let mut frames = server.resume("?snapshot=true", &token, &first.id).await;
    let mut events = 0;
    loop {
        let part = frames.next().await;
        assert_eq!(part.event, "snapshot");
        events += part.data["events"].as_array().unwrap().len();
        if part.data["last"] == true {
            break;
        }
    }
    assert_eq!(events, 400);
    assert_eq!(frames.next().await.event, "ready");
    let mut frames = server.resume("", &token, &first.id).await;
    assert_eq!(frames.next().await.data["reason"], "unknown_cursor");
}

#[tokio::test]
async fn a_read_conversation_and_an_unknown_type_are_not_in_the_snapshot() {
    let server = Server::start().await;
    let token = server.token("acme", "ann", Role::Dispatcher);
    let waiting = |unread: u64| json!([{ "type": "message_waiting", "conversationId": "d1", "audience": "dispatch", "unread": unread }]);
    let events = async || server.get("/api/snapshot", &token).await.json::<Value>().await.unwrap()["events"].clone();
    server.publish("acme", waiting(1)).await;
    assert_eq!(events().await.as_array().unwrap().len(), 1);
    server.publish("acme", waiting(0)).await;
    server.publish("acme", numbered(0..2)).await;
    assert_eq!(events().await, json!([]));
}

#[tokio::test]
async fn a_driver_sees_what_names_them_and_nothing_else() {
    let server = Server::start().await;
    let token = server.token_for("acme", "u7", Role::Driver, Some("d7"), Duration::from_secs(600));
    let mut frames = server.stream("", &token).await;
    frames.next_of("ready").await;
    let events = json!([
        { "type": "new_alert", "alert": { "id": "a1", "driverId": "d8" } },
        { "type": "sync_progress", "integrationId": "i1", "status": "running" },
        { "type": "message_waiting", "conversationId": "u7", "audience": "dispatch", "unread": 1 },
        { "type": "new_alert", "alert": { "id": "a2", "driverId": "d7" } },
        { "type": "message_waiting", "conversationId": "u7", "audience": "driver", "unread": 1 },
        { "type": "route_status", "planId": "p1", "status": "active", "driverId": "d7", "source": "eld" },
    ]);
    let results = server.publish("acme", events).await;
    assert_eq!(frames.types(3).await, ["new_alert", "message_waiting", "route_status"]);
    // What a driver doesn't see still moves their cursor, so a resume is whole.
    let mut frames = server.resume("", &token, results[0]["cursor"].as_str().unwrap()).await;
    assert_eq!(frames.types(4).await, ["new_alert", "message_waiting", "route_status", "ready"]);
    let snapshot: Value = server.get("/api/snapshot", &token).await.json().await.unwrap();
    assert_eq!(snapshot["events"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn who_may_not_read_is_told_so() {
    let server = Server::start().await;
    let open = async |token: &str| server.get("/sse/events", token).await;
    let other = {
        let mut other = Server::start().await;
        let token = other.token("acme", "ann", Role::Dispatcher);
        other.stop().await;
        token
    };
    assert_eq!(problem(server.http.get(server.path("/sse/events")).send().await.unwrap(), 401).await, "unauthorized");
    assert_eq!(problem(open("nonsense").await, 401).await, "unauthorized");
    assert_eq!(problem(open(&other).await, 401).await, "unauthorized");
    let expired = server.token_for("acme", "ann", Role::Dispatcher, None, Duration::ZERO);
    assert_eq!(problem(open(&expired).await, 401).await, "token_expired");
    let query = format!("/sse/events?access_token={}", server.token("acme", "ann", Role::Dispatcher));
    assert_eq!(problem(server.http.get(server.path(&query)).send().await.unwrap(), 401).await, "unauthorized");
    let dispatcher = server.token("acme", "ann", Role::Dispatcher);
    assert_eq!(problem(server.get("/sse/events?tenant=globex", &dispatcher).await, 403).await, "forbidden");
    let any = server.token("*", "svc", Role::Service);
    assert_eq!(problem(open(&any).await, 400).await, "tenant_required");
    server.stream("?tenant=acme", &any).await.next_of("ready").await;
}

#[tokio::test]
async fn one_stream_too_many_is_refused_until_another_closes() {
    let server = Server::with(|config| config.max_streams_per_user = 2).await;
    let token = server.token("acme", "ann", Role::Dispatcher);
    let first = server.stream("", &token).await;
    let _second = server.stream("", &token).await;
    let refused = server.get("/sse/events", &token).await;
    assert!(refused.headers().contains_key("retry-after"));
    assert_eq!(problem(refused, 429).await, "too_many_streams");
    server.stream("", &server.token("acme", "bob", Role::Dispatcher)).await.next().await;
    drop(first);
    until("the place is free again", async || server.get("/sse/events", &token).await.status() == 200).await;
}

#[tokio::test]
async fn heartbeats_carry_the_cursor() {
    let server = Server::with(|config| config.heartbeat = Duration::from_millis(150)).await;
    let mut frames = server.stream("", &server.token("acme", "ann", Role::Dispatcher)).await;
    let ready = frames.next_of("ready").await;
    assert_eq!(ready.data["heartbeatSeconds"], 0.15);
    assert_eq!(frames.next().await.event, "heartbeat");
    let results = server.publish("acme", numbered(0..1)).await;
    frames.next_of("zz_top").await;
    assert_eq!(frames.next_of("heartbeat").await.id, results[0]["cursor"].as_str().unwrap());
}

#[tokio::test]
async fn a_stream_ends_with_its_token_and_says_so_before() {
    let server = Server::start().await;
    let token = server.token_for("acme", "ann", Role::Dispatcher, None, Duration::from_secs(2));
    let mut frames = server.stream("", &token).await;
    let expiring = frames.next_of("auth_expiring").await;
    assert!(expiring.data["expiresAt"].is_string());
    assert!(frames.try_next().await.is_none(), "the stream closes");
    until("the stream is gone", async || server.metric("sally_sse_streams").await == 0.0).await;
}

#[tokio::test]
async fn what_the_log_no_longer_holds_is_too_old() {
    let server = Server::with(|config| config.log_max_events = 10).await;
    let token = server.token("acme", "ann", Role::Dispatcher);
    let results = server.publish("acme", numbered(0..40)).await;
    server.running().app().log.trim().await.unwrap();
    let mut frames = server.resume("", &token, results[5]["cursor"].as_str().unwrap()).await;
    assert_eq!(frames.next().await.data["reason"], "too_old");
    let mut frames = server.resume("", &token, results[35]["cursor"].as_str().unwrap()).await;
    assert_eq!(frames.next().await.data["n"], 36);
}

#[tokio::test]
async fn a_restart_loses_nothing_and_resumes() {
    let server = Server::start().await;
    let results = server.publish("acme", numbered(0..5)).await;
    let server = server.restart().await;
    server.publish("acme", numbered(5..7)).await;
    let token = server.token("acme", "ann", Role::Dispatcher);
    let mut frames = server.resume("", &token, results[2]["cursor"].as_str().unwrap()).await;
    for n in 3..7 {
        assert_eq!(frames.next().await.data["n"], n);
    }
    assert_eq!(frames.next().await.data["recovered"], true);
}
