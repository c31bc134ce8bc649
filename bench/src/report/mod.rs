//! Results, as tables for people and as JSON.
//!
//! # Layout
//!
//! - here: all results of a run.
//! - [`opening`], [`load`], [`recovery`], [`neighbour`]: one kind of result each.

mod load;
mod neighbour;
mod opening;
mod recovery;

use std::fmt;

use serde::Serialize;

pub(crate) use load::Load;
pub(crate) use neighbour::Neighbour;
pub(crate) use opening::Opening;
pub(crate) use recovery::{Measured, Recovery};

use crate::load::Faults;
use crate::machine::Machine;
use crate::options::Size;
use crate::peer::{Peer, Setting};

/// Everything that a run has measured, in the order it was.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Report {
    machine: Machine,
    /// Each peer that says which version it is, and what it says.
    versions: Vec<(String, String)>,
    openings: Vec<Opening>,
    loads: Vec<Load>,
    recoveries: Vec<Recovery>,
    neighbours: Vec<Neighbour>,
}

impl Report {
    /// The empty report of a run of `peers` that begins now.
    pub(crate) fn new(peers: &[Peer], setting: &Setting) -> Self {
        let versions = peers.iter().map(|peer| (peer.to_string(), peer.version(setting)));
        let versions = versions.filter(|(_, version)| !version.is_empty()).collect();
        let (openings, loads, recoveries, neighbours) = Default::default();
        Self { machine: Machine::now(), versions, openings, loads, recoveries, neighbours }
    }

    /// Adds what opening cost, and says so.
    pub(crate) fn add_opening(&mut self, opening: Opening) {
        eprintln!("{}\n{}", opening.command, opening.row());
        self.openings.push(opening);
    }

    /// Adds what a load brought, and says so.
    pub(crate) fn add_load(&mut self, load: Load) {
        eprintln!("{}\n{}", load.command, load.row(&[]));
        self.loads.push(load);
    }

    /// Adds how long a recovery took, and says so.
    pub(crate) fn add_recovery(&mut self, recovery: Recovery) {
        eprintln!("{}\n{}", recovery.command, recovery.row());
        self.recoveries.push(recovery);
    }

    /// Adds what a quiet tenant had to bear, and says so.
    pub(crate) fn add_neighbour(&mut self, neighbour: Neighbour) {
        eprintln!("{}\n{}", neighbour.command, neighbour.row());
        self.neighbours.push(neighbour);
    }

    /// What was lost, came twice or late, each with the command that showed it; empty when nothing did.
    pub(crate) fn faults(&self) -> Vec<String> {
        let loads = self.loads.iter().map(|load| (load.faults, &load.command));
        let recoveries = self.recoveries.iter().map(|recovery| (recovery.faults, &recovery.command));
        let neighbours = self.neighbours.iter().map(|neighbour| (neighbour.faults, &neighbour.command));
        let all = loads.chain(recoveries).chain(neighbours);
        all.filter(|(faults, _)| !faults.none()).map(|(faults, command)| format!("{faults:?} in {command}")).collect()
    }

    fn sizes(&self) -> Vec<Size> {
        let openings = self.openings.iter().map(|result| (result.streams, result.tenants));
        let recoveries = self.recoveries.iter().map(|result| (result.streams, result.tenants));
        let neighbours = self.neighbours.iter().map(|result| (result.streams, result.tenants));
        let mut sizes = Vec::new();
        for (streams, tenants) in openings.chain(recoveries).chain(neighbours) {
            let size = Size { streams, tenants };
            if !sizes.contains(&size) {
                sizes.push(size);
            }
        }
        sizes
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\n{}.\n", self.machine)?;
        for (peer, version) in &self.versions {
            writeln!(f, "- {peer}: {version}")?;
        }
        for size in self.sizes() {
            let of = |streams: u32, tenants: u32| size == Size { streams, tenants };
            let openings = self.openings.iter().filter(|result| of(result.streams, result.tenants));
            table(f, &format!("Opening {size}"), opening::HEAD, openings.map(Opening::row))?;
            for mode in ["rate", "flood"] {
                let loads: Vec<&Load> =
                    self.loads.iter().filter(|load| of(load.streams, load.tenants) && load.mode == mode).collect();
                let rows = loads.iter().map(|load| load.row(&loads));
                table(f, &format!("Mode {mode}, {size}"), load::HEAD, rows)?;
            }
            let recoveries = self.recoveries.iter().filter(|result| of(result.streams, result.tenants));
            table(f, &format!("Coming back, {size}"), recovery::HEAD, recoveries.map(Recovery::row))?;
            let neighbours = self.neighbours.iter().filter(|result| of(result.streams, result.tenants));
            table(f, &format!("A flooded neighbour, {size}"), neighbour::HEAD, neighbours.map(Neighbour::row))?;
        }
        f.write_str("\nEach row again:\n\n")?;
        let mut commands: Vec<&String> = self.openings.iter().map(|result| &result.command).collect();
        commands.extend(self.loads.iter().map(|result| &result.command));
        commands.extend(self.recoveries.iter().map(|result| &result.command));
        commands.extend(self.neighbours.iter().map(|result| &result.command));
        commands.iter().try_for_each(|command| writeln!(f, "    {command}"))
    }
}

/// A headline and a table; nothing at all without rows.
fn table(
    f: &mut fmt::Formatter<'_>,
    headline: &str,
    head: &str,
    mut rows: impl Iterator<Item = String>,
) -> fmt::Result {
    let Some(first) = rows.next() else { return Ok(()) };
    writeln!(f, "\n### {headline}\n\n{head}\n{first}")?;
    rows.try_for_each(|row| writeln!(f, "{row}"))
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}, {}, {}", self.lost, self.duplicated, self.reordered, self.resyncs)
    }
}
