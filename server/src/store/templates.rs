//! Quick replies, shared by a tenant.
//!
//! A change names the version that was edited, so that of two who edit the same one is told.

use jiff::Timestamp;
use sally_protocol::team::{MAX_TEMPLATES, Template};
use sally_protocol::{Id, Tenant};
use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::messages::{hold_inbox, id, signed, time, unsigned};
use super::{Database, StoreError, within_limit};

/// What somebody wants a template to be, checked.
#[derive(Debug, Clone)]
pub struct Edit {
    /// The title.
    pub title: String,
    /// The text.
    pub text: String,
    /// Who.
    pub by: Id,
    /// When.
    pub at: Timestamp,
}

/// What became of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changed<T> {
    /// It was made.
    Done(T),
    /// The template is another version by now.
    Conflict,
    /// There is no such template.
    Unknown,
}

impl Database {
    /// A tenant's templates, by title.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn templates(&self, tenant: &Tenant) -> Result<Vec<Template>, StoreError> {
        let rows = sqlx::query(
            "SELECT template_id, title, content, version, updated_by, updated_at FROM template WHERE tenant = $1",
        )
        .bind(tenant.as_str())
        .fetch_all(self.reader())
        .await?;
        let mut templates = rows.iter().map(template).collect::<Result<Vec<_>, _>>()?;
        // The order of titles is ours: a database's own hangs on its locale.
        templates.sort_by_cached_key(|template| (template.title.to_lowercase(), template.template_id.clone()));
        Ok(templates)
    }

    /// Adds a template; `None` when the tenant has [`MAX_TEMPLATES`] already.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn add_template(&self, tenant: &Tenant, edit: &Edit) -> Result<Option<Template>, StoreError> {
        let added = Template {
            template_id: Id::parse(&uuid::Uuid::now_v7().to_string()).map_err(StoreError::row)?,
            title: edit.title.clone(),
            text: edit.text.clone(),
            version: 1,
            updated_by: edit.by.clone(),
            updated_at: Timestamp::from_millisecond(edit.at.as_millisecond()).unwrap_or(edit.at),
        };
        within_limit(async {
            let mut turn = self.turn_to_write().await?;
            let mut transaction = turn.begin().await?;
            // Who holds the tenant's row counts and adds alone.
            hold_inbox(&mut *transaction, tenant).await?;
            let row = sqlx::query("SELECT COUNT(*) AS count FROM template WHERE tenant = $1")
                .bind(tenant.as_str())
                .fetch_one(&mut *transaction)
                .await?;
            if unsigned(&row, "count")? >= MAX_TEMPLATES as u64 {
                return Ok(None);
            }
            sqlx::query(
                "INSERT INTO template (tenant, template_id, title, content, version, updated_by, updated_at)
                 VALUES ($1, $2, $3, $4, 1, $5, $6)",
            )
            .bind(tenant.as_str())
            .bind(added.template_id.as_str())
            .bind(&added.title)
            .bind(&added.text)
            .bind(added.updated_by.as_str())
            .bind(added.updated_at.as_millisecond())
            .execute(&mut *transaction)
            .await?;
            transaction.commit().await?;
            Ok(Some(added))
        })
        .await
    }

    /// Changes a template that is still at `version`.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn change_template(
        &self,
        tenant: &Tenant,
        template_id: &Id,
        version: u64,
        edit: &Edit,
    ) -> Result<Changed<Template>, StoreError> {
        let row = sqlx::query(
            "UPDATE template SET title = $4, content = $5, version = version + 1, updated_by = $6, updated_at = $7
             WHERE tenant = $1 AND template_id = $2 AND version = $3
             RETURNING template_id, title, content, version, updated_by, updated_at",
        )
        .bind(tenant.as_str())
        .bind(template_id.as_str())
        .bind(signed(version))
        .bind(&edit.title)
        .bind(&edit.text)
        .bind(edit.by.as_str())
        .bind(edit.at.as_millisecond())
        .fetch_optional(self.writer())
        .await?;
        match row {
            Some(row) => Ok(Changed::Done(template(&row)?)),
            None => self.why_unchanged(tenant, template_id).await,
        }
    }

    /// Removes a template that is still at `version`.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn remove_template(
        &self,
        tenant: &Tenant,
        template_id: &Id,
        version: u64,
    ) -> Result<Changed<()>, StoreError> {
        let done = sqlx::query("DELETE FROM template WHERE tenant = $1 AND template_id = $2 AND version = $3")
            .bind(tenant.as_str())
            .bind(template_id.as_str())
            .bind(signed(version))
            .execute(self.writer())
            .await?;
        match done.rows_affected() {
            0 => self.why_unchanged(tenant, template_id).await,
            _ => Ok(Changed::Done(())),
        }
    }

    async fn why_unchanged<T>(&self, tenant: &Tenant, template_id: &Id) -> Result<Changed<T>, StoreError> {
        let known = sqlx::query("SELECT version FROM template WHERE tenant = $1 AND template_id = $2")
            .bind(tenant.as_str())
            .bind(template_id.as_str())
            .fetch_optional(self.writer())
            .await?;
        Ok(known.map_or(Changed::Unknown, |_| Changed::Conflict))
    }
}

fn template(row: &AnyRow) -> Result<Template, StoreError> {
    Ok(Template {
        template_id: id(row, "template_id")?,
        title: row.try_get("title")?,
        text: row.try_get("content")?,
        version: unsigned(row, "version")?,
        updated_by: id(row, "updated_by")?,
        updated_at: time(row, "updated_at")?,
    })
}
