//! A real Redis Cluster on loopback: servers of Debian's `redis-server`, their slots dealt by hand.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use redis::aio::MultiplexedConnection;
use tempfile::TempDir;

/// How long the servers may take to agree.
const PATIENCE: Duration = Duration::from_secs(20);

/// One server of the cluster.
pub(crate) struct Member {
    pub process: Child,
    pub port: u16,
    _dir: TempDir,
}

impl Member {
    fn start() -> Self {
        let (port, dir) = (free_port(), tempfile::tempdir().unwrap());
        let process = Command::new("redis-server")
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--dir"])
            .arg(dir.path())
            .args(["--cluster-enabled", "yes", "--cluster-node-timeout", "1500"])
            .args(["--cluster-announce-ip", "127.0.0.1", "--repl-diskless-sync-delay", "0"])
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server is installed: `cargo xtask test` does that");
        Self { process, port, _dir: dir }
    }

    /// Ends it with SIGKILL.
    pub(crate) fn kill(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    pub(crate) async fn connect(&self) -> MultiplexedConnection {
        let client = redis::Client::open(format!("redis://127.0.0.1:{}", self.port)).unwrap();
        let deadline = Instant::now() + PATIENCE;
        loop {
            match client.get_multiplexed_async_connection().await {
                Ok(connection) => return connection,
                Err(error) => assert!(Instant::now() < deadline, "no redis-server: {error}"),
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    async fn cluster(&self, arguments: &[&str]) -> String {
        let mut connection = self.connect().await;
        redis::cmd("CLUSTER").arg(arguments).query_async(&mut connection).await.unwrap()
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Three primaries, and a replica of each where that is asked for.
pub(crate) struct Cluster {
    pub primaries: Vec<Member>,
    pub replicas: Vec<Member>,
}

impl Cluster {
    pub(crate) async fn start(with_replicas: bool) -> Self {
        let primaries: Vec<Member> = (0..3).map(|_| Member::start()).collect();
        let replicas: Vec<Member> = (0..if with_replicas { 3 } else { 0 }).map(|_| Member::start()).collect();
        let slots = [("0", "5460"), ("5461", "10922"), ("10923", "16383")];
        let mut ids = Vec::new();
        for (epoch, (member, (first, last))) in primaries.iter().zip(slots).enumerate() {
            member.cluster(&["ADDSLOTSRANGE", first, last]).await;
            member.cluster(&["SET-CONFIG-EPOCH", &(epoch + 1).to_string()]).await;
            ids.push(member.cluster(&["MYID"]).await);
        }
        let meeting = primaries[0].port.to_string();
        for member in primaries[1..].iter().chain(&replicas) {
            member.cluster(&["MEET", "127.0.0.1", &meeting]).await;
        }
        let cluster = Self { primaries, replicas };
        for (replica, id) in cluster.replicas.iter().zip(&ids) {
            wait("a replica knows its primary", async || replica.cluster(&["NODES"]).await.contains(id)).await;
            replica.cluster(&["REPLICATE", id]).await;
        }
        for member in cluster.members() {
            let agrees = async || {
                let (info, nodes) = (member.cluster(&["INFO"]).await, member.cluster(&["NODES"]).await);
                info.contains("cluster_state:ok")
                    && nodes.lines().count() == cluster.members().count()
                    && nodes.matches(" slave ").count() + nodes.matches("myself,slave ").count()
                        == cluster.replicas.len()
            };
            wait("the cluster agrees", agrees).await;
        }
        cluster
    }

    /// The URL that names all of it.
    pub(crate) fn url(&self) -> String {
        let servers: Vec<String> = self.members().map(|member| format!("127.0.0.1:{}", member.port)).collect();
        format!("redis-cluster://{}", servers.join(","))
    }

    fn members(&self) -> impl Iterator<Item = &Member> {
        self.primaries.iter().chain(&self.replicas)
    }
}

/// A free port whose bus port, 10,000 above it, is free. Both are below those that the system gives
/// to outgoing connections: one of these may take a port before the server does.
fn free_port() -> u16 {
    loop {
        let port = rand::random_range(10_000..22_000);
        if [port, port + 10_000].iter().all(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()) {
            return port;
        }
    }
}

async fn wait<F: Future<Output = bool>>(what: &str, mut condition: impl FnMut() -> F) {
    let deadline = Instant::now() + PATIENCE;
    while !condition().await {
        assert!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
