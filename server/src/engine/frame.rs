//! A packet on its way out.

use bytes::Bytes;
use serde::Serialize;
use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{Data, OpCode};

/// The longest header of an unmasked WebSocket frame (RFC 6455, section 5.2).
const MAX_HEAD_BYTES: usize = 10;

/// The type of Engine.IO's packets that carry a message.
const MESSAGE: u8 = b'4';

/// A finished WebSocket frame, which all who are sent it share. Where a client polls, the packet in
/// it is what it gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    bytes: Bytes,
    /// Where the packet begins; `None` where the frame is the WebSocket's own affair.
    packet_at: Option<u8>,
}

impl Frame {
    /// A message: `head`, `data` as JSON, and `tail`.
    ///
    /// # Errors
    ///
    /// When `data` can't be written as JSON.
    pub fn message<T: Serialize + ?Sized>(head: &str, data: &T, tail: &str) -> Result<Self, serde_json::Error> {
        let mut buffer = room_for_head(head.len() + tail.len() + 512);
        buffer.push(MESSAGE);
        buffer.extend_from_slice(head.as_bytes());
        serde_json::to_writer(&mut buffer, data)?;
        buffer.extend_from_slice(tail.as_bytes());
        Ok(Self::finish(buffer))
    }

    /// A message that is a text.
    pub fn text(text: &str) -> Self {
        let mut buffer = room_for_head(1 + text.len());
        buffer.push(MESSAGE);
        buffer.extend_from_slice(text.as_bytes());
        Self::finish(buffer)
    }

    /// A packet of Engine.IO's own.
    pub(super) fn packet(packet: &str) -> Self {
        let mut buffer = room_for_head(packet.len());
        buffer.extend_from_slice(packet.as_bytes());
        Self::finish(buffer)
    }

    /// A frame that isn't a packet's, as the WebSocket says it.
    pub(super) fn control(bytes: Bytes) -> Self {
        Self { bytes, packet_at: None }
    }

    /// The whole frame.
    pub(super) fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The packet in it, UTF-8, where there is one.
    pub(super) fn as_packet(&self) -> Option<&[u8]> {
        self.packet_at.and_then(|at| self.bytes.get(usize::from(at)..))
    }

    /// Puts the frame's header before the packet in `buffer`.
    fn finish(mut buffer: Vec<u8>) -> Self {
        let length = buffer.len() - MAX_HEAD_BYTES;
        let header = FrameHeader { opcode: OpCode::Data(Data::Text), ..FrameHeader::default() };
        let head = header.len(length as u64);
        let begin = MAX_HEAD_BYTES - head;
        // There is just as much room as a header of this length takes: nothing is left to fail.
        let _ = header.format(length as u64, &mut &mut buffer[begin..MAX_HEAD_BYTES]);
        Self { bytes: Bytes::from(buffer).slice(begin..), packet_at: Some(head as u8) }
    }
}

fn room_for_head(length: usize) -> Vec<u8> {
    let mut buffer = Vec::with_capacity(MAX_HEAD_BYTES + length);
    buffer.resize(MAX_HEAD_BYTES, 0);
    buffer
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;
    use tungstenite::protocol::WebSocketContext;
    use tungstenite::{Message, protocol::Role};

    use super::*;

    fn read(frame: &Frame) -> Message {
        let mut client = WebSocketContext::new(Role::Client, None);
        client.read(&mut Cursor::new(frame.bytes().to_vec())).expect("a whole frame")
    }

    proptest! {
        #[test]
        fn a_client_reads_what_was_said(text in ".{0,300}", more in 0_usize..70_000) {
            let text = text + &"x".repeat(more);
            let frame = Frame::text(&text);
            let packet = format!("4{text}");
            prop_assert_eq!(frame.as_packet(), Some(packet.as_bytes()));
            prop_assert_eq!(read(&frame), Message::text(packet));
        }
    }

    #[test]
    fn json_stands_between_head_and_tail() {
        let frame = Frame::message("2/x,[\"event\",", &serde_json::json!({ "a": 1 }), "]").expect("a frame");
        assert_eq!(read(&frame), Message::text(r#"42/x,["event",{"a":1}]"#));
        assert_eq!(read(&Frame::packet("2")), Message::text("2"));
    }
}
