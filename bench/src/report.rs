//! Results, as tables for people and as JSON.

use std::fmt::{self, Write as _};
use std::time::Duration;

use serde::Serialize;

use crate::load::{Faults, Span};
use crate::options::Mode;
use crate::peer::Peer;

/// Everything that a run has measured, in the order it was.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Report {
    openings: Vec<Opening>,
    loads: Vec<Load>,
}

/// What opening streams cost.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Opening {
    peer: String,
    streams: u32,
    /// Streams that became live per second.
    connects_per_second: f64,
    /// Memory that an open, idle stream takes in the server's processes (PSS).
    bytes_per_stream: f64,
    command: String,
}

impl Opening {
    /// `before` and `after` are the server's memory in bytes.
    pub(crate) fn new(peer: Peer, streams: u32, took: Duration, before: u64, after: u64, command: String) -> Self {
        let streams_f = f64::from(streams);
        Self {
            peer: peer.to_string(),
            streams,
            connects_per_second: streams_f / took.as_secs_f64(),
            bytes_per_stream: after.saturating_sub(before) as f64 / streams_f,
            command,
        }
    }
}

/// What a load brought and cost.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Load {
    peer: String,
    mode: &'static str,
    streams: u32,
    events_per_second: f64,
    deliveries_per_second: f64,
    /// Per second of CPU time of the server's processes.
    deliveries_per_cpu_second: f64,
    /// Processors that the server kept busy.
    server_cpus: f64,
    /// Processors that the Redis beside it kept busy.
    redis_cpus: Option<f64>,
    /// Processors that the load generator kept busy; near 1 it is what was measured.
    generator_cpus: f64,
    p50_ms: f64,
    p99_ms: f64,
    p999_ms: f64,
    faults: Faults,
    command: String,
}

impl Load {
    pub(crate) fn new(peer: Peer, mode: Mode, streams: u32, span: &Span, faults: Faults, command: String) -> Self {
        let seconds = span.length.as_secs_f64();
        let deliveries: u64 = span.tallies.iter().map(|tally| tally.deliveries).sum();
        let latency = &span.tallies[0].latency;
        let ms = |quantile| latency.value_at_quantile(quantile) as f64 / 1e6;
        Self {
            peer: peer.to_string(),
            mode: mode.name(),
            streams,
            events_per_second: span.events as f64 / seconds,
            deliveries_per_second: deliveries as f64 / seconds,
            // Nothing is cheaper than one step of the kernel's clock.
            deliveries_per_cpu_second: deliveries as f64 / span.server.as_secs_f64().max(0.01),
            server_cpus: span.server.as_secs_f64() / seconds,
            redis_cpus: span.redis.map(|redis| redis.as_secs_f64() / seconds),
            generator_cpus: span.generator.as_secs_f64() / seconds,
            p50_ms: ms(0.5),
            p99_ms: ms(0.99),
            p999_ms: ms(0.999),
            faults,
            command,
        }
    }
}

impl Report {
    /// Adds what opening cost, and says so.
    pub(crate) fn add_opening(&mut self, opening: Opening) {
        eprintln!(
            "{} opened {} streams at {:.0}/s, {:.1} KiB each",
            opening.peer,
            opening.streams,
            opening.connects_per_second,
            opening.bytes_per_stream / 1024.0
        );
        self.openings.push(opening);
    }

    /// Adds what a load brought, and says so.
    pub(crate) fn add_load(&mut self, load: Load) {
        eprintln!(
            "{} {} {}: {:.0} deliveries/s, {:.0} per CPU second, p99 {:.2} ms",
            load.peer, load.mode, load.streams, load.deliveries_per_second, load.deliveries_per_cpu_second, load.p99_ms
        );
        self.loads.push(load);
    }

    /// Sentences on whatever was lost, came twice or late; empty when nothing did.
    pub(crate) fn faults(&self) -> Vec<String> {
        let faulty = self.loads.iter().filter(|load| !load.faults.none());
        faulty.map(|load| format!("{} {} {}: {:?}", load.peer, load.mode, load.streams, load.faults)).collect()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut sizes: Vec<u32> = self.openings.iter().map(|opening| opening.streams).collect();
        sizes.dedup();
        for streams in sizes {
            let openings = self.openings.iter().filter(|opening| opening.streams == streams);
            f.write_str(&opening_table(streams, openings))?;
            for mode in [Mode::Rate, Mode::Flood] {
                let loads: Vec<&Load> =
                    self.loads.iter().filter(|load| load.streams == streams && load.mode == mode.name()).collect();
                if !loads.is_empty() {
                    f.write_str(&load_table(mode, streams, &loads))?;
                }
            }
        }
        f.write_str("\nEach row again:\n\n")?;
        let commands = self.openings.iter().map(|opening| &opening.command);
        for command in commands.chain(self.loads.iter().map(|load| &load.command)) {
            writeln!(f, "    {command}")?;
        }
        Ok(())
    }
}

fn opening_table<'a>(streams: u32, openings: impl Iterator<Item = &'a Opening>) -> String {
    let mut table =
        format!("\n### Opening {streams} streams\n\n| peer | connects/s | KiB per idle stream |\n|---|--:|--:|\n");
    for opening in openings {
        let kib = opening.bytes_per_stream / 1024.0;
        // Writing to a string can't fail.
        let _ = writeln!(table, "| {} | {:.0} | {kib:.1} |", opening.peer, opening.connects_per_second);
    }
    table
}

/// Ratios are those of sally, with events coming in the same way where both were measured.
fn load_table(mode: Mode, streams: u32, loads: &[&Load]) -> String {
    let mut table = format!(
        "\n### {} with {streams} streams\n\n| peer | events/s | deliveries/s | per CPU s | sally ÷ peer | p50 ms | p99 ms | \
         sally ÷ peer | p99.9 ms | server CPUs | Redis CPUs | generator CPUs | lost, twice, late, resync |\n\
         |---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n",
        mode.name()
    );
    for load in loads {
        let sally = counterpart(load, loads);
        let ratio = |of: fn(&Load) -> f64| match sally {
            Some(sally) => format!("{:.2}", of(sally) / of(load)),
            None => "–".to_owned(),
        };
        let _ = writeln!(
            table,
            "| {} | {:.1} | {:.0} | {:.0} | {} | {:.2} | {:.2} | {} | {:.2} | {:.2} | {} | {:.2} | {}, {}, {}, {} |",
            load.peer,
            load.events_per_second,
            load.deliveries_per_second,
            load.deliveries_per_cpu_second,
            ratio(|load| load.deliveries_per_cpu_second),
            load.p50_ms,
            load.p99_ms,
            ratio(|load| load.p99_ms),
            load.p999_ms,
            load.server_cpus,
            load.redis_cpus.map_or("–".to_owned(), |cpus| format!("{cpus:.2}")),
            load.generator_cpus,
            load.faults.lost,
            load.faults.duplicated,
            load.faults.reordered,
            load.faults.resyncs,
        );
    }
    table
}

fn counterpart<'a>(load: &Load, loads: &[&'a Load]) -> Option<&'a Load> {
    let find = |name: &str| loads.iter().copied().find(|other| other.peer == name);
    match load.redis_cpus {
        Some(_) => find("sally-redis").or_else(|| find("sally")),
        None => find("sally").or_else(|| find("sally-redis")),
    }
}
