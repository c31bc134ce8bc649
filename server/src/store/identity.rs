//! Which database this is, so that servers that share a Redis know whether they share it, too.

use sqlx::Row as _;

use super::{Database, StoreError};

impl Database {
    /// The database's id, random, given once.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn identity(&self) -> Result<String, StoreError> {
        // Of two servers that start on a new database one's id stays, whichever it is.
        sqlx::query("INSERT INTO database_identity (one, id) VALUES (1, $1) ON CONFLICT (one) DO NOTHING")
            .bind(uuid::Uuid::new_v4().to_string())
            .execute(self.writer())
            .await?;
        let row = sqlx::query("SELECT id FROM database_identity").fetch_one(self.writer()).await?;
        Ok(row.try_get("id")?)
    }
}
