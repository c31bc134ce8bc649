//! Whether the server is alive, ready, and what it has counted.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Json;
use axum::extract::{ConnectInfo, FromRequestParts as _, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use sally_protocol::{PROTOCOL_VERSION, Role};
use serde_json::json;

use crate::app::App;
use crate::auth::{Principal, Scope};
use crate::error::ApiError;
use crate::link::Link;

/// How long a part may take to answer before it counts as out of reach.
const PATIENCE: Duration = Duration::from_secs(2);

/// Whether Redis works: the log takes writes, this node hears what is appended, and what is
/// published comes back. A cheap clone.
#[derive(Clone)]
pub struct RedisUp {
    link: Arc<Link>,
    signals: Arc<AtomicBool>,
    publishes: Arc<AtomicBool>,
}

impl RedisUp {
    /// `signals` is whether this node hears what is appended.
    pub fn new(link: Arc<Link>, signals: Arc<AtomicBool>) -> Self {
        Self { link, signals, publishes: Arc::default() }
    }

    /// Says whether what is published comes back.
    pub fn set_publishes(&self, come_back: bool) {
        self.publishes.store(come_back, Ordering::Relaxed);
    }

    /// Whether all of it works.
    pub fn is_up(&self) -> bool {
        self.link.is_up() && self.signals.load(Ordering::Relaxed) && self.publishes.load(Ordering::Relaxed)
    }
}

/// `GET /healthz`: the process serves. Also tells a client what it has found.
pub async fn alive() -> Response {
    Json(json!({
        "status": "ok",
        "name": "sally-realtime",
        "version": env!("CARGO_PKG_VERSION"),
        "protocol": PROTOCOL_VERSION,
    }))
    .into_response()
}

/// `GET /readyz`: 200 when the store answers and, with Redis, a publish has come back; else 503
/// with what is missing.
pub async fn ready(State(app): State<App>) -> Response {
    let store = tokio::time::timeout(PATIENCE, app.database.ping()).await.is_ok_and(|answer| answer.is_ok());
    let redis = app.redis_up.as_ref().map(RedisUp::is_up);
    let draining = app.drain.has_begun();
    let ready = store && redis != Some(false) && !draining;
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = json!({ "ready": ready, "store": store, "redis": redis, "draining": draining });
    (status, Json(body)).into_response()
}

/// `GET /metrics`: for peers on loopback, and for services of any tenant.
///
/// # Errors
///
/// 401 or 403 for anybody else.
pub async fn metrics(
    State(app): State<App>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Result<Response, ApiError> {
    if !peer.ip().to_canonical().is_loopback() {
        let (mut parts, _) = request.into_parts();
        let principal = Principal::from_request_parts(&mut parts, &app).await?;
        if principal.role != Some(Role::Service) || principal.scope != Some(Scope::Any) {
            return Err(ApiError::forbidden());
        }
    }
    let text = app.metrics.encode().map_err(|error| ApiError::internal(&error))?;
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, kind)], text).into_response())
}
