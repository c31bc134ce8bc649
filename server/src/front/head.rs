//! The head of a request for an event stream, read without an HTTP library's connection.
//!
//! Depends on nothing of this crate: the fuzz target `request_head` compiles this file by itself.

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Method, Request};

/// How the requests begin that keep their connection.
const STREAM: &[u8] = b"GET /sse/events";

/// How much of a request [`is_stream`] wants to see.
pub(crate) const BEGIN_BYTES: usize = STREAM.len() + 1;

/// The largest head of a request.
pub(crate) const MAX_HEAD_BYTES: usize = 16 * 1024;

/// The most fields in a head.
const MAX_FIELDS: usize = 100;

/// What ends a head; a lone line feed ends a line, too (RFC 9112, section 2.2).
const ENDS: [&[u8]; 2] = [b"\n\r\n", b"\n\n"];

/// Whether a request that begins like this asks for an event stream.
pub(crate) fn is_stream(begin: &[u8]) -> bool {
    begin.strip_prefix(STREAM).is_some_and(|rest| matches!(rest, [b' ' | b'?', ..]))
}

/// Whether what was read has the end of a head in it, `seen` bytes of it having been looked at
/// before.
pub(crate) fn is_complete(read: &[u8], seen: usize) -> bool {
    // The end may have come in pieces. What was looked at isn't looked at again: a head that comes
    // byte by byte must not cost its length squared.
    let begin = seen.saturating_sub(2);
    let new = read.get(begin..).unwrap_or_default();
    ENDS.iter().any(|end| new.windows(end.len()).any(|window| window == *end))
}

/// A head as a request without a body; `None` when it can't be read. What follows the head is
/// ignored.
pub(crate) fn parse(head: &[u8]) -> Option<Request<Body>> {
    let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
    let mut parsed = httparse::Request::new(&mut fields);
    parsed.parse(head).ok().filter(httparse::Status::is_complete)?;
    let mut request = Request::new(Body::empty());
    *request.method_mut() = Method::GET;
    *request.uri_mut() = parsed.path?.parse().ok()?;
    for field in parsed.headers.iter() {
        let name = HeaderName::from_bytes(field.name.as_bytes()).ok()?;
        request.headers_mut().append(name, HeaderValue::from_bytes(field.value).ok()?);
    }
    Some(request)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_the_path_itself_is_a_stream() {
        for begin in ["GET /sse/events HTTP/1.1", "GET /sse/events?snapshot=true", "GET /sse/events "] {
            assert!(is_stream(begin.as_bytes()), "{begin}");
        }
        for begin in ["", "GET /sse/events", "GET /sse/eventsource ", "POST /sse/events ", "get /sse/events "] {
            assert!(!is_stream(begin.as_bytes()), "{begin}");
        }
    }

    #[test]
    fn a_head_is_read() {
        let head = b"GET /sse/events?a=b HTTP/1.1\r\nHost: x\r\nCookie: a=1\r\nCookie: b=2\r\n\r\nrest";
        let request = parse(head).expect("a request");
        assert_eq!(request.uri(), "/sse/events?a=b");
        assert_eq!(request.headers()["host"], "x");
        assert_eq!(request.headers().get_all("cookie").iter().count(), 2);
    }

    #[test]
    fn what_is_no_head_is_none() {
        for head in
            ["GET /sse/events\r\n\r\n", "GET /sse/events HTTP/1.1\r\nno field\r\n\r\n", "GET /sse/events HTTP/1.1\r\n"]
        {
            assert!(parse(head.as_bytes()).is_none(), "{head:?}");
        }
        let many = format!("GET /sse/events HTTP/1.1\r\n{}\r\n", "x: y\r\n".repeat(MAX_FIELDS + 1));
        assert!(parse(many.as_bytes()).is_none());
    }

    proptest! {
        #[test]
        fn nothing_makes_it_fail(rest: Vec<u8>) {
            let head = [b"GET /sse/events HTTP/1.1\r\n", rest.as_slice()].concat();
            if let Some(request) = parse(&head) {
                prop_assert_eq!(request.method(), Method::GET);
                prop_assert!(request.headers().len() <= MAX_FIELDS);
            }
        }

        #[test]
        fn fields_come_out_as_they_went_in(
            fields in prop::collection::vec(("x-[a-z0-9-]{1,20}", "[!-~]([ -~]{0,40}[!-~])?"), 0..20),
        ) {
            let mut head = "GET /sse/events?x HTTP/1.1\r\n".to_owned();
            for (name, value) in &fields {
                head += &format!("{name}: {value}\r\n");
            }
            head += "\r\n";
            let request = parse(head.as_bytes()).expect("a request");
            prop_assert_eq!(request.headers().len(), fields.len());
            for (name, value) in &fields {
                prop_assert!(request.headers().get_all(name).iter().any(|given| given == value));
            }
        }

        /// However a head is cut into pieces, its end is found with the piece that has it.
        #[test]
        fn the_end_is_found_once_it_is_there(before in "[a\r\n]{0,12}", pieces in prop::collection::vec(1_usize..5, 1..20)) {
            let text = format!("{before}\r\n\r\n");
            let (mut seen, mut found) = (0, false);
            for piece in pieces {
                let read = (seen + piece).min(text.len());
                found |= is_complete(&text.as_bytes()[..read], seen);
                let read_so_far = &text[..read];
                prop_assert_eq!(found, read_so_far.contains("\n\r\n") || read_so_far.contains("\n\n"));
                seen = read;
            }
        }
    }
}
