//! Keys of a foreign issuer, from a file or a URL (RFC 7517).

use std::sync::{Arc, RwLock};

use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey};

/// Why a key set can't be used.
#[derive(Debug, thiserror::Error)]
pub enum JwksError {
    /// The file can't be read.
    #[error("the JWKS file {path}: {source}")]
    File {
        /// Its path.
        path: String,
        /// What went wrong.
        source: std::io::Error,
    },
    /// The URL can't be fetched.
    #[error("the JWKS at {url}: {source}")]
    Fetch {
        /// Its address.
        url: String,
        /// What went wrong.
        source: reqwest::Error,
    },
    /// What came isn't a JWKS.
    #[error("the JWKS: {0}")]
    Format(#[from] serde_json::Error),
}

/// A key and its `kid`.
type Key = (Option<String>, DecodingKey);

/// The keys of an issuer; a cheap clone that sees the newest set.
#[derive(Clone)]
pub struct KeySet {
    source: Arc<str>,
    keys: Arc<RwLock<Vec<Key>>>,
}

impl KeySet {
    /// Reads the set from a file path or an `http(s)://` address.
    ///
    /// # Errors
    ///
    /// [`JwksError`] when it can't be read.
    pub async fn load(source: &str) -> Result<Self, JwksError> {
        let set = Self { source: source.into(), keys: Arc::default() };
        set.refresh().await?;
        Ok(set)
    }

    /// Reads the set anew; keys that the issuer has withdrawn are gone afterwards.
    ///
    /// # Errors
    ///
    /// [`JwksError`] when it can't be read; the old set stays.
    pub async fn refresh(&self) -> Result<(), JwksError> {
        let set: JwkSet = if self.source.starts_with("http://") || self.source.starts_with("https://") {
            let fail = |source| JwksError::Fetch { url: self.source.to_string(), source };
            let answer =
                reqwest::get(&*self.source).await.and_then(reqwest::Response::error_for_status).map_err(fail)?;
            serde_json::from_slice(&answer.bytes().await.map_err(fail)?)?
        } else {
            let fail = |source| JwksError::File { path: self.source.to_string(), source };
            serde_json::from_slice(&tokio::fs::read(&*self.source).await.map_err(fail)?)?
        };
        let keys = set
            .keys
            .iter()
            .filter_map(|jwk| Some((jwk.common.key_id.clone(), DecodingKey::from_jwk(jwk).ok()?)))
            .collect();
        *self.keys.write().unwrap_or_else(std::sync::PoisonError::into_inner) = keys;
        Ok(())
    }

    /// The key named by a token's `kid`, or the only fitting one when it names none.
    pub fn find(&self, kid: Option<&str>, algorithm: Algorithm) -> Option<DecodingKey> {
        let keys = self.keys.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut fitting = keys
            .iter()
            .filter(|(id, key)| key.family() == algorithm.family() && (kid.is_none() || id.as_deref() == kid));
        let (_, key) = fitting.next()?;
        fitting.next().is_none().then(|| key.clone())
    }
}
