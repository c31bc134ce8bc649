//! The listening socket, and who gets a connection.
//!
//! An event stream that is the first request of its connection keeps the connection for itself:
//! its head is read and answered here, and the socket goes to the [`Fanout`], which has no use for
//! an HTTP library. Every other connection is hyper's, as is a stream that comes as a later request
//! on one; it behaves the same and costs more.
//!
//! # Layout
//!
//! - [`head`]: the head of a request for an event stream.

mod head;

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, Response, header};
use axum::response::IntoResponse as _;
use bytes::{Bytes, BytesMut};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use jiff::Timestamp;
use jiff::fmt::rfc2822;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

use crate::error::ApiError;
use crate::sse::{Fanout, Socket, Takeover};

/// How long a client may take for the head of its request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(15);

/// How long a connection is kept for another request.
const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// How long what was sent may stay without the peer's acknowledgement (Linux).
#[cfg(target_os = "linux")]
const SILENCE: Duration = Duration::from_secs(30);

/// How many connections may wait to be accepted; the system may allow fewer.
const BACKLOG: u32 = 8_192;

/// How long to wait when no connection can be accepted.
const PAUSE: Duration = Duration::from_millis(100);

/// That is logged once in this time at most.
const LOG_PERIOD: Duration = Duration::from_secs(60);

/// Listens on an address. A whole node's clients may come at once, so that many may wait.
///
/// # Errors
///
/// When the address is none, or in use.
pub(crate) async fn listen(address: &str) -> io::Result<TcpListener> {
    let mut last = io::Error::new(io::ErrorKind::InvalidInput, "the name has no address");
    for address in tokio::net::lookup_host(address).await? {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() };
        let listening = socket.and_then(|socket| {
            #[cfg(unix)]
            socket.set_reuseaddr(true)?;
            socket.bind(address)?;
            socket.listen(BACKLOG)
        });
        match listening {
            Ok(listener) => return Ok(listener),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// What connections are served with; a cheap clone.
#[derive(Clone)]
pub(crate) struct Front {
    /// Every route.
    pub(crate) router: Router,
    /// Who takes event streams.
    pub(crate) fanout: Fanout,
    /// Ends connections once their request is answered.
    pub(crate) closed: CancellationToken,
    /// Cuts off those that haven't ended by then.
    pub(crate) stop: CancellationToken,
    /// Where connections are served.
    pub(crate) connections: TaskTracker,
}

impl Front {
    /// Accepts connections until `closed`.
    pub(crate) async fn serve(self, listener: TcpListener) {
        let mut complained = None;
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = self.closed.cancelled() => return,
            };
            match accepted {
                Ok((stream, peer)) => {
                    let (front, stop) = (self.clone(), self.stop.clone());
                    self.connections.spawn(async move {
                        tokio::select! {
                            () = front.connection(stream, peer) => {}
                            () = stop.cancelled() => {}
                        }
                    });
                }
                Err(error) => {
                    // Most likely there are too many open files; some will be closed.
                    if complained.is_none_or(|at: Instant| at.elapsed() > LOG_PERIOD) {
                        complained = Some(Instant::now());
                        tracing::warn!(%error, "connections can't be accepted");
                    }
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    async fn connection(self, stream: TcpStream, peer: SocketAddr) {
        // Frames are small and must not wait for more. A socket that is gone already says so later.
        let _ = stream.set_nodelay(true);
        // A peer that has gone without a word, or takes nothing, doesn't keep its place for longer.
        #[cfg(target_os = "linux")]
        let _ = socket2::SockRef::from(&stream).set_tcp_user_timeout(Some(SILENCE));
        let mut begin = [0; head::BEGIN_BYTES];
        let peeked = tokio::select! {
            peeked = tokio::time::timeout(HEAD_TIMEOUT, stream.peek(&mut begin)) => peeked,
            () = self.closed.cancelled() => return,
        };
        let Ok(Ok(read)) = peeked else { return };
        if head::is_stream(&begin[..read]) {
            // Who leaves before the answer is no trouble.
            let _ = self.event_stream(stream, peer).await;
        } else {
            // hyper's state is large, and streams, which are most of what comes here, would carry room for it.
            Box::pin(self.http(stream, peer)).await;
        }
    }

    /// Reads the request, has it answered as any other, and gives the socket away if it opened a
    /// stream.
    async fn event_stream(self, mut stream: TcpStream, peer: SocketAddr) -> io::Result<()> {
        let head = tokio::time::timeout(HEAD_TIMEOUT, read_head(&mut stream)).await??;
        let Some(head) = head else {
            return answer(stream, ApiError::head_too_large().into_response()).await;
        };
        let Some(mut request) = head::parse(&head) else {
            let refusal = ApiError::bad_request("invalid_request", "the head of the request can't be read");
            return answer(stream, refusal.into_response()).await;
        };
        let takeover = Takeover::default();
        request.extensions_mut().insert(ConnectInfo(peer));
        request.extensions_mut().insert(takeover.clone());
        let Self { router, fanout, .. } = self;
        let response = router.oneshot(request).await.unwrap_or_else(|never| match never {});
        match takeover.take() {
            Some(opening) => {
                fanout.serve(opening, Socket::Left(stream), head_of(&response, None)).await;
                Ok(())
            }
            None => answer(stream, response).await,
        }
    }

    /// Serves a connection with hyper.
    async fn http(self, stream: TcpStream, peer: SocketAddr) {
        let service = self.router.map_request(move |request: Request<_>| {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(ConnectInfo(peer));
            request
        });
        let mut builder = auto::Builder::new(TokioExecutor::new()).http1_only();
        // It is also the time for which a connection may wait for its next request.
        builder.http1().timer(TokioTimer::new()).header_read_timeout(KEEP_ALIVE);
        let serving = builder.serve_connection_with_upgrades(TokioIo::new(stream), TowerToHyperService::new(service));
        let mut serving = pin!(serving);
        tokio::select! {
            // A connection that breaks is the client's affair.
            _ = serving.as_mut() => return,
            () = self.closed.cancelled() => serving.as_mut().graceful_shutdown(),
        }
        let _ = serving.await;
    }
}

/// Reads up to the end of a head; `None` when it is too large.
async fn read_head(stream: &mut TcpStream) -> io::Result<Option<BytesMut>> {
    let mut head = BytesMut::with_capacity(1_024);
    loop {
        let seen = head.len();
        if stream.read_buf(&mut head).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if head.len() > head::MAX_HEAD_BYTES {
            return Ok(None);
        }
        if head::is_complete(&head, seen) {
            return Ok(Some(head));
        }
        head.reserve(1_024);
    }
}

/// The head of an answer after which the connection is closed. Without a length the body ends with
/// the connection (RFC 9112, section 6.3).
fn head_of(response: &Response<Body>, length: Option<usize>) -> Bytes {
    let status = response.status();
    let mut head = format!("HTTP/1.1 {} {}\r\n", status.as_u16(), status.canonical_reason().unwrap_or_default());
    if let Ok(date) = rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&Timestamp::now()) {
        head += &format!("date: {date}\r\n");
    }
    let mut head = head.into_bytes();
    for (name, value) in response.headers().iter().filter(|(name, _)| **name != header::CONTENT_LENGTH) {
        head.extend_from_slice(name.as_str().as_bytes());
        head.extend_from_slice(b": ");
        head.extend_from_slice(value.as_bytes());
        head.extend_from_slice(b"\r\n");
    }
    if let Some(length) = length {
        head.extend_from_slice(format!("content-length: {length}\r\n").as_bytes());
    }
    head.extend_from_slice(b"connection: close\r\n\r\n");
    head.into()
}

async fn answer(mut stream: TcpStream, mut response: Response<Body>) -> io::Result<()> {
    let body = std::mem::take(response.body_mut());
    let body = axum::body::to_bytes(body, usize::MAX).await.map_err(io::Error::other)?;
    stream.write_all(&head_of(&response, Some(body.len()))).await?;
    stream.write_all(&body).await?;
    stream.shutdown().await
}
