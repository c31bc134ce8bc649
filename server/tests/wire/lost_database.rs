//! A PostgreSQL that is out of reach for a while.

use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use sally_protocol::Role;
use serde_json::json;
use sqlx::{AnyConnection, Connection as _, Executor as _, Row as _};
use uuid::Uuid;

use crate::messaging::{Socket, code};
use crate::postgres;
use crate::support::{Server, numbered, problem, until};

/// A database that can be closed to everybody.
struct Door {
    name: String,
    /// To another database of the same server.
    outside: AnyConnection,
}

impl Door {
    async fn of(url: &str) -> Self {
        let (start, query) = url.split_once('?').unwrap();
        let (server, name) = start.rsplit_once('/').unwrap();
        let outside = AnyConnection::connect(&format!("{server}/postgres?{query}")).await.unwrap();
        Self { name: name.into(), outside }
    }

    /// Lets nobody in and throws out who is in.
    async fn close(&mut self) {
        self.run(format!("ALTER DATABASE {} ALLOW_CONNECTIONS false", self.name)).await;
        let end = format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{}'", self.name);
        self.run(end).await;
    }

    async fn open(&mut self) {
        self.run(format!("ALTER DATABASE {} ALLOW_CONNECTIONS true", self.name)).await;
    }

    /// Stops whatever serves it, in the middle of what it does, and lets nobody else in.
    async fn freeze(&mut self) {
        self.run(format!("ALTER DATABASE {} ALLOW_CONNECTIONS false", self.name)).await;
        self.signal(Signal::STOP).await;
    }

    async fn thaw(&mut self) {
        self.signal(Signal::CONT).await;
        self.open().await;
    }

    async fn signal(&mut self, signal: Signal) {
        let statement = format!("SELECT pid FROM pg_stat_activity WHERE datname = '{}'", self.name);
        let rows = self.outside.fetch_all(sqlx::AssertSqlSafe(statement)).await.unwrap();
        for row in rows {
            let process = Pid::from_raw(row.get::<i32, _>(0)).unwrap();
            kill_process(process, signal).unwrap();
        }
    }

    async fn run(&mut self, statement: String) {
        self.outside.execute(sqlx::AssertSqlSafe(statement)).await.unwrap();
    }
}

async fn is_ready(server: &Server) -> bool {
    server.http.get(server.path("/readyz")).send().await.unwrap().status() == 200
}

#[tokio::test]
async fn a_lost_database_is_found_again_and_nothing_comes_twice() {
    let url = postgres::database().await;
    let mut door = Door::of(&url).await;
    let server = Server::with(|config| config.database_url = Some(url)).await;
    let token = server.token("acme", "svc", Role::Service);
    let mut frames = server.stream("", &token).await;
    frames.next_of("ready").await;
    server.publish("acme", numbered(0..2)).await;
    let kept = json!({ "events": [{ "type": "zz_top", "n": 2, "eventId": "e-2" }] });

    door.close().await;
    let asked = Instant::now();
    let answer = server.post("/api/events", &token, &kept).await;
    assert_eq!(problem(answer, 503).await, "unavailable");
    assert!(asked.elapsed() < Duration::from_secs(6), "{:?}", asked.elapsed());
    assert!(!is_ready(&server).await);
    assert_eq!(server.http.get(server.path("/healthz")).send().await.unwrap().status(), 200);

    door.open().await;
    until("the server is ready again", async || is_ready(&server).await).await;
    assert_eq!(server.post("/api/events", &token, &kept).await.status(), 202);
    server.publish("acme", numbered(3..5)).await;
    for n in 0..5 {
        assert_eq!(frames.next().await.data["n"], n);
    }
}

/// Sends before, during and after each of the faults, with what the database does in between.
async fn send_through(server: &Server, door: &mut Door, frozen: bool, seqs: &mut std::ops::RangeFrom<u64>) {
    let mut driver = Socket::driver(server, "drv-1").await;
    let mut ann = Socket::dispatcher(server, "ann").await;
    let message =
        |content: &str| json!({ "recipientId": "drv-1", "content": content, "clientMessageId": Uuid::new_v4() });
    assert_eq!(ann.send(message("before")).await["ok"], true);
    let during = message("during");

    match frozen {
        true => door.freeze().await,
        false => door.close().await,
    }
    let asked = Instant::now();
    let answer = ann.send(during.clone()).await;
    assert_eq!((code(&answer), &answer["error"]["retryable"]), ("unavailable", &json!(true)));
    assert!(asked.elapsed() < Duration::from_secs(7), "answered after {:?}", asked.elapsed());
    let asked = Instant::now();
    assert_eq!(code(&driver.call("mark_read", json!({ "conversationId": "drv-1", "seq": 1 })).await), "unavailable");
    assert_eq!(code(&driver.call("resume", json!({})).await), "unavailable");
    assert!(asked.elapsed() < Duration::from_secs(14), "answered after {:?}", asked.elapsed());

    match frozen {
        true => door.thaw().await,
        false => door.open().await,
    }
    let begun = Instant::now();
    let mut stored = ann.send(during.clone()).await;
    while stored["ok"] == false {
        assert_eq!(code(&stored), "unavailable");
        assert!(begun.elapsed() < Duration::from_secs(15), "not again after {:?}", begun.elapsed());
        tokio::time::sleep(Duration::from_millis(100)).await;
        stored = ann.send(during.clone()).await;
    }
    assert_eq!(ann.send(during).await["duplicate"], true);
    assert_eq!(ann.send(message("after")).await["ok"], true);
    for content in ["before", "during", "after"] {
        let seen = driver.event("new_message").await;
        assert_eq!((&seen["content"], seen["seq"].as_u64()), (&json!(content), seqs.next()), "frozen: {frozen}");
    }
}

#[tokio::test]
async fn messages_are_refused_while_the_database_is_lost_and_none_is_lost() {
    let url = postgres::database().await;
    let mut door = Door::of(&url).await;
    let server = Server::with(|config| config.database_url = Some(url)).await;
    let mut seqs = 1..;
    for frozen in [false, true] {
        send_through(&server, &mut door, frozen, &mut seqs).await;
    }
}

#[tokio::test]
async fn a_lost_database_is_told_of_each_of_many_alerts_and_none_is_acted_on() {
    let url = postgres::database().await;
    let mut door = Door::of(&url).await;
    let server = Server::with(|config| config.database_url = Some(url)).await;
    let ids: Vec<String> = (0..100).map(|n| format!("a{n}")).collect();
    let alert = |id: &String| json!({ "type": "new_alert", "alert": { "id": id, "priority": "high" } });
    server.publish("acme", ids.iter().map(alert).collect()).await;
    let token = server.token("acme", "ann", Role::Dispatcher);
    assert_eq!(server.get("/api/alerts/a0", &token).await.status(), 200, "ann is known");

    let body = json!({ "ids": ids, "action": "acknowledge" });
    door.freeze().await;
    let answer = tokio::time::timeout(Duration::from_secs(15), server.post("/api/alerts/bulk", &token, &body)).await;
    door.thaw().await;
    let answer = answer.expect("an answer in time");
    assert_eq!(answer.status(), 200);
    let answer: serde_json::Value = answer.json().await.unwrap();
    let results = answer["results"].as_array().unwrap();
    assert_eq!(results.len(), ids.len(), "each is told");
    for (result, id) in results.iter().zip(&ids) {
        assert_eq!((&result["id"], &result["error"]["code"]), (&json!(id), &json!("unavailable")));
    }

    until("the server is ready again", async || is_ready(&server).await).await;
    let answer: serde_json::Value = server.post("/api/alerts/bulk", &token, &body).await.json().await.unwrap();
    for result in answer["results"].as_array().unwrap() {
        assert_eq!(result["alert"]["status"], "acknowledged", "{result}");
    }
}
