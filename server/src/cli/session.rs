//! A session of a command with a running server, on tokens signed with the server's own key.

use std::time::Duration;

use sally_client::{Server, Session};

use super::token::issuer;
use crate::auth::Identity;
use crate::config::Config;

/// A session for `identity` with the server at `url`.
pub(super) async fn service_session(
    config: &Config,
    url: &str,
    identity: Identity,
    ttl: Duration,
) -> anyhow::Result<Session> {
    let issuer = issuer(config)?;
    // The first token shows whether signing works at all; later ones can't fail otherwise.
    issuer.issue(&identity, ttl)?;
    let server = Server::check(url).await?;
    Ok(Session::issued(server, move || issuer.issue(&identity, ttl).unwrap_or_default()))
}
