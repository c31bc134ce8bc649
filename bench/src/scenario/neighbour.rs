//! A quiet tenant, first alone and then beside one that is flooded.

use anyhow::{Result, bail};

use super::{OPEN_LIMIT, WINDOW};
use crate::load::{Pace, Publishers, Rule, Swarm, drive};
use crate::options::{Options, Scenario, Size};
use crate::peer::{Peer, Setting};
use crate::report::{Neighbour, Report};

/// Events a second to the quiet tenant.
const EVENTS: f64 = 10.0;

/// Measures the quiet tenant's latency in both situations. Half of the streams are its own.
pub(super) fn run(options: &Options, setting: &Setting, peer: Peer, size: Size, report: &mut Report) -> Result<()> {
    if size.tenants != 2 || size.streams < 2 {
        bail!("neighbours are two tenants with a stream each at the least");
    }
    let running = peer.start(setting)?;
    let mut courses = size.courses();
    let quiet = Pace { tenants: 0..1, rule: Rule::Rate(EVENTS * f64::from(courses[0].streams)) };
    let flood = Pace { tenants: 1..2, rule: Rule::Flood(WINDOW) };
    courses[1].tally = 1;
    let mut swarm = Swarm::new(&*running.dialect, running.address, &size.seats(), courses, false)?;
    swarm.open(OPEN_LIMIT, |_| Ok(()))?;
    let mut publishers = Publishers::connect(&swarm, &running)?;
    let alone = drive(&mut swarm, &mut publishers, &running, std::slice::from_ref(&quiet), options.timing())?;
    let beside = drive(&mut swarm, &mut publishers, &running, &[quiet, flood], options.timing())?;
    let flood = beside.tallies[1].deliveries as f64 / beside.length.as_secs_f64();
    let command = options.command(Scenario::Neighbour, peer, size, None);
    let result = Neighbour::new(peer, size, &alone.tallies[0], &beside.tallies[0], flood, swarm.faults, command);
    report.add_neighbour(result);
    Ok(())
}
