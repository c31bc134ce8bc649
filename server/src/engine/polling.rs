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

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::time::Duration;

    use tokio::net::{TcpListener, TcpStream};
    use tokio_util::sync::CancellationToken;
    use tokio_util::task::TaskTracker;

    use super::*;
    use crate::engine::connection::Poll;
    use crate::engine::{Settings, Sid};

    #[tokio::test]
    async fn a_ping_that_a_poll_has_taken_need_not_be_answered_after_the_move() {
        let settings = Settings { ping_interval: Duration::from_millis(20), ping_timeout: Duration::from_millis(200) };
        let engine = Engine::new(settings, CancellationToken::new(), TaskTracker::new(), |_| async {});
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (client, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
        let (_client, (stream, _)) = (client.expect("a client"), accepted.expect("a connection"));
        let connection = Arc::new(Connection::polling(Sid::random()));
        // Whoever waits first hears of the move: another task than the one that keeps the session.
        let mut other = pin!(connection.roused.notified());
        other.as_mut().enable();
        let kept = tokio::spawn(keep(engine, Arc::clone(&connection)));
        let ping = loop {
            match connection.answer_get() {
                Poll::Pending => connection.answerable().await,
                answer => break answer,
            }
        };
        assert_eq!(ping, Poll::Payload(b"2".to_vec()));
        assert!(connection.begin_probe().is_ok() && connection.move_to(Arc::new(stream)).is_ok());
        other.await;
        tokio::time::timeout(Duration::from_secs(10), kept).await.expect("it ends in time").expect("no panic");
        assert!(!connection.is_closed());
    }
}
