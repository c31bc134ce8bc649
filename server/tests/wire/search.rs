//! `GET /api/search`.

use sally_protocol::Role;
use serde_json::{Value, json};

use crate::messaging::Socket;
use crate::support::{Server, problem};

/// What a search with these query parameters finds.
async fn found(server: &Server, token: &str, query: &[(&str, &str)]) -> Value {
    let answer = server.http.get(server.path("/api/search")).query(query).bearer_auth(token).send().await.unwrap();
    assert_eq!(answer.status(), 200, "{query:?}");
    answer.json().await.unwrap()
}

/// The texts of what was found.
fn texts(answer: &Value) -> Vec<&str> {
    answer["results"].as_array().unwrap().iter().map(|message| message["content"].as_str().unwrap()).collect()
}

/// A server with a few messages: drivers `drv-1` and `drv-2` and dispatcher `ann` of `acme`.
async fn with_messages() -> (Server, Vec<Value>) {
    let server = Server::start().await;
    let mut one = Socket::driver(&server, "drv-1").await;
    let mut two = Socket::driver(&server, "drv-2").await;
    let mut ann = Socket::dispatcher(&server, "ann").await;
    let mut sent = Vec::new();
    for answer in [
        ann.send(json!({ "recipientId": "drv-1", "content": "Gate \"4\" at Zoë's" })).await,
        one.send(json!({ "content": "gate 4 is closed" })).await,
        two.send(json!({ "content": "which gate?" })).await,
    ] {
        sent.push(answer["messages"][0].clone());
    }
    (server, sent)
}

#[tokio::test]
async fn a_dispatcher_finds_the_tenants_messages_and_a_driver_their_own() {
    let (server, sent) = with_messages().await;
    let ann = server.token("acme", "ann", Role::Dispatcher);
    let all = found(&server, &ann, &[("q", "gat")]).await;
    assert_eq!(all, json!({ "results": [sent[2], sent[1], sent[0]], "more": false }));
    assert_eq!(texts(&found(&server, &ann, &[("q", "zoe gate")]).await), ["Gate \"4\" at Zoë's"]);
    let driver = server.token("acme", "drv-1", Role::Driver);
    assert_eq!(found(&server, &driver, &[("q", "gate")]).await["results"], json!([sent[1], sent[0]]));
    assert_eq!(found(&server, &driver, &[("q", "which")]).await, json!({ "results": [], "more": false }));
    for (tenant, user, role) in [("globex", "ann", Role::Dispatcher), ("globex", "drv-1", Role::Driver)] {
        let other = server.token(tenant, user, role);
        assert_eq!(found(&server, &other, &[("q", "gate")]).await, json!({ "results": [], "more": false }));
    }
    let service = server.token("acme", "svc", Role::Service);
    assert_eq!(problem(server.get("/api/search?q=gate", &service).await, 403).await, "forbidden");
    let nobody = server.http.get(server.path("/api/search?q=gate")).send().await.unwrap();
    assert_eq!(problem(nobody, 401).await, "unauthorized");
}

#[tokio::test]
async fn results_come_in_pages() {
    let (server, sent) = with_messages().await;
    let ann = server.token("acme", "ann", Role::Dispatcher);
    let first = found(&server, &ann, &[("q", "gate"), ("limit", "2")]).await;
    assert_eq!(first, json!({ "results": [sent[2], sent[1]], "more": true }));
    let cursor = sent[1]["cursor"].as_str().unwrap();
    let second = found(&server, &ann, &[("q", "gate"), ("limit", "2"), ("before", cursor)]).await;
    assert_eq!(second, json!({ "results": [sent[0]], "more": false }));
    let globex = server.token("globex", "ann", Role::Dispatcher);
    for (token, cursor) in [(&globex, cursor), (&ann, "nonsense"), (&ann, "")] {
        let answer = server.get(&format!("/api/search?q=gate&before={cursor}"), token).await;
        assert_eq!(problem(answer, 422).await, "unknown_cursor");
    }
}

#[tokio::test]
async fn any_query_is_answered() {
    let (server, _) = with_messages().await;
    let ann = server.token("acme", "ann", Role::Dispatcher);
    for query in ["", "\"", "'", "\0", "*", "AND", "gate\" OR \"x", "🚚\u{202e}", "\r\n\u{7f}", ":* & |", "NEAR(", "\\"]
    {
        found(&server, &ann, &[("q", query)]).await;
    }
    assert_eq!(texts(&found(&server, &ann, &[("q", "\"gate\" (4)\0")]).await).len(), 2);
    for raw in ["%FF%FE", "%00", "%C0%80", "%", "%zz"] {
        assert_eq!(server.get(&format!("/api/search?q={raw}"), &ann).await.status(), 200, "{raw}");
    }
    for long in ["x".repeat(257), "x ".repeat(5_000)] {
        let request = server.http.get(server.path("/api/search")).query(&[("q", long)]).bearer_auth(&ann);
        assert_eq!(problem(request.send().await.unwrap(), 422).await, "too_long");
    }
    found(&server, &ann, &[("q", &"🚚é".repeat(128))]).await;
    for bad in ["/api/search", "/api/search?q=x&limit=-1", "/api/search?q=x&q=y"] {
        assert_eq!(problem(server.get(bad, &ann).await, 400).await, "invalid_query", "{bad}");
    }
}
