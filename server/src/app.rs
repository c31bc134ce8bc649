//! What every request handler needs.

use std::ops::Deref;
use std::sync::Arc;

use axum::extract::FromRef;

use crate::alerts::Alerts;
use crate::auth::attempts::Attempts;
use crate::auth::origin::Origins;
use crate::auth::peer::Proxies;
use crate::auth::{Issuer, Member, Principal, Verifier};
use crate::config::Config;
use crate::drain::Drain;
use crate::engine::Engine;
use crate::error::ApiError;
use crate::health::RedisUp;
use crate::hub::Hub;
use crate::ingest::Ingest;
use crate::known::Known;
use crate::log::Log;
use crate::messaging::Gateway;
use crate::metrics::Metrics;
use crate::sse::Fanout;
use crate::store::Database;

/// The server's state; a cheap clone. Its parts are [`Parts`].
#[derive(Clone)]
pub struct App(Arc<Parts>);

impl App {
    /// A state of these parts.
    pub(crate) fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }
}

impl Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

/// What the handlers share.
pub struct Parts {
    /// The settings.
    pub config: Arc<Config>,
    /// Whether cookies are `Secure`.
    pub cookie_secure: bool,
    /// Verifies tokens.
    pub verifier: Verifier,
    /// Issues tokens.
    pub issuer: Issuer,
    /// How often somebody may try to sign in.
    pub attempts: Attempts,
    /// Which proxies say whom a request comes from.
    pub proxies: Proxies,
    /// Which pages may call.
    pub origins: Origins,
    /// Users, sessions, messages.
    pub database: Database,
    /// Events.
    pub log: Arc<dyn Log>,
    /// Open streams.
    pub hub: Arc<Hub>,
    /// Who serves them.
    pub fanout: Fanout,
    /// The way into the log.
    pub ingest: Ingest,
    /// What is done with alerts.
    pub alerts: Alerts,
    /// Who is in the messaging namespace.
    pub gateway: Gateway,
    /// Their connections.
    pub engine: Engine,
    /// What is counted.
    pub metrics: Metrics,
    /// Shutting down.
    pub drain: Drain,
    /// Whether Redis works; `None` without Redis.
    pub redis_up: Option<RedisUp>,
    /// Whom the store already knows as they are.
    pub known: Known,
}

impl Parts {
    /// The principal as a member of a tenant, known from now on.
    ///
    /// # Errors
    ///
    /// As [`Principal::member`]; 503 while the store can't be reached.
    pub async fn admit(&self, principal: &Principal, named: Option<&str>) -> Result<Member, ApiError> {
        let member = principal.member(named)?;
        self.known.remember(&member).await?;
        Ok(member)
    }
}

impl FromRef<App> for Verifier {
    fn from_ref(app: &App) -> Self {
        app.verifier.clone()
    }
}

impl FromRef<App> for Engine {
    fn from_ref(app: &App) -> Self {
        app.engine.clone()
    }
}
