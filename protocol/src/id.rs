//! Checked names. A string from outside becomes one of these at the border and is trusted inside.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Why a name was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a valid {what}: expected {expected}")]
pub struct InvalidName {
    what: &'static str,
    expected: &'static str,
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $what:literal, $expected:literal, $max:literal, $allowed:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks a string.
            ///
            /// # Errors
            ///
            /// [`InvalidName`] when it is empty, too long, or has a character outside the set.
            pub fn parse(text: &str) -> Result<Self, InvalidName> {
                let allowed: fn(u8) -> bool = $allowed;
                if text.is_empty() || text.len() > $max || !text.bytes().all(allowed) {
                    return Err(InvalidName { what: $what, expected: $expected });
                }
                Ok(Self(text.into()))
            }

            /// The name as it came.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidName;
            fn try_from(text: String) -> Result<Self, InvalidName> {
                Self::parse(&text)
            }
        }

        impl std::str::FromStr for $name {
            type Err = InvalidName;
            fn from_str(text: &str) -> Result<Self, InvalidName> {
                Self::parse(text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0.as_ref().to_owned()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, f)
            }
        }
    };
}

name!(
    /// A tenant: one carrier. `[A-Za-z0-9_-]{1,64}`. Nothing crosses from one to another.
    Tenant,
    "tenant",
    "1 to 64 characters of A-Z, a-z, 0-9, '_' and '-'",
    64,
    |b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-'
);

name!(
    /// A user, driver, alert, plan or other entity. `[A-Za-z0-9._:@-]{1,64}`.
    Id,
    "id",
    "1 to 64 characters of A-Z, a-z, 0-9, '.', '_', ':', '@' and '-'",
    64,
    |b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b':' | b'@' | b'-')
);

name!(
    /// The last part of a channel name, `tenant:{id}:{topic}`. `[a-z_]{1,32}`. Binds no event type.
    Topic,
    "topic",
    "1 to 32 characters of a-z and '_'",
    32,
    |b| b.is_ascii_lowercase() || b == b'_'
);

/// Splits a Redis channel `tenant:{id}:{topic}` into its checked parts.
///
/// Returns `None` for any other channel.
pub fn parse_channel(channel: &str) -> Option<(Tenant, Topic)> {
    let (tenant, topic) = channel.strip_prefix("tenant:")?.split_once(':')?;
    Some((Tenant::parse(tenant).ok()?, Topic::parse(topic).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked_at_the_border() {
        assert!(Tenant::parse("acme_1-x").is_ok());
        for bad in ["", "a.b", "a:b", "ä", "a b", &"x".repeat(65)] {
            assert!(Tenant::parse(bad).is_err(), "{bad:?}");
        }
        assert!(Id::parse("ann@acme.example:7").is_ok());
        assert!(Id::parse("a/b").is_err());
        assert!(serde_json::from_str::<Id>("\"a b\"").is_err());
    }

    #[test]
    fn a_channel_has_three_parts() {
        let (tenant, topic) = parse_channel("tenant:acme:alerts").expect("a channel");
        assert_eq!((tenant.as_str(), topic.as_str()), ("acme", "alerts"));
        for bad in ["tenant:acme", "tenant::alerts", "tenant:a:b:c", "tenant:a:B", "x:acme:alerts"] {
            assert!(parse_channel(bad).is_none(), "{bad}");
        }
    }
}
