//! Who has received, read and acknowledged: live, and beside the history.

use sally_protocol::Role;
use serde_json::{Value, json};

use crate::messaging::Socket;
use crate::support::Server;

/// A page of the driver's history.
async fn history(server: &Server, user: &str, role: Role) -> Value {
    let token = server.token("acme", user, role);
    server.get("/api/conversations/drv-1/messages", &token).await.json().await.unwrap()
}

/// Whose receipts of which kind there are, and how far.
fn plain(receipts: &Value) -> Vec<(&str, &str, u64)> {
    let receipts = receipts.as_array().unwrap().iter();
    receipts.map(|of| (word(&of["userId"]), word(&of["kind"]), of["seq"].as_u64().unwrap())).collect()
}

fn word(value: &Value) -> &str {
    value.as_str().unwrap()
}

/// Marks and expects that it was taken.
async fn mark(socket: &mut Socket, kind: &str, seq: u64) {
    let answer = socket.call(&format!("mark_{kind}"), json!({ "conversationId": "drv-1", "seq": seq })).await;
    assert_eq!(answer, json!({ "ok": true }));
}

#[tokio::test]
async fn every_device_reads_the_same_receipts_with_the_history() {
    let server = Server::start().await;
    let mut driver = Socket::driver(&server, "drv-1").await;
    let (mut ann, mut bob) = (Socket::dispatcher(&server, "ann").await, Socket::dispatcher(&server, "bob").await);
    let nothing = history(&server, "ann", Role::Dispatcher).await;
    assert_eq!(nothing, json!({ "messages": [], "more": false, "receipts": [] }));
    for n in 1..=3 {
        driver.send(json!({ "content": format!("number {n}") })).await;
    }
    let asked = ann.send(json!({ "recipientId": "drv-1", "content": "Confirm", "requiresAck": true })).await;
    mark(&mut ann, "delivered", 3).await;
    mark(&mut ann, "read", 1).await;
    mark(&mut bob, "read", 2).await;
    mark(&mut driver, "delivered", 4).await;
    let live = ann.event("receipt").await;
    let (message, id) = (&asked["messages"][0], &asked["messages"][0]["messageId"]);
    driver.call("acknowledge_message", json!({ "messageId": id })).await;

    let page = history(&server, "ann", Role::Dispatcher).await;
    let expected = [
        ("ann", "delivered", 3),
        ("ann", "read", 1),
        ("bob", "delivered", 2),
        ("bob", "read", 2),
        ("drv-1", "delivered", 4),
    ];
    assert_eq!(plain(&page["receipts"]), expected);
    assert!(page["receipts"].as_array().unwrap().contains(&live), "{live} is among {page}");
    let with_ack = page["messages"][3].as_object().unwrap();
    assert_eq!(with_ack["acknowledgedBy"][0]["userId"], "drv-1");
    assert!(with_ack["acknowledgedBy"][0]["at"].is_string());
    let mut without = page["messages"][3].clone();
    without.as_object_mut().unwrap().remove("acknowledgedBy");
    assert_eq!(without, *message);
    assert_eq!(page["messages"][0].get("acknowledgedBy"), None);

    let own = history(&server, "drv-1", Role::Driver).await;
    assert_eq!(own["receipts"], page["receipts"], "both sides see the same");
}

#[tokio::test]
async fn everybody_hears_who_it_was() {
    let server = Server::start().await;
    let mut driver = Socket::driver(&server, "drv-1").await;
    let (mut ann, mut bob) = (Socket::dispatcher(&server, "ann").await, Socket::dispatcher(&server, "bob").await);
    let sent = driver.send(json!({ "content": "one" })).await;
    let id = &sent["messages"][0]["messageId"];
    mark(&mut ann, "read", 1).await;
    mark(&mut bob, "read", 1).await;
    for socket in [&mut ann, &mut bob] {
        socket.call("acknowledge_message", json!({ "messageId": id })).await;
        socket.call("acknowledge_message", json!({ "messageId": id })).await;
    }
    for (user, kind) in [("ann", "read"), ("bob", "read"), ("ann", "acknowledged"), ("bob", "acknowledged")] {
        let of = driver.event("receipt").await;
        assert_eq!((word(&of["userId"]), word(&of["kind"])), (user, kind));
    }
    let own = history(&server, "drv-1", Role::Driver).await;
    let by = own["messages"][0]["acknowledgedBy"].as_array().unwrap().iter().map(|of| word(&of["userId"]));
    assert_eq!(by.collect::<Vec<_>>(), ["ann", "bob"], "each once");
}
