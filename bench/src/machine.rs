//! The machine that a run was on, and how busy it was with other things.

use std::fmt;
use std::fs;

use serde::Serialize;

/// What a result must be read with.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Machine {
    processor: String,
    processors: usize,
    kernel: String,
    /// Programs that wanted a processor, on average of the last minute before the run.
    load_before: f64,
}

impl Machine {
    /// This one, now. What can't be read is said to be unknown.
    pub(crate) fn now() -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let unknown = |text: &str| if text.is_empty() { "unknown".to_owned() } else { text.to_owned() };
        let cpuinfo = read("/proc/cpuinfo");
        let model = cpuinfo.lines().find(|line| line.starts_with("model name")).and_then(|line| line.split_once(": "));
        let load = read("/proc/loadavg");
        Self {
            processor: unknown(model.map_or("", |(_, model)| model)),
            processors: cpuinfo.lines().filter(|line| line.starts_with("processor")).count(),
            kernel: unknown(read("/proc/sys/kernel/osrelease").trim()),
            load_before: load.split(' ').next().and_then(|load| load.parse().ok()).unwrap_or_default(),
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { processor, processors, kernel, load_before } = self;
        write!(f, "{processors} processors ({processor}), Linux {kernel}, load {load_before:.2} before the run")?;
        // A quarter of the machine is enough to spoil latencies.
        if *load_before > *processors as f64 / 4.0 {
            f.write_str(". Other programs were busy: these numbers don't count")?;
        }
        Ok(())
    }
}
