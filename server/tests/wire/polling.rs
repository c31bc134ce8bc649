//! The namespace over HTTP long-polling.

use sally_protocol::Role;
use serde_json::{Value, json};

use crate::packets::Polling;
use crate::support::Server;

#[tokio::test]
async fn a_conversation_over_polling() {
    let server = Server::start().await;
    let mut polling = Polling::open(&server).await;
    let token = server.token("acme", "drv-1", Role::Driver);
    polling.post(format!("40/messaging,{}", json!({ "token": token }))).await;
    polling.packet("40/messaging,").await;
    // An event sent at once, with the answer to it: handlers are there before the client knows.
    let message = json!(["send_message", { "content": "hello", "clientMessageId": uuid::Uuid::new_v4().to_string() }]);
    polling.post(format!("42/messaging,7{message}")).await;
    let answer: Value = serde_json::from_str(&polling.packet("43/messaging,7").await).unwrap();
    assert_eq!((&answer[0]["ok"], &answer[0]["messages"][0]["seq"]), (&json!(true), &json!(1)));
}

#[tokio::test]
async fn a_refusal_over_polling() {
    let server = Server::start().await;
    let mut polling = Polling::open(&server).await;
    polling.post(r#"40/messaging,{"token":"nonsense"}"#.into()).await;
    assert_eq!(polling.packet("44/messaging,").await, r#"{"message":"unauthorized"}"#);
}
