//! The log in a Redis server, and in a cluster of them.

use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use redis::aio::MultiplexedConnection;
use sally_server::link::Link;
use sally_server::log::{RedisLog, Retention};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Backend;
use crate::cluster::Cluster;
use crate::node::{Node, until};

/// A redis-server (Debian's `redis-server`) on a port of its own.
pub(crate) struct Redis {
    process: Child,
    url: String,
    _dir: TempDir,
}

impl Redis {
    /// A connection past the log.
    pub(crate) async fn connect(&self) -> MultiplexedConnection {
        let client = redis::Client::open(self.url.as_str()).unwrap();
        client.get_multiplexed_async_connection().await.unwrap()
    }
}

impl Backend for Redis {
    async fn fresh() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let process = Command::new("redis-server")
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--dir"])
            .arg(dir.path())
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server is installed: `cargo xtask test` does that");
        Self { process, url: format!("redis://127.0.0.1:{port}"), _dir: dir }
    }

    async fn open(&self, retention: Retention) -> Node {
        open(&self.url, retention).await
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A node on the Redis at `url`, once it hears what is appended.
pub(crate) async fn open(url: &str, retention: Retention) -> Node {
    let (hub, tasks, stop) = (Node::hub(), TaskTracker::new(), CancellationToken::new());
    let link = Link::start(url, "one database".into(), stop.clone(), &tasks).await.unwrap();
    let log = RedisLog::start(link, Arc::clone(&hub), retention, stop.clone(), &tasks);
    let hears = log.signals_up();
    until("the node hears what is appended", async || hears.load(Ordering::Relaxed)).await;
    Node::new(Arc::new(log), hub, async move {
        stop.cancel();
        tasks.close();
        tasks.wait().await;
    })
}

/// Three servers that share the slots.
pub(crate) struct RedisCluster {
    cluster: Cluster,
}

impl Backend for RedisCluster {
    async fn fresh() -> Self {
        Self { cluster: Cluster::start(false).await }
    }

    async fn open(&self, retention: Retention) -> Node {
        open(&self.cluster.url(), retention).await
    }
}
