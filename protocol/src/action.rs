//! What a dispatcher does to alerts: `POST /api/alerts/{id}/{action}` and `POST /api/alerts/bulk`.

use serde::{Deserialize, Serialize};

use crate::alert::AlertStatus;
use crate::{Id, Problem};

/// The most alerts that one request acts on.
pub const MAX_BULK: usize = 500;

/// What is done to an alert. As JSON it is `action` with the action's own fields beside it, as the
/// body of a bulk request has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub enum AlertAction {
    /// Takes it up.
    Acknowledge,
    /// Takes that back.
    Unacknowledge,
    /// Puts it out of the way for a while.
    Snooze {
        /// For how many minutes, 5 to 480.
        minutes: u32,
    },
    /// Says who is to deal with it.
    Assign {
        /// One of the dispatch team; nobody when `None`.
        assigned_to: Option<Id>,
    },
    /// Ends it.
    Resolve,
    /// Begins it anew.
    Reopen,
}

impl AlertAction {
    /// Its word in the path.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Acknowledge => "acknowledge",
            Self::Unacknowledge => "unacknowledge",
            Self::Snooze { .. } => "snooze",
            Self::Assign { .. } => "assign",
            Self::Resolve => "resolve",
            Self::Reopen => "reopen",
        }
    }

    /// Whether the server takes this step for an alert that stands so.
    pub fn is_allowed(&self, status: AlertStatus) -> bool {
        match self {
            Self::Acknowledge => status == AlertStatus::Active,
            Self::Unacknowledge => status == AlertStatus::Acknowledged,
            Self::Snooze { .. } => matches!(status, AlertStatus::Active | AlertStatus::Acknowledged),
            Self::Assign { .. } | Self::Resolve => !status.is_resolved(),
            Self::Reopen => status.is_resolved(),
        }
    }
}

/// What became of one alert of a bulk request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActionOutcome {
    /// The alert.
    pub id: Id,
    /// Why nothing was done to it; `None` where it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Problem>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_action_is_written_as_the_body_of_a_request() {
        let written = |action: AlertAction| serde_json::to_value(action).expect("JSON");
        let nobody = AlertAction::Assign { assigned_to: None };
        assert_eq!(written(AlertAction::Snooze { minutes: 30 }), json!({ "action": "snooze", "minutes": 30 }));
        assert_eq!(written(nobody), json!({ "action": "assign", "assignedTo": null }));
        for action in [AlertAction::Acknowledge, AlertAction::Unacknowledge, AlertAction::Resolve, AlertAction::Reopen]
        {
            assert_eq!(written(action.clone()), json!({ "action": action.word() }));
        }
    }

    #[test]
    fn an_ended_alert_is_only_begun_anew() {
        for status in [AlertStatus::Resolved, AlertStatus::AutoResolved] {
            assert!(AlertAction::Reopen.is_allowed(status));
            assert!(!AlertAction::Resolve.is_allowed(status));
            assert!(!AlertAction::Assign { assigned_to: None }.is_allowed(status));
        }
        assert!(!AlertAction::Reopen.is_allowed(AlertStatus::Active));
    }

    #[test]
    fn only_what_was_taken_up_is_given_back() {
        assert!(AlertAction::Unacknowledge.is_allowed(AlertStatus::Acknowledged));
        assert!(!AlertAction::Unacknowledge.is_allowed(AlertStatus::Snoozed));
        assert!(AlertAction::Resolve.is_allowed(AlertStatus::Snoozed));
    }
}
