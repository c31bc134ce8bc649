//! Connections packet by packet, as somebody has them who writes a client anew.

use std::collections::VecDeque;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use reqwest::{RequestBuilder, Response};
use sally_protocol::Role;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::StatusCode;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::support::{PATIENCE, Server, until};

/// The handshake that a text is, its shape checked.
pub(crate) fn handshake(text: &str) -> Value {
    let open: Value = serde_json::from_str(text.strip_prefix('0').expect("an open packet")).unwrap();
    let mut keys: Vec<&String> = open.as_object().unwrap().keys().collect();
    keys.sort();
    assert_eq!(keys, ["maxPayload", "pingInterval", "pingTimeout", "sid", "upgrades"]);
    assert_eq!(open["maxPayload"], 128 * 1024);
    open
}

/// A polling session, by the letter of the Engine.IO protocol, version 4.
pub(crate) struct Polling<'a> {
    server: &'a Server,
    pub sid: String,
    /// What came with a poll and hasn't been looked at.
    taken: VecDeque<String>,
}

impl<'a> Polling<'a> {
    pub(crate) async fn open(server: &'a Server) -> Self {
        let url = server.path("/socket.io/?EIO=4&transport=polling");
        let open = handshake(&server.http.get(url).send().await.unwrap().text().await.unwrap());
        assert_eq!(open["upgrades"], json!(["websocket"]));
        Self { server, sid: open["sid"].as_str().unwrap().to_owned(), taken: VecDeque::new() }
    }

    /// One that is in the namespace as a user, its `session` read.
    pub(crate) async fn entered(server: &'a Server, user: &str, role: Role) -> Self {
        let mut polling = Self::open(server).await;
        polling.post(format!("40/messaging,{}", json!({ "token": server.token("acme", user, role) }))).await;
        polling.packet("40/messaging,").await;
        polling.packet(r#"42/messaging,["session","#).await;
        polling
    }

    pub(crate) fn url(&self) -> String {
        self.server.path(&format!("/socket.io/?EIO=4&transport=polling&sid={}", self.sid))
    }

    /// A request that takes what has come.
    pub(crate) fn get(&self) -> RequestBuilder {
        self.server.http.get(self.url()).timeout(PATIENCE)
    }

    /// Sends any body.
    pub(crate) async fn try_post(&self, body: impl Into<reqwest::Body>) -> Response {
        self.server.http.post(self.url()).body(body).send().await.unwrap()
    }

    pub(crate) async fn post(&self, packets: String) {
        let answer = self.try_post(packets).await;
        assert_eq!((answer.status().as_u16(), answer.text().await.unwrap().as_str()), (200, "ok"));
    }

    /// The packets of one poll.
    pub(crate) async fn poll(&self) -> Vec<String> {
        let text = self.get().send().await.unwrap().text().await.unwrap();
        text.split('\u{1e}').map(str::to_owned).collect()
    }

    /// The rest of the next packet that begins with `prefix`; pings are answered, others skipped.
    pub(crate) async fn packet(&mut self, prefix: &str) -> String {
        loop {
            let Some(packet) = self.taken.pop_front() else {
                self.taken.extend(self.poll().await);
                continue;
            };
            if let Some(rest) = packet.strip_prefix(prefix) {
                return rest.to_owned();
            }
            if packet == "2" {
                self.post("3".into()).await;
            }
        }
    }

    /// Whether the session is no more.
    pub(crate) async fn is_gone(&self) -> bool {
        self.try_post("3").await.status() == 400
    }

    /// Waits until it is: whoever hears of its end may do so before the server has forgotten it.
    pub(crate) async fn assert_gone(&self) {
        until("the session is gone", async || self.is_gone().await).await;
    }
}

/// A payload of which the server has read the head and waits for the rest.
pub(crate) struct Begun(TcpStream);

impl Begun {
    /// Begins to post a payload, of which `part` is sent.
    pub(crate) async fn post(server: &Server, polling: &Polling<'_>, part: &str) -> Self {
        let address = server.url().strip_prefix("http://").unwrap();
        let path = polling.url().replacen(server.url(), "", 1);
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Length: {}\r\nExpect: 100-continue\r\n\r\n",
            part.len() + 1,
        );
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        // It says so when it begins to read what follows (RFC 9110, section 10.1.1).
        let expected = b"HTTP/1.1 100 Continue\r\n\r\n";
        let mut answer = vec![0; expected.len()];
        tokio::time::timeout(PATIENCE, stream.read_exact(&mut answer)).await.expect("an answer in time").unwrap();
        assert_eq!(answer, expected);
        stream.write_all(part.as_bytes()).await.unwrap();
        Self(stream)
    }

    /// Sends no more, and waits until the server has taken that in.
    pub(crate) async fn give_up(&mut self) {
        self.0.shutdown().await.unwrap();
        let mut answer = Vec::new();
        let end = self.0.read_to_end(&mut answer);
        // Whether it answers or resets the connection is its own affair.
        let _ = tokio::time::timeout(PATIENCE, end).await.expect("the server's end in time");
    }
}

/// A WebSocket.
pub(crate) struct Wire(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Wire {
    /// Opens a WebSocket at a path of the server's, or says the status with which it was refused.
    pub(crate) async fn at(server: &Server, path: &str, headers: &[(&'static str, &str)]) -> Result<Self, StatusCode> {
        let mut request = server.path(path).replacen("http", "ws", 1).into_client_request().unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        match connect_async(request).await {
            Ok((socket, _)) => Ok(Self(socket)),
            Err(Error::Http(answer)) => Err(answer.status()),
            Err(other) => panic!("{other}"),
        }
    }

    /// A WebSocket session, its handshake read.
    pub(crate) async fn open(server: &Server) -> Self {
        let mut wire = Self::at(server, "/socket.io/?EIO=4&transport=websocket", &[]).await.unwrap();
        let open = handshake(&wire.next().await.expect("a handshake"));
        assert_eq!(open["upgrades"], json!([]));
        wire
    }

    /// A session that is in the namespace as a user, its `session` read.
    pub(crate) async fn entered(server: &Server, user: &str, role: Role) -> Self {
        let mut wire = Self::open(server).await;
        wire.enter(&server.token("acme", user, role)).await;
        wire
    }

    pub(crate) async fn enter(&mut self, token: &str) {
        self.send(format!("40/messaging,{}", json!({ "token": token }))).await;
        self.packet("40/messaging,").await;
        self.packet(r#"42/messaging,["session","#).await;
    }

    pub(crate) async fn send(&mut self, text: impl Into<String>) {
        self.try_send(text).await.unwrap();
    }

    pub(crate) async fn try_send(&mut self, text: impl Into<String>) -> Result<(), Error> {
        self.0.send(Message::text(text.into())).await
    }

    pub(crate) async fn send_binary(&mut self, bytes: Vec<u8>) {
        self.0.send(Message::binary(bytes)).await.unwrap();
    }

    /// The next packet that isn't a ping, or `None` at the end. Pings are answered.
    pub(crate) async fn next_word(&mut self) -> Option<String> {
        loop {
            let packet = self.next().await?;
            if packet != "2" {
                return Some(packet);
            }
            self.send("3").await;
        }
    }

    /// The next packet, or `None` at the end. Pings come as any other.
    pub(crate) async fn next(&mut self) -> Option<String> {
        self.next_within(PATIENCE).await
    }

    pub(crate) async fn next_within(&mut self, limit: Duration) -> Option<String> {
        loop {
            match tokio::time::timeout(limit, self.0.next()).await.expect("a packet in time") {
                Some(Ok(Message::Text(text))) => return Some(text.to_string()),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                Some(Ok(_)) => {}
            }
        }
    }

    /// The rest of the next packet that begins with `prefix`; pings are answered, others skipped.
    pub(crate) async fn packet(&mut self, prefix: &str) -> String {
        loop {
            let packet = self.next_word().await.unwrap_or_else(|| panic!("closed before {prefix:?}"));
            if let Some(rest) = packet.strip_prefix(prefix) {
                return rest.to_owned();
            }
        }
    }

    /// The first argument of the answer to an event that was sent with this id.
    pub(crate) async fn answer(&mut self, id: u64) -> Value {
        let answer: Value = serde_json::from_str(&self.packet(&format!("43/messaging,{id}")).await).unwrap();
        answer[0].clone()
    }

    /// Waits for the end, whatever comes before it.
    pub(crate) async fn assert_closed(&mut self, why: &str) {
        let end = async { while self.next_within(PATIENCE * 2).await.is_some() {} };
        tokio::time::timeout(PATIENCE, end).await.unwrap_or_else(|_| panic!("still open: {why:?}"));
    }
}
