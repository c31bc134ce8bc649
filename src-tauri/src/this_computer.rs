//! The server inside the app: "this computer".

mod quick_replies;

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sally_client::{Server, Session};
use sally_protocol::auth::Me;
use sally_protocol::desktop::CommandError;
use sally_protocol::{Id, Role, Tenant};
use sally_server::auth::{Identity, Issuer};
use sally_server::{Config, Running, simulate};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::failure;

/// The tenant of the server inside the app.
const TENANT: &str = "demo";

/// Whoever sits at this computer.
const USER: &str = "dispatcher";

/// A Redis that the server takes events from, as a headless one does; without it, it needs none.
const REDIS_URL: &str = "SALLY_REDIS_URL";

/// How many copies of the app can each run a server of their own.
const COPIES: usize = 8;

/// How long a token of the dispatcher lasts.
const TOKEN_LIFE: Duration = Duration::from_secs(15 * 60);

/// Nobody but this app is connected, and it has closed its connections by then.
const DRAIN: Duration = Duration::from_millis(100);

/// How long the fleet and the server are waited for.
const STOP_LIMIT: Duration = Duration::from_secs(4);

/// The simulated fleet: enough to look at, not too much to follow.
const DRIVERS: usize = 40;
const EVENTS_PER_SECOND: f64 = 2.0;

/// A running server, and the fleet that drives on it.
pub(crate) struct ThisComputer {
    running: Running,
    fleet: Option<Fleet>,
    name: String,
    /// Held for as long as the server uses its directory.
    _lock: File,
}

struct Fleet {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl ThisComputer {
    /// Starts the server on a free loopback port, with its data below `data_dir`, and a session of
    /// its dispatcher.
    pub(crate) async fn start(data_dir: &Path, with_fleet: bool) -> Result<(Self, Session, Me), CommandError> {
        let (data_dir, lock) = claim(data_dir)?;
        let name = data_dir.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let config = Config {
            listen: "127.0.0.1:0".into(),
            data_dir,
            drain: DRAIN,
            redis_url: std::env::var(REDIS_URL).ok().filter(|url| !url.is_empty()),
            ..Config::default()
        };
        let running = sally_server::start(config).await.map_err(|error| {
            tracing::error!(%error, "the server inside the app doesn't start");
            failure::own("this_computer", &format!("The server on this computer doesn't start: {error}."), true)
        })?;
        let mut computer = Self { running, fleet: None, name, _lock: lock };
        match computer.sign_in().await {
            Ok((session, me)) => {
                if with_fleet {
                    computer.fleet = Some(computer.start_fleet()?);
                    if let Err(error) = quick_replies::provide(&session).await {
                        tracing::warn!(%error, "the demo has no quick replies");
                    }
                }
                Ok((computer, session, me))
            }
            Err(error) => {
                computer.stop().await;
                Err(failure::of_call(&error))
            }
        }
    }

    /// Whether a fleet is simulated.
    pub(crate) fn has_fleet(&self) -> bool {
        self.fleet.is_some()
    }

    /// What its directory is called: the same server has the same name at its next start.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Stops the fleet and the server, within a limit.
    pub(crate) async fn stop(self) {
        let stopped = timeout(STOP_LIMIT, async {
            if let Some(fleet) = self.fleet {
                fleet.stop.cancel();
                let _ = fleet.task.await;
            }
            self.running.stop().await;
        });
        if stopped.await.is_err() {
            tracing::warn!("the server inside the app didn't stop in time");
        }
    }

    async fn sign_in(&self) -> Result<(Session, Me), sally_client::Error> {
        let server = Server::check(&self.running.url()).await?;
        let issuer = self.running.issuer();
        let session = Session::issued(server, move || issue(&issuer));
        let me = session.me().await?;
        Ok((session, me))
    }

    fn start_fleet(&self) -> Result<Fleet, CommandError> {
        let options = simulate::Options {
            url: self.running.url(),
            tenant: tenant()?,
            drivers: DRIVERS,
            rate: EVENTS_PER_SECOND,
            seed: 1,
        };
        let stop = CancellationToken::new();
        let fleet = simulate::run(options, self.running.issuer(), stop.clone());
        let task = tokio::spawn(async move {
            if let Err(error) = fleet.await {
                tracing::warn!(%error, "the simulated fleet stopped");
            }
        });
        Ok(Fleet { stop, task })
    }
}

/// The first directory that no other copy of the app uses.
fn claim(data_dir: &Path) -> Result<(PathBuf, File), CommandError> {
    for copy in 1..=COPIES {
        let name = if copy == 1 { "this-computer".to_owned() } else { format!("this-computer-{copy}") };
        let dir = data_dir.join(name);
        let locked = std::fs::create_dir_all(&dir).and_then(|()| File::create(dir.join("in-use")));
        let lock = locked.map_err(|error| {
            let text = format!("{} can't be written to: {error}. Check the disk and its permissions.", dir.display());
            failure::own("this_computer", &text, true)
        })?;
        match lock.try_lock() {
            Ok(()) => return Ok((dir, lock)),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => {
                let text = format!("{} can't be locked: {error}.", dir.display());
                return Err(failure::own("this_computer", &text, true));
            }
        }
    }
    Err(failure::own("this_computer", "Too many copies of the app run their own server. Close one of them.", true))
}

fn tenant() -> Result<Tenant, CommandError> {
    Tenant::parse(TENANT).map_err(|error| failure::own("this_computer", &error.to_string(), false))
}

/// An empty token is refused by the server, so that a failure here ends the session.
fn issue(issuer: &Issuer) -> String {
    let Ok(user) = Id::parse(USER) else { return String::new() };
    let identity =
        Identity { tenant: TENANT.into(), user, role: Role::Dispatcher, driver: None, name: Some("Dispatcher".into()) };
    issuer.issue(&identity, TOKEN_LIFE).unwrap_or_else(|error| {
        tracing::error!(%error, "no token can be issued");
        String::new()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_copy_gets_a_directory_of_its_own() {
        let data = tempfile::tempdir().expect("a directory");
        let (first, lock) = claim(data.path()).expect("a claim");
        let (second, _kept) = claim(data.path()).expect("a claim");
        assert_eq!(first, data.path().join("this-computer"));
        assert_eq!(second, data.path().join("this-computer-2"));
        drop(lock);
        assert_eq!(claim(data.path()).expect("a claim").0, first, "a free one is taken again");
    }
}
