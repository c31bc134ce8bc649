//! How one attempt of a supervised connection ended, and what that means for the next.

use std::future::pending;
use std::time::Duration;

use sally_protocol::desktop::Link;
use tokio::time::{Instant, sleep_until};

use crate::Error;
use crate::session::Session;
use crate::token::AccessToken;

/// How a connection ended.
#[derive(Debug, PartialEq)]
pub(crate) enum End {
    /// As planned: the next one is due now.
    Moved,
    /// By accident or refusal: the next one is due later.
    Lost {
        /// Why, as a sentence.
        reason: String,
        /// No earlier than this, where the server said so.
        after: Option<Duration>,
    },
    /// The token was refused and has been renewed: the next one is due now.
    Renewed,
    /// For good.
    Over(Link),
    /// Nobody listens any more.
    Unheard,
}

impl End {
    /// A loss that says nothing about when to come back.
    pub(crate) fn lost(reason: &str) -> Self {
        Self::Lost { reason: reason.to_owned(), after: None }
    }

    /// A refused `token` is renewed; a fresh one that is refused as well ends the session.
    pub(crate) async fn refused(session: &Session, token: &AccessToken, is_fresh: bool) -> Self {
        if is_fresh {
            return Self::Over(Link::SignedOut { reason: "The session has ended. Sign in again.".into() });
        }
        match session.renew(token).await {
            Ok(_) => Self::Renewed,
            Err(error) => error.into(),
        }
    }
}

impl From<Error> for End {
    fn from(error: Error) -> Self {
        match error {
            Error::Incompatible { .. } => Self::Over(Link::Incompatible { reason: error.to_string() }),
            Error::SignedOut { reason } => Self::Over(Link::SignedOut { reason }),
            // Asking again changes nothing about what an account may do.
            Error::Problem { ref problem, .. } if problem.status == 403 => {
                Self::Over(Link::SignedOut { reason: error.to_string() })
            }
            Error::Problem { retry_after, .. } => Self::Lost { reason: error.to_string(), after: retry_after },
            _ => Self::Lost { reason: error.to_string(), after: None },
        }
    }
}

/// The state that a wait is shown as.
pub(crate) fn retrying(wait: Duration, reason: String) -> Link {
    Link::Retrying { in_ms: u64::try_from(wait.as_millis()).unwrap_or(u64::MAX), reason }
}

/// Waits for a time, for ever when there is none.
pub(crate) async fn due(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => pending().await,
    }
}
