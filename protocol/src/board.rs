//! The board: the one reducer from frames to what a dispatcher sees.
//!
//! A snapshot is the compacted log, so its events go through the same fold as live ones. The user
//! interface holds a [`Board`]; the server's tests hold one as the judge of what they received.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::Value;

use crate::Id;
use crate::alert::{Alert, AlertResolution, AlertUpdate};
use crate::fleet::{EtaUpdate, MessageWaiting, RouteStatus, Side, SyncProgress};
use crate::stream::Frame;

/// How long an ended alert or plan stays on the board, as in the compacted log.
const ENDED_STAYS: SignedDuration = SignedDuration::from_hours(24);

/// What a dispatcher sees.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Board {
    /// Alerts by id, ended ones too.
    pub alerts: BTreeMap<Id, Alert>,
    /// Route plans by id.
    pub routes: BTreeMap<Id, Route>,
    /// Integration syncs by integration.
    pub syncs: BTreeMap<Id, SyncProgress>,
    /// The dispatch team's unread notices by conversation; a read conversation has none.
    pub waiting: BTreeMap<Id, MessageWaiting>,
    /// Whether the board shows what the log holds. False before the first snapshot and between a
    /// `resync` and the snapshot that answers it.
    pub current: bool,
    /// The board that a snapshot is building, out of sight until it is complete.
    building: Option<Box<Board>>,
}

/// A route plan and the ETAs of its stops.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Route {
    /// The newest status; `None` when only an ETA has come so far.
    pub status: Option<RouteStatus>,
    /// The newest ETA of each stop, by `stopId` (the empty string for an ETA without one).
    pub etas: BTreeMap<String, EtaUpdate>,
    /// When anything about it last changed.
    pub changed_at: Option<Timestamp>,
}

/// What a frame changed, for whoever announces or counts it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Nothing that is on the board.
    None,
    /// A new alert, by id.
    AlertRaised(Id),
    /// An alert that was on the board, by id.
    AlertChanged(Id),
    /// A route or one of its ETAs, by plan.
    Route(Id),
    /// A sync, by integration.
    Sync(Id),
    /// An unread notice, by conversation.
    Waiting(Id),
    /// Everything: a snapshot took the old board's place.
    Replaced,
}

#[derive(Deserialize)]
struct AlertEvent<T> {
    alert: T,
}

impl Board {
    /// Folds one frame in.
    pub fn apply(&mut self, frame: &Frame) -> Change {
        match frame {
            Frame::Event { kind, data } => self.fold(kind, data),
            Frame::Snapshot { events, last } => {
                let building = self.building.get_or_insert_default();
                for event in events {
                    if let Some(kind) = event.get("type").and_then(Value::as_str) {
                        building.fold(kind, event);
                    }
                }
                if !last {
                    return Change::None;
                }
                *self = Board { current: true, ..self.building.take().map_or_else(Board::default, |board| *board) };
                Change::Replaced
            }
            Frame::Ready { .. } => {
                self.current = true;
                Change::None
            }
            Frame::Resync { .. } => {
                self.current = false;
                self.building = None;
                Change::None
            }
            Frame::Heartbeat | Frame::AuthExpiring { .. } | Frame::Reconnect { .. } => Change::None,
        }
    }

    /// Forgets ended alerts and plans that the compacted log has forgotten by `now`.
    pub fn prune(&mut self, now: Timestamp) {
        let old = |at: Option<Timestamp>| at.is_some_and(|at| now.duration_since(at) > ENDED_STAYS);
        self.alerts.retain(|_, alert| !(alert.status.is_resolved() && old(alert.state.resolved_at)));
        self.routes.retain(|_, route| !(route.is_ended() && old(route.changed_at)));
    }

    /// Alerts that have not ended, most urgent first, then oldest first.
    pub fn open_alerts(&self) -> Vec<&Alert> {
        let mut open: Vec<&Alert> = self.alerts.values().filter(|alert| !alert.status.is_resolved()).collect();
        open.sort_by(|a, b| (a.priority, a.created_at, &a.id).cmp(&(b.priority, b.created_at, &b.id)));
        open
    }

    /// How many messages wait for the dispatch team.
    pub fn unread(&self) -> u64 {
        self.waiting.values().map(|waiting| waiting.unread).sum()
    }

    /// An event whose payload isn't what its type asks for changes nothing: publishers are many,
    /// and one of them must not be able to take a board down.
    fn fold(&mut self, kind: &str, data: &Value) -> Change {
        match kind {
            "new_alert" => {
                let Some(AlertEvent { mut alert }) = read::<AlertEvent<Alert>>(data) else { return Change::None };
                // Who publishes an alert without its time means now.
                alert.created_at = alert.created_at.or_else(|| occurred_at(data));
                let id = alert.id.clone();
                match self.alerts.insert(id.clone(), alert) {
                    None => Change::AlertRaised(id),
                    Some(_) => Change::AlertChanged(id),
                }
            }
            "alert_updated" => {
                let Some(AlertEvent { alert: update }) = read::<AlertEvent<AlertUpdate>>(data) else {
                    return Change::None;
                };
                let Some(alert) = self.alerts.get_mut(&update.id) else { return Change::None };
                alert.status = update.status;
                alert.escalation_level = update.escalation_level;
                alert.state = update.state;
                Change::AlertChanged(update.id)
            }
            "alert_resolved" => {
                let Some(AlertEvent { alert: end }) = read::<AlertEvent<AlertResolution>>(data) else {
                    return Change::None;
                };
                let Some(alert) = self.alerts.get_mut(&end.id) else { return Change::None };
                alert.status = end.status;
                alert.state.resolved_at = end.resolved_at.or_else(|| occurred_at(data));
                alert.state.resolved_by = end.resolved_by;
                alert.state.resolution = end.resolution;
                Change::AlertChanged(end.id)
            }
            "route_status" => {
                let Some(status) = read::<RouteStatus>(data) else { return Change::None };
                let id = status.plan_id.clone();
                let route = self.routes.entry(id.clone()).or_default();
                route.status = Some(status);
                route.changed_at = occurred_at(data);
                Change::Route(id)
            }
            "eta_update" => {
                let Some(eta) = read::<EtaUpdate>(data) else { return Change::None };
                let id = eta.plan_id.clone();
                let stop = eta.stop_id.as_ref().map(Id::to_string).unwrap_or_default();
                let route = self.routes.entry(id.clone()).or_default();
                route.etas.insert(stop, eta);
                if !route.is_ended() {
                    route.changed_at = occurred_at(data);
                }
                Change::Route(id)
            }
            "sync_progress" => {
                let Some(sync) = read::<SyncProgress>(data) else { return Change::None };
                let id = sync.integration_id.clone();
                self.syncs.insert(id.clone(), sync);
                Change::Sync(id)
            }
            "message_waiting" => {
                let Some(waiting) = read::<MessageWaiting>(data) else { return Change::None };
                if waiting.audience == Some(Side::Driver) {
                    return Change::None;
                }
                let id = waiting.conversation_id.clone();
                if waiting.unread == 0 {
                    self.waiting.remove(&id);
                } else {
                    self.waiting.insert(id.clone(), waiting);
                }
                Change::Waiting(id)
            }
            _ => Change::None,
        }
    }
}

impl Route {
    /// Whether the plan has ended.
    pub fn is_ended(&self) -> bool {
        self.status.as_ref().is_some_and(|status| status.status.is_ended())
    }
}

fn read<T: serde::de::DeserializeOwned>(data: &Value) -> Option<T> {
    T::deserialize(data).ok()
}

fn occurred_at(data: &Value) -> Option<Timestamp> {
    data.get("occurredAt")?.as_str()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::{AlertStatus, Priority};
    use serde_json::json;

    fn event(data: Value) -> Frame {
        Frame::Event { kind: data["type"].as_str().expect("a type").to_owned(), data }
    }

    fn id(text: &str) -> Id {
        Id::parse(text).expect("an id")
    }

    #[test]
    fn an_alert_lives_and_ends() {
        let mut board = Board::default();
        let raised = board.apply(&event(json!({"type": "new_alert", "alert":
            {"id": "a1", "type": "hos", "priority": "CRITICAL", "status": "active", "title": "t", "createdAt": "soon"},
            "occurredAt": "2026-01-01T00:00:00Z"})));
        assert_eq!(raised, Change::AlertRaised(id("a1")));
        assert_eq!(board.alerts[&id("a1")].created_at, "2026-01-01T00:00:00Z".parse().ok());
        assert_eq!(board.open_alerts()[0].priority, Priority::Critical);
        board.apply(&event(json!({"type": "alert_updated", "alert":
            {"id": "a1", "status": "acknowledged", "acknowledgedBy": "ann", "escalationLevel": 2}})));
        assert_eq!(board.alerts[&id("a1")].state.acknowledged_by.as_deref(), Some("ann"));
        board.apply(&event(json!({"type": "alert_resolved", "occurredAt": "2026-01-01T00:00:00Z",
            "alert": {"id": "a1", "status": "auto_resolved"}})));
        assert_eq!(board.alerts[&id("a1")].status, AlertStatus::AutoResolved);
        assert!(board.open_alerts().is_empty());
        board.prune("2026-01-03T00:00:00Z".parse().expect("a time"));
        assert!(board.alerts.is_empty());
    }

    #[test]
    fn a_snapshot_replaces_the_board_only_when_it_is_complete() {
        let mut board = Board::default();
        board.apply(&event(json!({"type": "new_alert", "alert": {"id": "old"}})));
        board.apply(&Frame::Resync { reason: crate::stream::ResyncReason::Gap });
        assert!(!board.current);
        let part = |name: &str, last| Frame::Snapshot {
            events: vec![json!({"type": "new_alert", "alert": {"id": name}})],
            last,
        };
        assert_eq!(board.apply(&part("n1", false)), Change::None);
        assert!(board.alerts.contains_key(&id("old")));
        assert_eq!(board.apply(&part("n2", true)), Change::Replaced);
        assert_eq!(board.alerts.keys().map(Id::as_str).collect::<Vec<_>>(), ["n1", "n2"]);
        assert!(board.current);
    }

    #[test]
    fn unread_counts_are_the_dispatch_sides() {
        let mut board = Board::default();
        let waiting = |audience: Value, unread: u64| {
            event(
                json!({"type": "message_waiting", "conversationId": "d1", "audience": audience, "unread": unread, "preview": "hi"}),
            )
        };
        board.apply(&waiting(Value::Null, 2));
        assert_eq!(board.unread(), 2);
        board.apply(&waiting(json!("driver"), 5));
        assert_eq!(board.unread(), 2);
        board.apply(&waiting(json!("dispatch"), 0));
        assert_eq!(board.unread(), 0);
    }

    #[test]
    fn nonsense_changes_nothing() {
        let mut board = Board::default();
        for data in
            [json!({"type": "new_alert"}), json!({"type": "new_alert", "alert": {"id": 7}}), json!({"type": "zz"})]
        {
            assert_eq!(board.apply(&event(data)), Change::None);
        }
    }

    #[test]
    fn routes_hold_the_etas_of_their_stops() {
        let mut board = Board::default();
        board.apply(&event(json!({"type": "eta_update", "planId": "p1", "driverId": "d", "stopId": "s1",
            "eta": "2026-01-01T00:00:00Z", "etaShiftMinutes": -3, "etaStatus": "late"})));
        board.apply(&event(
            json!({"type": "route_status", "planId": "p1", "status": "active", "driverId": "d", "source": "eld"}),
        ));
        let route = &board.routes[&id("p1")];
        assert_eq!((route.etas.len(), route.is_ended()), (1, false));
    }
}
