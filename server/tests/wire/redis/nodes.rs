//! Several nodes on one Redis and one database.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use redis::AsyncCommands as _;
use redis::aio::MultiplexedConnection;
use sally_protocol::Role;
use serde_json::json;
use tempfile::TempDir;

use super::process::{Redis, is_ready};
use super::story::Story;
use crate::shutdown::Process;
use crate::support::{Frames, Server, database_url, until};

/// Two nodes in this process.
pub(crate) struct Pair {
    pub one: Server,
    pub two: Server,
    dir: TempDir,
    database_url: Option<String>,
}

impl Pair {
    pub(crate) async fn start(url: &str) -> Self {
        let (dir, database_url) = (tempfile::tempdir().unwrap(), database_url().await);
        let node = async || {
            let node = node(url, dir.path(), database_url.as_deref()).await;
            until("the node is ready", async || is_ready(&node).await).await;
            node
        };
        Self { one: node().await, two: node().await, dir, database_url }
    }

    /// Another node of theirs, ready or not.
    pub(crate) async fn another(&self, url: &str) -> Server {
        node(url, self.dir.path(), self.database_url.as_deref()).await
    }

    pub(crate) async fn stream(&self, node: &Server) -> Frames {
        let mut frames = node.stream("", &node.token("acme", "ann", Role::Dispatcher)).await;
        frames.next_of("ready").await;
        frames
    }
}

async fn node(url: &str, dir: &Path, database_url: Option<&str>) -> Server {
    Server::with(|config| {
        config.redis_url = Some(url.to_owned());
        config.data_dir = dir.to_owned();
        config.database_url = database_url.map(str::to_owned);
    })
    .await
}

/// Publishes a numbered event; every other one as any service would, without an id.
pub(crate) async fn publish(redis: &mut MultiplexedConnection, n: u64) {
    let payload = match n % 2 {
        0 => json!({ "type": "zz_top", "n": n }),
        _ => json!({ "type": "zz_top", "n": n, "eventId": format!("e-{n}") }),
    };
    let _: i64 = redis.publish("tenant:acme:anything", payload.to_string()).await.unwrap();
}

#[tokio::test]
async fn a_publish_that_two_nodes_hear_is_one_event() {
    let redis = Redis::start();
    let pair = Pair::start(&redis.url()).await;
    let (mut one, mut two) = (pair.stream(&pair.one).await, pair.stream(&pair.two).await);
    let mut publisher = redis.connect().await;
    // Equal ones are as many events as there were publishes.
    for _ in 0..100 {
        let _: i64 = publisher.publish("tenant:acme:alerts", br#"{"type":"zz_top","n":0}"#).await.unwrap();
        let _: i64 = publisher.publish("tenant:acme:alerts", br#"{"type":"zz_top","n":1}"#).await.unwrap();
    }
    publish(&mut publisher, 2).await;
    let (mut of_one, mut of_two) = (Story::default(), Story::default());
    of_one.read_until(&mut one, 2).await;
    of_two.read_until(&mut two, 2).await;
    assert_eq!(of_one.numbers, of_two.numbers);
    let mut times = BTreeMap::new();
    of_one.numbers.iter().for_each(|n| *times.entry(*n).or_insert(0) += 1);
    assert_eq!(times, BTreeMap::from([(0, 100), (1, 100), (2, 1)]));
    assert!(of_one.resyncs.is_empty() && of_two.resyncs.is_empty());
}

#[tokio::test]
async fn a_client_that_hops_between_nodes_sees_one_sequence() {
    let redis = Redis::start();
    let pair = Pair::start(&redis.url()).await;
    let token = pair.one.token("acme", "ann", Role::Dispatcher);
    let mut frames = pair.one.stream("", &token).await;
    let mut publisher = redis.connect().await;
    let mut story = Story::default();
    story.take(&frames.next_of("ready").await);
    for round in 0..6 {
        for n in round * 50..(round + 1) * 50 {
            match n % 3 {
                0 => drop(pair.one.publish("acme", json!([{ "type": "zz_top", "n": n }])).await),
                _ => publish(&mut publisher, n).await,
            }
        }
        // The newest of the round are still under way when the client hops.
        while story.numbers.len() < usize::try_from(round * 50 + 25).unwrap() {
            story.take(&frames.next().await);
        }
        let next = if round % 2 == 0 { &pair.two } else { &pair.one };
        frames = next.resume("", &token, &story.cursor).await;
    }
    publish(&mut publisher, 300).await;
    while story.numbers.len() < 301 {
        story.take(&frames.next().await);
    }
    story.assert_whole(0..301);
}

#[tokio::test]
async fn a_node_that_loses_its_subscription_is_covered_by_the_other() {
    let redis = Redis::start();
    let pair = Pair::start(&redis.url()).await;
    let (mut one, mut two) = (pair.stream(&pair.one).await, pair.stream(&pair.two).await);
    let mut publisher = redis.connect().await;
    let (mut of_one, mut of_two) = (Story::default(), Story::default());
    let mut n = 0;
    for round in 0..2 {
        let before = subscribers(&mut publisher, " psub=1 ").await;
        assert_eq!(before.len(), 2);
        kill(&mut publisher, before[round]).await;
        // It is away while these come.
        for _ in 0..100 {
            publish(&mut publisher, n).await;
            n += 1;
        }
        until("both listen again", async || {
            subscribers(&mut publisher.clone(), " psub=1 ").await.len() == 2
                && is_ready(&pair.one).await
                && is_ready(&pair.two).await
        })
        .await;
    }
    publish(&mut publisher, n).await;
    of_one.read_until(&mut one, n).await;
    of_two.read_until(&mut two, n).await;
    of_one.assert_whole(0..n + 1);
    of_two.assert_whole(0..n + 1);
}

#[tokio::test]
async fn a_lost_signal_costs_no_event() {
    let redis = Redis::start();
    let pair = Pair::start(&redis.url()).await;
    let (mut one, mut two) = (pair.stream(&pair.one).await, pair.stream(&pair.two).await);
    let mut publisher = redis.connect().await;
    for n in 0..300 {
        if n == 100 {
            // What tells the nodes of appends; what they take publishes from stays.
            let listening = subscribers(&mut publisher, " psub=0 ").await;
            assert_eq!(listening.len(), 4, "two of each node: the log's signals, and what the nodes tell each other");
            for connection in listening {
                kill(&mut publisher, connection).await;
            }
        }
        publish(&mut publisher, n).await;
    }
    let (mut of_one, mut of_two) = (Story::default(), Story::default());
    of_one.read_until(&mut one, 299).await;
    of_two.read_until(&mut two, 299).await;
    of_one.assert_whole(0..300);
    of_two.assert_whole(0..300);
}

/// The subscribed connections of this kind.
pub(super) async fn subscribers(redis: &mut MultiplexedConnection, kind: &str) -> Vec<u64> {
    let list: String = redis::cmd("CLIENT").arg(&["LIST", "TYPE", "pubsub"]).query_async(redis).await.unwrap();
    let of_kind = list.lines().filter(|line| line.contains(kind));
    of_kind.map(|line| line.split(' ').next().unwrap().strip_prefix("id=").unwrap().parse().unwrap()).collect()
}

pub(super) async fn kill(redis: &mut MultiplexedConnection, connection: u64) {
    let _: i64 = redis::cmd("CLIENT").arg("KILL").arg("ID").arg(connection).query_async(redis).await.unwrap();
}

#[tokio::test]
async fn a_node_that_is_killed_under_load_loses_nothing() {
    let redis = Redis::start();
    let dir = tempfile::tempdir().unwrap();
    let (url, database_url) = (redis.url(), database_url().await.unwrap_or_default());
    let start = || Process::start_with(dir.path(), &[("SALLY_REDIS_URL", &url), ("SALLY_DATABASE_URL", &database_url)]);
    let (mut one, two) = (start(), start());
    let token = Process::token(dir.path(), "dispatcher");
    let http = reqwest::Client::new();
    for node in [&one, &two] {
        let ready = async || http.get(format!("{}/readyz", node.url)).send().await.unwrap().status() == 200;
        until("the node is ready", ready).await;
    }
    let open = async |node: &Process, cursor: &str| {
        let request = http.get(format!("{}/sse/events", node.url)).bearer_auth(&token);
        Frames::open(request.header("Last-Event-ID", cursor)).await
    };
    let (mut of_one, mut of_two) = (open(&one, "").await, open(&two, "").await);
    let (mut hopping, mut staying) = (Story::default(), Story::default());
    hopping.take(&of_one.next_of("ready").await);
    staying.take(&of_two.next_of("ready").await);

    let mut publisher = redis.connect().await;
    let load = tokio::spawn(async move {
        for n in 0..2_000 {
            publish(&mut publisher, n).await;
        }
    });
    while hopping.numbers.len() < 300 {
        hopping.take(&of_one.next().await);
    }
    one.kill();
    while let Some(frame) = of_one.try_next().await {
        hopping.take(&frame);
    }
    let mut hopped = open(&two, &hopping.cursor).await;
    hopping.read_until(&mut hopped, 1_999).await;
    staying.read_until(&mut of_two, 1_999).await;
    load.await.unwrap();
    hopping.assert_whole(0..2_000);
    staying.assert_whole(0..2_000);
}

#[tokio::test]
async fn a_node_that_was_stopped_for_long_doubles_nothing() {
    let redis = Redis::start();
    let dir = tempfile::tempdir().unwrap();
    let (url, database_url) = (redis.url(), database_url().await.unwrap_or_default());
    let start = || Process::start_with(dir.path(), &[("SALLY_REDIS_URL", &url), ("SALLY_DATABASE_URL", &database_url)]);
    let (one, two) = (start(), start());
    let token = Process::token(dir.path(), "dispatcher");
    let http = reqwest::Client::new();
    let ready = async |node: &Process| http.get(format!("{}/readyz", node.url)).send().await.unwrap().status() == 200;
    until("the nodes are ready", async || ready(&one).await && ready(&two).await).await;
    let request = |node: &Process| http.get(format!("{}/sse/events", node.url)).bearer_auth(&token);
    let (mut of_one, mut of_two) = (Frames::open(request(&one)).await, Frames::open(request(&two)).await);
    let (mut first, mut second) = (Story::default(), Story::default());
    first.take(&of_one.next_of("ready").await);
    second.take(&of_two.next_of("ready").await);
    one.signal("-STOP");
    let mut publisher = redis.connect().await;
    // For longer than a marker may take: its subscription is lost although its connection isn't.
    for n in 0..80 {
        publish(&mut publisher, n).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    one.signal("-CONT");
    until("the node subscribes anew", async || ready(&one).await).await;
    publish(&mut publisher, 80).await;
    first.read_until(&mut of_one, 80).await;
    second.read_until(&mut of_two, 80).await;
    first.assert_whole(0..81);
    second.assert_whole(0..81);
}
