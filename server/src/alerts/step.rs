//! What may be done with an alert, and the event that it leads to.

use jiff::Timestamp;
use sally_protocol::Id;
use sally_protocol::alert::{Alert, AlertState, AlertStatus};
use serde::Deserialize;
use serde_json::{Value, json};

use super::ActionError;
use crate::error::ApiError;

/// The longest note or resolution, in characters.
const MAX_TEXT_CHARS: usize = 2_000;

/// For how many minutes an alert may be snoozed.
const SNOOZE_MINUTES: std::ops::RangeInclusive<i64> = 5..=480;

/// What is done with an alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Action {
    Acknowledge,
    Unacknowledge,
    Snooze { minutes: i64 },
    Assign(Option<Id>),
    Note(String),
    Resolve(Option<String>),
    Reopen,
}

/// What an action needs to know; each looks at its own field.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Details {
    minutes: Option<i64>,
    assigned_to: Option<Id>,
    note: Option<String>,
    resolution: Option<String>,
}

impl Action {
    /// The action of this name.
    ///
    /// # Errors
    ///
    /// 404 for a name that there isn't; 422 `minutes_required`, `invalid_minutes`, `note_required`,
    /// `too_long`.
    pub(super) fn read(name: &str, details: Details) -> Result<Self, ApiError> {
        let check = |text: Option<String>| match text {
            Some(text) if text.chars().count() > MAX_TEXT_CHARS => {
                Err(ApiError::invalid("too_long", format!("at most {MAX_TEXT_CHARS} characters")))
            }
            text => Ok(text.filter(|text| !text.trim().is_empty())),
        };
        Ok(match name {
            "acknowledge" => Self::Acknowledge,
            "unacknowledge" => Self::Unacknowledge,
            "snooze" => Self::Snooze { minutes: snooze_minutes(details.minutes)? },
            "assign" => Self::Assign(details.assigned_to),
            "note" => Self::Note(
                check(details.note)?.ok_or_else(|| ApiError::invalid("note_required", "a note needs some text"))?,
            ),
            "resolve" => Self::Resolve(check(details.resolution)?),
            "reopen" => Self::Reopen,
            _ => return Err(ApiError::not_found()),
        })
    }
}

fn snooze_minutes(minutes: Option<i64>) -> Result<i64, ApiError> {
    let (least, most) = (SNOOZE_MINUTES.start(), SNOOZE_MINUTES.end());
    let minutes = minutes.ok_or_else(|| ApiError::invalid("minutes_required", "say for how many \"minutes\""))?;
    match SNOOZE_MINUTES.contains(&minutes) {
        true => Ok(minutes),
        false => {
            Err(ApiError::invalid("invalid_minutes", format!("an alert is snoozed for {least} to {most} minutes")))
        }
    }
}

/// What an action leads to.
pub(super) struct Step {
    /// The event that carries the alert's new state.
    pub(super) event: Value,
    /// When the alert comes back, where it is snoozed.
    pub(super) wakes_at: Option<Timestamp>,
}

/// When an alert that is snoozed now comes back, to a millisecond.
fn wakes_at(now: Timestamp, minutes: i64) -> Timestamp {
    Timestamp::from_millisecond(now.as_millisecond() + minutes * 60_000).unwrap_or(now)
}

/// The step that an action is.
///
/// # Errors
///
/// The state that forbids it.
pub(super) fn step(mut alert: Alert, by: String, action: &Action, now: Timestamp) -> Result<Step, ActionError> {
    use AlertStatus::{Acknowledged, Active, Snoozed};

    match (action, alert.status) {
        (Action::Acknowledge, Active) => {
            alert.status = Acknowledged;
            alert.state.acknowledged_by = Some(by);
            alert.state.acknowledged_at = Some(now);
        }
        (Action::Unacknowledge, Acknowledged) => {
            alert.status = Active;
            alert.state.acknowledged_by = None;
            alert.state.acknowledged_at = None;
        }
        (Action::Snooze { minutes }, Active | Acknowledged) => {
            alert.status = Snoozed;
            alert.state.snoozed_until = Some(wakes_at(now, *minutes));
            return Ok(Step { event: updated(&alert), wakes_at: alert.state.snoozed_until });
        }
        (Action::Assign(to), status) if !status.is_resolved() => {
            alert.state.assigned_to = to.as_ref().map(Id::to_string);
        }
        (Action::Note(note), _) => alert.state.note = Some(note.clone()),
        (Action::Resolve(resolution), status) if !status.is_resolved() => {
            return Ok(Step { event: resolved(&alert, by, resolution.as_deref(), now), wakes_at: None });
        }
        (Action::Reopen, status) if status.is_resolved() => alert = active_again(alert),
        (_, status) => return Err(ActionError::WrongState(status)),
    }
    Ok(Step { event: updated(&alert), wakes_at: None })
}

/// What becomes of a snoozed alert whose time was noted to be now.
#[derive(Debug, PartialEq)]
pub(super) enum Waking {
    /// It isn't snoozed any more.
    Awake,
    /// It comes back by this event. Several nodes may find it due: its id makes it one.
    Now(Value),
    /// It was made to sleep until then.
    Later(Timestamp),
}

/// See [`Waking`]. A publisher may have written the time less exactly than it was noted.
pub(super) fn waking(alert: Alert, noted: Timestamp) -> Waking {
    let until = match (alert.status, alert.state.snoozed_until) {
        (AlertStatus::Snoozed, Some(until)) => until.as_millisecond(),
        _ => return Waking::Awake,
    };
    if until > noted.as_millisecond() {
        return Timestamp::from_millisecond(until).map_or(Waking::Awake, Waking::Later);
    }
    let id = format!("wake:{}:{until}", alert.id);
    let mut event = updated(&active_again(alert));
    event["eventId"] = json!(id);
    Waking::Now(event)
}

/// The alert as one that nobody has taken up; who is to deal with it and the note stay.
fn active_again(alert: Alert) -> Alert {
    let AlertState { assigned_to, note, .. } = alert.state;
    Alert { status: AlertStatus::Active, state: AlertState { assigned_to, note, ..Default::default() }, ..alert }
}

fn updated(alert: &Alert) -> Value {
    let mut updated = json!(alert.state);
    updated["id"] = json!(alert.id);
    updated["status"] = json!(alert.status);
    updated["escalationLevel"] = json!(alert.escalation_level);
    if let Some(driver) = &alert.driver_id {
        updated["driverId"] = json!(driver);
    }
    json!({ "type": "alert_updated", "alert": updated })
}

fn resolved(alert: &Alert, by: String, resolution: Option<&str>, now: Timestamp) -> Value {
    let mut resolved = json!({ "id": alert.id, "status": AlertStatus::Resolved, "resolvedAt": now, "resolvedBy": by });
    if let Some(driver) = &alert.driver_id {
        resolved["driverId"] = json!(driver);
    }
    if let Some(resolution) = resolution {
        resolved["resolution"] = json!(resolution);
    }
    json!({ "type": "alert_resolved", "alert": resolved })
}

#[cfg(test)]
mod tests {
    use serde_json::from_value;

    use super::*;

    fn snoozed(until: &str) -> Alert {
        from_value(json!({ "id": "a1", "status": "snoozed", "snoozedUntil": until, "acknowledgedBy": "Ann" }))
            .expect("an alert")
    }

    #[test]
    fn an_alert_comes_back_by_one_event_whoever_says_so() {
        let until: Timestamp = "2026-11-24T10:00:00.250Z".parse().expect("a time");
        let event = |id: &str| {
            let alert = json!({ "id": "a1", "status": "active", "escalationLevel": 0 });
            Waking::Now(json!({ "type": "alert_updated", "alert": alert, "eventId": id }))
        };
        for exact in ["2026-11-24T10:00:00.250Z", "2026-11-24T10:00:00.250000Z"] {
            assert_eq!(waking(snoozed(exact), until), event("wake:a1:1795514400250"));
        }
        assert_eq!(waking(snoozed("2026-11-24T10:00:00Z"), until), event("wake:a1:1795514400000"));
        let later = "2026-11-24T10:05:00Z";
        assert_eq!(waking(snoozed(later), until), Waking::Later(later.parse().expect("a time")));
        let resolved = Alert { status: AlertStatus::Resolved, ..snoozed("2026-11-24T10:00:00.250Z") };
        assert_eq!(waking(resolved, until), Waking::Awake);
    }
}
