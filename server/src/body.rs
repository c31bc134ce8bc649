//! The body of a request.

use std::error::Error;
use std::iter::successors;

use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, JsonRejection};
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use tower_http::timeout::TimeoutError;

use crate::error::ApiError;

/// The body of a request, whole; else 400 `invalid_body`, 408 `body_timeout`, 413 `too_large`.
pub struct Body(pub Bytes);

impl<S: Send + Sync> FromRequest<S> for Body {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        Ok(Self(Bytes::from_request(request, state).await?))
    }
}

impl From<BytesRejection> for ApiError {
    fn from(rejection: BytesRejection) -> Self {
        match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Self::too_large("the body is larger than is taken here"),
            _ if is_timeout(&rejection) => Self::body_timeout(),
            _ => Self::bad_request("invalid_body", "the body ended before it was whole"),
        }
    }
}

impl From<JsonRejection> for ApiError {
    fn from(rejection: JsonRejection) -> Self {
        match rejection {
            JsonRejection::BytesRejection(rejection) => rejection.into(),
            other => Self::bad_request("invalid_json", other.body_text()),
        }
    }
}

/// Whether the body paused for too long. What says so is wrapped by whoever passed it on.
fn is_timeout(error: &(dyn Error + 'static)) -> bool {
    successors(Some(error), |&error| error.source()).any(|error| error.is::<TimeoutError>())
}
