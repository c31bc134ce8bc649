//! A client that asks for a stream and doesn't read it.

use std::time::Duration;

use sally_protocol::Role;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use crate::support::{Server, until, until_within};

/// Asks for everything after a cursor on a connection that holds little.
async fn ask(server: &Server, token: &str, cursor: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(16 * 1024).unwrap();
    let mut stream = socket.connect(server.running().address()).await.unwrap();
    let request = format!(
        "GET /sse/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nLast-Event-ID: {cursor}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

#[tokio::test]
async fn a_stream_that_stalls_while_it_catches_up_is_cut_off_and_counted() {
    let server = Server::start().await;
    let first = server.publish("acme", json!([{ "type": "zz_top" }])).await;
    // More than the kernel holds for both ends together.
    let large = json!({ "type": "zz_top", "filling": "x".repeat(60_000) });
    for _ in 0..20 {
        server.publish("acme", json!(vec![&large; 15])).await;
    }
    let token = server.token("acme", "ann", Role::Dispatcher);
    let mut stalled = ask(&server, &token, first[0]["cursor"].as_str().unwrap()).await;
    until("the stream is open", async || server.metric("sally_sse_streams").await == 1.0).await;
    assert_eq!(server.metric("sally_sse_stalled_total").await, 0.0);
    // It takes nothing for fifteen seconds.
    let cut_off = async || server.metric("sally_sse_streams").await == 0.0;
    until_within(Duration::from_secs(30), "the stream is cut off", cut_off).await;
    assert_eq!(server.metric("sally_sse_stalled_total").await, 1.0);
    let mut received = Vec::new();
    // The server may have reset the connection.
    let _ = stalled.read_to_end(&mut received).await;
    let received = String::from_utf8_lossy(&received);
    assert!(received.contains("event: zz_top") && !received.contains("event: ready"), "it was still catching up");
}
