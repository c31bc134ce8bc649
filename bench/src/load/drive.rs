//! The pace at which events go out, and the span that is measured.

use std::ops::Range;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use super::publisher::Publishers;
use super::swarm::Swarm;
use super::tally::Tally;
use crate::peer::Running;
use crate::process::Cpu;

/// The longest sleep between two looks at the clock.
const LOOK: Duration = Duration::from_millis(5);

/// How long events may still be on their way after the last was published.
const SETTLE: Duration = Duration::from_secs(20);

/// When the next event of some tenants goes out.
#[derive(Debug, Clone)]
pub(crate) struct Pace {
    /// Whose events.
    pub(crate) tenants: Range<usize>,
    /// When.
    pub(crate) rule: Rule,
}

/// When the next event goes out.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Rule {
    /// So many deliveries a second in all, whatever becomes of them; tenants take turns.
    Rate(f64),
    /// When fewer than so many of its tenant's have still to reach a stream, 64 at the most.
    Flood(u64),
}

/// How long a load is driven.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timing {
    /// Not measured.
    pub(crate) warm_up: Duration,
    /// Measured.
    pub(crate) measured: Duration,
}

/// What a span of load cost and brought.
pub(crate) struct Span {
    /// Its length.
    pub(crate) length: Duration,
    /// Events published in it.
    pub(crate) events: u64,
    /// CPU time of the server with all its processes.
    pub(crate) server: Duration,
    /// CPU time of the Redis beside it, if any.
    pub(crate) redis: Option<Duration>,
    /// CPU time of the load generator. Near the span's length it is what was measured.
    pub(crate) generator: Duration,
    /// What arrived, by group of tenants.
    pub(crate) tallies: Vec<Tally>,
}

/// Drives a load over live streams, measures its later part, and waits until everything has arrived.
///
/// # Errors
///
/// When a stream ends, an event is refused, or the server dies. Lost events are no error here, they
/// are in [`Swarm::faults`].
pub(crate) fn drive(
    swarm: &mut Swarm<'_>,
    publishers: &mut Publishers<'_>,
    running: &Running,
    paces: &[Pace],
    timing: Timing,
) -> Result<Span> {
    let mut beats: Vec<Beat> = paces.iter().map(Beat::new).collect();
    let mut turn = |swarm: &mut Swarm<'_>, publishers: &mut Publishers<'_>| -> Result<()> {
        let mut wait = LOOK;
        for beat in &mut beats {
            wait = wait.min(beat.publish(swarm, publishers)?);
        }
        swarm.turn(wait)?;
        publishers.attend(swarm)
    };
    let warm = Instant::now() + timing.warm_up;
    while Instant::now() < warm {
        turn(swarm, publishers)?;
    }
    for tally in &mut swarm.tallies {
        tally.restart();
    }
    let (began, before, published) = (Instant::now(), Usage::of(running)?, events(swarm));
    let end = began + timing.measured;
    while Instant::now() < end {
        turn(swarm, publishers)?;
    }
    let (length, after) = (began.elapsed(), Usage::of(running)?);
    let span = Span {
        length,
        events: events(swarm) - published,
        server: after.server.saturating_sub(before.server),
        redis: after.redis.zip(before.redis).map(|(after, before)| after.saturating_sub(before)),
        generator: after.generator.saturating_sub(before.generator),
        tallies: swarm.take_tallies()?,
    };
    settle(swarm, publishers)?;
    Ok(span)
}

/// Publishes nothing and waits until every stream has everything; what doesn't come within 20 s is lost.
///
/// # Errors
///
/// When a stream ends or an event is refused.
pub(crate) fn settle(swarm: &mut Swarm<'_>, publishers: &mut Publishers<'_>) -> Result<()> {
    let end = Instant::now() + SETTLE;
    while swarm.missing() > 0 || !publishers.idle() {
        if Instant::now() >= end {
            swarm.faults.lost += swarm.missing();
            if !publishers.idle() {
                bail!("events were still not answered {SETTLE:?} after the last");
            }
            break;
        }
        swarm.turn(LOOK)?;
        publishers.attend(swarm)?;
    }
    for tenant in &mut swarm.tenants {
        tenant.settle();
    }
    Ok(())
}

fn events(swarm: &Swarm<'_>) -> u64 {
    swarm.tenants.iter().map(|tenant| tenant.published).sum()
}

/// A pace, applied.
struct Beat {
    pace: Pace,
    /// For a rate: when the next event is due, and whose it is.
    due: Instant,
    next: usize,
    /// For a flood: whether its first events are out.
    flooded: bool,
}

impl Beat {
    fn new(pace: &Pace) -> Self {
        Self { pace: pace.clone(), due: Instant::now(), next: pace.tenants.start, flooded: false }
    }

    /// Publishes what is due; returns how long it is until more is, if nothing happens before.
    fn publish(&mut self, swarm: &mut Swarm<'_>, publishers: &mut Publishers<'_>) -> Result<Duration> {
        match self.pace.rule {
            Rule::Rate(deliveries) => self.keep_rate(deliveries, swarm, publishers),
            Rule::Flood(window) => self.refill(window, swarm, publishers).map(|()| LOOK),
        }
    }

    fn keep_rate(
        &mut self,
        deliveries: f64,
        swarm: &mut Swarm<'_>,
        publishers: &mut Publishers<'_>,
    ) -> Result<Duration> {
        loop {
            let now = Instant::now();
            if now < self.due {
                return Ok(self.due - now);
            }
            publishers.publish(swarm, self.next, 1)?;
            // An event counts for as many deliveries as its tenant has streams.
            self.due += Duration::from_secs_f64(f64::from(swarm.tenants[self.next].streams) / deliveries);
            self.next = if self.next + 1 < self.pace.tenants.end { self.next + 1 } else { self.pace.tenants.start };
        }
    }

    /// Only tenants that moved can have room for more.
    fn refill(&mut self, window: u64, swarm: &mut Swarm<'_>, publishers: &mut Publishers<'_>) -> Result<()> {
        let moved = std::mem::take(&mut swarm.advanced);
        let fresh = if self.flooded { 0..0 } else { self.pace.tenants.clone() };
        self.flooded = true;
        for tenant in moved.iter().copied().chain(fresh).filter(|tenant| self.pace.tenants.contains(tenant)) {
            let room = window.saturating_sub(swarm.tenants[tenant].outstanding());
            if room > 0 {
                publishers.publish(swarm, tenant, room)?;
            }
        }
        swarm.advanced = moved;
        Ok(())
    }
}

/// CPU time so far.
struct Usage {
    server: Duration,
    redis: Option<Duration>,
    generator: Duration,
}

impl Usage {
    fn of(running: &Running) -> Result<Self> {
        Ok(Self {
            server: running.server_cpu()?,
            redis: running.redis_cpu()?,
            generator: Cpu::of(std::process::id())?.0,
        })
    }
}
