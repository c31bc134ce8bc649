//! Who may sign in, and who is known.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sally_protocol::{Id, Role, Tenant};
use sqlx::any::AnyRow;
use sqlx::{AssertSqlSafe, Row as _};

use super::rows::{parts, places};
use super::{Database, StoreError, storable, within_limit};

/// A user as the store knows them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Their tenant.
    pub tenant: Tenant,
    /// Their id.
    pub id: Id,
    /// Their address; users who only ever came with a token have none.
    pub email: Option<String>,
    /// The name that others see.
    pub name: Option<String>,
    /// What they are.
    pub role: Role,
    /// A driver's id in events; the user's id when `None`.
    pub driver: Option<Id>,
    /// A PHC string; `None` when they can't sign in.
    pub password_hash: Option<String>,
    /// Whether they may no longer sign in.
    pub disabled: bool,
}

/// A user as their token shows them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Bearer {
    /// Their tenant.
    pub tenant: Tenant,
    /// Their id.
    pub id: Id,
    /// What they are.
    pub role: Role,
    /// A driver's id in events, where it isn't the user's.
    pub driver: Option<Id>,
    /// The name that others see.
    pub name: Option<String>,
}

const COLUMNS: &str = "tenant, user_id, email, name, role, driver_id, password_hash, disabled";

impl Database {
    /// Adds a user, or gives one that is known by a token their address and password. Returns
    /// false when another user of the tenant has this address.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn add_user(&self, user: &User) -> Result<bool, StoreError> {
        let added = sqlx::query(
            "INSERT INTO app_user (tenant, user_id, email, name, role, driver_id, password_hash, disabled, created_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, 0, $8)
             ON CONFLICT (tenant, user_id) DO UPDATE SET email = $3, name = $4, role = $5, driver_id = $6,
             password_hash = $7, disabled = 0",
        )
        .bind(user.tenant.as_str())
        .bind(user.id.as_str())
        .bind(user.email.as_deref().map(str::to_lowercase))
        .bind(user.name.as_deref())
        .bind(user.role.as_str())
        .bind(user.driver.as_ref().map(Id::as_str))
        .bind(user.password_hash.as_deref())
        .bind(Timestamp::now().as_millisecond())
        .execute(self.writer())
        .await;
        match added {
            Ok(_) => Ok(true),
            Err(sqlx::Error::Database(error)) if error.is_unique_violation() => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Remembers users who came with a valid token, all or none. Their addresses and passwords
    /// stay.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn remember_users(&self, users: &[Bearer]) -> Result<(), StoreError> {
        let now = Timestamp::now().as_millisecond();
        within_limit(async {
            let mut turn = self.turn_to_write().await?;
            let mut transaction = turn.begin().await?;
            // Nodes take the rows in one order, so that they don't wait for each other in a circle. Of
            // one who has come twice the later token counts, as far as it says something.
            let mut merged: BTreeMap<_, Bearer> = BTreeMap::new();
            for user in users {
                let before = merged.remove(&(&user.tenant, &user.id));
                let (name, driver) = before.map_or((None, None), |before| (before.name, before.driver));
                let user_now =
                    Bearer { name: user.name.clone().or(name), driver: user.driver.clone().or(driver), ..user.clone() };
                merged.insert((&user.tenant, &user.id), user_now);
            }
            let users: Vec<Bearer> = merged.into_values().collect();
            for part in parts(&users) {
                let statement = format!(
                    "INSERT INTO app_user (tenant, user_id, name, role, driver_id, disabled, created_at) VALUES {}
                     ON CONFLICT (tenant, user_id) DO UPDATE SET name = COALESCE(excluded.name, app_user.name),
                     role = excluded.role, driver_id = COALESCE(excluded.driver_id, app_user.driver_id)",
                    places(self.kind(), part.len(), 7)
                );
                let mut query = sqlx::query(AssertSqlSafe(statement));
                for user in part {
                    query = query
                        .bind(user.tenant.as_str())
                        .bind(user.id.as_str())
                        .bind(user.name.as_deref())
                        .bind(user.role.as_str())
                        .bind(user.driver.as_ref().map(Id::as_str))
                        .bind(0_i64)
                        .bind(now);
                }
                query.execute(&mut *transaction).await?;
            }
            transaction.commit().await?;
            Ok(())
        })
        .await
    }

    /// The users with this address, in one tenant or in any.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn users_by_email(&self, email: &str, tenant: Option<&Tenant>) -> Result<Vec<User>, StoreError> {
        if !storable(email) {
            return Ok(Vec::new());
        }
        let rows = sqlx::query(AssertSqlSafe(format!(
            "SELECT {COLUMNS} FROM app_user WHERE email = $1 AND ($2 IS NULL OR tenant = $2) ORDER BY tenant"
        )))
        .bind(email.to_lowercase())
        .bind(tenant.map(Tenant::as_str))
        .fetch_all(self.reader())
        .await?;
        rows.iter().map(user).collect()
    }

    /// A user by id.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn user(&self, tenant: &Tenant, id: &Id) -> Result<Option<User>, StoreError> {
        let row =
            sqlx::query(AssertSqlSafe(format!("SELECT {COLUMNS} FROM app_user WHERE tenant = $1 AND user_id = $2")))
                .bind(tenant.as_str())
                .bind(id.as_str())
                .fetch_optional(self.reader())
                .await?;
        row.as_ref().map(user).transpose()
    }

    /// The users of a tenant, by id.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn users(&self, tenant: &Tenant) -> Result<Vec<User>, StoreError> {
        let rows =
            sqlx::query(AssertSqlSafe(format!("SELECT {COLUMNS} FROM app_user WHERE tenant = $1 ORDER BY user_id")))
                .bind(tenant.as_str())
                .fetch_all(self.reader())
                .await?;
        rows.iter().map(user).collect()
    }

    /// Sets a user's password hash; false when there is no such user.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn set_password(&self, tenant: &Tenant, id: &Id, hash: &str) -> Result<bool, StoreError> {
        let done = sqlx::query("UPDATE app_user SET password_hash = $3 WHERE tenant = $1 AND user_id = $2")
            .bind(tenant.as_str())
            .bind(id.as_str())
            .bind(hash)
            .execute(self.writer())
            .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Keeps a user from signing in again and ends their sessions; false when there is no such
    /// user.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn disable_user(&self, tenant: &Tenant, id: &Id) -> Result<bool, StoreError> {
        within_limit(async {
            let mut turn = self.turn_to_write().await?;
            let mut transaction = turn.begin().await?;
            let done = sqlx::query("UPDATE app_user SET disabled = 1 WHERE tenant = $1 AND user_id = $2")
                .bind(tenant.as_str())
                .bind(id.as_str())
                .execute(&mut *transaction)
                .await?;
            sqlx::query("DELETE FROM refresh_token WHERE tenant = $1 AND user_id = $2")
                .bind(tenant.as_str())
                .bind(id.as_str())
                .execute(&mut *transaction)
                .await?;
            transaction.commit().await?;
            Ok(done.rows_affected() == 1)
        })
        .await
    }
}

fn user(row: &AnyRow) -> Result<User, StoreError> {
    let driver: Option<String> = row.try_get("driver_id")?;
    Ok(User {
        tenant: Tenant::parse(&row.try_get::<String, _>("tenant")?).map_err(StoreError::row)?,
        id: Id::parse(&row.try_get::<String, _>("user_id")?).map_err(StoreError::row)?,
        email: row.try_get("email")?,
        name: row.try_get("name")?,
        role: Role::parse(&row.try_get::<String, _>("role")?).ok_or_else(|| StoreError::row("role"))?,
        driver: driver.map(|id| Id::parse(&id)).transpose().map_err(StoreError::row)?,
        password_hash: row.try_get("password_hash")?,
        disabled: row.try_get::<i64, _>("disabled")? != 0,
    })
}
