//! Starting and stopping the server.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::alerts::Alerts;
use crate::app::{App, Parts};
use crate::auth::attempts::Attempts;
use crate::auth::jwks::{JwksError, KeySet};
use crate::auth::key::{self, KeyError};
use crate::auth::origin::Origins;
use crate::auth::peer::Proxies;
use crate::auth::{Issuer, Verifier};
use crate::config::Config;
use crate::drain::Drain;
use crate::engine::{self, Engine};
use crate::front::{self, Front};
use crate::health::RedisUp;
use crate::hub::{Hub, Limits};
use crate::ingest::Ingest;
use crate::ingest::redis::Subscriber;
use crate::known::Known;
use crate::link::{Bus, Link, LinkError};
use crate::log::{Log, RedisLog, Retention, SqlLog};
use crate::messaging::{Dependencies, Gateway};
use crate::metrics::Metrics;
use crate::router::router;
use crate::sse::Fanout;
use crate::store::{Database, StoreError};
use crate::upkeep;

/// What stopping may take at the least, however short the drain window is.
const LAST_STEPS: Duration = Duration::from_millis(300);

/// How long the answer to a ping of a messaging connection may take.
const PONG_TIMEOUT: Duration = Duration::from_secs(20);

/// Why the server didn't start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data directory can't be made.
    #[error("the data directory {path}: {source}")]
    DataDir {
        /// Its path.
        path: std::path::PathBuf,
        /// What went wrong.
        source: std::io::Error,
    },
    /// There is no signing key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The file with the foreign issuer's keys is of no use.
    #[error("SALLY_JWKS: {0}")]
    Jwks(#[from] JwksError),
    /// The database can't be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The Redis URL can't be read, or its Redis belongs to servers with another database.
    #[error("SALLY_REDIS_URL: {0}")]
    Redis(#[from] LinkError),
    /// The address can't be listened on.
    #[error("can't listen on {address}: {source}")]
    Listen {
        /// The address.
        address: String,
        /// What went wrong.
        source: std::io::Error,
    },
}

/// A serving server.
pub struct Running {
    address: SocketAddr,
    app: App,
    /// Ends background tasks that don't end by themselves.
    stop: CancellationToken,
    /// Ends the accepting of connections.
    closed: CancellationToken,
    connections: TaskTracker,
    tasks: TaskTracker,
}

/// Starts a server. It serves when this returns.
///
/// # Errors
///
/// [`StartError`] names what is wrong. A Redis that can't be reached is no error: the server is
/// alive, not ready, and keeps trying. Nor is a JWKS address that can't.
pub async fn start(config: Config) -> Result<Running, StartError> {
    tokio::fs::create_dir_all(&config.data_dir)
        .await
        .map_err(|source| StartError::DataDir { path: config.data_dir.clone(), source })?;
    let secret = key::load_or_create(config.jwt_secret.as_deref(), &config.data_dir)?;
    let stop = CancellationToken::new();
    let tasks = TaskTracker::new();
    let foreign = match &config.jwks {
        Some(source) => Some(KeySet::start(source, stop.clone(), &tasks).await?),
        None => None,
    };
    let (issuer, audience) = (config.jwt_issuer.as_deref(), config.jwt_audience.as_deref());
    let verifier = Verifier::new(&secret, foreign, config.jwt_issuer.clone(), config.jwt_audience.clone());
    let issuer = Issuer::new(&secret, issuer, audience);
    let database = Database::open(config.database_url.as_deref(), &config.data_dir).await?;
    let metrics = Metrics::new();
    let drain = Drain::new();
    let known = Known::start(database.clone(), &tasks);
    tasks.spawn(upkeep::run(database.clone(), config.message_retention, stop.clone()));

    let hub =
        Arc::new(Hub::new(Limits { per_user: config.max_streams_per_user, per_tenant: config.max_streams_per_tenant }));
    let retention = Retention { age: config.log_retention, events: config.log_max_events };
    let link = match &config.redis_url {
        Some(url) => Some(Link::start(url, database.identity().await?, stop.clone(), &tasks).await?),
        None => None,
    };
    let redis_log = link.clone().map(|link| RedisLog::start(link, Arc::clone(&hub), retention, stop.clone(), &tasks));
    let log: Arc<dyn Log> = match &redis_log {
        Some(log) => Arc::new(log.clone()),
        None => Arc::new(SqlLog::start(database.clone(), Arc::clone(&hub), retention, &tasks)),
    };
    let (bus, heard) = match &link {
        Some(link) => Bus::start(Arc::clone(link), stop.clone(), &tasks),
        None => Bus::alone(),
    };
    let ingest = Ingest::new(Arc::clone(&log), metrics.clone());
    let alerts = Alerts::start(database.clone(), Arc::clone(&log), ingest.clone(), stop.clone(), &tasks);
    let redis_up = link.zip(redis_log).map(|(link, redis_log)| {
        let up = RedisUp::new(Arc::clone(&link), redis_log.signals_up());
        let subscriber = Subscriber::new(link, ingest.clone(), Arc::clone(&log), metrics.clone(), up.clone());
        tasks.spawn(subscriber.run(stop.clone()));
        up
    });
    let dependencies = Dependencies {
        verifier: verifier.clone(),
        database: database.clone(),
        known: known.clone(),
        ingest: ingest.clone(),
        metrics: metrics.clone(),
        drain: drain.clone(),
        bus,
        max_sockets_per_user: config.max_streams_per_user,
    };
    let gateway = Gateway::start(dependencies, heard, stop.clone(), &tasks);
    let connections = TaskTracker::new();
    let settings = engine::Settings { ping_interval: config.heartbeat, ping_timeout: PONG_TIMEOUT };
    let serves = gateway.clone();
    let serve = move |opened| serves.clone().serve(opened);
    let engine = Engine::new(settings, stop.clone(), connections.clone(), serve);

    let fail = |source| StartError::Listen { address: config.listen.clone(), source };
    let listener = front::listen(&config.listen).await.map_err(fail)?;
    let address = listener.local_addr().map_err(fail)?;
    let fanout = Fanout::start(config.heartbeat, metrics.clone(), &drain, stop.clone(), &tasks);
    let app = App::new(Parts {
        cookie_secure: config.cookie_secure.unwrap_or(!address.ip().is_loopback()),
        attempts: Attempts::new(),
        proxies: Proxies::new(&config.trusted_proxies),
        origins: Origins::new(&config.allowed_origins),
        config: Arc::new(config),
        verifier,
        issuer,
        database,
        log,
        hub,
        fanout: fanout.clone(),
        ingest,
        alerts,
        gateway,
        engine,
        metrics,
        drain,
        redis_up,
        known,
    });
    let closed = CancellationToken::new();
    let router = router(app.clone());
    let front = Front { router, fanout, closed: closed.clone(), stop: stop.clone(), connections: connections.clone() };
    tasks.spawn(front.serve(listener));
    Ok(Running { address, app, stop, closed, connections, tasks })
}

impl Running {
    /// The server's own address, such as `http://127.0.0.1:8787`.
    pub fn url(&self) -> String {
        // A server that listens everywhere is reached at home.
        let host = match self.address.ip() {
            ip if !ip.is_unspecified() => self.address,
            std::net::IpAddr::V4(_) => SocketAddr::from(([127, 0, 0, 1], self.address.port())),
            std::net::IpAddr::V6(_) => SocketAddr::from((std::net::Ipv6Addr::LOCALHOST, self.address.port())),
        };
        format!("http://{host}")
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Issues tokens that this server believes.
    pub fn issuer(&self) -> Issuer {
        self.app.issuer.clone()
    }

    /// What the handlers share.
    pub fn app(&self) -> &App {
        &self.app
    }

    /// Drains and stops: everybody is told when to go and closed then, within the drain window.
    pub async fn stop(self) {
        let Self { app, stop, closed, connections, tasks, .. } = self;
        let window = app.config.drain;
        let deadline = Instant::now() + window;
        app.drain.begin(window);
        let open = || app.hub.streams() as i64 + app.metrics.messaging_connections.get();
        // Whoever was told to go has gone by then; the rest of the window is for the rest of this.
        let told = deadline - window.mul_f64(0.05);
        while open() > 0 && Instant::now() < told {
            tokio::time::sleep(Duration::from_millis(20).min(window)).await;
        }
        let deadline = deadline.max(Instant::now() + LAST_STEPS);
        app.engine.close();
        closed.cancel();
        connections.close();
        // Requests under way are answered, unless that takes too long.
        let _ = tokio::time::timeout_at(deadline - LAST_STEPS / 2, connections.wait()).await;
        stop.cancel();
        let database = app.database.clone();
        // The tasks that write end once nobody can ask them any more.
        drop(app);
        tasks.close();
        if tokio::time::timeout_at(deadline, tasks.wait()).await.is_err() {
            tracing::warn!("a background task did not end in time");
        }
        // What was answered is on disk already.
        let _ = tokio::time::timeout(LAST_STEPS, database.close()).await;
    }
}
