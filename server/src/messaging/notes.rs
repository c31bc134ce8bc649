//! The dispatch team's notes in a conversation over HTTP.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use jiff::Timestamp;
use sally_protocol::Id;
use sally_protocol::message::{ContentError, check_content};
use sally_protocol::team::{Note, NoteDraft, Notes};
use serde::Deserialize;
use uuid::Uuid;

use super::http::{body, conversation_of, dispatcher};
use super::page::Limit;
use crate::app::App;
use crate::auth::Principal;
use crate::body::Body;
use crate::error::ApiError;
use crate::query::Query;

/// The query of [`list`].
#[derive(Debug, Deserialize)]
pub struct Page {
    before: Option<Id>,
    #[serde(default)]
    limit: Limit,
}

/// `GET /api/conversations/{id}/notes`: the newest, or those before the note `before`.
///
/// # Errors
///
/// 401, 403; 400 `invalid_query`; 404 for an unknown conversation; 503 while the store can't be
/// reached.
pub async fn list(
    State(app): State<App>,
    principal: Principal,
    Path(conversation): Path<String>,
    Query(page): Query<Page>,
) -> Result<Json<Notes>, ApiError> {
    let member = dispatcher(&app, &principal).await?;
    let conversation = conversation_of(&app, &member, &conversation).await?;
    let Page { before, limit } = page;
    let mut notes = app.database.notes(&member.tenant, &conversation, before.as_ref(), limit.and_one()).await?;
    let more = limit.cut_first(&mut notes);
    Ok(Json(Notes { notes, more }))
}

/// `POST /api/conversations/{id}/notes`: 201, or 200 with the stored note for a repeat.
///
/// # Errors
///
/// 401, 403; 400 `invalid_json`; 404 for an unknown conversation; 422 `invalid`, `too_long`; 503
/// while the store can't be reached.
pub async fn add(
    State(app): State<App>,
    principal: Principal,
    Path(conversation): Path<String>,
    Body(bytes): Body,
) -> Result<(StatusCode, Json<Note>), ApiError> {
    let member = dispatcher(&app, &principal).await?;
    let conversation_id = conversation_of(&app, &member, &conversation).await?;
    let draft: NoteDraft = body(&bytes)?;
    check_content(&draft.content).map_err(|cause| {
        let code = if cause == ContentError::TooLong { "too_long" } else { "invalid" };
        ApiError::invalid(code, cause.to_string())
    })?;
    if Uuid::parse_str(&draft.client_note_id).is_err() {
        return Err(ApiError::invalid("invalid", "clientNoteId must be a UUID"));
    }
    let note = Note {
        note_id: Id::parse(&Uuid::now_v7().to_string()).map_err(|cause| ApiError::internal(&cause))?,
        conversation_id,
        author_id: member.user.clone(),
        author_name: member.name.clone(),
        content: draft.content,
        at: Timestamp::now(),
        client_note_id: draft.client_note_id,
    };
    let (note, new) = app.database.add_note(&member.tenant, &note).await?;
    if !new {
        return Ok((StatusCode::OK, Json(note)));
    }
    app.gateway.tell_dispatch(&member.tenant, "note", &note).await;
    Ok((StatusCode::CREATED, Json(note)))
}
