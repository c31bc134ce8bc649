//! Messages between people at different nodes.

use std::time::Duration;

use sally_protocol::Role;
use serde_json::{Value, json};

use super::nodes::{Pair, kill, subscribers};
use super::process::{Redis, is_ready, ready_server};
use crate::messaging::Socket;
use crate::shutdown::Process;
use crate::support::{Server, database_url, until};

/// The contents of the next `count` messages, whose `seq`s follow on each other.
async fn contents(socket: &mut Socket, count: usize) -> Vec<String> {
    let mut contents = Vec::new();
    let mut seq = None;
    while contents.len() < count {
        let message = socket.event("new_message").await;
        let next = message["seq"].as_u64().unwrap();
        assert!(seq.is_none_or(|seq| seq + 1 == next), "{message} after {seq:?}");
        seq = Some(next);
        contents.push(message["content"].as_str().unwrap().to_owned());
    }
    contents
}

#[tokio::test]
async fn a_message_reaches_everybody_at_every_node_in_one_order() {
    const EACH: usize = 15;
    let redis = Redis::start();
    let pair = Pair::start(&redis.url()).await;
    let mut driver = Socket::driver(&pair.one, "d1").await;
    let mut watching = [Socket::dispatcher(&pair.one, "cleo").await, Socket::dispatcher(&pair.two, "dora").await];
    let (mut ann, mut bob) = (Socket::dispatcher(&pair.one, "ann").await, Socket::dispatcher(&pair.two, "bob").await);
    let mut ann_elsewhere = Socket::dispatcher(&pair.two, "ann").await;
    let send = async |socket: &mut Socket, name: &str| {
        for n in 0..EACH {
            let answer = socket.send(json!({ "recipientId": "d1", "content": format!("{name} {n}") })).await;
            assert_eq!(answer["ok"], true, "{answer}");
        }
    };
    tokio::join!(send(&mut ann, "ann"), send(&mut bob, "bob"));
    let of_driver = contents(&mut driver, 2 * EACH).await;
    for socket in &mut watching {
        assert_eq!(contents(socket, 2 * EACH).await, of_driver);
    }
    assert_eq!(contents(&mut ann_elsewhere, 2 * EACH).await, of_driver);
    for name in ["ann", "bob"] {
        let of_one: Vec<_> = of_driver.iter().filter(|content| content.starts_with(name)).collect();
        assert_eq!(of_one, (0..EACH).map(|n| format!("{name} {n}")).collect::<Vec<_>>().iter().collect::<Vec<_>>());
    }
    // Whoever sent has the answer instead, and the others' messages.
    driver.send(json!({ "content": "both heard" })).await;
    for (socket, other) in [(&mut ann, "bob"), (&mut bob, "ann")] {
        for n in 0..EACH {
            assert_eq!(socket.event("new_message").await["content"], format!("{other} {n}"));
        }
        assert_eq!(socket.event("new_message").await["content"], "both heard");
    }
}

#[tokio::test]
async fn a_lost_word_between_nodes_costs_no_message() {
    let redis = Redis::start();
    let pair = Pair::start(&redis.url()).await;
    let mut driver = Socket::driver(&pair.two, "d1").await;
    let mut ann = Socket::dispatcher(&pair.one, "ann").await;
    let mut connection = redis.connect().await;
    for n in 0..20 {
        if n % 5 == 0 {
            for listening in subscribers(&mut connection, " psub=0 ").await {
                kill(&mut connection, listening).await;
            }
        }
        ann.send(json!({ "recipientId": "d1", "content": format!("{n}") })).await;
    }
    assert_eq!(contents(&mut driver, 20).await, (0..20).map(|n| n.to_string()).collect::<Vec<_>>());
}

#[tokio::test]
async fn nodes_that_share_only_the_database_find_each_others_messages() {
    let one = Server::start().await;
    let two = one.beside().await;
    let mut driver = Socket::driver(&two, "d1").await;
    let mut ann = Socket::dispatcher(&one, "ann").await;
    for n in 0..5 {
        ann.send(json!({ "recipientId": "d1", "content": format!("{n}") })).await;
    }
    assert_eq!(contents(&mut driver, 5).await, ["0", "1", "2", "3", "4"]);
    driver.send(json!({ "content": "and back" })).await;
    assert_eq!(ann.event("new_message").await["content"], "and back");
}

#[tokio::test]
async fn receipts_typing_and_presence_cross_nodes() {
    let redis = Redis::start();
    let pair = Pair::start(&redis.url()).await;
    let mut ann = Socket::dispatcher(&pair.one, "ann").await;
    let mut driver = Socket::driver(&pair.two, "d1").await;
    assert_eq!(ann.event("presence").await, json!({ "userId": "d1", "online": true }));
    let conversations = pair.one.get("/api/conversations", &pair.one.token("acme", "ann", Role::Dispatcher)).await;
    assert_eq!(conversations.json::<Value>().await.unwrap()["conversations"][0]["online"], true);

    ann.send(json!({ "recipientId": "d1", "content": "read this", "requiresAck": true })).await;
    let message = driver.event("new_message").await;
    driver.call("mark_delivered", json!({ "conversationId": "d1", "seq": 1 })).await;
    driver.call("mark_read", json!({ "conversationId": "d1", "seq": 1 })).await;
    driver.call("acknowledge_message", json!({ "messageId": message["messageId"] })).await;
    for kind in ["delivered", "read", "acknowledged"] {
        let receipt = ann.event("receipt").await;
        assert_eq!((&receipt["kind"], &receipt["userId"]), (&json!(kind), &json!("d1")));
    }

    driver.call("typing", json!({ "conversationId": "d1", "typing": true })).await;
    assert_eq!(ann.event("typing").await, json!({ "conversationId": "d1", "userId": "d1", "typing": true }));
    ann.call("typing", json!({ "conversationId": "d1", "typing": true })).await;
    assert_eq!(driver.event("typing").await, json!({ "conversationId": "d1", "userId": "dispatch", "typing": true }));
    // Whoever goes has stopped typing.
    drop(driver);
    assert_eq!(ann.event("typing").await["typing"], false);
    let gone = ann.event("presence").await;
    assert_eq!((&gone["userId"], &gone["online"]), (&json!("d1"), &json!(false)));
    assert!(gone["lastSeenAt"].is_string());
}

#[tokio::test]
async fn who_was_at_a_node_that_died_is_offline_soon() {
    let redis = Redis::start();
    let dir = tempfile::tempdir().unwrap();
    let (url, database_url) = (redis.url(), database_url().await.unwrap_or_default());
    let start = || Process::start_with(dir.path(), &[("SALLY_REDIS_URL", &url), ("SALLY_DATABASE_URL", &database_url)]);
    let (mut one, two) = (start(), start());
    let http = reqwest::Client::new();
    for node in [&one, &two] {
        let ready = async || http.get(format!("{}/readyz", node.url)).send().await.unwrap().status() == 200;
        until("the node is ready", ready).await;
    }
    let mut watching = Socket::open(&two.url, &Process::token_of(dir.path(), "ann", "dispatcher")).await;
    let _driver = Socket::open(&one.url, &Process::token_of(dir.path(), "d1", "driver")).await;
    assert_eq!(watching.event("presence").await["online"], true);
    one.kill();
    assert_eq!(watching.event_within(Duration::from_secs(25), "presence").await["online"], false);
}

#[tokio::test]
async fn messages_need_no_redis_and_their_badges_come_when_it_is_back() {
    let mut redis = Redis::start();
    let server = ready_server(&redis.url()).await;
    let mut ann = Socket::dispatcher(&server, "ann").await;
    let mut driver = Socket::driver(&server, "d1").await;
    redis.kill();
    for n in 0..20 {
        let answer = driver.send(json!({ "content": format!("{n}") })).await;
        assert_eq!(answer["ok"], true, "{answer}");
    }
    assert_eq!(contents(&mut ann, 20).await, (0..20).map(|n| n.to_string()).collect::<Vec<_>>());
    redis.restart(&[]);
    until("the server is ready again", async || is_ready(&server).await).await;
    let token = server.token("acme", "ann", Role::Dispatcher);
    let badge = async || {
        let snapshot: Value = server.get("/api/snapshot", &token).await.json().await.unwrap();
        snapshot["events"].as_array().unwrap().iter().any(|event| event["unread"] == 20)
    };
    until("the badge counts all", badge).await;
}
