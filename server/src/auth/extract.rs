//! Where a request carries its token: `Authorization: Bearer`, else the cookie. Never the query.

use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use jiff::Timestamp;

use super::{AuthError, Principal, Verifier};
use crate::error::ApiError;

/// The cookie that carries the access token.
pub const ACCESS_COOKIE: &str = "access_token";

impl<S: Send + Sync> FromRequestParts<S> for Principal
where
    Verifier: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let token = token(&parts.headers).ok_or(AuthError::Missing)?;
        Ok(Verifier::from_ref(state).verify(&token, Timestamp::now()).await?)
    }
}

/// The token of a request. A bearer token that doesn't hold is not made up for by a cookie.
pub(crate) fn token(headers: &HeaderMap) -> Option<String> {
    bearer(headers).map(str::to_owned).or_else(|| cookie(headers, ACCESS_COOKIE))
}

/// The token of an `Authorization: Bearer` header.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The value of a cookie of a request.
pub fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(cookie::Cookie::split_parse)
        .filter_map(Result::ok)
        .find(|cookie| cookie.name() == name)
        .map(|cookie| cookie.value().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(header::HeaderName, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), value.parse().expect("a value"))).collect()
    }

    #[test]
    fn the_header_comes_before_the_cookie() {
        let both = headers(&[(header::AUTHORIZATION, "bearer h"), (header::COOKIE, "a=1; access_token=c")]);
        assert_eq!(token(&both).as_deref(), Some("h"));
        let cookie = headers(&[(header::AUTHORIZATION, "Basic x"), (header::COOKIE, "a=1; access_token=c")]);
        assert_eq!(token(&cookie).as_deref(), Some("c"));
        assert_eq!(token(&HeaderMap::new()), None);
    }
}
