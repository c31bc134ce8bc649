//! `POST /api/alerts/{id}/{action}`: what a dispatcher does with an alert.
//!
//! An alert is what its events say, so an action reads the alert from the compacted log, checks
//! the step against its state, and appends the event that carries the new state. One task takes
//! one action at a time: two that meet see each other's outcome.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use jiff::Timestamp;
use sally_protocol::alert::{Alert, AlertStatus};
use sally_protocol::stream::Frame;
use sally_protocol::{Board, Id, Role};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};
use tokio_util::task::TaskTracker;

use crate::app::App;
use crate::auth::{Member, Principal};
use crate::error::ApiError;
use crate::ingest::{Ingest, PublishError};
use crate::log::{Log, LogError};

/// How many actions may wait; more wait outside.
const QUEUE: usize = 256;

/// The longest note or resolution, in characters.
const MAX_TEXT_CHARS: usize = 2_000;

/// What is done with an alert.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Action {
    Acknowledge,
    Unacknowledge,
    Assign(Option<Id>),
    Note(String),
    Resolve(Option<String>),
    Reopen,
}

/// The body of a request; each action looks at its own field.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Details {
    assigned_to: Option<Id>,
    note: Option<String>,
    resolution: Option<String>,
}

/// Why an action wasn't done.
#[derive(Debug, thiserror::Error)]
enum ActionError {
    #[error("no such alert")]
    Unknown,
    #[error("a driver may acknowledge their own alerts only")]
    Forbidden,
    #[error("the alert is {}", .0.as_str())]
    WrongState(AlertStatus),
    #[error(transparent)]
    Log(#[from] LogError),
    #[error(transparent)]
    Publish(#[from] PublishError),
}

impl From<ActionError> for ApiError {
    fn from(error: ActionError) -> Self {
        match error {
            ActionError::Unknown => Self::not_found(),
            ActionError::Forbidden => Self::forbidden(),
            ActionError::WrongState(_) => Self::conflict("wrong_state", error.to_string()),
            ActionError::Log(error) => error.into(),
            ActionError::Publish(error) => error.into(),
        }
    }
}

struct Request {
    member: Member,
    alert: Id,
    action: Action,
    reply: oneshot::Sender<Result<Value, ActionError>>,
}

/// Takes actions; a cheap clone.
#[derive(Clone)]
pub struct Alerts {
    requests: mpsc::Sender<Request>,
}

impl Alerts {
    /// Starts the task on `tasks`. It ends when the last clone is dropped.
    pub fn start(log: std::sync::Arc<dyn Log>, ingest: Ingest, tasks: &TaskTracker) -> Self {
        let (requests, mut queue) = mpsc::channel::<Request>(QUEUE);
        tasks.spawn(async move {
            while let Some(Request { member, alert, action, reply }) = queue.recv().await {
                let done = act(&*log, &ingest, &member, &alert, &action).await;
                // A caller who has stopped waiting finds the outcome on the stream.
                let _ = reply.send(done);
            }
        });
        Self { requests }
    }
}

/// Does one action and answers the alert as it is now.
///
/// # Errors
///
/// 403 for roles that may not, 404 for an alert that isn't the tenant's, 409 `wrong_state` with
/// the state for a step that it forbids, 422 for a body that the action can't use.
pub async fn act_on(
    State(app): State<App>,
    principal: Principal,
    Path((alert, action)): Path<(String, String)>,
    body: Bytes,
) -> Result<Json<Value>, ApiError> {
    let member = app.admit(&principal, None).await?;
    if member.role == Role::Service {
        return Err(ApiError::forbidden());
    }
    let alert = Id::parse(&alert).map_err(|_| ApiError::not_found())?;
    let details = match body.is_empty() {
        true => Details::default(),
        false => {
            serde_json::from_slice(&body).map_err(|error| ApiError::bad_request("invalid_json", error.to_string()))?
        }
    };
    let action = read_action(&action, details)?;
    let (reply, answer) = oneshot::channel();
    let request = Request { member, alert, action, reply };
    app.alerts.requests.send(request).await.map_err(|_| ApiError::unavailable())?;
    Ok(Json(answer.await.map_err(|_| ApiError::unavailable())??))
}

fn read_action(name: &str, details: Details) -> Result<Action, ApiError> {
    let check = |text: Option<String>| match text {
        Some(text) if text.chars().count() > MAX_TEXT_CHARS => {
            Err(ApiError::invalid("too_long", format!("at most {MAX_TEXT_CHARS} characters")))
        }
        text => Ok(text.filter(|text| !text.trim().is_empty())),
    };
    Ok(match name {
        "acknowledge" => Action::Acknowledge,
        "unacknowledge" => Action::Unacknowledge,
        "assign" => Action::Assign(details.assigned_to),
        "note" => Action::Note(
            check(details.note)?.ok_or_else(|| ApiError::invalid("note_required", "a note needs some text"))?,
        ),
        "resolve" => Action::Resolve(check(details.resolution)?),
        "reopen" => Action::Reopen,
        _ => return Err(ApiError::not_found()),
    })
}

async fn act(log: &dyn Log, ingest: &Ingest, member: &Member, id: &Id, action: &Action) -> Result<Value, ActionError> {
    let mut board = Board::default();
    for event in log.entity(&member.tenant, &format!("alert:{id}")).await? {
        if let Ok(data) = serde_json::from_str::<Value>(&event.json)
            && let Some(kind) = data.get("type").and_then(Value::as_str).map(str::to_owned)
        {
            board.apply(&Frame::Event { kind, data });
        }
    }
    let alert = board.alerts.remove(id).ok_or(ActionError::Unknown)?;
    if member.role == Role::Driver {
        // Somebody else's alert is to a driver as if there were none.
        if alert.driver_id.as_ref() != Some(&member.driver) {
            return Err(ActionError::Unknown);
        }
        if *action != Action::Acknowledge {
            return Err(ActionError::Forbidden);
        }
    }
    let event = event(alert, member, action, Timestamp::now())?;
    ingest.publish(&member.tenant, &event).await?;
    Ok(event["alert"].clone())
}

/// The event that an action leads to, or the state that forbids it.
fn event(mut alert: Alert, member: &Member, action: &Action, now: Timestamp) -> Result<Value, ActionError> {
    let by = member.name.clone().unwrap_or_else(|| member.user.to_string());
    let wrong_state = Err(ActionError::WrongState(alert.status));
    match action {
        Action::Acknowledge if alert.status == AlertStatus::Active => {
            alert.status = AlertStatus::Acknowledged;
            alert.state.acknowledged_by = Some(by);
            alert.state.acknowledged_at = Some(now);
        }
        Action::Unacknowledge if alert.status == AlertStatus::Acknowledged => {
            alert.status = AlertStatus::Active;
            alert.state.acknowledged_by = None;
            alert.state.acknowledged_at = None;
        }
        Action::Assign(to) if !alert.status.is_resolved() => {
            alert.state.assigned_to = to.as_ref().map(Id::to_string);
        }
        Action::Note(note) => alert.state.note = Some(note.clone()),
        Action::Resolve(resolution) if !alert.status.is_resolved() => {
            let mut resolved = json!({
                "id": alert.id,
                "status": AlertStatus::Resolved,
                "resolvedAt": now,
                "resolvedBy": by,
            });
            if let Some(driver) = &alert.driver_id {
                resolved["driverId"] = json!(driver);
            }
            if let Some(resolution) = resolution {
                resolved["resolution"] = json!(resolution);
            }
            return Ok(json!({ "type": "alert_resolved", "alert": resolved }));
        }
        Action::Reopen if alert.status.is_resolved() => {
            alert.status = AlertStatus::Active;
            alert.state = sally_protocol::alert::AlertState {
                assigned_to: alert.state.assigned_to,
                note: alert.state.note,
                ..Default::default()
            };
        }
        _ => return wrong_state,
    }
    let mut updated = json!(alert.state);
    updated["id"] = json!(alert.id);
    updated["status"] = json!(alert.status);
    updated["escalationLevel"] = json!(alert.escalation_level);
    if let Some(driver) = &alert.driver_id {
        updated["driverId"] = json!(driver);
    }
    Ok(json!({ "type": "alert_updated", "alert": updated }))
}
