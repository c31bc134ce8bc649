//! The tenant's quick replies over HTTP.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use jiff::Timestamp;
use sally_protocol::Id;
use sally_protocol::message::ContentError;
use sally_protocol::team::{MAX_TEMPLATES, Template, TemplateDraft, Templates};
use sally_protocol::template::{TemplateError, check};
use serde::Deserialize;
use serde_json::json;

use super::http::{body, dispatcher};
use crate::app::App;
use crate::auth::{Member, Principal};
use crate::body::Body;
use crate::error::ApiError;
use crate::query::Query;
use crate::store::templates::{Changed, Edit};

/// What tells the dispatch team's apps to ask for the templates again.
const CHANGED: &str = "templates_changed";

/// `GET /api/templates`.
///
/// # Errors
///
/// 401, 403; 503 while the store can't be reached.
pub async fn list(State(app): State<App>, principal: Principal) -> Result<Json<Templates>, ApiError> {
    let member = dispatcher(&app, &principal).await?;
    Ok(Json(Templates { templates: app.database.templates(&member.tenant).await? }))
}

/// `POST /api/templates`.
///
/// # Errors
///
/// 401, 403; 400 `invalid_json`; 409 `too_many_templates`; 422 `invalid_title`, `invalid`,
/// `too_long`, `unknown_placeholder`; 503 while the store can't be reached.
pub async fn add(
    State(app): State<App>,
    principal: Principal,
    Body(bytes): Body,
) -> Result<(StatusCode, Json<Template>), ApiError> {
    let member = dispatcher(&app, &principal).await?;
    let edit = edit(&member, body(&bytes)?)?;
    let Some(template) = app.database.add_template(&member.tenant, &edit).await? else {
        let detail = format!("a tenant may have at most {MAX_TEMPLATES} templates");
        return Err(ApiError::conflict("too_many_templates", detail));
    };
    tell(&app, &member, &template.template_id).await;
    Ok((StatusCode::CREATED, Json(template)))
}

/// `PUT /api/templates/{id}`.
///
/// # Errors
///
/// As [`add`]; 400 `version_required`; 404 for an unknown one; 409 `version_conflict` when somebody
/// else has changed it.
pub async fn change(
    State(app): State<App>,
    principal: Principal,
    Path(template): Path<String>,
    Body(bytes): Body,
) -> Result<Json<Template>, ApiError> {
    let member = dispatcher(&app, &principal).await?;
    let template = Id::parse(&template).map_err(|_| ApiError::not_found())?;
    let draft: TemplateDraft = body(&bytes)?;
    let version = draft
        .version
        .ok_or_else(|| ApiError::bad_request("version_required", "name the \"version\" that was edited"))?;
    let edit = edit(&member, draft)?;
    let changed = done(app.database.change_template(&member.tenant, &template, version, &edit).await?)?;
    tell(&app, &member, &template).await;
    Ok(Json(changed))
}

/// The query of [`remove`].
#[derive(Debug, Deserialize)]
pub struct Seen {
    version: u64,
}

/// `DELETE /api/templates/{id}?version=`.
///
/// # Errors
///
/// 401, 403; 400 `invalid_query` without a version; 404 for an unknown one; 409 `version_conflict`
/// when somebody else has changed it; 503 while the store can't be reached.
pub async fn remove(
    State(app): State<App>,
    principal: Principal,
    Path(template): Path<String>,
    Query(seen): Query<Seen>,
) -> Result<StatusCode, ApiError> {
    let member = dispatcher(&app, &principal).await?;
    let template = Id::parse(&template).map_err(|_| ApiError::not_found())?;
    done(app.database.remove_template(&member.tenant, &template, seen.version).await?)?;
    tell(&app, &member, &template).await;
    Ok(StatusCode::NO_CONTENT)
}

fn edit(member: &Member, draft: TemplateDraft) -> Result<Edit, ApiError> {
    check(&draft.title, &draft.text).map_err(|cause| {
        let code = match cause {
            TemplateError::Title => "invalid_title",
            TemplateError::Text(ContentError::TooLong) => "too_long",
            TemplateError::Text(ContentError::Empty | ContentError::ControlCharacter) => "invalid",
            TemplateError::UnknownPlaceholder(_) => "unknown_placeholder",
        };
        ApiError::invalid(code, cause.to_string())
    })?;
    Ok(Edit { title: draft.title, text: draft.text, by: member.user.clone(), at: Timestamp::now() })
}

fn done<T>(changed: Changed<T>) -> Result<T, ApiError> {
    match changed {
        Changed::Done(done) => Ok(done),
        Changed::Unknown => Err(ApiError::not_found()),
        Changed::Conflict => Err(ApiError::conflict("version_conflict", "somebody else has changed the template")),
    }
}

async fn tell(app: &App, member: &Member, template: &Id) {
    app.gateway.tell_dispatch(&member.tenant, CHANGED, &json!({ "templateId": template })).await;
}
