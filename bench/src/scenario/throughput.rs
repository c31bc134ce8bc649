//! Events to all streams of one tenant, from each peer in turn.

use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::load::{Course, Pace, Publisher, Swarm, drive};
use crate::options::{Mode, Options};
use crate::peer::{Peer, Setting};
use crate::report::{Load, Opening, Report};

/// Deliveries a second in all in [`Mode::Rate`].
pub(super) const RATE: f64 = 20_000.0;

/// Outstanding events in [`Mode::Flood`].
pub(super) const WINDOW: u64 = 8;

/// How long opening all streams may take.
pub(super) const OPEN_LIMIT: Duration = Duration::from_secs(120);

/// Measures every peer with every number of streams.
pub(super) fn run(options: &Options) -> Result<Report> {
    let setting = options.setting()?;
    let mut report = Report::default();
    for streams in &options.streams {
        for peer in &options.peers {
            measure(options, &setting, *peer, *streams, &mut report)
                .with_context(|| format!("{peer} with {streams} streams"))?;
        }
    }
    Ok(report)
}

fn measure(options: &Options, setting: &Setting, peer: Peer, streams: u32, report: &mut Report) -> Result<()> {
    let running = peer.start(setting)?;
    let dialect = &*running.dialect;
    let seats = vec![0; streams as usize];
    let mut swarm = Swarm::new(dialect, running.address, &seats, vec![Course::new(streams, 0)], false)?;
    let before = running.memory_bytes()?;
    let took = swarm.open(OPEN_LIMIT, |_| Ok(()))?;
    let command = options.command("throughput", peer, streams, None);
    report.add_opening(Opening::new(peer, streams, took, before, running.memory_bytes()?, command));

    let (protocol, address) = running.publishing();
    let mut publisher = Publisher::connect(&swarm, dialect, protocol, address)?;
    for mode in &options.modes {
        let pace = match mode {
            Mode::Rate => Pace::Rate(RATE),
            Mode::Flood => Pace::Flood(WINDOW),
        };
        let faults = swarm.faults;
        let span = drive(&mut swarm, &mut publisher, &running, pace, options.timing())?;
        let command = options.command("throughput", peer, streams, Some(*mode));
        report.add_load(Load::new(peer, *mode, streams, &span, swarm.faults.since(faults), command));
    }
    Ok(())
}
