//! N Socket.IO clients on one epoll, over WebSocket.
//!
//! One thread, one read a wake-up, one clock reading a read, no allocation a message: what is
//! measured must be the server.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use memchr::memmem;
use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, connect, socket_with, sockopt};
use rustix::time::Timespec;

use super::frame::{self, Opcode};
use super::ledger::Ledger;
use super::packet::{self, Fields, Incoming};
use crate::load::Clock;

/// The most clients that are connecting at a time.
const OPENING: usize = 128;

/// Wake-ups taken from epoll at a time.
const EVENTS: usize = 512;

/// Bytes read at a time.
const BUFFER_BYTES: usize = 256 * 1024;

/// Asks for a WebSocket. The key is RFC 6455's example; the answer to it isn't checked.
const UPGRADE: &[u8] = b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: localhost\r\n\
    Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Connecting,
    Upgrading,
    Entering,
    Live,
}

struct Client {
    socket: Option<TcpStream>,
    phase: Phase,
    token: String,
    /// A begun head or frame.
    carry: Vec<u8>,
}

/// The clients of one run.
pub(super) struct Swarm {
    address: SocketAddr,
    epoll: OwnedFd,
    events: Vec<epoll::Event>,
    buffer: Vec<u8>,
    packet: Vec<u8>,
    output: Vec<u8>,
    fields: Fields,
    clock: Clock,
    clients: Vec<Client>,
    /// Clients that are in the namespace and its rooms.
    live: usize,
    /// Messages sent so far.
    pub(super) sent: u64,
    pub(super) ledger: Ledger,
}

impl Swarm {
    /// Clients of the server at `address`, one for each of `tokens`.
    ///
    /// # Errors
    ///
    /// When there is no epoll.
    pub(super) fn new(address: SocketAddr, tokens: Vec<String>, ledger: Ledger) -> Result<Self> {
        let client = |token| Client { socket: None, phase: Phase::Connecting, token, carry: Vec::new() };
        Ok(Self {
            address,
            epoll: epoll::create(CreateFlags::CLOEXEC).context("no epoll")?,
            events: Vec::with_capacity(EVENTS),
            buffer: vec![0; BUFFER_BYTES],
            packet: Vec::new(),
            output: Vec::new(),
            fields: Fields::new(),
            clock: Clock::new(),
            clients: tokens.into_iter().map(client).collect(),
            live: 0,
            sent: 0,
            ledger,
        })
    }

    /// Connects every client; returns how long it took until all were live.
    ///
    /// # Errors
    ///
    /// When one is refused or put out, or not all are live within `limit`.
    pub(super) fn open(&mut self, limit: Duration) -> Result<Duration> {
        let began = Instant::now();
        let mut asked = 0;
        while self.live < self.clients.len() {
            while asked < self.clients.len() && asked - self.live < OPENING {
                self.connect(asked)?;
                asked += 1;
            }
            self.turn(Duration::from_millis(10))?;
            if began.elapsed() > limit {
                bail!("only {} of {} clients were live after {limit:?}", self.live, self.clients.len());
            }
        }
        Ok(began.elapsed())
    }

    /// Sends a message of `client` to the conversation of the driver `conversation`.
    ///
    /// # Errors
    ///
    /// When the client's socket doesn't take it.
    pub(super) fn send(&mut self, client: usize, conversation: usize) -> Result<()> {
        let stamp = self.ledger.send(client, conversation, self.clock.now());
        let recipient = self.ledger.person(client).dispatches.then_some(conversation);
        packet::write_send(&mut self.packet, stamp, self.sent, recipient);
        self.sent += 1;
        self.output.clear();
        frame::write(&mut self.output, Opcode::Text, &self.packet);
        let socket = self.clients[client].socket.as_mut().context("a client that sends isn't connected")?;
        // A send buffer takes the few messages whole that one client has on their way.
        socket.write_all(&self.output).context("a client can't send")
    }

    /// Waits until something happens, at most for `wait`, and takes what came.
    ///
    /// # Errors
    ///
    /// When a client is refused or put out, or a server writes what isn't understood.
    pub(super) fn turn(&mut self, wait: Duration) -> Result<()> {
        let wait = Timespec { tv_sec: wait.as_secs().cast_signed(), tv_nsec: wait.subsec_nanos().into() };
        let mut events = std::mem::take(&mut self.events);
        events.clear();
        match epoll::wait(&self.epoll, spare_capacity(&mut events), Some(&wait)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error).context("epoll failed"),
        }
        for event in &events {
            let data = event.data;
            let index = usize::try_from(data.u64()).unwrap_or(usize::MAX);
            self.attend(index).with_context(|| format!("client {index}"))?;
        }
        self.events = events;
        Ok(())
    }

    fn connect(&mut self, index: usize) -> Result<()> {
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let socket = socket_with(AddressFamily::INET, SocketType::STREAM, flags, None)
            .context("no socket; is the limit of open files too low?")?;
        // Closing resets the connection: thousands of ports must not wait for their timeout.
        sockopt::set_socket_linger(&socket, Some(Duration::ZERO)).context("cannot set SO_LINGER")?;
        sockopt::set_tcp_nodelay(&socket, true).context("cannot set TCP_NODELAY")?;
        match connect(&socket, &self.address) {
            Ok(()) | Err(Errno::INPROGRESS) => {}
            Err(error) => return Err(error).with_context(|| format!("cannot connect to {}", self.address)),
        }
        epoll::add(&self.epoll, &socket, EventData::new_u64(index as u64), EventFlags::OUT)
            .context("epoll refuses a socket")?;
        self.clients[index].socket = Some(TcpStream::from(socket));
        Ok(())
    }

    fn attend(&mut self, index: usize) -> Result<()> {
        let client = &mut self.clients[index];
        let Some(socket) = &mut client.socket else { return Ok(()) };
        if client.phase != Phase::Connecting {
            return self.read(index);
        }
        sockopt::socket_error(&*socket).context("no socket error")?.context("cannot connect")?;
        socket.write_all(UPGRADE).context("cannot ask for a WebSocket")?;
        epoll::modify(&self.epoll, &*socket, EventData::new_u64(index as u64), EventFlags::IN)
            .context("epoll refuses a socket")?;
        client.phase = Phase::Upgrading;
        Ok(())
    }

    fn read(&mut self, index: usize) -> Result<()> {
        let mut buffer = std::mem::take(&mut self.buffer);
        let read = self.read_into(&mut buffer, index);
        self.buffer = buffer;
        read
    }

    fn read_into(&mut self, buffer: &mut [u8], index: usize) -> Result<()> {
        let client = &mut self.clients[index];
        let Some(socket) = &mut client.socket else { return Ok(()) };
        let kept = client.carry.len();
        let room = buffer.get_mut(kept..).filter(|room| !room.is_empty()).context("a frame is too long")?;
        let length = match socket.read(room) {
            Ok(0) => bail!("the server ended the connection"),
            Ok(length) => length,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => return Ok(()),
            Err(error) => return Err(error).context("cannot read"),
        };
        buffer[..kept].copy_from_slice(&client.carry);
        client.carry.clear();
        let mut rest = &buffer[..kept + length];
        if client.phase == Phase::Upgrading {
            let Some(end) = memmem::find(rest, b"\r\n\r\n") else {
                client.carry.extend_from_slice(rest);
                return Ok(());
            };
            if !rest.starts_with(b"HTTP/1.1 101") {
                bail!("a WebSocket was answered {:?}", String::from_utf8_lossy(&rest[..end]));
            }
            client.phase = Phase::Entering;
            rest = &rest[end + 4..];
        }
        let now = self.clock.now();
        self.output.clear();
        while let Some((opcode, payload, whole)) = frame::read(rest)? {
            self.take(index, opcode, payload, now)?;
            rest = &rest[whole..];
        }
        let client = &mut self.clients[index];
        client.carry.extend_from_slice(rest);
        match &mut client.socket {
            Some(socket) if !self.output.is_empty() => socket.write_all(&self.output).context("a client can't answer"),
            _ => Ok(()),
        }
    }

    /// Takes one frame; an answer to it goes to the end of `self.output`.
    fn take(&mut self, index: usize, opcode: Opcode, payload: &[u8], now: u64) -> Result<()> {
        match opcode {
            Opcode::Text => {}
            Opcode::Ping => {
                frame::write(&mut self.output, Opcode::Pong, payload);
                return Ok(());
            }
            Opcode::Binary | Opcode::Pong => return Ok(()),
            Opcode::Close => bail!("the server closed the WebSocket"),
        }
        let client = &mut self.clients[index];
        match packet::read(payload) {
            Incoming::Open => {
                packet::write_connect(&mut self.packet, &client.token);
                frame::write(&mut self.output, Opcode::Text, &self.packet);
            }
            Incoming::Ping => frame::write(&mut self.output, Opcode::Text, b"3"),
            Incoming::Session => {
                client.phase = Phase::Live;
                self.live += 1;
            }
            Incoming::Message(json) => {
                let arrived = self.fields.message(json).context("a message without its fields")?;
                self.ledger.receive(index, arrived, now);
            }
            Incoming::Ack(place, json) => self.ledger.acknowledge(place, self.fields.is_ok(json), now),
            Incoming::Refused => bail!("the server says {}", String::from_utf8_lossy(payload)),
            Incoming::Other => {}
        }
        Ok(())
    }
}
