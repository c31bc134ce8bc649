//! The compacted log and what follows it make one whole.

use std::sync::atomic::{AtomicBool, Ordering};

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use sally_protocol::entity::View;
use sally_protocol::stream::Frame;
use sally_protocol::{Board, Event, Id};
use sally_server::log::{Compacted, Content};
use serde_json::{Value, json};

use crate::backend::Backend;
use crate::node::{Node, event, fresh, tenant};

const EVENTS: usize = 400;

/// Of how many snapshots, evenly spread, what follows is read.
const JUDGED: usize = 20;

/// The driver whose half of the tenant is judged beside the dispatch team's.
const DRIVER: &str = "d1";

/// While events are appended, snapshots are taken: each of them, with the events after its
/// position, must come to the same board as all events from the first.
pub(crate) async fn a_snapshot_and_what_follows_make_one_whole<B: Backend>() {
    let seed = rand::random();
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let events: Vec<Event> = (0..EVENTS).map(|n| event(&any_event(&mut random, n))).collect();
    let sizes: Vec<usize> = (0..EVENTS).map(|_| random.random_range(1..5)).collect();

    let (_backend, node) = fresh::<B>().await;
    let acme = tenant("acme");
    let begun = node.log.position(&acme).await.unwrap();
    let done = AtomicBool::new(false);
    let write = async {
        let mut rest = events.as_slice();
        for size in sizes {
            let (batch, after) = rest.split_at(size.min(rest.len()));
            rest = after;
            node.log.append(batch.iter().map(|event| (acme.clone(), event.clone())).collect()).await.unwrap();
        }
        done.store(true, Ordering::Relaxed);
    };
    let look = async {
        let mut snapshots = vec![node.log.compacted(&acme).await.unwrap()];
        while !done.load(Ordering::Relaxed) {
            snapshots.push(node.log.compacted(&acme).await.unwrap());
            tokio::task::yield_now().await;
        }
        snapshots.push(node.log.compacted(&acme).await.unwrap());
        snapshots
    };
    let ((), snapshots) = tokio::join!(write, look);
    assert!(snapshots.len() > 2, "snapshots were taken meanwhile");

    for view in [View::Everything, View::Driver { user: id(DRIVER), driver: id(DRIVER) }] {
        let whole = board(&node, &view, Compacted { position: begun, events: Vec::new() }).await;
        for snapshot in snapshots.iter().step_by(snapshots.len().div_ceil(JUDGED)).chain(snapshots.last()) {
            let events = snapshot.events.iter().map(|event| sally_server::log::CompactedEvent {
                offset: event.offset,
                readers: event.readers.clone(),
                json: event.json.clone(),
            });
            let snapshot = Compacted { position: snapshot.position, events: events.collect() };
            let offset = snapshot.position.offset;
            assert_eq!(board(&node, &view, snapshot).await, whole, "from the snapshot at {offset}");
        }
    }
}

/// What somebody sees who takes a snapshot and reads on.
async fn board(node: &Node, view: &View, snapshot: Compacted) -> Board {
    let mut board = Board::default();
    let position = snapshot.position;
    let seen = snapshot.events.into_iter().filter(|event| view.sees(&event.readers));
    let events = seen.map(|event| as_seen(view, &event.json)).collect();
    board.apply(&Frame::Snapshot { events, last: true });
    for entry in node.read_all(&tenant("acme"), position).await {
        let Content::Event { readers, frame } = entry.content else { panic!("a gap that nobody marked") };
        if view.sees(&readers) {
            let text = std::str::from_utf8(&frame).unwrap();
            let data = as_seen(view, text.lines().find_map(|line| line.strip_prefix("data: ")).unwrap());
            board.apply(&Frame::Event { kind: data["type"].as_str().unwrap().into(), data });
        }
    }
    board
}

/// An event as a board takes it. A board holds the dispatch team's notices only, so for a driver
/// the two sides change places.
fn as_seen(view: &View, json: &str) -> Value {
    let mut data: Value = serde_json::from_str(json).unwrap();
    if *view != View::Everything {
        match data["audience"].as_str() {
            Some("driver") => data["audience"] = "dispatch".into(),
            Some(_) => data["audience"] = "driver".into(),
            None => {}
        }
    }
    data
}

/// An event of a small world, so that the same things change again and again.
fn any_event(random: &mut StdRng, n: usize) -> Value {
    let mut one_of = |choices: &[&'static str]| choices[random.random_range(0..choices.len())];
    // A thing is one driver's for good: a driver isn't told when it becomes another's.
    let (driver, alert, plan, integration) = match one_of(&["1", "2"]) {
        "1" => ("d1", one_of(&["a1", "b1"]), "p1", "i1"),
        _ => ("d2", one_of(&["a2", "b2"]), "p2", "i2"),
    };
    let word = one_of(&["one", "two", "three"]);
    let mut event = match one_of(&["alert", "alert", "plan", "eta", "sync", "waiting", "waiting", "other"]) {
        "alert" => match one_of(&["new_alert", "alert_updated", "alert_resolved"]) {
            "new_alert" => json!({ "type": "new_alert", "alert": { "id": alert, "driverId": driver, "title": word } }),
            "alert_updated" => json!({ "type": "alert_updated", "alert": { "id": alert, "driverId": driver,
                "status": one_of(&["active", "acknowledged", "snoozed"]), "note": word, "escalationLevel": 1 } }),
            _ => json!({ "type": "alert_resolved", "alert": { "id": alert, "driverId": driver,
                "status": "resolved", "resolution": word } }),
        },
        "plan" => json!({ "type": "route_status", "planId": plan, "driverId": driver, "source": word,
            "status": one_of(&["active", "completed"]) }),
        "eta" => json!({ "type": "eta_update", "planId": plan, "driverId": driver, "stopId": one_of(&["s1", "s2"]),
            "eta": "2026-01-01T00:00:00Z", "etaShiftMinutes": 5, "etaStatus": "late", "reason": word }),
        "sync" => json!({ "type": "sync_progress", "integrationId": integration, "vendor": word, "syncId": "s",
            "status": "running", "recordsProcessed": 1, "startedAt": "2026-01-01T00:00:00Z" }),
        "waiting" => {
            let audience = match one_of(&["dispatch", "driver", "both"]) {
                "both" => Value::Null,
                side => side.into(),
            };
            let unread: u64 = one_of(&["0", "0", "1", "2"]).parse().unwrap();
            json!({ "type": "message_waiting", "conversationId": driver, "audience": audience, "senderId": "s",
                "preview": word, "unread": unread, "priority": "normal" })
        }
        _ => json!({ "type": "zz_top" }),
    };
    // Each event differs from the one before.
    event["occurredAt"] = format!("2026-01-01T00:{:02}:{:02}Z", n / 60, n % 60).into();
    event
}

fn id(text: &str) -> Id {
    Id::parse(text).unwrap()
}
