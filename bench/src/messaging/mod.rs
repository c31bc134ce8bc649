//! `sally-bench messaging`: messages to drivers and dispatch teams over Socket.IO.
//!
//! # Layout
//!
//! - [`options`]: the command line, and the command by which a result is had again.
//! - [`peer`]: the servers that are measured.
//! - [`crowd`]: who is connected.
//! - [`frame`], [`packet`]: WebSocket frames, and the Socket.IO packets in them.
//! - [`ledger`]: what was sent and what arrived.
//! - [`swarm`]: all clients on one epoll.
//! - [`mod@drive`]: the pace at which messages go out, and the measured span.
//! - [`report`]: results, and the aims beside them.

mod crowd;
mod drive;
mod frame;
mod ledger;
mod options;
mod packet;
mod peer;
mod report;
mod swarm;

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

pub(crate) use options::Options;

use crate::limits;
use crate::peer::{Running, Setting, sally};
use crowd::Crowd;
use drive::{Turns, drive};
use ledger::Ledger;
use options::Mode;
use peer::Peer;
use report::{Load, Opening, Report};
use swarm::Swarm;

/// How long connecting all clients may take.
const OPEN_LIMIT: Duration = Duration::from_secs(120);

/// How long the last clients' connecting may keep a server busy; memory is looked at then.
const REST: Duration = Duration::from_secs(1);

/// Measures, and prints what was found.
///
/// # Errors
///
/// When a peer can't be started or doesn't behave, or a message was lost, came twice, late or to
/// whom it wasn't meant for.
pub(crate) fn run(options: &Options) -> Result<()> {
    if options.list_peers {
        options.peers.iter().for_each(|peer| println!("{peer}"));
        return Ok(());
    }
    limits::raise_open_files()?;
    if options.pin {
        limits::pin_to(1)?;
    }
    let setting = options.setting()?;
    let mut report = Report::new(options.peers.iter().map(|peer| (peer.to_string(), peer.version(&setting))).collect());
    let outcome = measure(options, &setting, &mut report);
    // A run of minutes that fails at the end has still found something.
    println!("{report}");
    if let Some(path) = &options.json {
        let json = serde_json::to_string_pretty(&report).context("the results are no JSON")?;
        fs::write(path, json + "\n").with_context(|| format!("cannot write {}", path.display()))?;
    }
    outcome?;
    let faults = report.faults();
    if !faults.is_empty() {
        bail!("messages went wrong, so the numbers don't count:\n{}", faults.join("\n"));
    }
    Ok(())
}

fn measure(options: &Options, setting: &Setting, report: &mut Report) -> Result<()> {
    for peer in &options.peers {
        // Modes with the same crowd are measured on the same connections.
        let (storing, others): (Vec<Mode>, Vec<Mode>) = options.modes.iter().partition(|mode| **mode == Mode::Store);
        for (modes, opens) in [(others, true), (storing, false)] {
            let Some(first) = modes.first() else { continue };
            if !opens && !peer.stores() {
                continue;
            }
            let crowd = options.crowd(*first);
            measure_crowd(options, setting, *peer, crowd, &modes, report)
                .with_context(|| format!("{peer} with {crowd}"))?;
        }
    }
    Ok(())
}

fn measure_crowd(
    options: &Options,
    setting: &Setting,
    peer: Peer,
    crowd: Crowd,
    modes: &[Mode],
    report: &mut Report,
) -> Result<()> {
    let running = peer.start(setting)?;
    let mut swarm = Swarm::new(running.address, tokens(crowd), Ledger::new(crowd)?)?;
    if modes.contains(&Mode::Store) {
        swarm.open(OPEN_LIMIT)?;
    } else {
        report.add_opening(open(options, peer, crowd, &running, &mut swarm)?);
    }
    let mut turns = Turns::new(crowd.turns(), &swarm);
    for mode in modes {
        let Some(rule) = options.rule(*mode) else { continue };
        let span = drive(&mut swarm, &mut turns, &running, rule, options.timing())?;
        let lost = span.faults.lost;
        report.add_load(Load::new(peer, *mode, crowd.to_string(), &span, options.command(peer, *mode)));
        if lost > 0 {
            // What may still come must not be taken for the next mode's.
            break;
        }
    }
    Ok(())
}

fn open(options: &Options, peer: Peer, crowd: Crowd, running: &Running, swarm: &mut Swarm) -> Result<Opening> {
    let (memory, cpu) = (running.memory_bytes()?, running.server_cpu()?);
    let took = swarm.open(OPEN_LIMIT)?;
    let cpu = running.server_cpu()?.saturating_sub(cpu);
    let rested = std::time::Instant::now() + REST;
    while std::time::Instant::now() < rested {
        swarm.turn(Duration::from_millis(20))?;
    }
    let grown = running.memory_bytes()?.saturating_sub(memory);
    Ok(Opening::new(peer, crowd.clients, took, cpu, grown, options.command(peer, Mode::Open)))
}

/// A token for each client; users are called after their number.
fn tokens(crowd: Crowd) -> Vec<String> {
    let token = |(client, person): (usize, crowd::Person)| {
        let role = if person.dispatches { "dispatcher" } else { "driver" };
        sally::token(&format!("u{client}"), role, &format!("t{}", person.tenant))
    };
    crowd.people().into_iter().enumerate().map(token).collect()
}
