//! How event streams share connections, byte by byte.

use std::time::Duration;

use sally_protocol::Role;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::{PATIENCE, Server, numbered, problem, until};

/// A connection as a foreign client has it.
struct Raw {
    socket: TcpStream,
    text: String,
}

impl Raw {
    async fn open(server: &Server) -> Self {
        Self { socket: TcpStream::connect(server.running().address()).await.unwrap(), text: String::new() }
    }

    async fn send(&mut self, text: &str) {
        self.socket.write_all(text.as_bytes()).await.unwrap();
    }

    /// Reads up to and including `end`.
    async fn until(&mut self, end: &str) -> String {
        loop {
            if let Some(at) = self.text.find(end) {
                let rest = self.text.split_off(at + end.len());
                return std::mem::replace(&mut self.text, rest);
            }
            let mut bytes = [0; 4096];
            let read = tokio::time::timeout(PATIENCE, self.socket.read(&mut bytes)).await.expect("an answer in time");
            match read.unwrap() {
                0 => panic!("closed before {end:?}: {:?}", self.text),
                read => self.text.push_str(std::str::from_utf8(&bytes[..read]).unwrap()),
            }
        }
    }
}

fn request(path: &str, token: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n")
}

#[tokio::test]
async fn a_stream_may_come_after_other_requests_on_its_connection() {
    let server = Server::start().await;
    let token = server.token("acme", "ann", Role::Dispatcher);
    let mut raw = Raw::open(&server).await;
    raw.send(&request("/healthz", &token)).await;
    assert!(raw.until("}").await.starts_with("HTTP/1.1 200"));
    raw.send(&request("/sse/events", &token)).await;
    let head = raw.until("\r\n\r\n").await;
    assert!(head.contains("text/event-stream") && head.contains("transfer-encoding: chunked"), "{head}");
    raw.until("event: ready").await;
    server.publish("acme", numbered(0..1)).await;
    raw.until("event: zz_top").await;
    drop(raw);
    until("the stream is gone", async || server.metric("sally_sse_streams").await == 0.0).await;
}

#[tokio::test]
async fn a_stream_that_comes_first_keeps_its_connection() {
    let server = Server::start().await;
    let token = server.token("acme", "ann", Role::Dispatcher);
    let mut raw = Raw::open(&server).await;
    // In as many pieces as there are bytes, after the first few that tell what it is.
    let request = request("/sse/events?snapshot=true", &token);
    let (begin, rest) = request.split_at(20);
    raw.send(begin).await;
    for byte in rest.split("").filter(|byte| !byte.is_empty()) {
        raw.send(byte).await;
    }
    let head = raw.until("\r\n\r\n").await.to_lowercase();
    assert!(head.starts_with("http/1.1 200 ok"), "{head}");
    for field in ["connection: close", "date: ", "sally-protocol: 1", "cache-control: no-store"] {
        assert!(head.contains(field), "{field} in {head}");
    }
    assert!(!head.contains("content-length") && !head.contains("chunked"), "{head}");
    assert!(raw.until("\n\n").await.starts_with("retry: "));
    raw.until("event: ready").await;
    // What a client says on a stream is of no interest and does no harm.
    raw.send("hello\r\n\r\n").await;
    server.publish("acme", numbered(0..1)).await;
    raw.until("event: zz_top").await;
    // Who talks on and on is no client.
    raw.send(&"x".repeat(64 * 1024)).await;
    until("the stream is gone", async || server.metric("sally_sse_streams").await == 0.0).await;
}

#[tokio::test]
async fn a_head_that_cannot_be_read_is_refused() {
    let server = Server::start().await;
    for head in [
        "GET /sse/events\r\n\r\n".to_owned(),
        "GET /sse/events HTTP/1.1\r\nbad header\r\n\r\n".to_owned(),
        format!("GET /sse/events HTTP/1.1\r\nx: {}\r\n\r\n", "x".repeat(20_000)),
        format!("GET /sse/events HTTP/1.1\r\n{}\r\n", "x: y\r\n".repeat(200)),
        "GET /sse/events?\u{7f} HTTP/1.1\r\n\r\n".to_owned(),
    ] {
        let mut raw = Raw::open(&server).await;
        raw.send(&head).await;
        let answer = raw.until("\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 4"), "{answer} to {head:.40}");
    }
    let mut raw = Raw::open(&server).await;
    raw.send(&format!("GET /sse/events HTTP/1.1\r\nx: {}\r\n\r\n", "x".repeat(20_000))).await;
    assert!(raw.until("}").await.contains("\"code\":\"head_too_large\""));
    let token = server.token("acme", "ann", Role::Dispatcher);
    let twice = server.get("/sse/events?lastEventId=a&lastEventId=b", &token).await;
    assert_eq!(problem(twice, 400).await, "invalid_query");
    // A lone line feed ends a line, too.
    let mut raw = Raw::open(&server).await;
    raw.send(&request("/sse/events", &token).replace('\r', "")).await;
    raw.until("event: ready").await;
    // Others are served as before, and a path that only begins the same is another one.
    let mut raw = Raw::open(&server).await;
    raw.send(&request("/sse/eventsource", "x")).await;
    assert!(raw.until("\r\n").await.starts_with("HTTP/1.1 404"));
    assert!(server.get("/healthz", "x").await.status().is_success());
}

#[tokio::test]
async fn who_never_reads_is_cut_off_and_holds_up_nobody() {
    let server = Server::start().await;
    let mut idle = Raw::open(&server).await;
    idle.send(&request("/sse/events", &server.token("acme", "idle", Role::Dispatcher))).await;
    idle.until("event: ready").await;
    let mut reading = server.stream("", &server.token("acme", "ann", Role::Dispatcher)).await;
    reading.next_of("ready").await;
    // More than the sockets' buffers hold, and more than the ring does.
    let event = json!({ "type": "zz_top", "x": "x".repeat(60_000) });
    for n in 0..200 {
        let results = server.publish("acme", json!([event])).await;
        assert_eq!(reading.next().await.id, results[0]["cursor"].as_str().unwrap(), "{n}");
    }
    let begun = tokio::time::Instant::now();
    while server.metric("sally_sse_stalled_total").await < 1.0 {
        assert!(begun.elapsed() < Duration::from_secs(25), "who takes nothing is cut off after 15 s");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert_eq!(server.metric("sally_sse_streams").await, 1.0);
    server.publish("acme", numbered(0..1)).await;
    assert_eq!(reading.next().await.data["n"], 0);
}

#[tokio::test]
async fn who_falls_behind_reads_the_log_and_misses_nothing() {
    let server = Server::start().await;
    let mut slow = Raw::open(&server).await;
    slow.send(&request("/sse/events", &server.token("acme", "ann", Role::Dispatcher))).await;
    slow.until("event: ready").await;
    let filler = "x".repeat(20_000);
    let events = 600_u64;
    for first in (0..events).step_by(30) {
        let events: Vec<_> = (first..first + 30).map(|n| json!({ "type": "zz_top", "n": n, "x": filler })).collect();
        server.publish("acme", json!(events)).await;
    }
    for n in 0..events {
        let frame = slow.until("\n\n").await;
        if n == 0 && !frame.contains("zz_top") {
            // The rest of `ready`.
            assert!(slow.until("\n\n").await.contains("\"n\":0,"));
            continue;
        }
        assert!(frame.contains(&format!("\"n\":{n},")), "{n}: {frame:.300}");
    }
}
