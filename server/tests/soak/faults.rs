//! Redis fails while events come and clients hop: each of them sees one sequence without a hole, or
//! is told and has the right snapshot then.

use std::collections::BTreeMap;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use sally_protocol::board::Board;
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::address::Address;
use crate::client::{Habits, Swarm};
use crate::node::Node;
use crate::publisher::raw;
use crate::redis_server::{Redis, connect, free_port};
use crate::size::Size;
use crate::story::{LAST, Story};
use crate::support::until;

/// How many alerts there are.
const ALERTS: u64 = 20;

/// Time between two events.
const PERIOD: Duration = Duration::from_millis(5);

/// How long a calm between two faults is. A node notices within it what has befallen its Redis.
const CALM: Duration = Duration::from_secs(2);

/// Settings of a Redis that keeps what it was told.
const KEEPS: [&str; 4] = ["--appendonly", "yes", "--appendfsync", "always"];

/// An alert whose title says which event it comes from.
fn alert(id: u64, n: u64) -> Value {
    json!({ "type": "new_alert", "n": n, "eventId": format!("e-{n}"), "alert": { "id": format!("a{id}"), "title": n.to_string() } })
}

fn titles(board: &Board) -> BTreeMap<&str, &str> {
    board.alerts.iter().map(|(id, alert)| (id.as_str(), alert.title.as_str())).collect()
}

/// A service that publishes alerts as fast as it may, and knows nothing of faults.
struct Service {
    port: u16,
    connection: Option<MultiplexedConnection>,
    n: u64,
    /// What at least one node was sent.
    sent: Vec<u64>,
}

impl Service {
    async fn run(&mut self) -> std::convert::Infallible {
        loop {
            let event = alert(self.n % ALERTS, self.n);
            match &mut self.connection {
                Some(connection) => match raw(connection, &event).await {
                    Ok(heard) if heard > 0 => self.sent.push(self.n),
                    Ok(_) => {}
                    Err(_) => self.connection = None,
                },
                None => {
                    let client = redis::Client::open(format!("redis://127.0.0.1:{}", self.port)).unwrap();
                    self.connection = client.get_multiplexed_async_connection().await.ok();
                }
            }
            self.n += 1;
            sleep(PERIOD).await;
        }
    }
}

/// Two nodes, whose Redis is at `port`, live through a fault as often as the size says.
async fn live_through(port: u16, mut fault: impl AsyncFnMut()) -> Vec<Story> {
    let (size, dir) = (Size::asked(), tempfile::tempdir().unwrap());
    let url = format!("redis://127.0.0.1:{port}");
    let variables = [("SALLY_REDIS_URL", url.as_str())];
    let nodes = [Node::start(dir.path(), &variables).await, Node::start(dir.path(), &variables).await];
    let habits = Habits {
        addresses: nodes.iter().map(|node| node.address).collect(),
        query: "?snapshot=true",
        stay: Duration::from_millis(1_500),
        ..Habits::default()
    };
    let swarm = Swarm::start(size.hopping, &habits).await;
    let mut service = Service { port, connection: None, n: 0, sent: Vec::new() };
    let ordeal = async {
        for _ in 0..size.faults {
            sleep(CALM / 2).await;
            fault().await;
            sleep(CALM).await;
            for node in &nodes {
                node.ready().await;
            }
        }
    };
    tokio::select! {
        () = ordeal => {}
        never = service.run() => match never {},
    }
    // What is still on its way must not come after the end.
    sleep(CALM).await;
    // Half of the alerts change once more, and everybody must hear of it; the others stay as the log has them.
    let first = service.n + 1;
    let last = first + ALERTS / 2;
    for n in first..last {
        until("an alert is published", async || nodes[0].try_publish(&alert(n - first, n)).await).await;
    }
    let end = json!({ "type": LAST, "n": last, "eventId": "end" });
    until("the end is published", async || nodes[1].try_publish(&end).await).await;
    let stories = swarm.stories(Duration::from_secs(60)).await;
    for node in &nodes {
        let board = node.board().await;
        let logged = titles(&board);
        for n in first..last {
            assert_eq!(logged[format!("a{}", n - first).as_str()], n.to_string());
        }
        for story in &stories {
            assert_eq!(titles(&story.board), logged, "after {:?}", story.resyncs);
            assert!(story.board.current);
        }
    }
    for story in &stories {
        story.assert_no_duplicate();
        let lost: Vec<&u64> = service.sent.iter().filter(|n| !story.numbers.contains(n)).collect();
        assert!(lost.is_empty() || !story.resyncs.is_empty(), "lost without a word: {lost:?}");
    }
    let told = stories.iter().filter(|story| !story.resyncs.is_empty()).count();
    let (sent, count) = (service.sent.len(), stories.len());
    println!("{sent} publishes, {count} clients, {told} of them told of a loss {:?}", stories[0].resyncs);
    stories
}

/// What the log may have lost is said to everybody.
fn assert_all_told(stories: &[Story]) {
    for story in stories {
        assert!(story.resyncs.contains(&"epoch_changed".to_owned()), "{:?}", story.resyncs);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_subscriptions() {
    let redis = Redis::start();
    live_through(redis.port, async || {
        let mut connection = redis.connect().await;
        let kill = ["KILL", "TYPE", "pubsub"];
        let _: i64 = redis::cmd("CLIENT").arg(&kill).query_async(&mut connection).await.unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_redis() {
    let redis = Redis::start();
    live_through(redis.port, async || {
        redis.signal("-STOP");
        sleep(Duration::from_secs(3)).await;
        redis.signal("-CONT");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_with_its_data() {
    let mut redis = Redis::start_on(free_port(), &KEEPS);
    let port = redis.port;
    assert_all_told(&live_through(port, async || redis.restart(&KEEPS)).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_without_data() {
    let mut redis = Redis::start();
    let port = redis.port;
    assert_all_told(&live_through(port, async || redis.restart(&[])).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flush() {
    let redis = Redis::start();
    let stories = live_through(redis.port, async || {
        let _: () = redis::cmd("FLUSHALL").query_async(&mut redis.connect().await).await.unwrap();
    })
    .await;
    assert_all_told(&stories);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_promoted_replica() {
    let (mut primary, mut replica) = (Redis::start(), Redis::start());
    let address = Address::of(primary.port).await;
    follow(&replica, &primary).await;
    let stories = live_through(address.port, async || {
        let mut promoted = replica.connect().await;
        let _: () = redis::cmd("REPLICAOF").arg(&["NO", "ONE"]).query_async(&mut promoted).await.unwrap();
        // For a moment the old one goes on taking writes that nobody else will have.
        sleep(Duration::from_millis(100)).await;
        primary.kill();
        address.move_to(replica.port);
        primary = std::mem::replace(&mut replica, Redis::start());
        follow(&replica, &primary).await;
    })
    .await;
    assert_all_told(&stories);
}

/// Makes one the other's replica.
async fn follow(replica: &Redis, primary: &Redis) {
    primary.connect().await;
    let mut replica = connect(replica.port).await;
    let to = ["127.0.0.1".to_owned(), primary.port.to_string()];
    let _: () = redis::cmd("REPLICAOF").arg(&to).query_async(&mut replica).await.unwrap();
}
