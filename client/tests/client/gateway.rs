//! The server's side of Engine.IO and Socket.IO, played by hand.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use axum::routing::get;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::unruly::{DEADLINE, Unruly};

/// How long "nothing comes" is watched.
const QUIET: Duration = Duration::from_millis(20);

/// A server whose WebSockets are handed to the test.
pub(crate) struct Gateway {
    /// Its other routes.
    pub(crate) unruly: Unruly,
    peers: mpsc::UnboundedReceiver<Peer>,
    open: Arc<AtomicUsize>,
}

/// One WebSocket, from the server's side. Dropping it cuts the connection.
pub(crate) struct Peer {
    to_client: mpsc::Sender<String>,
    from_client: mpsc::UnboundedReceiver<String>,
}

#[derive(Clone)]
struct Door {
    peers: mpsc::UnboundedSender<Peer>,
    open: Arc<AtomicUsize>,
}

impl Gateway {
    pub(crate) async fn start() -> Self {
        let (sender, peers) = mpsc::unbounded_channel();
        let open = Arc::<AtomicUsize>::default();
        let door = Door { peers: sender, open: open.clone() };
        let routes = Router::new().route("/socket.io/", get(enter)).with_state(door);
        Self { unruly: Unruly::start_with(routes).await, peers, open }
    }

    pub(crate) fn url(&self) -> &str {
        &self.unruly.url
    }

    /// The next connection.
    pub(crate) async fn peer(&mut self) -> Peer {
        timeout(DEADLINE, self.peers.recv()).await.expect("a connection in time").expect("a connection")
    }

    /// How many connections are open.
    pub(crate) fn open(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }
}

impl Peer {
    /// The next packet that isn't a pong.
    pub(crate) async fn receive(&mut self) -> String {
        loop {
            let packet = timeout(DEADLINE, self.from_client.recv()).await.expect("a packet in time").expect("a packet");
            if packet != "3" {
                return packet;
            }
        }
    }

    /// Sends a packet; nothing when the client is gone.
    pub(crate) async fn send(&self, packet: &str) {
        let _ = self.to_client.send(packet.to_owned()).await;
    }

    pub(crate) async fn accept(&mut self) {
        let connect = self.receive().await;
        assert!(connect.starts_with("40/messaging,{\"token\":"), "{connect}");
        self.send("40/messaging,{\"sid\":\"s\"}").await;
    }

    pub(crate) async fn emit(&self, event: &str, body: Value) {
        self.send(&format!("42/messaging,{}", json!([event, body]))).await;
    }

    /// The next packet, which must be this request: the id to answer it by, and its body.
    pub(crate) async fn request(&mut self, event: &str) -> (u64, Value) {
        let packet = self.receive().await;
        let rest = packet.strip_prefix("42/messaging,").unwrap_or_else(|| panic!("{event} was due, {packet} came"));
        let list = rest.find('[').expect("a list");
        let mut arguments: Vec<Value> = serde_json::from_str(&rest[list..]).expect("arguments");
        assert_eq!(arguments[0], event, "{packet}");
        (rest[..list].parse().expect("an id"), arguments.remove(1))
    }

    pub(crate) async fn answer(&self, id: u64, body: Value) {
        self.send(&format!("43/messaging,{id}{}", json!([body]))).await;
    }

    /// Whether no packet comes for a moment.
    pub(crate) async fn is_quiet(&mut self) -> bool {
        timeout(QUIET, self.from_client.recv()).await.is_err()
    }

    /// Waits until the client has closed the connection; what it still sent is dropped.
    pub(crate) async fn is_closed(&mut self) -> bool {
        timeout(DEADLINE, async { while self.from_client.recv().await.is_some() {} }).await.is_ok()
    }
}

async fn enter(State(door): State<Door>, upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(move |socket| serve(socket, door))
}

async fn serve(mut socket: WebSocket, door: Door) {
    let (to_client, mut outgoing) = mpsc::channel::<String>(8);
    let (incoming, from_client) = mpsc::unbounded_channel();
    door.open.fetch_add(1, Ordering::SeqCst);
    let open =
        json!({"sid": "e", "upgrades": [], "pingInterval": 25_000, "pingTimeout": 20_000, "maxPayload": 100_000});
    let mut is_fine = socket.send(Message::from(format!("0{open}"))).await.is_ok();
    let _ = door.peers.send(Peer { to_client, from_client });
    while is_fine {
        is_fine = tokio::select! {
            packet = outgoing.recv() => match packet {
                Some(packet) => socket.send(Message::from(packet)).await.is_ok(),
                None => false,
            },
            packet = socket.recv() => match packet {
                Some(Ok(Message::Text(text))) => incoming.send(text.to_string()).is_ok(),
                Some(Ok(Message::Close(_)) | Err(_)) | None => false,
                Some(Ok(_)) => true,
            },
        };
    }
    door.open.fetch_sub(1, Ordering::SeqCst);
}
