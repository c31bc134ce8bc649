//! The quick replies that a tenant's dispatch team shares.

use reqwest::Method;
use sally_protocol::Id;
use sally_protocol::team::{Template, TemplateDraft, Templates};

use crate::Error;
use crate::session::Session;

impl Session {
    /// `GET /api/templates`.
    ///
    /// # Errors
    ///
    /// As any ordinary call.
    pub async fn templates(&self) -> Result<Templates, Error> {
        self.read(self.call(Method::GET, "api/templates", |request| request).await?).await
    }

    /// `POST /api/templates`.
    ///
    /// # Errors
    ///
    /// As any ordinary call; what [`sally_protocol::template::check`] finds wrong is a 422, one too
    /// many a 409 `too_many_templates`.
    pub async fn add_template(&self, draft: &TemplateDraft) -> Result<Template, Error> {
        self.read(self.call(Method::POST, "api/templates", |request| request.json(draft)).await?).await
    }

    /// `PUT /api/templates/{id}`. The draft names the version that was edited.
    ///
    /// # Errors
    ///
    /// As [`Session::add_template`]; a 409 `version_conflict` when somebody else has changed it, a 404
    /// when somebody has removed it.
    pub async fn change_template(&self, template: &Id, draft: &TemplateDraft) -> Result<Template, Error> {
        let path = format!("api/templates/{template}");
        self.read(self.call(Method::PUT, &path, |request| request.json(draft)).await?).await
    }

    /// `DELETE /api/templates/{id}`, as `version` was seen.
    ///
    /// # Errors
    ///
    /// As any ordinary call; a 409 `version_conflict` when somebody else has changed it, a 404 when
    /// somebody has removed it.
    pub async fn remove_template(&self, template: &Id, version: u64) -> Result<(), Error> {
        let path = format!("api/templates/{template}");
        self.call(Method::DELETE, &path, |request| request.query(&[("version", version)])).await.map(drop)
    }
}
