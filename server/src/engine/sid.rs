//! The id of a session.

use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

/// A session's id, which nobody can guess: whoever has it takes the session's packets.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Sid([u8; 15]);

impl Sid {
    /// A new one.
    pub fn random() -> Self {
        Self(rand::random())
    }

    /// Reads an id as [`Sid`] writes it.
    pub(super) fn parse(text: &str) -> Option<Self> {
        BASE64_URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok().map(Self)
    }
}

impl fmt::Display for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64_URL_SAFE_NO_PAD.encode(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_as_it_was_written() {
        let sid = Sid::random();
        assert_eq!(sid.to_string().len(), 20);
        assert!(Sid::parse(&sid.to_string()) == Some(sid));
        for text in ["", "nobody", "AAAAAAAAAAAAAAAB", "AAAAAAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAA=="] {
            assert!(Sid::parse(text).is_none(), "{text}");
        }
    }
}
