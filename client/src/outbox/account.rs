//! Whose outbox it is.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// A user of a tenant at a server. Whoever signs in as another neither sees nor sends what is in
/// this one's outbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The server's address, or another name that stays the same for as long as its messages do.
    pub server: String,
    /// The tenant.
    pub tenant: String,
    /// The user's id.
    pub user: String,
}

impl Account {
    /// A file name that no other account has: 32 hexadecimal digits. Addresses and ids hold
    /// characters that not every file system takes.
    pub(super) fn file_stem(&self) -> String {
        let mut digest = Sha256::new();
        for part in [&self.server, &self.tenant, &self.user] {
            // With its length before it, no part can pass for the end of another.
            digest.update((part.len() as u64).to_be_bytes());
            digest.update(part);
        }
        digest.finalize().iter().take(16).fold(String::new(), |mut name, byte| {
            // Writing to a string doesn't fail.
            let _ = write!(name, "{byte:02x}");
            name
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_makes_another_account() {
        let account = |server: &str, tenant: &str, user: &str| Account {
            server: server.into(),
            tenant: tenant.into(),
            user: user.into(),
        };
        let one = account("https://sally.example", "acme", "ann").file_stem();
        assert_eq!(one.len(), 32);
        assert_eq!(one, account("https://sally.example", "acme", "ann").file_stem());
        for other in [
            account("https://sally.test", "acme", "ann"),
            account("https://sally.example", "acm", "eann"),
            account("https://sally.example", "acme", "bob"),
        ] {
            assert_ne!(one, other.file_stem(), "{other:?}");
        }
    }
}
