//! A real redis-server (Debian's `redis-server`), on a port of its own.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use redis::AsyncCommands as _;
use tempfile::TempDir;

use crate::support::until;

/// A free port.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A redis-server without persistence, unless it is told otherwise.
pub(crate) struct Redis {
    process: Child,
    pub port: u16,
    dir: TempDir,
}

impl Redis {
    pub(crate) fn start() -> Self {
        Self::start_on(free_port(), &[])
    }

    pub(crate) fn start_on(port: u16, settings: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self { process: spawn(port, dir.path(), settings), port, dir }
    }

    /// The same server again, on the data it left, after a SIGKILL.
    pub(crate) fn restart(&mut self, settings: &[&str]) {
        self.kill();
        self.process = spawn(self.port, self.dir.path(), settings);
    }

    pub(crate) fn kill(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    /// Sends it a signal, such as `-STOP`.
    pub(crate) fn signal(&self, signal: &str) {
        send(signal, &self.process);
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub(crate) async fn connect(&self) -> redis::aio::MultiplexedConnection {
        connect(self.port).await
    }

    pub(crate) async fn publish(&self, channel: &str, payload: &[u8]) -> i64 {
        self.connect().await.publish(channel, payload).await.unwrap()
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Sends a process a signal, such as `-STOP`.
pub(crate) fn send(signal: &str, process: &Child) {
    let sent = Command::new("kill").args([signal, &process.id().to_string()]).status();
    assert!(sent.unwrap().success());
}

/// A connection to the redis-server on this port, once it answers.
pub(crate) async fn connect(port: u16) -> redis::aio::MultiplexedConnection {
    let client = redis::Client::open(format!("redis://127.0.0.1:{port}")).unwrap();
    until("redis-server answers", async || client.get_multiplexed_async_connection().await.is_ok()).await;
    client.get_multiplexed_async_connection().await.unwrap()
}

fn spawn(port: u16, dir: &Path, settings: &[&str]) -> Child {
    Command::new("redis-server")
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--dir"])
        .arg(dir)
        .args(settings)
        .stdout(Stdio::null())
        .spawn()
        .expect("redis-server is installed: `cargo xtask test` does that")
}
