//! The supervised messaging connection against a server that the test plays itself, packet by
//! packet.

use crate::gateway::{Gateway, Peer};
use crate::unruly::{Answer, DEADLINE, jwt, signed_in};
use futures_util::{FutureExt, StreamExt};
use sally_client::messaging::{Failure, Messaging, Update};
use sally_client::{Server, Session};
use sally_protocol::auth::LoginRequest;
use sally_protocol::desktop::Link;
use sally_protocol::message::{Acknowledge, Mark, SendMessage, SetTyping};
use serde_json::{Value, json};
use tokio::time::timeout;

fn message(conversation: &str, seq: u64, cursor: &str, sender: &str) -> Value {
    let role = if sender == conversation { "driver" } else { "dispatcher" };
    json!({
        "messageId": format!("{conversation}-{seq}"), "conversationId": conversation, "seq": seq, "cursor": cursor,
        "senderId": sender, "senderRole": role, "recipientId": "dispatch", "content": "hi", "priority": "normal",
        "requiresAck": false, "timestamp": "2026-01-01T00:00:00Z", "clientMessageId": "x",
    })
}

fn session_event(cursor: &str) -> Value {
    json!({
        "userId": "ann", "tenantId": "acme", "role": "dispatcher", "cursor": cursor,
        "expiresAt": "2030-01-01T00:00:00Z"
    })
}

async fn session(gateway: &Gateway) -> Session {
    let token = jwt("fixed", 900);
    Session::issued(Server::check(gateway.url()).await.expect("a server"), move || token.clone())
}

async fn login(gateway: &Gateway) -> Session {
    let request = LoginRequest { email: "ann@acme.example".into(), password: "secret".into(), tenant: None };
    let checked = Server::check(gateway.url()).await.expect("a server");
    Session::login(checked, &request).await.expect("a session").0
}

/// A short word for an update.
fn word(update: &Update) -> String {
    match update {
        Update::Link(Link::Closed) => "closed".into(),
        Update::Link(Link::Connecting) => "connecting".into(),
        Update::Link(Link::Live) => "live".into(),
        Update::Link(Link::Retrying { .. }) => "retrying".into(),
        Update::Link(Link::SignedOut { .. }) => "signed out".into(),
        Update::Link(Link::Incompatible { .. }) => "incompatible".into(),
        Update::Message(message) => message.message_id.clone(),
        Update::Receipt(receipt) => format!("{} {:?}", receipt.kind.as_str(), receipt.seq),
        Update::Typing(typing) => format!("typing {}", typing.typing),
        Update::Presence(presence) => format!("{} online {}", presence.user_id, presence.online),
        Update::Note(note) => format!("{} notes {}", note.author_id, note.content),
        Update::Assignment(assignment) => format!("{} for {:?}", assignment.conversation_id, assignment.assignee_name),
        Update::TemplatesChanged => "templates".into(),
    }
}

async fn next(messaging: &mut Messaging) -> Update {
    timeout(DEADLINE, messaging.next()).await.expect("an update in time").expect("an update")
}

async fn words(messaging: &mut Messaging, n: usize) -> Vec<String> {
    let mut words = Vec::new();
    while words.len() < n {
        match timeout(DEADLINE, messaging.next()).await {
            Ok(Some(update)) => words.push(word(&update)),
            Ok(None) => panic!("the stream ended after {words:?}"),
            Err(_) => panic!("nothing more came after {words:?}"),
        }
    }
    words
}

/// An open connection at cursor `c0`, with the peer that serves it.
async fn connected(gateway: &mut Gateway, messaging: &mut Messaging) -> Peer {
    let mut peer = gateway.peer().await;
    peer.accept().await;
    peer.emit("session", session_event("c0")).await;
    assert_eq!(words(messaging, 2).await, ["connecting", "live"]);
    peer
}

#[tokio::test]
async fn it_is_live_when_the_server_says_session() {
    let mut gateway = Gateway::start().await;
    let mut messaging = Messaging::open(session(&gateway).await);
    let mut peer = gateway.peer().await;
    let connect = peer.receive().await;
    assert!(connect.starts_with("40/messaging,{\"token\":\"e30."), "{connect}");
    assert_eq!(words(&mut messaging, 1).await, ["connecting"]);
    let asked = messaging.commands().acknowledge(&Acknowledge { message_id: "m1".into() }).await;
    assert_eq!(asked, Err(Failure::Offline));
    let early = messaging.commands().mark_read(&Mark { conversation_id: "dan".parse().expect("an id"), seq: 1 }).await;
    assert_eq!(early, Err(Failure::Offline), "open isn't accepted");
    peer.send("40/messaging,{\"sid\":\"s\"}").await;
    peer.emit("session", session_event("c0")).await;
    assert_eq!(words(&mut messaging, 1).await, ["live"]);
}

#[tokio::test]
async fn events_are_typed_and_what_cannot_be_read_is_dropped() {
    let mut gateway = Gateway::start().await;
    let mut messaging = Messaging::open(session(&gateway).await);
    let peer = connected(&mut gateway, &mut messaging).await;
    let at = "2026-01-01T00:00:00Z";
    peer.emit("receipt", json!({"conversationId": "dan", "userId": "dan", "kind": "read", "seq": 3, "at": at})).await;
    for odd in [json!({}), json!(null), json!("x"), json!([1])] {
        for event in [
            "new_message",
            "receipt",
            "typing",
            "presence",
            "head",
            "note",
            "assignment",
            "templates_changed",
            "reconnect",
            "session",
            "other",
        ] {
            peer.emit(event, odd.clone()).await;
        }
    }
    peer.send("42/messaging,[\"typing\"]").await;
    peer.send("42/messaging,[]").await;
    peer.emit("typing", json!({"conversationId": "dan", "userId": "dan", "typing": true})).await;
    peer.emit("presence", json!({"userId": "dan", "online": true})).await;
    assert_eq!(words(&mut messaging, 3).await, ["read Some(3)", "typing true", "dan online true"]);
}

#[tokio::test]
async fn the_team_hears_of_notes_assignments_and_templates_and_a_catch_up_holds_none_of_them_back() {
    let mut gateway = Gateway::start().await;
    let mut messaging = Messaging::open(session(&gateway).await);
    let mut peer = connected(&mut gateway, &mut messaging).await;
    peer.emit("head", json!({"cursor": "c1"})).await;
    let (id, _) = peer.request("resume").await;
    let at = "2026-01-01T00:00:00Z";
    let note = json!({"noteId": "n1", "conversationId": "dan", "authorId": "bob", "content": "slow", "at": at,
                      "clientNoteId": "u1"});
    peer.emit("note", note).await;
    let assignment = json!({"conversationId": "dan", "assigneeId": "bob", "assigneeName": "Bob", "assignedBy": "ann",
                            "at": at});
    peer.emit("assignment", assignment).await;
    peer.emit("assignment", json!({"conversationId": "dan", "assignedBy": "ann", "at": at})).await;
    peer.emit("templates_changed", json!({"templateId": "t1"})).await;
    let expected = ["bob notes slow", "dan for Some(\"Bob\")", "dan for None", "templates"];
    assert_eq!(words(&mut messaging, 4).await, expected);
    peer.answer(id, json!({"ok": true, "messages": [], "more": false, "cursor": "c1"})).await;
}

#[tokio::test]
async fn messages_come_once_in_order_and_are_marked_delivered() {
    let mut gateway = Gateway::start().await;
    let mut messaging = Messaging::open(session(&gateway).await);
    let mut peer = connected(&mut gateway, &mut messaging).await;
    peer.emit("new_message", message("dan", 1, "c1", "dan")).await;
    peer.emit("new_message", message("dan", 1, "c1", "dan")).await;
    let (id, body) = peer.request("mark_delivered").await;
    assert_eq!(body, json!({"conversationId": "dan", "seq": 1}));
    // What arrives while an answer is due is marked together.
    peer.emit("new_message", message("dan", 2, "c2", "dan")).await;
    peer.emit("new_message", message("dan", 3, "c3", "bob")).await;
    peer.emit("new_message", message("dan", 4, "c4", "dan")).await;
    assert_eq!(words(&mut messaging, 4).await, ["dan-1", "dan-2", "dan-3", "dan-4"]);
    peer.answer(id, json!({"ok": true})).await;
    let (id, body) = peer.request("mark_delivered").await;
    assert_eq!(body, json!({"conversationId": "dan", "seq": 4}));
    peer.answer(id, json!({"ok": true})).await;
    peer.emit("new_message", message("dan", 5, "c5", "bob")).await;
    assert_eq!(words(&mut messaging, 1).await, ["dan-5"]);
    peer.emit("new_message", message("eve", 1, "c6", "eve")).await;
    let (_, body) = peer.request("mark_delivered").await;
    assert_eq!(body["conversationId"], "eve", "a colleague's message isn't marked");
}

#[tokio::test]
async fn a_lost_connection_resumes_until_there_is_no_more() {
    let mut gateway = Gateway::start().await;
    let mut messaging = Messaging::open(session(&gateway).await);
    let peer = connected(&mut gateway, &mut messaging).await;
    peer.emit("new_message", message("dan", 1, "c1", "bob")).await;
    assert_eq!(words(&mut messaging, 1).await, ["dan-1"]);
    drop(peer);
    assert_eq!(words(&mut messaging, 2).await, ["retrying", "connecting"]);

    let mut peer = gateway.peer().await;
    peer.accept().await;
    peer.emit("session", session_event("c9")).await;
    let (id, body) = peer.request("resume").await;
    assert_eq!(body, json!({"cursor": "c1"}));
    // It is pushed before the answer that leads up to it.
    peer.emit("new_message", message("dan", 5, "c5", "bob")).await;
    let page = [message("dan", 1, "c1", "bob"), message("dan", 2, "c2", "bob")];
    peer.answer(id, json!({"ok": true, "messages": page, "more": true, "cursor": "c2"})).await;
    let (id, body) = peer.request("resume").await;
    assert_eq!(body, json!({"cursor": "c2"}));
    let page = [message("dan", 3, "c3", "bob"), message("dan", 4, "c4", "bob")];
    peer.answer(id, json!({"ok": true, "messages": page, "more": false, "cursor": "c4"})).await;
    assert_eq!(words(&mut messaging, 5).await, ["dan-2", "dan-3", "dan-4", "dan-5", "live"]);
}

#[tokio::test]
async fn a_gap_and_a_foreign_head_are_filled() {
    let mut gateway = Gateway::start().await;
    let mut messaging = Messaging::open(session(&gateway).await);
    let mut peer = connected(&mut gateway, &mut messaging).await;
    peer.emit("new_message", message("dan", 1, "c1", "bob")).await;
    peer.emit("new_message", message("dan", 3, "c3", "bob")).await;
    let (id, body) = peer.request("resume").await;
    assert_eq!(body, json!({"cursor": "c1"}));
    let page = [message("dan", 2, "c2", "bob"), message("dan", 3, "c3", "bob")];
    peer.answer(id, json!({"ok": true, "messages": page, "more": false, "cursor": "c3"})).await;
    assert_eq!(words(&mut messaging, 3).await, ["dan-1", "dan-2", "dan-3"]);

    peer.emit("head", json!({"cursor": "c3"})).await;
    peer.emit("head", json!({"cursor": "c4"})).await;
    let (id, body) = peer.request("resume").await;
    assert_eq!(body, json!({"cursor": "c3"}), "the head that we knew asked for nothing");
    let page = [message("eve", 1, "c4", "bob")];
    peer.answer(id, json!({"ok": true, "messages": page, "more": false, "cursor": "c4"})).await;
    assert_eq!(words(&mut messaging, 1).await, ["eve-1"]);
}

#[tokio::test]
async fn a_gap_that_the_server_cannot_fill_stops_nothing() {
    let mut gateway = Gateway::start().await;
    let mut messaging = Messaging::open(session(&gateway).await);
    let mut peer = connected(&mut gateway, &mut messaging).await;
    peer.emit("new_message", message("dan", 1, "c1", "bob")).await;
    peer.emit("new_message", message("dan", 3, "c3", "bob")).await;
    for _ in 0..3 {
        let (id, _) = peer.request("resume").await;
        peer.answer(id, json!({"ok": true, "messages": [], "more": false, "cursor": "c1"})).await;
    }
    assert_eq!(words(&mut messaging, 2).await, ["dan-1", "dan-3"]);
}

#[tokio::test]
async fn a_sent_message_comes_back_in_its_place() {
    let mut gateway = Gateway::start().await;
    let mut messaging = Messaging::open(session(&gateway).await);
    let mut peer = connected(&mut gateway, &mut messaging).await;
    let commands = messaging.commands();
    let draft = SendMessage {
        recipient_id: "dan".parse().ok(),
        content: "On my way?".into(),
        client_message_id: "u1".into(),
        ..SendMessage::default()
    };
    let sending = tokio::spawn(async move { commands.send(&draft).await });
    let (id, body) = peer.request("send_message").await;
    assert_eq!((&body["recipientId"], &body["clientMessageId"]), (&json!("dan"), &json!("u1")));
    // Two other messages of the thread are older, and one of them was pushed and lost.
    peer.answer(id, json!({"ok": true, "messages": [message("dan", 3, "c3", "ann")], "duplicate": false})).await;
    let (id, body) = peer.request("resume").await;
    assert_eq!(body, json!({"cursor": "c0"}));
    let page = [message("dan", 1, "c1", "bob"), message("dan", 2, "c2", "bob"), message("dan", 3, "c3", "ann")];
    peer.answer(id, json!({"ok": true, "messages": page, "more": false, "cursor": "c3"})).await;
    assert_eq!(words(&mut messaging, 3).await, ["dan-1", "dan-2", "dan-3"]);
    let sent = sending.await.expect("a task").expect("an answer");
    assert_eq!((sent.messages[0].seq, sent.duplicate), (3, false));
}

#[tokio::test]
async fn a_refusal_reaches_the_caller_with_its_code() {
    let mut gateway = Gateway::start().await;
    let mut messaging = Messaging::open(session(&gateway).await);
    let mut peer = connected(&mut gateway, &mut messaging).await;
    let commands = messaging.commands();
    let typing = SetTyping { conversation_id: "dan".parse().expect("an id"), typing: true };
    let asking = tokio::spawn(async move { commands.set_typing(&typing).await });
    let (id, _) = peer.request("typing").await;
    let error = json!({"code": "rate_limited", "message": "Too fast.", "retryable": true, "retryAfterMs": 100});
    peer.answer(id, json!({"ok": false, "error": error})).await;
    let failure = asking.await.expect("a task").expect_err("a refusal");
    assert_eq!(
        (failure.code(), failure.is_retryable(), failure.to_string().as_str()),
        ("rate_limited", true, "Too fast.")
    );
}

#[tokio::test]
async fn requests_wait_for_each_other() {
    let mut gateway = Gateway::start().await;
    let mut messaging = Messaging::open(session(&gateway).await);
    let mut peer = connected(&mut gateway, &mut messaging).await;
    for seq in 1..=3 {
        let commands = messaging.commands();
        let mark = Mark { conversation_id: "dan".parse().expect("an id"), seq };
        tokio::spawn(async move { commands.mark_read(&mark).await });
    }
    for _ in 1..=3 {
        let (id, _) = peer.request("mark_read").await;
        // A second request on its way would come before what we send now comes back.
        peer.emit("typing", json!({"conversationId": "dan", "userId": "dan", "typing": true})).await;
        assert_eq!(words(&mut messaging, 1).await, ["typing true"]);
        assert!(peer.is_quiet().await, "one request at a time");
        peer.answer(id, json!({"ok": true})).await;
    }
}

#[tokio::test]
async fn a_lost_connection_answers_what_waits() {
    let mut gateway = Gateway::start().await;
    let mut messaging = Messaging::open(session(&gateway).await);
    let mut peer = connected(&mut gateway, &mut messaging).await;
    let commands = messaging.commands();
    let mark = Mark { conversation_id: "dan".parse().expect("an id"), seq: 1 };
    let asking = tokio::spawn(async move { commands.mark_read(&mark).await });
    peer.request("mark_read").await;
    drop(peer);
    let result = timeout(DEADLINE, asking).await.expect("an answer in time").expect("a task");
    assert_eq!(result, Err(Failure::NoAnswer));
}

#[tokio::test]
async fn a_refused_token_is_renewed_once() {
    let mut gateway = Gateway::start().await;
    let unruly = gateway.unruly.clone();
    unruly.script("/auth/login", [signed_in(&jwt("old", 900), "r1")]);
    unruly.script("/auth/refresh", [signed_in(&jwt("new", 900), "r2"), signed_in(&jwt("newer", 900), "r3")]);
    let mut messaging = Messaging::open(login(&gateway).await);
    let mut peer = gateway.peer().await;
    assert!(peer.receive().await.contains(".old\""));
    peer.send("44/messaging,{\"message\":\"token_expired\"}").await;
    let mut peer = gateway.peer().await;
    assert!(peer.receive().await.contains(".new\""));
    peer.send("44/messaging,{\"message\":\"unauthorized\"}").await;
    assert_eq!(words(&mut messaging, 3).await, ["connecting", "connecting", "signed out"]);
    assert_eq!(timeout(DEADLINE, messaging.next()).await.expect("an end in time"), None);
    assert_eq!(unruly.seen("/auth/refresh").len(), 1);
}

#[tokio::test]
async fn other_refusals_say_what_to_do() {
    for (refusal, expected, sentence) in [
        ("forbidden", "signed out", "may not use messaging"),
        ("too_many_connections", "retrying", "too many places"),
        ("Invalid namespace", "retrying", "Invalid namespace"),
    ] {
        let mut gateway = Gateway::start().await;
        let mut messaging = Messaging::open(session(&gateway).await);
        let mut peer = gateway.peer().await;
        peer.receive().await;
        peer.send(&format!("44/messaging,{{\"message\":\"{refusal}\"}}")).await;
        assert_eq!(words(&mut messaging, 1).await, ["connecting"]);
        let update = next(&mut messaging).await;
        assert_eq!(word(&update), expected);
        assert!(format!("{update:?}").contains(sentence), "{update:?}");
    }
}

#[tokio::test]
async fn a_newer_server_is_not_spoken_to() {
    let gateway = Gateway::start().await;
    let session = session(&gateway).await;
    gateway.unruly.script("/healthz", [Answer::json(json!({"name": "sally-realtime", "protocol": 2}))]);
    let mut messaging = Messaging::open(session);
    assert_eq!(words(&mut messaging, 2).await, ["connecting", "incompatible"]);
}

#[tokio::test]
async fn a_server_that_ends_the_connection_is_found_again() {
    let mut gateway = Gateway::start().await;
    let mut messaging = Messaging::open(session(&gateway).await);
    let mut peer = connected(&mut gateway, &mut messaging).await;
    peer.send("41/messaging,").await;
    assert_eq!(words(&mut messaging, 2).await, ["retrying", "connecting"]);
    // The transport of the old attempt is gone, and there is exactly one new one.
    assert!(peer.is_closed().await);
    let mut peer = gateway.peer().await;
    peer.accept().await;
    peer.emit("session", session_event("c0")).await;
    let (id, _) = peer.request("resume").await;
    peer.answer(id, json!({"ok": true, "messages": [], "more": false, "cursor": "c0"})).await;
    assert_eq!(words(&mut messaging, 1).await, ["live"]);
    assert_eq!(gateway.open(), 1);
}

#[tokio::test]
async fn a_draining_server_is_left_without_a_failure() {
    let mut gateway = Gateway::start().await;
    let mut messaging = Messaging::open(session(&gateway).await);
    let mut peer = connected(&mut gateway, &mut messaging).await;
    peer.emit("reconnect", json!({"afterMs": 10})).await;
    assert!(peer.is_closed().await, "left by the clock");
    assert_eq!(words(&mut messaging, 1).await, ["connecting"]);

    let mut peer = gateway.peer().await;
    peer.accept().await;
    peer.emit("session", session_event("c0")).await;
    let (id, _) = peer.request("resume").await;
    peer.answer(id, json!({"ok": true, "messages": [], "more": false, "cursor": "c0"})).await;
    peer.emit("reconnect", json!({"afterMs": 20_000})).await;
    peer.emit("presence", json!({"userId": "dan", "online": true})).await;
    assert_eq!(words(&mut messaging, 2).await, ["live", "dan online true"]);
    drop(peer);
    assert_eq!(words(&mut messaging, 1).await, ["connecting"], "left by the server");
    gateway.peer().await;
}

#[tokio::test]
async fn a_token_about_to_end_is_handed_over_on_the_open_connection() {
    let mut gateway = Gateway::start().await;
    gateway.unruly.script("/auth/login", [signed_in(&jwt("old", 900), "r1")]);
    gateway.unruly.script("/auth/refresh", [signed_in(&jwt("new", 900), "r2")]);
    let mut messaging = Messaging::open(login(&gateway).await);
    let mut peer = connected(&mut gateway, &mut messaging).await;
    peer.emit("auth_expiring", json!({"expiresAt": "2030-01-01T00:00:00Z"})).await;
    let (id, body) = peer.request("refresh_auth").await;
    assert!(body["token"].as_str().is_some_and(|token| token.ends_with(".new")), "{body}");
    peer.answer(id, json!({"ok": true})).await;
    peer.emit("presence", json!({"userId": "dan", "online": true})).await;
    assert_eq!(words(&mut messaging, 1).await, ["dan online true"], "the connection goes on");
}

#[tokio::test]
async fn close_returns_when_the_socket_is_closed_in_every_state() {
    let mark = Mark { conversation_id: "dan".parse().expect("an id"), seq: 1 };

    // Live.
    let mut gateway = Gateway::start().await;
    let mut messaging = Messaging::open(session(&gateway).await);
    let mut peer = connected(&mut gateway, &mut messaging).await;
    timeout(DEADLINE, messaging.commands().close()).await.expect("closed in time");
    assert_eq!(messaging.next().now_or_never(), Some(Some(Update::Link(Link::Closed))), "it is over already");
    assert_eq!(messaging.next().now_or_never(), Some(None));
    assert_eq!(peer.receive().await, "41/messaging,");
    assert!(peer.is_closed().await);

    // Waiting for the server's word.
    let messaging = Messaging::open(session(&gateway).await);
    let mut peer = gateway.peer().await;
    peer.receive().await;
    timeout(DEADLINE, messaging.commands().close()).await.expect("closed in time");
    assert!(peer.is_closed().await);

    // Waiting for an answer, with nobody listening to updates.
    let mut messaging = Messaging::open(session(&gateway).await);
    let mut peer = connected(&mut gateway, &mut messaging).await;
    let commands = messaging.commands();
    let asking = tokio::spawn({
        let (commands, mark) = (commands.clone(), mark.clone());
        async move { commands.mark_read(&mark).await }
    });
    peer.request("mark_read").await;
    for seq in 1..=2_000 {
        peer.emit("new_message", message("dan", seq, &format!("c{seq}"), "bob")).await;
    }
    timeout(DEADLINE, commands.close()).await.expect("closed in time");
    assert!(peer.is_closed().await);
    assert_eq!(asking.await.expect("a task"), Err(Failure::NoAnswer));

    // Waiting for the next attempt.
    let mut messaging = Messaging::open(session(&gateway).await);
    let mut peer = gateway.peer().await;
    peer.receive().await;
    peer.send("44/messaging,{\"message\":\"too_many_connections\"}").await;
    assert_eq!(words(&mut messaging, 2).await, ["connecting", "retrying"]);
    assert_eq!(messaging.commands().mark_read(&mark).await, Err(Failure::Offline));
    timeout(DEADLINE, messaging.commands().close()).await.expect("closed in time");
    assert!(peer.is_closed().await);

    // Closed already.
    timeout(DEADLINE, messaging.commands().close()).await.expect("closed in time");
    assert_eq!(messaging.commands().mark_read(&mark).await, Err(Failure::Offline));
}

#[tokio::test]
async fn dropping_it_closes_the_socket() {
    let mut gateway = Gateway::start().await;
    let mut messaging = Messaging::open(session(&gateway).await);
    let mut peer = connected(&mut gateway, &mut messaging).await;
    drop(messaging);
    assert!(peer.is_closed().await);
}

#[tokio::test]
async fn a_listener_that_falls_behind_loses_nothing() {
    const MANY: u64 = 4_000;
    let mut gateway = Gateway::start().await;
    let mut messaging = Messaging::open(session(&gateway).await);
    let mut peer = connected(&mut gateway, &mut messaging).await;
    // Far more than the queues hold while nobody listens, each thread's first message among them.
    for n in 1..=MANY {
        peer.emit("new_message", message(&format!("d{n}"), 1, &format!("c{n}"), "bob")).await;
    }
    assert!(peer.is_closed().await, "a connection that can't be kept up with is given up");

    let serving = tokio::spawn(async move {
        let mut peer = gateway.peer().await;
        peer.accept().await;
        peer.emit("session", session_event(&format!("c{MANY}"))).await;
        loop {
            let (id, body) = peer.request("resume").await;
            let from: u64 = body["cursor"].as_str().and_then(|cursor| cursor[1..].parse().ok()).expect("a cursor");
            let to = MANY.min(from + 200);
            let page: Vec<_> = (from + 1..=to).map(|n| message(&format!("d{n}"), 1, &format!("c{n}"), "bob")).collect();
            let more = to < MANY;
            peer.answer(id, json!({"ok": true, "messages": page, "more": more, "cursor": format!("c{to}")})).await;
            if !more {
                return peer;
            }
        }
    });
    let mut expected = 1;
    while expected <= MANY {
        if let Update::Message(message) = next(&mut messaging).await {
            assert_eq!(message.message_id, format!("d{expected}-1"));
            expected += 1;
        }
    }
    serving.await.expect("a peer");
}
