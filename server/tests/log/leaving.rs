//! How long an entity stays in the compacted log in Redis.

use std::time::Duration;

use redis::AsyncCommands as _;
use redis::aio::MultiplexedConnection;
use serde_json::json;

use crate::backend::redis::Redis;
use crate::node::{event, fresh, tenant};

/// Entities by the time they leave.
const LEAVES: &str = "sally:{acme}:leaves";

/// How long plan `p1` still stays.
async fn stay(redis: &mut MultiplexedConnection) -> Duration {
    let leaves: f64 = redis.zscore(LEAVES, "plan:p1").await.unwrap();
    let (seconds, _): (u64, u64) = redis::cmd("TIME").query_async(redis).await.unwrap();
    Duration::from_secs(leaves as u64 / 1_000 - seconds)
}

fn is_about(days: u64, stay: Duration) -> bool {
    let end = Duration::from_secs(days * 86_400);
    stay <= end && end - stay < Duration::from_secs(60)
}

#[tokio::test]
async fn an_entity_leaves_whole_when_its_time_has_come() {
    let (backend, node) = fresh::<Redis>().await;
    let acme = tenant("acme");
    let plan = |status: &str| event(&json!({ "type": "route_status", "planId": "p1", "status": status }));
    let eta = |stop: &str| event(&json!({ "type": "eta_update", "planId": "p1", "stopId": stop }));
    let mut redis = backend.connect().await;
    node.append_each(&acme, &[eta("s1"), plan("active")]).await;
    assert!(is_about(7, stay(&mut redis).await));
    node.append_each(&acme, &[plan("completed"), eta("s1"), eta("s2")]).await;
    assert!(is_about(1, stay(&mut redis).await), "a part leaves with its whole");
    node.append(&acme, &plan("active")).await;
    assert!(is_about(7, stay(&mut redis).await), "what lives again stays with all its parts");

    let _: u64 = redis.zadd(LEAVES, "plan:p1", 1).await.unwrap();
    assert!(node.snapshot(&acme).await.is_empty());
    assert!(node.log.entity(&acme, "plan:p1").await.unwrap().is_empty());
    let kept: Vec<String> = redis.keys("sally:{acme}:*").await.unwrap();
    assert!(!kept.iter().any(|key| key.ends_with(":view") || key.ends_with(":entities")), "{kept:?}");
}
