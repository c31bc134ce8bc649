//! The requests of sessions: opening, polling, and what is refused.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{FromRequest as _, Query, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto::upgrade::downcast;
use serde::Deserialize;
use serde_json::json;
use tokio::net::TcpStream;
use tungstenite::handshake::derive_accept_key;

use super::connection::{Closed, Connection, Misplaced, Poll};
use super::frame::Frame;
use super::packet::{Incoming, Packet, Part, SEPARATOR};
use super::sid::Sid;
use super::websocket::Socket;
use super::{Engine, MAX_PAYLOAD_BYTES, polling, probe, websocket};
use crate::body::Body;
use crate::error::ApiError;

/// How long a payload may take to come. It is small, and its session may be over by then.
const PAYLOAD_TIMEOUT: Duration = Duration::from_secs(30);

/// Why a request is refused, in the words of the official server (engine.io 6, `server.ts`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refusal {
    UnknownTransport = 0,
    UnknownSession = 1,
    BadHandshakeMethod = 2,
    BadRequest = 3,
    UnsupportedVersion = 5,
}

impl Refusal {
    fn message(self) -> &'static str {
        match self {
            Self::UnknownTransport => "Transport unknown",
            Self::UnknownSession => "Session ID unknown",
            Self::BadHandshakeMethod => "Bad handshake method",
            Self::BadRequest => "Bad request",
            Self::UnsupportedVersion => "Unsupported protocol version",
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (StatusCode::BAD_REQUEST, Json(json!({ "code": self as u8, "message": self.message() }))).into_response()
    }
}

impl From<Misplaced> for Refusal {
    fn from(Misplaced: Misplaced) -> Self {
        Self::BadRequest
    }
}

/// What the address of a request says.
#[derive(Debug, Default, Deserialize)]
struct Address {
    #[serde(rename = "EIO")]
    version: Option<String>,
    transport: Option<String>,
    sid: Option<String>,
}

/// Serves `/socket.io/`.
pub(crate) async fn serve(State(engine): State<Engine>, request: Request) -> Response {
    answer(&engine, request).await.unwrap_or_else(IntoResponse::into_response)
}

async fn answer(engine: &Engine, request: Request) -> Result<Response, Refusal> {
    let Query(address) = Query::<Address>::try_from_uri(request.uri()).map_err(|_| Refusal::BadRequest)?;
    let upgrades = match address.transport.as_deref() {
        Some("polling") => false,
        Some("websocket") => true,
        _ => return Err(Refusal::UnknownTransport),
    };
    if let Some(sid) = &address.sid {
        let session = Sid::parse(sid).and_then(|sid| engine.session(sid)).ok_or(Refusal::UnknownSession)?;
        return match (upgrades, request.method()) {
            (true, _) => try_web_socket(engine, session, request),
            (false, &Method::GET) => poll(&session).await,
            (false, &Method::POST) => post(&session, request).await,
            (false, _) => Err(Refusal::BadRequest),
        };
    }
    if *request.method() != Method::GET {
        return Err(Refusal::BadHandshakeMethod);
    }
    if address.version.as_deref() != Some("4") {
        return Err(Refusal::UnsupportedVersion);
    }
    match upgrades {
        true => open_web_socket(engine, request),
        false => Ok(open_polling(engine, request.into_parts().0.headers)),
    }
}

/// The first packet of a session.
fn handshake(engine: &Engine, sid: Sid, upgrades: &[&str]) -> String {
    let settings = engine.settings();
    let open = json!({
        "sid": sid.to_string(),
        "upgrades": upgrades,
        "pingInterval": settings.ping_interval.as_millis() as u64,
        "pingTimeout": settings.ping_timeout.as_millis() as u64,
        "maxPayload": MAX_PAYLOAD_BYTES,
    });
    format!("0{open}")
}

fn open_polling(engine: &Engine, headers: HeaderMap) -> Response {
    let connection = Arc::new(Connection::polling(Sid::random()));
    let open = handshake(engine, connection.sid(), &["websocket"]);
    engine.open(Arc::clone(&connection), headers, polling::keep(engine.clone(), connection));
    payload(open)
}

fn open_web_socket(engine: &Engine, mut request: Request) -> Result<Response, Refusal> {
    let (response, upgrade) = upgrade(&mut request)?;
    let headers = request.into_parts().0.headers;
    let to = engine.clone();
    engine.spawn(async move {
        let Some(socket) = upgraded(upgrade).await else { return };
        let connection = Arc::new(Connection::web_socket(Sid::random(), Arc::clone(&socket.stream)));
        connection.send(&Frame::packet(&handshake(&to, connection.sid(), &[])));
        let keep = websocket::keep(to.clone(), Arc::clone(&connection), socket);
        to.open(connection, headers, keep);
    });
    Ok(response)
}

fn try_web_socket(engine: &Engine, session: Arc<Connection>, mut request: Request) -> Result<Response, Refusal> {
    let (response, upgrade) = upgrade(&mut request)?;
    let to = engine.clone();
    engine.spawn(async move {
        if let Some(socket) = upgraded(upgrade).await {
            probe::serve(to, session, socket).await;
        }
    });
    Ok(response)
}

/// The answer to a WebSocket's opening handshake (RFC 6455, section 4.2), and the way to its connection.
fn upgrade(request: &mut Request) -> Result<(Response, OnUpgrade), Refusal> {
    let headers = request.headers();
    let says = |name: header::HeaderName, word: &str| {
        let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
        values.flat_map(|value| value.split(',')).any(|value| value.trim().eq_ignore_ascii_case(word))
    };
    let is_upgrade = *request.method() == Method::GET
        && says(header::CONNECTION, "upgrade")
        && says(header::UPGRADE, "websocket")
        && says(header::SEC_WEBSOCKET_VERSION, "13");
    let key = headers.get(header::SEC_WEBSOCKET_KEY).filter(|_| is_upgrade).ok_or(Refusal::BadRequest)?;
    let accept = HeaderValue::try_from(derive_accept_key(key.as_bytes())).map_err(|_| Refusal::BadRequest)?;
    let upgrade = request.extensions_mut().remove::<OnUpgrade>().ok_or(Refusal::BadRequest)?;
    let mut response = StatusCode::SWITCHING_PROTOCOLS.into_response();
    let fields = response.headers_mut();
    fields.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    fields.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    fields.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    Ok((response, upgrade))
}

/// The connection, once the answer is written; `None` when it has broken.
async fn upgraded(upgrade: OnUpgrade) -> Option<Socket> {
    let connection = downcast::<TokioIo<TcpStream>>(upgrade.await.ok()?).ok()?;
    Some(Socket::new(connection.io.into_inner(), &connection.read_buf))
}

/// A poll. One that is given up ends its session, since nobody knows what of its answer has arrived;
/// unless the session has moved to a WebSocket, which takes what the poll didn't.
struct Polled<'a> {
    connection: &'a Connection,
    is_answered: bool,
}

impl Drop for Polled<'_> {
    fn drop(&mut self) {
        if !self.is_answered && self.connection.polls() {
            self.connection.close(Closed::ByClient);
        }
    }
}

async fn poll(connection: &Connection) -> Result<Response, Refusal> {
    if !connection.begin_get()? {
        // Two polls would share what one is to have.
        connection.close(Closed::ByServer);
        return Err(Refusal::BadRequest);
    }
    let mut polled = Polled { connection, is_answered: false };
    loop {
        match connection.answer_get() {
            Poll::Payload(packets) => {
                polled.is_answered = true;
                return Ok(payload(packets));
            }
            Poll::Moved => {
                polled.is_answered = true;
                return Ok(payload("6"));
            }
            Poll::Pending => connection.answerable().await,
        }
    }
}

/// A payload on its way in. One that breaks off ends its session, since nobody knows what it would have
/// held; unless the session has moved to a WebSocket, whose client knows what wasn't answered.
struct Posting<'a> {
    connection: &'a Connection,
    is_whole: bool,
}

impl Drop for Posting<'_> {
    fn drop(&mut self) {
        match self.is_whole {
            true => self.connection.end_post(),
            false if self.connection.polls() => self.connection.close(Closed::ByServer),
            false => {}
        }
    }
}

async fn post(connection: &Connection, request: Request) -> Result<Response, Refusal> {
    if !connection.begin_post()? {
        // Which of two comes first can't be told.
        connection.close(Closed::ByServer);
        return Err(Refusal::BadRequest);
    }
    let mut posting = Posting { connection, is_whole: false };
    let whole = tokio::time::timeout(PAYLOAD_TIMEOUT, Body::from_request(request, &())).await;
    let body = match whole.unwrap_or_else(|_| Err(ApiError::body_timeout())) {
        Ok(Body(body)) => body,
        Err(error) => return Ok(error.into_response()),
    };
    let parts = std::str::from_utf8(&body).map_err(|_| Refusal::BadRequest)?;
    for part in parts.split(char::from(SEPARATOR)).filter(|_| !parts.is_empty()) {
        match Part::parse(part).ok_or(Refusal::BadRequest)? {
            Part::Packet(Packet::Message(message)) => connection.receive(Incoming::Text(message.to_owned())),
            Part::Packet(Packet::Pong) => connection.pong(),
            Part::Packet(Packet::Close) => connection.close(Closed::ByClient),
            Part::Packet(Packet::Probe | Packet::Upgrade) => return Err(Refusal::BadRequest),
            Part::Binary(bytes) => connection.receive(Incoming::Binary(bytes)),
        }
    }
    posting.is_whole = true;
    // As HTML: some browsers would offer plain text for download.
    Ok(([(header::CONTENT_TYPE, "text/html")], "ok").into_response())
}

fn payload(packets: impl Into<axum::body::Body>) -> Response {
    let headers = [(header::CONTENT_TYPE, "text/plain; charset=UTF-8"), (header::CACHE_CONTROL, "no-store")];
    (headers, packets.into()).into_response()
}
