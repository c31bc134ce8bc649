//! Socket.IO, version 5 of the protocol, by its letter: the cases of the protocol's own test suite,
//! on the one namespace that there is.
//!
//! <https://socket.io/docs/v4/socket-io-protocol/>,
//! <https://github.com/socketio/socket.io-protocol/tree/main/test-suite>
//!
//! What of the suite isn't here: the root namespace, which this server doesn't have, and its
//! echo, the answers to `send_message` and the like taking its place. Binary attachments, which no
//! request of the contract has: [`crate::bad_requests`] sends some.

use std::time::Duration;

use sally_protocol::Role;
use serde_json::{Value, json};

use crate::packets::{Polling, Wire};
use crate::support::{Server, until};

const TYPING: &str = r#"["typing",{"conversationId":"drv-1","typing":true}]"#;

#[tokio::test]
async fn a_namespace_is_entered_with_a_payload() {
    let server = Server::start().await;
    let mut wire = Wire::open(&server).await;
    wire.send(format!("40/messaging,{}", json!({ "token": server.token("acme", "drv-1", Role::Driver) }))).await;
    let connected: Value = serde_json::from_str(&wire.packet("40/messaging,").await).unwrap();
    assert!(connected["sid"].is_string() && connected.as_object().unwrap().len() == 1, "{connected}");
    let session: Value = serde_json::from_str(&wire.packet("42/messaging,").await).unwrap();
    assert_eq!((&session[0], &session[1]["userId"]), (&json!("session"), &json!("drv-1")));
}

#[tokio::test]
async fn other_namespaces_are_unknown() {
    let server = Server::start().await;
    let mut wire = Wire::open(&server).await;
    for (enter, refusal) in [
        ("40", r#"44{"message":"Invalid namespace"}"#),
        (r#"40{"token":"x"}"#, r#"44{"message":"Invalid namespace"}"#),
        ("40/random", r#"44/random,{"message":"Invalid namespace"}"#),
        ("40/messaging/x,", r#"44/messaging/x,{"message":"Invalid namespace"}"#),
        ("40/tenant:acme,", r#"44/tenant:acme,{"message":"Invalid namespace"}"#),
    ] {
        wire.send(enter).await;
        assert_eq!(wire.next_word().await.as_deref(), Some(refusal), "{enter}");
    }
    // The right one is still open to it.
    wire.enter(&server.token("acme", "ann", Role::Dispatcher)).await;
}

#[tokio::test]
async fn whoever_enters_no_namespace_is_closed_soon() {
    let server = Server::start().await;
    let polling = Polling::open(&server).await;
    let (mut idle, mut refused) = (Wire::open(&server).await, Wire::open(&server).await);
    refused.send(r#"40/messaging,{"token":"nonsense"}"#).await;
    assert_eq!(refused.next_word().await.as_deref(), Some(r#"44/messaging,{"message":"unauthorized"}"#));
    let begun = tokio::time::Instant::now();
    idle.assert_closed("it entered nothing").await;
    refused.assert_closed("it was refused").await;
    assert!(begun.elapsed() < Duration::from_secs(7), "after {:?}", begun.elapsed());
    polling.assert_gone().await;
}

#[tokio::test]
async fn a_namespace_is_left_and_entered_again() {
    let server = Server::start().await;
    let token = server.token("acme", "drv-1", Role::Driver);
    let mut wire = Wire::open(&server).await;
    for id in 0..5 {
        wire.enter(&token).await;
        // Entering twice changes nothing.
        wire.send(format!("40/messaging,{}", json!({ "token": token }))).await;
        wire.send(format!("42/messaging,{id}{TYPING}")).await;
        assert_eq!(wire.answer(id).await, json!({ "ok": true }));
        wire.send("41/messaging,").await;
        until("it has left", async || server.metric("sally_messaging_connections").await == 0.0).await;
    }
    // Who has come again is told what comes, as anybody.
    wire.enter(&token).await;
    let mut ann = Wire::entered(&server, "ann", Role::Dispatcher).await;
    let id = uuid::Uuid::new_v4();
    let message = json!(["send_message", { "recipientId": "drv-1", "content": "x", "clientMessageId": id }]);
    ann.send(format!("42/messaging,1{message}")).await;
    assert_eq!(ann.answer(1).await["ok"], true);
    wire.packet(r#"42/messaging,["new_message","#).await;
}

#[tokio::test]
async fn an_event_is_acknowledged_under_its_id() {
    let server = Server::start().await;
    let mut wire = Wire::entered(&server, "drv-1", Role::Driver).await;
    for id in [0, 7, 4_294_967_296, i64::MAX as u64] {
        wire.send(format!("42/messaging,{id}{TYPING}")).await;
        assert_eq!(wire.answer(id).await, json!({ "ok": true }), "{id}");
    }
    // The same id again, twice at once.
    wire.send(format!("42/messaging,7{TYPING}")).await;
    wire.send(format!("42/messaging,7{TYPING}")).await;
    assert_eq!(wire.answer(7).await, wire.answer(7).await);
    // Without an id the event is served and nothing is answered: what comes next is another's answer.
    wire.send(format!("42/messaging,{TYPING}")).await;
    wire.send(format!("42/messaging,8{TYPING}")).await;
    assert_eq!(wire.next_word().await.as_deref(), Some(r#"43/messaging,8[{"ok":true}]"#));
}

#[tokio::test]
async fn what_is_no_packet_ends_the_connection() {
    let server = Server::start().await;
    for nonsense in [
        "4",
        "4abc",
        "47/messaging,",
        "4é",
        "44/messaging,{}",
        "42/messaging,",
        "42/messaging,{}",
        "42/messaging,[",
        "42/messaging,[]",
        "42/messaging,[7]",
        "42/messaging,[{}]",
        "42/messaging,abc[]",
        "42/messaging,1",
        r#"42/messaging,-1["typing",{}]"#,
        "43/messaging,[]",
        "43/messaging,x[]",
        "45/messaging,[]",
        r#"45-/messaging,["typing"]"#,
        r#"4599999999999999999999-/messaging,["typing"]"#,
    ] {
        let mut wire = Wire::entered(&server, "drv-1", Role::Driver).await;
        wire.send(nonsense).await;
        wire.assert_closed(nonsense).await;
    }
    until("nobody is left", async || server.metric("sally_messaging_connections").await == 0.0).await;
    // An acknowledgement that nobody waits for is no harm.
    let mut wire = Wire::entered(&server, "drv-1", Role::Driver).await;
    wire.send("43/messaging,9[1]").await;
    wire.send(format!("42/messaging,1{TYPING}")).await;
    assert_eq!(wire.answer(1).await, json!({ "ok": true }));
}
