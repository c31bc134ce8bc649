//! What clients send that they should not: it is refused in the contract's words or ends the
//! connection, and disturbs nobody.

use std::time::Duration;

use sally_client::bare::{Connection, Error, Incoming};
use sally_protocol::Role;
use sally_protocol::message::NAMESPACE;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::messaging::{Socket, code};
use crate::packets::{Polling, Wire};
use crate::support::{PATIENCE, Server, until};

/// The largest packet that is taken.
const MAX_PACKET_BYTES: usize = 128 * 1024;

fn message(content: &str) -> Value {
    json!({ "recipientId": "drv-1", "content": content })
}

#[tokio::test]
async fn a_field_of_another_type_is_invalid() {
    let server = Server::start().await;
    let mut driver = Socket::driver(&server, "drv-1").await;
    let mut ann = Socket::dispatcher(&server, "ann").await;
    driver.send(json!({ "content": "hello" })).await;
    let whole = [
        (
            "send_message",
            json!({ "recipientId": "drv-1", "content": "x", "clientMessageId": Uuid::nil(), "priority": "normal",
            "requiresAck": false, "alertId": "a-1", "routePlanId": "p-1" }),
        ),
        ("resume", json!({ "cursor": ann.session["cursor"], "limit": 5 })),
        ("mark_delivered", json!({ "conversationId": "drv-1", "seq": 1 })),
        ("mark_read", json!({ "conversationId": "drv-1", "seq": 1 })),
        ("typing", json!({ "conversationId": "drv-1", "typing": true })),
    ];
    let odd =
        [json!(7), json!(-1), json!(1.5), json!(true), json!("\u{0}"), json!("a b"), json!([1]), json!({ "a": 1 })];
    for (event, request) in whole {
        for field in request.as_object().unwrap().keys() {
            for odd in &odd {
                let mut request = request.clone();
                request[field] = odd.clone();
                let answer = ann.call(event, request.clone()).await;
                // What is another value of the right type is no mistake, or one of another kind.
                match (event, field.as_str(), odd) {
                    (_, "seq" | "limit", Value::Number(n)) if n.is_u64() => assert_eq!(answer["ok"], true),
                    (_, "typing" | "requiresAck", Value::Bool(_)) => assert!(answer.get("ok").is_some()),
                    ("send_message", "content", Value::String(text)) if text == "a b" => assert_eq!(answer["ok"], true),
                    _ if code(&answer) == "rate_limited" => {
                        let wait = answer["error"]["retryAfterMs"].as_u64().unwrap();
                        tokio::time::sleep(Duration::from_millis(wait)).await;
                    }
                    _ => assert_eq!(code(&answer), "invalid", "{event} {request}"),
                }
            }
        }
        for odd in [json!(null), json!(7), json!("x"), json!([]), json!([{}])] {
            assert!(["invalid", "rate_limited"].contains(&code(&ann.call(event, odd).await)), "{event}");
        }
    }
    let acknowledge = json!({ "messageId": 7 });
    assert_eq!(code(&ann.call("acknowledge_message", acknowledge).await), "invalid");
    assert_eq!(code(&ann.call("acknowledge_message", json!({})).await), "invalid");
    assert_eq!(code(&ann.call("refresh_auth", json!({ "token": 7 })).await), "invalid");
    assert_eq!(code(&ann.call("refresh_auth", json!({ "token": "nonsense" })).await), "forbidden");
}

#[tokio::test]
async fn arguments_that_are_no_single_object_are_invalid() {
    let server = Server::start().await;
    let deep = format!(",{}{}", "[".repeat(5_000), "]".repeat(5_000));
    let deep_object = format!(",{}1{}", r#"{"a":"#.repeat(5_000), "}".repeat(5_000));
    let mut wire = Wire::entered(&server, "drv-1", Role::Driver).await;
    for (id, (arguments, answer)) in [
        ("", "invalid"),
        (",null", "invalid"),
        (",[],{}", "invalid"),
        (",1e999", "invalid"),
        (&deep, "invalid"),
        (&deep_object, "invalid"),
        // An attachment that isn't there.
        (r#",{"_placeholder":true,"num":0}"#, "invalid"),
        // Half of a surrogate pair is no text.
        (r#",{"conversationId":"\ud83d","typing":true}"#, "invalid"),
        // Of the same key twice the last counts, and of several arguments the first.
        (r#",{"conversationId":"drv-1","conversationId":"drv-2","typing":true}"#, "not_found"),
        (r#",{"conversationId":"drv-1","typing":true},{"conversationId":"drv-2"}"#, "ok"),
    ]
    .into_iter()
    .enumerate()
    {
        wire.send(format!(r#"42/messaging,{id}["typing"{arguments}]"#)).await;
        let given = wire.answer(id as u64).await;
        let given = if given["ok"] == true { "ok" } else { code(&given) };
        assert_eq!(given, answer, "{arguments:.80}");
    }
    for no_json in [r#",{"conversationId":"drv-1""#, r#",{"typing":tru}"#, ",{},", ",{'a':1}", ",\u{0}"] {
        let mut wire = Wire::entered(&server, "drv-1", Role::Driver).await;
        wire.send(format!(r#"42/messaging,1["typing"{no_json}]"#)).await;
        wire.assert_closed(no_json).await;
    }
}

#[tokio::test]
async fn unknown_events_are_answered_and_unanswered_ones_served() {
    let server = Server::start().await;
    let mut driver = Socket::driver(&server, "drv-1").await;
    let mut wire = Wire::entered(&server, "ann", Role::Dispatcher).await;
    // Nobody gets into a room by asking, nor speaks as the server does.
    for (id, event) in
        ["join", "subscribe", "new_message", "session", "connect", "disconnect", "error", "", "__proto__"]
            .into_iter()
            .enumerate()
    {
        let event = json!([event, { "room": "tenant:globex", "rooms": ["tenant:acme:user:drv-1"] }]);
        wire.send(format!("42/messaging,{id}{event}")).await;
        assert_eq!(wire.answer(id as u64).await["error"]["code"], "invalid", "{event}");
    }
    let mut request = message("without an id");
    request["clientMessageId"] = json!(Uuid::new_v4());
    wire.send(format!("42/messaging,{}", json!(["send_message", request]))).await;
    assert_eq!(driver.event("new_message").await["content"], "without an id");
}

#[tokio::test]
async fn rooms_and_senders_come_from_the_token_alone() {
    let server = Server::start().await;
    let mut theirs = Socket::open(server.url(), &server.token("globex", "drv-1", Role::Driver)).await;
    let mut driver = Socket::driver(&server, "drv-1").await;
    let mut ann = Socket::dispatcher(&server, "ann").await;
    let mut forged = message("hello");
    for (field, value) in [
        ("senderId", json!("bob")),
        ("senderRole", json!("owner")),
        ("tenantId", json!("globex")),
        ("conversationId", json!("drv-2")),
        ("seq", json!(99)),
        ("cursor", json!("x")),
        ("messageId", json!("mine")),
        ("timestamp", json!("2000-01-01T00:00:00Z")),
        ("rooms", json!(["tenant:globex"])),
    ] {
        forged[field] = value;
    }
    assert_eq!(ann.send(forged).await["ok"], true);
    let seen = driver.event("new_message").await;
    assert_eq!(
        (&seen["senderId"], &seen["senderRole"], &seen["conversationId"], &seen["seq"]),
        (&json!("ann"), &json!("dispatcher"), &json!("drv-1"), &json!(1))
    );
    assert!(seen["messageId"] != "mine" && seen["timestamp"].as_str().unwrap() > "2020", "{seen}");
    let none = tokio::time::timeout(Duration::from_millis(200), theirs.connection.next()).await;
    assert!(none.is_err(), "{none:?}");
}

#[tokio::test]
async fn what_is_foreign_is_answered_as_what_is_unknown() {
    let server = Server::start().await;
    let globex = |user: &str, role| server.token("globex", user, role);
    let mut their_driver = Socket::open(server.url(), &globex("drv-9", Role::Driver)).await;
    let theirs = their_driver.send(json!({ "content": "theirs", "requiresAck": true })).await;
    let their_cursor = theirs["messages"][0]["cursor"].clone();
    let mut driver = Socket::driver(&server, "drv-1").await;
    driver.send(json!({ "content": "ours" })).await;
    let mut ann = Socket::dispatcher(&server, "ann").await;
    let foreign_id = theirs["messages"][0]["messageId"].clone();
    let unknown_id = json!(Uuid::new_v4());
    for (event, foreign, unknown) in [
        ("acknowledge_message", json!({ "messageId": foreign_id }), json!({ "messageId": unknown_id })),
        ("mark_read", json!({ "conversationId": "drv-9", "seq": 1 }), json!({ "conversationId": "nobody", "seq": 1 })),
        (
            "mark_delivered",
            json!({ "conversationId": "drv-9", "seq": 1 }),
            json!({ "conversationId": "ann", "seq": 1 }),
        ),
        (
            "typing",
            json!({ "conversationId": "drv-9", "typing": true }),
            json!({ "conversationId": "x", "typing": true }),
        ),
        ("resume", json!({ "cursor": their_cursor }), json!({ "cursor": "unknown" })),
    ] {
        for socket in [&mut ann, &mut driver] {
            let (foreign, unknown) =
                (socket.call(event, foreign.clone()).await, socket.call(event, unknown.clone()).await);
            assert_eq!(foreign, unknown, "{event}");
            assert_eq!(code(&foreign), if event == "resume" { "invalid" } else { "not_found" }, "{event}");
        }
    }
    // A driver's own tenant has others' messages, which are unknown to them, too.
    let mut other = Socket::driver(&server, "drv-2").await;
    let others = other.send(json!({ "content": "to dispatch" })).await;
    let acknowledge = |id: &Value| json!({ "messageId": id });
    let colleague = driver.call("acknowledge_message", acknowledge(&others["messages"][0]["messageId"])).await;
    assert_eq!(colleague, driver.call("acknowledge_message", acknowledge(&unknown_id)).await);
}

#[tokio::test]
async fn text_is_passed_on_as_it_is_or_refused() {
    let server = Server::start().await;
    let mut driver = Socket::driver(&server, "drv-1").await;
    let mut ann = Socket::dispatcher(&server, "ann").await;
    let longest = "🚚".repeat(2_500);
    for text in [
        // Right-to-left marks, overrides and isolates, left open.
        "\u{202e}evil\u{2066}\u{200f}",
        // Combining marks, joiners, variation selectors, a noncharacter, a private one.
        "Z\u{351}\u{36f}\u{489}",
        "👨\u{200d}👩\u{200d}👧\u{fe0f}",
        "\u{feff}\u{fffe}\u{e000}\u{10ffff}",
        "<script>alert(1)</script> ' OR 1=1; -- %s \\u0000 {{7*7}}",
        " \n\t ",
        longest.as_str(),
    ] {
        assert_eq!(ann.send(message(text)).await["ok"], true, "{text:?}");
        assert_eq!(driver.event("new_message").await["content"], text);
    }
    let list: Value = server
        .get("/api/conversations/drv-1/messages", &server.token("acme", "ann", Role::Dispatcher))
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(list["messages"][0]["content"], "\u{202e}evil\u{2066}\u{200f}");
    for (text, refusal) in [
        ("", "invalid"),
        ("a\u{0}", "invalid"),
        ("\r\n", "invalid"),
        ("\u{1b}[31m", "invalid"),
        ("\u{7f}", "invalid"),
        ("\u{9b}", "invalid"),
        ("🚚".repeat(2_501).as_str(), "too_long"),
        ("x".repeat(30_000).as_str(), "too_long"),
    ] {
        let answer = ann.send(message(text)).await;
        assert_eq!((code(&answer), &answer["error"]["retryable"]), (refusal, &json!(false)), "{text:.20?}");
    }
}

#[tokio::test]
async fn a_packet_may_be_so_large_and_no_larger() {
    let server = Server::start().await;
    let padded = |size: usize| {
        let request = json!(["typing", { "conversationId": "drv-1", "typing": true, "padding": "" }]);
        let packet = format!("42/messaging,1{request}");
        packet.replace(r#""padding":"""#, &format!(r#""padding":"{}""#, "x".repeat(size - packet.len())))
    };
    let mut wire = Wire::entered(&server, "drv-1", Role::Driver).await;
    wire.send(padded(MAX_PACKET_BYTES)).await;
    assert_eq!(wire.answer(1).await, json!({ "ok": true }));
    wire.send(padded(MAX_PACKET_BYTES + 1)).await;
    wire.assert_closed("the packet was too large").await;

    let mut polling = Polling::entered(&server, "drv-1", Role::Driver).await;
    polling.post(padded(MAX_PACKET_BYTES)).await;
    assert_eq!(polling.packet("43/messaging,1").await, r#"[{"ok":true}]"#);
    assert_eq!(polling.try_post(padded(MAX_PACKET_BYTES + 1)).await.status(), 413);
    polling.assert_gone().await;
    // Nor in several packets, nor without an end.
    let polling = Polling::entered(&server, "drv-1", Role::Driver).await;
    let many = "3\u{1e}".repeat(MAX_PACKET_BYTES);
    assert_eq!(polling.try_post(many).await.status(), 413);
    until("nobody is left", async || server.metric("sally_messaging_connections").await == 0.0).await;
}

#[tokio::test]
async fn attachments_are_no_argument() {
    let server = Server::start().await;
    let mut wire = Wire::entered(&server, "drv-1", Role::Driver).await;
    let event = r#"["send_message",{"content":{"_placeholder":true,"num":0},"clientMessageId":"x"}]"#;
    wire.send(format!("451-/messaging,1{event}")).await;
    wire.send_binary(vec![1, 2, 3]).await;
    assert_eq!(wire.answer(1).await["error"]["code"], "invalid");
    // Text where an attachment is due, and an attachment where none is.
    wire.send(format!("451-/messaging,2{event}")).await;
    wire.send(format!("42/messaging,3{event}")).await;
    wire.assert_closed("text came where an attachment was due").await;
    let mut wire = Wire::entered(&server, "drv-1", Role::Driver).await;
    wire.send_binary(vec![1, 2, 3]).await;
    wire.assert_closed("an attachment came of nothing").await;
    // Neither many nor large ones are kept.
    let mut wire = Wire::entered(&server, "drv-1", Role::Driver).await;
    wire.send(format!("4511-/messaging,{event}")).await;
    wire.assert_closed("there are too many").await;
    let mut wire = Wire::entered(&server, "drv-1", Role::Driver).await;
    wire.send(format!("453-/messaging,{event}")).await;
    for _ in 0..2 {
        wire.send_binary(vec![0; MAX_PACKET_BYTES * 2 / 3]).await;
    }
    wire.assert_closed("they are too large").await;
    // Attachments over polling are base64.
    let mut polling = Polling::entered(&server, "drv-1", Role::Driver).await;
    polling.post(format!("451-/messaging,1{event}\u{1e}bAQID")).await;
    let answer: Value = serde_json::from_str(&polling.packet("43/messaging,1").await).unwrap();
    assert_eq!(answer[0]["error"]["code"], "invalid");
}

#[tokio::test]
async fn a_burst_is_answered_to_its_last_request() {
    let server = Server::start().await;
    let mut wire = Wire::entered(&server, "drv-1", Role::Driver).await;
    for id in 0..200 {
        let message = json!(["send_message", { "content": "x", "clientMessageId": Uuid::new_v4() }]);
        wire.send(format!("42/messaging,{id}{message}")).await;
    }
    let mut stored = 0;
    for id in 0..200 {
        let answer = wire.answer(id).await;
        stored += u64::from(answer["ok"] == true);
        assert!(answer["ok"] == true || code(&answer) == "rate_limited", "{answer}");
    }
    // Thirty at once, and ten more for each second that it took.
    assert!((30..100).contains(&stored), "{stored}");
}

#[tokio::test]
async fn whoever_asks_without_waiting_is_put_out() {
    let server = Server::start().await;
    let mut wire = Wire::entered(&server, "drv-1", Role::Driver).await;
    let mut ann = Socket::dispatcher(&server, "ann").await;
    for id in 0..20_000 {
        if wire.try_send(format!(r#"42/messaging,{id}["resume",{{}}]"#)).await.is_err() {
            break;
        }
    }
    let left = async { while wire.next_word().await.is_some_and(|packet| packet != "41/messaging,") {} };
    tokio::time::timeout(PATIENCE, left).await.expect("put out in time");
    assert_eq!(ann.send(message("x")).await["ok"], true);
    until("ann is left", async || server.metric("sally_messaging_connections").await == 1.0).await;
}

#[tokio::test]
async fn refusals_of_a_connection_say_why() {
    let server = Server::with(|config| config.max_streams_per_user = 2).await;
    let refusal = async |auth: &str| {
        let mut wire = Wire::open(&server).await;
        wire.send(format!("40/messaging,{auth}")).await;
        let refusal: Value = serde_json::from_str(&wire.packet("44/messaging,").await).unwrap();
        refusal["message"].as_str().unwrap().to_owned()
    };
    for auth in
        ["", "{}", "null", "[]", "7", r#""token""#, "{", r#"{"token":7}"#, r#"{"token":""}"#, r#"{"token":"a.b.c"}"#]
    {
        assert_eq!(refusal(auth).await, "unauthorized", "{auth:?}");
    }
    let with = |token: String| json!({ "token": token }).to_string();
    let token = server.token("acme", "ann", Role::Dispatcher);
    let (head, signature) = token.rsplit_once('.').unwrap();
    let forged = format!("{head}.{}", signature.chars().rev().collect::<String>());
    assert_eq!(refusal(&with(forged)).await, "unauthorized");
    assert_eq!(
        refusal(&with(server.token_for("acme", "ann", Role::Dispatcher, None, Duration::ZERO))).await,
        "token_expired"
    );
    assert_eq!(refusal(&with(server.token("acme", "svc", Role::Service))).await, "forbidden");
    let sockets = [Socket::open(server.url(), &token).await, Socket::open(server.url(), &token).await];
    assert_eq!(refusal(&with(token.clone())).await, "too_many_connections");
    // Others are counted for themselves, and a place that was given up is free again.
    Socket::dispatcher(&server, "bob").await;
    drop(sockets);
    until("a place is free", async || {
        Connection::open(server.url(), NAMESPACE, &json!({ "token": token })).await.is_ok()
    })
    .await;
}

#[tokio::test]
async fn a_token_that_ends_ends_what_it_was_good_for() {
    let server = Server::start().await;
    let short = server.token_for("acme", "ann", Role::Dispatcher, None, Duration::from_secs(2));
    let mut ann = Socket::open(server.url(), &short).await;
    let mut driver = Socket::driver(&server, "drv-1").await;
    let expiring = ann.event("auth_expiring").await;
    assert_eq!(expiring["expiresAt"], ann.session["expiresAt"]);
    // Not with a token of another role, tenant or user, nor with one that has ended.
    for (tenant, user, role) in
        [("acme", "ann", Role::Admin), ("globex", "ann", Role::Dispatcher), ("acme", "bob", Role::Dispatcher)]
    {
        let other = json!({ "token": server.token(tenant, user, role) });
        assert_eq!(code(&ann.call("refresh_auth", other).await), "forbidden", "{tenant} {user} {role:?}");
    }
    let ended = server.token_for("acme", "ann", Role::Dispatcher, None, Duration::ZERO);
    assert_eq!(code(&ann.call("refresh_auth", json!({ "token": ended })).await), "forbidden");
    let closed = async {
        loop {
            match ann.connection.next().await {
                Ok(Incoming::Event(_) | Incoming::Ack { .. }) => {}
                Err(error) => return error,
            }
        }
    };
    let closed = tokio::time::timeout(PATIENCE, closed).await.expect("put out in time");
    assert!(matches!(closed, Error::Closed), "{closed:?}");
    assert_eq!(driver.send(json!({ "content": "anybody?" })).await["ok"], true);
    let list: Value =
        server.get("/api/conversations", &server.token("acme", "drv-1", Role::Driver)).await.json().await.unwrap();
    assert_eq!(list["conversations"][0]["online"], false, "nobody of the team is there");
}
