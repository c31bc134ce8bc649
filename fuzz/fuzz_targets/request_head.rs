//! Somebody who is not signed in sends any bytes where the head of a stream's request should be.

#![no_main]

#[expect(dead_code, reason = "the socket's side of it is not here")]
#[path = "../../server/src/front/head.rs"]
mod head;

use axum::http::Method;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    // Wherever it is cut, the end of the head is found with the piece that has it.
    let half = bytes.len() / 2;
    let found = head::is_complete(&bytes[..half], 0) || head::is_complete(bytes, half);
    assert_eq!(found, bytes.windows(4).any(|end| end == b"\r\n\r\n"));
    let Some(request) = head::parse(bytes) else { return };
    assert_eq!(request.method(), Method::GET);
    // What was taken in can't split the head of an answer, or of a request that is passed on.
    let clean = |text: &[u8]| !text.iter().any(|byte| matches!(byte, b'\r' | b'\n' | b'\0'));
    assert!(clean(request.uri().to_string().as_bytes()));
    for (name, value) in request.headers() {
        assert!(clean(name.as_str().as_bytes()) && clean(value.as_bytes()));
    }
    if head::is_stream(bytes) {
        assert_eq!(request.uri().path(), "/sse/events");
    }
});
