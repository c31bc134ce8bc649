//! Conversations, their history and the search in them over HTTP.

use axum::Json;
use axum::extract::{Path, State};
use sally_protocol::fleet::Side;
use sally_protocol::message::{Conversations, History};
use sally_protocol::search::{MAX_QUERY_CHARS, SearchResults};
use sally_protocol::{Cursor, Id};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::history;
use super::page::Limit;
use super::requests::side;
use crate::app::App;
use crate::auth::{Member, Principal};
use crate::error::ApiError;
use crate::query::Query;

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
    if side(member.role) == Side::Dispatch {
        let mut assignees = app.database.assignees(&member.tenant).await?;
        for conversation in &mut conversations {
            if let Some(assignee) = assignees.remove(&conversation.conversation_id) {
                (conversation.assignee_id, conversation.assignee_name) = (Some(assignee.user), assignee.name);
            }
        }
    }
    Ok(Json(Conversations { conversations }))
}

/// The query of [`messages`].
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Page {
    before_seq: Option<u64>,
    #[serde(default)]
    limit: Limit,
}

/// `GET /api/conversations/{id}/messages`: the newest, or those before `beforeSeq`, ascending, and
/// who has received, read and acknowledged.
///
/// # Errors
///
/// 401, 403; 404 for a conversation that isn't the caller's to see; 503 while the store can't be
/// reached.
pub async fn messages(
    State(app): State<App>,
    principal: Principal,
    Path(conversation): Path<String>,
    Query(page): Query<Page>,
) -> Result<Json<History>, ApiError> {
    let member = participant(&app, &principal).await?;
    let conversation = conversation_of(&app, &member, &conversation).await?;
    let Page { before_seq, limit } = page;
    let mut messages = app.database.history(&member.tenant, &conversation, before_seq, limit.and_one()).await?;
    let more = limit.cut_first(&mut messages);
    let acknowledgements = match (messages.first(), messages.last()) {
        (Some(first), Some(last)) => {
            app.database.acknowledgements(&member.tenant, &conversation, first.seq, last.seq).await?
        }
        _ => Vec::new(),
    };
    let positions = app.database.positions(&member.tenant, &conversation).await?;
    Ok(Json(History {
        messages: history::acknowledged(messages, acknowledgements),
        more,
        receipts: history::receipts(&conversation, positions),
    }))
}

/// The query of [`search`].
#[derive(Debug, Deserialize)]
pub struct Search {
    q: String,
    before: Option<String>,
    #[serde(default)]
    limit: Limit,
}

/// `GET /api/search`: the newest messages that have every word of `q`, or those before the cursor
/// `before`: the tenant's for a dispatcher, their own for a driver.
///
/// # Errors
///
/// 401, 403; 400 `invalid_query` without `q`; 422 `too_long` for more than [`MAX_QUERY_CHARS`], and
/// `unknown_cursor`; 503 while the store can't be reached.
pub async fn search(
    State(app): State<App>,
    principal: Principal,
    Query(search): Query<Search>,
) -> Result<Json<SearchResults>, ApiError> {
    let member = participant(&app, &principal).await?;
    if search.q.chars().count() > MAX_QUERY_CHARS {
        return Err(ApiError::invalid("too_long", format!("\"q\" may have at most {MAX_QUERY_CHARS} characters")));
    }
    let before = match &search.before {
        None => None,
        Some(cursor) => {
            let epoch = app.database.inbox_head(&member.tenant).await?.epoch;
            let cursor = Cursor::parse(cursor, &member.tenant).filter(|cursor| cursor.epoch == epoch);
            let unknown = || ApiError::invalid("unknown_cursor", "\"before\" must be the cursor of a message");
            Some(cursor.ok_or_else(unknown)?.offset)
        }
    };
    let own = (side(member.role) == Side::Driver).then_some(&member.user);
    let limit = search.limit;
    let mut results = app.database.search(&member.tenant, own, &search.q, before, limit.and_one()).await?;
    let more = limit.cut_last(&mut results);
    Ok(Json(SearchResults { results, more }))
}

/// The principal as a member who takes part in conversations.
pub(super) async fn participant(app: &App, principal: &Principal) -> Result<Member, ApiError> {
    let member = app.admit(principal, None).await?;
    if !member.role.may_message() {
        return Err(ApiError::forbidden());
    }
    Ok(member)
}

/// The principal as one of the dispatch team.
pub(super) async fn dispatcher(app: &App, principal: &Principal) -> Result<Member, ApiError> {
    let member = participant(app, principal).await?;
    if side(member.role) != Side::Dispatch {
        return Err(ApiError::forbidden());
    }
    Ok(member)
}

/// A conversation that is the member's to see; 404 for any other.
pub(super) async fn conversation_of(app: &App, member: &Member, named: &str) -> Result<Id, ApiError> {
    let conversation = Id::parse(named).map_err(|_| ApiError::not_found())?;
    if side(member.role) == Side::Driver && conversation != member.user {
        return Err(ApiError::not_found());
    }
    let known = app.database.user(&member.tenant, &conversation).await?;
    if known.is_none_or(|known| side(known.role) != Side::Driver) {
        return Err(ApiError::not_found());
    }
    Ok(conversation)
}

/// A request's body; 400 `invalid_json` where it can't be read as a `T`.
pub(super) fn body<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    serde_json::from_slice(bytes).map_err(|cause| ApiError::bad_request("invalid_json", cause.to_string()))
}
