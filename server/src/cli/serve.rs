//! `sally-server serve`.

use std::io::Write as _;

use super::signals::Signals;
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
