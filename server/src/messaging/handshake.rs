//! The request that opens a connection, which stays in memory as long as the connection.

use axum::extract::{OriginalUri, Request};
use axum::http::{HeaderMap, HeaderValue, Uri};
use axum::middleware::Next;
use axum::response::Response;

/// Copies the address and the headers of Socket.IO requests.
///
/// They are slices of the buffer that the connection's bytes were read into, and the library keeps a
/// socket's: without this every idle socket holds a buffer of 16 KiB for a few hundred bytes.
pub(crate) async fn copy_head(mut request: Request, next: Next) -> Response {
    if request.uri().path().starts_with("/socket.io") {
        if let Ok(uri) = request.uri().to_string().parse::<Uri>() {
            *request.uri_mut() = uri;
            // The router has noted it, too.
            request.extensions_mut().remove::<OriginalUri>();
        }
        *request.headers_mut() = copied(request.headers());
    }
    next.run(request).await
}

fn copied(headers: &HeaderMap) -> HeaderMap {
    let mut copies = HeaderMap::with_capacity(headers.len());
    for (name, value) in headers {
        if let Ok(mut copy) = HeaderValue::from_bytes(value.as_bytes()) {
            copy.set_sensitive(value.is_sensitive());
            copies.append(name.clone(), copy);
        }
    }
    copies
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn copies_say_the_same_from_memory_of_their_own() {
        let buffer = Bytes::from(b"one two".to_vec());
        let mut headers = HeaderMap::new();
        for part in [buffer.slice(..3), buffer.slice(4..)] {
            headers.append("x-part", HeaderValue::from_maybe_shared(part).expect("a value"));
        }
        let copies = copied(&headers);
        assert_eq!(copies, headers);
        assert!(!buffer.is_unique(), "the headers are slices of the buffer");
        drop(headers);
        assert!(buffer.is_unique(), "the copies aren't");
    }
}
