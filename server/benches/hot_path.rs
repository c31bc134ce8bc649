//! What every event costs the server beside the network: its way into the log in the database, its
//! frame, and its place in the hub; and what it costs to store a message.
//!
//! `cargo bench --package sally-server`. Times are those of the processor, all threads together: a
//! commit also waits for the disk, which says more of the disk. Whole servers are measured by
//! `cargo xtask bench`.

#![expect(clippy::unwrap_used, reason = "a bench that can't go on fails")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::measurement::WallTime;
use criterion::{BatchSize, BenchmarkGroup, Criterion, Throughput};
use jiff::Timestamp;
use rustix::time::{ClockId, clock_gettime};
use sally_protocol::cursor::Epoch;
use sally_protocol::message::MessagePriority;
use sally_protocol::{Event, Id, Role, Tenant};
use sally_server::hub::{Hub, Limits};
use sally_server::log::{Entry, Log, Position, Retention, SqlLog};
use sally_server::store::Database;
use sally_server::store::messages::{Outgoing, Recipients, Stored};
use sally_server::store::users::User;
use serde_json::json;
use tokio::runtime::Runtime;
use tokio_util::task::TaskTracker;

const RETENTION: Retention = Retention { age: Duration::from_secs(3_600), events: 10_000 };

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    frames(&mut criterion);
    ring(&mut criterion);
    append(&mut criterion);
    send(&mut criterion);
    criterion.final_summary();
}

/// An event's entry, its frame built.
fn frames(criterion: &mut Criterion) {
    let tenant = tenant(0);
    let event = alert(&tenant, 7);
    let position = Position { epoch: Epoch(1), offset: 123_456 };
    criterion.bench_function("Entry::event", |bencher| {
        bencher.iter(|| Entry::event(&tenant, position, &event.kind, &event.subject.readers, black_box(&event.json)));
    });
}

/// An event into a tenant's ring, and out of it for one who stands right before it.
fn ring(criterion: &mut Criterion) {
    let (runtime, dir) = (Runtime::new().unwrap(), tempfile::tempdir().unwrap());
    let hub = Arc::new(Hub::new(Limits { per_user: 1, per_tenant: 1 }));
    let log: Arc<dyn Log> = Arc::new(runtime.block_on(async {
        let database = Database::open(None, dir.path()).await.unwrap();
        SqlLog::start(database, Arc::clone(&hub), RETENTION, &TaskTracker::new())
    }));
    let (tenant, user) = (tenant(0), Id::parse("user").unwrap());
    let place = hub.open(&tenant, &user, &log).unwrap();
    let event = alert(&tenant, 7);
    let mut position = Position { epoch: Epoch(1), offset: 0 };
    let entry = |position| Entry::event(&tenant, position, &event.kind, &event.subject.readers, &event.json);
    criterion.bench_function("Hub::advance and Channel::after", |bencher| {
        bencher.iter_batched(
            || {
                let before = position;
                position.offset += 1;
                (before, position, entry(position))
            },
            |(before, position, entry)| {
                hub.advance(&tenant, position, vec![entry]);
                place.channel().after(black_box(before))
            },
            BatchSize::NumIterations(1),
        );
    });
}

/// Events into the log in SQLite, so many in one transaction.
fn append(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let mut group = criterion.benchmark_group("SqlLog::append");
    for (name, tenants) in [("one tenant", 1), ("a tenant each", usize::MAX)] {
        for lot in [1, 16, 256] {
            append_lots(&runtime, &mut group, name, lot, tenants.min(lot));
        }
    }
    group.finish();
}

fn append_lots(runtime: &Runtime, group: &mut BenchmarkGroup<'_, WallTime>, name: &str, lot: usize, tenants: usize) {
    let dir = tempfile::tempdir().unwrap();
    let tasks = TaskTracker::new();
    let log = runtime.block_on(async {
        let database = Database::open(None, dir.path()).await.unwrap();
        let hub = Arc::new(Hub::new(Limits { per_user: 1, per_tenant: 1 }));
        SqlLog::start(database, hub, RETENTION, &tasks)
    });
    let tenants: Vec<Tenant> = (0..tenants).map(tenant).collect();
    let mut n = 0;
    group.throughput(Throughput::Elements(lot as u64));
    group.sample_size(10).measurement_time(Duration::from_secs(3));
    group.bench_function(format!("{lot} events, {name}"), |bencher| {
        bencher.iter_custom(|times| {
            let lots: Vec<Vec<(Tenant, Event)>> = (0..times)
                .map(|_| {
                    let events = (0..lot).map(|place| {
                        n += 1;
                        let tenant = &tenants[place % tenants.len()];
                        (tenant.clone(), alert(tenant, n))
                    });
                    events.collect()
                })
                .collect();
            let before = processor_time();
            for events in lots {
                runtime.block_on(log.append(events)).unwrap();
            }
            processor_time() - before
        });
    });
}

/// Messages of a dispatcher to a hundred drivers into SQLite, so many in one transaction.
fn send(criterion: &mut Criterion) {
    let (runtime, dir) = (Runtime::new().unwrap(), tempfile::tempdir().unwrap());
    let drivers: Vec<Id> = (0..100).map(|n| Id::parse(&format!("driver-{n}")).unwrap()).collect();
    let database = runtime.block_on(async {
        let database = Database::open(None, dir.path()).await.unwrap();
        for driver in &drivers {
            let user = User {
                tenant: tenant(0),
                id: driver.clone(),
                email: None,
                name: None,
                role: Role::Driver,
                driver: None,
                password_hash: None,
                disabled: false,
            };
            assert!(database.add_user(&user).await.unwrap());
        }
        database
    });
    let mut group = criterion.benchmark_group("Database::send");
    group.sample_size(10).measurement_time(Duration::from_secs(3));
    for size in [1, 64] {
        group.throughput(Throughput::Elements(size as u64));
        group.bench_function(format!("{size} messages"), |bencher| {
            bencher.iter_custom(|times| {
                let groups: Vec<Vec<Outgoing>> =
                    (0..times).map(|_| drivers.iter().take(size).map(message).collect()).collect();
                let before = processor_time();
                for outgoing in &groups {
                    let outgoing: Vec<&Outgoing> = outgoing.iter().collect();
                    let stored = runtime.block_on(database.send(&outgoing, Timestamp::UNIX_EPOCH)).unwrap();
                    assert!(stored.iter().all(|stored| matches!(stored, Stored::New(_))));
                }
                processor_time() - before
            });
        });
    }
    group.finish();
}

fn tenant(n: usize) -> Tenant {
    Tenant::parse(&format!("tenant-{n}")).unwrap()
}

/// A changed alert of one of a hundred, of about 600 bytes, with an id of its publisher's.
fn alert(tenant: &Tenant, n: u64) -> Event {
    let payload = json!({
        "type": "alert_updated",
        "eventId": format!("e-{n}"),
        "alert": { "id": format!("alert-{}", n % 100), "status": "active", "driverId": "driver-1", "title": "t".repeat(400) },
    });
    Event::check(payload.to_string().as_bytes(), tenant, Timestamp::UNIX_EPOCH, String::new).unwrap()
}

/// A new message of 160 bytes to a driver.
fn message(driver: &Id) -> Outgoing {
    Outgoing {
        tenant: tenant(0),
        sender: Id::parse("dispatcher").unwrap(),
        role: Role::Dispatcher,
        name: Some("Ann".into()),
        to: Recipients::Drivers(vec![driver.clone()]),
        content: "c".repeat(160),
        client_message_id: uuid::Uuid::new_v4().to_string(),
        priority: MessagePriority::Normal,
        requires_ack: false,
        alert_id: None,
        route_plan_id: None,
    }
}

/// The processor's time that this process has used.
fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or_default())
}
