//! The page for drivers, `/driver`: their own thread on a phone.
//!
//! It is a client like any other: it signs in at `/auth`, reads its history at `/api`, and talks
//! to `/messaging` through the official Socket.IO client. This module serves its files, which are
//! compiled in, and knows nothing of messages.
//!
//! # Layout
//!
//! - `page/`: the page itself. `app.js` is where to begin; it names the other modules.
//! - `vendor/`: the Socket.IO client, as npm has it.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, header};
use axum::response::Response;

use crate::asset::{CSS, Files, HTML, JAVASCRIPT};
use crate::error::ApiError;

/// The page's files, by their path below `/driver/`. The page itself has no path.
static FILES: LazyLock<Files> = LazyLock::new(|| {
    Files::new(&[
        ("", HTML, include_str!("page/index.html")),
        ("driver.css", CSS, include_str!("page/driver.css")),
        // The desktop's tokens: one palette for both halves of a conversation.
        ("tokens.css", CSS, include_str!("../../../ui/styles/tokens.css")),
        ("theme.js", JAVASCRIPT, include_str!("page/theme.js")),
        ("app.js", JAVASCRIPT, include_str!("page/app.js")),
        ("api.js", JAVASCRIPT, include_str!("page/api.js")),
        ("compose.js", JAVASCRIPT, include_str!("page/compose.js")),
        ("keep.js", JAVASCRIPT, include_str!("page/keep.js")),
        ("link.js", JAVASCRIPT, include_str!("page/link.js")),
        ("message.js", JAVASCRIPT, include_str!("page/message.js")),
        ("outbox.js", JAVASCRIPT, include_str!("page/outbox.js")),
        ("receipts.js", JAVASCRIPT, include_str!("page/receipts.js")),
        ("sign_in.js", JAVASCRIPT, include_str!("page/sign_in.js")),
        ("text.js", JAVASCRIPT, include_str!("page/text.js")),
        ("thread.js", JAVASCRIPT, include_str!("page/thread.js")),
        ("thread_view.js", JAVASCRIPT, include_str!("page/thread_view.js")),
        ("socket.io.esm.min.js", JAVASCRIPT, include_str!("vendor/socket.io.esm.min.js")),
        ("icon.svg", "image/svg+xml", include_str!("page/icon.svg")),
        ("manifest.webmanifest", "application/manifest+json", include_str!("page/manifest.webmanifest")),
    ])
});

/// `GET /driver`.
///
/// # Errors
///
/// None that can happen: the page is always there.
pub async fn page(headers: HeaderMap) -> Result<Response, ApiError> {
    FILES.answer("", &headers, &policy(&headers))
}

/// `GET /driver/{file}`.
///
/// # Errors
///
/// 404 for a file that the page doesn't have.
pub async fn file(Path(path): Path<String>, headers: HeaderMap) -> Result<Response, ApiError> {
    FILES.answer(&path, &headers, &policy(&headers))
}

/// What the page may load and whom it may call: this server alone. `'self'` doesn't cover
/// WebSockets in every browser, so they are named by the host that was asked for.
fn policy(request: &HeaderMap) -> String {
    let host = request.get(header::HOST).and_then(|host| host.to_str().ok());
    // Whatever isn't a host must not get into the policy.
    let host =
        host.and_then(|host| host.parse::<Authority>().ok()).filter(|host| !host.as_str().contains(['@', ';', ',']));
    let sockets = host.map(|host| format!(" ws://{host} wss://{host}")).unwrap_or_default();
    format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; manifest-src 'self'; \
         connect-src 'self'{sockets}; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn of_host(value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(header::HOST, HeaderValue::from_static(value))])
    }

    #[test]
    fn only_a_host_gets_into_the_policy() {
        let named = policy(&of_host("sally.example:8443"));
        assert!(named.contains("connect-src 'self' ws://sally.example:8443 wss://sally.example:8443;"), "{named}");
        for bad in ["x; script-src *", "a@b", "a,b", "x;y"] {
            assert!(policy(&of_host(bad)).contains("connect-src 'self';"), "{bad}");
        }
    }
}
