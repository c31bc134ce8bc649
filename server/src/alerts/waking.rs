//! Alerts whose time to come back has come.

use std::collections::HashSet;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::Alerts;
use crate::store::{Database, StoreError};

/// How often it is looked.
const PERIOD: Duration = Duration::from_secs(1);

/// How many are looked up at once.
pub(super) const LOT: usize = 1_024;

/// Lets alerts come back until `stop`. Several nodes may do so; whoever comes second changes nothing.
pub(super) async fn run(alerts: Alerts, database: Database, stop: CancellationToken) {
    let work = async {
        let mut tick = interval(PERIOD);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            if let Err(error) = wake(&alerts, &database).await {
                tracing::warn!(%error, "snoozed alerts that are due can't be looked up");
            }
        }
    };
    stop.run_until_cancelled(work).await;
}

/// Lets those come back that are due. A tenant's whose log doesn't answer stay so, and nobody waits for that
/// more than once.
pub(super) async fn wake(alerts: &Alerts, database: &Database) -> Result<(), StoreError> {
    let mut out_of_reach = HashSet::new();
    for snooze in database.due_snoozes(Timestamp::now(), LOT).await? {
        if out_of_reach.contains(&snooze.tenant) {
            continue;
        }
        match alerts.wake(snooze.clone()).await {
            Ok(()) => database.end_snooze(&snooze).await?,
            Err(error) => {
                // It stays due.
                tracing::warn!(%error, alert = %snooze.alert, "a snoozed alert can't come back yet");
                out_of_reach.insert(snooze.tenant);
            }
        }
    }
    Ok(())
}
