//! The loop that keeps an event stream going.

use std::time::Duration;

use sally_protocol::desktop::Link;
use tokio::sync::mpsc;
use tokio::time::sleep;

use super::connection::Connection;
use super::position::Position;
use super::{Options, Update};
use crate::Error;
use crate::backoff::Backoff;
use crate::end::{End, retrying};
use crate::server::http_client;
use crate::session::Session;

/// How long a connection may be silent before the server has said how often it sends a heartbeat.
const SILENCE: Duration = Duration::from_secs(60);

/// Follows the stream until it is over or nobody listens.
pub(super) async fn run(session: Session, options: Options, updates: mpsc::Sender<Update>) {
    let position = Position::new(options.cursor.clone());
    let mut supervisor = Supervisor {
        session,
        options,
        updates,
        position,
        backoff: Backoff::default(),
        silence: SILENCE,
        renewed: false,
        http: None,
    };
    loop {
        if !supervisor.report(Link::Connecting).await {
            return;
        }
        let end = match supervisor.attempt().await {
            Ok(end) => end,
            Err(error) => error.into(),
        };
        match end {
            End::Moved | End::Renewed => {}
            End::Lost { reason, after } => {
                let wait = supervisor.backoff.next(after, rand::random());
                tracing::info!(%reason, ?wait, "the event stream was lost");
                if !supervisor.report(retrying(wait, reason)).await {
                    return;
                }
                sleep(wait).await;
            }
            End::Over(link) => {
                supervisor.report(link).await;
                return;
            }
            End::Unheard => return,
        }
    }
}

struct Supervisor {
    session: Session,
    options: Options,
    updates: mpsc::Sender<Update>,
    position: Position,
    backoff: Backoff,
    /// How long a live connection may be silent.
    silence: Duration,
    /// Whether the last attempt ended with a refused token, which was renewed.
    renewed: bool,
    /// The client for the stream, with its read timeout.
    http: Option<(Duration, reqwest::Client)>,
}

impl Supervisor {
    async fn attempt(&mut self) -> Result<End, Error> {
        let http = self.http()?;
        self.session.server().knock(&http).await?;
        let token = self.session.token().await?;
        let mut connection = Connection::new(
            &self.session,
            &self.options,
            &mut self.position,
            &self.updates,
            token,
            self.renewed,
            self.silence,
        );
        let end = connection.follow(&http).await;
        self.silence = connection.silence;
        if let Some(since) = connection.live_since {
            self.backoff.lived(since.elapsed());
        }
        self.renewed = end == End::Renewed;
        Ok(end)
    }

    /// A total timeout would end every stream, so only silence is limited. It is watched by the
    /// library even while a long frame arrives, which our own timers can't see.
    fn http(&mut self) -> Result<reqwest::Client, Error> {
        let limit = self.silence.max(SILENCE);
        match &self.http {
            Some((made_for, http)) if *made_for == limit => Ok(http.clone()),
            _ => {
                let http = http_client(self.session.server().address(), |builder| {
                    builder.read_timeout(limit).tcp_nodelay(true)
                })?;
                self.http = Some((limit, http.clone()));
                Ok(http)
            }
        }
    }

    async fn report(&self, link: Link) -> bool {
        self.updates.send(Update::Link(link)).await.is_ok()
    }
}
