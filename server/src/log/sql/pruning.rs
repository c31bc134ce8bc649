//! What is too old or too much goes.
//!
//! It goes in parts, the oldest first: a server that was away for days finds a lot, and nobody can
//! write while a part goes.

use std::time::Duration;

use jiff::Timestamp;
use sally_protocol::Tenant;

use super::{millis, signed};
use crate::log::{LogError, REPEAT_WINDOW};
use crate::store::Database;

/// The most rows that go at once.
const PART: u64 = 2_000;

/// Removes a part of the events older than `age`, of the repeats that no longer count, and of the
/// slots whose time has come; whether there may be more.
pub(super) async fn remove_old(database: &Database, age: Duration, now: Timestamp) -> Result<bool, LogError> {
    let now = now.as_millisecond();
    let mut more = false;
    for (statement, before) in [
        (
            "DELETE FROM log_event WHERE (tenant, log_offset) IN
             (SELECT tenant, log_offset FROM log_event WHERE logged_at < $1 ORDER BY logged_at, log_offset LIMIT $2)",
            now - millis(age),
        ),
        (
            "DELETE FROM log_repeat WHERE (tenant, event_id) IN
             (SELECT tenant, event_id FROM log_repeat WHERE logged_at < $1 ORDER BY logged_at LIMIT $2)",
            now - millis(REPEAT_WINDOW),
        ),
        (
            "DELETE FROM log_slot WHERE (tenant, slot) IN
             (SELECT tenant, slot FROM log_slot WHERE leaves_at < $1 ORDER BY leaves_at LIMIT $2)",
            now,
        ),
    ] {
        let gone = sqlx::query(statement).bind(before).bind(signed(PART)).execute(database.writer()).await?;
        more |= gone.rows_affected() == PART;
    }
    Ok(more)
}

/// Removes a part of a tenant's events up to an offset; whether there may be more.
pub(super) async fn remove_up_to(database: &Database, tenant: &Tenant, offset: u64) -> Result<bool, LogError> {
    let gone = sqlx::query(
        "DELETE FROM log_event WHERE tenant = $1 AND log_offset IN
         (SELECT log_offset FROM log_event WHERE tenant = $1 AND log_offset <= $2 ORDER BY log_offset LIMIT $3)",
    )
    .bind(tenant.as_str())
    .bind(signed(offset))
    .bind(signed(PART))
    .execute(database.writer())
    .await?;
    Ok(gone.rows_affected() == PART)
}
