//! From an error to a status and a stable code, in one place.
//!
//! What a caller did wrong is told in full; what went wrong in here is logged once, when the
//! answer is made, and never sent.

use std::time::Duration;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use sally_protocol::Problem;
use sally_protocol::event::Rejection;
use sally_protocol::problem::PROBLEM_JSON;

use crate::auth::AuthError;
use crate::ingest::PublishError;
use crate::log::LogError;
use crate::store::StoreError;

/// An error answer, RFC 9457.
#[derive(Debug)]
pub struct ApiError {
    problem: Box<Problem>,
    retry_after: Option<Duration>,
}

impl ApiError {
    fn new(status: StatusCode, code: &str, title: &str) -> Self {
        Self { problem: Box::new(Problem::new(status.as_u16(), code, title)), retry_after: None }
    }

    fn detail(mut self, detail: impl Into<String>) -> Self {
        self.problem.detail = Some(detail.into());
        self
    }

    /// Names the element of the request's list that is meant.
    pub fn at(mut self, index: usize) -> Self {
        self.problem.index = Some(index);
        self
    }

    /// Says in which state is what the request was about.
    pub fn in_state(mut self, state: &str) -> Self {
        self.problem.state = Some(state.into());
        self
    }

    /// The error as it is told, without an answer around it.
    pub fn into_problem(self) -> Problem {
        *self.problem
    }

    /// 400.
    pub fn bad_request(code: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, "Bad request").detail(detail)
    }

    /// 403, the role or tenant may not do this.
    pub fn forbidden() -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", "Not allowed")
    }

    /// 403, a web page of another origin.
    pub fn origin_not_allowed() -> Self {
        Self::new(StatusCode::FORBIDDEN, "origin_not_allowed", "This origin is not allowed")
    }

    /// 404, also for what belongs to somebody else.
    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "Not found")
    }

    /// 405.
    pub fn method_not_allowed() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "This method is not allowed here")
    }

    /// 409.
    pub fn conflict(code: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, "Conflict").detail(detail)
    }

    /// 408.
    pub fn body_timeout() -> Self {
        Self::new(StatusCode::REQUEST_TIMEOUT, "body_timeout", "The body didn't come")
            .detail("the body of the request paused for too long")
    }

    /// 413.
    pub fn too_large(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", "Too large").detail(detail)
    }

    /// 422.
    pub fn invalid(code: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, "Not valid").detail(detail)
    }

    /// 431.
    pub fn head_too_large() -> Self {
        let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
        Self::new(status, "head_too_large", "Too large").detail("the head of a request may have at most 16 KiB")
    }

    /// 429.
    pub fn too_many(code: &str, detail: impl Into<String>, retry_after: Duration) -> Self {
        let mut error = Self::new(StatusCode::TOO_MANY_REQUESTS, code, "Too many").detail(detail);
        error.retry_after = Some(retry_after);
        error
    }

    /// 429, before so long has passed.
    pub fn too_many_attempts(wait: Duration) -> Self {
        let status = StatusCode::TOO_MANY_REQUESTS;
        let mut error = Self::new(status, "too_many_attempts", "Too many attempts to sign in")
            .detail(format!("try again in {} s", wait.as_secs_f64().ceil()));
        error.retry_after = Some(wait);
        error
    }

    /// 503, while something that is needed can't be reached.
    pub fn unavailable() -> Self {
        let mut error = Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "Not available right now");
        error.retry_after = Some(Duration::from_secs(2));
        error
    }

    /// 503, while the server drains.
    pub fn draining() -> Self {
        let mut error = Self::new(StatusCode::SERVICE_UNAVAILABLE, "draining", "The server is shutting down");
        error.retry_after = Some(Duration::from_secs(1));
        error
    }

    /// 401, an e-mail address and password that don't fit.
    pub fn bad_credentials() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "bad_credentials", "E-mail address or password is wrong")
    }

    /// 500; the cause is logged here and not sent.
    pub fn internal(cause: &dyn std::fmt::Display) -> Self {
        tracing::error!(%cause, "a request failed");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Something went wrong in the server")
    }

    /// The status.
    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = (self.status(), Json(&self.problem)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(after) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(after.as_secs_f64().ceil() as u64));
        }
        if self.problem.status == 401 {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl From<AuthError> for ApiError {
    fn from(error: AuthError) -> Self {
        let code = match error {
            AuthError::Missing | AuthError::Invalid => "unauthorized",
            AuthError::Expired => "token_expired",
        };
        Self::new(StatusCode::UNAUTHORIZED, code, "Not signed in").detail(error.to_string())
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "the store failed");
        Self::unavailable()
    }
}

impl From<LogError> for ApiError {
    fn from(error: LogError) -> Self {
        tracing::error!(%error, "the log failed");
        Self::unavailable()
    }
}

impl From<Rejection> for ApiError {
    fn from(rejection: Rejection) -> Self {
        match rejection {
            Rejection::TooLarge => Self::too_large(rejection.to_string()),
            other => Self::invalid(other.code(), other.to_string()),
        }
    }
}

impl From<PublishError> for ApiError {
    fn from(error: PublishError) -> Self {
        match error {
            PublishError::Rejected { rejection, index } => Self::from(rejection).at(index),
            PublishError::TenantRequired { index } => {
                Self::bad_request("tenant_required", "each event must name its \"tenantId\"").at(index)
            }
            PublishError::Log(error) => error.into(),
        }
    }
}
