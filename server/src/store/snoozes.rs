//! When snoozed alerts come back.

use jiff::Timestamp;
use sally_protocol::{Id, Tenant};
use sqlx::Row as _;

use super::messages::{id, signed};
use super::{Database, StoreError};

/// A snoozed alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snooze {
    /// Whose it is.
    pub tenant: Tenant,
    /// Which.
    pub alert: Id,
    /// When it comes back, to a millisecond.
    pub wakes_at: Timestamp,
}

impl Database {
    /// Notes when an alert comes back, beside what was noted for it before.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn snooze(&self, snooze: &Snooze) -> Result<(), StoreError> {
        let statement = "INSERT INTO snooze (tenant, alert_id, wakes_at) VALUES ($1, $2, $3)
                         ON CONFLICT (tenant, alert_id, wakes_at) DO NOTHING";
        self.with_snooze(statement, snooze).await
    }

    /// At most `limit` alerts that are to come back by `now`. Tenants take turns, and of each the longest
    /// due come first: one with many hides nobody else's.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn due_snoozes(&self, now: Timestamp, limit: usize) -> Result<Vec<Snooze>, StoreError> {
        let rows = sqlx::query(
            "SELECT tenant, alert_id, wakes_at FROM (
                 SELECT *, ROW_NUMBER() OVER (PARTITION BY tenant ORDER BY wakes_at) AS turn
                 FROM snooze WHERE wakes_at <= $1
             ) AS due ORDER BY turn, wakes_at LIMIT $2",
        )
        .bind(now.as_millisecond())
        .bind(signed(limit as u64))
        .fetch_all(self.reader())
        .await?;
        rows.iter()
            .map(|row| {
                Ok(Snooze {
                    tenant: Tenant::parse(&row.try_get::<String, _>("tenant")?).map_err(StoreError::row)?,
                    alert: id(row, "alert_id")?,
                    wakes_at: Timestamp::from_millisecond(row.try_get("wakes_at")?).map_err(StoreError::row)?,
                })
            })
            .collect()
    }

    /// Forgets a snooze; another of the same alert stays.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn end_snooze(&self, snooze: &Snooze) -> Result<(), StoreError> {
        self.with_snooze("DELETE FROM snooze WHERE tenant = $1 AND alert_id = $2 AND wakes_at = $3", snooze).await
    }

    /// Executes a statement of a snooze's three columns.
    async fn with_snooze(&self, statement: &'static str, snooze: &Snooze) -> Result<(), StoreError> {
        let Snooze { tenant, alert, wakes_at } = snooze;
        let query = sqlx::query(statement).bind(tenant.as_str()).bind(alert.as_str());
        query.bind(wakes_at.as_millisecond()).execute(self.writer()).await?;
        Ok(())
    }
}
