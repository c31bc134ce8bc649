//! From a token to a [`Principal`], the only place where tokens are believed.

use std::collections::HashSet;
use std::sync::Arc;

use jiff::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use sally_protocol::Claims;

use super::Principal;
use super::jwks::KeySet;

/// How far `nbf` and `iat` may lie in the future, in seconds: clocks differ.
const LEEWAY_SECONDS: i64 = 5;

/// The longest token that is looked at, in bytes.
const MAX_TOKEN_BYTES: usize = 8 * 1024;

/// Why a token isn't believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// There is none.
    #[error("sign in first")]
    Missing,
    /// It is malformed, wrongly signed, of another issuer, or not valid yet.
    #[error("the token is not valid")]
    Invalid,
    /// It has ended.
    #[error("the token has expired")]
    Expired,
}

/// Verifies tokens; a cheap clone.
#[derive(Clone)]
pub struct Verifier {
    inner: Arc<Inner>,
}

struct Inner {
    key: DecodingKey,
    foreign: Option<KeySet>,
    issuer: Option<String>,
    audience: Option<String>,
}

impl Verifier {
    /// A verifier of HS256 tokens with this secret, and of tokens signed by a key of `foreign`.
    pub fn new(secret: &[u8], foreign: Option<KeySet>, issuer: Option<String>, audience: Option<String>) -> Self {
        Self { inner: Arc::new(Inner { key: DecodingKey::from_secret(secret), foreign, issuer, audience }) }
    }

    /// Verifies a token at the time `now`. It waits, for seconds at the most, where the token names a
    /// foreign key that isn't known: see [`KeySet::find`].
    ///
    /// # Errors
    ///
    /// [`AuthError::Invalid`] or [`AuthError::Expired`].
    pub async fn verify(&self, token: &str, now: Timestamp) -> Result<Principal, AuthError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(AuthError::Invalid);
        }
        let header = jsonwebtoken::decode_header(token).map_err(|_| AuthError::Invalid)?;
        let claims: Claims = match header.alg {
            Algorithm::HS256 => self.decode(token, Algorithm::HS256, &self.inner.key)?,
            Algorithm::RS256 | Algorithm::ES256 | Algorithm::EdDSA => {
                let keys = self.inner.foreign.as_ref().ok_or(AuthError::Invalid)?;
                let key = keys.find(header.kid.as_deref(), header.alg).await.ok_or(AuthError::Invalid)?;
                self.decode(token, header.alg, &key)?
            }
            _ => return Err(AuthError::Invalid),
        };
        let now = now.as_second();
        if claims.exp <= now {
            return Err(AuthError::Expired);
        }
        let in_future = |claim: Option<i64>| claim.is_some_and(|at| at > now.saturating_add(LEEWAY_SECONDS));
        if in_future(claims.nbf) || in_future(claims.iat) {
            return Err(AuthError::Invalid);
        }
        Ok(Principal::new(claims))
    }

    /// Checks signature, issuer and audience. Times are checked by the caller, against its clock.
    fn decode(&self, token: &str, algorithm: Algorithm, key: &DecodingKey) -> Result<Claims, AuthError> {
        let mut validation = Validation::new(algorithm);
        validation.validate_exp = false;
        validation.validate_nbf = false;
        validation.required_spec_claims = HashSet::new();
        if let Some(issuer) = &self.inner.issuer {
            validation.set_issuer(&[issuer]);
            validation.required_spec_claims.insert("iss".into());
        }
        match &self.inner.audience {
            Some(audience) => {
                validation.set_audience(&[audience]);
                validation.required_spec_claims.insert("aud".into());
            }
            None => validation.validate_aud = false,
        }
        jsonwebtoken::decode(token, key, &validation).map(|data| data.claims).map_err(|_| AuthError::Invalid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::{Identity, Issuer, Scope};
    use sally_protocol::{Id, Role};
    use serde_json::{Value, json};
    use std::time::Duration;

    const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";

    fn sign(claims: &Value) -> String {
        let key = jsonwebtoken::EncodingKey::from_secret(SECRET);
        jsonwebtoken::encode(&jsonwebtoken::Header::default(), claims, &key).expect("a token")
    }

    async fn verify(claims: &Value) -> Result<Principal, AuthError> {
        Verifier::new(SECRET, None, None, None).verify(&sign(claims), at(1_000)).await
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a time")
    }

    #[tokio::test]
    async fn what_the_issuer_signs_the_verifier_believes() {
        let identity = Identity {
            tenant: "acme".into(),
            user: Id::parse("ann").expect("an id"),
            role: Role::Dispatcher,
            driver: None,
            name: Some("Ann".into()),
        };
        let issuer = Issuer::new(SECRET, Some("sally"), Some("dispatch"));
        let token = issuer.issue(&identity, Duration::from_secs(60)).expect("a token");
        let verifier = Verifier::new(SECRET, None, Some("sally".into()), Some("dispatch".into()));
        let principal = verifier.verify(&token, Timestamp::now()).await.expect("valid");
        assert_eq!(principal.role, Some(Role::Dispatcher));
        assert!(matches!(principal.scope, Some(Scope::One(_))));
        for other in [Verifier::new(SECRET, None, Some("x".into()), None), Verifier::new(&[7; 32], None, None, None)] {
            assert_eq!(other.verify(&token, Timestamp::now()).await.err(), Some(AuthError::Invalid));
        }
    }

    #[tokio::test]
    async fn a_required_claim_must_be_there() {
        let token = sign(&json!({"sub": "a", "exp": 2_000}));
        let verifier = Verifier::new(SECRET, None, None, Some("dispatch".into()));
        assert_eq!(verifier.verify(&token, at(1_000)).await.err(), Some(AuthError::Invalid));
    }

    #[tokio::test]
    async fn times_have_no_leeway_at_the_end_and_five_seconds_at_the_start() {
        let claims =
            |exp: i64, nbf: i64| json!({"sub": "a", "tenantId": "t", "role": "driver", "exp": exp, "nbf": nbf});
        assert!(verify(&claims(1_001, 1_005)).await.is_ok());
        assert_eq!(verify(&claims(1_000, 0)).await.err(), Some(AuthError::Expired));
        assert_eq!(verify(&claims(2_000, 1_006)).await.err(), Some(AuthError::Invalid));
    }

    #[tokio::test]
    async fn nonsense_is_invalid_and_unsigned_tokens_too() {
        let verifier = Verifier::new(SECRET, None, None, None);
        let none = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJzdWIiOiJhIiwiZXhwIjo5OTk5OTk5OTk5fQ.";
        for token in ["", ".", "a.b.c", none, &"x".repeat(MAX_TOKEN_BYTES + 1)] {
            assert_eq!(verifier.verify(token, at(0)).await.err(), Some(AuthError::Invalid), "{token}");
        }
    }

    #[tokio::test]
    async fn an_unknown_role_or_tenant_is_believed_and_forbidden() {
        let principal =
            verify(&json!({"sub": "a", "tenantId": "t", "role": "root", "exp": 2_000})).await.expect("valid");
        assert!(principal.member(None).is_err());
        let principal = verify(&json!({"sub": "a", "role": "dispatcher", "exp": 2_000})).await.expect("valid");
        assert!(principal.member(None).is_err());
        let principal =
            verify(&json!({"sub": "a", "tenantId": "*", "role": "owner", "exp": 2_000})).await.expect("valid");
        assert!(principal.member(Some("acme")).is_err());
    }

    #[tokio::test]
    async fn a_service_of_all_names_its_tenant() {
        let principal =
            verify(&json!({"sub": "s", "tenantId": "*", "role": "service", "exp": 2_000})).await.expect("valid");
        assert_eq!(principal.member(Some("acme")).expect("a member").tenant.as_str(), "acme");
        assert!(principal.member(None).is_err());
    }
}
