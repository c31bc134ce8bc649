//! `GET /api/alerts/{id}`: an alert as it is, and what has happened to it.
//!
//! What has happened is what the log still holds of it, and before that what the compacted log has
//! kept: the newest event of each type.

use std::collections::HashSet;

use axum::Json;
use axum::extract::{Path, State};
use sally_protocol::alert::Alert;
use sally_protocol::{Id, Tenant, stream};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{read, seen};
use crate::app::App;
use crate::auth::Principal;
use crate::error::ApiError;
use crate::log::{Content, Log, LogError, Page, Position};
use crate::query::Query;

/// How many entries of the log are looked at together.
const PAGE: usize = 500;

/// The query of [`get`].
#[derive(Debug, Deserialize)]
pub struct Options {
    #[serde(default)]
    tenant: Option<String>,
}

/// The answer of [`get`].
#[derive(Debug, Serialize)]
pub struct Told {
    /// The alert as it is.
    alert: Alert,
    /// Its events, oldest first, as they were published.
    history: Vec<Value>,
    /// Whether these are all there have been. Older ones have left the log.
    complete: bool,
}

/// Tells an alert with its history.
///
/// # Errors
///
/// 401, 403; 404 for an alert that isn't the caller's to see; 503 while the log can't be reached.
pub async fn get(
    State(app): State<App>,
    principal: Principal,
    Path(alert): Path<String>,
    Query(options): Query<Options>,
) -> Result<Json<Told>, ApiError> {
    let member = app.admit(&principal, options.tenant.as_deref()).await?;
    let id = Id::parse(&alert).map_err(|_| ApiError::not_found())?;
    let (alert, kept) = read(&*app.log, &member.tenant, &id).await?;
    let alert = seen(alert, &member)?;
    let logged = logged(&*app.log, &member.tenant, &id).await?;
    let known: HashSet<Option<&Value>> = logged.iter().map(|event| event.get("eventId")).collect();
    let mut history: Vec<Value> = kept.into_iter().filter(|event| !known.contains(&event.get("eventId"))).collect();
    let complete = history.is_empty() && logged.first().is_some_and(|first| first["type"] == "new_alert");
    history.extend(logged);
    Ok(Json(Told { alert, history, complete }))
}

/// The events about an alert that the log holds.
async fn logged(log: &dyn Log, tenant: &Tenant, id: &Id) -> Result<Vec<Value>, LogError> {
    let head = log.position(tenant).await?;
    let (mut events, mut place) = (Vec::new(), oldest(log, tenant, head).await?);
    while place.offset < head.offset {
        // The log may have begun anew, or have lost its oldest entries since.
        let Page::Entries(entries) = log.read(tenant, place, PAGE).await? else { break };
        let Some(last) = entries.last() else { break };
        place.offset = last.offset;
        events.extend(entries.iter().filter_map(|entry| match &entry.content {
            Content::Event { frame, .. } => about(stream::data(frame)?, id),
            Content::Gap => None,
        }));
    }
    Ok(events)
}

/// The event, if it is about the alert.
fn about(json: &[u8], id: &Id) -> Option<Value> {
    // Most aren't, and reading them would take longer than looking for the id.
    memchr::memmem::find(json, id.as_str().as_bytes())?;
    let event: Value = serde_json::from_slice(json).ok()?;
    let is_about = matches!(event["type"].as_str()?, "new_alert" | "alert_updated" | "alert_resolved")
        && event["alert"]["id"].as_str() == Some(id.as_str());
    is_about.then_some(event)
}

/// Right before the oldest entry that the log holds, found by bisection.
async fn oldest(log: &dyn Log, tenant: &Tenant, head: Position) -> Result<Position, LogError> {
    let (mut low, mut high) = (0, head.offset);
    while low < high {
        let middle = low + (high - low) / 2;
        match log.read(tenant, Position { offset: middle, ..head }, 1).await? {
            Page::Entries(_) => high = middle,
            Page::TooOld => low = middle + 1,
            Page::EpochChanged => return Ok(head),
        }
    }
    Ok(Position { offset: low, ..head })
}
