//! What this process may use: open files, and processors.

use anyhow::{Context as _, Result};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{CpuSet, sched_setaffinity};

/// Enough for 20,000 streams in one process.
const OPEN_FILES: u64 = 32_768;

/// Raises the limit of open files, for this process and those it starts, as far as it is allowed.
///
/// # Errors
///
/// When not even the limit that stands can be used in full.
pub(crate) fn raise_open_files() -> Result<()> {
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= OPEN_FILES) {
        return Ok(());
    }
    let wanted = |maximum| Rlimit { current: Some(OPEN_FILES), maximum };
    let raised = match limit.maximum {
        Some(maximum) if maximum < OPEN_FILES => setrlimit(Resource::Nofile, wanted(Some(OPEN_FILES))),
        maximum => setrlimit(Resource::Nofile, wanted(maximum)),
    };
    // Only root may raise the upper limit; others use what there is.
    raised
        .or_else(|_| setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }))
        .context("cannot raise the limit of open files")
}

/// How many files this process and those it starts may have open each.
pub(crate) fn open_files() -> u64 {
    getrlimit(Resource::Nofile).current.unwrap_or(OPEN_FILES)
}

/// Keeps this process on the processor `core`.
///
/// # Errors
///
/// When there is no such processor.
pub(crate) fn pin_to(core: usize) -> Result<()> {
    let mut cores = CpuSet::new();
    cores.set(core);
    sched_setaffinity(None, &cores).with_context(|| format!("there is no processor {core} to be pinned to"))
}
