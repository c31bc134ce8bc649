//! What every request handler needs: a bundle of cheap clones.

use std::collections::HashSet;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::FromRef;
use sally_protocol::{Id, Role, Tenant};

use crate::alerts::Alerts;
use crate::auth::origin::Origins;
use crate::auth::{Issuer, Member, Principal, Verifier};
use crate::config::Config;
use crate::drain::Drain;
use crate::error::ApiError;
use crate::hub::Hub;
use crate::ingest::Ingest;
use crate::log::Log;
use crate::messaging::Gateway;
use crate::metrics::Metrics;
use crate::sse::Fanout;
use crate::store::Database;

/// The server's state; a cheap clone.
#[derive(Clone)]
pub struct App {
    /// The settings.
    pub config: Arc<Config>,
    /// Whether cookies are `Secure`.
    pub cookie_secure: bool,
    /// Verifies tokens.
    pub verifier: Verifier,
    /// Issues tokens.
    pub issuer: Issuer,
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
    /// Open sockets.
    pub gateway: Gateway,
    /// What is counted.
    pub metrics: Metrics,
    /// Shutting down.
    pub drain: Drain,
    /// Whether the Redis subscription works; `None` without Redis.
    pub redis_up: Option<Arc<AtomicBool>>,
    /// Whom the store already knows as they are.
    pub known: Known,
}

impl App {
    /// The principal as a member of a tenant, known from now on.
    ///
    /// # Errors
    ///
    /// As [`Principal::member`]; 503 while the store can't be reached.
    pub async fn admit(&self, principal: &Principal, named: Option<&str>) -> Result<Member, ApiError> {
        let member = principal.member(named)?;
        self.known.remember(&self.database, &member).await?;
        Ok(member)
    }
}

impl FromRef<App> for Verifier {
    fn from_ref(app: &App) -> Self {
        app.verifier.clone()
    }
}

/// A user as a token shows them: tenant, id, role, id in events, name.
type User = (Tenant, Id, Role, Id, Option<String>);

/// Spares the store from being told of the same users again and again; a cheap clone.
#[derive(Clone, Default)]
pub struct Known {
    users: Arc<Mutex<HashSet<User>>>,
}

/// How many users are remembered as known. Beyond, the store is told once more.
const MAX_KNOWN: usize = 100_000;

impl Known {
    /// Makes a user known to the store.
    ///
    /// # Errors
    ///
    /// [`crate::store::StoreError`] when the store fails.
    pub async fn remember(&self, database: &Database, member: &Member) -> Result<(), crate::store::StoreError> {
        // Services have no inbox and no name on anybody's screen.
        if member.role == Role::Service {
            return Ok(());
        }
        let Member { tenant, user, role, driver, name, .. } = member;
        let key = (tenant.clone(), user.clone(), *role, driver.clone(), name.clone());
        if self.users().contains(&key) {
            return Ok(());
        }
        let explicit_driver = (driver != user).then_some(driver);
        database.remember_user(tenant, user, *role, explicit_driver, name.as_deref()).await?;
        let mut users = self.users();
        if users.len() >= MAX_KNOWN {
            users.clear();
        }
        users.insert(key);
        Ok(())
    }

    fn users(&self) -> std::sync::MutexGuard<'_, HashSet<User>> {
        self.users.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
