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
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

use crate::error::ApiError;

/// The page's files: path below `/driver/`, media type, content. The page itself has no path.
static FILES: &[(&str, &str, &str)] = &[
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
];

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

/// The entity tags of [`FILES`], in their order.
static TAGS: LazyLock<Vec<String>> = LazyLock::new(|| FILES.iter().map(|(.., content)| tag(content)).collect());

/// `GET /driver`.
///
/// # Errors
///
/// None that can happen: the page is always there.
pub async fn page(headers: HeaderMap) -> Result<Response, ApiError> {
    serve("", &headers)
}

/// `GET /driver/{file}`.
///
/// # Errors
///
/// 404 for a file that the page doesn't have.
pub async fn file(Path(path): Path<String>, headers: HeaderMap) -> Result<Response, ApiError> {
    serve(&path, &headers)
}

fn serve(path: &str, request: &HeaderMap) -> Result<Response, ApiError> {
    let index = FILES.iter().position(|(known, ..)| *known == path).ok_or_else(ApiError::not_found)?;
    let (_, media_type, content) = FILES[index];
    let tag = &TAGS[index];
    let mut response = match is_held(request, tag) {
        true => StatusCode::NOT_MODIFIED.into_response(),
        false => content.into_response(),
    };
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, media_type),
        // What the browser holds is asked after every time: a new server has a new page.
        (header::CACHE_CONTROL, "no-cache"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    for (name, value) in [(header::ETAG, tag.clone()), (header::CONTENT_SECURITY_POLICY, policy(request))] {
        headers.insert(name, HeaderValue::try_from(value).map_err(|error| ApiError::internal(&error))?);
    }
    Ok(response)
}

/// A strong entity tag (RFC 9110, section 8.8.3).
fn tag(content: &str) -> String {
    let digest = Sha256::digest(content.as_bytes());
    format!("\"{}\"", URL_SAFE_NO_PAD.encode(&digest[..12]))
}

/// Whether the browser holds what `tag` names (RFC 9110, section 13.1.2).
fn is_held(request: &HeaderMap, tag: &str) -> bool {
    let lists = request.get_all(header::IF_NONE_MATCH).iter().filter_map(|list| list.to_str().ok());
    lists
        .flat_map(|list| list.split(','))
        .map(str::trim)
        .any(|held| held == "*" || held.trim_start_matches("W/") == tag)
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
    use super::*;

    fn headers(name: HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn a_tag_is_found_in_a_list() {
        for held in ["\"a\"", "W/\"a\"", "\"b\", \"a\"", "*"] {
            assert!(is_held(&headers(header::IF_NONE_MATCH, held), "\"a\""), "{held}");
        }
        assert!(!is_held(&headers(header::IF_NONE_MATCH, "\"b\""), "\"a\""));
        assert!(!is_held(&HeaderMap::new(), "\"a\""));
    }

    #[test]
    fn only_a_host_gets_into_the_policy() {
        let named = policy(&headers(header::HOST, "sally.example:8443"));
        assert!(named.contains("connect-src 'self' ws://sally.example:8443 wss://sally.example:8443;"), "{named}");
        for bad in ["x; script-src *", "a@b", "a,b", "x;y"] {
            assert!(policy(&headers(header::HOST, bad)).contains("connect-src 'self';"), "{bad}");
        }
    }
}
