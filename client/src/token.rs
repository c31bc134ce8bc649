//! Secrets that a session carries. They are sent, never shown: `Debug` masks them.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use sally_protocol::Claims;

/// A text that must not reach a log.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Arc<str>);

impl Secret {
    /// Wraps a secret.
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// The secret itself, for the one place that sends it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// An access token, and what it says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessToken {
    secret: Secret,
    claims: Option<Claims>,
}

impl AccessToken {
    /// Wraps a token. One that isn't a JWT is sent all the same: whether it holds is the server's
    /// to judge, and only its end stays unknown.
    pub fn new(text: &str) -> Self {
        Self { secret: Secret::new(text), claims: claims(text) }
    }

    /// The token itself, for the one place that sends it.
    pub fn reveal(&self) -> &str {
        self.secret.reveal()
    }

    /// What the token says, unverified. `None` when it isn't a JWT.
    pub fn claims(&self) -> Option<&Claims> {
        self.claims.as_ref()
    }

    /// Whether less than `margin` of the token's life is left at `now`.
    pub fn ends_within(&self, margin: SignedDuration, now: Timestamp) -> bool {
        let end = self.claims.as_ref().and_then(|claims| Timestamp::from_second(claims.exp).ok());
        end.is_some_and(|end| end.duration_since(now) < margin)
    }
}

fn claims(token: &str) -> Option<Claims> {
    let payload = token.split('.').nth(1)?;
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(exp: i64) -> AccessToken {
        let payload = URL_SAFE_NO_PAD.encode(format!(r#"{{"sub":"ann","tenantId":"acme","exp":{exp}}}"#));
        AccessToken::new(&format!("e30.{payload}.c2ln"))
    }

    #[test]
    fn the_end_is_read_from_the_token() {
        let now = Timestamp::from_second(1_000).expect("a time");
        let margin = SignedDuration::from_secs(30);
        assert!(!token(1_030).ends_within(margin, now));
        assert!(token(1_029).ends_within(margin, now));
        assert!(token(10).ends_within(margin, now));
        assert!(!AccessToken::new("opaque").ends_within(margin, now), "an opaque token's end is unknown");
    }

    #[test]
    fn debug_shows_no_secret() {
        let shown = format!("{:?}", token(1));
        assert!(shown.contains("ann") && shown.contains("***"), "{shown}");
        assert!(!shown.contains("c2ln"), "{shown}");
        assert_eq!(format!("{:?}", Secret::new("hush")), "***");
    }
}
