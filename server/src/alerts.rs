//! What a dispatcher does with alerts, and what has happened to one.
//!
//! An alert is what its events say, so an action reads the alert from the compacted log, checks
//! the step against its state, and appends the event that carries the new state, if nothing has
//! happened to the alert meanwhile. If something has, at another node or by its publisher, the action
//! is taken anew: two that meet see each other's outcome.
//!
//! # Layout
//!
//! - here: `POST /api/alerts/{id}/{action}` and `POST /api/alerts/bulk`, and the task.
//! - [`step`]: what may be done, and the event that it leads to.
//! - [`waking`]: snoozed alerts that come back.
//! - [`history`]: `GET /api/alerts/{id}`.

pub mod history;
mod step;
#[cfg(test)]
mod tests;
mod waking;

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use jiff::Timestamp;
use sally_protocol::alert::{Alert, AlertStatus};
use sally_protocol::entity::Reader;
use sally_protocol::stream::Frame;
use sally_protocol::{Board, Id, Problem, Role, Tenant};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::app::App;
use crate::auth::{Member, Principal};
use crate::error::ApiError;
use crate::ingest::{Ingest, PublishError};
use crate::log::{CompactedEvent, Log, LogError};
use crate::store::snoozes::Snooze;
use crate::store::{Database, StoreError};
use step::{Action, Details, Step, Waking};

/// How often an action is tried on an alert to which something else happens meanwhile.
const TRIES: usize = 16;

/// How many tasks take actions, each those of its tenants one at a time: a tenant whose log doesn't answer
/// holds up few others.
const LANES: usize = 32;

/// How many actions may wait for each; more wait outside.
const QUEUE: usize = 64;

/// How many histories are put together at a time: each reads what the log holds of its tenant.
const HISTORIES: usize = 2;

/// The largest body of a request.
pub const MAX_BODY_BYTES: usize = 256 * 1024;

/// How many alerts one request may name.
const MAX_BULK: usize = 500;

/// Why an action wasn't done.
#[derive(Debug, thiserror::Error)]
enum ActionError {
    #[error("no such alert")]
    Unknown,
    #[error("a driver may acknowledge their own alerts only")]
    Forbidden,
    #[error("the alert is {}", .0.as_str())]
    WrongState(AlertStatus),
    #[error("too much happens to the alert at once")]
    Overtaken,
    #[error("the server is shutting down")]
    Stopped,
    #[error(transparent)]
    Log(#[from] LogError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Publish(#[from] PublishError),
}

impl From<ActionError> for ApiError {
    fn from(error: ActionError) -> Self {
        match error {
            ActionError::Unknown => Self::not_found(),
            ActionError::Forbidden => Self::forbidden(),
            ActionError::WrongState(status) => {
                Self::conflict("wrong_state", error.to_string()).in_state(status.as_str())
            }
            ActionError::Overtaken | ActionError::Stopped => Self::unavailable(),
            ActionError::Log(error) => error.into(),
            ActionError::Store(error) => error.into(),
            ActionError::Publish(error) => error.into(),
        }
    }
}

type Reply<T> = oneshot::Sender<Result<T, ActionError>>;

enum Request {
    Act { member: Member, alert: Id, action: Action, reply: Reply<Value> },
    Wake { snooze: Snooze, reply: Reply<()> },
}

/// Takes actions; a cheap clone.
#[derive(Clone)]
pub struct Alerts {
    lanes: Arc<[mpsc::Sender<Request>]>,
    histories: Arc<Semaphore>,
}

impl Alerts {
    /// Starts the tasks on `tasks`, and the one that lets snoozed alerts come back until `stop`. The
    /// others end when the last clone is dropped.
    pub fn start(
        database: Database,
        log: Arc<dyn Log>,
        ingest: Ingest,
        stop: CancellationToken,
        tasks: &TaskTracker,
    ) -> Self {
        let worker = Worker { database: database.clone(), log, ingest };
        let lane = |_| {
            let (requests, queue) = mpsc::channel::<Request>(QUEUE);
            tasks.spawn(worker.clone().run(queue));
            requests
        };
        let alerts = Self { lanes: (0..LANES).map(lane).collect(), histories: Arc::new(Semaphore::new(HISTORIES)) };
        tasks.spawn(waking::run(alerts.clone(), database, stop));
        alerts
    }

    async fn act(&self, member: Member, alert: Id, action: Action) -> Result<Value, ActionError> {
        let tenant = member.tenant.clone();
        self.ask(&tenant, |reply| Request::Act { member, alert, action, reply }).await
    }

    /// Lets an alert come back, should it still be snoozed until then.
    async fn wake(&self, snooze: Snooze) -> Result<(), ActionError> {
        let tenant = snooze.tenant.clone();
        self.ask(&tenant, |reply| Request::Wake { snooze, reply }).await
    }

    async fn ask<T>(&self, tenant: &Tenant, request: impl FnOnce(Reply<T>) -> Request) -> Result<T, ActionError> {
        let (reply, answer) = oneshot::channel();
        let mut hasher = DefaultHasher::new();
        tenant.hash(&mut hasher);
        let lane = &self.lanes[hasher.finish() as usize % LANES];
        lane.send(request(reply)).await.map_err(|_| ActionError::Stopped)?;
        answer.await.map_err(|_| ActionError::Stopped)?
    }
}

#[derive(Clone)]
struct Worker {
    database: Database,
    log: Arc<dyn Log>,
    ingest: Ingest,
}

impl Worker {
    async fn run(self, mut queue: mpsc::Receiver<Request>) {
        while let Some(request) = queue.recv().await {
            // A caller who has stopped waiting finds the outcome on the stream.
            match request {
                Request::Act { member, alert, action, reply } => {
                    drop(reply.send(self.act(&member, &alert, &action).await));
                }
                Request::Wake { snooze, reply } => drop(reply.send(self.wake(&snooze).await)),
            }
        }
    }

    async fn act(&self, member: &Member, id: &Id, action: &Action) -> Result<Value, ActionError> {
        let by = member.name.clone().unwrap_or_else(|| member.user.to_string());
        for _ in 0..TRIES {
            let Kept { alert, newest, .. } = read(&*self.log, &member.tenant, id).await?;
            let alert = seen(alert, member)?;
            if member.role == Role::Driver && *action != Action::Acknowledge {
                return Err(ActionError::Forbidden);
            }
            let Step { event, wakes_at } = step::step(alert, by.clone(), action, Timestamp::now())?;
            if let Some(wakes_at) = wakes_at {
                // First, since a row without a snoozed alert does nothing, and an alert without one sleeps on.
                self.database.snooze(&Snooze { tenant: member.tenant.clone(), alert: id.clone(), wakes_at }).await?;
            }
            if self.ingest.publish_after(&member.tenant, &event, newest).await? {
                return Ok(event["alert"].clone());
            }
        }
        Err(ActionError::Overtaken)
    }

    async fn wake(&self, Snooze { tenant, alert: id, wakes_at }: &Snooze) -> Result<(), ActionError> {
        for _ in 0..TRIES {
            let Kept { alert, newest, .. } = match read(&*self.log, tenant, id).await {
                Ok(kept) => kept,
                // It has left the log since.
                Err(ActionError::Unknown) => return Ok(()),
                Err(error) => return Err(error),
            };
            match step::waking(alert, *wakes_at) {
                Waking::Awake => return Ok(()),
                Waking::Now(event) => {
                    if self.ingest.publish_after(tenant, &event, newest).await? {
                        return Ok(());
                    }
                }
                Waking::Later(wakes_at) => {
                    return Ok(self
                        .database
                        .snooze(&Snooze { tenant: tenant.clone(), alert: id.clone(), wakes_at })
                        .await?);
                }
            }
        }
        Err(ActionError::Overtaken)
    }
}

/// An event, and which drivers may see it.
struct Addressed {
    readers: Vec<Reader>,
    event: Value,
}

/// What the compacted log has kept of an alert.
struct Kept {
    /// The alert as its events say it is.
    alert: Alert,
    events: Vec<Addressed>,
    /// Where the newest of them stands.
    newest: u64,
}

async fn read(log: &dyn Log, tenant: &Tenant, id: &Id) -> Result<Kept, ActionError> {
    let stored = log.entity(tenant, &format!("alert:{id}")).await?;
    let newest = stored.last().map_or(0, |last| last.offset);
    let events: Vec<Addressed> = stored
        .into_iter()
        .filter_map(|CompactedEvent { readers, json, .. }| {
            Some(Addressed { readers, event: serde_json::from_str(&json).ok()? })
        })
        .collect();
    let mut board = Board::default();
    for Addressed { event, .. } in &events {
        if let Some(kind) = event.get("type").and_then(Value::as_str).map(str::to_owned) {
            board.apply(&Frame::Event { kind, data: event.clone() });
        }
    }
    let alert = board.alerts.remove(id).ok_or(ActionError::Unknown)?;
    Ok(Kept { alert, events, newest })
}

/// The alert, to whom it may be seen by: somebody else's is to a driver as if there were none.
fn seen(alert: Alert, member: &Member) -> Result<Alert, ActionError> {
    match member.role == Role::Driver && alert.driver_id.as_ref() != Some(&member.driver) {
        true => Err(ActionError::Unknown),
        false => Ok(alert),
    }
}

/// `POST /api/alerts/{id}/{action}`: does one action and answers the alert as it is now.
///
/// # Errors
///
/// 403 for roles that may not, 404 for an alert that isn't the tenant's, 409 `wrong_state` with
/// the `state` for a step that it forbids, 422 for a body that the action can't use.
pub async fn act_on(
    State(app): State<App>,
    principal: Principal,
    Path((alert, action)): Path<(String, String)>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Value>, ApiError> {
    let member = actor(&app, &principal).await?;
    let body = body?;
    let alert = Id::parse(&alert).map_err(|_| ApiError::not_found())?;
    let details = if body.is_empty() { Details::default() } else { from_body(&body)? };
    let action = Action::read(&action, details)?;
    Ok(Json(app.alerts.act(member, alert, action).await?))
}

/// The body of [`act_on_many`].
#[derive(Debug, Deserialize)]
struct Bulk {
    ids: Vec<String>,
    action: String,
    #[serde(flatten)]
    details: Details,
}

/// What became of one of many alerts.
#[derive(Debug, Serialize)]
struct Outcome {
    id: String,
    /// The alert as it is now, where the action was done.
    #[serde(skip_serializing_if = "Option::is_none")]
    alert: Option<Value>,
    /// Why it wasn't, else.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Problem>,
}

/// The answer of [`act_on_many`].
#[derive(Debug, Serialize)]
pub struct Outcomes {
    results: Vec<Outcome>,
}

/// `POST /api/alerts/bulk`: does one action on up to 500 alerts, on each by itself and in their order,
/// and answers what became of each.
///
/// # Errors
///
/// 403 for roles that may not, 404 for an unknown action, 422 `invalid_ids` for none or too many, and for a
/// body that the action can't use. That an alert is unknown or forbids the step is said in its own result.
pub async fn act_on_many(
    State(app): State<App>,
    principal: Principal,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Outcomes>, ApiError> {
    let member = actor(&app, &principal).await?;
    let body = body?;
    let Bulk { ids, action, details } = from_body(&body)?;
    if ids.is_empty() || ids.len() > MAX_BULK {
        return Err(ApiError::invalid("invalid_ids", format!("name 1 to {MAX_BULK} alerts")));
    }
    let action = Action::read(&action, details)?;
    let mut results: Vec<Outcome> = Vec::with_capacity(ids.len());
    let mut outage: Option<Problem> = None;
    for id in ids {
        let done = match (&outage, Id::parse(&id)) {
            (Some(outage), _) => Err(outage.clone()),
            (None, Ok(alert)) => {
                let done = app.alerts.act(member.clone(), alert, action.clone()).await;
                done.map_err(|error| ApiError::from(error).into_problem())
            }
            (None, Err(_)) => Err(ApiError::not_found().into_problem()),
        };
        // What can't be reached for one can't for the next; nobody waits for it five hundred times.
        outage = done.as_ref().err().filter(|problem| problem.status >= 500).cloned();
        results.push(match done {
            Ok(alert) => Outcome { id, alert: Some(alert), error: None },
            Err(problem) => Outcome { id, alert: None, error: Some(problem) },
        });
    }
    Ok(Json(Outcomes { results }))
}

async fn actor(app: &App, principal: &Principal) -> Result<Member, ApiError> {
    let member = app.admit(principal, None).await?;
    if member.role == Role::Service { Err(ApiError::forbidden()) } else { Ok(member) }
}

fn from_body<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    serde_json::from_slice(body).map_err(|error| ApiError::bad_request("invalid_json", error.to_string()))
}
