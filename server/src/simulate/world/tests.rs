//! The world held to what it promises: the same from the same seed, lawful, complete, and alive.

use std::collections::{BTreeMap, BTreeSet};

use sally_protocol::alert::{AlertStatus, Priority};
use sally_protocol::fleet::EtaStatus;
use sally_protocol::stream::Frame;
use sally_protocol::{Board, Event, Id, Tenant};

use super::super::clocks;
use super::*;

const TICK: Duration = Duration::from_secs(5);

fn morning() -> Timestamp {
    "2026-03-02T15:00:00Z".parse().expect("a time")
}

/// A world that is running, and the board that its events make.
struct Show {
    world: World,
    board: Board,
    events: Vec<Value>,
}

impl Show {
    fn open(seed: u64, drivers: usize) -> Self {
        let mut show =
            Self { world: World::new(seed, drivers, morning()), board: Board::default(), events: Vec::new() };
        let opening = show.world.opening();
        show.publish(opening);
        show
    }

    /// Half a minute on the road, and a report.
    fn tick(&mut self) {
        let mut events = self.world.step(TICK);
        events.extend(self.world.report());
        self.publish(events);
    }

    /// Puts events on the board as they would arrive there: through the check of the server.
    fn publish(&mut self, events: Vec<Value>) {
        let tenant = Tenant::parse("demo").expect("a tenant");
        for event in events {
            let checked = Event::check(event.to_string().as_bytes(), &tenant, self.world.now, || "fresh".into())
                .unwrap_or_else(|refusal| panic!("{refusal}: {event}"));
            assert_eq!(checked.subject.slots.len(), 1, "an entity of its own: {event}");
            let frame = Frame::parse(&checked.kind, &checked.json).expect("a frame");
            let change = self.board.apply(&frame);
            assert_ne!(change, sally_protocol::board::Change::None, "the board knows what to do with {event}");
            self.events.push(event);
        }
    }

    fn run(&mut self, wall: Duration, mut each: impl FnMut(&mut Self)) {
        let mut left = wall;
        while let Some(rest) = left.checked_sub(TICK) {
            left = rest;
            self.tick();
            each(self);
        }
    }
}

const HOUR_ON_THE_ROAD: Duration = Duration::from_secs(3_600 / ROAD_FACTOR as u64);

#[test]
fn the_same_seed_is_the_same_morning() {
    let events = |seed| {
        let mut show = Show::open(seed, 12);
        show.run(HOUR_ON_THE_ROAD / 2, |_| {});
        show.events
    };
    assert_eq!(events(7), events(7));
    assert_ne!(events(7), events(8));
}

#[test]
fn every_type_of_event_occurs() {
    let mut show = Show::open(3, 24);
    show.run(HOUR_ON_THE_ROAD, |_| {});
    let seen: BTreeSet<&str> = show.events.iter().filter_map(|event| event["type"].as_str()).collect();
    let expected = ["alert_resolved", "alert_updated", "eta_update", "new_alert", "route_status", "sync_progress"];
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), expected);
}

#[test]
fn the_board_is_full_at_once() {
    for seed in 0..24 {
        let show = Show::open(seed, 24);
        let open = show.board.open_alerts();
        assert!((16..=32).contains(&open.len()), "seed {seed}: {} alerts", open.len());
        let critical = open.iter().filter(|alert| alert.priority == Priority::Critical).count();
        assert!((1..=4).contains(&critical), "seed {seed}: {critical} critical");
        for priority in [Priority::High, Priority::Medium, Priority::Low] {
            assert!(open.iter().any(|alert| alert.priority == priority), "seed {seed}: none is {}", priority.as_str());
        }
        assert!(open.iter().any(|alert| alert.status == AlertStatus::Acknowledged), "seed {seed}");
        assert_eq!(show.board.routes.values().filter(|route| !route.is_ended()).count(), 24);
        let with_etas = show.board.routes.values().filter(|route| !route.etas.is_empty()).count();
        assert!(with_etas >= 20, "seed {seed}: {with_etas} with ETAs");
        assert_eq!(show.board.syncs.len(), 7);
    }
}

#[test]
fn the_board_stays_full_and_never_floods() {
    for seed in [1, 2, 3, 4] {
        let mut show = Show::open(seed, 24);
        show.run(2 * HOUR_ON_THE_ROAD, |show| {
            let open = show.board.open_alerts().len();
            assert!((10..=60).contains(&open), "seed {seed}: {open} alerts are open");
        });
        let ended = show.board.alerts.values().filter(|alert| alert.status == AlertStatus::AutoResolved).count();
        assert!(ended >= 10, "seed {seed}: {ended} alerts have ended");
    }
}

#[test]
fn nobody_exceeds_a_limit_without_an_alert() {
    let mut exceeded = 0;
    for seed in 0..4 {
        let mut show = Show::open(seed, 24);
        show.run(16 * HOUR_ON_THE_ROAD, |show| {
            for unit in &show.world.units {
                let clocks = &unit.truck.clocks;
                assert!(clocks.break_left() >= 0.0 && clocks.cycle_left() >= 0.0, "no driver skips a break");
                if unit.truck.is_rolling() && clocks.drive_left().min(clocks.shift_left()) < 0.0 {
                    exceeded += 1;
                    let driver = Some(&unit.truck.crew.driver);
                    let mut open = show.board.open_alerts().into_iter();
                    assert!(open.any(|alert| alert.kind == "hos_violation" && alert.driver_id.as_ref() == driver));
                }
                assert!(clocks.drive_left() > -60.0 && clocks.drive_left() <= clocks::DRIVE_LIMIT);
            }
        });
    }
    assert!(exceeded > 0, "it happens, or this test shows nothing");
}

#[test]
fn routes_reach_their_stops_in_order() {
    let mut show = Show::open(5, 24);
    show.run(20 * HOUR_ON_THE_ROAD, |_| {});
    let mut docked: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut completed = BTreeSet::new();
    for event in show.events.iter().filter(|event| event["type"] == "route_status") {
        let plan = event["planId"].as_str().expect("a plan").to_owned();
        assert!(!completed.contains(&plan), "{plan} goes on after its end");
        if event["status"] == "completed" {
            completed.insert(plan.clone());
        }
        if event["segmentType"] == "dock" {
            let segment = event["segmentId"].as_str().expect("a segment").to_owned();
            let seen = docked.entry(plan).or_default();
            if seen.last() != Some(&segment) {
                assert!(!seen.contains(&segment), "{segment} begins again");
                seen.push(segment);
            }
        }
    }
    assert!(completed.len() >= 12, "{} loads were delivered", completed.len());
    let number = |segment: &String| segment.rsplit_once("-g").and_then(|(_, n)| n.parse::<u32>().ok());
    for segments in docked.values() {
        assert!(segments.is_sorted_by_key(number), "{segments:?}");
    }
}

#[test]
fn references_point_to_something() {
    let mut show = Show::open(9, 24);
    show.run(6 * HOUR_ON_THE_ROAD, |_| {});
    let drivers: BTreeSet<Id> = show.world.crews().map(|crew| crew.driver.clone()).collect();
    for route in show.board.routes.values() {
        let status = route.status.as_ref().expect("a status with every ETA");
        assert!(status.driver_id.as_ref().is_some_and(|driver| drivers.contains(driver)));
        for eta in route.etas.values() {
            assert_eq!(eta.driver_id, status.driver_id);
            let window = eta.appointment_window.as_ref().expect("a window");
            assert!(window.start < window.end);
        }
    }
    for alert in show.board.alerts.values() {
        assert!(alert.driver_id.as_ref().is_none_or(|driver| drivers.contains(driver)));
        assert!(alert.route_plan_id.as_ref().is_none_or(|plan| show.board.routes.contains_key(plan)), "{alert:?}");
        let parent = alert.parent_alert_id.as_ref();
        assert!(parent.is_none_or(|parent| show.board.alerts.contains_key(parent)));
        assert!(!alert.title.is_empty() && !alert.message.is_empty() && alert.recommended_action.is_some());
    }
    assert!(show.board.alerts.values().any(|alert| alert.parent_alert_id.is_some()));
}

#[test]
fn most_appointments_are_kept() {
    let (mut on_time, mut all) = (0, 0);
    for seed in 0..6 {
        let mut show = Show::open(seed, 24);
        show.run(4 * HOUR_ON_THE_ROAD, |_| {});
        for eta in show.board.routes.values().flat_map(|route| route.etas.values()) {
            all += 1;
            on_time += usize::from(eta.eta_status == EtaStatus::OnTime);
        }
    }
    let share = f64::from(on_time as u32) / f64::from(all);
    assert!((0.6..0.95).contains(&share), "{share:.2} on time");
}

#[test]
fn a_fleet_of_any_size_runs() {
    for drivers in [0, 1, 3, 150] {
        let mut show = Show::open(2, drivers);
        show.run(HOUR_ON_THE_ROAD / 10, |_| {});
        assert_eq!(show.board.routes.values().filter(|route| !route.is_ended()).count(), drivers);
    }
}
