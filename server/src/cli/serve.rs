//! `sally-server serve`.

use std::io::Write as _;

use crate::config::Config;

/// Serves until SIGTERM or SIGINT, then drains.
pub(super) async fn run(config: Config) -> anyhow::Result<()> {
    // Whoever started the server may ask it to stop as soon as it says that it listens.
    let mut signals = Signals::new()?;
    let running = crate::start(config).await?;
    println!("listening on {}", running.url());
    std::io::stdout().flush()?;
    signals.received().await;
    tracing::info!("draining");
    tokio::select! {
        () = running.stop() => Ok(()),
        // Somebody is in a hurry.
        () = signals.received() => Ok(()),
    }
}

#[cfg(unix)]
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn received(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn received(&mut self) {
        let _ = tokio::signal::ctrl_c().await;
    }
}
