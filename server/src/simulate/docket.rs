//! The open alerts of the simulation: how they come up, grow and end.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use rand::Rng;
use rand::rngs::StdRng;
use sally_protocol::Id;
use sally_protocol::alert::{Alert, AlertResolution, AlertState, AlertStatus, AlertUpdate, Priority};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::cause::Cause;
use super::event::{event, is_simulated};
use super::roster::{Crew, id};
use super::wording::{Wording, handover_note};

/// What an alert is about. There is one at a time for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum About {
    /// A truck, by its index.
    Truck(usize, Cause),
    /// An integration, by its index.
    Sync(usize),
}

/// The open alerts.
#[derive(Debug)]
pub(super) struct Docket {
    /// Begins the alerts' ids.
    prefix: String,
    raised: u64,
    entries: BTreeMap<About, Entry>,
}

#[derive(Debug)]
struct Entry {
    alert: Alert,
    resolution: &'static str,
    /// Minutes on the road until it ends by itself; `None` while a condition holds it.
    left: Option<f64>,
    /// Minutes on the road that nobody has taken it up.
    unattended: f64,
}

#[derive(Serialize)]
struct Payload<T> {
    alert: T,
}

impl Docket {
    pub(super) fn new(prefix: String) -> Self {
        Self { prefix, raised: 0, entries: BTreeMap::new() }
    }

    pub(super) fn holds(&self, about: About) -> bool {
        self.entries.contains_key(&about)
    }

    /// The alert's id while it is open.
    pub(super) fn id_of(&self, about: About) -> Option<Id> {
        self.entries.get(&about).map(|entry| entry.alert.id.clone())
    }

    /// How many alerts are open.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether an alert of this priority is open.
    pub(super) fn has(&self, priority: Priority) -> bool {
        self.entries.values().any(|entry| entry.alert.priority == priority)
    }

    /// Raises an alert; the event that says so.
    pub(super) fn raise(
        &mut self,
        about: About,
        wording: Wording,
        crew: Option<(&Crew, &Id)>,
        parent: Option<Id>,
        lasts: Option<f64>,
        now: Timestamp,
    ) -> Value {
        self.raised += 1;
        let alert = Alert {
            id: id(&format!("{}-{:04}", self.prefix, self.raised)),
            kind: wording.kind.into(),
            category: wording.category.into(),
            priority: wording.priority,
            status: AlertStatus::Active,
            title: wording.title,
            message: wording.message,
            driver_id: crew.map(|(crew, _)| crew.driver.clone()),
            driver_name: crew.map(|(crew, _)| crew.name.clone()),
            vehicle_id: crew.map(|(crew, _)| crew.vehicle.clone()),
            vehicle_unit: crew.map(|(crew, _)| crew.unit.clone()),
            route_plan_id: crew.map(|(_, plan)| plan.clone()),
            recommended_action: Some(wording.action.into()),
            group_key: Some(wording.group),
            parent_alert_id: parent,
            escalation_level: 0,
            metadata: wording.metadata,
            created_at: Some(now),
            state: AlertState::default(),
        };
        let raised = event("new_alert", now, &Payload { alert: &alert });
        self.entries.insert(about, Entry { alert, resolution: wording.resolution, left: lasts, unattended: 0.0 });
        raised
    }

    /// Ends an alert whose cause went away; the event that says so. `None` when there is none, or
    /// when a person has ended it already.
    pub(super) fn end(&mut self, about: About, now: Timestamp) -> Option<Value> {
        let entry = self.entries.remove(&about)?;
        (!entry.alert.status.is_resolved()).then(|| resolved(&entry.alert, entry.resolution, now))
    }

    /// Lets time pass: alerts end, and those that nobody takes up are escalated.
    pub(super) fn pass(&mut self, minutes: f64, now: Timestamp) -> Vec<Value> {
        let mut events = Vec::new();
        self.entries.retain(|_, entry| {
            if let Some(left) = &mut entry.left {
                *left -= minutes;
                if *left <= 0.0 {
                    if !entry.alert.status.is_resolved() {
                        events.push(resolved(&entry.alert, entry.resolution, now));
                    }
                    return false;
                }
            }
            if entry.alert.status == AlertStatus::Active {
                entry.unattended += minutes;
                let (patience, most) = patience(entry.alert.priority);
                if entry.alert.escalation_level < most && entry.unattended >= patience {
                    entry.alert.escalation_level += 1;
                    entry.unattended = 0.0;
                    events.push(updated(&entry.alert, now));
                }
            }
            true
        });
        events
    }

    /// What a board that shows these `plans` needs to show everything that is open. References to
    /// what is over are left out.
    pub(super) fn opening(&self, plans: &BTreeSet<Id>, now: Timestamp) -> Vec<Value> {
        let ids: BTreeSet<&Id> = self.entries.values().map(|entry| &entry.alert.id).collect();
        let mut open: Vec<&Alert> = self.entries.values().map(|entry| &entry.alert).collect();
        open.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
        let mut events = Vec::with_capacity(open.len() + open.len() / 2);
        for alert in open {
            let created = Alert {
                status: AlertStatus::Active,
                escalation_level: 0,
                state: AlertState::default(),
                parent_alert_id: alert.parent_alert_id.clone().filter(|parent| ids.contains(parent)),
                route_plan_id: alert.route_plan_id.clone().filter(|plan| plans.contains(plan)),
                ..alert.clone()
            };
            events.push(event("new_alert", alert.created_at.unwrap_or(now), &Payload { alert: created }));
            if alert.status != AlertStatus::Active || alert.escalation_level > 0 {
                events.push(updated(alert, alert.state.acknowledged_at.unwrap_or(now)));
            }
        }
        events
    }

    /// Has the night shift taken up some of the older alerts.
    pub(super) fn hand_over(&mut self, now: Timestamp, rng: &mut StdRng) {
        for entry in self.entries.values_mut() {
            let Some(created) = entry.alert.created_at else { continue };
            let age = now.duration_since(created).as_secs();
            if age < 480 || !rng.random_bool(0.3) {
                continue;
            }
            let (who, note) = handover_note(rng);
            let at = created.checked_add(SignedDuration::from_secs(rng.random_range(60..age.min(1_800)))).ok();
            entry.alert.status = AlertStatus::Acknowledged;
            entry.alert.state.acknowledged_by = Some(who.into());
            entry.alert.state.acknowledged_at = at;
            entry.alert.state.note = Some(note.into());
        }
    }

    /// Takes in what people did to an alert, so that an escalation doesn't undo it.
    pub(super) fn hear(&mut self, heard: &Value) {
        if is_simulated(heard) {
            return;
        }
        let alert = &heard["alert"];
        let Some(entry) = self.entries.values_mut().find(|entry| alert["id"] == entry.alert.id.as_str()) else {
            return;
        };
        match heard["type"].as_str() {
            Some("alert_updated") => {
                let Ok(update) = AlertUpdate::deserialize(alert) else { return };
                entry.alert.status = update.status;
                entry.alert.escalation_level = update.escalation_level;
                entry.alert.state = update.state;
            }
            Some("alert_resolved") => {
                let Ok(end) = AlertResolution::deserialize(alert) else { return };
                entry.alert.status = end.status;
            }
            _ => {}
        }
    }
}

/// How many minutes on the road an alert waits before it is escalated, and how often it is.
fn patience(priority: Priority) -> (f64, u32) {
    match priority {
        Priority::Critical => (20.0, 3),
        Priority::High => (60.0, 2),
        Priority::Medium => (180.0, 1),
        Priority::Low => (f64::INFINITY, 0),
    }
}

fn updated(alert: &Alert, now: Timestamp) -> Value {
    let alert = AlertUpdate {
        id: alert.id.clone(),
        driver_id: alert.driver_id.clone(),
        status: alert.status,
        escalation_level: alert.escalation_level,
        state: alert.state.clone(),
    };
    event("alert_updated", now, &Payload { alert })
}

/// `alert_resolved` for an alert that ends by itself.
pub(super) fn resolved(alert: &Alert, resolution: &str, now: Timestamp) -> Value {
    let alert = AlertResolution {
        id: alert.id.clone(),
        driver_id: alert.driver_id.clone(),
        status: AlertStatus::AutoResolved,
        resolved_at: Some(now),
        resolved_by: None,
        resolution: Some(resolution.to_owned()),
    };
    event("alert_resolved", now, &Payload { alert })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::wording::sync_failed;
    use super::*;

    const ABOUT: About = About::Sync(0);

    fn docket() -> (Docket, Timestamp) {
        let now = "2026-03-02T15:00:00Z".parse().expect("a time");
        let mut docket = Docket::new("alr-47".into());
        docket.raise(ABOUT, sync_failed("int-x", "X", "down"), None, None, None, now);
        (docket, now)
    }

    #[test]
    fn what_nobody_takes_up_is_escalated() {
        let (mut docket, now) = docket();
        assert!(docket.pass(179.0, now).is_empty());
        let events = docket.pass(1.0, now);
        assert_eq!(events[0]["alert"]["escalationLevel"], 1);
        assert!(docket.pass(1_000.0, now).is_empty(), "a medium alert is escalated once");
    }

    #[test]
    fn what_somebody_has_taken_up_is_left_to_them() {
        let (mut docket, now) = docket();
        docket.hear(&json!({"type": "alert_updated", "alert":
            {"id": "alr-47-0001", "status": "acknowledged", "acknowledgedBy": "ann", "escalationLevel": 0}}));
        assert!(docket.pass(1_000.0, now).is_empty());
        assert_eq!(docket.opening(&BTreeSet::new(), now)[1]["alert"]["acknowledgedBy"], "ann");
        docket.hear(&json!({"type": "alert_resolved", "alert": {"id": "alr-47-0001", "status": "resolved"}}));
        assert!(docket.holds(ABOUT), "its cause is still there, and doesn't raise it again");
        assert_eq!(docket.end(ABOUT, now), None, "it has ended already");
    }

    #[test]
    fn an_ended_cause_resolves_its_alert() {
        let (mut docket, now) = docket();
        let end = docket.end(ABOUT, now).expect("an event");
        assert_eq!((&end["alert"]["status"], &end["alert"]["id"]), (&json!("auto_resolved"), &json!("alr-47-0001")));
        assert!(!docket.holds(ABOUT));
    }
}
