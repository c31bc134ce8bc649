//! Shutting down without cutting anybody off.
//!
//! At shutdown every open stream and socket is told when it will be closed, at a random time
//! within the drain window, so that the clients of a node don't all move at once.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

/// Tells streams and sockets when to go; a cheap clone.
#[derive(Debug, Clone)]
pub struct Drain {
    until: watch::Sender<Option<Instant>>,
}

impl Drain {
    /// A drain that hasn't begun.
    pub fn new() -> Self {
        Self { until: watch::Sender::new(None) }
    }

    /// Begins: everything is to be closed within `window`.
    pub fn begin(&self, window: Duration) {
        // The last tenth is left for closing what was told to go.
        self.until.send_replace(Some(Instant::now() + window.mul_f64(0.9)));
    }

    /// Whether it has begun.
    pub fn has_begun(&self) -> bool {
        self.until.borrow().is_some()
    }

    /// Somebody who waits for it to begin.
    pub fn listen(&self) -> Draining {
        Draining { until: self.until.subscribe() }
    }
}

impl Default for Drain {
    fn default() -> Self {
        Self::new()
    }
}

/// Waits for a [`Drain`] to begin.
#[derive(Debug)]
pub struct Draining {
    until: watch::Receiver<Option<Instant>>,
}

impl Draining {
    /// Resolves once the drain has begun, with a random time after which the caller is to go.
    pub async fn told(&mut self) -> Duration {
        match self.until.wait_for(Option::is_some).await.map(|until| *until) {
            Ok(Some(until)) => until.saturating_duration_since(Instant::now()).mul_f64(rand::random_range(0.0..1.0)),
            // The drain is gone, and with it the server.
            _ => Duration::ZERO,
        }
    }
}
