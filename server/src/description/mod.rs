//! What the server answers and sends, described for programs and people: `GET /openapi.json`,
//! `GET /asyncapi.json`, and the page `GET /docs` that shows both.
//!
//! The documents are written by hand, and the tests fail where they and the code differ.
//!
//! # Layout
//!
//! - `openapi.json`: every route. Which problems a route answers with is said by their codes alone.
//! - `problems.json`: the codes, with their status.
//! - `asyncapi.json`: the event stream, publishing over Redis, and messaging.
//! - `schemas.json`: the types of both.
//! - [`document`]: from these files to the two documents.
//! - `page/`: the page.

mod document;
#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::HeaderMap;
use axum::response::Response;

use crate::asset::{Asset, CSS, Files, HTML, JAVASCRIPT};
use crate::error::ApiError;

/// The HTTP API, an OpenAPI 3.1 document as JSON.
pub static OPENAPI: LazyLock<String> = LazyLock::new(|| format!("{:#}", document::openapi()));

/// The event stream, publishing over Redis and messaging, an AsyncAPI 3.0 document as JSON.
pub static ASYNCAPI: LazyLock<String> = LazyLock::new(|| format!("{:#}", document::asyncapi()));

const JSON: &str = "application/json";

/// The documents, by their path.
static DOCUMENTS: LazyLock<[Asset; 2]> =
    LazyLock::new(|| [&*OPENAPI, &*ASYNCAPI].map(|document| Asset::new(JSON, document.as_bytes())));

/// The page's files, by their path below `/docs/`. The page itself has no path.
static FILES: LazyLock<Files> = LazyLock::new(|| {
    Files::new(&[
        ("", HTML, include_str!("page/index.html")),
        ("docs.css", CSS, include_str!("page/docs.css")),
        ("docs.js", JAVASCRIPT, include_str!("page/docs.js")),
        ("shape.js", JAVASCRIPT, include_str!("page/shape.js")),
        ("tokens.css", CSS, include_str!("../../../ui/styles/tokens.css")),
    ])
});

/// What the page may load and whom it may call: this server alone.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// `GET /openapi.json`.
///
/// # Errors
///
/// None that can happen: the document is always there.
pub async fn openapi(headers: HeaderMap) -> Result<Response, ApiError> {
    DOCUMENTS[0].answer(&headers, POLICY)
}

/// `GET /asyncapi.json`.
///
/// # Errors
///
/// None that can happen: the document is always there.
pub async fn asyncapi(headers: HeaderMap) -> Result<Response, ApiError> {
    DOCUMENTS[1].answer(&headers, POLICY)
}

/// `GET /docs`.
///
/// # Errors
///
/// None that can happen: the page is always there.
pub async fn page(headers: HeaderMap) -> Result<Response, ApiError> {
    FILES.answer("", &headers, POLICY)
}

/// `GET /docs/{file}`.
///
/// # Errors
///
/// 404 for a file that the page doesn't have.
pub async fn file(Path(path): Path<String>, headers: HeaderMap) -> Result<Response, ApiError> {
    FILES.answer(&path, &headers, POLICY)
}
