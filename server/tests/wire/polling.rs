//! Socket.IO over HTTP long-polling, packet by packet, and Engine.IO's own rules.

use sally_protocol::Role;
use serde_json::{Value, json};

use crate::support::{Server, problem};

/// A polling session, by the letter of the Engine.IO protocol, version 4.
struct Polling<'a> {
    server: &'a Server,
    sid: String,
}

impl<'a> Polling<'a> {
    async fn open(server: &'a Server) -> Self {
        let url = server.path("/socket.io/?EIO=4&transport=polling");
        let text = server.http.get(url).send().await.unwrap().text().await.unwrap();
        let open: Value = serde_json::from_str(text.strip_prefix('0').expect("an open packet")).unwrap();
        assert_eq!(open["upgrades"], json!(["websocket"]));
        Self { server, sid: open["sid"].as_str().unwrap().to_owned() }
    }

    fn url(&self) -> String {
        self.server.path(&format!("/socket.io/?EIO=4&transport=polling&sid={}", self.sid))
    }

    async fn post(&self, packet: String) {
        let answer = self.server.http.post(self.url()).body(packet).send().await.unwrap();
        assert_eq!(answer.status(), 200);
    }

    /// The packets of one poll.
    async fn poll(&self) -> Vec<String> {
        let text = self.server.http.get(self.url()).send().await.unwrap().text().await.unwrap();
        text.split('\u{1e}').map(str::to_owned).collect()
    }

    /// Polls until a packet begins with `prefix`; its rest.
    async fn packet(&self, prefix: &str) -> String {
        for _ in 0..20 {
            for packet in self.poll().await {
                if let Some(rest) = packet.strip_prefix(prefix) {
                    return rest.to_owned();
                }
                if packet == "2" {
                    self.post("3".into()).await;
                }
            }
        }
        panic!("no packet {prefix:?}");
    }
}

#[tokio::test]
async fn a_conversation_over_polling() {
    let server = Server::start().await;
    let polling = Polling::open(&server).await;
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
    let polling = Polling::open(&server).await;
    polling.post(r#"40/messaging,{"token":"nonsense"}"#.into()).await;
    assert_eq!(polling.packet("44/messaging,").await, r#"{"message":"unauthorized"}"#);
}

#[tokio::test]
async fn a_foreign_page_may_not_poll() {
    let server = Server::start().await;
    let url = server.path("/socket.io/?EIO=4&transport=polling");
    let answer = server.http.get(url).header("Origin", "https://evil.example").send().await.unwrap();
    assert_eq!(problem(answer, 403).await, "origin_not_allowed");
}

#[tokio::test]
async fn malformed_requests_disturb_nobody() {
    let server = Server::start().await;
    let polling = Polling::open(&server).await;
    let token = server.token("acme", "drv-1", Role::Driver);
    polling.post(format!("40/messaging,{}", json!({ "token": token }))).await;
    polling.packet("40/messaging,").await;
    for query in ["", "?EIO=9&transport=polling", "?EIO=4&transport=pigeon", "?EIO=4&transport=polling&sid=nobody"] {
        let status = server.http.get(server.path(&format!("/socket.io/{query}"))).send().await.unwrap().status();
        assert_eq!(status, 400, "{query:?}");
    }
    let large = server.http.post(polling.url()).body(format!("4{}", "x".repeat(200_000))).send().await;
    assert!(large.is_ok_and(|answer| answer.status().is_client_error()));
    for nonsense in
        ["4", "49", "42/messaging", "42/messaging,[", "42/messaging,{}", "42/messaging,[7]", "45/messaging,1-"]
    {
        let other = Polling::open(&server).await;
        let _ = server.http.post(other.url()).body(nonsense).send().await.unwrap();
    }
    assert_eq!(server.http.get(server.path("/healthz")).send().await.unwrap().status(), 200);
}
