//! Routes, ETAs and integration syncs as they travel in `route_status`, `eta_update` and
//! `sync_progress`, and the unread notice `message_waiting`.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::Id;
use crate::alert::lenient_time;
use crate::message::MessagePriority;
use crate::text::words;

words!(
    /// Where a route plan stands.
    PlanStatus {
        /// Not yet driven.
        Draft = "draft",
        /// Being driven.
        Active = "active",
        /// Driven.
        Completed = "completed",
        /// Called off.
        Cancelled = "cancelled",
        /// Replaced by another plan.
        Superseded = "superseded",
    } else Active
);

impl PlanStatus {
    /// Whether the plan has ended.
    pub fn is_ended(self) -> bool {
        matches!(self, Self::Completed | Self::Cancelled | Self::Superseded)
    }
}

words!(
    /// How a stop's ETA stands to its appointment.
    EtaStatus {
        /// Inside the window.
        OnTime = "on_time",
        /// Close to its end.
        AtRisk = "at_risk",
        /// Past its end.
        Late = "late",
    } else OnTime
);

words!(
    /// How a sync run stands.
    SyncStatus {
        /// Under way.
        Running = "running",
        /// Done.
        Success = "success",
        /// Ended by an error.
        Failed = "failed",
    } else Running
);

/// A position in degrees, WGS 84.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Location {
    /// Latitude.
    pub lat: f64,
    /// Longitude.
    pub lon: f64,
}

/// A span of time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Window {
    /// From.
    #[serde(default, deserialize_with = "lenient_time", skip_serializing_if = "Option::is_none")]
    pub start: Option<Timestamp>,
    /// To.
    #[serde(default, deserialize_with = "lenient_time", skip_serializing_if = "Option::is_none")]
    pub end: Option<Timestamp>,
}

/// `route_status`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RouteStatus {
    /// The plan's id.
    pub plan_id: Id,
    /// Where the plan stands.
    pub status: PlanStatus,
    /// Who drives it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub driver_id: Option<Id>,
    /// The vehicle's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vehicle_id: Option<Id>,
    /// The segment that changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub segment_id: Option<Id>,
    /// `drive`, `dock`, `rest` or `fuel`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub segment_type: Option<String>,
    /// `planned`, `in_progress`, `completed` or `skipped`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub segment_status: Option<String>,
    /// The stop in question.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_name: Option<String>,
    /// Where the truck is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
    /// Who says so: an open word such as `eld` or `driver`.
    #[serde(default)]
    pub source: String,
    /// Whether a new plan would be better.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replan_recommended: Option<bool>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replan_reason: Option<String>,
}

/// `eta_update`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EtaUpdate {
    /// The plan's id.
    pub plan_id: Id,
    /// Who drives it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub driver_id: Option<Id>,
    /// The stop's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_id: Option<Id>,
    /// The stop's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_name: Option<String>,
    /// The ETA before this one.
    #[serde(default, deserialize_with = "lenient_time", skip_serializing_if = "Option::is_none")]
    pub previous_eta: Option<Timestamp>,
    /// The ETA.
    #[serde(default, deserialize_with = "lenient_time", skip_serializing_if = "Option::is_none")]
    pub eta: Option<Timestamp>,
    /// How far it moved, in minutes; later is positive.
    #[serde(default)]
    pub eta_shift_minutes: f64,
    /// How it stands to the appointment.
    #[serde(default = "on_time")]
    pub eta_status: EtaStatus,
    /// The appointment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub appointment_window: Option<Window>,
    /// Why it moved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// `sync_progress`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SyncProgress {
    /// The integration's id.
    pub integration_id: Id,
    /// An open word such as `samsara`.
    #[serde(default)]
    pub vendor: String,
    /// This run's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sync_id: Option<String>,
    /// What is being synced, such as `drivers`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entity: Option<String>,
    /// How it stands.
    pub status: SyncStatus,
    /// Records done so far.
    #[serde(default)]
    pub records_processed: u64,
    /// Records in all, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub records_total: Option<u64>,
    /// When it began.
    #[serde(default, deserialize_with = "lenient_time", skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[serde(default, deserialize_with = "lenient_time", skip_serializing_if = "Option::is_none")]
    pub completed_at: Option<Timestamp>,
    /// What went wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

words!(
    /// A side of a conversation.
    Side {
        /// The dispatch team.
        Dispatch = "dispatch",
        /// The driver.
        Driver = "driver",
    } else Dispatch
);

impl Side {
    /// The one across.
    pub fn other(self) -> Self {
        match self {
            Self::Dispatch => Self::Driver,
            Self::Driver => Self::Dispatch,
        }
    }
}

/// `message_waiting`: an unread badge that needs no messaging connection.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MessageWaiting {
    /// The conversation's id, which is its driver's user id.
    pub conversation_id: Id,
    /// Whose badge this is; both sides' when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audience: Option<Side>,
    /// Who wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender_id: Option<Id>,
    /// That person's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender_name: Option<String>,
    /// The beginning of the message.
    #[serde(default)]
    pub preview: String,
    /// How many that side hasn't read; 0 when it has read everything.
    #[serde(default)]
    pub unread: u64,
    /// `normal` or `urgent`.
    #[serde(default)]
    pub priority: MessagePriority,
}

fn on_time() -> EtaStatus {
    EtaStatus::OnTime
}
