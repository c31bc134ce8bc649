//! What every event, every resume and every client pays in pure functions.
//!
//! `cargo bench --package sally-protocol`; whole servers are measured by `cargo xtask bench`.

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use jiff::Timestamp;
use sally_protocol::cursor::Epoch;
use sally_protocol::stream::Frame;
use sally_protocol::{Board, Cursor, Event, Tenant};
use serde_json::{Value, json};

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    check(&mut criterion);
    cursors(&mut criterion);
    board(&mut criterion);
    criterion.final_summary();
}

/// A published event on its way into the log.
fn check(criterion: &mut Criterion) {
    let tenant = tenant();
    let now = Timestamp::UNIX_EPOCH;
    let mut group = criterion.benchmark_group("Event::check");
    for (name, event) in [("alert", alert(7)), ("eta", eta(7))] {
        let payload = event.to_string();
        group.throughput(Throughput::Bytes(payload.len() as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| Event::check(black_box(payload.as_bytes()), &tenant, now, || "e-1".into()));
        });
    }
    group.finish();
}

/// The id of every frame, and what comes back with a resume.
fn cursors(criterion: &mut Criterion) {
    let tenant = tenant();
    let cursor = Cursor::new(&tenant, Epoch(1), 123_456);
    let text = cursor.to_string();
    criterion.bench_function("Cursor::to_string", |bencher| bencher.iter(|| black_box(&cursor).to_string()));
    criterion.bench_function("Cursor::parse", |bencher| bencher.iter(|| Cursor::parse(black_box(&text), &tenant)));
}

/// What a client does with each frame, on a board of 500 alerts and 500 plans.
fn board(criterion: &mut Criterion) {
    let mut board = Board::default();
    for n in 0..500 {
        board.apply(&frame(alert(n)));
        board.apply(&frame(eta(n)));
    }
    assert_eq!((board.alerts.len(), board.routes.len()), (500, 500));
    let mut group = criterion.benchmark_group("Board::apply");
    for (name, event) in [("alert", alert(7)), ("eta", eta(7))] {
        let frame = frame(event);
        group.bench_function(name, |bencher| bencher.iter(|| board.apply(black_box(&frame))));
    }
    group.finish();
}

fn tenant() -> Tenant {
    #[expect(clippy::expect_used, reason = "a constant that is a tenant's name")]
    Tenant::parse("acme").expect("a tenant")
}

fn frame(data: Value) -> Frame {
    let kind = data["type"].as_str().unwrap_or_default().to_owned();
    Frame::Event { kind, data }
}

fn alert(n: u32) -> Value {
    json!({
        "type": "new_alert", "eventId": format!("e-{n}"), "tenantId": "acme", "occurredAt": "2026-01-05T10:15:00Z",
        "alert": {
            "id": format!("alert-{n}"), "type": "REEFER_TEMPERATURE", "category": "equipment", "priority": "critical",
            "status": "active", "title": "Reefer at 48 °F", "message": "Set point 36 °F, rising for 20 minutes",
            "driverId": format!("driver-{n}"), "driverName": "Dana Ortiz", "vehicleUnit": "T-118",
            "routePlanId": format!("plan-{n}"), "recommendedAction": "Call the driver", "escalationLevel": 0,
            "createdAt": "2026-01-05T10:15:00Z"
        }
    })
}

fn eta(n: u32) -> Value {
    json!({
        "type": "eta_update", "eventId": format!("e-{n}"), "tenantId": "acme", "occurredAt": "2026-01-05T10:15:00Z",
        "planId": format!("plan-{n}"), "driverId": format!("driver-{n}"), "stopId": "stop-2",
        "stopName": "Dock 14, Joliet IL", "previousEta": "2026-01-05T10:15:00Z", "eta": "2026-01-05T10:27:00Z",
        "etaShiftMinutes": 12, "etaStatus": "at_risk", "reason": "slow traffic on I-80 eastbound past Joliet"
    })
}
