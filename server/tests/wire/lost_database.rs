//! A PostgreSQL that is out of reach for a while.

use std::time::{Duration, Instant};

use sally_protocol::Role;
use serde_json::json;
use sqlx::{AnyConnection, Connection as _, Executor as _};

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
