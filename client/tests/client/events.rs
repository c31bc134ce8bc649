//! The supervised event stream against servers that don't make it easy.

use crate::unruly::{Answer, DEADLINE, Unruly, jwt, signed_in};
use futures_util::StreamExt;
use sally_client::events::{Events, Options, Update};
use sally_client::{Server, Session};
use sally_protocol::auth::LoginRequest;
use sally_protocol::desktop::Link;
use sally_protocol::stream::Frame;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::timeout;

const STREAM: &str = "/sse/events";

fn frame(id: &str, event: &str, data: Value) -> String {
    format!("id: {id}\nevent: {event}\ndata: {data}\n\n")
}

fn ready(id: &str, heartbeat: f64) -> String {
    frame(id, "ready", json!({"type": "ready", "recovered": true, "cursor": id, "heartbeatSeconds": heartbeat}))
}

fn alert(id: &str) -> String {
    frame(id, "new_alert", json!({"type": "new_alert", "n": id}))
}

async fn login(server: &Unruly) -> Session {
    let request = LoginRequest { email: "ann@acme.example".into(), password: "secret".into(), tenant: None };
    let checked = Server::check(&server.url).await.expect("a server");
    Session::login(checked, &request).await.expect("a session").0
}

async fn session(server: &Unruly) -> Session {
    let token = jwt("fixed", 900);
    Session::issued(Server::check(&server.url).await.expect("a server"), move || token.clone())
}

async fn follow(server: &Unruly) -> Events {
    Events::follow(session(server).await, Options::default())
}

/// A short word for an update, so that a whole course of events fits a line of the test.
fn word(update: &Update) -> String {
    match update {
        Update::Link(Link::Closed) => "closed".into(),
        Update::Link(Link::Connecting) => "connecting".into(),
        Update::Link(Link::Live) => "live".into(),
        Update::Link(Link::Retrying { .. }) => "retrying".into(),
        Update::Link(Link::SignedOut { .. }) => "signed out".into(),
        Update::Link(Link::Incompatible { .. }) => "incompatible".into(),
        Update::Frame { cursor, frame: Frame::Event { .. } } => cursor.clone(),
        Update::Frame { frame: Frame::Snapshot { events, last }, .. } => format!("snapshot {} {last}", events.len()),
        Update::Frame { frame: Frame::Ready { .. }, .. } => "ready".into(),
        Update::Frame { frame: Frame::Resync { .. }, .. } => "resync".into(),
        Update::Frame { frame: Frame::Heartbeat, .. } => "heartbeat".into(),
        Update::Frame { frame: Frame::AuthExpiring { .. }, .. } => "auth expiring".into(),
        Update::Frame { frame: Frame::Reconnect { .. }, .. } => "reconnect".into(),
    }
}

/// The words up to and including the `n`-th.
async fn words(events: &mut Events, n: usize) -> Vec<String> {
    let mut words = Vec::new();
    while words.len() < n {
        match timeout(DEADLINE, events.next()).await {
            Ok(Some(update)) => words.push(word(&update)),
            Ok(None) => panic!("the stream ended after {words:?}"),
            Err(_) => panic!("nothing more came after {words:?}"),
        }
    }
    words
}

/// The next `Retrying`.
async fn retrying(events: &mut Events) -> (u64, String) {
    loop {
        match timeout(DEADLINE, events.next()).await.expect("an update in time").expect("an update") {
            Update::Link(Link::Retrying { in_ms, reason }) => return (in_ms, reason),
            _ => continue,
        }
    }
}

async fn ends(events: &mut Events) {
    assert_eq!(timeout(DEADLINE, events.next()).await.expect("an end in time"), None);
}

#[tokio::test]
async fn a_lost_stream_goes_on_where_it_was_and_repeats_nothing() {
    let server = Unruly::start().await;
    server.script(
        STREAM,
        [
            Answer::events(&[ready("c1", 20.0), alert("c2"), alert("c3"), alert("c2")].concat()),
            Answer::events(&[alert("c2"), alert("c3"), alert("c4"), ready("c4", 20.0)].concat()).open(),
        ],
    );
    let mut events = follow(&server).await;
    let course = words(&mut events, 10).await;
    assert_eq!(course, ["connecting", "ready", "live", "c2", "c3", "retrying", "connecting", "c4", "ready", "live"]);
    let seen = server.seen(STREAM);
    assert_eq!((seen[0].header("last-event-id"), seen[1].header("last-event-id")), (None, Some("c3")));
    assert_eq!(seen[0].header("accept"), Some("text/event-stream"));
}

#[tokio::test]
async fn options_say_what_is_followed() {
    let server = Unruly::start().await;
    server.script(STREAM, [Answer::events(&ready("c1", 20.0)).open()]);
    let tenant = Some("acme".parse().expect("a tenant"));
    let options = Options { snapshot: true, cursor: Some("c0".into()), tenant };
    let mut events = Events::follow(session(&server).await, options);
    words(&mut events, 3).await;
    let seen = &server.seen(STREAM)[0];
    assert_eq!((seen.query.as_str(), seen.header("last-event-id")), ("snapshot=true&tenant=acme", Some("c0")));
}

#[tokio::test]
async fn a_frame_that_was_cut_off_is_not_delivered() {
    let server = Unruly::start().await;
    let cut = alert("c2");
    server.script(
        STREAM,
        [
            Answer::events(&format!("{}{}", ready("c1", 20.0), &cut[..cut.len() - 4])),
            Answer::events(&[alert("c2"), ready("c2", 20.0)].concat()).open(),
        ],
    );
    let mut events = follow(&server).await;
    let course = words(&mut events, 8).await;
    assert_eq!(course, ["connecting", "ready", "live", "retrying", "connecting", "c2", "ready", "live"]);
    assert_eq!(server.seen(STREAM)[1].header("last-event-id"), Some("c1"));
}

#[tokio::test]
async fn a_refused_token_is_renewed_once_and_not_shown_as_a_failure() {
    let server = Unruly::start().await;
    let new = jwt("new", 900);
    server.script("/auth/login", [signed_in(&jwt("old", 900), "r1")]);
    server.script("/auth/refresh", [signed_in(&new, "r2")]);
    server.script(STREAM, [Answer::problem(401, "token_expired"), Answer::events(&ready("c1", 20.0)).open()]);
    let mut events = Events::follow(login(&server).await, Options::default());
    assert_eq!(words(&mut events, 4).await, ["connecting", "connecting", "ready", "live"]);
    assert_eq!(server.seen(STREAM)[1].header("cookie"), Some(format!("access_token={new}").as_str()));
    assert_eq!(server.seen("/auth/refresh").len(), 1);
}

#[tokio::test]
async fn a_renewed_token_that_is_refused_ends_the_session() {
    let server = Unruly::start().await;
    server.script("/auth/login", [signed_in(&jwt("old", 900), "r1")]);
    server.script("/auth/refresh", [signed_in(&jwt("new", 900), "r2"), signed_in(&jwt("newer", 900), "r3")]);
    server.script(STREAM, [Answer::problem(401, "unauthorized")]);
    let mut events = Events::follow(login(&server).await, Options::default());
    assert_eq!(words(&mut events, 3).await, ["connecting", "connecting", "signed out"]);
    ends(&mut events).await;
    assert_eq!((server.seen(STREAM).len(), server.seen("/auth/refresh").len()), (2, 1));
}

#[tokio::test]
async fn a_token_about_to_end_is_renewed_and_the_stream_moves_over() {
    let server = Unruly::start().await;
    server.script("/auth/login", [signed_in(&jwt("old", 900), "r1")]);
    server.script("/auth/refresh", [signed_in(&jwt("new", 900), "r2")]);
    let expiring = json!({"type": "auth_expiring", "expiresAt": "2030-01-01T00:00:00Z"});
    let first = [ready("c1", 20.0), frame("c1", "auth_expiring", expiring)].concat();
    server.script(STREAM, [Answer::events(&first).open(), Answer::events(&ready("c1", 20.0)).open()]);
    let mut events = Events::follow(login(&server).await, Options::default());
    let course = words(&mut events, 7).await;
    assert_eq!(course, ["connecting", "ready", "live", "auth expiring", "connecting", "ready", "live"]);
    assert!(server.seen(STREAM)[1].header("cookie").is_some_and(|cookie| cookie.ends_with(".new")));
}

#[tokio::test]
async fn a_role_that_may_not_watch_is_told_and_not_asked_again() {
    let server = Unruly::start().await;
    server.script(STREAM, [Answer::problem(403, "forbidden")]);
    let mut events = follow(&server).await;
    assert_eq!(words(&mut events, 2).await, ["connecting", "signed out"]);
    ends(&mut events).await;
}

#[tokio::test]
async fn silence_is_a_loss() {
    let server = Unruly::start().await;
    server.script(STREAM, [Answer::events(&ready("c1", 0.01)).open()]);
    let mut events = follow(&server).await;
    let course = words(&mut events, 5).await;
    assert_eq!(course, ["connecting", "ready", "live", "retrying", "connecting"]);
}

#[tokio::test]
async fn retry_after_is_heeded() {
    let server = Unruly::start().await;
    server.script(STREAM, [Answer::problem(503, "unavailable").header("retry-after", "7")]);
    let (in_ms, reason) = retrying(&mut follow(&server).await).await;
    assert!((7_000..=7_700).contains(&in_ms), "{in_ms}");
    assert_eq!(reason, "It is unavailable.");
}

#[tokio::test]
async fn the_streams_own_retry_is_heeded() {
    let server = Unruly::start().await;
    server.script(STREAM, [Answer::events(&format!("retry: 3000\n{}", ready("c1", 20.0)))]);
    let (in_ms, _) = retrying(&mut follow(&server).await).await;
    assert!((3_000..=3_300).contains(&in_ms), "{in_ms}");
}

#[tokio::test]
async fn too_many_streams_are_tried_again_with_the_reason() {
    let server = Unruly::start().await;
    server.script(STREAM, [Answer::problem(429, "too_many_streams"), Answer::events(&ready("c1", 20.0)).open()]);
    let mut events = follow(&server).await;
    assert_eq!(words(&mut events, 5).await, ["connecting", "retrying", "connecting", "ready", "live"]);
}

#[tokio::test]
async fn wrong_content_is_no_event_stream() {
    let server = Unruly::start().await;
    server.script(STREAM, [Answer::new(200, "text/html", "<h1>Sign in to the hotel's network</h1>")]);
    let (_, reason) = retrying(&mut follow(&server).await).await;
    assert!(reason.contains("isn't a SALLY Realtime server"), "{reason}");
}

#[tokio::test]
async fn another_generation_of_the_protocol_ends_it() {
    let server = Unruly::start().await;
    server.script(STREAM, [Answer::problem(426, "incompatible").header("sally-protocol", "2")]);
    let mut events = follow(&server).await;
    assert_eq!(words(&mut events, 2).await, ["connecting", "incompatible"]);
    ends(&mut events).await;

    // The server is replaced by a newer one while the client is connected.
    server.script(STREAM, [Answer::events(&ready("c1", 20.0))]);
    let mut events = follow(&server).await;
    words(&mut events, 3).await;
    server.script("/healthz", [Answer::json(json!({"name": "sally-realtime", "protocol": 2}))]);
    assert_eq!(words(&mut events, 3).await, ["retrying", "connecting", "incompatible"]);
    ends(&mut events).await;
}

#[tokio::test]
async fn a_draining_server_is_left_without_a_failure() {
    let server = Unruly::start().await;
    let goodbye = frame("c1", "reconnect", json!({"type": "reconnect", "afterMs": 20}));
    server.script(
        STREAM,
        [
            // Left by the clock, since this one doesn't close; the next by the server's closing.
            Answer::events(&[ready("c1", 20.0), goodbye.clone()].concat()).open(),
            Answer::events(&[ready("c1", 20.0), goodbye.replace("20}", "20000}")].concat()),
            Answer::events(&ready("c1", 20.0)).open(),
        ],
    );
    let mut events = follow(&server).await;
    let course = words(&mut events, 11).await;
    let round = ["connecting", "ready", "live", "reconnect"];
    assert_eq!(course, [&round[..], &round[..], &round[..3]].concat());
}

#[tokio::test]
async fn a_server_that_sends_everybody_on_is_not_hammered() {
    let server = Unruly::start().await;
    server.script(STREAM, [Answer::events(&frame("c1", "reconnect", json!({"afterMs": 0})))]);
    let mut events = follow(&server).await;
    assert_eq!(words(&mut events, 4).await, ["connecting", "reconnect", "retrying", "connecting"]);
}

#[tokio::test]
async fn a_snapshot_comes_whole_or_not_at_all() {
    let server = Unruly::start().await;
    let part =
        |id: &str, last: bool| frame(id, "snapshot", json!({"events": [{"type": "a"}, {"type": "b"}], "last": last}));
    server.script(
        STREAM,
        [
            Answer::events(&part("c9~", false)),
            Answer::events(&[part("c9~", false), part("c9~", false), part("c9", true), ready("c9", 20.0)].concat())
                .open(),
        ],
    );
    let mut events = Events::follow(session(&server).await, Options { snapshot: true, ..Options::default() });
    let course = words(&mut events, 6).await;
    assert_eq!(course, ["connecting", "retrying", "connecting", "snapshot 6 true", "ready", "live"]);
    assert_eq!(server.seen(STREAM)[1].header("last-event-id"), None, "a half snapshot is no place to go on from");
}

#[tokio::test]
async fn a_resync_in_the_middle_of_a_snapshot_voids_its_beginning() {
    let server = Unruly::start().await;
    let part = |events: Value, last: bool| frame("c9~", "snapshot", json!({"events": events, "last": last}));
    let resync = frame("c9", "resync", json!({"type": "resync", "reason": "gap"}));
    let first = part(json!([{"type": "a"}, {"type": "b"}]), false);
    server.script(STREAM, [Answer::events(&[first, resync, part(json!([{"type": "c"}]), true)].concat()).open()]);
    let mut events = Events::follow(session(&server).await, Options { snapshot: true, ..Options::default() });
    assert_eq!(words(&mut events, 3).await, ["connecting", "resync", "snapshot 1 true"]);
}

#[tokio::test]
async fn after_a_resync_the_old_cursor_is_void() {
    let server = Unruly::start().await;
    let resync = frame("x1", "resync", json!({"type": "resync", "reason": "epoch_changed"}));
    let stream = Answer::events(&[ready("c1", 20.0), alert("c2"), resync.clone()].concat());
    for (snapshot, expected) in [(true, None), (false, Some("x1"))] {
        let server_before = server.seen(STREAM).len();
        server.script(STREAM, [stream.clone(), Answer::events(&ready("x1", 20.0)).open()]);
        let mut events = Events::follow(session(&server).await, Options { snapshot, ..Options::default() });
        let course = words(&mut events, 9).await;
        assert_eq!(course, ["connecting", "ready", "live", "c2", "resync", "retrying", "connecting", "ready", "live"]);
        assert_eq!(server.seen(STREAM)[server_before + 1].header("last-event-id"), expected);
    }
}

#[tokio::test]
async fn what_cannot_be_read_costs_an_event_or_the_connection_but_never_the_client() {
    let server = Unruly::start().await;
    let broken_event = "id: c2\nevent: new_alert\ndata: {\"type\":\n\n";
    let broken_snapshot = "id: c4\nevent: snapshot\ndata: []\n\n";
    server.script(
        STREAM,
        [
            Answer::events(&[&ready("c1", 20.0), broken_event, &alert("c3"), broken_snapshot, &alert("c5")].concat())
                .open(),
            Answer::events("event: ready\ndata: {}\n\n").open(),
            Answer::events(
                "data: \u{0}\u{1}\n\nid\nevent\n:\ndata: no json\n\nevent: reconnect\ndata: {\"afterMs\":-1}\n\n",
            ),
            Answer::events(&ready("c6", 20.0)).open(),
        ],
    );
    let mut events = follow(&server).await;
    let course = words(&mut events, 12).await;
    assert_eq!(
        course,
        [
            "connecting",
            "ready",
            "live",
            "c3",
            "retrying",
            "connecting",
            "retrying",
            "connecting",
            "retrying",
            "connecting",
            "ready",
            "live"
        ]
    );
    assert_eq!(server.seen(STREAM)[1].header("last-event-id"), None);
}

#[tokio::test]
async fn a_server_that_is_away_is_waited_for() {
    let server = Unruly::start().await;
    let session = session(&server).await;
    let away = Answer::new(502, "text/html", "<h1>Bad gateway</h1>");
    server.script("/healthz", [away, Answer::json(json!({"name": "sally-realtime", "protocol": 1}))]);
    // The second failure is a server whose log is away: it answers, and closes at once.
    server.script(STREAM, [Answer::events("retry: 5\n\n"), Answer::events(&ready("c1", 20.0)).open()]);
    let mut events = Events::follow(session, Options::default());
    let course = words(&mut events, 7).await;
    assert_eq!(course, ["connecting", "retrying", "connecting", "retrying", "connecting", "ready", "live"]);
}

#[tokio::test]
async fn dropping_the_stream_closes_the_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let (closed, mut is_closed) = mpsc::channel(1);
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            tokio::spawn(one_stream(socket, closed.clone()));
        }
    });
    let session = Session::issued(Server::check(&url).await.expect("a server"), || jwt("t", 900));
    let mut events = Events::follow(session, Options::default());
    words(&mut events, 3).await;
    assert!(is_closed.try_recv().is_err());
    drop(events);
    timeout(DEADLINE, is_closed.recv()).await.expect("closed in time").expect("closed");
}

/// Answers what comes over one connection, and says when one that carried the stream is closed.
async fn one_stream(mut socket: TcpStream, closed: mpsc::Sender<()>) {
    let health = r#"{"name":"sally-realtime","protocol":1}"#;
    let mut buffer = vec![0; 4096];
    let mut is_stream = false;
    while let Ok(n @ 1..) = socket.read(&mut buffer).await {
        is_stream = buffer[..n].starts_with(b"GET /sse");
        let answer = match is_stream {
            true => format!("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n{}", ready("c1", 20.0)),
            false => format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{health}", health.len()),
        };
        socket.write_all(answer.as_bytes()).await.expect("a write");
    }
    if is_stream {
        closed.send(()).await.expect("a listener");
    }
}
