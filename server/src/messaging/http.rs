//! Conversations and their history over HTTP.

use axum::Json;
use axum::extract::{Path, State};
use sally_protocol::Id;
use sally_protocol::fleet::Side;
use sally_protocol::message::{Conversations, History, MAX_PAGE};
use serde::Deserialize;

use super::requests::side;
use crate::app::App;
use crate::auth::{Member, Principal};
use crate::error::ApiError;
use crate::query::Query;

/// The default page of history.
const DEFAULT_PAGE: usize = 50;

/// `GET /api/conversations`: all of the tenant's for a dispatcher, their own for a driver.
///
/// # Errors
///
/// 401, 403; 503 while the store can't be reached.
pub async fn conversations(State(app): State<App>, principal: Principal) -> Result<Json<Conversations>, ApiError> {
    let member = participant(&app, &principal).await?;
    let own = (side(member.role) == Side::Driver).then_some(&member.user);
    let mut conversations = app.database.conversations(&member.tenant, side(member.role), own).await?;
    app.gateway.mark_online(&member, &mut conversations);
    Ok(Json(Conversations { conversations }))
}

/// The query of [`history`].
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Page {
    before_seq: Option<u64>,
    limit: Option<usize>,
}

/// `GET /api/conversations/{id}/messages`: the newest, or those before `beforeSeq`, ascending.
///
/// # Errors
///
/// 401, 403; 404 for a conversation that isn't the caller's to see; 503 while the store can't be
/// reached.
pub async fn history(
    State(app): State<App>,
    principal: Principal,
    Path(conversation): Path<String>,
    Query(page): Query<Page>,
) -> Result<Json<History>, ApiError> {
    let member = participant(&app, &principal).await?;
    let conversation = Id::parse(&conversation).map_err(|_| ApiError::not_found())?;
    if side(member.role) == Side::Driver && conversation != member.user {
        return Err(ApiError::not_found());
    }
    let known = app.database.user(&member.tenant, &conversation).await?;
    if known.is_none_or(|known| side(known.role) != Side::Driver) {
        return Err(ApiError::not_found());
    }
    let limit = page.limit.unwrap_or(DEFAULT_PAGE).clamp(1, MAX_PAGE);
    let mut messages = app.database.history(&member.tenant, &conversation, page.before_seq, limit + 1).await?;
    let more = messages.len() > limit;
    if more {
        messages.remove(0);
    }
    Ok(Json(History { messages, more }))
}

async fn participant(app: &App, principal: &Principal) -> Result<Member, ApiError> {
    let member = app.admit(principal, None).await?;
    if !member.role.may_message() {
        return Err(ApiError::forbidden());
    }
    Ok(member)
}
