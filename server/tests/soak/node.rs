//! The real binary, on a port that it keeps.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use sally_protocol::board::Board;
use sally_protocol::stream::{Frame, Snapshot};
use sally_protocol::{Id, Role};
use sally_server::auth::{Identity, Issuer};
use serde_json::{Value, json};

use crate::listening::listening_at;
use crate::support::until;

const SECRET: &str = "known to the tests and to nobody else";

/// The tenant of everybody here.
pub(crate) const TENANT: &str = "acme";

/// A node, until it is dropped.
pub(crate) struct Node {
    process: Child,
    pub address: SocketAddr,
    dir: PathBuf,
    variables: Vec<(String, String)>,
    http: reqwest::Client,
}

impl Node {
    /// Starts a node with its data in `dir`, and waits until it is ready.
    pub(crate) async fn start(dir: &Path, variables: &[(&str, &str)]) -> Self {
        let variables: Vec<(String, String)> =
            variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let (process, address) = spawn("127.0.0.1:0", dir, &variables);
        let node = Self { process, address, dir: dir.to_owned(), variables, http: reqwest::Client::new() };
        node.ready().await;
        node
    }

    /// Starts it again, where it was.
    pub(crate) async fn restart(&mut self) {
        self.kill();
        (self.process, _) = spawn(&self.address.to_string(), &self.dir, &self.variables);
        self.ready().await;
    }

    /// Ends it with SIGKILL.
    pub(crate) fn kill(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    /// Waits until it is ready.
    pub(crate) async fn ready(&self) {
        let ready = async || self.http.get(self.url("/readyz")).send().await.is_ok_and(|it| it.status() == 200);
        until("the node is ready", ready).await;
    }

    /// The memory that is its own or shared with others, in bytes (RSS).
    pub(crate) fn memory_bytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.split_whitespace().next().unwrap().parse::<u64>().unwrap() * 1024
    }

    /// Publishes one event; whether it is in the log.
    pub(crate) async fn try_publish(&self, event: &Value) -> bool {
        self.post(&json!({ "event": event })).await.status() == 202
    }

    /// Publishes one event, and returns its cursor.
    pub(crate) async fn publish(&self, event: Value) -> String {
        let answer = self.post(&json!({ "event": event })).await;
        assert_eq!(answer.status(), 202);
        let body: Value = answer.json().await.unwrap();
        body["results"][0]["cursor"].as_str().unwrap().to_owned()
    }

    /// What the board is by its snapshot.
    pub(crate) async fn board(&self) -> Board {
        let request = self.http.get(self.url("/api/snapshot")).bearer_auth(token("svc", Role::Service));
        let Snapshot { events, .. } = request.send().await.unwrap().json().await.unwrap();
        let mut board = Board::default();
        board.apply(&Frame::Snapshot { events, last: true });
        board
    }

    /// The value of a metric.
    pub(crate) async fn metric(&self, name: &str) -> f64 {
        let text = self.http.get(self.url("/metrics")).send().await.unwrap().text().await.unwrap();
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.unwrap_or_else(|| panic!("no metric {name}")).parse().unwrap()
    }

    /// Opens an event stream on a connection of its own, and returns the answer's head.
    pub(crate) async fn open(&self, token: &str) -> reqwest::Response {
        reqwest::Client::new().get(self.url("/sse/events")).bearer_auth(token).send().await.unwrap()
    }

    /// Publishes events at once.
    pub(crate) async fn publish_all(&self, events: Value) {
        assert_eq!(self.post(&json!({ "events": events })).await.status(), 202);
    }

    async fn post(&self, body: &Value) -> reqwest::Response {
        let request = self.http.post(self.url("/api/events")).bearer_auth(token("svc", Role::Service));
        request.json(body).send().await.unwrap()
    }

    /// The URL of a path; of the node itself for an empty one.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A token that holds for longer than any run.
pub(crate) fn token(user: &str, role: Role) -> String {
    token_for(user, role, Duration::from_secs(6 * 60 * 60))
}

/// A token that holds this long.
pub(crate) fn token_for(user: &str, role: Role, ttl: Duration) -> String {
    let user = Id::parse(user).unwrap();
    let identity = Identity { tenant: TENANT.into(), user, role, driver: None, name: None };
    Issuer::new(SECRET.as_bytes(), None, None).issue(&identity, ttl).unwrap()
}

/// Lets this process and those that it starts have as many open files as the system allows: every
/// client is one here and one in its node.
fn allow_files() {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).unwrap();
}

fn spawn(listen: &str, dir: &Path, variables: &[(String, String)]) -> (Child, SocketAddr) {
    allow_files();
    let mut process = Command::new(env!("CARGO_BIN_EXE_sally-server"))
        .env("SALLY_DATA_DIR", dir)
        .env("SALLY_LISTEN", listen)
        .env("SALLY_JWT_SECRET", SECRET)
        // Faults are the point of these runs, and every one of them is worth a warning.
        .env("SALLY_LOG", "error")
        .envs(variables.iter().map(|(name, value)| (name, value)))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let url = listening_at(&mut process);
    let address = url.strip_prefix("http://").expect("an address without TLS");
    (process, address.parse().unwrap())
}
