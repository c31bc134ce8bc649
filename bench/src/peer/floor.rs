//! The floor: this binary, started as `sally-bench floor`.

use std::env;
use std::process::Command;

use anyhow::{Context as _, Result};

use super::dialect::{self, Dialect, Seat};
use super::{Running, Setting, home};
use crate::process::Program;

/// How the floor writes frames that arrive together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Writes {
    /// Each by itself.
    Single,
    /// All at once.
    Merged,
}

/// Starts it on a free port.
pub(super) fn start(setting: &Setting, writes: Writes) -> Result<Running> {
    let mut command = Command::new(env::current_exe().context("this program can't be found")?);
    command.arg("floor");
    if writes == Writes::Merged {
        command.arg("--merge");
    }
    let mut program = Program::start(&mut command, setting.core)?;
    let address = program.said("listening on http://")?.parse().context("the floor's address can't be read")?;
    Ok(Running { address, dialect: Box::new(Floor), program, redis: None, _home: home()? })
}

struct Floor;

/// What the real server adds to an event, so that both write as many bytes: an id as long as its
/// cursors, and the fields that every event has.
const FRAME: &[u8] = b"id: 0123456789-0123456789abcdef-00000\nevent: eta_update\ndata: {\"type\":\"eta_update\",\
    \"eventId\":\"01234567-89ab-cdef-0123-456789abcdef\",\"tenantId\":\"t0\",\
    \"occurredAt\":\"2026-01-05T10:15:00.123456789Z\",";

impl Dialect for Floor {
    fn ready(&self) -> &'static [u8] {
        b"event: ready"
    }

    fn open(&self, seat: Seat, _: &str, _: &[u8], out: &mut Vec<u8>) {
        dialect::get(&format!("/{}", seat.tenant), "", b"", out);
    }

    fn publish(&self, tenant: usize, event: &[u8], out: &mut Vec<u8>) {
        // The type stands in the frame already.
        let rest = event.strip_prefix(br#"{"type":"eta_update","#).unwrap_or(event);
        dialect::post(&format!("/{tenant}"), "", &[FRAME, rest, b"\n\n"], out);
    }
}
