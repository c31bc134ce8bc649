//! Events at a steady rate.

use std::ops::AsyncFnMut;
use std::time::Duration;

use redis::AsyncCommands as _;
use redis::aio::MultiplexedConnection;
use serde_json::{Value, json};
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::node::TENANT;
use crate::story::LAST;

/// Numbers events from 0, hands one to `publish` every `period` for as long as it `lasts`, and the
/// one that ends the run after them. Returns how many there were.
pub(crate) async fn steadily(period: Duration, lasts: Duration, mut publish: impl AsyncFnMut(Value)) -> u64 {
    let (mut ticks, end) = (interval(period), Instant::now() + lasts);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut n = 0;
    while Instant::now() < end {
        ticks.tick().await;
        publish(json!({ "type": "zz_top", "n": n })).await;
        n += 1;
    }
    publish(json!({ "type": LAST, "n": n })).await;
    n + 1
}

/// Publishes as any service would: knowing nothing of the server, and without an id.
pub(crate) async fn raw(redis: &mut MultiplexedConnection, event: &Value) -> redis::RedisResult<i64> {
    redis.publish(format!("tenant:{TENANT}:anything"), event.to_string()).await
}
