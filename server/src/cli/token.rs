//! `sally-server token`.

use std::time::Duration;

use sally_protocol::{Id, Role};

use crate::auth::{Identity, Issuer, key};
use crate::config::{Config, parse_duration};

#[derive(clap::Args)]
pub(super) struct Args {
    /// The tenant, or `*` for a service of any
    #[arg(long)]
    tenant: String,
    /// The user's id
    #[arg(long)]
    user: Id,
    /// dispatcher, admin, owner, driver or service
    #[arg(long, value_parser = role)]
    role: Role,
    /// A driver's id in events [default: the user's id]
    #[arg(long)]
    driver: Option<Id>,
    /// The name that others see
    #[arg(long)]
    name: Option<String>,
    /// How long the token holds
    #[arg(long, default_value = "15m", value_parser = duration)]
    ttl: Duration,
}

/// Prints a token signed with the server's key.
pub(super) fn run(config: &Config, args: &Args) -> anyhow::Result<()> {
    let identity = Identity {
        tenant: args.tenant.clone(),
        user: args.user.clone(),
        role: args.role,
        driver: args.driver.clone(),
        name: args.name.clone(),
    };
    println!("{}", issuer(config)?.issue(&identity, args.ttl)?);
    Ok(())
}

/// The issuer of the server with these settings.
pub(super) fn issuer(config: &Config) -> anyhow::Result<Issuer> {
    std::fs::create_dir_all(&config.data_dir)?;
    let secret = key::load_or_create(config.jwt_secret.as_deref(), &config.data_dir)?;
    Ok(Issuer::new(&secret, config.jwt_issuer.as_deref(), config.jwt_audience.as_deref()))
}

pub(super) fn role(text: &str) -> Result<Role, String> {
    Role::parse(text).ok_or_else(|| "expected dispatcher, admin, owner, driver or service".into())
}

fn duration(text: &str) -> Result<Duration, String> {
    parse_duration(text).ok_or_else(|| "expected a duration such as 500ms, 20s, 5m, 24h or 7d".into())
}
