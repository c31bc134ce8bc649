//! A session that polls, kept alive.

use std::sync::Arc;

use tokio::time::Instant;

use super::Engine;
use super::connection::Connection;
use super::heartbeat::Heartbeat;

/// Keeps a session as long as it polls.
pub(super) async fn keep(engine: Engine, connection: Arc<Connection>) {
    let mut heartbeat = Heartbeat::new(engine.settings(), Instant::now());
    while connection.polls() {
        tokio::select! {
            () = connection.roused.notified() => {
                if connection.take_pong() {
                    heartbeat.pong(Instant::now());
                }
            }
            () = tokio::time::sleep_until(heartbeat.due()) => {
                // The word that it has moved may have gone to the task that keeps it there: a session
                // that answers over its WebSocket isn't lost for not having answered a poll's ping.
                if !connection.polls() {
                    break;
                }
                heartbeat.keep(&connection);
            }
        }
    }
    if connection.is_closed() {
        engine.forget(&connection);
    }
    // Where it has moved to a WebSocket, the word was for the task that keeps it there.
    connection.roused.notify_one();
}
