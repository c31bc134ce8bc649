//! A Redis Cluster.

use std::time::{Duration, Instant};

use redis::AsyncCommands as _;
use sally_protocol::Role;
use serde_json::json;

use super::nodes::{Pair, publish};
use super::process::{is_ready, send};
use super::story::Story;
use crate::cluster::{Cluster, Member};
use crate::messaging::Socket;
use crate::support::{Server, until, until_within};

#[tokio::test]
async fn whichever_server_takes_a_publish_it_is_one_event_on_every_node() {
    let cluster = Cluster::start(false).await;
    let pair = Pair::start(&cluster.url()).await;
    let mut streams = Vec::new();
    for tenant in ["acme", "globex", "initech", "umbrella"] {
        for node in [&pair.one, &pair.two] {
            let mut frames = node.stream("", &node.token(tenant, "ann", Role::Dispatcher)).await;
            frames.next_of("ready").await;
            streams.push((tenant, frames));
        }
    }
    let mut publishers = Vec::new();
    for primary in &cluster.primaries {
        publishers.push(primary.connect().await);
    }
    for n in 0..120 {
        for tenant in ["acme", "globex", "initech", "umbrella"] {
            let payload = json!({ "type": "zz_top", "n": n }).to_string();
            let _: i64 = publishers[n % 3].publish(format!("tenant:{tenant}:any"), payload).await.unwrap();
        }
    }
    for (_, frames) in &mut streams {
        let mut story = Story::default();
        while story.numbers.len() < 120 {
            story.take(&frames.next().await);
        }
        story.assert_whole(0..120);
    }
}

#[tokio::test]
async fn people_at_different_nodes_hear_of_each_other() {
    let cluster = Cluster::start(false).await;
    let pair = Pair::start(&cluster.url()).await;
    let mut ann = Socket::dispatcher(&pair.one, "ann").await;
    let mut driver = Socket::driver(&pair.two, "d1").await;
    assert_eq!(ann.event("presence").await["online"], true);
    ann.call("typing", json!({ "conversationId": "d1", "typing": true })).await;
    assert_eq!(driver.event("typing").await["typing"], true);
    ann.send(json!({ "recipientId": "d1", "content": "hello" })).await;
    assert_eq!(driver.event("new_message").await["content"], "hello");
}

#[tokio::test]
async fn a_failover_of_the_server_that_gives_the_order_is_told() {
    // Its replica takes over slot 0; the tenant's log is on another server.
    a_failover(0, |owner| owner.kill()).await;
}

#[tokio::test]
async fn a_failover_of_the_server_that_has_what_nodes_share_is_told() {
    // `sally:database` and `sally:nodes` are in the slots 5,862 and 5,867.
    a_failover(1, |owner| owner.kill()).await;
}

#[tokio::test]
async fn a_failover_of_the_server_that_has_the_log_is_told() {
    // `{acme}` is in the slot 11,304.
    a_failover(2, |owner| owner.kill()).await;
}

#[tokio::test]
async fn a_server_that_freezes_is_left_behind() {
    // Connections to it stay open, and new ones are accepted; only answers don't come.
    a_failover(0, |owner| send("-STOP", &owner.process)).await;
}

#[tokio::test]
async fn a_server_that_answers_nothing_holds_up_its_own_tenants_only() {
    let cluster = Cluster::start(false).await;
    for primary in &cluster.primaries {
        let mut connection = primary.connect().await;
        let setting = ["CONFIG", "SET", "cluster-require-full-coverage", "no"];
        let _: () = redis::cmd(setting[0]).arg(&setting[1..]).query_async(&mut connection).await.unwrap();
    }
    let pair = Pair::start(&cluster.url()).await;
    let mut publisher = cluster.primaries[0].connect().await;
    let slot = async |key: &str| -> u16 {
        redis::cmd("CLUSTER").arg(&["KEYSLOT", key]).query_async(&mut publisher.clone()).await.unwrap()
    };
    assert!(slot("{acme}").await >= 10_923, "on the third server");
    let mut elsewhere = String::new();
    for n in 0.. {
        elsewhere = format!("tenant-{n}");
        if slot(&format!("{{{elsewhere}}}")).await < 10_923 {
            break;
        }
    }
    let open = async |node: &Server, tenant: &str| {
        let mut frames = node.stream("", &node.token(tenant, "ann", Role::Dispatcher)).await;
        frames.next_of("ready").await;
        frames
    };
    let mut frozen = open(&pair.one, "acme").await;
    let mut others = [open(&pair.one, &elsewhere).await, open(&pair.two, &elsewhere).await];
    send("-STOP", &cluster.primaries[2].process);
    let mut slowest = Duration::ZERO;
    for n in 0..40 {
        let payload = json!({ "type": "zz_top", "n": n }).to_string();
        for tenant in ["acme", &elsewhere] {
            let _: i64 = publisher.publish(format!("tenant:{tenant}:any"), &payload).await.unwrap();
        }
        let published = Instant::now();
        for frames in &mut others {
            assert_eq!(frames.next_of("zz_top").await.data["n"], n);
        }
        slowest = slowest.max(published.elapsed());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(slowest < Duration::from_secs(3), "an event took {slowest:?}");
    send("-CONT", &cluster.primaries[2].process);
    let mut story = Story::default();
    while story.numbers.len() < 40 {
        match frozen.try_next().await {
            Some(frame) => story.take(&frame),
            None => frozen = pair.one.resume("", &pair.one.token("acme", "ann", Role::Dispatcher), &story.cursor).await,
        }
    }
    assert_eq!(story.numbers, (0..40).collect::<Vec<_>>(), "{story:?}");
}

async fn a_failover(of: usize, fail: impl FnOnce(&mut Member)) {
    let mut cluster = Cluster::start(true).await;
    let pair = Pair::start(&cluster.url()).await;
    let (mut one, mut two) = (pair.stream(&pair.one).await, pair.stream(&pair.two).await);
    let (mut of_one, mut of_two) = (Story::default(), Story::default());
    let mut publisher = cluster.primaries[(of + 1) % 3].connect().await;
    for n in 0..100 {
        publish(&mut publisher, n).await;
    }
    of_one.read_until(&mut one, 99).await;
    of_two.read_until(&mut two, 99).await;
    fail(&mut cluster.primaries[of]);
    for n in 100..200 {
        publish(&mut publisher, n).await;
    }
    until("the nodes notice", async || !is_ready(&pair.one).await && !is_ready(&pair.two).await).await;
    // First the cluster has to promote a replica, which takes it some seconds.
    let ready = async || is_ready(&pair.one).await && is_ready(&pair.two).await;
    until_within(Duration::from_secs(40), "the nodes are ready again", ready).await;
    // A node may take its subscription to the failed server for well for some seconds yet.
    let publishing = tokio::spawn(async move {
        for n in 200.. {
            publish(&mut publisher, n).await;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    for (node, story, frames) in [(&pair.one, &mut of_one, &mut one), (&pair.two, &mut of_two, &mut two)] {
        let token = node.token("acme", "ann", Role::Dispatcher);
        let deadline = Instant::now() + Duration::from_secs(20);
        while story.numbers.last().is_none_or(|n| *n < 200) {
            assert!(Instant::now() < deadline, "nothing new in time: {story:?}");
            // A stream that needed the log while it was away was closed, and resumes.
            match frames.try_next().await {
                Some(frame) => story.take(&frame),
                None => *frames = node.resume("", &token, &story.cursor).await,
            }
        }
        story.assert_no_duplicate();
        let whole = story.numbers.iter().copied().eq(0..story.numbers.len() as u64);
        assert!(whole || !story.resyncs.is_empty(), "{story:?}");
    }
    publishing.abort();
    // Who comes later doesn't wait for it either.
    let late = pair.another(&cluster.url()).await;
    until_within(Duration::from_secs(20), "a new node is ready", async || is_ready(&late).await).await;
}
