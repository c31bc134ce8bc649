//! Clients that hop between two nodes, one of which is killed every few seconds.

use std::time::Duration;

use crate::client::{Habits, Swarm};
use crate::node::Node;
use crate::publisher::{raw, steadily};
use crate::redis_server::Redis;
use crate::size::Size;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_is_killed_under_load_costs_nobody_anything() {
    let (size, dir, redis) = (Size::asked(), tempfile::tempdir().unwrap(), Redis::start());
    let url = redis.url();
    let variables = [("SALLY_REDIS_URL", url.as_str())];
    let (mut one, two) = (Node::start(dir.path(), &variables).await, Node::start(dir.path(), &variables).await);
    let addresses = vec![one.address, two.address];
    let habits = Habits { addresses, stay: Duration::from_millis(300), ..Habits::default() };
    let swarm = Swarm::start(size.hopping, &habits).await;
    let mut publisher = redis.connect().await;
    let publish = async |event| assert!(raw(&mut publisher, &event).await.unwrap() > 0);
    let mut kills = 0;
    let killing = async {
        loop {
            tokio::time::sleep(size.killed_every / 2).await;
            one.kill();
            kills += 1;
            tokio::time::sleep(size.killed_every / 4).await;
            one.restart().await;
        }
    };
    let count = tokio::select! {
        count = steadily(Duration::from_millis(4), size.lasts, publish) => count,
        never = killing => never,
    };
    let stories = swarm.stories(Duration::from_secs(60)).await;
    for story in &stories {
        story.assert_whole(count);
        assert_eq!(story.numbers, stories[0].numbers, "two clients saw two orders");
    }
    let resumed: usize = stories.iter().map(|story| story.resumed).sum();
    println!("{} clients, {count} events, {kills} kills, {resumed} resumes: all whole", stories.len());
}
