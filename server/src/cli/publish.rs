//! `sally-server publish`.

use std::io::Read as _;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use sally_protocol::{Id, Role, Tenant, Topic};
use serde_json::Value;

use super::session::service_session;
use crate::auth::Identity;
use crate::config::Config;

#[derive(clap::Args)]
pub(super) struct Args {
    /// The tenant
    #[arg(long)]
    tenant: Tenant,
    /// The topic, such as alerts, routes, sync or eta
    #[arg(long, default_value = "alerts")]
    topic: Topic,
    /// The server's address
    #[arg(long, env = "SALLY_URL", default_value = "http://127.0.0.1:8787")]
    url: String,
    /// A file with one JSON object, or an array of them; - is stdin
    file: PathBuf,
}

/// How long the token holds: as long as one request may take.
const TOKEN_TTL: Duration = Duration::from_secs(60);

/// Publishes what the file holds and prints what became of each event.
pub(super) async fn run(config: &Config, args: Args) -> anyhow::Result<()> {
    let mut text = String::new();
    if args.file.as_os_str() == "-" {
        std::io::stdin().read_to_string(&mut text)?;
    } else {
        text = std::fs::read_to_string(&args.file).with_context(|| args.file.display().to_string())?;
    }
    let events = match serde_json::from_str(&text).context("the input is not JSON")? {
        Value::Array(events) => events,
        event => vec![event],
    };
    let identity = Identity {
        tenant: args.tenant.to_string(),
        user: Id::parse("sally-publish")?,
        role: Role::Service,
        driver: None,
        name: None,
    };
    let session = service_session(config, &args.url, identity, TOKEN_TTL).await?;
    for published in session.publish(&events, None).await? {
        let duplicate = if published.duplicate { " duplicate" } else { "" };
        println!("{} {}{duplicate}", published.event_id, published.cursor);
    }
    Ok(())
}
