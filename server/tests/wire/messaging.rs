//! The `/messaging` namespace over WebSocket.

use std::time::Duration;

use sally_client::bare::{self, Connection, Incoming};
use sally_protocol::Role;
use sally_protocol::message::NAMESPACE;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{PATIENCE, Server, problem, until};

/// A connected socket, its `session` read.
pub(crate) struct Socket {
    pub connection: Connection,
    pub session: Value,
}

impl Socket {
    pub(crate) async fn open(url: &str, token: &str) -> Self {
        let mut connection = Connection::open(url, NAMESPACE, &json!({ "token": token })).await.unwrap();
        let session = event(&mut connection, "session").await;
        Self { connection, session }
    }

    pub(crate) async fn dispatcher(server: &Server, user: &str) -> Self {
        Self::open(server.url(), &server.token("acme", user, Role::Dispatcher)).await
    }

    pub(crate) async fn driver(server: &Server, user: &str) -> Self {
        Self::open(server.url(), &server.token("acme", user, Role::Driver)).await
    }

    pub(crate) async fn call(&mut self, event: &str, data: Value) -> Value {
        self.connection.call(event, &data).await.unwrap()
    }

    pub(crate) async fn send(&mut self, mut message: Value) -> Value {
        if message.get("clientMessageId").is_none() {
            message["clientMessageId"] = json!(Uuid::new_v4().to_string());
        }
        self.call("send_message", message).await
    }

    pub(crate) async fn event(&mut self, name: &str) -> Value {
        event(&mut self.connection, name).await
    }

    pub(crate) async fn event_within(&mut self, limit: Duration, name: &str) -> Value {
        event_within(limit, &mut self.connection, name).await
    }
}

/// The next event of this name, others skipped.
async fn event(connection: &mut Connection, name: &str) -> Value {
    event_within(PATIENCE, connection, name).await
}

async fn event_within(limit: Duration, connection: &mut Connection, name: &str) -> Value {
    let next = async {
        loop {
            if let Incoming::Event(event) = connection.next().await.unwrap()
                && event.name == name
            {
                return event.args.into_iter().next().unwrap_or_default();
            }
        }
    };
    tokio::time::timeout(limit, next).await.unwrap_or_else(|_| panic!("no {name} in time"))
}

/// The code of a refused request, the refusal's shape checked.
pub(crate) fn code(answer: &Value) -> &str {
    assert_eq!(answer["ok"], false, "{answer}");
    assert!(answer["error"]["message"].is_string() && answer["error"]["retryable"].is_boolean(), "{answer}");
    answer["error"]["code"].as_str().unwrap()
}

#[tokio::test]
async fn a_message_is_stored_acknowledged_and_handed_out() {
    let server = Server::start().await;
    let mut driver = Socket::driver(&server, "drv-1").await;
    let mut ann = Socket::dispatcher(&server, "ann").await;
    let mut bob = Socket::dispatcher(&server, "bob").await;
    assert_eq!((ann.session["userId"].as_str(), ann.session["role"].as_str()), (Some("ann"), Some("dispatcher")));

    let id = Uuid::new_v4().to_string();
    let answer = ann.send(json!({ "recipientId": "drv-1", "content": "ETA?\n🚚", "clientMessageId": id })).await;
    assert_eq!((&answer["ok"], &answer["duplicate"]), (&json!(true), &json!(false)));
    let message = &answer["messages"][0];
    assert_eq!(
        (&message["seq"], &message["conversationId"], &message["senderName"], &message["clientMessageId"]),
        (&json!(1), &json!("drv-1"), &json!("ann of acme"), &json!(id))
    );
    assert_eq!(&driver.event("new_message").await, message);
    assert_eq!(&bob.event("new_message").await, message);

    let answer = driver.send(json!({ "content": "20 min" })).await;
    let reply = &answer["messages"][0];
    assert_eq!((&reply["seq"], &reply["recipientId"]), (&json!(2), &json!("dispatch")));
    // The sender got its acknowledgement, so its first `new_message` is the reply.
    assert_eq!(&ann.event("new_message").await, reply);
    assert_eq!(&bob.event("new_message").await, reply);
}

#[tokio::test]
async fn a_resend_is_answered_with_the_stored_message() {
    let server = Server::start().await;
    let _driver = Socket::driver(&server, "drv-1").await;
    let mut ann = Socket::dispatcher(&server, "ann").await;
    let message = json!({ "recipientId": "drv-1", "content": "once", "clientMessageId": Uuid::new_v4().to_string() });
    let first = ann.send(message.clone()).await;
    let second = ann.send(message).await;
    assert_eq!(second["duplicate"], true);
    assert_eq!(first["messages"], second["messages"]);
}

#[tokio::test]
async fn what_was_sent_meanwhile_is_resumed_in_order() {
    let server = Server::start().await;
    let driver = Socket::driver(&server, "drv-1").await;
    let cursor = driver.session["cursor"].clone();
    drop(driver);
    Socket::driver(&server, "drv-2").await;
    let mut ann = Socket::dispatcher(&server, "ann").await;
    for n in 0..5 {
        ann.send(json!({ "recipientId": "drv-1", "content": format!("{n}") })).await;
        ann.send(json!({ "recipientId": "drv-2", "content": "not yours" })).await;
    }
    let mut driver = Socket::driver(&server, "drv-1").await;
    let mut contents = Vec::new();
    let (mut cursor, mut more) = (cursor, true);
    while more {
        let page = driver.call("resume", json!({ "cursor": cursor, "limit": 2 })).await;
        assert_eq!(page["ok"], true);
        let messages = page["messages"].as_array().unwrap();
        assert!(messages.len() <= 2);
        contents.extend(messages.iter().map(|message| message["content"].as_str().unwrap().to_owned()));
        (cursor, more) = (page["cursor"].clone(), page["more"] == true);
    }
    assert_eq!(contents, ["0", "1", "2", "3", "4"]);
    assert_eq!(cursor, driver.session["cursor"], "a driver stands at their own newest message");
    let standing = driver.call("resume", json!({})).await;
    assert_eq!((&standing["messages"], &standing["cursor"]), (&json!([]), &cursor));
    assert_eq!(code(&driver.call("resume", json!({ "cursor": "nonsense" })).await), "invalid");
}

#[tokio::test]
async fn sends_of_one_socket_stay_in_order() {
    let server = Server::start().await;
    let mut driver = Socket::driver(&server, "drv-1").await;
    let mut ann = Socket::dispatcher(&server, "ann").await;
    for n in 0..25 {
        let id = Uuid::new_v4().to_string();
        let message = json!({ "recipientId": "drv-1", "content": n.to_string(), "clientMessageId": id });
        ann.connection.emit("send_message", &message).await.unwrap();
    }
    for n in 0..25 {
        let message = driver.event("new_message").await;
        assert_eq!((message["content"].as_str(), &message["seq"]), (Some(n.to_string().as_str()), &json!(n + 1)));
    }
}

#[tokio::test]
async fn nothing_crosses_a_tenant() {
    let server = Server::start().await;
    let _theirs = Socket::open(server.url(), &server.token("globex", "drv-9", Role::Driver)).await;
    let _ours = Socket::driver(&server, "drv-1").await;
    let mut ann = Socket::dispatcher(&server, "ann").await;
    let foreign = ann.send(json!({ "recipientId": "drv-9", "content": "x" })).await;
    let unknown = ann.send(json!({ "recipientId": "nobody", "content": "x" })).await;
    assert_eq!(foreign, unknown);
    assert_eq!(code(&foreign), "not_found");
    let several = ann.send(json!({ "recipientIds": ["drv-1", "drv-9"], "content": "x" })).await;
    assert_eq!(code(&several), "not_found");
    assert_eq!(code(&ann.call("mark_read", json!({ "conversationId": "drv-9", "seq": 1 })).await), "not_found");
    assert_eq!(code(&ann.call("typing", json!({ "conversationId": "drv-9", "typing": true })).await), "not_found");
    let token = server.token("acme", "ann", Role::Dispatcher);
    assert_eq!(problem(server.get("/api/conversations/drv-9/messages", &token).await, 404).await, "not_found");
    let list: Value = server.get("/api/conversations", &token).await.json().await.unwrap();
    assert_eq!(list["conversations"].as_array().unwrap().len(), 1, "{list}");
    assert_eq!(server.metric("sally_messages_total").await, 0.0);
}

#[tokio::test]
async fn a_driver_has_one_conversation() {
    let server = Server::start().await;
    let mut other = Socket::driver(&server, "drv-2").await;
    let mut driver = Socket::driver(&server, "drv-1").await;
    let mut ann = Socket::dispatcher(&server, "ann").await;
    ann.send(json!({ "recipientId": "drv-2", "content": "for two" })).await;
    assert_eq!(other.event("new_message").await["content"], "for two");
    for recipient in ["drv-2", "nobody"] {
        assert_eq!(code(&driver.send(json!({ "recipientId": recipient, "content": "x" })).await), "forbidden");
    }
    assert_eq!(code(&driver.send(json!({ "broadcast": true, "content": "x" })).await), "forbidden");
    assert_eq!(driver.send(json!({ "recipientId": "ann", "content": "to the team" })).await["ok"], true);
    assert_eq!(code(&driver.call("mark_read", json!({ "conversationId": "drv-2", "seq": 1 })).await), "not_found");
    let token = server.token("acme", "drv-1", Role::Driver);
    let list: Value = server.get("/api/conversations", &token).await.json().await.unwrap();
    assert_eq!(list["conversations"][0]["lastMessage"]["content"], "to the team");
    assert_eq!(problem(server.get("/api/conversations/drv-2/messages", &token).await, 404).await, "not_found");
}

#[tokio::test]
async fn a_broadcast_goes_into_every_drivers_thread() {
    let server = Server::start().await;
    let mut drivers = [Socket::driver(&server, "drv-1").await, Socket::driver(&server, "drv-2").await];
    let mut ann = Socket::dispatcher(&server, "ann").await;
    let answer = ann.send(json!({ "broadcast": true, "content": "snow on I-80", "priority": "URGENT" })).await;
    assert_eq!(answer["messages"].as_array().unwrap().len(), 2);
    for driver in &mut drivers {
        let message = driver.event("new_message").await;
        assert_eq!((&message["recipientId"], &message["priority"]), (&driver.session["userId"], &json!("urgent")));
    }
}

#[tokio::test]
async fn refused_requests_have_the_contracts_codes() {
    let server = Server::start().await;
    let _driver = Socket::driver(&server, "drv-1").await;
    let mut ann = Socket::dispatcher(&server, "ann").await;
    let send = |content: &str| json!({ "recipientId": "drv-1", "content": content });
    assert_eq!(code(&ann.send(send("")).await), "invalid");
    assert_eq!(code(&ann.send(send("\u{1b}[2J")).await), "invalid");
    assert_eq!(code(&ann.send(send(&"x".repeat(2_501))).await), "too_long");
    assert_eq!(ann.send(send(&"🚚".repeat(2_500))).await["ok"], true);
    assert_eq!(code(&ann.send(json!({ "content": "to nobody" })).await), "invalid");
    assert_eq!(code(&ann.send(json!({ "recipientId": "a b", "content": "x" })).await), "invalid");
    assert_eq!(code(&ann.send(json!({ "recipientId": "drv-1", "broadcast": true, "content": "x" })).await), "invalid");
    let mut odd = send("x");
    odd["clientMessageId"] = json!("not a uuid");
    assert_eq!(code(&ann.send(odd).await), "invalid");
    let mut odd = send("x");
    odd["priority"] = json!("asap");
    assert_eq!(code(&ann.send(odd).await), "invalid");
    for data in [json!(null), json!(7), json!("x"), json!([])] {
        assert_eq!(code(&ann.call("send_message", data).await), "invalid");
    }
    assert_eq!(code(&ann.call("no_such_event", json!({})).await), "invalid");
    assert_eq!(code(&ann.call("acknowledge_message", json!({ "messageId": "none" })).await), "not_found");
}

#[tokio::test]
async fn too_many_sends_are_told_when_to_come_back() {
    let server = Server::start().await;
    let _driver = Socket::driver(&server, "drv-1").await;
    let mut ann = Socket::dispatcher(&server, "ann").await;
    let mut refused = None;
    for n in 0..60 {
        let answer = ann.send(json!({ "recipientId": "drv-1", "content": n.to_string() })).await;
        if answer["ok"] == false {
            refused = Some((n, answer));
            break;
        }
    }
    let (n, answer) = refused.expect("the limit is reached");
    assert!(n >= 30, "a burst of thirty is fine, refused after {n}");
    assert_eq!(code(&answer), "rate_limited");
    let wait = answer["error"]["retryAfterMs"].as_u64().unwrap();
    tokio::time::sleep(Duration::from_millis(wait)).await;
    let again = ann.send(json!({ "recipientId": "drv-1", "content": "again" })).await;
    assert_eq!(again["ok"], true, "after {wait} ms: {again}");
}

#[tokio::test]
async fn receipts_are_cumulative_and_never_go_back() {
    let server = Server::start().await;
    let mut driver = Socket::driver(&server, "drv-1").await;
    let mut ann = Socket::dispatcher(&server, "ann").await;
    let mut last = Value::Null;
    for n in 0..3 {
        let answer = ann.send(json!({ "recipientId": "drv-1", "content": n.to_string(), "requiresAck": true })).await;
        last = answer["messages"][0].clone();
    }
    let mark = |seq: u64| json!({ "conversationId": "drv-1", "seq": seq });
    driver.call("mark_delivered", mark(3)).await;
    let receipt = ann.event("receipt").await;
    assert_eq!(
        (&receipt["kind"], &receipt["seq"], &receipt["userId"]),
        (&json!("delivered"), &json!(3), &json!("drv-1"))
    );
    driver.call("mark_read", mark(2)).await;
    assert_eq!(ann.event("receipt").await["seq"], 2);
    assert_eq!(driver.call("mark_read", mark(1)).await["ok"], true);
    driver.call("mark_read", mark(99)).await;
    let receipt = ann.event("receipt").await;
    assert_eq!((&receipt["kind"], &receipt["seq"]), (&json!("read"), &json!(3)), "nobody reads ahead");
    let acknowledge = json!({ "messageId": last["messageId"] });
    assert_eq!(code(&ann.call("acknowledge_message", acknowledge.clone()).await), "forbidden");
    driver.call("acknowledge_message", acknowledge).await;
    let receipt = ann.event("receipt").await;
    assert_eq!((&receipt["kind"], &receipt["messageId"]), (&json!("acknowledged"), &last["messageId"]));
}

#[tokio::test]
async fn unread_badges_need_no_messaging_connection() {
    let server = Server::start().await;
    let mut driver = Socket::driver(&server, "drv-1").await;
    let token = server.token("acme", "ann", Role::Dispatcher);
    let mut frames = server.stream("", &token).await;
    frames.next_of("ready").await;
    driver.send(json!({ "content": "at the dock" })).await;
    let badge = frames.next_of("message_waiting").await.data;
    assert_eq!(
        (&badge["conversationId"], &badge["audience"], &badge["unread"], &badge["preview"], &badge["senderId"]),
        (&json!("drv-1"), &json!("dispatch"), &json!(1), &json!("at the dock"), &json!("drv-1"))
    );
    let mut ann = Socket::open(server.url(), &token).await;
    ann.call("mark_read", json!({ "conversationId": "drv-1", "seq": 1 })).await;
    assert_eq!(frames.next_of("message_waiting").await.data["unread"], 0);
    let list: Value = server.get("/api/conversations", &token).await.json().await.unwrap();
    let conversation = &list["conversations"][0];
    assert_eq!(
        (&conversation["unread"], &conversation["readSeq"], &conversation["online"]),
        (&json!(0), &json!(1), &json!(true))
    );
}

#[tokio::test]
async fn typing_and_presence_reach_the_other_side() {
    let server = Server::start().await;
    let mut ann = Socket::dispatcher(&server, "ann").await;
    let mut driver = Socket::driver(&server, "drv-1").await;
    let presence = ann.event("presence").await;
    assert_eq!((&presence["userId"], &presence["online"]), (&json!("drv-1"), &json!(true)));
    let typing = json!({ "conversationId": "drv-1", "typing": true });
    driver.call("typing", typing.clone()).await;
    assert_eq!(ann.event("typing").await["userId"], "drv-1");
    ann.call("typing", typing).await;
    assert_eq!(driver.event("typing").await["userId"], "dispatch", "a driver sees the team as one");
    driver.connection.close().await;
    let presence = ann.event("presence").await;
    assert_eq!(presence["online"], false);
    assert!(presence["lastSeenAt"].is_string());
}

#[tokio::test]
async fn who_may_not_connect_is_told_in_one_word() {
    let server = Server::with(|config| config.max_streams_per_user = 1).await;
    let refused = async |auth: Value| match Connection::open(server.url(), NAMESPACE, &auth).await {
        Err(bare::Error::Refused { message }) => message,
        other => panic!("not refused: {:?}", other.map(|_| "connected")),
    };
    assert_eq!(refused(json!({})).await, "unauthorized");
    assert_eq!(refused(json!({ "token": "nonsense" })).await, "unauthorized");
    let expired = server.token_for("acme", "ann", Role::Dispatcher, None, Duration::ZERO);
    assert_eq!(refused(json!({ "token": expired })).await, "token_expired");
    assert_eq!(refused(json!({ "token": server.token("acme", "svc", Role::Service) })).await, "forbidden");
    let _first = Socket::dispatcher(&server, "ann").await;
    let token = server.token("acme", "ann", Role::Dispatcher);
    assert_eq!(refused(json!({ "token": token })).await, "too_many_connections");
    assert_eq!(server.metric("sally_messaging_connections").await, 1.0);
}

#[tokio::test]
async fn the_cookie_will_do_and_a_foreign_page_will_not() {
    let server = Server::start().await;
    let cookie = format!("access_token={}", server.token("acme", "ann", Role::Dispatcher));
    let headers = |origin: Option<&str>| {
        let mut headers = reqwest::header::HeaderMap::new();
        headers.insert("cookie", cookie.parse().unwrap());
        if let Some(origin) = origin {
            headers.insert("origin", origin.parse().unwrap());
        }
        headers
    };
    let mut connection = Connection::open_with(server.url(), NAMESPACE, &json!({}), headers(None)).await.unwrap();
    assert_eq!(event(&mut connection, "session").await["userId"], "ann");
    let foreign =
        Connection::open_with(server.url(), NAMESPACE, &json!({}), headers(Some("https://evil.example"))).await;
    assert!(matches!(foreign, Err(bare::Error::Status { status: 403, .. })));
}

#[tokio::test]
async fn a_socket_ends_with_its_token_unless_it_is_refreshed() {
    let server = Server::start().await;
    let short = |user: &str| server.token_for("acme", user, Role::Dispatcher, None, Duration::from_secs(2));
    let mut refreshed = Socket::open(server.url(), &short("ann")).await;
    let mut left = Socket::open(server.url(), &short("bob")).await;
    let others = json!({ "token": server.token("acme", "eve", Role::Dispatcher) });
    assert_eq!(code(&refreshed.call("refresh_auth", others).await), "forbidden");
    let fresh = json!({ "token": server.token("acme", "ann", Role::Dispatcher) });
    assert_eq!(refreshed.call("refresh_auth", fresh).await["ok"], true);
    left.event("auth_expiring").await;
    let closed = tokio::time::timeout(PATIENCE, left.connection.next()).await.expect("closed in time");
    assert!(matches!(closed, Err(bare::Error::Closed)), "{closed:?}");
    until("one is left", async || server.metric("sally_messaging_connections").await == 1.0).await;
    assert_eq!(refreshed.call("resume", json!({})).await["ok"], true);
}

#[tokio::test]
async fn history_comes_in_pages_ascending() {
    let server = Server::start().await;
    let _driver = Socket::driver(&server, "drv-1").await;
    let mut ann = Socket::dispatcher(&server, "ann").await;
    for n in 1..=7 {
        ann.send(json!({ "recipientId": "drv-1", "content": n.to_string() })).await;
    }
    let token = server.token("acme", "bob", Role::Dispatcher);
    let page = async |query: &str| {
        let path = format!("/api/conversations/drv-1/messages{query}");
        let page: Value = server.get(&path, &token).await.json().await.unwrap();
        let seqs: Vec<u64> = page["messages"].as_array().unwrap().iter().map(|m| m["seq"].as_u64().unwrap()).collect();
        (seqs, page["more"] == true)
    };
    assert_eq!(page("?limit=3").await, (vec![5, 6, 7], true));
    assert_eq!(page("?limit=4&beforeSeq=5").await, (vec![1, 2, 3, 4], false));
    assert_eq!(page("").await.0.len(), 7);
}

#[tokio::test]
async fn messages_survive_a_restart() {
    let server = Server::start().await;
    let driver = Socket::driver(&server, "drv-1").await;
    let mut ann = Socket::dispatcher(&server, "ann").await;
    let sent = ann.send(json!({ "recipientId": "drv-1", "content": "before" })).await;
    let cursor = driver.session["cursor"].clone();
    drop((driver, ann));
    let server = server.restart().await;
    let mut driver = Socket::driver(&server, "drv-1").await;
    let resumed = driver.call("resume", json!({ "cursor": cursor })).await;
    assert_eq!(resumed["messages"], sent["messages"]);
}

#[tokio::test]
async fn typing_ends_by_itself() {
    let server = Server::start().await;
    let mut ann = Socket::dispatcher(&server, "ann").await;
    let mut driver = Socket::driver(&server, "d1").await;
    for _ in 0..3 {
        driver.call("typing", json!({ "conversationId": "d1", "typing": true })).await;
    }
    assert_eq!(ann.event("typing").await["typing"], true);
    // Saying it again at once was not passed on: what comes next is the end.
    assert_eq!(ann.event_within(Duration::from_secs(12), "typing").await["typing"], false);
}

#[tokio::test]
async fn a_head_says_what_a_socket_should_have_seen() {
    let server = Server::start().await;
    let mut drivers = [Socket::driver(&server, "drv-1").await, Socket::driver(&server, "drv-2").await];
    let mut ann = Socket::dispatcher(&server, "ann").await;
    let mut cursors = Vec::new();
    for recipient in ["drv-1", "drv-2"] {
        let answer = ann.send(json!({ "recipientId": recipient, "content": "x" })).await;
        cursors.push(answer["messages"][0]["cursor"].clone());
    }
    // Every 30 s; each is told of the newest that they may see, which isn't the tenant's.
    let limit = Duration::from_secs(40);
    assert_eq!(ann.event_within(limit, "head").await["cursor"], cursors[1]);
    for (driver, cursor) in drivers.iter_mut().zip(&cursors) {
        assert_eq!(driver.event_within(limit, "head").await["cursor"], *cursor);
    }
}
