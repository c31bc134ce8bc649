//! `sally-server simulate`.

use sally_protocol::Tenant;
use tokio_util::sync::CancellationToken;

use super::signals::Signals;
use super::token::issuer;
use crate::config::Config;
use crate::simulate::{self, Options};

#[derive(clap::Args)]
pub(super) struct Args {
    /// The tenant
    #[arg(long, default_value = "demo")]
    tenant: Tenant,
    /// The server's address
    #[arg(long, env = "SALLY_URL", default_value = "http://127.0.0.1:8787")]
    url: String,
    /// How many drivers the fleet has
    #[arg(long, default_value_t = 24, value_parser = clap::value_parser!(u16).range(1..=2_000))]
    drivers: u16,
    /// Events a second, on average
    #[arg(long, default_value_t = 1.0, value_parser = rate)]
    rate: f64,
    /// The same seed makes the same fleet
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Runs the fleet until SIGTERM or SIGINT.
pub(super) async fn run(config: &Config, args: Args) -> anyhow::Result<()> {
    let options = Options {
        url: args.url,
        tenant: args.tenant,
        drivers: usize::from(args.drivers),
        rate: args.rate,
        seed: args.seed,
    };
    let mut signals = Signals::new()?;
    let stop = CancellationToken::new();
    let stopping = stop.clone();
    tokio::spawn(async move {
        signals.received().await;
        stopping.cancel();
    });
    simulate::run(options, issuer(config)?, stop).await?;
    Ok(())
}

fn rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if rate > 0.0 && rate <= 10_000.0 => Ok(rate),
        _ => Err("expected a number above 0 and at most 10000".into()),
    }
}
