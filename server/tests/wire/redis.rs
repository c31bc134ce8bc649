//! Raw `PUBLISH`es of a real redis-server (Debian's `redis-server`).

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

use redis::AsyncCommands as _;
use sally_protocol::Role;
use serde_json::json;
use tempfile::TempDir;

use crate::support::{Server, problem, until};

/// A redis-server on a port of its own, without persistence.
struct Redis {
    process: Child,
    port: u16,
    _dir: TempDir,
}

impl Redis {
    fn start() -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        Self::start_on(port)
    }

    fn start_on(port: u16) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let process = Command::new("redis-server")
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
            .arg("--dir")
            .arg(dir.path())
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server is installed: `cargo xtask test` does that");
        Self { process, port, _dir: dir }
    }

    fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    async fn publish(&self, channel: &str, payload: &[u8]) -> i64 {
        let client = redis::Client::open(self.url()).unwrap();
        let mut connection = client.get_multiplexed_async_connection().await.unwrap();
        connection.publish(channel, payload).await.unwrap()
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

async fn ready(server: &Server) -> bool {
    server.http.get(server.path("/readyz")).send().await.unwrap().status() == 200
}

#[tokio::test]
async fn a_publish_reaches_its_tenants_streams() {
    let redis = Redis::start();
    let server = Server::with(|config| config.redis_url = Some(redis.url())).await;
    until("the server is ready", async || ready(&server).await).await;
    let mut acme = server.stream("", &server.token("acme", "ann", Role::Dispatcher)).await;
    let mut globex = server.stream("", &server.token("globex", "ann", Role::Dispatcher)).await;
    acme.next_of("ready").await;
    globex.next_of("ready").await;
    let event = json!({ "type": "new_alert", "alert": { "id": "a1" } }).to_string();
    assert_eq!(redis.publish("tenant:acme:alerts", event.as_bytes()).await, 1);
    redis.publish("tenant:acme:any_topic", event.as_bytes()).await;
    redis.publish("tenant:globex:alerts", json!({ "type": "zz_top" }).to_string().as_bytes()).await;
    let (first, second) = (acme.next().await, acme.next().await);
    assert_eq!((first.event.as_str(), second.event.as_str()), ("new_alert", "new_alert"));
    assert_ne!(first.data["eventId"], second.data["eventId"], "two equal publishes are two events");
    assert_eq!(globex.next().await.event, "zz_top");
}

#[tokio::test]
async fn a_refused_publish_is_counted_and_disturbs_no_other() {
    let redis = Redis::start();
    let server = Server::with(|config| config.redis_url = Some(redis.url())).await;
    until("the server is ready", async || ready(&server).await).await;
    let mut frames = server.stream("", &server.token("acme", "ann", Role::Dispatcher)).await;
    frames.next_of("ready").await;
    let refused: [(&str, &[u8]); 6] = [
        ("tenant:acme:alerts", b"nonsense"),
        ("tenant:acme:alerts", b"{\"type\":\"a\",\"x\":\"\xff\xfe\"}"),
        ("tenant:acme:alerts", b"{\"type\":\"ready\"}"),
        ("tenant:acme:alerts", b"{\"type\":\"a\",\"tenantId\":\"globex\"}"),
        ("tenant:a b:alerts", b"{\"type\":\"a\"}"),
        ("tenant:acme:Alerts", b"{\"type\":\"a\"}"),
    ];
    for (channel, payload) in refused {
        redis.publish(channel, payload).await;
    }
    redis.publish("tenant:acme:alerts", b"{\"type\":\"zz_top\",\r\n\"n\":1}").await;
    assert_eq!(frames.next().await.data["n"], 1);
    let rejected = async |reason| server.metric(&format!("sally_events_rejected_total{{reason=\"{reason}\"}}")).await;
    assert_eq!(rejected("not_an_object").await, 2.0);
    assert_eq!(rejected("bad_type").await, 1.0);
    assert_eq!(rejected("tenant_mismatch").await, 1.0);
    assert_eq!(rejected("bad_channel").await, 2.0);
}

#[tokio::test]
async fn a_lost_redis_is_said_aloud_and_found_again() {
    let redis = Redis::start();
    let port = redis.port;
    let server = Server::with(|config| config.redis_url = Some(redis.url())).await;
    until("the server is ready", async || ready(&server).await).await;
    let token = server.token("acme", "ann", Role::Dispatcher);
    let mut frames = server.stream("", &token).await;
    let before = frames.next_of("ready").await.id;
    drop(redis);
    until("the server is not ready", async || !ready(&server).await).await;
    // Other ways in stay open.
    server.publish("acme", json!([{ "type": "zz_top", "n": 1 }])).await;
    assert_eq!(frames.next().await.data["n"], 1);
    let redis = Redis::start_on(port);
    until("the server is ready again", async || ready(&server).await).await;
    let resync = frames.next_of("resync").await;
    assert_eq!(resync.data["reason"], "gap");
    redis.publish("tenant:acme:alerts", b"{\"type\":\"zz_top\",\"n\":2}").await;
    assert_eq!(frames.next().await.data["n"], 2);
    // A cursor from before the gap is told as well, one from after it is not.
    let mut resumed = server.resume("", &token, &before).await;
    assert_eq!(resumed.next_of("resync").await.data["reason"], "gap");
    assert_eq!(resumed.next_of("ready").await.data["recovered"], false);
    let mut resumed = server.resume("", &token, &resync.id).await;
    assert_eq!(resumed.next().await.data["n"], 2);
    assert_eq!(resumed.next().await.data["recovered"], true);
}

#[tokio::test]
async fn a_redis_that_never_answers_keeps_nobody_from_starting() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let server = Server::with(|config| config.redis_url = Some(format!("redis://127.0.0.1:{port}"))).await;
    assert!(!ready(&server).await);
    assert_eq!(server.http.get(server.path("/healthz")).send().await.unwrap().status(), 200);
    assert_eq!(problem(server.http.get(server.path("/sse/events")).send().await.unwrap(), 401).await, "unauthorized");
}
