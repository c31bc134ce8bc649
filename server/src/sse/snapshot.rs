//! `GET /api/snapshot`.

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use crate::app::App;
use crate::auth::Principal;
use crate::error::ApiError;
use crate::query::Query;

/// The query of [`get`].
#[derive(Debug, Deserialize)]
pub struct Options {
    tenant: Option<String>,
}

/// The tenant's compacted log, as much of it as the caller may see, and the cursor from which a
/// stream continues.
///
/// # Errors
///
/// 401, 403; 503 while the log can't be reached.
pub async fn get(
    State(app): State<App>,
    principal: Principal,
    Query(options): Query<Options>,
) -> Result<Response, ApiError> {
    let member = app.admit(&principal, options.tenant.as_deref()).await?;
    let reader = app.hub.read(&member.tenant, &app.log);
    // Apps that ask all at once, as after an outage, share what is read for the first of them.
    let snapshot = reader.snapshot(reader.head().await?).await?;
    let compacted = &snapshot.compacted;
    let visible: Vec<&str> = compacted
        .events
        .iter()
        .filter(|event| member.view.sees(&event.readers))
        .map(|event| event.json.as_str())
        .collect();
    // The events are JSON already, and pass through as they came.
    let cursor = compacted.position.cursor(&member.tenant);
    let body = format!(r#"{{"cursor":"{cursor}","events":[{}]}}"#, visible.join(","));
    Ok(([(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")], body).into_response())
}
