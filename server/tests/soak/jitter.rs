//! Clients on a bad line: they drop every few seconds and come back where they were.

use std::time::Duration;

use crate::client::{Habits, Swarm};
use crate::node::Node;
use crate::publisher::{raw, steadily};
use crate::redis_server::Redis;
use crate::size::Size;
use crate::story::Story;

/// How long the last of them may take to see the end.
const AFTERWARDS: Duration = Duration::from_secs(60);

/// Time between two events.
const PERIOD: Duration = Duration::from_millis(50);

/// All of them saw all of it, in one order.
fn assert_all_whole(stories: &[Story], count: u64) {
    for story in stories {
        story.assert_whole(count);
        assert_eq!(story.numbers, stories[0].numbers, "two clients saw two orders");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_one_node_nobody_misses_anything() {
    let (size, dir) = (Size::asked(), tempfile::tempdir().unwrap());
    let node = Node::start(dir.path(), &[]).await;
    let addresses = vec![node.address];
    let habits = Habits { addresses, stay: size.stay, away: size.away, ..Habits::default() };
    let swarm = Swarm::start(size.clients, &habits).await;
    let count = steadily(PERIOD, size.lasts, async |event| drop(node.publish(event).await)).await;
    let stories = swarm.stories(AFTERWARDS).await;
    assert_all_whole(&stories, count);
    let resumed: usize = stories.iter().map(|story| story.resumed).sum();
    println!("{} clients, {count} events, {resumed} resumes: all whole", stories.len());
    assert!(resumed >= stories.len() * 2, "only {resumed} resumes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nor_on_two_nodes_in_turn() {
    let (size, dir, redis) = (Size::asked(), tempfile::tempdir().unwrap(), Redis::start());
    let url = redis.url();
    let variables = [("SALLY_REDIS_URL", url.as_str())];
    let (one, two) = (Node::start(dir.path(), &variables).await, Node::start(dir.path(), &variables).await);
    let addresses = vec![one.address, two.address];
    let habits = Habits { addresses, stay: size.stay, away: size.away, ..Habits::default() };
    let swarm = Swarm::start(size.clients, &habits).await;
    let mut publisher = redis.connect().await;
    let count = steadily(PERIOD, size.lasts, async |event| {
        assert_eq!(raw(&mut publisher, &event).await.unwrap(), 2, "both nodes hear it");
    })
    .await;
    let stories = swarm.stories(AFTERWARDS).await;
    assert_all_whole(&stories, count);
    let resumed: usize = stories.iter().map(|story| story.resumed).sum();
    println!("{} clients, {count} events, {resumed} resumes on two nodes: all whole", stories.len());
}
