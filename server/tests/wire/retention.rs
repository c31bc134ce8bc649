//! Messages that are too old go.

use std::time::Duration;

use sally_protocol::Role;
use serde_json::{Value, json};

use crate::messaging::Socket;
use crate::support::{Server, until};

#[tokio::test]
async fn old_messages_go_and_the_conversation_goes_on() {
    let server = Server::with(|config| config.message_retention = Some(Duration::from_secs(2))).await;
    let mut driver = Socket::driver(&server, "drv-1").await;
    let mut ann = Socket::dispatcher(&server, "ann").await;
    let before = ann.call("resume", json!({})).await["cursor"].clone();
    for n in 1..=3 {
        ann.send(json!({ "recipientId": "drv-1", "content": format!("number {n}") })).await;
    }
    let token = server.token("acme", "ann", Role::Dispatcher);
    let get = async |path: &str| -> Value { server.get(path, &token).await.json().await.unwrap() };
    let history = "/api/conversations/drv-1/messages";
    assert_eq!(get(history).await["messages"].as_array().unwrap().len(), 3);
    until("the messages have gone", async || get(history).await["messages"] == json!([])).await;
    assert_eq!(get("/api/search?q=number").await, json!({ "results": [], "more": false }));
    let listed = get("/api/conversations").await;
    assert_eq!(
        (&listed["conversations"][0]["unread"], listed["conversations"][0].get("lastMessage")),
        (&json!(0), None)
    );

    let answer = driver.send(json!({ "content": "number 4" })).await;
    assert_eq!(answer["messages"][0]["seq"], 4);
    let resumed = ann.call("resume", json!({ "cursor": before })).await;
    assert_eq!((&resumed["messages"], &resumed["more"]), (&answer["messages"], &json!(false)));
}
