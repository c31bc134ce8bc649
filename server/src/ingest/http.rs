//! `POST /api/events`.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use sally_protocol::event::named_tenant;
use sally_protocol::{Tenant, Topic};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

use super::PublishError;
use crate::app::App;
use crate::auth::{Principal, Scope};
use crate::error::ApiError;
use crate::log::Appended;
use crate::query::Query;
use crate::store::answers::Answer;

/// The largest request, in bytes.
pub const MAX_BODY_BYTES: usize = 1 << 20;

/// The most events in one request.
const MAX_EVENTS: usize = 500;

/// The longest `Idempotency-Key`, in bytes.
const MAX_KEY_BYTES: usize = 255;

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(default)]
    topic: Option<String>,
    #[serde(default, borrow)]
    event: Option<&'a RawValue>,
    #[serde(default, borrow)]
    events: Option<Vec<&'a RawValue>>,
}

#[derive(Serialize)]
struct Results {
    results: Vec<Published>,
}

/// What became of one event.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Published {
    event_id: String,
    cursor: String,
    duplicate: bool,
}

/// The query of [`publish`].
#[derive(Deserialize)]
pub struct Named {
    /// The tenant, for a service of any.
    tenant: Option<String>,
}

/// Takes one event or a list of them, all or none, and answers once they are in the log.
///
/// # Errors
///
/// 400 for what isn't such a request, 403 for who may not publish, 413, 422 with the index of the
/// first refused event, 503 while the log can't be reached.
pub async fn publish(
    State(app): State<App>,
    principal: Principal,
    Query(named): Query<Named>,
    headers: HeaderMap,
    body: Result<Bytes, axum::extract::rejection::BytesRejection>,
) -> Result<Response, ApiError> {
    if !principal.role.is_some_and(|role| role.may_publish()) || principal.scope.is_none() {
        return Err(ApiError::forbidden());
    }
    let body = body?;
    let key = idempotency_key(&headers)?;
    let publisher = format!("{}/{}", principal.claims.tenant_id.as_deref().unwrap_or_default(), principal.claims.sub);
    let body_hash = hex(&Sha256::digest(&body));
    if let Some(key) = key
        && let Some(answer) = app.database.publish_answer(&publisher, key, Timestamp::now()).await?
    {
        if answer.body_hash != body_hash {
            return Err(ApiError::invalid("idempotency_mismatch", "this Idempotency-Key came with another body"));
        }
        return Ok(accepted(answer.body));
    }

    let payloads = payloads(&body)?;
    let mut events = Vec::with_capacity(payloads.len());
    for (index, payload) in payloads.iter().enumerate() {
        let payload = payload.get().as_bytes();
        let tenant = tenant(&principal, named.tenant.as_deref(), payload, index)?;
        // With an Idempotency-Key, an event without an id gets one that follows from the key: two
        // requests that race, or a retry of one that died before its answer was remembered, then
        // still count once.
        let fallback_id = key.map(|key| hex(&Sha256::digest(format!("{publisher}/{key}/{index}"))[..16]));
        let event = app
            .ingest
            .check(&tenant, payload, fallback_id)
            .map_err(|rejection| PublishError::Rejected { rejection, index })?;
        events.push((tenant, event));
    }
    let tenants: Vec<Tenant> = events.iter().map(|(tenant, _)| tenant.clone()).collect();
    let appended = app.ingest.append("http", events).await?;
    let results = tenants.iter().zip(appended).map(|(tenant, appended)| published(tenant, appended)).collect();
    let answer = serde_json::to_string(&Results { results }).map_err(|error| ApiError::internal(&error))?;
    if let Some(key) = key {
        let answer = Answer { body_hash, body: answer.clone() };
        // The events are in the log, and their ids make a repeat harmless without this answer.
        if let Err(error) = app.database.remember_answer(&publisher, key, &answer, Timestamp::now()).await {
            tracing::warn!(%error, "an answer could not be remembered");
        }
    }
    Ok(accepted(answer))
}

fn published(tenant: &Tenant, appended: Appended) -> Published {
    Published {
        cursor: appended.position.cursor(tenant).to_string(),
        event_id: appended.event_id,
        duplicate: appended.duplicate,
    }
}

fn accepted(body: String) -> Response {
    (StatusCode::ACCEPTED, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<&str>, ApiError> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    match value.to_str() {
        Ok(key) if !key.is_empty() && key.len() <= MAX_KEY_BYTES => Ok(Some(key)),
        _ => Err(ApiError::bad_request(
            "invalid_idempotency_key",
            format!("an Idempotency-Key has 1 to {MAX_KEY_BYTES} visible ASCII characters"),
        )),
    }
}

fn payloads(body: &[u8]) -> Result<Vec<&RawValue>, ApiError> {
    let body: Body<'_> =
        serde_json::from_slice(body).map_err(|error| ApiError::bad_request("invalid_json", error.to_string()))?;
    if let Some(topic) = body.topic {
        Topic::parse(&topic).map_err(|error| ApiError::invalid("invalid_topic", error.to_string()))?;
    }
    let payloads = match (body.event, body.events) {
        (Some(event), None) => vec![event],
        (None, Some(events)) => events,
        _ => return Err(ApiError::bad_request("invalid_json", "expected either \"event\" or \"events\"")),
    };
    match payloads.len() {
        0 => Err(ApiError::invalid("no_events", "\"events\" is empty")),
        count if count > MAX_EVENTS => {
            Err(ApiError::too_large(format!("a request may have at most {MAX_EVENTS} events, this one has {count}")))
        }
        _ => Ok(payloads),
    }
}

fn tenant(principal: &Principal, named: Option<&str>, payload: &[u8], index: usize) -> Result<Tenant, ApiError> {
    match &principal.scope {
        Some(Scope::One(tenant)) => Ok(tenant.clone()),
        Some(Scope::Any) => named
            .and_then(|named| Tenant::parse(named).ok())
            .or_else(|| named_tenant(payload))
            .ok_or_else(|| PublishError::TenantRequired { index }.into()),
        None => Err(ApiError::forbidden()),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
