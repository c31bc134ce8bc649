//! Streams are opened, and then have events.

use anyhow::Result;

use super::{OPEN_LIMIT, RATE, WINDOW};
use crate::load::{Pace, Publishers, Rule, Swarm, drive};
use crate::options::{Mode, Options, Scenario, Size};
use crate::peer::{Peer, Setting};
use crate::report::{Load, Opening, Report};

/// Measures opening, then each of `modes` on the same streams.
pub(super) fn run(
    options: &Options,
    setting: &Setting,
    peer: Peer,
    size: Size,
    modes: &[Mode],
    report: &mut Report,
) -> Result<()> {
    let running = peer.start(setting)?;
    let mut swarm = Swarm::new(&*running.dialect, running.address, &size.seats(), size.courses(), false)?;
    let (memory, cpu) = (running.memory_bytes()?, running.server_cpu()?);
    let took = swarm.open(OPEN_LIMIT, |_| Ok(()))?;
    let cpu = running.server_cpu()?.saturating_sub(cpu);
    let grown = running.memory_bytes()?.saturating_sub(memory);
    report.add_opening(Opening::new(
        peer,
        size,
        took,
        cpu,
        grown,
        options.command(Scenario::Connect, peer, size, None),
    ));

    let mut publishers = Publishers::connect(&swarm, &running)?;
    for mode in modes {
        let rule = match mode {
            Mode::Rate => Rule::Rate(RATE),
            // Many tenants have as many outstanding as they are.
            Mode::Flood => Rule::Flood((WINDOW / u64::from(size.tenants)).max(1)),
        };
        let pace = Pace { tenants: 0..swarm.tenants.len(), rule };
        let faults = swarm.faults;
        let span = drive(&mut swarm, &mut publishers, &running, &[pace], options.timing())?;
        let command = options.command(Scenario::Throughput, peer, size, Some(*mode));
        report.add_load(Load::new(peer, *mode, size, &span, swarm.faults.since(faults), command));
    }
    Ok(())
}
