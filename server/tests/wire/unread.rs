//! Messaging clients that take less than they are sent: what they see has no hole, what they miss
//! they can resume, and nobody waits for them.

use std::time::Duration;

use sally_client::bare::{Error, Incoming};
use sally_protocol::Role;
use serde_json::{Value, json};

use crate::messaging::Socket;
use crate::support::{PATIENCE, Server, until_within};

/// The longest message, in its longest spelling: 10 kB.
fn long() -> String {
    "🚚".repeat(2_500)
}

/// Lets the server know of so many drivers.
async fn hire(server: &Server, drivers: usize) {
    for n in 0..drivers {
        let token = server.token("acme", &format!("drv-{n}"), Role::Driver);
        assert_eq!(server.get("/api/conversations", &token).await.status(), 200);
    }
}

/// The cursors of what comes, up to `count` or the end of the connection.
async fn cursors(socket: &mut Socket, count: usize) -> Vec<String> {
    let mut cursors = Vec::new();
    while cursors.len() < count {
        match tokio::time::timeout(PATIENCE, socket.connection.next()).await.expect("something in time") {
            Ok(Incoming::Event(event)) if event.name == "new_message" => {
                cursors.push(event.args[0]["cursor"].as_str().unwrap().to_owned());
            }
            Ok(_) => {}
            Err(Error::Closed | Error::Transport(_)) => break,
            Err(other) => panic!("{other}"),
        }
    }
    cursors
}

/// The cursors of all messages after one.
async fn resumed(socket: &mut Socket, mut cursor: Value) -> Vec<String> {
    let mut cursors = Vec::new();
    loop {
        let page = socket.call("resume", json!({ "cursor": cursor })).await;
        assert_eq!(page["ok"], true, "{page}");
        cursors.extend(page["messages"].as_array().unwrap().iter().map(|m| m["cursor"].as_str().unwrap().to_owned()));
        if page["more"] == false {
            return cursors;
        }
        cursor = page["cursor"].clone();
    }
}

#[tokio::test]
async fn a_message_to_a_whole_fleet_reaches_the_team_at_once() {
    let server = Server::start().await;
    hire(&server, 300).await;
    let mut bob = Socket::dispatcher(&server, "bob").await;
    let mut ann = Socket::dispatcher(&server, "ann").await;
    let answer = ann.send(json!({ "broadcast": true, "content": "snow on I-80" })).await;
    let sent: Vec<&str> =
        answer["messages"].as_array().unwrap().iter().map(|message| message["cursor"].as_str().unwrap()).collect();
    assert_eq!(sent.len(), 300);
    assert_eq!(cursors(&mut bob, 300).await, sent);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_takes_nothing_is_put_out_and_resumes_without_a_hole() {
    let server = Server::start().await;
    hire(&server, 100).await;
    let mut late = Socket::dispatcher(&server, "late").await;
    let never = Socket::dispatcher(&server, "never").await;
    let mut reading = Socket::dispatcher(&server, "reading").await;
    let mut ann = Socket::dispatcher(&server, "ann").await;
    let start = late.session["cursor"].clone();
    // More than the sockets' buffers hold, and more than the server keeps for one of them.
    let broadcasts = 30;
    let reader = tokio::spawn(async move { cursors(&mut reading, broadcasts * 100).await });
    let mut sent: Vec<String> = Vec::new();
    for _ in 0..broadcasts {
        let answer = ann.send(json!({ "broadcast": true, "content": long() })).await;
        assert_eq!(answer["ok"], true, "{answer}");
        let messages = answer["messages"].as_array().unwrap();
        sent.extend(messages.iter().map(|message| message["cursor"].as_str().unwrap().to_owned()));
    }
    assert_eq!(reader.await.unwrap(), sent, "who reads sees all of it, in order");

    // Whoever begins to read sees what was kept, without a hole, and then the end.
    let seen = cursors(&mut late, usize::MAX).await;
    assert!(seen.len() < sent.len(), "all {} were kept", sent.len());
    assert_eq!(seen, sent[..seen.len()]);
    let mut late = Socket::dispatcher(&server, "late").await;
    let after = seen.last().map_or(start, |cursor| json!(cursor));
    assert_eq!(resumed(&mut late, after).await, sent[seen.len()..]);

    // Whoever never does is gone when the network has given them up.
    let gone = async || server.metric("sally_messaging_connections").await == 2.0;
    until_within(Duration::from_secs(90), "two are left", gone).await;
    drop((never, ann, late));
}
