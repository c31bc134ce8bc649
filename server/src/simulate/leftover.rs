//! What an earlier run left on the board.

use std::collections::BTreeSet;

use jiff::Timestamp;
use sally_protocol::Board;
use sally_protocol::fleet::{PlanStatus, RouteStatus};
use sally_protocol::stream::Frame;
use serde_json::Value;

use super::docket::resolved;
use super::event::{event, is_simulated};

/// The events that end what an earlier run left open and this run's `opening` doesn't take over.
///
/// `snapshot` is the tenant's. Ids follow from the seed, so a second run of one seed takes over
/// most of what the first began.
pub(super) fn clear(snapshot: Vec<Value>, opening: &[Value], now: Timestamp) -> Vec<Value> {
    let ids = |events: &[Value]| -> BTreeSet<String> {
        let named = events.iter().filter(|event| is_simulated(event));
        named
            .filter_map(|event| event["alert"]["id"].as_str().or(event["planId"].as_str()).map(str::to_owned))
            .collect()
    };
    let mut leftover = ids(&snapshot);
    for taken_over in ids(opening) {
        leftover.remove(&taken_over);
    }
    let mut board = Board::default();
    board.apply(&Frame::Snapshot { events: snapshot, last: true });

    let mut ends = Vec::new();
    for alert in board.open_alerts() {
        if leftover.contains(alert.id.as_str()) {
            ends.push(resolved(alert, "The simulation was started anew.", now));
        }
    }
    for (plan, route) in &board.routes {
        if let Some(status) = route.status.as_ref().filter(|_| !route.is_ended() && leftover.contains(plan.as_str())) {
            let superseded = RouteStatus {
                status: PlanStatus::Superseded,
                source: "planner".into(),
                replan_recommended: None,
                replan_reason: None,
                ..status.clone()
            };
            ends.push(event("route_status", now, &superseded));
        }
    }
    ends
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_the_simulation_left_and_does_not_take_over_is_ended() {
        let alert =
            |id: &str, simulated: bool| json!({"type": "new_alert", "simulated": simulated, "alert": {"id": id}});
        let route = |id: &str, status: &str| json!({"type": "route_status", "simulated": true, "planId": id, "driverId": "d", "status": status, "source": "eld"});
        let snapshot = vec![
            alert("left", true),
            alert("taken", true),
            alert("real", false),
            route("old", "active"),
            route("done", "completed"),
            route("same", "active"),
            json!({"type": "alert_resolved", "alert": {"id": "ended", "status": "resolved"}}),
        ];
        let opening = [alert("taken", true), route("same", "active")];
        let ends = clear(snapshot, &opening, Timestamp::UNIX_EPOCH);
        let named: Vec<_> =
            ends.iter().map(|end| end["alert"]["id"].as_str().or(end["planId"].as_str()).unwrap_or("")).collect();
        assert_eq!(named, ["left", "old"]);
        assert_eq!((&ends[0]["alert"]["status"], &ends[1]["status"]), (&json!("auto_resolved"), &json!("superseded")));
    }
}
