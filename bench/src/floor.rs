//! `sally-bench floor`: the least that a server of event streams does on this machine.
//!
//! One thread, one epoll, no HTTP library, no token, no log, no replay. `GET /<n>` opens a stream of
//! the channel `n`; `POST /<n>` brings a finished frame, which is written to each of its sockets.
//! What a real server costs beyond this is what it does beyond this.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;

use anyhow::{Context as _, Result};
use memchr::memmem;
use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::io::Errno;

/// What epoll calls the listening socket.
const LISTENER: u64 = u64::MAX;

/// The answer to a `GET`, with a first frame.
const STREAM: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-store\r\n\
    Connection: close\r\n\r\nevent: ready\ndata: {}\n\n";

/// The answer to a `POST`.
const ACCEPTED: &[u8] = b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n";

/// How to run.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Write frames that arrive together at once, rather than each by itself.
    #[arg(long)]
    merge: bool,
}

struct Connection {
    socket: TcpStream,
    /// A begun request.
    input: Vec<u8>,
    /// What the socket didn't take.
    output: Vec<u8>,
}

struct Floor {
    epoll: OwnedFd,
    connections: Vec<Option<Connection>>,
    free: Vec<usize>,
    channels: Vec<Channel>,
    merge: bool,
    buffer: Vec<u8>,
}

#[derive(Default)]
struct Channel {
    members: Vec<usize>,
    /// Frames for the next write, in merging mode.
    frames: Vec<u8>,
}

/// Serves on a free port until it is killed.
pub(crate) fn run(options: &Options) -> Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port")?;
    listener.set_nonblocking(true).context("cannot set O_NONBLOCK")?;
    let epoll = epoll::create(CreateFlags::CLOEXEC).context("no epoll")?;
    epoll::add(&epoll, &listener, EventData::new_u64(LISTENER), EventFlags::IN).context("epoll refuses a socket")?;
    println!("listening on http://{}", listener.local_addr().context("no address")?);
    let mut floor = Floor {
        epoll,
        connections: Vec::new(),
        free: Vec::new(),
        channels: Vec::new(),
        merge: options.merge,
        buffer: vec![0; 64 * 1024],
    };
    let mut events: Vec<epoll::Event> = Vec::with_capacity(512);
    loop {
        events.clear();
        match epoll::wait(&floor.epoll, spare_capacity(&mut events), None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error).context("epoll failed"),
        }
        for event in &events {
            let (data, flags) = (event.data, event.flags);
            match usize::try_from(data.u64()) {
                Ok(index) if data.u64() != LISTENER => floor.attend(index, flags),
                _ => floor.accept(&listener)?,
            }
        }
        floor.write_merged();
    }
}

impl Floor {
    fn accept(&mut self, listener: &TcpListener) -> Result<()> {
        loop {
            let socket = match listener.accept() {
                Ok((socket, _)) => socket,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                // Whoever gave up while it waited is no reason to stop.
                Err(error) if error.kind() == ErrorKind::ConnectionAborted => continue,
                Err(error) => return Err(error).context("cannot accept"),
            };
            socket.set_nonblocking(true).context("cannot set O_NONBLOCK")?;
            socket.set_nodelay(true).context("cannot set TCP_NODELAY")?;
            let index = self.free.pop().unwrap_or_else(|| {
                self.connections.push(None);
                self.connections.len() - 1
            });
            epoll::add(&self.epoll, &socket, EventData::new_u64(index as u64), EventFlags::IN)
                .context("epoll refuses a socket")?;
            self.connections[index] = Some(Connection { socket, input: Vec::new(), output: Vec::new() });
        }
    }

    fn attend(&mut self, index: usize, flags: EventFlags) {
        if flags.contains(EventFlags::OUT) {
            self.write(index, b"");
        }
        let Some(connection) = &mut self.connections[index] else { return };
        match connection.socket.read(&mut self.buffer) {
            Ok(0) => self.close(index),
            Ok(length) => {
                connection.input.extend_from_slice(&self.buffer[..length]);
                self.answer(index);
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(_) => self.close(index),
        }
    }

    /// Answers every request that has come whole.
    fn answer(&mut self, index: usize) {
        let Some(connection) = &mut self.connections[index] else { return };
        let input = std::mem::take(&mut connection.input);
        let mut used = 0;
        while let Some(request) = Request::parse(&input[used..]) {
            used += request.length;
            if self.channels.len() <= request.channel {
                self.channels.resize_with(request.channel + 1, Channel::default);
            }
            match request.body {
                None => {
                    self.channels[request.channel].members.push(index);
                    self.write(index, STREAM);
                }
                Some(frame) => {
                    self.publish(request.channel, frame);
                    self.write(index, ACCEPTED);
                }
            }
        }
        if let Some(connection) = &mut self.connections[index] {
            connection.input.extend_from_slice(&input[used..]);
        }
    }

    fn publish(&mut self, channel: usize, frame: &[u8]) {
        if self.merge {
            self.channels[channel].frames.extend_from_slice(frame);
        } else {
            self.write_to_all(channel, frame);
        }
    }

    fn write_merged(&mut self) {
        for channel in 0..self.channels.len() {
            if !self.channels[channel].frames.is_empty() {
                let mut frames = std::mem::take(&mut self.channels[channel].frames);
                self.write_to_all(channel, &frames);
                frames.clear();
                self.channels[channel].frames = frames;
            }
        }
    }

    fn write_to_all(&mut self, channel: usize, frames: &[u8]) {
        let members = std::mem::take(&mut self.channels[channel].members);
        for member in &members {
            self.write(*member, frames);
        }
        self.channels[channel].members = members;
    }

    /// Writes `bytes` after what still waits for the socket.
    fn write(&mut self, index: usize, bytes: &[u8]) {
        let Some(connection) = &mut self.connections[index] else { return };
        let waited = !connection.output.is_empty();
        if waited {
            connection.output.extend_from_slice(bytes);
            let written = connection.socket.write(&connection.output).unwrap_or(0);
            connection.output.drain(..written);
        } else {
            let written = connection.socket.write(bytes).unwrap_or(0);
            connection.output.extend_from_slice(&bytes[written..]);
        }
        let waits = !connection.output.is_empty();
        if waits != waited {
            let flags = if waits { EventFlags::IN | EventFlags::OUT } else { EventFlags::IN };
            let data = EventData::new_u64(index as u64);
            // A socket that epoll has lost is closed when it says so.
            let _ = epoll::modify(&self.epoll, &connection.socket, data, flags);
        }
    }

    fn close(&mut self, index: usize) {
        self.connections[index] = None;
        self.free.push(index);
        for channel in &mut self.channels {
            channel.members.retain(|member| *member != index);
        }
    }
}

/// A request of the load generator, which writes them one way only.
struct Request<'a> {
    channel: usize,
    /// That of a `POST`; `None` for a `GET`.
    body: Option<&'a [u8]>,
    length: usize,
}

impl<'a> Request<'a> {
    fn parse(input: &'a [u8]) -> Option<Self> {
        let head = memmem::find(input, b"\r\n\r\n")? + 4;
        let text = std::str::from_utf8(&input[..head]).ok()?;
        let path = text.split(' ').nth(1)?;
        let channel = path.strip_prefix('/')?.parse().ok()?;
        if text.starts_with("GET") {
            return Some(Self { channel, body: None, length: head });
        }
        let length = text.lines().find_map(|line| line.strip_prefix("Content-Length: "))?;
        let length = head + length.parse::<usize>().ok()?;
        Some(Self { channel, body: Some(input.get(head..length)?), length })
    }
}
