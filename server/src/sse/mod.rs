//! `GET /sse/events`: the way from a tenant's log to its clients.
//!
//! # Layout
//!
//! - here: the request, from the token to the first byte.
//! - [`connection`]: the body of the answer, a cursor that walks the log.
//! - [`frames`]: control frames and snapshots as bytes.
//! - [`snapshot`]: `GET /api/snapshot`.

mod connection;
mod frames;
pub mod snapshot;

use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use serde::Deserialize;

use crate::app::App;
use crate::auth::Principal;
use crate::error::ApiError;
use connection::Connection;

/// The query of [`events`].
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Options {
    #[serde(default)]
    last_event_id: Option<String>,
    #[serde(default)]
    snapshot: Option<String>,
    #[serde(default)]
    tenant: Option<String>,
}

/// How long a client that was refused for its number of streams should wait.
const RETRY_AFTER: std::time::Duration = std::time::Duration::from_secs(5);

/// Opens an event stream.
///
/// # Errors
///
/// 401 without a valid token, 403 without a role in a tenant, 429 beyond the stream limits, 503
/// while the server drains.
pub async fn events(
    State(app): State<App>,
    principal: Principal,
    headers: HeaderMap,
    Query(options): Query<Options>,
) -> Result<Response, ApiError> {
    let member = principal.member(options.tenant.as_deref())?;
    if app.drain.has_begun() {
        return Err(ApiError::draining());
    }
    if let Err(error) = app.known.remember(&app.database, &member).await {
        // The stream doesn't need the store; while it can't be reached the log will say so.
        tracing::warn!(%error, "a user could not be remembered");
    }
    let stream = app
        .hub
        .open(&member.tenant, &member.user, app.log.clone())
        .map_err(|refused| ApiError::too_many("too_many_streams", refused.to_string(), RETRY_AFTER))?;
    let with_snapshot = options.snapshot.as_deref().is_some_and(|value| value == "true" || value == "1");
    let cursor = last_event_id(&headers, options.last_event_id);
    let connection = Connection::new(&app, member, stream, cursor, with_snapshot);
    let mut response = Response::new(Body::from_stream(connection.into_body()));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

/// What the client has seen: the header, else the query; an empty one counts as absent. A header
/// that isn't text is a cursor like any other that nobody knows.
fn last_event_id(headers: &HeaderMap, query: Option<String>) -> Option<String> {
    let header = headers.get("last-event-id").filter(|value| !value.is_empty());
    header.map(|value| value.to_str().unwrap_or("?").to_owned()).or(query).filter(|cursor| !cursor.is_empty())
}
