//! `sally-server tail`.

use std::time::Duration;

use anyhow::bail;
use futures_util::StreamExt as _;
use sally_client::events::{Events, Options, Update};
use sally_protocol::desktop::Link;
use sally_protocol::stream::Frame;
use sally_protocol::{Id, Role, Tenant};

use super::session::service_session;
use crate::auth::Identity;
use crate::config::Config;

#[derive(clap::Args)]
pub(super) struct Args {
    /// The tenant
    #[arg(long, default_value = "demo")]
    tenant: Tenant,
    /// The server's address
    #[arg(long, env = "SALLY_URL", default_value = "http://127.0.0.1:8787")]
    url: String,
    /// Begin with the snapshot
    #[arg(long)]
    snapshot: bool,
    /// Continue after this cursor
    #[arg(long)]
    cursor: Option<String>,
}

/// How long a token of `tail` holds; the session renews it.
const TOKEN_TTL: Duration = Duration::from_secs(15 * 60);

/// Prints each event as one line, its type and its JSON. How the connection stands goes to stderr.
pub(super) async fn run(config: &Config, args: Args) -> anyhow::Result<()> {
    let identity = Identity {
        tenant: args.tenant.to_string(),
        user: Id::parse("sally-tail")?,
        role: Role::Service,
        driver: None,
        name: None,
    };
    let session = service_session(config, &args.url, identity, TOKEN_TTL).await?;
    let options = Options { snapshot: args.snapshot, cursor: args.cursor, tenant: None };
    let mut events = Events::follow(session, options);
    let mut out = std::io::stdout();
    while let Some(update) = events.next().await {
        let written = match update {
            Update::Frame { frame: Frame::Event { kind, data }, .. } => print(&mut out, &kind, &data),
            Update::Frame { frame: Frame::Snapshot { events, .. }, .. } => events.iter().try_for_each(|event| {
                print(&mut out, event.get("type").and_then(serde_json::Value::as_str).unwrap_or("?"), event)
            }),
            Update::Frame { frame: Frame::Resync { reason }, .. } => {
                eprintln!("resync: {}; what came before may have a hole", reason.as_str());
                Ok(())
            }
            Update::Frame { .. } => Ok(()),
            Update::Link(link) => {
                report(&link);
                if let Link::SignedOut { reason } | Link::Incompatible { reason } = link {
                    bail!("{reason}");
                }
                Ok(())
            }
        };
        if let Err(error) = written {
            // Whoever read the lines has had enough.
            return if error.kind() == std::io::ErrorKind::BrokenPipe { Ok(()) } else { Err(error.into()) };
        }
    }
    Ok(())
}

fn print(out: &mut impl std::io::Write, kind: &str, data: &serde_json::Value) -> std::io::Result<()> {
    writeln!(out, "{kind} {data}")?;
    out.flush()
}

fn report(link: &Link) {
    match link {
        Link::Connecting => eprintln!("connecting"),
        Link::Live => eprintln!("live"),
        Link::Retrying { in_ms, reason } => eprintln!("{reason} Trying again in {in_ms} ms."),
        Link::Closed | Link::SignedOut { .. } | Link::Incompatible { .. } => {}
    }
}
