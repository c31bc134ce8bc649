//! What the nodes tell each other through Redis: markers, seals, and who is alive.

use std::sync::Arc;
use std::time::Duration;

use redis::{AsyncCommands as _, FromRedisValue, RedisError, Script};
use tokio::time::timeout;

use super::Lost;
use super::interval::Marker;
use super::pulse::LIMIT;
use crate::link::Link;

/// The channel that every node publishes its markers on, and hears all nodes' markers on.
pub(super) const MARKER_CHANNEL: &str = "sally:marker";

/// The nodes that are alive.
const NODES_KEY: &str = "sally:nodes";

/// How long a seal is kept. Who asks for one that is gone notes a gap for nothing.
const SEAL_STAYS: Duration = Duration::from_secs(60);

/// How long any answer may take.
const RESPONSE_LIMIT: Duration = Duration::from_secs(2);

/// This node among the others.
pub(super) struct Nodes {
    link: Arc<Link>,
    id: String,
    lease: Script,
}

impl Nodes {
    /// A node with an id of its own.
    pub(super) fn new(link: Arc<Link>) -> Self {
        Self { link, id: uuid::Uuid::new_v4().to_string(), lease: Script::new(include_str!("lease.lua")) }
    }

    /// Publishes a marker.
    pub(super) async fn mark(&self, marker: &Marker) -> Result<(), Lost> {
        let mut wire = self.link.wire().await?;
        self.answered(wire.publish(MARKER_CHANNEL, &marker.0)).await
    }

    /// Says that everything before the marker is in the log, or that a gap is.
    pub(super) async fn seal(&self, marker: &Marker) -> Result<(), Lost> {
        let mut wire = self.link.wire().await?;
        self.answered(wire.pset_ex(seal_key(marker), 1, SEAL_STAYS.as_millis() as u64)).await
    }

    /// Whether a node has sealed the marker.
    pub(super) async fn has_sealed(&self, marker: &Marker) -> Result<bool, Lost> {
        let mut wire = self.link.wire().await?;
        self.answered(wire.exists(seal_key(marker))).await
    }

    /// Renews this node's lease; answers whether no other node is alive.
    pub(super) async fn are_alone(&self) -> Result<bool, Lost> {
        let mut wire = self.link.wire().await?;
        let mut renew = self.lease.key(NODES_KEY);
        let renew = renew.arg(&self.id).arg(LIMIT.as_millis() as u64);
        let others: u64 = self.answered(renew.invoke_async(&mut wire)).await?;
        Ok(others == 0)
    }

    /// Ends this node's lease.
    pub(super) async fn leave(&self) -> Result<(), Lost> {
        let mut wire = self.link.wire().await?;
        self.answered(wire.zrem(NODES_KEY, &self.id)).await
    }

    async fn answered<T: FromRedisValue>(
        &self,
        answer: impl Future<Output = Result<T, RedisError>>,
    ) -> Result<T, Lost> {
        let answer = timeout(RESPONSE_LIMIT, answer).await;
        if !matches!(answer, Ok(Ok(_))) {
            self.link.doubt();
        }
        Ok(answer.map_err(|_| Lost::Silent)??)
    }
}

fn seal_key(marker: &Marker) -> String {
    format!("sally:sealed:{}", marker.0)
}
