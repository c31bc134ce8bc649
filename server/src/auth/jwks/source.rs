//! Where a set comes from, read within bounds.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::sync::{Semaphore, oneshot};
use tokio::time::timeout;

/// How long reading may take.
pub(super) const READ_LIMIT: Duration = Duration::from_secs(5);

/// The largest set, in bytes; real ones have a few thousand.
const MAX_BYTES: usize = 256 * 1024;

/// Why a key set can't be used.
#[derive(Debug, thiserror::Error)]
pub enum JwksError {
    /// The file can't be read.
    #[error("the JWKS file {path}: {source}")]
    File {
        /// Its path.
        path: PathBuf,
        /// What went wrong.
        source: std::io::Error,
    },
    /// The file didn't come in time.
    #[error("the JWKS file {0} can't be read within {READ_LIMIT:?}")]
    Slow(PathBuf),
    /// The URL can't be fetched.
    #[error("the JWKS: {}", causes(.0))]
    Fetch(#[from] reqwest::Error),
    /// It is too large to be one.
    #[error("the JWKS has more than {MAX_BYTES} bytes")]
    TooLarge,
    /// What came isn't a JWKS.
    #[error("what should be a JWKS is none: {0}")]
    Format(#[from] serde_json::Error),
    /// There is no key that could be used.
    #[error("the JWKS has no key of use: {0}")]
    NoKeys(String),
}

/// reqwest says what it did; what went wrong is further down.
fn causes(error: &dyn std::error::Error) -> String {
    std::iter::successors(error.source(), |error| error.source())
        .fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// A file or an address.
pub(super) enum Source {
    File {
        path: PathBuf,
        /// Held by who reads it.
        turn: Arc<Semaphore>,
    },
    Url {
        url: String,
        http: reqwest::Client,
    },
}

impl Source {
    /// Tells an address from a path.
    pub(super) fn parse(source: &str) -> Result<Self, JwksError> {
        if !source.starts_with("http://") && !source.starts_with("https://") {
            return Ok(Self::File { path: source.into(), turn: Arc::new(Semaphore::new(1)) });
        }
        // Keys that are asked for over TLS don't come without it after a redirect.
        let http = reqwest::Client::builder().timeout(READ_LIMIT).https_only(source.starts_with("https://")).build()?;
        Ok(Self::Url { url: source.into(), http })
    }

    pub(super) fn is_file(&self) -> bool {
        matches!(self, Self::File { .. })
    }

    /// Reads what is there now, within [`READ_LIMIT`].
    pub(super) async fn read(&self) -> Result<Vec<u8>, JwksError> {
        let mut bytes = Vec::new();
        match self {
            Self::File { path, turn } => {
                // A pipe that nobody writes to, or a network drive that hangs, would be waited for for ever.
                let slow = |_| JwksError::Slow(path.clone());
                bytes = timeout(READ_LIMIT, read_file(path, turn)).await.map_err(slow)??;
            }
            Self::Url { url, http } => {
                let mut answer = http.get(url).send().await?.error_for_status()?;
                while bytes.len() <= MAX_BYTES
                    && let Some(chunk) = answer.chunk().await?
                {
                    bytes.extend_from_slice(&chunk);
                }
            }
        }
        if bytes.len() > MAX_BYTES { Err(JwksError::TooLarge) } else { Ok(bytes) }
    }
}

/// Reads a file from its beginning, and one byte more than is allowed at the most.
///
/// On a thread of its own: the runtime would wait for one of its own to end, and a call that hangs
/// can't be ended. There is one such thread at the most.
async fn read_file(path: &Path, turn: &Arc<Semaphore>) -> Result<Vec<u8>, JwksError> {
    let fail = |source| JwksError::File { path: path.to_owned(), source };
    // It is never closed.
    let turn = turn.clone().acquire_owned().await;
    let (reply, read) = oneshot::channel();
    let file = path.to_owned();
    let read_all = move || {
        let mut bytes = Vec::new();
        let read = File::open(file).and_then(|file| file.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes));
        // Nobody may wait for it any more.
        drop(reply.send(read.map(|_| bytes)));
        drop(turn);
    };
    thread::Builder::new().name("jwks-file".into()).spawn(read_all).map_err(fail)?;
    read.await.map_err(|_| fail(io::ErrorKind::BrokenPipe.into()))?.map_err(fail)
}

#[cfg(all(test, unix))]
mod tests {
    use std::process::Command;

    use super::*;

    #[tokio::test]
    async fn a_file_that_does_not_come_is_given_up_and_found_when_it_does() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("jwks.json");
        assert!(Command::new("mkfifo").arg(&path).status().expect("mkfifo").success());
        let source = Source::parse(path.to_str().expect("a path")).expect("a source");
        let both = timeout(READ_LIMIT * 2, async { tokio::join!(source.read(), source.read()) });
        let (first, second) = both.await.expect("an end");
        for read in [first, second] {
            assert!(matches!(read, Err(JwksError::Slow(_))), "{read:?}");
        }

        std::fs::write(&path, "late").expect("the pipe is being read");
        std::fs::remove_file(&path).expect("the pipe");
        std::fs::write(&path, "{}").expect("a file");
        assert_eq!(source.read().await.expect("a file"), b"{}");
    }
}
