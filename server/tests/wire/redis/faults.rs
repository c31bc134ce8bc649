//! Redis fails: what clients are told.

use std::sync::atomic::Ordering;

use redis::AsyncCommands as _;
use sally_protocol::Role;
use serde_json::json;

use super::nodes::{Pair, publish};
use super::process::{Redis, connect, free_port, is_ready, ready_server};
use super::story::Story;
use crate::address::Address;
use crate::support::{Server, until};

#[tokio::test]
async fn when_all_lose_their_subscriptions_nothing_goes_missing_in_silence() {
    let redis = Redis::start();
    let pair = Pair::start(&redis.url()).await;
    let (mut one, mut two) = (pair.stream(&pair.one).await, pair.stream(&pair.two).await);
    let mut publisher = redis.connect().await;
    let (mut of_one, mut of_two) = (Story::default(), Story::default());
    for n in 0..300 {
        if n == 100 {
            let _: i64 =
                redis::cmd("CLIENT").arg(&["KILL", "TYPE", "pubsub"]).query_async(&mut publisher).await.unwrap();
        }
        publish(&mut publisher, n).await;
    }
    until("the nodes are ready again", async || is_ready(&pair.one).await && is_ready(&pair.two).await).await;
    publish(&mut publisher, 300).await;
    for (story, frames) in [(&mut of_one, &mut one), (&mut of_two, &mut two)] {
        story.read_until(frames, 300).await;
        story.assert_no_duplicate();
        assert!(story.numbers.len() == 301 || story.resyncs.contains(&"gap".to_owned()), "{story:?}");
    }
}

#[tokio::test]
async fn a_flushed_redis_is_told_although_nobody_publishes() {
    let redis = Redis::start();
    let server = ready_server(&redis.url()).await;
    let mut frames = server.stream("", &server.token("acme", "ann", Role::Dispatcher)).await;
    frames.next_of("ready").await;
    server.publish("acme", json!([{ "type": "zz_top", "n": 1 }])).await;
    frames.next_of("zz_top").await;
    let _: () = redis::cmd("FLUSHALL").query_async(&mut redis.connect().await).await.unwrap();
    assert_eq!(frames.next_of("resync").await.data["reason"], "epoch_changed");
    server.publish("acme", json!([{ "type": "zz_top", "n": 2 }])).await;
    assert_eq!(frames.next_of("zz_top").await.data["n"], 2);
}

#[tokio::test]
async fn a_restart_with_its_data_keeps_the_snapshot() {
    let keep = ["--appendonly", "yes", "--appendfsync", "always"];
    let mut redis = Redis::start_on(free_port(), &keep);
    let server = ready_server(&redis.url()).await;
    let token = server.token("acme", "ann", Role::Dispatcher);
    let mut frames = server.stream("", &token).await;
    frames.next_of("ready").await;
    server.publish("acme", json!([{ "type": "new_alert", "alert": { "id": "a1" } }])).await;
    let before = frames.next_of("new_alert").await.id;
    redis.restart(&keep);
    // A restarted server may have lost its newest writes; nobody can tell, so everybody is told.
    assert_eq!(frames.next_of("resync").await.data["reason"], "epoch_changed");
    until("the server is ready again", async || is_ready(&server).await).await;
    let mut resumed = server.resume("?snapshot=true", &token, &before).await;
    assert_eq!(resumed.next().await.data["reason"], "epoch_changed");
    assert_eq!(resumed.next_of("snapshot").await.data["events"][0]["alert"]["id"], "a1");
    resumed.next_of("ready").await;
    server.publish("acme", json!([{ "type": "zz_top", "n": 1 }])).await;
    assert_eq!(resumed.next_of("zz_top").await.data["n"], 1);
}

#[tokio::test]
async fn a_promoted_replica_that_lacks_the_newest_writes_is_told() {
    let (old, new) = (Redis::start(), Redis::start());
    let mut replica = connect(new.port).await;
    connect(old.port).await;
    let _: () = redis::cmd("REPLICAOF").arg("127.0.0.1").arg(old.port).query_async(&mut replica).await.unwrap();
    let address = Address::of(old.port).await;
    let server = ready_server(&format!("redis://127.0.0.1:{}", address.port)).await;
    let token = server.token("acme", "ann", Role::Dispatcher);
    let mut frames = server.stream("", &token).await;
    frames.next_of("ready").await;
    server.publish("acme", json!([{ "type": "zz_top", "n": 0 }])).await;
    frames.next_of("zz_top").await;
    let entries =
        async || redis::cmd("XLEN").arg("sally:{acme}:log").query_async::<u64>(&mut replica.clone()).await.unwrap();
    until("the replica has it", async || entries().await == 1).await;

    // From here on the replica receives nothing, and is promoted with the same head in another epoch.
    let _: () = redis::cmd("REPLICAOF").arg("NO").arg("ONE").query_async(&mut replica.clone()).await.unwrap();
    server.publish("acme", json!([{ "type": "zz_top", "n": 1 }, { "type": "zz_top", "n": 2 }])).await;
    frames.next_of("zz_top").await;
    let lost = frames.next_of("zz_top").await.id;
    address.move_to(new.port);
    assert_eq!(frames.next_of("resync").await.data["reason"], "epoch_changed");
    until("the server is ready again", async || is_ready(&server).await).await;
    // Other events stand where the lost ones stood, and nobody takes the ones for the others.
    server.publish("acme", json!([{ "type": "zz_top", "n": 11 }, { "type": "zz_top", "n": 12 }])).await;
    let mut resumed = server.resume("", &token, &lost).await;
    assert_eq!(resumed.next().await.data["reason"], "epoch_changed");
    assert_eq!(frames.next_of("zz_top").await.data["n"], 11);
    assert_eq!(frames.next_of("zz_top").await.data["n"], 12);
}

#[tokio::test]
async fn a_redis_of_another_database_is_refused_whenever_it_appears() {
    let (redis, address) = (Redis::start(), Address::of(free_port()).await);
    let mut connection = redis.connect().await;
    let _: () = connection.set("sally:database", "another").await.unwrap();
    let url = format!("redis://127.0.0.1:{}", address.port);
    let server = Server::with(|config| config.redis_url = Some(url)).await;
    address.move_to(redis.port);
    until("it has looked several times", async || address.made.load(Ordering::Relaxed) >= 3).await;
    assert!(!is_ready(&server).await);
    let listening: u64 = redis::cmd("PUBSUB").arg("NUMPAT").query_async(&mut connection).await.unwrap();
    assert_eq!(listening, 0, "it takes no publishes");
    let _: () = connection.del("sally:database").await.unwrap();
    until("the server is ready", async || is_ready(&server).await).await;
}
