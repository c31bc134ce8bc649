//! Every route on one screen.

use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{HeaderName, HeaderValue, Method, header};
use axum::middleware::{self, Next};
use axum::response::{Redirect, Response};
use axum::routing::{any, get, post, put};
use sally_protocol::{PROTOCOL_HEADER, PROTOCOL_VERSION};
use tower_http::cors::{AllowOrigin, CorsLayer};
use tower_http::timeout::RequestBodyTimeoutLayer;

use crate::app::App;
use crate::auth::{login, origin};
use crate::error::ApiError;
use crate::{alerts, description, driver, engine, health, ingest, messaging, sse};

/// How long a request's body may pause.
const BODY_TIMEOUT: Duration = Duration::from_secs(15);

/// The server's HTTP interface.
pub(crate) fn router(app: App) -> Router {
    let origins = app.origins.clone();
    let api = Router::new()
        .route("/sse/events", get(sse::events))
        .route("/api/snapshot", get(sse::snapshot::get))
        .route("/api/events", post(ingest::http::publish).layer(DefaultBodyLimit::max(ingest::http::MAX_BODY_BYTES)))
        .route("/api/alerts/bulk", post(alerts::act_on_many).layer(DefaultBodyLimit::max(alerts::MAX_BODY_BYTES)))
        .route("/api/alerts/{id}", get(alerts::history::get))
        .route("/api/alerts/{id}/{action}", post(alerts::act_on).layer(DefaultBodyLimit::max(alerts::MAX_BODY_BYTES)))
        .route("/api/conversations", get(messaging::http::conversations))
        .route("/api/conversations/{id}/messages", get(messaging::http::messages))
        .route("/api/conversations/{id}/notes", get(messaging::notes::list).post(messaging::notes::add))
        .route("/api/conversations/{id}/assign", post(messaging::assignment::assign))
        .route("/api/team", get(messaging::assignment::team))
        .route("/api/templates", get(messaging::templates::list).post(messaging::templates::add))
        .route("/api/templates/{id}", put(messaging::templates::change).delete(messaging::templates::remove))
        .route("/api/messages/{id}/acknowledgements", get(messaging::acknowledgements::of_message))
        .route("/api/acknowledgements", get(messaging::acknowledgements::awaited))
        .route("/api/search", get(messaging::http::search))
        .route("/auth/login", post(login::login))
        .route("/auth/refresh", post(login::refresh))
        .route("/auth/logout", post(login::logout))
        .route("/auth/me", get(login::me))
        .route("/socket.io", any(engine::http::serve).layer(DefaultBodyLimit::max(engine::MAX_PAYLOAD_BYTES)))
        .route("/socket.io/", any(engine::http::serve).layer(DefaultBodyLimit::max(engine::MAX_PAYLOAD_BYTES)))
        .route("/driver", get(driver::page))
        .route("/driver/", get(async || Redirect::permanent("/driver")))
        .route("/driver/{file}", get(driver::file))
        .route("/openapi.json", get(description::openapi))
        .route("/asyncapi.json", get(description::asyncapi))
        .route("/docs", get(description::page))
        .route("/docs/{file}", get(description::file))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(health::metrics))
        .fallback(async || ApiError::not_found())
        .method_not_allowed_fallback(async || ApiError::method_not_allowed())
        .layer(middleware::from_fn_with_state(origins.clone(), origin::guard))
        // A body that stops coming doesn't keep its connection.
        .layer(RequestBodyTimeoutLayer::new(BODY_TIMEOUT))
        .with_state(app);
    api.layer(middleware::from_fn_with_state(origins.clone(), origin::guard_sockets))
        .layer(cors(origins))
        .layer(middleware::from_fn(stamp))
}

/// Says in every answer which generation of the protocol is spoken here.
async fn stamp(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    response.headers_mut().insert(HeaderName::from_static(PROTOCOL_HEADER), HeaderValue::from(PROTOCOL_VERSION));
    response
}

/// Lets pages of the allowed origins read answers, cookies and all.
fn cors(origins: origin::Origins) -> CorsLayer {
    let listed = move |origin: &HeaderValue, _: &axum::http::request::Parts| {
        origin.to_str().is_ok_and(|origin| origins.is_listed(origin))
    };
    CorsLayer::new()
        .allow_origin(AllowOrigin::predicate(listed))
        .allow_credentials(true)
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::DELETE])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            HeaderName::from_static("last-event-id"),
            HeaderName::from_static("idempotency-key"),
        ])
        .expose_headers([header::RETRY_AFTER, HeaderName::from_static(PROTOCOL_HEADER)])
}
