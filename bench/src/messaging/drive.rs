//! The pace at which messages go out, and the span that is measured.

use std::time::{Duration, Instant};

use anyhow::Result;

use super::ledger::Faults;
use super::swarm::Swarm;
use crate::load::{Tally, Timing};
use crate::peer::Running;
use crate::process::Cpu;

/// The longest sleep between two looks at the clock.
const LOOK: Duration = Duration::from_millis(5);

/// How long messages may still be on their way after the last was sent.
const SETTLE: Duration = Duration::from_secs(20);

/// Between two messages of one client: the server lets a user send ten a second, and what two
/// clocks make of that must not be the reason for a refusal.
const REST: Duration = Duration::from_millis(105);

/// When the next message goes out.
#[derive(Debug, Clone, Copy)]
pub(super) enum Rule {
    /// So many deliveries a second in all, whatever becomes of them.
    Rate(f64),
    /// When fewer than so many are on their way.
    Flood(usize),
}

/// What a span of load cost and brought.
pub(super) struct Span {
    pub(super) length: Duration,
    /// CPU time of the server with all its processes.
    pub(super) server: Duration,
    /// CPU time of the load generator. Near the span's length it is what was measured.
    pub(super) generator: Duration,
    pub(super) deliveries: Tally,
    pub(super) acks: Tally,
    /// Of the whole drive, until all had settled.
    pub(super) faults: Faults,
    /// Whether every client that could send had to rest: more was to be had with more clients.
    pub(super) throttled: bool,
}

/// Who sends next, and when.
pub(super) struct Turns {
    /// Each client with the time from which it may send again; the first has rested longest.
    clients: Vec<(usize, Instant)>,
    next: usize,
    /// The conversation that each tenant's dispatchers write to next.
    conversations: Vec<usize>,
    throttled: bool,
}

impl Turns {
    pub(super) fn new(clients: Vec<usize>, swarm: &Swarm) -> Self {
        let now = Instant::now();
        Self {
            clients: clients.into_iter().map(|client| (client, now)).collect(),
            next: 0,
            conversations: swarm.ledger.teams.iter().map(|team| team.drivers.start).collect(),
            throttled: false,
        }
    }

    /// Sends the next client's message, if it may: whoever comes later has rested less. Returns how
    /// many clients will have it.
    fn send(&mut self, swarm: &mut Swarm, now: Instant) -> Result<Option<usize>> {
        let (client, from) = &mut self.clients[self.next];
        if now < *from {
            self.throttled = true;
            return Ok(None);
        }
        *from = now + REST;
        let client = *client;
        self.next = (self.next + 1) % self.clients.len();
        let person = swarm.ledger.person(client);
        let team = &swarm.ledger.teams[person.tenant];
        let receivers = team.receivers();
        let conversation = if person.dispatches {
            let next = &mut self.conversations[person.tenant];
            let conversation = *next;
            *next = if conversation + 1 < team.drivers.end { conversation + 1 } else { team.drivers.start };
            conversation
        } else {
            client
        };
        swarm.send(client, conversation)?;
        Ok(Some(receivers))
    }
}

/// Drives a load, measures its later part, and waits until everything has arrived.
///
/// # Errors
///
/// When a client is put out or the server dies. Lost messages are no error here, they are in
/// [`Span::faults`].
pub(super) fn drive(
    swarm: &mut Swarm,
    turns: &mut Turns,
    running: &Running,
    rule: Rule,
    timing: Timing,
) -> Result<Span> {
    swarm.ledger.faults = Faults::default();
    let mut due = Instant::now();
    let mut turn = |swarm: &mut Swarm, turns: &mut Turns| -> Result<()> {
        let wait = match rule {
            Rule::Rate(deliveries) => keep_rate(swarm, turns, &mut due, deliveries)?,
            Rule::Flood(window) => {
                let now = Instant::now();
                while swarm.ledger.in_flight < window && turns.send(swarm, now)?.is_some() {}
                LOOK.min(Duration::from_millis(1))
            }
        };
        swarm.turn(wait)
    };
    let warm = Instant::now() + timing.warm_up;
    while Instant::now() < warm {
        turn(swarm, turns)?;
    }
    swarm.ledger.restart();
    turns.throttled = false;
    let generator = || Cpu::of(std::process::id()).map(|cpu| cpu.0);
    let (began, server_before, generator_before) = (Instant::now(), running.server_cpu()?, generator()?);
    let end = began + timing.measured;
    while Instant::now() < end {
        turn(swarm, turns)?;
    }
    let (length, server, generator) = (began.elapsed(), running.server_cpu()?, generator()?);
    let deliveries = std::mem::replace(&mut swarm.ledger.deliveries, Tally::new()?);
    let acks = std::mem::replace(&mut swarm.ledger.acks, Tally::new()?);
    let throttled = turns.throttled;

    let end = Instant::now() + SETTLE;
    while swarm.ledger.in_flight > 0 && Instant::now() < end {
        swarm.turn(LOOK)?;
    }
    // What comes twice may come late.
    swarm.turn(LOOK)?;
    swarm.ledger.settle();
    Ok(Span {
        length,
        server: server.saturating_sub(server_before),
        generator: generator.saturating_sub(generator_before),
        deliveries,
        acks,
        faults: swarm.ledger.faults,
        throttled,
    })
}

/// Sends what is due; returns how long it is until more is.
fn keep_rate(swarm: &mut Swarm, turns: &mut Turns, due: &mut Instant, deliveries: f64) -> Result<Duration> {
    loop {
        let now = Instant::now();
        if now < *due {
            return Ok((*due - now).min(LOOK));
        }
        let Some(receivers) = turns.send(swarm, now)? else { return Ok(LOOK) };
        *due += Duration::from_secs_f64(receivers as f64 / deliveries);
    }
}
