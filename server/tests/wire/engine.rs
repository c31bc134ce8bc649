//! Engine.IO, version 4, by its letter: the cases of the protocol's own test suite, and what else
//! its text says of handshakes, payloads, heartbeats, closing and upgrades.
//!
//! <https://socket.io/docs/v4/engine-io-protocol/>,
//! <https://github.com/socketio/engine.io-protocol/tree/main/test-suite>
//!
//! What of the suite isn't here: that messages come back as they were sent, since this server has no
//! echo; packets reach [`crate::namespace`] and are answered there. Its short ping timeout, which here is
//! 20 s and not a setting. Version 3, which is refused.

use std::time::Duration;

use sally_protocol::Role;
use serde_json::json;

use crate::packets::{Begun, Polling, Wire, handshake};
use crate::support::{Server, problem, until};

#[tokio::test]
async fn a_handshake_says_what_the_session_is() {
    let server = Server::with(|config| config.heartbeat = Duration::from_millis(700)).await;
    let url = server.path("/socket.io/?EIO=4&transport=polling");
    let answer = server.http.get(&url).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "text/plain; charset=UTF-8");
    let open = handshake(&answer.text().await.unwrap());
    assert_eq!((&open["pingInterval"], &open["pingTimeout"]), (&json!(700), &json!(20_000)));
    let other = handshake(&server.http.get(&url).send().await.unwrap().text().await.unwrap());
    assert_ne!(open["sid"], other["sid"]);
    Wire::open(&server).await;
}

/// The code of Engine.IO's own refusals.
async fn refusal(answer: reqwest::Response) -> serde_json::Value {
    assert_eq!(answer.status(), 400);
    let body: serde_json::Value = answer.json().await.unwrap();
    body["code"].clone()
}

#[tokio::test]
async fn handshakes_of_another_shape_are_refused() {
    let server = Server::start().await;
    for (query, code) in [
        ("", 0),
        ("?transport=polling", 5),
        ("?EIO=abc&transport=polling", 5),
        ("?EIO=3&transport=polling", 5),
        ("?EIO=5&transport=polling", 5),
        ("?EIO=4", 0),
        ("?EIO=4&transport=abc", 0),
        ("?EIO=4&transport=polling&sid=nobody", 1),
        ("?EIO=4&transport=polling&sid=", 1),
        ("?EIO=4&transport=polling&sid=AAAAAAAAAAAAAAAB", 1),
    ] {
        let answer = server.http.get(server.path(&format!("/socket.io/{query}"))).send().await.unwrap();
        assert_eq!(refusal(answer).await, code, "{query:?}");
        let path = format!("/socket.io/{}", query.replace("polling", "websocket"));
        assert_eq!(Wire::at(&server, &path, &[]).await.err().map(|status| status.as_u16()), Some(400), "{path}");
    }
    let url = server.path("/socket.io/?EIO=4&transport=polling");
    assert_eq!(refusal(server.http.post(&url).send().await.unwrap()).await, 2);
    assert_eq!(refusal(server.http.put(&url).send().await.unwrap()).await, 2);
    let no_upgrade = server.http.get(server.path("/socket.io/?EIO=4&transport=websocket")).send().await.unwrap();
    assert_eq!(no_upgrade.status(), 400);
}

#[tokio::test]
async fn a_payload_holds_several_packets() {
    let server = Server::start().await;
    let mut polling = Polling::entered(&server, "drv-1", Role::Driver).await;
    let typing = json!(["typing", { "conversationId": "drv-1", "typing": true }]);
    polling.post(format!("42/messaging,1{typing}\u{1e}3\u{1e}42/messaging,2{typing}")).await;
    for id in 1..=2 {
        assert_eq!(polling.packet(&format!("43/messaging,{id}")).await, r#"[{"ok":true}]"#);
    }
}

#[tokio::test]
async fn what_is_no_packet_ends_the_session() {
    let server = Server::start().await;
    for nonsense in ["abc", "", "9", "\u{1e}", "4\u{1e}x", "b!!!"] {
        let polling = Polling::entered(&server, "ann", Role::Dispatcher).await;
        let status = polling.try_post(nonsense).await.status();
        assert!(status == 400 || (status == 200 && nonsense.is_empty()), "{status} for {nonsense:?}");
        // An empty body holds no packet, and does no harm.
        match nonsense {
            "" => assert!(!polling.is_gone().await),
            _ => polling.assert_gone().await,
        }
        let mut wire = Wire::entered(&server, "ann", Role::Dispatcher).await;
        wire.send(nonsense).await;
        wire.assert_closed(nonsense).await;
    }
    // These are packets, and not for a client to send.
    for packet in ["0", r#"0{"sid":"x"}"#, "5", "6"] {
        let polling = Polling::entered(&server, "ann", Role::Dispatcher).await;
        assert_eq!(polling.try_post(packet).await.status(), 400, "{packet}");
        let mut wire = Wire::entered(&server, "ann", Role::Dispatcher).await;
        wire.send(packet).await;
        wire.assert_closed(packet).await;
    }
    let polling = Polling::entered(&server, "ann", Role::Dispatcher).await;
    assert_eq!(polling.try_post(vec![0x34, 0xff, 0xfe]).await.status(), 400, "not UTF-8");
    polling.assert_gone().await;
}

#[tokio::test]
async fn a_second_poll_at_once_ends_the_session() {
    let server = Server::start().await;
    let polling = Polling::entered(&server, "ann", Role::Dispatcher).await;
    // Whichever comes first waits, since nothing is to be said.
    let (one, other) = tokio::join!(polling.get().send(), polling.get().send());
    let mut answers = [one.unwrap(), other.unwrap()];
    answers.sort_by_key(|answer| answer.status());
    let [first, second] = answers;
    assert_eq!((first.status().as_u16(), second.status().as_u16()), (200, 400));
    assert_eq!(first.text().await.unwrap(), "1");
    polling.assert_gone().await;
}

#[tokio::test]
async fn a_poll_that_is_given_up_ends_the_session() {
    let server = Server::start().await;
    // One may be given up before the server has read it, and does no harm then: the next try gives it longer.
    let mut waits = (0..6).map(|n| Duration::from_millis(100) * 2_u32.pow(n));
    loop {
        let wait = waits.next().expect("a poll that is given up ends its session");
        let polling = Polling::entered(&server, "ann", Role::Dispatcher).await;
        assert!(polling.get().timeout(wait).send().await.is_err(), "nothing was to be said");
        // What an answer to it would have held might be lost.
        let deadline = tokio::time::Instant::now() + wait;
        let mut is_gone = polling.is_gone().await;
        while !is_gone && tokio::time::Instant::now() < deadline {
            is_gone = polling.is_gone().await;
        }
        if is_gone {
            break;
        }
        polling.try_post("1").await;
    }
    until("nobody is connected", async || server.metric("sally_messaging_connections").await == 0.0).await;
}

#[tokio::test]
async fn two_payloads_at_once_end_the_session() {
    let server = Server::start().await;
    let polling = Polling::entered(&server, "ann", Role::Dispatcher).await;
    let (sender, body) = tokio::sync::mpsc::channel(1);
    let slow = reqwest::Body::wrap_stream(futures_util::stream::unfold(body, async |mut body| {
        body.recv().await.map(|part: String| (Ok::<_, std::io::Error>(part), body))
    }));
    sender.send("3\u{1e}".to_owned()).await.unwrap();
    let (first, ()) = tokio::join!(polling.try_post(slow), async {
        // Those that come before it do no harm.
        until("a second payload is refused", async || polling.is_gone().await).await;
        // The first is nothing that would end a session by itself.
        let _ = sender.send("3".to_owned()).await;
        drop(sender);
    });
    // It may have come while one of the others was on its way.
    assert!([200, 400].contains(&first.status().as_u16()), "{}", first.status());
    polling.assert_gone().await;
}

#[tokio::test]
async fn a_payload_that_trickles_ends_the_session() {
    let server = Server::start().await;
    let polling = Polling::entered(&server, "ann", Role::Dispatcher).await;
    // Never silent for long, and never whole.
    let trickle = futures_util::stream::unfold((), async |()| {
        tokio::time::sleep(Duration::from_millis(200)).await;
        Some((Ok::<_, std::io::Error>("3\u{1e}"), ()))
    });
    let post = polling.try_post(reqwest::Body::wrap_stream(trickle));
    let answer = tokio::time::timeout(Duration::from_secs(90), post).await.expect("a limit");
    assert_eq!(problem(answer, 408).await, "body_timeout");
    polling.assert_gone().await;
}

#[tokio::test]
async fn pings_come_and_pongs_keep_a_session() {
    let server = Server::with(|config| config.heartbeat = Duration::from_millis(200)).await;
    let mut polling = Polling::entered(&server, "ann", Role::Dispatcher).await;
    let mut wire = Wire::entered(&server, "bob", Role::Dispatcher).await;
    for _ in 0..3 {
        polling.packet("2").await;
        polling.post("3".into()).await;
        while wire.next().await.as_deref() != Some("2") {}
        wire.send("3").await;
    }
    assert_eq!(server.metric("sally_messaging_connections").await, 2.0);
}

#[tokio::test]
async fn who_answers_no_ping_is_lost() {
    let server = Server::with(|config| config.heartbeat = Duration::from_millis(200)).await;
    let begun = tokio::time::Instant::now();
    let polling = Polling::entered(&server, "ann", Role::Dispatcher).await;
    let mut wire = Wire::entered(&server, "bob", Role::Dispatcher).await;
    let limit = Duration::from_secs(60);
    while wire.next_within(limit).await.is_some() {}
    assert!(begun.elapsed() > Duration::from_secs(20), "after {:?}", begun.elapsed());
    until("the polling session is gone", async || polling.get().send().await.unwrap().status() == 400).await;
    until("nobody is connected", async || server.metric("sally_messaging_connections").await == 0.0).await;
}

#[tokio::test]
async fn a_client_closes_its_session() {
    let server = Server::start().await;
    // A poll that comes too late is refused, and another session is to show what happens to one that waits.
    until("a waiting poll ends by a noop", async || {
        let polling = Polling::entered(&server, "ann", Role::Dispatcher).await;
        let (poll, ()) = tokio::join!(polling.get().send(), polling.post("1".into()));
        polling.assert_gone().await;
        poll.unwrap().text().await.unwrap() == "6"
    })
    .await;
    let mut wire = Wire::entered(&server, "ann", Role::Dispatcher).await;
    wire.send("1").await;
    wire.assert_closed("it asked for that").await;
}

/// A session upgraded from polling to a WebSocket.
async fn upgraded<'a>(server: &'a Server, polling: &Polling<'a>) -> Wire {
    let path = format!("/socket.io/?EIO=4&transport=websocket&sid={}", polling.sid);
    let mut wire = Wire::at(server, &path, &[]).await.unwrap();
    wire.send("2probe").await;
    assert_eq!(wire.next().await.as_deref(), Some("3probe"));
    // A poll meanwhile is sent home.
    assert_eq!(polling.poll().await, ["6"]);
    wire.send("5").await;
    wire
}

#[tokio::test]
async fn a_session_moves_to_a_websocket_and_stays_there() {
    let server = Server::start().await;
    let polling = Polling::entered(&server, "drv-1", Role::Driver).await;
    let mut wire = upgraded(&server, &polling).await;
    let typing = json!(["typing", { "conversationId": "drv-1", "typing": true }]);
    wire.send(format!("42/messaging,1{typing}")).await;
    assert_eq!(wire.answer(1).await, json!({ "ok": true }));
    // Polling with the same session is refused, a second WebSocket closed, and both do no harm.
    assert_eq!(refusal(polling.get().send().await.unwrap()).await, 3);
    assert_eq!(refusal(polling.try_post("3").await).await, 3);
    let path = format!("/socket.io/?EIO=4&transport=websocket&sid={}", polling.sid);
    Wire::at(&server, &path, &[]).await.unwrap().assert_closed("the session has one").await;
    wire.send(format!("42/messaging,2{typing}")).await;
    assert_eq!(wire.answer(2).await, json!({ "ok": true }));
}

#[tokio::test]
async fn a_payload_that_breaks_off_after_the_move_does_no_harm() {
    let server = Server::start().await;
    let polling = Polling::entered(&server, "drv-1", Role::Driver).await;
    let mut broken = Begun::post(&server, &polling, "3\u{1e}").await;
    let mut wire = upgraded(&server, &polling).await;
    let typing = json!(["typing", { "conversationId": "drv-1", "typing": true }]);
    wire.send(format!("42/messaging,1{typing}")).await;
    assert_eq!(wire.answer(1).await, json!({ "ok": true }));
    broken.give_up().await;
    wire.send(format!("42/messaging,2{typing}")).await;
    assert_eq!(wire.answer(2).await, json!({ "ok": true }));
    // Of a session that still polls it would have been the end.
    let polling = Polling::entered(&server, "drv-1", Role::Driver).await;
    Begun::post(&server, &polling, "3\u{1e}").await.give_up().await;
    polling.assert_gone().await;
}

#[tokio::test]
async fn polls_go_on_while_a_websocket_is_tried() {
    let server = Server::start().await;
    let polling = Polling::entered(&server, "drv-1", Role::Driver).await;
    let path = format!("/socket.io/?EIO=4&transport=websocket&sid={}", polling.sid);
    let mut wire = Wire::at(&server, &path, &[]).await.unwrap();
    wire.send("2probe").await;
    assert_eq!(wire.next().await.as_deref(), Some("3probe"));
    assert_eq!(polling.poll().await, ["6"], "one is sent home");
    // The next one waits, and brings what there is.
    let typing = json!(["typing", { "conversationId": "drv-1", "typing": true }]);
    let (polled, ()) = tokio::join!(polling.poll(), polling.post(format!("42/messaging,1{typing}")));
    assert_eq!(polled, [r#"43/messaging,1[{"ok":true}]"#]);
    // One that waits when the session moves ends, and takes nothing with it.
    let (polled, ()) = tokio::join!(polling.poll(), async {
        wire.send("5").await;
        wire.send(format!("42/messaging,2{typing}")).await;
    });
    // One that came too late for that is refused.
    assert!(polled == ["6"] || polled[0].contains("Bad request"), "{polled:?}");
    assert_eq!(wire.answer(2).await, json!({ "ok": true }));
    assert_eq!(polling.get().send().await.unwrap().status(), 400);
}

#[tokio::test]
async fn an_upgrade_that_goes_wrong_leaves_the_session_polling() {
    let server = Server::start().await;
    for words in [&["4hello"][..], &["2"], &["5"], &["2probe", "4hello"], &["2probe", "abc"], &["2probe", "2probe"]] {
        let mut polling = Polling::entered(&server, "drv-1", Role::Driver).await;
        let path = format!("/socket.io/?EIO=4&transport=websocket&sid={}", polling.sid);
        let mut wire = Wire::at(&server, &path, &[]).await.unwrap();
        for word in words {
            wire.send(*word).await;
        }
        wire.assert_closed(&format!("{words:?}")).await;
        let typing = json!(["typing", { "conversationId": "drv-1", "typing": true }]);
        polling.post(format!("42/messaging,1{typing}")).await;
        assert_eq!(polling.packet("43/messaging,1").await, r#"[{"ok":true}]"#, "{words:?}");
        // And may try again.
        let mut wire = upgraded(&server, &polling).await;
        wire.send(format!("42/messaging,2{typing}")).await;
        assert_eq!(wire.answer(2).await, json!({ "ok": true }), "{words:?}");
    }
}

#[tokio::test]
async fn pages_of_other_origins_are_refused_on_every_transport() {
    let server = Server::start().await;
    let own = server.url().to_owned();
    let (evil, paths) = ("https://evil.example", ["polling", "websocket"]);
    for transport in paths {
        let path = format!("/socket.io/?EIO=4&transport={transport}");
        let answer = server.http.get(server.path(&path)).header("Origin", evil).send().await.unwrap();
        assert_eq!(problem(answer, 403).await, "origin_not_allowed");
    }
    let upgrade = "/socket.io/?EIO=4&transport=websocket";
    for origin in [evil, "null", "https://evil.example:443", "http://localhost.evil.example"] {
        assert_eq!(Wire::at(&server, upgrade, &[("origin", origin)]).await.err().map(|it| it.as_u16()), Some(403));
    }
    for origin in [own.as_str(), "tauri://localhost"] {
        assert!(Wire::at(&server, upgrade, &[("origin", origin)]).await.is_ok(), "{origin}");
    }
    // A session that another page has opened is no better.
    let polling = Polling::open(&server).await;
    let post = server.http.post(polling.url()).header("Origin", evil).body("40/messaging,");
    assert_eq!(problem(post.send().await.unwrap(), 403).await, "origin_not_allowed");
    assert_eq!(problem(polling.get().header("Origin", evil).send().await.unwrap(), 403).await, "origin_not_allowed");
    let path = format!("{upgrade}&sid={}", polling.sid);
    assert_eq!(Wire::at(&server, &path, &[("origin", evil)]).await.err().map(|it| it.as_u16()), Some(403));
}
