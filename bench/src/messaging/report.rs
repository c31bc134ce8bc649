//! What messaging brought and cost, as tables with the aims beside them, and as JSON.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use super::drive::Span;
use super::ledger::Faults;
use super::options::Mode;
use super::peer::Peer;
use crate::machine::Machine;

/// Everything that a run has measured, in the order it was.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Report {
    machine: Machine,
    versions: Vec<(String, String)>,
    openings: Vec<Opening>,
    loads: Vec<Load>,
}

/// What connecting cost one peer.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Opening {
    peer: String,
    clients: u32,
    connects_per_second: f64,
    /// Per second of CPU time of the server's processes.
    connects_per_cpu_second: f64,
    /// Memory that a connected, idle client takes in the server's processes (PSS).
    bytes_per_client: f64,
    command: String,
}

impl Opening {
    /// `cpu` is what the server needed for it, `grown_bytes` what its memory grew by.
    pub(super) fn new(
        peer: Peer,
        clients: u32,
        took: Duration,
        cpu: Duration,
        grown_bytes: u64,
        command: String,
    ) -> Self {
        let count = f64::from(clients);
        Self {
            peer: peer.to_string(),
            clients,
            connects_per_second: count / took.as_secs_f64(),
            connects_per_cpu_second: count / cpu.as_secs_f64().max(0.01),
            bytes_per_client: grown_bytes as f64 / count,
            command,
        }
    }

    fn row(&self) -> String {
        let Self { peer, clients, connects_per_second, connects_per_cpu_second, bytes_per_client, .. } = self;
        let kib = bytes_per_client / 1024.0;
        format!("| {peer} | {clients} | {connects_per_second:.0} | {connects_per_cpu_second:.0} | {kib:.1} |")
    }
}

/// What a load brought and cost one peer.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Load {
    peer: String,
    mode: &'static str,
    crowd: String,
    messages_per_second: f64,
    deliveries_per_second: f64,
    deliveries_per_cpu_second: f64,
    /// Median, 99 % and 99.9 %, from sending to receiving, in milliseconds.
    received_ms: [f64; 3],
    /// The same from sending to the acknowledgement.
    acknowledged_ms: [f64; 3],
    server_cpus: f64,
    generator_cpus: f64,
    /// Whether the generator had to wait for the limit of sends per user.
    throttled: bool,
    faults: Faults,
    command: String,
}

impl Load {
    pub(super) fn new(peer: Peer, mode: Mode, crowd: String, span: &Span, command: String) -> Self {
        let seconds = span.length.as_secs_f64();
        let deliveries = span.deliveries.deliveries as f64;
        let quantiles = [0.5, 0.99, 0.999];
        Self {
            peer: peer.to_string(),
            mode: mode.name(),
            crowd,
            messages_per_second: span.acks.deliveries as f64 / seconds,
            deliveries_per_second: deliveries / seconds,
            // Nothing is cheaper than one step of the kernel's clock.
            deliveries_per_cpu_second: deliveries / span.server.as_secs_f64().max(0.01),
            received_ms: quantiles.map(|quantile| span.deliveries.latency_ms(quantile)),
            acknowledged_ms: quantiles.map(|quantile| span.acks.latency_ms(quantile)),
            server_cpus: span.server.as_secs_f64() / seconds,
            generator_cpus: span.generator.as_secs_f64() / seconds,
            throttled: span.throttled,
            faults: span.faults,
            command,
        }
    }

    fn row(&self) -> String {
        let [r50, r99, r999] = self.received_ms;
        let [a50, a99, a999] = self.acknowledged_ms;
        format!(
            "| {} | {:.0}{} | {:.0} | {:.0} | {r50:.2} / {r99:.2} / {r999:.2} | {a50:.2} / {a99:.2} / {a999:.2} | {:.2} | {:.2} | {} |",
            self.peer,
            self.messages_per_second,
            if self.throttled { " (limit)" } else { "" },
            self.deliveries_per_second,
            self.deliveries_per_cpu_second,
            self.server_cpus,
            self.generator_cpus,
            self.faults,
        )
    }
}

impl Report {
    /// The empty report of a run that begins now.
    pub(super) fn new(versions: Vec<(String, String)>) -> Self {
        Self { machine: Machine::now(), versions, openings: Vec::new(), loads: Vec::new() }
    }

    /// Adds what connecting cost, and says so.
    pub(super) fn add_opening(&mut self, opening: Opening) {
        eprintln!("{}\n{}", opening.command, opening.row());
        self.openings.push(opening);
    }

    /// Adds what a load brought, and says so.
    pub(super) fn add_load(&mut self, load: Load) {
        eprintln!("{}\n{}", load.command, load.row());
        self.loads.push(load);
    }

    /// What went wrong, each with the command that showed it; empty when nothing did.
    pub(super) fn faults(&self) -> Vec<String> {
        let bad = self.loads.iter().filter(|load| !load.faults.none());
        bad.map(|load| format!("{:?} in {}", load.faults, load.command)).collect()
    }

    /// Each aim with what came of it, of those that this run can tell.
    fn verdicts(&self) -> Vec<String> {
        let load = |peer: Peer, mode: Mode| {
            self.loads.iter().find(|load| load.peer == peer.to_string() && load.mode == mode.name())
        };
        let mut verdicts = Vec::new();
        let mut say = |aim: &str, value: String, met: bool| {
            verdicts.push(format!("| {aim} | {value} | {} |", if met { "met" } else { "**missed**" }));
        };
        for (mode, wanted) in [(Mode::Rate, 1.5), (Mode::Flood, 3.0)] {
            let (Some(sally), Some(node)) = (load(Peer::Sally, mode), load(Peer::SocketIo, mode)) else { continue };
            let name = mode.name();
            let ratio = sally.deliveries_per_cpu_second / node.deliveries_per_cpu_second;
            say(
                &format!("{name}: deliveries per CPU s ≥ {wanted} × socket-io"),
                format!("{ratio:.2}"),
                ratio >= wanted,
            );
            let ratio = sally.received_ms[1] / node.received_ms[1];
            say(&format!("{name}: p99 to receiving ≤ socket-io's"), format!("{ratio:.2}"), ratio <= 1.0);
        }
        if let Some(store) = load(Peer::Sally, Mode::Store) {
            let stored = store.messages_per_second;
            say("stored messages/s ≥ 5,000", format!("{stored:.0}"), stored >= 5_000.0);
        }
        if let Some(opening) = self.openings.iter().find(|opening| opening.peer == Peer::Sally.to_string()) {
            let kib = opening.bytes_per_client / 1024.0;
            say("KiB per idle WebSocket ≤ 19 (stretch: 12)", format!("{kib:.1}"), kib <= 19.0);
        }
        verdicts
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\n{}.\n", self.machine)?;
        for (peer, version) in &self.versions {
            writeln!(f, "- {peer}: {version}")?;
        }
        writeln!(f, "\n### Connecting\n\n| peer | clients | connects/s | per CPU s | KiB per idle WebSocket |")?;
        writeln!(f, "|---|--:|--:|--:|--:|")?;
        self.openings.iter().try_for_each(|opening| writeln!(f, "{}", opening.row()))?;
        for mode in [Mode::Rate, Mode::Flood, Mode::Store] {
            let mut loads = self.loads.iter().filter(|load| load.mode == mode.name()).peekable();
            let Some(first) = loads.peek() else { continue };
            writeln!(f, "\n### Mode {}, {}\n", mode.name(), first.crowd)?;
            writeln!(
                f,
                "| peer | messages/s | deliveries/s | per CPU s | received: p50 / p99 / p99.9 ms | \
                acknowledged: p50 / p99 / p99.9 ms | server CPUs | generator CPUs | lost, twice, late, astray, refused |"
            )?;
            writeln!(f, "|---|--:|--:|--:|--:|--:|--:|--:|--:|")?;
            loads.try_for_each(|load| writeln!(f, "{}", load.row()))?;
        }
        let verdicts = self.verdicts();
        if !verdicts.is_empty() {
            writeln!(f, "\n### Aims\n\n| aim | sally | |\n|---|--:|---|")?;
            verdicts.iter().try_for_each(|verdict| writeln!(f, "{verdict}"))?;
        }
        f.write_str("\nEach row again:\n\n")?;
        let commands = self.openings.iter().map(|opening| &opening.command);
        commands.chain(self.loads.iter().map(|load| &load.command)).try_for_each(|command| writeln!(f, "    {command}"))
    }
}
