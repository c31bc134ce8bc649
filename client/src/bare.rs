//! A bare Socket.IO connection: one WebSocket, no task, no reconnect, no supervision.
//!
//! It is for whoever wants many connections or wants to see everything that happens on one: the
//! simulated fleet, load generators, tests of the protocol. Its owner drives it by calling
//! [`Connection::next`]; pings are answered there, so an owner that doesn't call it for longer
//! than the server's patience is disconnected, as a client that hangs would be.

mod packet;

use std::collections::VecDeque;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use sally_protocol::message::RequestError;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::{HeaderMap, header::RETRY_AFTER};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};

use crate::Address;
use packet::{Malformed, Packet};

/// How long an opening may take, from the TCP connection to the server's word on the namespace.
pub const OPEN_LIMIT: Duration = Duration::from_secs(15);

/// How long [`Connection::call`] waits for its answer.
pub const CALL_LIMIT: Duration = Duration::from_secs(15);

/// The largest packet that is read.
const MAX_PACKET_BYTES: usize = 16 * 1024 * 1024;

/// How many events may arrive while a call waits for its answer.
const MAX_EARLY: usize = 4096;

/// What went wrong on a connection.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What was given isn't an [`Address`].
    #[error("{0:?} is not a server's address")]
    Url(String),
    /// The server answered the upgrade by an HTTP status.
    #[error("the server answered with HTTP status {status}")]
    Status {
        /// Which.
        status: u16,
        /// When to come back, where the server says so.
        retry_after: Option<Duration>,
    },
    /// The server refused the namespace.
    #[error("the server refused the connection: {message}")]
    Refused {
        /// Its word, such as `unauthorized`.
        message: String,
    },
    /// A request was answered by `{ok: false}`.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// No answer within [`OPEN_LIMIT`] or [`CALL_LIMIT`].
    #[error("the server did not answer in time")]
    Unanswered,
    /// No ping for longer than the handshake allows.
    #[error("the server fell silent")]
    Silent,
    /// The server closed the connection or put the client out of the namespace.
    #[error("the server closed the connection")]
    Closed,
    /// More than a call's wait may hold back.
    #[error("too many events came while a call waited for its answer")]
    Overrun,
    /// The other side doesn't speak Socket.IO, or not as the contract has it.
    #[error("the server's words make no sense: {0}")]
    Nonsense(String),
    /// The network or the WebSocket failed.
    #[error("the connection failed: {0}")]
    Transport(#[source] Box<tungstenite::Error>),
}

impl Error {
    /// Whether the connection has ended. A refused request leaves it as it was, and so does one
    /// that went unanswered, though then little speaks for keeping it.
    pub fn ends_connection(&self) -> bool {
        !matches!(self, Self::Request(_) | Self::Unanswered)
    }
}

impl From<Malformed> for Error {
    fn from(malformed: Malformed) -> Self {
        Self::Nonsense(malformed.to_string())
    }
}

impl From<tungstenite::Error> for Error {
    fn from(error: tungstenite::Error) -> Self {
        match error {
            tungstenite::Error::ConnectionClosed | tungstenite::Error::AlreadyClosed => Self::Closed,
            tungstenite::Error::Http(answer) => Self::Status {
                status: answer.status().as_u16(),
                retry_after: answer
                    .headers()
                    .get(RETRY_AFTER)
                    .and_then(|value| value.to_str().ok()?.trim().parse().ok())
                    .map(Duration::from_secs),
            },
            error => Self::Transport(Box::new(error)),
        }
    }
}

/// What arrives on a connection.
#[derive(Debug, Clone, PartialEq)]
pub enum Incoming {
    /// An event of the namespace.
    Event(Event),
    /// The answer to [`Connection::emit`].
    Ack {
        /// The id that `emit` returned.
        id: u64,
        /// The first argument of the answer; null where it has none.
        answer: Value,
    },
}

/// An event of the namespace.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Its name.
    pub name: String,
    /// What came with it.
    pub args: Vec<Value>,
    /// For [`Connection::acknowledge`], where the server wants that.
    pub ack: Option<u64>,
}

impl Event {
    /// The first argument as a type of the contract; `None` when it is of another shape.
    pub fn read<T: DeserializeOwned>(&self) -> Option<T> {
        T::deserialize(self.args.first()?).ok()
    }
}

/// An open connection to one namespace.
#[derive(Debug)]
pub struct Connection {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    namespace: String,
    next_id: u64,
    /// What came while a call waited for its answer.
    early: VecDeque<Incoming>,
    /// A ping still to be answered: kept here so that dropping `next` half-way doesn't lose it.
    ping: Option<String>,
    patience: Duration,
    heard: Instant,
}

impl Connection {
    /// Connects to the server at `url`, read as an [`Address`], and enters `namespace` with `auth`
    /// as the CONNECT payload.
    ///
    /// # Errors
    ///
    /// [`Error::Url`], [`Error::Status`], [`Error::Refused`], [`Error::Unanswered`] after
    /// [`OPEN_LIMIT`], or what the network does.
    pub async fn open(url: &str, namespace: &str, auth: &Value) -> Result<Self, Error> {
        Self::open_with(url, namespace, auth, HeaderMap::new()).await
    }

    /// [`Connection::open`] with further headers on the upgrade, such as `Cookie` and `Origin`.
    ///
    /// # Errors
    ///
    /// As for [`Connection::open`].
    pub async fn open_with(url: &str, namespace: &str, auth: &Value, headers: HeaderMap) -> Result<Self, Error> {
        let opening = async {
            let mut request = websocket_url(url)?.into_client_request().map_err(|_| Error::Url(url.to_owned()))?;
            request.headers_mut().extend(headers);
            // Small buffers: out of the box each connection would hold 128 KiB for reading.
            let config = WebSocketConfig::default()
                .read_buffer_size(4 * 1024)
                .write_buffer_size(0)
                .max_message_size(Some(MAX_PACKET_BYTES))
                .max_frame_size(Some(MAX_PACKET_BYTES));
            let (socket, _) = connect_async_with_config(request, Some(config), true).await?;
            let mut connection = Self {
                socket,
                namespace: namespace.to_owned(),
                next_id: 0,
                early: VecDeque::new(),
                ping: None,
                patience: OPEN_LIMIT,
                heard: Instant::now(),
            };
            connection.enter(auth).await?;
            Ok(connection)
        };
        timeout(OPEN_LIMIT, opening).await.unwrap_or(Err(Error::Unanswered))
    }

    /// What arrives next. Dropping the future loses nothing.
    ///
    /// # Errors
    ///
    /// [`Error::Closed`], [`Error::Silent`], [`Error::Nonsense`], [`Error::Transport`]; the
    /// connection has ended then.
    pub async fn next(&mut self) -> Result<Incoming, Error> {
        match self.early.pop_front() {
            Some(incoming) => Ok(incoming),
            None => self.receive().await,
        }
    }

    /// Sends an event and returns the id under which its answer will arrive from
    /// [`Connection::next`]. Any number may be under way.
    ///
    /// # Errors
    ///
    /// [`Error::Closed`] or [`Error::Transport`]; the connection has ended then.
    pub async fn emit(&mut self, name: &str, payload: &impl Serialize) -> Result<u64, Error> {
        let payload = serde_json::to_value(payload).map_err(|error| Error::Nonsense(error.to_string()))?;
        let id = self.next_id;
        self.next_id += 1;
        self.send(packet::event(&self.namespace, id, name, &payload)).await?;
        Ok(id)
    }

    /// Sends an event and waits for its answer. Events that arrive meanwhile come from
    /// [`Connection::next`] afterwards, in their order.
    ///
    /// # Errors
    ///
    /// [`Error::Unanswered`] after [`CALL_LIMIT`], [`Error::Overrun`], or what
    /// [`Connection::next`] fails by.
    pub async fn call(&mut self, name: &str, payload: &impl Serialize) -> Result<Value, Error> {
        let waiting = async {
            let sent = self.emit(name, payload).await?;
            loop {
                match self.receive().await? {
                    Incoming::Ack { id, answer } if id == sent => return Ok(answer),
                    incoming if self.early.len() < MAX_EARLY => self.early.push_back(incoming),
                    _ => return Err(Error::Overrun),
                }
            }
        };
        timeout(CALL_LIMIT, waiting).await.unwrap_or(Err(Error::Unanswered))
    }

    /// [`Connection::call`] as the contract has it: `{ok: true, …}` read as a `T`.
    ///
    /// # Errors
    ///
    /// [`Error::Request`] for `{ok: false, error}`, [`Error::Nonsense`] for an answer of another
    /// shape, and those of [`Connection::call`].
    pub async fn request<T: DeserializeOwned>(&mut self, name: &str, payload: &impl Serialize) -> Result<T, Error> {
        read_answer(self.call(name, payload).await?)
    }

    /// Answers an event that came with an id to acknowledge it by.
    ///
    /// # Errors
    ///
    /// [`Error::Closed`] or [`Error::Transport`]; the connection has ended then.
    pub async fn acknowledge(&mut self, id: u64, payload: &Value) -> Result<(), Error> {
        self.send(packet::ack(&self.namespace, id, payload)).await
    }

    /// Leaves the namespace and closes the WebSocket. A server that is gone already is no error.
    pub async fn close(mut self) {
        let _ = self.send(packet::disconnect(&self.namespace)).await;
        let _ = self.socket.close(None).await;
    }

    async fn enter(&mut self, auth: &Value) -> Result<(), Error> {
        let Packet::Open(handshake) = self.read().await? else {
            return Err(Error::Nonsense("no handshake came first".into()));
        };
        self.patience = handshake.ping_interval + handshake.ping_timeout;
        self.send(packet::connect(&self.namespace, auth)).await?;
        loop {
            match self.read().await? {
                Packet::Connected { namespace, .. } if namespace == self.namespace => return Ok(()),
                Packet::Refused { namespace, message } if namespace == self.namespace => {
                    return Err(Error::Refused { message });
                }
                Packet::Ping(text) => self.send(packet::pong(&text)).await?,
                Packet::Close | Packet::Disconnected { .. } => return Err(Error::Closed),
                _ => {}
            }
        }
    }

    async fn receive(&mut self) -> Result<Incoming, Error> {
        loop {
            if let Some(text) = self.ping.clone() {
                self.send(packet::pong(&text)).await?;
                self.ping = None;
            }
            match self.read().await? {
                Packet::Event { namespace, ack, name, args } if namespace == self.namespace => {
                    return Ok(Incoming::Event(Event { name, args, ack }));
                }
                Packet::Ack { namespace, id, args } if namespace == self.namespace => {
                    return Ok(Incoming::Ack { id, answer: args.into_iter().next().unwrap_or_default() });
                }
                Packet::Ping(text) => self.ping = Some(text),
                Packet::Close => return Err(Error::Closed),
                Packet::Disconnected { namespace } if namespace == self.namespace => return Err(Error::Closed),
                _ => {}
            }
        }
    }

    /// The next packet. Binary frames are the attachments of binary events, which the contract
    /// doesn't have; WebSocket pings are answered by the library.
    async fn read(&mut self) -> Result<Packet, Error> {
        loop {
            let deadline = self.heard + self.patience;
            let frame = timeout_at(deadline, self.socket.next()).await.map_err(|_| Error::Silent)?;
            self.heard = Instant::now();
            match frame.ok_or(Error::Closed)?? {
                Message::Text(text) => return Ok(Packet::parse(&text)?),
                Message::Close(_) => return Err(Error::Closed),
                _ => {}
            }
        }
    }

    async fn send(&mut self, text: String) -> Result<(), Error> {
        Ok(self.socket.send(Message::text(text)).await?)
    }
}

/// The address of the WebSocket transport of the server at `url`.
fn websocket_url(url: &str) -> Result<String, Error> {
    let bad = || Error::Url(url.to_owned());
    let mut address = Address::parse(url).map_err(|_| bad())?.at("socket.io/");
    let scheme = if address.scheme() == "https" { "wss" } else { "ws" };
    address.set_scheme(scheme).map_err(|()| bad())?;
    address.set_query(Some("EIO=4&transport=websocket"));
    Ok(address.into())
}

/// Reads an answer of the contract.
fn read_answer<T: DeserializeOwned>(answer: Value) -> Result<T, Error> {
    let nonsense = |answer: &Value| Error::Nonsense(format!("an unexpected answer: {answer:.200}"));
    match answer["ok"].as_bool() {
        Some(true) => T::deserialize(&answer).map_err(|_| nonsense(&answer)),
        Some(false) => match RequestError::deserialize(&answer["error"]) {
            Ok(error) => Err(error.into()),
            Err(_) => Err(nonsense(&answer)),
        },
        None => Err(nonsense(&answer)),
    }
}

#[cfg(test)]
mod tests;
