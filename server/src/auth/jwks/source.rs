//! Where a set comes from, read within bounds.

use std::path::PathBuf;
use std::time::Duration;

use tokio::io::AsyncReadExt as _;

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
    File(PathBuf),
    Url { url: String, http: reqwest::Client },
}

impl Source {
    /// Tells an address from a path.
    pub(super) fn parse(source: &str) -> Result<Self, JwksError> {
        if !source.starts_with("http://") && !source.starts_with("https://") {
            return Ok(Self::File(source.into()));
        }
        // Keys that are asked for over TLS don't come without it after a redirect.
        let http = reqwest::Client::builder().timeout(READ_LIMIT).https_only(source.starts_with("https://")).build()?;
        Ok(Self::Url { url: source.into(), http })
    }

    pub(super) fn is_file(&self) -> bool {
        matches!(self, Self::File(_))
    }

    /// Reads what is there now.
    pub(super) async fn read(&self) -> Result<Vec<u8>, JwksError> {
        let mut bytes = Vec::new();
        match self {
            Self::File(path) => {
                let fail = |source| JwksError::File { path: path.clone(), source };
                let file = tokio::fs::File::open(path).await.map_err(fail)?;
                file.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes).await.map_err(fail)?;
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
