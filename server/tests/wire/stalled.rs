//! Clients that don't read what they ask for, or don't send what they say they will.

use std::time::Duration;

use sally_protocol::Role;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use crate::messaging::Socket;
use crate::packets::Wire;
use crate::support::{PATIENCE, Server, until, until_within};

/// Asks for everything after a cursor on a connection that holds little.
async fn ask(server: &Server, token: &str, cursor: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(16 * 1024).unwrap();
    let mut stream = socket.connect(server.running().address()).await.unwrap();
    let request = format!(
        "GET /sse/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nLast-Event-ID: {cursor}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

#[tokio::test]
async fn a_stream_that_stalls_while_it_catches_up_is_cut_off_and_counted() {
    let server = Server::start().await;
    let first = server.publish("acme", json!([{ "type": "zz_top" }])).await;
    // More than the kernel holds for both ends together.
    let large = json!({ "type": "zz_top", "filling": "x".repeat(60_000) });
    for _ in 0..20 {
        server.publish("acme", json!(vec![&large; 15])).await;
    }
    let token = server.token("acme", "ann", Role::Dispatcher);
    let mut stalled = ask(&server, &token, first[0]["cursor"].as_str().unwrap()).await;
    until("the stream is open", async || server.metric("sally_sse_streams").await == 1.0).await;
    assert_eq!(server.metric("sally_sse_stalled_total").await, 0.0);
    // It takes nothing for fifteen seconds.
    let cut_off = async || server.metric("sally_sse_streams").await == 0.0;
    until_within(Duration::from_secs(30), "the stream is cut off", cut_off).await;
    assert_eq!(server.metric("sally_sse_stalled_total").await, 1.0);
    let mut received = Vec::new();
    // The server may have reset the connection.
    let _ = stalled.read_to_end(&mut received).await;
    let received = String::from_utf8_lossy(&received);
    assert!(received.contains("event: zz_top") && !received.contains("event: ready"), "it was still catching up");
}

/// The message in a `new_message`.
fn new_message(packet: &str) -> Option<Value> {
    let arguments: Value = serde_json::from_str(packet.strip_prefix("42/messaging,")?).unwrap();
    (arguments[0] == "new_message").then(|| arguments[1].clone())
}

#[tokio::test]
async fn a_socket_that_takes_nothing_is_cut_off_and_has_no_hole() {
    let server = Server::start().await;
    for n in 0..150 {
        let token = server.token("acme", &format!("drv-{n}"), Role::Driver);
        assert_eq!(server.get("/api/conversations", &token).await.status(), 200);
    }
    let mut slow = Wire::entered(&server, "slow", Role::Dispatcher).await;
    let mut bob = Wire::entered(&server, "bob", Role::Dispatcher).await;
    let mut ann = Socket::dispatcher(&server, "ann").await;
    let (seen, mut seen_by_bob) = tokio::sync::mpsc::unbounded_channel();
    let reading = tokio::spawn(async move {
        while let Some(packet) = bob.next_word().await {
            new_message(&packet).into_iter().for_each(|message| seen.send(message["messageId"].clone()).unwrap());
        }
    });
    // One and a half megabytes each, for everybody of the team.
    let mut sent = Vec::new();
    while server.metric("sally_messaging_connections").await == 3.0 {
        assert!(sent.len() < 30 * 150, "the slow one is still there");
        let answer = ann.send(json!({ "broadcast": true, "content": "🚚".repeat(2_500) })).await;
        sent.extend(answer["messages"].as_array().unwrap().iter().map(|message| message["messageId"].clone()));
    }
    let mut received = Vec::new();
    while let Some(packet) = slow.next_word().await {
        received.extend(new_message(&packet));
    }
    assert!(!received.is_empty() && received.len() < sent.len(), "{} of {}", received.len(), sent.len());
    for (received, sent) in received.iter().zip(&sent) {
        assert_eq!(&received["messageId"], sent);
    }
    // Nobody else was disturbed, and what it lacks is there when it comes back.
    for sent in &sent {
        let seen = tokio::time::timeout(PATIENCE, seen_by_bob.recv()).await.unwrap();
        assert_eq!(seen.as_ref(), Some(sent));
    }
    reading.abort();
    let mut back = Socket::dispatcher(&server, "slow").await;
    let cursor = &received.last().unwrap()["cursor"];
    let resumed = back.call("resume", json!({ "cursor": cursor, "limit": 1 })).await;
    assert_eq!(resumed["messages"][0]["messageId"], sent[received.len()]);
}

/// Begins a request on a connection of its own, waits for the answer to it, and says its status and code.
async fn answer_to(server: &Server, path: &str, rest: &str) -> (String, Value) {
    let token = server.token("acme", "ann", Role::Admin);
    let mut stream = TcpStream::connect(server.running().address()).await.unwrap();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nConnection: close\r\n{rest}"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let reading = stream.read_to_end(&mut answer);
    tokio::time::timeout(Duration::from_secs(25), reading).await.expect("an answer").unwrap();
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.contains("content-type: application/problem+json"), "{path}: {answer}");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let body: Value = serde_json::from_str(body).unwrap();
    (head.split(' ').nth(1).unwrap().to_owned(), body["code"].clone())
}

#[tokio::test]
async fn a_body_that_does_not_come_whole_is_answered_as_a_problem() {
    let server = Server::start().await;
    let driver = server.token("acme", "drv-1", Role::Driver);
    assert_eq!(server.get("/api/conversations", &driver).await.status(), 200);
    let paths = [
        "/auth/login",
        "/api/events",
        "/api/alerts/a1/acknowledge",
        "/api/alerts/bulk",
        "/api/templates",
        "/api/conversations/drv-1/notes",
        "/api/conversations/drv-1/assign",
    ];
    let stops = paths.map(|path| answer_to(&server, path, "Content-Length: 100\r\n\r\n{"));
    for (path, answer) in paths.iter().zip(futures_util::future::join_all(stops).await) {
        assert_eq!(answer, ("408".into(), json!("body_timeout")), "{path}");
    }
    for path in paths {
        let answer = answer_to(&server, path, "Transfer-Encoding: chunked\r\n\r\nno length\r\n").await;
        assert_eq!(answer, ("400".into(), json!("invalid_body")), "{path}");
    }
}
