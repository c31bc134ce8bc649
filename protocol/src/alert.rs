//! Alerts as they travel in `new_alert`, `alert_updated` and `alert_resolved`.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Id;
use crate::text::words;

words!(
    /// How urgent an alert is, most urgent first. An unknown word reads as medium.
    Priority {
        /// Act now.
        Critical = "critical",
        /// Act soon.
        High = "high",
        /// Act today.
        Medium = "medium",
        /// Know about it.
        Low = "low",
    } else Medium
);

words!(
    /// Where an alert stands. An unknown word reads as active, so that it stays in sight.
    AlertStatus {
        /// Nobody has taken it up.
        Active = "active",
        /// Somebody has taken it up.
        Acknowledged = "acknowledged",
        /// Out of the way until `snoozedUntil`.
        Snoozed = "snoozed",
        /// Ended by a person.
        Resolved = "resolved",
        /// Ended because its cause went away.
        AutoResolved = "auto_resolved",
    } else Active
);

impl AlertStatus {
    /// Whether the alert has ended.
    pub fn is_resolved(self) -> bool {
        matches!(self, Self::Resolved | Self::AutoResolved)
    }
}

/// An alert, as created by `new_alert` and changed by what followed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Alert {
    /// The alert's id.
    pub id: Id,
    /// An open word such as `hos_violation`.
    #[serde(default, rename = "type")]
    pub kind: String,
    /// An open word such as `compliance`.
    #[serde(default)]
    pub category: String,
    /// How urgent it is.
    #[serde(default = "medium")]
    pub priority: Priority,
    /// Where it stands.
    #[serde(default = "active")]
    pub status: AlertStatus,
    /// One line.
    #[serde(default)]
    pub title: String,
    /// The whole story, in a sentence or two.
    #[serde(default)]
    pub message: String,
    /// Whom it concerns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub driver_id: Option<Id>,
    /// That driver's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub driver_name: Option<String>,
    /// The vehicle's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vehicle_id: Option<Id>,
    /// The number painted on the truck.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vehicle_unit: Option<String>,
    /// The route it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route_plan_id: Option<Id>,
    /// What a dispatcher would do next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recommended_action: Option<String>,
    /// Alerts with one key tell one story.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_key: Option<String>,
    /// The alert this one follows from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_alert_id: Option<Id>,
    /// How many times it was escalated.
    #[serde(default)]
    pub escalation_level: u32,
    /// Whatever the publisher adds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Value>,
    /// When it came up; `None` when the publisher sent no valid time.
    #[serde(default, deserialize_with = "lenient_time", skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Timestamp>,
    /// What has happened to it since.
    #[serde(flatten)]
    pub state: AlertState,
}

/// The changeable part of an alert beside its status.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AlertState {
    /// Who has taken it up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledged_by: Option<String>,
    /// When.
    #[serde(default, deserialize_with = "lenient_time", skip_serializing_if = "Option::is_none")]
    pub acknowledged_at: Option<Timestamp>,
    /// When it comes back.
    #[serde(default, deserialize_with = "lenient_time", skip_serializing_if = "Option::is_none")]
    pub snoozed_until: Option<Timestamp>,
    /// Who is to deal with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assigned_to: Option<String>,
    /// The newest note.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// When it ended.
    #[serde(default, deserialize_with = "lenient_time", skip_serializing_if = "Option::is_none")]
    pub resolved_at: Option<Timestamp>,
    /// Who ended it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolved_by: Option<String>,
    /// How it was ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolution: Option<String>,
}

/// The `alert` object of `alert_updated`: the id, and all changeable fields.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AlertUpdate {
    /// The alert's id.
    pub id: Id,
    /// Whom it concerns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub driver_id: Option<Id>,
    /// Where it stands now.
    #[serde(default = "active")]
    pub status: AlertStatus,
    /// How many times it was escalated.
    #[serde(default)]
    pub escalation_level: u32,
    /// The other changeable fields; an absent one is unset.
    #[serde(flatten)]
    pub state: AlertState,
}

/// The `alert` object of `alert_resolved`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AlertResolution {
    /// The alert's id.
    pub id: Id,
    /// Whom it concerns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub driver_id: Option<Id>,
    /// `resolved` or `auto_resolved`.
    #[serde(default = "resolved")]
    pub status: AlertStatus,
    /// When it ended.
    #[serde(default, deserialize_with = "lenient_time", skip_serializing_if = "Option::is_none")]
    pub resolved_at: Option<Timestamp>,
    /// Who ended it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolved_by: Option<String>,
    /// How it was ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolution: Option<String>,
}

fn medium() -> Priority {
    Priority::Medium
}

fn active() -> AlertStatus {
    AlertStatus::Active
}

fn resolved() -> AlertStatus {
    AlertStatus::Resolved
}

/// A time that isn't RFC 3339 costs that one field, not the whole alert: publishers are many, and
/// a dispatcher must see what they meant.
pub(crate) fn lenient_time<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    let value = Option::<Value>::deserialize(deserializer)?;
    Ok(value.as_ref().and_then(Value::as_str).and_then(|text| text.parse().ok()))
}
