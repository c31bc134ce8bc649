//! A packet that came in.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;

/// What separates the packets of a payload.
pub(super) const SEPARATOR: u8 = 0x1e;

/// What a session brings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Incoming {
    /// A message.
    Text(String),
    /// A message that isn't text.
    Binary(Bytes),
}

impl Incoming {
    /// Its length in bytes.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Binary(bytes) => bytes.len(),
        }
    }
}

/// A packet that a client may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packet<'a> {
    /// The client leaves.
    Close,
    /// It tries a transport.
    Probe,
    /// It is still there.
    Pong,
    /// It says something.
    Message(&'a str),
    /// It goes on with the transport that it tried.
    Upgrade,
}

impl<'a> Packet<'a> {
    /// Reads a packet; `None` where it is none, or not for a client to send.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let mut rest = text.chars();
        let kind = rest.next()?;
        match (kind, rest.as_str()) {
            ('1', "") => Some(Self::Close),
            ('2', "probe") => Some(Self::Probe),
            ('3', "") => Some(Self::Pong),
            ('4', message) => Some(Self::Message(message)),
            ('5', "") => Some(Self::Upgrade),
            _ => None,
        }
    }
}

/// What one part of a polled payload holds.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Part<'a> {
    Packet(Packet<'a>),
    Binary(Bytes),
}

impl<'a> Part<'a> {
    /// Reads a part of a payload. What isn't text is base64 there.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        match text.strip_prefix('b') {
            Some(base64) => BASE64_STANDARD.decode(base64).ok().map(|bytes| Self::Binary(bytes.into())),
            None => Packet::parse(text).map(Self::Packet),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_client_may_send_is_read() {
        assert_eq!(Packet::parse("1"), Some(Packet::Close));
        assert_eq!(Packet::parse("2probe"), Some(Packet::Probe));
        assert_eq!(Packet::parse("3"), Some(Packet::Pong));
        assert_eq!(Packet::parse("4hello"), Some(Packet::Message("hello")));
        assert_eq!(Packet::parse("4"), Some(Packet::Message("")));
        assert_eq!(Packet::parse("5"), Some(Packet::Upgrade));
        assert_eq!(Part::parse("bAQID"), Some(Part::Binary(Bytes::from_static(&[1, 2, 3]))));
    }

    #[test]
    fn nothing_else_is() {
        for text in ["", "0", "0{}", "1x", "2", "2prob", "3probe", "5x", "6", "7", "abc", "é", "\u{0}"] {
            assert_eq!(Packet::parse(text), None, "{text:?}");
        }
        assert_eq!(Part::parse("b!!!"), None);
    }
}
