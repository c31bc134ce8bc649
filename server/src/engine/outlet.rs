//! What waits to go out of a session.

use std::collections::VecDeque;
use std::io::{self, IoSlice};

use tokio::net::TcpStream;

use super::frame::Frame;
use super::packet::SEPARATOR;

/// How many frames may wait for a client to take them. Who lets more pile up is closed: it comes
/// back and resumes.
const MAX_FRAMES: usize = 4_096;

/// How many bytes may. An answer to `resume` may have two million.
const MAX_BYTES: usize = 16 * 1024 * 1024;

/// How many frames may wait before those are left out that a client can do without.
const MAX_BEFORE_VOLATILE: usize = 256;

/// So many frames go out with one write.
pub(super) const MAX_SLICES: usize = 64;

/// A poll is answered with about so many bytes at most; the rest comes with the next.
const MAX_PAYLOAD_BYTES: usize = 1024 * 1024;

/// See the module.
#[derive(Default)]
pub(super) struct Outlet {
    frames: VecDeque<Frame>,
    /// The sum of their lengths.
    bytes: usize,
    /// How much of the first is written already.
    written: usize,
}

impl Outlet {
    pub(super) fn push(&mut self, frame: &Frame) {
        self.bytes += frame.bytes().len();
        self.frames.push_back(frame.clone());
    }

    /// Writes a frame if nothing waits before it; what there is no room for waits.
    ///
    /// # Errors
    ///
    /// When the peer is gone.
    pub(super) fn write(&mut self, frame: &Frame, stream: &TcpStream) -> io::Result<()> {
        let written = match self.is_empty() {
            true => match stream.try_write(frame.bytes()) {
                Ok(written) if written == frame.bytes().len() => return Ok(()),
                Ok(written) => written,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
                Err(error) => return Err(error),
            },
            false => 0,
        };
        self.push(frame);
        self.advance(written);
        self.write_to(stream)
    }

    pub(super) fn len(&self) -> usize {
        self.frames.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Whether more waits than may.
    pub(super) fn is_full(&self) -> bool {
        self.frames.len() > MAX_FRAMES || self.bytes > MAX_BYTES
    }

    /// Whether so much waits that a client that takes it is better off without what it can miss.
    pub(super) fn is_behind(&self) -> bool {
        self.frames.len() >= MAX_BEFORE_VOLATILE
    }

    /// Writes as much as there is room for.
    ///
    /// # Errors
    ///
    /// When the peer is gone.
    pub(super) fn write_to(&mut self, stream: &TcpStream) -> io::Result<()> {
        while !self.is_empty() {
            match self.write_some(stream) {
                Ok(written) => self.advance(written),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        // Keeps no room for what was a burst.
        if self.frames.capacity() > MAX_SLICES {
            self.frames = VecDeque::new();
        }
        Ok(())
    }

    fn write_some(&self, stream: &TcpStream) -> io::Result<usize> {
        // One is what there is nearly always, and costs the kernel less than a list of one.
        if let (1, Some(first)) = (self.frames.len(), self.frames.front()) {
            return stream.try_write(first.bytes().get(self.written..).unwrap_or_default());
        }
        let mut slices = [IoSlice::new(&[]); MAX_SLICES];
        let mut used = 0;
        for (slice, frame) in slices.iter_mut().zip(&self.frames) {
            let begin = if used == 0 { self.written } else { 0 };
            *slice = IoSlice::new(frame.bytes().get(begin..).unwrap_or_default());
            used += 1;
        }
        stream.try_write_vectored(&slices[..used])
    }

    /// Forgets what was written.
    fn advance(&mut self, written: usize) {
        self.written += written;
        while let Some(length) = self.frames.front().map(|frame| frame.bytes().len())
            && self.written >= length
        {
            self.written -= length;
            self.bytes -= length;
            self.frames.pop_front();
        }
    }

    /// Takes packets as one payload for a poll.
    pub(super) fn take_payload(&mut self) -> Vec<u8> {
        let mut payload = Vec::new();
        while payload.len() < MAX_PAYLOAD_BYTES
            && let Some(frame) = self.frames.pop_front()
        {
            self.bytes -= frame.bytes().len();
            let Some(packet) = frame.as_packet() else { continue };
            if !payload.is_empty() {
                payload.push(SEPARATOR);
            }
            payload.extend_from_slice(packet);
        }
        payload
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio::io::AsyncReadExt as _;

    use super::*;

    #[test]
    fn a_payload_has_the_packets_in_their_order() {
        let mut outlet = Outlet::default();
        for frame in [Frame::packet("2"), Frame::control(vec![0x8a, 0].into()), Frame::text("a"), Frame::text("b")] {
            outlet.push(&frame);
        }
        assert_eq!(outlet.take_payload(), b"2\x1e4a\x1e4b");
        assert!(outlet.is_empty() && outlet.bytes == 0);
        assert_eq!(outlet.take_payload(), b"");
    }

    #[test]
    fn a_large_payload_is_cut_between_packets() {
        let mut outlet = Outlet::default();
        let large = "x".repeat(MAX_PAYLOAD_BYTES * 2 / 3);
        for n in 0..4 {
            outlet.push(&Frame::text(&format!("{n}{large}")));
        }
        let first = outlet.take_payload();
        assert!(first.starts_with(b"40x") && first.len() > MAX_PAYLOAD_BYTES);
        assert_eq!(outlet.len(), 2);
        assert!(outlet.take_payload().starts_with(b"42x"));
    }

    #[test]
    fn what_may_wait_is_bounded() {
        let mut outlet = Outlet::default();
        for n in 0..MAX_FRAMES {
            assert_eq!(outlet.is_behind(), n >= MAX_BEFORE_VOLATILE);
            outlet.push(&Frame::packet("2"));
        }
        assert!(!outlet.is_full());
        outlet.push(&Frame::packet("2"));
        assert!(outlet.is_full());
        let mut outlet = Outlet::default();
        outlet.push(&Frame::text(&"x".repeat(MAX_BYTES)));
        assert!(outlet.is_full());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        /// However much the socket takes at a time, what was pushed arrives as it was pushed.
        #[test]
        fn nothing_is_lost_doubled_or_torn(
            frames in prop::collection::vec((0_usize..60_000, prop::bool::weighted(0.8)), 1..150)
        ) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
                let address = listener.local_addr().expect("an address");
                let (reader, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
                let (mut reader, (writer, _)) = (reader.expect("a client"), accepted.expect("a connection"));
                let mut expected = Vec::new();
                let mut outlet = Outlet::default();
                for (n, (length, is_written)) in frames.iter().enumerate() {
                    let frame = Frame::text(&format!("{n} {}", "x".repeat(*length)));
                    expected.extend_from_slice(frame.bytes());
                    if *is_written {
                        outlet.write(&frame, &writer).expect("the reader is there");
                    } else {
                        outlet.push(&frame);
                    }
                }
                let reading = tokio::spawn(async move {
                    let mut read = Vec::new();
                    reader.read_to_end(&mut read).await.expect("everything");
                    read
                });
                while !outlet.is_empty() {
                    writer.writable().await.expect("the reader is there");
                    outlet.write_to(&writer).expect("the reader is there");
                }
                drop(writer);
                assert_eq!(outlet.bytes, 0);
                assert!(reading.await.expect("no panic") == expected);
            });
        }
    }
}
