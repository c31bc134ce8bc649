//! Somebody who never reads, beside many who do.

use std::time::Duration;

use sally_protocol::Role;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpSocket;

use crate::client::{Habits, Swarm};
use crate::node::{Node, token};
use crate::size::Size;
use crate::story::LAST;
use crate::support::until;

/// What an event has beside its number.
const FILLER_BYTES: usize = 60_000;

/// How much the node may grow. The tenant's ring has 1 MiB; the rest is SQLite's, and what the
/// allocator keeps. A queue for whoever doesn't read would hold every event.
const GROWTH_BYTES: u64 = 24 << 20;

/// How many events are published at once. All must be published before the node gives up who doesn't
/// read, and no more at once than its ring holds.
const AT_ONCE: usize = 8;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_never_reads_costs_no_memory() {
    let (size, dir) = (Size::asked(), tempfile::tempdir().unwrap());
    let node = Node::start(dir.path(), &[]).await;
    // The first of them would be the first to leave, and nobody is to.
    let stay = Duration::from_secs(600) * u32::try_from(size.reading).unwrap();
    let habits = Habits { addresses: vec![node.address], stay, ..Habits::default() };
    let swarm = Swarm::start(size.reading, &habits).await;
    // What comes first fills the caches.
    let filler = "x".repeat(FILLER_BYTES);
    let events = |first: usize| -> Value {
        (first..first + AT_ONCE).map(|n| json!({ "type": "zz_top", "n": n, "x": filler })).collect()
    };
    let warm = size.unread / 6 / AT_ONCE * AT_ONCE;
    for first in (0..warm).step_by(AT_ONCE) {
        node.publish_all(events(first)).await;
    }
    let before = node.memory_bytes();
    let idle = TcpSocket::new_v4().unwrap();
    // What the system takes in for it is not the node's to keep.
    idle.set_recv_buffer_size(4_096).unwrap();
    let mut idle = idle.connect(node.address).await.unwrap();
    let request = format!(
        "GET /sse/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\r\n",
        token("idle", Role::Dispatcher)
    );
    idle.write_all(request.as_bytes()).await.unwrap();
    let streams = (size.reading + 1) as f64;
    until("who never reads is connected", async || node.metric("sally_sse_streams").await == streams).await;
    let mut most = 0;
    for first in (warm..size.unread).step_by(AT_ONCE) {
        node.publish_all(events(first)).await;
        most = most.max(node.memory_bytes());
    }
    node.publish(json!({ "type": LAST, "n": size.unread })).await;
    for story in swarm.stories(Duration::from_secs(120)).await {
        story.assert_whole(size.unread as u64 + 1);
    }
    let grown = most.saturating_sub(before);
    let unread = (size.unread - warm) * FILLER_BYTES;
    println!(
        "{} clients read; {unread} bytes were not read by one; the node grew from {before} to {most} bytes",
        size.reading
    );
    assert!(unread as u64 > GROWTH_BYTES, "too little to tell");
    assert!(grown < GROWTH_BYTES, "the node grew by {grown} bytes");
    until("who never reads is cut off", async || node.metric("sally_sse_stalled_total").await == 1.0).await;
}
