//! Draining, and a restart by SIGKILL, of the real binary.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use sally_protocol::Role;
use serde_json::{Value, json};

use crate::listening::listening_at;
use crate::support::{Frames, Server, database_url, numbered};

#[tokio::test]
async fn a_drain_tells_streams_when_and_closes_them_then() {
    let mut server = Server::with(|config| config.drain = Duration::from_millis(800)).await;
    let mut frames = server.stream("", &server.token("acme", "ann", Role::Dispatcher)).await;
    frames.next_of("ready").await;
    let stopping = tokio::spawn(async move {
        server.stop().await;
    });
    let reconnect = frames.next_of("reconnect").await;
    assert!(reconnect.data["afterMs"].as_u64().unwrap() <= 800);
    assert!(frames.try_next().await.is_none());
    stopping.await.unwrap();
}

/// The binary, on a port of its own.
pub(crate) struct Process {
    child: Child,
    pub url: String,
}

impl Process {
    /// In this database, or in one in the directory.
    fn start(dir: &Path, database_url: Option<&str>) -> Self {
        // An empty value means unset.
        Self::start_with(dir, &[("SALLY_DATABASE_URL", database_url.unwrap_or_default())])
    }

    pub(crate) fn start_with(dir: &Path, variables: &[(&str, &str)]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_sally-server"))
            .env("SALLY_DATA_DIR", dir)
            .env("SALLY_LISTEN", "127.0.0.1:0")
            .env("SALLY_DRAIN", "500ms")
            .envs(variables.iter().copied())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let url = listening_at(&mut child);
        Self { child, url }
    }

    /// Ends it with SIGKILL.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Sends it a signal, such as `-STOP`.
    pub(crate) fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.child.id().to_string()]).status();
        assert!(sent.unwrap().success());
    }

    pub(crate) fn token(dir: &Path, role: &str) -> String {
        Self::token_of(dir, "ann", role)
    }

    pub(crate) fn token_of(dir: &Path, user: &str, role: &str) -> String {
        let output = Command::new(env!("CARGO_BIN_EXE_sally-server"))
            .args(["token", "--tenant", "acme", "--user", user, "--role", role])
            .env("SALLY_DATA_DIR", dir)
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

#[tokio::test]
async fn what_was_answered_202_survives_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    let http = reqwest::Client::new();
    let database_url = database_url().await;
    let mut process = Process::start(dir.path(), database_url.as_deref());
    let token = Process::token(dir.path(), "admin");
    let body = json!({ "events": numbered(0..50) });
    let answer = http.post(format!("{}/api/events", process.url)).bearer_auth(&token).json(&body).send().await.unwrap();
    assert_eq!(answer.status(), 202);
    let body: Value = answer.json().await.unwrap();
    let cursor = body["results"][9]["cursor"].as_str().unwrap();
    process.kill();

    let process = Process::start(dir.path(), database_url.as_deref());
    let request = http.get(format!("{}/sse/events", process.url)).bearer_auth(&token).header("Last-Event-ID", cursor);
    let mut frames = Frames::open(request).await;
    for n in 10..50 {
        assert_eq!(frames.next().await.data["n"], n);
    }
    assert_eq!(frames.next().await.data["recovered"], true);
}

#[cfg(unix)]
#[tokio::test]
async fn a_sigterm_ends_the_process_in_time_with_zero() {
    let dir = tempfile::tempdir().unwrap();
    let mut process = Process::start(dir.path(), database_url().await.as_deref());
    let token = Process::token(dir.path(), "dispatcher");
    let request = reqwest::Client::new().get(format!("{}/sse/events", process.url)).bearer_auth(&token);
    let mut frames = Frames::open(request).await;
    frames.next_of("ready").await;
    process.signal("-TERM");
    frames.next_of("reconnect").await;
    let status = tokio::task::spawn_blocking(move || process.child.wait().unwrap()).await.unwrap();
    assert_eq!(status.code(), Some(0));
}

#[test]
fn a_weak_secret_is_refused_in_a_sentence() {
    let output = Command::new(env!("CARGO_BIN_EXE_sally-server"))
        .env("SALLY_DATA_DIR", "unused")
        .env("SALLY_JWT_SECRET", "short")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(stderr.trim(), "sally-server: jwt_secret (environment): needs at least 32 bytes, has 5");
}
