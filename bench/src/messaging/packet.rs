//! Socket.IO packets of the namespace `/messaging`, and the message with its stamp.
//!
//! Only what the servers here write is understood: this is a load generator, not a client.

use std::io::Write as _;

use memchr::memmem::Finder;

/// How long a message's content is, in bytes.
pub(super) const CONTENT_BYTES: usize = 160;

/// What a message's content carries to be recognised by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    /// Which of the messages on their way it is.
    pub(super) flight: usize,
    /// When it was sent, in nanoseconds of the run's clock.
    pub(super) at: u64,
}

/// What a server sent.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Incoming<'a> {
    /// Engine.IO is open: the namespace may be entered.
    Open,
    /// Engine.IO asks whether the client is there.
    Ping,
    /// The client is in its rooms: it gets whatever is sent from now on.
    Session,
    /// `new_message`, its JSON.
    Message(&'a [u8]),
    /// The acknowledgement of the request with this number, its JSON.
    Ack(usize, &'a [u8]),
    /// The server doesn't let the client in, or puts it out.
    Refused,
    /// Anything else: presence, receipts, the head.
    Other,
}

/// Reads one text frame.
pub(super) fn read(text: &[u8]) -> Incoming<'_> {
    const NAMESPACE: &[u8] = b"/messaging,";
    match text {
        [b'0', ..] => return Incoming::Open,
        [b'2'] => return Incoming::Ping,
        [b'1', ..] | [b'4', b'1' | b'4', ..] => return Incoming::Refused,
        _ => {}
    }
    let Some(rest) = text.get(2..).and_then(|rest| rest.strip_prefix(NAMESPACE)) else { return Incoming::Other };
    match text[1] {
        b'2' => match rest.strip_prefix(br#"["new_message","#) {
            Some(message) => Incoming::Message(message),
            None if rest.starts_with(br#"["session","#) => Incoming::Session,
            None => Incoming::Other,
        },
        b'3' => {
            number(rest).map_or(Incoming::Other, |(id, body)| Incoming::Ack(usize::try_from(id).unwrap_or(0), body))
        }
        _ => Incoming::Other,
    }
}

/// Replaces `out` by the packet that enters the namespace.
pub(super) fn write_connect(out: &mut Vec<u8>, token: &str) {
    out.clear();
    // Writing to a vector can't fail.
    let _ = write!(out, r#"40/messaging,{{"token":"{token}"}}"#);
}

/// Replaces `out` by a `send_message`, the `n`th of the run, to `recipient` if there is one.
pub(super) fn write_send(out: &mut Vec<u8>, stamp: Stamp, n: u64, recipient: Option<usize>) {
    const WORDS: &[u8] = b"Dock 14 is ready, check in at the south gate and call when you are empty. ";
    out.clear();
    let Stamp { flight, at } = stamp;
    // Writing to a vector can't fail.
    let _ = write!(out, r#"42/messaging,{flight}["send_message",{{"#);
    if let Some(recipient) = recipient {
        let _ = write!(out, r#""recipientId":"u{recipient}","#);
    }
    let _ = write!(out, r#""clientMessageId":"00000000-0000-4000-8000-{n:012x}","content":""#);
    let begun = out.len();
    let _ = write!(out, "{flight} {at} ");
    while out.len() < begun + CONTENT_BYTES {
        let left = begun + CONTENT_BYTES - out.len();
        out.extend_from_slice(&WORDS[..WORDS.len().min(left)]);
    }
    // Content must not end where it would be trimmed by a careful server.
    if let Some(last) = out.last_mut().filter(|last| **last == b' ') {
        *last = b'.';
    }
    out.extend_from_slice(br#""}]"#);
}

/// A message as it arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Arrived {
    /// The number of the driver whose conversation it is in.
    pub(super) conversation: usize,
    /// Its number in the conversation.
    pub(super) seq: u64,
    pub(super) stamp: Stamp,
}

/// Finds what matters in a message's JSON.
pub(super) struct Fields {
    conversation: Finder<'static>,
    seq: Finder<'static>,
    content: Finder<'static>,
    ok: Finder<'static>,
}

impl Fields {
    pub(super) fn new() -> Self {
        Self {
            conversation: Finder::new(br#""conversationId":"u"#),
            seq: Finder::new(br#""seq":"#),
            content: Finder::new(br#""content":""#),
            ok: Finder::new(br#""ok":true"#),
        }
    }

    /// The first message in `json`.
    pub(super) fn message(&self, json: &[u8]) -> Option<Arrived> {
        let after = |finder: &Finder<'_>| json.get(finder.find(json)? + finder.needle().len()..);
        let (conversation, _) = number(after(&self.conversation)?)?;
        let (seq, _) = number(after(&self.seq)?)?;
        let (flight, rest) = number(after(&self.content)?)?;
        let (at, _) = number(rest.strip_prefix(b" ")?)?;
        let stamp = Stamp { flight: usize::try_from(flight).ok()?, at };
        Some(Arrived { conversation: usize::try_from(conversation).ok()?, seq, stamp })
    }

    /// Whether an acknowledgement says that it was done.
    pub(super) fn is_ok(&self, json: &[u8]) -> bool {
        self.ok.find(json).is_some()
    }
}

/// The number that `text` begins with, and what follows it.
fn number(text: &[u8]) -> Option<(u64, &[u8])> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, rest) = text.split_at(digits);
    let add = |value: u64, digit: &u8| value.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'));
    (!digits.is_empty()).then(|| (digits.iter().fold(0, add), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_are_told_apart() {
        assert_eq!(read(br#"0{"sid":"x","upgrades":[]}"#), Incoming::Open);
        assert_eq!(read(b"2"), Incoming::Ping);
        assert_eq!(read(br#"44/messaging,{"message":"unauthorized"}"#), Incoming::Refused);
        assert_eq!(read(b"41/messaging,"), Incoming::Refused);
        assert_eq!(read(br#"42/messaging,["session",{}]"#), Incoming::Session);
        assert_eq!(read(br#"42/messaging,["presence",{}]"#), Incoming::Other);
        assert_eq!(read(br#"42/messaging,["new_message",{}]"#), Incoming::Message(b"{}]"));
        assert_eq!(read(br#"43/messaging,17[{"ok":true}]"#), Incoming::Ack(17, br#"[{"ok":true}]"#));
        assert_eq!(read(br#"40/messaging,{"sid":"x"}"#), Incoming::Other);
        assert_eq!(read(b""), Incoming::Other);
    }

    #[test]
    fn a_message_is_found_again_in_what_a_server_makes_of_it() {
        let stamp = Stamp { flight: 63, at: 9_876_543_210_123 };
        let mut packet = Vec::new();
        write_send(&mut packet, stamp, 7, Some(12));
        let json = packet.strip_prefix(br#"42/messaging,63["send_message","#).expect("a request");
        let request: serde_json::Value = serde_json::from_slice(&json[..json.len() - 1]).expect("JSON");
        let content = request["content"].as_str().expect("a content");
        assert_eq!(content.len(), CONTENT_BYTES);
        assert_eq!(content, content.trim_end());
        assert_eq!(request["recipientId"], "u12");

        let sent = serde_json::json!({ "conversationId": "u12", "seq": 5, "content": content, "senderId": "u3" });
        let answer = serde_json::json!([{ "ok": true, "messages": [sent] }]).to_string();
        let fields = Fields::new();
        assert_eq!(fields.message(answer.as_bytes()), Some(Arrived { conversation: 12, seq: 5, stamp }));
        assert!(fields.is_ok(answer.as_bytes()));
        assert!(!fields.is_ok(br#"[{"ok":false,"error":{"code":"rate_limited"}}]"#));
        assert_eq!(fields.message(b"{}"), None);
    }
}
