//! Which route plans are shown, in which order, and what a line says of them.

use std::collections::BTreeMap;

use sally_protocol::board::Route;
use sally_protocol::fleet::{EtaStatus, EtaUpdate};
use sally_protocol::{Board, Id};

use super::label;

/// The stops of a route in the order in which they are reached; stops without an ETA last.
pub(crate) fn stops(route: &Route) -> Vec<&EtaUpdate> {
    let mut stops: Vec<&EtaUpdate> = route.etas.values().collect();
    stops.sort_by(|a, b| (a.eta.is_none(), a.eta, &a.stop_id).cmp(&(b.eta.is_none(), b.eta, &b.stop_id)));
    stops
}

/// The worst ETA status of a route that is still under way.
pub(crate) fn worst(route: &Route) -> Option<EtaStatus> {
    if route.is_ended() { None } else { route.etas.values().map(|eta| eta.eta_status).max() }
}

/// Whose route it is, as far as either kind of event has said so.
pub(crate) fn driver(route: &Route) -> Option<&Id> {
    let from_status = route.status.as_ref().and_then(|status| status.driver_id.as_ref());
    from_status.or_else(|| route.etas.values().find_map(|eta| eta.driver_id.as_ref()))
}

/// The plans to show: late ones first, then those at risk, then on time, those without an ETA, and at
/// the end the ended ones, the last to end first; within each by plan. `names` are drivers' names.
pub(crate) fn plans(board: &Board, names: &BTreeMap<Id, String>, text: &str) -> Vec<Id> {
    let words: Vec<String> = text.split_whitespace().map(str::to_lowercase).collect();
    let mut plans: Vec<(&Id, &Route)> =
        board.routes.iter().filter(|(id, route)| words.iter().all(|word| mentions(id, route, names, word))).collect();
    plans.sort_by_key(|(id, route)| {
        let rank = match worst(route) {
            Some(EtaStatus::Late) => 0,
            Some(EtaStatus::AtRisk) => 1,
            Some(EtaStatus::OnTime) => 2,
            None if !route.is_ended() => 3,
            None => 4,
        };
        let ended = if rank == 4 { route.changed_at.map_or(0, |at| -at.as_millisecond()) } else { 0 };
        (rank, ended, (*id).clone())
    });
    plans.into_iter().map(|(id, _)| id.clone()).collect()
}

fn mentions(id: &Id, route: &Route, names: &BTreeMap<Id, String>, word: &str) -> bool {
    let driver = driver(route);
    let status = route.status.as_ref();
    let texts = [
        Some(id.as_str()),
        driver.map(Id::as_str),
        driver.and_then(|driver| names.get(driver)).map(String::as_str),
        status.and_then(|status| status.vehicle_id.as_ref()).map(Id::as_str),
        status.and_then(|status| status.stop_name.as_deref()),
        worst(route).map(label::eta_status),
    ];
    let stops = route.etas.values().filter_map(|eta| eta.stop_name.as_deref());
    texts.into_iter().flatten().chain(stops).any(|text| text.to_lowercase().contains(word))
}

/// How far an ETA moved, in whole minutes: `+12 min`, `−5 min`; nothing when it stands.
pub(crate) fn shift(minutes: f64) -> Option<String> {
    let whole = minutes.round();
    if !whole.is_finite() || whole == 0.0 {
        return None;
    }
    // A true minus sign is as wide as the plus, which keeps columns straight.
    Some(format!("{}{} min", if whole > 0.0 { '+' } else { '−' }, label::thousands(whole.abs() as u64)))
}

/// What a plan is called where there is little room: its id, and the next stop where one is known.
pub(crate) fn title(board: &Board, plan: &Id) -> String {
    let stop = board.routes.get(plan).and_then(|route| route.status.as_ref()?.stop_name.clone());
    match stop {
        Some(stop) => format!("Route {plan} · {stop}"),
        None => format!("Route {plan}"),
    }
}

/// The names of drivers, as alerts have told them.
pub(crate) fn driver_names(board: &Board) -> BTreeMap<Id, String> {
    let named = |alert: &sally_protocol::alert::Alert| Some((alert.driver_id.clone()?, alert.driver_name.clone()?));
    board.alerts.values().filter_map(named).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use sally_protocol::stream::Frame;
    use serde_json::{Value, json};

    fn board(events: &[(&str, Value)]) -> Board {
        let mut board = Board::default();
        for (kind, data) in events {
            board.apply(&Frame::Event { kind: (*kind).into(), data: data.clone() });
        }
        board
    }

    fn eta(plan: &str, stop: &str, status: &str, hour: u32) -> (&'static str, Value) {
        let eta = format!("2026-11-24T{hour:02}:00:00Z");
        (
            "eta_update",
            json!({ "planId": plan, "driverId": "d1", "stopId": stop, "stopName": format!("Stop {stop}"),
                               "eta": eta, "etaShiftMinutes": 0, "etaStatus": status }),
        )
    }

    fn status(plan: &str, status: &str) -> (&'static str, Value) {
        (
            "route_status",
            json!({ "planId": plan, "status": status, "driverId": "d2", "source": "eld",
                                 "occurredAt": "2026-11-24T08:00:00Z" }),
        )
    }

    #[test]
    fn trouble_comes_first_and_what_has_ended_last() {
        let board = board(&[
            status("done", "completed"),
            eta("done", "1", "late", 9),
            eta("fine", "1", "on_time", 9),
            eta("late", "1", "on_time", 9),
            eta("late", "2", "late", 10),
            status("quiet", "active"),
            eta("risky", "1", "at_risk", 9),
        ]);
        let plans = plans(&board, &BTreeMap::new(), "");
        let order: Vec<&str> = plans.iter().map(Id::as_str).collect();
        assert_eq!(order, ["late", "risky", "fine", "quiet", "done"]);
    }

    #[test]
    fn a_plan_is_found_by_its_drivers_name_and_its_stops() {
        let board = board(&[eta("p1", "7", "on_time", 9), status("p2", "active")]);
        let names = BTreeMap::from([(Id::parse("d1").expect("an id"), "Maria Ortiz".to_owned())]);
        for (text, found) in [("ortiz", 1), ("stop 7", 1), ("p2", 1), ("d2 p2", 1), ("p", 2), ("nobody", 0)] {
            assert_eq!(plans(&board, &names, text).len(), found, "{text}");
        }
    }

    #[test]
    fn stops_are_in_the_order_of_arrival() {
        let mut unknown = eta("p", "0", "on_time", 1);
        unknown.1["eta"] = json!(null);
        let board = board(&[eta("p", "2", "on_time", 9), eta("p", "1", "on_time", 11), unknown]);
        let route = board.routes.values().next().expect("the route");
        let order: Vec<&str> = stops(route).iter().filter_map(|stop| stop.stop_id.as_ref()).map(Id::as_str).collect();
        assert_eq!(order, ["2", "1", "0"]);
    }

    #[test]
    fn a_title_names_the_stop_where_one_is_known() {
        let mut known = status("p1", "active");
        known.1["stopName"] = json!("Dallas");
        let board = board(&[known, status("p2", "active")]);
        let of = |plan: &str| title(&board, &Id::parse(plan).expect("an id"));
        assert_eq!((of("p1"), of("p2"), of("p3")), ("Route p1 · Dallas".into(), "Route p2".into(), "Route p3".into()));
    }

    #[test]
    fn shifts_are_signed_whole_minutes() {
        assert_eq!(shift(12.4).as_deref(), Some("+12 min"));
        assert_eq!(shift(-5.0).as_deref(), Some("−5 min"));
        assert_eq!(shift(0.3), None);
        assert_eq!(shift(f64::NAN), None);
    }
}
