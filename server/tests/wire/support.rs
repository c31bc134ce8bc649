//! The server under test, and a client that reads event streams byte by byte.

use std::time::Duration;

use futures_util::{Stream, StreamExt as _};
use reqwest::{RequestBuilder, Response, StatusCode};
use sally_protocol::{Id, Role};
use sally_server::auth::Identity;
use sally_server::{Config, Running};
use serde_json::{Value, json};
use tempfile::TempDir;

/// How long a test waits for what must come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// A server in this process, with a data directory of its own.
pub(crate) struct Server {
    running: Option<Running>,
    pub http: reqwest::Client,
    url: String,
    dir: TempDir,
    database_url: Option<String>,
}

impl Server {
    /// A server with the default settings.
    pub(crate) async fn start() -> Self {
        Self::with(|_| {}).await
    }

    /// A server with changed settings.
    pub(crate) async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut config = Config {
            listen: "127.0.0.1:0".into(),
            data_dir: dir.path().to_owned(),
            database_url: database_url().await,
            drain: Duration::from_millis(200),
            ..Config::default()
        };
        change(&mut config);
        let database_url = config.database_url.clone();
        let running = sally_server::start(config).await.unwrap();
        let url = running.url();
        Self { running: Some(running), http: reqwest::Client::new(), url, dir, database_url }
    }

    /// Another server on this one's data.
    pub(crate) async fn beside(&self) -> Self {
        let (dir, database_url) = (self.dir.path().to_owned(), self.database_url.clone());
        Self::with(|config| {
            config.data_dir = dir;
            config.database_url = database_url;
        })
        .await
    }

    /// The same server again, after [`Self::stop`], on the data it left.
    pub(crate) async fn restart(mut self) -> Self {
        self.stop().await;
        self.start_again("127.0.0.1:0").await;
        self
    }

    /// Starts again after [`Self::stop`], on the data it left and at the address that clients know.
    pub(crate) async fn come_back(&mut self) {
        let address = self.url.trim_start_matches("http://").to_owned();
        self.start_again(&address).await;
    }

    async fn start_again(&mut self, listen: &str) {
        let config = Config {
            listen: listen.into(),
            data_dir: self.dir.path().to_owned(),
            database_url: self.database_url.clone(),
            drain: Duration::from_millis(200),
            ..Config::default()
        };
        let running = sally_server::start(config).await.unwrap();
        self.url = running.url();
        self.running = Some(running);
    }

    /// Drains and stops.
    pub(crate) async fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            running.stop().await;
        }
    }

    pub(crate) fn running(&self) -> &Running {
        self.running.as_ref().unwrap()
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn path(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    /// A token of a user that holds for longer than any test.
    pub(crate) fn token(&self, tenant: &str, user: &str, role: Role) -> String {
        self.token_for(tenant, user, role, None, Duration::from_secs(600))
    }

    pub(crate) fn token_for(
        &self,
        tenant: &str,
        user: &str,
        role: Role,
        driver: Option<&str>,
        ttl: Duration,
    ) -> String {
        let identity = Identity {
            tenant: tenant.into(),
            user: Id::parse(user).unwrap(),
            role,
            driver: driver.map(|driver| Id::parse(driver).unwrap()),
            name: Some(format!("{user} of {tenant}")),
        };
        self.running().issuer().issue(&identity, ttl).unwrap()
    }

    /// Publishes events as a service of the tenant and returns the results.
    pub(crate) async fn publish(&self, tenant: &str, events: Value) -> Vec<Value> {
        let token = self.token(tenant, "svc", Role::Service);
        let answer = self.post("/api/events", &token, &json!({ "events": events })).await;
        assert_eq!(answer.status(), StatusCode::ACCEPTED);
        let body: Value = answer.json().await.unwrap();
        body["results"].as_array().unwrap().clone()
    }

    pub(crate) async fn get(&self, path: &str, token: &str) -> Response {
        self.http.get(self.path(path)).bearer_auth(token).send().await.unwrap()
    }

    pub(crate) async fn post(&self, path: &str, token: &str, body: &Value) -> Response {
        self.http.post(self.path(path)).bearer_auth(token).json(body).send().await.unwrap()
    }

    /// The value of a metric.
    pub(crate) async fn metric(&self, name: &str) -> f64 {
        let text = self.http.get(self.path("/metrics")).send().await.unwrap().text().await.unwrap();
        let line = text.lines().find(|line| line.starts_with(&format!("{name} ")));
        line.unwrap_or_else(|| panic!("no metric {name}")).rsplit(' ').next().unwrap().parse().unwrap()
    }

    /// Opens an event stream with a bearer token.
    pub(crate) async fn stream(&self, query: &str, token: &str) -> Frames {
        Frames::open(self.http.get(self.path(&format!("/sse/events{query}"))).bearer_auth(token)).await
    }

    /// Opens an event stream that continues after a cursor.
    pub(crate) async fn resume(&self, query: &str, token: &str, cursor: &str) -> Frames {
        let request = self.http.get(self.path(&format!("/sse/events{query}"))).bearer_auth(token);
        Frames::open(request.header("Last-Event-ID", cursor)).await
    }
}

/// The URL of an empty database when `SALLY_TEST_DATABASE` is `postgres`; without that variable,
/// servers keep their data in their directory.
pub(crate) async fn database_url() -> Option<String> {
    match std::env::var("SALLY_TEST_DATABASE") {
        Ok(word) if word == "postgres" => Some(crate::postgres::database().await),
        Ok(word) => panic!("SALLY_TEST_DATABASE is {word:?}, and only \"postgres\" is known"),
        Err(_) => None,
    }
}

/// Waits until a condition holds.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, condition: impl FnMut() -> F) {
    until_within(PATIENCE, what, condition).await;
}

/// Waits for so long until a condition holds.
pub(crate) async fn until_within<F: Future<Output = bool>>(
    limit: Duration,
    what: &str,
    mut condition: impl FnMut() -> F,
) {
    let deadline = tokio::time::Instant::now() + limit;
    while !condition().await {
        assert!(tokio::time::Instant::now() < deadline, "not within {limit:?}: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// The code of a problem answer, its shape checked.
pub(crate) async fn problem(answer: Response, status: u16) -> String {
    assert_eq!(answer.status().as_u16(), status);
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
    let body: Value = answer.json().await.unwrap();
    assert_eq!(body["status"], status);
    assert!(body["title"].is_string() && body["type"].is_string(), "{body}");
    body["code"].as_str().unwrap().to_owned()
}

/// One frame of an event stream.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    pub id: String,
    pub event: String,
    pub data: Value,
}

/// An event stream, read by the letter of the HTML standard, section 9.2.6.
pub(crate) struct Frames {
    bytes: std::pin::Pin<Box<dyn Stream<Item = reqwest::Result<axum::body::Bytes>> + Send>>,
    text: String,
    pub retry: Option<u64>,
}

impl Frames {
    pub(crate) async fn open(request: RequestBuilder) -> Self {
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        assert_eq!(answer.headers()["cache-control"], "no-store");
        assert_eq!(answer.headers()["x-accel-buffering"], "no");
        Self { bytes: Box::pin(answer.bytes_stream()), text: String::new(), retry: None }
    }

    /// The next frame, or `None` at the end of the stream.
    pub(crate) async fn try_next(&mut self) -> Option<Frame> {
        loop {
            while let Some((block, rest)) = self.text.split_once("\n\n") {
                let block = block.to_owned();
                self.text = rest.to_owned();
                if let Some(frame) = self.read(&block) {
                    return Some(frame);
                }
            }
            let chunk = tokio::time::timeout(PATIENCE, self.bytes.next()).await.expect("a frame in time")?;
            self.text.push_str(std::str::from_utf8(&chunk.ok()?).unwrap());
        }
    }

    pub(crate) async fn next(&mut self) -> Frame {
        self.try_next().await.expect("the stream goes on")
    }

    /// The next frame of this type, others skipped.
    pub(crate) async fn next_of(&mut self, event: &str) -> Frame {
        loop {
            let frame = self.next().await;
            if frame.event == event {
                return frame;
            }
        }
    }

    /// The next `n` frames' types.
    pub(crate) async fn types(&mut self, n: usize) -> Vec<String> {
        let mut types = Vec::new();
        for _ in 0..n {
            types.push(self.next().await.event);
        }
        types
    }

    fn read(&mut self, block: &str) -> Option<Frame> {
        let (mut id, mut event, mut data) = (None, None, None);
        for line in block.lines() {
            let (field, value) = line.split_once(": ").unwrap_or((line, ""));
            match field {
                "id" => id = Some(value.to_owned()),
                "event" => event = Some(value.to_owned()),
                "data" => assert!(data.replace(value.to_owned()).is_none(), "one line of data: {block}"),
                "retry" => self.retry = value.parse().ok(),
                other => panic!("unknown field {other:?} in {block:?}"),
            }
        }
        let data: Value = serde_json::from_str(&data?).unwrap();
        let frame = Frame { id: id.expect("every frame has an id"), event: event.unwrap(), data };
        assert_eq!(frame.data["type"], frame.event.as_str());
        Some(frame)
    }
}

/// Numbered events of a type that isn't in snapshots.
pub(crate) fn numbered(range: std::ops::Range<u64>) -> Value {
    range.map(|n| json!({ "type": "zz_top", "n": n })).collect()
}
