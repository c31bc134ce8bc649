//! The signing key, given or generated, and the tokens issued with it.

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use sally_protocol::{Claims, Id, Role};

/// The file in the data directory that keeps a generated key.
const KEY_FILE: &str = "jwt-secret";

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file can't be read or written.
    #[error("the signing key in {path}: {source}")]
    Io {
        /// The data directory.
        path: std::path::PathBuf,
        /// What went wrong.
        source: std::io::Error,
    },
    /// The file holds too little.
    #[error("the signing key in {0} has fewer than 32 bytes: remove the file to have a new one made")]
    TooShort(std::path::PathBuf),
}

/// The HS256 secret: the given one, else the one kept in `data_dir`, made there (mode 0600) when
/// it is missing.
///
/// # Errors
///
/// [`KeyError`] when the file can't be used.
pub fn load_or_create(given: Option<&str>, data_dir: &Path) -> Result<Vec<u8>, KeyError> {
    if let Some(secret) = given {
        return Ok(secret.as_bytes().to_vec());
    }
    let path = data_dir.join(KEY_FILE);
    let fail = |source| KeyError::Io { path: path.clone(), source };
    let secret = match std::fs::read_to_string(&path) {
        Ok(text) => text.trim_end().to_owned(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let mut bytes = [0_u8; 48];
            getrandom::fill(&mut bytes).map_err(|error| fail(std::io::Error::other(error)))?;
            let secret = URL_SAFE_NO_PAD.encode(bytes);
            match write_new(&path, &secret) {
                // Two processes that start at once must end up with one key.
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                    return load_or_create(None, data_dir);
                }
                written => written.map_err(fail)?,
            }
            secret
        }
        Err(error) => return Err(fail(error)),
    };
    if secret.len() < 32 {
        return Err(KeyError::TooShort(path));
    }
    Ok(secret.into_bytes())
}

/// Writes the key beside its place and links it there, so that nobody reads half a key.
fn write_new(path: &Path, secret: &str) -> std::io::Result<()> {
    let draft = path.with_extension(format!("{}", std::process::id()));
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&draft)?;
    file.write_all(secret.as_bytes())?;
    file.sync_all()?;
    let linked = std::fs::hard_link(&draft, path);
    std::fs::remove_file(&draft)?;
    linked
}

/// Whom a token is for.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The tenant, or `*` for a service of all.
    pub tenant: String,
    /// The user.
    pub user: Id,
    /// What they are.
    pub role: Role,
    /// A driver's id in events; the user's id when `None`.
    pub driver: Option<Id>,
    /// The name that others see.
    pub name: Option<String>,
}

/// Issues access tokens; a cheap clone.
#[derive(Clone)]
pub struct Issuer {
    key: Arc<EncodingKey>,
    issuer: Option<Arc<str>>,
    audience: Option<Arc<str>>,
}

impl Issuer {
    /// An issuer with this secret, which names this `iss` and `aud` where set.
    pub fn new(secret: &[u8], issuer: Option<&str>, audience: Option<&str>) -> Self {
        Self {
            key: Arc::new(EncodingKey::from_secret(secret)),
            issuer: issuer.map(Into::into),
            audience: audience.map(Into::into),
        }
    }

    /// A token for `identity` that ends after `ttl`.
    ///
    /// # Errors
    ///
    /// When signing fails, which with HS256 it doesn't.
    pub fn issue(&self, identity: &Identity, ttl: Duration) -> Result<String, jsonwebtoken::errors::Error> {
        let now = Timestamp::now().as_second();
        let claims = Claims {
            sub: identity.user.clone(),
            tenant_id: Some(identity.tenant.clone()),
            role: Some(identity.role.as_str().to_owned()),
            driver_id: identity.driver.clone(),
            name: identity.name.clone(),
            jti: Some(uuid::Uuid::new_v4().to_string()),
            iat: Some(now),
            nbf: None,
            exp: now.saturating_add(i64::try_from(ttl.as_secs()).unwrap_or(i64::MAX)),
            iss: self.issuer.as_deref().map(str::to_owned),
            aud: self.audience.as_deref().map(Into::into),
        };
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generated_key_is_kept_and_private() {
        let dir = tempfile::tempdir().expect("a directory");
        let first = load_or_create(None, dir.path()).expect("a key");
        assert_eq!(load_or_create(None, dir.path()).expect("a key"), first);
        assert!(first.len() >= 32);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = std::fs::metadata(dir.path().join(KEY_FILE)).expect("a file").permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        assert_eq!(std::fs::read_dir(dir.path()).expect("a directory").count(), 1, "no draft is left behind");
    }

    #[test]
    fn a_given_secret_is_taken_as_its_bytes() {
        let secret = "ä".repeat(16);
        assert_eq!(load_or_create(Some(&secret), Path::new("/nowhere")).expect("a key"), secret.as_bytes());
    }
}
