//! N streams on one epoll: opened with a bound on how many are on their way, then read.
//!
//! One thread, one read a wake-up, one clock reading a read, no allocation a frame: what is
//! measured must be the server.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, connect, socket_with, sockopt};
use rustix::time::Timespec;

use super::course::Course;
use super::event::{Clock, Stamps};
use super::reader::Reader;
use super::sequence::{Faults, Sequence};
use super::tally::Tally;
use crate::peer::{Dialect, Seat};

/// The most streams that are being opened at a time.
const OPENING: usize = 128;

/// Wake-ups taken from epoll at a time.
const EVENTS: usize = 512;

/// Bytes read at a time.
const BUFFER_BYTES: usize = 256 * 1024;

/// What epoll calls the first connection that publishes; streams are numbered below.
const PUBLISHER: u64 = 1 << 32;

/// The streams of one run.
pub(crate) struct Swarm<'a> {
    dialect: &'a dyn Dialect,
    address: SocketAddr,
    epoll: OwnedFd,
    events: Vec<epoll::Event>,
    buffer: Vec<u8>,
    request: Vec<u8>,
    stamps: Stamps,
    clock: Clock,
    streams: Vec<Stream>,
    /// Streams that are live.
    live: usize,
    /// Whether each stream keeps the newest event id, to resume from.
    keep_ids: bool,
    /// The tenants, by number.
    pub(crate) tenants: Vec<Course>,
    /// Tenants for which an event became complete in the last turn; one may be named twice.
    pub(crate) advanced: Vec<usize>,
    /// Connections that publish for which something happened in the last turn.
    pub(crate) woken: Vec<usize>,
    /// Deliveries, apart for each group of tenants.
    pub(crate) tallies: Vec<Tally>,
    /// What went wrong so far.
    pub(crate) faults: Faults,
}

struct Stream {
    socket: Option<TcpStream>,
    phase: Phase,
    tenant: usize,
    pass: String,
    reader: Reader,
    sequence: Sequence,
    last_id: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Connecting,
    Waiting,
    Live,
}

impl<'a> Swarm<'a> {
    /// A swarm of streams of the server at `address`. `seats` names each stream's tenant.
    ///
    /// # Errors
    ///
    /// When there is no epoll.
    pub(crate) fn new(
        dialect: &'a dyn Dialect,
        address: SocketAddr,
        seats: &[usize],
        tenants: Vec<Course>,
        keep_ids: bool,
    ) -> Result<Self> {
        let tallies = tenants.iter().map(|tenant| tenant.tally).max().unwrap_or(0) + 1;
        let stream = |(stream, tenant): (usize, &usize)| Stream {
            socket: None,
            phase: Phase::Connecting,
            tenant: *tenant,
            pass: dialect.pass(Seat { stream, tenant: *tenant }),
            reader: Reader::default(),
            sequence: Sequence::default(),
            last_id: Vec::new(),
        };
        Ok(Self {
            dialect,
            address,
            epoll: epoll::create(CreateFlags::CLOEXEC).context("no epoll")?,
            events: Vec::with_capacity(EVENTS),
            buffer: vec![0; BUFFER_BYTES],
            request: Vec::new(),
            stamps: Stamps::new(),
            clock: Clock::new(),
            streams: seats.iter().enumerate().map(stream).collect(),
            live: 0,
            keep_ids,
            tenants,
            advanced: Vec::new(),
            woken: Vec::new(),
            tallies: (0..tallies).map(|_| Tally::new()).collect::<Result<_>>()?,
            faults: Faults::default(),
        })
    }

    /// The clock that events are stamped by.
    pub(crate) fn clock(&self) -> Clock {
        self.clock
    }

    /// Opens every stream, calling `meanwhile` between turns; returns how long it took until all
    /// were live.
    ///
    /// # Errors
    ///
    /// When a stream is refused or ends, or not all are live within `limit`.
    pub(crate) fn open(
        &mut self,
        limit: Duration,
        mut meanwhile: impl FnMut(&mut Self) -> Result<()>,
    ) -> Result<Duration> {
        let began = Instant::now();
        let mut asked = 0;
        while self.live < self.streams.len() {
            while asked < self.streams.len() && asked - self.live < OPENING {
                self.connect(asked)?;
                asked += 1;
            }
            self.turn(Duration::from_millis(10))?;
            meanwhile(self)?;
            if began.elapsed() > limit {
                bail!("only {} of {} streams were live after {limit:?}", self.live, self.streams.len());
            }
        }
        Ok(began.elapsed())
    }

    /// Cuts every stream at once, as a network does: without a word.
    pub(crate) fn cut(&mut self) {
        for stream in &mut self.streams {
            stream.socket = None;
            stream.reader = Reader::default();
            stream.phase = Phase::Connecting;
        }
        self.live = 0;
    }

    /// Wakes this swarm also for the connection `index` that publishes, each time there is something
    /// new to read from its `socket` or room to write.
    ///
    /// # Errors
    ///
    /// When epoll doesn't take it.
    pub(crate) fn watch(&self, index: usize, socket: impl AsFd) -> Result<()> {
        let flags = EventFlags::IN | EventFlags::OUT | EventFlags::ET;
        epoll::add(&self.epoll, socket, EventData::new_u64(PUBLISHER + index as u64), flags)
            .context("epoll refuses a socket")
    }

    /// Waits until something happens, at most for `wait`, and takes what came.
    ///
    /// # Errors
    ///
    /// When a stream is refused or ends.
    pub(crate) fn turn(&mut self, wait: Duration) -> Result<()> {
        self.advanced.clear();
        self.woken.clear();
        let wait = Timespec { tv_sec: wait.as_secs().cast_signed(), tv_nsec: wait.subsec_nanos().into() };
        let mut events = std::mem::take(&mut self.events);
        events.clear();
        match epoll::wait(&self.epoll, spare_capacity(&mut events), Some(&wait)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error).context("epoll failed"),
        }
        for event in &events {
            let data = event.data;
            let number = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
            match data.u64().checked_sub(PUBLISHER) {
                Some(publisher) => self.woken.push(number(publisher)),
                None => {
                    let index = number(data.u64());
                    self.attend(index).with_context(|| format!("stream {index}"))?;
                }
            }
        }
        self.events = events;
        Ok(())
    }

    /// Takes what arrived since the tallies were restarted.
    ///
    /// # Errors
    ///
    /// When there is no room for new tallies.
    pub(crate) fn take_tallies(&mut self) -> Result<Vec<Tally>> {
        let fresh = (0..self.tallies.len()).map(|_| Tally::new()).collect::<Result<_>>()?;
        Ok(std::mem::replace(&mut self.tallies, fresh))
    }

    /// Events that all streams together still lack.
    pub(crate) fn missing(&self) -> u64 {
        self.streams
            .iter()
            .map(|stream| self.tenants[stream.tenant].published.saturating_sub(stream.sequence.next()))
            .sum()
    }

    fn connect(&mut self, index: usize) -> Result<()> {
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let socket = socket_with(AddressFamily::INET, SocketType::STREAM, flags, None)
            .context("no socket; is the limit of open files too low?")?;
        // Closing resets the connection: ten thousand ports must not wait for their timeout.
        sockopt::set_socket_linger(&socket, Some(Duration::ZERO)).context("cannot set SO_LINGER")?;
        match connect(&socket, &self.address) {
            Ok(()) | Err(Errno::INPROGRESS) => {}
            Err(error) => return Err(error).with_context(|| format!("cannot connect to {}", self.address)),
        }
        let data = EventData::new_u64(index as u64);
        epoll::add(&self.epoll, &socket, data, EventFlags::OUT).context("epoll refuses a socket")?;
        self.streams[index].socket = Some(TcpStream::from(socket));
        Ok(())
    }

    fn attend(&mut self, index: usize) -> Result<()> {
        let Self { streams, epoll, dialect, request, .. } = self;
        let stream = &mut streams[index];
        let Some(socket) = &mut stream.socket else { return Ok(()) };
        if stream.phase != Phase::Connecting {
            return self.read(index);
        }
        sockopt::socket_error(&*socket).context("no socket error")?.context("cannot connect")?;
        request.clear();
        dialect.open(Seat { stream: index, tenant: stream.tenant }, &stream.pass, &stream.last_id, request);
        // An empty send buffer takes a few hundred bytes whole.
        socket.write_all(request).context("cannot ask for the stream")?;
        epoll::modify(epoll, &*socket, EventData::new_u64(index as u64), EventFlags::IN)
            .context("epoll refuses a socket")?;
        stream.phase = Phase::Waiting;
        Ok(())
    }

    fn read(&mut self, index: usize) -> Result<()> {
        let Self { streams, buffer, stamps, tenants, tallies, faults, advanced, live, .. } = self;
        let Stream { socket, phase, tenant, reader, sequence, last_id, .. } = &mut streams[index];
        let Some(socket) = socket else { return Ok(()) };
        let kept = reader.restore(buffer);
        let length = match socket.read(&mut buffer[kept..]) {
            Ok(0) => bail!("the server ended it"),
            Ok(length) => length,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => return Ok(()),
            Err(error) => return Err(error).context("cannot read"),
        };
        let now = self.clock.now();
        let ready = self.dialect.ready();
        let keep_ids = self.keep_ids;
        let course = &mut tenants[*tenant];
        reader.take(&mut buffer[..kept + length], kept, |line| {
            if line.starts_with(b"data:") {
                let Some(stamp) = stamps.find(line) else { return };
                if sequence.take(stamp.n, faults) {
                    tallies[course.tally].take(now.saturating_sub(stamp.at));
                    if course.reach(stamp.n) {
                        advanced.push(*tenant);
                    }
                }
            } else if keep_ids && let Some(id) = line.strip_prefix(b"id: ") {
                last_id.clear();
                last_id.extend_from_slice(id);
            } else if *phase != Phase::Live && line.starts_with(ready) {
                *phase = Phase::Live;
                *live += 1;
            } else if line == b"event: resync" {
                faults.resyncs += 1;
            }
        })?;
        Ok(())
    }
}
