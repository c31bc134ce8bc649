//! `GET /sse/events`: the way from a tenant's log to its clients.
//!
//! # Layout
//!
//! - here: the request, from the token to the first byte.
//! - [`fanout`]: who serves the open streams.
//! - [`catch_up`]: from where a client says it stands to where the log stands.
//! - [`shard`]: a share of the live streams; [`live`] is one of them, [`batch`] what they are sent.
//! - [`client`]: what is known of a stream, in either hands.
//! - [`frames`]: control frames and snapshots as bytes.
//! - [`snapshot`]: `GET /api/snapshot`.

mod batch;
mod catch_up;
mod client;
mod fanout;
mod frames;
mod live;
mod shard;
pub mod snapshot;

use std::sync::{Arc, Mutex, PoisonError};

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use sally_protocol::Role;
use serde::Deserialize;
use tokio_util::io::ReaderStream;

use crate::app::App;
use crate::auth::Principal;
use crate::error::ApiError;
use crate::query::Query;
use client::Opening;
pub(crate) use client::Socket;
pub use fanout::Fanout;

/// Put into a request by whoever can give the stream the connection it came on. The handler leaves
/// the stream here and answers with the head alone.
#[derive(Clone, Default)]
pub(crate) struct Takeover(Arc<Mutex<Option<Opening>>>);

impl Takeover {
    /// The stream, when the request opened one.
    pub(crate) fn take(&self) -> Option<Opening> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn put(&self, opening: Opening) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(opening);
    }
}

/// How many bytes may be on their way into the body of an answer.
const PIPE_BYTES: usize = 8 * 1024;

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

/// How long a driver's first stream waits until the store knows the driver.
const NEWCOMER_PATIENCE: std::time::Duration = std::time::Duration::from_secs(1);

/// How long a client that was refused for its number of streams should wait.
const RETRY_AFTER: std::time::Duration = std::time::Duration::from_secs(5);

/// Opens an event stream.
///
/// # Errors
///
/// 401 without a valid token, 403 without a role in a tenant, 429 beyond the stream limits, 503
/// while the server drains.
pub(crate) async fn events(
    State(app): State<App>,
    principal: Principal,
    headers: HeaderMap,
    takeover: Option<Extension<Takeover>>,
    Query(options): Query<Options>,
) -> Result<Response, ApiError> {
    let member = principal.member(options.tenant.as_deref())?;
    if app.drain.has_begun() {
        return Err(ApiError::draining());
    }
    // The stream doesn't need the store. Only a driver waits for it a little, since messages can be
    // sent to them once the store knows them.
    if member.role == Role::Driver {
        let _ = tokio::time::timeout(NEWCOMER_PATIENCE, app.known.remember(&member)).await;
    } else {
        app.known.note(&member);
    }
    let place = app
        .hub
        .open(&member.tenant, &member.user, &app.log)
        .map_err(|refused| ApiError::too_many("too_many_streams", refused.to_string(), RETRY_AFTER))?;
    let opening = Opening {
        place,
        view: member.view,
        expires_at: member.expires_at,
        with_snapshot: options.snapshot.as_deref().is_some_and(|value| value == "true" || value == "1"),
        cursor: last_event_id(&headers, options.last_event_id),
    };
    let body = match takeover {
        Some(Extension(takeover)) => {
            takeover.put(opening);
            Body::empty()
        }
        None => {
            let (ours, theirs) = tokio::io::duplex(PIPE_BYTES);
            app.fanout.begin(opening, Socket::Right(ours));
            Body::from_stream(ReaderStream::new(theirs))
        }
    };
    let mut response = Response::new(body);
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
