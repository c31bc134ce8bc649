//! One stream's bytes, as lines: past the head, out of chunks where there are any.

use std::fmt;

use memchr::{memchr, memmem};

/// The answer wasn't a stream; its first line.
#[derive(Debug)]
pub(crate) struct Refused(String);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a stream was answered {:?}", self.0)
    }
}

impl std::error::Error for Refused {}

/// What of a stream is known between two reads. Allocates only to keep the begun line.
#[derive(Default)]
pub(crate) struct Reader {
    phase: Phase,
    /// The head so far, or the begun line.
    carry: Vec<u8>,
}

#[derive(Default, Clone, Copy)]
enum Phase {
    #[default]
    Head,
    /// The body as it is, until the connection ends.
    Plain,
    /// In the line that says how long a chunk is; so far it says this.
    Size { bytes: usize, extension: bool },
    /// In a chunk, with so many bytes to come.
    Chunk(usize),
    /// Between a chunk and the next size.
    Border,
    /// After the last chunk.
    End,
}

impl Reader {
    /// Puts what was kept at the start of `buffer`, and says how long it is. New bytes go after it.
    pub(crate) fn restore(&mut self, buffer: &mut [u8]) -> usize {
        let kept = self.carry.len().min(buffer.len());
        buffer[..kept].copy_from_slice(&self.carry[..kept]);
        kept
    }

    /// Passes every whole line of the body to `line`, without its end, and keeps what is begun.
    /// `buffer` is what [`restore`](Self::restore) put there, `kept` bytes, and new bytes after it.
    ///
    /// # Errors
    ///
    /// [`Refused`] when the status isn't 200.
    pub(crate) fn take(&mut self, buffer: &mut [u8], kept: usize, mut line: impl FnMut(&[u8])) -> Result<(), Refused> {
        let (mut begin, mut raw) = (0, kept);
        if matches!(self.phase, Phase::Head) {
            let Some(head) = memmem::find(buffer, b"\r\n\r\n") else {
                self.keep(buffer);
                return Ok(());
            };
            self.phase = phase_after(&buffer[..head])?;
            begin = head + 4;
            raw = begin;
        }
        let end = raw + self.dechunk(&mut buffer[raw..]);
        while let Some(length) = memchr(b'\n', &buffer[begin..end]) {
            let text = &buffer[begin..begin + length];
            line(text.strip_suffix(b"\r").unwrap_or(text));
            begin += length + 1;
        }
        self.keep(&buffer[begin..end]);
        Ok(())
    }

    fn keep(&mut self, rest: &[u8]) {
        self.carry.clear();
        self.carry.extend_from_slice(rest);
    }

    /// Moves the content of chunks together at the start of `bytes`, and says how long it is.
    fn dechunk(&mut self, bytes: &mut [u8]) -> usize {
        let (mut read, mut written) = (0, 0);
        while read < bytes.len() {
            match self.phase {
                Phase::Head | Phase::Plain => return bytes.len(),
                Phase::Chunk(left) => {
                    let length = left.min(bytes.len() - read);
                    bytes.copy_within(read..read + length, written);
                    read += length;
                    written += length;
                    self.phase = if length == left { Phase::Border } else { Phase::Chunk(left - length) };
                }
                Phase::Border => {
                    if bytes[read] == b'\n' {
                        self.phase = Phase::Size { bytes: 0, extension: false };
                    }
                    read += 1;
                }
                Phase::Size { bytes: size, extension } => {
                    self.phase = match bytes[read] {
                        b'\n' if size == 0 => Phase::End,
                        b'\n' => Phase::Chunk(size),
                        digit if !extension && digit.is_ascii_hexdigit() => {
                            let digit = char::from(digit).to_digit(16).unwrap_or(0) as usize;
                            Phase::Size { bytes: size << 4 | digit, extension }
                        }
                        _ => Phase::Size { bytes: size, extension: true },
                    };
                    read += 1;
                }
                Phase::End => break,
            }
        }
        written
    }
}

fn phase_after(head: &[u8]) -> Result<Phase, Refused> {
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    let status = head.lines().next().unwrap_or_default();
    if status.split(' ').nth(1) != Some("200") {
        return Err(Refused(status.to_owned()));
    }
    let chunked = head.lines().any(|line| line.starts_with("transfer-encoding:") && line.contains("chunked"));
    Ok(if chunked { Phase::Size { bytes: 0, extension: false } } else { Phase::Plain })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\nid: 1\ndata: one\n\n";
    const CHUNKED: &[u8] = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
                             9;x=0a\r\nid: 1\ndat\r\nA\r\na: one\r\n\n\n\r\n0\r\n\r\n";

    /// The lines of `answer` when `step` bytes arrive at a time.
    fn lines(answer: &[u8], step: usize) -> Result<Vec<String>, Refused> {
        let (mut reader, mut lines) = (Reader::default(), Vec::new());
        let mut buffer = [0; 1024];
        for part in answer.chunks(step) {
            let kept = reader.restore(&mut buffer);
            buffer[kept..kept + part.len()].copy_from_slice(part);
            reader.take(&mut buffer[..kept + part.len()], kept, |line| {
                lines.push(String::from_utf8_lossy(line).into_owned());
            })?;
        }
        Ok(lines)
    }

    #[test]
    fn lines_come_whole_however_they_arrive() {
        for answer in [PLAIN, CHUNKED] {
            for step in 1..=answer.len() {
                let lines = lines(answer, step).expect("a stream");
                assert_eq!(lines[..3], ["id: 1", "data: one", ""], "{step}");
            }
        }
    }

    #[test]
    fn a_refusal_says_its_status() {
        let refused = lines(b"HTTP/1.1 401 Unauthorized\r\n\r\n{}", 1000).expect_err("refused");
        assert!(refused.to_string().contains("401"));
    }
}
