//! Which web pages may call.
//!
//! A browser sends cookies along with what any page asks of it, so a request that changes
//! something and is authenticated by cookie, and every Socket.IO transport, must come from an
//! allowed origin or from something that isn't a page at all.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, header};
use axum::middleware::Next;
use axum::response::Response;

use super::extract::{ACCESS_COOKIE, bearer, cookie};
use super::login::REFRESH_COOKIE;
use crate::error::ApiError;

/// The origins of the desktop's webview, by platform.
const DESKTOP_ORIGINS: [&str; 3] = ["tauri://localhost", "http://tauri.localhost", "https://tauri.localhost"];

/// The allow-list; a cheap clone.
#[derive(Debug, Clone)]
pub struct Origins {
    allowed: Arc<[String]>,
}

impl Origins {
    /// The server's own origin, the desktop's, and these.
    pub fn new(allowed: &[String]) -> Self {
        Self { allowed: allowed.into() }
    }

    /// Whether pages of this origin may read answers across origins.
    pub fn is_listed(&self, origin: &str) -> bool {
        DESKTOP_ORIGINS.contains(&origin) || self.allowed.iter().any(|allowed| allowed.eq_ignore_ascii_case(origin))
    }

    /// Whether a request may come from where it says: no page, the server's own, or a listed one.
    pub fn allows(&self, headers: &HeaderMap) -> bool {
        let Some(origin) = headers.get(header::ORIGIN) else { return true };
        let Ok(origin) = origin.to_str() else { return false };
        // The scheme is left out: a proxy that ends TLS in front of the server hides it.
        let own = headers.get(header::HOST).and_then(|host| host.to_str().ok());
        let authority = origin.split_once("://").map(|(_, authority)| authority);
        self.is_listed(origin) || (own.is_some() && own == authority)
    }
}

/// Refuses unsafe methods with a cookie from a page of another origin.
///
/// # Errors
///
/// 403 `origin_not_allowed`.
pub async fn guard(State(origins): State<Origins>, request: Request, next: Next) -> Result<Response, ApiError> {
    let unsafe_method = !matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    let headers = request.headers();
    let by_cookie = bearer(headers).is_none()
        && (cookie(headers, ACCESS_COOKIE).is_some() || cookie(headers, REFRESH_COOKIE).is_some());
    if unsafe_method && by_cookie && !origins.allows(headers) {
        return Err(ApiError::origin_not_allowed());
    }
    Ok(next.run(request).await)
}

/// Refuses Socket.IO requests, polling and upgrade alike, from a page of another origin.
///
/// # Errors
///
/// 403 `origin_not_allowed`.
pub async fn guard_sockets(State(origins): State<Origins>, request: Request, next: Next) -> Result<Response, ApiError> {
    let is_socket = request.uri().path().starts_with("/socket.io");
    if is_socket && !origins.allows(request.headers()) {
        return Err(ApiError::origin_not_allowed());
    }
    Ok(next.run(request).await)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(origin: Option<&str>) -> bool {
        let origins = Origins::new(&["https://dispatch.example".into()]);
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, "sally.example:8787".parse().expect("a value"));
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, origin.parse().expect("a value"));
        }
        origins.allows(&headers)
    }

    #[test]
    fn own_listed_and_no_origins_pass() {
        assert!(allows(None));
        assert!(allows(Some("https://sally.example:8787")));
        assert!(allows(Some("https://dispatch.example")));
        assert!(allows(Some("tauri://localhost")));
        for other in ["null", "https://evil.example", "https://sally.example", "https://dispatch.example.evil.example"]
        {
            assert!(!allows(Some(other)), "{other}");
        }
    }
}
