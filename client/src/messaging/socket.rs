//! One attempt at a Socket.IO connection: the only place that knows `rust_socketio`.
//!
//! The library keeps tasks of its own, which outlive a `disconnect()`, reconnect for ever with an
//! old token, and say nothing when the transport is lost. So each attempt gets a thread and a
//! runtime: whatever the library started ends when that runtime does. Its callbacks run one after
//! the other under its lock, and therefore do nothing but pass on.

use std::future::{pending, ready};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use rust_socketio::asynchronous::{Client, ClientBuilder};
use rust_socketio::{Event, Payload, TransportType};
use sally_protocol::message::NAMESPACE;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::request::{Failure, Request, read_answer};
use crate::address::Address;
use crate::token::AccessToken;

/// Events that wait to be handled. Beyond them the connection is given up: what it would have
/// brought comes by `resume`.
const EVENTS: usize = 1_024;

/// Requests that wait for the one before them.
const REQUESTS: usize = 64;

/// The limit of opening the transport.
const OPEN_LIMIT: Duration = Duration::from_secs(10);

/// The limit of an acknowledgement. The library never forgets one that didn't come, so the
/// connection is rebuilt then.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);

/// The limit of saying goodbye.
const GOODBYE_LIMIT: Duration = Duration::from_secs(1);

/// The limit of ending what the library started. Only a name look-up can take that long.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(1);

/// How a refused CONNECT reads in the library's error event.
const REFUSAL: &str = "Received an ConnectError frame: ";

/// What comes up from the socket.
#[derive(Debug, PartialEq)]
pub(super) enum Incoming {
    /// An event with its first argument.
    Event(String, Value),
    /// The server refused the namespace, with this word.
    Refused(String),
}

/// An attempt under way, or the connection it has become.
#[derive(Debug)]
pub(super) struct Socket {
    incoming: mpsc::Receiver<Incoming>,
    requests: mpsc::Sender<Request>,
    /// Ends with the thread.
    ended: oneshot::Receiver<()>,
    stop: DropGuard,
}

impl Socket {
    /// Begins to connect. Dropping the socket closes it without waiting.
    pub(super) fn open(address: &Address, token: &AccessToken) -> std::io::Result<Self> {
        let (incoming_sender, incoming) = mpsc::channel(EVENTS);
        let (requests, request_receiver) = mpsc::channel(REQUESTS);
        let (alive, ended) = oneshot::channel::<()>();
        let stop = CancellationToken::new();
        let attempt = Attempt {
            address: address.at("socket.io/").to_string(),
            token: token.clone(),
            outlet: Outlet { incoming: incoming_sender, lost: CancellationToken::new() },
            stop: stop.clone(),
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        std::thread::Builder::new().name("sally-messaging".into()).spawn(move || {
            runtime.block_on(attempt.run(request_receiver));
            runtime.shutdown_timeout(SHUTDOWN_LIMIT);
            drop(alive);
        })?;
        Ok(Self { incoming, requests, ended, stop: stop.drop_guard() })
    }

    /// The next thing that comes; `None` once the connection is lost.
    pub(super) async fn next(&mut self) -> Option<Incoming> {
        self.incoming.recv().await
    }

    /// Sends a request; its answer comes through the request's own channel. One at a time is under
    /// way, since the library tells acknowledgements apart by a random number below 1,000.
    pub(super) fn request(&self, request: Request) {
        if let Err(mpsc::error::TrySendError::Full(request) | mpsc::error::TrySendError::Closed(request)) =
            self.requests.try_send(request)
        {
            // Whoever asked may have stopped waiting, which is theirs to decide.
            let _ = request.answer.send(Err(Failure::Offline));
        }
    }

    /// Says goodbye and waits until the socket is closed.
    pub(super) async fn close(self) {
        self.stop.disarm().cancel();
        let _ = self.ended.await;
    }
}

/// What an attempt's thread works with.
struct Attempt {
    address: String,
    token: AccessToken,
    outlet: Outlet,
    /// From outside: close.
    stop: CancellationToken,
}

/// Where callbacks pass on what comes.
#[derive(Clone)]
struct Outlet {
    incoming: mpsc::Sender<Incoming>,
    /// The connection is no more.
    lost: CancellationToken,
}

impl Outlet {
    /// Passes on, or gives the connection up when there is no room. After that nothing may pass:
    /// the cursor of a later message would cover the lost one.
    fn pass(&self, incoming: Incoming) {
        if !self.lost.is_cancelled() && self.incoming.try_send(incoming).is_err() {
            self.lost.cancel();
        }
    }
}

impl Attempt {
    async fn run(self, mut requests: mpsc::Receiver<Request>) {
        let opened = tokio::select! {
            () = self.stop.cancelled() => return,
            opened = timeout(OPEN_LIMIT, self.builder().connect()) => opened,
        };
        let client = match opened {
            Ok(Ok(client)) => client,
            Ok(Err(error)) => return tracing::debug!(%error, "the messaging transport can't be opened"),
            Err(_) => return tracing::debug!("the messaging transport didn't open in time"),
        };
        loop {
            let request = tokio::select! {
                () = self.stop.cancelled() => return goodbye(&client).await,
                () = self.outlet.lost.cancelled() => return,
                request = requests.recv() => request,
            };
            let Some(request) = request else { return goodbye(&client).await };
            tokio::select! {
                () = self.stop.cancelled() => return goodbye(&client).await,
                () = self.outlet.lost.cancelled() => return,
                answered = ask(&client, request) => if !answered { return },
            }
        }
    }

    fn builder(&self) -> ClientBuilder {
        let (lost, closed) = (self.outlet.lost.clone(), self.outlet.lost.clone());
        let (refusals, events) = (self.outlet.clone(), self.outlet.clone());
        ClientBuilder::new(&self.address)
            .namespace(NAMESPACE)
            .transport_type(TransportType::Websocket)
            .auth(json!({ "token": self.token.reveal() }))
            // The library tells of a lost transport only by reconnecting, so it is let begin, and
            // then held there until the runtime ends.
            .reconnect(true)
            .reconnect_on_disconnect(true)
            .on_reconnect(move || {
                lost.cancel();
                pending().boxed()
            })
            .on(Event::Close, move |_, _| {
                closed.cancel();
                ready(()).boxed()
            })
            .on(Event::Error, move |payload, _| {
                let text = first(payload).as_ref().and_then(Value::as_str).unwrap_or_default().to_owned();
                match refusal(&text) {
                    Some(word) => refusals.pass(Incoming::Refused(word)),
                    None => tracing::debug!(error = text, "the messaging connection reports an error"),
                }
                ready(()).boxed()
            })
            .on_any(move |event, payload, _| {
                events.pass(Incoming::Event(String::from(event), first(payload).unwrap_or(Value::Null)));
                ready(()).boxed()
            })
    }
}

/// Sends one request and waits for its answer. False when there was none.
async fn ask(client: &Client, request: Request) -> bool {
    let (sender, answered) = oneshot::channel();
    let sender = Arc::new(Mutex::new(Some(sender)));
    let on_answer = move |payload, _| {
        if let Some(sender) = sender.lock().unwrap_or_else(PoisonError::into_inner).take() {
            // An acknowledgement's arguments arrive as one list.
            let value = match first(payload) {
                Some(Value::Array(mut arguments)) if !arguments.is_empty() => arguments.swap_remove(0),
                other => other.unwrap_or(Value::Null),
            };
            let _ = sender.send(value);
        }
        ready(()).boxed()
    };
    let asked = async {
        client.emit_with_ack(request.event, request.body, ANSWER_LIMIT, on_answer).await.ok()?;
        answered.await.ok()
    };
    match timeout(ANSWER_LIMIT, asked).await {
        Ok(Some(answer)) => {
            let _ = request.answer.send(read_answer(answer));
            true
        }
        Ok(None) | Err(_) => {
            let _ = request.answer.send(Err(Failure::NoAnswer));
            false
        }
    }
}

/// Tells the server, as long as it listens. The transport itself closes with the runtime.
async fn goodbye(client: &Client) {
    let _ = timeout(GOODBYE_LIMIT, client.disconnect()).await;
}

fn first(payload: Payload) -> Option<Value> {
    match payload {
        Payload::Text(values) => values.into_iter().next(),
        _ => None,
    }
}

/// The word of a refused CONNECT: `{"message": word}`.
fn refusal(text: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Refusal {
        message: String,
    }
    let frame = text.strip_prefix(REFUSAL)?;
    Some(serde_json::from_str::<Refusal>(frame).map_or_else(|_| frame.to_owned(), |refusal| refusal.message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_one_that_found_no_room_none_passes() {
        let (sender, mut incoming) = mpsc::channel(1);
        let outlet = Outlet { incoming: sender, lost: CancellationToken::new() };
        let event = |n: u32| Incoming::Event("new_message".into(), json!(n));
        outlet.pass(event(1));
        assert!(!outlet.lost.is_cancelled());
        outlet.pass(event(2));
        assert!(outlet.lost.is_cancelled());
        assert_eq!(incoming.try_recv(), Ok(event(1)));
        outlet.pass(event(3));
        assert!(incoming.try_recv().is_err());
    }

    #[test]
    fn a_refusal_is_found_in_the_librarys_words() {
        let text = r#"Received an ConnectError frame: {"message":"token_expired"}"#;
        assert_eq!(refusal(text).as_deref(), Some("token_expired"));
        assert_eq!(refusal("Received an ConnectError frame: \"no\"").as_deref(), Some("\"no\""));
        assert_eq!(refusal("EngineIO Error"), None);
    }
}
