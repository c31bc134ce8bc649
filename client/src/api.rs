//! The ordinary calls of a session: one method a route.

mod acknowledgements;
mod templates;

use reqwest::Method;
use sally_protocol::action::{ActionOutcome, AlertAction};
use sally_protocol::message::{Conversations, History};
use sally_protocol::search::SearchResults;
use sally_protocol::stream::Snapshot;
use sally_protocol::team::{Assign, Assignment, Note, NoteDraft, Notes, Team};
use sally_protocol::{Id, Tenant};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Error;
use crate::session::Session;

/// What became of one published event.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Published {
    /// Its id: the publisher's, or the one it was given.
    pub event_id: String,
    /// Its place in the log.
    pub cursor: String,
    /// Whether it was there already.
    pub duplicate: bool,
}

#[derive(Serialize)]
struct Publish<'a> {
    events: &'a [Value],
}

#[derive(Serialize)]
struct Bulk<'a> {
    ids: &'a [Id],
    #[serde(flatten)]
    action: &'a AlertAction,
}

#[derive(Deserialize)]
struct Outcomes {
    results: Vec<ActionOutcome>,
}

#[derive(Deserialize)]
struct Accepted {
    results: Vec<Published>,
}

/// All of these fail as an ordinary call does: with the server's [`Error::Problem`], with
/// [`Error::SignedOut`], or with whatever kept the answer away.
impl Session {
    /// `GET /api/snapshot`. Only a service without a tenant of its own names one.
    ///
    /// # Errors
    ///
    /// As any ordinary call.
    pub async fn snapshot(&self, tenant: Option<&Tenant>) -> Result<Snapshot, Error> {
        let tenant: Vec<_> = tenant.map(|tenant| ("tenant", tenant.as_str())).into_iter().collect();
        self.read(self.call(Method::GET, "api/snapshot", |request| request.query(&tenant)).await?).await
    }

    /// `POST /api/events`: all or none, at most 500. The same `idempotency_key` makes a repeat
    /// within ten minutes harmless.
    ///
    /// # Errors
    ///
    /// As any ordinary call; a refused event is a problem with its `index`.
    pub async fn publish(&self, events: &[Value], idempotency_key: Option<&str>) -> Result<Vec<Published>, Error> {
        let answer = self
            .call(Method::POST, "api/events", |request| match idempotency_key {
                Some(key) => request.header("Idempotency-Key", key).json(&Publish { events }),
                None => request.json(&Publish { events }),
            })
            .await?;
        Ok(self.read::<Accepted>(answer).await?.results)
    }

    /// `POST /api/alerts/{id}/{action}`. What it changes arrives as an event.
    ///
    /// # Errors
    ///
    /// As any ordinary call; a step that the alert's state forbids is a 409.
    pub async fn alert_action(&self, alert: &Id, action: &AlertAction) -> Result<(), Error> {
        let path = format!("api/alerts/{alert}/{}", action.word());
        self.call(Method::POST, &path, |request| request.json(action)).await.map(drop)
    }

    /// `POST /api/alerts/bulk`: on 1 to [`MAX_BULK`](sally_protocol::action::MAX_BULK) alerts, in this
    /// order. What became of each is told in the same order.
    ///
    /// # Errors
    ///
    /// As any ordinary call. That a step is forbidden is said in the alert's own outcome.
    pub async fn alert_actions(&self, alerts: &[Id], action: &AlertAction) -> Result<Vec<ActionOutcome>, Error> {
        let answer =
            self.call(Method::POST, "api/alerts/bulk", |request| request.json(&Bulk { ids: alerts, action })).await?;
        Ok(self.read::<Outcomes>(answer).await?.results)
    }

    /// `GET /api/conversations`.
    ///
    /// # Errors
    ///
    /// As any ordinary call.
    pub async fn conversations(&self) -> Result<Conversations, Error> {
        self.read(self.call(Method::GET, "api/conversations", |request| request).await?).await
    }

    /// `GET /api/team`.
    ///
    /// # Errors
    ///
    /// As any ordinary call.
    pub async fn team(&self) -> Result<Team, Error> {
        self.read(self.call(Method::GET, "api/team", |request| request).await?).await
    }

    /// `POST /api/conversations/{id}/assign`: to one of the dispatch team, or to nobody.
    ///
    /// # Errors
    ///
    /// As any ordinary call; anybody who isn't of the team is a 422 `unknown_assignee`.
    pub async fn assign(&self, conversation: &Id, assignee: Option<&Id>) -> Result<Assignment, Error> {
        let path = format!("api/conversations/{conversation}/assign");
        let assign = Assign { user_id: assignee.cloned() };
        self.read(self.call(Method::POST, &path, |request| request.json(&assign)).await?).await
    }

    /// `GET /api/conversations/{id}/notes`: the newest `limit`, or those before the note `before`, in
    /// the order of time.
    ///
    /// # Errors
    ///
    /// As any ordinary call.
    pub async fn notes(&self, conversation: &Id, before: Option<&Id>, limit: usize) -> Result<Notes, Error> {
        let path = format!("api/conversations/{conversation}/notes");
        let before: Vec<_> = before.map(|note| ("before", note.as_str())).into_iter().collect();
        let answer = self.call(Method::GET, &path, |request| request.query(&before).query(&[("limit", limit)])).await?;
        self.read(answer).await
    }

    /// `POST /api/conversations/{id}/notes`: the note as it is stored, also for a repeat.
    ///
    /// # Errors
    ///
    /// As any ordinary call. Whatever kept the answer away, the same draft may be sent again.
    pub async fn add_note(&self, conversation: &Id, draft: &NoteDraft) -> Result<Note, Error> {
        let path = format!("api/conversations/{conversation}/notes");
        self.read(self.call(Method::POST, &path, |request| request.json(draft)).await?).await
    }

    /// `GET /api/conversations/{id}/messages`: the newest `limit` before `before_seq`, ascending.
    ///
    /// # Errors
    ///
    /// As any ordinary call.
    pub async fn history(&self, conversation: &Id, before_seq: Option<u64>, limit: usize) -> Result<History, Error> {
        let path = format!("api/conversations/{conversation}/messages");
        let before: Vec<_> = before_seq.map(|seq| ("beforeSeq", seq)).into_iter().collect();
        let answer = self.call(Method::GET, &path, |request| request.query(&before).query(&[("limit", limit)])).await?;
        self.read(answer).await
    }

    /// `GET /api/search`: the newest `limit` messages with every word of `query`, or those before the
    /// cursor of a message, newest first.
    ///
    /// # Errors
    ///
    /// As any ordinary call; a longer query than [`sally_protocol::search::MAX_QUERY_CHARS`] is a 422.
    pub async fn search(&self, query: &str, before: Option<&str>, limit: usize) -> Result<SearchResults, Error> {
        let before: Vec<_> = before.map(|cursor| ("before", cursor)).into_iter().collect();
        let answer = self
            .call(Method::GET, "api/search", |request| {
                request.query(&[("q", query)]).query(&before).query(&[("limit", limit)])
            })
            .await?;
        self.read(answer).await
    }
}
