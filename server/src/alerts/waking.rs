//! Alerts whose time to come back has come.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::Alerts;
use crate::store::{Database, StoreError};

/// How often it is looked.
const PERIOD: Duration = Duration::from_secs(1);

/// How many are looked up at once.
const LOT: usize = 64;

/// Lets alerts come back until `stop`. Several nodes may do so; whoever comes second changes nothing.
pub(super) async fn run(alerts: Alerts, database: Database, stop: CancellationToken) {
    let mut tick = interval(PERIOD);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while stop.run_until_cancelled(tick.tick()).await.is_some() {
        if let Err(error) = wake(&alerts, &database).await {
            tracing::warn!(%error, "snoozed alerts that are due can't be looked up");
        }
    }
}

async fn wake(alerts: &Alerts, database: &Database) -> Result<(), StoreError> {
    loop {
        let due = database.due_snoozes(Timestamp::now(), LOT).await?;
        let mut is_last = due.len() < LOT;
        for snooze in due {
            match alerts.wake(snooze.clone()).await {
                Ok(()) => database.end_snooze(&snooze).await?,
                Err(error) => {
                    // It stays due.
                    tracing::warn!(%error, alert = %snooze.alert, "a snoozed alert can't come back yet");
                    is_last = true;
                }
            }
        }
        if is_last {
            return Ok(());
        }
    }
}
