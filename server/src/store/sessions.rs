//! Refresh tokens and their families.
//!
//! A refresh token is good once: using it gives the next one of its family. One that comes back a
//! second time was copied, so the whole family ends. The store holds hashes only.

use jiff::Timestamp;
use sally_protocol::{Id, Tenant};
use sha2::{Digest as _, Sha256};
use sqlx::Row as _;

use super::{Database, StoreError, within_limit};

/// What became of a refresh token.
#[derive(Debug, PartialEq, Eq)]
pub enum Rotation {
    /// It was good; the next one of the family is stored.
    Rotated {
        /// Whose it is.
        tenant: Tenant,
        /// Whose it is.
        user: Id,
    },
    /// It is unknown, has ended, or was used before, which ended its family.
    Refused,
}

impl Database {
    /// Stores the first token of a new family.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn begin_session(
        &self,
        tenant: &Tenant,
        user: &Id,
        token: &str,
        expires_at: Timestamp,
    ) -> Result<(), StoreError> {
        within_limit(async {
            let mut turn = self.turn_to_write().await?;
            let mut transaction = turn.begin().await?;
            sqlx::query("DELETE FROM refresh_token WHERE expires_at < $1")
                .bind(Timestamp::now().as_millisecond())
                .execute(&mut *transaction)
                .await?;
            insert(&mut transaction, token, &uuid::Uuid::new_v4().to_string(), tenant, user, expires_at).await?;
            transaction.commit().await?;
            Ok(())
        })
        .await
    }

    /// Exchanges a token for the `next` one of its family.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn rotate_session(
        &self,
        token: &str,
        next: &str,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<Rotation, StoreError> {
        within_limit(async {
            let mut turn = self.turn_to_write().await?;
            let mut transaction = turn.begin().await?;
            lock(&mut transaction, token).await?;
            let Some(row) = sqlx::query(
                "SELECT family, tenant, user_id, expires_at, used FROM refresh_token WHERE token_hash = $1",
            )
            .bind(hash(token))
            .fetch_optional(&mut *transaction)
            .await?
            else {
                return Ok(Rotation::Refused);
            };
            let family: String = row.try_get("family")?;
            if row.try_get::<i64, _>("used")? != 0 {
                sqlx::query("DELETE FROM refresh_token WHERE family = $1")
                    .bind(family)
                    .execute(&mut *transaction)
                    .await?;
                transaction.commit().await?;
                return Ok(Rotation::Refused);
            }
            if row.try_get::<i64, _>("expires_at")? <= now.as_millisecond() {
                return Ok(Rotation::Refused);
            }
            let tenant = Tenant::parse(&row.try_get::<String, _>("tenant")?).map_err(StoreError::row)?;
            let user = Id::parse(&row.try_get::<String, _>("user_id")?).map_err(StoreError::row)?;
            sqlx::query("UPDATE refresh_token SET used = 1 WHERE token_hash = $1")
                .bind(hash(token))
                .execute(&mut *transaction)
                .await?;
            insert(&mut transaction, next, &family, &tenant, &user, expires_at).await?;
            transaction.commit().await?;
            Ok(Rotation::Rotated { tenant, user })
        })
        .await
    }

    /// Ends the family of a token.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn end_session(&self, token: &str) -> Result<(), StoreError> {
        within_limit(async {
            let mut turn = self.turn_to_write().await?;
            let mut transaction = turn.begin().await?;
            lock(&mut transaction, token).await?;
            sqlx::query(
                "DELETE FROM refresh_token WHERE family = (SELECT family FROM refresh_token WHERE token_hash = $1)",
            )
            .bind(hash(token))
            .execute(&mut *transaction)
            .await?;
            transaction.commit().await?;
            Ok(())
        })
        .await
    }
}

/// Takes the lock of a token's user, so that what happens to that user's tokens happens one after
/// the other: a token is rotated once, and a family that ends leaves no token behind.
async fn lock(transaction: &mut sqlx::AnyConnection, token: &str) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE app_user SET disabled = disabled
         WHERE (tenant, user_id) IN (SELECT tenant, user_id FROM refresh_token WHERE token_hash = $1)",
    )
    .bind(hash(token))
    .execute(transaction)
    .await?;
    Ok(())
}

async fn insert(
    transaction: &mut sqlx::AnyConnection,
    token: &str,
    family: &str,
    tenant: &Tenant,
    user: &Id,
    expires_at: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO refresh_token (token_hash, family, tenant, user_id, expires_at, used) VALUES ($1, $2, $3, $4, $5, 0)",
    )
    .bind(hash(token))
    .bind(family)
    .bind(tenant.as_str())
    .bind(user.as_str())
    .bind(expires_at.as_millisecond())
    .execute(transaction)
    .await?;
    Ok(())
}

fn hash(token: &str) -> String {
    let digest = Sha256::digest(token.as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
