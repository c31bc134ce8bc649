//! What is done with stored messages in the background: those that are too old are removed, and
//! the words of those that have none yet are found.
//!
//! It is done in small lots with a pause after each, since SQLite has one writer and nobody's
//! message should wait for this. Several nodes may do it at once; whoever comes second finds it done.

use std::time::Duration;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use crate::store::{Database, StoreError};

/// How often it is looked whether there is something to do, at the most and at the least. In
/// between a message is kept for a tenth longer than it must be.
const SELDOM: Duration = Duration::from_secs(60 * 60);
const OFTEN: Duration = Duration::from_secs(1);

/// The most messages in a lot, and the pause after it.
const LOT: usize = 250;
const PAUSE: Duration = Duration::from_millis(50);

/// Looks after a database's messages until `stop`. `retention` is how long they are kept; without
/// one, for ever.
pub(crate) async fn run(database: Database, retention: Option<Duration>, stop: CancellationToken) {
    let period = retention.map_or(SELDOM, |retention| (retention / 10).clamp(OFTEN, SELDOM));
    stop.run_until_cancelled(async {
        loop {
            // What fails now is tried again in the next round.
            if let Err(error) = look_after(&database, retention).await {
                tracing::warn!(%error, "the upkeep of messages stopped halfway");
            }
            tokio::time::sleep(period).await;
        }
    })
    .await;
}

async fn look_after(database: &Database, retention: Option<Duration>) -> Result<(), StoreError> {
    if let Some(before) = retention.and_then(|retention| Timestamp::now().checked_sub(retention).ok()) {
        remove_before(database, before).await?;
    }
    while database.index_words(LOT).await? {
        tokio::time::sleep(PAUSE).await;
    }
    Ok(())
}

async fn remove_before(database: &Database, before: Timestamp) -> Result<(), StoreError> {
    for tenant in database.tenants_with_messages_before(before).await? {
        while database.remove_messages_before(&tenant, before, LOT).await? {
            tokio::time::sleep(PAUSE).await;
        }
    }
    Ok(())
}
