//! Passwords as Argon2id hashes in PHC format.

use argon2::Argon2;
use argon2::password_hash::{PasswordHash, PasswordHasher as _, PasswordVerifier as _, SaltString};
use base64::Engine as _;

/// The shortest password, in characters (NIST SP 800-63B, section 3.1.1.2).
pub const MIN_CHARS: usize = 8;

/// The longest password, in bytes; hashing time must not hang on the caller's patience.
pub const MAX_BYTES: usize = 1_024;

/// Why a password can't be used.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// Too short or too long.
    #[error("a password has at least {MIN_CHARS} characters and at most {MAX_BYTES} bytes")]
    Length,
    /// Hashing failed.
    #[error("hashing failed: {0}")]
    Hash(String),
}

/// Hashes a password; takes tens of milliseconds.
///
/// # Errors
///
/// [`PasswordError`].
pub fn hash(password: &str) -> Result<String, PasswordError> {
    if password.chars().count() < MIN_CHARS || password.len() > MAX_BYTES {
        return Err(PasswordError::Length);
    }
    let mut salt = [0_u8; 16];
    getrandom::fill(&mut salt).map_err(|error| PasswordError::Hash(error.to_string()))?;
    let salt = base64::engine::general_purpose::STANDARD_NO_PAD.encode(salt);
    let salt = SaltString::from_b64(&salt).map_err(|error| PasswordError::Hash(error.to_string()))?;
    Argon2::default()
        .hash_password(password.as_bytes(), &salt)
        .map(|hash| hash.to_string())
        .map_err(|error| PasswordError::Hash(error.to_string()))
}

/// Whether a password fits a hash; takes as long for no hash at all, so that the time doesn't tell
/// which addresses are known.
pub fn verify(password: &str, hash: Option<&str>) -> bool {
    /// A hash of nothing anybody knows.
    const NOBODY: &str =
        "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$zJtSn3YIaHeglaF5CHJ0fPIP7wMNnmX+Ky9GmMc1aQk";
    if password.len() > MAX_BYTES {
        return false;
    }
    let fits = PasswordHash::new(hash.unwrap_or(NOBODY))
        .is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok());
    fits && hash.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_fits_its_hash_alone() {
        let hash = hash("correct horse").expect("a hash");
        assert!(verify("correct horse", Some(&hash)));
        assert!(!verify("wrong horse", Some(&hash)));
        assert!(!verify("correct horse", None));
        assert!(super::hash("short").is_err());
    }
}
