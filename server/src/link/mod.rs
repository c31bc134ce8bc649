//! The way to Redis: one supervised connection for commands, and what subscriptions connect to.
//!
//! # Layout
//!
//! - [`target`]: what `SALLY_REDIS_URL` names, one server or a cluster, and how to connect to it.
//! - [`wire`]: a connection that takes commands, whichever of the two it leads to.
//! - [`Link`]: that connection, remade whenever it fails.
//! - [`Bus`]: what nodes tell each other beside the log.

mod bus;
mod target;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use redis::RedisError;
use redis::aio::PubSub;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use bus::{Bus, Heard};
use target::Target;
pub use wire::Wire;

/// The key that says which database the servers on this Redis share.
const DATABASE_KEY: &str = "sally:database";

/// How long any one answer may take.
const RESPONSE_LIMIT: Duration = Duration::from_secs(2);

/// How long connecting may take; in a cluster, a server that is gone is given up sooner.
const CONNECT_LIMIT: Duration = Duration::from_secs(4);

/// How often an idle connection is checked.
const CHECK_PERIOD: Duration = Duration::from_secs(1);

/// How long a caller waits for a connection that is being made.
const PATIENCE: Duration = Duration::from_secs(1);

/// The longest wait between two attempts.
const MAX_BACKOFF: Duration = Duration::from_secs(1);

/// A refusal that lasts is logged once in this time.
const LOG_PERIOD: Duration = Duration::from_secs(60);

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// Redis failed, can't be reached, or the URL can't be read.
    #[error("Redis: {0}")]
    Redis(#[from] RedisError),
    /// Redis took too long.
    #[error("Redis did not answer within {} s", RESPONSE_LIMIT.as_secs())]
    Silent,
    /// There is no connection yet, or none any more.
    #[error("Redis is not connected")]
    Down,
    /// The servers on this Redis store their messages elsewhere. Together they would show each
    /// dispatcher a part of the conversations.
    #[error(
        "this Redis belongs to servers with another database: servers that share SALLY_REDIS_URL must share \
         SALLY_DATABASE_URL, too (to give this Redis to this database, delete the key {DATABASE_KEY})"
    )]
    ForeignDatabase,
}

/// The supervised connection. It is checked every second and after each failure that a caller
/// reports; the check also writes, so that a server that was demoted to a replica fails it.
pub struct Link {
    target: Target,
    database_id: String,
    wire: watch::Sender<Option<Wire>>,
    doubt: Notify,
}

impl Link {
    /// Connects to the Redis at `url` and keeps connected until `stop`. `database_id` names the
    /// database that this server uses.
    ///
    /// # Errors
    ///
    /// When the URL can't be read, and [`LinkError::ForeignDatabase`] when Redis says so at once. A
    /// Redis that can't be reached is no error: the link is down and keeps trying.
    pub async fn start(
        url: &str,
        database_id: String,
        stop: CancellationToken,
        tasks: &TaskTracker,
    ) -> Result<Arc<Self>, LinkError> {
        let target = Target::parse(url, RESPONSE_LIMIT)?;
        let link = Arc::new(Self { target, database_id, wire: watch::Sender::new(None), doubt: Notify::new() });
        let first = match link.connect().await {
            Err(foreign @ LinkError::ForeignDatabase) => return Err(foreign),
            Err(error) => {
                tracing::warn!(%error, "Redis can't be reached yet");
                None
            }
            Ok(wire) => Some(wire),
        };
        link.wire.send_replace(first.clone());
        let supervised = Arc::clone(&link);
        tasks.spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = supervised.supervise(first) => {}
            }
        });
        Ok(link)
    }

    /// Whether the connection worked when it was last checked.
    pub fn is_up(&self) -> bool {
        self.wire.borrow().is_some()
    }

    /// The connection, once there is one.
    ///
    /// # Errors
    ///
    /// [`LinkError::Down`] when there is none within a second.
    pub async fn wire(&self) -> Result<Wire, LinkError> {
        let mut wire = self.wire.subscribe();
        let connected = timeout(PATIENCE, wire.wait_for(Option::is_some)).await;
        connected.ok().and_then(Result::ok).and_then(|wire| wire.clone()).ok_or(LinkError::Down)
    }

    /// Reports that a call failed, so that the connection is checked at once.
    pub fn doubt(&self) {
        self.doubt.notify_one();
    }

    /// A connection for subscriptions, and where it leads to. In a cluster all nodes connect to the
    /// same server, so that they hear one order: the owner of slot 0.
    ///
    /// # Errors
    ///
    /// When there is none within some seconds.
    pub async fn subscriber(&self) -> Result<(PubSub, String), LinkError> {
        // Whoever may not write here has nothing to listen to, either.
        self.wire().await?;
        let address = self.subscriber_address().await?;
        let connected = timeout(RESPONSE_LIMIT, self.target.subscriber(&address)).await;
        Ok((connected.map_err(|_| LinkError::Silent)??, address))
    }

    /// Where [`Link::subscriber`] would lead to now: `host:port` in a cluster, where a failover
    /// changes it, else nothing.
    ///
    /// # Errors
    ///
    /// When the cluster doesn't say.
    pub async fn subscriber_address(&self) -> Result<String, LinkError> {
        if !self.target.is_cluster() {
            return Ok(String::new());
        }
        let wire = self.wire().await?;
        timeout(RESPONSE_LIMIT, self.target.owner_of_slot_0(wire)).await.map_err(|_| LinkError::Silent)?
    }

    async fn connect(&self) -> Result<Wire, LinkError> {
        let mut wire = timeout(CONNECT_LIMIT, self.target.connect()).await.map_err(|_| LinkError::Silent)??;
        self.check(&mut wire).await?;
        Ok(wire)
    }

    /// Whether Redis takes writes, and whether it is this database's.
    async fn check(&self, wire: &mut Wire) -> Result<(), LinkError> {
        let mut claim = redis::pipe();
        claim.cmd("SET").arg(DATABASE_KEY).arg(&self.database_id).arg("NX").ignore();
        claim.cmd("GET").arg(DATABASE_KEY);
        let answer = timeout(RESPONSE_LIMIT, claim.query_async::<(Option<String>,)>(wire));
        let (owner,) = answer.await.map_err(|_| LinkError::Silent)??;
        if owner.is_some_and(|owner| owner != self.database_id) {
            return Err(LinkError::ForeignDatabase);
        }
        Ok(())
    }

    async fn supervise(&self, mut wire: Option<Wire>) {
        let mut backoff = Duration::from_millis(100);
        let mut complained: Option<Instant> = None;
        loop {
            let failed = match wire.take() {
                Some(wire) => {
                    tracing::info!("connected to Redis");
                    backoff = Duration::from_millis(100);
                    complained = None;
                    self.wire.send_replace(Some(wire.clone()));
                    let failed = self.watch(wire).await;
                    self.wire.send_replace(None);
                    Some(failed)
                }
                None => match self.connect().await {
                    Ok(connected) => {
                        wire = Some(connected);
                        None
                    }
                    Err(error) => Some(error),
                },
            };
            let Some(failed) = failed else { continue };
            if complained.is_none_or(|at| at.elapsed() > LOG_PERIOD) {
                complained = Some(Instant::now());
                tracing::error!(error = %failed, "Redis is not connected");
            }
            tokio::time::sleep(backoff.mul_f64(rand::random_range(0.5..1.0))).await;
            backoff = (backoff * 2).min(MAX_BACKOFF);
        }
    }

    /// Checks a connection until it fails.
    async fn watch(&self, mut wire: Wire) -> LinkError {
        loop {
            if let Err(failed) = self.check(&mut wire).await {
                return failed;
            }
            // A failure that was reported while the check ran is checked again.
            let _ = timeout(CHECK_PERIOD, self.doubt.notified()).await;
        }
    }
}
