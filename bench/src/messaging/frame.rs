//! WebSocket frames, as far as Socket.IO uses them: RFC 6455, section 5, unfragmented.

use anyhow::{Result, bail};

/// The key that client frames are masked with. A browser's must be unpredictable, this one masks
/// nothing that is secret; a server unmasks all alike.
const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Opcode {
    Text,
    Binary,
    Close,
    Ping,
    Pong,
}

/// Appends a whole, masked frame.
pub(super) fn write(out: &mut Vec<u8>, opcode: Opcode, payload: &[u8]) {
    let code = match opcode {
        Opcode::Text => 1,
        Opcode::Binary => 2,
        Opcode::Close => 8,
        Opcode::Ping => 9,
        Opcode::Pong => 10,
    };
    out.push(0x80 | code);
    // Each arm keeps its length within its field.
    match payload.len() {
        length @ 0..=125 => out.push(0x80 | length as u8),
        length @ 126..=0xffff => {
            out.push(0x80 | 126);
            out.extend_from_slice(&(length as u16).to_be_bytes());
        }
        length => {
            out.push(0x80 | 127);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(&MASK);
    out.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
}

/// The first frame of `input` and how long it is, or `None` while it isn't whole.
///
/// # Errors
///
/// When it is masked, fragmented or compressed: none of which the servers do.
pub(super) fn read(input: &[u8]) -> Result<Option<(Opcode, &[u8], usize)>> {
    let [first, second, ..] = input else { return Ok(None) };
    let opcode = match first {
        0x81 => Opcode::Text,
        0x82 => Opcode::Binary,
        0x88 => Opcode::Close,
        0x89 => Opcode::Ping,
        0x8a => Opcode::Pong,
        other => bail!("a frame begins with {other:#04x}, which isn't understood here"),
    };
    let field = |length: usize| input.get(2..2 + length);
    let (head, length): (usize, usize) = match second {
        length @ 0..=125 => (2, usize::from(*length)),
        126 => match field(2) {
            Some(length) => (4, length.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte))),
            None => return Ok(None),
        },
        127 => match field(8) {
            Some(length) => (10, length.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte))),
            None => return Ok(None),
        },
        _ => bail!("a server's frame is masked"),
    };
    let whole = head.saturating_add(length);
    Ok(input.get(head..whole).map(|payload| (opcode, payload, whole)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server's frame: without a mask.
    fn unmasked(payload: &[u8]) -> Vec<u8> {
        let mut frame = vec![0x81];
        match u16::try_from(payload.len()).expect("a short payload") {
            length @ 0..=125 => frame.push(length.to_be_bytes()[1]),
            length => {
                frame.push(126);
                frame.extend(length.to_be_bytes());
            }
        }
        frame.extend_from_slice(payload);
        frame
    }

    #[test]
    fn a_frame_is_read_once_it_is_whole() {
        for length in [0, 1, 125, 126, 600] {
            let payload = vec![b'x'; length];
            let mut frame = unmasked(&payload);
            for cut in 0..frame.len() {
                assert_eq!(read(&frame[..cut]).expect("understood"), None, "{cut} of {length}");
            }
            let whole = frame.len();
            frame.extend_from_slice(&unmasked(b"next"));
            assert_eq!(read(&frame).expect("understood"), Some((Opcode::Text, &payload[..], whole)));
        }
    }

    #[test]
    fn what_no_server_sends_is_refused() {
        assert!(read(&[0x01, 0x00]).is_err(), "fragmented");
        assert!(read(&[0x81, 0x80]).is_err(), "masked");
        assert!(read(&[0xc1, 0x00]).is_err(), "compressed");
    }

    #[test]
    fn what_is_written_is_masked_and_can_be_had_back() {
        for length in [5, 126, 70_000] {
            let payload = vec![b'y'; length];
            let mut frame = Vec::new();
            write(&mut frame, Opcode::Text, &payload);
            assert_eq!(frame[1] & 0x80, 0x80, "masked");
            let masked = &frame[frame.len() - length..];
            assert_ne!(masked, payload);
            let back: Vec<u8> = masked.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask).collect();
            assert_eq!(back, payload);
        }
    }
}
