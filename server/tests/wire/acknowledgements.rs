//! `GET /api/messages/{id}/acknowledgements` and `GET /api/acknowledgements`.

use sally_protocol::Role;
use serde_json::{Value, json};

use crate::messaging::Socket;
use crate::support::{Server, problem};

#[tokio::test]
async fn a_dispatcher_sees_who_still_has_to_acknowledge() {
    let server = Server::start().await;
    let mut one = Socket::driver(&server, "drv-1").await;
    let _two = Socket::driver(&server, "drv-2").await;
    let mut ann = Socket::dispatcher(&server, "ann").await;
    let sent = ann.send(json!({ "broadcast": true, "content": "Confirm", "requiresAck": true })).await;
    let to = |driver: &str| {
        let messages = sent["messages"].as_array().unwrap();
        messages.iter().find(|message| message["conversationId"] == driver).unwrap().clone()
    };
    one.call("acknowledge_message", json!({ "messageId": to("drv-1")["messageId"] })).await;
    let bob = server.token("acme", "bob", Role::Dispatcher);
    for of in [to("drv-1"), to("drv-2")] {
        let path = format!("/api/messages/{}/acknowledgements", of["messageId"].as_str().unwrap());
        let overview: Value = server.get(&path, &bob).await.json().await.unwrap();
        assert_eq!(overview["required"], 2);
        let missing = json!([{ "userId": "drv-2", "name": "drv-2 of acme", "messageId": to("drv-2")["messageId"] }]);
        assert_eq!(overview["missing"], missing);
        let acknowledged = &overview["acknowledged"][0];
        assert_eq!((&acknowledged["userId"], &acknowledged["messageId"]), (&json!("drv-1"), &to("drv-1")["messageId"]));
        assert!(acknowledged["at"].is_string());
    }
    let awaited: Value = server.get("/api/acknowledgements?limit=5", &bob).await.json().await.unwrap();
    let line = json!({ "message": to("drv-2"), "required": 2, "acknowledged": 1 });
    assert_eq!(awaited, json!({ "awaited": [line], "more": false }));
}

#[tokio::test]
async fn it_is_the_dispatch_teams_alone() {
    let server = Server::start().await;
    let mut driver = Socket::driver(&server, "drv-1").await;
    let mut ann = Socket::dispatcher(&server, "ann").await;
    let sent = ann.send(json!({ "recipientId": "drv-1", "content": "Confirm", "requiresAck": true })).await;
    let own = driver.send(json!({ "content": "mine", "requiresAck": true })).await;
    let path = |message: &Value| format!("/api/messages/{}/acknowledgements", message["messageId"].as_str().unwrap());
    let of_team = path(&sent["messages"][0]);
    for path in [of_team.as_str(), "/api/messages/unknown/acknowledgements", "/api/acknowledgements"] {
        for role in [Role::Driver, Role::Service] {
            let token = server.token("acme", "drv-1", role);
            assert_eq!(problem(server.get(path, &token).await, 403).await, "forbidden", "{path}");
        }
    }
    let eve = server.token("globex", "eve", Role::Owner);
    let ann = server.token("acme", "ann", Role::Dispatcher);
    let of_driver = path(&own["messages"][0]);
    for (token, path) in [(&eve, of_team.as_str()), (&ann, &of_driver), (&ann, "/api/messages/%00/acknowledgements")] {
        assert_eq!(problem(server.get(path, token).await, 404).await, "not_found", "{path}");
    }
    let foreign: Value = server.get("/api/acknowledgements", &eve).await.json().await.unwrap();
    assert_eq!(foreign, json!({ "awaited": [], "more": false }));
    let answer = server.get("/api/acknowledgements?limit=x", &ann).await;
    assert_eq!(problem(answer, 400).await, "invalid_query");
}
