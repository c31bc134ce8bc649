//! A Redis of its own for one test, and a backend service that publishes to it.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use redis::AsyncCommands;
use redis::aio::MultiplexedConnection;
use serde_json::Value;

use super::process::{Process, free_port};
use super::wait;

/// How often a port is asked for, since another process may take it first.
const TRIES: u32 = 3;

/// A running `redis-server` that keeps nothing, and a connection to it.
pub(crate) struct Redis {
    url: String,
    port: u16,
    connection: MultiplexedConnection,
    server: Option<Process>,
}

impl Redis {
    /// Starts one on a free port.
    pub(crate) async fn start(folder: &Path) -> Result<Self> {
        let mut last = None;
        for _ in 0..TRIES {
            match Self::start_on(free_port()?, folder).await {
                Ok(redis) => return Ok(redis),
                Err(error) => last = Some(error),
            }
        }
        Err(last.context("no try")?)
    }

    async fn start_on(port: u16, folder: &Path) -> Result<Self> {
        let mut command = Command::new("redis-server");
        command.args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--save", "", "--appendonly", "no"]);
        command.arg("--dir").arg(folder);
        let already = std::fs::read_to_string(folder.join("redis.log")).map_or(0, |log| log.len());
        let mut server = Process::start(&mut command, "redis", folder)?;
        let mark = format!("port={port}");
        server.line(already, |line| line.contains(&mark).then_some(())).await?;
        let url = format!("redis://127.0.0.1:{port}");
        let client = redis::Client::open(url.as_str())?;
        let connection =
            wait::until("Redis answers", async || Ok(client.get_multiplexed_async_connection().await.ok())).await?;
        Ok(Self { url, port, connection, server: Some(server) })
    }

    /// Ends it by SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.server = None;
    }

    /// Starts it again where it was, with nothing in it.
    pub(crate) async fn restart(&mut self, folder: &Path) -> Result<()> {
        self.kill();
        *self = Self::start_on(self.port, folder).await?;
        Ok(())
    }

    /// Its address, as `SALLY_REDIS_URL` has it.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// `PUBLISH tenant:{tenant}:{topic} {event}`, as any backend service does it.
    pub(crate) async fn publish(&self, tenant: &str, topic: &str, event: &Value) -> Result<()> {
        let mut connection = self.connection.clone();
        let heard: u32 = connection.publish(format!("tenant:{tenant}:{topic}"), event.to_string()).await?;
        ensure!(heard > 0, "nobody was subscribed when {event} was published");
        Ok(())
    }
}
