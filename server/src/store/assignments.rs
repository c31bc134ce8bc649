//! Who of the dispatch team looks after which conversation.

use std::collections::HashMap;

use sally_protocol::{Id, Tenant};
use sqlx::Row as _;

use super::messages::id;
use super::{Database, StoreError};

/// Who looks after a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignee {
    /// Who.
    pub user: Id,
    /// That person's name.
    pub name: Option<String>,
}

impl Database {
    /// Gives a conversation to a user, or to nobody; the last who says so is right.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn assign(&self, tenant: &Tenant, conversation: &Id, to: Option<&Id>) -> Result<(), StoreError> {
        let statement = match to {
            Some(_) => {
                "INSERT INTO assignment (tenant, conversation_id, user_id) VALUES ($1, $2, $3)
                 ON CONFLICT (tenant, conversation_id) DO UPDATE SET user_id = $3"
            }
            None => "DELETE FROM assignment WHERE tenant = $1 AND conversation_id = $2",
        };
        let mut query = sqlx::query(statement).bind(tenant.as_str()).bind(conversation.as_str());
        if let Some(to) = to {
            query = query.bind(to.as_str());
        }
        query.execute(self.writer()).await?;
        Ok(())
    }

    /// Who looks after each of a tenant's conversations that is somebody's.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn assignees(&self, tenant: &Tenant) -> Result<HashMap<Id, Assignee>, StoreError> {
        let rows = sqlx::query(
            "SELECT a.conversation_id, a.user_id, u.name FROM assignment a
             LEFT JOIN app_user u ON u.tenant = a.tenant AND u.user_id = a.user_id WHERE a.tenant = $1",
        )
        .bind(tenant.as_str())
        .fetch_all(self.reader())
        .await?;
        rows.iter()
            .map(|row| {
                let assignee = Assignee { user: id(row, "user_id")?, name: row.try_get("name")? };
                Ok((id(row, "conversation_id")?, assignee))
            })
            .collect()
    }
}
