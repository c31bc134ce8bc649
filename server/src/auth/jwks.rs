//! Keys of a foreign issuer, from a file or a URL (RFC 7517), and keeping up with them.
//!
//! # Layout
//!
//! - [`key`]: one key of the set: which tokens it is good for, or why it is left out.
//! - [`source`]: reading the set, within bounds.

mod key;
mod source;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::key::Key;
pub use self::source::JwksError;
use self::source::{READ_LIMIT, Source};

/// How often the set is read anew. A key that the issuer has withdrawn holds for so long at most.
const PERIOD: Duration = Duration::from_secs(5 * 60);

/// The same while the set can't be read.
const RETRY: Duration = Duration::from_secs(10);

/// How often a token that names an unknown key may have the set read anew. Whoever sends such
/// tokens must not be able to turn this server against the issuer's.
const ASK_PERIOD: Duration = Duration::from_secs(10);

/// A failure that goes on is logged once in this time.
const LOG_PERIOD: Duration = Duration::from_secs(60);

/// The keys of an issuer; a cheap clone that sees the newest set.
#[derive(Clone)]
pub struct KeySet {
    inner: Arc<Inner>,
}

struct Inner {
    source: Source,
    keys: RwLock<Vec<Key>>,
    asking: Mutex<Asking>,
    /// Has the set read anew.
    asked: Notify,
    /// Changes when the set was read, or could not be.
    read: watch::Sender<()>,
}

/// What tokens with unknown keys have asked for.
#[derive(Default)]
struct Asking {
    /// When last.
    at: Option<Instant>,
    /// Whether the reading that was asked for hasn't ended.
    pending: bool,
}

impl KeySet {
    /// Reads the set from a file path or an `http(s)://` address, and keeps reading it until
    /// `stop`.
    ///
    /// # Errors
    ///
    /// [`JwksError`] when a file can't be read or has no key of use: somebody must mend it. A URL
    /// may be mended by others meanwhile, so that is logged and tried again.
    pub async fn start(source: &str, stop: CancellationToken, tasks: &TaskTracker) -> Result<Self, JwksError> {
        let source = Source::parse(source)?;
        let inner = Inner {
            source,
            keys: RwLock::default(),
            asking: Mutex::default(),
            asked: Notify::new(),
            read: watch::Sender::new(()),
        };
        let set = Self { inner: Arc::new(inner) };
        let mut report = Report::default();
        match set.refresh().await {
            Err(error) if set.inner.source.is_file() => return Err(error),
            Ok(found) if found.usable == 0 && set.inner.source.is_file() => return Err(JwksError::NoKeys(found.text)),
            outcome => report.tell(&outcome),
        }
        tasks.spawn(set.clone().keep_up(report, stop));
        Ok(set)
    }

    /// The key that a token's `kid` names, for tokens of this algorithm. One that isn't known is
    /// looked for at the source first, if that wasn't done a moment ago. A token without a `kid` means the
    /// only key of its algorithm.
    pub async fn find(&self, kid: Option<&str>, algorithm: Algorithm) -> Option<DecodingKey> {
        if let Some(key) = self.known(kid, algorithm) {
            return Some(key);
        }
        self.ask().await;
        self.known(kid, algorithm)
    }

    fn known(&self, kid: Option<&str>, algorithm: Algorithm) -> Option<DecodingKey> {
        let keys = self.inner.keys.read().unwrap_or_else(PoisonError::into_inner);
        let mut fitting =
            keys.iter().filter(|key| key.algorithm == algorithm && (kid.is_none() || key.kid.as_deref() == kid));
        let (first, another) = (fitting.next()?, fitting.next());
        another.is_none().then(|| first.key.clone())
    }

    /// Has the set read anew and waits for that, or returns at once where it was asked for in the
    /// last [`ASK_PERIOD`].
    async fn ask(&self) {
        let mut read = self.inner.read.subscribe();
        {
            let mut asking = self.asking();
            if !asking.pending {
                if asking.at.is_some_and(|at| at.elapsed() < ASK_PERIOD) {
                    return;
                }
                *asking = Asking { at: Some(Instant::now()), pending: true };
                self.inner.asked.notify_one();
            }
        }
        // Once the server stops nobody reads any more.
        let _ = timeout(READ_LIMIT, read.changed()).await;
    }

    fn asking(&self) -> MutexGuard<'_, Asking> {
        self.inner.asking.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads the set now and then, and when asked for.
    async fn keep_up(self, mut report: Report, stop: CancellationToken) {
        loop {
            let pause = if report.failing { RETRY } else { PERIOD };
            let round = async {
                tokio::select! {
                    () = sleep(pause) => {}
                    () = self.inner.asked.notified() => {}
                }
                self.refresh().await
            };
            let outcome = tokio::select! {
                () = stop.cancelled() => return,
                outcome = round => outcome,
            };
            report.tell(&outcome);
            self.asking().pending = false;
            self.inner.read.send_replace(());
        }
    }

    /// Reads the set anew. Keys that the issuer has withdrawn are gone afterwards; while the set
    /// can't be read the old ones stay.
    async fn refresh(&self) -> Result<Found, JwksError> {
        let (keys, found) = read_set(&self.inner.source.read().await?)?;
        *self.inner.keys.write().unwrap_or_else(PoisonError::into_inner) = keys;
        Ok(found)
    }
}

/// The keys of a set that are of use, and what was found in it. A key that isn't, of whatever
/// shape, doesn't disturb the others.
fn read_set(json: &[u8]) -> Result<(Vec<Key>, Found), JwksError> {
    #[derive(Deserialize)]
    struct Set {
        keys: Vec<Value>,
    }
    let set: Set = serde_json::from_slice(json)?;
    let mut keys: Vec<Key> = Vec::new();
    let mut left_out = Vec::new();
    for (place, value) in set.keys.into_iter().enumerate() {
        let name = value["kid"].as_str().map_or_else(|| format!("number {}", place + 1), |kid| format!("{kid:?}"));
        match Key::read(value) {
            Ok(key) if keys.iter().any(|known| known.is(key.kid.as_deref(), key.algorithm)) => {
                left_out.push(format!("{name}: another one before it has the same name"));
            }
            Ok(key) => keys.push(key),
            Err(reason) => left_out.push(format!("{name}: {reason}")),
        }
    }
    let good: Vec<String> = keys.iter().map(ToString::to_string).collect();
    let text = format!("of use: [{}]; left out: [{}]", good.join(", "), left_out.join(", "));
    Ok((keys, Found { usable: good.len(), left_out: left_out.len(), text }))
}

/// What was found in a set.
struct Found {
    usable: usize,
    left_out: usize,
    text: String,
}

/// What the operator has been told. Something is said when it changes.
#[derive(Default)]
struct Report {
    failing: bool,
    said: String,
    at: Option<Instant>,
}

impl Report {
    fn tell(&mut self, outcome: &Result<Found, JwksError>) {
        self.failing = outcome.is_err();
        let text = match outcome {
            Ok(found) => found.text.clone(),
            Err(error) => error.to_string(),
        };
        if text == self.said && !(self.failing && self.at.is_none_or(|at| at.elapsed() > LOG_PERIOD)) {
            return;
        }
        match outcome {
            Err(error) => tracing::warn!(%error, "SALLY_JWKS can't be read; known keys go on being used"),
            Ok(Found { usable: 0, .. }) => {
                tracing::warn!(keys = text, "SALLY_JWKS has no key of use: every token of the issuer is refused");
            }
            Ok(Found { left_out: 0, .. }) => tracing::info!(keys = text, "SALLY_JWKS was read"),
            Ok(_) => tracing::warn!(keys = text, "SALLY_JWKS was read, and some of its keys can't be used"),
        }
        (self.said, self.at) = (text, Some(Instant::now()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_set_is_an_error_and_an_empty_set_is_none() {
        for nonsense in ["", "[]", "{}", "<html>", r#"{"keys":{}}"#] {
            assert!(read_set(nonsense.as_bytes()).is_err(), "{nonsense}");
        }
        assert_eq!(read_set(br#"{"keys":[]}"#).expect("a set").1.usable, 0);
    }

    #[test]
    fn each_key_that_is_left_out_is_named_with_its_reason() {
        let set = br#"{"keys":[{"kty":"oct","k":"c2VjcmV0","kid":"a"},7,{"kty":"RSA","n":"AQAB","e":"AQAB"}]}"#;
        let (keys, found) = read_set(set).expect("a set");
        assert!(keys.is_empty());
        assert_eq!(found.left_out, 3);
        for words in ["\"a\": it is symmetric", "number 2: it is no JWK", "number 3: it has 17 bits"] {
            assert!(found.text.contains(words), "{words:?} in {}", found.text);
        }
    }
}
