//! Files that are compiled in, as browsers get them.

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use crate::error::ApiError;

pub(crate) const HTML: &str = "text/html; charset=utf-8";
pub(crate) const CSS: &str = "text/css; charset=utf-8";
pub(crate) const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

/// A file, its media type and its entity tag.
#[derive(Debug)]
pub(crate) struct Asset {
    media_type: &'static str,
    content: Bytes,
    tag: String,
}

impl Asset {
    /// A file of this media type.
    pub(crate) fn new(media_type: &'static str, content: impl Into<Bytes>) -> Self {
        let content = content.into();
        let tag = tag(&content);
        Self { media_type, content, tag }
    }

    /// The answer to a request for it: 200, or 304 to a browser that holds it. `policy` is what the
    /// file may load and whom it may call (Content Security Policy, level 3).
    ///
    /// # Errors
    ///
    /// `internal` for a policy that can't be a header.
    pub(crate) fn answer(&self, request: &HeaderMap, policy: &str) -> Result<Response, ApiError> {
        let mut response = match is_held(request, &self.tag) {
            true => StatusCode::NOT_MODIFIED.into_response(),
            false => self.content.clone().into_response(),
        };
        let headers = response.headers_mut();
        for (name, value) in [
            (header::CONTENT_TYPE, self.media_type),
            // What the browser holds is asked after every time: a new server has a new page.
            (header::CACHE_CONTROL, "no-cache"),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (header::REFERRER_POLICY, "same-origin"),
            (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        for (name, value) in [(header::ETAG, self.tag.as_str()), (header::CONTENT_SECURITY_POLICY, policy)] {
            headers.insert(name, HeaderValue::try_from(value).map_err(|error| ApiError::internal(&error))?);
        }
        Ok(response)
    }
}

/// The files of a page.
#[derive(Debug)]
pub(crate) struct Files(Vec<(&'static str, Asset)>);

impl Files {
    /// Files by their path below the page's, with their media types. The page itself has no path.
    pub(crate) fn new(files: &[(&'static str, &'static str, &'static str)]) -> Self {
        Self(files.iter().map(|&(path, media_type, content)| (path, Asset::new(media_type, content))).collect())
    }

    /// The answer to a request for one, as [`Asset::answer`].
    ///
    /// # Errors
    ///
    /// 404 for a file that the page doesn't have.
    pub(crate) fn answer(&self, path: &str, request: &HeaderMap, policy: &str) -> Result<Response, ApiError> {
        let (_, asset) = self.0.iter().find(|(known, _)| *known == path).ok_or_else(ApiError::not_found)?;
        asset.answer(request, policy)
    }
}

/// A strong entity tag (RFC 9110, section 8.8.3).
fn tag(content: &[u8]) -> String {
    let digest = Sha256::digest(content);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_found_in_a_list() {
        let headers = |value| HeaderMap::from_iter([(header::IF_NONE_MATCH, HeaderValue::from_static(value))]);
        for held in ["\"a\"", "W/\"a\"", "\"b\", \"a\"", "*"] {
            assert!(is_held(&headers(held), "\"a\""), "{held}");
        }
        assert!(!is_held(&headers("\"b\""), "\"a\""));
        assert!(!is_held(&HeaderMap::new(), "\"a\""));
    }
}
