//! A session that has a WebSocket.

use std::io::{self, Read, Write};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::Interest;
use tokio::net::TcpStream;
use tokio::time::Instant;
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::protocol::{CloseFrame, Role, WebSocketConfig, WebSocketContext};
use tungstenite::{Error, Message};

use super::connection::{Closed, Connection};
use super::frame::Frame;
use super::heartbeat::Heartbeat;
use super::packet::{Incoming, Packet};
use super::{Engine, MAX_PAYLOAD_BYTES};

/// How much is read at a time, in bytes: most packets fit, and every idle session holds as much.
const READ_BUFFER_BYTES: usize = 512;

/// How many packets of a client are taken before others have their turn.
const TURN: usize = 32;

/// How long a client may take to go after it was told to.
const FAREWELL_LIMIT: Duration = Duration::from_secs(2);

/// How much it may still send by then, in bytes.
const MAX_FAREWELL_BYTES: usize = 256 * 1024;

/// A WebSocket as it is read. What it says by itself, such as the answer to a ping, goes the way of the
/// session's frames.
pub(super) struct Socket {
    pub(super) stream: Arc<TcpStream>,
    context: WebSocketContext,
}

impl Socket {
    /// A WebSocket of which `read` was read already.
    pub(super) fn new(stream: TcpStream, read: &[u8]) -> Self {
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER_BYTES)
            .write_buffer_size(0)
            .max_message_size(Some(MAX_PAYLOAD_BYTES))
            .max_frame_size(Some(MAX_PAYLOAD_BYTES));
        let context = WebSocketContext::from_partially_read(read.to_vec(), Role::Server, Some(config));
        Self { stream: Arc::new(stream), context }
    }

    /// What the client has sent; `None` when there is nothing yet.
    pub(super) fn read(&mut self, say: impl FnMut(Frame)) -> Result<Option<Message>, Error> {
        let mut io = Io { stream: &self.stream, say };
        match self.context.read(&mut io) {
            Ok(message) => Ok(Some(message)),
            Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Closes the connection once the client has closed it, or soon. A socket that is closed with
    /// something unread resets the connection, and the client may lose what it was told last.
    pub(super) async fn part(&self) {
        let _ = socket2::SockRef::from(&*self.stream).shutdown(std::net::Shutdown::Write);
        let read_rest = async {
            let (mut rest, mut read) = ([0; 512], 0);
            while read < MAX_FAREWELL_BYTES && self.stream.readable().await.is_ok() {
                match self.stream.try_read(&mut rest) {
                    Ok(0) => return,
                    Ok(more) => read += more,
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(_) => return,
                }
            }
        };
        let _ = tokio::time::timeout(FAREWELL_LIMIT, read_rest).await;
    }
}

/// A socket for the library, which reads it and says something now and then.
struct Io<'a, S> {
    stream: &'a TcpStream,
    say: S,
}

impl<S> Read for Io<'_, S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.try_read(buffer)
    }
}

impl<S: FnMut(Frame)> Write for Io<'_, S> {
    /// Takes what the library writes, which is one frame at a time.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (self.say)(Frame::control(Bytes::copy_from_slice(bytes)));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Keeps a session until it is over.
pub(super) async fn keep(engine: Engine, connection: Arc<Connection>, mut socket: Socket) {
    let farewell = serve(&engine, &connection, &mut socket).await;
    connection.give_up(&farewell);
    engine.forget(&connection);
    // What it took to serve the socket isn't kept for a client that is slow to go.
    Box::pin(socket.part()).await;
}

/// Serves a session until it is over; the frame to part with.
async fn serve(engine: &Engine, connection: &Connection, socket: &mut Socket) -> Frame {
    let mut heartbeat = Heartbeat::new(engine.settings(), Instant::now());
    loop {
        let more = match take_turn(connection, socket, &mut heartbeat) {
            Ok(more) => more,
            Err(code) => return close_frame(code),
        };
        // Whoever has always something to say is pinged, too.
        heartbeat.keep(connection);
        if connection.is_closed() {
            return close_frame(CloseCode::Normal);
        }
        if more {
            connection.flush();
            tokio::task::yield_now().await;
            continue;
        }
        let interest = match connection.is_stalled() {
            true => Interest::READABLE | Interest::WRITABLE,
            false => Interest::READABLE,
        };
        tokio::select! {
            ready = socket.stream.ready(interest) => match ready {
                Ok(ready) if ready.is_writable() => connection.flush(),
                Ok(_) => {}
                Err(_) => return close_frame(CloseCode::Normal),
            },
            () = connection.roused.notified() => {}
            () = tokio::time::sleep_until(heartbeat.due()) => {}
        }
    }
}

/// Takes what the client has sent, some packets at most; whether there may be more.
fn take_turn(connection: &Connection, socket: &mut Socket, heartbeat: &mut Heartbeat) -> Result<bool, CloseCode> {
    for _ in 0..TURN {
        let message = match socket.read(|frame| connection.send(&frame)) {
            Ok(Some(message)) => message,
            Ok(None) => return Ok(false),
            Err(error) => return Err(code_of(&error)),
        };
        match message {
            Message::Text(text) => match Packet::parse(&text) {
                Some(Packet::Message(message)) => connection.receive(Incoming::Text(message.to_owned())),
                Some(Packet::Pong) => heartbeat.pong(Instant::now()),
                Some(Packet::Close) => connection.close(Closed::ByClient),
                Some(Packet::Probe | Packet::Upgrade) | None => return Err(CloseCode::Protocol),
            },
            Message::Binary(bytes) => connection.receive(Incoming::Binary(bytes)),
            Message::Ping(_) | Message::Pong(_) | Message::Close(_) | Message::Frame(_) => {}
        }
        if connection.is_closed() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Why the connection is closed (RFC 6455, section 7.4.1).
fn code_of(error: &Error) -> CloseCode {
    match error {
        Error::Capacity(_) => CloseCode::Size,
        Error::Utf8(_) => CloseCode::Invalid,
        Error::Protocol(_) => CloseCode::Protocol,
        _ => CloseCode::Normal,
    }
}

/// The last frame of a WebSocket. One that follows the answer to the client's own is ignored.
pub(super) fn close_frame(code: CloseCode) -> Frame {
    let mut bytes = Vec::with_capacity(4);
    let frame = tungstenite::protocol::frame::Frame::close(Some(CloseFrame { code, reason: "".into() }));
    // A vector takes whatever is written.
    let _ = frame.format(&mut bytes);
    Frame::control(bytes.into())
}
