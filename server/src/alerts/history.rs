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

use super::{Addressed, Kept, read, seen};
use crate::app::App;
use crate::auth::Principal;
use crate::error::ApiError;
use crate::log::{Content, Log, LogError, Page, Position};
use crate::query::Query;

/// How many entries of the log are looked at together.
const PAGE: usize = 100;

/// How often a scan begins anew because the log has lost its oldest entries meanwhile.
const TRIES: usize = 3;

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
    let Kept { alert, events: kept, .. } = read(&*app.log, &member.tenant, &id).await?;
    let alert = seen(alert, &member)?;
    // It is never closed.
    let _turn = app.alerts.histories.acquire().await;
    let logged = logged(&*app.log, &member.tenant, &id).await?;
    let known: HashSet<Option<&Value>> = logged.iter().map(|logged| logged.event.get("eventId")).collect();
    let is_unknown = |kept: &Addressed| !known.contains(&kept.event.get("eventId"));
    let mut events: Vec<Addressed> = kept.into_iter().filter(is_unknown).collect();
    let complete = events.is_empty() && logged.first().is_some_and(|first| first.event["type"] == "new_alert");
    events.extend(logged);
    // A driver is told what their stream would show.
    let seen = events.into_iter().filter(|addressed| member.view.sees(&addressed.readers));
    let history = seen.map(|addressed| addressed.event).collect();
    Ok(Json(Told { alert, history, complete }))
}

/// The events about an alert that the log holds.
async fn logged(log: &dyn Log, tenant: &Tenant, id: &Id) -> Result<Vec<Addressed>, LogError> {
    for _ in 0..TRIES {
        if let Some(events) = scan(log, tenant, id).await? {
            return Ok(events);
        }
    }
    Ok(Vec::new())
}

/// One scan of the log; `None` where it begins anew or loses its oldest entries under the scan.
async fn scan(log: &dyn Log, tenant: &Tenant, id: &Id) -> Result<Option<Vec<Addressed>>, LogError> {
    let head = log.position(tenant).await?;
    let (mut events, mut place) = (Vec::new(), oldest(log, tenant, head).await?);
    while place.offset < head.offset {
        let Page::Entries(entries) = log.read(tenant, place, PAGE).await? else { return Ok(None) };
        let Some(last) = entries.last() else { break };
        place.offset = last.offset;
        events.extend(entries.iter().filter_map(|entry| match &entry.content {
            Content::Event { frame, readers } => {
                Some(Addressed { readers: readers.to_vec(), event: about(stream::data(frame)?, id)? })
            }
            Content::Gap => None,
        }));
    }
    Ok(Some(events))
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
