//! Moving a session that polls to a WebSocket.

use std::sync::Arc;
use std::time::Duration;

use tungstenite::Message;
use tungstenite::protocol::frame::coding::CloseCode;

use super::Engine;
use super::connection::Connection;
use super::frame::Frame;
use super::packet::Packet;
use super::websocket::{self, Socket, close_frame};

/// How long a client may take to try a WebSocket.
const LIMIT: Duration = Duration::from_secs(10);

/// Serves a WebSocket that a session tries. Where that comes to nothing, the session goes on polling.
pub(super) async fn serve(engine: Engine, connection: Arc<Connection>, mut socket: Socket) {
    let mut probes = false;
    match tokio::time::timeout(LIMIT, try_out(&connection, &mut socket, &mut probes)).await {
        Ok(Some(())) => websocket::keep(engine, connection, socket).await,
        Ok(None) | Err(_) => {
            if probes {
                connection.end_probe();
            }
            say(&socket, &close_frame(CloseCode::Protocol));
            socket.part().await;
        }
    }
}

/// Moves the session to the WebSocket; `None` where the client does anything else. `probes` is set once
/// the session is probing.
async fn try_out(connection: &Connection, socket: &mut Socket, probes: &mut bool) -> Option<()> {
    let probe = next(connection, socket).await?;
    // A session tries one at a time, and none once it has one.
    *probes = Packet::parse(&probe) == Some(Packet::Probe) && connection.begin_probe().is_ok();
    if !*probes {
        return None;
    }
    say(socket, &Frame::packet("3probe"));
    let upgrade = next(connection, socket).await?;
    let moves = Packet::parse(&upgrade) == Some(Packet::Upgrade) && connection.move_to(socket.stream.clone()).is_ok();
    moves.then_some(())
}

/// The next packet; `None` where the WebSocket or its session ends, or something else comes.
async fn next(connection: &Connection, socket: &mut Socket) -> Option<String> {
    loop {
        let mut said = Vec::new();
        let read = socket.read(|frame| said.push(frame));
        said.iter().for_each(|frame| say(socket, frame));
        match read {
            Ok(Some(Message::Text(text))) => return Some(text.to_string()),
            Ok(Some(Message::Ping(_) | Message::Pong(_))) => {}
            Ok(None) if connection.polls() => socket.stream.readable().await.ok()?,
            Ok(_) | Err(_) => return None,
        }
    }
}

/// Writes a frame before the WebSocket is the session's. It has taken nothing yet and has room.
fn say(socket: &Socket, frame: &Frame) {
    let _ = socket.stream.try_write(frame.bytes());
}
