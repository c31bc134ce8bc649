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
    /// Whether the drain has begun.
    pub fn has_begun(&self) -> bool {
        self.until.borrow().is_some()
    }

    /// Resolves once the drain has begun.
    pub async fn begun(&mut self) {
        // A drain that is gone has taken the server with it.
        let _ = self.until.wait_for(Option::is_some).await;
    }

    /// A random time after which the caller is to go; zero unless the drain has begun.
    pub fn after(&self) -> Duration {
        let left = self.until.borrow().map(|until| until.saturating_duration_since(Instant::now()));
        left.unwrap_or_default().mul_f64(rand::random_range(0.0..1.0))
    }

    /// Resolves once the drain has begun, with a random time after which the caller is to go.
    pub async fn told(&mut self) -> Duration {
        self.begun().await;
        self.after()
    }
}
