//! Connections that publish: HTTP with keep-alive, or Redis.
//!
//! Requests follow one another without waiting for answers, so that a server's time to answer
//! doesn't bound how much is outstanding. Events of one connection keep their order.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;

use anyhow::{Context as _, Result, bail};
use memchr::memmem;

use super::event::{self, Stamp};
use super::swarm::Swarm;
use crate::peer::{Dialect, Running};

/// What a publisher talks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// HTTP/1.1.
    Http,
    /// Redis' RESP.
    Redis,
}

/// The start of an answer in HTTP.
const STATUS: &[u8] = b"HTTP/1.1 ";

/// The most connections. A tenant's events all go through one.
const CONNECTIONS: usize = 16;

/// The connections that publish to one server.
pub(crate) struct Publishers<'a>(Vec<Publisher<'a>>);

impl<'a> Publishers<'a> {
    /// Connects, once for each tenant and 16 times at most, and lets `swarm` wake up for that.
    ///
    /// # Errors
    ///
    /// When it can't connect.
    pub(crate) fn connect(swarm: &Swarm<'_>, running: &'a Running) -> Result<Self> {
        let count = swarm.tenants.len().clamp(1, CONNECTIONS);
        (0..count).map(|index| Publisher::connect(swarm, index, running)).collect::<Result<_>>().map(Self)
    }

    /// Publishes the next `count` events of a tenant.
    ///
    /// # Errors
    ///
    /// When the connection is lost.
    pub(crate) fn publish(&mut self, swarm: &mut Swarm<'_>, tenant: usize, count: u64) -> Result<()> {
        let connections = self.0.len();
        self.0[tenant % connections].publish(swarm, tenant, count)
    }

    /// Whether every event was answered.
    pub(crate) fn idle(&self) -> bool {
        self.0.iter().all(|publisher| publisher.unanswered == 0)
    }

    /// Writes what waits and reads what was answered, on connections that the last turn of `swarm`
    /// was woken for.
    ///
    /// # Errors
    ///
    /// When an event was refused or a connection is lost.
    pub(crate) fn attend(&mut self, swarm: &Swarm<'_>) -> Result<()> {
        swarm.woken.iter().try_for_each(|index| self.0[*index].attend())
    }
}

struct Publisher<'a> {
    socket: TcpStream,
    dialect: &'a dyn Dialect,
    protocol: Protocol,
    /// What is published in one go.
    payloads: Vec<Vec<u8>>,
    /// Requests, of which `written` bytes are on their way.
    out: Vec<u8>,
    written: usize,
    /// The begun answer.
    answers: Vec<u8>,
    unanswered: u64,
}

impl<'a> Publisher<'a> {
    fn connect(swarm: &Swarm<'_>, index: usize, running: &'a Running) -> Result<Self> {
        let (protocol, address) = running.publishing();
        let socket = TcpStream::connect(address).with_context(|| format!("cannot connect to {address}"))?;
        socket.set_nodelay(true).context("cannot set TCP_NODELAY")?;
        socket.set_nonblocking(true).context("cannot set O_NONBLOCK")?;
        swarm.watch(index, &socket)?;
        let (payloads, out, answers) = Default::default();
        Ok(Self { socket, dialect: &*running.dialect, protocol, payloads, out, written: 0, answers, unanswered: 0 })
    }

    fn publish(&mut self, swarm: &mut Swarm<'_>, tenant: usize, count: u64) -> Result<()> {
        self.payloads.clear();
        for _ in 0..count {
            let n = swarm.tenants[tenant].publish();
            let mut payload = Vec::with_capacity(event::PAYLOAD_BYTES);
            event::write(&mut payload, Stamp { n, at: swarm.clock().now() });
            self.payloads.push(payload);
        }
        self.unanswered += self.dialect.publish_all(tenant, &self.payloads, &mut self.out);
        self.write()
    }

    fn write(&mut self) -> Result<()> {
        while self.written < self.out.len() {
            match self.socket.write(&self.out[self.written..]) {
                Ok(length) => self.written += length,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error).context("cannot publish"),
            }
        }
        if self.written == self.out.len() {
            self.out.clear();
            self.written = 0;
        }
        Ok(())
    }

    fn attend(&mut self) -> Result<()> {
        self.write()?;
        let mut buffer = [0; 16 * 1024];
        loop {
            match self.socket.read(&mut buffer) {
                Ok(0) => bail!("the connection that publishes was closed"),
                Ok(length) => self.answers.extend_from_slice(&buffer[..length]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error).context("cannot read answers to what was published"),
            }
        }
        let used = match self.protocol {
            Protocol::Http => self.count_http()?,
            Protocol::Redis => self.count_redis()?,
        };
        self.answers.drain(..used);
        Ok(())
    }

    /// Counts answers by their status lines, which nothing in a body looks like.
    fn count_http(&mut self) -> Result<usize> {
        let mut used = 0;
        while let Some(at) = memmem::find(&self.answers[used..], STATUS) {
            let Some(status) = self.answers.get(used + at + STATUS.len()..used + at + STATUS.len() + 3) else {
                return Ok(used + at);
            };
            if status[0] != b'2' {
                bail!("an event was refused: {}", String::from_utf8_lossy(&self.answers[used + at..]));
            }
            self.unanswered = self.unanswered.saturating_sub(1);
            used += at + STATUS.len();
        }
        // The last bytes may begin a status line.
        Ok(used.max(self.answers.len().saturating_sub(STATUS.len())))
    }

    fn count_redis(&mut self) -> Result<usize> {
        let mut used = 0;
        while let Some(length) = memchr::memchr(b'\n', &self.answers[used..]) {
            let line = &self.answers[used..used + length];
            if !line.starts_with(b":") {
                bail!("an event was refused: {}", String::from_utf8_lossy(line));
            }
            self.unanswered = self.unanswered.saturating_sub(1);
            used += length + 1;
        }
        Ok(used)
    }
}
