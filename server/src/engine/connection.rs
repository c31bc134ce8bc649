//! One session: what waits to go out, what has come in, and the transport it has.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::net::TcpStream;
use tokio::sync::Notify;

use super::frame::Frame;
use super::outlet::{MAX_SLICES, Outlet};
use super::packet::Incoming;
use super::sid::Sid;

/// How many packets of a client may wait to be served. One that has more under way is closed.
const MAX_RECEIVED: usize = 256;

/// How many bytes of them may.
const MAX_RECEIVED_BYTES: usize = 1024 * 1024;

/// Why a session is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Closed {
    /// The client has left, or is lost.
    ByClient,
    /// The server closes it, or the client has broken the protocol.
    ByServer,
}

/// One session. Whoever sends writes to the socket at once; what it has no room for waits here.
pub struct Connection {
    sid: Sid,
    state: Mutex<State>,
    /// Told to the task that keeps the session: it is closed, has another transport, or a frame waits for
    /// room.
    pub(super) roused: Notify,
    /// Told to the waiting poll.
    polled: Notify,
    /// Told to whoever waits for [`Connection::next`].
    arrived: Notify,
}

struct State {
    transport: Transport,
    outlet: Outlet,
    /// Whether frames wait for room and the task that keeps the session knows.
    has_stalled: bool,
    received: VecDeque<Incoming>,
    closed: Option<Closed>,
}

enum Transport {
    Polling(Polling),
    WebSocket(Arc<TcpStream>),
    None,
}

/// What a client that polls has under way.
#[derive(Debug, Default, Clone, Copy)]
struct Polling {
    getting: bool,
    posting: bool,
    /// Whether a WebSocket is being tried.
    probing: bool,
    /// Whether a poll is to be sent home for that, with nothing.
    interrupts: bool,
    /// Whether a ping was answered and nobody has taken note of it.
    has_ponged: bool,
}

/// The answer to a poll.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Poll {
    Payload(Vec<u8>),
    /// Nothing is to be said yet.
    Pending,
    /// The session has moved to a WebSocket.
    Moved,
}

/// A request that the protocol has no room for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Misplaced;

impl Connection {
    pub(super) fn polling(sid: Sid) -> Self {
        Self::new(sid, Transport::Polling(Polling::default()))
    }

    pub(super) fn web_socket(sid: Sid, stream: Arc<TcpStream>) -> Self {
        Self::new(sid, Transport::WebSocket(stream))
    }

    fn new(sid: Sid, transport: Transport) -> Self {
        let state =
            State { transport, outlet: Outlet::default(), has_stalled: false, received: VecDeque::new(), closed: None };
        Self { sid, state: Mutex::new(state), roused: Notify::new(), polled: Notify::new(), arrived: Notify::new() }
    }

    pub(super) fn sid(&self) -> Sid {
        self.sid
    }

    /// Sends a frame. A session that has no room for it is closed.
    pub fn send(&self, frame: &Frame) {
        let mut state = self.locked();
        state.send(frame);
        self.settle(state);
    }

    /// Sends a frame that the client can do without, unless many wait already.
    pub fn send_volatile(&self, frame: &Frame) {
        let mut state = self.locked();
        if !state.outlet.is_behind() {
            state.send(frame);
            self.settle(state);
        }
    }

    /// Puts a frame behind those that wait for [`Connection::flush`]. True when it is the first.
    pub fn push(&self, frame: &Frame) -> bool {
        let mut state = self.locked();
        let first = state.outlet.is_empty();
        state.push(frame);
        if state.outlet.len() >= MAX_SLICES {
            state.write();
            self.settle(state);
        }
        first
    }

    /// Sends what waits, as far as there is room.
    pub fn flush(&self) {
        let mut state = self.locked();
        state.write();
        self.settle(state);
    }

    /// Has done what follows from what was written, or found no room.
    fn settle(&self, mut state: MutexGuard<'_, State>) {
        let is_full = state.outlet.is_full();
        // The task that keeps the session goes on when there is room.
        let stalls = state.is_stalled() && !std::mem::replace(&mut state.has_stalled, true);
        let (polls, closed) = (state.polling().is_ok(), state.closed.is_some());
        drop(state);
        if is_full {
            tracing::debug!("a session is closed because its client takes nothing");
            self.close(Closed::ByServer);
        }
        if polls {
            self.polled.notify_one();
        }
        if stalls || closed {
            self.roused.notify_one();
        }
        if closed {
            self.arrived.notify_one();
        }
    }

    /// What the client sends next; `None` at the end. May be dropped without losing anything.
    pub async fn next(&self) -> Option<Incoming> {
        loop {
            {
                let mut state = self.locked();
                match state.received.pop_front() {
                    Some(incoming) => return Some(incoming),
                    None if state.closed.is_some() => return None,
                    // Keeps no room for what was a burst.
                    None => state.received = VecDeque::new(),
                }
            }
            self.arrived.notified().await;
        }
    }

    /// Closes the session. What waits and finds no room is lost, as everything may be that isn't with
    /// the client yet.
    pub fn end(&self) {
        self.close(Closed::ByServer);
    }

    /// Whether it is over.
    pub fn is_closed(&self) -> bool {
        self.locked().closed.is_some()
    }

    pub(super) fn close(&self, why: Closed) {
        let mut state = self.locked();
        if state.closed.is_some() {
            return;
        }
        state.closed = Some(why);
        if state.polling().is_ok() {
            state.outlet = Outlet::default();
        }
        drop(state);
        self.roused.notify_one();
        self.polled.notify_one();
        self.arrived.notify_one();
    }

    /// Gives the WebSocket of a closed session up, after a last frame where there is room for it.
    pub(super) fn give_up(&self, farewell: &Frame) {
        let mut state = self.locked();
        state.closed.get_or_insert(Closed::ByServer);
        state.outlet.push(farewell);
        state.write();
        state.outlet = Outlet::default();
        state.transport = Transport::None;
        drop(state);
        self.arrived.notify_one();
    }

    /// Takes what a client has sent.
    pub(super) fn receive(&self, incoming: Incoming) {
        let mut state = self.locked();
        if state.closed.is_some() {
            return;
        }
        let bytes: usize = state.received.iter().map(Incoming::len).sum();
        let has_room = state.received.len() < MAX_RECEIVED && bytes < MAX_RECEIVED_BYTES;
        if has_room {
            state.received.push_back(incoming);
        }
        drop(state);
        match has_room {
            true => self.arrived.notify_one(),
            false => self.close(Closed::ByServer),
        }
    }

    /// Whether a frame waits for room in the socket.
    pub(super) fn is_stalled(&self) -> bool {
        self.locked().is_stalled()
    }

    /// Begins a poll; false when one is under way already.
    pub(super) fn begin_get(&self) -> Result<bool, Misplaced> {
        let mut state = self.locked();
        let polling = state.polling()?;
        Ok(!std::mem::replace(&mut polling.getting, true))
    }

    /// What a poll is to be answered, which is over then.
    pub(super) fn answer_get(&self) -> Poll {
        let mut state = self.locked();
        let Ok(Polling { interrupts, .. }) = state.polling().copied() else { return Poll::Moved };
        let answer = match state.closed {
            // Whoever has left wants no news.
            Some(Closed::ByClient) => Poll::Payload(b"6".to_vec()),
            Some(Closed::ByServer) => Poll::Payload(b"1".to_vec()),
            None if !state.outlet.is_empty() => Poll::Payload(state.outlet.take_payload()),
            // Once: a client whose WebSocket comes to nothing goes on polling, and not in circles.
            None if interrupts => Poll::Payload(b"6".to_vec()),
            None => return Poll::Pending,
        };
        if let Ok(polling) = state.polling() {
            (polling.getting, polling.interrupts) = (false, false);
        }
        answer
    }

    /// Waits for something to answer a poll with.
    pub(super) async fn answerable(&self) {
        self.polled.notified().await;
    }

    /// Begins to take a payload; false when one is on its way already.
    pub(super) fn begin_post(&self) -> Result<bool, Misplaced> {
        Ok(!std::mem::replace(&mut self.locked().polling()?.posting, true))
    }

    pub(super) fn end_post(&self) {
        if let Ok(polling) = self.locked().polling() {
            polling.posting = false;
        }
    }

    /// Takes note that a ping was answered.
    pub(super) fn pong(&self) {
        if let Ok(polling) = self.locked().polling() {
            polling.has_ponged = true;
        }
        self.roused.notify_one();
    }

    /// Whether a ping was answered since this was asked last.
    pub(super) fn take_pong(&self) -> bool {
        self.locked().polling().is_ok_and(|polling| std::mem::take(&mut polling.has_ponged))
    }

    /// Whether the session polls.
    pub(super) fn polls(&self) -> bool {
        let mut state = self.locked();
        state.closed.is_none() && state.polling().is_ok()
    }

    /// Begins to try a WebSocket: the poll that waits, or comes next, is sent home.
    pub(super) fn begin_probe(&self) -> Result<(), Misplaced> {
        let mut state = self.locked();
        let polling = state.polling()?;
        if std::mem::replace(&mut polling.probing, true) {
            return Err(Misplaced);
        }
        polling.interrupts = true;
        drop(state);
        self.polled.notify_one();
        Ok(())
    }

    /// Gives it up: the session goes on polling.
    pub(super) fn end_probe(&self) {
        if let Ok(polling) = self.locked().polling() {
            (polling.probing, polling.interrupts) = (false, false);
        }
    }

    /// Moves the session to the WebSocket that was tried.
    pub(super) fn move_to(&self, stream: Arc<TcpStream>) -> Result<(), Misplaced> {
        let mut state = self.locked();
        if state.closed.is_some() || !state.polling()?.probing {
            return Err(Misplaced);
        }
        state.transport = Transport::WebSocket(stream);
        state.write();
        self.settle(state);
        self.polled.notify_one();
        // The task that kept the session while it polled, which ends.
        self.roused.notify_one();
        Ok(())
    }

    fn locked(&self) -> MutexGuard<'_, State> {
        // Nothing that is done under the lock leaves it half done when it panics.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn polling(&mut self) -> Result<&mut Polling, Misplaced> {
        match &mut self.transport {
            Transport::Polling(polling) => Ok(polling),
            Transport::WebSocket(_) | Transport::None => Err(Misplaced),
        }
    }

    fn push(&mut self, frame: &Frame) {
        if self.closed.is_none() {
            self.outlet.push(frame);
        }
    }

    /// Takes a frame, and writes it to the WebSocket as far as it has room.
    fn send(&mut self, frame: &Frame) {
        let Transport::WebSocket(stream) = &self.transport else { return self.push(frame) };
        if self.closed.is_some() {
            return;
        }
        let written = self.outlet.write(frame, stream);
        self.note_written(written);
    }

    fn is_stalled(&self) -> bool {
        matches!(self.transport, Transport::WebSocket(_)) && !self.outlet.is_empty()
    }

    /// Writes what waits to the WebSocket, as far as it has room.
    fn write(&mut self) {
        let Transport::WebSocket(stream) = &self.transport else { return };
        let written = self.outlet.write_to(stream);
        self.note_written(written);
    }

    /// Takes note of what came of a write.
    fn note_written(&mut self, written: io::Result<()>) {
        if written.is_err() {
            self.closed.get_or_insert(Closed::ByClient);
        }
        self.has_stalled &= !self.outlet.is_empty();
    }
}
