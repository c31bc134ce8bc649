//! What is done with stored messages in the background: those that are too old are removed, the words of
//! those that have none yet are found, and SQLite's log is kept short.
//!
//! It is done in small lots with a pause after each, since SQLite has one writer and nobody's
//! message should wait for this. Several nodes may do it at once; whoever comes second finds it done.

use std::time::Duration;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use crate::store::{Database, StoreError};

/// How often it is looked for messages that have no words yet: so long one is found by a search alone, which
/// gives them theirs first.
const INDEX_PERIOD: Duration = Duration::from_secs(1);

/// How often it is looked for messages that are too old, at the most and at the least. In between a
/// message is kept for a tenth longer than it must be.
const SELDOM: Duration = Duration::from_secs(60 * 60);
const OFTEN: Duration = Duration::from_secs(1);

/// The most messages in a lot to be removed, and the pause after it.
const LOT: usize = 250;
const PAUSE: Duration = Duration::from_millis(50);

/// The same for those that get their words: a good thousand in a second, and whoever writes to SQLite waits for
/// one lot at the most.
const WORDS_LOT: usize = 32;
const WORDS_PAUSE: Duration = Duration::from_millis(25);

/// How often what SQLite has logged is copied to its file.
const CHECKPOINT_PERIOD: Duration = Duration::from_secs(1);

/// The pause after that failed: the commits see to it meanwhile.
const CHECKPOINT_BACKOFF: Duration = Duration::from_secs(30);

/// Looks after a database's messages until `stop`. `retention` is how long they are kept; without
/// one, for ever.
pub(crate) async fn run(database: Database, retention: Option<Duration>, stop: CancellationToken) {
    let work = async { tokio::join!(find_words(&database), remove_old(&database, retention), checkpoint(&database)) };
    stop.run_until_cancelled(work).await;
}

async fn checkpoint(database: &Database) {
    loop {
        let pause = match database.checkpoint().await {
            Ok(()) => CHECKPOINT_PERIOD,
            Err(error) => {
                tracing::warn!(%error, "the database's log could not be copied to its file yet");
                CHECKPOINT_BACKOFF
            }
        };
        tokio::time::sleep(pause).await;
    }
}

async fn find_words(database: &Database) {
    loop {
        let pause = match database.index_words(WORDS_LOT).await {
            Ok(true) => WORDS_PAUSE,
            Ok(false) => INDEX_PERIOD,
            Err(error) => {
                tracing::warn!(%error, "the words of messages could not be found yet");
                INDEX_PERIOD
            }
        };
        tokio::time::sleep(pause).await;
    }
}

async fn remove_old(database: &Database, retention: Option<Duration>) {
    let Some(retention) = retention else { return };
    loop {
        if let Ok(before) = Timestamp::now().checked_sub(retention)
            && let Err(error) = remove_before(database, before).await
        {
            // The next round tries again.
            tracing::warn!(%error, "messages that are too old could not be removed");
        }
        tokio::time::sleep((retention / 10).clamp(OFTEN, SELDOM)).await;
    }
}

async fn remove_before(database: &Database, before: Timestamp) -> Result<(), StoreError> {
    for tenant in database.tenants_with_messages_before(before).await? {
        while database.remove_messages_before(&tenant, before, LOT).await? {
            tokio::time::sleep(PAUSE).await;
        }
    }
    Ok(())
}
