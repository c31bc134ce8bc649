//! A Redis Cluster.

use std::time::{Duration, Instant};

use redis::AsyncCommands as _;
use redis::aio::MultiplexedConnection;
use sally_protocol::Role;
use serde_json::json;

use super::nodes::{Pair, publish};
use super::process::{is_ready, send};
use super::story::Story;
use crate::cluster::{Cluster, Member};
use crate::messaging::Socket;
use crate::support::{Frames, Server, until, until_within};

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
    let (cluster, elsewhere) = where_one_may_be_missing().await;
    let pair = Pair::start(&cluster.url()).await;
    let mut frozen = stream(&pair.one, "acme").await;
    let mut others = [stream(&pair.one, &elsewhere).await, stream(&pair.two, &elsewhere).await];
    let mut publisher = cluster.primaries[0].connect().await;
    send("-STOP", &cluster.primaries[2].process);
    let mut slowest = Duration::ZERO;
    for n in 0..40 {
        publish_to(&mut publisher, &["acme", &elsewhere], n, 0).await;
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
    read_on(&pair.one, "acme", &mut story, &mut frozen, |story| story.numbers.last() == Some(&39)).await;
    assert_eq!(story.numbers, (0..40).collect::<Vec<_>>(), "{story:?}");
}

#[tokio::test]
async fn what_is_too_much_for_a_server_that_answers_nothing_is_lost_to_its_own_tenants_only() {
    let (cluster, elsewhere) = where_one_may_be_missing().await;
    let pair = Pair::start(&cluster.url()).await;
    let mut frozen = stream(&pair.one, "acme").await;
    let mut others = stream(&pair.one, &elsewhere).await;
    let mut publisher = cluster.primaries[0].connect().await;
    send("-STOP", &cluster.primaries[2].process);
    // More than a node keeps of a tenant, and for longer than one attempt takes.
    let (mut of_acme, mut of_others) = (Story::default(), Story::default());
    for n in 0..100 {
        publish_to(&mut publisher, &["acme"], n, 60_000).await;
        publish_to(&mut publisher, &[&elsewhere], n, 0).await;
        of_others.read_until(&mut others, n).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    send("-CONT", &cluster.primaries[2].process);
    read_on(&pair.one, "acme", &mut of_acme, &mut frozen, |story| story.numbers.last() == Some(&99)).await;
    of_acme.assert_no_duplicate();
    assert!(of_acme.numbers.len() < 100 && of_acme.resyncs.contains(&"gap".to_owned()), "{of_acme:?}");
    publish_to(&mut publisher, &[&elsewhere], 100, 0).await;
    of_others.read_until(&mut others, 100).await;
    of_others.assert_whole(0..101);
}

#[tokio::test]
async fn a_node_that_joins_while_a_server_answers_nothing_waits_for_its_tenants_only() {
    let (cluster, elsewhere) = where_one_may_be_missing().await;
    let mut pair = Pair::start(&cluster.url()).await;
    let mut cursors = Vec::new();
    for tenant in ["acme", &elsewhere] {
        let mut frames = stream(&pair.one, tenant).await;
        pair.one.publish(tenant, json!([{ "type": "zz_top", "n": 0 }])).await;
        cursors.push(frames.next_of("zz_top").await.id);
    }
    pair.one.stop().await;
    pair.two.stop().await;
    let mut publisher = cluster.primaries[0].connect().await;
    // Nobody hears this. The third server has the list of all tenants, too.
    publish_to(&mut publisher, &["acme", &elsewhere], 1, 0).await;
    send("-STOP", &cluster.primaries[2].process);
    let late = pair.another(&cluster.url()).await;
    let (tenant, began) = (elsewhere.clone(), Instant::now());
    let traffic = tokio::spawn(async move {
        for n in 2.. {
            publish_to(&mut publisher, &["acme", &tenant], n, 0).await;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    until_within(Duration::from_secs(30), "the new node is ready", async || is_ready(&late).await).await;
    // A gap is the first thing that is told to who was there before, and the events come after it.
    let told = async |tenant: &str, cursor: &str| {
        let mut frames = late.resume("", &late.token(tenant, "ann", Role::Dispatcher), cursor).await;
        let mut story = Story::default();
        cursor.clone_into(&mut story.cursor);
        read_on(&late, tenant, &mut story, &mut frames, |story| !story.numbers.is_empty()).await;
        assert!(story.resyncs.contains(&"gap".to_owned()) && !story.numbers.contains(&1), "{story:?}");
    };
    told(&elsewhere, &cursors[1]).await;
    assert!(began.elapsed() < Duration::from_secs(30), "it took {:?}", began.elapsed());
    // Theirs is still to come.
    send("-CONT", &cluster.primaries[2].process);
    told("acme", &cursors[0]).await;
    traffic.abort();
}

/// A cluster that goes on when a server is missing, and a tenant whose log isn't on the third server;
/// that of `acme` is.
async fn where_one_may_be_missing() -> (Cluster, String) {
    let cluster = Cluster::start(false).await;
    for primary in &cluster.primaries {
        let mut connection = primary.connect().await;
        let setting = ["CONFIG", "SET", "cluster-require-full-coverage", "no"];
        let _: () = redis::cmd(setting[0]).arg(&setting[1..]).query_async(&mut connection).await.unwrap();
    }
    let connection = cluster.primaries[0].connect().await;
    let slot = async |key: &str| -> u16 {
        redis::cmd("CLUSTER").arg(&["KEYSLOT", key]).query_async(&mut connection.clone()).await.unwrap()
    };
    assert!(slot("{acme}").await >= 10_923, "on the third server");
    let mut elsewhere = String::new();
    for n in 0.. {
        elsewhere = format!("tenant-{n}");
        if slot(&format!("{{{elsewhere}}}")).await < 10_923 {
            break;
        }
    }
    (cluster, elsewhere)
}

async fn stream(node: &Server, tenant: &str) -> Frames {
    let mut frames = node.stream("", &node.token(tenant, "ann", Role::Dispatcher)).await;
    frames.next_of("ready").await;
    frames
}

/// Publishes a numbered event of about this size for each tenant.
async fn publish_to(publisher: &mut MultiplexedConnection, tenants: &[&str], n: u64, bytes: usize) {
    let payload = json!({ "type": "zz_top", "n": n, "filling": "x".repeat(bytes) }).to_string();
    for tenant in tenants {
        let _: i64 = publisher.publish(format!("tenant:{tenant}:any"), &payload).await.unwrap();
    }
}

/// Reads until the story is at its end. A stream that needed the log while it was away was closed, and
/// resumes.
async fn read_on(node: &Server, tenant: &str, story: &mut Story, frames: &mut Frames, end: impl Fn(&Story) -> bool) {
    let token = node.token(tenant, "ann", Role::Dispatcher);
    while !end(story) {
        match frames.try_next().await {
            Some(frame) => story.take(&frame),
            None => *frames = node.resume("", &token, &story.cursor).await,
        }
    }
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
