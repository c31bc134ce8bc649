//! The dispatch team, and who of it looks after which conversation, over HTTP.

use axum::Json;
use axum::extract::{Path, State};
use jiff::Timestamp;
use sally_protocol::team::{Assign, Assignment, Team, TeamMember};

use super::http::{body, conversation_of, dispatcher};
use crate::app::App;
use crate::auth::Principal;
use crate::body::Body;
use crate::error::ApiError;

/// `GET /api/team`: who may look after a conversation, by name.
///
/// # Errors
///
/// 401, 403; 503 while the store can't be reached.
pub async fn team(State(app): State<App>, principal: Principal) -> Result<Json<Team>, ApiError> {
    let member = dispatcher(&app, &principal).await?;
    let users = app.database.users(&member.tenant).await?.into_iter();
    let mut members: Vec<TeamMember> = users
        .filter(|user| user.role.is_dispatch() && !user.disabled)
        .map(|user| TeamMember { user_id: user.id, name: user.name })
        .collect();
    members.sort_by_cached_key(|member| {
        (member.name.as_deref().unwrap_or(member.user_id.as_str()).to_lowercase(), member.user_id.clone())
    });
    Ok(Json(Team { members }))
}

/// `POST /api/conversations/{id}/assign`.
///
/// # Errors
///
/// 401, 403; 400 `invalid_json`; 404 for an unknown conversation; 422 `unknown_assignee` for whoever
/// isn't of the dispatch team; 503 while the store can't be reached.
pub async fn assign(
    State(app): State<App>,
    principal: Principal,
    Path(conversation): Path<String>,
    Body(bytes): Body,
) -> Result<Json<Assignment>, ApiError> {
    let member = dispatcher(&app, &principal).await?;
    let conversation_id = conversation_of(&app, &member, &conversation).await?;
    let to: Assign = body(&bytes)?;
    let assignee = match &to.user_id {
        None => None,
        Some(user) => {
            let known = app.database.user(&member.tenant, user).await?;
            let known = known.filter(|known| known.role.is_dispatch() && !known.disabled);
            let unknown = || ApiError::invalid("unknown_assignee", "\"userId\" must be one of the dispatch team");
            Some(known.ok_or_else(unknown)?)
        }
    };
    app.database.assign(&member.tenant, &conversation_id, to.user_id.as_ref()).await?;
    let assignment = Assignment {
        conversation_id,
        assignee_id: to.user_id,
        assignee_name: assignee.and_then(|assignee| assignee.name),
        assigned_by: member.user,
        at: Timestamp::now(),
    };
    app.gateway.tell_dispatch(&member.tenant, "assignment", &assignment).await;
    Ok(Json(assignment))
}
