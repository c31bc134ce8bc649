//! A server that misbehaves as it is told: every request to a route takes the next answer of that
//! route's script, and is kept for the test to look at.

use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use futures_util::{Stream, StreamExt, stream};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// No wait in a test is longer.
pub(crate) const DEADLINE: Duration = Duration::from_secs(10);

/// What comes back for one request.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: String,
    end: Ending,
}

/// What happens after the body.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Ending {
    Complete,
    Open,
}

impl Answer {
    pub(crate) fn new(status: u16, content_type: &str, body: &str) -> Self {
        let headers = vec![("content-type", content_type.to_owned()), ("sally-protocol", "1".to_owned())];
        Self { status, headers, body: body.to_owned(), end: Ending::Complete }
    }

    pub(crate) fn json(body: Value) -> Self {
        Self::new(200, "application/json", &body.to_string())
    }

    pub(crate) fn problem(status: u16, code: &str) -> Self {
        let body = json!({"type": "about:blank", "title": format!("It is {code}"), "status": status, "code": code});
        Self::new(status, "application/problem+json", &body.to_string())
    }

    /// An event stream that ends after `body`.
    pub(crate) fn events(body: &str) -> Self {
        Self::new(200, "text/event-stream", body)
    }

    /// The same, but the connection stays open behind it.
    pub(crate) fn open(mut self) -> Self {
        self.end = Ending::Open;
        self
    }

    /// Replaces or adds a header; `set-cookie` adds up.
    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.retain(|(existing, _)| *existing != name || name == "set-cookie");
        self.headers.push((name, value.to_owned()));
        self
    }
}

/// What a request was.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("a readable header"))
    }
}

#[derive(Default)]
struct Book {
    scripts: HashMap<String, VecDeque<Answer>>,
    seen: HashMap<String, Vec<Seen>>,
}

/// The server. A cheap clone; it ends with the test's runtime.
#[derive(Clone)]
pub(crate) struct Unruly {
    pub(crate) url: String,
    book: Arc<Mutex<Book>>,
}

impl Unruly {
    /// Starts it with a healthy `/healthz`; a route without a script answers 404, one whose script
    /// has run out repeats its last answer.
    pub(crate) async fn start() -> Self {
        Self::start_with(Router::new()).await
    }

    /// As [`Unruly::start`], with routes of the test's own.
    pub(crate) async fn start_with(routes: Router) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let server = Self { url, book: Arc::default() };
        server.script("/healthz", [Answer::json(json!({"status": "ok", "name": "sally-realtime", "protocol": 1}))]);
        let scripted: Router<()> = Router::new().fallback(answer).with_state(server.clone());
        let app = routes.fallback_service(scripted);
        tokio::spawn(async move { axum::serve(listener, app).await });
        server
    }

    pub(crate) fn script(&self, path: &str, answers: impl IntoIterator<Item = Answer>) {
        self.book.lock().expect("a lock").scripts.insert(path.to_owned(), answers.into_iter().collect());
    }

    pub(crate) fn seen(&self, path: &str) -> Vec<Seen> {
        self.book.lock().expect("a lock").seen.get(path).cloned().unwrap_or_default()
    }
}

async fn answer(State(server): State<Unruly>, request: Request) -> Response {
    let answer = {
        let mut book = server.book.lock().expect("a lock");
        let path = request.uri().path().to_owned();
        let query = request.uri().query().unwrap_or_default().to_owned();
        book.seen.entry(path.clone()).or_default().push(Seen { query, headers: request.headers().clone() });
        match book.scripts.get_mut(&path) {
            Some(script) if script.len() > 1 => script.pop_front(),
            Some(script) => script.front().cloned(),
            None => None,
        }
    };
    let answer = answer.unwrap_or_else(|| Answer::new(404, "text/html", "<h1>Not found</h1>"));
    let mut response = Response::builder().status(StatusCode::from_u16(answer.status).expect("a status"));
    for (name, value) in &answer.headers {
        response = response.header(*name, value);
    }
    let body = stream::iter([Ok::<_, Infallible>(Bytes::from(answer.body))]);
    let rest: std::pin::Pin<Box<dyn Stream<Item = Result<Bytes, Infallible>> + Send>> = match answer.end {
        Ending::Complete => Box::pin(stream::empty()),
        Ending::Open => Box::pin(stream::pending()),
    };
    response.body(Body::from_stream(body.chain(rest))).expect("a response")
}

/// A JWT whose signature nobody checks here; `tag` tells tokens of one life apart.
pub(crate) fn jwt(tag: &str, seconds_left: i64) -> String {
    use base64::Engine as _;
    let exp = jiff::Timestamp::now().as_second() + seconds_left;
    let claims = json!({"sub": "ann", "tenantId": "acme", "role": "dispatcher", "jti": tag, "exp": exp});
    let payload = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(claims.to_string());
    format!("e30.{payload}.{tag}")
}

/// The answer of a login or a refresh.
pub(crate) fn signed_in(access: &str, refresh: &str) -> Answer {
    let me = json!({"userId": "ann", "tenantId": "acme", "role": "dispatcher", "expiresAt": "2030-01-01T00:00:00Z"});
    Answer::json(me)
        .header("set-cookie", &format!("access_token={access}; HttpOnly; SameSite=Lax; Path=/"))
        .header("set-cookie", &format!("refresh_token={refresh}; HttpOnly; SameSite=Lax; Path=/auth"))
}
