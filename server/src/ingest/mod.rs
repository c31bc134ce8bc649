//! From a publisher to the log: check, give an id, append.
//!
//! # Layout
//!
//! - [`Ingest`]: what both ways in share.
//! - [`http`]: `POST /api/events`.
//! - [`redis`]: raw `PUBLISH`es on `tenant:{id}:{topic}`.

pub mod http;
pub mod redis;

use std::sync::Arc;

use jiff::Timestamp;
use sally_protocol::event::Rejection;
use sally_protocol::{Event, Tenant};

use crate::log::{Appended, Log, LogError};
use crate::metrics::Metrics;

/// Why nothing was published.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// An event was refused, and with it all that came with it.
    #[error("event {index}: {rejection}")]
    Rejected {
        /// Why.
        rejection: Rejection,
        /// Its place in the request, from 0.
        index: usize,
    },
    /// A publisher of any tenant must name one in each event.
    #[error("event {index} names no tenant")]
    TenantRequired {
        /// Its place in the request, from 0.
        index: usize,
    },
    /// The log failed.
    #[error(transparent)]
    Log(#[from] LogError),
}

/// The way into the log; a cheap clone.
#[derive(Clone)]
pub struct Ingest {
    log: Arc<dyn Log>,
    metrics: Metrics,
}

impl Ingest {
    /// The way into this log.
    pub fn new(log: Arc<dyn Log>, metrics: Metrics) -> Self {
        Self { log, metrics }
    }

    /// Checks one payload for `tenant`. A refusal is counted. An event without an id gets
    /// `fallback_id`, by which a repeat of it is known, or else a new one.
    ///
    /// # Errors
    ///
    /// The [`Rejection`].
    pub fn check(&self, tenant: &Tenant, payload: &[u8], fallback_id: Option<String>) -> Result<Event, Rejection> {
        let repeatable = fallback_id.is_some();
        let fresh_id = || fallback_id.unwrap_or_else(|| uuid::Uuid::now_v7().to_string());
        let mut event = Event::check(payload, tenant, Timestamp::now(), fresh_id)
            .inspect_err(|rejection| self.metrics.rejected(rejection.code()))?;
        event.id_given |= repeatable;
        Ok(event)
    }

    /// Appends checked events, all or none, and returns once they are durable.
    ///
    /// # Errors
    ///
    /// [`LogError`].
    pub async fn append(&self, source: &'static str, events: Vec<(Tenant, Event)>) -> Result<Vec<Appended>, LogError> {
        let appended = self.log.append(events).await?;
        self.count(source, &appended);
        Ok(appended)
    }

    fn count(&self, source: &'static str, appended: &[Appended]) {
        let duplicates = appended.iter().filter(|appended| appended.duplicate).count();
        self.metrics.taken(source, appended.len() - duplicates);
        self.metrics.duplicates.inc_by(duplicates as u64);
    }

    /// Publishes one of the server's own events, if the newest event of its entity still stands at `newest`;
    /// whether it does.
    ///
    /// # Errors
    ///
    /// [`PublishError`].
    pub async fn publish_after(
        &self,
        tenant: &Tenant,
        event: &serde_json::Value,
        newest: u64,
    ) -> Result<bool, PublishError> {
        let event = self
            .check(tenant, event.to_string().as_bytes(), None)
            .map_err(|rejection| PublishError::Rejected { rejection, index: 0 })?;
        let appended = self.log.append_after(tenant, event, newest).await?;
        self.count("server", appended.as_slice());
        Ok(appended.is_some())
    }

    /// Publishes several of the server's own events, together.
    ///
    /// # Errors
    ///
    /// [`PublishError`].
    pub async fn publish_all(
        &self,
        events: impl IntoIterator<Item = (Tenant, serde_json::Value)>,
    ) -> Result<(), PublishError> {
        let check = |(index, (tenant, event)): (usize, (Tenant, serde_json::Value))| match self.check(
            &tenant,
            event.to_string().as_bytes(),
            None,
        ) {
            Ok(event) => Ok((tenant, event)),
            Err(rejection) => Err(PublishError::Rejected { rejection, index }),
        };
        let events = events.into_iter().enumerate().map(check).collect::<Result<Vec<_>, _>>()?;
        if !events.is_empty() {
            self.append("server", events).await?;
        }
        Ok(())
    }
}
