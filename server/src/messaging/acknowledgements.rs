//! Who has acknowledged what the dispatch team has sent, and who still has to, over HTTP.

use axum::Json;
use axum::extract::{Path, State};
use sally_protocol::Role;
use sally_protocol::team::{Acknowledgements, AwaitedAcknowledgements};
use serde::Deserialize;

use super::http::dispatcher;
use super::page::Limit;
use crate::app::App;
use crate::auth::Principal;
use crate::error::ApiError;
use crate::query::Query;

/// `GET /api/messages/{id}/acknowledgements`: over the whole broadcast that the message is of.
///
/// # Errors
///
/// 401, 403; 404 for what isn't a message of the tenant's dispatch team; 503 while the store can't
/// be reached.
pub async fn of_message(
    State(app): State<App>,
    principal: Principal,
    Path(message): Path<String>,
) -> Result<Json<Acknowledgements>, ApiError> {
    let member = dispatcher(&app, &principal).await?;
    let message = app.database.message(&member.tenant, &message).await?;
    let message = message.filter(|message| message.sender_role != Role::Driver).ok_or_else(ApiError::not_found)?;
    Ok(Json(app.database.acknowledgements_of(&member.tenant, &message).await?))
}

/// The query of [`awaited`].
#[derive(Debug, Deserialize)]
pub struct Page {
    #[serde(default)]
    limit: Limit,
}

/// `GET /api/acknowledgements`: the dispatch team's messages that a driver still has to acknowledge.
///
/// # Errors
///
/// 401, 403; 503 while the store can't be reached.
pub async fn awaited(
    State(app): State<App>,
    principal: Principal,
    Query(page): Query<Page>,
) -> Result<Json<AwaitedAcknowledgements>, ApiError> {
    let member = dispatcher(&app, &principal).await?;
    Ok(Json(app.database.awaited_acknowledgements(&member.tenant, page.limit.get()).await?))
}
