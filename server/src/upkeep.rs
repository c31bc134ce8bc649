//! What is done with stored messages in the background: the words of those that have none are
//! found.
//!
//! It is done in small lots with a pause after each, since SQLite has one writer and nobody's
//! message should wait for this. Several nodes may do it at once; whoever comes second finds it done.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::store::{Database, StoreError};

/// How often it is looked whether there is something to do.
const PERIOD: Duration = Duration::from_secs(60 * 60);

/// The most messages in a lot, and the pause after it.
const LOT: usize = 250;
const PAUSE: Duration = Duration::from_millis(50);

/// Looks after a database's messages until `stop`.
pub(crate) async fn run(database: Database, stop: CancellationToken) {
    stop.run_until_cancelled(async {
        loop {
            // What fails now is tried again in the next round.
            if let Err(error) = look_after(&database).await {
                tracing::warn!(%error, "the upkeep of messages stopped halfway");
            }
            tokio::time::sleep(PERIOD).await;
        }
    })
    .await;
}

async fn look_after(database: &Database) -> Result<(), StoreError> {
    while database.index_words(LOT).await? {
        tokio::time::sleep(PAUSE).await;
    }
    Ok(())
}
