//! The event that is published: a realistic ETA of [`PAYLOAD_BYTES`] with a sequence number and
//! the time it was sent.

use std::io::Write as _;
use std::time::Instant;

use memchr::memmem::Finder;

/// How long an event is as published, in bytes.
pub(crate) const PAYLOAD_BYTES: usize = 600;

/// How many plans the events are about, so that a server's view of the latest state stays bounded.
const PLANS: u64 = 500;

/// What an event carries to be recognised by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// Its number in its tenant, from 0 without holes.
    pub(crate) n: u64,
    /// When it was sent, in nanoseconds of [`Clock`].
    pub(crate) at: u64,
}

/// A monotonic clock that starts with the run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock(Instant);

impl Clock {
    pub(crate) fn new() -> Self {
        Self(Instant::now())
    }

    /// Nanoseconds since the start of the run.
    pub(crate) fn now(self) -> u64 {
        u64::try_from(self.0.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

/// Replaces `out` by an event with this stamp, padded to [`PAYLOAD_BYTES`].
pub(crate) fn write(out: &mut Vec<u8>, stamp: Stamp) {
    out.clear();
    let plan = stamp.n % PLANS;
    // Writing to a vector can't fail.
    let _ = write!(
        out,
        r#"{{"type":"eta_update","n":{},"at":{},"planId":"plan-{plan:03}","driverId":"driver-{plan:03}","stopId":"stop-2","stopName":"Dock 14, Joliet IL","previousEta":"2026-01-05T10:15:00Z","eta":"2026-01-05T10:27:00Z","etaShiftMinutes":12,"etaStatus":"at_risk","reason":""#,
        stamp.n, stamp.at
    );
    let end = PAYLOAD_BYTES - 2;
    while out.len() < end {
        let words: &[u8] = b"slow traffic on I-80 eastbound past Joliet; ";
        out.extend_from_slice(&words[..words.len().min(end - out.len())]);
    }
    out.extend_from_slice(br#""}"#);
}

/// Finds stamps in what arrives.
pub(crate) struct Stamps(Finder<'static>);

impl Stamps {
    pub(crate) fn new() -> Self {
        Self(Finder::new(br#""n":"#))
    }

    /// The stamp in one line of a frame, or `None` where there is none.
    pub(crate) fn find(&self, line: &[u8]) -> Option<Stamp> {
        let rest = line.get(self.0.find(line)? + 4..)?;
        let (n, rest) = number(rest)?;
        let (at, _) = number(rest.strip_prefix(br#","at":"#)?)?;
        Some(Stamp { n, at })
    }
}

/// The number that `text` begins with, and what follows it.
fn number(text: &[u8]) -> Option<(u64, &[u8])> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if digits == 0 {
        return None;
    }
    let (digits, rest) = text.split_at(digits);
    let value = digits.iter().fold(0_u64, |value, digit| value.wrapping_mul(10).wrapping_add(u64::from(digit - b'0')));
    Some((value, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_has_its_length_and_is_found_again() {
        let mut event = Vec::new();
        for stamp in [Stamp { n: 0, at: 0 }, Stamp { n: 1_234_567, at: 9_876_543_210_123 }] {
            write(&mut event, stamp);
            assert_eq!(event.len(), PAYLOAD_BYTES);
            serde_json::from_slice::<serde_json::Value>(&event).expect("JSON");
            assert_eq!(Stamps::new().find(&event), Some(stamp));
        }
        assert_eq!(Stamps::new().find(br#"data: {"type":"heartbeat"}"#), None);
    }
}
