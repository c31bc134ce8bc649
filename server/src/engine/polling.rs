//! A session that polls, kept alive.

use tokio::time::Instant;

use super::connection::Closed;
use super::frame::Frame;
use super::heartbeat::{Beat, Heartbeat};
use super::{Engine, Shared};

/// Keeps a session as long as it polls.
pub(super) async fn keep(engine: Engine, connection: Shared) {
    let mut heartbeat = Heartbeat::new(engine.settings(), Instant::now());
    while connection.polls() {
        tokio::select! {
            () = connection.roused.notified() => {
                if connection.has_ponged() {
                    connection.set_ponged(false);
                    heartbeat.pong(Instant::now());
                }
            }
            () = tokio::time::sleep_until(heartbeat.due()) => {
                // The word that it has moved may have gone to the task that keeps it there: a session
                // that answers over its WebSocket isn't lost for not having answered a poll's ping.
                if !connection.polls() {
                    break;
                }
                match heartbeat.beat(Instant::now()) {
                    Beat::None => {}
                    Beat::Ping => connection.send(&Frame::packet("2")),
                    Beat::Lost => connection.close(Closed::ByClient),
                }
            }
        }
    }
    if connection.is_closed() {
        engine.forget(&connection);
    }
    // Where it has moved to a WebSocket, the word was for the task that keeps it there.
    connection.roused.notify_one();
}
