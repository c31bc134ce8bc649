//! All streams are cut at once and come back with the id of the last event they had.

use std::time::{Duration, Instant};

use anyhow::Result;

use super::OPEN_LIMIT;
use crate::load::{Publishers, Swarm, settle};
use crate::options::{Options, Scenario, Size};
use crate::peer::{Peer, Setting};
use crate::report::{Measured, Recovery, Report};

/// Events to each tenant before the cut, so that every stream has an id to come back with.
const BEFORE: usize = 5;

/// Events to each tenant after the cut, before anybody is back.
const MISSED: usize = 10;

/// And then one to each in this time.
const PERIOD: Duration = Duration::from_millis(200);

/// Measures how long it takes until all are live and have everything.
pub(super) fn run(options: &Options, setting: &Setting, peer: Peer, size: Size, report: &mut Report) -> Result<()> {
    let running = peer.start(setting)?;
    let mut swarm = Swarm::new(&*running.dialect, running.address, &size.seats(), size.courses(), true)?;
    swarm.open(OPEN_LIMIT, |_| Ok(()))?;
    let mut publishers = Publishers::connect(&swarm, &running)?;
    publish(&mut swarm, &mut publishers, BEFORE)?;
    settle(&mut swarm, &mut publishers)?;

    let cpu = running.server_cpu()?;
    let published = swarm.tenants[0].published;
    let cut = Instant::now();
    swarm.cut();
    publish(&mut swarm, &mut publishers, MISSED)?;
    let mut last = Instant::now();
    let live = swarm.open(OPEN_LIMIT, |swarm| {
        publishers.attend(swarm)?;
        if last.elapsed() >= PERIOD {
            last = Instant::now();
            publish(swarm, &mut publishers, 1)?;
        }
        Ok(())
    })?;
    settle(&mut swarm, &mut publishers)?;
    let measured = Measured {
        live,
        caught_up: cut.elapsed(),
        events: swarm.tenants[0].published - published,
        server: running.server_cpu()?.saturating_sub(cpu),
        faults: swarm.faults,
    };
    report.add_recovery(Recovery::new(peer, size, &measured, options.command(Scenario::Reconnect, peer, size, None)));
    Ok(())
}

/// Publishes so many events to each tenant.
fn publish(swarm: &mut Swarm<'_>, publishers: &mut Publishers<'_>, events: usize) -> Result<()> {
    for _ in 0..events {
        (0..swarm.tenants.len()).try_for_each(|tenant| publishers.publish(swarm, tenant, 1))?;
    }
    Ok(())
}
